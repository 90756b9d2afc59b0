//! The JSON value of a YAML text, by the core schema of YAML 1.2 with merge keys.
//!
//! Below an extension (`x-…`), which no tool but its own reads, what JSON cannot express becomes text.

use super::pointer;
use super::spans::{KeyKind, Member, SpanNode, Spans};
use saphyr_parser::Tag;
use serde_json::{Map, Number, Value};

/// What JSON cannot express, and its pointer.
pub(super) type NotJsonPlace = (String, String);

/// The value of a whole text; null for an empty one.
pub(super) fn build(spans: &Spans) -> Result<Value, NotJsonPlace> {
    let mut builder = ValueBuilder { spans, at: String::new() };
    spans.root().map_or(Ok(Value::Null), |root| builder.value(root, false))
}

struct ValueBuilder<'s> {
    spans: &'s Spans,
    /// Pointer of the value that is built.
    at: String,
}

impl ValueBuilder<'_> {
    fn value(&mut self, node: usize, in_extension: bool) -> Result<Value, NotJsonPlace> {
        let tag = self.spans.tag(node);
        if let Some(tag) = tag.filter(|tag| is_foreign(tag) && !in_extension) {
            return Err((format!("the tag `{tag}`"), self.at.clone()));
        }
        match self.spans.node(node) {
            SpanNode::Scalar(text, kind) => match scalar(text, *kind, tag) {
                Err(_) if in_extension => Ok(Value::from(text.as_str())),
                result => result.map_err(|what| (what, self.at.clone())),
            },
            SpanNode::Sequence(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, (item, _)) in items.iter().enumerate() {
                    list.push(self.within(&index.to_string(), *item, in_extension)?);
                }
                Ok(Value::Array(list))
            }
            SpanNode::Mapping(members) => self.mapping(members, in_extension).map(Value::Object),
        }
    }

    fn mapping(&mut self, members: &[Member], in_extension: bool) -> Result<Map<String, Value>, NotJsonPlace> {
        let mut map = Map::new();
        for member in members.iter().filter(|member| !member.is_merge()) {
            let is_text = member.kind != KeyKind::Compound && !(member.kind == KeyKind::Plain && is_null(&member.key));
            if !is_text && !in_extension {
                return Err(("a key that is not text".to_owned(), self.at.clone()));
            }
            let value = self.within(&member.key, member.node, in_extension || member.key.starts_with("x-"))?;
            map.insert(member.key.to_string(), value);
        }
        for merge in members.iter().filter(|member| member.is_merge()) {
            let merged: Vec<usize> = match self.spans.node(merge.node) {
                SpanNode::Sequence(items) => items.iter().map(|(node, _)| *node).collect(),
                _ => vec![merge.node],
            };
            for node in merged {
                let Value::Object(other) = self.value(node, in_extension)? else {
                    return Err(("the merge of something that is not a mapping".to_owned(), self.at.clone()));
                };
                // A member of the mapping itself, or of one that is merged before, stays.
                for (key, value) in other {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(map)
    }

    /// The value of a member or item.
    fn within(&mut self, key: &str, node: usize, in_extension: bool) -> Result<Value, NotJsonPlace> {
        let length = self.at.len();
        self.at.push('/');
        self.at.push_str(&pointer::escape(key));
        let value = self.value(node, in_extension)?;
        self.at.truncate(length);
        Ok(value)
    }
}

/// Whether a tag is none of YAML itself, so that its meaning is unknown.
fn is_foreign(tag: &Tag) -> bool {
    !tag.is_yaml_core_schema() && tag.to_string() != "!"
}

/// The value of a text; the error is what JSON cannot express.
fn scalar(text: &str, kind: KeyKind, tag: Option<&Tag>) -> Result<Value, String> {
    let wrong = |tag: &Tag| format!("`{text}` with the tag `!!{}`", tag.suffix);
    match tag.filter(|tag| tag.is_yaml_core_schema()) {
        Some(tag) => match tag.suffix.as_str() {
            "null" => Ok(Value::Null),
            "bool" => boolean(text).map(Value::Bool).ok_or_else(|| wrong(tag)),
            "int" | "float" => number(text).and_then(Result::ok).map(Value::Number).ok_or_else(|| wrong(tag)),
            _ => Ok(Value::from(text)),
        },
        None if kind != KeyKind::Plain => Ok(Value::from(text)),
        None if is_null(text) => Ok(Value::Null),
        None => match (boolean(text), number(text)) {
            (Some(flag), _) => Ok(Value::Bool(flag)),
            (None, Some(number)) => number.map(Value::Number).map_err(|()| format!("the number `{text}`")),
            (None, None) => Ok(Value::from(text)),
        },
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The number that a text is; an error if it is one that JSON cannot express. One beyond 64 bits is rounded, as parsers of
/// JSON do.
fn number(text: &str) -> Option<Result<Number, ()>> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(()));
    }
    if let Some((exact, rounded)) = of_base(digits) {
        let sign = if is_negative { "-" } else { "" };
        let exact = exact.and_then(|exact| whole(&format!("{sign}{exact}")));
        return Some(exact.or_else(|| Number::from_f64(if is_negative { -rounded } else { rounded })).ok_or(()));
    }
    if !is_decimal(digits) {
        return None;
    }
    // Many documents write texts such as phone numbers and times with a leading zero.
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let text = if is_negative { text } else { digits };
    Some(whole(text).or_else(|| text.parse().ok().and_then(Number::from_f64)).ok_or(()))
}

/// A number with a prefix for its base: exact, if it fits, and rounded.
fn of_base(text: &str) -> Option<(Option<u64>, f64)> {
    let bases = [("0x", 16), ("0o", 8), ("0b", 2)];
    let (digits, base) = bases.into_iter().find_map(|(prefix, base)| Some((text.strip_prefix(prefix)?, base)))?;
    let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(base)).collect::<Option<_>>()?;
    let rounded = digits.iter().fold(0.0, |sum, digit| sum * f64::from(base) + f64::from(*digit));
    let add = |sum: u64, digit: &u32| sum.checked_mul(base.into())?.checked_add((*digit).into());
    (!digits.is_empty()).then(|| (digits.iter().try_fold(0, add), rounded))
}

/// A value of JSON whose parser takes `-0` for a fraction, although it is a whole number.
pub(super) fn with_plain_zeros(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()) => 0.into(),
        Value::Array(items) => items.into_iter().map(with_plain_zeros).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, with_plain_zeros(value))).collect(),
        other => other,
    }
}

/// A whole number of at most 64 bits.
fn whole(text: &str) -> Option<Number> {
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// Whether a text without its sign is `1`, `1.5`, `.5`, `1.` or one of these with an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa = are_digits(whole) && are_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    is_mantissa && exponent.is_none_or(|exponent| !exponent.is_empty() && are_digits(exponent))
}
