//! Rules that the responses violate visibly, checked directly: the finding then shows the response itself.

use super::history::{ClientRequest, History, is_whole};
use super::program::{Program, RaceStep};
use crate::offerings::oracle::{ModelDeviation, RaceAnomaly, product_list};

/// A violation that the responses of one attempt show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Anomaly {
    /// The verdict of the oracle.
    pub(super) deviation: ModelDeviation,
    /// Index of the request that shows it.
    pub(super) at: usize,
}

impl Anomaly {
    /// Whether both have the same rule and condition.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.deviation.rule == other.deviation.rule && self.deviation.condition == other.deviation.condition
    }
}

fn anomaly(kind: RaceAnomaly, received: impl Into<String>, at: usize) -> Anomaly {
    Anomaly { deviation: kind.deviation(received), at }
}

/// The anomalies of one attempt. `first_is_main`: whether the first offering of an empty project must become main.
pub(super) fn judge(program: &Program, history: &History, first_is_main: bool) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    if history.bindings.twins > 0 {
        anomalies.extend(other_project(program, history).or_else(|| server_error(program, history)));
        return anomalies;
    }
    anomalies.extend(several_mains(program, history));
    anomalies.extend(no_main(program, history, first_is_main));
    for slot in 0..program.initial.len() {
        let twice = listed_twice(program, history, slot);
        anomalies.extend(twice.or_else(|| created_otherwise_than_once(program, history, slot)));
        anomalies.extend(torn_products(program, history, slot));
        anomalies.extend(shown_after_delete(program, history, slot));
    }
    anomalies.extend(server_error(program, history));
    anomalies
}

/// One page never shows several main offerings, no matter which client wrote.
fn several_mains(program: &Program, history: &History) -> Option<Anomaly> {
    history.requests.iter().enumerate().find_map(|(at, request)| {
        let page = request.page().filter(|page| page.mains().len() > 1)?;
        let first = history.starts_empty() && !program.promotes();
        let received = format!("tag 1 on {}", page.mains().join(" and "));
        Some(anomaly(RaceAnomaly::SeveralMains { first }, received, at))
    })
}

/// No main offering, though there was one before or a create in an empty project has succeeded.
fn no_main(program: &Program, history: &History, first_is_main: bool) -> Option<Anomaly> {
    let may_be_deleted = (0..program.initial.len()).any(|slot| program.deletes(slot));
    let had = history.before.mains().len() == 1;
    let first = history.starts_empty() && first_is_main && !program.promotes();
    // Another client may delete a main offering that the run did not create.
    let is_ours = history.anchor.as_deref().is_some_and(|anchor| history.before.mains().contains(&anchor));
    if may_be_deleted || !(first || had && is_ours) {
        return None;
    }
    history.requests.iter().enumerate().find_map(|(at, request)| {
        let page = request.page().filter(|page| is_whole(page) && page.mains().is_empty())?;
        if first && page.offerings.is_empty() {
            return None;
        }
        Some(anomaly(RaceAnomaly::NoMain { first }, "no offering with tag 1", at))
    })
}

/// A list shows an id once, no matter which clients delete and create it.
fn listed_twice(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    let keyed =
        program.steps().any(|step| matches!(step, RaceStep::Create { slot: of, key: Some(_), .. } if of == slot));
    let id = &history.bindings.ids[slot];
    history.requests.iter().enumerate().find_map(|(at, request)| {
        let page = request.page()?;
        let count = page.offerings.iter().filter(|offering| offering.id == *id).count();
        let received = format!("`{id}` {count} times in the list");
        (count > 1).then(|| anomaly(RaceAnomaly::ListedTwice { keyed }, received, at))
    })
}

