//! The `response.*` rules: the envelope of every response.

use http::Method;
use serde_json::Value;

use super::body::{self, shorten};
use super::judge::{CheckContext, deviation};
use super::{headers, leak};
use crate::contract::{DocumentedResponse, Endpoint};
use crate::exchange::Request;

pub(super) const NO_SERVER_ERROR: &str = "response.no-server-error";
pub(super) const DOCUMENTED_STATUS: &str = "response.documented-status";
pub(super) const CODE_DOCUMENTED: &str = "response.error-code-documented";
pub(super) const CODE_FORMAT: &str = "response.error-code-format";
pub(super) const DETAILS_OMITTED: &str = "response.details-omitted";
pub(super) const NO_META: &str = "response.no-meta";
pub(super) const ERROR_TYPE: &str = "response.error-type";
pub(super) const NO_SECRET: &str = "response.no-secret";
pub(super) const HEADERS_SANE: &str = "response.headers-sane";

/// Statuses that any HTTP server may return: reported as drift, not as violations.
const GENERAL: [u16; 7] = [403, 405, 413, 414, 415, 429, 431];

/// Codes that any operation may return, from "Handling errors" of v4.
const GENERAL_CODES: [&str; 10] = [
    "invalid_data",
    "invalid_request",
    "control_unauthorized",
    "not_implemented",
    "not_found",
    "already_exists",
    "relation_not_found",
    "storage_error",
    "network_error",
    "unknown_error",
];

/// The values of `error.type`.
const TYPES: [&str; 4] = ["request", "resource", "logical", "internal"];

pub(super) fn judge(cx: &mut CheckContext<'_>) {
    let response = &cx.exchange.response;
    let status = response.status;
    // A server or a proxy rejects an unknown method with 501.
    let is_unknown_method = status == 501 && cx.operation.is_none();
    cx.rule(NO_SERVER_ERROR, status < 500 || is_unknown_method, || {
        let title = "server returned a 5xx status";
        deviation("any", status.to_string(), title, "a status other than 5xx", response.summary())
    });
    no_secret(cx);
    headers_sane(cx);
    if status >= 500 {
        return; // Any other deviation of such a response follows from this one.
    }
    let documented = cx.operation.and_then(|op| op.response(documented_as(&cx.exchange.request, status)));
    documented_status(cx, documented.is_some());
    body::judge(cx, documented, has_body(&cx.exchange.request, status));
    if let Some(documented) = documented {
        headers::judge(cx, documented);
    }
    if cx.operation.is_some() {
        error_envelope(cx, documented);
    }
}

/// Whether HTTP allows a body, also if the document describes one under `default`.
fn has_body(request: &Request, status: u16) -> bool {
    request.method != Method::HEAD && !matches!(status, 204 | 304)
}

/// The status under which the document describes a response. The replay of an idempotency key may return 200 instead of
/// the first 201 (create.idempotency-status, which is open).
fn documented_as(request: &Request, status: u16) -> u16 {
    let is_keyed_create =
        request.operation.endpoint() == Some(Endpoint::Create) && request.header_value("idempotency-key").is_some();
    if is_keyed_create && status == 200 { 201 } else { status }
}

fn documented_status(cx: &mut CheckContext<'_>, is_documented: bool) {
    let Some(operation) = cx.operation else {
        return;
    };
    let response = &cx.exchange.response;
    let status = response.status;
    if GENERAL.contains(&status) {
        // A page that is no JSON comes from a proxy.
        if !is_documented && response.json().is_some() {
            let what = format!("returned {status}, which the document does not list");
            cx.record.drift(&operation.id, what);
        }
        return;
    }
    cx.rule(DOCUMENTED_STATUS, is_documented, || {
        let known: Vec<_> = operation.responses.iter().map(DocumentedResponse::key).collect();
        let expected = format!("one of {}", known.join(", "));
        deviation(
            "status",
            status.to_string(),
            format!("status {status} is not documented"),
            expected,
            response.summary(),
        )
    });
}

fn error_envelope(cx: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>) {
    let response = &cx.exchange.response;
    let status = response.status;
    let Some(body) = response.json().filter(|_| response.is_rejection()) else {
        return;
    };
    if let Some(code) = response.error_code() {
        error_code(cx, documented, &shorten(code));
    }
    let Some(error) = body.get("error").and_then(Value::as_object) else {
        return;
    };
    let details = error.get("details");
    let is_empty = details.is_some_and(|d| d.is_null() || d.as_array().is_some_and(Vec::is_empty));
    cx.rule(DETAILS_OMITTED, !is_empty, || {
        deviation(
            "empty",
            "",
            "`details` is empty",
            "no `details` when no field is wrong",
            format!("details: {}", details.unwrap_or(&Value::Null)),
        )
    });
    let meta = ["_meta", "meta"].into_iter().find(|key| body.get(key).is_some());
    cx.rule(NO_META, meta.is_none(), || {
        deviation(
            "beside",
            meta.unwrap_or_default(),
            "body has `meta` beside `error`",
            "only `error`",
            format!("`{}` beside it", meta.unwrap_or_default()),
        )
    });
    let expected = match status {
        400 | 401 => "request",
        404 | 409 => "resource",
        _ => return,
    };
    // Any other type violates the schema.
    if let Some(found) = error.get("type").and_then(Value::as_str).filter(|found| TYPES.contains(found)) {
        cx.rule(ERROR_TYPE, found == expected, || {
            deviation(
                "type",
                status.to_string(),
                format!("{status} has the wrong error type"),
                format!("type `{expected}`"),
                format!("type `{}`", shorten(found)),
            )
        });
    }
}

