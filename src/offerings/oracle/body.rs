//! The body of a create or update request, as far as conditions depend on it.

use serde_json::{Map, Value};

use crate::contract::Endpoint;
use crate::exchange::Request;

/// A larger body, in bytes, may be rejected, even if its contents are valid.
const MAX_ORDINARY: usize = 64 << 10;

/// Properties that only the server sets.
const READ_ONLY: [&str; 4] = ["object", "url", "created_at", "updated_at"];

/// The value of a property in a body.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Sent<T> {
    /// The property is missing.
    #[default]
    Absent,
    /// Null.
    Null,
    /// A value of the documented type.
    Value(T),
    /// A value that only some parsers accept for the type, as `1.0` for an integer.
    Ambiguous,
    /// A value of another type.
    Invalid,
}

/// The shape of a whole body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BodyShape {
    /// No body.
    #[default]
    None,
    /// A JSON object with a JSON content type.
    Object,
    /// A JSON object with another content type or none.
    Undeclared,
    /// JSON that parsers read differently: repeated members, bytes that are not UTF-8, numbers beyond 64 bits, deep
    /// nesting.
    Ambiguous,
    /// `null`.
    Null,
    /// Another JSON value.
    NotObject,
    /// Not JSON.
    Malformed,
}

/// The body of a create or update.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Body {
    /// The shape of the whole body.
    pub shape: BodyShape,
    /// Whether it may be rejected for its size.
    pub is_large: bool,
    /// `id`.
    pub id: Sent<String>,
    /// `id` as a list shows it if the server accepts it.
    pub id_text: Option<String>,
    /// `product_ids`.
    pub products: Sent<Vec<String>>,
    /// `tag`.
    pub tag: Sent<i64>,
    /// Read-only properties with the values sent, as JSON texts.
    pub read_only: Vec<(&'static str, String)>,
    /// Whether it has an undocumented property.
    pub has_unknown: bool,
    /// The whole body with sorted members: equal bodies have equal texts.
    pub text: String,
}

impl Body {
    pub(super) fn read(endpoint: Endpoint, request: &Request) -> Self {
        let Some(bytes) = request.body.as_deref() else { return Self::default() };
        let is_large = bytes.len() > MAX_ORDINARY;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self {
                shape: if bytes.is_empty() { BodyShape::None } else { BodyShape::Malformed },
                ..Self::default()
            };
        }
        let reads_body = matches!(endpoint, Endpoint::Create | Endpoint::Update);
        let (json, shape) = match serde_json::from_slice::<Value>(bytes) {
            Ok(json) => (json, shape_of(bytes)),
            Err(error) => {
                // Another parser may accept it.
                let is_limit = ["recursion limit", "out of range", "hex escape", "unicode"]
                    .iter()
                    .any(|part| error.to_string().contains(part));
                let is_encoding = std::str::from_utf8(bytes).is_err()
                    || bytes.starts_with(&[0xef, 0xbb, 0xbf])
                    || bytes.contains(&0) && bytes.len() > 1;
                let shape = if (is_limit && !is_never_closed(bytes)) || is_encoding {
                    BodyShape::Ambiguous
                } else {
                    BodyShape::Malformed
                };
                return Self { shape, is_large, text: String::from_utf8_lossy(bytes).into_owned(), ..Self::default() };
            }
        };
        let text = if reads_body { json.to_string() } else { String::new() };
        let Value::Object(members) = json else {
            let shape = if json == Value::Null { BodyShape::Null } else { BodyShape::NotObject };
            return Self { shape, is_large, text, ..Self::default() };
        };
        let shape = if shape == BodyShape::Object && !is_declared(request) { BodyShape::Undeclared } else { shape };
        Self { shape, is_large, text, ..Self::of(&members) }
    }

    fn of(members: &Map<String, Value>) -> Self {
        const KNOWN: [&str; 3] = ["id", "product_ids", "tag"];
        let read_only = READ_ONLY.into_iter().filter_map(|name| Some((name, members.get(name)?.to_string())));
        let is_known = |name: &str| KNOWN.contains(&name) || READ_ONLY.contains(&name);
        Self {
            id: sent(members.get("id"), |value| value.as_str().map(str::to_owned)),
            id_text: match members.get("id") {
                Some(Value::String(id)) => Some(id.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            },
            products: sent(members.get("product_ids"), |value| {
                value.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect()
            }),
            tag: match members.get("tag") {
                Some(tag) if tag.is_f64() && tag.as_f64().is_some_and(is_small_integer) => Sent::Ambiguous,
                tag => sent(tag, Value::as_i64),
            },
            read_only: read_only.collect(),
            has_unknown: members.keys().any(|name| !is_known(name)),
            ..Self::default()
        }
    }

    /// Whether every parser reads it as a JSON object.
    pub fn is_object(&self) -> bool {
        self.shape == BodyShape::Object
    }

    /// Whether it is a JSON object without members.
    pub fn is_empty(&self) -> bool {
        self.is_object()
            && !self.has_unknown
            && self.read_only.is_empty()
            && self.id == Sent::Absent
            && self.products == Sent::Absent
            && self.tag == Sent::Absent
    }
}

