//! Idempotency keys: what a call answers that was made before.

use std::sync::Arc;

use super::super::claim::list;
use super::call::Call;
use super::judge::{Choice, Fault, Right, Verdict};
use super::world::World;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Answer;

/// What a key was used for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Use {
    /// What the call asked for: the body of a create, the offering of a set-main.
    what: String,
    outcome: Outcome,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Outcome {
    /// It was done: the offering that was answered, and in which of its lives.
    Done { id: String, products: Vec<String>, life: u32 },
    /// It was refused with this status.
    Refused(u16),
}

fn asked(call: &Call) -> String {
    if call.endpoint == Endpoint::Create { call.body.text.clone() } else { call.id.clone() }
}

impl Use {
    pub(super) fn refused(call: &Call, status: u16) -> Self {
        Self { what: asked(call), outcome: Outcome::Refused(status) }
    }

    pub(super) fn done(call: &Call, answered: Option<&Offering>, life: u32) -> Self {
        let sent = || call.body.products().unwrap_or_default().to_vec();
        let (id, products) = match answered {
            Some(answered) => (answered.id.clone(), answered.products.clone()),
            None => (call.id.clone(), sent()),
        };
        Self { what: asked(call), outcome: Outcome::Done { id, products, life } }
    }

    pub(super) fn is_for(&self, call: &Call) -> bool {
        self.what == asked(call)
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done { .. })
    }
}

/// Refusals of a key that is used again for something else.
const MISUSED: [u16; 3] = [400, 409, 422];

const OTHER_BODY: &str = "create.idempotency-other-body";

impl World {
    /// Of what a key stands for it matters only whether it still is the same offering, not which life of an id it was.
    pub(super) fn forget_former_lives(&mut self) {
        let is_first = |id: &String| self.lives.get(id) == Some(&1);
        let stands = |id: &str, life: u32| self.rows.contains_key(id) && self.lives(id) == life;
        let is_known = |used: &Use| match &used.outcome {
            Outcome::Done { id, life, .. } => *life == u32::from(stands(id, *life)),
            Outcome::Refused(_) => true,
        };
        if !self.keys.values().flatten().all(is_known) {
            let mut keys = Arc::clone(&self.keys);
            for used in Arc::make_mut(&mut keys).values_mut().flatten() {
                if let Outcome::Done { id, life, .. } = &mut used.outcome {
                    *life = u32::from(stands(id, *life));
                }
            }
            self.keys = keys;
        }
        if self.lives.len() != self.rows.len() || !self.rows.keys().all(is_first) {
            self.lives = Arc::new(self.rows.keys().map(|id| (id.clone(), 1)).collect());
        }
    }

    /// Judges a call whose key was used before; `None` when the key makes no difference to it.
    pub(super) fn judge_replay(&self, call: &Call, answer: &Answer) -> Option<Verdict> {
        let uses = self.keys.get(&(call.endpoint, call.key.clone()?))?;
        match uses.iter().find(|used| used.is_for(call)).map(|used| &used.outcome) {
            Some(Outcome::Done { id, products, life }) => self.judge_again(call, answer, id, products, *life),
            // The refusal may be what is replayed; otherwise the call is a new one.
            Some(Outcome::Refused(status)) if answer.status == *status => Some(self.replayed_refusal(call, answer)),
            _ => self.judge_other(call, answer, uses),
        }
    }

    fn replayed_refusal(&self, call: &Call, answer: &Answer) -> Verdict {
        Verdict::Right(Right::silent(vec![self.refused(call, answer.status)]))
    }

    /// The same key for the same thing.
    fn judge_again(&self, call: &Call, answer: &Answer, id: &str, products: &[String], life: u32) -> Option<Verdict> {
        let rule = if call.endpoint == Endpoint::Create { "create.idempotency-replay" } else { SET_MAIN };
        let stands = self.rows.contains_key(id) && self.lives(id) == life;
        if answer.status >= 500 {
            return Some(Verdict::Right(Right::silent(vec![self.unmoved(call)])));
        }
        if !answer.is_success() {
            return stands.then(|| {
                Verdict::Wrong(Fault {
                    rule,
                    title: "a call that is repeated with its idempotency key is refused".into(),
                    documented: "the first answer again".into(),
                    received: answer.summary(),
                })
            });
        }
        let answered = answer.json().and_then(Offering::read);
        if let Some(fault) = answered.as_ref().and_then(|answered| self.replay_fault(rule, answered, id, products)) {
            return Some(Verdict::Wrong(fault));
        }
        let mut next = vec![self.unmoved(call)];
        if !stands {
            // The offering is gone, or is another by now: whether the first answer comes back or the call is done anew
            // is not written anywhere.
            next.push(self.done(call, self.rows.contains_key(id).then_some(id), answered.as_ref()));
        }
        let mut right = Right { next, rules: vec![rule], choices: Vec::new() };
        if call.endpoint == Endpoint::Create {
            right.choices.push(Choice::of("create.idempotency-status", format!("a replay answers {}", answer.status)));
        }
        Some(Verdict::Right(right))
    }

    fn replay_fault(&self, rule: &'static str, answered: &Offering, id: &str, products: &[String]) -> Option<Fault> {
        let fault = |title: &'static str, documented: String, received: String| {
            Some(Fault { rule, title: title.into(), documented, received })
        };
        if answered.id != id {
            return fault("a replay answers with another offering", format!("id `{id}`"), answered.id.clone());
        }
        let now = self.find(id).map(|offering| &offering.products);
        if rule == SET_MAIN && !answered.is_main() {
            return fault("a replay does not answer what was answered first", "tag 1".into(), "another tag".into());
        }
        if answered.products != products && Some(&answered.products) != now {
            let (documented, received) = (list(products), list(&answered.products));
            return fault("a replay answers with other products", documented, received);
        }
        None
    }

    /// The same key for another thing.
    fn judge_other(&self, call: &Call, answer: &Answer, uses: &[Use]) -> Option<Verdict> {
        let creates = call.endpoint == Endpoint::Create;
        let choice = |what: &str| if creates { vec![Choice::of(OTHER_BODY, what)] } else { Vec::new() };
        let was_refused = |used: &Use| used.outcome == Outcome::Refused(answer.status);
        if MISUSED.contains(&answer.status) || (answer.is_refusal() && uses.iter().any(was_refused)) {
            let next = vec![self.refused(call, answer.status)];
            let choices = choice(&format!("a used key with another body is answered {}", answer.status));
            return Some(Verdict::Right(Right { next, rules: Vec::new(), choices }));
        }
        let answered = answer.json().and_then(Offering::read).map(|offering| offering.id);
        let is_original = |used: &Use| match &used.outcome {
            Outcome::Done { id, .. } => answered.as_ref().is_none_or(|answered| answered == id),
            Outcome::Refused(_) => false,
        };
        if creates && answer.is_success() && uses.iter().any(is_original) {
            let choices = choice("a used key with another body answers the original");
            return Some(Verdict::Right(Right { next: vec![self.unmoved(call)], rules: Vec::new(), choices }));
        }
        None
    }
}

const SET_MAIN: &str = "set-main.idempotency-replay";
