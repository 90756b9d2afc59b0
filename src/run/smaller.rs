//! What generated cases found is made small, once for each fault.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::case_script::CaseScript;
use super::drive::Played;
use super::shrink::{FailingStep, Shrinkable, shrink, shrink_by_both};
use crate::exchange::Traffic;
use crate::finding::{CaseResult, Failure, Reduction};
use crate::offerings::input::Input;
use crate::offerings::sequence::Watch;

/// The most requests that making one finding smaller may take.
pub(super) const MAX_REQUESTS: u64 = 1_880;

/// The most requests that making findings smaller may take in a run: a server that is wrong everywhere is not told
/// any better for more.
pub(super) const MAX_TOTAL_REQUESTS: u64 = 20 * MAX_REQUESTS;

/// Attempts that shrinking makes are numbered from here, apart from those that confirm.
const FIRST_ATTEMPT: u32 = 10;

/// Makes the first case of each fault smaller: `play` plays something in place of what a case played, for the given
/// attempt, in the state in which every other attempt finds the project; `script` says what a case plays. The others of
/// the same fault stay as they are: they are only counted. Only what is `worth` it is made smaller.
pub(super) async fn make_smaller<P, F>(
    played: &mut Played,
    traffic: &Traffic,
    worth: impl Fn(&Failure) -> bool,
    script: impl Fn(usize) -> CaseScript,
    play: P,
) where
    P: Fn(usize, CaseScript, Watch, u32) -> F,
    F: Future<Output = CaseResult>,
{
    let mut done: BTreeSet<String> = BTreeSet::new();
    let begun = traffic.requests();
    // Counted through, so that no two attempts find the names of each other taken.
    let attempt = AtomicU32::new(FIRST_ATTEMPT);
    for result in &mut played.cases {
        let case = result.place;
        for failure in &mut result.failures {
            let is_row = !failure.evidence.steps.is_empty();
            if !is_row || !worth(failure) || !done.insert(failure.fingerprint()) {
                continue;
            }
            let before = traffic.requests();
            let has_budget = |_| {
                let now = traffic.requests();
                now - before < MAX_REQUESTS && now - begun < MAX_TOTAL_REQUESTS
            };
            let sought = failure.clone();
            let once = |script: CaseScript, watch: Watch| {
                let playing = play(case, script, watch, attempt.fetch_add(1, Ordering::Relaxed));
                let sought = &sought;
                async move { find(playing.await, sought) }
            };
            let steps = failure.evidence.steps.clone();
            let Some((mut found, was)) = reduce(&script(case), &steps, has_budget, once).await else { continue };
            let is_smaller = found.evidence.steps.end < steps.end || was.is_some();
            let reduction = Reduction { from: steps.end, requests: traffic.requests() - before, was };
            found.evidence.reduction = is_smaller.then_some(reduction);
            found.evidence.confirmation = failure.evidence.confirmation;
            found.evidence.repeats = failure.evidence.repeats;
            *failure = found;
        }
    }
}

/// Makes smaller what fails in `span` of a script: what is left fails like this, and so was the request that was made
/// simpler.
async fn reduce<P, F>(
    script: &CaseScript,
    span: &Range<usize>,
    has_budget: impl Fn(usize) -> bool,
    play: P,
) -> Option<(Failure, Option<String>)>
where
    P: Fn(CaseScript, Watch) -> F,
    F: Future<Output = Option<Failure>>,
{
    match script {
        // A race was made small where it was tried.
        CaseScript::Whole | CaseScript::Race(_) => None,
        CaseScript::Steps(steps) => {
            let playing = |steps: Vec<_>, watch| play(CaseScript::Steps(steps.into()), watch);
            let Small { found, .. } = smaller(steps, span, Looks::MayBeFew, has_budget, playing).await?;
            Some((found, None))
        }
        CaseScript::Inputs(inputs) => {
            let playing = |list, watch| play(CaseScript::Inputs(Arc::new(inputs.with(list))), watch);
            let Small { steps, found } = smaller(&inputs.list, span, Looks::AreFixed, has_budget, playing).await?;
            // Only what was drawn is made simpler; a limit is shown as it is.
            let is_another = |was: &&Input| steps.last().is_some_and(|now| now.recipe != was.recipe);
            let was = inputs.list.get(span.end - 1).filter(is_another).map(Input::sketch);
            Some((found, was))
        }
    }
}

/// What is left, and what it showed when it was played once more.
struct Small<S> {
    steps: Vec<S>,
    found: Failure,
}

/// Whether something can be played at less cost, by looking at the project less often.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    MayBeFew,
    AreFixed,
}

/// Makes smaller what fails in `span`; `None` when it does not show again.
async fn smaller<S, P, F>(
    steps: &[S],
    span: &Range<usize>,
    looks: Looks,
    has_budget: impl Fn(usize) -> bool,
    play: P,
) -> Option<Small<S>>
where
    S: Shrinkable,
    P: Fn(Vec<S>, Watch) -> F,
    F: Future<Output = Option<Failure>>,
{
    let (mut candidate, mut at) = (steps.to_vec(), span.end - 1);
    if span.start > 0 && has_budget(0) {
        // What can have to do with it is mostly enough.
        let alone = steps.get(span.clone()).unwrap_or_default().to_vec();
        if let Some(shown) = play(alone.clone(), Watch::EveryStep).await {
            (candidate, at) = (alone, last_step(&shown));
        }
    }
    let first = FailingStep { at, way: () };
    let tried = |watch| {
        let play = &play;
        move |steps| {
            let tried = play(steps, watch);
            async move { tried.await.map(|shown| FailingStep { at: last_step(&shown), way: () }) }
        }
    };
    let (cheap, thorough) = (tried(Watch::LastStep), tried(Watch::EveryStep));
    let small = match looks {
        Looks::MayBeFew => shrink_by_both(candidate, &first, has_budget, cheap, thorough).await,
        Looks::AreFixed => shrink(candidate, &first, has_budget, thorough).await,
    };
    // Once more for the trace; a fault that does not show now keeps the one that it had.
    let found = play(small.steps.clone(), Watch::EveryStep).await?;
    Some(Small { steps: small.steps, found })
}

/// The failure that is like the one that is sought, where it showed at a step.
fn find(result: CaseResult, sought: &Failure) -> Option<Failure> {
    result.failures.into_iter().find(|failure| failure.is_like(sought) && !failure.evidence.steps.is_empty())
}

/// The step at which a failure showed, from 0.
fn last_step(failure: &Failure) -> usize {
    failure.evidence.steps.end.saturating_sub(1)
}