fn error_code(cx: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>, code: &str) {
    let status = cx.exchange.response.status;
    let is_well_formed = is_snake_case(code);
    cx.rule(CODE_FORMAT, is_well_formed, || {
        deviation("snake-case", "", "error code is not snake_case", "snake_case", format!("`{code}`"))
    });
    let codes = match documented {
        Some(response) if !response.codes.is_empty() => &response.codes[..],
        Some(_) => cx.general_codes,
        None => &[],
    };
    // An ill-formed code is not documented either, which is the same defect.
    if is_well_formed && !codes.is_empty() {
        cx.rule(CODE_DOCUMENTED, is_known(codes, code), || {
            let title = format!("{status} has an undocumented code");
            deviation("code", status.to_string(), title, codes.join(", "), format!("{status} {code}"))
        });
    }
}

fn is_known(codes: &[String], code: &str) -> bool {
    codes.iter().any(|known| known == code) || GENERAL_CODES.contains(&code)
}

fn is_snake_case(code: &str) -> bool {
    code.starts_with(|c: char| c.is_ascii_lowercase())
        && code
            .split('_')
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

fn no_secret(cx: &mut CheckContext<'_>) {
    let response = &cx.exchange.response;
    // A received response is already redacted and knows where a key was; a recorded one is searched here.
    let found = if response.is_redacted() {
        response.leak().map(str::to_owned)
    } else {
        let keys = cx.keys;
        let mut headers = response.headers().iter();
        let in_header = headers.find_map(|(name, value)| Some((name.as_str(), keys.found_in(value.as_bytes())?)));
        let in_header = in_header.map(|(header, key)| format!("the header `{header}` contains {key}"));
        in_header.or_else(|| keys.found_in(response.body()).map(|key| format!("the body contains {key}")))
    };
    cx.rule(NO_SECRET, found.is_none(), || {
        deviation(
            "repeated",
            "",
            "response repeats the secret key",
            "no secret key in the response",
            found.unwrap_or_default(),
        )
    });
}

fn headers_sane(cx: &mut CheckContext<'_>) {
    let response = &cx.exchange.response;
    if response.status < 400 || response.body().is_empty() {
        return;
    }
    let sent = cx.exchange.request.body.as_deref().unwrap_or_default();
    let found = leak::leaked_line(response.body(), sent);
    cx.rule(HEADERS_SANE, found.is_none(), || {
        let (kind, text) = found.unwrap_or_default();
        let title = format!("error shows {kind}");
        deviation("inside", kind, title, "no internals of the server", shorten(&text))
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::check::{Judge, SeenTimestamps};
    use crate::contract::Contract;
    use crate::exchange::{Credentials, Exchange, OperationRef, Response};
    use crate::finding::Record;

    /// The rules that a response violates.
    fn violated(request: Request, status: u16, body: &Value) -> Vec<&'static str> {
        let headers = [("content-type".parse().unwrap(), "application/json".parse().unwrap())].into_iter().collect();
        let response = Response::new(status, headers, body.to_string().into());
        let (started, ended) = (Instant::now(), Instant::now());
        let exchange = Arc::new(Exchange { request, response, started, ended });
        let mut record = Record::default();
        let judge = Judge::new(Arc::new(Contract::embedded()));
        judge.exchange(&exchange, &Credentials::default(), &mut SeenTimestamps::default(), &mut record);
        record.failures.iter().map(|failure| failure.rule).collect()
    }

    #[test]
    fn general_codes_and_errors_outside_the_document_are_allowed() {
        let error =
            |kind: &str, code: &str| serde_json::json!({ "error": { "type": kind, "code": code, "message": "m" } });
        let get = || Request::to(Endpoint::Create);
        assert_eq!(violated(get(), 400, &error("request", "invalid_request")), Vec::<&str>::new());
        assert_eq!(violated(get(), 400, &error("request", "wrong_id")), [CODE_DOCUMENTED]);
        let put = || Request::new(OperationRef::None, Method::PUT, "/offerings");
        assert_eq!(violated(put(), 404, &error("request", "NotFound")), Vec::<&str>::new());
        assert_eq!(violated(put(), 501, &error("request", "NotFound")), Vec::<&str>::new());
        assert_eq!(violated(put(), 500, &error("request", "NotFound")), [NO_SERVER_ERROR]);
    }

    #[test]
    fn some_responses_have_no_body_by_http() {
        let get = Request::to(Endpoint::Get);
        assert!(has_body(&get, 200) && !has_body(&get, 204) && !has_body(&get, 304));
        assert!(!has_body(&Request::new(OperationRef::None, Method::HEAD, "/offerings"), 200));
    }

    #[test]
    fn snake_case_is_recognised() {
        for good in ["invalid_data", "not_found", "v2_gone"] {
            assert!(is_snake_case(good), "{good}");
        }
        for bad in ["", "Invalid", "notFound", "not-found", "_x", "x_", "a__b", "2x"] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }
}
