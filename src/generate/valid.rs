//! Valid values, at each limit and just inside it.

use super::candidate::{Candidate, MAX_VALUE, inner, sampled, size};
use super::constraint::{Constraint, ConstraintSide};
use super::node::{Additional, JsonType, Node};
use super::pattern::ParsedPattern;
use serde_json::{Map, Number, Value, json};

/// The name of an undocumented property.
pub(super) const EXTRA: &str = "x-qonform";

/// The maximum length of a list or text that is generated to reach a limit.
pub(super) const MAX_SIZE: usize = 5_000;

fn inside(value: impl Into<Value>, constraint: Constraint, label: impl Into<String>) -> Candidate {
    Candidate::new(value.into(), constraint, ConstraintSide::Inside, label)
}

/// The simplest value; `None` when none can be generated.
pub(super) fn simplest(node: &Node) -> Option<Value> {
    if let Some(branch) = node.branches.first() {
        return simplest(branch);
    }
    if let Some(values) = &node.enumeration {
        return values.iter().find(|value| !value.is_null()).or(values.first()).cloned();
    }
    match simplest_type(node)? {
        JsonType::Null => Some(Value::Null),
        JsonType::Boolean => Some(json!(true)),
        JsonType::String => {
            let (min, max) = node.lengths();
            text(node, min.max(max.unwrap_or(1).min(1))).or_else(|| texts(node).into_iter().next()).map(Value::from)
        }
        JsonType::Integer => integers(node).first().map(|value| number(*value)),
        JsonType::Number => numbers(node).first().cloned(),
        JsonType::Array => entries(node, node.min_items).map(Value::Array),
        JsonType::Object => object(node).map(Value::Object),
    }
}

/// The type that the other keywords imply, if the schema has none.
fn simplest_type(node: &Node) -> Option<JsonType> {
    let implied = if !node.properties.is_empty() || !node.required.is_empty() {
        JsonType::Object
    } else if node.items.is_some() {
        JsonType::Array
    } else if node.minimum.is_some() || node.maximum.is_some() {
        JsonType::Integer
    } else {
        JsonType::String
    };
    let implied = Some(implied).filter(|kind| !node.typed && node.has(*kind));
    implied.or_else(|| node.kinds.iter().copied().find(|kind| *kind != JsonType::Null)).or(node.kinds.first().copied())
}

/// Valid candidates, each with the constraint that it tests.
pub(super) fn valid(node: &Node, room: usize) -> Vec<Candidate> {
    sampled(candidates(node, room), 0, room)
}

fn candidates(node: &Node, room: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    if !node.branches.is_empty() {
        for (index, branch) in node.branches.iter().enumerate() {
            let label = format!("that matches alternative {}", index + 1);
            found.extend(simplest(branch).map(|value| inside(value, Constraint::Alternatives, label)));
            found = sampled(found.into_iter().chain(valid(branch, room)).collect(), 0, room);
        }
        return found;
    }
    if node.typed {
        found.extend(simplest(node).map(|value| inside(value, Constraint::Type, "of its type")));
        if node.has(JsonType::Null) {
            found.push(inside(Value::Null, Constraint::Nullable, "that is null (nullable)"));
        }
    }
    if let Some(values) = &node.enumeration {
        let listed = values.iter().map(|value| inside(value.clone(), Constraint::Enum, format!("of {value} (enum)")));
        found.extend(listed);
        return found;
    }
    for kind in &node.kinds {
        match kind {
            JsonType::String => found.extend(strings(node)),
            JsonType::Integer => found.extend(integer_candidates(node)),
            JsonType::Number => found.extend(number_candidates(node)),
            JsonType::Array => found.extend(arrays(node, room)),
            JsonType::Object => found.extend(objects(node, room)),
            JsonType::Boolean if node.typed => {
                found.push(inside(json!(false), Constraint::Type, "that is false"));
            }
            JsonType::Boolean | JsonType::Null => {}
        }
    }
    found
}

/// A length of about 3 within limits, at least 1; the minimum if the limits exclude each other.
pub(super) fn some_length(min: usize, max: Option<usize>) -> usize {
    3.min(max.unwrap_or(MAX_SIZE)).max(min).max(1)
}

