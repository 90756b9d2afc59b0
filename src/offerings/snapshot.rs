//! Reads the whole list of a project and compares it with the oracle's state. If they differ, a get shows whether the
//! list or the stored state is wrong.

use std::collections::HashSet;
use std::sync::Arc;

use super::context::Context;
use super::oracle::conditions as row;
use super::oracle::conditions::Requirement;
use super::oracle::{About, Call, Comparison, Content, Mismatch, ModelDeviation, Reply};
use super::trace::{self, Transcript};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::finding::Failure;
use crate::project::{Abort, Snapshot};

/// The maximum number of pages to read: 50,000 offerings. A faulty server may return pages without end.
const MAX_PAGES: usize = 500;

/// The maximum size of a list in bytes. Several copies must fit into memory.
const MAX_BYTES: usize = 12 << 20;

/// The maximum number of restarted reads, after another client deleted the cursor.
const MAX_RESTARTS: usize = 3;

/// The maximum number of offerings on a page.
pub(super) const MAX_LIMIT: usize = 100;

/// The maximum number of gets per comparison.
const MAX_GETS: usize = 3;

impl Context {
    /// Reads the main project and compares it.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn read_state(&mut self) -> Result<Snapshot, Abort> {
        self.read_project(KeyRole::Main).await
    }

    /// Reads and compares every project that was written to, or that must not have changed.
    pub(super) async fn read_projects(&mut self) -> Result<(), Abort> {
        let roles = self.oracle.projects();
        let is_written =
            |cx: &Self, role: KeyRole| cx.oracle.state(role).is_some_and(super::oracle::State::has_new_writes);
        let any = roles.iter().any(|role| is_written(self, *role));
        let must_read = |cx: &Self, role: KeyRole| is_written(cx, role) || any && cx.is_watching();
        for other in roles.iter().skip(1) {
            if must_read(self, *other) {
                self.read_ahead(*other);
            }
        }
        for role in roles {
            if must_read(self, role) {
                self.read_project(role).await?;
            }
        }
        Ok(())
    }

    /// Reads a project and compares it.
    pub(super) async fn read_project(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        if self.uncertain.remove(&role) {
            return self.adopt(role).await;
        }
        let promoted = self.oracle.state(role).is_some_and(super::oracle::State::has_promoted);
        let others: Vec<KeyRole> = if promoted && self.is_watching() {
            let is_other = |other: &KeyRole| {
                *other != role && self.oracle.state(*other).is_some_and(|state| !state.has_new_writes())
            };
            self.oracle.projects().into_iter().filter(is_other).collect()
        } else {
            Vec::new()
        };
        for other in &others {
            self.read_ahead(*other);
        }
        let mut snapshot = self.walk(role).await?;
        if snapshot.pages > 1 && snapshot.mains().len() > 1 {
            // Pages are read one after another: another client may have promoted an offering in between.
            snapshot = self.walk(role).await?;
        }
        self.compare(role, &snapshot, None).await?;
        for other in others {
            let snapshot = self.walk(other).await?;
            self.compare(other, &snapshot, None).await?;
        }
        Ok(snapshot)
    }

    /// Reads the project and replaces the expected state by what it shows.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn adopt(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        let snapshot = self.walk(role).await?;
        self.uncertain.remove(&role);
        let foreign = self.oracle.state(role).map_or(Vec::new(), |state| state.foreign_changes(&snapshot));
        self.session.record.foreign.extend(foreign);
        self.accept(role, &snapshot);
        self.oracle.compare_projects();
        Ok(snapshot)
    }

    /// Replaces the expected state by a list, corrected by what gets showed.
    fn accept(&mut self, role: KeyRole, snapshot: &Snapshot) {
        let Some(state) = self.oracle.state_mut(role) else { return };
        self.adoptions += 1;
        state.adopt(snapshot, !self.tainted.is_empty());
        for ((of, id), offering) in &self.corrected {
            if *of == role {
                state.correct(id, offering.as_ref());
            }
        }
    }

    /// Compares a snapshot of a project with its state. `seen` is an earlier read that differed.
    async fn compare(
        &mut self,
        role: KeyRole,
        snapshot: &Snapshot,
        seen: Option<&Arc<Exchange>>,
    ) -> Result<Comparison, Abort> {
        let is_elsewhere = role != KeyRole::Main || self.oracle.projects().len() > 1;
        let Some(state) = self.oracle.state(role) else { return Ok(Comparison::default()) };
        // Known errors of the list are not reported again.
        let mut sound = snapshot.clone();
        sound.offerings.retain(|offering| !matches!(self.corrected.get(&(role, offering.id.clone())), Some(None)));
        let snapshot = &sound;
        let mut comparison = state.compare(snapshot, is_elsewhere, &self.tainted);
        let broken: Vec<&str> = comparison.mismatches.iter().map(|mismatch| mismatch.deviation.rule).collect();
        for rule in comparison.rules.iter().filter(|rule| !broken.contains(*rule)) {
            self.session.record.checked(rule);
        }
        for choice in &comparison.choices {
            self.session.record.observe(choice.rule, choice.what.clone());
        }
        self.session.record.foreign.append(&mut comparison.foreign);
        let at = self.session.trace().last().cloned();
        let mut corrections = Vec::new();
        match at.filter(|_| !comparison.mismatches.is_empty()) {
            Some(at) => corrections = self.report(role, snapshot, &comparison, &at, seen).await?,
            None => self.release_general(),
        }
        let main = self.oracle.state(role).and_then(|state| state.main().map(str::to_owned));
        let is_main_wrong = corrections.iter().any(|correction| matches!(correction, Correction::Main));
        for correction in corrections {
            if let Correction::Row(id, offering) = correction {
                self.corrected.insert((role, id), offering);
            }
        }
        self.accept(role, snapshot);
        if let Some(state) = self.oracle.state_mut(role).filter(|_| is_main_wrong) {
            state.correct_main(main.as_deref());
        }
        self.oracle.compare_projects();
        Ok(comparison)
    }

    /// Adds one failure for each write that explains mismatches: the first is its title, the others are evidence.
    async fn report(
        &mut self,
        role: KeyRole,
        snapshot: &Snapshot,
        comparison: &Comparison,
        at: &Arc<Exchange>,
        seen: Option<&Arc<Exchange>>,
    ) -> Result<Vec<Correction>, Abort> {
        let mut corrections = Vec::new();
        let mut gets = 0;
        let mut mismatches = comparison.mismatches.clone();
        self.confirm_times(role, snapshot, &mut mismatches).await?;
        for mismatches in grouped(&mismatches) {
            let Some(first) = mismatches.first().cloned() else { continue };
            let place = first.write;
            let mut deviation = first.deviation.clone();
            let mut shown_at = Arc::clone(at);
            self.tainted.extend(mismatches.iter().filter_map(|mismatch| mismatch.id.clone()));
            if let Some(id) = first.id.as_deref().filter(|_| gets < MAX_GETS) {
                gets += 1;
                let get = self.send_quietly(Request::to(Endpoint::Get).id(id).key(role)).await?;
                match self.only_listed(role, id, &get, &first, snapshot.pages) {
                    Some(other) => {
                        deviation = other;
                        let state = self.oracle.state(role);
                        let known = |id: &str| state.and_then(|state| state.find(id)).cloned();
                        corrections.extend(mismatches.iter().filter_map(|mismatch| match mismatch.property {
                            "role" => Some(Correction::Main),
                            _ => mismatch.id.as_deref().map(|id| Correction::Row(id.to_owned(), known(id))),
                        }));
                    }
                    None => shown_at = if get.response.is_success() { get } else { shown_at },
                }
            }
            for other in &mismatches[1..] {
                deviation
                    .also
                    .extend(std::iter::once(other.deviation.rule).chain(other.deviation.also.iter().copied()));
            }
            let main_rule = deviation.rule;
            deviation.also.retain(|rule| *rule != main_rule);
            deviation.also.sort_unstable();
            deviation.also.dedup();
            let write = place.and_then(|place| Some(self.oracle.state(role)?.writes().get(place)?.clone()));
            if let Some(write) = write.as_ref().filter(|_| deviation.about == About::Status) {
                shown_at = Arc::clone(&write.at); // Its response is wrong, not the state.
            }
            let mut failure = self.failure(deviation, &shown_at);
            let mut ids: Vec<&str> = mismatches.iter().filter_map(|mismatch| mismatch.id.as_deref()).take(3).collect();
            if let Some(write) = &write {
                failure.operation = write.at.request.operation.clone();
                ids.push(&write.call.id);
                let is_about_role = |mismatch: &Mismatch| ["role", "tag", "previous tag"].contains(&mismatch.property);
                let concerns_main = write.call.endpoint == Endpoint::SetMain || mismatches.iter().any(is_about_role);
                ids.extend(write.main_before.as_deref().filter(|_| concerns_main));
            }
            let transcript = self.transcript_without_writes_after(write.as_ref().map(|write| &write.at));
            failure.trace = trace::leading_to(&transcript, &shown_at, &ids, &failure);
            if let Some(seen) = seen {
                trace::insert(&mut failure.trace, seen);
            }
            if failure.condition == row::ISOLATION_EFFECT.id
                && let Some(write) = failure.trace.iter().rev().find(|exchange| exchange.request.is_write())
            {
                failure.operation = write.request.operation.clone();
            }
            // General failures of the same reads are consequences.
            failure.also.extend(self.general.drain(..).map(|general| general.rule));
            self.add(failure);
        }
        Ok(corrections)
    }

    /// The transcript without the writes after the one that explains a mismatch, such as those of the cleanup.
    fn transcript_without_writes_after(&self, last: Option<&Arc<Exchange>>) -> Transcript {
        let mut transcript = self.transcript();
        let exchanges = &mut transcript.exchanges;
        let end = last.and_then(|last| exchanges.iter().position(|exchange| Arc::ptr_eq(exchange, last)));
        if let Some(end) = end {
            let mut place = 0..;
            exchanges.retain(|exchange| place.next() <= Some(end) || !exchange.request.is_write());
        }
        transcript
    }

    /// If a read or a write may have changed a time, a second read shows which did.
    async fn confirm_times(
        &mut self,
        role: KeyRole,
        snapshot: &Snapshot,
        mismatches: &mut [Mismatch],
    ) -> Result<(), Abort> {
        let unsure = mismatches.iter().find(|mismatch| mismatch.without_read.is_some());
        let Some(id) = unsure.and_then(|mismatch| mismatch.id.clone()) else { return Ok(()) };
        self.send_quietly(Request::to(Endpoint::Get).id(&id).key(role)).await?;
        let again = self.walk(role).await?;
        let time = |snapshot: &Snapshot| snapshot.find(&id).map(|offering| offering.updated_at.clone());
        if time(&again) == time(snapshot) {
            for mismatch in mismatches {
                if let Some(other) = mismatch.without_read.take() {
                    *mismatch = *other;
                }
            }
        }
        Ok(())
    }

    /// The deviation of the list alone, if a get returns the expected offering.
    fn only_listed(
        &self,
        role: KeyRole,
        id: &str,
        get: &Exchange,
        mismatch: &Mismatch,
        pages: usize,
    ) -> Option<ModelDeviation> {
        let reply = Reply::read(&get.response);
        let state = self.oracle.state(role)?;
        let is_there = state.find(id).is_some();
        let shown = reply.offering().filter(|_| reply.is_success());
        let is_expected = match shown {
            Some(shown) => is_there && state.is_as_expected(id, shown, mismatch.property),
            None => !is_there && reply.status == 404,
        };
        if !is_expected {
            return None;
        }
        let is_write = |endpoint| {
            mismatch
                .write
                .and_then(|place| state.writes().get(place))
                .is_some_and(|write| write.call.endpoint == endpoint)
        };
        let requirement: &'static Requirement = match mismatch.property {
            "offering is missing" if pages > 1 => &row::LIST_PAGES,
            "offering is missing" => &row::LIST_MISSES,
            "offering is unexpected" if mismatch.deviation.rule == row::LIST_FOREIGN.rule() => &row::LIST_FOREIGN,
            "offering is unexpected" if mismatch.deviation.rule == row::LIST_VARIANT.rule() => &row::LIST_VARIANT,
            "offering is unexpected" if is_write(Endpoint::Delete) => &row::DELETED_LISTED,
            _ => &row::LIST_DISAGREES,
        };
        let Mismatch { deviation, .. } = mismatch;
        let difference = match mismatch.property {
            _ if std::ptr::eq(requirement, &raw const row::LIST_DISAGREES) => "contents",
            "offering is missing" if pages > 1 => "ids",
            "previous tag" => "tag",
            "offering is unexpected" if std::ptr::eq(requirement, &raw const row::LIST_VARIANT) => "offering is listed",
            property => property,
        };
        let difference = std::borrow::Cow::Borrowed(difference);
        let mut other = ModelDeviation { also: Vec::new(), ..deviation.clone() };
        (other.rule, other.condition, other.title) =
            (requirement.rule(), requirement.id.into(), requirement.title.into());
        (other.difference, other.also) = (difference, requirement.also.to_vec());
        if is_write(Endpoint::Create) && std::ptr::eq(requirement, &raw const row::LIST_MISSES) {
            other.also.push(row::CREATED_MISSING.rule());
        }
        Some(other)
    }

    /// Compares the list after a read that differs from the stored state, and reports whichever is wrong.
    pub(super) async fn confirm_by_list(
        &mut self,
        call: &Call,
        deviation: ModelDeviation,
        general: Vec<Failure>,
        at: &Arc<Exchange>,
    ) -> Result<(), Abort> {
        let role = call.project();
        let is_follow_up = match call.endpoint {
            Endpoint::List => !self.tainted.is_empty(),
            _ => self.tainted.contains(&call.id),
        };
        if is_follow_up {
            return Ok(());
        }
        let snapshot = self.walk(role).await?;
        let before = self.session.record.foreign.len();
        let comparison = self.compare(role, &snapshot, Some(at)).await?;
        let is_foreign = self.session.record.foreign.len() > before;
        let is_reported = comparison.mismatches.iter().any(|mismatch| {
            mismatch.id.as_deref() == Some(call.id.as_str())
                || mismatch.property == "role"
                || call.endpoint == Endpoint::List
        });
        if is_reported || is_foreign {
            return Ok(());
        }
        self.tainted.insert(call.id.clone());
        let rows = self.rows_behind(call, &deviation, at);
        let ids: Vec<&str> = rows.iter().chain([&call.id]).map(String::as_str).collect();
        let mut failure = self.failure(deviation, at);
        failure.also.extend(general.iter().map(|general| general.rule));
        failure.trace = trace::leading_to(&self.transcript(), at, &ids, &failure);
        self.add(failure);
        Ok(())
    }

    /// Reads all regular offerings of a project in pages of 100.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived. [`Abort::Blocked`] if the list is unreadable; the record has the failure.
    pub async fn walk(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        for _ in 0..=MAX_RESTARTS {
            if let Some(snapshot) = self.walk_once(role).await? {
                if role == KeyRole::Main && self.is_shared() {
                    self.shown = Some(snapshot.clone());
                }
                return Ok(snapshot);
            }
        }
        Err(Abort::Blocked("the list restarted in every attempt to read it".into()))
    }

    /// Reads the list once; `None` if it restarted.
    async fn walk_once(&mut self, role: KeyRole) -> Result<Option<Snapshot>, Abort> {
        let mut snapshot = Snapshot::default();
        let (mut bytes, mut seen) = (0, HashSet::new());
        let mut last: Option<String> = None;
        let expected = self.oracle.state(role).map_or(0, |state| state.world().offerings().count());
        loop {
            let ahead = if last.is_none() { self.page_ahead(role).await? } else { None };
            let at = match ahead {
                Some(page) => page,
                None => self.send_quietly(page(Some(MAX_LIMIT), last.as_deref()).key(role)).await?,
            };
            let reply = Reply::read(&at.response);
            if let Some(id) = &last
                && reply.is_restarted
            {
                let is_ours = self.oracle.state(role).is_some_and(|state| state.world().is_ours(id));
                if !is_ours || self.is_of_another_case(id) {
                    return Ok(None);
                }
                self.found(
                    &row::LIST_KNOWN_HEADER,
                    "header",
                    "no X-Qon-Pagination-Restarted header",
                    "X-Qon-Pagination-Restarted: true",
                    &at,
                );
            }
            let page = match reply.content {
                Content::Page(page) => {
                    if reply.status != 200 {
                        self.unreadable_status(reply.status, &at);
                    }
                    page
                }
                _ => return Err(self.unreadable(&reply, &at)),
            };
            snapshot.pages += 1;
            bytes += at.response.body().len();
            self.session.drop_middle_pages(snapshot.pages);
            let length = page.offerings.len();
            let newest = self.add_page(page.offerings, &mut snapshot, &mut seen, &at);
            let has_new = newest.is_some();
            last = newest.or(last);
            if self.oracle.state(role).is_none() {
                self.release_general();
            }
            let has_more = page.has_more.unwrap_or(length == MAX_LIMIT);
            if !has_more {
                let may_be_cut = length == MAX_LIMIT && snapshot.offerings.len() < expected;
                if may_be_cut && self.has_following_page(role, last.as_deref(), &snapshot, &at).await? {
                    continue;
                }
                return Ok(Some(snapshot));
            }
            if length > 0 && !has_new {
                return Ok(Some(snapshot)); // Only repeated offerings, already reported.
            }
            if length == 0 {
                let received = format!("has_more true after {} pages", snapshot.pages);
                self.found(&row::LIST_HAS_MORE_TRUE, "has_more", "has_more false", received, &at);
                return Ok(Some(snapshot));
            }
            if snapshot.pages >= MAX_PAGES || bytes > MAX_BYTES {
                let read = snapshot.offerings.len();
                return Err(Abort::Blocked(format!("the list is too long: more than {read} offerings")));
            }
        }
    }

    /// Adds the offerings of a page, except those of cases that run at the same time, and reports repeated ones. Returns
    /// the id of the last offering that no earlier page had.
    fn add_page(
        &mut self,
        offerings: Vec<Offering>,
        snapshot: &mut Snapshot,
        seen: &mut HashSet<String>,
        at: &Arc<Exchange>,
    ) -> Option<String> {
        // Ids that are not strings are not read exactly.
        let is_broken = has_non_string_ids(at);
        let before = seen.clone();
        let mut newest = None;
        for offering in offerings {
            let is_new = seen.insert(offering.id.clone());
            if is_new {
                newest = Some(offering.id.clone());
            }
            if self.is_of_another_case(&offering.id) {
                continue;
            }
            if is_new {
                snapshot.offerings.push(offering);
            } else if self.tainted.insert(offering.id.clone()) && !is_broken {
                let received = format!("`{}` twice", offering.id);
                let requirement = if before.contains(&offering.id) { &row::LIST_PAGES } else { &row::LIST_TWICE };
                self.found(requirement, "ids", "every offering once", received, at);
            }
        }
        newest
    }

    /// Whether offerings follow a page with `has_more` false.
    async fn has_following_page(
        &mut self,
        role: KeyRole,
        last: Option<&str>,
        snapshot: &Snapshot,
        at: &Arc<Exchange>,
    ) -> Result<bool, Abort> {
        let Some(last) = last else { return Ok(false) };
        let next = self.send_quietly(page(Some(MAX_LIMIT), Some(last)).key(role)).await?;
        let reply = Reply::read(&next.response);
        let is_new = |cx: &Self, id: &str| snapshot.find(id).is_none() && !cx.is_of_another_case(id);
        let follows = !reply.is_restarted && reply.page().is_some_and(|page| page.ids().any(|id| is_new(self, id)));
        if follows {
            self.found(&row::LIST_HAS_MORE_FALSE, "has_more", "has_more true", "has_more false", at);
        }
        Ok(follows)
    }

    fn unreadable(&mut self, reply: &Reply, at: &Arc<Exchange>) -> Abort {
        if reply.is_rejection() {
            let deviation = ModelDeviation::rejected(&row::LIST_REJECTED, "200", reply);
            self.add_deviation(deviation, at);
        } else if reply.status < 500 && reply.status != 200 {
            self.unreadable_status(reply.status, at);
        }
        self.release_general();
        Abort::Blocked(format!("the list request returned {}", reply.summary))
    }

    fn unreadable_status(&mut self, status: u16, at: &Arc<Exchange>) {
        let reply = Reply::of(status, None, Content::Nothing);
        self.add_deviation(ModelDeviation::status(&row::LIST_STATUS, "200", &reply), at);
    }

    /// Adds a failure that the read of a list shows.
    fn found(
        &mut self,
        requirement: &'static Requirement,
        difference: &'static str,
        expected: impl Into<String>,
        received: impl Into<String>,
        at: &Arc<Exchange>,
    ) {
        self.add_deviation(ModelDeviation::content(requirement, difference, expected, received), at);
    }

    fn add_deviation(&mut self, deviation: ModelDeviation, at: &Arc<Exchange>) {
        // The preparation may have created what the page contains.
        let call = Call::read(&at.request);
        let rows = call.map(|call| self.rows_behind(&call, &deviation, at)).unwrap_or_default();
        let ids: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut failure = self.failure(deviation, at);
        failure.also.extend(self.general.drain(..).map(|general| general.rule));
        failure.trace = trace::leading_to(&self.transcript(), at, &ids, &failure);
        self.add(failure);
    }
}

