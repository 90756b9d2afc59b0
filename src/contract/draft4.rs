//! Converts schemas of OpenAPI 3.0, a dialect of JSON Schema Draft 4, to Draft 4.
//!
//! Every keyword stays at its pointer, so that a pointer into the result is one into the document. Only keywords that
//! validate are copied: `id` or `definitions`, for example, have a meaning in Draft 4 and none in OpenAPI.

use super::{Direction, ecma, hidden};
use crate::document::{Document, pointer};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashSet};

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

/// The maximum number of references that are replaced by their targets within each other.
const MAX_REPLACED: usize = 50;

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
            insert(&mut root, place, view.schema(schema, place, &Unneeded::default()));
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
    fn schema(&self, schema: &Value, at: &str, outer: &Unneeded) -> Value {
        let Some(map) = schema.as_object() else { return json!({}) };
        if map.get("$ref").is_some_and(Value::is_string) {
            // The final target, because Draft 4 does not follow references within a pointer.
            return match self.document.resolve(at) {
                // Elsewhere the target may need what is not needed here, so this is a copy.
                Some((target, value)) if outer.concerns(self.document, &target) => {
                    self.schema(value, &target, &Unneeded { replaced: outer.replaced + 1, ..outer.clone() })
                }
                Some((target, _)) => json!({ "$ref": format!("#{}", fragment(&target)) }),
                None => json!({}),
            };
        }
        let mut unneeded = hidden::names(self.document, at, self.direction);
        unneeded.extend(outer.names.iter().cloned());
        let unneeded = Unneeded { names: unneeded, replaced: outer.replaced };
        let mut result = Map::new();
        for (key, value) in map {
            let place = pointer::join(at, key);
            let Some(converted) = self.keyword(key, value, map, &place, &unneeded) else { continue };
            if key == "oneOf" && self.is_blurred(value, &place, &unneeded) {
                result.entry("anyOf").or_insert(converted);
            } else {
                result.insert(key.clone(), converted);
            }
        }
        integer_bounds(map, &mut result);
        if map.get("nullable") == Some(&Value::Bool(true)) {
            nullable(&mut result);
        }
        Value::Object(result)
    }

    fn keyword(
        &self,
        key: &str,
        value: &Value,
        schema: &Map<String, Value>,
        at: &str,
        unneeded: &Unneeded,
    ) -> Option<Value> {
        let nothing = Unneeded::default();
        match key {
            "type" | "maximum" | "minimum" | "uniqueItems" | "format" => Some(value.clone()),
            "multipleOf" => value.as_f64().is_some_and(|factor| factor > 0.0).then(|| value.clone()),
            "exclusiveMaximum" => schema.contains_key("maximum").then(|| value.clone()),
            "exclusiveMinimum" => schema.contains_key("minimum").then(|| value.clone()),
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties" => {
                let count = value.as_u64().or_else(|| value.as_f64().map(|float| float as u64))?;
                Some(Value::from(count))
            }
            "pattern" => {
                let written = value.as_str().filter(|_| !self.dropped.contains(at))?;
                Some(Value::from(ecma::pattern(written).into_owned()))
            }
            "enum" => distinct(value.as_array()?.iter().cloned()),
            "required" => distinct(value.as_array()?.iter().filter(|name| unneeded.needs(name)).cloned()),
            "additionalProperties" if value.is_boolean() => Some(value.clone()),
            "additionalProperties" | "items" | "not" => Some(self.schema(value, at, &nothing)),
            "allOf" | "anyOf" | "oneOf" => {
                let branches = value.as_array().filter(|branches| !branches.is_empty())?.iter().enumerate();
                Some(branches.map(|(index, branch)| self.schema(branch, &format!("{at}/{index}"), unneeded)).collect())
            }
            "properties" => {
                let properties = value.as_object()?.iter();
                let properties = properties
                    .map(|(name, value)| (name.clone(), self.schema(value, &pointer::join(at, name), &nothing)));
                Some(Value::Object(properties.collect()))
            }
            _ => None,
        }
    }

    /// Whether an alternative of a `oneOf` requires only what this direction does not need. Then several alternatives may
    /// be valid, although each stands for another value.
    fn is_blurred(&self, branches: &Value, at: &str, unneeded: &Unneeded) -> bool {
        (0..branches.as_array().map_or(0, Vec::len)).any(|index| {
            let place = format!("{at}/{index}");
            let required = hidden::required(self.document, &place);
            let own = hidden::names(self.document, &place, self.direction);
            !required.is_empty() && required.iter().all(|name| own.contains(*name) || unneeded.names.contains(*name))
        })
    }
}

/// Properties that the direction does not need, although a schema of the same value may require them.
#[derive(Clone, Default)]
struct Unneeded {
    names: BTreeSet<String>,
    /// How many references were replaced on the way.
    replaced: usize,
}

impl Unneeded {
    fn needs(&self, name: &Value) -> bool {
        name.as_str().is_some_and(|name| !self.names.contains(name))
    }

    /// Whether the schema at `target` requires one of the names.
    fn concerns(&self, document: &Document, target: &str) -> bool {
        let is_any = !self.names.is_empty() && self.replaced < MAX_REPLACED;
        is_any && hidden::required(document, target).iter().any(|name| self.names.contains(*name))
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

/// Applies `nullable: true`, which adds null to the `type` of the same schema and changes no other keyword (OpenAPI 3.0.3).
fn nullable(result: &mut Map<String, Value>) {
    if let Some(Value::String(kind)) = result.get("type").cloned() {
        result.insert("type".to_owned(), json!([kind, "null"]));
    }
}
