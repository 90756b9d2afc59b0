//! Rules with a direct meaning, judged directly: the finding then says what was seen.

use super::history::{Act, History, is_whole};
use super::program::{Program, RaceStep};
use crate::offerings::oracle::{RaceAnomaly, Wrong, product_list};

/// Something that no server that keeps the rules lets clients see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Anomaly {
    /// What the oracle says of it.
    pub(super) wrong: Wrong,
    /// Place of the act at which it shows.
    pub(super) at: usize,
}

impl Anomaly {
    /// Whether it is the same defect.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.wrong.rule == other.wrong.rule && self.wrong.condition == other.wrong.condition
    }
}

fn anomaly(kind: RaceAnomaly, received: impl Into<String>, at: usize) -> Anomaly {
    Anomaly { wrong: kind.wrong(received), at }
}

/// The rules that a program exercises in a way that is judged here, once for each try.
pub(super) fn judge(program: &Program, history: &History, first_is_main: bool) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    if history.bindings.twins > 0 {
        anomalies.extend(other_project(program, history).or_else(|| server_error(program, history)));
        return anomalies;
    }
    anomalies.extend(two_mains(program, history));
    anomalies.extend(no_main(program, history, first_is_main));
    for slot in 0..program.made.len() {
        let twice = listed_twice(program, history, slot);
        anomalies.extend(twice.or_else(|| created_once(program, history, slot)));
        anomalies.extend(torn(program, history, slot));
        anomalies.extend(risen(program, history, slot));
    }
    anomalies.extend(server_error(program, history));
    anomalies
}

/// Two mains in one page are wrong, whichever client wrote.
fn two_mains(program: &Program, history: &History) -> Option<Anomaly> {
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let page = act.page().filter(|page| page.mains().len() > 1)?;
        let first = history.starts_empty() && !program.promotes();
        let received = format!("tag 1 on {}", page.mains().join(" and "));
        Some(anomaly(RaceAnomaly::SeveralMains { first }, received, at))
    })
}

/// None where there was one, or where creates in an empty project have ended.
fn no_main(program: &Program, history: &History, first_is_main: bool) -> Option<Anomaly> {
    let may_go = (0..program.made.len()).any(|slot| program.deletes(slot));
    let had = history.before.mains().len() == 1;
    let first = history.starts_empty() && first_is_main && !program.promotes();
    // A main that is not ours may be deleted by another client.
    let is_ours = history.anchor.as_deref().is_some_and(|anchor| history.before.mains().contains(&anchor));
    if may_go || !(first || had && is_ours) {
        return None;
    }
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let page = act.page().filter(|page| is_whole(page) && page.mains().is_empty())?;
        if first && page.offerings.is_empty() {
            return None;
        }
        Some(anomaly(RaceAnomaly::NoMain { first }, "no offering with tag 1", at))
    })
}

/// One id is one offering, whichever client deletes and creates.
fn listed_twice(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    let keyed =
        program.steps().any(|step| matches!(step, RaceStep::Create { slot: of, key: Some(_), .. } if of == slot));
    let id = &history.bindings.ids[slot];
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let page = act.page()?;
        let count = page.offerings.iter().filter(|offering| offering.id == *id).count();
        let received = format!("`{id}` {count} times in the list");
        (count > 1).then(|| anomaly(RaceAnomaly::ListedTwice { keyed }, received, at))
    })
}

/// Creates of one id: one 201, the others 409, one offering.
fn created_once(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    if program.made[slot].is_some() || program.deletes(slot) {
        return None;
    }
    let creates: Vec<(usize, &Act, Option<usize>)> = history
        .acts
        .iter()
        .enumerate()
        .filter_map(|(at, act)| match act.step {
            RaceStep::Create { slot: of, key, .. } if of == slot => Some((at, act, key)),
            _ => None,
        })
        .collect();
    if creates.len() < 2 {
        return None;
    }
    let key = creates[0].2;
    if creates.iter().any(|(.., other)| *other != key) {
        return None;
    }
    let keyed = key.is_some();
    let mut winners = creates.iter().filter(|(_, act, _)| act.is_done());
    let Some((_, first, _)) = winners.next() else {
        let (last, act, _) = creates.last()?;
        // A server may reject one of two writers: then it may have been one of another offering that won.
        let alone = program.steps().filter(|step| step.writes()).count() == creates.len();
        let all_rejected = alone && creates.iter().all(|(_, act, _)| act.is_rejected());
        let received = format!("{} for the last", act.summary());
        return all_rejected.then(|| anomaly(RaceAnomaly::NoneCreated { keyed }, received, *last));
    };
    if let Some((at, other, _)) = winners.find(|(_, other, _)| !keyed || differs(first, other)) {
        return Some(if keyed {
            anomaly(RaceAnomaly::OneKeyTwoOfferings, format!("{} and {}", name(first), name(other)), *at)
        } else {
            anomaly(RaceAnomaly::SeveralCreated, format!("another {}", other.summary()), *at)
        });
    }
    creates.iter().find_map(|(at, act, _)| {
        let reply = act.reply().filter(|reply| !reply.is_success() && !reply.is_conflict())?;
        Some(anomaly(RaceAnomaly::SecondCreate { keyed }, reply.summary, *at))
    })
}

