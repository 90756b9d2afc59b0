//! How what the clients of a try saw reads as events of the model.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::history::{Act, History, Page};
use super::model::{Event, Seen};
use super::order::Call;
use super::program::{Cast, Step};
use crate::check::Offering;
use crate::exchange::Answer;
use crate::offerings::model::{self, Main};

/// The most offerings of one page; a longer one is wrong in another way.
const LONGEST_PAGE: usize = 100;

/// Reads a history, with a product of its own for each product list: only whether two are the same matters, and what is
/// small is compared quickly.
pub(super) struct Reader<'h> {
    history: &'h History,
    /// Lists by number: those of the program, then whatever else was seen.
    lists: Vec<Vec<String>>,
    /// The history's, with those products.
    cast: Cast,
}

impl<'h> Reader<'h> {
    pub(super) fn new(history: &'h History) -> Self {
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
    pub(super) fn start(&mut self) -> Vec<Offering> {
        let made = self.history.prepared.iter().filter_map(|exchange| Offering::read(exchange.answer.json()?));
        let before = self.history.before.offerings.iter().cloned();
        let (mut ours, others): (Vec<_>, Vec<_>) = before.chain(made).partition(|one| self.is_ours(&one.id));
        let main = others.iter().position(Offering::is_main).unwrap_or_default();
        ours.extend(others.into_iter().nth(main));
        ours.into_iter().map(|one| self.offering(one)).collect()
    }

    /// The acts as calls, place by place.
    pub(super) fn calls(&mut self) -> Vec<Call<Event>> {
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
        let was_main = |one: &Offering| matches!(&self.history.main, Main::Is(main) if *main == one.id);
        let matters = |one: &Offering| one.is_main() || self.is_ours(&one.id) || was_main(one);
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

/// An answer with this body.
pub(super) fn answer(status: u16, body: &Value) -> Seen {
    Seen::Answer(Arc::new(Answer::new(status, HeaderMap::new(), Bytes::from(body.to_string()))))
}
