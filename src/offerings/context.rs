//! The context of a case: a session with its projects, ids for what it creates, and the oracle.
//!
//! A case decides what to send. The context judges every response by the general rules and by the oracle. After a
//! wrong response it reads the state again, so that later responses are compared with the real state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use super::naming::Naming;
use super::oracle::{About, Call, Facts, Oracle, State};
use super::record::follows;
use super::snapshot::{MAX_LIMIT, page};
use super::trace;
use crate::check::Offering;
use crate::contract::{Endpoint, Need};
use crate::exchange::{Exchange, KeyRole, Request, TransportError};
use crate::finding::{CaseResult, Failure};
use crate::project::{Abort, Counts, Project, Session, Snapshot};

/// A request in flight.
pub(super) type Sending = JoinHandle<Result<Exchange, TransportError>>;

/// The context of one case.
#[derive(Debug)]
pub struct Context {
    pub(super) session: Session,
    naming: Naming,
    pub(super) oracle: Oracle,
    facts: Facts,
    /// The first snapshot of each project.
    before: BTreeMap<KeyRole, Snapshot>,
    /// Ids that an earlier failure concerns: later deviations of these offerings follow from it.
    pub(super) tainted: BTreeSet<String>,
    /// Known errors of lists: omitted offerings as returned by gets, and `None` for listed ones that do not exist.
    pub(super) corrected: BTreeMap<(KeyRole, String), Option<Offering>>,
    /// The snapshot of the main project after the last write; `None` if not read since then.
    pub(super) shown: Option<Snapshot>,
    /// General failures of reads that are not compared yet.
    pub(super) general: Vec<Failure>,
    /// Projects with a write whose response is missing: it may have had an effect.
    pub(super) uncertain: BTreeSet<KeyRole>,
    /// The number of times that a snapshot replaced the expected state.
    pub(super) adoptions: u64,
    /// Whether projects without writes are compared too.
    is_watching: bool,
    /// The first pages of projects that are read next, sent while another is read.
    pub(super) ahead: BTreeMap<KeyRole, Sending>,
    /// The list of the main project that the case before has read.
    pub(super) opening: Option<Arc<Exchange>>,
}

impl Context {
    /// Reads the project and opens the context.
    ///
    /// # Errors
    /// The result of the case, if the list cannot be read.
    pub async fn open(mut project: Project, naming: Naming) -> Result<Self, CaseResult> {
        let facts = Facts {
            prefix: naming.run().to_owned(),
            products: project.fixtures.products.iter().cloned().collect(),
            foreign_product: project.fixtures.second_product.clone(),
            variant: project.fixtures.variant.clone(),
            is_exclusive: project.is_exclusive,
            was_used: false,
        };
        let opening = project.opening.take();
        let mut cx = Self {
            session: Session::new(project),
            naming,
            oracle: Oracle::default(),
            facts,
            before: BTreeMap::new(),
            tainted: BTreeSet::new(),
            uncertain: BTreeSet::new(),
            adoptions: 0,
            corrected: BTreeMap::new(),
            shown: None,
            general: Vec::new(),
            is_watching: false,
            ahead: BTreeMap::new(),
            opening,
        };
        match cx.open_project(KeyRole::Main).await {
            Ok(_) => Ok(cx),
            Err(abort) => Err(cx.finish(Some(abort))),
        }
    }

    async fn open_project(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        let known = self.session.record.failures.len();
        let snapshot = self.walk(role).await?;
        let mut facts = Facts { was_used: self.project().client.has_used(role), ..self.facts.clone() };
        if role != KeyRole::Main {
            // The products of other projects are unknown.
            (facts.products, facts.foreign_product, facts.variant) = (BTreeSet::new(), None, None);
        }
        self.oracle.open(role, &snapshot, facts);
        self.before.entry(role).or_insert_with(|| snapshot.clone());
        // Offerings that remain after a failed case belong to its failure.
        let is_leftover = |one: &&Offering| one.id.starts_with(self.naming.run()) && !one.is_main();
        let leftovers = snapshot.offerings.iter().filter(is_leftover).map(|one| one.id.clone());
        let leftovers: Vec<String> = leftovers.filter(|_| self.is_shared()).collect();
        self.tainted.extend(leftovers);
        self.release_general();
        self.drop_tainted(known);
        Ok(snapshot)
    }

    /// The project and its keys.
    pub fn project(&self) -> &Project {
        self.session.project()
    }

    /// The first snapshot of the main project.
    pub fn before(&self) -> &Snapshot {
        &self.before[&KeyRole::Main]
    }