/// Whether two responses speak of two offerings.
fn differs(one: &Act, other: &Act) -> bool {
    match (one.offering(), other.offering()) {
        (Some(one), Some(other)) => one.id != other.id || one.created() != other.created(),
        _ => false,
    }
}

fn name(act: &Act) -> String {
    act.offering().map_or("no offering".into(), |offering| format!("`{}` created {}", offering.id, offering.created_at))
}

/// Products that nobody sent as one list.
fn torn(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    let lists = &history.bindings.lists;
    let sent = program.steps().filter_map(|step| match step {
        RaceStep::Create { slot: of, list, .. } | RaceStep::Update { slot: of, list } if of == slot => {
            Some(&lists[list])
        }
        _ => None,
    });
    let whole: Vec<_> = sent.chain(program.made[slot].map(|list| &lists[list])).collect();
    let id = &history.bindings.ids[slot];
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let shown = match act.page() {
            Some(page) => page.offerings.into_iter().find(|offering| offering.id == *id),
            None => act.offering().filter(|offering| offering.id == *id),
        };
        let products = shown.map(|offering| offering.products).filter(|products| !whole.contains(&products))?;
        Some(anomaly(RaceAnomaly::Torn, product_list(&products), at))
    })
}

/// Seen after a delete succeeded, though no client created it again.
fn risen(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    if program.steps().any(|step| matches!(step, RaceStep::Create { slot: of, .. } if of == slot)) {
        return None;
    }
    let gone = history.acts.iter().filter(|act| act.step == RaceStep::Delete { slot } && act.is_done());
    let gone = gone.filter_map(|act| act.end).min()?;
    let id = &history.bindings.ids[slot];
    history.acts.iter().enumerate().filter(|(_, act)| act.start > gone).find_map(|(at, act)| {
        let page = act.page();
        let shown = page.as_ref().and_then(|page| page.offerings.iter().find(|offering| offering.id == *id)).is_some();
        let got = act.offering().is_some_and(|offering| offering.id == *id);
        (shown || got).then(|| anomaly(RaceAnomaly::Back, format!("{} with `{id}`", act.summary()), at))
    })
}

/// An offering that a client of its project alone has created.
fn other_project(program: &Program, history: &History) -> Option<Anomaly> {
    let bindings = &history.bindings;
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let project = bindings.project_of(act.step);
        let is_other = |id: &str| {
            let slots = (0..bindings.ids.len()).filter(|slot| bindings.ids[*slot] == id);
            let (own, other): (Vec<_>, Vec<_>) = slots.partition(|slot| bindings.project(*slot) == project);
            !other.is_empty() && !own.into_iter().any(|slot| program.makes(slot))
        };
        let shown: Vec<String> = match act.page() {
            Some(page) => page.offerings.into_iter().map(|offering| offering.id).collect(),
            None => act.offering().map(|offering| offering.id).into_iter().collect(),
        };
        let foreign = shown.into_iter().find(|id| is_other(id))?;
        Some(anomaly(RaceAnomaly::OtherProject, format!("`{foreign}`"), at))
    })
}

/// Where a deletion meets an update, a server error is a failure of the rule as well.
fn server_error(program: &Program, history: &History) -> Option<Anomaly> {
    let meets = program.steps().any(|step| matches!(step, RaceStep::Delete { .. }));
    let at = history.acts.iter().position(|act| act.step.writes() && act.is_server_error()).filter(|_| meets)?;
    Some(anomaly(RaceAnomaly::ServerError, history.acts[at].summary(), at))
}
