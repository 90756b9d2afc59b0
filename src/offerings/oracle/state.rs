//! What the projects of a case should hold after the responses so far.
//!
//! A response may leave open what happened; then every world that may be is kept until a list shows which one it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::Call;
use super::compare::{Blame, Comparison, Write, WriteState};
use super::conditions::Force;
use super::reply::Reply;
use super::verdict::{Explained, Judgement, Wrong};
use super::world::{Facts, Main, World};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};
use crate::project::Snapshot;

/// More worlds than these are not followed: the list is read long before.
const MAX_WORLDS: usize = 16;

/// More rejected writes than these are not compared with one list.
const MAX_WRITES: usize = 24;

/// What one project should hold.
#[derive(Clone, Debug)]
pub struct State {
    /// Never empty; the likeliest first.
    worlds: Vec<World>,
    /// Writes since it was read last.
    writes: Vec<Write>,
    /// Offerings that a get read since then.
    reads: BTreeSet<String>,
}

/// Which writes are compared together: those that one promise explains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Batch {
    endpoint: Endpoint,
    is_authorized: bool,
    must_fail: bool,
    is_keyed: bool,
}

impl State {
    /// What was there at the start.
    pub fn starting_from(snapshot: &Snapshot, facts: Facts) -> Self {
        Self { worlds: vec![World::starting_from(snapshot, facts)], writes: Vec::new(), reads: BTreeSet::new() }
    }

    /// The likeliest world.
    pub fn world(&self) -> &World {
        &self.worlds[0]
    }

