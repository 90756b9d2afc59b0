//! Random values of a schema, generated and shrunk by proptest.

use super::broken::values_of_every_type;
use super::characters::{Alphabet, SPECIAL_CHARACTERS};
use super::constraint::Constraint;
use super::node::{Additional, JsonType, Node};
use super::pattern::ParsedPattern;
use super::schema::{Facet, Schema, Validity};
use super::valid::{EXTRA, MAX_SIZE, entries, format_texts, number, numbers, object, simplest, texts};
use crate::document::pointer;
use proptest::collection::vec;
use proptest::prelude::{Just, any};
use proptest::sample::{Index, select};
use proptest::strategy::{BoxedStrategy, Strategy, Union};
use proptest::string::string_regex;
use serde_json::{Map, Value, json};

/// The maximum excess of a random value over its length limit.
const MAX_EXCESS: usize = 64;

/// The maximum length of a random text without a limit, above its minimum.
const DEFAULT_LENGTH: usize = 40;

/// The maximum number of values in a random value, roughly: lists within lists multiply.
const MAX_ROOM: usize = 4_000;

/// Longer lists at their limit are not generated at random.
const MAX_LIST_LENGTH: usize = 128;

pub(super) fn of(schema: &Schema, validity: &Validity) -> BoxedStrategy<Value> {
    let values = match validity {
        Validity::Valid => valid(schema.node(), MAX_ROOM),
        Validity::Broken(facet) => violating(schema, facet),
    };
    // The filter applies to every step of shrinking too.
    let (schema, validity) = (schema.clone(), validity.clone());
    values.prop_filter("of the requested validity", move |value| schema.is(&validity, value)).boxed()
}

/// Valid values of about `room` values at most; without room the simplest one.
fn valid(node: &Node, room: usize) -> BoxedStrategy<Value> {
    if room == 0 {
        return Just(simplest(node).unwrap_or(Value::Null)).boxed();
    }
    if !node.branches.is_empty() {
        return Union::new(node.branches.iter().map(|branch| valid(branch, room))).boxed();
    }
    if let Some(values) = node.enumeration.clone().filter(|values| !values.is_empty()) {
        return select(values).boxed();
    }
    let of_kind = |kind: &JsonType| match kind {
        JsonType::Null => (1, Just(Value::Null).boxed()),
        JsonType::Boolean => (2, any::<bool>().prop_map(Value::from).boxed()),
        JsonType::Integer => (4, integers(node)),
        JsonType::Number => (4, floats(node)),
        JsonType::String => (4, strings(node).prop_map(Value::from).boxed()),
        JsonType::Array => (4, lists(node, room)),
        JsonType::Object => (4, objects(node, room)),
    };
    if node.kinds.is_empty() {
        return Just(Value::Null).boxed();
    }
    Union::new_weighted(node.kinds.iter().map(of_kind).collect()).boxed()
}

fn integers(node: &Node) -> BoxedStrategy<Value> {
    let (min, max_integer) = node.integers();
    let low = min.unwrap_or_else(|| max_integer.unwrap_or(0).min(0) - 1_000_000);
    let high = max_integer.unwrap_or_else(|| low.max(0) + 1_000_000).max(low);
    let factor = node.factor();
    let (first, last) = (low.div_euclid(factor) + i128::from(low.rem_euclid(factor) != 0), high.div_euclid(factor));
    let last = last.max(first);
    Union::new_weighted(vec![(6, (first..=last).boxed()), (1, Just(first).boxed()), (1, Just(last).boxed())])
        .prop_map(move |value| number(value * factor))
        .boxed()
}

fn floats(node: &Node) -> BoxedStrategy<Value> {
    let low = node.minimum.map_or(-1_000.0, |bound| bound.value);
    let high = node.maximum.map_or(low.max(0.0) + 1_000.0, |bound| bound.value).max(low);
    let factor = node.multiple_of;
    let between = (0_u32..=1_000).prop_map(move |part| {
        let value = low + (high - low) * f64::from(part) / 1_000.0;
        json!(factor.map_or(value, |factor| (value / factor).round() * factor))
    });
    let limits = numbers(node);
    if limits.is_empty() {
        return between.boxed();
    }
    Union::new_weighted(vec![(3, between.boxed()), (1, select(limits).boxed())]).boxed()
}

fn strings(node: &Node) -> BoxedStrategy<String> {
    let (min, max) = node.lengths();
    if min > MAX_SIZE {
        return Just(String::new()).boxed();
    }
    let max_generated = max.unwrap_or(min + DEFAULT_LENGTH).min(min + 2_000);
    if node.format.as_deref().is_some_and(|format| !format_texts(format).is_empty()) {
        let texts = texts(node);
        return if texts.is_empty() { Just(String::new()).boxed() } else { select(texts).boxed() };
    }
    match &node.pattern {
        Some(ParsedPattern::Class { ranges, .. }) => sized(&Alphabet::of(ranges), min, max_generated),
        Some(ParsedPattern::Other(Some(expression))) => match string_regex(expression) {
            Ok(texts) => {
                let fits = move |text: &String| (min..=max.unwrap_or(usize::MAX)).contains(&text.chars().count());
                texts.prop_filter("of an allowed length", fits).boxed()
            }
            Err(_) => Just(String::new()).boxed(),
        },
        _ => sized(&Alphabet::any(), min, max_generated),
    }
}

