//! List: which rows, in which order, starting where.

use std::time::Duration;

use crate::reference::fault::Fault;
use crate::reference::offering::Offering;
use crate::reference::page::{Start, Window};
use crate::reference::project::Project;

/// How long a list may lag behind on a server whose lists do.
const BEHIND: Duration = Duration::from_millis(50);

impl Project {
    /// The rows that a faulty server lists.
    pub(in crate::reference) fn spoil_rows(
        &mut self,
        mut rows: Vec<Offering>,
        window: &Window,
        neighbours: &[Offering],
    ) -> Vec<Offering> {
        let variants = self.faulty(Fault::VARIANT_LISTED)
            || (window.after.is_some() && self.faulty(Fault::VARIANT_LISTED_AFTER_CURSOR));
        if variants {
            rows.clone_from(&self.offerings);
        }
        if let Some(frozen) = &self.history.frozen {
            rows.clone_from(frozen);
        }
        rows.extend(neighbours.iter().cloned());
        rows.extend(self.history.ghosts.iter().cloned());
        rows.extend(self.undead());
        rows.retain(|row| !self.history.unlisted.contains(&row.id));
        self.spoil_columns(&mut rows);
        if self.faulty(Fault::CREATED_NOT_LISTED) {
            rows.retain(|row| !row.product_ids.is_empty());
        }
        if self.faulty(Fault::CREATED_LISTED_TWICE) {
            let again: Vec<_> = rows.iter().filter(|row| row.created_at == row.updated_at).cloned().collect();
            rows.extend(again);
        }
        self.spoil_order(&mut rows, window);
        rows
    }

    /// The deleted ones that are still listed.
    fn undead(&self) -> Vec<Offering> {
        let all = self.faulty(Fault::DELETE_STILL_LISTED);
        let former_mains = self.faulty(Fault::DELETED_FORMER_MAIN_LISTED);
        let still = |row: &&Offering| {
            all || (former_mains && row.tag == Some(0) && self.history.demotions.contains_key(&row.id))
        };
        let gone = |row: &&Offering| self.position(&row.id).is_none();
        let mut undead: Vec<_> = self.history.deleted.iter().filter(still).filter(gone).cloned().collect();
        undead.dedup_by(|one, other| one.id == other.id);
        undead
    }

    fn spoil_columns(&self, rows: &mut [Offering]) {
        let just_now = self.history.promoted_at.is_some_and(|then| then.elapsed() < BEHIND);
        let late =
            self.faulty(Fault::SET_MAIN_LIST_LATE) || (just_now && self.faulty(Fault::RACE_PROMOTION_LISTED_LATE));
        for row in rows {
            if late && let Some(tag) = self.history.former_tags.get(&row.id) {
                row.tag = *tag;
            }
            if self.faulty(Fault::LIST_PRODUCTS_OF_CREATION)
                && let Some(products) = self.history.first_products.get(&row.id)
            {
                row.product_ids.clone_from(products);
            }
        }
    }

    fn spoil_order(&mut self, rows: &mut [Offering], window: &Window) {
        self.history.lists += 1;
        if self.faulty(Fault::ORDER_BY_ID) {
            rows.sort_by(|one, other| one.id.cmp(&other.id));
        }
        if self.faulty(Fault::ORDER_BY_UPDATE) {
            rows.sort_by_key(|row| std::cmp::Reverse(row.updated_at));
        }
        if self.faulty(Fault::ORDER_CHANGES) && !rows.is_empty() {
            let turns = self.history.lists as usize % rows.len();
            rows.rotate_left(turns);
        }
        if self.faulty(Fault::ORDER_DEPENDS_ON_LIMIT) && window.limit % 2 == 1 {
            rows.reverse();
        }
    }

    /// Where the page starts.
    pub(in crate::reference) fn start(&mut self, rows: &[Offering], window: &Window) -> Start {
        let start = Start::of(rows, window, &self.config);
        let Some(after) = window.after.as_ref().filter(|_| self.switches.any_fault()) else { return start };
        match start {
            Start::After(place)
                if self.faulty(Fault::PAGES_SKIP_AFTER_DELETION) && !self.history.deleted.is_empty() =>
            {
                Start::After((place + 1).min(rows.len() - 1))
            }
            Start::Restarted if self.faulty(Fault::CURSOR_DELETED_CONTINUES) => {
                let deleted = self.history.deleted.iter().rev().find(|row| row.id == *after);
                let next = deleted.and_then(|deleted| rows.iter().position(|row| row.number > deleted.number));
                match (deleted, next) {
                    (None, _) => start,
                    (Some(_), Some(0)) => Start::First,
                    (Some(_), Some(next)) => Start::After(next - 1),
                    (Some(_), None) => rows.len().checked_sub(1).map_or(Start::First, Start::After),
                }
            }
            Start::Restarted => {
                if self.faulty(Fault::LIST_FROZEN_AFTER_RESTART) {
                    self.history.frozen = Some(rows.to_vec());
                }
                start
            }
            _ => start,
        }
    }

    /// Whether a restarted page says so.
    pub(in crate::reference) fn admits_restart(&self, window: &Window) -> bool {
        let deleted = |after: &String| self.history.deleted.iter().any(|row| row.id == *after);
        !(self.faulty(Fault::CURSOR_UNKNOWN_WITHOUT_HEADER)
            || (self.faulty(Fault::CURSOR_DELETED_WITHOUT_HEADER) && window.after.as_ref().is_some_and(deleted)))
    }
}
