//! Compares a world with the list of the project, and finds the write that explains a mismatch.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::call::{Call, Caller};
use super::conditions::{self as row, Requirement};
use super::pages::{PageDifference, contents, member_difference};
use super::reply::Reply;
use super::text::{ids, request, same_time, tag, times};
use super::verdict::{Choice, ModelDeviation};
use super::world::{Main, World};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Exchange;
use crate::project::Snapshot;

/// A write since the last read of the state.
#[derive(Clone, Debug)]
pub struct Write {
    /// The request.
    pub call: Call,
    /// Its result.
    pub state: WriteState,
    /// The main offering before it, if known.
    pub main_before: Option<String>,
    /// The exchange.
    pub at: Arc<Exchange>,
}

/// The result of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteState {
    /// It was accepted.
    Applied,
    /// It was accepted, with the same body as the previous update.
    AppliedAgain,
    /// It repeated an earlier response by its idempotency key.
    Replayed,
    /// It was rejected.
    Rejected,
    /// A server error, so unknown.
    Unknown,
}

impl WriteState {
    fn is_applied(self) -> bool {
        matches!(self, Self::Applied | Self::AppliedAgain)
    }
}

/// A difference between the list and the expected state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The violated requirement.
    pub deviation: ModelDeviation,
    /// The property that differs, or `role`, `order`, `offering is missing`, `offering is unexpected`.
    pub property: &'static str,
    /// The offering that differs; `None` if the whole list does. A get of it shows whether only the list is wrong.
    pub id: Option<String>,
    /// The index of the write that explains it, among those since the last comparison.
    pub write: Option<usize>,
    /// The alternative if a second read shows that reads do not cause it.
    pub without_read: Option<Box<Self>>,
}

impl Mismatch {
    /// A list in the wrong order: no write explains it.
    fn of_order(deviation: ModelDeviation) -> Self {
        Self { deviation, property: "order", id: None, write: None, without_read: None }
    }
}

/// The result of a comparison.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// Differences that the server caused.
    pub mismatches: Vec<Mismatch>,
    /// Changes that another client made.
    pub foreign: Vec<String>,
    /// The checked rules. Those without a mismatch passed.
    pub rules: Vec<&'static str>,
    /// What the server chose at open points.
    pub choices: Vec<Choice>,
}

/// How an offering differs from the expected one.
enum RowMismatch {
    Missing,
    Unexpected,
    Differs(PageDifference),
}

impl RowMismatch {
    fn name(&self) -> &'static str {
        match self {
            Self::Missing => "offering is missing",
            Self::Unexpected => "offering is unexpected",
            Self::Differs((difference, ..)) => difference,
        }
    }

    /// The part of it that separates defects of one requirement. Where a write changes or does not store something, the
    /// property does not separate them.
    fn difference(&self, requirement: &'static Requirement) -> &'static str {
        match self {
            _ if [&raw const row::CREATED_AT, &raw const row::REJECTED_EFFECT]
                .contains(&std::ptr::from_ref(requirement)) =>
            {
                ""
            }
            Self::Differs(("previous tag", ..)) => "tag",
            Self::Differs(_) if !std::ptr::eq(requirement, &raw const row::REST_CHANGED) => "contents",
            Self::Unexpected if std::ptr::eq(requirement, &raw const row::LIST_VARIANT) => "offering is listed",
            _ => self.name(),
        }
    }

    fn texts(&self, id: &str) -> (String, String) {
        match self {
            Self::Missing => (format!("`{id}` in the list"), format!("`{id}` not in the list")),
            Self::Unexpected => (format!("`{id}` not in the list"), format!("`{id}` in the list")),
            Self::Differs((_, expected, received)) => (expected.clone(), received.clone()),
        }
    }
}

/// The requests that can explain a mismatch.
pub(super) struct RecentWrites<'w> {
    /// Writes to this project since its last read.
    pub(super) writes: &'w [Write],
    /// Whether only another project was written to since then.
    pub(super) is_elsewhere: bool,
    /// Ids that a get read since the last comparison.
    pub(super) reads: &'w BTreeSet<String>,
    /// Ids that an earlier failure concerns.
    pub(super) tainted: &'w BTreeSet<String>,
}

