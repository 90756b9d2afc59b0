//! Properties that no schema names.

use crate::document::{Document, pointer};
use serde_json::Value;

/// Pointers into `instance` of properties that the schema at `place` does not name.
pub(super) fn properties(document: &Document, place: &str, instance: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, vec![place.to_owned()], instance, &mut String::new(), &mut found);
    found
}

/// `places` are the schemas that all speak about the same value.
fn walk(document: &Document, places: Vec<String>, instance: &Value, at: &mut String, found: &mut Vec<String>) {
    if !instance.is_object() && !instance.is_array() {
        return;
    }
    let schemas = together(document, places);
    let length = at.len();
    match instance {
        Value::Object(members) => {
            let speaks = schemas.iter().any(|(_, schema)| schema.get("properties").is_some());
            let open = schemas.iter().any(|(_, schema)| is_open(schema));
            for (name, value) in members {
                at.push('/');
                at.push_str(&pointer::escape(name));
                let named = beneath(&schemas, &["properties", name]);
                let others = beneath(&schemas, &["additionalProperties"]);
                if !named.is_empty() {
                    walk(document, named, value, at, found);
                } else if !others.is_empty() {
                    walk(document, others, value, at, found);
                } else if speaks && !open {
                    found.push(at.clone());
                }
                at.truncate(length);
            }
        }
        Value::Array(items) => {
            let described = beneath(&schemas, &["items"]);
            for (index, item) in items.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                walk(document, described.clone(), item, at, found);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

/// The schemas themselves and all that they are combined of, references followed.
fn together(document: &Document, places: Vec<String>) -> Vec<(String, &Value)> {
    let mut pending = places;
    let mut schemas: Vec<(String, &Value)> = Vec::new();
    while let Some(place) = pending.pop() {
        let Some((target, schema)) = document.resolve(&place) else { continue };
        if schemas.iter().any(|(seen, _)| *seen == target) {
            continue;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let branches = schema.get(key).and_then(Value::as_array).map_or(0, Vec::len);
            pending.extend((0..branches).map(|index| format!("{target}/{key}/{index}")));
        }
        schemas.push((target, schema));
    }
    schemas
}

/// Pointers of what stands below the schemas under these keys, where a schema (no boolean) stands there.
fn beneath(schemas: &[(String, &Value)], keys: &[&str]) -> Vec<String> {
    let places = schemas
        .iter()
        .filter(|(_, schema)| keys.iter().try_fold(*schema, |value, key| value.get(key)).is_some_and(Value::is_object));
    places.map(|(place, _)| keys.iter().fold(place.clone(), |place, key| pointer::join(&place, key))).collect()
}

/// Whether a schema says in so many words that it has properties beyond those it names.
fn is_open(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(true))
}
