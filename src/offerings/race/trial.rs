//! What an order must explain: what there was when the clients were released, and every request with its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::history::{Act, History};
use super::model::{Crowd, Event, Seen};
use super::order::{self, Call, Verdict};
use super::program::Step;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Answer;
use crate::lane::Snapshot;
use crate::offerings::model::{self, Body, Facts, Main, Sent, World};

/// How long an order is looked for.
const BUDGET: Duration = Duration::from_millis(500);

/// The most offerings of one page: a longer one is wrong in another way.
const LONGEST_PAGE: usize = 100;

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
    /// Reads a history. A list of several pages is not one moment and says nothing.
    pub(super) fn of(history: &History, first_is_main: bool) -> Self {
        let made = history.prepared.iter().filter_map(|exchange| Offering::read(exchange.answer.json()?));
        let offerings = history.before.offerings.iter().cloned().chain(made).collect();
        let ours = history.cast.ids.iter().chain(&history.anchor).cloned().collect();
        Self {
            start: Snapshot { offerings, pages: 1 },
            main: history.main.clone(),
            first_is_main,
            facts: history.facts.clone(),
            ours,
            calls: calls(history),
        }
    }

    /// The world in which the clients are released.
    pub(super) fn world(&self) -> World {
        let mut world = World::starting_from(&self.start, self.facts.clone()).with_main(self.main.clone());
        world.own(self.ours.iter().cloned());
        if self.first_is_main { world.timeless() } else { world.touched().timeless() }
    }

    /// Whether some order explains it.
    pub(super) fn explain(&self) -> Verdict {
        order::explain(&Crowd, &self.world(), &self.calls, BUDGET)
    }

    /// The place of the request at which no order is left.
    pub(super) fn breaking_point(&self) -> Option<usize> {
        order::breaking_point(&Crowd, &self.world(), &self.calls, BUDGET)
    }

    /// Leaves out what lists say that show several mains or none: that was told already.
    pub(super) fn forget_lists_of_many_mains(&mut self, history: &History) {
        for (call, act) in self.calls.iter_mut().zip(&history.acts) {
            if act.page().is_some_and(|page| page.mains().len() != 1) {
                call.event.seen = Seen::Nothing;
            }
        }
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

    /// The same, had nobody looked at products.
    pub(super) fn without_products(mut self) -> Self {
        for offering in &mut self.start.offerings {
            offering.products.clear();
        }
        for Event { call, seen, .. } in self.calls.iter_mut().map(|call| &mut call.event) {
            if call.body.products() != None {
                call.body.products = Sent::Value(Vec::new());
            }
            rewrite(seen, |offering| offering["product_ids"] = json!([]));
        }
        self
    }
}

/// Changes each offering that an answer shows.
fn rewrite(seen: &mut Seen, change: impl Fn(&mut Value)) {
    let Seen::Answer(answer) = &seen else { return };
    let Some(mut body) = answer.json().cloned().filter(|_| answer.is_success()) else { return };
    match body.get_mut("data").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(change),
        None => change(&mut body),
    }
    *seen = Seen::Answer(Arc::new(Answer::new(answer.status, HeaderMap::new(), Bytes::from(body.to_string()))));
}

/// The acts as calls, place by place.
fn calls(history: &History) -> Vec<Call<Event>> {
    let origin = history.acts.first().map(|act| act.start);
    let since = |moment: Instant| {
        let passed = origin.map_or_else(Default::default, |origin| moment.saturating_duration_since(origin));
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
    };
    let call = |act: &Act| {
        let request = history.cast.request(act.step);
        let call = model::Call::read(&request, history.cast.role).expect("a step is a call with the key of its role");
        let contended = is_contended(history, act);
        let is_answered = act.status().is_some_and(|status| status < 500) || !act.step.writes();
        let event = Event { call, seen: seen(history, act, contended), contended };
        Call { event, start: since(act.start), end: act.end.filter(|_| is_answered).map(since) }
    };
    history.acts.iter().map(call).collect()
}

fn is_contended(history: &History, act: &Act) -> bool {
    let others = history.acts.iter().filter(|other| other.client != act.client && other.step.writes());
    act.step.writes() && others.into_iter().any(|other| other.overlaps(act))
}

fn seen(history: &History, act: &Act, contended: bool) -> Seen {
    let Some(exchange) = &act.exchange else { return if act.step.writes() { Seen::Done } else { Seen::Nothing } };
    match exchange.answer.status {
        200..300 => success(history, act, &exchange.answer, contended),
        404 if act.step != Step::List => refusal(404, "not_found"),
        409 if act.step.writes() => refusal(409, "offering_already_exists"),
        500.. if act.step.writes() => Seen::Done,
        _ => Seen::Nothing,
    }
}

fn success(history: &History, act: &Act, answer: &Answer, contended: bool) -> Seen {
    let as_documented = |status| Seen::Answer(Arc::new(Answer::new(status, HeaderMap::new(), answer.body().clone())));
    match act.step {
        Step::List => {
            let says = |page: &super::history::Page| {
                page.whole && page.mains().len() < 2 && page.offerings.len() <= LONGEST_PAGE
            };
            if act.page().as_ref().is_some_and(says) { as_documented(200) } else { Seen::Nothing }
        }
        Step::Delete { .. } => Seen::Answer(Arc::new(Answer::new(204, HeaderMap::new(), Bytes::new()))),
        Step::Create { slot, .. } | Step::Get { slot } | Step::Update { slot, .. } | Step::SetMain { slot } => {
            match act.offering() {
                // A server may read the offering again for its answer: with other writes under way that shows what
                // they did.
                Some(offering) if contended && act.step.endpoint() == Endpoint::Update => {
                    if offering.id == history.cast.ids[slot] { Seen::Done } else { as_documented(200) }
                }
                Some(_) => as_documented(if act.step.endpoint() == Endpoint::Create { 201 } else { 200 }),
                // The schema rule has said what is wrong with it.
                None if act.step.writes() => Seen::Done,
                None => Seen::Nothing,
            }
        }
    }
}

fn refusal(status: u16, code: &str) -> Seen {
    let body = json!({ "error": { "code": code } }).to_string();
    Seen::Answer(Arc::new(Answer::new(status, HeaderMap::new(), Bytes::from(body))))
}
