//! What every case plays on: a session with one project, names for what it creates, and the expected state.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::model::{Facts, Verdict};
use super::naming::Naming;
use super::state::State;
use super::{Claim, story};
use crate::check::Offering;
use crate::contract::{Endpoint, Need};
use crate::exchange::{Exchange, KeyRole, Request, TransportError};
use crate::finding::{CaseResult, Failure, Record};
use crate::lane::{Counts, Halt, Lane, Session, Snapshot, Tenure};

/// How many independent requests are sent at once to a project that others use too.
const AT_ONCE: usize = 8;

/// Why a request that is under way comes to its end.
const NOT_CANCELLED: &str = "nobody cancels a request, and sending does not panic";

/// One case's view of its lane. Everything it sends is judged; every write is folded into the expected state.
#[derive(Debug)]
pub struct Stage {
    session: Session,
    naming: Naming,
    state: State,
    before: Snapshot,
    last: Option<Arc<Exchange>>,
    /// Whether anything was written since the list was read last.
    is_unsettled: bool,
    /// Whether something was created since the list was read last.
    is_unproved: bool,
    told: Vec<Arc<Exchange>>,
    /// What the main project's list showed after the last write; `None` where it was not read since.
    shown: Option<Snapshot>,
}

impl Stage {
    /// Reads what the project holds and begins.
    ///
    /// # Errors
    /// The list cannot be read; the report holds what was found until then.
    pub async fn open(lane: Lane, naming: Naming) -> Result<Self, CaseResult> {
        let mut session = Session::new(lane);
        match session.walk(KeyRole::Main).await {
            Ok(before) => {
                let facts = Facts::of(session.lane(), naming.run());
                let mut state = State::starting_from(&before, facts);
                if session.lane().tenure == Tenure::Disposable {
                    state.own_all();
                }
                Ok(Self {
                    state,
                    session,
                    naming,
                    before,
                    last: None,
                    is_unsettled: false,
                    is_unproved: false,
                    told: Vec::new(),
                    shown: None,
                })
            }
            Err(halt) => {
                let mut result = std::mem::take(&mut session.record);
                story::tell(&mut result, session.transcript(), &[]);
                Err(CaseResult { abort: Some(halt), ..result })
            }
        }
    }

    /// The lane it plays on.
    pub fn lane(&self) -> &Lane {
        self.session.lane()
    }

    /// What the project held when the case began.
    pub fn before(&self) -> &Snapshot {
        &self.before
    }

    /// What the project should hold now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was found so far.
    pub fn record(&mut self) -> &mut Record {
        &mut self.session.record
    }

    /// An id of this case: the same name, the same id.
    pub fn id(&self, name: &str) -> String {
        format!("{}{name}", self.naming.case_prefix())
    }

    /// `n` product ids; without repeats as long as enough are known.
    ///
    /// # Errors
    /// [`Halt::Missing`] when none is known.
    pub fn products(&self, n: usize) -> Result<Vec<String>, Halt> {
        let known = &self.lane().fixtures.products;
        if known.is_empty() {
            return Err(Halt::Missing(Need::Product));
        }
        Ok(known.iter().cycle().take(n).cloned().collect())
    }

    /// At most `n` product ids, none of them twice.
    ///
    /// # Errors
    /// [`Halt::Missing`] when none is known.
    pub fn distinct_products(&self, n: usize) -> Result<Vec<String>, Halt> {
        let known = self.lane().fixtures.products.len();
        self.products(n.min(known.max(1)))
    }

    /// The id of an experiment variant.
    ///
    /// # Errors
    /// [`Halt::Missing`] when none is known.
    pub fn variant(&self) -> Result<String, Halt> {
        let variant = &self.lane().fixtures.variant;
        variant.clone().ok_or(Halt::Missing(Need::Variant))
    }

