//! The last step: serializes the response, with the changes that faults and behaviours make to every response.

use std::ops::RangeInclusive;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use serde_json::{Map, Value};

use super::call::{Call, Operation};
use super::config::Config;
use super::gzip;
use super::server_response::{ApiError, ServerResponse};

/// Statuses of a success.
pub(super) const SUCCESS: RangeInclusive<u16> = 200..=299;
/// Statuses of a failure.
pub(super) const FAILURE: RangeInclusive<u16> = 400..=599;
/// Every status.
pub(super) const ANY: RangeInclusive<u16> = 100..=599;

/// Changes a response to these operations with these statuses.
#[derive(Debug, Clone)]
pub(super) struct ResponseChange {
    pub(super) at: &'static [Operation],
    pub(super) statuses: RangeInclusive<u16>,
    pub(super) apply: fn(&Call, &mut ServerResponse),
}

/// Changes every offering that these operations return.
#[derive(Debug, Clone, Copy)]
pub(super) struct Show {
    pub(super) at: &'static [Operation],
    pub(super) apply: fn(&mut Map<String, Value>),
}

/// An error with another status or code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Override {
    pub(super) at: &'static [Operation],
    /// Its typed code, followed by a slash and the field of its details, if any.
    pub(super) about: &'static str,
    pub(super) instead: Instead,
}

/// The replacement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instead {
    Status(u16),
    Code(&'static str),
}

impl Override {
    fn applies_to(&self, operation: Operation, error: &ApiError) -> bool {
        let (code, field) = self.about.split_once('/').unwrap_or((self.about, ""));
        let blamed = error.details.first().map_or("", |detail| detail.field);
        (code, field) == (error.code, blamed) && self.at.contains(&operation)
    }

    fn apply(&self, error: &mut ApiError) {
        match self.instead {
            Instead::Status(status) => error.status = StatusCode::from_u16(status).unwrap_or(error.status),
            Instead::Code(code) => error.code = code,
        }
    }
}

/// The response to a request.
pub(super) fn response(config: &Config, call: &Call, result: Result<ServerResponse, ApiError>) -> Response {
    let mut response = result.unwrap_or_else(|mut error| {
        if let Some(found) = config.overrides.iter().find(|one| one.applies_to(call.operation, &error)) {
            found.apply(&mut error);
        }
        error.into_response()
    });
    for change in &config.changes {
        if change.at.contains(&call.operation) && change.statuses.contains(&response.status.as_u16()) {
            (change.apply)(call, &mut response);
        }
    }
    let pretty = response.body.as_ref().filter(|_| config.pretty).map(|body| format!("{body:#}\n"));
    let text = pretty.unwrap_or_else(|| response.text());
    let compressed =
        Some(text.as_bytes()).filter(|text| !text.is_empty() && allows_gzip(config, call)).map(gzip::member);
    let mut response = response.into_response();
    *response.body_mut() = compressed.map_or_else(
        || Body::from(text),
        |compressed| {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Body::from(compressed)
        },
    );
    response
}

/// Whether the response may and will be compressed. Without the header, a request allows every coding.
fn allows_gzip(config: &Config, call: &Call) -> bool {
    let accepted =
        call.headers.get(ACCEPT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    config.compresses && accepted.is_none_or(|accepted| accepted.contains("gzip") || accepted.contains('*'))
}
