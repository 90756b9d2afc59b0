//! Rules with a direct meaning, judged directly: the finding then says what was seen.

use super::history::{Act, History};
use super::program::{Program, Step};

/// Something that no server that keeps the rules lets clients see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Complaint {
    pub(super) rule: &'static str,
    /// What is wrong, in a clause without values.
    pub(super) title: &'static str,
    pub(super) documented: String,
    pub(super) received: String,
    /// Place of the act at which it shows.
    pub(super) at: usize,
}

impl Complaint {
    /// Whether it is the same fault.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.rule == other.rule && self.title == other.title
    }

    /// Whether somebody else who promotes, or adds to an empty project, can be the reason.
    pub(super) fn can_be_spoilt(&self) -> bool {
        self.rule.starts_with("race.set-main") || self.rule == "race.first-create"
    }
}

/// The rules that a program exercises in a way that is judged here, once for each try.
pub(super) fn judge(program: &Program, history: &History, first_is_main: bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    complaints.extend(two_mains(program, history));
    complaints.extend(no_main(program, history, first_is_main));
    for slot in 0..program.made.len() {
        let twice = listed_twice(program, history, slot);
        complaints.extend(twice.or_else(|| created_once(program, history, slot)));
        complaints.extend(torn(program, history, slot));
        complaints.extend(risen(program, history, slot));
    }
    complaints.extend(server_error(program, history));
    complaints
}

/// Two mains in one page are wrong whoever wrote.
fn two_mains(program: &Program, history: &History) -> Option<Complaint> {
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let page = act.page().filter(|page| page.mains().len() > 1)?;
        let first = history.starts_empty() && !program.promotes();
        Some(Complaint {
            rule: if first { "race.first-create" } else { "race.set-main-atomic" },
            title: if first { "several of the first offerings are main" } else { "one list shows two mains" },
            documented: "exactly one offering with tag 1 in every list of one page".into(),
            received: format!("tag 1 on {}", page.mains().join(" and ")),
            at,
        })
    })
}

/// None where there was one, or where creates in an empty project have ended.
fn no_main(program: &Program, history: &History, first_is_main: bool) -> Option<Complaint> {
    let may_go = (0..program.made.len()).any(|slot| program.deletes(slot));
    let had = history.before.mains().len() == 1;
    let first = history.starts_empty() && first_is_main && !program.promotes();
    // Whoever is main and is not ours may be deleted by somebody else.
    let is_ours = history.anchor.as_deref().is_some_and(|anchor| history.before.mains().contains(&anchor));
    if may_go || !(first || had && is_ours) {
        return None;
    }
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let page = act.page().filter(|page| page.whole && page.mains().is_empty())?;
        if first && page.offerings.is_empty() {
            return None;
        }
        Some(Complaint {
            rule: if first { "race.first-create" } else { "race.set-main-atomic" },
            title: if first { "none of the first offerings is main" } else { "one list shows no main" },
            documented: "exactly one offering with tag 1 in every list of one page".into(),
            received: "no offering with tag 1".into(),
            at,
        })
    })
}

/// One id is one offering, whoever deletes and creates.
fn listed_twice(program: &Program, history: &History, slot: usize) -> Option<Complaint> {
    let keyed = program.steps().any(|step| matches!(step, Step::Create { slot: of, key: Some(_), .. } if of == slot));
    let id = &history.cast.ids[slot];
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let page = act.page()?;
        let count = page.offerings.iter().filter(|offering| offering.id == *id).count();
        (count > 1).then(|| Complaint {
            rule: if keyed { "race.idempotency-once" } else { "race.create-once" },
            title: "one list shows an id twice",
            documented: "one offering".into(),
            received: format!("`{id}` {count} times in the list"),
            at,
        })
    })
}

