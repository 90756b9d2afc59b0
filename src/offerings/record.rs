//! How a response is judged, and what of it becomes a failure of the case.

use std::sync::Arc;

use serde_json::json;

use super::Context;
use super::oracle::conditions as row;
use super::oracle::{About, Call, Reply, Wrong};
use super::trace;
use crate::check::Offering;
use crate::contract::{Endpoint, Level};
use crate::exchange::{Exchange, Request};
use crate::finding::{ConditionScope, Evidence, Failure};
use crate::project::Abort;

/// General rules about the offerings in a response.
const OF_OFFERINGS: [&str; 4] = [SCHEMA, "offering.url", "offering.timestamps", "offering.created-at-immutable"];

/// The rule that a 5xx violates.
const SERVER_ERROR: &str = "response.no-server-error";

/// The rule about the shape of a response.
const SCHEMA: &str = "response.schema";

/// Conditions that stand for one defect at each operation.
const PER_OPERATION: [&str; 2] = ["invariant.failed-write-no-effect/effect", "invariant.no-bleed/effect"];

impl Context {
    /// Judges an exchange whose general failures are those of the record from `known` on.
    #[expect(clippy::too_many_lines, reason = "one arm for each verdict")]
    pub(super) async fn judge(&mut self, exchange: &Arc<Exchange>, known: usize) -> Result<(), Abort> {
        let general = self.session.record.failures.split_off(known);
        let Some(call) = Call::read(&exchange.request) else {
            self.add_general(general, exchange);
            return Ok(());
        };
        let reply = Reply::read(&exchange.response);
        let is_rejected_before = call.has_odd_path && reply.is_rejection();
        let is_shown = |failure: &Failure| !(is_rejected_before && follows(failure.rule, About::Status));
        let general: Vec<Failure> = general.into_iter().filter(is_shown).collect();
        // What a write before stored shows first.
        let contradicts = self.oracle.state(call.project()).is_some_and(|state| {
            let is_there = state.find(&call.id).is_some();
            let is_about_one = !matches!(call.endpoint, Endpoint::List | Endpoint::Create) && call.is_authorized();
            let is_plain = super::oracle::is_offering_id(&call.id);
            is_about_one
                && is_plain
                && state.is_unsettled()
                && (is_there && reply.status == 404 || !is_there && reply.is_success() && !call.is_write())
        });
        if contradicts {
            self.look_at(call.project()).await?;
        }
        let Some(state) = self.oracle.state_mut(call.project()) else {
            self.add_general(general, exchange);
            return Ok(());
        };
        let verdict = state.apply(&call, &reply, exchange);
        match verdict {
            Ok(kept) if kept.is_known => {
                let rest = general.into_iter().filter(|failure| !follows(failure.rule, About::Status)).collect();
                self.add_general(rest, exchange);
                self.blame_earlier(exchange, kept.violated);
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Ok(kept) => {
                // Nothing was promised of a used key.
                let may_be_rejected = !kept.choices.is_empty() || kept.rules.is_empty() && call.key.is_some();
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
                for choice in kept.choices {
                    self.session.record.observe(choice.rule, choice.what);
                }
                // A rejection that an open rule admits may have a status and a code that no document names.
                let is_open = may_be_rejected && reply.is_rejection();
                let general = general.into_iter().filter(|failure| !(is_open && follows(failure.rule, About::Status)));
                let mut general: Vec<Failure> = general.collect();
                if let Some(failure) = general.iter_mut().find(|failure| failure.rule == SERVER_ERROR) {
                    failure.also.extend(kept.violated);
                }
                for wrong in kept.deviations {
                    let general = std::mem::take(&mut general);
                    if let Some(rest) = self.explained(&wrong, general, exchange) {
                        self.fail(&call, wrong, rest, exchange);
                    }
                }
                self.add_general(general, exchange);
                if call.is_write() {
                    self.oracle.compare_projects();
                }
            }
            Err(wrong) if general.iter().any(|failure| explains(failure, &wrong)) => {
                self.explained(&wrong, general, exchange);
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
                let wrong = self.undecoded(&call, wrong, &reply).await?;
                self.taint(&call, &reply);
                self.fail(&call, *wrong, general, exchange);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
        }
        Ok(())
    }

    /// Adds what holds for any response where that explains what the oracle found; gives it back where it does not.
    fn explained(&mut self, wrong: &Wrong, mut general: Vec<Failure>, at: &Arc<Exchange>) -> Option<Vec<Failure>> {
        let Some(failure) = general.iter_mut().find(|failure| explains(failure, wrong)) else { return Some(general) };
        failure.also.extend(std::iter::once(wrong.rule).chain(wrong.also.iter().copied()));
        self.add_general(general, at);
        None
    }

    /// Adds rules to the failure of the case that the same response showed earlier.
    fn blame_earlier(&mut self, at: &Exchange, rules: Vec<&'static str>) {
        let is_same = |failure: &&mut Failure| {
            failure.at.request.operation == at.request.operation && failure.at.response.status == at.response.status
        };
        if let Some(failure) = self.session.record.failures.iter_mut().rev().find(is_same) {
            let new = rules.into_iter().filter(|rule| *rule != failure.rule && !failure.also.contains(rule));
            failure.also.extend(new.collect::<Vec<_>>());
        }
    }

    /// A delete of an invalid id that was accepted reached no other offering where every one is still there.
    async fn undecoded(&mut self, call: &Call, wrong: Box<Wrong>, reply: &Reply) -> Result<Box<Wrong>, Abort> {
        let is_decoded = [row::DECODED_TWICE.id, row::DECODED_PLUS.id].contains(&&*wrong.condition);
        if call.endpoint != Endpoint::Delete || !is_decoded {
            return Ok(wrong);
        }
        let snapshot = self.walk(call.project()).await?;
        let is_gone = |offering: &Offering| snapshot.find(&offering.id).is_none();
        let reached = self.oracle.state(call.project()).is_some_and(|state| state.world().offerings().any(is_gone));
        Ok(if reached { wrong } else { Box::new(Wrong::not_rejected(&row::DELETE_ID, reply)) })
    }

    /// Whether it follows from an earlier failure of the case: about the same offering, or, for a rejection that is wrong
    /// in another way, from a request of the kind that was accepted before.
    fn is_follow_up(&self, call: &Call, wrong: &Wrong) -> bool {
        let was_accepted = |failure: &Failure| failure.rule == wrong.rule && failure.difference == "accepted";
        let is_of_kind = wrong.difference != "accepted"
            && matches!(wrong.about, About::Status | About::Code)
            && self.session.record.failures.iter().any(was_accepted);
        is_of_kind
            || self.tainted.contains(&call.id)
            || call.after.as_ref().is_some_and(|after| self.tainted.contains(after))
    }

    /// Whether what is hidden (deleted, a variant, of another project) gets the response of what never existed: then it
    /// is that response which is wrong, and it becomes the failure.
    async fn is_like_missing(&mut self, call: &Call, wrong: &Wrong, reply: &Reply) -> Result<bool, Abort> {
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
        let request =
            if call.endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request };
        let known = self.session.record.failures.len();
        let at = self.send_quietly(request).await?;
        self.general.clear();
        let general = self.session.record.failures.split_off(known);
        let (Some(probe), missing) = (Call::read(&at.request), Reply::read(&at.response)) else { return Ok(false) };
        let verdict = match self.oracle.state_mut(role) {
            Some(state) => state.apply(&probe, &missing, &at),
            None => return Ok(false),
        };
        let Err(found) = verdict else { return Ok(false) };
        self.fail(&probe, *found, general, &at);
        self.taint(&probe, &missing);
        if probe.is_write() {
            self.adopt_all().await?;
        }
        Ok(missing.status == reply.status && missing.code == reply.code)
    }

    /// Accepts every project as it is now.
    async fn adopt_all(&mut self) -> Result<(), Abort> {
        for role in self.oracle.projects() {
            self.adopt(role).await?;
        }
        self.release_general();
        Ok(())
    }

    /// Sends a read of our own: what holds for any response waits until what it shows is compared.
    pub(super) async fn send_quietly(&mut self, request: Request) -> Result<Arc<Exchange>, Abort> {
        let known = self.session.record.failures.len();
        let exchange = self.session.send(request).await?;
        let general = self.session.record.failures.split_off(known);
        let sound = self.untainted(general, &exchange);
        let (part, rest): (Vec<_>, Vec<_>) = explained_by_schema(sound)
            .into_iter()
            .partition(|failure| OF_OFFERINGS.contains(&failure.rule) && failure.rule != SCHEMA);
        self.session.record.keep(rest);
        self.general.extend(part);
        Ok(exchange)
    }

    /// Adds what waited for a comparison that found nothing.
    pub(super) fn release_general(&mut self) {
        let general = std::mem::take(&mut self.general);
        self.session.record.keep(general);
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
        // An id that was read in another way reached an offering that was created before.
        let twins = if [row::DECODED_TWICE.id, row::DECODED_PLUS.id].contains(&&*failure.condition) {
            call.other_readings().to_vec()
        } else {
            Vec::new()
        };
        let ids: Vec<&str> = twins.iter().chain([&call.id]).map(String::as_str).collect();
        failure.trace = trace::leading_to(self.session.transcript(), at, &ids, &failure);
        self.add(failure);
    }

    pub(super) fn failure(&self, wrong: Wrong, at: &Arc<Exchange>) -> Failure {
        let received = self.project().client.keys().redact(&wrong.received).into_owned();
        Failure {
            rule: wrong.rule,
            scope: if PER_OPERATION.contains(&&*wrong.condition) {
                ConditionScope::Operation
            } else {
                ConditionScope::Anywhere
            },
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
        self.session.record.keep([failure]);
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
        self.session.record.keep(sound);
    }

    /// Drops those failures of the record from `known` on that follow from earlier ones.
    pub(super) fn drop_tainted(&mut self, known: usize) {
        for failure in self.session.record.failures.split_off(known) {
            let at = Arc::clone(&failure.at);
            let sound = self.untainted(vec![failure], &at);
            self.session.record.keep(sound);
        }
    }

    /// Those that do not follow from an earlier failure of the case.
    fn untainted(&self, general: Vec<Failure>, at: &Exchange) -> Vec<Failure> {
        if general.is_empty() || self.tainted.is_empty() {
            return general;
        }
        let body = String::from_utf8_lossy(at.response.body());
        let shows = |id: &String| body.contains(serde_json::to_string(id).unwrap_or_default().trim_matches('"'));
        let is_tainted = self.tainted.iter().any(shows);
        general.into_iter().filter(|failure| !(is_tainted && OF_OFFERINGS.contains(&failure.rule))).collect()
    }
}

/// What breaks the schema of an offering, or the order of its times, explains what else is wrong with them.
fn explained_by_schema(mut general: Vec<Failure>) -> Vec<Failure> {
    for first in [SCHEMA, "offering.timestamps"] {
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
fn explains(failure: &Failure, wrong: &Wrong) -> bool {
    let reasons: &[&str] = match wrong.about {
        About::Status => &[SERVER_ERROR],
        About::Code => &[SERVER_ERROR, SCHEMA, "response.error-code-format"],
        About::Content | About::Stored => {
            let explains: &[&str] = &[SERVER_ERROR, SCHEMA, "offering.created-at-immutable"];
            &explains[..if wrong.rule == "offering.created-at-immutable" { 3 } else { 2 }]
        }
    };
    reasons.contains(&failure.rule)
}

/// Whether a general failure at the same response follows from what the oracle found.
pub(super) fn follows(rule: &str, about: About) -> bool {
    match about {
        About::Status => [
            "response.documented-status",
            "response.error-code-documented",
            "response.error-type",
            SCHEMA,
            "response.content-type",
            "offering.url",
        ]
        .contains(&rule),
        About::Code => ["response.error-code-documented", "response.error-type"].contains(&rule),
        About::Content | About::Stored => false,
    }
}
