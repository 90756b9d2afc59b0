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
    /// Held by the case that uses ids without a prefix: two cases may use the same.
    unprefixed: Arc<tokio::sync::Mutex<()>>,
}

impl Neighbours {
    /// The cases whose ids have these prefixes.
    pub fn new(prefixes: Vec<String>) -> Self {
        Self { prefixes, ..Self::default() }
    }

    /// Waits until no other case uses ids without a prefix, and keeps them from it until the guard is dropped.
    pub async fn lock_unprefixed(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.unprefixed).lock_owned().await
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
}
