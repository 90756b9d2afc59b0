//! A world compared with what the list shows, and the write that explains a difference.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::call::{Call, Caller};
use super::conditions::{self as row, Promise};
use super::judge::same_time;
use super::pages::{PageDifference, contents};
use super::text::{ids, tag, times};
use super::verdict::{Choice, Wrong};
use super::world::{Main, World};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Exchange;
use crate::project::Snapshot;

/// A write since the state was read last.
#[derive(Clone, Debug)]
pub struct Write {
    /// The request.
    pub call: Call,
    /// What became of it.
    pub fate: WriteState,
    /// Which offering was main before it, where that was known.
    pub main_before: Option<String>,
    /// The exchange.
    pub at: Arc<Exchange>,
}

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteState {
    /// It was carried out.
    Done,
    /// It was carried out, with the body of the update before it.
    DoneAgain,
    /// Its idempotency key returned an earlier response.
    Replayed,
    /// It was rejected.
    Rejected,
    /// A server error: not known.
    Unknown,
}

impl WriteState {
    fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::DoneAgain)
    }
}

/// Something that the state does not explain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Surprise {
    /// What is wrong.
    pub wrong: Wrong,
    /// Which property differs, or `role`, `order`, `offering is gone`, `offering appeared`.
    pub property: &'static str,
    /// The offering that shows it, whose get shows whether the list alone is wrong; `None` where all of the list does.
    pub id: Option<String>,
    /// The place of the write that explains it among those since the last comparison.
    pub write: Option<usize>,
    /// What explains it where it was not the read that is blamed: reading again shows which.
    pub otherwise: Option<Box<Self>>,
}

/// What a comparison showed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// The server's doing.
    pub surprises: Vec<Surprise>,
    /// Another client's doing.
    pub foreign: Vec<String>,
    /// Rules that it checked and that are kept, unless a surprise says otherwise.
    pub rules: Vec<&'static str>,
    /// What the server chose at open points.
    pub choices: Vec<Choice>,
}

/// What differs about an offering.
enum What {
    Gone,
    Appeared,
    Differs(PageDifference),
}

impl What {
    fn word(&self) -> &'static str {
        match self {
            Self::Gone => "offering is gone",
            Self::Appeared => "offering appeared",
            Self::Differs((difference, ..)) => difference,
        }
    }

    /// What of it makes another defect of the same promise: where a write changes what it must not, or does not store
    /// what it must, the property does not.
    fn difference(&self, promise: &'static Promise) -> &'static str {
        match self {
            _ if [&raw const row::CREATED_AT, &raw const row::REJECTED_EFFECT]
                .contains(&std::ptr::from_ref(promise)) =>
            {
                ""
            }
            Self::Differs(("previous tag", ..)) => "tag",
            Self::Differs(_) if !std::ptr::eq(promise, &raw const row::REST_CHANGED) => "contents",
            Self::Appeared if std::ptr::eq(promise, &raw const row::LIST_VARIANT) => "listed",
            _ => self.word(),
        }
    }

    fn texts(&self, id: &str) -> (String, String) {
        match self {
            Self::Gone => (format!("`{id}` in the list"), format!("no `{id}`")),
            Self::Appeared => (format!("no `{id}`"), format!("`{id}` in the list")),
            Self::Differs((_, expected, received)) => (expected.clone(), received.clone()),
        }
    }
}

/// The writes that can explain a difference.
pub(super) struct Blame<'w> {
    /// Those to this project since it was read last.
    pub(super) writes: &'w [Write],
    /// Whether another project was written to meanwhile, and this one was not.
    pub(super) is_elsewhere: bool,
    /// Offerings that a get read since the last comparison.
    pub(super) reads: &'w BTreeSet<String>,
    /// Offerings that something was wrong with before.
    pub(super) tainted: &'w BTreeSet<String>,
}

impl World {
    /// Compares a snapshot with the world. The snapshot was read after all of the writes.
    pub(super) fn compare(&self, snapshot: &Snapshot, blame: &Blame<'_>) -> Comparison {
        let mut comparison = Comparison { rules: blame.rules(self), ..Comparison::default() };
        self.compare_main(snapshot, blame, &mut comparison);
        for (id, row) in self.rows.iter() {
            let what = match snapshot.find(id) {
                None => Some(What::Gone),
                Some(shown) => {
                    contents(&row.offering, shown).or_else(|| self.settled(id, shown, blame)).map(What::Differs)
                }
            };
            if let Some(what) = what {
                self.surprise(id, &what, snapshot.find(id), blame, &mut comparison);
            }
        }
        for shown in snapshot.offerings.iter().filter(|shown| !self.rows.contains_key(&shown.id)) {
            self.surprise(&shown.id, &What::Appeared, Some(shown), blame, &mut comparison);
        }
        if comparison.surprises.is_empty() {
            self.compare_order(snapshot, blame, &mut comparison);
        }
        comparison.choices.extend(blame.main_deletion(snapshot));
        comparison
    }

