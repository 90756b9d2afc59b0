//! A deviation from the contract, as reported by a check.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::evidence::{contains_empty_list, evidence_cost, fingerprint};
use super::{Confirmation, Timeline};
use crate::contract::Level;
use crate::exchange::{Exchange, OperationRef};

/// A deviation from the contract, before it is confirmed, merged with equal ones and turned into a finding.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Id of the rule.
    pub rule: &'static str,
    /// The stable id of the row in the table of conditions: `create.id-invalid/accepted`.
    pub condition: Cow<'static, str>,
    /// What differed, without values: `201`, `other code`, `product_ids`. Part of the fingerprint, with rule and
    /// condition.
    pub difference: Cow<'static, str>,
    /// What is wrong, as a clause without values.
    pub title: Cow<'static, str>,
    /// What the rule requires here.
    pub expected: String,
    /// What the server returned instead.
    pub received: String,
    /// The operation where it was seen; usually that of `at`.
    pub operation: OperationRef,
    /// Whether the condition is about one operation only; then the operation is part of the fingerprint.
    pub scope: ConditionScope,
    /// The level of the violated part of the rule, if it is weaker than the level of the rule (the documents require
    /// one part less strictly); `None` for the level of the rule.
    pub level: Option<Level>,
    /// Further rules that the same defect violates; it stays one finding.
    pub also: Vec<&'static str>,
    /// The exchange where it was seen.
    pub at: Arc<Exchange>,
    /// The exchanges that lead to it, in order, `at` last. Set at the end of the case if it is still empty.
    pub trace: Vec<Arc<Exchange>>,
    /// How it was seen, and how to reproduce it; empty at first.
    pub evidence: Evidence,
}

/// How a failure was seen, and how to reproduce it. Set by the driver and the run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    /// Whether a second run of the case reproduced it.
    pub confirmation: Confirmation,
    /// The steps or requests of the case that can have caused it (positions from 0); it was seen at the last. Empty if
    /// the case is not a list of steps.
    pub steps: Range<usize>,
    /// Whether it was seen when the case deleted what it had created. Those requests are concurrent.
    pub is_of_cleanup: bool,
    /// Whether an outdated read explains it: one that returned something else a moment later, without a write.
    pub is_outdated: bool,
    /// The steps, requests or clients to replay; `None` to replay the whole case.
    pub script: Option<Value>,
    /// The result of minimization; `None` if it was not attempted, or without success.
    pub reduction: Option<Reduction>,
    /// The concurrent requests; `None` if one client is enough to reproduce it.
    pub timeline: Option<Timeline>,
    /// How many clients it takes to reproduce it.
    pub clients: ClientsNeeded,
    /// Number of equal failures in the case whose evidence was dropped.
    pub repeats: u64,
}

/// The result of minimization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reduction {
    /// Number of steps or requests before.
    pub from: usize,
    /// Number of requests that minimization sent.
    pub requests: u64,
    /// The request before it was minimized; `None` for a sequence, and if the request did not change.
    pub was: Option<String>,
}

/// How many clients it takes to reproduce a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientsNeeded {
    /// One: it does not depend on concurrency.
    #[default]
    One,
    /// Several concurrent clients.
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
    /// Whether two failures are the same defect: equal rule, condition and difference, and equal operation if the
    /// condition is about one.
    pub fn is_like(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// How much evidence there is to read: as for [`Finding::evidence_cost`](super::Finding::evidence_cost).
    pub fn evidence_cost(&self) -> (usize, usize) {
        evidence_cost(
            self.trace.iter().map(|exchange| (exchange.request.path.as_str(), exchange.request.body.as_ref())),
        )
    }

    /// Whether a request of the trace sends an empty list.
    pub fn sends_empty_list(&self) -> bool {
        self.trace.iter().any(|exchange| exchange.request.body.as_deref().is_some_and(contains_empty_list))
    }

    /// Eight hexadecimal digits, the same in every run that finds the same defect.
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
