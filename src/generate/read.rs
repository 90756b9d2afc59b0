//! Reads a [`Node`] from the document.

use super::node::{Additional, Bound, JsonType, MAX_COUNT, Node, combined};
use super::pattern::ParsedPattern;
use crate::contract::{Direction, is_hidden};
use crate::document::{Document, pointer};
use serde_json::{Map, Value};

/// The maximum nesting of a schema in itself.
const MAX_RECURSION: usize = 2;

/// The maximum nesting of schemas.
const MAX_NESTING: usize = 48;

/// The maximum number of values of an enumeration; of more, as many at equal distances are used.
const MAX_VALUES: usize = 256;

/// Reads the schema at a pointer. Of one with too many schemas, what may be absent is read only to the nesting up to which
/// there is room for it.
pub(super) fn node(document: &Document, place: &str, direction: Direction) -> Node {
    let mut nesting = MAX_NESTING;
    loop {
        let mut reader = Reader { document, direction, enclosing: Vec::new(), nesting, read: 0 };
        let node = reader.at(place);
        if reader.read <= MAX_COUNT || nesting == 0 {
            return node;
        }
        nesting /= 2;
    }
}

struct Reader<'a> {
    document: &'a Document,
    direction: Direction,
    /// Pointers of the enclosing schemas.
    enclosing: Vec<String>,
    /// The maximum nesting of what may be absent.
    nesting: usize,
    /// The number of schemas read, among them copies for alternatives.
    read: usize,
}

impl Reader<'_> {
    fn at(&mut self, place: &str) -> Node {
        let Some((place, value)) = self.document.resolve(place) else { return Node::anything() };
        let Some(map) = value.as_object() else { return Node::anything() };
        self.read += 1;
        if self.read > MAX_COUNT
            || self.enclosing.len() >= MAX_NESTING
            || self.enclosing.iter().filter(|outer| **outer == place).count() >= MAX_RECURSION
        {
            return Node::cut_off();
        }
        self.enclosing.push(place.clone());
        let node = self.schema(map, &place);
        self.enclosing.pop();
        node
    }

    /// Whether a part of the current schema that may be absent is read.
    fn has_room(&self) -> bool {
        self.enclosing.len() <= self.nesting
    }

    fn schema(&mut self, map: &Map<String, Value>, place: &str) -> Node {
        let mut node = keywords(map);
        self.members(map, place, &mut node);
        for index in 0..count(map, "allOf") {
            let part = self.at(&format!("{place}/allOf/{index}"));
            node = node.and(part);
            self.read += node.branches.iter().map(Node::count).sum::<usize>();
        }
        for keyword in ["oneOf", "anyOf"] {
            let mut branches = Vec::new();
            for index in 0..count(map, keyword) {
                if branches.is_empty() || self.has_room() {
                    branches.extend(Some(self.at(&format!("{place}/{keyword}/{index}"))).filter(|one| !one.is_cut_off));
                }
            }
            if branches.is_empty() {
                node.is_cut_off |= count(map, keyword) > 0;
                continue;
            }
            let whole = Node { branches: Vec::new(), ..node.clone() };
            let spread = if node.branches.is_empty() { vec![whole] } else { std::mem::take(&mut node.branches) };
            node.branches = combined(&spread, &branches);
            self.read += node.branches.iter().map(Node::count).sum::<usize>();
        }
        node
    }

    /// Reads properties and items.
    fn members(&mut self, map: &Map<String, Value>, place: &str, node: &mut Node) {
        if let Some(properties) = map.get("properties").and_then(Value::as_object) {
            let at = pointer::join(place, "properties");
            for name in properties.keys() {
                let property = pointer::join(&at, name);
                if is_hidden(self.document, &property, self.direction) {
                    node.hide(name);
                    continue;
                }
                if !node.is_required(name) && !self.has_room() {
                    continue;
                }
                let inner = self.at(&property);
                match (inner.is_cut_off, node.is_required(name)) {
                    (true, true) => node.is_cut_off = true,
                    (true, false) => {}
                    (false, _) => drop(node.properties.insert(name.clone(), inner)),
                }
            }
        }
        if map.contains_key("items") {
            let is_needed = node.min_items > 0 || self.has_room();
            let items = if is_needed { self.at(&pointer::join(place, "items")) } else { Node::cut_off() };
            if items.is_cut_off {
                node.is_cut_off |= node.min_items > 0;
                node.max_items = Some(0);
            } else {
                node.items = Some(Box::new(items));
            }
        }
        match map.get("additionalProperties") {
            Some(Value::Bool(false)) => node.additional = Additional::Forbidden,
            Some(Value::Object(_)) if self.has_room() || node.min_properties > 0 => {
                let schema = self.at(&pointer::join(place, "additionalProperties"));
                if !schema.is_cut_off {
                    node.additional = Additional::Schema(Box::new(schema));
                }
            }
            _ => {}
        }
    }
}

