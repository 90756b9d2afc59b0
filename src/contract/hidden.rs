//! Which properties a direction does not need: `readOnly` ones in requests, `writeOnly` ones in responses.
//!
//! The schemas of an `allOf` describe one value together. So a property that any of them marks is not needed, whichever of
//! them lists it under `required`.

use super::Direction;
use crate::document::{Document, pointer};
use serde_json::Value;
use std::collections::BTreeSet;

/// A schema and all schemas of its `allOf`, references followed, each with its pointer.
pub(super) fn members<'d>(document: &'d Document, place: &str) -> Vec<(String, &'d Value)> {
    let mut pending = vec![place.to_owned()];
    let mut members: Vec<(String, &Value)> = Vec::new();
    while let Some(place) = pending.pop() {
        let Some((target, schema)) = document.resolve(&place) else { continue };
        if members.iter().any(|(seen, _)| *seen == target) {
            continue;
        }
        let branches = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        pending.extend((0..branches).rev().map(|index| format!("{target}/allOf/{index}")));
        members.push((target, schema));
    }
    members
}

/// Whether a direction does not need the property whose schema is at `place`.
pub fn is_hidden(document: &Document, place: &str, direction: Direction) -> bool {
    let flag = match direction {
        Direction::Request => "readOnly",
        Direction::Response => "writeOnly",
    };
    members(document, place).iter().any(|(_, schema)| schema.get(flag) == Some(&Value::Bool(true)))
}

/// The properties of the schema at `place`, and of those of its `allOf`, that a direction does not need.
pub(super) fn names(document: &Document, place: &str, direction: Direction) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (target, schema) in members(document, place) {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|all| all.keys());
        let at = pointer::join(&target, "properties");
        names.extend(properties.filter(|name| is_hidden(document, &pointer::join(&at, name), direction)).cloned());
    }
    names
}

/// The properties that the schema at `place`, or one of its `allOf`, lists under `required`.
pub(super) fn required<'d>(document: &'d Document, place: &str) -> BTreeSet<&'d str> {
    let lists = members(document, place).into_iter().filter_map(|(_, schema)| schema.get("required")?.as_array());
    lists.flatten().filter_map(Value::as_str).collect()
}
