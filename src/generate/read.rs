//! Reads a [`Node`] from the document.

use super::node::{Additional, Bound, JsonType, MAX_BRANCHES, Node};
use super::pattern::ParsedPattern;
use crate::contract::{Direction, is_hidden};
use crate::document::{Document, pointer};
use serde_json::{Map, Value};

/// The maximum nesting of a schema in itself.
const MAX_DEPTH: usize = 2;

/// The maximum number of schemas to read; more are cut off schema recursion.
const MAX_COUNT: usize = 2_000;

/// Reads the schema at a pointer.
pub(super) fn node(document: &Document, place: &str, direction: Direction) -> Node {
    Reader { document, direction, enclosing: Vec::new(), read: 0 }.at(place)
}

struct Reader<'a> {
    document: &'a Document,
    direction: Direction,
    /// Pointers of the enclosing schemas.
    enclosing: Vec<String>,
    read: usize,
}

impl Reader<'_> {
    fn at(&mut self, place: &str) -> Node {
        let Some((place, value)) = self.document.resolve(place) else { return Node::anything() };
        let Some(map) = value.as_object() else { return Node::anything() };
        self.read += 1;
        if self.read > MAX_COUNT || self.enclosing.iter().filter(|outer| **outer == place).count() >= MAX_DEPTH {
            return Node { is_cut_off: true, ..Node::anything() };
        }
        self.enclosing.push(place.clone());
        let node = self.schema(map, &place);
        self.enclosing.pop();
        node
    }

    fn schema(&mut self, map: &Map<String, Value>, place: &str) -> Node {
        let mut node = keywords(map);
        self.members(map, place, &mut node);
        for index in 0..count(map, "allOf") {
            let part = self.at(&format!("{place}/allOf/{index}"));
            node = node.and(part);
        }
        for keyword in ["oneOf", "anyOf"] {
            let branches = (0..count(map, keyword)).map(|index| self.at(&format!("{place}/{keyword}/{index}")));
            let branches: Vec<Node> = branches.filter(|branch| !branch.is_cut_off).collect();
            if branches.is_empty() {
                node.is_cut_off |= count(map, keyword) > 0;
                continue;
            }
            let whole = node.clone();
            let spread = if node.branches.is_empty() { vec![whole] } else { std::mem::take(&mut node.branches) };
            let pairs = spread.iter().flat_map(|one| branches.iter().map(move |branch| (one, branch)));
            // Nested alternatives are flattened.
            let spread = pairs
                .map(|(one, branch)| one.clone().and(branch.clone()))
                .flat_map(|one| if one.branches.is_empty() { vec![one] } else { one.branches });
            node.branches = spread.take(MAX_BRANCHES).collect();
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
                let inner = self.at(&property);
                match (inner.is_cut_off, node.is_required(name)) {
                    (true, true) => node.is_cut_off = true,
                    (true, false) => {}
                    (false, _) => drop(node.properties.insert(name.clone(), inner)),
                }
            }
        }
        if map.contains_key("items") {
            let items = self.at(&pointer::join(place, "items"));
            if items.is_cut_off {
                node.is_cut_off |= node.min_items > 0;
                node.max_items = Some(0);
            } else {
                node.items = Some(Box::new(items));
            }
        }
        match map.get("additionalProperties") {
            Some(Value::Bool(false)) => node.additional = Additional::Forbidden,
            Some(Value::Object(_)) => {
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
    node.enumeration = map.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()).cloned();
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
