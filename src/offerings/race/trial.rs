//! What an order must explain: what there was when the clients were released, and every request with its response.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::history::History;
use super::model::{RaceEvent, RaceModel, SeenReply};
use super::order::{self, Budget, HistoryCall, SearchResult};
use super::reader::HistoryReader;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};
use crate::offerings::oracle::{Body, BodyShape, Content, Facts, Main, Reply, Sent, World};
use crate::project::Snapshot;

/// How much work judging one try takes at most, in all its searches.
pub(super) const MAX_WORK: u64 = 300_000;

/// How much work one search takes at most.
const BUDGET: u64 = 60_000;

/// How much it takes before anything else is tried: an order that there is, is mostly found at once.
const QUICK: u64 = 1_000;

/// A history as the search takes it.
#[derive(Clone, Debug)]
pub(super) struct SearchInput {
    start: Snapshot,
    main: Main,
    /// Whether the project, if it is empty, surely makes its first offering main.
    first_is_main: bool,
    facts: Facts,
    /// Ids of the race's own, made or not.
    ours: Vec<String>,
    /// The requests, in the places of the history's acts.
    pub(super) calls: Vec<HistoryCall<RaceEvent>>,
}

impl SearchInput {
    /// Reads a history.
    pub(super) fn of(history: &History, first_is_main: bool) -> Self {
        let mut reader = HistoryReader::new(history);
        Self {
            start: Snapshot { offerings: reader.start(), pages: 1 },
            main: history.main.clone(),
            first_is_main,
            // No product is refused: that is judged elsewhere.
            facts: Facts { products: BTreeSet::new(), ..history.facts.clone() },
            ours: history.bindings.ids.iter().chain(&history.anchor).cloned().collect(),
            calls: reader.calls(),
        }
    }

    /// The world in which the clients are released.
    pub(super) fn world(&self) -> World {
        let mut world = World::starting_from(&self.start, self.facts.clone()).with_main(self.main.clone());
        world.own(self.ours.iter().cloned());
        if self.first_is_main { world.normalized() } else { world.touched().normalized() }
    }

    /// Looks for an order that explains it, with so many units of a budget at most.
    fn explain(&self, units: u64, budget: &mut Budget) -> SearchResult {
        let mut part = budget.split(units);
        let verdict = order::explain(&RaceModel, self.world(), &self.calls, &mut part);
        budget.join(&part);
        verdict
    }

    /// Whether an order explains it; where that takes long and there is none for a part of it, that part. What has no
    /// order is mostly wrong in one offering, or in the roles: that shows in less.
    pub(super) fn judge(self, budget: &mut Budget) -> (SearchResult, Self) {
        let quick = self.explain(QUICK, budget);
        if quick != SearchResult::Unknown {
            return (quick, self);
        }
        let offerings = self.ours.iter().map(|id| self.clone().without_roles().alone(id));
        let parts = offerings.chain(std::iter::once_with(|| self.clone().without_products()));
        for part in parts {
            if let verdict @ SearchResult::Unexplained(_) = part.explain(BUDGET, budget) {
                return (verdict, part);
            }
        }
        (self.explain(BUDGET, budget), self)
    }

    /// The same, had nobody looked at any other offering.
    fn alone(mut self, id: &str) -> Self {
        self.ours.retain(|ours| ours == id);
        self.start.offerings.retain(|offering| offering.id == id);
        for RaceEvent { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            if call.endpoint == Endpoint::List {
                rewrite_content(seen, |content| {
                    if let Content::Page(page) = content {
                        page.offerings.retain(|offering| offering.id == id);
                    }
                });
            } else if call.id != id {
                *seen = SeenReply::Nothing;
            }
        }
        self
    }

    /// The same for the requests to one project alone, whichever of its offerings is main.
    pub(super) fn of_project(mut self, history: &History, role: KeyRole) -> Self {
        let made = |exchange: &&Arc<Exchange>| exchange.request.role() == Some(role);
        let prepared = history.prepared.iter().filter(made);
        let ids: BTreeSet<String> =
            prepared.filter_map(|exchange| Some(Reply::read(&exchange.response).offering()?.id.clone())).collect();
        self.start.offerings.retain(|offering| ids.contains(&offering.id));
        for RaceEvent { seen, .. } in
            self.calls.iter_mut().map(|call| &mut call.event).filter(|event| event.call.project() != role)
        {
            *seen = SeenReply::Nothing;
        }
        self.without_roles()
    }

    /// Leaves out what lists say that show several mains or none: that was found already.
    pub(super) fn forget_lists_of_many_mains(&mut self, history: &History) {
        for (call, act) in self.calls.iter_mut().zip(&history.acts) {
            if act.page().is_some_and(|page| page.mains().len() != 1) {
                call.event.seen = SeenReply::Nothing;
            }
        }
    }

    /// Whether an order explains it, as far as the budget goes.
    pub(super) fn is_explained(&self, budget: &mut Budget) -> bool {
        matches!(self.explain(BUDGET, budget), SearchResult::Explained(_))
    }

    /// The same, had nobody looked at who is main: a promotion changes nothing then.
    pub(super) fn without_roles(mut self) -> Self {
        (self.main, self.first_is_main) = (Main::None, false);
        for RaceEvent { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            match (call.endpoint, &seen) {
                (Endpoint::SetMain, _) => {
                    (call.endpoint, call.body) =
                        (Endpoint::Update, Body { shape: BodyShape::Object, ..Body::default() });
                }
                // Whether the main may be deleted is a matter of its role.
                (Endpoint::Delete, SeenReply::Reply(reply)) if reply.is_conflict() => *seen = SeenReply::Nothing,
                _ => {}
            }
            rewrite(seen, |offering| offering.tag = None);
        }
        self
    }

    /// The same, had the responses to creates with an idempotency key been lost.
    pub(super) fn without_keyed_responses(mut self) -> Self {
        for call in self.calls.iter_mut().filter(|call| call.event.call.key.is_some()) {
            (call.event.seen, call.end) = (SeenReply::Done, None);
        }
        self
    }

    /// The same, had nobody looked at products.
    pub(super) fn without_products(mut self) -> Self {
        for offering in &mut self.start.offerings {
            offering.products.clear();
        }
        for RaceEvent { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            if call.products().is_some() {
                call.body.products = Sent::Value(Vec::new());
            }
            rewrite(seen, |offering| offering.products.clear());
        }
        self
    }
}

/// Changes each offering that a response shows.
fn rewrite(seen: &mut SeenReply, change: impl Fn(&mut Offering)) {
    rewrite_content(seen, |content| match content {
        Content::Page(page) => page.offerings.iter_mut().for_each(change),
        Content::Offering(offering) => change(offering),
        Content::Nothing => {}
    });
}

/// Changes what a success shows.
fn rewrite_content(seen: &mut SeenReply, change: impl FnOnce(&mut Content)) {
    let SeenReply::Reply(reply) = seen else { return };
    if reply.is_success() {
        change(&mut Arc::make_mut(reply).content);
    }
}
