//! Minimizes the findings of generated cases, once for each fingerprint.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::case_script::CaseScript;
use super::drive::CaseResults;
use super::shrink::{FailingStep, Shrinkable, shrink, shrink_by_both};
use crate::exchange::Traffic;
use crate::finding::{CaseResult, Failure, Reduction, Severity};
use crate::offerings::input::Input;
use crate::offerings::sequence::SnapshotPolicy;

/// Most requests to minimize one finding.
pub(super) const MAX_REQUESTS: u64 = 1_880;

/// Most requests to minimize all findings of a run; for a server with many defects more would not improve the report.
pub(super) const MAX_TOTAL_REQUESTS: u64 = 20 * MAX_REQUESTS;

/// Number of the first attempt that minimizes; lower numbers are for attempts that confirm.
const FIRST_ATTEMPT: u32 = 10;

/// Least time for minimizing, if the limit of the run allows it: short runs may take longer than twice their time.
const MIN_TIME: Duration = Duration::from_secs(5);

/// The time for minimizing after the cases of a run took `cases`: at most as much again.
pub(super) fn time_limit(left: Duration, cases: Duration) -> Duration {
    left.min(cases.max(MIN_TIME))
}

/// Minimizes the first failure of each fingerprint that has a severity, the most severe first and those of a cleanup last;
/// the others are only counted. After `limit` the failures stay as they are.
/// `script` returns the contents of a case. `run` runs other contents in its place, with the number of the attempt, on
/// a project in the same initial state.
pub(super) async fn minimize_findings<P, F>(
    results: &mut CaseResults,
    traffic: &Traffic,
    limit: Duration,
    severity: impl Fn(&Failure) -> Option<Severity>,
    script: impl Fn(usize) -> CaseScript,
    run: P,
) where
    P: Fn(usize, CaseScript, SnapshotPolicy, u32) -> F,
    F: Future<Output = CaseResult>,
{
    let mut done: BTreeSet<String> = BTreeSet::new();
    let begun = traffic.requests();
    // One counter for all cases, so that attempts never share ids.
    let attempts = AtomicU32::new(FIRST_ATTEMPT);
    let next_attempt = || attempts.fetch_add(1, Ordering::Relaxed);
    let deadline = Instant::now() + limit;
    let failures = results.cases.iter_mut().flat_map(|result| {
        let case = result.place;
        result.failures.iter_mut().map(move |failure| (case, failure))
    });
    let mut ranked: Vec<_> = failures.filter_map(|(case, failure)| Some((severity(failure)?, case, failure))).collect();
    // A failure of the cleanup comes and goes.
    ranked.sort_by_key(|(severity, _, failure)| (failure.evidence.is_of_cleanup, *severity));
    let minimizing = async {
        for (_, case, failure) in ranked {
            let has_steps = !failure.evidence.steps.is_empty();
            if !has_steps || !done.insert(failure.fingerprint()) {
                continue;
            }
            let before = traffic.requests();
            let has_budget = |_| {
                let now = traffic.requests();
                now - before < MAX_REQUESTS && now - begun < MAX_TOTAL_REQUESTS && Instant::now() < deadline
            };
            let original = failure.clone();
            // Twice in a row: a server may fail once because of what an earlier attempt did.
            let run_twice = |script: CaseScript, watch: SnapshotPolicy| {
                let again = script.clone();
                let (first, second) = (next_attempt(), next_attempt());
                let (run, original) = (&run, &original);
                async move {
                    find(run(case, script, watch, first).await, original)?;
                    find(run(case, again, watch, second).await, original)
                }
            };
            let steps = failure.evidence.steps.clone();
            let Some((mut found, was)) = reduce(&script(case), &steps, has_budget, run_twice).await else { continue };
            let is_smaller = found.evidence.steps.end < steps.end || was.is_some();
            let reduction = Reduction { from: steps.end, requests: traffic.requests() - before, was };
            found.evidence.reduction = is_smaller.then_some(reduction);
            found.evidence.confirmation = failure.evidence.confirmation;
            found.evidence.repeats = failure.evidence.repeats;
            found.evidence.is_outdated = failure.evidence.is_outdated;
            *failure = found;
        }
    };
    // The run that is interrupted stays in the journal, so that cleaning up removes what it created.
    let _ = tokio::time::timeout_at(deadline.into(), minimizing).await;
}

