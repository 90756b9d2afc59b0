//! Inputs as a case.

use super::inputs::Inputs;
use crate::finding::{CaseResult, Constraints};
use crate::lane::Lane;
use crate::offerings::{Context, Naming};

impl Inputs {
    /// Runs them on a lane.
    pub async fn run_case(&self, lane: Lane, naming: Naming) -> CaseResult {
        let mut constraints = Constraints::of(self);
        let mut result = match Context::open(lane, naming).await {
            Ok(mut cx) => {
                let flow = self.run(&mut cx, &mut constraints).await;
                cx.close(flow).await
            }
            Err(result) => result,
        };
        result.attribute(&(0..self.list.len().max(1)));
        CaseResult { constraints, ..result }
    }
}