impl World {
    /// Compares a snapshot, read after all of the writes, with the world.
    pub(super) fn compare(&self, snapshot: &Snapshot, recent: &RecentWrites<'_>) -> Comparison {
        let mut comparison = Comparison { rules: recent.rules(self), ..Comparison::default() };
        self.compare_main(snapshot, recent, &mut comparison);
        for (id, row) in self.rows.iter() {
            let kind = match snapshot.find(id) {
                None => Some(RowMismatch::Missing),
                Some(shown) => contents(&row.offering, shown)
                    .or_else(|| self.unrequested_change(id, shown, recent))
                    .map(RowMismatch::Differs),
            };
            if let Some(kind) = kind {
                self.add_mismatch(id, &kind, snapshot.find(id), recent, &mut comparison);
            }
        }
        for shown in snapshot.offerings.iter().filter(|shown| !self.rows.contains_key(&shown.id)) {
            self.add_mismatch(&shown.id, &RowMismatch::Unexpected, Some(shown), recent, &mut comparison);
        }
        if comparison.mismatches.is_empty() {
            self.compare_order(snapshot, recent, &mut comparison);
        }
        comparison.choices.extend(recent.main_deletion(snapshot));
        comparison
    }

    /// A change of an offering that no write concerns, or a wrong tag of a former main.
    fn unrequested_change(&self, id: &str, shown: &Offering, recent: &RecentWrites<'_>) -> Option<PageDifference> {
        let expected = self.find(id)?;
        let is_promoted_or_demoted = shown.is_main() != expected.is_main() || shown.is_main() && recent.demoted(id);
        if is_promoted_or_demoted || self.is_main(id).is_none() {
            return None; // `compare_main` compares roles.
        }
        if recent.demoted(id) {
            let is_null = shown.tag != Some(0);
            return is_null.then(|| ("previous tag", "tag 0".into(), tag(shown.tag)));
        }
        if recent.concerns(id) {
            let has_decreased =
                recent.updates(id) && matches!((shown.updated(), expected.updated()), (Some(a), Some(b)) if a < b);
            return has_decreased.then(|| member_difference("updated_at", id, &times(expected), &times(shown)));
        }
        if shown.tag != expected.tag {
            return Some(member_difference("tag", id, &tag(expected.tag), &tag(shown.tag)));
        }
        let is_same = same_time(&shown.updated_at, &expected.updated_at);
        (!is_same).then(|| member_difference("updated_at", id, &times(expected), &times(shown)))
    }

