//! A deviation from the contract, as a check saw it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::evidence::fingerprint;
use super::{Confirmation, Timeline};
use crate::contract::Level;
use crate::exchange::{Exchange, OperationRef};

/// A deviation from the contract, before it is confirmed, merged with its like and turned into a finding.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Id of the rule.
    pub rule: &'static str,
    /// The row of the table of conditions, stable: `create.id-invalid/accepted`, `set-main.promotes/not-listed-as-main`.
    pub condition: Cow<'static, str>,
    /// What differed, without values: `201`, `other code`, `product_ids`. With rule and condition it makes the
    /// fingerprint.
    pub difference: Cow<'static, str>,
    /// What is wrong, in a clause without values.
    pub title: Cow<'static, str>,
    /// What the contract promises here.
    pub expected: String,
    /// What came instead.
    pub received: String,
    /// The operation at which it showed; mostly that of `at`.
    pub operation: OperationRef,
    /// Whether the condition is about one operation only; then it is part of the fingerprint.
    pub scope: ConditionScope,
    /// The level of the part of the rule that is violated, where it is weaker than the rule's own (a promise of which a
    /// document says one half less firmly); `None` for the rule's.
    pub level: Option<Level>,
    /// Further rules that the same defect violates: they are violated by this finding, which stands once.
    pub also: Vec<&'static str>,
    /// The exchange at which it showed.
    pub at: Arc<Exchange>,
    /// The exchanges that lead to it, in order, `at` last. Filled in when the case ends, where it is empty then.
    pub trace: Vec<Arc<Exchange>>,
    /// How it showed, and what shows it again; empty at first.
    pub evidence: Evidence,
}

/// How a failure showed, and what shows it again. The driver and the run fill it in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    /// Whether a second run of the case showed it again.
    pub confirmation: Confirmation,
    /// The steps or requests of the case that can have caused it, by their places from 0; it showed at the last. Empty
    /// where the case is no row of steps.
    pub steps: Range<usize>,
    /// What shows it, to be played again: steps, requests, or what clients do; `None` where the whole case is played.
    pub script: Option<Value>,
    /// What minimizing it came to; `None` when that was not tried, or in vain.
    pub reduction: Option<Reduction>,
    /// What several clients did at once; `None` where one client shows it.
    pub timeline: Option<Timeline>,
    /// How many clients it takes to see it.
    pub clients: ClientsNeeded,
    /// How many more of its like the case saw, of which nothing else is kept.
    pub repeats: u64,
}

/// Something that was minimized.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reduction {
    /// How many steps or requests there were.
    pub from: usize,
    /// How many requests minimizing it took.
    pub requests: u64,
    /// What the request was that was made simpler; `None` for a sequence, and for a request that stayed as it was.
    pub was: Option<String>,
}

/// How many clients it takes to see something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientsNeeded {
    /// One sees it alone: it has nothing to do with several at once.
    #[default]
    One,
    /// Several at once.
    Several,
}

/// At how many operations a condition can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConditionScope {
    /// It is about one operation: the same failure at another operation is another defect.
    Operation,
    /// It is about any response: the same failure at several operations is one defect.
    Anywhere,
}

impl Failure {
    /// Whether two failures are the same defect: rule, condition and difference, and the operation where the condition
    /// is about one; no values.
    pub fn is_like(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// Eight hexadecimal digits that are the same in every run that finds the same defect.
    pub fn fingerprint(&self) -> String {
        let (rule, operation, condition, difference) = self.identity();
        fingerprint([rule, operation, condition, difference])
    }

    fn identity(&self) -> (&str, &str, &str, &str) {
        let operation = match self.scope {
            ConditionScope::Operation => self.operation.id().unwrap_or_default(),
            ConditionScope::Anywhere => "",
        };
        (self.rule, operation, &self.condition, &self.difference)
    }
}
