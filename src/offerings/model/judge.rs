//! One answer held against one world.

use std::borrow::Cow;

use super::super::claim::{list, tag};
use super::call::{Call, Sent};
use super::effect::is_merged;
use super::reason::{Force, Reason};
use super::world::World;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Answer;

/// What the model says of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is explained.
    Right(Right),
    /// No right server answers so.
    Wrong(Fault),
}

/// An answer that is explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Right {
    /// The worlds that may follow; never empty.
    pub next: Vec<World>,
    /// The rules that it keeps.
    pub rules: Vec<&'static str>,
    /// What the server chose at open points.
    pub choices: Vec<Choice>,
}

/// What a server chose at an open point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The rule that leaves it open.
    pub rule: &'static str,
    /// What was chosen, in a clause.
    pub what: Cow<'static, str>,
}

/// An answer that is not explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What is wrong, in a clause without values.
    pub title: Cow<'static, str>,
    /// What the contract promises.
    pub documented: String,
    /// What came.
    pub received: String,
}

impl Right {
    pub(super) fn silent(next: Vec<World>) -> Self {
        Self { next, rules: Vec::new(), choices: Vec::new() }
    }
}

impl Choice {
    pub(super) fn of(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: Cow::Owned(what.into()) }
    }
}

impl World {
    /// The worlds that may follow an answer; empty when no right server answers so.
    pub fn step(&self, call: &Call, answer: &Answer) -> Vec<Self> {
        match self.judge(call, answer) {
            Verdict::Right(right) => right.next,
            Verdict::Wrong(_) => Vec::new(),
        }
    }

    /// Holds an answer against this world.
    pub fn judge(&self, call: &Call, answer: &Answer) -> Verdict {
        let readings = self.readings(&call.id);
        let mut fault = None;
        for target in &readings {
            match self.judge_as(call, target.as_deref(), answer) {
                Verdict::Right(mut right) => {
                    if readings.len() > 1 && answer.status < 500 {
                        right.choices.push(Choice::of("create.case-sensitivity", case_choice(target.as_ref())));
                    }
                    return Verdict::Right(right);
                }
                Verdict::Wrong(wrong) => {
                    fault.get_or_insert(wrong);
                }
            }
        }
        Verdict::Wrong(fault.expect("every id has a reading"))
    }

    fn judge_as(&self, call: &Call, target: Option<&str>, answer: &Answer) -> Verdict {
        if let Some(verdict) = self.judge_replay(call, answer) {
            return verdict;
        }
        let reasons = self.reasons(call, target);
        if answer.is_success() {
            self.judge_success(call, target, answer, &reasons)
        } else if answer.is_refusal() {
            self.judge_refusal(call, answer, &reasons)
        } else {
            // A 5xx is a fault by a rule of its own; whether the call was done is not known.
            let mut next = vec![self.refused(call, answer.status)];
            if call.is_write() && answer.status >= 500 && self.may_be_done(call, target) {
                next.push(self.done(call, target, None));
            }
            Verdict::Right(Right::silent(next))
        }
    }

    fn judge_refusal(&self, call: &Call, answer: &Answer, reasons: &[Reason]) -> Verdict {
        let next = || vec![self.refused(call, answer.status)];
        if let Some(reason) = reasons.iter().find(|reason| reason.explains(answer)) {
            let mut right = Right::silent(next());
            match reason.force {
                Force::Must => right.rules.push(reason.rule),
                Force::May => {
                    let what = format!("{} is answered {}", reason.what, answer.status);
                    right.choices.push(Choice::of(reason.rule, what));
                }
            }
            return Verdict::Right(right);
        }
        match reasons.iter().find(|reason| reason.force == Force::Must) {
            Some(reason) => Verdict::Wrong(reason.fault(answer)),
            None => Verdict::Wrong(self.refused_for_nothing(call, answer)),
        }
    }

