//! A request, which is sent exactly as built.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::KeyRole;
use crate::contract::Endpoint;

/// All characters but the unreserved ones of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` percent-encoded as one path segment or query value.
pub fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The operation that a request is for; its response is checked against those of the operation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OperationRef {
    /// One of the six operations of the offerings resource.
    Offerings(Endpoint),
    /// Another operation of the document, by its operation id.
    Other(Arc<str>),
    /// None: a method or URL that the document does not list.
    None,
}

impl OperationRef {
    /// The operation id, or `None` outside the document.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Offerings(endpoint) => Some(endpoint.operation_id()),
            Self::Other(id) => Some(id),
            Self::None => None,
        }
    }

    /// The offerings operation, or `None` for any other.
    pub fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Offerings(endpoint) => Some(*endpoint),
            Self::Other(_) | Self::None => None,
        }
    }
}

/// A request before it is sent. `$NAME`s in header values stand for secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The operation that it is for.
    pub operation: OperationRef,
    /// The method, as sent.
    pub method: Method,
    /// Path and query relative to the target's base, already percent-encoded; starts with `/`. Sent byte for byte.
    pub path: String,
    /// Headers in order, including `authorization`.
    pub headers: Vec<(String, String)>,
    /// The body, or `None` for a request without one.
    pub body: Option<Bytes>,
    /// Whether it must be rejected, so that sending it again after a lost response changes nothing.
    pub must_fail: bool,
}

impl Request {
    /// A request to one of the six operations, with the main key. An operation on one offering needs [`Self::id`] too.
    pub fn to(endpoint: Endpoint) -> Self {
        Self::new(OperationRef::Offerings(endpoint), endpoint.method(), endpoint.path())
    }

    /// Any other request, with the main key.
    pub fn new(operation: OperationRef, method: Method, path: impl Into<String>) -> Self {
        Self {
            operation,
            method,
            path: path.into(),
            headers: vec![("authorization".into(), KeyRole::Main.bearer())],
            body: None,
            must_fail: false,
        }
    }

    /// Inserts the offering's id into the path, percent-encoded.
    pub fn id(self, id: &str) -> Self {
        let encoded = encode_segment(id);
        self.raw_id(&encoded)
    }

    /// Inserts text as the id into the path exactly as given: for other percent-encodings and for invalid ids.
    pub fn raw_id(mut self, segment: &str) -> Self {
        self.path = self.path.replace("{offering_id}", segment);
        self
    }

    /// Adds a query parameter, with its value percent-encoded.
    pub fn query(self, name: &str, value: &str) -> Self {
        let encoded = encode_segment(value);
        self.raw_query(&format!("{name}={encoded}"))
    }

    /// Adds text to the query exactly as given.
    pub fn raw_query(mut self, text: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(text);
        self
    }

    /// Sets a header; its name is stored in lower case.
    pub fn header(self, name: &str, value: impl Into<String>) -> Self {
        let mut request = self.without_header(name);
        request.headers.push((name.to_ascii_lowercase(), value.into()));
        request
    }

    /// Removes a header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Uses the key of another role.
    pub fn key(self, role: KeyRole) -> Self {
        self.header("authorization", role.bearer())
    }

    /// Sets the body to JSON, with its content type.
    pub fn json(self, body: &Value) -> Self {
        self.raw_body("application/json", body.to_string())
    }

    /// Sets the body and its content type, exactly as given.
    pub fn raw_body(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut request = self.header("content-type", content_type);
        request.body = Some(body.into());
        request
    }

    /// The value of a header, with placeholders for secrets.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The role whose unchanged key it carries, or `None` when it carries another key or none.
    pub fn role(&self) -> Option<KeyRole> {
        let value = self.header_value("authorization")?;
        KeyRole::ALL.into_iter().find(|role| value == role.bearer())
    }

    /// Whether a server may change its state: true for every method but GET, HEAD and OPTIONS.
    pub fn is_write(&self) -> bool {
        ![Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.method)
    }

    /// The body parsed as JSON, or `None` when there is none or it is not JSON.
    pub fn json_body(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }

    /// The decoded id in the path of a request to one offering.
    pub fn path_id(&self) -> Option<String> {
        let path = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path);
        let rest = path.strip_prefix("/offerings/")?;
        let segment = rest.strip_suffix("/set-main").unwrap_or(rest);
        Some(percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_encoded_as_one_segment_and_decoded() {
        let request = Request::to(Endpoint::SetMain).id("a b:c/ü");
        assert_eq!(request.path, "/offerings/a%20b%3Ac%2F%C3%BC/set-main");
        assert_eq!(request.path_id().as_deref(), Some("a b:c/ü"));
    }

    #[test]
    fn a_header_replaces_one_with_the_same_name() {
        let request =
            Request::to(Endpoint::List).query("limit", "1").query("starting_after", "a b").key(KeyRole::Second);
        assert_eq!(request.path, "/offerings?limit=1&starting_after=a%20b");
        assert_eq!(request.headers, [("authorization".to_owned(), "Bearer $QONFORM_SECOND_TOKEN".to_owned())]);
    }
}
