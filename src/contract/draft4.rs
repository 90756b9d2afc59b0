//! Converts schemas of OpenAPI 3.0, a dialect of JSON Schema Draft 4, to Draft 4.
//!
//! Every keyword stays at its pointer, so that a pointer into the result is one into the document. Only keywords that
//! validate are copied: `id` or `definitions`, for example, have a meaning in Draft 4 and none in OpenAPI.

use super::Direction;
use crate::document::{Document, pointer};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Characters that must be encoded in a URI fragment.
const FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A pointer as a URI fragment.
pub(super) fn fragment(pointer: &str) -> String {
    utf8_percent_encode(pointer, FRAGMENT).to_string()
}

/// The schemas of a document, each at its pointer, as one Draft 4 document without anything else.
///
/// `outermost` are the pointers of schemas that are not part of another, `dropped` those of unsupported patterns.
pub(super) fn transform(
    document: &Document,
    outermost: &[String],
    dropped: &HashSet<String>,
    direction: Direction,
) -> Value {
    let view = SchemaView { document, dropped, direction };
    let mut root = Value::Object(Map::new());
    let mut places: Vec<&String> = outermost.iter().collect();
    // A nested schema is copied with its outer one, which has the shorter pointer.
    places.sort_by_key(|place| place.len());
    for place in places {
        if let Some(schema) = document.value().pointer(place)
            && root.pointer(place).is_none()
        {
            insert(&mut root, place, view.schema(schema, place));
        }
    }
    root
}

/// Inserts a value at a pointer and creates the mappings on the way (a number is a key too).
fn insert(root: &mut Value, place: &str, value: Value) {
    let mut here = root;
    for key in pointer::keys(place) {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Value::Object(map) = here else { return };
        here = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
    *here = value;
}

struct SchemaView<'a> {
    document: &'a Document,
    dropped: &'a HashSet<String>,
    direction: Direction,
}

impl SchemaView<'_> {
    fn schema(&self, schema: &Value, at: &str) -> Value {
        let Some(map) = schema.as_object() else { return json!({}) };
        if map.get("$ref").is_some_and(Value::is_string) {
            // The final target, because Draft 4 does not follow references within a pointer.
            return match self.document.resolve(at) {
                Some((target, _)) => json!({ "$ref": format!("#{}", fragment(&target)) }),
                None => json!({}),
            };
        }
        let mut result = Map::new();
        for (key, value) in map {
            if let Some(value) = self.keyword(key, value, map, &pointer::join(at, key)) {
                result.insert(key.clone(), value);
            }
        }
        integer_bounds(map, &mut result);
        if map.get("nullable") == Some(&Value::Bool(true)) {
            nullable(&mut result);
        }
        Value::Object(result)
    }

    fn keyword(&self, key: &str, value: &Value, schema: &Map<String, Value>, at: &str) -> Option<Value> {
        match key {
            "type" | "maximum" | "minimum" | "uniqueItems" | "format" => Some(value.clone()),
            "multipleOf" => value.as_f64().is_some_and(|factor| factor > 0.0).then(|| value.clone()),
            "exclusiveMaximum" => schema.contains_key("maximum").then(|| value.clone()),
            "exclusiveMinimum" => schema.contains_key("minimum").then(|| value.clone()),
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties" => {
                let count = value.as_u64().or_else(|| value.as_f64().map(|float| float as u64))?;
                Some(Value::from(count))
            }
            "pattern" => (!self.dropped.contains(at)).then(|| value.clone()),
            "enum" => distinct(value.as_array()?.iter().cloned()),
            "required" => distinct(value.as_array()?.iter().filter(|name| !self.hidden(schema, name, at)).cloned()),
            "additionalProperties" if value.is_boolean() => Some(value.clone()),
            "additionalProperties" | "items" | "not" => Some(self.schema(value, at)),
            "allOf" | "anyOf" | "oneOf" => {
                let branches = value.as_array().filter(|branches| !branches.is_empty())?.iter().enumerate();
                Some(branches.map(|(index, branch)| self.schema(branch, &format!("{at}/{index}"))).collect())
            }
            "properties" => {
                let properties = value.as_object()?.iter();
                let properties =
                    properties.map(|(name, value)| (name.clone(), self.schema(value, &pointer::join(at, name))));
                Some(Value::Object(properties.collect()))
            }
            _ => None,
        }
    }

    /// Whether a required property is not sent in this direction. `at` is the pointer of `required`.
    fn hidden(&self, schema: &Map<String, Value>, name: &Value, at: &str) -> bool {
        let Some(name) = name.as_str() else { return true };
        if schema.get("properties").and_then(|properties| properties.get(name)).is_none() {
            return false;
        }
        let Some(parent) = pointer::parent(at) else { return false };
        let place = pointer::join(&pointer::join(parent, "properties"), name);
        let flag = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        self.document.resolve(&place).is_some_and(|(_, property)| property.get(flag) == Some(&Value::Bool(true)))
    }
}

/// A list without repetitions, or `None` for an empty one: Draft 4 rejects both.
fn distinct(items: impl Iterator<Item = Value>) -> Option<Value> {
    let mut unique: Vec<Value> = Vec::new();
    for item in items {
        if !unique.contains(&item) {
            unique.push(item);
        }
    }
    (!unique.is_empty()).then_some(Value::Array(unique))
}

/// Adds the bounds of `format: int16` and similar, unless the schema has narrower ones.
fn integer_bounds(schema: &Map<String, Value>, result: &mut Map<String, Value>) {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let (low, high) = match text("format") {
        Some("int8") => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Some("int16") => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    if !matches!(text("type"), Some("integer" | "number")) {
        return;
    }
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    if bound("minimum").is_none_or(|minimum| minimum < low as f64) {
        result.insert("minimum".to_owned(), low.into());
        result.remove("exclusiveMinimum");
    }
    if bound("maximum").is_none_or(|maximum| maximum > high as f64) {
        result.insert("maximum".to_owned(), high.into());
        result.remove("exclusiveMaximum");
    }
}

/// Applies `nullable: true`, which has an effect only with `type`. An `enum` without null gets one: the author probably
/// meant it, and a false positive is worse.
fn nullable(result: &mut Map<String, Value>) {
    let Some(Value::String(kind)) = result.get("type").cloned() else { return };
    result.insert("type".to_owned(), json!([kind, "null"]));
    if let Some(Value::Array(values)) = result.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