    /// The first snapshot of a project.
    pub(super) fn before_in(&self, role: KeyRole) -> Option<&Snapshot> {
        self.before.get(&role)
    }

    /// The expected state of the main project.
    pub fn state(&self) -> &State {
        self.oracle.state(KeyRole::Main).expect("an open context tracks the main project")
    }

    /// The expected offering with this id.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.state().find(id)
    }

    /// The main offering, if the run created it: the run must not risk any other.
    pub fn own_main(&self) -> Option<String> {
        let main = self.state().main()?;
        let is_own = !self.tainted.contains(main) && !self.is_shared() || self.state().world().is_created(main);
        is_own.then(|| main.to_owned())
    }

    /// The main offering, if the run created and promoted it for its cases.
    pub(super) fn prepared_main(&self) -> Option<String> {
        let main = self.state().main()?;
        let promotes = |exchange: &Exchange| {
            exchange.request.operation.endpoint() == Some(Endpoint::SetMain)
                && exchange.request.path_id().as_deref() == Some(main)
        };
        self.project().prepared.iter().any(|exchange| promotes(exchange)).then(|| main.to_owned())
    }

    /// The result so far.
    pub fn record(&mut self) -> &mut CaseResult {
        &mut self.session.record
    }

    /// The id of this case for a name.
    pub fn id(&self, name: &str) -> String {
        format!("{}{name}", self.naming.case_prefix())
    }

    /// At most `n` different product ids.
    ///
    /// # Errors
    /// [`Abort::Missing`] if no product is known.
    pub fn products(&self, n: usize) -> Result<Vec<String>, Abort> {
        let known = &self.project().fixtures.products;
        if known.is_empty() {
            return Err(Abort::Missing(Need::Product));
        }
        Ok(known.iter().take(n).cloned().collect())
    }

    /// As [`Self::products`]; empty if no product is known.
    pub fn some_products(&self, n: usize) -> Vec<String> {
        self.products(n).unwrap_or_default()
    }

    /// The id of an experiment variant.
    ///
    /// # Errors
    /// [`Abort::Missing`] if no variant is known.
    pub fn variant(&self) -> Result<String, Abort> {
        self.project().fixtures.variant.clone().ok_or(Abort::Missing(Need::Variant))
    }

    /// Before a request about an id without the prefix of the case: waits until no case that runs at the same time uses
    /// it. `None` if the case runs alone.
    pub(super) async fn lock(&self, id: &str) -> Option<OwnedMutexGuard<()>> {
        match &self.project().neighbours {
            Some(neighbours) => Some(neighbours.lock(id).await),
            None => None,
        }
    }

    /// Whether another case that runs at the same time creates the offering.
    pub(super) fn is_of_another_case(&self, id: &str) -> bool {
        let neighbours = self.project().neighbours.as_ref();
        neighbours.is_some_and(|neighbours| neighbours.is_of_another(id, self.naming.case_prefix()))
    }

    /// Whether the case must delete what it creates.
    pub fn is_shared(&self) -> bool {
        !self.project().is_disposable
    }

    /// The prefix of the idempotency keys of the case. No earlier case used it.
    pub fn new_keys(&self) -> String {
        self.id(&self.session.unique_prefix())
    }

    /// Records that a part of a rule is skipped, and what it needs.
    pub fn skip_part(&mut self, rule: &'static str, reason: impl Into<String>) {
        self.session.record.skipped.insert(rule, reason.into());
    }

    /// Tracks another project too: its state is compared after writes to this one.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn follow(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        self.is_watching = true;
        self.open_project(role).await
    }

    /// Sends a request, judges the response and updates the expected state.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn send(&mut self, request: Request) -> Result<Arc<Exchange>, Abort> {
        self.read_before(&request).await?;
        let request = self.with_must_fail(request);
        let known = self.session.record.failures.len();
        let written = written(&request);
        let exchange = self.session.send(request).await.inspect_err(|_| self.uncertain.extend(written))?;
        self.judge(&exchange, known).await?;
        Ok(exchange)
    }

    /// The request with whether it must fail in every possible state of its project.
    pub(super) fn with_must_fail(&self, request: Request) -> Request {
        Request { must_fail: self.is_certain_to_fail(&request), ..request }
    }

    /// Whether a request is a write that must fail in every possible state of its project.
    pub(super) fn is_certain_to_fail(&self, request: &Request) -> bool {
        let call = Call::read(request).filter(Call::is_write);
        call.is_some_and(|call| self.oracle.state(call.project()).is_some_and(|state| state.is_certain_to_fail(&call)))
    }

    /// Judges concurrent exchanges by the general rules only. Their effect is unknown: call [`Self::adopt`] afterwards.
    pub(super) fn take_in_at_once(&mut self, exchanges: Vec<Exchange>, counts: Counts) -> Vec<Arc<Exchange>> {
        self.shown = None;
        let known = self.session.record.failures.len();
        let exchanges = self.session.record_concurrent(exchanges, counts);
        // The contract allows rejections of deletes of the main and of used keys.
        let new = self.session.record.failures.split_off(known);
        let is_open = |failure: &Failure| {
            let request = &failure.at.request;
            let may_be_rejected = request.operation.endpoint() == Some(Endpoint::Delete)
                || request.header_value("idempotency-key").is_some();
            may_be_rejected && failure.at.response.is_rejection() && follows(failure.rule, About::Status)
        };
        self.session.record.keep(new.into_iter().filter(|failure| !is_open(failure)));
        self.drop_tainted(known);
        exchanges
    }

    /// Reads the list before a request, if one comparison cannot cover its effect too.
    pub(super) async fn read_before(&mut self, request: &Request) -> Result<(), Abort> {
        let Some(call) = Call::read(request) else {
            if request.is_write() {
                // The oracle does not know such a request: its effect must not look like that of an earlier one.
                if self.state().has_new_writes() {
                    self.read_project(KeyRole::Main).await?;
                }
                self.shown = None;
                self.ahead.clear();
            }
            return Ok(());
        };
        if let Some(neighbours) = self.project().neighbours.as_ref().filter(|_| call.endpoint == Endpoint::Create) {
            neighbours.add(&call.id, self.naming.case_prefix());
        }
        let role = call.project();
        if self.uncertain.contains(&role) && self.oracle.state(role).is_some() {
            self.adopt(role).await?;
        }
        self.uncertain.remove(&role);
        if self.oracle.state(role).is_none() && self.project().client.keys().has(role) {
            self.open_project(role).await?;
        }
        let is_promotion = call.endpoint == Endpoint::SetMain && call.is_authorized();
        let other = if role == KeyRole::Main { KeyRole::Second } else { KeyRole::Main };
        let watches_other = is_promotion && self.project().has(Need::SecondProject);
        let must_be_read = self.oracle.state(role).is_some_and(|state| state.must_be_read_before(&call));
        if watches_other && must_be_read && self.oracle.state(other).is_none() {
            self.read_ahead(other);
        }
        if must_be_read {
            self.read_project(role).await?;
        }
        if watches_other {
            // A set-main must not change another project.
            self.is_watching = true;
            if self.oracle.state(other).is_none() {
                self.open_project(other).await?;
            }
        }
        if let Some(state) = self.oracle.state(other).filter(|state| request.is_write() && state.has_new_writes()) {
            // One comparison of the other project cannot separate its own writes from the effect of a set-main here.
            if is_promotion || state.has_promoted() {
                self.read_project(other).await?;
            }
        }
        if request.is_write() {
            self.check_outdated().await;
            self.shown = None;
            self.ahead.clear();
        }
        Ok(())
    }

    /// Sends a create with this body and the main key.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn create(&mut self, body: &Value) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Create).json(body)).await
    }

    /// Creates an offering that the rest of the case needs.
    ///
    /// # Errors
    /// [`Abort::Blocked`] if it does not exist afterwards.
    pub async fn create_offering(&mut self, id: &str, products: &[String]) -> Result<Offering, Abort> {
        let mut body = json!({ "id": id });
        if !products.is_empty() {
            body["product_ids"] = json!(products);
        }
        let created = self.create(&body).await?;
        self.find(id).cloned().ok_or_else(|| blocked("create", &created))
    }

    /// Creates offerings without products that the rest of the case needs.
    ///
    /// # Errors
    /// [`Abort::Blocked`] if one does not exist afterwards.
    pub async fn create_offerings(&mut self, ids: &[String]) -> Result<(), Abort> {
        let create = |id: &String| Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let creates: Vec<_> = ids.iter().map(create).collect();
        for (ids, creates) in ids.chunks(self.at_once()).zip(creates.chunks(self.at_once())) {
            let created = self.send_all(creates).await?;
            if let Some(place) = ids.iter().position(|id| self.find(id).is_none()) {
                return Err(blocked("create", &created[place.min(created.len() - 1)]));
            }
        }
        Ok(())
    }

    /// Creates a main offering if there is none, so that the next created offering is regular.
    ///
    /// # Errors
    /// As [`Self::create_offering`].
    pub async fn ensure_main(&mut self) -> Result<(), Abort> {
        if self.state().main().is_none() {
            let id = self.id("first");
            self.create_offering(&id, &[]).await?;
        }
        Ok(())
    }

    /// Sends a get.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn get(&mut self, id: &str) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Get).id(id)).await
    }

    /// Sends an update with this body.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn update(&mut self, id: &str, body: &Value) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Update).id(id).json(body)).await
    }

    /// Sends a delete.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn delete(&mut self, id: &str) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Delete).id(id)).await
    }

    /// Sends a set-main.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn set_main(&mut self, id: &str) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::SetMain).id(id)).await
    }

    /// Ends the case: compares the state, deletes what the case created, and sets the traces of failures. After a
    /// failure the run deletes it, because most deviations of the cleanup would follow from the failure.
    pub async fn close(mut self, result: Result<(), Abort>) -> CaseResult {
        let mut last = Ok(());
        if !matches!(result, Err(Abort::World(_))) {
            last = self.read_projects().await;
            if last.is_ok() && self.session.record.failures.is_empty() {
                last = self.clean_up().await;
                for failure in &mut self.session.record.failures {
                    failure.evidence.is_of_cleanup = true;
                }
            }
            self.check_outdated().await;
        }
        let abort = last.err().or(result.err());
        self.finish(abort)
    }

    /// The writes so far, in order.
    pub fn writes(&self) -> Vec<Arc<Exchange>> {
        self.session.trace().iter().filter(|exchange| exchange.request.is_write()).cloned().collect()
    }

    /// Ends a case that prepares or restores the project, without deleting what it created.
    pub async fn close_without_cleanup(mut self, result: Result<(), Abort>) -> CaseResult {
        let abort = match result {
            Ok(()) => self.read_projects().await.err(),
            Err(abort) => Some(abort),
        };
        self.check_outdated().await;
        self.finish(abort)
    }

    fn finish(mut self, abort: Option<Abort>) -> CaseResult {
        self.release_general();
        self.mark_consequences_of_outdated();
        let mut result = std::mem::take(&mut self.session.record);
        trace::attach(&mut result, &self.transcript());
        let after = self.shown.as_ref().map(Snapshot::listed);
        let is_one_page = self.shown.as_ref().is_some_and(|shown| shown.pages == 1);
        let last_list = self.last_list(KeyRole::Main).filter(|_| is_one_page);
        CaseResult { wrote: wrote(self.session.trace()), abort, after, last_list, ..result }
    }

    /// The last list of a project, if no write and no other list was sent after it.
    pub(super) fn last_list(&self, role: KeyRole) -> Option<Arc<Exchange>> {
        let list = page(Some(MAX_LIMIT), None).key(role);
        let is_list = |request: &Request| request.operation == list.operation;
        let last = self.session.trace().iter().rfind(|exchange| {
            exchange.request.is_write() || is_list(&exchange.request) && exchange.request.role() == Some(role)
        })?;
        (is_list(&last.request) && last.request.path == list.path).then(|| Arc::clone(last))
    }

    /// The expected state of a project, if tracked.
    pub fn oracle_state(&self, role: KeyRole) -> Option<&State> {
        self.oracle.state(role)
    }

    /// Reads and compares another project, if tracked.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn read_other_project(&mut self, role: KeyRole) -> Result<(), Abort> {
        if self.oracle.state(role).is_some() {
            self.read_project(role).await?;
        }
        Ok(())
    }

    /// The ids of the main project in the order of its list; empty if unknown.
    pub fn order(&self) -> Vec<&str> {
        self.state().world().order()
    }

    pub(super) fn is_watching(&self) -> bool {
        self.is_watching
    }
}

/// The project that a request writes to.
pub(super) fn written(request: &Request) -> Option<KeyRole> {
    request.is_write().then(|| request.role().unwrap_or(KeyRole::Main))
}

/// The keys whose projects were written to. A write accepted without a key counts for the main project.
fn wrote(transcript: &[Arc<Exchange>]) -> BTreeSet<KeyRole> {
    transcript
        .iter()
        .filter(|exchange| exchange.request.is_write() && !exchange.response.is_rejection())
        .map(|exchange| exchange.request.role().unwrap_or(KeyRole::Main))
        .collect()
}

fn blocked(what: &str, exchange: &Exchange) -> Abort {
    Abort::Blocked(format!("a {what} request that the case depends on returned {}", exchange.response.summary()))
}
