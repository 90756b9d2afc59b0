//! A failure is confirmed by playing its case again; what somebody else could have caused is never a failure.

use std::future::Future;

use super::execute::{Attempt, CaseOutcome, Facts};
use super::settings::Confirm;
use crate::finding::{Confirmation, Failure};
use crate::lane::Halt;

/// How often a case is played in all while somebody else keeps changing the project.
const MOST_ATTEMPTS: u32 = 3;

/// How often a case is played at most: once more where the answer to a write was lost.
pub(super) const MOST_PLAYS: u32 = MOST_ATTEMPTS + 1;

/// Plays a case by `play` (given the number of the attempt), and again if it found something.
pub(super) async fn play_confirmed<F, Fut>(confirm: Confirm, play: F) -> CaseOutcome
where
    F: Fn(u32) -> Fut,
    Fut: Future<Output = Attempt>,
{
    let mut first = play(0).await;
    let mut attempt = 1;
    if first.report.record.failures.is_empty() && first.report.halt.as_ref().is_some_and(Halt::is_lost_answer) {
        // The names of the next attempt are fresh: whatever became of the lost write is out of its way.
        first = play(attempt).await;
        attempt += 1;
    }
    let Attempt { report, spans, course, coverage } = first;
    let mut outcome = CaseOutcome { record: report.record, facts: Vec::new(), halt: report.halt, coverage };
    let facts = |index: usize, confirmation| {
        let span = spans.get(index).cloned().unwrap_or(0..=0);
        Facts { span, course: course.clone(), ..Facts::plain(confirmation) }
    };
    if outcome.record.failures.is_empty() {
        return outcome;
    }
    if confirm == Confirm::Never && outcome.record.foreign.is_empty() {
        outcome.facts =
            (0..outcome.record.failures.len()).map(|index| facts(index, Confirmation::NotRetried)).collect();
        return outcome;
    }
    let mut again = play(attempt).await.report;
    let last = attempt + MOST_ATTEMPTS - 2;
    while !again.record.foreign.is_empty() && attempt < last {
        attempt += 1;
        again = play(attempt).await.report;
    }
    let first_was_disturbed = !outcome.record.foreign.is_empty();
    let again_was_disturbed = !again.record.foreign.is_empty();
    for (index, failure) in std::mem::take(&mut outcome.record.failures).into_iter().enumerate() {
        let seen_again = again.record.failures.iter().any(|other| other.is_like(&failure));
        let spoilt = can_be_spoilt(&failure) && first_was_disturbed && (again_was_disturbed || !seen_again);
        if spoilt {
            let reason = format!("somebody else changed the project meanwhile: {}", outcome.record.foreign[0]);
            outcome.record.undecided.insert(failure.rule, reason);
            continue;
        }
        let confirmation = match &again.halt {
            _ if seen_again => Confirmation::Confirmed,
            Some(_) => Confirmation::NotRetried,
            None => Confirmation::Intermittent,
        };
        outcome.facts.push(facts(index, confirmation));
        outcome.record.failures.push(failure);
    }
    outcome
}

/// Whether a failure of this rule can be the doing of somebody else who works in the project: whatever is judged by the
/// whole list, or by which offering is main. What is judged by our own offerings cannot.
fn can_be_spoilt(failure: &Failure) -> bool {
    const SPOILABLE: [&str; 10] = [
        "list.",
        "invariant.",
        "set-main.",
        "create.first-is-main",
        "create.tag-regular",
        "create.tag-main-rejected",
        "update.tag",
        "update.demote",
        "delete.main",
        "auth.project-isolation",
    ];
    // Two mains on one page are one moment: nobody but the server can make them.
    let is_one_moment = failure.rule == "invariant.single-main" && is_whole_list(failure);
    SPOILABLE.iter().any(|start| failure.rule.starts_with(start)) && !is_one_moment
}

/// Whether it showed on a list that has one page.
fn is_whole_list(failure: &Failure) -> bool {
    let has_more = failure.at.answer.json().and_then(|body| body.get("has_more")?.as_bool());
    has_more == Some(false) && !failure.at.request.path.contains("starting_after=")
}
