//! What the clients of one try did and saw, and how it reads as events of the model.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::model::{Event, Main, Reply, Shown};
use super::order::Call;
use super::program::{Cast, Step};
use crate::check::{Offering, offerings_in};
use crate::exchange::Exchange;

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
    /// The acts as calls of the model, place by place. Lists that are not one page say nothing.
    pub(super) fn calls(&self) -> Vec<Call<Event>> {
        let mut names = ListNames { known: self.cast.lists.clone() };
        let origin = self.acts.first().map(|act| act.start);
        let since = |moment: Instant| {
            let passed = origin.map_or_else(Default::default, |origin| moment.saturating_duration_since(origin));
            u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
        };
        self.acts
            .iter()
            .enumerate()
            .map(|(place, act)| {
                let reply = self.reply(act, &mut names);
                let end = act.end.filter(|_| reply != Reply::Lost).map(since);
                let event = Event { step: self.canonical(act.step), reply, contended: self.contended(place) };
                Call { event, start: since(act.start), end }
            })
            .collect()
    }

    /// The first number that stands for the same products: without known products all lists are empty.
    pub(super) fn same_list(&self, list: usize) -> usize {
        let lists = &self.cast.lists;
        lists.iter().position(|other| *other == lists[list]).unwrap_or(list)
    }

    fn canonical(&self, step: Step) -> Step {
        match step {
            Step::Create { slot, list, key } => Step::Create { slot, list: self.same_list(list), key },
            Step::Update { slot, list } => Step::Update { slot, list: self.same_list(list) },
            other => other,
        }
    }

    fn contended(&self, place: usize) -> bool {
        let act = &self.acts[place];
        act.step.writes()
            && self.acts.iter().any(|other| other.client != act.client && other.step.writes() && other.overlaps(act))
    }

    fn reply(&self, act: &Act, names: &mut ListNames) -> Reply {
        let Some(exchange) = &act.exchange else { return Reply::Lost };
        let answer = &exchange.answer;
        match answer.status {
            200..300 => match act.step {
                Step::List => act.page().map_or(Reply::Silent, |page| self.rows(&page, names)),
                Step::Delete { .. } => Reply::Gone,
                Step::Create { slot, .. } | Step::Get { slot } | Step::Update { slot, .. } | Step::SetMain { slot } => {
                    match act.offering() {
                        Some(offering) if offering.id == self.cast.ids[slot] => {
                            Reply::Offering(shown(&offering, names))
                        }
                        Some(_) => Reply::Stranger,
                        // The schema rule has said what is wrong with it.
                        None if act.step.writes() => Reply::Lost,
                        None => Reply::Silent,
                    }
                }
            },
            404 if act.step != Step::List => Reply::Missing,
            409 if act.step.writes() => Reply::Conflict,
            400..500 => Reply::Refused,
            _ if act.step.writes() => Reply::Lost,
            _ => Reply::Silent,
        }
    }

    fn rows(&self, page: &Page, names: &mut ListNames) -> Reply {
        if !page.whole {
            return Reply::Silent;
        }
        let find = |id: &String| page.offerings.iter().find(|offering| offering.id == *id);
        let rows = self.cast.ids.iter().map(|id| find(id).map(|offering| shown(offering, names))).collect();
        Reply::Rows { rows, main: self.main_of(page) }
    }

    /// Who is main on a page.
    fn main_of(&self, page: &Page) -> Main {
        main_among(&page.mains(), &self.cast.ids, self.anchor.as_deref())
    }
}

/// Who is main, of those with `tag` 1.
pub(super) fn main_among(mains: &[&str], ids: &[String], anchor: Option<&str>) -> Main {
    match mains {
        [] => Main::Nobody,
        [main] => match ids.iter().position(|id| id == main) {
            Some(slot) => Main::Slot(slot),
            None if anchor == Some(*main) => Main::Anchor,
            None => Main::Other,
        },
        _ => Main::Several,
    }
}

fn shown(offering: &Offering, names: &mut ListNames) -> Shown {
    Shown { list: names.of(&offering.products), main: offering.is_main() }
}

/// Numbers for product lists: those of the program, then whatever else was seen.
struct ListNames {
    known: Vec<Vec<String>>,
}

impl ListNames {
    fn of(&mut self, products: &[String]) -> usize {
        if let Some(number) = self.known.iter().position(|known| known == products) {
            return number;
        }
        self.known.push(products.to_vec());
        self.known.len() - 1
    }
}

impl History {
    /// Short names of the offerings, with their ids.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let ids = self.cast.ids.iter().enumerate().map(|(slot, id)| (format!("{{{}}}", slot + 1), id.clone()));
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
        let slot = act.step.slot().map_or(String::new(), |slot| format!("{{{}}}", slot + 1));
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

fn products(list: &[String]) -> String {
    match list {
        [] => String::new(),
        [only] => format!(" [{only}]"),
        [first, .., last] => format!(" [{first} … {last}, {}]", list.len()),
    }
}
