//! What one case gathers while it runs.

use std::collections::BTreeMap;

use super::Failure;

/// A difference between document and server that breaks no rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DriftKey {
    /// Operation id, or empty outside the document.
    pub operation: String,
    /// What differs, in a clause without values.
    pub what: String,
}

/// Counts and claims of one case, or of several merged.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// How often each rule was really checked.
    pub checks: BTreeMap<&'static str, u64>,
    /// Rules that did not hold, in the order in which they were seen.
    pub failures: Vec<Failure>,
    /// For each open point: what the server chose, and how often.
    pub observations: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Differences that break no rule, and how often each was seen.
    pub drift: BTreeMap<DriftKey, u64>,
    /// Operation id, status, typed code (or empty): how often it was answered.
    pub seen: BTreeMap<(String, u16, String), u64>,
    /// Rules whose check could not be finished, with the reason.
    pub undecided: BTreeMap<&'static str, String>,
    /// Rules or parts of them that had to be left out, with what was missing.
    pub skipped: BTreeMap<&'static str, String>,
    /// Signs that somebody else changed the project meanwhile.
    pub foreign: Vec<String>,
}

impl Record {
    /// Counts one check of `rule`.
    pub fn checked(&mut self, rule: &'static str) {
        *self.checks.entry(rule).or_default() += 1;
    }

    /// Counts one check of `rule`, and notes the failure if it did not hold.
    pub fn check(&mut self, rule: &'static str, failure: Option<Failure>) {
        self.checked(rule);
        self.failures.extend(failure);
    }

    /// Notes what the server chose at an open point.
    pub fn observe(&mut self, rule: &'static str, choice: impl AsRef<str> + Into<String>) {
        self.checked(rule);
        let choices = self.observations.entry(rule).or_default();
        // Mostly it is the same as before.
        match choices.get_mut(choice.as_ref()) {
            Some(count) => *count += 1,
            None => *choices.entry(choice.into()).or_default() += 1,
        }
    }

    /// Notes a difference that breaks no rule.
    pub fn drift(&mut self, operation: &str, what: impl Into<String>) {
        let key = DriftKey { operation: operation.to_owned(), what: what.into() };
        *self.drift.entry(key).or_default() += 1;
    }

    /// Takes in what another case gathered.
    pub fn merge(&mut self, other: Self) {
        add(&mut self.checks, other.checks);
        add(&mut self.drift, other.drift);
        add(&mut self.seen, other.seen);
        for (rule, choices) in other.observations {
            add(self.observations.entry(rule).or_default(), choices);
        }
        self.failures.extend(other.failures);
        for (rule, reason) in other.undecided {
            self.undecided.entry(rule).or_insert(reason);
        }
        for (rule, reason) in other.skipped {
            self.skipped.entry(rule).or_insert(reason);
        }
        self.foreign.extend(other.foreign);
    }
}

fn add<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}
