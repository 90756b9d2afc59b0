//! Idempotency keys: what a request returns that was made before.

use std::sync::Arc;

use super::call::Call;
use super::conditions as row;
use super::reply::Reply;
use super::text::list;
use super::verdict::{Explained, Judgement, Wrong};
use super::world::World;
use crate::check::Offering;
use crate::contract::Endpoint;

/// What a key was used for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Use {
    /// What the request asked for: the body of a create, the offering of a set-main.
    what: String,
    outcome: KeyOutcome,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum KeyOutcome {
    /// It was done: the offering that was returned, and which incarnation of its id it was.
    Done { id: String, products: Vec<String>, incarnation: u32 },
    /// It was rejected with this status.
    Rejected(u16),
}

fn asked(call: &Call) -> &str {
    if call.endpoint == Endpoint::Create { &call.body.text } else { &call.id }
}

impl Use {
    pub(super) fn rejected(call: &Call, status: u16) -> Self {
        Self { what: asked(call).to_owned(), outcome: KeyOutcome::Rejected(status) }
    }

    pub(super) fn done(call: &Call, shown: Option<&Offering>, incarnation: u32) -> Self {
        let sent = || call.products().unwrap_or_default().to_vec();
        let (id, products) = match shown {
            Some(shown) => (shown.id.clone(), shown.products.clone()),
            None => (call.id.clone(), sent()),
        };
        Self { what: asked(call).to_owned(), outcome: KeyOutcome::Done { id, products, incarnation } }
    }

    pub(super) fn is_for(&self, call: &Call) -> bool {
        self.what == asked(call)
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.outcome, KeyOutcome::Done { .. })
    }
}

/// How a key that is used for something else, or whose offering is gone, may be rejected.
const MISUSED: [u16; 5] = [400, 404, 409, 410, 422];

impl World {
    /// Of what a key stands for it matters only whether it still is the same offering, not which incarnation it was.
    pub(super) fn forget_former_incarnations(&mut self) {
        let stands = |id: &str, incarnation: u32| self.rows.contains_key(id) && self.incarnations(id) == incarnation;
        let is_settled = |used: &Use| match &used.outcome {
            KeyOutcome::Done { id, incarnation, .. } => *incarnation == u32::from(stands(id, *incarnation)),
            KeyOutcome::Rejected(_) => true,
        };
        if !self.keys.values().flatten().all(is_settled) {
            let mut keys = Arc::clone(&self.keys);
            for used in Arc::make_mut(&mut keys).values_mut().flatten() {
                if let KeyOutcome::Done { id, incarnation, .. } = &mut used.outcome {
                    *incarnation = u32::from(stands(id, *incarnation));
                }
            }
            self.keys = keys;
        }
        let is_first = |id: &String| {
            self.incarnations.get(id).is_some_and(|known| {
                known.count == 1 && known.former_created_at.is_empty() && known.former_products.is_empty()
            })
        };
        if self.incarnations.len() != self.rows.len() || !self.rows.keys().all(is_first) {
            let first = |id: &String| (id.clone(), super::world::Incarnations { count: 1, ..Default::default() });
            self.incarnations = Arc::new(self.rows.keys().map(first).collect());
        }
    }

    /// Judges a request whose key was used before; `None` when the key makes no difference to it.
    pub(super) fn judge_key(&self, call: &Call, reply: &Reply) -> Option<Judgement> {
        let uses = self.keys.get(&(call.endpoint, call.key.clone()?))?;
        match uses.iter().find(|used| used.is_for(call)).map(|used| &used.outcome) {
            Some(KeyOutcome::Done { id, products, incarnation }) => {
                self.judge_again(call, reply, id, products, *incarnation)
            }
            // The rejection may be what is replayed; otherwise the request is a new one.
            Some(KeyOutcome::Rejected(status)) if reply.status == *status => {
                Some(Judgement::Explained(Explained::silent(vec![self.rejected(call, reply.status)])))
            }
            _ => self.judge_other(call, reply, uses),
        }
    }