/// Creates of one id: one returns 201, the others 409, and one offering exists.
fn created_otherwise_than_once(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    if program.initial[slot].is_some() || program.deletes(slot) {
        return None;
    }
    let creates: Vec<(usize, &ClientRequest, Option<usize>)> = history
        .requests
        .iter()
        .enumerate()
        .filter_map(|(at, request)| match request.step {
            RaceStep::Create { slot: of, key, .. } if of == slot => Some((at, request, key)),
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
    let mut winners = creates.iter().filter(|(_, request, _)| request.is_success());
    let Some((_, first, _)) = winners.next() else {
        let (last, request, _) = creates.last()?;
        // A server may reject one of two concurrent writers, so a write to another offering may be the accepted one.
        let alone = program.steps().filter(|step| step.writes()).count() == creates.len();
        let all_rejected = alone && creates.iter().all(|(_, request, _)| request.is_rejected());
        let received = format!("{} for the last create", request.summary());
        return all_rejected.then(|| anomaly(RaceAnomaly::NoneCreated { keyed }, received, *last));
    };
    if let Some((at, other, _)) = winners.find(|(_, other, _)| !keyed || differs(first, other)) {
        return Some(if keyed {
            anomaly(RaceAnomaly::OneKeyTwoOfferings, format!("{} and {}", name(first), name(other)), *at)
        } else {
            anomaly(RaceAnomaly::SeveralCreated, format!("another {}", other.summary()), *at)
        });
    }
    creates.iter().find_map(|(at, request, _)| {
        let reply = request.reply().filter(|reply| !reply.is_success() && !reply.is_conflict())?;
        Some(anomaly(RaceAnomaly::SecondCreate { keyed }, reply.summary, *at))
    })
}

/// Whether two responses show two different offerings.
fn differs(one: &ClientRequest, other: &ClientRequest) -> bool {
    match (one.offering(), other.offering()) {
        (Some(one), Some(other)) => one.id != other.id || one.created() != other.created(),
        _ => false,
    }
}

fn name(request: &ClientRequest) -> String {
    request
        .offering()
        .map_or("no offering".into(), |offering| format!("`{}` created {}", offering.id, offering.created_at))
}

/// A product list that no request sent as a whole.
fn torn_products(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    let lists = &history.bindings.lists;
    let sent = program.steps().filter_map(|step| match step {
        RaceStep::Create { slot: of, list, .. } | RaceStep::Update { slot: of, list } if of == slot => {
            Some(&lists[list])
        }
        _ => None,
    });
    let whole: Vec<_> = sent.chain(program.initial[slot].map(|list| &lists[list])).collect();
    let id = &history.bindings.ids[slot];
    history.requests.iter().enumerate().find_map(|(at, request)| {
        let shown = match request.page() {
            Some(page) => page.offerings.into_iter().find(|offering| offering.id == *id),
            None => request.offering().filter(|offering| offering.id == *id),
        };
        let products = shown.map(|offering| offering.products).filter(|products| !whole.contains(&products))?;
        Some(anomaly(RaceAnomaly::Torn, product_list(&products), at))
    })
}

/// A deleted offering that a later response shows, though no client creates it again.
fn shown_after_delete(program: &Program, history: &History, slot: usize) -> Option<Anomaly> {
    if program.steps().any(|step| matches!(step, RaceStep::Create { slot: of, .. } if of == slot)) {
        return None;
    }
    let deletes = history.requests.iter().filter(|request| request.step == RaceStep::Delete { slot });
    let deleted = deletes.filter(|request| request.is_success()).filter_map(|request| request.end).min()?;
    let id = &history.bindings.ids[slot];
    history.requests.iter().enumerate().filter(|(_, request)| request.start > deleted).find_map(|(at, request)| {
        let page = request.page();
        let shown = page.as_ref().and_then(|page| page.offerings.iter().find(|offering| offering.id == *id)).is_some();
        let got = request.offering().is_some_and(|offering| offering.id == *id);
        (shown || got).then(|| anomaly(RaceAnomaly::Back, format!("{} with `{id}`", request.summary()), at))
    })
}

/// An offering that only the clients of the other project have created.
fn other_project(program: &Program, history: &History) -> Option<Anomaly> {
    let bindings = &history.bindings;
    history.requests.iter().enumerate().find_map(|(at, request)| {
        let project = bindings.project_of(request.step);
        let is_other = |id: &str| {
            let slots = (0..bindings.ids.len()).filter(|slot| bindings.ids[*slot] == id);
            let (own, other): (Vec<_>, Vec<_>) = slots.partition(|slot| bindings.project(*slot) == project);
            !other.is_empty() && !own.into_iter().any(|slot| program.creates(slot))
        };
        let shown: Vec<String> = match request.page() {
            Some(page) => page.offerings.into_iter().map(|offering| offering.id).collect(),
            None => request.offering().map(|offering| offering.id).into_iter().collect(),
        };
        let foreign = shown.into_iter().find(|id| is_other(id))?;
        Some(anomaly(RaceAnomaly::OtherProject, format!("`{foreign}`"), at))
    })
}

/// A 5xx of a write in a program with deletes: `race.delete-vs-update` forbids it.
fn server_error(program: &Program, history: &History) -> Option<Anomaly> {
    let deletes = program.steps().any(|step| matches!(step, RaceStep::Delete { .. }));
    let is_failed_write = |request: &ClientRequest| request.step.writes() && request.is_server_error();
    let at = history.requests.iter().position(is_failed_write).filter(|_| deletes)?;
    Some(anomaly(RaceAnomaly::ServerError, history.requests[at].summary(), at))
}
