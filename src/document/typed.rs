//! An operation as a type of `openapiv3`.
//!
//! The type refuses what does no harm, such as an empty description, and its schemas lose unknown keywords. So it is made
//! from a copy that has only what is read, of the right type, with references followed and without schemas.

use super::{
    Document, pointer,
    structure::{
        ObjectKind,
        ValueShape::{self, Any, Flag, List, Map, Object, Reference, Text, Word},
    },
};
use serde_json::{Value, json};

/// The extension with the JSON pointer of each object, references followed.
pub const PLACE: &str = "x-qonform-place";

/// The operation at `operation`. The parameters of its path item at `item` follow its own.
pub(super) fn operation(document: &Document, item: &str, operation: &str) -> serde_json::Result<openapiv3::Operation> {
    let copy = |shape, at: &str| document.value().pointer(at).and_then(|value| copy(document, shape, value, at));
    let mut typed: openapiv3::Operation =
        serde_json::from_value(copy(Object(ObjectKind::Operation), operation).unwrap_or_default())?;
    let shared = copy(List(&Reference(ObjectKind::Parameter)), &pointer::join(item, "parameters"));
    typed.parameters.extend(shared.map_or(Ok(Vec::new()), serde_json::from_value)?);
    if typed.security.is_none() {
        typed.security = copy(List(&Map(&List(&Text))), "/security").map(serde_json::from_value).transpose()?;
    }
    Ok(typed)
}

/// What replaces a schema. The type of a schema would be slow to read.
fn omitted() -> Value {
    json!({ "$ref": "" })
}

/// The copy of a value, or `None` for one of another type.
fn copy(document: &Document, shape: ValueShape, value: &Value, at: &str) -> Option<Value> {
    match (shape, value) {
        (Reference(ObjectKind::Schema), _) => Some(omitted()),
        (Reference(kind), Value::Object(_)) => {
            let (target, value) = document.resolve(at)?;
            object(document, kind, value, &target)
        }
        (Object(kind), Value::Object(_)) => object(document, kind, value, at),
        (List(item), Value::Array(items)) => {
            let copied = |(index, value)| copy(document, *item, value, &format!("{at}/{index}"));
            Some(items.iter().enumerate().filter_map(copied).collect())
        }
        (Map(member), Value::Object(map)) => {
            let copied = |(key, value): (&String, &Value)| {
                Some((key.clone(), copy(document, *member, value, &pointer::join(at, key))?))
            };
            Some(map.iter().filter_map(copied).collect())
        }
        (Text | Word(_), Value::String(_)) | (Flag, Value::Bool(_)) | (Any, _) => Some(value.clone()),
        // A tag that is a number.
        (Text, Value::Number(_) | Value::Bool(_)) => Some(Value::from(value.to_string())),
        _ => None,
    }
}

fn object(document: &Document, kind: ObjectKind, value: &Value, at: &str) -> Option<Value> {
    let mut copied = json!({});
    for (key, value) in value.as_object()? {
        let shape = match kind.fields().iter().find(|(name, _)| name == key) {
            _ if key.starts_with("x-") => Any,
            _ if kind == ObjectKind::Responses => Reference(ObjectKind::Response),
            Some((_, Any)) if !["example", "value"].contains(&key.as_str()) => continue,
            Some((_, shape)) if key != "servers" => *shape,
            _ => continue,
        };
        if let Some(value) = copy(document, shape, value, &pointer::join(at, key)) {
            copied[key] = value;
        }
    }
    copied[PLACE] = at.into();
    match kind {
        ObjectKind::Response if copied.get("description").is_none() => copied["description"] = "".into(),
        ObjectKind::Parameter | ObjectKind::Header => {
            // The type has one of the two.
            if value.get("schema").is_some() || value.get("content").is_none() {
                copied.as_object_mut()?.remove("content");
                copied["schema"] = omitted();
            }
            // One that its place does not have is that of its place.
            if serde_json::from_value::<openapiv3::Parameter>(copied.clone()).is_err() {
                copied.as_object_mut()?.remove("style");
            }
        }
        _ => {}
    }
    Some(copied)
}
