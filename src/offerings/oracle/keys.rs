//! Checks responses to requests whose idempotency key was used before.

use std::sync::Arc;

use super::call::Call;
use super::conditions as row;
use super::reply::Reply;
use super::text::{list, tag};
use super::verdict::{Explained, Judgement, ModelDeviation};
use super::world::World;
use crate::check::Offering;
use crate::contract::Endpoint;

/// One use of an idempotency key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Use {
    /// The body of a create, or the offering id of a set-main.
    what: String,
    outcome: KeyOutcome,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum KeyOutcome {
    /// It was accepted: the returned offering and the incarnation of its id.
    Applied { id: String, products: Vec<String>, incarnation: u32 },
    /// It was rejected with this status.
    Rejected(u16),
}

fn requested(call: &Call) -> &str {
    if call.endpoint == Endpoint::Create { &call.body.text } else { &call.id }
}

impl Use {
    pub(super) fn rejected(call: &Call, status: u16) -> Self {
        Self { what: requested(call).to_owned(), outcome: KeyOutcome::Rejected(status) }
    }

    pub(super) fn accepted(call: &Call, shown: Option<&Offering>, incarnation: u32) -> Self {
        let sent = || call.products().unwrap_or_default().to_vec();
        let (id, products) = match shown {
            Some(shown) => (shown.id.clone(), shown.products.clone()),
            None => (call.id.clone(), sent()),
        };
        Self { what: requested(call).to_owned(), outcome: KeyOutcome::Applied { id, products, incarnation } }
    }

    pub(super) fn is_for(&self, call: &Call) -> bool {
        self.what == requested(call)
    }

    /// Whether it was the promotion of an offering whose id differs from that of the request only in letter case.
    fn is_of_twin(&self, call: &Call) -> bool {
        let is_twin = self.what.eq_ignore_ascii_case(&call.id) && self.what != call.id;
        call.endpoint == Endpoint::SetMain && is_twin
    }

    pub(super) fn is_applied(&self) -> bool {
        matches!(self.outcome, KeyOutcome::Applied { .. })
    }
}

/// Statuses that may reject a key that is reused for another request, or whose offering was deleted.
const REUSE_STATUSES: [u16; 5] = [400, 404, 409, 410, 422];