/// A request of a page.
pub(super) fn page(limit: Option<usize>, after: Option<&str>) -> Request {
    let mut request = Request::to(Endpoint::List);
    if let Some(limit) = limit {
        request = request.query("limit", &limit.to_string());
    }
    if let Some(after) = after {
        request = request.query("starting_after", after);
    }
    request
}

/// Whether a list contains ids that are not strings.
fn has_non_string_ids(at: &Exchange) -> bool {
    let rows = at.response.json().and_then(|body| body.get("data")?.as_array());
    rows.is_some_and(|rows| rows.iter().any(|row| row.get("id").is_some_and(|id| !id.is_string())))
}

/// Groups mismatches of one failure: those with the same requirement and property, or the same write.
fn grouped(mismatches: &[Mismatch]) -> Vec<Vec<Mismatch>> {
    let mut groups: Vec<Vec<Mismatch>> = Vec::new();
    for mismatch in mismatches {
        let is_same = |group: &&mut Vec<Mismatch>| {
            let first = &group[0];
            let same_requirement =
                first.deviation.condition == mismatch.deviation.condition && first.property == mismatch.property;
            same_requirement || first.write.is_some() && first.write == mismatch.write
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(mismatch.clone()),
            None => groups.push(vec![mismatch.clone()]),
        }
    }
    groups
}

/// A correction of a list.
enum Correction {
    /// An offering as returned by a get.
    Row(String, Option<Offering>),
    /// Which offering is main.
    Main,
}
