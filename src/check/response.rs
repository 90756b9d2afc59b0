//! The `response.*` rules: the envelope of every response.

use serde_json::Value;

use super::judge::{CheckContext, deviation};
use super::leak;
use crate::contract::{Direction, DocumentedResponse, Endpoint};
use crate::exchange::Request;

pub(super) const NO_SERVER_ERROR: &str = "response.no-server-error";
pub(super) const DOCUMENTED_STATUS: &str = "response.documented-status";
pub(super) const CONTENT_TYPE: &str = "response.content-type";
pub(super) const SCHEMA: &str = "response.schema";
pub(super) const CODE_DOCUMENTED: &str = "response.error-code-documented";
pub(super) const CODE_FORMAT: &str = "response.error-code-format";
pub(super) const DETAILS_OMITTED: &str = "response.details-omitted";
pub(super) const NO_META: &str = "response.no-meta";
pub(super) const ERROR_TYPE: &str = "response.error-type";
pub(super) const UNDOCUMENTED_PROPERTY: &str = "response.undocumented-property";
pub(super) const NO_SECRET: &str = "response.no-secret";
pub(super) const HEADERS_SANE: &str = "response.headers-sane";

/// Statuses that any HTTP server may return whatever the document says: noted, not judged.
const GENERAL: [u16; 7] = [403, 405, 413, 414, 415, 429, 431];

/// What `error.type` may be.
const TYPES: [&str; 4] = ["request", "resource", "logical", "internal"];

/// A longer value is cut in a message.
const MAX_VALUE_LENGTH: usize = 200;

pub(super) fn judge(bench: &mut CheckContext<'_>) {
    let response = &bench.exchange.response;
    let status = response.status;
    // 501 is how a server or a proxy rejects a method that it does not know.
    let is_unknown_method = status == 501 && bench.operation.is_none();
    bench.rule(NO_SERVER_ERROR, status < 500 || is_unknown_method, || {
        deviation("any", status.to_string(), "a server error", "no 5xx, whatever the input", response.summary())
    });
    no_secret(bench);
    headers_sane(bench);
    if status >= 500 {
        return; // Everything else about such a response follows from the one fault.
    }
    let documented = bench.operation.and_then(|op| op.response(documented_as(&bench.exchange.request, status)));
    documented_status(bench, documented.is_some());
    content_type(bench, documented);
    body_schema(bench, documented);
    repeated_members(bench);
    error_envelope(bench, documented);
}

/// The status under which the document describes a response. The replay of an idempotency key may return 200 where the
/// first response was 201 (create.idempotency-status, which is open).
fn documented_as(request: &Request, status: u16) -> u16 {
    let is_keyed_create =
        request.operation.endpoint() == Some(Endpoint::Create) && request.header_value("idempotency-key").is_some();
    if is_keyed_create && status == 200 { 201 } else { status }
}

fn documented_status(bench: &mut CheckContext<'_>, is_documented: bool) {
    let Some(operation) = bench.operation else {
        return;
    };
    let response = &bench.exchange.response;
    let status = response.status;
    if GENERAL.contains(&status) {
        if !is_documented {
            let what = format!("responses {status}, which the document does not name");
            bench.record.drift(&operation.id, what);
        }
        return;
    }
    bench.rule(DOCUMENTED_STATUS, is_documented, || {
        let known: Vec<_> = operation.responses.iter().map(|response| response.status.to_string()).collect();
        let expected = format!("one of {}", known.join(", "));
        deviation(
            "status",
            status.to_string(),
            format!("the status {status} is not documented"),
            expected,
            response.summary(),
        )
    });
}

fn content_type(bench: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>) {
    let response = &bench.exchange.response;
    let declared: Vec<_> =
        response.headers().get_all("content-type").iter().map(|value| value.to_str().unwrap_or("?")).collect();
    if response.status == 204 {
        let length = response.header("content-length");
        let is_empty = response.body().is_empty() && length.as_deref().is_none_or(|n| n.trim() == "0");
        bench.rule(CONTENT_TYPE, is_empty, || {
            let received = format!("content-length: {}", length.unwrap_or_default());
            deviation("no-content", "", "a 204 with a body", "204 has no body", received)
        });
        return;
    }
    let promises_json = documented.is_some_and(|response| !response.media.is_empty());
    let is_json = response.json().is_some_and(|body| body.is_object() || body.is_array());
    if response.body().is_empty() || !(promises_json || is_json) {
        return;
    }
    let holds = !declared.is_empty() && declared.iter().all(|value| is_json_type(value));
    bench.rule(CONTENT_TYPE, holds, || {
        let received = match &declared[..] {
            [] => "no content-type".into(),
            values => format!("content-type: {}", shorten(&values.join(", "))),
        };
        let (title, expected) = ("a body that is not declared as JSON", "content-type: application/json");
        deviation("json", declared_as(&declared), title, expected, received)
    });
}

