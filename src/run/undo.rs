//! What must be undone on the target.

use super::held::Held;
use crate::exchange::KeyRole;

/// What must be undone in one project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Undo {
    /// The previous main, if there was one.
    pub(super) main: Option<String>,
    /// Whether the run promoted another offering and did not promote the previous main again.
    pub(super) is_displaced: bool,
    /// The ids of the run start with it.
    pub(super) prefix: String,
    /// Other ids that the run created.
    pub(super) strays: Vec<String>,
    /// Ids with the prefix in create requests that were not rejected, and that were not deleted: a list may be cached.
    pub(super) sent: Vec<String>,
}

impl Undo {
    /// Whether the run created an id.
    pub(super) fn is_ours(&self, id: &str) -> bool {
        id.starts_with(&self.prefix) || self.strays.iter().any(|stray| stray == id)
    }

    /// The ids that may exist, also those that the list does not show.
    pub(super) fn known(&self) -> impl Iterator<Item = &String> {
        self.sent.iter().chain(&self.strays)
    }
}

/// What must be restored in one project.
#[derive(Clone, Debug)]
pub(super) struct Restoration<'a> {
    pub(super) role: KeyRole,
    pub(super) undo: Undo,
    /// What the project held before the run.
    pub(super) held: &'a [Held],
}