    /// What must not move on an offering that no write concerns, and the tag of a former main.
    fn settled(&self, id: &str, shown: &Offering, blame: &Blame<'_>) -> Option<PageDifference> {
        let expected = self.find(id)?;
        let is_promoted_or_demoted = shown.is_main() != expected.is_main() || shown.is_main() && blame.demoted(id);
        if is_promoted_or_demoted || self.is_main(id).is_none() {
            return None; // Roles are compared as a whole.
        }
        if blame.demoted(id) {
            let is_null = shown.tag != Some(0);
            return is_null.then(|| ("previous tag", "tag 0".into(), tag(shown.tag)));
        }
        if blame.concerns(id) {
            let is_back =
                blame.updates(id) && matches!((shown.updated(), expected.updated()), (Some(a), Some(b)) if a < b);
            return is_back.then(|| ("updated_at", format!("`{id}` {}", times(expected)), times(shown)));
        }
        if shown.tag != expected.tag {
            return Some(("tag", format!("`{id}` with {}", tag(expected.tag)), tag(shown.tag)));
        }
        let is_same = same_time(&shown.updated_at, &expected.updated_at);
        (!is_same).then(|| ("updated_at", format!("`{id}` {}", times(expected)), times(shown)))
    }

    fn surprise(
        &self,
        id: &str,
        what: &What,
        shown: Option<&Offering>,
        blame: &Blame<'_>,
        comparison: &mut Comparison,
    ) {
        if !self.is_ours(id) && !self.is_variant(id) {
            comparison.foreign.push(format!("`{id}`: {}", what.word()));
            return;
        }
        if blame.tainted.contains(id) {
            return;
        }
        let blamed = |blame: &Blame<'_>| {
            let (promise, write) = self.explain(id, what, shown, blame);
            let (expected, received) = what.texts(id);
            let wrong = Wrong::content(promise, what.difference(promise), expected, received);
            Surprise { wrong, property: what.word(), id: Some(id.to_owned()), write, otherwise: None }
        };
        let mut surprise = blamed(blame);
        if surprise.wrong.condition == row::GET_EFFECT.id && !blame.writes.is_empty() {
            surprise.otherwise = Some(Box::new(blamed(&Blame { reads: &BTreeSet::new(), ..*blame })));
        }
        comparison.surprises.push(surprise);
    }

    /// The promise that a difference breaks, by the write that explains it.
    fn explain(
        &self,
        id: &str,
        what: &What,
        shown: Option<&Offering>,
        blame: &Blame<'_>,
    ) -> (&'static Promise, Option<usize>) {
        if let What::Differs(("previous tag", ..)) = what {
            return (&row::PREVIOUS_NOT_ZERO, blame.last(|write| write.main_before.as_deref() == Some(id)));
        }
        let names =
            |write: &Write| write.call.id == id || !self.is_case_sensitive && write.call.id.eq_ignore_ascii_case(id);
        if matches!(what, What::Appeared) && self.is_variant(id) {
            return (&row::LIST_VARIANT, blame.last(names));
        }
        if matches!(what, What::Differs(("updated_at", ..))) && blame.reads.contains(id) {
            return (&row::GET_EFFECT, None);
        }
        if let Some(place) = blame.last(names) {
            return (self.broken_by(&blame.writes[place], id, what, shown), Some(place));
        }
        let renames =
            |write: &Write| write.call.endpoint == Endpoint::Update && write.call.body.id_text.as_deref() == Some(id);
        if let Some(place) = blame.last(|write| renames(write) && write.fate.is_done()) {
            return (&row::UPDATED_ID, Some(place));
        }
        if blame.demoted(id) {
            return (&row::PREVIOUS_CHANGED, blame.last(|write| write.main_before.as_deref() == Some(id)));
        }
        if matches!(what, What::Appeared) && self.elsewhere.contains(id) {
            return (&row::LIST_FOREIGN, None);
        }
        let place = blame.last(|write| write.fate.is_done()).or_else(|| blame.writes.len().checked_sub(1));
        let Some(place) = place else {
            return (if blame.is_elsewhere { &row::ISOLATION_EFFECT } else { &row::GET_EFFECT }, None);
        };
        (bleeding(&blame.writes[place], self.incarnations(id) > 0 && matches!(what, What::Appeared)), Some(place))
    }

    /// The promise about the offering that a write names.
    fn broken_by(&self, write: &Write, id: &str, what: &What, shown: Option<&Offering>) -> &'static Promise {
        let is_former = |shown: &Offering| {
            self.incarnations.get(id).is_some_and(|known| known.former_products.last() == Some(&shown.products))
        };
        match (write.fate, write.call.endpoint) {
            (WriteState::Rejected | WriteState::Unknown, _) => rejected(write),
            (WriteState::Replayed, Endpoint::SetMain) => &row::SET_MAIN_REPLAY_EFFECT,
            (WriteState::Replayed, _) => &row::REPLAY_EFFECT,
            (_, Endpoint::Create) => match what {
                What::Gone if write.call.key.as_ref().is_some_and(|key| self.keys_elsewhere.contains(key)) => {
                    &row::KEY_SCOPE
                }
                What::Gone => &row::CREATED_MISSING,
                What::Differs(("product_ids", ..)) if shown.is_some_and(is_former) => &row::RECREATED_PRODUCTS,
                What::Differs(("product_ids", ..)) => &row::CREATED_PRODUCTS,
                What::Appeared | What::Differs(_) => &row::CREATED_OTHER,
            },
            (fate, Endpoint::Update) => match what {
                What::Gone if write.call.body.id != super::body::Sent::Absent => &row::UPDATED_ID,
                What::Gone => &row::UPDATED_MISSING,
                What::Differs(("product_ids", ..)) if fate == WriteState::DoneAgain => &row::UPDATED_AGAIN,
                What::Differs(("product_ids" | "updated_at", ..)) if write.call.products().is_some() => {
                    &row::UPDATED_PRODUCTS
                }
                What::Differs(("created_at", ..)) => &row::CREATED_AT,
                What::Appeared | What::Differs(_) => &row::UPDATED_KEPT,
            },
            (_, Endpoint::Delete) => &row::DELETED_READABLE,
            (_, Endpoint::SetMain) => match what {
                What::Differs(("created_at", ..)) => &row::CREATED_AT,
                _ => &row::PROMOTED_PRODUCTS,
            },
            (_, Endpoint::List | Endpoint::Get) => &row::UNEXPLAINED,
        }
    }

    fn compare_main(&self, snapshot: &Snapshot, blame: &Blame<'_>, comparison: &mut Comparison) {
        let mut mains = snapshot.mains();
        mains.retain(|main| !self.extra_mains.contains(*main));
        let expected = match &self.main {
            Main::Is(expected) => Some(expected.as_str()),
            Main::Unsure { .. } if mains.len() < 2 => return,
            Main::None | Main::Unsure { .. } => None,
        };
        if mains.len() < 2 && mains.first().copied() == expected {
            return;
        }
        // That it is gone, or back, is reported by itself.
        let is_gone = expected.is_some_and(|id| snapshot.find(id).is_none()) && mains.is_empty();
        let is_back = mains.iter().any(|id| !self.rows.contains_key(*id)) && mains.len() == 1 && expected.is_none();
        if is_gone || is_back {
            return;
        }
        if mains.len() < 2 && self.is_foreign_change(snapshot, expected, &mains) {
            let found = mains.first().map_or("nothing".to_owned(), |main| format!("`{main}`"));
            comparison.foreign.push(format!("{found} became main"));
            return;
        }
        let place = blame.last(|write| write.fate.is_done()).or_else(|| blame.writes.len().checked_sub(1));
        let write = place.map(|place| &blame.writes[place]);
        if write.is_some_and(|write| blame.tainted.contains(&write.call.id)) {
            return;
        }
        let promise = main_broken_by(write, &mains, blame.is_elsewhere);
        let received = match mains.as_slice() {
            [] => "no offering with tag 1".to_owned(),
            [main] => format!("`{main}` is main"),
            several => format!("tag 1 on {}", several.join(" and ")),
        };
        let expected_text = expected.map_or("no main offering".into(), |main| format!("`{main}` is main"));
        let is_rejected = std::ptr::eq(promise, &raw const row::REJECTED_EFFECT);
        let difference = if is_rejected { "" } else { "role" };
        let mut wrong = Wrong::content(promise, difference, expected_text, received);
        let invariant = if mains.len() > 1 { row::TWO_MAINS.rule() } else { row::NO_MAIN.rule() };
        wrong.also.retain(|rule| ![row::TWO_MAINS.rule(), row::NO_MAIN.rule()].contains(rule));
        if wrong.rule != invariant && mains.len() != 1 {
            wrong.also.push(invariant);
        }
        // The one whose own get shows whether the list alone is wrong.
        let other = mains.iter().find(|main| Some(**main) != expected).copied();
        let id = other.or(expected).map(str::to_owned);
        comparison.surprises.push(Surprise { wrong, property: "role", id, write: place, otherwise: None });
    }

    /// Whether another client can have changed which offering is main.
    fn is_foreign_change(&self, snapshot: &Snapshot, expected: Option<&str>, mains: &[&str]) -> bool {
        if self.facts.is_exclusive {
            return false;
        }
        match (expected, mains.first()) {
            // Also where a promotion of ours demoted it: another client may have promoted it again.
            (_, Some(found)) => !self.is_ours(found),
            (Some(expected), None) => !self.is_ours(expected) && snapshot.find(expected).is_none(),
            (None, None) => true,
        }
    }

    /// By the date of creation in either direction, and as before.
    fn compare_order(&self, snapshot: &Snapshot, blame: &Blame<'_>, comparison: &mut Comparison) {
        let is_sound = |id: &str| self.is_ours(id) && !blame.tainted.contains(id);
        let ours: Vec<_> = snapshot.offerings.iter().filter(|shown| is_sound(&shown.id)).collect();
        // The date that was returned first: that it does not change is another rule.
        let dated = ours.iter().map(|shown| self.find(&shown.id).unwrap_or(shown).created());
        let dates: Vec<_> = dated.flatten().collect();
        comparison.rules.push(row::LIST_ORDER.rule());
        if !(dates.is_sorted() || dates.is_sorted_by(|a, b| a >= b)) {
            let received = ours.iter().take(6).map(|shown| format!("`{}` {}", shown.id, shown.created_at));
            let received = received.collect::<Vec<_>>().join(", ");
            let wrong = Wrong::content(&row::LIST_ORDER, "", "by created_at, in either direction", received);
            comparison.surprises.push(Surprise { wrong, property: "order", id: None, write: None, otherwise: None });
            return;
        }
        let Some(order) = &self.order else { return };
        let known: Vec<&str> =
            order.iter().map(String::as_str).filter(|id| snapshot.find(id).is_some() && is_sound(id)).collect();
        let found: Vec<&str> = snapshot
            .offerings
            .iter()
            .map(|shown| shown.id.as_str())
            .filter(|id| is_sound(id) && order.iter().any(|one| one == id))
            .collect();
        if known != found {
            let wrong = Wrong::content(&row::LIST_ORDER, "", ids(known), ids(found));
            comparison.surprises.push(Surprise { wrong, property: "order", id: None, write: None, otherwise: None });
        }
    }
}

