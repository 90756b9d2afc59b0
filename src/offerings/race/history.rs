//! What the clients of one try did and saw.

use std::sync::Arc;
use std::time::Instant;

use super::program::{RaceBindings, RaceStep};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Exchange;
use crate::offerings::oracle::{Facts, Main, Page, Reply};

/// One request of a client.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// Which client, from 0; the one after all others reads what is left.
    pub(super) client: usize,
    pub(super) step: RaceStep,
    pub(super) start: Instant,
    /// `None` when no response came that says what happened.
    pub(super) end: Option<Instant>,
    /// `None` when no response came.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// Why no response came.
    pub(super) lost: Option<String>,
}

/// Whether a page is the whole list.
pub(super) fn is_whole(page: &Page) -> bool {
    page.has_more == Some(false)
}

impl Act {
    /// What was returned.
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

    /// Whether it was carried out.
    pub(super) fn is_done(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.response.is_success())
    }

    /// Whether it was rejected.
    pub(super) fn is_rejected(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.response.is_rejection())
    }

    /// Whether the server failed.
    pub(super) fn is_server_error(&self) -> bool {
        self.exchange.is_some() && !self.is_done() && !self.is_rejected()
    }

    /// What was returned, for messages.
    pub(super) fn summary(&self) -> String {
        self.exchange.as_ref().map_or("no response".into(), |exchange| exchange.response.summary())
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |one: &Self, end: Option<Instant>| end.is_none_or(|end| one.start <= end);
        begins_before_end(self, other.end) && begins_before_end(other, self.end)
    }
}

/// A try as it went.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) bindings: RaceBindings,
    /// The id of the offering of ours that was main before.
    pub(super) anchor: Option<String>,
    /// What is known of the project; the ids of this try are ours.
    pub(super) facts: Facts,
    /// What the project held before the try, ours not yet made.
    pub(super) before: Page,
    /// Who was main when the clients were released.
    pub(super) main: Main,
    /// What made the offerings that were there when the clients were released.
    pub(super) prepared: Vec<Arc<Exchange>>,
    /// In the order in which they began.
    pub(super) acts: Vec<Act>,
}

impl History {
    /// Whether the project was empty before the try.
    pub(super) fn starts_empty(&self) -> bool {
        is_whole(&self.before) && self.before.offerings.is_empty()
    }

    /// Whether another client's write overlapped this one in time.
    pub(super) fn is_contended(&self, act: &Act) -> bool {
        let others = self.acts.iter().filter(|other| other.client != act.client && other.step.writes());
        act.step.writes() && others.into_iter().any(|other| other.overlaps(act))
    }

    /// Whether it creates an id that a delete may have removed before.
    pub(super) fn is_recreation(&self, act: &Act) -> bool {
        let is_delete =
            |other: &&Act| matches!(other.step, RaceStep::Delete { .. }) && other.step.slot() == act.step.slot();
        let has_begun = |other: &Act| act.end.is_none_or(|end| other.start < end);
        matches!(act.step, RaceStep::Create { .. }) && self.acts.iter().filter(is_delete).any(has_begun)
    }

    /// Short names of the offerings, with their ids.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let ids = self.bindings.ids.iter().enumerate().map(|(slot, id)| (named(slot), id.clone()));
        ids.chain(self.anchor.iter().map(|id| ("{main}".into(), id.clone()))).collect()
    }

    /// The short name of an offering; those of others keep their ids.
    fn short(&self, id: &str) -> String {
        let name = self.names().into_iter().find_map(|(name, known)| (known == id).then_some(name));
        name.unwrap_or_else(|| id.to_owned())
    }

    /// How a request reads in a picture.
    pub(super) fn request(&self, act: &Act) -> String {
        let endpoint = act.step.endpoint();
        let slot = act.step.slot().map_or(String::new(), named);
        let sent = match act.step {
            RaceStep::Create { list, key, .. } => {
                let keyed = key.map_or(String::new(), |key| format!(", key {}", key + 1));
                format!(" {slot}{}{keyed}", products(&self.bindings.lists[list]))
            }
            RaceStep::Update { list, .. } => products(&self.bindings.lists[list]),
            _ => String::new(),
        };
        format!("{} {}{sent}", endpoint.method(), endpoint.path().replace("{offering_id}", &slot))
    }

    /// How a response reads in a picture.
    pub(super) fn response(&self, act: &Act) -> String {
        let Some(exchange) = &act.exchange else { return "none".into() };
        let summary = exchange.response.summary();
        if let Some(page) = act.page() {
            let ours = page.offerings.iter().filter(|row| self.bindings.ids.contains(&row.id));
            let rows: Vec<_> = ours.map(|row| format!("{}{}", self.short(&row.id), products(&row.products))).collect();
            let mains: Vec<_> = page.mains().into_iter().map(|main| self.short(main)).collect();
            let main = if mains.is_empty() { "none".into() } else { mains.join(" and ") };
            return format!(
                "{summary} main: {main}; {}",
                if rows.is_empty() { "none of these".into() } else { rows.join(", ") }
            );
        }
        match act.offering() {
            Some(offering) => {
                let role = if offering.is_main() { "main" } else { "regular" };
                format!("{summary} {role}{}", products(&offering.products))
            }
            None => summary,
        }
    }
}

/// `{A}`, `{B}`, …: the steps of a trace have numbers.
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