    /// The same key for the same thing.
    fn judge_again(
        &self,
        call: &Call,
        reply: &Reply,
        id: &str,
        products: &[String],
        incarnation: u32,
    ) -> Option<Judgement> {
        let creates = call.endpoint == Endpoint::Create;
        let stands = self.rows.contains_key(id) && self.incarnations(id) == incarnation;
        if reply.status >= 500 {
            return Some(Judgement::Explained(Explained::silent(vec![self.clone()])));
        }
        if !reply.is_success() {
            if !stands {
                return Some(Judgement::Explained(Explained::silent(vec![self.rejected(call, reply.status)])))
                    .filter(|_| MISUSED.contains(&reply.status));
            }
            let row = if creates { &row::REPLAY_REJECTED } else { &row::SET_MAIN_REPLAY_REJECTED };
            return Some(Judgement::from(Wrong::rejected(row, "the first response again", reply)));
        }
        if !creates && reply.status != 200 {
            return Some(Judgement::from(Wrong::status(&row::SET_MAIN_STATUS, "200", reply)));
        }
        if let Some(wrong) = reply.offering().and_then(|shown| self.replay_differs(creates, shown, id, products)) {
            return Some(Judgement::from(wrong));
        }
        let mut next = vec![self.clone()];
        if !stands {
            // The offering is gone, or is another by now: whether the first response comes back or the request is
            // carried out anew is not written anywhere.
            next.push(self.done(call, self.rows.contains_key(id).then_some(id), reply.offering()));
        }
        let rule = if creates { row::REPLAY_OTHER.rule() } else { row::SET_MAIN_REPLAY_OTHER.rule() };
        let mut kept = Explained { next, rules: vec![rule], ..Explained::default() };
        if creates && stands {
            kept.choose(
                "create.idempotency-status",
                format!("repeated create with its Idempotency-Key returned {}", reply.status),
            );
        }
        kept.is_replay = true;
        Some(Judgement::Explained(kept))
    }

    fn replay_differs(&self, creates: bool, shown: &Offering, id: &str, products: &[String]) -> Option<Wrong> {
        let is_same = shown.id == id || shown.id.eq_ignore_ascii_case(id) && !self.rows.contains_key(&shown.id);
        if !is_same {
            let row = if creates { &row::REPLAY_OTHER } else { &row::SET_MAIN_REPLAY_OTHER };
            return Some(Wrong::content(row, "id", format!("id `{id}`"), format!("id `{}`", shown.id)));
        }
        let now = self.find(id).map(|offering| &offering.products);
        if !creates && !shown.is_main() {
            let mut wrong = Wrong::content(&row::SET_MAIN_TAG, "tag", "tag 1", "another tag");
            wrong.also.push(row::SET_MAIN_REPLAY_OTHER.rule());
            return Some(wrong);
        }
        if shown.products != products && Some(&shown.products) != now {
            let row = if creates { &row::REPLAY_PRODUCTS } else { &row::SET_MAIN_REPLAY_OTHER };
            return Some(Wrong::content(row, "product_ids", list(products), list(&shown.products)));
        }
        None
    }

    /// The same key for another thing.
    fn judge_other(&self, call: &Call, reply: &Reply, uses: &[Use]) -> Option<Judgement> {
        const OTHER_BODY: &str = "create.idempotency-other-body";
        let creates = call.endpoint == Endpoint::Create;
        let chosen = |next, what: String| {
            let mut kept = Explained::silent(next);
            if creates {
                kept.choose(OTHER_BODY, what);
            }
            kept.is_replay = true;
            Some(Judgement::Explained(kept))
        };
        let was_rejected = |used: &Use| used.outcome == KeyOutcome::Rejected(reply.status);
        let any_done = uses.iter().any(Use::is_done);
        if (any_done && MISUSED.contains(&reply.status)) || (reply.is_rejection() && uses.iter().any(was_rejected)) {
            let what = format!("used Idempotency-Key with another body returned {}", reply.status);
            return chosen(vec![self.rejected(call, reply.status)], what);
        }
        if !creates || !reply.is_success() {
            return None;
        }
        let shown = reply.offering().map(|offering| &offering.id);
        let is_original = |used: &Use| match &used.outcome {
            KeyOutcome::Done { id, .. } => shown.is_none_or(|shown| shown == id),
            KeyOutcome::Rejected(_) => false,
        };
        if uses.iter().any(is_original) {
            return chosen(vec![self.clone()], "used Idempotency-Key with another body returned the original".into());
        }
        if let Some(shown) = shown.filter(|shown| **shown != call.id) {
            let expected = format!("id `{}`", call.id);
            return Some(Judgement::from(Wrong::content(&row::REPLAY_OTHER, "id", expected, format!("id `{shown}`"))));
        }
        None
    }
}
