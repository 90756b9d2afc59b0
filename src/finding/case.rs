//! The result of one case.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::{Abort, Constraints, Failure};
use crate::exchange::{Credentials, Exchange, KeyRole};

/// A difference between document and server that violates no rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DriftKey {
    /// Operation id, or empty outside the document.
    pub operation: String,
    /// What differs, as a clause without values.
    pub what: String,
}

/// A documented header of a response.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HeaderKey {
    /// Id of the operation in the document.
    pub operation: String,
    /// The received status.
    pub status: u16,
    /// Name of the header in lower case.
    pub header: String,
}

/// The result of one case, or of several merged cases. It goes unchanged from the driver to the report.
#[derive(Clone, Debug, Default)]
pub struct CaseResult {
    /// Name of the case: `scenario::create.echo`. Set by the run.
    pub name: String,
    /// Position in the plan, from 0. Set by the run.
    pub place: usize,
    /// Keys to redact in the evidence. Set by the run.
    pub keys: Credentials,
    /// Deviations from rules, in the order they were seen.
    pub failures: Vec<Failure>,
    /// Number of checks per rule.
    pub kept: BTreeMap<&'static str, u64>,
    /// For each open rule: each choice of the server, and how often it was seen.
    pub choices: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Differences that violate no rule, each with its number of occurrences.
    pub drift: BTreeMap<DriftKey, u64>,
    /// Number of responses by operation id, status and typed code (empty if there is none).
    pub seen: BTreeMap<(String, u16, String), u64>,
    /// Documented headers of received responses, each with the number of responses that had it.
    pub headers: BTreeMap<HeaderKey, u64>,
    /// The constraints that generated requests covered.
    pub constraints: Constraints,
    /// Rules whose check could not be completed, each with the reason.
    pub undecided: BTreeMap<&'static str, String>,
    /// Rules that were skipped in whole or in part, each with what was missing.
    pub skipped: BTreeMap<&'static str, String>,
    /// Rules that an earlier violation may have kept the case from reaching, each with the violated rule.
    pub blocked: BTreeMap<&'static str, &'static str>,
    /// Evidence that another client changed the project during the case.
    pub foreign: Vec<String>,
    /// The keys whose projects the case changed.
    pub wrote: BTreeSet<KeyRole>,
    /// The offerings in the main project after the case; `None` if they were not read after the last write.
    pub after: Option<Vec<Listed>>,
    /// The list that shows [`Self::after`], if it has one page.
    pub last_list: Option<Arc<Exchange>>,
    /// Why the case ended early; `None` if it completed.
    pub abort: Option<Abort>,
}

/// An entry of a project's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Id of the offering.
    pub id: String,
    /// Whether it is the main offering.
    pub is_main: bool,
}

/// Number of equal failures that a case keeps with their evidence.
const MAX_ALIKE: usize = 8;

impl CaseResult {
    /// Counts one check of `rule`.
    pub fn checked(&mut self, rule: &'static str) {
        *self.kept.entry(rule).or_default() += 1;
    }

    /// Counts one check of `rule`, and adds its failure if there is one.
    pub fn check(&mut self, rule: &'static str, failure: Option<Failure>) {
        self.checked(rule);
        self.failures.extend(failure);
    }

    /// Adds failures. Only the first few equal ones keep their evidence, the others are counted: a server can violate a
    /// rule with every offering of every list.
    pub fn keep(&mut self, failures: impl IntoIterator<Item = Failure>) {
        for failure in failures {
            let mut alike = self.failures.iter_mut().filter(|known| known.is_like(&failure));
            match alike.next() {
                Some(first) if alike.count() + 1 >= MAX_ALIKE => first.evidence.repeats += 1,
                _ => self.failures.push(failure),
            }
        }
    }

    /// Records the server's choice for an open rule.
    pub fn observe(&mut self, rule: &'static str, choice: impl AsRef<str> + Into<String>) {
        self.checked(rule);
        let choices = self.choices.entry(rule).or_default();
        // Looked up by reference first: most choices repeat.
        match choices.get_mut(choice.as_ref()) {
            Some(count) => *count += 1,
            None => *choices.entry(choice.into()).or_default() += 1,
        }
    }

    /// Records a difference that violates no rule.
    pub fn drift(&mut self, operation: &str, what: impl Into<String>) {
        let key = DriftKey { operation: operation.to_owned(), what: what.into() };
        *self.drift.entry(key).or_default() += 1;
    }

    /// Attributes every failure without steps to these steps of the case (positions from 0). The failure was seen at
    /// the last of them.
    pub fn attribute(&mut self, steps: &Range<usize>) {
        for failure in self.failures.iter_mut().filter(|failure| failure.evidence.steps.is_empty()) {
            failure.evidence.steps.clone_from(steps);
        }
    }

    /// Whether another client changed the project during the case.
    pub fn is_disturbed(&self) -> bool {
        !self.foreign.is_empty()
    }

    /// Whether another client kept the case from deciding a rule: it may decide it when it runs again.
    pub fn is_undecided_by_others(&self) -> bool {
        let is_blocked = matches!(self.abort, Some(Abort::Blocked(_)));
        self.is_disturbed() && self.failures.is_empty() && (is_blocked || !self.undecided.is_empty())
    }

    /// Moves the counters out: checks, choices, drift, responses, headers, constraints.
    pub fn take_counts(&mut self) -> Self {
        use std::mem::take;
        Self {
            kept: take(&mut self.kept),
            choices: take(&mut self.choices),
            drift: take(&mut self.drift),
            seen: take(&mut self.seen),
            headers: take(&mut self.headers),
            constraints: take(&mut self.constraints),
            ..Self::default()
        }
    }

    /// Adds the result of another case, except how it ended and what it left behind.
    pub fn merge(&mut self, other: Self) {
        add(&mut self.kept, other.kept);
        add(&mut self.drift, other.drift);
        add(&mut self.seen, other.seen);
        add(&mut self.headers, other.headers);
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
