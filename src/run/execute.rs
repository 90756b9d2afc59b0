//! Runs one case once.

use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use super::case_script::{CaseScript, inputs_of};
use super::effort::Effort;
use super::settings::{Confirm, Settings};
use crate::contract::Endpoint;
use crate::finding::CaseResult;
use crate::offerings::input::Inputs;
use crate::offerings::race::{Mode, RaceBudget};
use crate::offerings::sequence::{self, SnapshotPolicy};
use crate::offerings::{Context, Naming};
use crate::project::Project;

/// Runs a case once on a project. `attempt` counts from 0 and makes the ids unique.
pub async fn run_case_once(case: &Case, project: Project, settings: &Settings, attempt: u32) -> CaseResult {
    let naming = settings.naming(&case.slug(), attempt);
    let project = project.for_case(&case.name());
    let Case::Scenario(scenario) = case else {
        let script = match case {
            Case::Inputs(endpoint) => CaseScript::Inputs(Arc::new(generate(*endpoint, &project, settings).await)),
            Case::Other(other) => {
                let (operation, seed, cases) = (Arc::clone(other), settings.seed, settings.inputs);
                // A large schema takes its time, during which the run can end.
                let generated = tokio::task::spawn_blocking(move || Inputs::of_other(&operation, seed, cases)).await;
                let inputs = generated.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                let script = CaseScript::Inputs(Arc::new(inputs));
                let result = run_script(&script, project, naming, SnapshotPolicy::EveryStep).await;
                other.release();
                return result;
            }
            _ => CaseScript::of(case, &project, settings),
        };
        return run_script(&script, project, naming, SnapshotPolicy::EveryStep).await;
    };
    match Context::open(project, naming).await {
        Ok(mut cx) => {
            let result = scenario.run(&mut cx).await;
            cx.close(result).await
        }
        Err(result) => result,
    }
}

/// Number of inputs that are generated before other tasks may run.
const BATCH: u64 = 128;

/// Generates the inputs of an operation and yields between batches, so that a run can end meanwhile.
async fn generate(endpoint: Endpoint, project: &Project, settings: &Settings) -> Inputs {
    let mut begin = settings.inputs.min(BATCH);
    let mut inputs = inputs_of(project, endpoint, settings, begin);
    while begin < settings.inputs {
        tokio::task::yield_now().await;
        let end = settings.inputs.min(begin.saturating_add(BATCH));
        inputs.extend(project.judge.contract(), endpoint, &project.fixtures, settings.seed, begin..end);
        begin = end;
    }
    inputs
}

/// Runs steps or inputs once. `watch` defines when the project is read besides the steps. For races use [`run_race`].
pub(super) async fn run_script(
    script: &CaseScript,
    project: Project,
    naming: Naming,
    watch: SnapshotPolicy,
) -> CaseResult {
    let mut result = match script {
        CaseScript::Whole | CaseScript::Race(_) => return CaseResult::default(),
        CaseScript::Steps(steps) => sequence::run_with_snapshots(project, naming, steps, watch).await,
        CaseScript::Inputs(inputs) => inputs.run_case(project, naming).await,
    };
    for failure in &mut result.failures {
        let saved = script.saved(&failure.evidence.steps);
        failure.evidence.script = saved.and_then(|saved| serde_json::to_value(saved).ok());
    }
    result
}

/// Time limit of a race on the embedded server, which responds at once.
const EMBEDDED_LIMIT: Duration = Duration::from_secs(10);

/// Time limit of a race on an external target: there are twenty races, and the target may respond slowly.
const EXTERNAL_LIMIT: Duration = Duration::from_secs(5);

/// Runs a race in many attempts; the race runner itself minimizes and confirms it. `number` makes its ids unique. `None`
/// for a case of another kind.
pub(super) async fn run_race(case: &Case, number: u32, project: Project, settings: &Settings) -> Option<CaseResult> {
    let race = case.race()?;
    let project = project.for_case(&race.case_name());
    let clients = RaceBudget::default().clients;
    let (clients, limit) = if project.is_disposable {
        (clients, EMBEDDED_LIMIT)
    } else {
        (settings.project_jobs.get().clamp(2, clients), EXTERNAL_LIMIT)
    };
    let mode = if settings.confirmation == Confirm::Always { Mode::Explain } else { Mode::Detect };
    // An anomaly that a few attempts do not show again must not look mended.
    let least = if case.is_reproduction() { Effort::Thorough.race_attempts() } else { 1 };
    let budget = RaceBudget { attempts: settings.race_attempts.max(least), limit, clients, mode };
    Some(race.run(project, settings.naming(&case.slug(), number), settings.seed, &budget).await)
}