fn strings(node: &Node) -> Vec<Candidate> {
    let mut found = Vec::new();
    let (min, max) = node.lengths();
    let mut lengths = vec![min, min.saturating_add(1)];
    lengths.extend(max.into_iter().flat_map(|max| [max.saturating_sub(1), max]));
    for length in lengths {
        let Some(value) = text(node, length) else { continue };
        let label = format!("of {}", characters(length));
        if max.is_some_and(|max| length.saturating_add(1) >= max) {
            let label = format!("{label} (maxLength {})", max.unwrap_or_default());
            found.push(inside(value, Constraint::MaxLength, label));
        } else if min > 0 {
            found.push(inside(value, Constraint::MinLength, format!("{label} (minLength {min})")));
        }
    }
    if let Some(text) = text(node, min).filter(|_| node.min_length > 0) {
        found.push(inside(text, Constraint::MinLength, format!("of {} (minLength {min})", characters(min))));
    }
    match &node.pattern {
        Some(ParsedPattern::Class { ranges, .. }) => {
            for character in ranges.iter().flat_map(|range| [*range.start(), *range.end()]) {
                let Some(plain) = text(node, some_length(min, max)) else { continue };
                let label = format!("with {} (pattern)", super::characters::name(character));
                let mut letters: Vec<char> = plain.chars().collect();
                let middle = letters.len() / 2;
                letters[middle] = character;
                found.push(inside(letters.iter().collect::<String>(), Constraint::Pattern, label.clone()));
                if let Some(last) = letters.last_mut() {
                    *last = character;
                }
                let label = format!("with {} at its end (pattern)", super::characters::name(character));
                found.push(inside(letters.into_iter().collect::<String>(), Constraint::Pattern, label));
            }
        }
        Some(ParsedPattern::Other(_)) => {
            let some = texts(node).into_iter().take(5);
            found.extend(some.map(|text| inside(text, Constraint::Pattern, "that matches its pattern")));
        }
        None => {}
    }
    if let Some(format) = node.format.as_deref().filter(|_| node.has(JsonType::String)) {
        let some = format_texts(format).iter().map(|text| (*text).to_owned());
        found.extend(some.map(|text| inside(text, Constraint::Format, format!("of a {format}"))));
    }
    found.dedup();
    found
}

/// `1 character`, `64 characters`.
pub(super) fn characters(count: usize) -> String {
    if count == 1 { "1 character".into() } else { format!("{count} characters") }
}

/// A simple text of a length, or `None` when none can be generated.
pub(super) fn text(node: &Node, length: usize) -> Option<String> {
    if length > MAX_SIZE {
        return None;
    }
    match &node.pattern {
        _ if node.format.as_deref().is_some_and(|format| !format_texts(format).is_empty()) => {
            texts(node).into_iter().find(|text| text.chars().count() >= length)
        }
        Some(ParsedPattern::Class { ranges, .. }) => {
            let letter = ranges.iter().find(|range| range.contains(&'a')).map(|_| 'a');
            let letter = letter.or_else(|| ranges.first().map(|range| *range.start()))?;
            Some(letter.to_string().repeat(length))
        }
        Some(pattern @ ParsedPattern::Other(_)) => {
            pattern.examples().into_iter().find(|text| text.chars().count() == length)
        }
        None => Some("a".repeat(length)),
    }
}

/// Some texts of a format or of a pattern that is not one class, with allowed lengths.
pub(super) fn texts(node: &Node) -> Vec<String> {
    let (min, max) = node.lengths();
    let fits = |text: &String| {
        let length = text.chars().count();
        length >= min && max.is_none_or(|max| length <= max)
    };
    match (&node.pattern, node.format.as_deref().map(format_texts)) {
        (_, Some(texts)) if !texts.is_empty() => texts.iter().map(|text| (*text).to_owned()).filter(fits).collect(),
        (Some(pattern), _) => pattern.examples().into_iter().filter(fits).collect(),
        (None, _) => text(node, min.max(1)).into_iter().filter(fits).collect(),
    }
}

/// Texts of a supported format; empty for another.
pub(super) fn format_texts(format: &str) -> &'static [&'static str] {
    match format {
        "date-time" => &["2025-01-31T23:59:59Z", "2024-02-29T00:00:00.123456+05:30", "1969-12-31T23:59:59-00:30"],
        "date" => &["2025-01-31", "2024-02-29", "1969-12-31"],
        "email" => &["a@example.com", "a.b+c@sub.example.org"],
        "uuid" => &["7d3c2d3e-4ab5-4e0e-9f0c-0b1f5b7f1c55", "00000000-0000-0000-0000-000000000000"],
        "uri" => &["https://example.com/a?b=c#d", "urn:a:b"],
        "ipv4" => &["192.0.2.1", "255.255.255.255"],
        "ipv6" => &["2001:db8::1", "::"],
        "hostname" => &["example.com", "a"],
        _ => &[],
    }
}

