//! The cases that run at the same time in one project.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// What the cases that run at the same time create, so that none takes an offering of another for the server's doing.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// The prefixes of their ids; none is the beginning of another.
    prefixes: Vec<String>,
    /// Their ids without such a prefix, each with the prefix of the case that creates it.
    others: Mutex<BTreeMap<String, String>>,
    /// Ids without such a prefix, in lower case: two cases may use the same, one after the other.
    locks: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Neighbours {
    /// The cases whose ids have these prefixes.
    pub fn new(prefixes: Vec<String>) -> Self {
        Self { prefixes, ..Self::default() }
    }

    /// Waits until no other case uses `id`, and keeps it from them until the guard is dropped. Ids that differ in letter
    /// case are one, as a server may take them for one.
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        self.lock_of(id).lock_owned().await
    }

    /// As [`Self::lock`]; `None` if another case uses the id.
    pub fn try_lock(&self, id: &str) -> Option<OwnedMutexGuard<()>> {
        self.lock_of(id).try_lock_owned().ok()
    }

    fn lock_of(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(id.to_lowercase()).or_default())
    }

    /// Records that the case whose ids have `prefix` is about to create `id`.
    pub fn add(&self, id: &str, prefix: &str) {
        if !id.starts_with(prefix) {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            others.insert(id.to_owned(), prefix.to_owned());
        }
    }

    /// Whether another case than the one whose ids have `prefix` creates `id`, in any letter case.
    pub fn is_of_another(&self, id: &str, prefix: &str) -> bool {
        let begins = |with: &str| id.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        if begins(prefix) {
            return false;
        }
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        match others.get(id) {
            Some(owner) => owner != prefix,
            None => self.prefixes.iter().any(|prefix| begins(prefix)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offerings_of_the_other_cases_are_recognised() {
        let cases = Neighbours::new(vec!["qf-a-get-".into(), "qf-a-update-".into()]);
        cases.add("new", "qf-a-get-");
        for (id, is_of_another) in [
            ("qf-a-get-1", false),
            ("qf-a-update-1", true),
            ("QF-A-Update-1", true),
            ("new", false),
            ("qf-a-anchor-main", false),
            ("onboarding", false),
            ("", false),
        ] {
            assert_eq!(cases.is_of_another(id, "qf-a-get-"), is_of_another, "{id}");
        }
        assert!(cases.is_of_another("new", "qf-a-update-"));
    }

    #[tokio::test]
    async fn an_id_is_locked_in_any_letter_case() {
        let cases = Neighbours::default();
        let lock = cases.lock("null").await;
        assert!(cases.try_lock("NULL").is_none() && cases.try_lock("new").is_some());
        drop(lock);
        assert!(cases.try_lock("Null").is_some());
    }
}
