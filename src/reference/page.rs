//! Pages of the list.

use super::behaviour::Behaviour;
use super::call::Operation;
use super::config::Config;
use super::fault::Fault;
use super::offering::Offering;
use super::switches::Switches;

/// What the query asks for.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) limit: usize,
    /// The id after which the page starts; `None` for the first page.
    pub(super) after: Option<String>,
}

/// One page.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) items: Vec<Offering>,
    pub(super) has_more: bool,
    /// The cursor of the page that follows.
    pub(super) next_cursor: Option<String>,
    /// The cursor named nothing, so this is the first page again.
    pub(super) restarted: bool,
    /// What was asked for.
    pub(super) window: Window,
}

/// Where a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the first row, as no cursor was given.
    First,
    /// At the first row, as the cursor names no row.
    Restarted,
    /// Behind the row at this place.
    After(usize),
}

/// What an opaque cursor starts with; such an id could exist, and then it is the id that counts.
const OPAQUE: &str = "cursor:after:";

impl Start {
    pub(super) fn of(rows: &[Offering], window: &Window, config: &Config) -> Self {
        let Some(after) = &window.after else { return Self::First };
        let same = |row: &Offering| config.names[Operation::List as usize](&row.id, after);
        let opaque = || {
            let place = after.strip_prefix(OPAQUE).filter(|_| config.switches.behaves(Behaviour::NextCursorOpaque))?;
            let created: u64 = place.parse().ok()?;
            rows.iter().position(|row| row.number == created)
        };
        rows.iter().position(same).or_else(opaque).map_or(Self::Restarted, Self::After)
    }
}

impl Page {
    /// Cuts a page out of `rows`, all that may be listed, in the order of the list.
    pub(super) fn cut(rows: &[Offering], window: &Window, start: Start, switches: Switches) -> Self {
        let first = match start {
            Start::First | Start::Restarted => 0,
            Start::After(place) => place + 1,
        };
        let rest = rows.get(first..).unwrap_or_default();
        let items = rest[..window.limit.min(rest.len())].to_vec();
        let has_more = items.len() < rest.len();
        let next_cursor = items.last().filter(|_| has_more).map(|last| {
            if switches.behaves(Behaviour::NextCursorOpaque) {
                format!("{OPAQUE}{}", last.number)
            } else {
                last.id.clone()
            }
        });
        let (restarted, window) = (start == Start::Restarted, window.clone());
        let page = Self { items, has_more, next_cursor, restarted, window };
        if switches.any_fault() { page.clone().spoiled(rows, &page.window, start, switches) } else { page }
    }

    fn spoiled(mut self, rows: &[Offering], window: &Window, start: Start, switches: Switches) -> Self {
        let faulty = |fault| switches.faulty(fault);
        let cut = |rows: Vec<Offering>| Self::cut(&rows, window, Start::First, Switches::default());
        match start {
            Start::After(place) => {
                let cursor = &rows[place];
                let moved = if faulty(Fault::PAGE_SKIPS_ONE) {
                    Some(rows[(place + 2).min(rows.len())..].to_vec())
                } else if faulty(Fault::PAGE_REPEATS_LAST)
                    || (faulty(Fault::PAGE_THREE_REPEATS) && place + 1 >= 2 * window.limit)
                {
                    Some(rows[place..].to_vec())
                } else if faulty(Fault::PAGE_CURSOR_IGNORED) {
                    Some(rows.to_vec())
                } else if faulty(Fault::PAGE_COMPARES_IDS) {
                    Some(rows.iter().filter(|row| row.id > cursor.id).cloned().collect())
                } else if faulty(Fault::PAGE_SKIPS_TIES) {
                    let later = |row: &&Offering| row.created_at / 60 != cursor.created_at / 60;
                    Some(rows[place..].iter().filter(later).cloned().collect())
                } else {
                    None
                };
                if let Some(rows) = moved {
                    self = cut(rows);
                }
                if faulty(Fault::PAGE_REVERSED_AFTER_CURSOR) {
                    self.items.reverse();
                }
                if faulty(Fault::LAST_PAGE_LOST) && self.items.len() < window.limit {
                    self.items.clear();
                }
                self.restarted |= faulty(Fault::RESTART_HEADER_ON_LAST_PAGE) && !self.has_more;
            }
            Start::Restarted if faulty(Fault::CURSOR_UNKNOWN_EMPTY) => self = cut(Vec::new()),
            Start::Restarted if faulty(Fault::CURSOR_UNKNOWN_HALF_PAGE) => {
                self = cut(rows.iter().skip(1).cloned().collect());
                self.restarted = true;
            }
            Start::First | Start::Restarted => {}
        }
        self.spoil_flags(rows, window, switches);
        self
    }

    fn spoil_flags(&mut self, rows: &[Offering], window: &Window, switches: Switches) {
        let faulty = |fault| switches.faulty(fault);
        let last = self.items.last().map(|last| last.id.clone());
        let following = rows.iter().skip_while(|row| Some(&row.id) != last.as_ref()).skip(1);
        let follows = following.clone().count();
        if faulty(Fault::HAS_MORE_ALWAYS_FALSE) || (faulty(Fault::HAS_MORE_MISSES_ONE) && follows == 1) {
            self.has_more = false;
            self.next_cursor = None;
        }
        if faulty(Fault::HAS_MORE_ALWAYS_TRUE)
            || (faulty(Fault::HAS_MORE_WHEN_JUST_FULL) && self.items.len() == window.limit)
        {
            self.has_more = true;
        }
        if faulty(Fault::NEXT_CURSOR_ON_LAST_PAGE) && !self.has_more {
            self.next_cursor.clone_from(&last);
        }
        if faulty(Fault::NEXT_CURSOR_FIRST) && self.has_more && self.items.len() > 1 {
            self.next_cursor = self.items.first().map(|first| first.id.clone());
        }
        if faulty(Fault::NEXT_CURSOR_SKIPS_ONE) && self.has_more {
            self.next_cursor = following.clone().next().map(|next| next.id.clone());
        }
        self.restarted |= faulty(Fault::RESTART_HEADER_ALWAYS);
    }
}
