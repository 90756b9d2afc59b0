//! Right ways to work on several requests at once: slowly, out of order, or one at the other's expense.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedMutexGuard;

use super::{App, View};
use crate::reference::answer::{Answer, Refusal};
use crate::reference::behaviour::Behaviour;
use crate::reference::call::{Call, Operation};
use crate::reference::crowd::Turn;
use crate::reference::store::Shared;

/// How long a write takes where it takes any time.
const WORK: Duration = Duration::from_millis(2);

/// A request that was let in; dropped when it is over.
#[derive(Debug, Default)]
pub(super) struct Admission {
    #[expect(dead_code, reason = "held until it is dropped")]
    turn: Option<Turn>,
    #[expect(dead_code, reason = "held until it is dropped")]
    gate: Option<OwnedMutexGuard<()>>,
}

impl App {
    /// Lets a request in: waits, or refuses one that meets another.
    pub(super) async fn admit(&self, call: &Call, project: &Shared) -> Result<Admission, Refusal> {
        let behaves = |behaviour| self.switches.behaves(behaviour);
        if behaves(Behaviour::UnevenPace) {
            tokio::time::sleep(uneven(project)).await;
        }
        let writes = !matches!(call.operation, Operation::List | Operation::Get);
        let waits = behaves(Behaviour::OneRequestAtATime)
            || writes && behaves(Behaviour::OneWriteAtATime)
            || call.operation == Operation::SetMain && behaves(Behaviour::PromotionsWait);
        let mut gate = None;
        if waits {
            let shared = project.lock().crowd.gate.clone();
            gate = Some(shared.lock_owned().await);
            if writes {
                tokio::time::sleep(WORK).await;
            }
        }
        if !writes {
            return Ok(Admission { turn: None, gate });
        }
        let meeting = [
            Behaviour::SecondWriter409,
            Behaviour::SecondWriterOfOffering409,
            Behaviour::KeyInFlight409,
            Behaviour::KeyInFlightWaits,
            Behaviour::ReservedIds,
            Behaviour::WritesOfOfferingWait,
            Behaviour::SecondPromotion409,
            Behaviour::SecondDelete409,
        ];
        if !meeting.into_iter().any(behaves) {
            return Ok(Admission { turn: None, gate });
        }
        let turn = Turn::begin(call, project);
        self.meet(call, &turn).await?;
        tokio::time::sleep(WORK).await;
        Ok(Admission { turn: Some(turn), gate })
    }

    /// What happens to a write that finds another under way.
    async fn meet(&self, call: &Call, turn: &Turn) -> Result<(), Refusal> {
        let behaves = |behaviour| self.switches.behaves(behaviour);
        let conflict = |code, message| Err(Refusal::new(StatusCode::CONFLICT, code, message));
        let creating = call.operation == Operation::Create;
        let same_key = || turn.meets(|other| other.operation == call.operation && other.key == turn.key);
        if creating && turn.key.is_some() && behaves(Behaviour::KeyInFlight409) && same_key() {
            return conflict("idempotency_in_flight", "A request with this idempotency key is in flight.");
        }
        while creating && turn.key.is_some() && behaves(Behaviour::KeyInFlightWaits) && same_key() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let same_id = || turn.meets(|other| other.id == turn.id);
        while behaves(Behaviour::WritesOfOfferingWait) && same_id() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let again = |operation| call.operation == operation && turn.meets(|other| other.operation == operation);
        let deleting = || turn.meets(|other| other.operation == Operation::Delete && other.id == turn.id);
        if behaves(Behaviour::SecondWriter409) && turn.meets(|_| true)
            || behaves(Behaviour::SecondWriterOfOffering409) && same_id()
            || behaves(Behaviour::SecondPromotion409) && again(Operation::SetMain)
            || behaves(Behaviour::SecondDelete409) && call.operation == Operation::Delete && deleting()
        {
            return conflict("concurrent_write", "Another write is under way; try again.");
        }
        let reserved = || turn.meets(|other| other.operation == Operation::Create && other.id == turn.id);
        if creating && behaves(Behaviour::ReservedIds) && reserved() {
            let message = "An offering with this id already exists in this project.";
            return conflict("offering_already_exists", message);
        }
        Ok(())
    }

    /// Lets time pass between a step and its answer.
    pub(super) async fn linger(
        &self,
        call: &Call,
        project: &Shared,
        result: Result<Answer, Refusal>,
    ) -> Result<Answer, Refusal> {
        let behaves = |behaviour| self.switches.behaves(behaviour);
        let reads = matches!(call.operation, Operation::List | Operation::Get);
        if behaves(if reads { Behaviour::LateReads } else { Behaviour::LateAnswers }) {
            tokio::time::sleep(uneven(project)).await;
        }
        if call.operation != Operation::Update || !behaves(Behaviour::UpdateReadsAgain) {
            return result;
        }
        let mut answer = result?;
        tokio::time::sleep(WORK).await;
        let project = project.lock();
        let row = call.id().ok().and_then(|id| project.position(&id)).map(|index| &project.offerings[index]);
        if let Some(row) = row {
            answer.body = Some(View { config: &self.config, operation: call.operation }.offering(row));
        }
        Ok(answer)
    }
}

/// 0 to 5 ms: another time for each request.
fn uneven(project: &Shared) -> Duration {
    Duration::from_millis(project.lock().requests.wrapping_mul(7) % 6)
}
