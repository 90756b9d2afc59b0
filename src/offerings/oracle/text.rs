//! Formats values for messages, and compares values that are texts.

use super::call::Call;
use crate::check::Offering;
use crate::contract::Endpoint;

/// Product ids: the first few and their number.
pub(super) fn list(ids: &[String]) -> String {
    match ids {
        [] => "[]".into(),
        ids if ids.len() <= 6 => format!("[{}]", ids.join(", ")),
        ids => format!("[{}, … {} in total]", ids[..5].join(", "), ids.len()),
    }
}

/// A tag.
pub(super) fn tag(tag: Option<i64>) -> String {
    tag.map_or("tag null".into(), |tag| format!("tag {tag}"))
}

/// The times of an offering.
pub(super) fn times(offering: &Offering) -> String {
    format!("created_at {} and updated_at {}", offering.created_at, offering.updated_at)
}

/// The first few of many ids.
pub(super) fn ids<'i>(ids: impl IntoIterator<Item = &'i str>) -> String {
    let ids: Vec<_> = ids.into_iter().collect();
    let rest = if ids.len() > 6 { ", …" } else { "" };
    format!("[{}{rest}]", ids[..ids.len().min(6)].join(", "))
}

/// A request by its operation and its offering: "delete of `a`".
pub(super) fn request(call: &Call) -> String {
    let word = match call.endpoint {
        Endpoint::List => return "list".into(),
        Endpoint::Create => "create",
        Endpoint::Get => "get",
        Endpoint::Update => "update",
        Endpoint::Delete => "delete",
        Endpoint::SetMain => "set-main",
    };
    if call.id.is_empty() { format!("{word} without an id") } else { format!("{word} of `{}`", call.id) }
}

/// Whether two times as text are the same moment. A text that is not a time equals every other.
pub(super) fn same_time(one: &str, other: &str) -> bool {
    let read = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    one == other || read(one).is_none() || read(other).is_none() || read(one) == read(other)
}

/// Whether an offering has the sent value, as JSON text, of a read-only property.
pub(super) fn applies(shown: &Offering, name: &str, sent: &str) -> bool {
    let Ok(serde_json::Value::String(sent)) = serde_json::from_str(sent) else { return false };
    match name {
        "url" => shown.url == sent,
        "created_at" => !shown.created_at.is_empty() && same_time(&shown.created_at, &sent) && is_time(&sent),
        "updated_at" => !shown.updated_at.is_empty() && same_time(&shown.updated_at, &sent) && is_time(&sent),
        _ => false,
    }
}

fn is_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}