/// Whether some parsers read it as an integer, as `1.0` and `-0.0`. No parser reads a tag beyond 16 bits.
fn is_small_integer(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < f64::from(i16::MAX)
}

/// Whether text that nests too deep for this parser is malformed for every other: it is never closed.
fn is_never_closed(bytes: &[u8]) -> bool {
    !matches!(bytes.trim_ascii_end().last(), Some(b'}' | b']'))
}

fn is_declared(request: &Request) -> bool {
    let essence = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let value = request.header_value("content-type");
    value.is_some_and(|value| essence(value) == "application/json" && !value.to_ascii_lowercase().contains("utf-16"))
}

/// Whether all parsers read an object the same way.
fn shape_of(bytes: &[u8]) -> BodyShape {
    let repeats = crate::exchange::repeats_member(bytes);
    let text = String::from_utf8_lossy(bytes);
    let is_member = |rest: &str| rest.trim_start().starts_with(':');
    let has_unusual_text = text.contains("\\u0000") || text.split("\"__proto__\"").skip(1).any(is_member);
    let is_deep = bytes.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 64;
    if repeats || has_unusual_text || is_deep { BodyShape::Ambiguous } else { BodyShape::Object }
}

fn sent<T>(value: Option<&Value>, read: impl FnOnce(&Value) -> Option<T>) -> Sent<T> {
    match value {
        None => Sent::Absent,
        Some(Value::Null) => Sent::Null,
        Some(value) => read(value).map_or(Sent::Invalid, Sent::Value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body::read(Endpoint::Create, &Request::to(Endpoint::Create).raw_body("application/json", text.to_owned()))
    }

    #[test]
    fn the_shape_of_a_body_holds_for_every_parser() {
        let shapes = [
            (r#"{"id":"a"}"#, BodyShape::Object),
            ("", BodyShape::None),
            ("  ", BodyShape::Malformed),
            (r#"{"id":"a""#, BodyShape::Malformed),
            (r#"{"id":"a"} x"#, BodyShape::Malformed),
            ("[]", BodyShape::NotObject),
            ("null", BodyShape::Null),
            (r#"{"id":"a","id":"b"}"#, BodyShape::Ambiguous),
            (r#"{"id":"a","x":1e400}"#, BodyShape::Ambiguous),
            (r#"{"id":"a","x":"\ud800"}"#, BodyShape::Ambiguous),
            (r#"{"id":"a","x":"\udc00\ud800 "}"#, BodyShape::Ambiguous),
            (r#"{"id":"a","x":"\u12"}"#, BodyShape::Malformed),
            (r#"{"id":"a","__proto__" :{}}"#, BodyShape::Ambiguous),
            (r#"{"id":"__proto__"}"#, BodyShape::Object),
        ];
        for (text, shape) in shapes {
            assert_eq!(body(text).shape, shape, "{text}");
        }
    }

    #[test]
    fn properties_of_a_body_are_read_by_type() {
        let body = body(r#"{"id":7,"tag":1.0,"url":"/x","more":1}"#);
        assert_eq!((&body.id, body.id_text.as_deref(), &body.tag), (&Sent::Invalid, Some("7"), &Sent::Ambiguous));
        assert_eq!((body.read_only.len(), body.has_unknown), (1, true));
        // Sent as written; a parser may take it for the integer 0 or for a fraction.
        let request = Request::to(Endpoint::Update).raw_body("application/json", r#"{"tag":-0}"#.to_owned());
        assert_eq!(request.body.as_deref(), Some(&br#"{"tag":-0}"#[..]));
        assert_eq!(Body::read(Endpoint::Update, &request).tag, Sent::Ambiguous);
    }
}
