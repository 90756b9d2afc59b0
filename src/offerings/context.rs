//! What every case runs on: a session with its projects, names for what it creates, and the oracle.
//!
//! A case decides what to send. Every response is judged here, by what holds for any response and by the oracle; after a
//! wrong one the state is read again, so that nothing that follows is judged by a state that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::naming::Naming;
use super::oracle::{About, Call, Facts, Oracle, Reply, State};
use super::record::follows;
use super::trace;
use crate::check::Offering;
use crate::contract::{Endpoint, Need};
use crate::exchange::{Exchange, KeyRole, Request, TransportError};
use crate::finding::{CaseResult, Failure};
use crate::project::{Abort, Counts, Project, Session, Snapshot};

/// How many independent requests are sent at once to a project that is not thrown away.
const AT_ONCE: usize = 8;

/// Why a request that is under way comes to its end.
const NOT_CANCELLED: &str = "no client cancels a request, and sending does not panic";

/// One case's view of its projects.
#[derive(Debug)]
pub struct Context {
    pub(super) session: Session,
    naming: Naming,
    pub(super) oracle: Oracle,
    facts: Facts,
    /// What each project held when the case first read it.
    before: BTreeMap<KeyRole, Snapshot>,
    /// Ids of offerings that a wrong response created or showed: what is wrong with them follows from it.
    pub(super) tainted: BTreeSet<String>,
    /// What lists are wrong about: offerings that they leave out, as gets show them, and such that they should not show.
    pub(super) corrected: BTreeMap<(KeyRole, String), Option<Offering>>,
    /// What the main project's list showed after the last write; `None` where it was not read since.
    pub(super) shown: Option<Snapshot>,
    /// What holds for any response and was seen in reads that are not compared yet.
    pub(super) general: Vec<Failure>,
    /// Projects to which a write was sent that no response came to: it may have been carried out.
    pub(super) uncertain: BTreeSet<KeyRole>,
    /// How often a project was accepted as it was read.
    pub(super) adoptions: u64,
    /// Projects that are read again although nothing was written to them.
    is_watching: bool,
}