/// Integers at and inside the limits, the simplest first.
fn integers(node: &Node) -> Vec<i128> {
    let (min, max) = node.integers();
    let (low, high) = (min.unwrap_or(-1_000), max.unwrap_or_else(|| min.unwrap_or(0).max(0) + 1_000));
    let mut values = vec![0_i128.clamp(low, high.max(low)), low, low + 1, high - 1, high];
    let factor = node.factor();
    let multiples = |value: i128| [value.div_euclid(factor) * factor, (value.div_euclid(factor) + 1) * factor];
    if factor > 1 {
        values = values.into_iter().flat_map(multiples).collect();
    }
    values.retain(|value| (low..=high).contains(value));
    values
}

pub(super) fn number(value: i128) -> Value {
    let number = i64::try_from(value).map(Number::from).or_else(|_| u64::try_from(value).map(Number::from)).ok();
    number.or_else(|| Number::from_f64(value as f64)).map_or(Value::Null, Value::Number)
}

/// The constraint that a violation of a bound is reported as.
pub(super) fn of_bound(bound: super::node::Bound, plain: Constraint) -> Constraint {
    if bound.by_format { Constraint::Format } else { plain }
}

fn integer_candidates(node: &Node) -> Vec<Candidate> {
    let (min, max) = node.integers();
    integers(node)
        .into_iter()
        .map(|value| {
            let (constraint, limit) = match (node.minimum, node.maximum) {
                (Some(bound), _) if min.is_some_and(|min| value <= min + node.factor()) => {
                    (of_bound(bound, Constraint::Minimum), true)
                }
                (_, Some(bound)) if max.is_some_and(|max| value >= max - node.factor()) => {
                    (of_bound(bound, Constraint::Maximum), true)
                }
                _ if node.multiple_of.is_some() => (Constraint::MultipleOf, false),
                _ => (Constraint::Type, false),
            };
            let label = if limit { format!("of {value} ({constraint})") } else { format!("of {value}") };
            inside(number(value), constraint, label)
        })
        .chain(
            node.multiple_of
                .and_then(|_| integers(node).first().copied())
                .map(|value| inside(number(value), Constraint::MultipleOf, format!("of {value} (multipleOf)"))),
        )
        .collect()
}

/// Numbers at and inside the limits, the simplest first.
pub(super) fn numbers(node: &Node) -> Vec<Value> {
    let step = node.multiple_of.unwrap_or(0.5);
    let low = node.minimum.map(|bound| if bound.exclusive { bound.value + step } else { bound.value });
    let high = node.maximum.map(|bound| if bound.exclusive { bound.value - step } else { bound.value });
    let middle = match (low, high) {
        (Some(low), Some(high)) => low.midpoint(high),
        (Some(low), None) => low.max(0.0),
        (None, Some(high)) => high.min(0.0),
        (None, None) => 0.5,
    };
    let middle = if node.multiple_of.is_some() { (middle / step).round() * step } else { middle };
    let tight = |bound: super::node::Bound, sign: f64| bound.value + sign * (bound.value.abs() * 1e-9).max(1e-9);
    let close = [node.minimum.map(|bound| tight(bound, 1.0)), node.maximum.map(|bound| tight(bound, -1.0))];
    let close = close.into_iter().flatten().filter(|_| node.multiple_of.is_none());
    [Some(middle), low, high]
        .into_iter()
        .flatten()
        .chain(close)
        .filter_map(Number::from_f64)
        .map(Value::Number)
        .collect()
}

fn number_candidates(node: &Node) -> Vec<Candidate> {
    let near = |bound: Option<super::node::Bound>, value: f64| {
        bound.is_some_and(|bound| (bound.value - value).abs() <= node.multiple_of.unwrap_or(0.5))
    };
    let mut found: Vec<Candidate> = numbers(node)
        .into_iter()
        .map(|value| {
            let float = value.as_f64().unwrap_or_default();
            let constraint = if near(node.minimum, float) {
                Constraint::Minimum
            } else if near(node.maximum, float) {
                Constraint::Maximum
            } else {
                Constraint::Type
            };
            let label = format!("of {value}");
            inside(value, constraint, label)
        })
        .collect();
    if let (Some(_), Some(value)) = (node.multiple_of, numbers(node).into_iter().next()) {
        found.push(inside(value, Constraint::MultipleOf, "of a multiple (multipleOf)"));
    }
    found
}