/// The first declared media type without its parameters.
fn declared_as(declared: &[&str]) -> String {
    let first = declared.first().copied().unwrap_or("none");
    shorten(first.split(';').next().unwrap_or_default().trim())
}

/// `application/json` with any parameters, in any case.
fn is_json_type(value: &str) -> bool {
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn body_schema(bench: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>) {
    let Some((_, schema)) = documented.and_then(|response| response.media.first()) else {
        return;
    };
    let response = &bench.exchange.response;
    let status = response.status;
    let Some(body) = response.json() else {
        let reason = response.json_error().unwrap_or("not JSON").to_owned();
        bench.rule(SCHEMA, false, || {
            let title = format!("the body of the {status} is not JSON");
            deviation("json", kind_of(status), title, "a JSON body", reason)
        });
        return;
    };
    let errors = schema.validate(Direction::Response, body);
    let Some(first) = errors.first() else {
        bench.record.checked(SCHEMA);
        bench.record.checked(UNDOCUMENTED_PROPERTY);
        for pointer in schema.undocumented(body) {
            let what = format!("a property that the document does not name: {}", generic(&pointer));
            bench.record.observe(UNDOCUMENTED_PROPERTY, &*what);
            if let Some(operation) = bench.operation {
                bench.record.drift(&operation.id, what);
            }
        }
        return;
    };
    bench.rule(SCHEMA, false, || {
        let place = generic(&first.instance_path);
        // An offering in a list is an offering.
        let of_item = place.strip_prefix("/data/*").unwrap_or(&place);
        let difference = format!("{} {of_item} {}", kind_of(status), first.keyword);
        let place = if place.is_empty() { "the body".into() } else { format!("`{place}`") };
        deviation(
            "valid",
            difference,
            format!("{place} of the {status} breaks `{}`", first.keyword),
            format!("valid against {}", first.schema_pointer),
            shorten(&first.message),
        )
    });
}

/// A member that stands twice: what a reader takes it for is the reader's choice (RFC 8259, section 4). Where both say the
/// same that is drift; where they do not, some reader has a body that breaks its schema or another promise.
fn repeated_members(bench: &mut CheckContext<'_>) {
    let response = &bench.exchange.response;
    let status = response.status;
    for repeated in response.repeated() {
        let place = generic(&repeated.pointer);
        if repeated.differs {
            bench.rule(SCHEMA, false, || {
                deviation(
                    "unique",
                    &place,
                    format!("`{place}` of the {status} stands twice, with different values"),
                    "a body that every reader reads the same: each member once",
                    format!("two values at `{}`", shorten(&repeated.pointer)),
                )
            });
        } else if let Some(operation) = bench.operation {
            bench.record.drift(&operation.id, format!("a member stands twice, with the same value: {place}"));
        }
    }
}

/// An instance pointer with `*` for the numbers: the fault is the same at every index.
fn generic(pointer: &str) -> String {
    pointer
        .split('/')
        .map(|token| if !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) { "*" } else { token })
        .collect::<Vec<_>>()
        .join("/")
}

