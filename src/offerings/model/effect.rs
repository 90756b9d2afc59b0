//! What a call changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::call::{Call, Sent};
use super::reason::Force;
use super::replay::Use;
use super::world::{Main, Row, Touch, World};
use crate::check::{Offering, offerings_in};
use crate::contract::Endpoint;
use crate::exchange::Answer;

impl World {
    /// The world after a call that was answered so, right or wrong: a success is taken by its word.
    pub fn after(&self, call: &Call, answer: &Answer) -> Self {
        if answer.is_success() {
            let target = self.rows.contains_key(&call.id).then_some(call.id.as_str());
            self.done(call, target, answer.json().and_then(Offering::read).as_ref())
        } else {
            self.refused(call, answer.status)
        }
    }

    /// The world after a call that was refused.
    pub(super) fn refused(&self, call: &Call, status: u16) -> Self {
        let mut world = self.clone();
        world.note_attempt(call);
        if call.is_write() {
            world.since.refused += 1;
            world.remember(call, Use::refused(call, status));
        }
        world
    }

    /// The world after a call that was done; its id stands for `target`.
    pub(super) fn done(&self, call: &Call, target: Option<&str>, answered: Option<&Offering>) -> Self {
        let mut world = self.clone();
        world.note_attempt(call);
        if !call.is_write() {
            return world;
        }
        world.since.succeeded += 1;
        let id = target.unwrap_or(&call.id);
        match call.endpoint {
            Endpoint::Create => world.created(call, answered),
            Endpoint::Update => world.updated(id, call, answered),
            Endpoint::Delete => world.deleted(id),
            Endpoint::SetMain => world.promoted(id, answered),
            Endpoint::List | Endpoint::Get => {}
        }
        world.remember(call, Use::done(call, answered, world.lives(&call.id)));
        world
    }

    /// The worlds that may follow when it is not known what was answered, but that the call was done; none where it
    /// cannot have been.
    pub fn done_unseen(&self, call: &Call) -> Vec<Self> {
        let readings = self.readings(&call.id);
        let targets = readings.iter().map(Option::as_deref);
        targets.filter(|target| self.may_be_done(call, *target)).map(|target| self.done(call, target, None)).collect()
    }

    /// Whether nothing forbids that the call is done.
    pub(super) fn may_be_done(&self, call: &Call, target: Option<&str>) -> bool {
        self.reasons(call, target).iter().all(|reason| reason.force == Force::May)
    }

    /// Takes in what an answer shows of who is main, where that was open.
    pub(super) fn learn(&mut self, call: &Call, answer: &Answer) {
        let Main::Unsure { not } = &mut self.main else { return };
        let Some(body) = answer.json() else { return };
        let shown: Vec<_> = offerings_in(body).iter().filter_map(Offering::read).collect();
        let is_whole = call.endpoint == Endpoint::List
            && call.after.is_none()
            && body.get("has_more") == Some(&Value::Bool(false));
        match shown.iter().find(|offering| offering.is_main()) {
            Some(main) => self.main = Main::Is(main.id.clone()),
            None if is_whole => self.main = Main::None,
            None => not.extend(shown.into_iter().map(|offering| offering.id)),
        }
    }

    /// A replay that had no effect.
    pub(super) fn unmoved(&self, call: &Call) -> Self {
        let mut world = self.clone();
        world.note_attempt(call);
        world.since.succeeded += 1;
        world
    }

    fn note_attempt(&mut self, call: &Call) {
        if call.endpoint == Endpoint::Create && !call.id.is_empty() {
            Arc::make_mut(&mut self.attempted).insert(call.id.clone());
        }
    }

    fn remember(&mut self, call: &Call, used: Use) {
        let Some(key) = &call.key else { return };
        let uses = Arc::make_mut(&mut self.keys).entry((call.endpoint, key.clone())).or_default();
        match uses.iter_mut().find(|known| known.is_for(call)) {
            // The first success is what a key stands for.
            Some(known) if known.is_done() => {}
            Some(known) => *known = used,
            None => uses.push(used),
        }
    }