/// A list of `count` entries; `None` when none can be generated, for example with too few different values.
pub(super) fn entries(node: &Node, count: usize) -> Option<Vec<Value>> {
    if count > MAX_SIZE {
        return None;
    }
    let plain = Value::from("a");
    let mut different: Vec<Value> = match &node.items {
        Some(items) => simplest(items).into_iter().collect(),
        None => vec![plain],
    };
    if different.len() < count && node.unique {
        let items = node.items.as_deref();
        let more = items.map_or_else(|| (0..count).map(Value::from).collect(), |items| distinct(items, count));
        different.extend(more);
        let mut seen = Vec::new();
        different.retain(|value| {
            !seen.contains(value) && {
                seen.push(value.clone());
                true
            }
        });
        if different.len() < count {
            return None;
        }
        different.truncate(count);
        return Some(different);
    }
    let one = different.into_iter().next();
    if count == 0 {
        return Some(Vec::new());
    }
    one.filter(|one| size(one).saturating_mul(count) <= MAX_VALUE).map(|one| vec![one; count])
}

/// Up to `count` different values.
fn distinct(node: &Node, count: usize) -> Vec<Value> {
    let (min, max) = node.lengths();
    let mut values: Vec<Value> = valid(node, MAX_VALUE).into_iter().map(|candidate| candidate.value).collect();
    match simplest_type(node) {
        _ if node.enumeration.is_some() || !node.branches.is_empty() => {}
        Some(JsonType::Integer) => {
            let (low, high) = node.integers();
            let low = low.unwrap_or_else(|| high.unwrap_or(count as i128) - count as i128);
            let width = count as i128 * node.factor();
            let low = low.div_euclid(node.factor()) * node.factor();
            let up_to = high.unwrap_or(low + width).min(low + width);
            values.extend((low..=up_to).step_by(node.factor() as usize).map(number));
        }
        Some(JsonType::String) => {
            // Binary numbers written with `a` and `b`, which most classes allow.
            let letters: Vec<char> = ["a", "b"].iter().filter_map(|letter| letter.chars().next()).collect();
            let width = min.max(usize::BITS as usize - count.leading_zeros() as usize).max(1);
            if max.is_none_or(|max| width <= max) {
                values.extend((0..count).map(|number| {
                    let bits = (0..width).map(|bit| letters[(number >> bit) & 1]);
                    Value::from(bits.collect::<String>())
                }));
            }
        }
        _ => {}
    }
    values
}

fn arrays(node: &Node, room: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut sized = |count: usize, constraint, limit: usize| {
        let list = entries(node, count).map(Value::Array);
        let label = format!("of {} ({constraint} {limit})", counted(count));
        found.extend(list.map(|list| inside(list, constraint, label)));
    };
    if node.min_items > 0 {
        sized(node.min_items, Constraint::MinItems, node.min_items);
    }
    if let Some(max) = node.max_items {
        for count in [0, 1, max.saturating_sub(1), max] {
            sized(count, Constraint::MaxItems, max);
        }
    }
    if node.unique
        && let Some(list) = entries(node, node.min_items.max(2))
    {
        found.push(inside(list, Constraint::UniqueItems, "without repeats (uniqueItems)"));
    }
    for candidate in of_items(node, room, valid) {
        let rest = others(node, &candidate.value);
        found.push(candidate.within("*", |value| Value::Array(std::iter::once(value).chain(rest).collect())));
    }
    found
}

/// The candidates of the entries of a list.
pub(super) fn of_items(node: &Node, room: usize, candidates: fn(&Node, usize) -> Vec<Candidate>) -> Vec<Candidate> {
    let Some(items) = node.items.as_deref() else { return Vec::new() };
    let beside = entries(node, node.min_items).map_or(0, |list| list.iter().map(size).sum());
    sampled(candidates(items, inner(room)), beside, room)
}

