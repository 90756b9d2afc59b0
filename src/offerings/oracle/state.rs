//! The expected state of the projects of a case after the responses so far.
//!
//! If a response leaves the state open, all possible worlds are tracked until a list shows which one is real.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::Call;
use super::compare::{Comparison, RecentWrites, Write, WriteState};
use super::reply::Reply;
use super::verdict::{Explained, Judgement, ModelDeviation};
use super::world::{Facts, Main, World};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};
use crate::project::Snapshot;

/// The maximum number of worlds to track. The list is read long before.
const MAX_WORLDS: usize = 16;

/// The maximum number of worlds that a list contradicted to track.
const MAX_OUTDATED: usize = 3;

/// The maximum number of rejected writes between two reads of the list.
const MAX_WRITES: usize = 24;

/// The expected state of one project.
#[derive(Clone, Debug)]
pub struct State {
    /// Never empty; the most likely first.
    worlds: Vec<World>,
    /// Writes since the last read.
    writes: Vec<Write>,
    /// Ids that a get read since then.
    reads: BTreeSet<String>,
}

/// Writes with equal batches share one comparison, because one requirement covers their effects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Batch {
    endpoint: Endpoint,
    is_authorized: bool,
    must_fail: bool,
    is_keyed: bool,
}

impl State {
    /// The state that a first snapshot shows.
    pub fn starting_from(snapshot: &Snapshot, facts: Facts) -> Self {
        Self { worlds: vec![World::starting_from(snapshot, facts)], writes: Vec::new(), reads: BTreeSet::new() }
    }

    /// The most likely world.
    pub fn world(&self) -> &World {
        &self.worlds[0]
    }

    /// The expected offering with this id.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.world().find(id)
    }

    /// The main offering's id, if known.
    pub fn main(&self) -> Option<&str> {
        match self.world().main() {
            Main::Is(id) => Some(id),
            Main::None | Main::Unknown { .. } => None,
        }
    }

    /// Whether a write was sent since the last read of the list.
    pub fn has_new_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Whether a set-main was sent since the last read of the list.
    pub fn has_promoted(&self) -> bool {
        self.writes.iter().any(|write| write.call.endpoint == Endpoint::SetMain)
    }

    /// The writes since the last read of the list.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Whether the list must be read before this request, so that one requirement covers the next comparison.
    pub fn must_be_read_before(&self, call: &Call) -> bool {
        let Some(last) = self.writes.last() else { return false };
        if !call.is_write() {
            return false;
        }
        let is_other = self.batch(&last.call, Some(last.state)) != self.batch(call, None);
        let names_same = self.writes.iter().any(|write| write.call.id == call.id) && last.state != WriteState::Rejected;
        let changes_roles = matches!(call.endpoint, Endpoint::SetMain) && last.state != WriteState::Rejected;
        is_other || names_same || changes_roles || self.writes.len() >= MAX_WRITES && last.state == WriteState::Rejected
    }

    /// Whether one comparison covers both writes, if they concern different offerings.
    pub fn are_alike(&self, one: &Call, other: &Call) -> bool {
        self.batch(one, None) == self.batch(other, None)
    }

    /// Whether a write must be rejected in every possible world, whatever its id names there.
    pub fn is_certain_to_fail(&self, call: &Call) -> bool {
        let must_fail =
            |world: &World| world.readings(&call.id).iter().all(|target| world.must_fail(call, target.as_deref()));
        self.worlds.iter().all(must_fail)
    }

    fn batch(&self, call: &Call, state: Option<WriteState>) -> Batch {
        let target = self.find(&call.id).map(|_| call.id.as_str());
        let must_fail = match state {
            Some(state) => state == WriteState::Rejected,
            None => self.world().must_fail(call, target),
        };
        Batch { endpoint: call.endpoint, is_authorized: call.is_authorized(), must_fail, is_keyed: call.key.is_some() }
    }

    /// Judges an exchange and updates the state with its effect.
    pub fn apply(&mut self, call: &Call, reply: &Reply, at: &Arc<Exchange>) -> Result<Explained, Box<ModelDeviation>> {
        let main_before = self.main().map(str::to_owned);
        let known_body = self.world().rows.get(&call.id).and_then(|row| row.updated_by.clone());
        let mut next = Vec::new();
        let mut verdict = None;
        for world in &self.worlds {
            match world.judge(call, reply) {
                Judgement::Explained(explained) => {
                    next.extend(explained.next.iter().cloned());
                    if !matches!(verdict, Some(Ok(_))) {
                        verdict = Some(Ok(explained));
                    }
                }
                Judgement::Deviation(deviation) => verdict = verdict.or(Some(Err(deviation))),
            }
        }
        if next.is_empty() {
            next = self.worlds.iter().map(|world| world.after_deviation(call, reply)).collect();
        }
        let mut distinct: Vec<World> = Vec::with_capacity(next.len());
        for world in next {
            if distinct.len() < MAX_WORLDS && !distinct.contains(&world) {
                distinct.push(world);
            }
        }
        self.worlds = distinct;
        let verdict = verdict.unwrap_or_else(|| Ok(Explained::default()));
        if call.is_write() {
            let is_again = known_body.as_deref() == Some(call.body.text.as_str()) && call.endpoint == Endpoint::Update;
            let state = match &verdict {
                _ if reply.is_rejection() => WriteState::Rejected,
                _ if !reply.is_success() => WriteState::Unknown,
                Ok(explained) if explained.is_replay => WriteState::Replayed,
                _ if is_again => WriteState::AppliedAgain,
                _ => WriteState::Applied,
            };
            self.writes.push(Write { call: call.clone(), state, main_before, at: Arc::clone(at) });
        } else {
            self.reads.insert(call.id.clone());
        }
        verdict
    }

    /// Compares a snapshot, read after all applied exchanges, with the state.
    pub fn compare(&self, snapshot: &Snapshot, is_elsewhere: bool, tainted: &BTreeSet<String>) -> Comparison {
        let is_elsewhere = is_elsewhere && self.writes.is_empty();
        let recent = RecentWrites { writes: &self.writes, is_elsewhere, reads: &self.reads, tainted };
        self.worlds[self.best(snapshot)].compare(snapshot, &recent)
    }

    /// The changes that other clients of a shared project made since the last read.
    pub fn foreign_changes(&self, snapshot: &Snapshot) -> Vec<String> {
        self.world().foreign_changes(snapshot)
    }

    /// Replaces the state by the snapshot. With `may_be_outdated` the states before remain possible worlds: a list that
    /// contradicts the writes may be out of date.
    pub fn adopt(&mut self, snapshot: &Snapshot, may_be_outdated: bool) {
        let best = self.best(snapshot);
        self.worlds.swap(0, best);
        let mut expected = self.worlds.clone();
        self.worlds.truncate(1);
        self.worlds[0].adopt(snapshot);
        expected.retain(|world| may_be_outdated && !world.has_same_offerings(&self.worlds[0]));
        self.worlds.extend(expected.into_iter().take(MAX_OUTDATED));
        self.writes.clear();
        self.reads.clear();
    }

    /// Sets the ids that only other projects have, and the idempotency keys that were used there.
    fn set_elsewhere(&mut self, ids: &Arc<BTreeSet<String>>, keys: &Arc<BTreeSet<String>>) {
        for world in &mut self.worlds {
            (world.elsewhere, world.keys_elsewhere) = (Arc::clone(ids), Arc::clone(keys));
        }
    }

    fn used_keys(&self) -> impl Iterator<Item = &String> {
        self.world().keys.keys().map(|(_, key)| key)
    }

    /// Whether an offering returned by a get is as expected in a property.
    pub fn is_as_expected(&self, id: &str, shown: &Offering, property: &str) -> bool {
        let Some(expected) = self.find(id) else { return false };
        match property {
            "updated_at" => super::text::same_time(&expected.updated_at, &shown.updated_at),
            "tag" => expected.tag == shown.tag,
            "previous tag" => shown.tag == Some(0),
            "product_ids" => expected.products == shown.products,
            "role" => self.world().difference(id, shown).is_none_or(|(property, ..)| property != "role"),
            "offering is missing" => true,
            _ => self.world().difference(id, shown).is_none(),
        }
    }

    /// Restores an offering that a list omitted, or removes one that it should not contain.
    pub fn correct(&mut self, id: &str, offering: Option<&Offering>) {
        for world in &mut self.worlds {
            world.correct(id, offering);
        }
    }

    /// Sets the main offering after a list showed a wrong one.
    pub fn correct_main(&mut self, main: Option<&str>) {
        for world in &mut self.worlds {
            world.main = main.map_or(Main::None, |main| Main::Is(main.to_owned()));
        }
    }

    /// The index of the world with the fewest differences from a snapshot.
    fn best(&self, snapshot: &Snapshot) -> usize {
        if self.worlds.len() == 1 {
            return 0;
        }
        let recent =
            RecentWrites { writes: &self.writes, is_elsewhere: false, reads: &self.reads, tainted: &BTreeSet::new() };
        let distance = |place: &usize| self.worlds[*place].compare(snapshot, &recent).mismatches.len();
        (0..self.worlds.len()).min_by_key(distance).unwrap_or_default()
    }
}