/// Texts of this alphabet, often of minimum or maximum length. Characters are generated as numbers: a strategy for each
/// character of long lists of long texts would be too slow.
fn sized(alphabet: &Alphabet, min: usize, max: usize) -> BoxedStrategy<String> {
    let max = max.max(min);
    let lengths = [(4, min, max), (1, min, min), (1, max, max)];
    let texts = lengths.map(|(weight, from, to)| (weight, vec(0..alphabet.count(), from..=to)));
    let alphabet = alphabet.clone();
    Union::new_weighted(texts.to_vec())
        .prop_map(move |numbers| numbers.into_iter().map(|number| alphabet.at(number)).collect())
        .boxed()
}

fn lists(node: &Node, room: usize) -> BoxedStrategy<Value> {
    let items = |count: usize| match node.items.as_deref() {
        Some(items) => valid(items, room / count.max(1)),
        None => any::<u8>().prop_map(Value::from).boxed(),
    };
    let min = node.min_items;
    if min > room.min(MAX_SIZE) {
        return Just(simplest(node).unwrap_or_else(|| json!([]))).boxed();
    }
    let max = node.max_items.unwrap_or(min + 8);
    let unique = node.unique;
    let short = max.min(min + 8.min(room)).max(min);
    let some = vec(items(short), min..=short).boxed();
    let lists = if max > MAX_LIST_LENGTH.min(room) {
        some
    } else {
        let full = vec(items(max), max.max(min)).boxed();
        Union::new_weighted(vec![(8, some), (1, full)]).boxed()
    };
    lists
        .prop_map(move |list| {
            let mut unique_values: Vec<Value> = Vec::with_capacity(list.len());
            for value in list {
                if !unique || !unique_values.contains(&value) {
                    unique_values.push(value);
                }
            }
            Value::Array(unique_values)
        })
        .boxed()
}

fn objects(node: &Node, room: usize) -> BoxedStrategy<Value> {
    let additional = matches!(node.additional, Additional::Schema(_));
    let room = room / (node.properties.len() + 2 * usize::from(additional)).max(1);
    let mut members: Vec<BoxedStrategy<Option<(String, Value)>>> = Vec::new();
    let mut add = |name: &str, weight: f64, values: BoxedStrategy<Value>| {
        let name = name.to_owned();
        let member = values.prop_map(move |value| (name.clone(), value));
        members.push(if weight < 1.0 {
            proptest::option::weighted(weight, member).boxed()
        } else {
            member.prop_map(Some).boxed()
        });
    };
    for (name, property) in &node.properties {
        let is_required = node.is_required(name);
        if is_required || room > 0 {
            add(name, if is_required { 1.0 } else { 0.5 }, valid(property, room));
        }
    }
    if let Additional::Schema(additional) = &node.additional {
        add(EXTRA, 0.5, valid(additional, room));
        add(&format!("{EXTRA}-1"), 0.2, valid(additional, room));
    }
    let base = object(node).unwrap_or_default();
    let (required, min_properties) = (node.required.clone(), node.min_properties);
    members
        .prop_map(move |members| {
            let mut object: Map<String, Value> = members.into_iter().flatten().collect();
            for (name, value) in &base {
                if required.contains(name) || object.len() < min_properties {
                    object.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            Value::Object(object)
        })
        .boxed()
}

/// Valid values in which the value at one place is replaced by one that violates the constraint.
fn violating(schema: &Schema, facet: &Facet) -> BoxedStrategy<Value> {
    let samples: Vec<Value> =
        schema.broken().filter(|sample| sample.facet == *facet).map(|sample| sample.value.clone()).collect();
    let known = (!samples.is_empty()).then(|| select(samples).boxed());
    let whole = schema.node();
    if facet.constraint == Constraint::Required {
        let place = facet.place.clone();
        let without = valid(whole, MAX_ROOM).prop_map(move |mut value| {
            remove(&mut value, &place);
            value
        });
        return Union::new(known.into_iter().chain([without.boxed()])).boxed();
    }
    let replacement = find(whole, &facet.place).and_then(|node| violating_values(node, facet.constraint));
    let placed = replacement.map(|replacement| {
        let (place, node) = (facet.place.clone(), whole.clone());
        (valid(whole, MAX_ROOM), replacement, any::<Index>())
            .prop_map(move |(mut value, broken, index)| {
                put(&mut value, &node, &place, broken, index);
                value
            })
            .boxed()
    });
    match (placed, known) {
        (Some(placed), Some(known)) => Union::new_weighted(vec![(4, placed), (1, known)]).boxed(),
        (Some(placed), None) => placed,
        (None, Some(known)) => known,
        (None, None) => Just(Value::Null).prop_filter("no value violates it", |_| false).boxed(),
    }
}

/// The schema at a place.
fn find<'n>(node: &'n Node, place: &str) -> Option<&'n Node> {
    pointer::keys(place).try_fold(node, |node, key| match key.as_str() {
        "*" => node.items.as_deref(),
        name => node.properties.get(name).or(match &node.additional {
            Additional::Schema(additional) => Some(additional),
            _ => None,
        }),
    })
}

