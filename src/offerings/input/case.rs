//! The inputs of one operation as a case.

use super::inputs::Inputs;
use crate::finding::{CaseResult, Constraints};
use crate::offerings::{Context, Naming};
use crate::project::Project;

impl Inputs {
    /// Runs all inputs as one case on a project.
    pub async fn run_case(&self, project: Project, naming: Naming) -> CaseResult {
        let mut constraints = Constraints::of(self);
        let mut result = match Context::open(project, naming).await {
            Ok(mut cx) => {
                let result = self.run(&mut cx, &mut constraints).await;
                cx.close(result).await
            }
            Err(result) => result,
        };
        result.attribute(&(0..self.list.len().max(1)));
        CaseResult { constraints, ..result }
    }
}
