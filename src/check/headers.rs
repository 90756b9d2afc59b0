//! The documented headers of a response.

use http::header;
use serde_json::{Map, Number, Value};

use super::body::{SCHEMA, has_documented_type, shorten};
use super::judge::{CheckContext, deviation};
use crate::contract::{Direction, DocumentedResponse, Header, is_json};
use crate::finding::HeaderKey;

/// Headers whose values are dates of HTTP, whatever `format` a document gives them.
const HTTP_DATES: [header::HeaderName; 4] = [header::DATE, header::EXPIRES, header::LAST_MODIFIED, header::RETRY_AFTER];

/// Checks that each documented header is present if it is required, and valid if it is present.
pub(super) fn judge(cx: &mut CheckContext<'_>, documented: &DocumentedResponse) {
    // A body of another type is reported; what sent it, such as a proxy, sends other headers too.
    if !has_documented_type(&cx.exchange.response, documented) {
        return;
    }
    // The document describes this one by its media types (OpenAPI 3.0.3, Response Object).
    for header in documented.headers.iter().filter(|header| !header.name.eq_ignore_ascii_case("content-type")) {
        check(cx, header);
    }
}

fn check(cx: &mut CheckContext<'_>, header: &Header) {
    let response = &cx.exchange.response;
    let status = response.status;
    let values: Vec<_> = response.headers().get_all(header.name.as_str()).iter().collect();
    if let Some(operation) = cx.operation {
        let key = HeaderKey { operation: operation.id.clone(), status, header: header.name.to_ascii_lowercase() };
        *cx.record.headers.entry(key).or_default() += u64::from(!values.is_empty());
    }
    let name = &header.name;
    if values.is_empty() {
        if header.required {
            cx.rule(SCHEMA, false, || {
                let title = format!("header `{name}` of the {status} is missing");
                let expected = format!("`{name}`, which the document requires");
                deviation("header-required", name.to_ascii_lowercase(), title, expected, format!("no `{name}`"))
            });
        }
        return;
    }
    // Several lines of a header are one list (RFC 9110, section 5.3).
    let lines: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let text = lines.join(", ");
    let text = text.trim();
    let candidates = readings(header, text);
    let is_valid =
        candidates.iter().any(|value| header.schema.is_valid(Direction::Response, value)) || is_http_date(header, text);
    cx.rule(SCHEMA, is_valid, || {
        let errors = candidates.iter().rev();
        let mut errors =
            errors.filter_map(|value| header.schema.validate(Direction::Response, value).into_iter().next());
        let first = errors.next();
        // The reading of the right type, if one has it, says more than the others.
        let error = errors.find(|error| error.keyword != "type").or(first);
        let keyword = error.as_ref().map_or("schema", |error| error.keyword.as_str());
        let expected = error.as_ref().map_or(header.schema.pointer(), |error| error.schema_pointer.as_str());
        deviation(
            "header-valid",
            format!("{} {keyword}", name.to_ascii_lowercase()),
            format!("header `{name}` of the {status} violates `{keyword}`"),
            format!("valid against {expected}"),
            format!("{name}: {}", shorten(text)),
        )
    });
}

/// The values that the text of a header may stand for: a header has no type, so any one that is valid will do.
fn readings(header: &Header, text: &str) -> Vec<Value> {
    if header.media.as_deref().is_some_and(is_json) {
        return vec![serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))];
    }
    let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    let mut all = Vec::new();
    for read in [typed, |text: &str| Value::from(text)] {
        all.push(Value::Array(items.iter().map(|item| read(item)).collect()));
        // `a=1,b=2` with `explode`, else `a,1,b,2`.
        let pairs: Option<Map<String, Value>> =
            items.iter().map(|item| item.split_once('=').map(|(name, value)| (name.to_owned(), read(value)))).collect();
        let flat = items.chunks(2).map(|pair| match pair {
            [name, value] => Some(((*name).to_owned(), read(value))),
            _ => None,
        });
        all.extend(pairs.or_else(|| flat.collect()).map(Value::Object));
        all.push(read(text));
    }
    all
}

/// A number or a boolean, if a text is one; else the text.
fn typed(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "-0" => 0.into(),
        _ => text.parse::<Number>().map_or_else(|_| Value::from(text), Value::Number),
    }
}

/// Whether a header is a date as HTTP writes it, for which documents give a `format` of JSON.
fn is_http_date(header: &Header, text: &str) -> bool {
    HTTP_DATES.iter().any(|name| name.as_str().eq_ignore_ascii_case(&header.name))
        && chrono::DateTime::parse_from_rfc2822(text).is_ok()
}
