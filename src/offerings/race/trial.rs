//! What an order must explain: what there was when the clients were released, and every request with its answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::history::History;
use super::model::{Crowd, Event, Seen};
use super::order::{self, Budget, Call, Verdict};
use super::reader::{Reader, answer};
use crate::contract::Endpoint;
use crate::lane::Snapshot;
use crate::offerings::model::{Body, Facts, Main, Sent, World};

/// How much work judging one try takes at most, in all its searches.
pub(super) const MAX_WORK: u64 = 300_000;

/// How much work one search takes at most.
const BUDGET: u64 = 60_000;

/// How much it takes before anything else is tried: an order that there is, is mostly found at once.
const QUICK: u64 = 1_000;

/// A history as the search takes it.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    start: Snapshot,
    main: Main,
    /// Whether the project, if it is empty, surely makes its first offering main.
    first_is_main: bool,
    facts: Facts,
    /// Ids of the race's own, made or not.
    ours: Vec<String>,
    /// The requests, in the places of the history's acts.
    pub(super) calls: Vec<Call<Event>>,
}

impl Trial {
    /// Reads a history.
    pub(super) fn of(history: &History, first_is_main: bool) -> Self {
        let mut reader = Reader::new(history);
        Self {
            start: Snapshot { offerings: reader.start(), pages: 1 },
            main: history.main.clone(),
            first_is_main,
            // No product is refused: that is judged elsewhere.
            facts: Facts { products: BTreeSet::new(), ..history.facts.clone() },
            ours: history.cast.ids.iter().chain(&history.anchor).cloned().collect(),
            calls: reader.calls(),
        }
    }

    /// The world in which the clients are released.
    pub(super) fn world(&self) -> World {
        let mut world = World::starting_from(&self.start, self.facts.clone()).with_main(self.main.clone());
        world.own(self.ours.iter().cloned());
        if self.first_is_main { world.timeless() } else { world.touched().timeless() }
    }

    /// Looks for an order that explains it, with so many units of a budget at most.
    fn explain(&self, units: u64, budget: &mut Budget) -> Verdict {
        let mut part = budget.split(units);
        let verdict = order::explain(&Crowd, self.world(), &self.calls, &mut part);
        budget.join(&part);
        verdict
    }

    /// Whether an order explains it; where that takes long and there is none for a part of it, that part. What has no
    /// order is mostly wrong in one offering, or in the roles: that shows in less.
    pub(super) fn judge(self, budget: &mut Budget) -> (Verdict, Self) {
        let quick = self.explain(QUICK, budget);
        if quick != Verdict::Unknown {
            return (quick, self);
        }
        let offerings = self.ours.iter().map(|id| self.clone().without_roles().alone(id));
        let parts = offerings.chain(std::iter::once_with(|| self.clone().without_products()));
        for part in parts {
            if let verdict @ Verdict::Unexplained(_) = part.explain(BUDGET, budget) {
                return (verdict, part);
            }
        }
        (self.explain(BUDGET, budget), self)
    }

    /// The same, had nobody looked at any other offering.
    fn alone(mut self, id: &str) -> Self {
        self.ours.retain(|ours| ours == id);
        self.start.offerings.retain(|offering| offering.id == id);
        for Event { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            if call.endpoint == Endpoint::List {
                rewrite_body(seen, |body| {
                    if let Some(rows) = body.get_mut("data").and_then(Value::as_array_mut) {
                        rows.retain(|row| row["id"] == id);
                    }
                });
            } else if call.id != id {
                *seen = Seen::Nothing;
            }
        }
        self
    }

    /// Leaves out what lists say that show several mains or none: that was told already.
    pub(super) fn forget_lists_of_many_mains(&mut self, history: &History) {
        for (call, act) in self.calls.iter_mut().zip(&history.acts) {
            if act.page().is_some_and(|page| page.mains().len() != 1) {
                call.event.seen = Seen::Nothing;
            }
        }
    }

    /// Whether an order explains it, as far as the budget goes.
    pub(super) fn is_explained(&self, budget: &mut Budget) -> bool {
        matches!(self.explain(BUDGET, budget), Verdict::Explained(_))
    }

    /// The same, had nobody looked at who is main: a promotion changes nothing then.
    pub(super) fn without_roles(mut self) -> Self {
        (self.main, self.first_is_main) = (Main::None, false);
        for Event { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            match (call.endpoint, &seen) {
                (Endpoint::SetMain, _) => {
                    (call.endpoint, call.body) = (Endpoint::Update, Body { is_object: true, ..Body::default() });
                }
                // Whether the main may be deleted is a matter of its role.
                (Endpoint::Delete, Seen::Answer(answer)) if answer.status == 409 => *seen = Seen::Nothing,
                _ => {}
            }
            rewrite(seen, |offering| offering["tag"] = Value::Null);
        }
        self
    }

    /// The same, had the answers to creates with an idempotency key been lost.
    pub(super) fn without_keyed_answers(mut self) -> Self {
        for call in self.calls.iter_mut().filter(|call| call.event.call.key.is_some()) {
            (call.event.seen, call.end) = (Seen::Done, None);
        }
        self
    }

    /// The same, had nobody looked at products.
    pub(super) fn without_products(mut self) -> Self {
        for offering in &mut self.start.offerings {
            offering.products.clear();
        }
        for Event { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            if call.body.products().is_some() {
                call.body.products = Sent::Value(Vec::new());
            }
            rewrite(seen, |offering| offering["product_ids"] = json!([]));
        }
        self
    }
}

/// Changes each offering that an answer shows.
fn rewrite(seen: &mut Seen, change: impl Fn(&mut Value)) {
    rewrite_body(seen, |body| match body.get_mut("data").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(change),
        None => change(body),
    });
}

/// Changes what a success answers.
fn rewrite_body(seen: &mut Seen, change: impl FnOnce(&mut Value)) {
    let Seen::Answer(was) = &seen else { return };
    let Some(mut body) = was.json().cloned().filter(|_| was.is_success()) else { return };
    change(&mut body);
    *seen = answer(was.status, &body);
}
