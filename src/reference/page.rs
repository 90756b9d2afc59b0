//! Pages of the list.

use super::call::Operation;
use super::config::Config;
use super::offering::Offering;

/// Limit and cursor of a list request.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) limit: usize,
    /// The id before the page; `None` for the first page.
    pub(super) after: Option<String>,
}

/// One page.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) items: Vec<Offering>,
    pub(super) has_more: bool,
    /// The cursor of the page that follows.
    pub(super) next_cursor: Option<String>,
    /// The cursor was unknown, so this is the first page.
    pub(super) restarted: bool,
    /// The limit and cursor of the request.
    pub(super) window: Window,
}

/// Where a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the first row, without a cursor.
    First,
    /// At the first row, because the cursor is unknown.
    Restarted,
    /// After the row at this index.
    After(usize),
}

impl Start {
    /// A cursor is an id; if no id matches, it may be a `next_cursor` of this server.
    pub(super) fn of(rows: &[Offering], window: &Window, config: &Config) -> Self {
        let Some(after) = &window.after else { return Self::First };
        let names = config.names[Operation::List as usize];
        let named = rows.iter().position(|row| names(&row.id, after));
        let given = || rows.iter().position(|row| (config.cursor_of)(row) == *after);
        named.or_else(given).map_or(Self::Restarted, Self::After)
    }
}

impl Page {
    /// The page of `rows`: all listable offerings in the order of the list.
    pub(super) fn of(rows: &[Offering], window: &Window, start: Start, config: &Config) -> Self {
        let first = match start {
            Start::First | Start::Restarted => 0,
            Start::After(place) => place + 1,
        };
        let rest = rows.get(first..).unwrap_or_default();
        let items = rest[..window.limit.min(rest.len())].to_vec();
        let has_more = items.len() < rest.len();
        let next_cursor = items.last().filter(|_| has_more).map(config.cursor_of);
        Self { items, has_more, next_cursor, restarted: start == Start::Restarted, window: window.clone() }
    }
}
