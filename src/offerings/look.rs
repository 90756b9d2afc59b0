//! Looking at what a project holds: the list is read as a whole and compared with the oracle's state. Where the two
//! differ, a get shows whether the list alone is wrong or what is stored.

use std::collections::HashSet;
use std::sync::Arc;

use super::context::Context;
use super::oracle::conditions as row;
use super::oracle::conditions::Promise;
use super::oracle::{Call, Comparison, Content, Reply, Surprise, Wrong};
use super::trace;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::finding::Failure;
use crate::project::{Abort, Snapshot};

/// A longer list is not read: a project of 50,000 offerings is none to test on, and a server may never end.
const MAX_PAGES: usize = 500;

/// Nor a list of more bytes; what is kept of it several times over must fit into the memory.
const MAX_BYTES: usize = 12 << 20;

/// How often a walk that starts again (its cursor was deleted by another client) is begun again.
const MAX_RESTARTS: usize = 3;

/// How long the largest page is.
const MAX_LIMIT: usize = 100;

/// So many differences of one comparison are looked at by a get.
const MAX_GETS: usize = 3;

impl Context {
    /// Reads the main project and compares it.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn look(&mut self) -> Result<Snapshot, Abort> {
        self.look_at(KeyRole::Main).await
    }

    /// Compares every project that was written to, or that must not have been.
    pub(super) async fn look_at_all(&mut self) -> Result<(), Abort> {
        let roles = self.oracle.projects();
        let is_written =
            |cx: &Self, role: KeyRole| cx.oracle.state(role).is_some_and(super::oracle::State::is_unsettled);
        let any = roles.iter().any(|role| is_written(self, *role));
        for role in roles {
            if is_written(self, role) || any && self.is_watching() {
                self.look_at(role).await?;
            }
        }
        Ok(())
    }

    /// Reads a project and compares it.
    pub(super) async fn look_at(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        if self.uncertain.remove(&role) {
            return self.adopt(role).await;
        }
        let promoted = self
            .oracle
            .state(role)
            .is_some_and(|state| state.writes().iter().any(|write| write.call.endpoint == Endpoint::SetMain));
        let mut snapshot = self.walk(role).await?;
        if snapshot.pages > 1 && snapshot.mains().len() > 1 {
            // Several pages are not one moment: another client may have promoted between two of them.
            snapshot = self.walk(role).await?;
        }
        self.compare(role, &snapshot, None).await?;
        if promoted && self.is_watching() {
            for other in self.oracle.projects().into_iter().filter(|other| *other != role) {
                if self.oracle.state(other).is_some_and(|state| !state.is_unsettled()) {
                    let snapshot = self.walk(other).await?;
                    self.compare(other, &snapshot, None).await?;
                }
            }
        }
        Ok(snapshot)
    }

    /// Accepts the project as it is now.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn adopt(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        let snapshot = self.walk(role).await?;
        self.uncertain.remove(&role);
        self.accept(role, &snapshot);
        self.oracle.compare_projects();
        Ok(snapshot)
    }

    /// Accepts a list as the state, but for what gets showed it to be wrong about.
    fn accept(&mut self, role: KeyRole, snapshot: &Snapshot) {
        let Some(state) = self.oracle.state_mut(role) else { return };
        self.adoptions += 1;
        state.adopt(snapshot);
        for ((of, id), offering) in &self.corrected {
            if *of == role {
                state.correct(id, offering.as_ref());
            }
        }
    }

    /// Compares what a project shows; `seen` is a read that differed before.
    async fn compare(
        &mut self,
        role: KeyRole,
        snapshot: &Snapshot,
        seen: Option<&Arc<Exchange>>,
    ) -> Result<Comparison, Abort> {
        let is_elsewhere = role != KeyRole::Main || self.oracle.projects().len() > 1;
        let Some(state) = self.oracle.state(role) else { return Ok(Comparison::default()) };
        // What the list is known to be wrong about does not count again.
        let mut sound = snapshot.clone();
        sound.offerings.retain(|offering| !matches!(self.corrected.get(&(role, offering.id.clone())), Some(None)));
        let snapshot = &sound;
        let mut comparison = state.compare(snapshot, is_elsewhere, &self.tainted);
        let broken: Vec<&str> = comparison.surprises.iter().map(|surprise| surprise.wrong.rule).collect();
        for rule in comparison.rules.iter().filter(|rule| !broken.contains(*rule)) {
            self.session.record.checked(rule);
        }
        for choice in &comparison.choices {
            self.session.record.observe(choice.rule, choice.what.clone());
        }
        self.session.record.foreign.append(&mut comparison.foreign);
        let at = self.session.transcript().last().cloned();
        let mut corrections = Vec::new();
        match at.filter(|_| !comparison.surprises.is_empty()) {
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

    /// One failure for each write that explains differences: the first tells it, the others are its evidence.
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
        let mut surprises = comparison.surprises.clone();
        self.settle_reads(role, snapshot, &mut surprises).await?;
        for surprises in grouped(&surprises) {
            let Some(first) = surprises.first().cloned() else { continue };
            let place = first.write;
            let mut wrong = first.wrong.clone();
            let mut shown_at = Arc::clone(at);
            self.tainted.extend(surprises.iter().filter_map(|surprise| surprise.id.clone()));
            if let Some(id) = first.id.as_deref().filter(|_| gets < MAX_GETS) {
                gets += 1;
                let get = self.send_quietly(Request::to(Endpoint::Get).id(id).key(role)).await?;
                match self.only_listed(role, id, &get, &first, snapshot.pages) {
                    Some(other) => {
                        wrong = other;
                        let state = self.oracle.state(role);
                        let known = |id: &str| state.and_then(|state| state.find(id)).cloned();
                        corrections.extend(surprises.iter().filter_map(|surprise| match surprise.property {
                            "role" => Some(Correction::Main),
                            _ => surprise.id.as_deref().map(|id| Correction::Row(id.to_owned(), known(id))),
                        }));
                    }
                    None => shown_at = if get.response.is_success() { get } else { shown_at },
                }
            }
            for other in &surprises[1..] {
                wrong.also.extend(std::iter::once(other.wrong.rule).chain(other.wrong.also.iter().copied()));
            }
            let main_rule = wrong.rule;
            wrong.also.retain(|rule| *rule != main_rule);
            wrong.also.sort_unstable();
            wrong.also.dedup();
            let write = place.and_then(|place| Some(self.oracle.state(role)?.writes().get(place)?.clone()));
            let mut failure = self.failure(wrong, &shown_at);
            let mut ids: Vec<&str> = surprises.iter().filter_map(|surprise| surprise.id.as_deref()).take(3).collect();
            if let Some(write) = &write {
                failure.operation = write.at.request.operation.clone();
                ids.push(&write.call.id);
                ids.extend(write.main_before.as_deref());
            }
            failure.trace = trace::leading_to(self.session.transcript(), &shown_at, &ids, &failure);
            if let Some(seen) = seen {
                trace::insert(&mut failure.trace, seen);
            }
            // What the same reads show of the form of these offerings follows from it.
            failure.also.extend(self.general.drain(..).map(|general| general.rule));
            self.add(failure);
        }
        Ok(corrections)
    }

    /// Where a read and a write can both have moved a time, a second read shows which of them did.
    async fn settle_reads(
        &mut self,
        role: KeyRole,
        snapshot: &Snapshot,
        surprises: &mut [Surprise],
    ) -> Result<(), Abort> {
        let unsure = surprises.iter().find(|surprise| surprise.otherwise.is_some());
        let Some(id) = unsure.and_then(|surprise| surprise.id.clone()) else { return Ok(()) };
        self.send_quietly(Request::to(Endpoint::Get).id(&id).key(role)).await?;
        let again = self.walk(role).await?;
        let time = |snapshot: &Snapshot| snapshot.find(&id).map(|offering| offering.updated_at.clone());
        if time(&again) == time(snapshot) {
            for surprise in surprises {
                if let Some(other) = surprise.otherwise.take() {
                    *surprise = *other;
                }
            }
        }
        Ok(())
    }

    /// What is wrong where a get shows what the list should: the list alone.
    fn only_listed(&self, role: KeyRole, id: &str, get: &Exchange, surprise: &Surprise, pages: usize) -> Option<Wrong> {
        let reply = Reply::read(&get.response);
        let state = self.oracle.state(role)?;
        let is_there = state.find(id).is_some();
        let shown = reply.offering().filter(|_| reply.is_success());
        let is_right = match shown {
            Some(shown) => is_there && state.is_as_expected(id, shown, surprise.property),
            None => !is_there && reply.status == 404,
        };
        if !is_right {
            return None;
        }
        let is_write = |endpoint| {
            surprise
                .write
                .and_then(|place| state.writes().get(place))
                .is_some_and(|write| write.call.endpoint == endpoint)
        };
        let promise: &'static Promise = match surprise.property {
            "offering is gone" if pages > 1 => &row::LIST_PAGES,
            "offering is gone" => &row::LIST_MISSES,
            "offering appeared" if surprise.wrong.rule == row::LIST_FOREIGN.rule() => &row::LIST_FOREIGN,
            "offering appeared" if surprise.wrong.rule == row::LIST_VARIANT.rule() => &row::LIST_VARIANT,
            "offering appeared" if is_write(Endpoint::Delete) => &row::DELETED_LISTED,
            _ => &row::LIST_DISAGREES,
        };
        let Surprise { wrong, .. } = surprise;
        let difference = match surprise.property {
            _ if std::ptr::eq(promise, &raw const row::LIST_DISAGREES) => "contents",
            "offering is gone" if pages > 1 => "ids",
            "previous tag" => "tag",
            "offering appeared" if std::ptr::eq(promise, &raw const row::LIST_VARIANT) => "listed",
            property => property,
        };
        let difference = std::borrow::Cow::Borrowed(difference);
        let mut other = Wrong { also: Vec::new(), ..wrong.clone() };
        (other.rule, other.condition, other.title) = (promise.rule(), promise.id.into(), promise.title.into());
        (other.difference, other.also) = (difference, promise.also.to_vec());
        if is_write(Endpoint::Create) && std::ptr::eq(promise, &raw const row::LIST_MISSES) {
            other.also.push(row::CREATED_MISSING.rule());
        }
        Some(other)
    }

    /// A read that shows something else than was stored: the list shows whether that is so.
    pub(super) async fn look_twice(
        &mut self,
        call: &Call,
        wrong: Wrong,
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
        let is_told = comparison.surprises.iter().any(|surprise| {
            surprise.id.as_deref() == Some(call.id.as_str())
                || surprise.property == "role"
                || call.endpoint == Endpoint::List
        });
        if is_told || is_foreign {
            return Ok(());
        }
        self.tainted.insert(call.id.clone());
        let mut failure = self.failure(wrong, at);
        failure.also.extend(general.iter().map(|general| general.rule));
        failure.trace = trace::leading_to(self.session.transcript(), at, &[call.id.as_str()], &failure);
        self.add(failure);
        Ok(())
    }

    /// Reads every regular offering of a project, by pages of 100.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came, [`Abort::Blocked`] when the list cannot be read; the failure itself is in
    /// the record then.
    pub async fn walk(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        for _ in 0..=MAX_RESTARTS {
            if let Some(snapshot) = self.walk_once(role).await? {
                if role == KeyRole::Main && self.is_shared() {
                    self.shown = Some(snapshot.clone());
                }
                return Ok(snapshot);
            }
        }
        Err(Abort::Blocked("the list starts again and again".into()))
    }

    /// One walk; `None` when it started again.
    async fn walk_once(&mut self, role: KeyRole) -> Result<Option<Snapshot>, Abort> {
        let mut snapshot = Snapshot::default();
        let (mut bytes, mut seen) = (0, HashSet::new());
        let expected = self.oracle.state(role).map_or(0, |state| state.world().offerings().count());
        loop {
            let cursor = snapshot.offerings.last().map(|offering| offering.id.clone());
            let mut request = Request::to(Endpoint::List).query("limit", "100").key(role);
            if let Some(cursor) = &cursor {
                request = request.query("starting_after", cursor);
            }
            let at = self.send_quietly(request).await?;
            let reply = Reply::read(&at.response);
            if let Some(id) = &cursor
                && reply.is_restarted
            {
                if !self.oracle.state(role).is_some_and(|state| state.world().is_ours(id)) {
                    return Ok(None);
                }
                self.found(&row::LIST_KNOWN_HEADER, "header", "no such header", "the header with the value true", &at);
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
            self.session.forget_middle_of_walk(snapshot.pages);
            let length = page.offerings.len();
            // Ids that are no texts are not read as they are.
            let is_broken = has_odd_ids(&at);
            let before = seen.clone();
            for offering in page.offerings {
                if seen.insert(offering.id.clone()) {
                    snapshot.offerings.push(offering);
                } else if self.tainted.insert(offering.id.clone()) && !is_broken {
                    let received = format!("`{}` twice", offering.id);
                    let promise = if before.contains(&offering.id) { &row::LIST_PAGES } else { &row::LIST_TWICE };
                    self.found(promise, "ids", "every offering once", received, &at);
                }
            }
            let has_new = cursor.as_deref() != snapshot.offerings.last().map(|offering| offering.id.as_str());
            if self.oracle.state(role).is_none() {
                self.release_general();
            }
            let has_more = page.has_more.unwrap_or(length == MAX_LIMIT);
            if !has_more {
                let may_be_cut = length == MAX_LIMIT && snapshot.offerings.len() < expected;
                if may_be_cut && self.goes_on(role, &snapshot, &at).await? {
                    continue;
                }
                return Ok(Some(snapshot));
            }
            if length > 0 && !has_new {
                return Ok(Some(snapshot)); // Nothing but what was there before, which was found.
            }
            if length == 0 {
                let received = format!("has_more true after {} pages", snapshot.pages);
                self.found(&row::LIST_HAS_MORE_TRUE, "has_more", "has_more false", received, &at);
                return Ok(Some(snapshot));
            }
            if snapshot.pages >= MAX_PAGES || bytes > MAX_BYTES {
                let read = snapshot.offerings.len();
                return Err(Abort::Blocked(format!("the list is too long: {read} offerings and more follow")));
            }
        }
    }

    /// Whether more follows a page that says that nothing does.
    async fn goes_on(&mut self, role: KeyRole, snapshot: &Snapshot, at: &Arc<Exchange>) -> Result<bool, Abort> {
        let Some(last) = snapshot.offerings.last() else { return Ok(false) };
        let request = Request::to(Endpoint::List).query("limit", "100").query("starting_after", &last.id).key(role);
        let next = self.send_quietly(request).await?;
        let reply = Reply::read(&next.response);
        let follows =
            !reply.is_restarted && reply.page().is_some_and(|page| page.ids().any(|id| snapshot.find(id).is_none()));
        if follows {
            self.found(&row::LIST_HAS_MORE_FALSE, "has_more", "has_more true", "has_more false", at);
        }
        Ok(follows)
    }

    fn unreadable(&mut self, reply: &Reply, at: &Arc<Exchange>) -> Abort {
        if reply.is_rejection() {
            let wrong = Wrong::rejected(&row::LIST_REJECTED, "200", reply);
            self.found_wrong(wrong, at);
        } else if reply.status < 500 && reply.status != 200 {
            self.unreadable_status(reply.status, at);
        }
        self.release_general();
        Abort::Blocked(format!("the list could not be read: it returned {}", reply.summary))
    }

    fn unreadable_status(&mut self, status: u16, at: &Arc<Exchange>) {
        let reply = Reply::of(status, None, Content::Nothing);
        self.found_wrong(Wrong::status(&row::LIST_STATUS, "200", &reply), at);
    }

    /// Adds what a walk found itself.
    fn found(
        &mut self,
        promise: &'static Promise,
        difference: &'static str,
        expected: impl Into<String>,
        received: impl Into<String>,
        at: &Arc<Exchange>,
    ) {
        self.found_wrong(Wrong::content(promise, difference, expected, received), at);
    }

    fn found_wrong(&mut self, wrong: Wrong, at: &Arc<Exchange>) {
        let mut failure = self.failure(wrong, at);
        failure.also.extend(self.general.drain(..).map(|general| general.rule));
        failure.trace = trace::leading_to(self.session.transcript(), at, &[], &failure);
        self.add(failure);
    }
}

/// Whether a list shows ids that are no texts.
fn has_odd_ids(at: &Exchange) -> bool {
    let rows = at.response.json().and_then(|body| body.get("data")?.as_array());
    rows.is_some_and(|rows| rows.iter().any(|row| row.get("id").is_some_and(|id| !id.is_string())))
}

/// Differences that are one failure: those that the same promise explains, in the same way.
fn grouped(surprises: &[Surprise]) -> Vec<Vec<Surprise>> {
    let mut groups: Vec<Vec<Surprise>> = Vec::new();
    for surprise in surprises {
        let is_same = |group: &&mut Vec<Surprise>| {
            let first = &group[0];
            let same_promise = first.wrong.condition == surprise.wrong.condition && first.property == surprise.property;
            same_promise || first.write.is_some() && first.write == surprise.write
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(surprise.clone()),
            None => groups.push(vec![surprise.clone()]),
        }
    }
    groups
}

/// What a list was wrong about.
enum Correction {
    /// An offering, as a get shows it.
    Row(String, Option<Offering>),
    /// Which offering is main.
    Main,
}
