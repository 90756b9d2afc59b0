//! Values that break one constraint each.

use super::characters::{TRIED, name};
use super::constraint::{Constraint, Side};
use super::node::{Additional, JsonType, Node};
use super::pattern::ParsedPattern;
use super::valid::{
    Candidate, EXTRA, MAX_SIZE, characters, counted, entries, extra, format_texts, number, object, of_bound, others,
    pad, simplest, text, texts,
};
use serde_json::{Map, Number, Value, json};

fn outside(value: Value, constraint: Constraint, words: impl Into<String>) -> Candidate {
    Candidate::new(value, constraint, Side::Outside, words)
}

/// A value of each JSON type, with its name.
pub(super) fn of_every_kind() -> [(JsonType, &'static str, Value); 12] {
    [
        (JsonType::String, "a string", json!("a")),
        (JsonType::String, "an empty string", json!("")),
        (JsonType::String, "a string of digits", json!("1")),
        (JsonType::String, "a string of zero", json!("0")),
        (JsonType::Integer, "a number", json!(1)),
        (JsonType::Number, "a fraction", json!(1.5)),
        (JsonType::Boolean, "true", json!(true)),
        (JsonType::Boolean, "false", json!(false)),
        (JsonType::Array, "a list", json!(["a"])),
        (JsonType::Array, "an empty list", json!([])),
        (JsonType::Object, "an object", json!({ "a": 1 })),
        (JsonType::Object, "an empty object", json!({})),
    ]
}

/// Candidates that break one constraint each. They are to be held against the validator.
pub(super) fn broken(node: &Node) -> Vec<Candidate> {
    let mut made = Vec::new();
    if !node.branches.is_empty() {
        made.extend(node.branches.iter().flat_map(broken));
        let values = of_every_kind().into_iter().map(|(_, words, value)| (value, format!("that is {words} (oneOf)")));
        made.extend(values.map(|(value, words)| outside(value, Constraint::Alternatives, words)));
        let both: Option<Map<String, Value>> =
            node.branches.iter().map(object).collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect());
        made.extend(
            both.map(|both| outside(both.into(), Constraint::Alternatives, "like several alternatives (oneOf)")),
        );
        return made;
    }
    if node.typed {
        let expected: Vec<&str> =
            node.kinds.iter().filter(|kind| **kind != JsonType::Null).map(|kind| kind.name()).collect();
        let expected = expected.join(" or ");
        for (kind, words, value) in of_every_kind() {
            let is_allowed = node.has(kind) || kind == JsonType::Integer && node.has(JsonType::Number);
            if !is_allowed {
                made.push(outside(value, Constraint::Type, format!("that is {words} (type {expected})")));
            }
        }
        if !node.has(JsonType::Null) {
            made.push(outside(Value::Null, Constraint::Nullable, "that is null"));
        }
    }
    if let Some(values) = &node.enumeration {
        made.extend(beside(node, values));
        return made;
    }
    for kind in &node.kinds {
        match kind {
            JsonType::String => made.extend(strings(node)),
            JsonType::Integer => made.extend(whole(node)),
            JsonType::Number => made.extend(fractions(node)),
            JsonType::Array => made.extend(arrays(node)),
            JsonType::Object => made.extend(objects(node)),
            JsonType::Boolean | JsonType::Null => {}
        }
    }
    made
}

/// Values of the right type that an enumeration does not list.
fn beside(node: &Node, values: &[Value]) -> Vec<Candidate> {
    let listed: Vec<String> = values.iter().map(ToString::to_string).collect();
    let listed = listed.join(", ");
    let mut near: Vec<Value> = Vec::new();
    for value in values {
        match value {
            Value::String(text) => {
                near.extend(
                    [text.to_uppercase(), format!("{text} "), format!("{text}x"), String::new()].map(Value::from),
                );
            }
            Value::Number(given) => {
                let given = given.as_i64().unwrap_or_default();
                let far = [1, -1, 2, 32_767, 32_768, 65_536, 2_147_483_648, 9_007_199_254_740_993]
                    .map(|step| given.saturating_add(step));
                near.extend(far.map(Value::from));
            }
            _ => {}
        }
    }
    near.extend(
        node.kinds
            .iter()
            .filter_map(|kind| of_every_kind().into_iter().find(|(of, ..)| of == kind))
            .map(|(.., value)| value),
    );
    near.retain(|value| !values.contains(value));
    let mut made: Vec<Candidate> = Vec::new();
    for value in near {
        let words = format!("of {value} (enum {listed})");
        if !made.iter().any(|local| local.value == value) {
            made.push(outside(value, Constraint::Enum, words));
        }
    }
    made
}