    /// Sends a request; its answer is judged and folded into the expected state.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn send(&mut self, request: Request) -> Result<Arc<Exchange>, Halt> {
        Ok(self.send_judged(request).await?.0)
    }

    /// As [`Self::send`], with what the model says of the answer; `None` where it has nothing to say.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn send_judged(&mut self, request: Request) -> Result<(Arc<Exchange>, Option<Verdict>), Halt> {
        self.note_sending(&request);
        let exchange = self.session.send(request).await?;
        let verdict = self.state.apply(&exchange);
        self.note_write(&exchange);
        self.last = Some(Arc::clone(&exchange));
        Ok((exchange, verdict))
    }

    /// Notes an exchange as one that every story of the case tells: the failures of such a case are told by these and
    /// the exchange at which they showed.
    pub fn tell(&mut self, exchange: &Arc<Exchange>) {
        self.told.push(Arc::clone(exchange));
    }

    /// Holds an answer against a rule.
    pub fn claim(&mut self, rule: &'static str, at: &Arc<Exchange>) -> Claim<'_> {
        Claim::new(&mut self.session, rule, at)
    }

    /// Notes what the server chose at an open point.
    pub fn observe(&mut self, rule: &'static str, choice: impl AsRef<str> + Into<String>) {
        self.session.record.observe(rule, choice);
    }

    /// Notes that a part of a rule was left out, and what would enable it.
    pub fn leave_out(&mut self, rule: &'static str, reason: impl Into<String>) {
        self.session.record.skipped.insert(rule, reason.into());
    }

    /// Creates an offering that the rest of the case builds on.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when it was not created; `create.echo` is broken then.
    pub async fn make(&mut self, id: &str, products: &[String]) -> Result<Offering, Halt> {
        let mut body = json!({ "id": id });
        if !products.is_empty() {
            body["product_ids"] = json!(products);
        }
        let made = self.create(&body).await?;
        let rule = rule_of_refused(&made);
        let stands = self.claim(rule, &made).status(201, "a valid create").id(id).products(products).stands();
        match made.answer.json().and_then(Offering::read) {
            Some(offering) if stands => Ok(offering),
            _ => Err(blocked("create", &made)),
        }
    }

    /// Creates offerings without products that the rest of the case builds on.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when one was not created; `create.echo` is broken then. [`Halt::World`] when no answer came.
    pub async fn make_many(&mut self, ids: &[String]) -> Result<(), Halt> {
        let create = |id: &String| Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let creates: Vec<_> = ids.iter().map(create).collect();
        // The first that is refused ends it.
        for (ids, creates) in ids.chunks(self.at_once()).zip(creates.chunks(self.at_once())) {
            for (id, made) in ids.iter().zip(self.send_all(creates).await?) {
                let rule = rule_of_refused(&made);
                if !self.claim(rule, &made).status(201, "a valid create").id(id).stands() {
                    return Err(blocked("create", &made));
                }
            }
        }
        Ok(())
    }

    /// Sends requests of which none depends on another; where a target is far away, several at once. Their answers are
    /// judged in the order of the requests. A write that is refused with 409 beside others is sent again alone, for of
    /// several writes at once a right server may refuse all but one: only what it answers then is judged.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came to one; those that came are judged nevertheless.
    pub async fn send_all(&mut self, requests: &[Request]) -> Result<Vec<Arc<Exchange>>, Halt> {
        let mut all = Vec::with_capacity(requests.len());
        for group in requests.chunks(self.at_once()) {
            let sending: Vec<_> = group.iter().map(|request| self.begin(request.clone())).collect();
            let mut answers = Vec::with_capacity(sending.len());
            for sending in sending {
                answers.push(sending.await.expect(NOT_CANCELLED));
            }
            // All of them are known before the first failure ends the case: what was created can be removed.
            let mut failed = None;
            for (request, mut answer) in group.iter().zip(answers) {
                let has_met = group.len() > 1 && request.is_write();
                if has_met && answer.as_ref().is_ok_and(|refused| refused.answer.status == 409) {
                    answer = self.begin(request.clone()).await.expect(NOT_CANCELLED);
                }
                match answer {
                    Ok(exchange) => all.push(self.take_in(exchange)),
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
        self.note_sending(&request);
        let client = self.lane().client.clone();
        tokio::spawn(async move { client.send(request).await })
    }

    /// How many requests are sent at once. A lane of our own is near, and one after the other is the same every time.
    pub(super) fn at_once(&self) -> usize {
        if self.is_shared() { AT_ONCE } else { 1 }
    }

    /// Judges an exchange that was made elsewhere and folds it into the expected state.
    fn take_in(&mut self, exchange: Exchange) -> Arc<Exchange> {
        let exchange = self.session.take_in(exchange);
        self.state.apply(&exchange);
        self.note_write(&exchange);
        self.last = Some(Arc::clone(&exchange));
        exchange
    }

    /// Judges what several clients did at once, in the order in which they began. What the project should hold is not
    /// known afterwards: [`Self::rebase`] finds out.
    pub(super) fn take_in_at_once(&mut self, exchanges: Vec<Exchange>, counts: Counts) -> Vec<Arc<Exchange>> {
        self.shown = None;
        let exchanges = self.session.take_in_at_once(exchanges, counts);
        self.last = exchanges.last().cloned().or(self.last.take());
        exchanges
    }

    /// Takes what the list shows now as what the project should hold.
    ///
    /// # Errors
    /// As [`Session::walk`].
    pub(super) async fn rebase(&mut self) -> Result<Snapshot, Halt> {
        let snapshot = self.list().await?;
        self.state.adopt(&snapshot);
        Ok(snapshot)
    }

    /// What the list showed is not what it shows after a write, answered or not.
    fn note_sending(&mut self, request: &Request) {
        if request.is_write() {
            self.shown = None;
        }
    }

    fn note_write(&mut self, exchange: &Exchange) {
        self.is_unsettled |= exchange.request.is_write();
        let creates = exchange.request.operation.endpoint() == Some(Endpoint::Create);
        self.is_unproved |= creates && exchange.answer.is_success();
    }

    /// Sends a create with this body and the main key.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn create(&mut self, body: &Value) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Create).json(body)).await
    }

    /// Sends a get.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn get(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Get).id(id)).await
    }

    /// Gets an offering that must not exist, and says whether it does not. Its being there breaks `rule`, how its absence
    /// is told is a matter of `get.missing`. `what` names the request in titles.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn gone(&mut self, rule: &'static str, id: &str, what: &str) -> Result<bool, Halt> {
        let got = self.get(id).await?;
        let is_there = got.answer.is_success() && got.answer.json().is_some_and(Value::is_object);
        if is_there {
            self.claim(rule, &got).refused(404, &["not_found"], what);
        } else {
            self.session.record.checked(rule);
            self.claim("get.missing", &got).refused(404, &["not_found"], what);
        }
        Ok(!is_there)
    }

    /// Gets an offering that must exist.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when it cannot be read; `get.existing` is broken then.
    pub async fn read(&mut self, id: &str) -> Result<(Offering, Arc<Exchange>), Halt> {
        self.prove().await?;
        let got = self.get(id).await?;
        let stands = self.claim("get.existing", &got).status(200, "a get of an existing offering").id(id).stands();
        match got.answer.json().and_then(Offering::read) {
            Some(offering) if stands => Ok((offering, got)),
            _ => Err(blocked("get", &got)),
        }
    }

    /// Sends an update with this body.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn update(&mut self, id: &str, body: &Value) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Update).id(id).json(body)).await
    }

    /// Sends a delete.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn delete(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::Delete).id(id)).await
    }

    /// Sends a set-main.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came.
    pub async fn set_main(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.send(Request::to(Endpoint::SetMain).id(id)).await
    }

    /// Promotes an offering that the rest of the case needs as main.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when it was not promoted; `set-main.promotes` is broken then.
    pub async fn promote(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.prove().await?;
        let is_main = self.state.main() == Some(id);
        let (rule, what) = if is_main {
            ("set-main.again", "a set-main of the main offering")
        } else {
            ("set-main.promotes", "a set-main of an existing offering")
        };
        let promoted = self.set_main(id).await?;
        let stands = self.claim(rule, &promoted).status(200, what).id(id).is_main().stands();
        if stands { Ok(promoted) } else { Err(blocked("set-main", &promoted)) }
    }

    /// Deletes an offering that must go.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when it was not deleted; `delete.removes` is broken then.
    pub async fn remove(&mut self, id: &str) -> Result<Arc<Exchange>, Halt> {
        self.prove().await?;
        let removed = self.delete(id).await?;
        let rule = "delete.removes";
        let stands = self.claim(rule, &removed).status(204, "a delete of an existing offering").stands();
        if !stands {
            return Err(blocked("delete", &removed));
        }
        if self.gone(rule, id, "a get of a deleted offering").await? {
            Ok(removed)
        } else {
            Err(Halt::Blocked("an offering that the case deleted can still be read".into()))
        }
    }

    /// Ends the set-up: holds the invariants where something was written, so that what follows is not blamed for what
    /// went before.
    ///
    /// # Errors
    /// [`Halt::Blocked`] when the project is not as it should be; an invariant is broken then.
    pub async fn settle(&mut self) -> Result<(), Halt> {
        let before = self.session.record.failures.len();
        if self.is_unsettled {
            self.verify().await?;
        }
        (self.is_unsettled, self.is_unproved) = (false, false);
        let is_broken =
            self.session.record.failures[before..].iter().any(|failure| failure.rule.starts_with("invariant."));
        if is_broken { Err(Halt::Blocked("what the case builds on is not as it was made".into())) } else { Ok(()) }
    }

    /// Settles where an offering was made that no list has shown yet.
    async fn prove(&mut self) -> Result<(), Halt> {
        if self.is_unproved { self.settle().await } else { Ok(()) }
    }

    /// Whether the form of an answer is broken, which is told by a rule of its own.
    pub fn is_ill_formed(&self, at: &Arc<Exchange>) -> bool {
        let is_it = |failure: &Failure| failure.rule == "response.schema" && Arc::ptr_eq(&failure.at, at);
        self.session.record.failures.iter().any(is_it)
    }

    /// Whether a rule of its own was found broken; what every answer is held against is not meant.
    pub fn has_found(&self) -> bool {
        let is_of_answers = |rule: &str| rule.starts_with("response.") || rule.starts_with("offering.");
        self.session.record.failures.iter().any(|failure| !is_of_answers(failure.rule))
    }

    /// Reads the whole list of the main project.
    ///
    /// # Errors
    /// As [`Session::walk`].
    pub async fn list(&mut self) -> Result<Snapshot, Halt> {
        self.list_of(KeyRole::Main).await
    }

    /// Reads the whole list of a project.
    ///
    /// # Errors
    /// As [`Session::walk`].
    pub async fn list_of(&mut self, role: KeyRole) -> Result<Snapshot, Halt> {
        let snapshot = self.session.walk(role).await?;
        // Nobody asks what a project of our own holds afterwards.
        if role == KeyRole::Main && self.is_shared() {
            self.shown = Some(snapshot.clone());
        }
        Ok(snapshot)
    }

    /// The exchange that was made last; after a list, its last page.
    pub fn latest(&self) -> Arc<Exchange> {
        self.session.transcript().last().cloned().expect("a stage opens with a list")
    }

    /// Claims for `rule` that what was sent since the last comparison, `at` last, changed nothing but what it was
    /// answered to change. `what` names it in the title ("a refused create").
    ///
    /// # Errors
    /// As [`Session::walk`].
    pub async fn unchanged(&mut self, rule: &'static str, at: &Arc<Exchange>, what: &str) -> Result<Snapshot, Halt> {
        let snapshot = self.list().await?;
        let comparison = self.state.compare(&snapshot);
        self.session.record.foreign.extend(comparison.foreign);
        match comparison.differences.first() {
            None => {
                self.session.record.checked(rule);
                for invariant in comparison.checked {
                    self.session.record.checked(invariant);
                }
            }
            Some(difference) => {
                let title = format!("{what} has an effect: {}", difference.title);
                let (documented, received) = (difference.documented.clone(), difference.received.clone());
                self.session.fault(rule, title, documented, received, at);
            }
        }
        self.state.adopt(&snapshot);
        (self.is_unsettled, self.is_unproved) = (false, false);
        Ok(snapshot)
    }

    /// Holds the invariants against what the list shows now.
    ///
    /// # Errors
    /// As [`Session::walk`].
    pub async fn verify(&mut self) -> Result<Snapshot, Halt> {
        let mut snapshot = self.list().await?;
        if snapshot.pages > 1 && snapshot.mains().len() > 1 {
            // Several pages are not one moment: somebody may have promoted another offering between two of them.
            snapshot = self.list().await?;
        }
        let comparison = self.state.compare(&snapshot);
        self.session.record.foreign.extend(comparison.foreign);
        let at = self.session.transcript().last().cloned();
        for rule in comparison.checked {
            let is_broken = comparison.differences.iter().any(|difference| difference.rule == rule);
            if !is_broken {
                self.session.record.checked(rule);
            }
        }
        if let Some(at) = at {
            for difference in comparison.differences {
                self.session.fault(difference.rule, difference.title, difference.documented, difference.received, &at);
            }
        }
        self.state.adopt(&snapshot);
        (self.is_unsettled, self.is_unproved) = (false, false);
        Ok(snapshot)
    }

    /// Takes the project as it is now, whatever it should be: what the case sent is looked into by other cases.
    ///
    /// # Errors
    /// As [`Session::walk`].
    pub async fn take_as_is(&mut self) -> Result<(), Halt> {
        if self.is_unsettled {
            let snapshot = self.list().await?;
            self.state.adopt(&snapshot);
        }
        (self.is_unsettled, self.is_unproved) = (false, false);
        Ok(())
    }

    /// Ends the case: the invariants are held once more, and the failures get their stories.
    pub async fn close(mut self, flow: Result<(), Halt>) -> CaseResult {
        let halt = match flow {
            Err(halt) => Some(halt),
            // Reads alone change nothing: there is nothing new to hold.
            Ok(()) if self.last.is_none() => None,
            // What the list would show now follows from what was found.
            Ok(()) if self.has_found() => None,
            Ok(()) if !self.is_unsettled => None,
            Ok(()) => self.verify().await.err(),
        };
        let mut result = std::mem::take(&mut self.session.record);
        story::tell(&mut result, self.session.transcript(), &self.told);
        let after = self.shown.as_ref().map(Snapshot::listed);
        CaseResult { wrote: wrote(self.session.transcript()), abort: halt, after, ..result }
    }

    /// What the idempotency keys of the case start with; `None` when no key can be known to be new.
    pub(super) fn new_keys(&self) -> Option<String> {
        Some(self.id(&self.session.now()?))
    }

    /// Whether what the case creates must be removed by it.
    pub fn is_shared(&self) -> bool {
        self.lane().tenure == Tenure::Shared
    }
}

/// The keys whose projects were changed. A write that was taken without any key is put down to the main project.
fn wrote(transcript: &[Arc<Exchange>]) -> BTreeSet<KeyRole> {
    transcript
        .iter()
        .filter(|exchange| exchange.request.is_write() && !exchange.answer.is_refusal())
        .map(|exchange| {
            let value = exchange.request.header_value("authorization");
            KeyRole::ALL.into_iter().find(|role| value == Some(&role.bearer())).unwrap_or(KeyRole::Main)
        })
        .collect()
}

/// What a refused create of the set-up breaks: where the answer says that the id is at fault, the rule of ids.
fn rule_of_refused(made: &Exchange) -> &'static str {
    let details = made.answer.json().and_then(|body| body.pointer("/error/details")?.as_array());
    let is_id = |detail: &Value| detail.get("field").is_some_and(|field| field == "id");
    if made.answer.status == 400 && details.is_some_and(|details| details.iter().any(is_id)) {
        "create.id-bounds"
    } else {
        "create.echo"
    }
}

fn blocked(what: &str, exchange: &Exchange) -> Halt {
    Halt::Blocked(format!("a {what} that the case builds on was answered {}", exchange.answer.summary()))
}