/// Minimizes the steps in `span` of a script. Returns the failure of the minimal script, and the original request if it
/// was simplified.
async fn reduce<P, F>(
    script: &CaseScript,
    span: &Range<usize>,
    has_budget: impl Fn(usize) -> bool,
    run: P,
) -> Option<(Failure, Option<String>)>
where
    P: Fn(CaseScript, SnapshotPolicy) -> F,
    F: Future<Output = Option<Failure>>,
{
    match script {
        // The race runner has minimized races.
        CaseScript::Whole | CaseScript::Race(_) => None,
        CaseScript::Steps(steps) => {
            let run = |steps: Vec<_>, watch| run(CaseScript::Steps(steps.into()), watch);
            let Minimized { found, .. } = minimize(steps, span, Snapshots::Optional, has_budget, run).await?;
            Some((found, None))
        }
        CaseScript::Inputs(inputs) => {
            let run = |list, watch| run(CaseScript::Inputs(Arc::new(inputs.with(list))), watch);
            let Minimized { steps, found } = minimize(&inputs.list, span, Snapshots::Fixed, has_budget, run).await?;
            // Only generated requests are simplified; those at a limit stay unchanged.
            let is_another = |was: &&Input| steps.last().is_some_and(|now| now.template != was.template);
            let was = inputs.list.get(span.end - 1).filter(is_another).map(Input::sketch);
            Some((found, was))
        }
    }
}

/// The minimal steps, and the failure of their last run.
struct Minimized<S> {
    steps: Vec<S>,
    found: Failure,
}

/// Whether the project must be read after every step, or attempts may save requests by reading it at the end only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Snapshots {
    Optional,
    Fixed,
}

/// Minimizes the steps in `span`; `None` when they do not fail again.
async fn minimize<S, P, F>(
    steps: &[S],
    span: &Range<usize>,
    snapshots: Snapshots,
    has_budget: impl Fn(usize) -> bool,
    run: P,
) -> Option<Minimized<S>>
where
    S: Shrinkable,
    P: Fn(Vec<S>, SnapshotPolicy) -> F,
    F: Future<Output = Option<Failure>>,
{
    let (mut candidate, mut at) = (steps.to_vec(), span.end - 1);
    if span.start > 0 && has_budget(0) {
        // The steps in the span alone are usually enough.
        let alone = steps.get(span.clone()).unwrap_or_default().to_vec();
        if let Some(failure) = run(alone.clone(), SnapshotPolicy::EveryStep).await {
            (candidate, at) = (alone, last_step(&failure));
        }
    }
    let first = FailingStep { at, way: () };
    let attempt = |watch| {
        let run = &run;
        move |steps| {
            let running = run(steps, watch);
            async move { running.await.map(|failure| FailingStep { at: last_step(&failure), way: () }) }
        }
    };
    let (cheap, thorough) = (attempt(SnapshotPolicy::LastStep), attempt(SnapshotPolicy::EveryStep));
    let shrunk = match snapshots {
        Snapshots::Optional => shrink_by_both(candidate, &first, has_budget, cheap, thorough).await,
        Snapshots::Fixed => shrink(candidate, &first, has_budget, thorough).await,
    };
    // Once more for the trace; if it passes now, the original failure is unchanged.
    let found = run(shrunk.steps.clone(), SnapshotPolicy::EveryStep).await?;
    Some(Minimized { steps: shrunk.steps, found })
}

/// The failure of a step that is like the original one. An empty list that the original did not send does not count:
/// its wrong effect has several causes. Nor does the cleanup of the case, whose concurrent deletes fail in any order.
fn find(result: CaseResult, original: &Failure) -> Option<Failure> {
    result.failures.into_iter().find(|failure| {
        let is_as_clear = original.sends_empty_list() || !failure.sends_empty_list();
        let is_of_step = original.evidence.is_of_cleanup || !failure.evidence.is_of_cleanup;
        failure.is_like(original) && !failure.evidence.steps.is_empty() && is_as_clear && is_of_step
    })
}

/// Index of the step that failed.
fn last_step(failure: &Failure) -> usize {
    failure.evidence.steps.end.saturating_sub(1)
}
