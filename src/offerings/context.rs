//! What every case runs on: a session with its projects, names for what it creates, and the oracle.
//!
//! A case decides what to send. Every response is judged here, by what holds for any response and by the oracle; after a
//! wrong one the state is read again, so that nothing that follows is judged by a state that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::naming::Naming;
use super::oracle::{About, Call, Facts, Oracle, Reply, State, Wrong};
use super::trace;
use crate::check::Offering;
use crate::contract::{Endpoint, Level, Need};
use crate::exchange::{Exchange, KeyRole, Request, TransportError};
use crate::finding::{CaseResult, Evidence, Failure, Scope};
use crate::lane::{Counts, Halt, Lane, Session, Snapshot, Tenure};

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
    before: Snapshot,
    /// Ids of offerings that a wrong response created or showed: what is wrong with them follows from it.
    pub(super) tainted: BTreeSet<String>,
    /// What lists are wrong about: offerings that they leave out, as gets show them, and such that they should not show.
    pub(super) corrected: BTreeMap<(KeyRole, String), Option<Offering>>,
    /// What the main project's list showed after the last write; `None` where it was not read since.
    pub(super) shown: Option<Snapshot>,
    /// What holds for any response and was seen in reads that are not compared yet.
    pub(super) general: Vec<Failure>,
    /// Projects that are read again although nothing was written to them.
    is_watching: bool,
}

impl Context {
    /// Reads what the project holds and begins.
    ///
    /// # Errors
    /// The list cannot be read; the report holds what was found until then.
    pub async fn open(lane: Lane, naming: Naming) -> Result<Self, CaseResult> {
        let facts = Facts {
            prefix: naming.run().to_owned(),
            products: lane.fixtures.products.iter().cloned().collect(),
            variant: lane.fixtures.variant.clone(),
            is_exclusive: lane.tenure != Tenure::Shared || lane.is_exclusive,
        };
        let mut cx = Self {
            session: Session::new(lane),
            naming,
            oracle: Oracle::default(),
            facts,
            before: Snapshot::default(),
            tainted: BTreeSet::new(),
            corrected: BTreeMap::new(),
            shown: None,
            general: Vec::new(),
            is_watching: false,
        };
        match cx.open_project(KeyRole::Main).await {
            Ok(before) => {
                cx.before = before;
                Ok(cx)
            }
            Err(halt) => Err(cx.finish(Some(halt))),
        }
    }

    async fn open_project(&mut self, role: KeyRole) -> Result<Snapshot, Halt> {
        let snapshot = self.walk(role).await?;
        let mut facts = self.facts.clone();
        if role != KeyRole::Main {
            // Which products another project has is not known.
            (facts.products, facts.variant) = (BTreeSet::new(), None);
        }
        self.oracle.open(role, &snapshot, facts);
        self.release_general();
        Ok(snapshot)
    }

    /// The project and its keys.
    pub fn lane(&self) -> &Lane {
        self.session.lane()
    }