fn count(map: &Map<String, Value>, keyword: &str) -> usize {
    map.get(keyword).and_then(Value::as_array).map_or(0, Vec::len)
}

/// Reads all keywords but properties, items and combinations.
fn keywords(map: &Map<String, Value>) -> Node {
    let size = |key: &str| map.get(key).and_then(Value::as_u64).map(|count| count as usize);
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let flag = |key: &str| map.get(key) == Some(&Value::Bool(true));
    let mut node = Node::anything();
    if let Some(kind) = text("type").and_then(JsonType::of_name) {
        node.kinds = vec![kind];
        node.typed = true;
        if flag("nullable") {
            node.kinds.push(JsonType::Null);
        }
    }
    // As in the validator, an empty enum has no effect.
    node.enumeration =
        map.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()).map(|values| some(values));
    if node.enumeration.as_ref().is_some_and(|values| !values.contains(&Value::Null)) {
        node.kinds.retain(|kind| *kind != JsonType::Null);
    }
    node.minimum = bound(map, "minimum", flag("exclusiveMinimum"));
    node.maximum = bound(map, "maximum", flag("exclusiveMaximum"));
    node.multiple_of = map.get("multipleOf").and_then(Value::as_f64).filter(|factor| *factor > 0.0);
    node.format = text("format").map(str::to_owned);
    if node.has(JsonType::Integer) || node.has(JsonType::Number) {
        format_bounds(&mut node);
    }
    node.min_length = size("minLength").unwrap_or(0);
    node.max_length = size("maxLength");
    node.pattern = text("pattern").map(ParsedPattern::parse);
    node.min_items = size("minItems").unwrap_or(0);
    node.max_items = size("maxItems");
    node.unique = flag("uniqueItems");
    node.min_properties = size("minProperties").unwrap_or(0);
    node.max_properties = size("maxProperties");
    let required = map.get("required").and_then(Value::as_array).into_iter().flatten();
    node.required = required.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    node.required.sort();
    node.has_not = map.contains_key("not");
    node
}

/// The values, or a sample of many.
fn some(values: &[Value]) -> Vec<Value> {
    let count = values.len().min(MAX_VALUES);
    (0..count).map(|nth| values[nth * (values.len() - 1) / (count - 1).max(1)].clone()).collect()
}

fn bound(map: &Map<String, Value>, key: &str, exclusive: bool) -> Option<Bound> {
    let number = map.get(key)?;
    let value = number.as_f64()?;
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let integer = integer.or_else(|| (value.fract() == 0.0 && value.abs() < 1e18).then_some(value as i128));
    Some(Bound { value, integer, exclusive, by_format: false })
}

/// Applies the range of `int16` and similar, unless a bound is narrower.
fn format_bounds(node: &mut Node) {
    let (low, high) = match node.format.as_deref() {
        Some("int8") => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Some("int16") => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    let limit =
        |value: i64| Bound { value: value as f64, integer: Some(value.into()), exclusive: false, by_format: true };
    if node.minimum.is_none_or(|bound| bound.value < low as f64) {
        node.minimum = Some(limit(low));
    }
    if node.maximum.is_none_or(|bound| bound.value > high as f64) {
        node.maximum = Some(limit(high));
    }
}
