//! What a project must hold after what was answered so far.
//!
//! Starts from what was there, folds in every successful write, and is compared with what the list shows. It knows which
//! offerings are ours: what happens to others may be somebody else's doing and is never held against the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::claim::{list, tag};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};
use crate::lane::Snapshot;

/// Expected contents of one project.
#[derive(Clone, Debug)]
pub struct State {
    prefix: String,
    known: BTreeMap<String, Known>,
    main: Main,
    /// Ids that we tried to create, whatever came of it, and those we answer for otherwise: none is somebody else's.
    attempted: BTreeSet<String>,
    /// Idempotency keys of promotions that were answered 200.
    promotions: BTreeSet<String>,
    since: Since,
}

#[derive(Clone, Debug)]
struct Known {
    offering: Offering,
    /// Whether a successful write named it since the last comparison: then its times may have moved.
    touched: bool,
}

/// Which offering is main, as far as it follows from the answers.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Main {
    Is(String),
    /// There is none.
    None,
    /// The main was deleted: none, or another at the server's choice.
    Unsure,
}

/// What was written since the last comparison.
#[derive(Clone, Copy, Default, Debug)]
struct Since {
    succeeded: u32,
    refused: u32,
}

/// Something that the state does not explain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The invariant that it breaks.
    pub rule: &'static str,
    /// What is wrong, without values.
    pub title: &'static str,
    /// What should be.
    pub documented: String,
    /// What is.
    pub received: String,
}

/// What a comparison showed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// The server's doing.
    pub differences: Vec<Difference>,
    /// Somebody else's doing.
    pub foreign: Vec<String>,
    /// Rules that this comparison exercised.
    pub checked: Vec<&'static str>,
}

impl State {
    /// What was there at the start. Ids that begin with `prefix` are ours.
    pub fn starting_from(snapshot: &Snapshot, prefix: &str) -> Self {
        let mut state = Self {
            prefix: prefix.to_owned(),
            known: BTreeMap::new(),
            main: Main::None,
            attempted: BTreeSet::new(),
            promotions: BTreeSet::new(),
            since: Since::default(),
        };
        state.adopt(snapshot);
        state
    }

    /// Takes what is there now for ours as well: in a project that nobody else works in, whatever happens to it is the
    /// server's doing.
    pub fn own_all(&mut self) {
        self.attempted.extend(self.known.keys().cloned());
    }

    /// Takes the snapshot as the truth from now on.
    pub fn adopt(&mut self, snapshot: &Snapshot) {
        self.known = snapshot
            .offerings
            .iter()
            .map(|offering| {
                let known = Known { offering: offering.clone(), touched: false };
                (offering.id.clone(), known)
            })
            .collect();
        self.main = match snapshot.mains().first() {
            Some(id) => Main::Is((*id).to_owned()),
            None => Main::None,
        };
        self.since = Since::default();
    }

