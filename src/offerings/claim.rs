//! One claim of a case: this answer keeps this rule.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::check::Offering;
use crate::contract::Level;
use crate::exchange::Exchange;
use crate::finding;
use crate::lane::Session;

/// Holds one answer against one rule. Only the first thing that does not hold is reported: the others mostly follow
/// from it. Nor is anything reported that follows from what is wrong with the answer as such, whatever was asked: that
/// is told by its own rule, and the claim is neither kept nor broken. Dropping the claim counts the check.
pub struct Claim<'s> {
    session: &'s mut Session,
    rule: &'static str,
    at: Arc<Exchange>,
    failure: Option<Failure>,
    level: Option<Level>,
}

struct Failure {
    about: About,
    title: Cow<'static, str>,
    documented: String,
    received: String,
}

/// What of the answer a claim is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum About {
    /// Whether the request was done, and the status that says so.
    Status,
    /// The typed code of a refusal.
    Code,
    /// What the body shows.
    Body,
}

impl About {
    /// The rules of an answer as such from whose failure it follows that the claim does not hold.
    fn explained_by(self) -> &'static [&'static str] {
        match self {
            Self::Status => &["response.no-server-error"],
            Self::Code => &["response.no-server-error", "response.schema", "response.error-code-format"],
            Self::Body => &["response.no-server-error", "response.schema"],
        }
    }
}

impl<'s> Claim<'s> {
    pub(super) fn new(session: &'s mut Session, rule: &'static str, at: &Arc<Exchange>) -> Self {
        Self { session, rule, at: Arc::clone(at), failure: None, level: None }
    }

    /// Claims a part of the rule that the contract says less firmly than the rest: breaking it is a warning.
    pub fn as_should(mut self) -> Self {
        self.level = Some(Level::Should);
        self
    }

    /// Ends the claim and says whether everything held.
    pub fn stands(self) -> bool {
        self.failure.is_none()
    }

    /// Claims anything of what the answer shows. `title` says in a clause, without values, what is wrong if it does not
    /// hold.
    pub fn holds(
        self,
        holds: bool,
        title: impl Into<Cow<'static, str>>,
        documented: impl Into<String>,
        received: impl Into<String>,
    ) -> Self {
        self.require(About::Body, holds, title, documented, received)
    }

    fn require(
        mut self,
        about: About,
        holds: bool,
        title: impl Into<Cow<'static, str>>,
        documented: impl Into<String>,
        received: impl Into<String>,
    ) -> Self {
        if !holds && self.failure.is_none() {
            let (title, documented, received) = (title.into(), documented.into(), received.into());
            self.failure = Some(Failure { about, title, documented, received });
        }
        self
    }

    /// The answer is wrong, as somebody else found; the texts are as those of [`Self::holds`].
    pub fn fails(
        self,
        title: impl Into<Cow<'static, str>>,
        documented: impl Into<String>,
        received: impl Into<String>,
    ) -> Self {
        self.require(About::Status, false, title, documented, received)
    }

    /// The request was done, with whatever status of success: which one it must be is claimed elsewhere. `what` names
    /// the request in the title.
    pub fn accepted(self, what: &str) -> Self {
        let received = self.at.answer.summary();
        let holds = self.at.answer.is_success();
        self.require(About::Status, holds, format!("{what} is refused"), "2xx", received)
    }

    /// The answer has this status; `what` names the request in the title ("a valid create").
    pub fn status(self, status: u16, what: &str) -> Self {
        let received = self.at.answer.summary();
        let holds = self.at.answer.status == status;
        let title = format!("{what} is not answered {status}");
        self.require(About::Status, holds, title, status.to_string(), received)
    }

    /// The answer has one of these statuses; `what` names the request in the title.
    pub fn status_in(self, statuses: &[u16], what: &str) -> Self {
        let received = self.at.answer.summary();
        let holds = statuses.contains(&self.at.answer.status);
        let documented = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
        self.require(About::Status, holds, format!("{what} is not answered {documented}"), documented, received)
    }

