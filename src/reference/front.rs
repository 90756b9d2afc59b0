//! Routers, firewalls and proxies that respond before the API.
//!
//! Their bodies are HTML.

use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::call::Call;
use super::config::decoded;
use super::server_response::{ApiError, ServerResponse};

/// The longest id or cursor that a proxy accepts, in characters.
const TARGET_MAX: usize = 100;
/// The largest body that a proxy accepts, in bytes.
const BODY_MAX: usize = 65_536;
/// Every how many requests an interruption occurs.
const EVERY: u64 = 29;

/// A router that rejects unusual paths.
pub(super) fn router(call: &Call) -> Option<ServerResponse> {
    let id = call.raw_id().to_ascii_lowercase();
    let odd = id.contains("%2f") || id.contains("%00") || decoded(&id).is_none_or(|id| id == "." || id == "..");
    (odd && !id.is_empty()).then(|| ServerResponse::html(StatusCode::NOT_FOUND, "<h1>404 Not Found</h1>"))
}

/// A router that removes a slash at the end of the decoded path.
pub(super) fn slash_redirect(call: &Call) -> Option<ServerResponse> {
    let path = decoded(&call.path)?;
    let location = HeaderValue::from_str(path.strip_suffix('/')?).ok()?;
    Some(ServerResponse::html(StatusCode::TEMPORARY_REDIRECT, "").with_header("location", location))
}

/// A router for which an unknown URL is an error of the request.
pub(super) fn unknown_url(call: &Call) -> Option<ServerResponse> {
    router(call).map(|_| {
        let mut response = ApiError::new(StatusCode::NOT_FOUND, "invalid_request", "Unrecognised URL.").into_response();
        response.set_error("type", "request");
        response
    })
}

/// An HTTP server that reads only valid URIs.
pub(super) fn malformed_url(call: &Call) -> Option<ServerResponse> {
    let is_broken = |rest: &str| !rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    let url = [&call.path, &call.query];
    let is_malformed = url.iter().any(|part| part.split('%').skip(1).any(is_broken));
    is_malformed.then(|| ServerResponse::html(StatusCode::BAD_REQUEST, "<h1>400 Bad Request</h1>"))
}

/// A firewall that detects attacks.
pub(super) fn firewall(call: &Call) -> Option<ServerResponse> {
    let mut texts = vec![decoded(&call.path).unwrap_or_default(), decoded(&call.query).unwrap_or_default()];
    if let Ok(body) = call.json() {
        collect(&body, &mut texts);
    }
    let hostile = |text: &String| {
        let text = text.to_ascii_lowercase();
        text.contains(|letter: char| letter.is_control() || letter == '<')
            || ["' or ", "drop table", "select ", "--"].iter().any(|sign| text.contains(sign))
    };
    texts.iter().any(hostile).then(|| ServerResponse::html(StatusCode::FORBIDDEN, "<h1>Request blocked</h1>"))
}

/// A proxy with a maximum URL length.
pub(super) fn long_target(call: &Call) -> Option<ServerResponse> {
    let long = |text: String| text.chars().count() > TARGET_MAX;
    let too_long = call.id().is_ok_and(long) || call.query("starting_after").is_ok_and(|after| after.is_some_and(long));
    too_long.then(|| ServerResponse::html(StatusCode::URI_TOO_LONG, "<h1>414 URI Too Long</h1>"))
}

/// Likewise, with the status of headers that are too large.
pub(super) fn large_headers(call: &Call) -> Option<ServerResponse> {
    let page = ServerResponse::html(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "<h1>431</h1>");
    long_target(call).map(|_| page)
}

/// A proxy that rejects paths that it cannot decode, and long ones.
pub(super) fn strict_proxy(call: &Call) -> Option<ServerResponse> {
    let id = decoded(call.raw_id());
    let odd = id.is_none_or(|id| id.contains('\0') || id.chars().count() > TARGET_MAX);
    let page = ServerResponse::html(StatusCode::BAD_REQUEST, "<html><center><h1>400 Bad Request</h1></center></html>");
    odd.then(|| page.with_header("server", HeaderValue::from_static("nginx/1.25.3")))
}

/// A proxy with a maximum body size.
pub(super) fn large_body(call: &Call) -> Option<ServerResponse> {
    let large = call.bytes().map_or(true, |body| body.len() > BODY_MAX);
    large.then(|| ServerResponse::html(StatusCode::PAYLOAD_TOO_LARGE, "<h1>413 Payload Too Large</h1>"))
}

/// A rate limit; `Retry-After` is 0 but for once, to keep runs fast.
pub(super) fn too_many_requests(requests: u64) -> Option<ServerResponse> {
    let wait = u16::from(requests == 16 * EVERY);
    let response = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Slow down.").into_response();
    requests.is_multiple_of(EVERY).then(|| response.with_header("retry-after", HeaderValue::from(wait)))
}

/// A proxy that sometimes cannot reach the API.
pub(super) fn unavailable(requests: u64) -> Option<ServerResponse> {
    let page = ServerResponse::html(StatusCode::SERVICE_UNAVAILABLE, "<h1>503 Service Unavailable</h1>");
    (requests + 7).is_multiple_of(EVERY).then(|| page.with_header("retry-after", HeaderValue::from(0)))
}

/// All strings of a value, including member names.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| collect(value, texts)),
        Value::Object(members) => {
            for (name, value) in members {
                texts.push(name.clone());
                collect(value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
