//! What the clients of one attempt sent and received.

use std::sync::Arc;
use std::time::Instant;

use super::program::{RaceBindings, RaceStep};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Exchange;
use crate::offerings::oracle::{Facts, Main, Page, Reply};

/// One request of a client, with its response and the time that it took.
#[derive(Clone, Debug)]
pub(super) struct ClientRequest {
    /// Which client, from 0; the last one reads the final state after all others have ended.
    pub(super) client: usize,
    pub(super) step: RaceStep,
    pub(super) start: Instant,
    /// `None` when no response arrived: the time at which the request took effect has no upper bound.
    pub(super) end: Option<Instant>,
    /// `None` when no response arrived.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// Why no response arrived.
    pub(super) lost: Option<String>,
}

/// Whether a page is the whole list.
pub(super) fn is_whole(page: &Page) -> bool {
    page.has_more == Some(false)
}

impl ClientRequest {
    /// The response, parsed.
    pub(super) fn reply(&self) -> Option<Reply> {
        self.exchange.as_ref().map(|exchange| Reply::read(&exchange.response))
    }

    /// The page that a list returned.
    pub(super) fn page(&self) -> Option<Page> {
        let reply = self.reply().filter(|reply| reply.is_success() && self.step.endpoint() == Endpoint::List)?;
        reply.page().filter(|page| page.has_more.is_some()).cloned()
    }

    /// The offering that another operation returned.
    pub(super) fn offering(&self) -> Option<Offering> {
        self.reply().filter(Reply::is_success)?.offering().filter(|_| self.step.endpoint() != Endpoint::List).cloned()
    }

    /// Whether the response is a success.
    pub(super) fn is_success(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.response.is_success())
    }

    /// Whether the request was rejected.
    pub(super) fn is_rejected(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.response.is_rejection())
    }

    /// Whether the response is neither a success nor a rejection.
    pub(super) fn is_server_error(&self) -> bool {
        self.exchange.is_some() && !self.is_success() && !self.is_rejected()
    }

    /// Status and code of the response, for messages.
    pub(super) fn summary(&self) -> String {
        self.exchange.as_ref().map_or("no response".into(), |exchange| exchange.response.summary())
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |one: &Self, end: Option<Instant>| end.is_none_or(|end| one.start <= end);
        begins_before_end(self, other.end) && begins_before_end(other, self.end)
    }
}

/// The record of one attempt.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) bindings: RaceBindings,
    /// The id of the offering of the run that was main before the attempt.
    pub(super) anchor: Option<String>,
    /// What is known about the project and about the ids of this attempt.
    pub(super) facts: Facts,
    /// The list before the offerings of the attempt were created.
    pub(super) before: Page,
    /// The main offering when the clients started.
    pub(super) main: Main,
    /// The creates of the offerings that existed when the clients started.
    pub(super) prepared: Vec<Arc<Exchange>>,
    /// The requests, by start time.
    pub(super) requests: Vec<ClientRequest>,
}

impl History {
    /// Whether the project was empty before the attempt.
    pub(super) fn starts_empty(&self) -> bool {
        is_whole(&self.before) && self.before.offerings.is_empty()
    }

    /// Whether requests of two of the first `clients` clients were in flight at the same time.
    pub(super) fn is_concurrent(&self, clients: usize) -> bool {
        let requests: Vec<_> = self.requests.iter().filter(|request| request.client < clients).collect();
        let overlaps =
            |one: &ClientRequest| requests.iter().any(|other| other.client != one.client && other.overlaps(one));
        requests.iter().any(|one| overlaps(one))
    }

    /// Whether it is a write that overlapped a write of another client in time.
    pub(super) fn is_contended(&self, request: &ClientRequest) -> bool {
        let others = self.requests.iter().filter(|other| other.client != request.client && other.step.writes());
        request.step.writes() && others.into_iter().any(|other| other.overlaps(request))
    }

    /// Whether it creates an id that an earlier or concurrent delete may have removed.
    pub(super) fn is_recreation(&self, request: &ClientRequest) -> bool {
        let is_delete = |other: &&ClientRequest| {
            matches!(other.step, RaceStep::Delete { .. }) && other.step.slot() == request.step.slot()
        };
        let has_begun = |other: &ClientRequest| request.end.is_none_or(|end| other.start < end);
        matches!(request.step, RaceStep::Create { .. }) && self.requests.iter().filter(is_delete).any(has_begun)
    }

    /// Short names of the offerings, with their ids.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let ids = self.bindings.ids.iter().enumerate().map(|(slot, id)| (named(slot), id.clone()));
        ids.chain(self.anchor.iter().map(|id| ("{main}".into(), id.clone()))).collect()
    }

    /// The short name of an offering of the race, the id of any other.
    fn short(&self, id: &str) -> String {
        let name = self.names().into_iter().find_map(|(name, known)| (known == id).then_some(name));
        name.unwrap_or_else(|| id.to_owned())
    }

    /// A request as text for the timeline.
    pub(super) fn request_text(&self, request: &ClientRequest) -> String {
        let endpoint = request.step.endpoint();
        let slot = request.step.slot().map_or(String::new(), named);
        let sent = match request.step {
            RaceStep::Create { list, key, .. } => {
                let keyed = key.map_or(String::new(), |key| format!(", key {}", key + 1));
                format!(" {slot}{}{keyed}", products(&self.bindings.lists[list]))
            }
            RaceStep::Update { list, .. } => products(&self.bindings.lists[list]),
            _ => String::new(),
        };
        format!("{} {}{sent}", endpoint.method(), endpoint.path().replace("{offering_id}", &slot))
    }

    /// A response as text for the timeline.
    pub(super) fn response_text(&self, request: &ClientRequest) -> String {
        let Some(exchange) = &request.exchange else { return "no response".into() };
        let summary = exchange.response.summary();
        if let Some(page) = request.page() {
            let ours = page.offerings.iter().filter(|row| self.bindings.ids.contains(&row.id));
            let rows: Vec<_> = ours.map(|row| format!("{}{}", self.short(&row.id), products(&row.products))).collect();
            let mains: Vec<_> = page.mains().into_iter().map(|main| self.short(main)).collect();
            let main = if mains.is_empty() { "none".into() } else { mains.join(" and ") };
            return format!(
                "{summary} main: {main}; {}",
                if rows.is_empty() { "no offering of the race".into() } else { rows.join(", ") }
            );
        }
        match request.offering() {
            Some(offering) => {
                let role = if offering.is_main() { "main" } else { "regular" };
                format!("{summary} {role}{}", products(&offering.products))
            }
            None => summary,
        }
    }
}

/// `{A}`, `{B}`, …: letters, as numbers refer to the steps of a trace.
fn named(slot: usize) -> String {
    format!("{{{}}}", char::from(b'A' + (slot % 26) as u8))
}

fn products(list: &[String]) -> String {
    match list {
        [] => String::new(),
        [only] => format!(" [{only}]"),
        [first, .., last] => format!(" [{first} … {last}, {}]", list.len()),
    }
}
