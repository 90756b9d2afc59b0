//! Pages of the list.

use super::offering::Offering;

/// What the query asks for.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) limit: usize,
    /// The id after which the page starts; `None` for the first page.
    pub(super) after: Option<String>,
}

/// One page, in order of creation.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) items: Vec<Offering>,
    pub(super) has_more: bool,
    /// The cursor named nothing, so this is the first page again.
    pub(super) restarted: bool,
}

impl Page {
    /// Cuts a page out of `rows`, all that may be listed.
    pub(super) fn cut(rows: &[Offering], window: &Window) -> Self {
        let position = window
            .after
            .as_ref()
            .map(|after| rows.iter().position(|row| row.id == *after));
        let (start, restarted) = match position {
            None => (0, false),
            Some(None) => (0, true),
            Some(Some(position)) => (position + 1, false),
        };
        let rest = &rows[start..];
        let items = rest[..window.limit.min(rest.len())].to_vec();
        Self {
            has_more: items.len() < rest.len(),
            items,
            restarted,
        }
    }
}
