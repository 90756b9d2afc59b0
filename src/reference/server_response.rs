//! Responses, and errors that become responses.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

/// A status, headers and a JSON body, not yet serialized.
#[derive(Debug, Clone)]
pub(super) struct ServerResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None` only where the status allows no body.
    pub(super) body: Option<Value>,
    /// Sent if there is no JSON: a page that does not come from the API.
    pub(super) page: &'static str,
}

impl ServerResponse {
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body: Some(body), page: "" }
    }

    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: None, page: "" }
    }

    /// A page that does not come from the API.
    pub(super) fn html(status: StatusCode, page: &'static str) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
        Self { status, headers, body: None, page }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// A member of the body; null if absent.
    pub(super) fn get(&self, name: &str) -> Value {
        self.body.as_ref().and_then(|body| body.get(name)).cloned().unwrap_or_default()
    }

    /// Sets a member of the body.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(Value::Object(members)) = &mut self.body {
            members.insert(name.to_owned(), value.into());
        }
    }

    /// Removes a member of the body.
    pub(super) fn remove(&mut self, name: &str) {
        if let Some(Value::Object(members)) = &mut self.body {
            members.remove(name);
        }
    }

    fn error(&mut self) -> Option<&mut Map<String, Value>> {
        self.body.as_mut()?.get_mut("error")?.as_object_mut()
    }

    /// Sets a member of `error`.
    pub(super) fn set_error(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(error) = self.error() {
            error.insert(name.to_owned(), value.into());
        }
    }

    /// Removes a member of `error`.
    pub(super) fn remove_error(&mut self, name: &str) {
        if let Some(error) = self.error() {
            error.remove(name);
        }
    }

    /// Sets `error.details` if absent.
    pub(super) fn default_details(&mut self, details: Value) {
        if let Some(error) = self.error() {
            error.entry("details").or_insert(details);
        }
    }

    /// The typed code; empty if absent.
    pub(super) fn code(&self) -> String {
        self.get("error")["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the details name a field.
    pub(super) fn blames(&self, field: &str) -> bool {
        let error = self.get("error");
        error["details"].as_array().is_some_and(|details| details.iter().any(|detail| detail["field"] == field))
    }

    /// Adds `_meta` beside the error of an invalid limit, as in the example of the list page.
    pub(super) fn explain_limit(&mut self) {
        if self.blames("limit") {
            let messages = ["must be an integer between 1 and 100"];
            self.set("_meta", json!({ "fields": [{ "name": "limit", "messages": messages }] }));
        }
    }

    /// Sets the content type, if there is a body.
    pub(super) fn declare(&mut self, content_type: &'static str) {
        if self.body.is_some() {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
    }

    /// The body as text; empty without one.
    pub(super) fn text(&self) -> String {
        self.body.as_ref().map_or_else(|| self.page.to_owned(), Value::to_string)
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.text()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// One field at fault, as `error.details` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) field: &'static str,
    pub(super) message: String,
}

impl Detail {
    pub(super) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// Why a request was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Empty when no field is at fault; then the envelope has no `details`.
    pub(super) details: Vec<Detail>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    /// 400 `invalid_data` for fields.
    pub(super) fn invalid(details: Vec<Detail>) -> Self {
        Self { details, ..Self::malformed("The request data is not valid.") }
    }

    /// 400 `invalid_data` for a request as a whole.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_data", message)
    }

    /// 400 with its own code for one field.
    pub(super) fn field(code: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { details: vec![Detail::new(field, message.clone())], ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "No such offering in this project.")
    }

    /// 500 without details.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown_error", "Something went wrong.")
    }

    /// 422 with its own code.
    pub(super) fn unprocessable(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// The class of the failure, `error.type`.
    fn kind(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND if self.code == "invalid_request" => "request",
            StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => "resource",
            status if status.is_server_error() => "internal",
            _ => "request",
        }
    }

    pub(super) fn into_response(self) -> ServerResponse {
        let mut error = json!({ "type": self.kind(), "code": self.code, "message": self.message });
        if !self.details.is_empty() {
            let details = self.details.iter().map(|detail| json!({ "field": detail.field, "message": detail.message }));
            error["details"] = details.collect();
        }
        ServerResponse::json(self.status, json!({ "error": error }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_present_only_when_a_field_is_at_fault() {
        let whole = ApiError::not_found().into_response().body.expect("an error has a body");
        assert_eq!(whole["error"]["type"], "resource");
        assert!(whole["error"].get("details").is_none());
        let field = ApiError::invalid(vec![Detail::new("limit", "too big")]).into_response().body.expect("likewise");
        assert_eq!(field["error"]["details"], json!([{ "field": "limit", "message": "too big" }]));
    }
}
