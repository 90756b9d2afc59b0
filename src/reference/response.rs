//! The last step: serializes the response, with the changes that faults and behaviours make to every response.

use std::ops::RangeInclusive;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use super::call::{Call, Operation};
use super::config::Config;
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
    let mut response = response.into_response();
    if let Some(pretty) = pretty {
        *response.body_mut() = Body::from(pretty);
    }
    response
}