    fn add_mismatch(
        &self,
        id: &str,
        kind: &RowMismatch,
        shown: Option<&Offering>,
        recent: &RecentWrites<'_>,
        comparison: &mut Comparison,
    ) {
        if !self.is_ours(id) && !self.is_variant(id) {
            comparison.foreign.push(format!("`{id}`: {}", kind.name()));
            return;
        }
        if recent.tainted.contains(id) {
            return;
        }
        let attribute = |recent: &RecentWrites<'_>| {
            let (requirement, write) = self.explain(id, kind, shown, recent);
            let (mut expected, received) = kind.texts(id);
            if let Some(other) = write.map(|place| &recent.writes[place].call).filter(|call| call.id != id) {
                expected.push_str(&format!(" after the {}", request(other)));
            }
            let deviation = write
                .filter(|_| std::ptr::eq(requirement, &raw const row::DELETED_READABLE))
                .and_then(|place| deleted_nothing(id, &recent.writes[place]))
                .unwrap_or_else(|| {
                    ModelDeviation::content(requirement, kind.difference(requirement), expected, received)
                });
            Mismatch { deviation, property: kind.name(), id: Some(id.to_owned()), write, without_read: None }
        };
        let mut mismatch = attribute(recent);
        if mismatch.deviation.condition == row::GET_EFFECT.id && !recent.writes.is_empty() {
            mismatch.without_read = Some(Box::new(attribute(&RecentWrites { reads: &BTreeSet::new(), ..*recent })));
        }
        comparison.mismatches.push(mismatch);
    }

    /// The requirement that a mismatch violates, and the write that explains it.
    fn explain(
        &self,
        id: &str,
        kind: &RowMismatch,
        shown: Option<&Offering>,
        recent: &RecentWrites<'_>,
    ) -> (&'static Requirement, Option<usize>) {
        if let RowMismatch::Differs(("previous tag", ..)) = kind {
            return (&row::PREVIOUS_NOT_ZERO, recent.last(|write| write.main_before.as_deref() == Some(id)));
        }
        let names =
            |write: &Write| write.call.id == id || !self.is_case_sensitive && write.call.id.eq_ignore_ascii_case(id);
        if matches!(kind, RowMismatch::Unexpected) && self.is_variant(id) {
            return (&row::LIST_VARIANT, recent.last(names));
        }
        if matches!(kind, RowMismatch::Differs(("updated_at", ..))) && recent.reads.contains(id) {
            return (&row::GET_EFFECT, None);
        }
        if let Some(place) = recent.last(names) {
            return (self.requirement_about_written(&recent.writes[place], id, kind, shown), Some(place));
        }
        let renames =
            |write: &Write| write.call.endpoint == Endpoint::Update && write.call.body.id_text.as_deref() == Some(id);
        if let Some(place) = recent.last(|write| renames(write) && write.state.is_applied()) {
            return (&row::UPDATED_ID, Some(place));
        }
        if recent.demoted(id) {
            return (&row::PREVIOUS_CHANGED, recent.last(|write| write.main_before.as_deref() == Some(id)));
        }
        if matches!(kind, RowMismatch::Unexpected) && self.elsewhere.contains(id) {
            return (&row::LIST_FOREIGN, None);
        }
        let place = recent.last(|write| write.state.is_applied()).or_else(|| recent.writes.len().checked_sub(1));
        let Some(place) = place else {
            return (if recent.is_elsewhere { &row::ISOLATION_EFFECT } else { &row::GET_EFFECT }, None);
        };
        (
            requirement_about_others(
                &recent.writes[place],
                self.incarnations(id) > 0 && matches!(kind, RowMismatch::Unexpected),
            ),
            Some(place),
        )
    }

    /// The requirement about the offering that a write names.
    fn requirement_about_written(
        &self,
        write: &Write,
        id: &str,
        kind: &RowMismatch,
        shown: Option<&Offering>,
    ) -> &'static Requirement {
        let is_former = |shown: &Offering| {
            self.incarnations.get(id).is_some_and(|known| known.former_products.last() == Some(&shown.products))
        };
        match (write.state, write.call.endpoint) {
            (WriteState::Rejected | WriteState::Unknown, _) => requirement_of_rejection(write),
            (WriteState::Replayed, Endpoint::SetMain) => &row::SET_MAIN_REPLAY_EFFECT,
            (WriteState::Replayed, _) => &row::REPLAY_EFFECT,
            (_, Endpoint::Create) => match kind {
                RowMismatch::Missing
                    if write.call.key.as_ref().is_some_and(|key| self.keys_elsewhere.contains(key)) =>
                {
                    &row::KEY_SCOPE
                }
                RowMismatch::Missing => &row::CREATED_MISSING,
                RowMismatch::Differs(("product_ids", ..)) if shown.is_some_and(is_former) => &row::RECREATED_PRODUCTS,
                RowMismatch::Differs(("product_ids", ..)) => &row::CREATED_PRODUCTS,
                RowMismatch::Unexpected | RowMismatch::Differs(_) => &row::CREATED_OTHER,
            },
            (state, Endpoint::Update) => match kind {
                RowMismatch::Missing if write.call.body.id != super::body::Sent::Absent => &row::UPDATED_ID,
                RowMismatch::Missing => &row::UPDATED_MISSING,
                RowMismatch::Differs(("product_ids", ..)) if state == WriteState::AppliedAgain => &row::UPDATED_AGAIN,
                RowMismatch::Differs(("product_ids" | "updated_at", ..)) if write.call.products().is_some() => {
                    &row::UPDATED_PRODUCTS
                }
                RowMismatch::Differs(("created_at", ..)) => &row::CREATED_AT,
                RowMismatch::Unexpected | RowMismatch::Differs(_) => &row::UPDATED_KEPT,
            },
            (_, Endpoint::Delete) => &row::DELETED_READABLE,
            (_, Endpoint::SetMain) => match kind {
                RowMismatch::Differs(("created_at", ..)) => &row::CREATED_AT,
                _ => &row::PROMOTED_PRODUCTS,
            },
            (_, Endpoint::List | Endpoint::Get) => &row::UNEXPLAINED,
        }
    }

    fn compare_main(&self, snapshot: &Snapshot, recent: &RecentWrites<'_>, comparison: &mut Comparison) {
        let mut mains = snapshot.mains();
        mains.retain(|main| !self.extra_mains.contains(*main));
        let expected = match &self.main {
            Main::Is(expected) => Some(expected.as_str()),
            Main::Unknown { .. } if mains.len() < 2 => return,
            Main::None | Main::Unknown { .. } => None,
        };
        if mains.len() < 2 && mains.first().copied() == expected {
            return;
        }
        // Its absence or reappearance is a mismatch of its own.
        let is_missing = expected.is_some_and(|id| snapshot.find(id).is_none()) && mains.is_empty();
        let has_reappeared =
            mains.iter().any(|id| !self.rows.contains_key(*id)) && mains.len() == 1 && expected.is_none();
        if is_missing || has_reappeared {
            return;
        }
        if mains.len() < 2 && self.is_foreign_change(snapshot, expected, &mains) {
            let found = mains.first().map_or("no offering".to_owned(), |main| format!("`{main}`"));
            comparison.foreign.push(format!("{found} became main"));
            return;
        }
        let place = recent.last(|write| write.state.is_applied()).or_else(|| recent.writes.len().checked_sub(1));
        let write = place.map(|place| &recent.writes[place]);
        if write.is_some_and(|write| recent.tainted.contains(&write.call.id)) {
            return;
        }
        let requirement = requirement_about_main(write, &mains, recent.is_elsewhere);
        let received = match mains.as_slice() {
            [] => "no offering with tag 1".to_owned(),
            [main] => format!("`{main}` is main"),
            several => format!("tag 1 on {}", several.join(" and ")),
        };
        let expected_text = expected.map_or("no main offering".into(), |main| format!("`{main}` is main"));
        let is_rejected = std::ptr::eq(requirement, &raw const row::REJECTED_EFFECT);
        let difference = if is_rejected { "" } else { "role" };
        let mut deviation = ModelDeviation::content(requirement, difference, expected_text, received);
        let invariant = if mains.len() > 1 { row::TWO_MAINS.rule() } else { row::NO_MAIN.rule() };
        deviation.also.retain(|rule| ![row::TWO_MAINS.rule(), row::NO_MAIN.rule()].contains(rule));
        if deviation.rule != invariant && mains.len() != 1 {
            deviation.also.push(invariant);
        }
        // A get of this offering shows whether only the list is wrong.
        let other = mains.iter().find(|main| Some(**main) != expected).copied();
        let id = other.or(expected).map(str::to_owned);
        comparison.mismatches.push(Mismatch { deviation, property: "role", id, write: place, without_read: None });
    }

    /// The changes that other clients of a shared project made, as far as a snapshot shows them.
    pub(super) fn foreign_changes(&self, snapshot: &Snapshot) -> Vec<String> {
        let is_foreign = |id: &str| !self.is_ours(id) && !self.is_variant(id);
        let unchanged = |shown: &Offering| self.find(&shown.id).is_some_and(|known| contents(known, shown).is_none());
        let new = snapshot.offerings.iter().filter(|shown| is_foreign(&shown.id) && !unchanged(shown));
        let gone = self.rows.keys().filter(|id| is_foreign(id) && snapshot.find(id).is_none());
        let mains = snapshot.mains();
        let promoted = mains.iter().filter(|main| is_foreign(main) && self.is_main(main) == Some(false));
        let changed = new.map(|shown| format!("`{}` changed", shown.id));
        let deleted = gone.map(|id| format!("`{id}` was deleted"));
        changed.chain(deleted).chain(promoted.map(|main| format!("`{main}` became main"))).collect()
    }

    /// Whether another client may have changed the main offering.
    fn is_foreign_change(&self, snapshot: &Snapshot, expected: Option<&str>, mains: &[&str]) -> bool {
        if self.facts.is_exclusive {
            return false;
        }
        match (expected, mains.first()) {
            // Another run restores the main offering that it found.
            (Some(expected), Some(_)) if self.is_of_another_run(expected) => true,
            // Even if our set-main demoted it: another client may have promoted it again.
            (_, Some(found)) => !self.is_ours(found),
            (Some(expected), None) => !self.is_ours(expected) && snapshot.find(expected).is_none(),
            (None, None) => true,
        }
    }

    /// Checks that the list is in order of `created_at`, in either direction, and unchanged since the last read.
    fn compare_order(&self, snapshot: &Snapshot, recent: &RecentWrites<'_>, comparison: &mut Comparison) {
        let is_unaffected = |id: &str| self.is_ours(id) && !recent.tainted.contains(id);
        let ours: Vec<_> = snapshot.offerings.iter().filter(|shown| is_unaffected(&shown.id)).collect();
        // The first known date: another rule checks that it does not change.
        let dated = ours.iter().map(|shown| self.find(&shown.id).unwrap_or(shown).created());
        let dates: Vec<_> = dated.flatten().collect();
        comparison.rules.push(row::LIST_ORDER.rule());
        if !(dates.is_sorted() || dates.is_sorted_by(|a, b| a >= b)) {
            let received = ours.iter().take(6).map(|shown| format!("`{}` {}", shown.id, shown.created_at));
            let received = received.collect::<Vec<_>>().join(", ");
            let deviation =
                ModelDeviation::content(&row::LIST_ORDER, "", "order by created_at, ascending or descending", received);
            comparison.mismatches.push(Mismatch::of_order(deviation));
            return;
        }
        let Some(order) = &self.order else { return };
        let known: Vec<&str> =
            order.iter().map(String::as_str).filter(|id| snapshot.find(id).is_some() && is_unaffected(id)).collect();
        let found: Vec<&str> = snapshot
            .offerings
            .iter()
            .map(|shown| shown.id.as_str())
            .filter(|id| is_unaffected(id) && order.iter().any(|one| one == id))
            .collect();
        if known != found {
            let deviation = ModelDeviation::content(&row::LIST_ORDER, "", ids(known), ids(found));
            comparison.mismatches.push(Mismatch::of_order(deviation));
        }
    }
}

