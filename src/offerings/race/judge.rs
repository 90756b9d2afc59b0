//! One try on trial: what is judged directly, then whether any order explains it.

use std::time::Duration;

use super::direct::{self, Complaint};
use super::history::History;
use super::model::{Event, Look, Main, Offerings, Reply, Scene};
use super::order::{self, Call, Verdict};
use super::program::{Program, Step};

/// How long an order is looked for.
const BUDGET: Duration = Duration::from_millis(500);

/// What a try showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgement {
    pub(super) complaints: Vec<Complaint>,
    /// Why the order could not be decided, if it could not.
    pub(super) undecided: Option<&'static str>,
}

/// Judges a try. `first_is_main` says whether the project, if it was empty, surely makes its first offering main.
pub(super) fn judge(program: &Program, history: &History, first_is_main: bool) -> Judgement {
    let mut complaints = direct::judge(program, history, first_is_main);
    let mut calls = history.calls();
    if complaints.iter().any(|complaint| complaint.rule == "race.set-main-atomic") {
        // What those lists show was told already; whether an order explains the rest is another question.
        for call in &mut calls {
            if matches!(call.event.reply, Reply::Rows { main: Main::Nobody | Main::Several, .. }) {
                call.event.reply = Reply::Silent;
            }
        }
    }
    let game = Offerings { look: Look::Whole, others: has_others(history), first_is_main };
    let scene = initial(program, history);
    match order::explain(&game, &scene, &calls, BUDGET) {
        Verdict::Explained(_) => Judgement { complaints, undecided: None },
        Verdict::Unknown => {
            let undecided = Some("no order of the requests was found in time, nor that there is none");
            Judgement { complaints, undecided }
        }
        Verdict::Unexplained => {
            let rule = blame(program, &game, &scene, &calls);
            if !complaints.iter().any(|complaint| complaint.rule == rule) {
                let at = order::breaking_point(&game, &scene, &calls, BUDGET).unwrap_or(calls.len() - 1);
                complaints.push(unexplained(rule, history, at));
            }
            Judgement { complaints, undecided: None }
        }
    }
}

fn unexplained(rule: &'static str, history: &History, at: usize) -> Complaint {
    let exchange = history.acts[at].exchange.as_ref();
    Complaint {
        rule,
        title: "no order of the requests explains the answers",
        documented: "an order, compatible with real time, that explains every answer".into(),
        received: exchange.map_or("none".into(), |exchange| {
            format!("none is left at {} answered {}", exchange.name(), exchange.answer.summary())
        }),
        at,
    }
}

fn has_others(history: &History) -> bool {
    history.anchor.is_some() || !history.before.whole || !history.before.offerings.is_empty()
}

/// What there is when the clients are released.
pub(super) fn initial(program: &Program, history: &History) -> Scene {
    let keys = program.steps().filter_map(|step| match step {
        Step::Create { key, .. } => key,
        _ => None,
    });
    let rows: Vec<_> = program.made.iter().map(|list| list.map(|list| history.same_list(list))).collect();
    let main = history.main;
    Scene { rows, main, used: vec![false; keys.max().map_or(0, |key| key + 1)] }
}

/// The rule that speaks of what cannot be explained: the thing without which the rest can.
fn blame(program: &Program, game: &Offerings, scene: &Scene, calls: &[Call<Event>]) -> &'static str {
    let explained = |look| {
        let game = Offerings { look, ..game.clone() };
        matches!(order::explain(&game, scene, calls, BUDGET), Verdict::Explained(_))
    };
    let keyed = program.steps().any(|step| matches!(step, Step::Create { key: Some(_), .. }));
    let deletes = (0..program.made.len()).any(|slot| program.deletes(slot));
    let created = program.steps().any(|step| matches!(step, Step::Create { .. }));
    let updates = program.steps().any(|step| matches!(step, Step::Update { .. }));
    if explained(Look::NotRoles) {
        if scene.main == Main::Nobody && !game.others && !program.promotes() {
            "race.first-create"
        } else {
            "race.set-main-linearizable"
        }
    } else if updates && explained(Look::NotProducts) {
        "race.update-whole"
    } else if keyed {
        "race.idempotency-once"
    } else if created && !deletes {
        "race.create-once"
    } else {
        "race.delete-vs-update"
    }
}
