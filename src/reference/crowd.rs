//! Who else is at work on a project: requests that take more than one moment.
//!
//! A right server at its default has no use for it. The behaviours and faults that let time pass do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::answer::Answer;
use super::call::{Call, Operation};
use super::store::Shared;

/// Requests under way on one project, and what faulty servers remember of those that met.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    visits: Vec<Visit>,
    next: u64,
    /// Held by the one write that is worked on, where writes wait for each other.
    pub(super) gate: Arc<tokio::sync::Mutex<()>>,
    /// Keys that two creates used at once, which a faulty server never gives free.
    pub(super) stuck: HashSet<Vec<u8>>,
    /// Answers that a faulty server keeps under the key of another create.
    pub(super) mixed: HashMap<Vec<u8>, Answer>,
}

/// One write under way.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    number: u64,
    pub(super) operation: Operation,
    /// The offering it is about, as far as that can be read.
    pub(super) id: Option<String>,
    pub(super) key: Option<Vec<u8>>,
}

impl Crowd {
    /// The writes under way besides `turn`.
    pub(super) fn others(&self, turn: &Turn) -> impl Iterator<Item = &Visit> {
        self.visits.iter().filter(|visit| visit.number != turn.number)
    }
}

/// A write is under way as long as this lives, also when its client goes away.
#[derive(Debug)]
pub(super) struct Turn {
    project: Shared,
    number: u64,
    pub(super) id: Option<String>,
    pub(super) key: Option<Vec<u8>>,
}

impl Turn {
    /// Notes that `call` is under way.
    pub(super) fn begin(call: &Call, project: &Shared) -> Self {
        let id = match call.operation {
            Operation::Create => call.json().ok().and_then(|body| body.get("id")?.as_str().map(str::to_owned)),
            _ => call.id().ok(),
        };
        let key = call.idempotency_key().map(<[u8]>::to_vec);
        let mut locked = project.lock();
        locked.crowd.next += 1;
        let number = locked.crowd.next;
        locked.crowd.visits.push(Visit { number, operation: call.operation, id: id.clone(), key: key.clone() });
        drop(locked);
        Self { project: project.clone(), number, id, key }
    }

    /// Whether a write that `alike` admits was under way before this one.
    pub(super) fn meets(&self, alike: impl Fn(&Visit) -> bool) -> bool {
        let project = self.project.lock();
        project.crowd.others(self).any(|visit| visit.number < self.number && alike(visit))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.project.lock().crowd.visits.retain(|visit| visit.number != self.number);
    }
}