impl RecentWrites<'_> {
    fn last(&self, is: impl Fn(&Write) -> bool) -> Option<usize> {
        self.writes.iter().rposition(is)
    }

    fn concerns(&self, id: &str) -> bool {
        self.demoted(id)
            || self
                .writes
                .iter()
                .any(|write| write.call.id.eq_ignore_ascii_case(id) && !matches!(write.state, WriteState::Rejected))
    }

    /// Whether the last write that names it is an accepted update.
    fn updates(&self, id: &str) -> bool {
        let last = self.writes.iter().rev().find(|write| write.call.id.eq_ignore_ascii_case(id));
        last.is_some_and(|write| write.call.endpoint == Endpoint::Update && write.state.is_applied())
    }

    /// Whether a set-main of another offering demoted this one.
    fn demoted(&self, id: &str) -> bool {
        self.writes.iter().any(|write| {
            let is_promotion = write.call.endpoint == Endpoint::SetMain && write.state.is_applied();
            is_promotion && write.main_before.as_deref() == Some(id) && write.call.id != id
        })
    }

    /// The observation about the main role after the main offering was deleted while others remain.
    fn main_deletion(&self, snapshot: &Snapshot) -> Option<Choice> {
        let deletes_main = |write: &Write| {
            write.call.endpoint == Endpoint::Delete
                && write.state.is_applied()
                && write.main_before.as_deref() == Some(write.call.id.as_str())
        };
        self.writes.iter().find(|write| deletes_main(write)).filter(|_| !snapshot.offerings.is_empty())?;
        let what =
            if snapshot.mains().is_empty() { "no main offering remains" } else { "another offering becomes main" };
        let rule = row::DELETE_MAIN.rule();
        Some(Choice { rule, what: format!("{}: accepted, {what}", row::DELETE_MAIN.subject).into() })
    }

    /// The rules that a comparison checks.
    fn rules(&self, world: &World) -> Vec<&'static str> {
        let mut rules = vec![row::TWO_MAINS.rule(), row::UNEXPLAINED.rule()];
        rules.extend(matches!(world.main, Main::Is(_)).then_some(row::NO_MAIN.rule()));
        for write in self.writes {
            let again = write.main_before.as_deref() == Some(write.call.id.as_str());
            let own: &[&Requirement] = match (write.state, write.call.endpoint) {
                (WriteState::Rejected, _) if !write.call.is_authorized() => &[&row::AUTH_EFFECT],
                (WriteState::Rejected, _) => &[&row::REJECTED_EFFECT],
                (WriteState::Replayed | WriteState::Unknown, _) | (_, Endpoint::List | Endpoint::Get) => &[],
                (_, Endpoint::Create) => &[&row::CREATED_MISSING, &row::OTHER_CHANGED],
                (WriteState::AppliedAgain, Endpoint::Update) => {
                    &[&row::UPDATED_AGAIN, &row::UPDATED_KEPT, &row::OTHER_CHANGED]
                }
                (_, Endpoint::Update) if write.call.products().is_some() => {
                    &[&row::UPDATED_PRODUCTS, &row::UPDATED_KEPT, &row::OTHER_CHANGED]
                }
                (_, Endpoint::Update) => &[&row::UPDATED_KEPT, &row::OTHER_CHANGED],
                (_, Endpoint::Delete) => &[&row::DELETED_LISTED, &row::OTHER_CHANGED],
                (_, Endpoint::SetMain) if again => &[&row::PROMOTED_AGAIN_NOT, &row::REST_CHANGED],
                (_, Endpoint::SetMain) if write.main_before.is_some() => &[
                    &row::PROMOTED_NOT,
                    &row::PREVIOUS_MAIN,
                    &row::PREVIOUS_NOT_ZERO,
                    &row::REST_CHANGED,
                    &row::OTHER_CHANGED,
                ],
                (_, Endpoint::SetMain) => &[&row::PROMOTED_NOT, &row::REST_CHANGED, &row::OTHER_CHANGED],
            };
            rules.extend(own.iter().map(|requirement| requirement.rule()));
            let is_again = write.state.is_applied()
                && write.call.endpoint == Endpoint::Create
                && world.incarnations(&write.call.id) > 1;
            rules.extend(is_again.then_some(row::RECREATED_PRODUCTS.rule()));
        }
        if self.is_elsewhere {
            rules.push(row::ISOLATION_EFFECT.rule());
        }
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// The deviation of an accepted delete of an id that differs only in case from one that still exists: it named no
/// offering.
fn deleted_nothing(id: &str, write: &Write) -> Option<ModelDeviation> {
    (write.call.id != id).then(|| ModelDeviation::not_rejected(&row::DELETE_MISSING, &Reply::read(&write.at.response)))
}

