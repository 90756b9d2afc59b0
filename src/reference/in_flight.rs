//! Writes in flight on a project, for servers whose writes take time.
//!
//! Only behaviours and faults with delays use it.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, Operation};
use super::store::SharedProject;

/// No time at all.
pub(super) const NO_TIME: Duration = Duration::ZERO;

/// The writes in flight on one project.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    writes: Vec<Write>,
    next: u64,
    /// Held by the request in progress where requests run one at a time.
    pub(super) gate: Arc<tokio::sync::Mutex<()>>,
}

/// One write in flight.
#[derive(Debug, Clone)]
pub(super) struct Write {
    number: u64,
    pub(super) operation: Operation,
    /// The offering that it names, if its id can be read.
    pub(super) id: Option<String>,
    pub(super) key: Option<Vec<u8>>,
}

/// What happens to a write that finds another one in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlap {
    /// Whether the two overlap: the earlier write and this one.
    pub(super) matches: fn(&Write, &Write) -> bool,
    pub(super) then: OnOverlap,
}

/// What happens to the later of two overlapping writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum OnOverlap {
    /// It waits until the other one has finished.
    Wait,
    /// It returns 409: typed code and message.
    Reject(&'static str, &'static str),
}

/// Whether two writes are of the same operation and have the same idempotency key.
pub(super) fn same_key(one: &Write, other: &Write) -> bool {
    one.operation == other.operation && one.key.is_some() && one.key == other.key
}

/// 0 to 5 ms, different for each request.
pub(super) fn uneven(requests: u64) -> Duration {
    Duration::from_millis(requests.wrapping_mul(7) % 6)
}

/// A write is in flight until this is dropped, even if its client disconnects.
#[derive(Debug)]
pub(super) struct InFlightGuard {
    project: SharedProject,
    pub(super) write: Write,
}

impl InFlightGuard {
    /// Records `call` as in flight.
    pub(super) fn new(call: &Call, project: &SharedProject) -> Self {
        let mut locked = project.lock();
        let in_flight = &mut locked.in_flight;
        in_flight.next += 1;
        let key = call.idempotency_key().map(<[u8]>::to_vec);
        let write = Write { number: in_flight.next, operation: call.operation, id: call.named_id(), key };
        in_flight.writes.push(write.clone());
        drop(locked);
        Self { project: project.clone(), write }
    }

    /// Whether an earlier write in flight satisfies `alike`.
    pub(super) fn overlaps(&self, alike: impl Fn(&Write, &Write) -> bool) -> bool {
        let project = self.project.lock();
        let mut earlier = project.in_flight.writes.iter().filter(|other| other.number < self.write.number);
        earlier.any(|other| alike(other, &self.write))
    }

    /// The other writes in flight.
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
