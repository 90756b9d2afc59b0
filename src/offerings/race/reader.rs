//! Converts the history of an attempt to events of the model.

use std::sync::Arc;
use std::time::Instant;

use super::history::{ClientRequest, History, is_whole};
use super::model::{ObservedReply, RaceEvent};
use super::order::HistoryCall;
use super::program::{RaceBindings, RaceStep};
use crate::check::Offering;
use crate::offerings::oracle::{self, Main, Page, Reply};

/// The maximum number of offerings of one page; a longer page violates another rule.
const MAX_PAGE: usize = 100;

/// Reads a history and replaces each product list with a list of one product: only equality matters, and short lists
/// are fast to compare.
pub(super) struct HistoryReader<'h> {
    history: &'h History,
    /// The lists by number: those of the program, then any others from responses.
    lists: Vec<Vec<String>>,
    /// Those of the history, with the replaced lists.
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

    /// The offerings when the clients start. One offering represents all that are not from the race: the main one, if
    /// it is among them.
    pub(super) fn start(&mut self) -> Vec<Offering> {
        let created =
            self.history.prepared.iter().filter_map(|exchange| Reply::read(&exchange.response).offering().cloned());
        let before = self.history.before.offerings.iter().cloned();
        let (mut ours, others): (Vec<_>, Vec<_>) = before.chain(created).partition(|one| self.is_ours(&one.id));
        let main = others.iter().position(Offering::is_main).unwrap_or_default();
        ours.extend(others.into_iter().nth(main));
        ours.into_iter().map(|one| self.offering(one)).collect()
    }

    /// The requests as calls, with the same indexes.
    pub(super) fn calls(&mut self) -> Vec<HistoryCall<RaceEvent>> {
        let history = self.history;
        let origin = history.requests.first().map(|request| request.start);
        let since = |moment: Instant| {
            let passed = origin.map_or_else(Default::default, |origin| moment.saturating_duration_since(origin));
            u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
        };
        let mut call = |request: &ClientRequest| {
            let call =
                oracle::Call::read(&self.bindings.request(request.step)).expect("a step is one of the six operations");
            let contended = history.is_contended(request);
            let is_answered = request.is_success() || request.is_rejected() || !request.step.writes();
            let seen = self.seen(request, &call, contended);
            let event = RaceEvent { call, seen, may_conflict: contended || history.is_recreation(request) };
            HistoryCall { event, start: since(request.start), end: request.end.filter(|_| is_answered).map(since) }
        };
        history.requests.iter().map(&mut call).collect()
    }

    fn seen(&mut self, request: &ClientRequest, call: &oracle::Call, contended: bool) -> ObservedReply {
        let Some(reply) = request.reply() else {
            return if request.step.writes() { ObservedReply::Applied } else { ObservedReply::Ignored };
        };
        if reply.is_success() {
            return self.success(request, &reply, contended);
        }
        match reply.plain_rejection(call) {
            Some(rejection) => ObservedReply::Reply(Arc::new(rejection)),
            None if request.is_server_error() && request.step.writes() => ObservedReply::Applied,
            None => ObservedReply::Ignored,
        }
    }

    fn success(&mut self, request: &ClientRequest, reply: &Reply, contended: bool) -> ObservedReply {
        if let Some(page) = request.page() {
            return self.page(page);
        }
        let endpoint = request.step.endpoint();
        match (reply.offering().cloned(), request.step) {
            (_, RaceStep::Delete { .. }) => ObservedReply::Reply(Arc::new(Reply::success(endpoint, None))),
            // A server may read the offering again for its response, which then shows the concurrent writes.
            (Some(offering), RaceStep::Update { slot, .. }) if contended && offering.id == self.bindings.ids[slot] => {
                ObservedReply::Applied
            }
            (Some(offering), _) => {
                ObservedReply::Reply(Arc::new(Reply::success(endpoint, Some(self.offering(offering)))))
            }
            // The check of the schema reports it.
            (None, step) if step.writes() => ObservedReply::Applied,
            (None, _) => ObservedReply::Ignored,
        }
    }

    /// A list of several pages is not one moment, and no state has two main offerings.
    fn page(&mut self, page: Page) -> ObservedReply {
        if !is_whole(&page) || page.mains().len() > 1 || page.offerings.len() > MAX_PAGE {
            return ObservedReply::Ignored;
        }
        let was_main = |one: &Offering| matches!(&self.history.main, Main::Is(main) if *main == one.id);
        let matters = |one: &Offering| one.is_main() || self.is_ours(&one.id) || was_main(one);
        let (rows, _): (Vec<_>, Vec<_>) = page.offerings.into_iter().partition(matters);
        let rows = rows.into_iter().map(|one| self.offering(one)).collect();
        ObservedReply::Reply(Arc::new(Reply::whole_list(rows)))
    }
}