    fn created(&mut self, call: &Call, answered: Option<&Offering>) {
        let offering = answered.cloned().unwrap_or_else(|| Offering {
            id: call.id.clone(),
            tag: None,
            products: call.body.products().unwrap_or_default().to_vec(),
            created_at: String::new(),
            updated_at: String::new(),
            url: String::new(),
        });
        if self.rows.contains_key(&offering.id) {
            return; // A replay: it is there already.
        }
        if answered.is_none() {
            self.main = self.main_after_unseen(&offering.id);
        }
        if offering.is_main() && !matches!(self.main, Main::Is(_)) {
            self.main = Main::Is(offering.id.clone());
        }
        self.is_untouched = false;
        *Arc::make_mut(&mut self.lives).entry(offering.id.clone()).or_default() += 1;
        Arc::make_mut(&mut self.rows).insert(offering.id.clone(), Row { offering, touch: Touch::Named });
    }

    /// Who is main after an offering was made whose role nobody saw.
    fn main_after_unseen(&self, id: &str) -> Main {
        match (&self.main, self.next_is_main()) {
            (Main::None, Some(true)) => Main::Is(id.to_owned()),
            (Main::None, _) => Main::Unsure { not: self.rows.keys().cloned().collect() },
            (Main::Unsure { not }, _) => {
                Main::Unsure { not: not.iter().filter(|known| *known != id).cloned().collect() }
            }
            (known @ Main::Is(_), _) => known.clone(),
        }
    }

    fn updated(&mut self, id: &str, call: &Call, answered: Option<&Offering>) {
        let Some(row) = Arc::make_mut(&mut self.rows).get_mut(id) else { return };
        row.touch = Touch::Named;
        if let Some(answered) = answered {
            row.offering.updated_at.clone_from(&answered.updated_at);
        }
        if let Sent::Value(sent) = &call.body.products {
            let merged = answered.map(|answered| &answered.products).filter(|answered| is_merged(sent, answered));
            row.offering.products.clone_from(merged.unwrap_or(sent));
        }
    }

    fn deleted(&mut self, id: &str) {
        Arc::make_mut(&mut self.rows).remove(id);
        let is_known = matches!(self.main, Main::Is(_) | Main::None);
        match self.is_main(id) {
            Some(false) if is_known => {}
            _ if self.rows.is_empty() => self.main = Main::None,
            Some(false) => {}
            Some(true) | None => self.main = Main::Unsure { not: BTreeSet::new() },
        }
    }

    pub(super) fn promoted(&mut self, id: &str, answered: Option<&Offering>) {
        // What became main at our word is ours to answer for, whatever it is: an experiment variant too.
        Arc::make_mut(&mut self.attempted).insert(id.to_owned());
        if let Main::Is(previous) = &self.main
            && previous != id
            && let Some(row) = Arc::make_mut(&mut self.rows).get_mut(previous)
        {
            row.touch = Touch::Demoted;
            row.offering.tag = Some(0);
        }
        if let Some(row) = Arc::make_mut(&mut self.rows).get_mut(id) {
            row.touch = Touch::Named;
            row.offering.tag = Some(1);
            if let Some(answered) = answered {
                row.offering.updated_at.clone_from(&answered.updated_at);
            }
        }
        self.main = Main::Is(id.to_owned());
    }
}

/// Whether `found` is `sent` with repeated entries left out: in the same order otherwise, the first or the last of each
/// kept.
pub(super) fn is_merged(sent: &[String], found: &[String]) -> bool {
    let keeps = |found: &[String], sent: &mut dyn Iterator<Item = &String>| {
        let mut kept: Vec<&String> = Vec::new();
        for id in sent {
            if !kept.contains(&id) {
                kept.push(id);
            }
        }
        kept.len() == found.len() && kept.iter().zip(found).all(|(kept, found)| *kept == found)
    };
    let backwards: Vec<String> = found.iter().rev().cloned().collect();
    keeps(found, &mut sent.iter()) || keeps(&backwards, &mut sent.iter().rev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_list_keeps_the_first_or_the_last_of_each() {
        let list = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert!(is_merged(&list("abac"), &list("abc")) && is_merged(&list("abac"), &list("bac")));
        assert!(!is_merged(&list("abac"), &list("cab")) && !is_merged(&list("abac"), &list("ab")));
    }
}
