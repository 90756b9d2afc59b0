//! Which writes are under way on a project, for servers on which they take time.
//!
//! A correct server at its default has no use for it. The behaviours and faults that let time pass do.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, Operation};
use super::store::Shared;

/// No time at all.
pub(super) const NO_TIME: Duration = Duration::ZERO;

/// The writes under way on one project.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    writes: Vec<Write>,
    next: u64,
    /// Held by the one request that is worked on, where requests wait for each other.
    pub(super) gate: Arc<tokio::sync::Mutex<()>>,
}

/// One write under way.
#[derive(Debug, Clone)]
pub(super) struct Write {
    number: u64,
    pub(super) operation: Operation,
    /// The offering it is about, as far as that can be read.
    pub(super) id: Option<String>,
    pub(super) key: Option<Vec<u8>>,
}

/// What happens to a write that finds another one under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    /// Whether it does: the other one, and itself.
    pub(super) meets: fn(&Write, &Write) -> bool,
    pub(super) then: Met,
}

/// What becomes of the later one of two writes that meet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Met {
    /// It waits until the other one is over.
    Waits,
    /// It is rejected with 409: typed code and message.
    Rejected(&'static str, &'static str),
}

/// Whether two writes are of the same operation and have the same idempotency key.
pub(super) fn same_key(one: &Write, other: &Write) -> bool {
    one.operation == other.operation && one.key.is_some() && one.key == other.key
}

/// 0 to 5 ms: another time for each request.
pub(super) fn uneven(requests: u64) -> Duration {
    Duration::from_millis(requests.wrapping_mul(7) % 6)
}

/// A write is under way as long as this lives, also when its client goes away.
#[derive(Debug)]
pub(super) struct InFlightGuard {
    project: Shared,
    pub(super) write: Write,
}

impl InFlightGuard {
    /// Notes that `call` is under way.
    pub(super) fn new(call: &Call, project: &Shared) -> Self {
        let mut locked = project.lock();
        let in_flight = &mut locked.in_flight;
        in_flight.next += 1;
        let key = call.idempotency_key().map(<[u8]>::to_vec);
        let write = Write { number: in_flight.next, operation: call.operation, id: call.named_id(), key };
        in_flight.writes.push(write.clone());
        drop(locked);
        Self { project: project.clone(), write }
    }

    /// Whether a write that `alike` admits was under way before this one.
    pub(super) fn meets(&self, alike: impl Fn(&Write, &Write) -> bool) -> bool {
        let project = self.project.lock();
        let mut earlier = project.in_flight.writes.iter().filter(|other| other.number < self.write.number);
        earlier.any(|other| alike(other, &self.write))
    }

    /// The other writes under way.
    pub(super) fn others(&self) -> Vec<Write> {
        let project = self.project.lock();
        project.in_flight.writes.iter().filter(|other| other.number != self.write.number).cloned().collect()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.project.lock().in_flight.writes.retain(|write| write.number != self.write.number);
    }
}
