//! Judges responses and records the failures of a case.

use std::sync::Arc;

use serde_json::json;

use super::Context;
use super::oracle::conditions as row;
use super::oracle::{About, Call, ModelDeviation, Reply, rejected_in_front};
use super::trace::{self, Transcript};
use crate::check::Offering;
use crate::contract::{Endpoint, Level};
use crate::exchange::{Exchange, Request};
use crate::finding::{ConditionScope, Evidence, Failure};
use crate::project::Abort;

/// Rules about the offerings in any response.
const OF_OFFERINGS: [&str; 4] = [SCHEMA, "offering.url", "offering.timestamps", "offering.created-at-immutable"];

/// The rule that forbids a 5xx.
const SERVER_ERROR: &str = "response.no-server-error";

/// The rule about the status of a response.
const DOCUMENTED_STATUS: &str = "response.documented-status";

/// The rule about the shape of a response.
const SCHEMA: &str = "response.schema";

/// Conditions that are a separate defect for each operation.
const PER_OPERATION: [&str; 2] = ["invariant.failed-write-no-effect/effect", "invariant.no-bleed/effect"];

impl Context {
    /// Judges an exchange. Its general failures are those of the record from `known` on.
    #[expect(clippy::too_many_lines, reason = "one arm for each judgement")]
    pub(super) async fn judge(&mut self, exchange: &Arc<Exchange>, known: usize) -> Result<(), Abort> {
        let general = self.session.record.failures.split_off(known);
        let call = Call::read(&exchange.request);
        let in_front = rejected_in_front(call.as_ref(), exchange);
        let is_in_front = in_front.is_some();
        if let Some(what) = in_front {
            self.session.record.observe(DOCUMENTED_STATUS, what);
        }
        let Some(call) = call else {
            self.add_general(general, exchange);
            return Ok(());
        };
        let reply = Reply::read(&exchange.response);
        let is_rejected_before = is_in_front || call.has_unusual_path && reply.is_rejection();
        let is_shown = |failure: &Failure| !(is_rejected_before && follows(failure.rule, About::Status));
        let general: Vec<Failure> = general.into_iter().filter(is_shown).collect();
        // A mismatch after an earlier write is reported first.
        let contradicts = self.oracle.state(call.project()).is_some_and(|state| {
            let exists = state.find(&call.id).is_some();
            let is_about_one = !matches!(call.endpoint, Endpoint::List | Endpoint::Create) && call.is_authorized();
            let is_plain = super::oracle::is_offering_id(&call.id);
            is_about_one
                && is_plain
                && state.has_new_writes()
                && (exists && reply.status == 404 || !exists && reply.is_success() && !call.is_write())
        });
        if contradicts {
            self.read_project(call.project()).await?;
        }
        let Some(state) = self.oracle.state_mut(call.project()) else {
            self.add_general(general, exchange);
            return Ok(());
        };
        let verdict = state.apply(&call, &reply, exchange);
        match verdict {
            Ok(explained) if explained.is_known => {
                let rest = general.into_iter().filter(|failure| !follows(failure.rule, About::Status)).collect();
                self.add_general(rest, exchange);
                self.add_to_earlier_failure(exchange, explained.violated);
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Ok(explained) => {
                // The contract allows some rejections of a used key.
                let may_be_rejected = explained.is_open
                    || !explained.choices.is_empty()
                    || explained.rules.is_empty() && call.key.is_some();
                for rule in explained.rules {
                    self.session.record.checked(rule);
                }
                let is_new = |cx: &Self, warning: &ModelDeviation| {
                    !cx.session.record.failures.iter().any(|failure| failure.rule == warning.rule)
                };
                for warning in
                    explained.warnings.into_iter().filter(|warning| is_new(self, warning)).collect::<Vec<_>>()
                {
                    let failure = Failure { level: Some(Level::Should), ..self.failure(warning, exchange) };
                    self.add(failure);
                }
                for choice in explained.choices {
                    self.session.record.observe(choice.rule, choice.what);
                }
                // A rejection that an open rule allows may have an undocumented status and code.
                let is_open = may_be_rejected && reply.is_rejection();
                let general = general.into_iter().filter(|failure| !(is_open && follows(failure.rule, About::Status)));
                let mut general: Vec<Failure> = general.collect();
                if let Some(failure) = general.iter_mut().find(|failure| failure.rule == SERVER_ERROR) {
                    failure.also.extend(explained.violated);
                }
                for deviation in explained.deviations {
                    let general = std::mem::take(&mut general);
                    if let Some(rest) = self.explained(&deviation, general, exchange) {
                        self.fail(&call, deviation, rest, exchange);
                    }
                }
                self.add_general(general, exchange);
                if call.is_write() {
                    self.oracle.compare_projects();
                }
            }
            Err(deviation) if general.iter().any(|failure| explains(failure, &deviation)) => {
                self.explained(&deviation, general, exchange);
                if call.is_write() {
                    self.adopt(call.project()).await?;
                }
            }
            Err(deviation) if deviation.about == About::Stored => {
                let (part, rest): (Vec<_>, Vec<_>) =
                    general.into_iter().partition(|failure| OF_OFFERINGS.contains(&failure.rule));
                self.add_general(rest, exchange);
                self.confirm_by_list(&call, *deviation, part, exchange).await?;
            }
            Err(deviation) if self.is_follow_up(&call, &deviation) => {
                self.session.record.checked(deviation.rule);
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Err(deviation) if self.is_like_missing(&call, &deviation, &reply).await? => {
                self.taint(&call, &reply);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
            Err(deviation) => {
                let deviation = self.reclassify_decoded(&call, deviation, &reply).await?;
                self.taint(&call, &reply);
                self.fail(&call, *deviation, general, exchange);
                if call.is_write() {
                    self.adopt_all().await?;
                }
            }
        }
        Ok(())
    }

    /// Adds the general failures if they explain the deviation; returns them otherwise.
    fn explained(
        &mut self,
        deviation: &ModelDeviation,
        mut general: Vec<Failure>,
        at: &Arc<Exchange>,
    ) -> Option<Vec<Failure>> {
        let Some(failure) = general.iter_mut().find(|failure| explains(failure, deviation)) else {
            return Some(general);
        };
        failure.also.extend(std::iter::once(deviation.rule).chain(deviation.also.iter().copied()));
        self.add_general(general, at);
        None
    }

    /// Adds rules to the earlier failure of the case with the same operation and status.
    fn add_to_earlier_failure(&mut self, at: &Exchange, rules: Vec<&'static str>) {
        let is_same = |failure: &&mut Failure| {
            failure.at.request.operation == at.request.operation && failure.at.response.status == at.response.status
        };
        if let Some(failure) = self.session.record.failures.iter_mut().rev().find(is_same) {
            let new = rules.into_iter().filter(|rule| *rule != failure.rule && !failure.also.contains(rule));
            failure.also.extend(new.collect::<Vec<_>>());
        }
    }

    /// Replaces the deviation of an accepted delete of a decoded id if no offering was deleted.
    async fn reclassify_decoded(
        &mut self,
        call: &Call,
        deviation: Box<ModelDeviation>,
        reply: &Reply,
    ) -> Result<Box<ModelDeviation>, Abort> {
        let is_decoded = [row::DECODED_TWICE.id, row::DECODED_PLUS.id].contains(&&*deviation.condition);
        if call.endpoint != Endpoint::Delete || !is_decoded {
            return Ok(deviation);
        }
        let snapshot = self.walk(call.project()).await?;
        let is_deleted = |offering: &Offering| snapshot.find(&offering.id).is_none();
        let reached = self.oracle.state(call.project()).is_some_and(|state| state.world().offerings().any(is_deleted));
        Ok(if reached { deviation } else { Box::new(ModelDeviation::not_rejected(&row::DELETE_ID, reply)) })
    }

    /// Whether a deviation follows from an earlier failure of the case: about the same offering, or, for a rejection
    /// with an unexpected status or code, about the same rule.
    fn is_follow_up(&self, call: &Call, deviation: &ModelDeviation) -> bool {
        let was_accepted = |failure: &Failure| failure.rule == deviation.rule && failure.difference == "accepted";
        let is_of_kind = deviation.difference != "accepted"
            && matches!(deviation.about, About::Status | About::Code)
            && self.session.record.failures.iter().any(was_accepted);
        is_of_kind
            || self.tainted.contains(&call.id)
            || call.after.as_ref().is_some_and(|after| self.tainted.contains(after))
    }

    /// Whether a hidden id (deleted, a variant, of another project) gets the response of an id that never existed. Then
    /// the response for the latter becomes the failure.
    async fn is_like_missing(&mut self, call: &Call, deviation: &ModelDeviation, reply: &Reply) -> Result<bool, Abort> {
        let role = call.project();
        let is_one = !matches!(call.endpoint, Endpoint::List | Endpoint::Create) && call.is_authorized();
        let is_about = matches!(deviation.about, About::Status | About::Code) && is_one;
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

    /// Replaces the expected state of every project by what its list shows.
    async fn adopt_all(&mut self) -> Result<(), Abort> {
        for role in self.oracle.projects() {
            self.adopt(role).await?;
        }
        self.release_general();
        Ok(())
    }

    /// Sends an internal read. Its general failures wait until its content is compared.
    pub(super) async fn send_quietly(&mut self, request: Request) -> Result<Arc<Exchange>, Abort> {
        let exchange = self.session.project().client.send(request).await?;
        Ok(self.take_in_quietly(exchange.into()))
    }

    /// As [`Self::send_quietly`] for a read that was sent ahead.
    pub(super) fn take_in_quietly(&mut self, exchange: Arc<Exchange>) -> Arc<Exchange> {
        let known = self.session.record.failures.len();
        let exchange = self.session.record_exchange(exchange);
        let general = self.session.record.failures.split_off(known);
        let independent = self.untainted(general, &exchange);
        let (part, rest): (Vec<_>, Vec<_>) = explained_by_schema(independent)
            .into_iter()
            .partition(|failure| OF_OFFERINGS.contains(&failure.rule) && failure.rule != SCHEMA);
        self.session.record.keep(rest);
        self.general.extend(part);
        exchange
    }

    /// Adds the waiting general failures after a comparison without mismatch.
    pub(super) fn release_general(&mut self) {
        let general = std::mem::take(&mut self.general);
        self.session.record.keep(general);
    }

    fn taint(&mut self, call: &Call, reply: &Reply) {
        let shown = reply.offering().map(|offering| offering.id.clone());
        self.tainted.extend(shown.into_iter().chain([call.id.clone()]).filter(|id| !id.is_empty()));
    }

    /// Adds a failure for a deviation, with the general failures that follow from it.
    fn fail(&mut self, call: &Call, deviation: ModelDeviation, general: Vec<Failure>, at: &Arc<Exchange>) {
        let (part, rest): (Vec<_>, Vec<_>) =
            general.into_iter().partition(|other| follows(other.rule, deviation.about));
        let rows = self.rows_behind(call, &deviation, at);
        let mut failure = self.failure(deviation, at);
        failure.also.extend(part.iter().map(|other| other.rule));
        self.add_general(rest, at);
        // A decoded id names an offering that was created before.
        let decoded_ids = if [row::DECODED_TWICE.id, row::DECODED_PLUS.id].contains(&&*failure.condition) {
            call.other_readings().to_vec()
        } else {
            Vec::new()
        };
        let ids: Vec<&str> = decoded_ids.iter().chain(&rows).chain([&call.id]).map(String::as_str).collect();
        failure.trace = trace::leading_to(&self.transcript(), at, &ids, &failure);
        self.add(failure);
    }

    /// The ids that a wrong page depends on: those that it contains, those that it should contain, and the next one.
    /// Empty if the deviation is not about the rows of a page.
    pub(super) fn rows_behind(&self, call: &Call, deviation: &ModelDeviation, at: &Exchange) -> Vec<String> {
        let is_about_cursor =
            [&row::LIST_UNKNOWN_HEADER, &row::LIST_FOREIGN_CURSOR, &row::DECODED_PLUS].map(|row| row.id);
        let is_about_rows = matches!(deviation.about, About::Content | About::Stored)
            && !is_about_cursor.contains(&&*deviation.condition);
        let reply = Reply::read(&at.response);
        let Some(page) = reply.page().filter(|_| call.endpoint == Endpoint::List && is_about_rows) else {
            return Vec::new();
        };
        let state = self.oracle.state(call.project()).filter(|_| deviation.condition != row::LIST_FOREIGN.id);
        let expected = state.map(|state| state.world().rows_on(call)).unwrap_or_default();
        page.ids().chain(expected).map(str::to_owned).collect()
    }

    /// The writes that prepared the project, and the exchanges of the case.
    pub(super) fn transcript(&self) -> Transcript {
        let prepared = &self.project().prepared;
        let exchanges = prepared.iter().chain(self.session.trace()).cloned().collect();
        Transcript { exchanges, prepared: prepared.len() }
    }

    pub(super) fn failure(&self, deviation: ModelDeviation, at: &Arc<Exchange>) -> Failure {
        let received = self.project().client.keys().redact(&deviation.received).into_owned();
        Failure {
            rule: deviation.rule,
            scope: if PER_OPERATION.contains(&&*deviation.condition) {
                ConditionScope::Operation
            } else {
                ConditionScope::Anywhere
            },
            condition: deviation.condition,
            difference: deviation.difference,
            title: deviation.title,
            expected: deviation.expected,
            received,
            operation: at.request.operation.clone(),
            level: None,
            also: deviation.also,
            at: Arc::clone(at),
            trace: Vec::new(),
            evidence: Evidence::default(),
        }
    }

    /// Adds a failure. Of several failures with one defect, the one with the shortest trace remains.
    pub(super) fn add(&mut self, failure: Failure) {
        self.session.record.checked(failure.rule);
        self.session.record.keep([failure]);
    }

    /// Adds general failures, unless they follow from an earlier failure of the case. A schema violation of an offering
    /// explains failures about its times and URL.
    fn add_general(&mut self, general: Vec<Failure>, at: &Arc<Exchange>) {
        let independent = explained_by_schema(self.untainted(general, at));
        if independent.iter().any(|failure| failure.rule == "offering.created-at-immutable")
            && let Some(call) = Call::read(&at.request)
        {
            self.tainted.insert(call.id);
        }
        self.session.record.keep(independent);
    }

    /// Removes failures of the record from `known` on that follow from earlier ones.
    pub(super) fn drop_tainted(&mut self, known: usize) {
        for failure in self.session.record.failures.split_off(known) {
            let at = Arc::clone(&failure.at);
            let independent = self.untainted(vec![failure], &at);
            self.session.record.keep(independent);
        }
    }

    /// The failures that do not follow from an earlier failure of the case.
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

/// Merges failures about an offering into a failure about its schema or the order of its times.
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

/// Whether a general failure explains a deviation at the same response.
fn explains(failure: &Failure, deviation: &ModelDeviation) -> bool {
    let reasons: &[&str] = match deviation.about {
        About::Status => &[SERVER_ERROR],
        About::Code => &[SERVER_ERROR, SCHEMA, "response.error-code-format"],
        About::Content | About::Stored => {
            let explains: &[&str] = &[SERVER_ERROR, SCHEMA, "offering.created-at-immutable"];
            &explains[..if deviation.rule == "offering.created-at-immutable" { 3 } else { 2 }]
        }
    };
    reasons.contains(&failure.rule)
}

/// Whether a general failure follows from a deviation at the same response.
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
