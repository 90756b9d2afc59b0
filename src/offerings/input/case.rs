//! Inputs as a case: what was found, and which of them found it.

use super::coverage::Coverage;
use super::inputs::Inputs;
use crate::lane::Lane;
use crate::offerings::{CaseReport, Naming, Stage};
use std::ops::RangeInclusive;

/// Inputs that were played.
#[derive(Debug, Default)]
pub struct Played {
    /// What was found.
    pub report: CaseReport,
    /// For each failure of the record: from which to which of the inputs, by their places in the list, it can have been
    /// caused; it showed at the last of them.
    pub spans: Vec<RangeInclusive<usize>>,
    /// What was tried.
    pub coverage: Coverage,
}

impl Inputs {
    /// Plays them on a lane.
    pub async fn play_case(&self, lane: Lane, naming: Naming) -> Played {
        let mut coverage = Coverage::of(self);
        let mut stage = match Stage::open(lane, naming).await {
            Ok(stage) => stage,
            Err(report) => {
                let spans = vec![0..=0; report.record.failures.len()];
                return Played { report, spans, coverage };
            }
        };
        let mut spans = vec![0..=0; stage.record().failures.len()];
        let flow = self.play_noting(&mut stage, &mut coverage, &mut spans).await;
        let report = stage.close(flow).await;
        spans.resize(report.record.failures.len(), 0..=self.list.len().saturating_sub(1));
        Played { report, spans, coverage }
    }
}