    /// The request is refused with this status, and with one of these typed codes where the answer has one to read;
    /// no codes: any. `what` names the request in the title ("an id of 65 characters").
    pub fn refused(self, status: u16, codes: &[&str], what: &str) -> Self {
        let answer = &self.at.answer;
        let received = answer.summary();
        let documented = match codes {
            [] => status.to_string(),
            codes => format!("{status} {}", codes.join(" or ")),
        };
        let title = if answer.is_success() {
            format!("{what} is accepted")
        } else if answer.status != status {
            format!("{what} is not refused with {status}")
        } else {
            format!("{what} is refused with another code")
        };
        let has_code = codes.is_empty() || answer.error_code().is_some_and(|code| codes.contains(&code));
        let has_status = answer.status == status;
        let about = if has_status { About::Code } else { About::Status };
        self.require(about, has_status && has_code, title, documented, received)
    }

    /// The answer is an offering with this id.
    pub fn id(self, id: &str) -> Self {
        let found = self.offering().map(|offering| offering.id);
        self.holds(
            found.as_deref() == Some(id),
            "the answer is another offering",
            format!("id `{id}`"),
            found.map_or("no offering".into(), |found| format!("id `{found}`")),
        )
    }

    /// The answer is an offering with these products, in this order.
    pub fn products(self, products: &[String]) -> Self {
        let found = self.offering().map(|offering| offering.products);
        self.holds(
            found.as_deref() == Some(products),
            "`product_ids` are not those that were sent",
            list(products),
            found.map_or("no offering".into(), |found| list(&found)),
        )
    }

    /// The answer is an offering with `tag` 1.
    pub fn is_main(self) -> Self {
        let found = self.offering().and_then(|offering| offering.tag);
        self.holds(found == Some(1), "the offering is not main", "tag 1", tag(found))
    }

    /// The answer is an offering with `tag` 0 or null.
    pub fn is_regular(self) -> Self {
        let found = self.offering();
        let holds = found.as_ref().is_some_and(|offering| matches!(offering.tag, None | Some(0)));
        self.holds(holds, "the offering is not regular", "tag 0 or null", tag(found.and_then(|o| o.tag)))
    }

    /// The body's property has this value.
    pub fn property(self, name: &str, expected: &Value) -> Self {
        let found = self.at.answer.json().and_then(|body| body.get(name)).cloned();
        self.holds(
            found.as_ref() == Some(expected),
            format!("`{name}` differs"),
            format!("{name} {expected}"),
            found.map_or("nothing".into(), |found| format!("{name} {found}")),
        )
    }

    fn offering(&self) -> Option<Offering> {
        Offering::read(self.at.answer.json()?)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        match self.failure.take() {
            None => self.session.record.checked(self.rule),
            Some(failure) => {
                let reasons = failure.about.explained_by();
                let is_reported =
                    |known: &finding::Failure| reasons.contains(&known.rule) && Arc::ptr_eq(&known.at, &self.at);
                if !self.session.record.failures.iter().any(is_reported) {
                    self.session.fault(self.rule, failure.title, failure.documented, failure.received, &self.at);
                    if let Some(reported) = self.session.record.failures.last_mut() {
                        reported.level = self.level;
                    }
                }
            }
        }
    }
}

/// Product ids for a sentence: the first few and how many there are.
pub(super) fn list(ids: &[String]) -> String {
    match ids {
        [] => "[]".into(),
        ids if ids.len() <= 6 => format!("[{}]", ids.join(", ")),
        ids => format!("[{}, … {} in all]", ids[..5].join(", "), ids.len()),
    }
}

/// A tag for a sentence.
pub(super) fn tag(tag: Option<i64>) -> String {
    tag.map_or("tag null".into(), |tag| format!("tag {tag}"))
}
