//! One try on trial: what is judged directly, then whether any order explains it.

use super::direct::{self, Anomaly};
use super::history::History;
use super::order::{Budget, SearchResult};
use super::program::{Program, RaceStep};
use super::trial::{MAX_WORK, SearchInput};
use crate::exchange::KeyRole;
use crate::offerings::oracle::{Main, RaceAnomaly};

const OUT_OF_BUDGET: &str = "no order of the requests was found within the budget, nor that there is none";

/// What a try showed.
#[derive(Clone, Debug, Default)]
pub(super) struct RaceJudgement {
    pub(super) anomalies: Vec<Anomaly>,
    /// Why the order could not be decided, if it could not.
    pub(super) undecided: Option<&'static str>,
}

/// As [`judge_within`], with [`MAX_WORK`] units of work at most.
pub(super) fn judge(program: &Program, history: &History, first_is_main: bool) -> RaceJudgement {
    judge_within(program, history, first_is_main, &mut Budget::of(MAX_WORK))
}

/// Judges a try within a budget. `first_is_main` says whether the project, if it was empty, surely makes its first offering main.
pub(super) fn judge_within(
    program: &Program,
    history: &History,
    first_is_main: bool,
    budget: &mut Budget,
) -> RaceJudgement {
    let mut anomalies = direct::judge(program, history, first_is_main);
    let mut trial = SearchInput::of(history, first_is_main);
    if history.bindings.twins > 0 {
        return judge_projects(history, &trial, anomalies, budget);
    }
    if anomalies.iter().any(|anomaly| anomaly.wrong.rule == "race.set-main-atomic") {
        // Whether an order explains the rest is another question.
        trial.forget_lists_of_many_mains(history);
    }
    let (verdict, part) = trial.judge(budget);
    match verdict {
        SearchResult::Explained(_) => RaceJudgement { anomalies, undecided: None },
        SearchResult::Unknown => RaceJudgement { anomalies, undecided: Some(OUT_OF_BUDGET) },
        SearchResult::Unexplained(at) => {
            let rule = blame(program, history, &part, at, budget);
            // What was seen directly is why there is no order.
            if anomalies.is_empty() {
                anomalies.push(unexplained(rule, history, at));
            } else if anomalies[0].wrong.rule != rule {
                anomalies[0].wrong.also.push(rule);
            }
            RaceJudgement { anomalies, undecided: None }
        }
    }
}

/// Judges the requests to each of two projects without the other's.
fn judge_projects(
    history: &History,
    trial: &SearchInput,
    mut anomalies: Vec<Anomaly>,
    budget: &mut Budget,
) -> RaceJudgement {
    let mut undecided = None;
    for role in [history.bindings.role, KeyRole::Second] {
        match trial.clone().of_project(history, role).judge(budget).0 {
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
    let act = &history.acts[at];
    let received = act.exchange.as_ref().map_or("none".into(), |exchange| {
        format!("none is left at {}, which returned {}", exchange.name(), act.summary())
    });
    Anomaly { wrong: RaceAnomaly::Unexplained(rule).wrong(received), at }
}

/// The rule that speaks of what cannot be explained, which shows at the act at `at`: the thing without which the rest can.
fn blame(program: &Program, history: &History, trial: &SearchInput, at: usize, budget: &mut Budget) -> &'static str {
    let keyed = program.steps().any(|step| matches!(step, RaceStep::Create { key: Some(_), .. }));
    let deletes = (0..program.made.len()).any(|slot| program.deletes(slot));
    let created = program.steps().any(|step| matches!(step, RaceStep::Create { .. }));
    // An offering that nobody has begun to update shows no half of an update.
    let (shown, until) = (history.acts[at].step.slot(), history.acts[at].end);
    let is_of = |slot: usize| shown.is_none_or(|shown| shown == slot);
    let is_begun = |start| until.is_none_or(|until| start <= until);
    let updates = history
        .acts
        .iter()
        .any(|act| matches!(act.step, RaceStep::Update { slot, .. } if is_of(slot)) && is_begun(act.start));
    if trial.clone().without_roles().is_explained(budget) {
        if history.main == Main::None && history.starts_empty() && !program.promotes() {
            "race.first-create"
        } else {
            "race.set-main-linearizable"
        }
    } else if updates && trial.clone().without_products().is_explained(budget) {
        "race.update-whole"
    } else if keyed && trial.clone().without_keyed_responses().is_explained(budget) {
        "race.idempotency-once"
    } else if created && !deletes {
        "race.create-once"
    } else {
        "race.delete-vs-update"
    }
}
