//! A run from its settings to its outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::aggregate::{self, RunInfo};
use super::case::Case;
use super::case_script::CaseScript;
use super::catch_panic::catch_panic;
use super::clean::Cleaned;
use super::confirm;
use super::error::RunError;
use super::estimate::{Estimate, estimate};
use super::event::Event;
use super::execute::{run_case_once, run_race, run_script};
use super::external::{self, ANCHOR, ExternalRun, PREFLIGHT};
use super::journal::Journal;
use super::minimize;
use super::plan::Plan;
use super::preflight::{PreflightError, preflight};
use super::settings::{Clock, Confirm, Scope, Settings, StopPolicy, TargetSettings};
use super::target::{self, Embedded};
use crate::check::Judge;
use crate::contract::Contract;
use crate::exchange::{Credentials, Traffic, WriteObserver};
use crate::finding::{Abort, CaseResult, Ending, Failure, Outcome, Record, Severity};
use crate::project::{Project, ShrinkTime};
use crate::reference;

/// A channel for progress.
pub(super) type Events<'a> = &'a (dyn Fn(Event) + Sync);

/// A run in progress.
pub(super) struct Driver<'a> {
    pub(super) settings: &'a Settings,
    pub(super) contract: Arc<Contract>,
    pub(super) events: Events<'a>,
    pub(super) cancel: CancellationToken,
    started: Instant,
    started_at: DateTime<Utc>,
    /// Fingerprints of the violations in events.
    reported: Mutex<BTreeSet<String>>,
}

/// What a run would do.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The cases that would run and those left out.
    pub plan: Plan,
    /// Facts about the target, a sentence each.
    pub notes: Vec<String>,
    /// Estimated number of requests; `None` for the embedded server.
    pub estimate: Option<Estimate>,
}

/// Plans a run without writing to the target, for `--dry-run`.
///
/// # Errors
/// [`RunError`] when nothing could be started; the inner error is the reason why the target cannot be tested.
pub async fn plan(settings: &Settings, contract: Arc<Contract>) -> Result<Result<DryRun, String>, RunError> {
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    match &settings.target {
        TargetSettings::Embedded(_) => {
            let plan = Plan::new(settings, &contract, &BTreeMap::new());
            Ok(Ok(DryRun { plan, notes: Vec::new(), estimate: None }))
        }
        TargetSettings::External(external) => {
            external.check()?;
            let project = target::external_project(external, settings.transport.clone(), judge)?;
            let ready = match preflight(project, Scope::ReadOnly, settings, None).await {
                Ok(ready) => ready,
                Err(error) => match *error {
                    PreflightError::Argument(reason) => return Err(RunError::Argument(reason)),
                    PreflightError::Target { reason, .. } => return Ok(Err(reason)),
                },
            };
            let plan = Plan::new(settings, &contract, &ready.missing);
            let estimate = Some(estimate(settings, contract, &ready).await?);
            Ok(Ok(DryRun { plan, notes: ready.notes, estimate }))
        }
    }
}

/// Runs the cases that the settings select. `cancel` ends the run early; the run still deletes what it created.
///
/// # Errors
/// [`RunError`] when the run could not start. A target that cannot be tested is no error but an outcome.
pub async fn run(
    settings: &Settings,
    contract: Arc<Contract>,
    events: Events<'_>,
    cancel: CancellationToken,
) -> Result<Outcome, RunError> {
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    let driver = Driver {
        settings,
        contract,
        events,
        cancel,
        started: Instant::now(),
        started_at: Utc::now(),
        reported: Mutex::default(),
    };
    match &settings.target {
        TargetSettings::Embedded(options) => Box::pin(driver.embedded(options.clone(), judge)).await,
        TargetSettings::External(external) => {
            external.check()?;
            let prefix = settings.prefix();
            let journal = Arc::new(match settings.scope {
                Scope::ReadOnly => Journal::unused(),
                Scope::Full | Scope::KeepMain => Journal::at(settings.journal.as_deref(), &prefix)?,
            });
            let mut project = target::external_project(external, settings.transport.clone(), judge)?;
            project.client = project.client.with_observer(Arc::clone(&journal) as Arc<dyn WriteObserver>);
            Box::pin(driver.external(project, journal)).await
        }
    }
}

/// Results of the cases. Counts are summed when a case ends, so that memory grows only with the failures.
#[derive(Debug, Default)]
pub(super) struct CaseResults {
    /// The result of each case, without counts.
    pub(super) cases: Vec<CaseResult>,
    /// The sum of all counts.
    pub(super) counted: CaseResult,
}

