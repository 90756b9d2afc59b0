//! An answer as it came, parsed at most once.

use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// What the target answered. Its body is parsed the first time somebody asks, and only then.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    headers: HeaderMap,
    body: Bytes,
    json: OnceLock<Result<Value, String>>,
}

impl Answer {
    /// An answer of these parts; `body` is complete.
    pub fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, json: OnceLock::new() }
    }

    /// All headers, as received.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The first value of a header, bytes outside UTF-8 replaced.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The body's bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON, or `None` when it is not JSON.
    pub fn json(&self) -> Option<&Value> {
        self.parsed().as_ref().ok()
    }

    /// Why the body is not JSON, or `None` when it is.
    pub fn json_error(&self) -> Option<&str> {
        self.parsed().as_ref().err().map(String::as_str)
    }

    fn parsed(&self) -> &Result<Value, String> {
        self.json.get_or_init(|| serde_json::from_slice(&self.body).map_err(|error| error.to_string()))
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the status is 4xx: the request was refused.
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// `error.code` of the body.
    pub fn error_code(&self) -> Option<&str> {
        self.json()?.pointer("/error/code")?.as_str()
    }

    /// `404 not_found`, `201`: how an answer is named in findings.
    pub fn summary(&self) -> String {
        match self.error_code() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }
}
