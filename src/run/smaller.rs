//! What generated cases found is made small, once for each fault.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::course::Course;
use super::drive::Played;
use super::execute::{Attempt, Facts, Reduction};
use super::shrink::{FailingStep, Shrinkable, shrink, shrink_by_both};
use crate::exchange::Traffic;
use crate::finding::Failure;
use crate::offerings::input::Input;
use crate::offerings::sequence::Watch;

/// The most requests that making one finding smaller may take.
pub(super) const MOST_REQUESTS: u64 = 1_880;

/// The most requests that making findings smaller may take in a run: a server that is wrong everywhere is not told
/// any better for more.
pub(super) const MOST_IN_ALL: u64 = 20 * MOST_REQUESTS;

/// Attempts that shrinking makes are numbered from here, apart from those that confirm.
const FIRST_ATTEMPT: u32 = 10;

/// Makes the first case of each fault smaller: `play` plays something in place of what a case played, for the given
/// attempt, in the state in which every other attempt finds the project. The others of the same fault stay as they are:
/// they are only counted. Only what is `worth` it is made smaller.
pub(super) async fn make_smaller<P, F>(
    played: &mut Played,
    traffic: &Traffic,
    worth: impl Fn(&Failure) -> bool,
    play: P,
) where
    P: Fn(usize, Course, Watch, u32) -> F,
    F: Future<Output = Attempt>,
{
    let mut done: BTreeSet<(&'static str, Option<String>, String)> = BTreeSet::new();
    let begun = traffic.requests();
    // Counted through, so that no two attempts find the names of each other taken.
    let attempt = AtomicU32::new(FIRST_ATTEMPT);
    for (case, outcome, _) in &mut played.cases {
        for (failure, facts) in outcome.record.failures.iter_mut().zip(&mut outcome.facts) {
            let way = (failure.rule, failure.operation.id().map(str::to_owned), failure.title.to_string());
            if matches!(facts.course, Course::Whole | Course::Race(_)) || !worth(failure) || !done.insert(way) {
                continue;
            }
            let before = traffic.requests();
            let has_budget = |_| {
                let now = traffic.requests();
                now - before < MOST_REQUESTS && now - begun < MOST_IN_ALL
            };
            let sought = failure.clone();
            let once = |course: Course, watch: Watch| {
                let playing = play(*case, course, watch, attempt.fetch_add(1, Ordering::Relaxed));
                let sought = &sought;
                async move { find(playing.await, sought) }
            };
            let span = facts.span.clone();
            let Some(reduced) = reduce(&facts.course, &span, has_budget, once).await else { continue };
            let Reduced { course, was, found, last } = reduced;
            let from = span.end() + 1;
            let is_smaller = last + 1 < from || was.is_some();
            let shrunk = Reduction { from, requests: traffic.requests() - before, was };
            *facts = Facts { shrunk: is_smaller.then_some(shrunk), span: 0..=last, course, ..facts.clone() };
            *failure = found;
        }
    }
}

/// A course that was made smaller.
struct Reduced {
    course: Course,
    was: Option<String>,
    found: Failure,
    last: usize,
}

/// Makes smaller what fails in `span` of a course.
async fn reduce<P, F>(
    course: &Course,
    span: &RangeInclusive<usize>,
    has_budget: impl Fn(usize) -> bool,
    play: P,
) -> Option<Reduced>
where
    P: Fn(Course, Watch) -> F,
    F: Future<Output = Option<(Failure, usize)>>,
{
    match course {
        // A race was made small where it was tried.
        Course::Whole | Course::Race(_) => None,
        Course::Steps(steps) => {
            let playing = |steps: Vec<_>, watch| play(Course::Steps(steps.into()), watch);
            let Small { steps, found, last } = smaller(steps, span, Looks::MayBeFew, has_budget, playing).await?;
            Some(Reduced { course: Course::Steps(steps.into()), was: None, found, last })
        }
        Course::Inputs(inputs) => {
            let playing = |list, watch| play(Course::Inputs(Arc::new(inputs.with(list))), watch);
            let Small { steps, found, last } =
                smaller(&inputs.list, span, Looks::AreFixed, has_budget, playing).await?;
            // Only what was drawn is made simpler; a limit is shown as it is.
            let is_another = |was: &&Input| steps.last().is_some_and(|now| now.recipe != was.recipe);
            let was = inputs.list.get(*span.end()).filter(is_another).map(Input::sketch);
            Some(Reduced { course: Course::Inputs(Arc::new(inputs.with(steps))), was, found, last })
        }
    }
}

/// What is left, and what it showed when it was played once more.
struct Small<S> {
    steps: Vec<S>,
    found: Failure,
    last: usize,
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
    span: &RangeInclusive<usize>,
    looks: Looks,
    has_budget: impl Fn(usize) -> bool,
    play: P,
) -> Option<Small<S>>
where
    S: Shrinkable,
    P: Fn(Vec<S>, Watch) -> F,
    F: Future<Output = Option<(Failure, usize)>>,
{
    let (mut candidate, mut at) = (steps.to_vec(), *span.end());
    if *span.start() > 0 && has_budget(0) {
        // What can have to do with it is mostly enough.
        let alone = steps.get(span.clone()).unwrap_or_default().to_vec();
        if let Some((_, shown)) = play(alone.clone(), Watch::EveryStep).await {
            (candidate, at) = (alone, shown);
        }
    }
    let first = FailingStep { at, way: () };
    let tried = |watch| {
        let play = &play;
        move |steps| {
            let tried = play(steps, watch);
            async move { tried.await.map(|(_, at)| FailingStep { at, way: () }) }
        }
    };
    let (cheap, thorough) = (tried(Watch::LastStep), tried(Watch::EveryStep));
    let small = match looks {
        Looks::MayBeFew => shrink_by_both(candidate, &first, has_budget, cheap, thorough).await,
        Looks::AreFixed => shrink(candidate, &first, has_budget, thorough).await,
    };
    // Once more for the story; a fault that does not show now keeps the one that it had.
    let (found, last) = play(small.steps.clone(), Watch::EveryStep).await?;
    Some(Small { steps: small.steps, found, last })
}

/// The failure of the attempt that is like the one that is sought, and where it showed.
fn find(attempt: Attempt, sought: &Failure) -> Option<(Failure, usize)> {
    let mut failures = attempt.report.record.failures.into_iter().zip(attempt.spans);
    failures.find(|(failure, _)| failure.is_like(sought)).map(|(failure, span)| (failure, *span.end()))
}
