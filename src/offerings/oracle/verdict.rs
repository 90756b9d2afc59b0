//! What the oracle says of a response.

use std::borrow::Cow;

use super::conditions::{Promise, Rejection};
use super::reply::Reply;
use super::world::World;

/// What the oracle says of a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It is explained.
    Explained(Explained),
    /// No correct server returns it.
    Wrong(Box<Wrong>),
}

/// A response that is explained.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Explained {
    /// The worlds that may follow; never empty.
    pub next: Vec<World>,
    /// The rules that were checked and kept.
    pub rules: Vec<&'static str>,
    /// What the server chose at open points.
    pub choices: Vec<Choice>,
    /// Deviations that leave no doubt about what the server did: nothing that follows is judged otherwise.
    pub deviations: Vec<Wrong>,
    /// Deviations from what the contract only recommends here.
    pub warnings: Vec<Wrong>,
    /// Whether it is the response of an earlier request with the same idempotency key.
    pub is_replay: bool,
    /// Whether it is wrong in a way that was found elsewhere: what follows from it is not judged.
    pub is_known: bool,
    /// Rules that the response violates too, where it is wrong in a way that is found elsewhere.
    pub violated: Vec<&'static str>,
}

/// What a server chose at an open point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The rule that leaves it open.
    pub rule: &'static str,
    /// What was chosen, in a clause.
    pub what: Cow<'static, str>,
}

/// What of a response a deviation is about: what is wrong with its form explains some of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// Whether the request was carried out, and the status.
    Status,
    /// The typed code of a rejection.
    Code,
    /// What the body shows.
    Content,
    /// What the body shows of what is stored; a second look tells which of two readings is wrong.
    Stored,
}

/// A response, or a state, that is not explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The rule that is violated.
    pub rule: &'static str,
    /// The row of the table of conditions.
    pub condition: Cow<'static, str>,
    /// What differed, without values.
    pub difference: Cow<'static, str>,
    /// What is wrong, in a clause without values.
    pub title: Cow<'static, str>,
    /// What the contract promises.
    pub expected: String,
    /// What was received.
    pub received: String,
    /// Further rules that are violated with it.
    pub also: Vec<&'static str>,
    /// What of the response it is about.
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

impl From<Wrong> for Judgement {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(Box::new(wrong))
    }
}

impl Wrong {
    /// What a promise of the table says about the body of a response or a state.
    pub(in crate::offerings) fn content(
        row: &'static Promise,
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

    /// A promise of the table that the status breaks.
    pub(in crate::offerings) fn status(row: &'static Promise, expected: impl Into<String>, reply: &Reply) -> Self {
        let difference = format!("status {}", reply.status).into();
        Self { difference, about: About::Status, ..Self::content(row, "", expected, reply.summary.clone()) }
    }

    /// A valid request that was rejected: with which status does not make it another defect.
    pub(in crate::offerings) fn rejected(row: &'static Promise, expected: impl Into<String>, reply: &Reply) -> Self {
        Self { difference: "rejected".into(), ..Self::status(row, expected, reply) }
    }

    /// A rejection of the table that did not happen as it should.
    pub(in crate::offerings) fn not_rejected(row: &'static Rejection, reply: &Reply) -> Self {
        let statuses: Vec<_> = row.statuses.iter().map(u16::to_string).collect();
        let statuses = if statuses.is_empty() { "4xx".into() } else { statuses.join(" or ") };
        let (subject, rule) = (row.subject, row.rule());
        let is_right = row.statuses.is_empty() || row.statuses.contains(&reply.status);
        // How a rule rejects is one decision of a server, whatever it rejects.
        let (condition, difference, title, about) = if reply.is_success() {
            (row.id.into(), "accepted".into(), format!("{subject} was accepted"), About::Status)
        } else if is_right {
            let code = reply.code.as_deref().unwrap_or("none");
            (rule_wide(rule), format!("code {code}"), format!("{subject} was rejected with another code"), About::Code)
        } else {
            let title = format!("{subject} was not rejected with {statuses}");
            (rule_wide(rule), format!("status {}", reply.status), title, About::Status)
        };
        Self {
            rule,
            condition,
            difference: difference.into(),
            title: title.into(),
            expected: format!("{statuses} {}", row.codes.join(" or ")).trim_end().to_owned(),
            received: reply.summary.clone(),
            also: Vec::new(),
            about,
        }
    }

    pub(super) fn stored(self) -> Self {
        Self { about: About::Stored, ..self }
    }
}

fn rule_wide(rule: &str) -> Cow<'static, str> {
    format!("{rule}/rejection").into()
}

/// The rules that are kept, or the first deviation.
pub(super) type Held = Result<Vec<&'static str>, Box<Wrong>>;

pub(super) fn expect(holds: bool, wrong: impl FnOnce() -> Wrong) -> Result<(), Box<Wrong>> {
    if holds { Ok(()) } else { Err(Box::new(wrong())) }
}