/// Creates of one id: one 201, the others 409, one offering.
fn created_once(program: &Program, history: &History, slot: usize) -> Option<Complaint> {
    if program.made[slot].is_some() || program.deletes(slot) {
        return None;
    }
    let creates: Vec<(usize, &Act, Option<usize>)> = history
        .acts
        .iter()
        .enumerate()
        .filter_map(|(at, act)| match act.step {
            Step::Create { slot: of, key, .. } if of == slot => Some((at, act, key)),
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
    let rule = if key.is_some() { "race.idempotency-once" } else { "race.create-once" };
    let complaint = |title, documented: &str, received, at| {
        Some(Complaint { rule, title, documented: documented.into(), received, at })
    };
    let done = |act: &Act| act.status().is_some_and(|status| (200..300).contains(&status));
    let mut winners = creates.iter().filter(|(_, act, _)| done(act));
    let Some((_, first, _)) = winners.next() else {
        let (last, act, _) = creates.last()?;
        let refused = |act: &Act| act.status().is_some_and(|status| (400..500).contains(&status));
        // A server may refuse one of two writers: then it may have been one of another offering that won.
        let alone = program.steps().filter(|step| step.writes()).count() == creates.len();
        let all_refused = alone && creates.iter().all(|(_, act, _)| refused(act));
        let status = act.status().unwrap_or_default();
        return if all_refused {
            complaint("none of several creates succeeds", "one 201", format!("{status} for the last"), *last)
        } else {
            None
        };
    };
    if let Some((at, other, _)) = winners.find(|(_, other, _)| key.is_none() || differs(first, other)) {
        return if key.is_none() {
            complaint("several creates of one id succeed", "one 201, the others 409", "another 2xx".into(), *at)
        } else {
            let (one, two) = (name(first), name(other));
            complaint("two answers to one key name different offerings", &one, two, *at)
        };
    }
    creates.iter().find_map(|(at, act, _)| {
        let status = act.status().filter(|status| *status >= 400 && *status != 409)?;
        complaint("a create that comes second is not refused with 409", "409", status.to_string(), *at)
    })
}

/// Whether two answers speak of two offerings.
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
fn torn(program: &Program, history: &History, slot: usize) -> Option<Complaint> {
    let lists = &history.cast.lists;
    let sent = program.steps().filter_map(|step| match step {
        Step::Create { slot: of, list, .. } | Step::Update { slot: of, list } if of == slot => Some(&lists[list]),
        _ => None,
    });
    let whole: Vec<_> = sent.chain(program.made[slot].map(|list| &lists[list])).collect();
    let id = &history.cast.ids[slot];
    history.acts.iter().enumerate().find_map(|(at, act)| {
        let shown = match act.page() {
            Some(page) => page.offerings.into_iter().find(|offering| offering.id == *id),
            None => act.offering().filter(|offering| offering.id == *id),
        };
        let products = shown.map(|offering| offering.products).filter(|products| !whole.contains(&products))?;
        Some(Complaint {
            rule: "race.update-whole",
            title: "an offering has products that no writer sent",
            documented: "the whole list of one writer".into(),
            received: crate::offerings::claim::list(&products),
            at,
        })
    })
}

/// Seen after a deletion was answered, though nobody made it again.
fn risen(program: &Program, history: &History, slot: usize) -> Option<Complaint> {
    if program.steps().any(|step| matches!(step, Step::Create { slot: of, .. } if of == slot)) {
        return None;
    }
    let gone = history.acts.iter().filter(|act| act.step == Step::Delete { slot } && act.status() == Some(204));
    let gone = gone.filter_map(|act| act.end).min()?;
    let id = &history.cast.ids[slot];
    history.acts.iter().enumerate().filter(|(_, act)| act.start > gone).find_map(|(at, act)| {
        let page = act.page();
        let shown = page.as_ref().and_then(|page| page.offerings.iter().find(|offering| offering.id == *id)).is_some();
        let got = act.offering().is_some_and(|offering| offering.id == *id);
        (shown || got).then(|| Complaint {
            rule: "race.delete-vs-update",
            title: "a deleted offering is back",
            documented: format!("no `{id}` after the 204 of its deletion"),
            received: format!("{} with it", act.status().unwrap_or_default()),
            at,
        })
    })
}

/// Where a deletion meets an update, a server error is a failure of the rule as well.
fn server_error(program: &Program, history: &History) -> Option<Complaint> {
    let meets = program.steps().any(|step| matches!(step, Step::Delete { .. }));
    let failed = |act: &Act| act.step.writes() && act.status().is_some_and(|status| status >= 500);
    let at = history.acts.iter().position(failed).filter(|_| meets)?;
    Some(Complaint {
        rule: "race.delete-vs-update",
        title: "a server error where a deletion meets other writes",
        documented: "no 5xx".into(),
        received: history.acts[at].status().unwrap_or_default().to_string(),
        at,
    })
}