    fn judge_success(&self, call: &Call, target: Option<&str>, answer: &Answer, reasons: &[Reason]) -> Verdict {
        if let Some(reason) = reasons.iter().find(|reason| reason.force == Force::Must) {
            return Verdict::Wrong(reason.fault(answer));
        }
        let answered = answer.json().and_then(Offering::read);
        let held = match call.endpoint {
            Endpoint::List => self.judge_list(call, answer),
            Endpoint::Create => self.judge_create(call, answer, answered.as_ref()),
            Endpoint::Get => self.judge_get(target, answer, answered.as_ref()),
            Endpoint::Update => self.judge_update(call, target, answer, answered.as_ref()),
            Endpoint::Delete => {
                expect_status(DELETE, answer, 204, "a delete of an existing offering").map(|()| vec![DELETE])
            }
            Endpoint::SetMain => self.judge_set_main(target, answer, answered.as_ref()),
        };
        match held {
            Err(fault) => Verdict::Wrong(fault),
            Ok(rules) => {
                let choices = reasons.iter().filter_map(Reason::taken).collect();
                let mut next = self.done(call, target, answered.as_ref());
                next.learn(call, answer);
                Verdict::Right(Right { next: vec![next], rules, choices })
            }
        }
    }

    /// What a refusal breaks for which there is no reason.
    fn refused_for_nothing(&self, call: &Call, answer: &Answer) -> Fault {
        let lives = self.lives(&call.id);
        let (rule, title, status) = match call.endpoint {
            Endpoint::List => ("list.limit-honoured", "a list is refused", 200),
            // Whether a deleted id can come back is a should; what came back once must come back again.
            Endpoint::Create if lives == 1 => ("delete.recreate", "a deleted id cannot be created again", 201),
            Endpoint::Create if lives > 1 => {
                ("invariant.model-agrees", "an id that was created again before cannot be created", 201)
            }
            Endpoint::Create => ("create.echo", "a valid create is refused", 201),
            Endpoint::Get => ("get.existing", "a get of an existing offering is refused", 200),
            Endpoint::Update if call.body.products == Sent::Absent => {
                ("update.partial", "an update without products is refused", 200)
            }
            Endpoint::Update => ("update.replaces-products", "a valid update is refused", 200),
            Endpoint::Delete => (DELETE, "a delete of an existing offering is refused", 204),
            Endpoint::SetMain if self.is_main(&call.id) == Some(true) => {
                ("set-main.again", "a set-main of the main offering is refused", 200)
            }
            Endpoint::SetMain => (PROMOTES, "a set-main of an existing offering is refused", 200),
        };
        Fault { rule, title: title.into(), documented: status.to_string(), received: answer.summary() }
    }

    fn judge_create(&self, call: &Call, answer: &Answer, answered: Option<&Offering>) -> Held {
        const RULE: &str = "create.echo";
        expect_status(RULE, answer, 201, "a valid create")?;
        let mut rules = vec![RULE];
        let Some(offering) = answered else { return Ok(rules) };
        expect_id(RULE, &call.id, offering)?;
        expect_products(RULE, call.body.products().unwrap_or_default(), &offering.products)?;
        match self.next_is_main() {
            Some(true) => {
                rules.push("create.first-is-main");
                expect("create.first-is-main", offering.is_main(), "the first offering is not main", || {
                    ("tag 1".into(), tag(offering.tag))
                })?;
            }
            Some(false) => {
                rules.push("create.tag-regular");
                let is_regular = matches!(offering.tag, None | Some(0));
                expect("create.tag-regular", is_regular, "a new offering beside a main one is not regular", || {
                    ("tag 0 or null".into(), tag(offering.tag))
                })?;
            }
            None => {}
        }
        Ok(rules)
    }

    fn judge_get(&self, target: Option<&str>, answer: &Answer, answered: Option<&Offering>) -> Held {
        const RULE: &str = "get.existing";
        expect_status(RULE, answer, 200, "a get of an existing offering")?;
        let (Some(offering), Some(id)) = (answered, target) else { return Ok(Vec::new()) };
        expect_id(RULE, id, offering)?;
        if let Some((title, documented, received)) = self.difference(id, offering) {
            return Err(Fault { rule: "invariant.model-agrees", title: title.into(), documented, received });
        }
        Ok(vec![RULE])
    }

    fn judge_update(&self, call: &Call, target: Option<&str>, answer: &Answer, answered: Option<&Offering>) -> Held {
        let rule = if call.body.products == Sent::Absent { PARTIAL } else { "update.replaces-products" };
        expect_status(rule, answer, 200, "a valid update")?;
        let (Some(offering), Some(row)) = (answered, target.and_then(|id| self.rows.get(id))) else {
            return Ok(vec![rule]);
        };
        expect_id(rule, &row.offering.id, offering)?;
        expect_products(rule, call.body.products().unwrap_or(&row.offering.products), &offering.products)?;
        if let Some(is_main) = self.is_main(&row.offering.id) {
            expect(PARTIAL, offering.is_main() == is_main, "an update changes the role", || {
                (tag(row.offering.tag), tag(offering.tag))
            })?;
        }
        Ok(vec![rule])
    }

