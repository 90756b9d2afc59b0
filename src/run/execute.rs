//! One case, played once.

use super::plan::Planned;
use crate::finding::Record;
use crate::lane::{Halt, Lane};
use crate::offerings::{CaseReport, Naming, Stage};

/// A case after it was played, and played again where it found something.
#[derive(Debug, Default)]
pub struct CaseOutcome {
    /// What was found; breaches that somebody else could have caused are not among them.
    pub record: Record,
    /// For each breach of the record: how a second run of the case confirmed it.
    pub confirmations: Vec<crate::finding::Confirmation>,
    /// Why it ended early, if it did.
    pub halt: Option<Halt>,
}

/// Plays a case once on a lane, for the `attempt`-th time, counted from 0.
pub async fn play_case(case: Planned, lane: Lane, seed: u64, attempt: u32) -> CaseReport {
    let naming = Naming::new(seed, case.scenario.rule, attempt);
    let mut stage = match Stage::open(lane, naming).await {
        Ok(stage) => stage,
        Err(report) => return report,
    };
    let flow = case.scenario.play(&mut stage).await;
    stage.close(flow).await
}
