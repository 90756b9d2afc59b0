//! What was asked of a project, read off the request.

use serde_json::Value;

use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};

/// The longest offering id, in characters.
const LONGEST_ID: usize = 64;

/// The longest product id, in characters.
const LONGEST_PRODUCT: usize = 255;

/// One call of one of the six operations on one project.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Call {
    /// The operation.
    pub endpoint: Endpoint,
    /// The offering: of the path, or of a create's body, a number by its digits; empty otherwise.
    pub id: String,
    /// The body, as far as the operation reads one.
    pub body: Body,
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// `limit` of a list, as sent.
    pub limit: Option<String>,
    /// `starting_after` of a list.
    pub after: Option<String>,
}

/// A field of a body.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Sent<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// It is there and of its type.
    Value(T),
    /// It is there and of another type.
    Broken,
}

/// The body of a create or update.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Body {
    /// Whether it is a JSON object; nothing else is known of it otherwise.
    pub is_object: bool,
    /// `id`.
    pub id: Sent<String>,
    /// `id` as a list would show it if the server took it after all.
    pub id_text: Option<String>,
    /// `product_ids`.
    pub products: Sent<Vec<String>>,
    /// `tag`.
    pub tag: Sent<i64>,
    /// Whether it has any other field.
    pub has_others: bool,
    /// The whole of it, with its fields in one order: two bodies are the same when their texts are.
    pub text: String,
}

impl Call {
    /// Reads a request; `None` when it is none of the six operations or not made with the key of `role`.
    pub fn read(request: &Request, role: KeyRole) -> Option<Self> {
        let endpoint = request.operation.endpoint()?;
        if request.header_value("authorization") != Some(&role.bearer()) {
            return None;
        }
        let body = match endpoint {
            Endpoint::Create | Endpoint::Update => Body::read(request.json_body()),
            _ => Body::default(),
        };
        let id = request.path_id().or_else(|| body.id_text.clone()).unwrap_or_default();
        Some(Self {
            endpoint,
            id,
            body,
            key: request.header_value("idempotency-key").map(str::to_owned),
            limit: query(request, "limit"),
            after: query(request, "starting_after"),
        })
    }

    /// Whether it may change anything.
    pub fn is_write(&self) -> bool {
        self.endpoint.writes()
    }
}

impl Body {
    fn read(json: Option<Value>) -> Self {
        let Some(json) = json else { return Self::default() };
        let text = json.to_string();
        let Value::Object(fields) = json else { return Self { text, ..Self::default() } };
        let known = ["id", "product_ids", "tag"];
        Self {
            is_object: true,
            id: sent(fields.get("id"), |value| value.as_str().map(str::to_owned)),
            id_text: match fields.get("id") {
                Some(Value::String(id)) => Some(id.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            },
            products: sent(fields.get("product_ids"), |value| {
                value.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect()
            }),
            tag: sent(fields.get("tag"), Value::as_i64),
            has_others: fields.keys().any(|name| !known.contains(&name.as_str())),
            text,
        }
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.is_object && !self.has_others && self.products == Sent::Absent && self.tag == Sent::Absent
    }

    /// The products, where they are a list.
    pub fn products(&self) -> Option<&[String]> {
        match &self.products {
            Sent::Value(products) => Some(products),
            _ => None,
        }
    }
}

fn sent<T>(value: Option<&Value>, read: impl FnOnce(&Value) -> Option<T>) -> Sent<T> {
    match value {
        None => Sent::Absent,
        Some(Value::Null) => Sent::Null,
        Some(value) => read(value).map_or(Sent::Broken, Sent::Value),
    }
}

fn query(request: &Request, name: &str) -> Option<String> {
    let (_, query) = request.path.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// Whether it can be an offering's id: 1 to 64 characters of the set.
pub(super) fn is_offering_id(id: &str) -> bool {
    is_of_set(id, LONGEST_ID)
}

/// Whether it can be a product's id.
pub(super) fn is_product_id(id: &str) -> bool {
    is_of_set(id, LONGEST_PRODUCT)
}

fn is_of_set(id: &str, longest: usize) -> bool {
    let in_set = |byte: u8| byte.is_ascii_alphanumeric() || b"._:- ".contains(&byte);
    (1..=longest).contains(&id.len()) && id.bytes().all(in_set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_is_what_the_request_says() {
        let request = Request::to(Endpoint::Update).id("a b").json(&json!({ "tag": null, "product_ids": ["p", 1] }));
        let call = Call::read(&request, KeyRole::Main).unwrap();
        assert_eq!((call.endpoint, call.id.as_str()), (Endpoint::Update, "a b"));
        assert_eq!((call.body.tag, call.body.products), (Sent::Null, Sent::Broken));
        let list = Request::to(Endpoint::List).query("limit", "2").query("starting_after", "a:b");
        let call = Call::read(&list, KeyRole::Main).unwrap();
        assert_eq!((call.limit.as_deref(), call.after.as_deref()), (Some("2"), Some("a:b")));
        assert_eq!(Call::read(&list.key(KeyRole::Second), KeyRole::Main), None);
    }

    #[test]
    fn an_id_is_of_the_set_and_not_too_long() {
        assert!(is_offering_id(&"x".repeat(64)) && is_offering_id("a. b:c_-"));
        assert!(!is_offering_id("") && !is_offering_id(&"x".repeat(65)) && !is_offering_id("a/b"));
    }
}
