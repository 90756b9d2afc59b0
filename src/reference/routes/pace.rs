//! Correct ways to process concurrent requests: with delays, one at a time, or with a 409.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedMutexGuard;

use super::App;
use crate::reference::call::Call;
use crate::reference::in_flight::{InFlightGuard, OnOverlap};
use crate::reference::server_response::ApiError;
use crate::reference::store::SharedProject;

/// How long a delayed write takes.
const WORK: Duration = Duration::from_millis(2);

/// An admitted request; dropped when it has finished.
#[derive(Debug, Default)]
pub(super) struct Admission {
    #[expect(dead_code, reason = "held until it is dropped")]
    guard: Option<InFlightGuard>,
    #[expect(dead_code, reason = "held until it is dropped")]
    gate: Option<OwnedMutexGuard<()>>,
}

impl App {
    /// Admits a request: waits, or rejects a write that overlaps another.
    pub(super) async fn admit(&self, call: &Call, project: &SharedProject) -> Result<Admission, ApiError> {
        self.wait(&self.config.waits_before, call, project).await;
        let writes = call.operation.writes();
        let mut gate = None;
        if (self.config.waits_its_turn)(call.operation) {
            let shared = project.lock().in_flight.gate.clone();
            gate = Some(shared.lock_owned().await);
            if writes {
                tokio::time::sleep(WORK).await;
            }
        }
        if !writes || self.config.overlaps.is_empty() {
            return Ok(Admission { guard: None, gate });
        }
        let guard = InFlightGuard::new(call, project);
        for overlap in &self.config.overlaps {
            while guard.overlaps(overlap.matches) {
                if let OnOverlap::Reject(code, message) = overlap.then {
                    return Err(ApiError::new(StatusCode::CONFLICT, code, message));
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        tokio::time::sleep(WORK).await;
        Ok(Admission { guard: Some(guard), gate })
    }

    /// Waits as configured.
    pub(super) async fn wait(&self, waits: &[super::Wait], call: &Call, project: &SharedProject) {
        for wait in waits {
            let time = wait(call.operation, project.lock().requests);
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
        }
    }
}
