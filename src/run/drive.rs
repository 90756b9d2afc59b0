//! A run from its settings to its outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::aggregate::{self, RunInfo};
use super::case::Case;
use super::case_script::CaseScript;
use super::caught::caught;
use super::confirm;
use super::error::RunError;
use super::event::Event;
use super::execute::{play_case, play_course, run_race};
use super::journal::Journal;
use super::plan::Plan;
use super::preflight::{Refused, preflight};
use super::rehearse::{Rehearsal, rehearse};
use super::settings::{Clock, Confirm, Scope, Settings, StopPolicy, TargetSettings};
use super::shared::{self, ANCHOR, SharedProject};
use super::smaller;
use super::target::{self, Embedded};
use crate::check::Judge;
use crate::contract::Contract;
use crate::exchange::{Credentials, Traffic, WriteObserver};
use crate::finding::{Abort, CaseResult, Ending, Failure, Outcome, Severity};
use crate::project::Project;
use crate::reference;

/// A channel for progress.
pub(super) type Events<'a> = &'a (dyn Fn(Event) + Sync);

/// Everything that goes on while a run goes on.
pub(super) struct Driver<'a> {
    pub(super) settings: &'a Settings,
    pub(super) contract: Arc<Contract>,
    pub(super) events: Events<'a>,
    pub(super) cancel: CancellationToken,
    started: Instant,
    /// Fingerprints of the violations that were told.
    told: Mutex<BTreeSet<String>>,
}

/// What a run would do.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What is played and what is not.
    pub plan: Plan,
    /// What was learnt of the target, a sentence each.
    pub notes: Vec<String>,
    /// How many requests it takes; `None` for the embedded server, where nobody minds.
    pub rehearsal: Option<Rehearsal>,
}

/// What a run would do, without a request that changes anything: for `--dry-run`.
///
/// # Errors
/// [`RunError`], or the reason why the target cannot be tested.
pub async fn plan(settings: &Settings, contract: Arc<Contract>) -> Result<Result<Prepared, String>, RunError> {
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    match &settings.target {
        TargetSettings::Embedded(_) => {
            let plan = Plan::new(settings, &contract, &BTreeMap::new());
            Ok(Ok(Prepared { plan, notes: Vec::new(), rehearsal: None }))
        }
        TargetSettings::External(external) => {
            external.check()?;
            let project = target::external_project(external, settings.transport.clone(), judge)?;
            let ready = match preflight(project, Scope::ReadOnly, settings, None).await {
                Ok(ready) => ready,
                Err(refused) => return Ok(Err(refused.reason)),
            };
            let plan = Plan::new(settings, &contract, &ready.missing);
            let rehearsal = Some(rehearse(settings, contract, &ready).await?);
            Ok(Ok(Prepared { plan, notes: ready.notes, rehearsal }))
        }
    }
}

/// Runs everything that the settings ask for. `cancel` ends the run early: what was created is still removed.
///
/// # Errors
/// [`RunError`] when nothing could be started; a target that cannot be tested is an outcome.
pub async fn run(
    settings: &Settings,
    contract: Arc<Contract>,
    events: Events<'_>,
    cancel: CancellationToken,
) -> Result<Outcome, RunError> {
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    let driver = Driver { settings, contract, events, cancel, started: Instant::now(), told: Mutex::default() };
    match &settings.target {
        TargetSettings::Embedded(options) => Box::pin(driver.embedded(options.clone(), judge)).await,
        TargetSettings::External(external) => {
            external.check()?;
            let prefix = settings.prefix();
            let journal = Arc::new(Journal::at(settings.journal.as_deref(), &prefix)?);
            let mut project = target::external_project(external, settings.transport.clone(), judge)?;
            project.client = project.client.with_observer(Arc::clone(&journal) as Arc<dyn WriteObserver>);
            Ok(driver.external(project, journal).await)
        }
    }
}

/// What cases came to. What is only counted is added up as each ends: a run of very many cases holds what they found.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// What each came to, without what was counted.
    pub(super) cases: Vec<CaseResult>,
    /// The counts of all.
    pub(super) counted: CaseResult,
}

