//! One case, played once.

use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use super::case_script::CaseScript;
use super::settings::{Confirm, Settings};
use crate::contract::Endpoint;
use crate::finding::CaseResult;
use crate::offerings::input::Inputs;
use crate::offerings::race::{Mode, Race, RaceBudget};
use crate::offerings::sequence::{self, Watch};
use crate::offerings::{Context, Naming};
use crate::project::Project;

/// Plays a case once on a project, for the `attempt`-th time, counted from 0.
pub async fn play_case(case: &Case, project: Project, settings: &Settings, attempt: u32) -> CaseResult {
    let naming = settings.naming(&case.mark(), attempt);
    let project = project.for_case(&case.name());
    let Case::Scenario(scenario) = case else {
        let script = match case {
            Case::Inputs(endpoint) => CaseScript::Inputs(Arc::new(generate(*endpoint, &project, settings).await)),
            _ => CaseScript::of(case, &project, settings),
        };
        return play_course(&script, project, naming, Watch::EveryStep).await;
    };
    match Context::open(project, naming).await {
        Ok(mut cx) => {
            let flow = scenario.play(&mut cx).await;
            cx.close(flow).await
        }
        Err(result) => result,
    }
}

/// How many inputs are generated before others go on.
const AT_A_TIME: u64 = 128;

/// The inputs of an operation. A run that ends meanwhile does not wait for all of them.
async fn generate(endpoint: Endpoint, project: &Project, settings: &Settings) -> Inputs {
    let (contract, fixtures, seed) = (project.judge.contract(), &project.fixtures, settings.seed);
    let mut begin = settings.inputs.min(AT_A_TIME);
    let mut inputs = Inputs::of(contract, endpoint, fixtures, seed, begin);
    while begin < settings.inputs {
        tokio::task::yield_now().await;
        let end = settings.inputs.min(begin.saturating_add(AT_A_TIME));
        inputs.extend(contract, endpoint, fixtures, seed, begin..end);
        begin = end;
    }
    inputs
}

/// Plays steps or inputs once. `watch` says when the project is looked at beside the steps. A race has its own way of
/// being tried, [`run_race`].
pub(super) async fn play_course(script: &CaseScript, project: Project, naming: Naming, watch: Watch) -> CaseResult {
    let mut result = match script {
        CaseScript::Whole | CaseScript::Race(_) => return CaseResult::default(),
        CaseScript::Steps(steps) => sequence::run_watching(project, naming, steps, watch).await,
        CaseScript::Inputs(inputs) => inputs.run_case(project, naming).await,
    };
    for failure in &mut result.failures {
        let kept = script.kept(&failure.evidence.steps);
        failure.evidence.script = kept.and_then(|kept| serde_json::to_value(kept).ok());
    }
    result
}

/// How long a race is tried in a project of our own, which returns at once.
const NEAR: Duration = Duration::from_secs(10);

/// How long a race is tried in a project that others use: there are twenty of them, and the target may be far away.
const FAR: Duration = Duration::from_secs(5);

/// Plays a race, which `mark` tells from other cases: it is tried many times, made small and seen again by itself.
pub(super) async fn run_race(race: &Arc<Race>, mark: &str, project: Project, settings: &Settings) -> CaseResult {
    let naming = settings.naming(mark, 0);
    let project = project.for_case(&race.case_name());
    let clients = RaceBudget::default().clients;
    let (clients, limit) =
        if project.is_disposable { (clients, NEAR) } else { (settings.jobs.get().clamp(2, clients), FAR) };
    let mode = if settings.confirmation == Confirm::Always { Mode::Explain } else { Mode::Detect };
    let budget = RaceBudget { races: settings.race_tries, limit, clients, mode };
    race.play(project, naming, settings.seed, &budget).await
}