fn strings(node: &Node) -> Vec<Candidate> {
    let mut made = Vec::new();
    let (least, most) = node.lengths();
    if node.min_length > 0 {
        for length in [node.min_length - 1, 0] {
            let words = if length == 0 { "that is empty".into() } else { format!("of {}", characters(length)) };
            let words = format!("{words} (minLength {})", node.min_length);
            made.extend(text(node, length).map(|text| outside(text.into(), Constraint::MinLength, words)));
        }
    }
    if let Some(most) = node.max_length {
        for length in [most + 1, most * 4 + 1, 2_000] {
            if length > most {
                let words = format!("of {} (maxLength {most})", characters(length));
                made.extend(text(node, length).map(|text| outside(text.into(), Constraint::MaxLength, words)));
            }
        }
    }
    if node.pattern.is_some() {
        let plain = text(node, 3.clamp(least.max(1), most.unwrap_or(MAX_SIZE).max(1)))
            .or_else(|| texts(node).into_iter().next());
        made.extend(plain.iter().flat_map(|plain| intruders(plain)));
        if let Some(ParsedPattern::Class { least, most, .. }) = &node.pattern {
            let lengths = [least.checked_sub(1), most.map(|most| most + 1)].into_iter().flatten();
            let wrong = lengths.filter_map(|length| Some((length, text(node, length)?)));
            made.extend(wrong.map(|(length, text)| {
                outside(text.into(), Constraint::Pattern, format!("of {} (pattern)", characters(length)))
            }));
        }
    }
    if let Some(format) = node.format.as_deref().filter(|format| !format_texts(format).is_empty()) {
        let wrong = WRONG_FORMATS.iter().map(|text| (*text).to_owned());
        let mutilated =
            format_texts(format).iter().flat_map(|text| [format!("{text}\n"), format!(" {text}"), format!("{text}x")]);
        made.extend(wrong.chain(mutilated).map(|text| {
            let words = format!("of {text:?} (format {format})");
            outside(text.into(), Constraint::Format, words)
        }));
    }
    made
}

/// Texts that are of no format, or of one only: the validator says which they are not.
const WRONG_FORMATS: [&str; 12] = [
    "a b",
    "",
    "2025-02-30",
    "2025-02-30T00:00:00Z",
    "2025-01-31 23:59:59Z",
    "2025-01-31T23:59:59",
    "2025-01-31T24:00:00Z",
    "31.01.2025",
    "a@",
    "256.0.0.1",
    ":::",
    "-a.example",
];

/// A text with one character more, or another one, that may be outside of its pattern.
fn intruders(plain: &str) -> Vec<Candidate> {
    let letters: Vec<char> = plain.chars().collect();
    let middle = letters.len() / 2;
    let mut made = Vec::new();
    for intruder in TRIED {
        let mut with = letters.clone();
        if let Some(letter) = with.get_mut(middle) {
            *letter = *intruder;
        }
        let value: String = with.iter().collect();
        made.push(outside(value.into(), Constraint::Pattern, format!("with {} (pattern)", name(*intruder))));
        if intruder.is_whitespace() || intruder.is_control() {
            for (at, words) in [(letters.len().saturating_sub(1), "at its end"), (0, "at its beginning")] {
                let mut with = letters.clone();
                if let Some(letter) = with.get_mut(at).filter(|_| letters.len() > 1) {
                    *letter = *intruder;
                    let words = format!("with {} {words} (pattern)", name(*intruder));
                    made.push(outside(with.into_iter().collect::<String>().into(), Constraint::Pattern, words));
                }
            }
        }
    }
    made
}

fn whole(node: &Node) -> Vec<Candidate> {
    let (least, greatest) = node.integers();
    let mut made = Vec::new();
    let mut beyond = |bound: Option<super::node::Bound>, plain: Constraint, limit: Option<i128>, sign: i128| {
        let (Some(bound), Some(limit)) = (bound, limit) else { return };
        let constraint = of_bound(bound, plain);
        let shown = match &node.format {
            Some(format) if bound.by_format => format!("format {format}"),
            _ => format!("{constraint} {limit}"),
        };
        let factor = node.factor();
        for step in [1, 2, 1_000, 1 << 16, 1 << 31, 1 << 32, 1 << 53, i128::from(i64::MAX)] {
            let value = limit + sign * step;
            // The next multiple outwards, so that nothing but the limit is broken.
            let value = sign * (sign * value + (-sign * value).rem_euclid(factor));
            if i64::try_from(value).is_ok() || u64::try_from(value).is_ok() {
                made.push(outside(number(value), constraint, format!("of {value} ({shown})")));
            }
        }
    };
    beyond(node.minimum, Constraint::Minimum, least, -1);
    beyond(node.maximum, Constraint::Maximum, greatest, 1);
    if let Some(factor) = node.multiple_of.filter(|factor| *factor > 1.0) {
        let around = (-3..=3).map(|step| least.unwrap_or(0).max(0) + step).chain([greatest.unwrap_or(1) - 1]);
        made.extend(
            around.map(|value| {
                outside(number(value), Constraint::MultipleOf, format!("of {value} (multipleOf {factor})"))
            }),
        );
    }
    made
}

