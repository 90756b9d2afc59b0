//! Judges one attempt: direct violations first, then whether an order of the requests explains the responses.

use super::direct::{self, Anomaly};
use super::history::History;
use super::order::{Budget, SearchResult};
use super::program::{Program, RaceStep};
use super::search_input::{MAX_WORK, SearchInput};
use crate::exchange::KeyRole;
use crate::offerings::oracle::{Main, RaceAnomaly};

const OUT_OF_BUDGET: &str = "the search for an order of the requests ended without a result: it used up its budget";

/// The verdict on one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct RaceJudgement {
    pub(super) anomalies: Vec<Anomaly>,
    /// Why the search for an order ended without a result, if it did.
    pub(super) undecided: Option<&'static str>,
}

/// Judges an attempt with at most [`MAX_WORK`] units of work; see [`judge_within`].
pub(super) fn judge(program: &Program, history: &History, first_is_main: bool) -> RaceJudgement {
    judge_within(program, history, first_is_main, &mut Budget::of(MAX_WORK))
}

/// Judges an attempt within a budget. `first_is_main`: whether the first offering of an empty project must become main.
pub(super) fn judge_within(
    program: &Program,
    history: &History,
    first_is_main: bool,
    budget: &mut Budget,
) -> RaceJudgement {
    let mut anomalies = direct::judge(program, history, first_is_main);
    let mut input = SearchInput::of(history, first_is_main);
    if history.bindings.twins > 0 {
        return judge_projects(history, &input, anomalies, budget);
    }
    if anomalies.iter().any(|anomaly| anomaly.deviation.rule == "race.set-main-atomic") {
        // These lists are reported already; the search judges the other responses.
        input.ignore_lists_without_one_main(history);
    }
    let (verdict, part) = input.judge(budget);
    match verdict {
        SearchResult::Explained(_) => RaceJudgement { anomalies, undecided: None },
        SearchResult::Unknown => RaceJudgement { anomalies, undecided: Some(OUT_OF_BUDGET) },
        SearchResult::Unexplained(at) => {
            let rule = violated_rule(program, history, &part, at, budget);
            // A direct violation is the reason why no order exists.
            if anomalies.is_empty() {
                anomalies.push(unexplained(rule, history, at));
            } else if anomalies[0].deviation.rule != rule {
                anomalies[0].deviation.also.push(rule);
            }
            RaceJudgement { anomalies, undecided: None }
        }
    }
}

/// Judges the requests to each of two projects separately.
fn judge_projects(
    history: &History,
    input: &SearchInput,
    mut anomalies: Vec<Anomaly>,
    budget: &mut Budget,
) -> RaceJudgement {
    let mut undecided = None;
    for role in [history.bindings.role, KeyRole::Second] {
        match input.clone().of_project(history, role).judge(budget).0 {
            SearchResult::Unknown => undecided = Some(OUT_OF_BUDGET),
            SearchResult::Unexplained(at) if anomalies.is_empty() => {
                anomalies.push(unexplained("race.isolation", history, at));
            }
            SearchResult::Explained(_) | SearchResult::Unexplained(_) => {}
        }
    }
    RaceJudgement { anomalies, undecided }
}

fn unexplained(rule: &'static str, history: &History, at: usize) -> Anomaly {
    let request = &history.requests[at];
    let received = request.exchange.as_ref().map_or("no order".into(), |exchange| {
        format!("no order explains {}, which returned {}", exchange.name(), request.summary())
    });
    Anomaly { deviation: RaceAnomaly::Unexplained(rule).deviation(received), at }
}

/// The rule that the unexplained request at index `at` violates: the one about the aspect (roles, products or keys)
/// without which an order exists.
fn violated_rule(
    program: &Program,
    history: &History,
    input: &SearchInput,
    at: usize,
    budget: &mut Budget,
) -> &'static str {
    let keyed = program.steps().any(|step| matches!(step, RaceStep::Create { key: Some(_), .. }));
    let deletes = (0..program.initial.len()).any(|slot| program.deletes(slot));
    let created = program.steps().any(|step| matches!(step, RaceStep::Create { .. }));
    // A torn update requires an update of the same offering that started before the response.
    let (shown, until) = (history.requests[at].step.slot(), history.requests[at].end);
    let is_of = |slot: usize| shown.is_none_or(|shown| shown == slot);
    let is_begun = |start| until.is_none_or(|until| start <= until);
    let updates = history
        .requests
        .iter()
        .any(|request| matches!(request.step, RaceStep::Update { slot, .. } if is_of(slot)) && is_begun(request.start));
    if input.clone().without_roles().is_explained(budget) {
        if history.main == Main::None && history.starts_empty() && !program.promotes() {
            "race.first-create"
        } else {
            "race.set-main-linearizable"
        }
    } else if updates && input.clone().without_products().is_explained(budget) {
        "race.update-whole"
    } else if keyed && input.clone().without_keyed_responses().is_explained(budget) {
        "race.idempotency-once"
    } else if created && !deletes {
        "race.create-once"
    } else {
        "race.delete-vs-update"
    }
}