    /// What the main project held when the case began.
    pub fn before(&self) -> &Snapshot {
        &self.before
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
    /// [`Halt::Missing`] when none is known.
    pub fn products(&self, n: usize) -> Result<Vec<String>, Halt> {
        let known = &self.lane().fixtures.products;
        if known.is_empty() {
            return Err(Halt::Missing(Need::Product));
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
    /// [`Halt::Missing`] when none is known.
    pub fn variant(&self) -> Result<String, Halt> {
        self.lane().fixtures.variant.clone().ok_or(Halt::Missing(Need::Variant))
    }

    /// Whether what the case creates must be removed by it.
    pub fn is_shared(&self) -> bool {
        self.lane().tenure == Tenure::Shared
    }

    /// How many requests are sent at once. A project of our own is near, and one after the other is the same every time.
    pub(super) fn at_once(&self) -> usize {
        if self.is_shared() { AT_ONCE } else { 1 }
    }

    /// What the idempotency keys of the case start with; `None` when no key can be known to be new.
    pub fn new_keys(&self) -> Option<String> {
        Some(self.id(&self.session.now()?))
    }

    /// Notes that a part of a rule was left out, and what would enable it.
    pub fn leave_out(&mut self, rule: &'static str, reason: impl Into<String>) {
        self.session.record.skipped.insert(rule, reason.into());
    }

    /// Follows another project too, from now on: what it holds is compared after writes here.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn follow(&mut self, role: KeyRole) -> Result<Snapshot, Halt> {
        self.is_watching = true;
        self.open_project(role).await
    }

    /// Sends a request; its response is judged, and folded into the expected state.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn send(&mut self, request: Request) -> Result<Arc<Exchange>, Halt> {
        self.settle_before(&request).await?;
        let known = self.session.record.failures.len();
        let exchange = self.session.send(request).await?;
        self.judge(&exchange, known).await?;
        Ok(exchange)
    }

    /// Sends requests of which none depends on another; where a target is far away, several at once. Their responses are
    /// judged in the order of the requests. A write that is rejected with 409 beside others is sent again alone: of
    /// several writes at once a correct server may reject all but one.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came to one; those that came are judged nevertheless.
    pub async fn send_all(&mut self, requests: &[Request]) -> Result<Vec<Arc<Exchange>>, Halt> {
        let mut all = Vec::with_capacity(requests.len());
        if self.at_once() == 1 {
            for request in requests {
                all.push(self.send(request.clone()).await?);
            }
            return Ok(all);
        }
        for group in requests.chunks(self.at_once()) {
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
            for (request, mut response) in group.iter().zip(responses) {
                let has_met = group.len() > 1 && request.is_write();
                if has_met && response.as_ref().is_ok_and(|rejected| rejected.answer.status == 409) {
                    response = self.begin(request.clone()).await.expect(NOT_CANCELLED);
                }
                match response {
                    Ok(exchange) => {
                        let known = self.session.record.failures.len();
                        let exchange = self.session.take_in(exchange);
                        self.judge(&exchange, known).await?;
                        all.push(exchange);
                    }
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        Ok(all)
    }

    fn begin(&mut self, request: Request) -> JoinHandle<Result<Exchange, TransportError>> {
        let client = self.lane().client.clone();
        tokio::spawn(async move { client.send(request).await })
    }

    /// Judges what several clients did at once, in the order in which they began, by what holds for any response. What
    /// the project should hold is not known afterwards: [`Self::adopt`] finds out.
    pub(super) fn take_in_at_once(&mut self, exchanges: Vec<Exchange>, counts: Counts) -> Vec<Arc<Exchange>> {
        self.shown = None;
        self.session.take_in_at_once(exchanges, counts)
    }

    /// Reads the list where one promise would not explain what it shows after this request too.
    async fn settle_before(&mut self, request: &Request) -> Result<(), Halt> {
        let Some(call) = Call::read(request) else { return Ok(()) };
        let role = call.project();
        if self.oracle.state(role).is_none() && self.lane().client.keys().has(role) {
            self.open_project(role).await?;
        }
        if self.oracle.state(role).is_some_and(|state| state.must_be_read_before(&call)) {
            self.look_at(role).await?;
        }
        let is_promotion = call.endpoint == Endpoint::SetMain && call.is_authorized();
        let other = if role == KeyRole::Main { KeyRole::Second } else { KeyRole::Main };
        if is_promotion && self.oracle.state(other).is_none() && self.lane().has(Need::SecondProject) {
            // A promotion must not touch another project.
            self.follow(other).await?;
        }
        if request.is_write() {
            self.shown = None;
        }
        Ok(())
    }

    /// Judges an exchange whose general failures are those of the record from `known` on.
    async fn judge(&mut self, exchange: &Arc<Exchange>, known: usize) -> Result<(), Halt> {
        let general = self.session.record.failures.split_off(known);
        let Some(call) = Call::read(&exchange.request) else {
            self.add_general(general, exchange);
            return Ok(());
        };
        let reply = Reply::read(&exchange.answer);
        // What a write before stored shows first.
        let contradicts = self.oracle.state(call.project()).is_some_and(|state| {
            let is_there = state.find(&call.id).is_some();
            let is_about_one = !matches!(call.endpoint, Endpoint::List | Endpoint::Create) && call.is_authorized();
            let is_plain = super::oracle::is_offering_id(&call.id);
            is_about_one && is_plain && state.is_unsettled() && (is_there && reply.status == 404 || !is_there && reply.is_success() && !call.is_write())
        });
        if contradicts {
            self.look_at(call.project()).await?;
        }
        let verdict = match self.oracle.state_mut(call.project()) {
            Some(state) => state.apply(&call, &reply, exchange),
            None => return Ok(self.add_general(general, exchange)),
        };
        match verdict {
            Ok(kept) if kept.is_known => {
                let rest = general.into_iter().filter(|failure| !follows(failure.rule, About::Status)).collect();
                self.add_general(rest, exchange);
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Ok(kept) => {
                for rule in kept.rules {
                    self.session.record.checked(rule);
                }
                let is_new = |cx: &Self, warning: &Wrong| {
                    !cx.session.record.failures.iter().any(|failure| failure.rule == warning.rule)
                };
                for warning in kept.warnings.into_iter().filter(|warning| is_new(self, warning)).collect::<Vec<_>>() {
                    let failure = Failure { level: Some(Level::Should), ..self.failure(warning, exchange) };
                    self.add(failure);
                }
                let is_choice = !kept.choices.is_empty();
                for choice in kept.choices {
                    self.session.record.observe(choice.rule, choice.what);
                }
                // A rejection that an open rule admits may have a status and a code that no document names.
                let is_open = is_choice && reply.is_rejection();
                let general = general.into_iter().filter(|failure| !(is_open && follows(failure.rule, About::Status)));
                self.add_general(general.collect(), exchange);
                if call.is_write() {
                    self.oracle.compare_projects();
                }
            }
            Err(wrong) if is_explained(&wrong, &general) => {
                self.add_general(general, exchange);
                if call.is_write() {
                    self.adopt(call.project()).await?;
                }
            }
            Err(wrong) if wrong.about == About::Stored => {
                let (part, rest): (Vec<_>, Vec<_>) =
                    general.into_iter().partition(|failure| OF_OFFERINGS.contains(&failure.rule));
                self.add_general(rest, exchange);
                self.look_twice(&call, *wrong, part, exchange).await?;
            }
            Err(wrong) if self.is_follow_up(&call, &wrong) => {
                self.session.record.checked(wrong.rule);
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Err(wrong) if self.is_like_missing(&call, &wrong, &reply).await? => {
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Err(wrong) => {
                self.taint(&call, &reply);
                self.fail(&call, *wrong, general, exchange);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
        }
        Ok(())
    }

    /// Whether it follows from an earlier failure of the case: about the same offering, or, for a rejection that is wrong
    /// in another way, from a request of the kind that was accepted before.
    fn is_follow_up(&self, call: &Call, wrong: &Wrong) -> bool {
        let was_accepted = |failure: &Failure| failure.rule == wrong.rule && failure.difference == "accepted";
        let is_of_kind = wrong.difference != "accepted"
            && matches!(wrong.about, About::Status | About::Code)
            && self.session.record.failures.iter().any(was_accepted);
        is_of_kind || self.tainted.contains(&call.id) || call.after.as_ref().is_some_and(|after| self.tainted.contains(after))
    }

    /// Whether what is hidden (deleted, a variant, of another project) gets the response of what never existed: then it
    /// is that response which is wrong, and it becomes the failure.
    async fn is_like_missing(&mut self, call: &Call, wrong: &Wrong, reply: &Reply) -> Result<bool, Halt> {
        let role = call.project();
        let is_one = !matches!(call.endpoint, Endpoint::List | Endpoint::Create) && call.is_authorized();
        let is_about = matches!(wrong.about, About::Status | About::Code) && is_one;
        let Some(state) = self.oracle.state(role).filter(|state| is_about && state.world().is_hidden(&call.id)) else {
            return Ok(false);
        };
        if state.world().knows_missing(call.endpoint) {
            return Ok(false);
        }
        let never = self.id("never-existed");
        let request = Request::to(call.endpoint).id(&never).key(role);
        let request = if call.endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request };
        let at = self.send_quietly(request).await?;
        self.general.clear();
        let (Some(probe), missing) = (Call::read(&at.request), Reply::read(&at.answer)) else { return Ok(false) };
        let verdict = match self.oracle.state_mut(role) {
            Some(state) => state.apply(&probe, &missing, &at),
            None => return Ok(false),
        };
        let Err(found) = verdict else { return Ok(false) };
        self.fail(&probe, *found, Vec::new(), &at);
        self.taint(&probe, &missing);
        if probe.is_write() {
            self.adopt_all().await?;
        }
        Ok(missing.status == reply.status && missing.code == reply.code)
    }

    /// Accepts every project as it is now.
    async fn adopt_all(&mut self) -> Result<(), Halt> {
        for role in self.oracle.projects() {
            self.adopt(role).await?;
        }
        self.release_general();
        Ok(())
    }

    /// Sends a read of our own: what holds for any response waits until what it shows is compared.
    pub(super) async fn send_quietly(&mut self, request: Request) -> Result<Arc<Exchange>, Halt> {
        let known = self.session.record.failures.len();
        let exchange = self.session.send(request).await?;
        let general = self.session.record.failures.split_off(known);
        let sound = self.untainted(general, &exchange);
        let (part, rest): (Vec<_>, Vec<_>) = explained_by_schema(sound)
            .into_iter()
            .partition(|failure| OF_OFFERINGS.contains(&failure.rule) && failure.rule != "response.schema");
        self.session.record.failures.extend(rest);
        self.general.extend(part);
        Ok(exchange)
    }

    /// Adds what waited for a comparison that found nothing.
    pub(super) fn release_general(&mut self) {
        let general = std::mem::take(&mut self.general);
        self.session.record.failures.extend(general);
    }

    fn taint(&mut self, call: &Call, reply: &Reply) {
        let shown = reply.offering().map(|offering| offering.id.clone());
        self.tainted.extend(shown.into_iter().chain([call.id.clone()]).filter(|id| !id.is_empty()));
    }

    /// Adds what the oracle found; general failures that follow from it become part of it.
    fn fail(&mut self, call: &Call, wrong: Wrong, general: Vec<Failure>, at: &Arc<Exchange>) {
        let (part, rest): (Vec<_>, Vec<_>) = general.into_iter().partition(|other| follows(other.rule, wrong.about));
        let mut failure = self.failure(wrong, at);
        failure.also.extend(part.iter().map(|other| other.rule));
        self.add_general(rest, at);
        failure.trace = trace::leading_to(self.session.transcript(), at, &[call.id.as_str()], &failure);
        self.add(failure);
    }

    pub(super) fn failure(&self, wrong: Wrong, at: &Arc<Exchange>) -> Failure {
        let received = self.lane().client.keys().redact(&wrong.received).into_owned();
        Failure {
            rule: wrong.rule,
            scope: if PER_OPERATION.contains(&&*wrong.condition) { Scope::Operation } else { Scope::Anywhere },
            condition: wrong.condition,
            difference: wrong.difference,
            title: wrong.title,
            expected: wrong.expected,
            received,
            operation: at.request.operation.clone(),
            level: None,
            also: wrong.also,
            at: Arc::clone(at),
            trace: Vec::new(),
            evidence: Evidence::default(),
        }
    }

    /// Adds a failure, once for each defect; the one with the shortest trace stays.
    pub(super) fn add(&mut self, failure: Failure) {
        self.session.record.checked(failure.rule);
        self.session.record.failures.push(failure);
    }

    /// Adds what holds for any response, unless it follows from an earlier failure of the case. What breaks the schema
    /// of an offering explains what its times and its URL are.
    fn add_general(&mut self, general: Vec<Failure>, at: &Arc<Exchange>) {
        let sound = explained_by_schema(self.untainted(general, at));
        if sound.iter().any(|failure| failure.rule == "offering.created-at-immutable")
            && let Some(call) = Call::read(&at.request)
        {
            self.tainted.insert(call.id);
        }
        self.session.record.failures.extend(sound);
    }

    /// Those that do not follow from an earlier failure of the case.
    fn untainted(&self, general: Vec<Failure>, at: &Exchange) -> Vec<Failure> {
        if general.is_empty() || self.tainted.is_empty() {
            return general;
        }
        let body = String::from_utf8_lossy(at.answer.body());
        let shows = |id: &String| body.contains(serde_json::to_string(id).unwrap_or_default().trim_matches('"'));
        let is_tainted = self.tainted.iter().any(shows);
        general.into_iter().filter(|failure| !(is_tainted && OF_OFFERINGS.contains(&failure.rule))).collect()
    }

    /// Sends a create with this body and the main key.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn create(&mut self, body: &Value) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Create).json(body)).await
    }

    /// Creates an offering that the rest of the case builds on.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when it is not there afterwards; why not was judged.
    pub async fn make(&mut self, id: &str, products: &[String]) -> Result<Offering, Halt> {
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
    /// [`Halt::Blocked`] when one is not there afterwards; why not was judged.
    pub async fn make_all(&mut self, ids: &[String]) -> Result<(), Halt> {
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
    pub async fn make_main_elsewhere(&mut self) -> Result<(), Halt> {
        if self.state().main().is_none() {
            let id = self.id("first");
            self.make(&id, &[]).await?;
        }
        Ok(())
    }

    /// Sends a get.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn get(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Get).id(id)).await
    }

    /// Sends an update with this body.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn update(&mut self, id: &str, body: &Value) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Update).id(id).json(body)).await
    }

    /// Sends a delete.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn delete(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Delete).id(id)).await
    }

    /// Sends a set-main.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn set_main(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::SetMain).id(id)).await
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// [`Halt::World`] when no response came.
    pub async fn page(&mut self, limit: Option<usize>, after: Option<&str>) -> Result<Reply, Halt> {
        let mut request = Request::to(Endpoint::List);
        if let Some(limit) = limit {
            request = request.query("limit", &limit.to_string());
        }
        if let Some(after) = after {
            request = request.query("starting_after", after);
        }
        Ok(Reply::read(&self.send(request).await?.answer))
    }

    /// Ends the case: the state is compared once more, and the failures get their traces.
    pub async fn close(mut self, flow: Result<(), Halt>) -> CaseResult {
        let halt = match flow {
            Err(halt @ Halt::World(_)) => Some(halt),
            flow => self.look_at_all().await.err().or(flow.err()),
        };
        self.finish(halt)
    }

    fn finish(mut self, abort: Option<Halt>) -> CaseResult {
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
    pub async fn look_in(&mut self, role: KeyRole) -> Result<(), Halt> {
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
    /// [`Halt::World`] when no response came to one; the others are judged nevertheless.
    pub async fn read_at_once(&mut self, requests: &[Request]) -> Result<(), Halt> {
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

/// Conditions that stand for one defect at each operation.
const PER_OPERATION: [&str; 2] = ["invariant.failed-write-no-effect/effect", "invariant.no-bleed/effect"];

/// General rules about the offerings in a response.
const OF_OFFERINGS: [&str; 4] =
    ["response.schema", "offering.url", "offering.timestamps", "offering.created-at-immutable"];

/// What breaks the schema of an offering, or the order of its times, explains what else is wrong with them.
fn explained_by_schema(mut general: Vec<Failure>) -> Vec<Failure> {
    for first in ["response.schema", "offering.timestamps"] {
        let Some(place) = general.iter().position(|failure| failure.rule == first) else { continue };
        let mut failure = general.swap_remove(place);
        let (part, rest): (Vec<_>, Vec<_>) =
            general.into_iter().partition(|other| OF_OFFERINGS.contains(&other.rule) && other.rule != first);
        failure.also.extend(part.iter().map(|other| other.rule));
        failure.also.dedup();
        general = rest;
        general.insert(0, failure);
    }
    general
}

/// Whether what is wrong with the form of a response explains what the oracle says of it.
fn is_explained(wrong: &Wrong, general: &[Failure]) -> bool {
    let reasons: &[&str] = match wrong.about {
        About::Status => &["response.no-server-error"],
        About::Code => &["response.no-server-error", "response.schema", "response.error-code-format"],
        About::Content | About::Stored => {
            let explains: &[&str] = &["response.no-server-error", "response.schema", "offering.created-at-immutable"];
            &explains[..if wrong.rule == "offering.created-at-immutable" { 3 } else { 2 }]
        }
    };
    general.iter().any(|failure| reasons.contains(&failure.rule))
}

/// Whether a general failure at the same response follows from what the oracle found.
fn follows(rule: &str, about: About) -> bool {
    match about {
        About::Status => [
            "response.documented-status",
            "response.error-code-documented",
            "response.error-type",
            "response.schema",
            "response.content-type",
            "offering.url",
        ]
        .contains(&rule),
        About::Code => ["response.error-code-documented", "response.error-type"].contains(&rule),
        About::Content | About::Stored => false,
    }
}

/// The keys whose projects were changed. A write that was accepted without any key counts as one of the main project.
fn wrote(transcript: &[Arc<Exchange>]) -> BTreeSet<KeyRole> {
    transcript
        .iter()
        .filter(|exchange| exchange.request.is_write() && !exchange.answer.is_refusal())
        .map(|exchange| exchange.request.role().unwrap_or(KeyRole::Main))
        .collect()
}

fn blocked(what: &str, exchange: &Exchange) -> Halt {
    Halt::Blocked(format!("a {what} that the case builds on returned {}", exchange.answer.summary()))
}