impl Played {
    /// Adds a case that ended, the one at `place` in the plan; `keys` must not show in its evidence.
    pub(super) fn add(&mut self, place: usize, name: String, mut result: CaseResult, keys: &Credentials) {
        self.counted.merge(result.take_counts());
        let keys = if result.failures.is_empty() { Credentials::default() } else { keys.clone() };
        self.cases.push(CaseResult { name, place, keys, ..result });
    }

    /// Adds what was sent beside the planned cases, before or after the one at `place`: only what it found is a case.
    pub(super) fn add_unplanned(&mut self, place: usize, name: &str, mut result: CaseResult, keys: &Credentials) {
        if result.failures.is_empty() {
            self.counted.merge(result.take_counts());
        } else {
            self.add(place, name.to_owned(), CaseResult { abort: None, ..result }, keys);
        }
    }
}

/// The rule that sequences are about.
const OF_SEQUENCES: &str = "invariant.model-agrees";

impl Driver<'_> {
    /// Every case gets a project of its own; as many run side by side as jobs were asked for.
    async fn embedded(&self, options: reference::Options, judge: Arc<Judge>) -> Result<Outcome, RunError> {
        let server = Arc::new(Embedded::start(options, self.settings.transport.clone(), judge).await?);
        let plan = Plan::new(self.settings, &self.contract, &BTreeMap::new());
        (self.events)(Event::Started { cases: plan.cases.len() });
        let mut waiting = plan.cases.iter().cloned().enumerate();
        let settings = Arc::new(self.settings.clone());
        let mut running = JoinSet::new();
        let mut played = Played::default();
        let mut ending = Ending::Complete;
        loop {
            while running.len() < self.settings.jobs.get() && ending == Ending::Complete {
                let Some((index, case)) = waiting.next() else { break };
                let (server, settings) = (Arc::clone(&server), Arc::clone(&settings));
                running.spawn(async move {
                    let project = |attempt| server.project(&format!("{}-{attempt}", case.mark()));
                    let first = project(0);
                    let keys = first.client.keys().clone();
                    let play = |attempt| {
                        let project = if attempt == 0 { first.clone() } else { project(attempt) };
                        play_case(&case, project, &settings, attempt)
                    };
                    let result = if let Some(race) = case.race() {
                        run_race(race, &case.mark(), first.clone(), &settings).await
                    } else {
                        let rules = first.judge.contract().rules();
                        confirm::play_confirmed(settings.confirmation, rules, play).await
                    };
                    (index, result, keys)
                });
            }
            let ended = tokio::select! {
                ended = running.join_next() => ended,
                told = self.told_to_stop() => {
                    ending = told;
                    None
                }
            };
            let Some(ended) = ended else { break };
            // A panic of ours in a case goes on as one: it is a bug to be reported, not a verdict.
            let (index, result, keys) = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            self.tell(&plan.cases[index], &result, server.traffic());
            if let Some(reason) = self.reason_to_stop(&result) {
                ending = Ending::Stopped(reason);
            }
            played.add(index, plan.cases[index].name(), result, &keys);
        }
        running.shutdown().await;
        played.cases.sort_by_key(|result| result.place);
        let traffic = Arc::clone(server.traffic());
        if self.settings.confirmation == Confirm::Always && ending != Ending::Interrupted {
            let worth = |failure: &Failure| self.is_reported(failure);
            let script = |index: usize| CaseScript::of(&plan.cases[index], &server.project("script"), self.settings);
            let smaller =
                smaller::make_smaller(&mut played, &traffic, worth, script, |index, script, watch, attempt| {
                    let mark = plan.cases[index].mark();
                    let project = server.project(&format!("{mark}-{attempt}")).for_case(&plan.cases[index].name());
                    let naming = self.settings.naming(&mark, attempt);
                    async move { play_course(&script, project, naming, watch).await }
                });
            tokio::select! {
                () = smaller => {}
                told = self.told_to_stop() => match (&ending, told) {
                    // Why the cases ended early says more than that the time was up afterwards.
                    (Ending::Stopped(_), Ending::Stopped(_)) => {}
                    (_, told) => ending = told,
                }
            }
        }
        if let Some(server) = Arc::into_inner(server) {
            server.stop().await;
        }
        Ok(self.outcome(&plan, played, ending, &traffic, Vec::new(), Vec::new()))
    }

    /// Ctrl-C, or the time is up.
    pub(super) async fn told_to_stop(&self) -> Ending {
        let time_is_up = async {
            match self.settings.max_time {
                Some(limit) => tokio::time::sleep(limit.saturating_sub(self.started.elapsed())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.cancel.cancelled() => Ending::Interrupted,
            () = time_is_up => {
                let limit = self.settings.max_time.unwrap_or_default();
                Ending::Stopped(format!("the limit of {limit:?} for the whole run was reached"))
            }
        }
    }

    /// One project: the cases follow each other, and after each the project is put back as it was. However the cases end,
    /// by a panic of ours too, everything that was created is removed.
    async fn external(&self, project: Project, journal: Arc<Journal>) -> Outcome {
        let traffic = Arc::clone(project.client.traffic());
        let scope = self.settings.scope;
        let ready = tokio::select! {
            ready = preflight(project.clone(), scope, self.settings, Some(&journal)) => ready,
            ending = self.told_to_stop() => {
                let (notes, left) = shared::leave(&project, &journal).await;
                return self.outcome(&Plan::default(), Played::default(), ending, &traffic, notes, left);
            }
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(refused) => return self.refused(*refused, &project, &journal, &traffic).await,
        };
        let plan = Plan::new(self.settings, &self.contract, &ready.missing);
        (self.events)(Event::Started { cases: plan.cases.len() });
        let keys = project.client.keys().clone();
        let mut project = SharedProject::new(self, ready, journal);
        let (played, ending) = match caught(project.play_all(&plan)).await {
            Ok(ended) => ended,
            Err(panic) => {
                project.leave().await;
                std::panic::resume_unwind(panic);
            }
        };
        let (mut played, mut ending) = (played, ending);
        if ending == Ending::Complete && self.settings.confirmation == Confirm::Always {
            let worth = |failure: &Failure| self.is_reported(failure);
            let script = |index: usize| project.script(&plan.cases[index]);
            let smaller =
                smaller::make_smaller(&mut played, &traffic, worth, script, |index, script, watch, attempt| {
                    project.play_course(&plan.cases[index], script, watch, attempt)
                });
            tokio::select! {
                () = smaller => {}
                told = self.told_to_stop() => ending = told,
            }
        }
        (self.events)(Event::Cleaning);
        if ending == Ending::Complete {
            tokio::select! {
                restored = project.restore() => if let Some(result) = restored {
                    played.add_unplanned(plan.cases.len().saturating_sub(1), ANCHOR, result, &keys);
                },
                told = self.told_to_stop() => ending = told,
            }
        }
        let (notes, left) = project.leave().await;
        self.outcome(&plan, played, ending, &traffic, notes, left)
    }

    /// The outcome of a target that could not be tested; what its first responses broke stands all the same.
    async fn refused(&self, refused: Refused, project: &Project, journal: &Journal, traffic: &Traffic) -> Outcome {
        let (notes, left) = shared::leave(project, journal).await;
        let mut played = Played::default();
        played.add(0, "preflight".into(), refused.record, project.client.keys());
        self.finish(&Plan::default(), played, 0, Ending::GaveUp(refused.reason), traffic, notes, left)
    }

    pub(super) fn tell(&self, case: &Case, result: &CaseResult, traffic: &Traffic) {
        for failure in result.failures.iter().filter(|failure| self.is_violation(failure)) {
            let fingerprint = failure.fingerprint();
            if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint.clone()) {
                let (rule, title) = (failure.rule.into(), failure.title.to_string());
                (self.events)(Event::Violation { fingerprint, rule, title });
            }
        }
        (self.events)(Event::CaseEnded { case: case.name(), requests: traffic.requests() });
    }

    fn is_violation(&self, failure: &Failure) -> bool {
        self.settings.severity_of(failure, self.contract.rules()) == Some(Severity::Violation)
    }

    /// Whether a failure becomes a finding.
    fn is_reported(&self, failure: &Failure) -> bool {
        self.settings.severity_of(failure, self.contract.rules()).is_some()
    }

    pub(super) fn reason_to_stop(&self, result: &CaseResult) -> Option<String> {
        let found = result.failures.iter().find(|failure| self.is_violation(failure));
        match &self.settings.patience {
            StopPolicy::ToTheEnd => None,
            StopPolicy::Until(rule) => {
                let is_it = |failure: &Failure| failure.rule == rule || failure.also.iter().any(|also| also == rule);
                let is_broken = result.failures.iter().any(is_it);
                is_broken.then(|| format!("{rule} was broken, which was waited for"))
            }
            StopPolicy::FailFast => {
                found.map(|failure| format!("{} was violated, and the run is --fail-fast", failure.rule))
            }
        }
    }

    fn outcome(
        &self,
        plan: &Plan,
        played: Played,
        ending: Ending,
        traffic: &Traffic,
        mut notes: Vec<String>,
        left_behind: Vec<String>,
    ) -> Outcome {
        let mut played = played;
        let cases = played.cases.len() as u64;
        notes.extend(plan.notes.iter().cloned());
        for result in &mut played.cases {
            let case = &plan.cases[result.place];
            // Where no rule says that it is undecided, nothing else does.
            let abort = result.abort.as_ref().filter(|_| case.rules().is_empty());
            if let (Case::Sequence(_), Some(Abort::World(error))) = (case, abort) {
                result
                    .undecided
                    .entry(OF_SEQUENCES)
                    .or_insert_with(|| format!("`{}` ended early: {error}", result.name));
            }
            notes.extend(abort.map(|abort| format!("`{}` ended early: {abort}", result.name)));
            let violation =
                result.failures.iter().find(|failure| self.is_violation(failure)).map(|failure| failure.rule);
            if let Some(violation) = violation {
                result.blocked.extend(case.rules().iter().map(|rule| (*rule, violation)));
            }
            note_abort(case, result, violation.is_some(), &self.contract);
        }
        self.finish(plan, played, cases, ending, traffic, notes, left_behind)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of an outcome, each made elsewhere")]
    fn finish(
        &self,
        plan: &Plan,
        played: Played,
        cases: u64,
        ending: Ending,
        traffic: &Traffic,
        notes: Vec<String>,
        left_behind: Vec<String>,
    ) -> Outcome {
        let (duration_ms, latencies) = match self.settings.clock {
            Clock::System => {
                let passed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                (passed, traffic.latencies())
            }
            Clock::Frozen => (0, BTreeMap::new()),
        };
        let frame = RunInfo {
            settings: self.settings,
            contract: &self.contract,
            plan,
            ending,
            duration_ms,
            latencies,
            requests: traffic.requests(),
            waits: traffic.waits(),
            retries: traffic.retries(),
            cases,
            notes,
            left_behind,
        };
        aggregate::outcome(frame, played)
    }
}

/// A case that did not come to its end decided none of its rules, except those it found violated. Where a
/// violation ended it, that is noted otherwise.
fn note_abort(case: &Case, result: &mut CaseResult, has_violation: bool, contract: &Contract) {
    let Some(abort) = &result.abort else { return };
    for rule in case.rules() {
        match abort {
            Abort::Blocked(_) if has_violation => {}
            Abort::World(_) | Abort::Blocked(_) => {
                result.undecided.entry(rule).or_insert_with(|| abort.to_string());
            }
            Abort::Missing(need) => {
                let reason = super::plan::describe(*need, contract.rules());
                result.skipped.entry(rule).or_insert(reason);
            }
            Abort::NotApplicable(reason) => {
                result.skipped.entry(rule).or_insert_with(|| reason.clone());
            }
        }
    }
}