fn requirement_of_rejection(write: &Write) -> &'static Requirement {
    match write.call.caller {
        Caller::Missing | Caller::Invalid => &row::AUTH_EFFECT,
        Caller::Key(_) => &row::REJECTED_EFFECT,
    }
}

/// The requirement about offerings that a write does not name.
fn requirement_about_others(write: &Write, is_reappeared: bool) -> &'static Requirement {
    match (write.state, write.call.endpoint) {
        (WriteState::Rejected | WriteState::Unknown, _) => requirement_of_rejection(write),
        (WriteState::Replayed, Endpoint::SetMain) => &row::SET_MAIN_REPLAY_EFFECT,
        (WriteState::Replayed, _) => &row::REPLAY_EFFECT,
        _ if is_reappeared => &row::DELETED_BACK,
        (_, Endpoint::SetMain) => &row::REST_CHANGED,
        (_, Endpoint::Delete) => &row::DELETE_CHANGED_OTHER,
        _ => &row::OTHER_CHANGED,
    }
}

/// The requirement about which offering is main.
fn requirement_about_main(write: Option<&Write>, mains: &[&str], is_elsewhere: bool) -> &'static Requirement {
    let Some(write) = write else {
        return match mains.len() {
            _ if is_elsewhere => &row::ISOLATION_EFFECT,
            0 => &row::NO_MAIN,
            1 => &row::GET_EFFECT,
            _ => &row::TWO_MAINS,
        };
    };
    let id = write.call.id.as_str();
    let is_main = mains.contains(&id);
    match (write.state, write.call.endpoint) {
        (WriteState::Rejected | WriteState::Unknown, _) => requirement_of_rejection(write),
        (WriteState::Replayed, Endpoint::SetMain) => &row::SET_MAIN_REPLAY_EFFECT,
        (WriteState::Replayed, _) => &row::REPLAY_EFFECT,
        (_, Endpoint::SetMain) if !is_main && write.main_before.as_deref() == Some(id) => &row::PROMOTED_AGAIN_NOT,
        (_, Endpoint::SetMain) if !is_main => &row::PROMOTED_NOT,
        (_, Endpoint::SetMain) => &row::PREVIOUS_MAIN,
        (_, Endpoint::Create) if mains.is_empty() => &row::CREATED_TAKES_MAIN,
        (_, Endpoint::Create) => &row::CREATED_ROLE,
        (_, Endpoint::Update) => &row::UPDATED_ROLE,
        (_, Endpoint::Delete) => &row::DELETE_CHANGED_OTHER,
        (_, Endpoint::List | Endpoint::Get) if mains.len() > 1 => &row::TWO_MAINS,
        (_, Endpoint::List | Endpoint::Get) => &row::NO_MAIN,
    }
}
