//! One possible state of a project, and the effects of requests on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::body::Sent;
use super::call::Call;
use super::conditions as row;
use super::keys::Use;
use super::reply::{Page, Reply};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::offerings::naming::Naming;
use crate::project::Snapshot;

/// Facts about a project that do not change during a case.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Facts {
    /// Prefix of all ids of this run; no product id starts with it.
    pub prefix: String,
    /// Known product ids. Others may exist, unless they start with the prefix.
    pub products: BTreeSet<String>,
    /// A product id that only another project has.
    pub foreign_product: Option<String>,
    /// The id of an experiment variant.
    pub variant: Option<String>,
    /// Whether no other client writes to the project, so that the server caused every change.
    pub is_exclusive: bool,
    /// Whether the run created an offering in the project earlier. That the first offering of an emptied project
    /// becomes main is only a recommendation.
    pub was_used: bool,
}

impl Facts {
    /// The known product that differs from an id only in letter case.
    pub(super) fn in_other_case(&self, id: &str) -> Option<&String> {
        self.products.iter().find(|known| *known != id && known.eq_ignore_ascii_case(id))
    }

    /// Whether a server that accepts `sent` may store `found`: the same list, repeated entries merged, or entries in the
    /// letter case of the known product.
    pub(super) fn may_store(&self, sent: &[String], found: &[String]) -> bool {
        let is_same = |(sent, found): (&String, &String)| sent == found || self.in_other_case(sent) == Some(found);
        let is_in_case = sent.len() == found.len() && sent.iter().zip(found).all(is_same);
        is_in_case || is_merged(sent, found)
    }
}

/// What the responses show about which offering is main.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Main {
    /// This one.
    Is(String),
    /// None.
    None,
    /// Unknown: the main was deleted or a response was lost. The server may have chosen any other or none.
    Unknown {
        /// Ids that a response showed as regular since then.
        not: BTreeSet<String>,
    },
}

/// A regular offering.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Row {
    pub(super) offering: Offering,
    /// The body of the last update since the last read, for the rule about repeated updates.
    pub(super) updated_by: Option<Arc<str>>,
    /// Whether only a list has shown its contents so far.
    pub(super) is_only_listed: bool,
}

/// The history of an id that the run created.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct Incarnations {
    /// The number of creates.
    pub(super) count: u32,
    /// `created_at` of the last deleted offering, as received.
    pub(super) former_created_at: String,
    /// The products of the deleted offerings.
    pub(super) former_products: Vec<Vec<String>>,
}

/// One possible state of a project: its regular offerings, its main, and the used idempotency keys.
///
/// Cheap to clone: worlds share all parts that a response does not change.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    pub(super) facts: Arc<Facts>,
    pub(super) rows: Arc<BTreeMap<String, Row>>,
    pub(super) main: Main,
    /// Whether it was empty at the first read and no offering was created since.
    pub(super) is_untouched: bool,
    /// Whether the first offering after it was emptied became main. The next first one must become main too.
    pub(super) promotes_again: bool,
    /// Ids that the run sent in a create, and other ids that it is responsible for.
    pub(super) attempted: Arc<BTreeSet<String>>,
    pub(super) incarnations: Arc<BTreeMap<String, Incarnations>>,
    /// The different uses of each idempotency key of an operation.
    pub(super) keys: Arc<BTreeMap<(Endpoint, String), Vec<Use>>>,
    /// The ids in the order of the list, if known.
    pub(super) order: Option<Arc<Vec<String>>>,
    /// Ids that only another project has.
    pub(super) elsewhere: Arc<BTreeSet<String>>,
    /// Idempotency keys that were used in another project.
    pub(super) keys_elsewhere: Arc<BTreeSet<String>>,
    /// Wrong responses of operations to ids that never existed: status and code.
    pub(super) missing_as: Arc<BTreeMap<Endpoint, (u16, Option<String>)>>,
    /// Additional main offerings that a failure already reports.
    pub(super) extra_mains: Arc<BTreeSet<String>>,
    /// Whether ids that differ only in case are known to name two offerings.
    pub(super) is_case_sensitive: bool,
    /// The returned opaque cursors with the id that they stand for.
    pub(super) cursors: Arc<BTreeMap<String, String>>,
}

