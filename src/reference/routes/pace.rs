//! Correct ways to work on several requests at once: slowly, out of order, or one at the other's expense.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedMutexGuard;

use super::App;
use crate::reference::call::Call;
use crate::reference::in_flight::{InFlightGuard, Met};
use crate::reference::server_response::Refusal;
use crate::reference::store::Shared;

/// How long a write takes where it takes any time.
const WORK: Duration = Duration::from_millis(2);

/// A request that was let in; dropped when it is over.
#[derive(Debug, Default)]
pub(super) struct Admission {
    #[expect(dead_code, reason = "held until it is dropped")]
    guard: Option<InFlightGuard>,
    #[expect(dead_code, reason = "held until it is dropped")]
    gate: Option<OwnedMutexGuard<()>>,
}

impl App {
    /// Lets a request in: waits, or rejects one that meets another.
    pub(super) async fn admit(&self, call: &Call, project: &Shared) -> Result<Admission, Refusal> {
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
        if !writes || self.config.meetings.is_empty() {
            return Ok(Admission { guard: None, gate });
        }
        let guard = InFlightGuard::new(call, project);
        for meeting in &self.config.meetings {
            while guard.meets(meeting.meets) {
                if let Met::Rejected(code, message) = meeting.then {
                    return Err(Refusal::new(StatusCode::CONFLICT, code, message));
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        tokio::time::sleep(WORK).await;
        Ok(Admission { guard: Some(guard), gate })
    }

    /// Lets time pass.
    pub(super) async fn wait(&self, waits: &[super::Wait], call: &Call, project: &Shared) {
        for wait in waits {
            let time = wait(call.operation, project.lock().requests);
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
        }
    }
}