    /// The offering with this id, as it should be.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.known.get(id).map(|known| &known.offering)
    }

    /// The main offering's id, where it is known.
    pub fn main(&self) -> Option<&str> {
        match &self.main {
            Main::Is(id) => Some(id),
            Main::None | Main::Unsure => None,
        }
    }

    /// Whether this id was made or tried by us, or is ours because the whole project is.
    pub fn is_ours(&self, id: &str) -> bool {
        id.starts_with(&self.prefix) || self.attempted.contains(id)
    }

    /// Folds in what an exchange with the main key changed.
    pub fn apply(&mut self, exchange: &Exchange) {
        let request = &exchange.request;
        let is_ours = request.header_value("authorization") == Some(&KeyRole::Main.bearer());
        let (Some(endpoint), true) = (request.operation.endpoint(), request.is_write() && is_ours) else {
            return;
        };
        let body = request.json_body();
        if endpoint == Endpoint::Create {
            self.attempted.extend(body.as_ref().and_then(attempted_id));
        }
        if !exchange.answer.is_success() {
            self.since.refused += 1;
            return;
        }
        self.since.succeeded += 1;
        let answered = exchange.answer.json().and_then(Offering::read);
        let id = request.path_id();
        match (endpoint, id) {
            (Endpoint::Create, _) => self.created(answered),
            (Endpoint::Update, Some(id)) => self.updated(&id, body.as_ref(), answered),
            (Endpoint::Delete, Some(id)) => self.deleted(&id),
            (Endpoint::SetMain, Some(id)) => {
                let key = request.header_value("idempotency-key");
                let is_replay = key.is_some_and(|key| !self.promotions.insert(format!("{id}\n{key}")));
                if !is_replay {
                    // What became main at our word is ours to answer for, whatever it is: an experiment variant too.
                    self.attempted.insert(id.clone());
                    self.promoted(&id, answered);
                }
            }
            _ => {}
        }
    }

    fn created(&mut self, answered: Option<Offering>) {
        let Some(offering) = answered else { return };
        if self.known.contains_key(&offering.id) {
            return; // A replay: it is there already.
        }
        if offering.is_main() && !matches!(self.main, Main::Is(_)) {
            self.main = Main::Is(offering.id.clone());
        }
        let known = Known { offering, touched: true };
        self.known.insert(known.offering.id.clone(), known);
    }

    fn updated(&mut self, id: &str, body: Option<&Value>, answered: Option<Offering>) {
        let Some(known) = self.known.get_mut(id) else {
            return;
        };
        known.touched = true;
        if let Some(answered) = answered {
            known.offering.updated_at = answered.updated_at;
        }
        let sent = body.and_then(|body| body.get("product_ids")?.as_array());
        if let Some(sent) = sent {
            known.offering.products = sent.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        }
    }

    fn deleted(&mut self, id: &str) {
        self.known.remove(id);
        if self.main == Main::Is(id.to_owned()) {
            self.main = Main::Unsure;
        }
    }

    fn promoted(&mut self, id: &str, answered: Option<Offering>) {
        if let Main::Is(previous) = &self.main
            && previous != id
            && let Some(known) = self.known.get_mut(previous)
        {
            known.touched = true;
            known.offering.tag = Some(0);
        }
        if let Some(known) = self.known.get_mut(id) {
            known.touched = true;
            known.offering.tag = Some(1);
            if let Some(answered) = answered {
                known.offering.updated_at = answered.updated_at;
            }
        }
        self.main = Main::Is(id.to_owned());
    }

    /// Holds a snapshot against the state. The snapshot's moment is after everything that was folded in.
    pub fn compare(&self, snapshot: &Snapshot) -> Comparison {
        let mut comparison =
            Comparison { checked: vec!["invariant.single-main", "invariant.model-agrees"], ..Comparison::default() };
        if self.since.succeeded > 0 {
            comparison.checked.push("invariant.no-bleed");
        }
        if self.since.refused > 0 {
            comparison.checked.push("invariant.failed-write-no-effect");
        }
        self.compare_main(snapshot, &mut comparison);
        for (id, known) in &self.known {
            self.compare_one(known, snapshot.find(id), &mut comparison);
        }
        for offering in &snapshot.offerings {
            if self.known.contains_key(&offering.id) {
                continue;
            }
            if self.is_ours(&offering.id) {
                comparison.differences.push(Difference {
                    rule: self.blame(true),
                    title: "the list shows an offering that should not exist",
                    documented: format!("no offering `{}`", offering.id),
                    received: format!("`{}` in the list", offering.id),
                });
            } else {
                comparison.foreign.push(format!("`{}` appeared", offering.id));
            }
        }
        comparison
    }

    /// The invariant that explains a difference: the one that speaks of what was written last.
    fn blame(&self, touched: bool) -> &'static str {
        match self.since {
            Since { succeeded: 0, refused } if refused > 0 => "invariant.failed-write-no-effect",
            Since { succeeded, .. } if succeeded > 0 && !touched => "invariant.no-bleed",
            _ => "invariant.model-agrees",
        }
    }

    fn compare_main(&self, snapshot: &Snapshot, comparison: &mut Comparison) {
        let mains = snapshot.mains();
        if mains.len() > 1 {
            comparison.differences.push(Difference {
                rule: "invariant.single-main",
                title: "two offerings are main",
                documented: "at most one offering with tag 1".into(),
                received: format!("tag 1 on {}", mains.join(" and ")),
            });
            return;
        }
        let Main::Is(expected) = &self.main else {
            return;
        };
        comparison.checked.push("invariant.main-exists");
        match mains.first() {
            Some(found) if found == expected => {}
            // Somebody else promoted an offering of theirs.
            Some(found) if !self.is_ours(found) && snapshot.find(expected).is_none_or(|o| !o.is_main()) => {
                if self.is_ours(expected) || self.known.get(*found).is_none_or(|known| !known.touched) {
                    comparison.foreign.push(format!("`{found}` became main"));
                }
            }
            Some(found) => comparison.differences.push(Difference {
                rule: self.blame(false),
                title: "another offering is main",
                documented: format!("`{expected}` is main"),
                received: format!("`{found}` is main"),
            }),
            None if !self.is_ours(expected) && snapshot.find(expected).is_none() => {
                comparison.foreign.push(format!("`{expected}`, the main, is gone"));
            }
            None => comparison.differences.push(Difference {
                rule: "invariant.main-exists",
                title: "no offering is main any more",
                documented: format!("`{expected}` is main"),
                received: "no offering with tag 1".into(),
            }),
        }
    }

    fn compare_one(&self, known: &Known, found: Option<&Offering>, comparison: &mut Comparison) {
        let expected = &known.offering;
        let id = &expected.id;
        let difference = match found {
            None => Some(("an offering is gone from the list", format!("`{id}` in the list"), format!("no `{id}`"))),
            Some(found) if found.products != expected.products => Some((
                "an offering has other products",
                format!("`{id}` with {}", list(&expected.products)),
                list(&found.products),
            )),
            // Which offering is main was compared as a whole; among the others 0 and null are the same to a reader,
            // but nobody may turn the one into the other.
            Some(found) if !known.touched && found.tag != expected.tag && !found.is_main() && !expected.is_main() => {
                Some(("the tag of an offering changed", format!("`{id}` with {}", tag(expected.tag)), tag(found.tag)))
            }
            // A change of role moves the time too; whether the role may change was compared as a whole.
            Some(found) if !known.touched && found.is_main() == expected.is_main() && !same_times(found, expected) => {
                Some((
                    "the times of an offering changed",
                    format!("`{id}` created {} updated {}", expected.created_at, expected.updated_at),
                    format!("created {} updated {}", found.created_at, found.updated_at),
                ))
            }
            Some(_) => None,
        };
        let Some((title, documented, received)) = difference else {
            return;
        };
        if self.is_ours(id) {
            comparison.differences.push(Difference { rule: self.blame(known.touched), title, documented, received });
        } else {
            comparison.foreign.push(format!("`{id}` changed: {title}"));
        }
    }
}

fn same_times(a: &Offering, b: &Offering) -> bool {
    a.created() == b.created() && a.updated() == b.updated()
}

/// The id that a create names, as a list would show it if the server took it after all.
fn attempted_id(body: &Value) -> Option<String> {
    match body.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
