//! What a project must hold after what was answered so far.
//!
//! Starts from what was there, folds in every write of the main project, and is compared with what the list shows. What
//! an answer changes is the model's business; where it leaves open what happened, every world that may be is kept until
//! a list shows which of them it is.

use super::model::{Call, Comparison, Facts, Main, Verdict, World};
use crate::check::Offering;
use crate::exchange::{Exchange, KeyRole};
use crate::lane::Snapshot;

/// More worlds than these are not followed: the list is read long before.
const MOST_WORLDS: usize = 16;

/// Expected contents of one project: every world that it may be in.
#[derive(Clone, Debug)]
pub struct State {
    /// Never empty; the likeliest first.
    worlds: Vec<World>,
}

impl State {
    /// What was there at the start.
    pub fn starting_from(snapshot: &Snapshot, facts: Facts) -> Self {
        Self { worlds: vec![World::starting_from(snapshot, facts)] }
    }

    /// Takes what is there now for ours as well: in a project that nobody else works in, whatever happens to it is the
    /// server's doing.
    pub fn own_all(&mut self) {
        for world in &mut self.worlds {
            world.own_all();
        }
    }

    /// Takes the snapshot as the truth from now on.
    pub fn adopt(&mut self, snapshot: &Snapshot) {
        let best = self.best(snapshot);
        self.worlds.swap(0, best);
        self.worlds.truncate(1);
        self.worlds[0].adopt(snapshot);
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

    /// Whether this id was made or tried by us, or is ours because the whole project is.
    pub fn is_ours(&self, id: &str) -> bool {
        self.world().is_ours(id)
    }

    /// The likeliest world.
    pub fn world(&self) -> &World {
        &self.worlds[0]
    }

    /// Folds in what an exchange with the main key changed, and says whether a right server answers so; `None` for an
    /// exchange that the model does not speak of.
    pub fn apply(&mut self, exchange: &Exchange) -> Option<Verdict> {
        let call = Call::read(&exchange.request, KeyRole::Main)?;
        let mut next = Vec::new();
        let mut verdict = None;
        for world in &self.worlds {
            match world.judge(&call, &exchange.answer) {
                Verdict::Right(right) => {
                    next.extend(right.next.iter().cloned());
                    if !matches!(verdict, Some(Verdict::Right(_))) {
                        verdict = Some(Verdict::Right(right));
                    }
                }
                wrong @ Verdict::Wrong(_) => verdict = verdict.or(Some(wrong)),
            }
        }
        if next.is_empty() {
            next = self.worlds.iter().map(|world| world.after(&call, &exchange.answer)).collect();
        }
        let mut distinct: Vec<World> = Vec::with_capacity(next.len());
        for world in next {
            if distinct.len() < MOST_WORLDS && !distinct.contains(&world) {
                distinct.push(world);
            }
        }
        self.worlds = distinct;
        verdict
    }

    /// Holds a snapshot against the state. The snapshot's moment is after everything that was folded in.
    pub fn compare(&self, snapshot: &Snapshot) -> Comparison {
        self.worlds[self.best(snapshot)].compare(snapshot)
    }

    /// The place of the world that a snapshot differs least from.
    fn best(&self, snapshot: &Snapshot) -> usize {
        if self.worlds.len() == 1 {
            return 0;
        }
        let distance = |place: &usize| self.worlds[*place].compare(snapshot).differences.len();
        (0..self.worlds.len()).min_by_key(distance).unwrap_or_default()
    }
}