impl Context {
    /// Reads what the project holds and begins.
    ///
    /// # Errors
    /// The list cannot be read; the report holds what was found until then.
    pub async fn open(project: Project, naming: Naming) -> Result<Self, CaseResult> {
        let facts = Facts {
            prefix: naming.run().to_owned(),
            products: project.fixtures.products.iter().cloned().collect(),
            foreign_product: project.fixtures.second_product.clone(),
            variant: project.fixtures.variant.clone(),
            is_exclusive: project.is_exclusive,
            was_used: false,
        };
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
        };
        match cx.open_project(KeyRole::Main).await {
            Ok(_) => Ok(cx),
            Err(halt) => Err(cx.finish(Some(halt))),
        }
    }

    async fn open_project(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        let known = self.session.record.failures.len();
        let snapshot = self.walk(role).await?;
        let mut facts = Facts { was_used: self.project().client.has_used(role), ..self.facts.clone() };
        if role != KeyRole::Main {
            // Which products another project has is not known.
            (facts.products, facts.foreign_product, facts.variant) = (BTreeSet::new(), None, None);
        }
        self.oracle.open(role, &snapshot, facts);
        self.before.entry(role).or_insert_with(|| snapshot.clone());
        // What a failed case created and the server does not remove is part of that failure.
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

    /// What the main project held when the case began.
    pub fn before(&self) -> &Snapshot {
        &self.before[&KeyRole::Main]
    }

    /// What a project held when the case first read it.
    pub(super) fn before_in(&self, role: KeyRole) -> Option<&Snapshot> {
        self.before.get(&role)
    }

    /// What the main project should hold now.
    pub fn state(&self) -> &State {
        self.oracle.state(KeyRole::Main).expect("a context opens with the main project")
    }

    /// The offering with this id, as it should be.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.state().find(id)
    }

    /// The main offering, where it was created by the run: only such a one may be put at risk.
    pub fn own_main(&self) -> Option<String> {
        let main = self.state().main()?;
        let is_own = !self.tainted.contains(main) && !self.is_shared() || self.state().world().is_created(main);
        is_own.then(|| main.to_owned())
    }

    /// What was found so far.
    pub fn record(&mut self) -> &mut CaseResult {
        &mut self.session.record
    }

    /// An id of this case: the same name, the same id.
    pub fn id(&self, name: &str) -> String {
        format!("{}{name}", self.naming.case_prefix())
    }

    /// At most `n` product ids, none of them twice.
    ///
    /// # Errors
    /// [`Abort::Missing`] when none is known.
    pub fn products(&self, n: usize) -> Result<Vec<String>, Abort> {
        let known = &self.project().fixtures.products;
        if known.is_empty() {
            return Err(Abort::Missing(Need::Product));
        }
        Ok(known.iter().take(n).cloned().collect())
    }

    /// As [`Self::products`]; none where none is known.
    pub fn some_products(&self, n: usize) -> Vec<String> {
        self.products(n).unwrap_or_default()
    }

    /// The id of an experiment variant.
    ///
    /// # Errors
    /// [`Abort::Missing`] when none is known.
    pub fn variant(&self) -> Result<String, Abort> {
        self.project().fixtures.variant.clone().ok_or(Abort::Missing(Need::Variant))
    }

    /// Whether what the case creates must be removed by it.
    pub fn is_shared(&self) -> bool {
        !self.project().is_disposable
    }

    /// How many requests are sent at once. A project of our own is near, and one after the other is the same every time.
    pub(super) fn at_once(&self) -> usize {
        if self.is_shared() { AT_ONCE } else { 1 }
    }

    /// What the idempotency keys of the case start with: no earlier case has used such a key.
    pub fn new_keys(&self) -> String {
        self.id(&self.session.now())
    }

    /// Notes that a part of a rule was left out, and what would enable it.
    pub fn leave_out(&mut self, rule: &'static str, reason: impl Into<String>) {
        self.session.record.skipped.insert(rule, reason.into());
    }

    /// Follows another project too, from now on: what it holds is compared after writes here.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn follow(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        self.is_watching = true;
        self.open_project(role).await
    }

    /// Sends a request; its response is judged, and folded into the expected state.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn send(&mut self, request: Request) -> Result<Arc<Exchange>, Abort> {
        self.settle_before(&request).await?;
        let known = self.session.record.failures.len();
        let written = written(&request);
        let exchange = self.session.send(request).await.inspect_err(|_| self.uncertain.extend(written))?;
        self.judge(&exchange, known).await?;
        Ok(exchange)
    }

    /// Sends requests of which none depends on another; where a target is far away, several at once. Their responses are
    /// judged in the order of the requests. A write that is rejected with 409 beside others is sent again alone: of
    /// several writes at once a correct server may reject all but one.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came to one; those that came are judged nevertheless.
    pub async fn send_all(&mut self, requests: &[Request]) -> Result<Vec<Arc<Exchange>>, Abort> {
        let mut all = Vec::with_capacity(requests.len());
        if self.at_once() == 1 {
            for request in requests {
                all.push(self.send(request.clone()).await?);
            }
            return Ok(all);
        }
        // What one list shows after several writes is explained by writes of one operation.
        let is_alike = |one: &Request, other: &Request| one.operation == other.operation;
        let groups = requests.chunk_by(is_alike).flat_map(|alike| alike.chunks(AT_ONCE));
        for group in groups {
            for request in group {
                self.settle_before(request).await?;
            }
            let sending: Vec<_> = group.iter().map(|request| self.begin(request.clone())).collect();
            let mut responses = Vec::with_capacity(sending.len());
            for sending in sending {
                responses.push(sending.await.expect(NOT_CANCELLED));
            }
            // All of them are known before the first failure ends the case: what was created can be removed.
            let mut failed = None;
            // What is read after a wrong response shows what all of the group did: later successes are not judged by it.
            let mut is_behind = false;
            for (request, mut response) in group.iter().zip(responses) {
                let has_met = group.len() > 1 && request.is_write();
                if has_met && response.as_ref().is_ok_and(|rejected| rejected.response.status == 409) {
                    response = self.begin(request.clone()).await.expect(NOT_CANCELLED);
                }
                match response {
                    Ok(exchange) => {
                        let known = self.session.record.failures.len();
                        let exchange = self.session.take_in(exchange);
                        let adoptions = self.adoptions;
                        if is_behind && request.is_write() && exchange.response.is_success() {
                            self.uncertain.extend(written(request));
                            self.drop_tainted(known);
                        } else {
                            self.judge(&exchange, known).await?;
                        }
                        is_behind |= self.adoptions > adoptions;
                        all.push(exchange);
                    }
                    Err(error) => {
                        self.uncertain.extend(written(request));
                        failed = failed.or(Some(error));
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
            let known = |role: &KeyRole| self.oracle.state(*role).is_some();
            for role in self.uncertain.iter().copied().filter(known).collect::<Vec<_>>() {
                self.adopt(role).await?;
            }
        }
        Ok(all)
    }

    fn begin(&mut self, request: Request) -> JoinHandle<Result<Exchange, TransportError>> {
        let client = self.project().client.clone();
        tokio::spawn(async move { client.send(request).await })
    }

    /// Judges what several clients did at once, in the order in which they began, by what holds for any response. What
    /// the project should hold is not known afterwards: [`Self::adopt`] finds out.
    pub(super) fn take_in_at_once(&mut self, exchanges: Vec<Exchange>, counts: Counts) -> Vec<Arc<Exchange>> {
        self.shown = None;
        let known = self.session.record.failures.len();
        let exchanges = self.session.take_in_at_once(exchanges, counts);
        // Whether the main may be deleted is open, and so are rejections of a used key.
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

    /// Reads the list where one promise would not explain what it shows after this request too.
    async fn settle_before(&mut self, request: &Request) -> Result<(), Abort> {
        let Some(call) = Call::read(request) else { return Ok(()) };
        let role = call.project();
        if self.uncertain.contains(&role) && self.oracle.state(role).is_some() {
            self.adopt(role).await?;
        }
        self.uncertain.remove(&role);
        if self.oracle.state(role).is_none() && self.project().client.keys().has(role) {
            self.open_project(role).await?;
        }
        if self.oracle.state(role).is_some_and(|state| state.must_be_read_before(&call)) {
            self.look_at(role).await?;
        }
        let is_promotion = call.endpoint == Endpoint::SetMain && call.is_authorized();
        let other = if role == KeyRole::Main { KeyRole::Second } else { KeyRole::Main };
        if is_promotion && self.oracle.state(other).is_none() && self.project().has(Need::SecondProject) {
            // A promotion must not touch another project.
            self.follow(other).await?;
        }
        if request.is_write() {
            self.shown = None;
        }
        Ok(())
    }

    /// Sends a create with this body and the main key.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn create(&mut self, body: &Value) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Create).json(body)).await
    }

    /// Creates an offering that the rest of the case builds on.
    ///
    /// # Errors
    /// [`Abort::Blocked`] when it is not there afterwards; why not was judged.
    pub async fn make(&mut self, id: &str, products: &[String]) -> Result<Offering, Abort> {
        let mut body = json!({ "id": id });
        if !products.is_empty() {
            body["product_ids"] = json!(products);
        }
        let made = self.create(&body).await?;
        self.find(id).cloned().ok_or_else(|| blocked("create", &made))
    }

    /// Creates offerings without products that the rest of the case builds on.
    ///
    /// # Errors
    /// [`Abort::Blocked`] when one is not there afterwards; why not was judged.
    pub async fn make_all(&mut self, ids: &[String]) -> Result<(), Abort> {
        let create = |id: &String| Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let creates: Vec<_> = ids.iter().map(create).collect();
        for (ids, creates) in ids.chunks(self.at_once()).zip(creates.chunks(self.at_once())) {
            let made = self.send_all(creates).await?;
            if let Some(place) = ids.iter().position(|id| self.find(id).is_none()) {
                return Err(blocked("create", &made[place.min(made.len() - 1)]));
            }
        }
        Ok(())
    }

    /// Makes sure that what is created next is regular: where there is no main, the next offering may become it.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub async fn make_main_elsewhere(&mut self) -> Result<(), Abort> {
        if self.state().main().is_none() {
            let id = self.id("first");
            self.make(&id, &[]).await?;
        }
        Ok(())
    }

    /// Sends a get.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn get(&mut self, id: &str) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Get).id(id)).await
    }

    /// Sends an update with this body.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn update(&mut self, id: &str, body: &Value) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Update).id(id).json(body)).await
    }

    /// Sends a delete.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn delete(&mut self, id: &str) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::Delete).id(id)).await
    }

    /// Sends a set-main.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn set_main(&mut self, id: &str) -> Result<Arc<Exchange>, Abort> {
        self.send(Request::to(Endpoint::SetMain).id(id)).await
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn page(&mut self, limit: Option<usize>, after: Option<&str>) -> Result<Reply, Abort> {
        let mut request = Request::to(Endpoint::List);
        if let Some(limit) = limit {
            request = request.query("limit", &limit.to_string());
        }
        if let Some(after) = after {
            request = request.query("starting_after", after);
        }
        Ok(Reply::read(&self.send(request).await?.response))
    }

    /// Ends the case: the state is compared once more, what the case created is removed, and the failures get their
    /// traces. After a failure the run removes it: what that shows would mostly follow from the failure.
    pub async fn close(mut self, flow: Result<(), Abort>) -> CaseResult {
        let mut last = Ok(());
        if !matches!(flow, Err(Abort::World(_))) {
            last = self.look_at_all().await;
            if last.is_ok() && self.session.record.failures.is_empty() {
                last = self.clean_up().await;
            }
        }
        let abort = last.err().or(flow.err());
        self.finish(abort)
    }

    /// Ends a case that prepares or restores the project: what it created stays.
    pub async fn leave(mut self, flow: Result<(), Abort>) -> CaseResult {
        let abort = match flow {
            Ok(()) => self.look_at_all().await.err(),
            Err(halt) => Some(halt),
        };
        self.finish(abort)
    }

    fn finish(mut self, abort: Option<Abort>) -> CaseResult {
        self.release_general();
        let mut result = std::mem::take(&mut self.session.record);
        trace::attach(&mut result, self.session.transcript());
        let after = self.shown.as_ref().map(Snapshot::listed);
        CaseResult { wrote: wrote(self.session.transcript()), abort, after, ..result }
    }

    /// What another project that is followed should hold.
    pub fn oracle_state(&self, role: KeyRole) -> Option<&State> {
        self.oracle.state(role)
    }

    /// Compares another project, where it is followed.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn look_in(&mut self, role: KeyRole) -> Result<(), Abort> {
        if self.oracle.state(role).is_some() {
            self.look_at(role).await?;
        }
        Ok(())
    }

    /// The ids of the main project in the order of its list; empty where that is not known.
    pub fn order(&self) -> Vec<&str> {
        self.state().world().order()
    }

    /// Sends reads all at once and judges their responses.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came to one; the others are judged nevertheless.
    pub async fn read_at_once(&mut self, requests: &[Request]) -> Result<(), Abort> {
        let sending: Vec<_> = requests.iter().map(|request| self.begin(request.clone())).collect();
        let mut failed = None;
        for sending in sending {
            match sending.await.expect(NOT_CANCELLED) {
                Ok(exchange) => {
                    let known = self.session.record.failures.len();
                    let exchange = self.session.take_in(exchange);
                    self.judge(&exchange, known).await?;
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    pub(super) fn is_watching(&self) -> bool {
        self.is_watching
    }
}

/// The project that a request writes to.
fn written(request: &Request) -> Option<KeyRole> {
    request.is_write().then(|| request.role().unwrap_or(KeyRole::Main))
}

/// The keys whose projects were changed. A write that was accepted without any key counts as one of the main project.
fn wrote(transcript: &[Arc<Exchange>]) -> BTreeSet<KeyRole> {
    transcript
        .iter()
        .filter(|exchange| exchange.request.is_write() && !exchange.response.is_rejection())
        .map(|exchange| exchange.request.role().unwrap_or(KeyRole::Main))
        .collect()
}

fn blocked(what: &str, exchange: &Exchange) -> Abort {
    Abort::Blocked(format!("a {what} that the case builds on returned {}", exchange.response.summary()))
}