impl World {
    /// Reduces incarnations to what later responses depend on: whether the offering of a key still exists.
    pub(super) fn forget_former_incarnations(&mut self) {
        let is_settled = |used: &Use| match &used.outcome {
            KeyOutcome::Applied { id, incarnation, .. } => *incarnation == u32::from(self.exists(id, *incarnation)),
            KeyOutcome::Rejected(_) => true,
        };
        if !self.keys.values().flatten().all(is_settled) {
            let mut keys = Arc::clone(&self.keys);
            for used in Arc::make_mut(&mut keys).values_mut().flatten() {
                if let KeyOutcome::Applied { id, incarnation, .. } = &mut used.outcome {
                    *incarnation = u32::from(self.exists(id, *incarnation));
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

    /// Judges a request whose key was used before; `None` if the key makes no difference. `target` is the offering that
    /// its id names.
    pub(super) fn judge_key(&self, call: &Call, target: Option<&str>, reply: &Reply) -> Option<Judgement> {
        let uses = self.keys.get(&(call.endpoint, call.key.clone()?))?;
        if target.is_some_and(|target| target != call.id)
            && reply.is_success()
            && let Some(KeyOutcome::Applied { id, products, incarnation }) =
                uses.iter().find(|used| used.is_of_twin(call)).map(|used| &used.outcome)
        {
            // Ids that differ only in case are one, and so may be their keys.
            return self.judge_repeat(call, reply, id, products, *incarnation);
        }
        match uses.iter().find(|used| used.is_for(call)).map(|used| &used.outcome) {
            Some(KeyOutcome::Applied { id, products, incarnation }) => {
                let repeat = self.judge_repeat(call, reply, id, products, *incarnation);
                // A key whose offering was deleted may stand for the request that used it next.
                let is_replaced = uses.len() > 1 && !self.exists(id, *incarnation);
                match (&repeat, is_replaced.then(|| self.judge_reuse(call, reply, uses)).flatten()) {
                    (Some(Judgement::Deviation(_)), Some(reuse @ Judgement::Explained(_))) => Some(reuse),
                    _ => repeat,
                }
            }
            // The server may repeat the rejection. Otherwise the request is a new one.
            Some(KeyOutcome::Rejected(status)) if reply.status == *status => {
                Some(Judgement::Explained(Explained::silent(vec![self.after_rejection(call, reply.status)])))
            }
            _ => self.judge_reuse(call, reply, uses),
        }
    }

    /// Whether this incarnation of an offering exists.
    fn exists(&self, id: &str, incarnation: u32) -> bool {
        self.rows.contains_key(id) && self.incarnations(id) == incarnation
    }

    /// Judges the same key with the same request.
    fn judge_repeat(
        &self,
        call: &Call,
        reply: &Reply,
        id: &str,
        products: &[String],
        incarnation: u32,
    ) -> Option<Judgement> {
        let creates = call.endpoint == Endpoint::Create;
        let still_exists = self.exists(id, incarnation);
        if reply.status >= 500 {
            return Some(Judgement::Explained(Explained::silent(vec![self.clone()])));
        }
        if !reply.is_success() {
            if !still_exists {
                return Some(Judgement::Explained(Explained::silent(vec![self.after_rejection(call, reply.status)])))
                    .filter(|_| REUSE_STATUSES.contains(&reply.status));
            }
            let row = if creates { &row::REPLAY_REJECTED } else { &row::SET_MAIN_REPLAY_REJECTED };
            let expected = if creates { "201 or 200, as the first response" } else { "200, as the first response" };
            return Some(Judgement::from(ModelDeviation::rejected(row, expected, reply)));
        }
        if !creates && reply.status != 200 {
            return Some(Judgement::from(ModelDeviation::status(&row::SET_MAIN_STATUS, "200", reply)));
        }
        if let Some(deviation) = reply.offering().and_then(|shown| self.replay_differs(creates, shown, id, products)) {
            return Some(Judgement::from(deviation));
        }
        let mut next = vec![self.clone()];
        if !still_exists || !creates && call.id != id {
            // The offering was deleted or recreated, or has another letter case. The contract does not define whether the
            // server repeats the first response or processes the request again.
            next.push(self.after_success(call, self.rows.contains_key(id).then_some(id), reply.offering()));
        }
        let rule = if creates { row::REPLAY_OTHER.rule() } else { row::SET_MAIN_REPLAY_OTHER.rule() };
        let mut explained = Explained { next, rules: vec![rule], ..Explained::default() };
        if creates && still_exists {
            explained.choose(
                "create.idempotency-status",
                format!("repeated create with the same Idempotency-Key: status {}", reply.status),
            );
        }
        explained.is_replay = true;
        Some(Judgement::Explained(explained))
    }

    fn replay_differs(&self, creates: bool, shown: &Offering, id: &str, products: &[String]) -> Option<ModelDeviation> {
        let is_same = shown.id == id || shown.id.eq_ignore_ascii_case(id) && !self.rows.contains_key(&shown.id);
        if !is_same {
            let row = if creates { &row::REPLAY_OTHER } else { &row::SET_MAIN_REPLAY_OTHER };
            return Some(ModelDeviation::content(row, "id", format!("id `{id}`"), format!("id `{}`", shown.id)));
        }
        let now = self.find(id).map(|offering| &offering.products);
        if !creates && !shown.is_main() {
            let mut deviation = ModelDeviation::content(&row::SET_MAIN_TAG, "tag", "tag 1", tag(shown.tag));
            deviation.also.push(row::SET_MAIN_REPLAY_OTHER.rule());
            return Some(deviation);
        }
        if shown.products != products && Some(&shown.products) != now {
            let row = if creates { &row::REPLAY_PRODUCTS } else { &row::SET_MAIN_REPLAY_OTHER };
            return Some(ModelDeviation::content(row, "product_ids", list(products), list(&shown.products)));
        }
        None
    }

    /// Judges the same key with another request.
    fn judge_reuse(&self, call: &Call, reply: &Reply, uses: &[Use]) -> Option<Judgement> {
        const OTHER_BODY: &str = "create.idempotency-other-body";
        let creates = call.endpoint == Endpoint::Create;
        let chosen = |next, what: String| {
            let mut explained = Explained::silent(next);
            if creates {
                explained.choose(OTHER_BODY, what);
            }
            explained.is_replay = true;
            Some(Judgement::Explained(explained))
        };
        let was_rejected = |used: &Use| used.outcome == KeyOutcome::Rejected(reply.status);
        let any_applied = uses.iter().any(Use::is_applied);
        if (any_applied && REUSE_STATUSES.contains(&reply.status))
            || (reply.is_rejection() && uses.iter().any(was_rejected))
        {
            let what = format!("Idempotency-Key reused with another body: rejected with {}", reply.status);
            return chosen(vec![self.after_rejection(call, reply.status)], what);
        }
        if !creates || !reply.is_success() {
            return None;
        }
        let shown = reply.offering().map(|offering| &offering.id);
        let originals = uses.iter().filter_map(|used| match &used.outcome {
            KeyOutcome::Applied { id, incarnation, .. } if shown.is_none_or(|shown| shown == id) => {
                Some(self.exists(id, *incarnation))
            }
            KeyOutcome::Applied { .. } | KeyOutcome::Rejected(_) => None,
        });
        if let Some(still_exists) = originals.max() {
            let mut next = vec![self.clone()];
            if !still_exists && shown.is_none_or(|shown| *shown == call.id) {
                // The original was deleted: the response may be the original again, or a new offering with its id.
                next.push(self.after_success(
                    call,
                    self.rows.contains_key(&call.id).then_some(&call.id),
                    reply.offering(),
                ));
            }
            return chosen(next, "Idempotency-Key reused with another body: original offering returned".into());
        }
        if let Some(shown) = shown.filter(|shown| **shown != call.id) {
            let expected = format!("id `{}`", call.id);
            return Some(Judgement::from(ModelDeviation::content(
                &row::REPLAY_OTHER,
                "id",
                expected,
                format!("id `{shown}`"),
            )));
        }
        None
    }
}