impl Blame<'_> {
    fn last(&self, is: impl Fn(&Write) -> bool) -> Option<usize> {
        self.writes.iter().rposition(is)
    }

    fn concerns(&self, id: &str) -> bool {
        self.demoted(id)
            || self
                .writes
                .iter()
                .any(|write| write.call.id.eq_ignore_ascii_case(id) && !matches!(write.fate, WriteState::Rejected))
    }

    /// Whether an update of it is the last write that names it.
    fn updates(&self, id: &str) -> bool {
        let last = self.writes.iter().rev().find(|write| write.call.id.eq_ignore_ascii_case(id));
        last.is_some_and(|write| write.call.endpoint == Endpoint::Update && write.fate.is_done())
    }

    /// Whether another offering was promoted in the place of this one.
    fn demoted(&self, id: &str) -> bool {
        self.writes.iter().any(|write| {
            let is_promotion = write.call.endpoint == Endpoint::SetMain && write.fate.is_done();
            is_promotion && write.main_before.as_deref() == Some(id) && write.call.id != id
        })
    }

    /// What became of the role of a main offering that was deleted, where others are left.
    fn main_deletion(&self, snapshot: &Snapshot) -> Option<Choice> {
        let is_it = |write: &Write| {
            write.call.endpoint == Endpoint::Delete
                && write.fate.is_done()
                && write.main_before.as_deref() == Some(write.call.id.as_str())
        };
        self.writes.iter().find(|write| is_it(write)).filter(|_| !snapshot.offerings.is_empty())?;
        let what = if snapshot.mains().is_empty() { "no main is left" } else { "another becomes main at once" };
        let rule = row::DELETE_MAIN.rule();
        Some(Choice { rule, what: format!("{}: {what}", row::DELETE_MAIN.subject).into() })
    }

    /// What a comparison checks.
    fn rules(&self, world: &World) -> Vec<&'static str> {
        let mut rules = vec![row::TWO_MAINS.rule(), row::UNEXPLAINED.rule()];
        rules.extend(matches!(world.main, Main::Is(_)).then_some(row::NO_MAIN.rule()));
        for write in self.writes {
            let again = write.main_before.as_deref() == Some(write.call.id.as_str());
            let own: &[&Promise] = match (write.fate, write.call.endpoint) {
                (WriteState::Rejected, _) if !write.call.is_authorized() => &[&row::AUTH_EFFECT],
                (WriteState::Rejected, _) => &[&row::REJECTED_EFFECT],
                (WriteState::Replayed | WriteState::Unknown, _) | (_, Endpoint::List | Endpoint::Get) => &[],
                (_, Endpoint::Create) => &[&row::CREATED_MISSING, &row::BLEED],
                (WriteState::DoneAgain, Endpoint::Update) => &[&row::UPDATED_AGAIN, &row::UPDATED_KEPT, &row::BLEED],
                (_, Endpoint::Update) if write.call.products().is_some() => {
                    &[&row::UPDATED_PRODUCTS, &row::UPDATED_KEPT, &row::BLEED]
                }
                (_, Endpoint::Update) => &[&row::UPDATED_KEPT, &row::BLEED],
                (_, Endpoint::Delete) => &[&row::DELETED_LISTED, &row::BLEED],
                (_, Endpoint::SetMain) if again => &[&row::PROMOTED_AGAIN_NOT, &row::REST_CHANGED],
                (_, Endpoint::SetMain) if write.main_before.is_some() => {
                    &[&row::PROMOTED_NOT, &row::PREVIOUS_MAIN, &row::PREVIOUS_NOT_ZERO, &row::REST_CHANGED, &row::BLEED]
                }
                (_, Endpoint::SetMain) => &[&row::PROMOTED_NOT, &row::REST_CHANGED, &row::BLEED],
            };
            rules.extend(own.iter().map(|promise| promise.rule()));
            let is_again = write.fate.is_done()
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

fn rejected(write: &Write) -> &'static Promise {
    match write.call.caller {
        Caller::Missing | Caller::Invalid => &row::AUTH_EFFECT,
        Caller::Key(_) => &row::REJECTED_EFFECT,
    }
}

