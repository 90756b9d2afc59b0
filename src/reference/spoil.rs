//! What planted faults make of the right steps of a project.
//!
//! Each function gets the state of before, the request and the right result, when the right step is done already; it
//! damages the state or the result. A fault that is off damages nothing.

mod create;
mod delete;
mod list;
mod race;
mod read;
mod set_main;
mod update;

use super::offering::Offering;
use super::project::Project;

impl Project {
    /// Writes `offering` over the row of its id, if there is one.
    pub(super) fn overwrite(&mut self, offering: &Offering) {
        if let Some(row) = self.offerings.iter_mut().find(|row| row.id == offering.id) {
            row.clone_from(offering);
        }
    }

    /// Makes an offering look updated.
    pub(super) fn touch(&mut self, id: &str) {
        let now = self.ticker.tick();
        if let Some(row) = self.row(id) {
            row.updated_at = now.max(row.updated_at + 1);
        }
    }

    fn newest_id(&self) -> Option<String> {
        self.offerings.iter().rfind(|row| row.is_regular()).map(|row| row.id.clone())
    }

    pub(super) fn main_id(&self) -> Option<String> {
        self.offerings.iter().find(|row| row.is_main()).map(|row| row.id.clone())
    }

    /// Takes the tag of the main away.
    pub(super) fn demote_main(&mut self) {
        for row in self.offerings.iter_mut().filter(|row| row.is_main()) {
            row.tag = Some(0);
        }
    }
}

/// The row of an id in a former state.
fn in_state<'a>(state: &'a [Offering], id: &str) -> Option<&'a Offering> {
    state.iter().find(|row| row.id == id)
}
