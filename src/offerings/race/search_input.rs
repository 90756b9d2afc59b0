//! The input of the search for an order: the state when the clients start, and every request with its response.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::history::History;
use super::model::{ObservedReply, RaceEvent, RaceModel};
use super::order::{self, Budget, HistoryCall, SearchResult};
use super::reader::HistoryReader;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};
use crate::offerings::oracle::{Body, BodyShape, Content, Facts, Main, Reply, Sent, World};
use crate::project::Snapshot;

/// The maximum work for judging one attempt, in all its searches.
pub(super) const MAX_WORK: u64 = 300_000;

/// The maximum work of one search.
const BUDGET: u64 = 60_000;

/// The maximum work of the first search: an order that exists is usually found at once.
const QUICK: u64 = 1_000;

/// A history in the form that the search requires.
#[derive(Clone, Debug)]
pub(super) struct SearchInput {
    start: Snapshot,
    main: Main,
    /// Whether the first offering of an empty project must become main.
    first_is_main: bool,
    facts: Facts,
    /// The ids of the race, created or not.
    ours: Vec<String>,
    /// The requests, with the indexes of [`History::requests`].
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
            // Other checks judge whether a product exists.
            facts: Facts { products: BTreeSet::new(), ..history.facts.clone() },
            ours: history.bindings.ids.iter().chain(&history.anchor).cloned().collect(),
            calls: reader.calls(),
        }
    }

    /// The state of the oracle when the clients start.
    pub(super) fn world(&self) -> World {
        let mut world = World::starting_from(&self.start, self.facts.clone()).with_main(self.main.clone());
        world.own(self.ours.iter().cloned());
        if self.first_is_main { world.normalized() } else { world.touched().normalized() }
    }

    /// Searches for an order with at most `units` of the budget.
    fn explain(&self, units: u64, budget: &mut Budget) -> SearchResult {
        let mut part = budget.split(units);
        let result = order::explain(&RaceModel, self.world(), &self.calls, &mut part);
        budget.join(&part);
        result
    }

    /// Searches for an order; also returns the input that decided. If the first search takes too long, it searches the
    /// parts about one offering, then the one about roles: most violations show in one of them, with less work.
    pub(super) fn judge(self, budget: &mut Budget) -> (SearchResult, Self) {
        let quick = self.explain(QUICK, budget);
        if quick != SearchResult::Unknown {
            return (quick, self);
        }
        let offerings = self.ours.iter().map(|id| self.clone().without_roles().of_offering(id));
        let parts = offerings.chain(std::iter::once_with(|| self.clone().without_products()));
        for part in parts {
            if let result @ SearchResult::Unexplained(_) = part.explain(BUDGET, budget) {
                return (result, part);
            }
        }
        (self.explain(BUDGET, budget), self)
    }

    /// Without what the responses show of other offerings.
    fn of_offering(mut self, id: &str) -> Self {
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
                *seen = ObservedReply::Ignored;
            }
        }
        self
    }

    /// Only the requests to one project, without roles.
    pub(super) fn of_project(mut self, history: &History, role: KeyRole) -> Self {
        let is_in_project = |exchange: &&Arc<Exchange>| exchange.request.role() == Some(role);
        let prepared = history.prepared.iter().filter(is_in_project);
        let ids: BTreeSet<String> =
            prepared.filter_map(|exchange| Some(Reply::read(&exchange.response).offering()?.id.clone())).collect();
        self.start.offerings.retain(|offering| ids.contains(&offering.id));
        for RaceEvent { seen, .. } in
            self.calls.iter_mut().map(|call| &mut call.event).filter(|event| event.call.project() != role)
        {
            *seen = ObservedReply::Ignored;
        }
        self.without_roles()
    }

    /// Ignores lists with several main offerings or none.
    pub(super) fn ignore_lists_without_one_main(&mut self, history: &History) {
        for (call, request) in self.calls.iter_mut().zip(&history.requests) {
            if request.page().is_some_and(|page| page.mains().len() != 1) {
                call.event.seen = ObservedReply::Ignored;
            }
        }
    }

    /// Whether an order is found within the budget.
    pub(super) fn is_explained(&self, budget: &mut Budget) -> bool {
        matches!(self.explain(BUDGET, budget), SearchResult::Explained(_))
    }

    /// Without the role of offerings: a promotion then changes nothing.
    pub(super) fn without_roles(mut self) -> Self {
        (self.main, self.first_is_main) = (Main::None, false);
        for RaceEvent { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            match (call.endpoint, &seen) {
                (Endpoint::SetMain, _) => {
                    (call.endpoint, call.body) =
                        (Endpoint::Update, Body { shape: BodyShape::Object, ..Body::default() });
                }
                // This may be the rejected deletion of the main offering, which depends on roles.
                (Endpoint::Delete, ObservedReply::Reply(reply)) if reply.is_conflict() => {
                    *seen = ObservedReply::Ignored;
                }
                _ => {}
            }
            rewrite(seen, |offering| offering.tag = None);
        }
        self
    }

    /// Without the responses to creates with an idempotency key.
    pub(super) fn without_keyed_responses(mut self) -> Self {
        for call in self.calls.iter_mut().filter(|call| call.event.call.key.is_some()) {
            (call.event.seen, call.end) = (ObservedReply::Applied, None);
        }
        self
    }

    /// Without products.
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
fn rewrite(seen: &mut ObservedReply, change: impl Fn(&mut Offering)) {
    rewrite_content(seen, |content| match content {
        Content::Page(page) => page.offerings.iter_mut().for_each(change),
        Content::Offering(offering) => change(offering),
        Content::Nothing => {}
    });
}

/// Changes what a success shows.
fn rewrite_content(seen: &mut ObservedReply, change: impl FnOnce(&mut Content)) {
    let ObservedReply::Reply(reply) = seen else { return };
    if reply.is_success() {
        change(&mut Arc::make_mut(reply).content);
    }
}
