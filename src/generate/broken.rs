//! Values that violate one constraint each.

use super::candidate::{Candidate, sampled};
use super::characters::{SPECIAL_CHARACTERS, name};
use super::constraint::{Constraint, ConstraintSide};
use super::node::{Additional, JsonType, Node};
use super::pattern::ParsedPattern;
use super::valid::{
    EXTRA, MAX_SIZE, characters, counted, entries, extra, format_texts, number, object, of_bound, of_items,
    of_properties, others, pad, simplest, text, texts,
};
use serde_json::{Map, Number, Value, json};
use std::collections::HashSet;

fn outside(value: Value, constraint: Constraint, label: impl Into<String>) -> Candidate {
    Candidate::new(value, constraint, ConstraintSide::Outside, label)
}

/// Values of every JSON type, with descriptions.
pub(super) fn values_of_every_type() -> [(JsonType, &'static str, Value); 12] {
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

/// Candidates that violate one constraint each, to be checked by the validator.
pub(super) fn broken(node: &Node, room: usize) -> Vec<Candidate> {
    sampled(candidates(node, room), 0, room)
}

fn candidates(node: &Node, room: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    if !node.branches.is_empty() {
        for branch in &node.branches {
            found = sampled(found.into_iter().chain(broken(branch, room)).collect(), 0, room);
        }
        let values =
            values_of_every_type().into_iter().map(|(_, label, value)| (value, format!("that is {label} (oneOf)")));
        found.extend(values.map(|(value, label)| outside(value, Constraint::Alternatives, label)));
        let both: Option<Map<String, Value>> =
            node.branches.iter().map(object).collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect());
        found.extend(
            both.map(|both| {
                outside(both.into(), Constraint::Alternatives, "that matches several alternatives (oneOf)")
            }),
        );
        return found;
    }
    if node.typed {
        let expected: Vec<&str> =
            node.kinds.iter().filter(|kind| **kind != JsonType::Null).map(|kind| kind.name()).collect();
        let expected = expected.join(" or ");
        for (kind, label, value) in values_of_every_type() {
            let is_allowed = node.has(kind) || kind == JsonType::Integer && node.has(JsonType::Number);
            if !is_allowed {
                found.push(outside(value, Constraint::Type, format!("that is {label} (type {expected})")));
            }
        }
        if !node.has(JsonType::Null) {
            found.push(outside(Value::Null, Constraint::Nullable, "that is null"));
        }
    }
    if let Some(values) = &node.enumeration {
        found.extend(beside(node, values));
        return found;
    }
    for kind in &node.kinds {
        match kind {
            JsonType::String => found.extend(strings(node)),
            JsonType::Integer => found.extend(integers(node)),
            JsonType::Number => found.extend(numbers(node)),
            JsonType::Array => found.extend(arrays(node, room)),
            JsonType::Object => found.extend(objects(node, room)),
            JsonType::Boolean | JsonType::Null => {}
        }
    }
    found
}

/// The maximum number of values of an enumeration in a label.
const MAX_LISTED: usize = 20;

/// Values of the correct type that an enumeration does not list.
fn beside(node: &Node, values: &[Value]) -> Vec<Candidate> {
    let mut listed: Vec<String> = values.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    if values.len() > MAX_LISTED {
        listed.push(format!("and {} more", values.len() - MAX_LISTED));
    }
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
            .filter_map(|kind| values_of_every_type().into_iter().find(|(of, ..)| of == kind))
            .map(|(.., value)| value),
    );
    let mut seen: HashSet<&Value> = values.iter().collect();
    let near = near.iter().filter(|value| seen.insert(value));
    near.map(|value| outside(value.clone(), Constraint::Enum, format!("of {value} (enum {listed})"))).collect()
}

fn strings(node: &Node) -> Vec<Candidate> {
    let mut found = Vec::new();
    let (min, max) = node.lengths();
    if node.min_length > 0 {
        for length in [node.min_length - 1, 0] {
            let label = if length == 0 { "that is empty".into() } else { format!("of {}", characters(length)) };
            let label = format!("{label} (minLength {})", node.min_length);
            found.extend(text(node, length).map(|text| outside(text.into(), Constraint::MinLength, label)));
        }
    }
    if let Some(max) = node.max_length {
        for length in [max.saturating_add(1), max.saturating_mul(4).saturating_add(1), 2_000] {
            if length > max {
                let label = format!("of {} (maxLength {max})", characters(length));
                found.extend(text(node, length).map(|text| outside(text.into(), Constraint::MaxLength, label)));
            }
        }
    }
    if node.pattern.is_some() {
        let plain = text(node, super::valid::some_length(min, max)).or_else(|| texts(node).into_iter().next());
        found.extend(plain.iter().flat_map(|plain| with_special_characters(plain)));
        if let Some(ParsedPattern::Class { min, max, .. }) = &node.pattern {
            let lengths = [min.checked_sub(1), max.and_then(|max| max.checked_add(1))].into_iter().flatten();
            let wrong = lengths.filter_map(|length| Some((length, text(node, length)?)));
            found.extend(wrong.map(|(length, text)| {
                outside(text.into(), Constraint::Pattern, format!("of {} (pattern)", characters(length)))
            }));
        }
    }
    if let Some(format) = node.format.as_deref().filter(|format| !format_texts(format).is_empty()) {
        let wrong = WRONG_FORMATS.iter().map(|text| (*text).to_owned());
        let mutilated =
            format_texts(format).iter().flat_map(|text| [format!("{text}\n"), format!(" {text}"), format!("{text}x")]);
        found.extend(wrong.chain(mutilated).map(|text| {
            let label = format!("of {text:?} (format {format})");
            outside(text.into(), Constraint::Format, label)
        }));
    }
    found
}