    fn judge_set_main(&self, target: Option<&str>, answer: &Answer, answered: Option<&Offering>) -> Held {
        let again = target.is_some_and(|id| self.is_main(id) == Some(true));
        let (rule, what) = if again {
            ("set-main.again", "a set-main of the main offering")
        } else {
            (PROMOTES, "a set-main of an existing offering")
        };
        expect_status(rule, answer, 200, what)?;
        let (Some(offering), Some(row)) = (answered, target.and_then(|id| self.rows.get(id))) else {
            return Ok(vec![rule]);
        };
        expect_id(rule, &row.offering.id, offering)?;
        expect(rule, offering.is_main(), "the promoted offering is not main", || ("tag 1".into(), tag(offering.tag)))?;
        let keeps = "set-main.keeps-rest";
        expect(keeps, offering.products == row.offering.products, "a set-main changes the products", || {
            (list(&row.offering.products), list(&offering.products))
        })?;
        Ok(vec![rule, keeps])
    }
}

const DELETE: &str = "delete.removes";
const PARTIAL: &str = "update.partial";
const PROMOTES: &str = "set-main.promotes";

/// The rules that hold, or the first that does not.
pub(super) type Held = Result<Vec<&'static str>, Fault>;

fn case_choice(target: Option<&String>) -> &'static str {
    if target.is_some() { "ids that differ only in case are one" } else { "ids that differ only in case are two" }
}

pub(super) fn expect(
    rule: &'static str,
    holds: bool,
    title: &'static str,
    texts: impl FnOnce() -> (String, String),
) -> Result<(), Fault> {
    if holds {
        return Ok(());
    }
    let (documented, received) = texts();
    Err(Fault { rule, title: title.into(), documented, received })
}

fn expect_status(rule: &'static str, answer: &Answer, status: u16, what: &str) -> Result<(), Fault> {
    if answer.status == status {
        return Ok(());
    }
    let title = format!("{what} is not answered {status}").into();
    Err(Fault { rule, title, documented: status.to_string(), received: answer.summary() })
}

fn expect_id(rule: &'static str, id: &str, found: &Offering) -> Result<(), Fault> {
    expect(rule, found.id == id, "the answer is another offering", || {
        (format!("id `{id}`"), format!("id `{}`", found.id))
    })
}

fn expect_products(rule: &'static str, sent: &[String], found: &[String]) -> Result<(), Fault> {
    expect(rule, sent == found || is_merged(sent, found), "`product_ids` are not those that they should be", || {
        (list(sent), list(found))
    })
}

impl Reason {
    fn explains(&self, answer: &Answer) -> bool {
        let has_code = self.codes.is_empty() || answer.error_code().is_some_and(|code| self.codes.contains(&code));
        (self.statuses.is_empty() || self.statuses.contains(&answer.status)) && has_code
    }

    fn fault(&self, answer: &Answer) -> Fault {
        let what = self.what;
        let statuses: Vec<_> = self.statuses.iter().map(u16::to_string).collect();
        let statuses = if statuses.is_empty() { "4xx".into() } else { statuses.join(" or ") };
        let title = if answer.is_success() {
            format!("{what} is accepted")
        } else if self.statuses.contains(&answer.status) {
            format!("{what} is refused with another code")
        } else {
            format!("{what} is not refused with {statuses}")
        };
        let documented = format!("{statuses} {}", self.codes.join(" or ")).trim_end().to_owned();
        Fault { rule: self.rule, title: title.into(), documented, received: answer.summary() }
    }

    /// The choice of a server that does not refuse where it may. The deletion of the main can be done in more than one
    /// way, which the list shows; and the rules of level must leave no choice.
    fn taken(&self) -> Option<Choice> {
        let is_open = !matches!(self.rule, "delete.main" | "get.missing" | "update.id-immutable");
        is_open.then(|| Choice::of(self.rule, format!("{} is taken", self.what)))
    }
}
