//! One parsed request, not yet validated.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use super::config::{Config, decoded};
use super::server_response::{ApiError, Detail};

/// The largest accepted body, in bytes.
const BODY_LIMIT: usize = 1 << 20;
/// How many bytes of a larger body are read and discarded, so that the client receives the 413.
const DRAIN_LIMIT: usize = 16 << 20;

/// The six operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    List,
    Create,
    Get,
    Update,
    Delete,
    SetMain,
}

impl Operation {
    /// Whether it may change the project.
    pub(super) fn writes(self) -> bool {
        !matches!(self, Self::List | Self::Get)
    }

    pub(super) const ALL: [Self; 6] = [Self::List, Self::Create, Self::Get, Self::Update, Self::Delete, Self::SetMain];
}

/// A request, parsed but not validated.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    body: Result<Bytes, ApiError>,
    config: Arc<Config>,
}

impl Call {
    pub(super) async fn read(operation: Operation, request: Request, config: Arc<Config>) -> Self {
        let (head, body) = request.into_parts();
        Self {
            operation,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body: read_body(body).await,
            config,
        }
    }

    /// The offering id in the path, percent-encoded; empty if the operation has none.
    pub(super) fn raw_id(&self) -> &str {
        let id = self.path.strip_prefix("/v4/offerings/").unwrap_or_default();
        if self.operation == Operation::SetMain { id.strip_suffix("/set-main").unwrap_or(id) } else { id }
    }

    /// The offering id in the path, decoded.
    pub(super) fn id(&self) -> Result<String, ApiError> {
        let decoded = (self.config.decode_id)(self.raw_id());
        decoded.ok_or_else(|| ApiError::invalid(vec![Detail::new("offering_id", "must be UTF-8")]))
    }

    /// The id in the path, or in the body of a create.
    pub(super) fn named_id(&self) -> Option<String> {
        match self.operation {
            Operation::Create => self.body().ok().and_then(|body| body.get("id")?.as_str().map(str::to_owned)),
            _ => self.id().ok(),
        }
    }

    /// A parameter of the query, decoded; the last one if it is repeated.
    pub(super) fn query(&self, name: &'static str) -> Result<Option<String>, ApiError> {
        let mut found = None;
        for pair in self.query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decoded(key).is_some_and(|key| key == name) {
                let value = (self.config.decode_value)(value);
                found = Some(value.ok_or_else(|| ApiError::invalid(vec![Detail::new(name, "must be UTF-8")]))?);
            }
        }
        Ok(found)
    }

    /// The first undocumented query parameter.
    pub(super) fn undocumented_parameter(&self) -> Option<&str> {
        let names = self.query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        names.filter(|name| !name.is_empty()).find(|name| !matches!(*name, "limit" | "starting_after"))
    }

    /// The `Authorization` header, if there is exactly one and it is text.
    pub(super) fn authorization(&self) -> Option<&str> {
        let mut given = self.headers.get_all(AUTHORIZATION).iter();
        let (Some(only), None) = (given.next(), given.next()) else { return None };
        only.to_str().ok()
    }

    /// The key after `Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, key) = self.authorization()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
    }

    /// The value of `Idempotency-Key`; `None` when absent or empty.
    pub(super) fn idempotency_key(&self) -> Option<&[u8]> {
        self.headers.get("idempotency-key").map(http::HeaderValue::as_bytes).filter(|key| !key.is_empty())
    }

    /// The bytes of the body, or why they could not be read.
    pub(super) fn bytes(&self) -> Result<&Bytes, ApiError> {
        self.body.as_ref().map_err(Clone::clone)
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, ApiError> {
        let body = self.bytes()?;
        if body.is_empty() {
            return Err(ApiError::malformed("A JSON body is required."));
        }
        if !self.declares_json() {
            let message = "The body must be application/json.";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_data", message));
        }
        serde_json::from_slice(body)
            .map_err(|error| ApiError::malformed(format!("The body is not valid JSON: {error}.")))
    }

    /// The body after the repairs of the config.
    pub(super) fn body(&self) -> Result<Value, ApiError> {
        let rules = self.config.body(self.operation);
        let repaired = || (rules.repair)(std::str::from_utf8(self.bytes().ok()?).ok()?);
        let body = self.json().or_else(|error| {
            let repaired = if error.status == StatusCode::BAD_REQUEST { repaired() } else { None };
            repaired.ok_or(error)
        })?;
        Ok((rules.unwrap)(body))
    }

    /// Whether the body is declared as JSON or has no content type.
    fn declares_json(&self) -> bool {
        let Some(declared) = self.headers.get(CONTENT_TYPE) else {
            return true;
        };
        let declared = String::from_utf8_lossy(declared.as_bytes()).to_ascii_lowercase();
        (self.config.is_json)(declared.split(';').next().unwrap_or_default().trim())
    }
}

async fn read_body(mut body: Body) -> Result<Bytes, ApiError> {
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::malformed("The body could not be read to its end."))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen += data.len();
        if seen <= BODY_LIMIT {
            kept.extend_from_slice(&data);
        }
        if seen > DRAIN_LIMIT {
            break;
        }
    }
    if seen > BODY_LIMIT {
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The body is larger than 1 MiB."));
    }
    Ok(kept.freeze())
}
