//! The body of a response: its content type, its schema, and members that occur twice.

use super::judge::{CheckContext, deviation};
use crate::contract::{Direction, DocumentedResponse, SchemaRef, is_json};
use crate::exchange::Response;

pub(super) const CONTENT_TYPE: &str = "response.content-type";
pub(super) const SCHEMA: &str = "response.schema";
pub(super) const UNDOCUMENTED_PROPERTY: &str = "response.undocumented-property";

/// What a recipient may assume of a body without a content type (RFC 9110, section 8.3).
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Maximum length of a value in a message, in characters; a longer one is shortened.
const MAX_VALUE_LENGTH: usize = 200;

/// Checks a response by the documented one of its status; `may_have_body` is false if HTTP allows no body.
pub(super) fn judge(cx: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>, may_have_body: bool) {
    content_type(cx, documented);
    let media = Media::of(&cx.exchange.response, documented);
    if let (Media::Json(schema), true) = (media, may_have_body) {
        body_schema(cx, schema);
    }
    if !matches!(media, Media::Other) {
        repeated_members(cx);
    }
}

/// How a body is to be read.
#[derive(Clone, Copy)]
enum Media<'a> {
    /// As JSON with a documented schema.
    Json(&'a SchemaRef),
    /// As something that is documented and is not JSON, such as text, an image or an archive.
    Other,
    /// The document does not say.
    Unknown,
}

impl<'a> Media<'a> {
    /// The content type of the response chooses among the documented media types. If none has it, which is a violation,
    /// the body must still be valid against the documented JSON, if there is any.
    fn of(response: &Response, documented: Option<&'a DocumentedResponse>) -> Self {
        let Some(documented) = documented else { return Self::Unknown };
        let declared = response.header("content-type").unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
        let candidates = documented.media_of(&declared);
        if candidates.is_empty() {
            return documented.json().map_or(Self::Unknown, Self::Json);
        }
        if !is_json(&declared) || candidates.iter().any(|(_, schema)| is_binary(schema)) {
            return Self::Other;
        }
        // Media types that differ only in parameters: any of them may be meant.
        let is_valid =
            |schema: &SchemaRef| response.json().is_some_and(|body| schema.is_valid(Direction::Response, body));
        let fitting = candidates.iter().find(|(_, schema)| candidates.len() > 1 && is_valid(schema));
        Self::Json(&fitting.unwrap_or(&candidates[0]).1)
    }
}

/// Whether a response has no body, or one of a documented content type.
pub(super) fn has_documented_type(response: &Response, documented: &DocumentedResponse) -> bool {
    let declared = response.header("content-type").unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
    response.body().is_empty() || documented.media.is_empty() || !documented.media_of(&declared).is_empty()
}

/// Whether a schema describes any bytes, such as those of a file that is downloaded.
fn is_binary(schema: &SchemaRef) -> bool {
    schema.resolved().1.get("format").is_some_and(|format| format == "binary")
}

fn content_type(cx: &mut CheckContext<'_>, documented: Option<&DocumentedResponse>) {
    let response = &cx.exchange.response;
    let declared: Vec<_> =
        response.headers().get_all("content-type").iter().map(|value| value.to_str().unwrap_or("?")).collect();
    if response.status == 204 {
        let length = response.header("content-length");
        let is_empty = response.body().is_empty() && length.as_deref().is_none_or(|n| n.trim() == "0");
        cx.rule(CONTENT_TYPE, is_empty, || {
            let received = format!("content-length: {}", length.unwrap_or_default());
            deviation("no-content", "", "204 has a body", "no body", received)
        });
        return;
    }
    let documented = documented.filter(|response| !response.media.is_empty());
    let is_json_body = response.json().is_some_and(|body| body.is_object() || body.is_array());
    if response.body().is_empty() || documented.is_none() && !is_json_body {
        return;
    }
    let is_allowed = |value: &str| documented.map_or(is_json(value), |response| !response.media_of(value).is_empty());
    let passed = match &declared[..] {
        [] => is_allowed(UNKNOWN_TYPE),
        values => values.iter().all(|value| is_allowed(value)),
    };
    cx.rule(CONTENT_TYPE, passed, || {
        let received = match &declared[..] {
            [] => "no content-type".into(),
            values => format!("content-type: {}", shorten(&values.join(", "))),
        };
        let names = documented.into_iter().flat_map(|response| &response.media).map(|(name, _)| name.as_str());
        let expected = names.collect::<Vec<_>>().join(" or ");
        let expected = if expected.is_empty() { "application/json" } else { &expected };
        let expected = format!("content-type: {}", shorten(expected));
        let means_json = is_json_body || documented.is_some_and(|response| response.json().is_some());
        let (slug, title) = if means_json && !declared.iter().any(|value| is_json(value)) {
            ("json", "JSON body is not declared as JSON")
        } else {
            ("documented", "content type is not documented")
        };
        deviation(slug, declared_as(&declared), title, expected, received)
    });
}

