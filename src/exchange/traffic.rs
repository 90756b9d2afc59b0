//! Counters of what was sent and received.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Latencies, OperationRef};

/// Counters of what was sent and received, for the report.
#[derive(Debug, Default)]
pub struct Traffic {
    pub(super) requests: AtomicU64,
    /// Responses of the API itself.
    pub(super) responses: AtomicU64,
    pub(super) waits: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) lost: AtomicU64,
    /// Requests that a proxy rejected with 502 or 504 again and again while others reached the API.
    pub(super) refused: AtomicU64,
    latencies: Mutex<BTreeMap<OperationRef, Latencies>>,
}

impl Traffic {
    /// Requests that were sent, including retries.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Responses 429 or 503 after which the client waited and sent the request again.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Requests that were sent again after a broken connection or a 502 or 504 of a proxy: reads, and writes that are
    /// known to have had no effect.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Writes that may or may not have been applied.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How long the responses of each operation took, from the first byte sent to the last byte read.
    pub fn latencies(&self) -> BTreeMap<OperationRef, Latencies> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a response of the API.
    pub(super) fn count_response(&self, operation: &OperationRef, took: Duration) {
        self.responses.fetch_add(1, Ordering::Relaxed);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        latencies.entry(operation.clone()).or_default().add(micros);
    }
}
