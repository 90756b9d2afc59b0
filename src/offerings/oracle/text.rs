//! Values in messages.

use crate::check::Offering;

/// Product ids in a message: the first few and how many there are.
pub(super) fn list(ids: &[String]) -> String {
    match ids {
        [] => "[]".into(),
        ids if ids.len() <= 6 => format!("[{}]", ids.join(", ")),
        ids => format!("[{}, … {} in all]", ids[..5].join(", "), ids.len()),
    }
}

/// A tag in a message.
pub(super) fn tag(tag: Option<i64>) -> String {
    tag.map_or("tag null".into(), |tag| format!("tag {tag}"))
}

/// The times of an offering in a message.
pub(super) fn times(offering: &Offering) -> String {
    format!("created_at {} updated_at {}", offering.created_at, offering.updated_at)
}

/// The first few of many ids.
pub(super) fn ids<'i>(ids: impl IntoIterator<Item = &'i str>) -> String {
    let ids: Vec<_> = ids.into_iter().collect();
    let rest = if ids.len() > 6 { ", …" } else { "" };
    format!("[{}{rest}]", ids[..ids.len().min(6)].join(", "))
}