fn error_envelope(bench: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>) {
    let response = &bench.exchange.response;
    let status = response.status;
    let Some(body) = response.json().filter(|_| response.is_rejection()) else {
        return;
    };
    if let Some(code) = response.error_code() {
        error_code(bench, documented, &shorten(code));
    }
    let Some(error) = body.get("error").and_then(Value::as_object) else {
        return;
    };
    let details = error.get("details");
    let is_empty = details.is_some_and(|d| d.is_null() || d.as_array().is_some_and(Vec::is_empty));
    bench.rule(DETAILS_OMITTED, !is_empty, || {
        deviation(
            "empty",
            "",
            "`details` without any detail",
            "`details` is left out when no field is at fault",
            format!("details: {}", details.unwrap_or(&Value::Null)),
        )
    });
    let meta = ["_meta", "meta"].into_iter().find(|key| body.get(key).is_some());
    bench.rule(NO_META, meta.is_none(), || {
        deviation(
            "beside",
            meta.unwrap_or_default(),
            "`meta` beside `error`",
            "the one envelope is `error`",
            format!("`{}` beside it", meta.unwrap_or_default()),
        )
    });
    let expected = match status {
        400 | 401 => "request",
        404 | 409 => "resource",
        _ => return,
    };
    // A word that is no type at all is for the schema.
    if let Some(found) = error.get("type").and_then(Value::as_str).filter(|found| TYPES.contains(found)) {
        bench.rule(ERROR_TYPE, found == expected, || {
            deviation(
                "type",
                status.to_string(),
                format!("the error type of a {status}"),
                format!("type `{expected}`"),
                format!("type `{}`", shorten(found)),
            )
        });
    }
}

fn error_code(bench: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>, code: &str) {
    let status = bench.exchange.response.status;
    let is_well_formed = is_snake_case(code);
    bench.rule(CODE_FORMAT, is_well_formed, || {
        deviation("snake-case", "", "an error code that is not snake_case", "snake_case", format!("`{code}`"))
    });
    let codes = match documented {
        Some(response) if !response.codes.is_empty() => &response.codes[..],
        Some(_) => bench.general_codes,
        None => &[],
    };
    // An ill-formed code is no documented one either, which is the same fault.
    if is_well_formed && !codes.is_empty() {
        bench.rule(CODE_DOCUMENTED, codes.iter().any(|known| known == code), || {
            let title = format!("an undocumented code with {status}");
            deviation("code", status.to_string(), title, codes.join(", "), format!("{status} {code}"))
        });
    }
}

/// A defect of rejections shows at every status of one.
fn kind_of(status: u16) -> &'static str {
    if status < 400 { "success" } else { "rejection" }
}

fn is_snake_case(code: &str) -> bool {
    code.starts_with(|c: char| c.is_ascii_lowercase())
        && code
            .split('_')
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

fn no_secret(bench: &mut CheckContext<'_>) {
    let response = &bench.exchange.response;
    // What came over the wire was redacted already and says where a key stood; a recorded response is searched here.
    let found = if response.is_redacted() {
        response.leak().map(str::to_owned)
    } else {
        let keys = bench.keys;
        let mut headers = response.headers().iter();
        let in_header = headers.find_map(|(name, value)| Some((name.as_str(), keys.found_in(value.as_bytes())?)));
        let in_header = in_header.map(|(header, key)| format!("the header `{header}` holds {key}"));
        in_header.or_else(|| keys.found_in(response.body()).map(|key| format!("the body holds {key}")))
    };
    bench.rule(NO_SECRET, found.is_none(), || {
        deviation(
            "repeated",
            "",
            "a response repeats the secret key",
            "no response repeats the secret key",
            found.unwrap_or_default(),
        )
    });
}

fn headers_sane(bench: &mut CheckContext<'_>) {
    let response = &bench.exchange.response;
    if response.status < 400 || response.body().is_empty() {
        return;
    }
    let sent = bench.exchange.request.body.as_deref().unwrap_or_default();
    let found = leak::inside(response.body(), sent);
    bench.rule(HEADERS_SANE, found.is_none(), || {
        let (kind, text) = found.unwrap_or_default();
        let title = format!("an error shows {kind}");
        deviation("inside", kind, title, "an error shows nothing of the inside", shorten(&text))
    });
}

/// `text`, cut at a character boundary when it is long.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_is_what_the_codes_are_written_in() {
        for good in ["invalid_data", "not_found", "v2_gone"] {
            assert!(is_snake_case(good), "{good}");
        }
        for bad in ["", "Invalid", "notFound", "not-found", "_x", "x_", "a__b", "2x"] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }

    #[test]
    fn a_media_type_may_carry_parameters() {
        assert!(is_json_type("Application/JSON; charset=utf-8"));
        assert!(!is_json_type("text/html"));
        assert!(!is_json_type("application/jsonx"));
    }

    #[test]
    fn indexes_are_no_part_of_a_fault() {
        assert_eq!(generic("/data/17/tag"), "/data/*/tag");
    }
}