/// Texts of at most one format; the validator shows which formats they violate.
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

/// Copies of a text with one character replaced by one that the pattern may forbid.
fn with_special_characters(plain: &str) -> Vec<Candidate> {
    let chars: Vec<char> = plain.chars().collect();
    let middle = chars.len() / 2;
    let mut found = Vec::new();
    for special in SPECIAL_CHARACTERS {
        let mut with = chars.clone();
        if let Some(character) = with.get_mut(middle) {
            *character = *special;
        }
        let value: String = with.iter().collect();
        found.push(outside(value.into(), Constraint::Pattern, format!("with {} (pattern)", name(*special))));
        if special.is_whitespace() || special.is_control() {
            for (at, label) in [(chars.len().saturating_sub(1), "at its end"), (0, "at its beginning")] {
                let mut with = chars.clone();
                if let Some(character) = with.get_mut(at).filter(|_| chars.len() > 1) {
                    *character = *special;
                    let label = format!("with {} {label} (pattern)", name(*special));
                    found.push(outside(with.into_iter().collect::<String>().into(), Constraint::Pattern, label));
                }
            }
        }
    }
    found
}

fn integers(node: &Node) -> Vec<Candidate> {
    let (min, max) = node.integers();
    let mut found = Vec::new();
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
            // The next multiple outwards, so that only the limit is violated.
            let value = sign * (sign * value + (-sign * value).rem_euclid(factor));
            if i64::try_from(value).is_ok() || u64::try_from(value).is_ok() {
                found.push(outside(number(value), constraint, format!("of {value} ({shown})")));
            }
        }
    };
    beyond(node.minimum, Constraint::Minimum, min, -1);
    beyond(node.maximum, Constraint::Maximum, max, 1);
    if let Some(factor) = node.multiple_of.filter(|factor| *factor > 1.0) {
        let around = (-3..=3).map(|step| min.unwrap_or(0).max(0) + step).chain([max.unwrap_or(1) - 1]);
        found.extend(
            around.map(|value| {
                outside(number(value), Constraint::MultipleOf, format!("of {value} (multipleOf {factor})"))
            }),
        );
    }
    found
}

fn numbers(node: &Node) -> Vec<Candidate> {
    let mut found = Vec::new();
    let step = node.multiple_of.unwrap_or(0.5);
    let mut push = |value: f64, constraint: Constraint, limit: f64| {
        let value = Number::from_f64(value).map(Value::Number);
        found.extend(value.map(|value| {
            let label = format!("of {value} ({constraint} {limit})");
            outside(value, constraint, label)
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
    found
}

fn arrays(node: &Node, room: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    if let Some(fewer) = node.min_items.checked_sub(1) {
        let label = format!("of {} (minItems {})", counted(fewer), node.min_items);
        found.extend(entries(node, fewer).map(|list| outside(list.into(), Constraint::MinItems, label)));
    }
    if let Some(max) = node.max_items {
        let more = max.saturating_add(1);
        let label = format!("of {} (maxItems {max})", counted(more));
        found.extend(entries(node, more).map(|list| outside(list.into(), Constraint::MaxItems, label)));
    }
    let one = node.items.as_deref().map_or(Some(json!("a")), simplest);
    if let Some(one) = one.filter(|_| node.unique) {
        let mut list = vec![one.clone(), one];
        list.extend(entries(node, node.min_items).unwrap_or_default().into_iter().skip(2));
        found.push(outside(list.into(), Constraint::UniqueItems, "with an entry twice (uniqueItems)"));
    }
    for candidate in of_items(node, room, broken) {
        let rest = others(node, &candidate.value);
        found.push(candidate.within("*", |value| Value::Array(std::iter::once(value).chain(rest).collect())));
    }
    found
}

fn objects(node: &Node, room: usize) -> Vec<Candidate> {
    let Some(base) = object(node) else { return Vec::new() };
    let mut found = Vec::new();
    for required in &node.required {
        let mut without = base.clone();
        without.remove(required);
        let mut candidate = outside(without.into(), Constraint::Required, "that is missing (required)");
        candidate.place = format!("/{}", crate::document::pointer::escape(required));
        found.push(candidate);
    }
    let put = |name: &str, value: Value| {
        let mut object = base.clone();
        object.insert(name.to_owned(), value);
        Value::Object(object)
    };
    if matches!(node.additional, Additional::Forbidden) {
        let label = "with an undocumented property (additionalProperties)";
        found.push(outside(put(EXTRA, json!("a")), Constraint::AdditionalProperties, label));
    }
    if let Some(fewer) = node.min_properties.checked_sub(1) {
        let few: Map<String, Value> = base.clone().into_iter().take(fewer).collect();
        let label = format!("of {} properties (minProperties {})", few.len(), node.min_properties);
        found.push(outside(few.into(), Constraint::MinProperties, label));
    }
    if let Some(max) = node.max_properties.filter(|max| *max < MAX_SIZE) {
        let mut many = base.clone();
        for (name, property) in &node.properties {
            if let Some(value) = simplest(property).filter(|_| many.len() <= max) {
                many.entry(name.clone()).or_insert(value);
            }
        }
        if let Some(value) = extra(node) {
            let missing = (max + 1).saturating_sub(many.len());
            pad(&mut many, missing, &value);
        }
        let label = format!("of {} properties (maxProperties {max})", many.len());
        found.push(outside(many.into(), Constraint::MaxProperties, label));
    }
    found.extend(of_properties(node, &base, room, broken));
    found
}