impl CaseResults {
    /// Adds the result of the case at `place` in the plan; `keys` are redacted from its evidence.
    pub(super) fn add(&mut self, place: usize, name: String, mut result: CaseResult, keys: &Credentials) {
        self.counted.merge(result.take_counts());
        let keys = if result.failures.is_empty() { Credentials::default() } else { keys.clone() };
        self.cases.push(CaseResult { name, place, keys, ..result });
    }

    /// Adds the result of setup or cleanup beside the case at `place`; it counts as a case only if it has failures.
    pub(super) fn add_unplanned(&mut self, place: usize, name: &str, mut result: CaseResult, keys: &Credentials) {
        if result.failures.is_empty() {
            self.counted.merge(result.take_counts());
        } else {
            self.add(place, name.to_owned(), CaseResult { abort: None, ..result }, keys);
        }
    }
}

/// The rule that sequences test.
const SEQUENCE_RULE: &str = "invariant.model-agrees";

/// As [`SEQUENCE_RULE`], of generated requests: a server that closes the connection may have failed.
const INPUT_RULE: &str = "response.no-server-error";

impl Driver<'_> {
    /// Each case has its own project; `jobs` cases run concurrently.
    async fn embedded(&self, options: reference::Options, judge: Arc<Judge>) -> Result<Outcome, RunError> {
        let server = Arc::new(Embedded::start(options, self.settings.transport.clone(), judge).await?);
        let shrink_time = Arc::new(ShrinkTime::new(self.settings.shrink_time));
        let plan = Plan::new(self.settings, &self.contract, &BTreeMap::new());
        (self.events)(Event::Started { cases: plan.cases.len() });
        let mut waiting = plan.cases.iter().cloned().enumerate();
        let settings = Arc::new(self.settings.clone());
        let mut running = JoinSet::new();
        let (mut results, mut ending) = (CaseResults::default(), Ending::Complete);
        loop {
            while running.len() < self.settings.jobs.get() && ending == Ending::Complete {
                let Some((index, case)) = waiting.next() else { break };
                let (server, settings, shrink_time) =
                    (Arc::clone(&server), Arc::clone(&settings), Arc::clone(&shrink_time));
                running.spawn(async move {
                    let project =
                        |attempt| server.project(&format!("{}-{attempt}", case.slug())).minimized_within(&shrink_time);
                    let first = project(0);
                    let keys = first.client.keys().clone();
                    let run = |attempt| {
                        let project = if attempt == 0 { first.clone() } else { project(attempt) };
                        run_case_once(&case, project, &settings, attempt)
                    };
                    let result = if let Some(result) = run_race(&case, 0, first.clone(), &settings).await {
                        result
                    } else {
                        let rules = first.judge.contract().rules();
                        confirm::run_until_decided(settings.confirmation, rules, run).await
                    };
                    (index, result, keys)
                });
            }
            let ended = tokio::select! {
                ended = running.join_next() => ended,
                stop = self.stop_requested() => {
                    ending = stop;
                    None
                }
            };
            let Some(ended) = ended else { break };
            // A panic in a case is a bug of this program, not a verdict: resume it.
            let (index, result, keys) = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            self.report_case(&plan.cases[index], &result, server.traffic());
            if let Some(reason) = self.stop_reason(&result) {
                ending = Ending::Stopped(reason);
            }
            results.add(index, plan.cases[index].name(), result, &keys);
        }
        running.shutdown().await;
        results.cases.sort_by_key(|result| result.place);
        let traffic = Arc::clone(server.traffic());
        if self.settings.confirmation == Confirm::Always && ending != Ending::Interrupted {
            let limit = minimize::time_limit(shrink_time.left(), self.started.elapsed());
            let severity = |failure: &Failure| self.settings.severity_of(failure, self.contract.rules());
            let script = |index: usize| CaseScript::of(&plan.cases[index], &server.project("script"), self.settings);
            let minimizing = minimize::minimize_findings(
                &mut results,
                &traffic,
                limit,
                severity,
                script,
                |index, script, watch, attempt| {
                    let slug = plan.cases[index].slug();
                    let project = server.project(&format!("{slug}-{attempt}")).for_case(&plan.cases[index].name());
                    let naming = self.settings.naming(&slug, attempt);
                    async move { run_script(&script, project, naming, watch).await }
                },
            );
            tokio::select! {
                () = minimizing => {}
                stop = self.stop_requested() => match (&ending, stop) {
                    // Why the cases ended early matters more than a time limit during minimizing.
                    (Ending::Stopped(_), Ending::Stopped(_)) => {}
                    (_, stop) => ending = stop,
                }
            }
        }
        if let Some(server) = Arc::into_inner(server) {
            server.stop().await;
        }
        Ok(self.outcome(&plan, results, ending, &traffic, Cleaned::default()))
    }

    /// Waits for Ctrl-C or the time limit.
    pub(super) async fn stop_requested(&self) -> Ending {
        let time_is_up = async {
            match self.settings.max_time {
                Some(limit) => {
                    let used = self.settings.spent + self.started.elapsed();
                    tokio::time::sleep(limit.saturating_sub(used)).await;
                }
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

    /// One project: the cases run one after another, and each restores the project. The run cleans up even after a
    /// panic of this program.
    async fn external(&self, project: Project, journal: Arc<Journal>) -> Result<Outcome, RunError> {
        let shrink_time = Arc::new(ShrinkTime::new(self.settings.shrink_time));
        let project = project.minimized_within(&shrink_time);
        let traffic = Arc::clone(project.client.traffic());
        let scope = self.settings.scope;
        let ready = tokio::select! {
            ready = preflight(project.clone(), scope, self.settings, Some(&journal)) => ready,
            ending = self.stop_requested() => {
                let cleanup = external::clean_up_run(&project, &journal).await;
                return Ok(self.outcome(&Plan::default(), CaseResults::default(), ending, &traffic, cleanup));
            }
        };
        let mut ready = match ready {
            Ok(ready) => ready,
            Err(error) => return self.preflight_failed(*error, &project, &journal, &traffic).await,
        };
        let mut created = ready.created.take();
        let plan = Plan::new(self.settings, &self.contract, &ready.missing);
        (self.events)(Event::Started { cases: plan.cases.len() });
        let keys = project.client.keys().clone();
        let mut run = ExternalRun::new(self, ready, journal);
        if let Some(result) = created.as_mut().filter(|result| !result.failures.is_empty()) {
            run.undo(result, &self.settings.naming(PREFLIGHT, 0)).await;
        }
        let (mut results, mut ending) = match catch_panic(run.run_all(&plan)).await {
            Ok(ended) => ended,
            Err(panic) => {
                run.finish().await;
                std::panic::resume_unwind(panic);
            }
        };
        if let Some(result) = created.filter(|_| !plan.cases.is_empty()) {
            results.add_unplanned(0, PREFLIGHT, result, &keys);
        }
        if ending == Ending::Complete && self.settings.confirmation == Confirm::Always {
            let limit = minimize::time_limit(shrink_time.left(), self.started.elapsed());
            let severity = |failure: &Failure| self.settings.severity_of(failure, self.contract.rules());
            let script = |index: usize| run.script(&plan.cases[index]);
            let minimizing = minimize::minimize_findings(
                &mut results,
                &traffic,
                limit,
                severity,
                script,
                |index, script, watch, attempt| run.run_script(&plan.cases[index], script, watch, attempt),
            );
            tokio::select! {
                () = minimizing => {}
                stop = self.stop_requested() => ending = stop,
            }
        }
        (self.events)(Event::Cleaning);
        if ending == Ending::Complete {
            tokio::select! {
                restored = run.restore() => if let Some(result) = restored {
                    results.add_unplanned(plan.cases.len().saturating_sub(1), ANCHOR, result, &keys);
                },
                stop = self.stop_requested() => ending = stop,
            }
        }
        let cleanup = run.finish().await;
        Ok(self.outcome(&plan, results, ending, &traffic, cleanup))
    }

    /// The outcome of a target that could not be tested, with the failures of its first responses; an error for a wrong
    /// argument, unless something is left that the report must name.
    async fn preflight_failed(
        &self,
        error: PreflightError,
        project: &Project,
        journal: &Journal,
        traffic: &Traffic,
    ) -> Result<Outcome, RunError> {
        let cleanup = external::clean_up_run(project, journal).await;
        let is_restored = cleanup.left.is_empty() && cleanup.changed.is_empty();
        let (reason, mut record) = match error {
            PreflightError::Argument(reason) if is_restored => return Err(RunError::Argument(reason)),
            PreflightError::Argument(reason) => (format!("cannot {reason}"), Record::default()),
            PreflightError::Target { reason, record } => (reason, *record),
        };
        let mut results = CaseResults::default();
        // Nothing was tested: the rules that the first responses kept do not count as passed.
        drop(record.take_counts());
        for failure in record.failures.iter_mut().filter(|failure| failure.trace.is_empty()) {
            failure.trace.push(Arc::clone(&failure.at));
        }
        results.add(0, PREFLIGHT.into(), record, project.client.keys());
        Ok(self.finish(&Plan::default(), results, 0, Ending::GaveUp(reason), traffic, cleanup))
    }

    pub(super) fn report_case(&self, case: &Case, result: &CaseResult, traffic: &Traffic) {
        self.report_violations(result);
        (self.events)(Event::CaseEnded { case: case.name(), requests: traffic.requests() });
    }

    /// Reports each violation of a case that was not reported before.
    pub(super) fn report_violations(&self, result: &CaseResult) {
        for failure in result.failures.iter().filter(|failure| self.is_violation(failure)) {
            let fingerprint = failure.fingerprint();
            if self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint.clone()) {
                let (rule, title) = (failure.rule.into(), failure.title.to_string());
                (self.events)(Event::Violation { fingerprint, rule, title });
            }
        }
    }

    pub(super) fn is_violation(&self, failure: &Failure) -> bool {
        self.settings.severity_of(failure, self.contract.rules()) == Some(Severity::Violation)
    }

    pub(super) fn stop_reason(&self, result: &CaseResult) -> Option<String> {
        let found = result.failures.iter().find(|failure| self.is_violation(failure));
        match &self.settings.stop_policy {
            StopPolicy::Never => None,
            StopPolicy::Until(rule) => {
                let violates = |failure: &Failure| failure.rule == rule || failure.also.iter().any(|also| also == rule);
                result.failures.iter().any(violates).then(|| format!("the run ends with a violation of {rule}"))
            }
            StopPolicy::FailFast => found.map(|failure| format!("--fail-fast: {} was violated", failure.rule)),
        }
    }

    fn outcome(
        &self,
        plan: &Plan,
        results: CaseResults,
        ending: Ending,
        traffic: &Traffic,
        mut cleanup: Cleaned,
    ) -> Outcome {
        let mut results = results;
        let cases = results.cases.len() as u64;
        let notes = &mut cleanup.notes;
        notes.extend(plan.notes.iter().cloned());
        for result in &mut results.cases {
            let case = &plan.cases[result.place];
            // No rule reports the abort of a case without rules.
            let abort = result.abort.as_ref().filter(|_| case.rules().is_empty());
            let rule = match case {
                Case::Sequence(_) => Some(SEQUENCE_RULE),
                Case::Inputs(_) | Case::Other(_) => Some(INPUT_RULE),
                Case::Scenario(_) | Case::Reproduction(_) | Case::Race(_) => None,
            };
            if let (Some(rule), Some(Abort::World(error))) = (rule, abort) {
                result.undecided.entry(rule).or_insert_with(|| format!("`{}` ended early: {error}", result.name));
            }
            notes.extend(abort.map(|abort| format!("`{}` ended early: {abort}", result.name)));
            let violation =
                result.failures.iter().find(|failure| self.is_violation(failure)).map(|failure| failure.rule);
            if let Some(violation) = violation {
                result.blocked.extend(case.rules().iter().map(|rule| (*rule, violation)));
            }
            note_abort(case, result, violation.is_some(), &self.contract);
        }
        self.finish(plan, results, cases, ending, traffic, cleanup)
    }

    fn finish(
        &self,
        plan: &Plan,
        results: CaseResults,
        cases: u64,
        ending: Ending,
        traffic: &Traffic,
        cleanup: Cleaned,
    ) -> Outcome {
        let (started_at, duration_ms, latencies) = match self.settings.clock {
            Clock::System => {
                let started_at = self.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                let passed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                (Some(started_at), passed, traffic.latencies())
            }
            Clock::Frozen => (None, 0, BTreeMap::new()),
        };
        let info = RunInfo {
            settings: self.settings,
            contract: &self.contract,
            plan,
            ending,
            started_at,
            duration_ms,
            latencies,
            requests: traffic.requests(),
            waits: traffic.waits(),
            retries: traffic.retries(),
            cases,
            cleanup,
        };
        aggregate::outcome(info, results)
    }
}

/// An aborted case leaves its rules undecided, except those with a violation. [`CaseResult::blocked`] covers a case
/// that a violation aborted.
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
