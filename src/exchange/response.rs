//! A response as received, parsed at most once.

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, Version};
use serde_json::Value;

use super::Credentials;
use super::foreign::{self, BYTE_ORDER_MARK};
use super::json::{self, Parsed, RepeatedMember};

/// A longer code, in bytes, is not shown as a code.
const MAX_CODE_LENGTH: usize = 64;

/// The response of the target. Its body is parsed when first needed.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The HTTP version of the response.
    pub version: Version,
    headers: HeaderMap,
    body: Bytes,
    json: OnceLock<Result<Parsed, String>>,
    is_redacted: bool,
    leak: Option<String>,
}

impl Response {
    /// An HTTP/1.1 response with these parts; `body` must be complete.
    pub fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        let version = Version::HTTP_11;
        Self { status, version, headers, body, json: OnceLock::new(), is_redacted: false, leak: None }
    }

    /// The same response with another HTTP version.
    pub(super) fn with_version(self, version: Version) -> Self {
        Self { version, ..self }
    }

    /// The response with every secret replaced by its name; the place of a key is saved for the rule that forbids it.
    pub(super) fn redacted(mut self, keys: &Credentials) -> Self {
        self.is_redacted = true;
        self.redact_headers(keys);
        if keys.contains_any(&self.body)
            && let Cow::Owned(clean) = keys.redact(&String::from_utf8_lossy(&self.body))
        {
            let leak = keys.found_in(&self.body).map(|key| format!("the body contains {key}"));
            (self.body, self.leak) = (Bytes::from(clean), self.leak.or(leak));
        }
        // Escapes in JSON strings may hide a key.
        if self.body.contains(&b'\\') {
            let mut leak = None;
            if let Some(clean) = redact_strings(&self.body, keys, &mut leak) {
                self.body = Bytes::from(clean);
                self.leak = self.leak.or(leak.map(|key| format!("the body contains {key}")));
            }
        }
        self
    }

    fn redact_headers(&mut self, keys: &Credentials) {
        let mut headers = self.headers.iter();
        if !headers.any(|(name, value)| keys.contains_any(name.as_ref()) || keys.contains_any(value.as_bytes())) {
            return;
        }
        let mut clean = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let leak = keys.found_in(value.as_bytes()).or_else(|| keys.found_in(name.as_str().as_bytes()));
            if let (Some(key), None) = (leak, &self.leak) {
                let shown = keys.redact(name.as_str());
                self.leak = Some(format!("the header `{shown}` contains {key}"));
            }
            let name = match keys.redact(name.as_str()) {
                Cow::Borrowed(_) => name.clone(),
                Cow::Owned(_) => http::HeaderName::from_static("redacted-name"),
            };
            let value = match keys.redact(&String::from_utf8_lossy(value.as_bytes())) {
                Cow::Borrowed(_) => value.clone(),
                Cow::Owned(text) => {
                    http::HeaderValue::from_str(&text).unwrap_or(http::HeaderValue::from_static("redacted"))
                }
            };
            clean.append(name, value);
        }
        self.headers = clean;
    }

    /// Whether secrets were already redacted.
    pub fn is_redacted(&self) -> bool {
        self.is_redacted
    }

    /// The place and name of a key that was redacted: `the body contains $QONFORM_TOKEN`.
    pub fn leak(&self) -> Option<&str> {
        self.leak.as_deref()
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

    /// The body as JSON, or `None` when it is not JSON. The last value of a repeated member counts.
    pub fn json(&self) -> Option<&Value> {
        self.parsed().as_ref().ok().map(|parsed| &parsed.value)
    }

    /// Members that appear more than once in an object of the body; at most 8.
    pub fn repeated(&self) -> &[RepeatedMember] {
        self.parsed().as_ref().map_or(&[], |parsed| &parsed.repeated)
    }

    /// Why the body is not JSON, or `None` when it is.
    pub fn json_error(&self) -> Option<&str> {
        self.parsed().as_ref().err().map(String::as_str)
    }

    fn parsed(&self) -> &Result<Parsed, String> {
        self.json.get_or_init(|| {
            let body = self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body);
            json::parse(body).map_err(|error| match foreign::kind_of(self) {
                Some(kind) => format!("the body is {kind}"),
                None if error.line() == 1 && error.column() <= 1 => "the body is text that is not JSON".into(),
                None => error.to_string(),
            })
        })
    }

    /// Whether the body begins with a byte order mark, which [`Self::json`] skips.
    pub fn has_byte_order_mark(&self) -> bool {
        self.body.starts_with(BYTE_ORDER_MARK)
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the status is 4xx: the request was rejected.
    pub fn is_rejection(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// Whether the status rejects the contents of the request (400, 422), not its subject.
    pub fn rejects_content(&self) -> bool {
        matches!(self.status, 400 | 422)
    }

    /// `error.code` of the body.
    pub fn error_code(&self) -> Option<&str> {
        self.json()?.pointer("/error/code")?.as_str()
    }

    /// Status and code as shown in findings: `404 not_found`, `201`. A code that is long or not ASCII is not shown.
    pub fn summary(&self) -> String {
        let is_shown =
            |code: &&str| code.len() <= MAX_CODE_LENGTH && code.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        match self.error_code().filter(|code| !code.is_empty()) {
            Some(code) if is_shown(&code) => format!("{} {code}", self.status),
            Some(_) => format!("{} with an unusual code", self.status),
            None => self.status.to_string(),
        }
    }
}

/// Redacts secrets in the strings and names of JSON, however their characters are escaped; the rest is unchanged.
/// `leak` receives the name of the first key. `None` when there is no secret.
fn redact_strings(body: &[u8], keys: &Credentials, leak: &mut Option<String>) -> Option<Vec<u8>> {
    let (mut clean, mut copied, mut at) = (Vec::new(), 0, 0);
    while let Some(start) = memchr::memchr(b'"', &body[at..]).map(|found| at + found) {
        let end = end_of_string(body, start);
        at = end;
        let literal = &body[start..end];
        let text = literal.contains(&b'\\').then(|| serde_json::from_slice::<String>(literal).ok()).flatten();
        let Some(text) = text else { continue };
        let Cow::Owned(redacted) = keys.redact(&text) else { continue };
        *leak = leak.take().or_else(|| keys.found_in(text.as_bytes()).map(str::to_owned));
        clean.extend_from_slice(&body[copied..start]);
        clean.extend_from_slice(Value::from(redacted).to_string().as_bytes());
        copied = end;
    }
    (copied > 0).then(|| [&clean[..], &body[copied..]].concat())
}

/// The offset after the string that begins at `start`; the end of the body for an unterminated string.
fn end_of_string(body: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = body.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        match body[at + found] {
            b'"' => return at + found + 1,
            _ => at += found + 2,
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{KeyRole, Secret};

    const KEY: &str = "test_sk_main_0001";

    fn redacted(headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        let keys = Credentials::default().with_key(KeyRole::Main, Secret::new(KEY));
        Response::new(200, headers, Bytes::from(body.to_owned())).redacted(&keys)
    }

    #[test]
    fn keys_are_redacted_wherever_they_are() {
        let escaped = format!("\\u0074{}", &KEY[1..]);
        for (headers, body) in [
            (vec![("x-echo", format!("Bearer {KEY}"))], String::new()),
            (vec![("x-a", String::new()), ("test_sk_main_0001", "1".into())], String::new()),
            (vec![], format!("<p>{KEY}")),
            (vec![], format!("{{\"a\": [\"{escaped}\"]}}")),
            (vec![], format!("{{\"{escaped}\": 1}}")),
            // A parser that uses only the last member would not see it.
            (vec![], format!("{{\"a\": \"{escaped}\", \"a\": 1}}")),
            (vec![], format!("{{\"a\": \"\\\"{escaped}\"")),
        ] {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let response = redacted(&headers, &body);
            assert!(response.leak().is_some_and(|leak| leak.contains("$QONFORM_TOKEN")), "{headers:?} {body}");
            let shown = format!("{response:?} {:?}", response.json());
            assert!(!shown.contains(KEY) && !shown.contains("est_sk_main"), "{shown}");
        }
    }

    #[test]
    fn a_response_without_keys_is_unchanged() {
        let response = redacted(&[("x-a", "1"), ("x-a", "2")], r#"{"a": "\u0041"}"#);
        assert_eq!(response.leak(), None);
        assert_eq!(response.body().as_ref(), br#"{"a": "\u0041"}"#);
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    }
}