/// The expected state of all projects of a case.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    states: BTreeMap<KeyRole, State>,
}

impl Oracle {
    /// Starts to track a project.
    pub fn open(&mut self, role: KeyRole, snapshot: &Snapshot, facts: Facts) {
        self.states.insert(role, State::starting_from(snapshot, facts));
        self.compare_projects();
    }

    /// The state of a project, if tracked.
    pub fn state(&self, role: KeyRole) -> Option<&State> {
        self.states.get(&role)
    }

    /// The state of a project, if tracked.
    pub fn state_mut(&mut self, role: KeyRole) -> Option<&mut State> {
        self.states.get_mut(&role)
    }

    /// The tracked projects.
    pub fn projects(&self) -> Vec<KeyRole> {
        self.states.keys().copied().collect()
    }

    /// Updates which ids only other projects have. Called after writes to one of several projects.
    pub fn compare_projects(&mut self) {
        if self.states.len() < 2 {
            return;
        }
        let ids: BTreeMap<KeyRole, BTreeSet<String>> = self
            .states
            .iter()
            .map(|(role, state)| (*role, state.world().offerings().map(|one| one.id.clone()).collect()))
            .collect();
        let keys: BTreeMap<KeyRole, BTreeSet<String>> =
            self.states.iter().map(|(role, state)| (*role, state.used_keys().cloned().collect())).collect();
        for (role, state) in &mut self.states {
            let used = keys.iter().filter(|(other, _)| *other != role).flat_map(|(_, keys)| keys).cloned().collect();
            let own = &ids[role];
            let others = ids.iter().filter(|(other, _)| *other != role).flat_map(|(_, ids)| ids);
            let elsewhere = others.filter(|id| !own.contains(*id)).cloned().collect();
            state.set_elsewhere(&Arc::new(elsewhere), &Arc::new(used));
        }
    }
}
