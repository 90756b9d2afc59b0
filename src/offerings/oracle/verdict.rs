//! The result of comparing a response with the expected state.

use std::borrow::Cow;

use super::conditions::{self as row, Rejection, Requirement};
use super::reply::Reply;
use super::world::World;

/// The result of comparing a response with one world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// The contract allows the response.
    Explained(Explained),
    /// No correct server returns the response.
    Deviation(Box<ModelDeviation>),
}

/// A response that the contract allows, or whose error another failure reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Explained {
    /// The worlds that may follow; never empty.
    pub next: Vec<World>,
    /// The rules that were checked and passed.
    pub rules: Vec<&'static str>,
    /// What the server chose at open points.
    pub choices: Vec<Choice>,
    /// Deviations that leave the state after the request known.
    pub deviations: Vec<ModelDeviation>,
    /// Deviations from recommendations of the contract.
    pub warnings: Vec<ModelDeviation>,
    /// Whether an open rule allows the rejection, so that its status and code may be undocumented.
    pub is_open: bool,
    /// Whether it repeats the response to an earlier request with the same idempotency key.
    pub is_replay: bool,
    /// Whether another failure already reports what is wrong with it. Consequences are not checked.
    pub is_known: bool,
    /// Further rules that it violates, where another failure reports the cause.
    pub violated: Vec<&'static str>,
}

/// A server's choice where the contract leaves several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The rule that allows the choice.
    pub rule: &'static str,
    /// The observation, as a clause.
    pub what: Cow<'static, str>,
}

/// The part of a response that a deviation is about. A malformed response can be the cause of some deviations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// The status, or whether the request was accepted.
    Status,
    /// The typed code of a rejection.
    Code,
    /// The body.
    Content,
    /// Stored data in the body. A second read shows which of two reads is wrong.
    Stored,
}

/// A response or a state that the contract does not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelDeviation {
    /// The rule that is violated.
    pub rule: &'static str,
    /// The id of the row in the table of conditions.
    pub condition: Cow<'static, str>,
    /// What differed, without values.
    pub difference: Cow<'static, str>,
    /// The title of the finding, without values.
    pub title: Cow<'static, str>,
    /// What the contract requires.
    pub expected: String,
    /// What was received.
    pub received: String,
    /// Further violated rules.
    pub also: Vec<&'static str>,
    /// The part of the response that it is about.
    pub about: About,
}

impl Explained {
    pub(super) fn silent(next: Vec<World>) -> Self {
        Self { next, ..Self::default() }
    }

    pub(super) fn choose(&mut self, rule: &'static str, what: impl Into<Cow<'static, str>>) {
        self.choices.push(Choice { rule, what: what.into() });
    }
}

impl From<ModelDeviation> for Judgement {
    fn from(deviation: ModelDeviation) -> Self {
        Self::Deviation(Box::new(deviation))
    }
}

impl ModelDeviation {
    /// A violated requirement on the body of a response or on the state.
    pub(in crate::offerings) fn content(
        row: &'static Requirement,
        difference: &'static str,
        expected: impl Into<String>,
        received: impl Into<String>,
    ) -> Self {
        Self {
            rule: row.rule(),
            condition: row.id.into(),
            difference: difference.into(),
            title: row.title.into(),
            expected: expected.into(),
            received: received.into(),
            also: row.also.to_vec(),
            about: About::Content,
        }
    }

    /// A violated requirement on the status.
    pub(in crate::offerings) fn status(row: &'static Requirement, expected: impl Into<String>, reply: &Reply) -> Self {
        let difference = format!("status {}", reply.status).into();
        Self { difference, about: About::Status, ..Self::content(row, "", expected, reply.summary.clone()) }
    }

    /// A valid request that was rejected; every status is the same defect.
    pub(in crate::offerings) fn rejected(
        row: &'static Requirement,
        expected: impl Into<String>,
        reply: &Reply,
    ) -> Self {
        Self { difference: "rejected".into(), ..Self::status(row, expected, reply) }
    }

    /// A request that was accepted, or rejected with an unexpected status or code.
    pub(in crate::offerings) fn not_rejected(row: &'static Rejection, reply: &Reply) -> Self {
        let statuses: Vec<_> = row.statuses.iter().map(u16::to_string).collect();
        let statuses = if statuses.is_empty() { "4xx".into() } else { statuses.join(" or ") };
        let (subject, rule) = (row.subject, row.rule());
        let is_expected_status = row.statuses.is_empty() || row.statuses.contains(&reply.status);
        // An unexpected status or code is one defect for all conditions of a rule.
        let (condition, difference, title, about) = if reply.is_success() {
            (row.id.into(), "accepted".into(), format!("{subject} was accepted"), About::Status)
        } else if is_expected_status {
            let code = reply.code.as_deref().map_or("no code".to_owned(), |code| format!("code {code}"));
            (rule_wide(rule), code, format!("{subject} was rejected with an unexpected code"), About::Code)
        } else {
            let title = format!("{subject} was rejected with an unexpected status");
            (rule_wide(rule), format!("status {}", reply.status), title, About::Status)
        };
        Self {
            rule,
            condition,
            difference: difference.into(),
            title: title.into(),
            expected: format!("{statuses} {}", row.codes.join(" or ")).trim_end().to_owned() + hint(row, reply),
            received: reply.summary.clone(),
            also: Vec::new(),
            about,
        }
    }

    pub(super) fn stored(self) -> Self {
        Self { about: About::Stored, ..self }
    }
}

/// What to check where a wrong argument of the run explains the response of a correct server; added to the expectation.
fn hint(rejection: &Rejection, reply: &Reply) -> &'static str {
    let is = |other: &Rejection| std::ptr::eq(rejection, other);
    let is_missing = row::GET_MISSING.statuses.contains(&reply.status)
        && reply.code.as_deref().is_some_and(|code| row::GET_MISSING.codes.contains(&code));
    let is_variant = is(&row::UPDATE_VARIANT) || is(&row::DELETE_VARIANT) || is(&row::SET_MAIN_VARIANT);
    if is_variant && is_missing {
        "; check that the id of --variant-id is an experiment variant of this project"
    } else if is(&row::AUTH_FORBIDDEN) && reply.is_success() {
        "; check that the key of --limited-token has no permission for offerings"
    } else {
        ""
    }
}

fn rule_wide(rule: &str) -> Cow<'static, str> {
    format!("{rule}/rejection").into()
}

/// The passed rules, or the first deviation.
pub(super) type CheckResult = Result<Vec<&'static str>, Box<ModelDeviation>>;

pub(super) fn expect(is_met: bool, deviation: impl FnOnce() -> ModelDeviation) -> Result<(), Box<ModelDeviation>> {
    if is_met { Ok(()) } else { Err(Box::new(deviation())) }
}