impl World {
    /// The state that a first snapshot shows.
    pub fn starting_from(snapshot: &Snapshot, facts: Facts) -> Self {
        let mut world = Self {
            is_untouched: snapshot.offerings.is_empty() && !facts.was_used,
            promotes_again: false,
            facts: Arc::new(facts),
            rows: Arc::default(),
            main: Main::None,
            attempted: Arc::default(),
            incarnations: Arc::default(),
            keys: Arc::default(),
            order: None,
            elsewhere: Arc::default(),
            keys_elsewhere: Arc::default(),
            missing_as: Arc::default(),
            extra_mains: Arc::default(),
            is_case_sensitive: false,
            cursors: Arc::default(),
        };
        world.adopt(snapshot);
        world
    }

    /// The same world with another main.
    #[must_use]
    pub fn with_main(mut self, main: Main) -> Self {
        self.main = main;
        self
    }

    /// The same world as if an offering had been created before: its first offering may or may not become main.
    #[must_use]
    pub fn touched(mut self) -> Self {
        self.is_untouched = false;
        self
    }

    /// The same world without times, former incarnations and repeated updates, so that two orders of the same writes
    /// lead to equal worlds.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        let has_details = |Row { offering, updated_by, is_only_listed }: &Row| {
            *is_only_listed || updated_by.is_some() || offering.tag.is_some() || !offering.updated_at.is_empty()
        };
        if self.rows.values().any(has_details) {
            for Row { offering, updated_by, is_only_listed } in Arc::make_mut(&mut self.rows).values_mut() {
                (*updated_by, offering.tag, *is_only_listed) = (None, None, false);
                offering.updated_at.clear();
            }
        }
        self.order = None;
        self.forget_former_incarnations();
        self
    }

    /// Treats these ids as the run's own, whether they exist or not.
    pub fn own(&mut self, ids: impl IntoIterator<Item = String>) {
        Arc::make_mut(&mut self.attempted).extend(ids);
    }

    /// Replaces the state by the snapshot.
    pub fn adopt(&mut self, snapshot: &Snapshot) {
        let row = |offering: &Offering| {
            let known = self.rows.get(&offering.id);
            let is_same =
                known.is_some_and(|known| known.offering.products == offering.products && !known.is_only_listed);
            let updated_by = known.and_then(|known| known.updated_by.clone());
            Row { offering: offering.clone(), updated_by, is_only_listed: !is_same }
        };
        self.rows = Arc::new(snapshot.offerings.iter().map(|one| (one.id.clone(), row(one))).collect());
        let mains = snapshot.mains();
        let is_unchanged = matches!(&self.main, Main::Is(main) if mains.contains(&main.as_str()));
        if !is_unchanged {
            let new = mains.iter().find(|id| !self.extra_mains.contains(**id)).or(mains.first());
            self.main = new.map_or(Main::None, |&id| Main::Is(id.to_owned()));
        }
        if mains.len() > 1 || !self.extra_mains.is_empty() {
            let is_extra = |id: &&&str| !matches!(&self.main, Main::Is(main) if main == **id);
            self.extra_mains = Arc::new(mains.iter().filter(is_extra).map(|&id| id.to_owned()).collect());
        }
        self.is_untouched &= snapshot.offerings.is_empty();
        self.order = Some(Arc::new(snapshot.offerings.iter().map(|one| one.id.clone()).collect()));
    }

    /// Whether both worlds have the same offerings and the same main, whatever their times.
    pub(super) fn has_same_offerings(&self, other: &Self) -> bool {
        let contents = |world: &Self| -> Vec<(String, Vec<String>)> {
            world.offerings().map(|offering| (offering.id.clone(), offering.products.clone())).collect()
        };
        self.main == other.main && contents(self) == contents(other)
    }

    /// The expected offering with this id.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.rows.get(id).map(|row| &row.offering)
    }

    /// All offerings, in the order of their ids.
    pub fn offerings(&self) -> impl Iterator<Item = &Offering> {
        self.rows.values().map(|row| &row.offering)
    }

    /// The ids in the order of the list; empty if unknown.
    pub fn order(&self) -> Vec<&str> {
        self.order.as_deref().map_or(Vec::new(), |order| order.iter().map(String::as_str).collect())
    }

    /// Which offering is main.
    pub fn main(&self) -> &Main {
        &self.main
    }

    /// Whether only the server can have changed this offering: the run or the whole project owns it.
    pub fn is_ours(&self, id: &str) -> bool {
        self.facts.is_exclusive || self.is_created(id)
    }

    /// Whether the run sent this id in a create.
    pub fn is_created(&self, id: &str) -> bool {
        id.starts_with(&self.facts.prefix) || self.attempted.contains(id)
    }

    /// Whether another run of this program, which may promote and delete it at any time, created this offering of a
    /// shared project.
    pub fn is_of_another_run(&self, id: &str) -> bool {
        !self.facts.is_exclusive && Naming::is_of_another_run(id, &self.facts.prefix)
    }

    /// The number of times that the run created this id.
    pub fn incarnations(&self, id: &str) -> u32 {
        self.incarnations.get(id).map_or(0, |known| known.count)
    }

    /// Whether an id exists or existed but must get the responses of one that never existed.
    pub fn is_hidden(&self, id: &str) -> bool {
        self.is_variant(id) || self.elsewhere.contains(id) || self.was_deleted(id)
    }

    /// Whether an operation is known to respond wrongly to ids that never existed.
    pub fn knows_missing(&self, endpoint: Endpoint) -> bool {
        self.missing_as.contains_key(&endpoint)
    }

    pub(super) fn is_variant(&self, id: &str) -> bool {
        self.facts.variant.as_deref() == Some(id)
    }

    /// The offerings that an id may name; `None` means no offering. Ids that differ only in case may be equal.
    pub(super) fn readings(&self, id: &str) -> Vec<Option<String>> {
        if self.rows.contains_key(id) {
            return vec![Some(id.to_owned())];
        }
        if self.is_case_sensitive {
            return vec![None];
        }
        let twin = self.rows.keys().find(|known| self.is_ours(known) && known.eq_ignore_ascii_case(id));
        std::iter::once(None).chain(twin.map(|twin| Some(twin.clone()))).collect()
    }

    /// Whether this offering is main; `None` if unknown.
    pub(super) fn is_main(&self, id: &str) -> Option<bool> {
        match &self.main {
            Main::Is(main) => Some(main == id),
            Main::None => Some(false),
            Main::Unknown { not } => not.contains(id).then_some(false),
        }
    }

    /// Whether the next created offering must become main (`Some(true)`), must not (`Some(false)`), or may (`None`).
    pub(super) fn next_is_main(&self) -> Option<bool> {
        match self.main {
            Main::Is(_) => Some(false),
            Main::None if (self.is_untouched || self.promotes_again) && self.rows.is_empty() => Some(true),
            Main::None | Main::Unknown { .. } => None,
        }
    }

    /// The world after a rejected request.
    pub(super) fn after_rejection(&self, call: &Call, status: u16) -> Self {
        let mut world = self.clone();
        world.note_attempt(call, row::DUPLICATE.statuses.contains(&status));
        if call.is_write() {
            world.remember(call, Use::rejected(call, status));
        }
        world
    }

    /// The world after an accepted request for the offering `target`.
    pub(super) fn after_success(&self, call: &Call, target: Option<&str>, shown: Option<&Offering>) -> Self {
        let mut world = self.clone();
        world.note_attempt(call, false);
        if !call.is_write() {
            return world;
        }
        let id = target.unwrap_or(&call.id);
        match call.endpoint {
            Endpoint::Create => {
                if !self.is_ours(&call.id) && self.rows.contains_key(&call.id) {
                    // Another client has deleted its offering meanwhile.
                    Arc::make_mut(&mut world.rows).remove(&call.id);
                }
                world.created(call, shown);
            }
            Endpoint::Update => world.updated(id, call, shown),
            Endpoint::Delete => world.deleted(id),
            Endpoint::SetMain => world.promoted(id, shown),
            Endpoint::List | Endpoint::Get => {}
        }
        let incarnation = world.incarnations(&call.id);
        world.remember(call, Use::accepted(call, shown, incarnation));
        world
    }

    /// The world after a wrong response. A success is assumed to have had its effect.
    pub fn after_deviation(&self, call: &Call, reply: &Reply) -> Self {
        let target = self.rows.contains_key(&call.id).then_some(call.id.as_str());
        let mut world = if reply.is_success() {
            self.after_success(call, target, reply.offering())
        } else {
            self.after_rejection(call, reply.status)
        };
        let id = call.after.as_deref().unwrap_or(&call.id);
        let never_existed = !self.rows.contains_key(id)
            && !self.was_deleted(id)
            && !self.is_variant(id)
            && !self.elsewhere.contains(id)
            && call.endpoint != Endpoint::Create
            && !id.is_empty()
            && call.is_authorized();
        if never_existed && super::call::is_offering_id(id) {
            Arc::make_mut(&mut world.missing_as).insert(call.endpoint, (reply.status, reply.code.clone()));
        }
        world
    }

    /// The possible worlds after a request that had an effect but whose response is unknown; empty if it cannot have
    /// had one.
    pub fn possible_successors(&self, call: &Call) -> Vec<Self> {
        let readings = self.readings(&call.id);
        let targets = readings.iter().map(Option::as_deref);
        targets
            .filter(|target| self.may_be_done(call, *target))
            .map(|target| self.after_success(call, target, None))
            .collect()
    }

    /// Records which offering is main, if that was unknown and the response shows it.
    pub(super) fn learn(&mut self, call: &Call, reply: &Reply) {
        if let Some(Page { offerings, next_cursor: Some(cursor), .. }) = reply.page()
            && let Some(last) = offerings.last()
            && last.id != *cursor
        {
            Arc::make_mut(&mut self.cursors).insert(cursor.clone(), last.id.clone());
        }
        let Main::Unknown { not } = &mut self.main else { return };
        let shown = match reply.page() {
            Some(page) => page.offerings.as_slice(),
            None => reply.offering().map(std::slice::from_ref).unwrap_or_default(),
        };
        let is_whole = call.after.is_none() && reply.page().is_some_and(|page| page.has_more == Some(false));
        match shown.iter().find(|offering| offering.is_main()) {
            Some(main) => self.main = Main::Is(main.id.clone()),
            None if is_whole => self.main = Main::None,
            None => not.extend(shown.iter().map(|offering| offering.id.clone())),
        }
    }

    /// `conflicts` means that another client may have the id.
    fn note_attempt(&mut self, call: &Call, conflicts: bool) {
        let is_new = call.endpoint == Endpoint::Create && !call.id.is_empty() && !self.attempted.contains(&call.id);
        if is_new && !conflicts {
            Arc::make_mut(&mut self.attempted).insert(call.id.clone());
        }
    }

    fn remember(&mut self, call: &Call, used: Use) {
        let Some(key) = &call.key else { return };
        let uses = Arc::make_mut(&mut self.keys).entry((call.endpoint, key.clone())).or_default();
        match uses.iter_mut().find(|known| known.is_for(call)) {
            // A key stands for its first success.
            Some(known) if known.is_applied() => {}
            Some(known) => *known = used,
            None => uses.push(used),
        }
    }

    fn created(&mut self, call: &Call, shown: Option<&Offering>) {
        let offering = shown.cloned().unwrap_or_else(|| Offering {
            id: call.id.clone(),
            tag: None,
            products: call.products().unwrap_or_default().to_vec(),
            created_at: String::new(),
            updated_at: String::new(),
            url: String::new(),
        });
        if self.rows.contains_key(&offering.id) {
            return; // A repeated response: it exists already.
        }
        if shown.is_none() {
            self.main = self.main_after_unseen(&offering.id);
        }
        if offering.is_main() && !matches!(self.main, Main::Is(_)) {
            self.main = Main::Is(offering.id.clone());
        }
        self.promotes_again |= !self.is_untouched && self.rows.is_empty() && offering.is_main() && shown.is_some();
        self.is_untouched = false;
        self.order = None;
        self.is_case_sensitive |= self.rows.keys().any(|known| known.eq_ignore_ascii_case(&offering.id));
        Arc::make_mut(&mut self.incarnations).entry(offering.id.clone()).or_default().count += 1;
        Arc::make_mut(&mut self.rows)
            .insert(offering.id.clone(), Row { offering, updated_by: None, is_only_listed: false });
    }

    /// The main after a create whose response is unknown.
    fn main_after_unseen(&self, id: &str) -> Main {
        match (&self.main, self.next_is_main()) {
            (Main::None, Some(true)) => Main::Is(id.to_owned()),
            (Main::None, _) => Main::Unknown { not: self.rows.keys().cloned().collect() },
            (Main::Unknown { not }, _) => {
                Main::Unknown { not: not.iter().filter(|known| *known != id).cloned().collect() }
            }
            (known @ Main::Is(_), _) => known.clone(),
        }
    }

    fn updated(&mut self, id: &str, call: &Call, shown: Option<&Offering>) {
        let Some(row) = Arc::make_mut(&mut self.rows).get_mut(id) else { return };
        if let Some(shown) = shown {
            row.offering.updated_at.clone_from(&shown.updated_at);
        }
        row.updated_by = Some(call.body.text.as_str().into());
        row.is_only_listed &= call.products().is_none();
        if let Sent::Value(sent) = &call.body.products {
            let stored = shown.map(|shown| &shown.products).filter(|shown| self.facts.may_store(sent, shown));
            row.offering.products.clone_from(stored.unwrap_or(sent));
        }
    }

    fn deleted(&mut self, id: &str) {
        if let Some(Row { offering, .. }) = Arc::make_mut(&mut self.rows).remove(id) {
            let known = Arc::make_mut(&mut self.incarnations).entry(id.to_owned()).or_default();
            known.former_created_at = offering.created_at;
            known.former_products.push(offering.products);
        }
        if !self.facts.is_exclusive && !id.starts_with(&self.facts.prefix) && self.attempted.contains(id) {
            // Another client may create an id without the prefix of the run.
            Arc::make_mut(&mut self.attempted).remove(id);
        }
        if let Some(order) = &mut self.order {
            Arc::make_mut(order).retain(|listed| listed != id);
        }
        let is_known = matches!(self.main, Main::Is(_) | Main::None);
        match self.is_main(id) {
            Some(false) if is_known => {}
            _ if self.rows.is_empty() => self.main = Main::None,
            Some(false) => {}
            Some(true) | None => self.main = Main::Unknown { not: BTreeSet::new() },
        }
    }

    /// Restores an offering that a list omitted, or removes one that it should not contain.
    pub(super) fn correct(&mut self, id: &str, offering: Option<&Offering>) {
        let rows = Arc::make_mut(&mut self.rows);
        match offering {
            Some(offering) => {
                let row = Row { offering: offering.clone(), updated_by: None, is_only_listed: false };
                rows.insert(id.to_owned(), row);
            }
            None => {
                rows.remove(id);
            }
        }
        self.order = None;
    }

    pub(super) fn promoted(&mut self, id: &str, shown: Option<&Offering>) {
        // The run is responsible for what it made main, even an experiment variant.
        if !self.attempted.contains(id) {
            Arc::make_mut(&mut self.attempted).insert(id.to_owned());
        }
        let rows = Arc::make_mut(&mut self.rows);
        if let Main::Is(previous) = &self.main
            && previous != id
            && let Some(row) = rows.get_mut(previous)
        {
            row.offering.tag = Some(0);
        }
        if let Some(row) = rows.get_mut(id) {
            row.offering.tag = Some(1);
            if let Some(shown) = shown {
                row.offering.updated_at.clone_from(&shown.updated_at);
            }
        }
        self.main = Main::Is(id.to_owned());
        if self.extra_mains.contains(id) {
            Arc::make_mut(&mut self.extra_mains).remove(id);
        }
    }
}

/// Whether `found` is `sent` in the same order without repeated entries, with the first or the last of each.
fn is_merged(sent: &[String], found: &[String]) -> bool {
    let equals_unique = |found: &[String], sent: &mut dyn Iterator<Item = &String>| {
        let mut unique: Vec<&String> = Vec::new();
        for id in sent {
            if !unique.contains(&id) {
                unique.push(id);
            }
        }
        unique.len() == found.len() && unique.iter().zip(found).all(|(unique, found)| *unique == found)
    };
    let backwards: Vec<String> = found.iter().rev().cloned().collect();
    equals_unique(found, &mut sent.iter()) || equals_unique(&backwards, &mut sent.iter().rev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_list_has_the_first_or_last_of_repeated_entries() {
        let list = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert!(is_merged(&list("abac"), &list("abc")) && is_merged(&list("abac"), &list("bac")));
        assert!(!is_merged(&list("abac"), &list("cab")) && !is_merged(&list("abac"), &list("ab")));
    }
}
