//! A failure is confirmed by playing its case again; what another client could have caused is never a failure.

use std::future::Future;

use super::settings::Confirm;
use crate::contract::Catalogue;
use crate::finding::{Abort, CaseResult, Confirmation, Failure};

/// How often a case is played in all while another client keeps changing the project.
const MAX_ATTEMPTS: u32 = 3;

/// How often a case is played again because the response to a write was lost.
const MAX_LOST: u32 = 3;

/// How often a case is played at most.
pub(super) const MAX_PLAYS: u32 = MAX_ATTEMPTS + MAX_LOST;

/// Plays a case by `play` (given the number of the attempt), and again if it found something.
pub(super) async fn play_confirmed<F, Fut>(confirm: Confirm, rules: &Catalogue, play: F) -> CaseResult
where
    F: Fn(u32) -> Fut,
    Fut: Future<Output = CaseResult>,
{
    let mut result = play(0).await;
    let mut attempt = 1;
    let is_lost =
        |result: &CaseResult| result.failures.is_empty() && result.abort.as_ref().is_some_and(Abort::is_lost_response);
    while is_lost(&result) && attempt <= MAX_LOST {
        // The names of the next attempt are fresh: whatever became of the lost write is out of its way.
        result = play(attempt).await;
        attempt += 1;
    }
    if result.failures.is_empty() || (confirm == Confirm::Never && !result.is_disturbed()) {
        return result;
    }
    let mut again = play(attempt).await;
    let last = attempt + MAX_ATTEMPTS - 2;
    while again.is_disturbed() && attempt < last {
        attempt += 1;
        again = play(attempt).await;
    }
    for mut failure in std::mem::take(&mut result.failures) {
        let seen_again = again.failures.iter().any(|other| other.is_like(&failure));
        let disturbance = result.foreign.first().filter(|_| again.is_disturbed() || !seen_again);
        if let Some(sign) = disturbance.filter(|_| can_be_disturbed(&failure, rules)) {
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

/// Whether a failure can be the doing of another client that works in the project.
fn can_be_disturbed(failure: &Failure, rules: &Catalogue) -> bool {
    let is_moment = || {
        let has_more = failure.at.response.json().and_then(|body| body.get("has_more")?.as_bool());
        has_more == Some(false) && !failure.at.request.path.contains("starting_after=")
    };
    rules.rule(failure.rule).is_some_and(|rule| rule.disturbed && !(rule.one_page && is_moment()))
}