/// The promise about every offering that a write does not name.
fn bleeding(write: &Write, is_back: bool) -> &'static Promise {
    match (write.fate, write.call.endpoint) {
        (WriteState::Rejected | WriteState::Unknown, _) => rejected(write),
        (WriteState::Replayed, Endpoint::SetMain) => &row::SET_MAIN_REPLAY_EFFECT,
        (WriteState::Replayed, _) => &row::REPLAY_EFFECT,
        _ if is_back => &row::DELETED_BACK,
        (_, Endpoint::SetMain) => &row::REST_CHANGED,
        (_, Endpoint::Delete) => &row::DELETE_BLEED,
        _ => &row::BLEED,
    }
}

/// The promise about which offering is main.
fn main_broken_by(write: Option<&Write>, mains: &[&str], is_elsewhere: bool) -> &'static Promise {
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
    match (write.fate, write.call.endpoint) {
        (WriteState::Rejected | WriteState::Unknown, _) => rejected(write),
        (WriteState::Replayed, Endpoint::SetMain) => &row::SET_MAIN_REPLAY_EFFECT,
        (WriteState::Replayed, _) => &row::REPLAY_EFFECT,
        (_, Endpoint::SetMain) if !is_main && write.main_before.as_deref() == Some(id) => &row::PROMOTED_AGAIN_NOT,
        (_, Endpoint::SetMain) if !is_main => &row::PROMOTED_NOT,
        (_, Endpoint::SetMain) => &row::PREVIOUS_MAIN,
        (_, Endpoint::Create) if mains.is_empty() => &row::CREATED_TAKES_MAIN,
        (_, Endpoint::Create) => &row::CREATED_ROLE,
        (_, Endpoint::Update) => &row::UPDATED_ROLE,
        (_, Endpoint::Delete) => &row::DELETE_BLEED,
        (_, Endpoint::List | Endpoint::Get) if mains.len() > 1 => &row::TWO_MAINS,
        (_, Endpoint::List | Endpoint::Get) => &row::NO_MAIN,
    }
}
