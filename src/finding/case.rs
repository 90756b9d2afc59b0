//! What one case came to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Abort, Constraints, Failure};
use crate::exchange::{Credentials, KeyRole};

/// A difference between document and server that violates no rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DriftKey {
    /// Operation id, or empty outside the document.
    pub operation: String,
    /// What differs, in a clause without values.
    pub what: String,
}

/// What one case came to, or several merged: it goes unchanged from the driver to the report.
#[derive(Clone, Debug, Default)]
pub struct CaseResult {
    /// Name of the case: `scenario::create.echo`. Filled in by the run.
    pub name: String,
    /// Its place in the plan, from 0. Filled in by the run.
    pub place: usize,
    /// What must not show in the evidence. Filled in by the run.
    pub keys: Credentials,
    /// Deviations from rules, in the order in which they were seen.
    pub failures: Vec<Failure>,
    /// How often each rule was really checked.
    pub kept: BTreeMap<&'static str, u64>,
    /// For each open point: what the server chose, and how often.
    pub choices: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Differences that violate no rule, and how often each was seen.
    pub drift: BTreeMap<DriftKey, u64>,
    /// Operation id, status, typed code (or empty): how often it was the response.
    pub seen: BTreeMap<(String, u16, String), u64>,
    /// What generated requests tried.
    pub constraints: Constraints,
    /// Rules whose check could not be finished, with the reason.
    pub undecided: BTreeMap<&'static str, String>,
    /// Rules or parts of them that had to be left out, with what was missing.
    pub skipped: BTreeMap<&'static str, String>,
    /// Rules of a case that found a violation, which may not have been reached, with the rule of that violation.
    pub blocked: BTreeMap<&'static str, &'static str>,
    /// Signs that another client changed the project meanwhile.
    pub foreign: Vec<String>,
    /// Whose projects it changed.
    pub wrote: BTreeSet<KeyRole>,
    /// What the main project holds now; `None` where that was not read after the last write.
    pub after: Option<Vec<Listed>>,
    /// Why it ended early, if it did.
    pub abort: Option<Abort>,
}

/// An entry of a project's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Whether it is the main one.
    pub is_main: bool,
}

/// How many failures of one kind a case keeps with all their evidence.
const MAX_ALIKE: usize = 8;

impl CaseResult {
    /// Counts one check of `rule`.
    pub fn checked(&mut self, rule: &'static str) {
        *self.kept.entry(rule).or_default() += 1;
    }

    /// Counts one check of `rule`, and notes the failure if there is one.
    pub fn check(&mut self, rule: &'static str, failure: Option<Failure>) {
        self.checked(rule);
        self.failures.extend(failure);
    }

    /// Adds failures. Of those that are alike the first ones are kept, and the others counted: a server may break a rule
    /// with every offering of every list.
    pub fn keep(&mut self, failures: impl IntoIterator<Item = Failure>) {
        for failure in failures {
            let mut alike = self.failures.iter_mut().filter(|known| known.is_like(&failure));
            match alike.next() {
                Some(first) if alike.count() + 1 >= MAX_ALIKE => first.evidence.repeats += 1,
                _ => self.failures.push(failure),
            }
        }
    }

    /// Notes what the server chose at an open point.
    pub fn observe(&mut self, rule: &'static str, choice: impl AsRef<str> + Into<String>) {
        self.checked(rule);
        let choices = self.choices.entry(rule).or_default();
        // Mostly it is the same as before.
        match choices.get_mut(choice.as_ref()) {
            Some(count) => *count += 1,
            None => *choices.entry(choice.into()).or_default() += 1,
        }
    }

    /// Notes a difference that violates no rule.
    pub fn drift(&mut self, operation: &str, what: impl Into<String>) {
        let key = DriftKey { operation: operation.to_owned(), what: what.into() };
        *self.drift.entry(key).or_default() += 1;
    }

    /// Puts every failure that has no steps yet down to these steps of the case, by their places from 0: the failure
    /// showed at the last of them.
    pub fn attribute(&mut self, steps: &Range<usize>) {
        for failure in self.failures.iter_mut().filter(|failure| failure.evidence.steps.is_empty()) {
            failure.evidence.steps.clone_from(steps);
        }
    }

    /// Whether another client changed the project meanwhile.
    pub fn is_disturbed(&self) -> bool {
        !self.foreign.is_empty()
    }

    /// Takes what only counts out of it: checks, choices, drift, responses, constraints.
    pub fn take_counts(&mut self) -> Self {
        use std::mem::take;
        Self {
            kept: take(&mut self.kept),
            choices: take(&mut self.choices),
            drift: take(&mut self.drift),
            seen: take(&mut self.seen),
            constraints: take(&mut self.constraints),
            ..Self::default()
        }
    }

    /// Adds what another case came to, apart from how it ended and what it left.
    pub fn merge(&mut self, other: Self) {
        add(&mut self.kept, other.kept);
        add(&mut self.drift, other.drift);
        add(&mut self.seen, other.seen);
        for (rule, choices) in other.choices {
            add(self.choices.entry(rule).or_default(), choices);
        }
        self.constraints.merge(other.constraints);
        self.failures.extend(other.failures);
        for (rule, reason) in other.undecided {
            self.undecided.entry(rule).or_insert(reason);
        }
        for (rule, reason) in other.skipped {
            self.skipped.entry(rule).or_insert(reason);
        }
        for (rule, by) in other.blocked {
            self.blocked.entry(rule).or_insert(by);
        }
        self.foreign.extend(other.foreign);
    }
}

fn add<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}
