//! A rule that did not hold, as a check saw it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::contract::Level;
use crate::exchange::{Exchange, OperationRef};

/// A rule that was broken, before it is confirmed, merged with its like and turned into a finding.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Id of the rule.
    pub rule: &'static str,
    /// What was wrong, in a clause without values: with rule and operation it makes the fingerprint.
    pub title: Cow<'static, str>,
    /// What the contract promises here.
    pub documented: String,
    /// What came instead.
    pub received: String,
    /// The operation that is at fault; mostly that of `at`.
    pub operation: OperationRef,
    /// The level of the part that was broken, where it is weaker than the rule's own (a promise of which a document
    /// says one half less firmly); `None` for the rule's.
    pub level: Option<Level>,
    /// The exchange at which it showed.
    pub at: Arc<Exchange>,
    /// The exchanges that lead to it, in order, `at` last. Filled in when the case ends, where it is
    /// empty then.
    pub story: Vec<Arc<Exchange>>,
}

impl Breach {
    /// Whether two breaches are the same fault: rule, operation and what was wrong; no values.
    pub fn is_like(&self, other: &Self) -> bool {
        self.rule == other.rule && self.operation == other.operation && self.title == other.title
    }
}
