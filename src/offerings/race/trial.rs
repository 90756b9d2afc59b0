//! What an order must explain: what there was when the clients were released, and every request with its answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::history::{Act, History, Page};
use super::model::{Crowd, Event, Seen};
use super::order::{self, Call, Verdict};
use super::program::{Cast, Step};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Answer;
use crate::lane::Snapshot;
use crate::offerings::model::{self, Body, Facts, Main, Sent, World};

/// How long an order is looked for.
const BUDGET: Duration = Duration::from_millis(500);

/// How long it is looked for before anything else is tried: one that there is, is mostly found at once.
const QUICK: Duration = Duration::from_millis(4);

/// The most offerings of one page; a longer one is wrong in another way.
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

    /// Looks for an order that explains it.
    fn explain(&self, budget: Duration) -> Verdict {
        order::explain(&Crowd, self.world(), &self.calls, budget)
    }

    /// Whether an order explains it; where that takes long and there is none for a part of it, that part. What has no
    /// order is mostly wrong in one offering, or in the roles: that shows in less.
    pub(super) fn judge(self) -> (Verdict, Self) {
        let quick = self.explain(QUICK);
        if quick != Verdict::Unknown {
            return (quick, self);
        }
        let offerings = self.ours.iter().map(|id| self.clone().without_roles().alone(id));
        let parts = offerings.chain(std::iter::once_with(|| self.clone().without_products()));
        for part in parts {
            if let verdict @ Verdict::Unexplained(_) = part.explain(BUDGET) {
                return (verdict, part);
            }
        }
        (self.explain(BUDGET), self)
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

    /// Whether an order explains it, as far as there is time.
    pub(super) fn is_explained(&self) -> bool {
        matches!(self.explain(BUDGET), Verdict::Explained(_))
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
    let Seen::Answer(answer) = &seen else { return };
    let Some(mut body) = answer.json().cloned().filter(|_| answer.is_success()) else { return };
    change(&mut body);
    *seen = self::answer(answer.status, &body);
}

/// Reads a history, with a product of its own for each product list: only whether two are the same matters, and what is
/// small is compared quickly.
struct Reader<'h> {
    history: &'h History,
    /// Lists by number: those of the program, then whatever else was seen.
    lists: Vec<Vec<String>>,
    /// The history's, with those products.
    cast: Cast,
}

impl<'h> Reader<'h> {
    fn new(history: &'h History) -> Self {
        let mut reader = Self { history, lists: history.cast.lists.clone(), cast: history.cast.clone() };
        reader.cast.lists = history.cast.lists.iter().map(|list| reader.list(list)).collect();
        reader
    }

    fn list(&mut self, products: &[String]) -> Vec<String> {
        if products.is_empty() {
            return Vec::new();
        }
        let number = self.lists.iter().position(|known| known == products).unwrap_or_else(|| {
            self.lists.push(products.to_vec());
            self.lists.len() - 1
        });
        vec![format!("list-{number}")]
    }

    fn offering(&mut self, seen: Offering) -> Offering {
        let products = self.list(&seen.products);
        Offering { products, created_at: String::new(), updated_at: String::new(), url: String::new(), ..seen }
    }

    fn is_ours(&self, id: &str) -> bool {
        self.history.cast.ids.iter().chain(&self.history.anchor).any(|ours| ours == id)
    }

    /// What there is when the clients are released. Of the offerings of others one stands for all: the main, if it is
    /// theirs.
    fn start(&mut self) -> Vec<Offering> {
        let made = self.history.prepared.iter().filter_map(|exchange| Offering::read(exchange.answer.json()?));
        let before = self.history.before.offerings.iter().cloned();
        let (mut ours, others): (Vec<_>, Vec<_>) = before.chain(made).partition(|one| self.is_ours(&one.id));
        let main = others.iter().position(Offering::is_main).unwrap_or_default();
        ours.extend(others.into_iter().nth(main));
        ours.into_iter().map(|one| self.offering(one)).collect()
    }

    /// The acts as calls, place by place.
    fn calls(&mut self) -> Vec<Call<Event>> {
        let history = self.history;
        let origin = history.acts.first().map(|act| act.start);
        let since = |moment: Instant| {
            let passed = origin.map_or_else(Default::default, |origin| moment.saturating_duration_since(origin));
            u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
        };
        let mut call = |act: &Act| {
            let request = self.cast.request(act.step);
            let call = model::Call::read(&request, self.cast.role).expect("a step is a call with the key of its role");
            let contended = history.is_contended(act);
            let is_answered = act.status().is_some_and(|status| status < 500) || !act.step.writes();
            let event = Event { call, seen: self.seen(act, contended), contended };
            Call { event, start: since(act.start), end: act.end.filter(|_| is_answered).map(since) }
        };
        history.acts.iter().map(&mut call).collect()
    }

    fn seen(&mut self, act: &Act, contended: bool) -> Seen {
        match act.status() {
            Some(200..300) => self.success(act, contended),
            Some(404) if act.step != Step::List => refusal(404, "not_found"),
            Some(409) if act.step.writes() => refusal(409, "offering_already_exists"),
            None | Some(500..) if act.step.writes() => Seen::Done,
            _ => Seen::Nothing,
        }
    }

    fn success(&mut self, act: &Act, contended: bool) -> Seen {
        if let Some(page) = act.page() {
            return self.page(page);
        }
        match (act.offering(), act.step) {
            (_, Step::Delete { .. }) => Seen::Answer(Arc::new(Answer::new(204, HeaderMap::new(), Bytes::new()))),
            // A server may read the offering again for its answer: with other writes under way that shows what they
            // did.
            (Some(offering), Step::Update { slot, .. }) if contended && offering.id == self.cast.ids[slot] => {
                Seen::Done
            }
            (Some(offering), step) => {
                answer(if matches!(step, Step::Create { .. }) { 201 } else { 200 }, &body(&self.offering(offering)))
            }
            // The schema rule has said what is wrong with it.
            (None, step) if step.writes() => Seen::Done,
            (None, _) => Seen::Nothing,
        }
    }

    /// A list of several pages is not one moment, and two mains are no state.
    fn page(&mut self, page: Page) -> Seen {
        if !page.whole || page.mains().len() > 1 || page.offerings.len() > LONGEST_PAGE {
            return Seen::Nothing;
        }
        let theirs = self.history.main.clone();
        let matters = |one: &Offering| one.is_main() || self.is_ours(&one.id) || theirs == Main::Is(one.id.clone());
        let (rows, _): (Vec<_>, Vec<_>) = page.offerings.into_iter().partition(matters);
        let data: Vec<Value> = rows.into_iter().map(|one| body(&self.offering(one))).collect();
        answer(200, &json!({ "data": data, "has_more": false }))
    }
}

fn body(offering: &Offering) -> Value {
    let Offering { id, tag, products, created_at, updated_at, url } = offering;
    json!({
        "object": "offering", "id": id, "tag": tag, "product_ids": products, "created_at": created_at,
        "updated_at": updated_at, "url": url,
    })
}

fn refusal(status: u16, code: &str) -> Seen {
    answer(status, &json!({ "error": { "code": code } }))
}

fn answer(status: u16, body: &Value) -> Seen {
    Seen::Answer(Arc::new(Answer::new(status, HeaderMap::new(), Bytes::from(body.to_string()))))
}