/// The first declared media type without its parameters.
fn declared_as(declared: &[&str]) -> String {
    let first = declared.first().copied().unwrap_or("none");
    shorten(first.split(';').next().unwrap_or_default().trim())
}

fn body_schema(cx: &mut CheckContext<'_>, schema: &SchemaRef) {
    let response = &cx.exchange.response;
    let status = response.status;
    if response.has_byte_order_mark() && response.json().is_some() {
        cx.rule(SCHEMA, false, || {
            let title = "a body begins with a byte order mark";
            let expected = "JSON, which begins with no byte order mark (RFC 8259)";
            deviation("mark", "", title, expected, "EF BB BF before the JSON")
        });
    }
    let Some(body) = response.json() else {
        let reason = response.json_error().unwrap_or("not JSON").to_owned();
        cx.rule(SCHEMA, false, || {
            let title = format!("body of the {status} is not JSON");
            deviation("json", kind_of(status), title, "a JSON body", reason)
        });
        return;
    };
    let errors = schema.validate(Direction::Response, body);
    let Some(first) = errors.first() else {
        cx.record.checked(SCHEMA);
        cx.record.checked(UNDOCUMENTED_PROPERTY);
        for pointer in schema.undocumented(body) {
            let what = format!("undocumented property `{}`", generic(&pointer));
            cx.record.observe(UNDOCUMENTED_PROPERTY, &*what);
            if let Some(operation) = cx.operation {
                cx.record.drift(&operation.id, what);
            }
        }
        return;
    };
    cx.rule(SCHEMA, false, || {
        let place = generic(&first.instance_path);
        // The same defect in a list and in a single offering is one.
        let of_item = place.strip_prefix("/data/*").unwrap_or(&place);
        let difference = format!("{} {of_item} {}", kind_of(status), first.keyword);
        let place = if place.is_empty() { "body".into() } else { format!("`{place}`") };
        deviation(
            "valid",
            difference,
            format!("{place} of the {status} violates `{}`", first.keyword),
            format!("valid against {}", first.schema_pointer),
            shorten(&first.message),
        )
    });
}

/// A repeated member, of which parsers may use any value (RFC 8259, section 4). Equal values are drift; with different
/// values, some parsers get a wrong body.
fn repeated_members(cx: &mut CheckContext<'_>) {
    let response = &cx.exchange.response;
    let status = response.status;
    for repeated in response.repeated() {
        let place = generic(&repeated.pointer);
        if repeated.differs {
            cx.rule(SCHEMA, false, || {
                deviation(
                    "unique",
                    &place,
                    format!("`{place}` of the {status} occurs twice with different values"),
                    "each member once, so that all parsers agree",
                    format!("two values at `{}`", shorten(&repeated.pointer)),
                )
            });
        } else if let Some(operation) = cx.operation {
            cx.record.drift(&operation.id, format!("`{place}` occurs twice with the same value"));
        }
    }
}

/// An instance pointer with `*` for indexes: the defect is the same at every index.
fn generic(pointer: &str) -> String {
    pointer
        .split('/')
        .map(|token| if !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) { "*" } else { token })
        .collect::<Vec<_>>()
        .join("/")
}

/// The same defect of rejections with different statuses is one.
fn kind_of(status: u16) -> &'static str {
    if status < 400 { "success" } else { "rejection" }
}

/// `text`, shortened when it is long.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_not_part_of_a_defect() {
        assert_eq!(generic("/data/17/tag"), "/data/*/tag");
    }
}