fn fractions(node: &Node) -> Vec<Candidate> {
    let mut made = Vec::new();
    let step = node.multiple_of.unwrap_or(0.5);
    let mut push = |value: f64, constraint: Constraint, limit: f64| {
        let value = Number::from_f64(value).map(Value::Number);
        made.extend(value.map(|value| {
            let words = format!("of {value} ({constraint} {limit})");
            outside(value, constraint, words)
        }));
    };
    for (bound, constraint, sign) in
        [(node.minimum, Constraint::Minimum, -1.0), (node.maximum, Constraint::Maximum, 1.0)]
    {
        let Some(bound) = bound else { continue };
        if bound.exclusive {
            push(bound.value, constraint, bound.value);
        }
        push(bound.value + sign * step, constraint, bound.value);
        push(bound.value + sign * (bound.value.abs() * 1e-9).max(1e-9), constraint, bound.value);
        push(sign * 1e300, constraint, bound.value);
    }
    if let Some(factor) = node.multiple_of {
        let near = super::valid::numbers(node).into_iter().filter_map(|value| value.as_f64());
        for value in near {
            push(value + factor / 2.0, Constraint::MultipleOf, factor);
            push(value - factor / 2.0, Constraint::MultipleOf, factor);
        }
    }
    made
}

fn arrays(node: &Node) -> Vec<Candidate> {
    let mut made = Vec::new();
    if let Some(fewer) = node.min_items.checked_sub(1) {
        let words = format!("of {} (minItems {})", counted(fewer), node.min_items);
        made.extend(entries(node, fewer).map(|list| outside(list.into(), Constraint::MinItems, words)));
    }
    if let Some(most) = node.max_items {
        let words = format!("of {} (maxItems {most})", counted(most + 1));
        made.extend(entries(node, most + 1).map(|list| outside(list.into(), Constraint::MaxItems, words)));
    }
    let one = node.items.as_deref().map_or(Some(json!("a")), simplest);
    if let Some(one) = one.filter(|_| node.unique) {
        let mut list = vec![one.clone(), one];
        list.extend(entries(node, node.min_items).unwrap_or_default().into_iter().skip(2));
        made.push(outside(list.into(), Constraint::UniqueItems, "with an entry twice (uniqueItems)"));
    }
    for local in node.items.iter().flat_map(|items| broken(items)) {
        let rest = others(node, &local.value);
        made.push(local.within("*", |value| Value::Array(std::iter::once(value).chain(rest).collect())));
    }
    made
}

fn objects(node: &Node) -> Vec<Candidate> {
    let Some(base) = object(node) else { return Vec::new() };
    let mut made = Vec::new();
    for required in &node.required {
        let mut without = base.clone();
        without.remove(required);
        let mut local = outside(without.into(), Constraint::Required, "that is left out (required)");
        local.place = format!("/{}", crate::document::pointer::escape(required));
        made.push(local);
    }
    let put = |name: &str, value: Value| {
        let mut object = base.clone();
        object.insert(name.to_owned(), value);
        Value::Object(object)
    };
    if matches!(node.additional, Additional::Forbidden) {
        let words = "with a property that is not named (additionalProperties)";
        made.push(outside(put(EXTRA, json!("a")), Constraint::AdditionalProperties, words));
    }
    if let Some(fewer) = node.min_properties.checked_sub(1) {
        let few: Map<String, Value> = base.clone().into_iter().take(fewer).collect();
        let words = format!("of {} properties (minProperties {})", few.len(), node.min_properties);
        made.push(outside(few.into(), Constraint::MinProperties, words));
    }
    if let Some(most) = node.max_properties.filter(|most| *most < MAX_SIZE) {
        let mut many = base.clone();
        for (name, property) in &node.properties {
            if let Some(value) = simplest(property).filter(|_| many.len() <= most) {
                many.entry(name.clone()).or_insert(value);
            }
        }
        if let Some(value) = extra(node) {
            let missing = (most + 1).saturating_sub(many.len());
            pad(&mut many, missing, &value);
        }
        let words = format!("of {} properties (maxProperties {most})", many.len());
        made.push(outside(many.into(), Constraint::MaxProperties, words));
    }
    for (name, property) in &node.properties {
        made.extend(broken(property).into_iter().map(|local| local.within(name, |value| put(name, value))));
    }
    if let Additional::Like(like) = &node.additional {
        made.extend(broken(like).into_iter().map(|local| local.within(EXTRA, |value| put(EXTRA, value))));
    }
    made
}
