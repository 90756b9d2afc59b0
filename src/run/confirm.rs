//! Confirms failures by running their case again. A deviation that another client may have caused is no failure.

use std::future::Future;
use std::time::Duration;

use super::settings::Confirm;
use crate::contract::Catalogue;
use crate::finding::{Abort, CaseResult, Confirmation, Failure};

/// Most attempts of a case while another client keeps changing the project.
const MAX_ATTEMPTS: u32 = 3;

/// Most further attempts of a case after a lost response to a write.
const MAX_LOST: u32 = 3;

/// Most runs of a case.
pub(super) const MAX_RUNS: u32 = MAX_ATTEMPTS + MAX_LOST;

/// The waits before each round of the cases that another client disturbed: it may have ended meanwhile.
pub(super) const ROUNDS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// Runs a case by `run`, which receives the number of the attempt, and runs it again if it found a failure.
pub(super) async fn run_confirmed<F, Fut>(confirm: Confirm, rules: &Catalogue, run: F) -> CaseResult
where
    F: Fn(u32) -> Fut,
    Fut: Future<Output = CaseResult>,
{
    let mut result = run(0).await;
    let mut attempt = 1;
    let is_lost =
        |result: &CaseResult| result.failures.is_empty() && result.abort.as_ref().is_some_and(Abort::is_lost_response);
    while is_lost(&result) && attempt <= MAX_LOST {
        // The next attempt uses new ids, so the lost write cannot affect it.
        result = run(attempt).await;
        attempt += 1;
    }
    if result.failures.is_empty() || (confirm == Confirm::Never && !result.is_disturbed()) {
        return result;
    }
    let mut again = run(attempt).await;
    let last = attempt + MAX_ATTEMPTS - 2;
    while again.is_disturbed() && attempt < last {
        attempt += 1;
        again = run(attempt).await;
    }
    for mut failure in std::mem::take(&mut result.failures) {
        let alike = again.failures.iter().find(|other| other.is_like(&failure));
        let seen_again = alike.is_some();
        failure.evidence.is_outdated |= alike.is_some_and(|other| other.evidence.is_outdated);
        let foreign_write = result.foreign.first().filter(|_| again.is_disturbed() || !seen_again);
        if let Some(sign) = foreign_write.filter(|_| can_be_disturbed(&failure, rules)) {
            result.undecided.insert(failure.rule, format!("another client changed the project meanwhile: {sign}"));
            continue;
        }
        failure.evidence.confirmation = match &again.abort {
            _ if seen_again => Confirmation::Confirmed,
            Some(_) => Confirmation::NotRetried,
            None => Confirmation::Intermittent,
        };
        result.failures.push(failure);
    }
    result
}

/// As [`run_confirmed`], and in more rounds while another client leaves the case undecided.
pub(super) async fn run_until_decided<F, Fut>(confirm: Confirm, rules: &Catalogue, run: F) -> CaseResult
where
    F: Fn(u32) -> Fut,
    Fut: Future<Output = CaseResult>,
{
    let mut result = run_confirmed(confirm, rules, &run).await;
    for (round, wait) in (1..).zip(ROUNDS) {
        if !result.is_undecided_by_others() {
            break;
        }
        tokio::time::sleep(wait).await;
        result = run_confirmed(confirm, rules, |attempt| run(round * MAX_RUNS + attempt)).await;
    }
    result
}

/// Whether another client that writes to the project may have caused a failure.
fn can_be_disturbed(failure: &Failure, rules: &Catalogue) -> bool {
    let is_moment = || {
        let has_more = failure.at.response.json().and_then(|body| body.get("has_more")?.as_bool());
        has_more == Some(false) && !failure.at.request.path.contains("starting_after=")
    };
    rules.rule(failure.rule).is_some_and(|rule| rule.disturbed && !(rule.one_page && is_moment()))
}