/// Values that violate a constraint of this schema, if more than the samples can be generated.
fn violating_values(node: &Node, constraint: Constraint) -> Option<BoxedStrategy<Value>> {
    let (min, max) = node.lengths();
    let alphabet = || match &node.pattern {
        Some(ParsedPattern::Class { ranges, .. }) => Some(Alphabet::of(ranges)),
        Some(ParsedPattern::Other(_)) => None,
        None => Some(Alphabet::of(&['a'..='z'])),
    };
    let text = |from: usize, to: usize| {
        let alphabet = alphabet().filter(|_| from <= MAX_SIZE)?;
        Some(sized(&alphabet, from, to.min(from + MAX_SIZE)).prop_map(Value::from).boxed())
    };
    let (low, high) = node.integers();
    match constraint {
        Constraint::Type => {
            let others = values_of_every_type().into_iter().filter(|(kind, ..)| !node.has(*kind));
            let others: Vec<Value> = others.map(|(.., value)| value).collect();
            (!others.is_empty()).then(|| select(others).boxed())
        }
        Constraint::Nullable => Some(Just(Value::Null).boxed()),
        Constraint::MinLength => text(0, node.min_length.checked_sub(1)?),
        Constraint::MaxLength => {
            let max = node.max_length?;
            text(max.checked_add(1)?, max.saturating_add(MAX_EXCESS))
        }
        Constraint::Pattern => {
            // Short, to leave room for a prefix.
            let alphabet = alphabet().filter(|_| min <= MAX_SIZE)?;
            let to = max.unwrap_or(min + 12).min(min + 12);
            let plain = sized(&alphabet, min.max(1), to.max(min.max(1)));
            let special =
                Union::new_weighted(vec![(3, select(SPECIAL_CHARACTERS).boxed()), (1, proptest::char::any().boxed())]);
            let replaced = (plain, special, any::<Index>()).prop_map(|(plain, character, index)| {
                let mut letters: Vec<char> = plain.chars().collect();
                let at = index.index(letters.len());
                letters[at] = character;
                Value::from(letters.into_iter().collect::<String>())
            });
            Some(replaced.boxed())
        }
        Constraint::Minimum | Constraint::Maximum | Constraint::Format if node.has(JsonType::Integer) => {
            let below = low.filter(|_| constraint != Constraint::Maximum).map(|low| (low - 100_000..low).boxed());
            let above =
                high.filter(|_| constraint != Constraint::Minimum).map(|high| (high + 1..=high + 100_000).boxed());
            let sides: Vec<_> = below.into_iter().chain(above).collect();
            (!sides.is_empty()).then(|| Union::new(sides).prop_map(number).boxed())
        }
        Constraint::MaxItems => {
            let max = node.max_items.filter(|max| *max <= MAX_LIST_LENGTH)?;
            let lists: Vec<Value> =
                [1, 2, 10].into_iter().filter_map(|more| entries(node, max + more).map(Value::Array)).collect();
            (!lists.is_empty()).then(|| select(lists).boxed())
        }
        _ => None,
    }
}

/// Removes the value at a place.
fn remove(value: &mut Value, place: &str) {
    let Some(parent) = pointer::parent(place) else { return };
    let last = pointer::last(place);
    change_at(value, &pointer::keys(parent).collect::<Vec<_>>(), &mut |value| {
        if let Some(object) = value.as_object_mut() {
            object.remove(&last);
        }
    });
}

/// Applies a change at a place, in every entry of the lists on the way.
fn change_at(value: &mut Value, keys: &[String], change: &mut dyn FnMut(&mut Value)) {
    let Some((key, rest)) = keys.split_first() else { return change(value) };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change_at(item, rest, change)),
        Value::Object(object) => {
            if let Some(inner) = object.get_mut(key) {
                change_at(inner, rest, change);
            }
        }
        _ => {}
    }
}

/// Inserts a value at a place, with simple values on the way; in a list it replaces one entry.
fn put(value: &mut Value, node: &Node, place: &str, broken: Value, index: Index) {
    let mut here = value;
    let mut schema = Some(node);
    for key in pointer::keys(place) {
        let plain = schema.and_then(simplest);
        if key == "*" {
            if !here.is_array() {
                *here = Value::Array(Vec::new());
            }
            schema = schema.and_then(|schema| schema.items.as_deref());
            let Value::Array(items) = here else { return };
            if items.is_empty() {
                items.push(Value::Null);
            }
            let at = index.index(items.len());
            here = &mut items[at];
        } else {
            if !here.is_object() {
                *here = plain.filter(Value::is_object).unwrap_or_else(|| json!({}));
            }
            schema = schema.and_then(|schema| find(schema, &pointer::join("", &key)));
            let Value::Object(object) = here else { return };
            let inner = schema.and_then(simplest).unwrap_or(Value::Null);
            here = object.entry(key).or_insert(inner);
        }
    }
    *here = broken;
}
