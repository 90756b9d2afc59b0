//! The failures of a run whose reads were sent again, to see whether they were outdated.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many kinds of failures are examined if none of their reads was outdated.
const MAX_WITHOUT: usize = 3;

/// For the fingerprint of each failure whose reads were sent again: whether they were outdated. Each costs a pause, so
/// that the reads of one failure of a kind must do.
#[derive(Debug, Default)]
pub struct Rereads(Mutex<BTreeMap<String, bool>>);

impl Rereads {
    /// Whether the reads of this kind of failure were outdated; `None` if they were not sent again yet.
    pub fn result(&self, fingerprint: &str) -> Option<bool> {
        self.results().get(fingerprint).copied()
    }

    /// Records a result.
    pub fn add(&self, fingerprint: String, is_outdated: bool) {
        self.results().insert(fingerprint, is_outdated);
    }

    /// Whether another kind of failure should be examined: without an outdated read among the first few, reads are
    /// hardly the reason, and each pause takes time from minimizing.
    pub fn is_worthwhile(&self) -> bool {
        self.is_any_outdated() || self.results().len() < MAX_WITHOUT
    }

    /// Whether any read was outdated.
    pub fn is_any_outdated(&self) -> bool {
        self.results().values().any(|is_outdated| *is_outdated)
    }

    fn results(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
