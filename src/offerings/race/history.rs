//! What the clients of one try did and saw.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::program::{Cast, Step};
use crate::check::{Offering, offerings_in};
use crate::exchange::Exchange;
use crate::offerings::model::{Facts, Main};

/// One request of a client.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// Which client, from 0; the one after all others reads what is left.
    pub(super) client: usize,
    pub(super) step: Step,
    pub(super) start: Instant,
    /// `None` when no answer came that says what happened.
    pub(super) end: Option<Instant>,
    /// `None` when no answer came.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// Why no answer came.
    pub(super) lost: Option<String>,
}

/// A page of the list, as far as it can be read.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) offerings: Vec<Offering>,
    /// Whether it is the whole list.
    pub(super) whole: bool,
}

impl Page {
    pub(super) fn read(body: &Value) -> Option<Self> {
        let offerings = offerings_in(body).iter().map(Offering::read).collect::<Option<_>>()?;
        Some(Self { offerings, whole: !body.get("has_more")?.as_bool()? })
    }

    pub(super) fn mains(&self) -> Vec<&str> {
        self.offerings.iter().filter(|offering| offering.is_main()).map(|offering| offering.id.as_str()).collect()
    }
}

impl Act {
    /// The page that a list answered.
    pub(super) fn page(&self) -> Option<Page> {
        let exchange = self.exchange.as_ref().filter(|_| self.step == Step::List)?;
        if exchange.answer.status == 200 { Page::read(exchange.answer.json()?) } else { None }
    }

    /// The offering that another operation answered.
    pub(super) fn offering(&self) -> Option<Offering> {
        let exchange = self.exchange.as_ref().filter(|_| self.step != Step::List)?;
        if exchange.answer.is_success() { Offering::read(exchange.answer.json()?) } else { None }
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.exchange.as_ref().map(|exchange| exchange.answer.status)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |one: &Self, end: Option<Instant>| end.is_none_or(|end| one.start <= end);
        begins_before_end(self, other.end) && begins_before_end(other, self.end)
    }
}

/// A try as it went.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) cast: Cast,
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
        self.before.whole && self.before.offerings.is_empty()
    }

    /// Whether another client's write overlapped this one in time.
    pub(super) fn is_contended(&self, act: &Act) -> bool {
        let others = self.acts.iter().filter(|other| other.client != act.client && other.step.writes());
        act.step.writes() && others.into_iter().any(|other| other.overlaps(act))
    }

    /// Short names of the offerings, with their ids.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let ids = self.cast.ids.iter().enumerate().map(|(slot, id)| (named(slot), id.clone()));
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
            Step::Create { list, key, .. } => {
                let keyed = key.map_or(String::new(), |key| format!(", key {}", key + 1));
                format!(" {slot}{}{keyed}", products(&self.cast.lists[list]))
            }
            Step::Update { list, .. } => products(&self.cast.lists[list]),
            _ => String::new(),
        };
        format!("{} {}{sent}", endpoint.method(), endpoint.path().replace("{offering_id}", &slot))
    }

    /// How an answer reads in a picture.
    pub(super) fn answer(&self, act: &Act) -> String {
        let Some(exchange) = &act.exchange else { return "none".into() };
        let summary = exchange.answer.summary();
        if let Some(page) = act.page() {
            let ours = page.offerings.iter().filter(|row| self.cast.ids.contains(&row.id));
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

/// `{A}`, `{B}`, …: the steps of a story have numbers.
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
