//! Inputs as a case.

use super::inputs::Inputs;
use crate::finding::{CaseResult, Constraints};
use crate::lane::Lane;
use crate::offerings::{Naming, Stage};

impl Inputs {
    /// Plays them on a lane.
    pub async fn play_case(&self, lane: Lane, naming: Naming) -> CaseResult {
        let mut constraints = Constraints::of(self);
        let mut result = match Stage::open(lane, naming).await {
            Ok(mut stage) => {
                let flow = self.play(&mut stage, &mut constraints).await;
                stage.close(flow).await
            }
            Err(result) => result,
        };
        result.attribute(&(0..self.list.len().max(1)));
        CaseResult { constraints, ..result }
    }
}
