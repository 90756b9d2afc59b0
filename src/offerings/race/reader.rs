//! How what the clients of a try saw reads as events of the model.

use std::sync::Arc;
use std::time::Instant;

use super::history::{Act, History, is_whole};
use super::model::{RaceEvent, SeenReply};
use super::order::HistoryCall;
use super::program::{RaceBindings, RaceStep};
use crate::check::Offering;
use crate::offerings::oracle::{self, Main, Page, Reply};

/// The most offerings of one page; a longer one is wrong in another way.
const MAX_PAGE: usize = 100;

/// Reads a history, with a product of its own for each product list: only whether two are the same matters, and what is
/// small is compared quickly.
pub(super) struct HistoryReader<'h> {
    history: &'h History,
    /// Lists by number: those of the program, then whatever else was seen.
    lists: Vec<Vec<String>>,
    /// The history's, with those products.
    bindings: RaceBindings,
}

impl<'h> HistoryReader<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut reader = Self { history, lists: history.bindings.lists.clone(), bindings: history.bindings.clone() };
        reader.bindings.lists = history.bindings.lists.iter().map(|list| reader.list(list)).collect();
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
        self.history.bindings.ids.iter().chain(&self.history.anchor).any(|ours| ours == id)
    }

    /// What there is when the clients are released. Of the offerings of others one stands for all: the main, if it is
    /// theirs.
    pub(super) fn start(&mut self) -> Vec<Offering> {
        let made =
            self.history.prepared.iter().filter_map(|exchange| Reply::read(&exchange.response).offering().cloned());
        let before = self.history.before.offerings.iter().cloned();
        let (mut ours, others): (Vec<_>, Vec<_>) = before.chain(made).partition(|one| self.is_ours(&one.id));
        let main = others.iter().position(Offering::is_main).unwrap_or_default();
        ours.extend(others.into_iter().nth(main));
        ours.into_iter().map(|one| self.offering(one)).collect()
    }

    /// The acts as calls, place by place.
    pub(super) fn calls(&mut self) -> Vec<HistoryCall<RaceEvent>> {
        let history = self.history;
        let origin = history.acts.first().map(|act| act.start);
        let since = |moment: Instant| {
            let passed = origin.map_or_else(Default::default, |origin| moment.saturating_duration_since(origin));
            u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
        };
        let mut call = |act: &Act| {
            let request = self.bindings.request(act.step);
            let call = oracle::Call::read(&request).expect("a step is one of the six operations");
            let contended = history.is_contended(act);
            let is_answered = act.is_done() || act.is_rejected() || !act.step.writes();
            let seen = self.seen(act, &call, contended);
            let event = RaceEvent { call, seen, may_conflict: contended || history.is_recreation(act) };
            HistoryCall { event, start: since(act.start), end: act.end.filter(|_| is_answered).map(since) }
        };
        history.acts.iter().map(&mut call).collect()
    }

    fn seen(&mut self, act: &Act, call: &oracle::Call, contended: bool) -> SeenReply {
        let Some(reply) = act.reply() else {
            return if act.step.writes() { SeenReply::Done } else { SeenReply::Nothing };
        };
        if reply.is_success() {
            return self.success(act, &reply, contended);
        }
        match reply.plain_rejection(call) {
            Some(rejection) => SeenReply::Reply(Arc::new(rejection)),
            None if act.is_server_error() && act.step.writes() => SeenReply::Done,
            None => SeenReply::Nothing,
        }
    }

    fn success(&mut self, act: &Act, reply: &Reply, contended: bool) -> SeenReply {
        if let Some(page) = act.page() {
            return self.page(page);
        }
        let endpoint = act.step.endpoint();
        match (reply.offering().cloned(), act.step) {
            (_, RaceStep::Delete { .. }) => SeenReply::Reply(Arc::new(Reply::success(endpoint, None))),
            // A server may read the offering again for its response: with other writes under way that shows what they
            // did.
            (Some(offering), RaceStep::Update { slot, .. }) if contended && offering.id == self.bindings.ids[slot] => {
                SeenReply::Done
            }
            (Some(offering), _) => SeenReply::Reply(Arc::new(Reply::success(endpoint, Some(self.offering(offering))))),
            // The rule about the schema reports what is wrong with it.
            (None, step) if step.writes() => SeenReply::Done,
            (None, _) => SeenReply::Nothing,
        }
    }

    /// A list of several pages is not one moment, and two mains are no state.
    fn page(&mut self, page: Page) -> SeenReply {
        if !is_whole(&page) || page.mains().len() > 1 || page.offerings.len() > MAX_PAGE {
            return SeenReply::Nothing;
        }
        let was_main = |one: &Offering| matches!(&self.history.main, Main::Is(main) if *main == one.id);
        let matters = |one: &Offering| one.is_main() || self.is_ours(&one.id) || was_main(one);
        let (rows, _): (Vec<_>, Vec<_>) = page.offerings.into_iter().partition(matters);
        let rows = rows.into_iter().map(|one| self.offering(one)).collect();
        SeenReply::Reply(Arc::new(Reply::whole_list(rows)))
    }
}