/// The candidates of the properties of an object; `base` is what they are inserted into.
pub(super) fn of_properties(
    node: &Node,
    base: &Map<String, Value>,
    room: usize,
    candidates: fn(&Node, usize) -> Vec<Candidate>,
) -> Vec<Candidate> {
    let beside = base.values().map(size).sum();
    let additional = match &node.additional {
        Additional::Schema(schema) => Some((EXTRA, &**schema)),
        _ => None,
    };
    let properties = node.properties.iter().map(|(name, property)| (name.as_str(), property));
    let mut found = Vec::new();
    for (name, property) in properties.chain(additional) {
        found.extend(sampled(candidates(property, inner(room)), beside, room).into_iter().map(|candidate| {
            candidate.within(name, |value| {
                let mut object = base.clone();
                object.insert(name.to_owned(), value);
                Value::Object(object)
            })
        }));
        found = sampled(found, 0, room);
    }
    found
}

/// The other entries of the shortest list with this entry.
pub(super) fn others(node: &Node, entry: &Value) -> Vec<Value> {
    let some = entries(node, node.min_items).unwrap_or_default();
    let others = some.into_iter().filter(|other| !node.unique || other != entry);
    others.take(node.min_items.saturating_sub(1)).collect()
}

/// `1 entry`, `100 entries`.
pub(super) fn counted(count: usize) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// The simplest object: with its required properties, and more only if it must have more.
pub(super) fn object(node: &Node) -> Option<Map<String, Value>> {
    if node.min_properties > MAX_SIZE {
        return None;
    }
    let mut object = Map::new();
    for name in &node.required {
        let value = match (node.properties.get(name), &node.additional) {
            (Some(property), _) => simplest(property)?,
            (None, Additional::Schema(schema)) => simplest(schema)?,
            (None, _) => json!("a"),
        };
        object.insert(name.clone(), value);
    }
    for (name, property) in &node.properties {
        if object.len() < node.min_properties
            && !object.contains_key(name)
            && let Some(value) = simplest(property)
        {
            object.insert(name.clone(), value);
        }
    }
    let missing = node.min_properties.min(MAX_SIZE).saturating_sub(object.len());
    if missing > 0 {
        let value = extra(node)?;
        pad(&mut object, missing, &value);
    }
    Some(object).filter(|object| object.values().map(size).sum::<usize>() <= MAX_VALUE)
}

/// Adds `count` properties that neither the object nor its schema has.
pub(super) fn pad(object: &mut Map<String, Value>, count: usize, value: &Value) {
    // Existing names are skipped; there are enough numbers for that.
    let taken = object.len();
    let names: Vec<String> = (taken..taken + count + taken)
        .map(|number| format!("{EXTRA}-{number}"))
        .filter(|name| !object.contains_key(name))
        .take(count)
        .collect();
    object.extend(names.into_iter().map(|name| (name, value.clone())));
}

/// A value for an undocumented property; `None` when the schema allows none.
pub(super) fn extra(node: &Node) -> Option<Value> {
    match &node.additional {
        Additional::Allowed => Some(json!("a")),
        Additional::Forbidden => None,
        Additional::Schema(schema) => simplest(schema),
    }
}

fn objects(node: &Node, room: usize) -> Vec<Candidate> {
    let Some(base) = object(node) else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(name) = node.required.first() {
        let mut candidate = inside(base.clone(), Constraint::Required, "that is present (required)");
        for name in node.required.iter().skip(1).chain([name]) {
            candidate.place = format!("/{}", crate::document::pointer::escape(name));
            found.push(candidate.clone());
        }
    }
    let mut full = base.clone();
    for (name, property) in &node.properties {
        if let Some(value) = simplest(property).filter(|_| !full.contains_key(name)) {
            full.insert(name.clone(), value);
        }
    }
    if full.len() > base.len() {
        found.push(inside(full.clone(), Constraint::Type, "with every property"));
    }
    if node.min_properties > 0 {
        let label = format!("of {} properties (minProperties {})", base.len(), node.min_properties);
        found.push(inside(base.clone(), Constraint::MinProperties, label));
    }
    if let Some(max) = node.max_properties.filter(|max| *max <= MAX_SIZE) {
        let mut filled: Map<String, Value> = full.into_iter().take(max.max(base.len())).collect();
        if let Some(value) = extra(node) {
            let missing = max.saturating_sub(filled.len());
            pad(&mut filled, missing, &value);
        }
        found.push(inside(filled, Constraint::MaxProperties, format!("of {max} properties (maxProperties {max})")));
    }
    found.extend(of_properties(node, &base, room, valid));
    found
}
