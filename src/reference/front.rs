//! What stands in front of the API: routers, firewalls and proxies that respond in its place.
//!
//! None of them knows the API; their bodies are HTML.

use http::StatusCode;
use serde_json::Value;

use super::answer::Answer;
use super::call::Call;
use super::config::decoded;

/// The longest id or cursor that gets through a proxy, in characters.
const TARGET_MAX: usize = 100;
/// The largest body that gets through a proxy, in bytes.
const BODY_MAX: usize = 65_536;

/// A router that does not know what to make of a path.
pub(super) fn router(call: &Call) -> Option<Answer> {
    let id = call.raw_id().to_ascii_lowercase();
    let odd = id.contains("%2f") || id.contains("%00") || decoded(&id).is_none_or(|id| id == "." || id == "..");
    (odd && !id.is_empty()).then(|| Answer::html(StatusCode::NOT_FOUND, "<h1>404 Not Found</h1>"))
}

/// A firewall that looks for attacks.
pub(super) fn firewall(call: &Call) -> Option<Answer> {
    let mut texts = vec![decoded(&call.path).unwrap_or_default(), decoded(&call.query).unwrap_or_default()];
    if let Ok(body) = call.json() {
        collect(&body, &mut texts);
    }
    let hostile = |text: &String| {
        let text = text.to_ascii_lowercase();
        text.contains(|letter: char| letter.is_control() || letter == '<')
            || ["' or ", "drop table", "select ", "--"].iter().any(|sign| text.contains(sign))
    };
    texts.iter().any(hostile).then(|| Answer::html(StatusCode::FORBIDDEN, "<h1>Request blocked</h1>"))
}

/// A proxy that reads no more than so much of a URL.
pub(super) fn long_target(call: &Call) -> Option<Answer> {
    let long = |text: String| text.chars().count() > TARGET_MAX;
    let too_long = call.id().is_ok_and(long) || call.query("starting_after").is_ok_and(|after| after.is_some_and(long));
    too_long.then(|| Answer::html(StatusCode::URI_TOO_LONG, "<h1>414 URI Too Long</h1>"))
}

/// A proxy that reads no more than so much of a body.
pub(super) fn large_body(call: &Call) -> Option<Answer> {
    let large = call.bytes().map_or(true, |body| body.len() > BODY_MAX);
    large.then(|| Answer::html(StatusCode::PAYLOAD_TOO_LARGE, "<h1>413 Payload Too Large</h1>"))
}

/// All strings of a value, names of members included.
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
