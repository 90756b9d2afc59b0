//! One request as the operations want it: read once, nothing judged yet.

use std::sync::MutexGuard;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::{Detail, Refusal};
use super::behaviour::Behaviour;
use super::offering::Offering;
use super::project::Project;
use super::store::Shared;
use super::switches::Switches;

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 1 << 20;
/// How much of a larger body is read and thrown away, so that the client gets to see the 413.
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

/// A request, read but not judged.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    body: Result<Bytes, Refusal>,
    /// What a racing request of a faulty server takes for the present state.
    pub(super) stale: Option<Vec<Offering>>,
    any_content_type: bool,
}

impl Call {
    pub(super) async fn read(operation: Operation, request: Request, switches: Switches) -> Self {
        let (head, body) = request.into_parts();
        Self {
            operation,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body: read_body(body).await,
            stale: None,
            any_content_type: switches.behaves(Behaviour::AnyContentType),
        }
    }

    /// The offering id in the path, still percent-encoded; empty where the operation has none.
    pub(super) fn raw_id(&self) -> &str {
        let id = self.path.strip_prefix("/v4/offerings/").unwrap_or_default();
        if self.operation == Operation::SetMain { id.strip_suffix("/set-main").unwrap_or(id) } else { id }
    }

    /// The offering id in the path, decoded.
    pub(super) fn id(&self) -> Result<String, Refusal> {
        let decoded = percent_decode_str(self.raw_id()).decode_utf8();
        decoded.map(Into::into).map_err(|_| Refusal::invalid(vec![Detail::new("offering_id", "must be UTF-8")]))
    }

    /// The parameters of the query, decoded; where one is given twice, the last one counts.
    pub(super) fn query(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        let mut found = None;
        for pair in self.query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if percent_decode_str(key).decode_utf8().is_ok_and(|key| key == name) {
                let value = value.replace('+', " ");
                let value = percent_decode_str(&value).decode_utf8();
                let value = value.map_err(|_| Refusal::invalid(vec![Detail::new(name, "must be UTF-8")]))?;
                found = Some(value.into_owned());
            }
        }
        Ok(found)
    }

    /// The first query parameter that no document names.
    pub(super) fn undocumented_parameter(&self) -> Option<&str> {
        let names = self.query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        names.filter(|name| !name.is_empty()).find(|name| !matches!(*name, "limit" | "starting_after"))
    }

    /// Takes the project for the one step that this call is.
    pub(super) fn enter<'a>(&self, project: &'a Shared) -> MutexGuard<'a, Project> {
        let mut project = project.lock();
        project.history.stale.clone_from(&self.stale);
        project
    }

    /// The value of `Idempotency-Key`; `None` when absent or empty.
    pub(super) fn idempotency_key(&self) -> Option<&[u8]> {
        self.headers.get("idempotency-key").map(http::HeaderValue::as_bytes).filter(|key| !key.is_empty())
    }

    /// The bytes of the body, or why they could not be had.
    pub(super) fn bytes(&self) -> Result<&Bytes, Refusal> {
        self.body.as_ref().map_err(Clone::clone)
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        let body = self.bytes()?;
        if body.is_empty() {
            return Err(Refusal::malformed("A JSON body is required."));
        }
        if !self.any_content_type && !self.declares_json() {
            let message = "The body must be application/json.";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_data", message));
        }
        serde_json::from_slice(body)
            .map_err(|error| Refusal::malformed(format!("The body is not valid JSON: {error}.")))
    }

    /// Whether the body is declared as JSON; one without a declaration gets the benefit of the doubt.
    fn declares_json(&self) -> bool {
        let Some(declared) = self.headers.get(CONTENT_TYPE) else {
            return true;
        };
        let declared = String::from_utf8_lossy(declared.as_bytes()).to_ascii_lowercase();
        let essence = declared.split(';').next().unwrap_or_default().trim();
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    }
}

async fn read_body(mut body: Body) -> Result<Bytes, Refusal> {
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::malformed("The body could not be read to its end."))?;
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
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The body is larger than 1 MiB."));
    }
    Ok(kept.freeze())
}