    /// The offering with this id, as it should be.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.world().find(id)
    }

    /// The main offering's id, where it is known.
    pub fn main(&self) -> Option<&str> {
        match self.world().main() {
            Main::Is(id) => Some(id),
            Main::None | Main::Unsure { .. } => None,
        }
    }

    /// Whether something was written since the list was read last.
    pub fn is_unsettled(&self) -> bool {
        !self.writes.is_empty()
    }

    /// The writes since the list was read last.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Whether the list must be read before this request, so that one promise explains what the list shows.
    pub fn must_be_read_before(&self, call: &Call) -> bool {
        let Some(last) = self.writes.last() else { return false };
        if !call.is_write() {
            return false;
        }
        let is_other = self.batch(&last.call, Some(last.fate)) != self.batch(call, None);
        let names_same = self.writes.iter().any(|write| write.call.id == call.id) && last.fate != WriteState::Rejected;
        let changes_roles = matches!(call.endpoint, Endpoint::SetMain) && last.fate != WriteState::Rejected;
        is_other || names_same || changes_roles || self.writes.len() >= MAX_WRITES && last.fate == WriteState::Rejected
    }

    fn batch(&self, call: &Call, fate: Option<WriteState>) -> Batch {
        let target = self.find(&call.id).map(|_| call.id.as_str());
        let must_fail = match fate {
            Some(fate) => fate == WriteState::Rejected,
            None => self.world().reasons(call, target).iter().any(|reason| reason.force == Force::Must),
        };
        Batch { endpoint: call.endpoint, is_authorized: call.is_authorized(), must_fail, is_keyed: call.key.is_some() }
    }

    /// Folds in what an exchange changed, and says what the oracle says of it.
    pub fn apply(&mut self, call: &Call, reply: &Reply, at: &Arc<Exchange>) -> Result<Explained, Box<Wrong>> {
        let main_before = self.main().map(str::to_owned);
        let known_body = self.world().rows.get(&call.id).and_then(|row| row.updated_by.clone());
        let mut next = Vec::new();
        let mut verdict = None;
        for world in &self.worlds {
            match world.judge(call, reply) {
                Judgement::Explained(kept) => {
                    next.extend(kept.next.iter().cloned());
                    if !matches!(verdict, Some(Ok(_))) {
                        verdict = Some(Ok(kept));
                    }
                }
                Judgement::Wrong(wrong) => verdict = verdict.or(Some(Err(wrong))),
            }
        }
        if next.is_empty() {
            next = self.worlds.iter().map(|world| world.after(call, reply)).collect();
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
            let fate = match &verdict {
                _ if reply.is_rejection() => WriteState::Rejected,
                _ if !reply.is_success() => WriteState::Unknown,
                Ok(kept) if kept.is_replay => WriteState::Replayed,
                _ if is_again => WriteState::DoneAgain,
                _ => WriteState::Done,
            };
            self.writes.push(Write { call: call.clone(), fate, main_before, at: Arc::clone(at) });
        } else {
            self.reads.insert(call.id.clone());
        }
        verdict
    }

    /// Compares a snapshot with the state. The snapshot was read after everything that was folded in.
    pub fn compare(&self, snapshot: &Snapshot, is_elsewhere: bool, tainted: &BTreeSet<String>) -> Comparison {
        let is_elsewhere = is_elsewhere && self.writes.is_empty();
        let blame = Blame { writes: &self.writes, is_elsewhere, reads: &self.reads, tainted };
        self.worlds[self.best(snapshot)].compare(snapshot, &blame)
    }

    /// Accepts the snapshot as the state from now on.
    pub fn adopt(&mut self, snapshot: &Snapshot) {
        let best = self.best(snapshot);
        self.worlds.swap(0, best);
        self.worlds.truncate(1);
        self.worlds[0].adopt(snapshot);
        self.writes.clear();
        self.reads.clear();
    }

    /// Notes which offerings only other projects have, and which idempotency keys were used there.
    fn set_elsewhere(&mut self, ids: &Arc<BTreeSet<String>>, keys: &Arc<BTreeSet<String>>) {
        for world in &mut self.worlds {
            (world.elsewhere, world.keys_elsewhere) = (Arc::clone(ids), Arc::clone(keys));
        }
    }

    fn used_keys(&self) -> impl Iterator<Item = &String> {
        self.world().keys.keys().map(|(_, key)| key)
    }

    /// Whether what a get shows of an offering that is there is what should be, in the property that differed.
    pub fn is_as_expected(&self, id: &str, shown: &Offering, property: &str) -> bool {
        let Some(expected) = self.find(id) else { return false };
        match property {
            "updated_at" => super::judge::same_time(&expected.updated_at, &shown.updated_at),
            "tag" => expected.tag == shown.tag,
            "previous tag" => shown.tag == Some(0),
            "product_ids" => expected.products == shown.products,
            "role" => self.world().difference(id, shown).is_none_or(|(property, ..)| property != "role"),
            "offering is gone" => true,
            _ => self.world().difference(id, shown).is_none(),
        }
    }

    /// Puts an offering back that a list left out, or takes one out that it should not have shown.
    pub fn correct(&mut self, id: &str, offering: Option<&Offering>) {
        for world in &mut self.worlds {
            world.correct(id, offering);
        }
    }

    /// Sets which offering is main, where a list was wrong about it.
    pub fn correct_main(&mut self, main: Option<&str>) {
        for world in &mut self.worlds {
            world.main = main.map_or(Main::None, |main| Main::Is(main.to_owned()));
        }
    }

    /// The place of the world that a snapshot differs least from.
    fn best(&self, snapshot: &Snapshot) -> usize {
        if self.worlds.len() == 1 {
            return 0;
        }
        let blame = Blame { writes: &self.writes, is_elsewhere: false, reads: &self.reads, tainted: &BTreeSet::new() };
        let distance = |place: &usize| self.worlds[*place].compare(snapshot, &blame).surprises.len();
        (0..self.worlds.len()).min_by_key(distance).unwrap_or_default()
    }
}

/// What all projects of a case should hold.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    states: BTreeMap<KeyRole, State>,
}

impl Oracle {
    /// Begins to follow a project.
    pub fn open(&mut self, role: KeyRole, snapshot: &Snapshot, facts: Facts) {
        self.states.insert(role, State::starting_from(snapshot, facts));
        self.compare_projects();
    }

    /// The state of a project, if it is followed.
    pub fn state(&self, role: KeyRole) -> Option<&State> {
        self.states.get(&role)
    }

    /// The state of a project, if it is followed.
    pub fn state_mut(&mut self, role: KeyRole) -> Option<&mut State> {
        self.states.get_mut(&role)
    }

    /// The projects that are followed.
    pub fn projects(&self) -> Vec<KeyRole> {
        self.states.keys().copied().collect()
    }

    /// Finds out which offerings only other projects have: called after writes to one of several.
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
