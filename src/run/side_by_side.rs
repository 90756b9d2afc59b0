//! Runs cases at the same time in one project.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::ops::Range;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::finding::{Abort, CaseResult, Confirmation, Ending, Failure};

/// Runs cases of these places in the plan, at most `jobs` at once. The first that does not pass is the last to start, for
/// the others could be disturbed by what a faulty server did. `ended` receives the place and the result of each.
/// Returns why the run ends, if `stop` completed: then the cases that run are dropped.
pub(super) async fn run_side_by_side<F, Fut>(
    places: Range<usize>,
    jobs: NonZeroUsize,
    run: F,
    stop: impl Future<Output = Ending>,
    mut ended: impl FnMut(usize, CaseResult),
) -> Option<Ending>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = CaseResult>,
{
    let mut stop = std::pin::pin!(stop);
    let (mut waiting, mut has_failed) = (places, false);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < jobs.get() && !has_failed {
            let Some(place) = waiting.next() else { break };
            let case = run(place);
            running.push(async move { (place, case.await) });
        }
        let next = tokio::select! {
            next = running.next() => next,
            ending = &mut stop => return Some(ending),
        };
        let (place, result) = next?;
        has_failed |= !passed(&result);
        ended(place, result);
    }
}

/// Whether the result of a case that ran beside others counts. Otherwise the case runs again alone.
pub(super) fn passed(result: &CaseResult) -> bool {
    let is_complete = matches!(result.abort, None | Some(Abort::Missing(_) | Abort::NotApplicable(_)));
    is_complete && result.failures.is_empty() && !result.is_disturbed()
}

/// The failures of a case that it showed before, while it sent requests at once, but not any more when it sends them one
/// after another. None if a valid write was rejected with 409: a correct server may reject all but one of several concurrent
/// writes, and the other failures may follow from that.
pub(super) fn only_before(now: &mut CaseResult, before: CaseResult) -> Vec<Failure> {
    // A fixture that the first run used up makes a rule less strict in later runs.
    for failure in &mut now.failures {
        if let Some(first) = before.failures.iter().find(|first| first.is_like(failure)) {
            failure.level = first.level;
        }
    }
    let is_conflict = |failure: &Failure| failure.at.response.status == 409;
    let is_decided = !now.failures.is_empty() || now.abort.is_some() || before.failures.iter().any(is_conflict);
    let mut failures = if is_decided { Vec::new() } else { before.failures };
    for failure in &mut failures {
        failure.evidence.confirmation = Confirmation::Intermittent;
    }
    failures
}

/// The prefixes of cases that can run at the same time, by their places: none is the beginning of another.
pub(super) fn distinct(prefixes: impl Iterator<Item = (usize, String)>) -> BTreeMap<usize, String> {
    let mut distinct: BTreeMap<usize, String> = BTreeMap::new();
    for (place, prefix) in prefixes {
        let is_nested = |other: &String| other.starts_with(&prefix) || prefix.starts_with(other.as_str());
        if !distinct.values().any(is_nested) {
            distinct.insert(place, prefix);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;
    use crate::contract::{Endpoint, Level};
    use crate::exchange::{Exchange, Request, Response};
    use crate::finding::{ConditionScope, Evidence};

    fn failed() -> CaseResult {
        CaseResult { abort: Some(Abort::Blocked("no list".into())), ..CaseResult::default() }
    }

    async fn places_of(failing: Option<usize>) -> (Vec<usize>, usize) {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut places = Vec::new();
        let run = |place| {
            let (running, most) = (&running, &most);
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::Relaxed);
                if Some(place) == failing { failed() } else { CaseResult::default() }
            }
        };
        let jobs = NonZeroUsize::new(3).expect("not zero");
        let ending = run_side_by_side(2..12, jobs, run, std::future::pending(), |place, _| places.push(place)).await;
        assert_eq!(ending, None);
        places.sort_unstable();
        (places, most.into_inner())
    }

    #[tokio::test]
    async fn cases_run_side_by_side_until_one_fails() {
        assert_eq!(places_of(None).await, ((2..12).collect(), 3));
        let (places, _) = places_of(Some(3)).await;
        assert!(places.contains(&3) && places.len() < 7, "{places:?}");
    }

    #[tokio::test]
    async fn a_stop_drops_the_cases_that_run() {
        let never = |_| std::future::pending();
        let stop = std::future::ready(Ending::Interrupted);
        let ending = run_side_by_side(0..4, NonZeroUsize::MIN, never, stop, |_, _| {}).await;
        assert_eq!(ending, Some(Ending::Interrupted));
    }

    fn with_failure(status: u16, level: Option<Level>) -> CaseResult {
        let at = Arc::new(Exchange {
            request: Request::to(Endpoint::Create),
            response: Response::new(status, http::HeaderMap::new(), bytes::Bytes::new()),
            started: Instant::now(),
            ended: Instant::now(),
        });
        let failure = Failure {
            rule: "create.first-is-main",
            condition: "create.first-is-main/tag".into(),
            difference: "".into(),
            title: "it differs".into(),
            expected: "one thing".into(),
            received: "another".into(),
            operation: at.request.operation.clone(),
            scope: ConditionScope::Operation,
            level,
            also: Vec::new(),
            trace: Vec::new(),
            at,
            evidence: Evidence::default(),
        };
        CaseResult { failures: vec![failure], ..CaseResult::default() }
    }

    #[test]
    fn what_only_the_first_run_showed_is_intermittent() {
        let kept = only_before(&mut CaseResult::default(), with_failure(201, None));
        assert_eq!(kept.iter().map(|one| one.evidence.confirmation).collect::<Vec<_>>(), [Confirmation::Intermittent]);
        // A correct server may reject all but one of several concurrent writes.
        assert!(only_before(&mut CaseResult::default(), with_failure(409, None)).is_empty());
        let mut aborted = CaseResult { abort: Some(Abort::Blocked("no list".into())), ..CaseResult::default() };
        assert!(only_before(&mut aborted, with_failure(201, None)).is_empty());
    }

    #[test]
    fn a_failure_of_both_runs_keeps_its_first_level() {
        let mut now = with_failure(201, Some(Level::Should));
        assert!(only_before(&mut now, with_failure(201, None)).is_empty());
        assert_eq!(now.failures[0].level, None);
    }

    #[test]
    fn nested_prefixes_do_not_run_at_the_same_time() {
        let prefixes = ["a-b-c-", "a-b-", "a-d-", "a-d-"].map(str::to_owned).into_iter().enumerate();
        assert_eq!(distinct(prefixes).into_keys().collect::<Vec<_>>(), [0, 2]);
    }
}
