//! Runs cases on an external target, side by side where they allow it, and restores the project after each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;

use super::case::Case;
use super::case_script::CaseScript;
use super::clean::{self, Cleaned};
use super::confirm::{self, MAX_RUNS, ROUNDS};
use super::drive::{CaseResults, Driver};
use super::event::Event;
use super::execute::{run_case_once, run_race, run_script};
use super::held::ProjectRole;
use super::journal::Journal;
use super::plan::Plan;
use super::preflight::Preflight;
use super::settings::{Confirm, Scope};
use super::side_by_side::{distinct, only_before, passed, run_side_by_side};
use super::undo::Undo;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request, TransportError};
use crate::finding::{Abort, CaseResult, Ending, Failure};
use crate::offerings::scenario::Effect;
use crate::offerings::sequence::SnapshotPolicy;
use crate::offerings::{Context, Naming};
use crate::project::{Neighbours, Project};

/// The run gives up after so many consecutive cases that a transport error aborted.
const MAX_CONSECUTIVE_ERRORS: usize = 3;

/// Most runs of one case in a shared project.
pub(super) const MAX_SHARED_RUNS: u32 = 1 + MAX_RUNS * (1 + ROUNDS.len() as u32);

/// Name of the case that prepares and restores the project.
pub(super) const ANCHOR: &str = "anchor";

/// Name of the case that reads the projects before the run.
pub(super) const PREFLIGHT: &str = "preflight";

/// The case that sends the same requests as a case of this name, which may prepare or restore the project.
pub fn case_to_repeat(name: &str) -> &str {
    match name {
        ANCHOR => "scenario::set-main.promotes",
        PREFLIGHT => "scenario::list.pages-cover",
        other => other,
    }
}

/// Most requests that each of the cases sends at once that run beside others.
const AT_ONCE_BESIDE: usize = Project::AT_ONCE / 2;

/// Longest expected delay of a write whose response was lost.
const MAX_WRITE_DELAY: Duration = Duration::from_secs(1);

/// The run of the cases on one project of an external target.
pub(super) struct ExternalRun<'d, 'a> {
    driver: &'d Driver<'a>,
    project: Project,
    journal: Arc<Journal>,
    /// The main before and after each case: the project's own, or an offering of the run.
    anchor: Option<String>,
    /// The main before the run.
    main: Option<String>,
    notes: Vec<String>,
    /// Whether an event has reported the rate that the target allows.
    has_reported_rate: bool,
}

/// What cases showed that ran beside others.
#[derive(Default)]
struct Beside {
    /// By place in the plan: cases that passed, and those that must run again alone.
    ended: BTreeMap<usize, CaseResult>,
    /// By place in the plan: what did not show when the case ran again alone.
    unconfirmed: Vec<(usize, Vec<Failure>)>,
}

impl<'d, 'a> ExternalRun<'d, 'a> {
    pub(super) fn new(driver: &'d Driver<'a>, preflight: Preflight, journal: Arc<Journal>) -> Self {
        let anchor = preflight.initial.main(KeyRole::Main).map(str::to_owned);
        Self {
            driver,
            project: Project { at_once: driver.settings.at_once(), ..preflight.project },
            journal,
            main: anchor.clone(),
            anchor,
            notes: preflight.notes,
            has_reported_rate: false,
        }
    }

    pub(super) async fn run_all(&mut self, plan: &Plan) -> (CaseResults, Ending) {
        let (mut results, mut beside) = (CaseResults::default(), Beside::default());
        let mut ending = self.run_cases(plan, &mut results, &mut beside).await;
        self.project.opening = None;
        if ending == Ending::Complete {
            ending = tokio::select! {
                repeated = self.repeat_disturbed(plan, &mut results) => repeated,
                ending = self.driver.stop_requested() => ending,
            };
        }
        let mut count = 0;
        for (place, result) in beside.ended {
            if passed(&result) {
                results.add(place, plan.cases[place].name(), result, self.project.client.keys());
            } else {
                count += result.failures.len();
            }
        }
        if count > 0 {
            self.notes.push(format!(
                "the run ended before it confirmed {count} failures of cases that ran side by side, and does not report them: run again with more time, or with `--jobs 1`"
            ));
        }
        self.add_unconfirmed(beside.unconfirmed, &mut results);
        (results, ending)
    }

    async fn run_cases(&mut self, plan: &Plan, results: &mut CaseResults, beside: &mut Beside) -> Ending {
        let driver = self.driver;
        let (mut errors, mut begun, mut effect) = (0, 0, Effect::Reads);
        for (index, case) in plan.cases.iter().enumerate() {
            if case.effect() != effect {
                effect = case.effect();
                if let Some(result) = self.set_anchor(effect).await {
                    // The cases also work without an anchor.
                    results.add_unplanned(index, ANCHOR, result, self.project.client.keys());
                }
            }
            if index >= begun {
                begun = end_of_group(plan, index);
                let ending = self.run_beside(plan, index..begun, &mut beside.ended).await;
                self.report_rate();
                if let Some(ending) = ending {
                    return ending;
                }
            }
            let (mut result, rejection) = match beside.ended.remove(&index) {
                Some(result) if passed(&result) => (result, None),
                before => tokio::select! {
                    (mut result, rejection) = self.run_confirmed(case, u32::from(before.is_some())) => {
                        if let Some(before) = before {
                            beside.unconfirmed.push((index, only_before(&mut result, before)));
                        }
                        driver.report_case(case, &result, self.project.client.traffic());
                        (result, rejection)
                    }
                    ending = driver.stop_requested() => {
                        beside.ended.extend(before.map(|before| (index, before)));
                        return ending;
                    }
                },
            };
            self.report_rate();
            // With any number of jobs the same requests: cases that run side by side read the list themselves.
            let is_alone = index >= begun;
            let last_list = result.last_list.take().filter(|_| is_alone && self.project.is_exclusive);
            self.project.opening = last_list.filter(|_| passed(&result));
            errors = match &result.abort {
                // These block every further case.
                Some(Abort::World(TransportError::Throttled { .. } | TransportError::Unrecorded { .. })) => {
                    MAX_CONSECUTIVE_ERRORS
                }
                Some(Abort::World(_)) => errors + 1,
                _ => 0,
            };
            let stop = driver.stop_reason(&result);
            let error = result.abort.as_ref().map(ToString::to_string);
            results.add(index, case.name(), result, self.project.client.keys());
            if let Some(reason) = rejection {
                return Ending::GaveUp(reason);
            }
            if let Some(reason) = stop {
                return Ending::Stopped(reason);
            }
            if errors >= MAX_CONSECUTIVE_ERRORS {
                return Ending::GaveUp(error.unwrap_or_default());
            }
        }
        Ending::Complete
    }

    /// Adds the failures of cases that showed only beside others. They are no findings of their own if the run has
    /// findings: a faulty write of one case shows in the others. Without any, the first of them is the finding.
    fn add_unconfirmed(&mut self, unconfirmed: Vec<(usize, Vec<Failure>)>, results: &mut CaseResults) {
        let has_violation =
            |result: &CaseResult| result.failures.iter().any(|failure| self.driver.is_violation(failure));
        let is_explained = results.cases.iter().any(has_violation);
        let (mut first, mut more) = (None, 0);
        for (place, failures) in unconfirmed {
            let Some(result) = results.cases.iter_mut().find(|result| result.place == place) else { continue };
            for failure in failures {
                let first = first.get_or_insert_with(|| failure.clone());
                if is_explained || !failure.is_like(first) {
                    more += 1;
                    continue;
                }
                result.failures.push(failure);
                result.keys = self.project.client.keys().clone();
            }
            self.driver.report_violations(result);
        }
        if more > 0 {
            self.notes.push(format!(
                "cases that ran side by side had {more} more failures, which did not show when they ran alone: most likely the findings caused them; after mending, run again"
            ));
        }
    }

    /// Runs cases of these places side by side, as far as they allow it, and adds their results by place.
    async fn run_beside(
        &self,
        plan: &Plan,
        places: Range<usize>,
        results: &mut BTreeMap<usize, CaseResult>,
    ) -> Option<Ending> {
        let settings = self.driver.settings;
        let naming = |place: usize| settings.naming(&plan.cases[place].slug(), 0);
        let prefixes = distinct(places.map(|place| (place, naming(place).case_prefix().to_owned())));
        if prefixes.len() < 2 || settings.project_jobs.get() < 2 || settings.confirmation == Confirm::Never {
            return None;
        }
        let places: Vec<usize> = prefixes.keys().copied().collect();
        let neighbours = Some(Arc::new(Neighbours::new(prefixes.into_values().collect())));
        let at_once = AT_ONCE_BESIDE.min(self.project.at_once);
        let project = Project { neighbours, at_once, opening: None, ..self.project.clone() };
        let run = |number: usize| {
            let (place, project) = (places[number], project.clone());
            async move {
                let mut result = run_case_once(&plan.cases[place], project, settings, 0).await;
                self.undo_beside(&mut result, &naming(place)).await;
                // It shows the offerings of other cases, which they delete later.
                result.last_list = None;
                result
            }
        };
        let stop = self.driver.stop_requested();
        let ended = |number: usize, result: CaseResult| {
            let place = places[number];
            if passed(&result) {
                self.driver.report_case(&plan.cases[place], &result, self.project.client.traffic());
            }
            results.insert(place, result);
        };
        run_side_by_side(0..places.len(), settings.project_jobs, run, stop, ended).await
    }

    /// Runs the cases again that changes of another client left undecided.
    async fn repeat_disturbed(&self, plan: &Plan, results: &mut CaseResults) -> Ending {
        for (round, wait) in (1..).zip(ROUNDS) {
            let is_planned = |result: &CaseResult| plan.cases[result.place].name() == result.name;
            let is_disturbed = |result: &&mut CaseResult| is_planned(result) && result.is_undecided_by_others();
            let mut disturbed: Vec<_> = results.cases.iter_mut().filter(is_disturbed).collect();
            if disturbed.is_empty() {
                break;
            }
            tokio::time::sleep(wait).await;
            for before in &mut disturbed {
                let (mut again, rejection) = self.run_confirmed(&plan.cases[before.place], round * MAX_RUNS + 1).await;
                if let Some(reason) = rejection {
                    return Ending::GaveUp(reason);
                }
                self.driver.report_violations(&again);
                results.counted.merge(again.take_counts());
                let keys = self.project.client.keys().clone();
                **before = CaseResult { name: std::mem::take(&mut before.name), place: before.place, keys, ..again };
            }
        }
        Ending::Complete
    }

    /// Reports once the rate that the target allows.
    fn report_rate(&mut self) {
        let limit = self.project.client.transport().pacing().limit().filter(|_| !self.has_reported_rate);
        if let Some(requests_per_second) = limit.map(rounded) {
            self.has_reported_rate = true;
            (self.driver.events)(Event::SlowedDown { requests_per_second });
        }
    }

    /// Creates and promotes the anchor where cases need it: cases that write need any main, cases that promote need a
    /// main of the run, so that the project's own main is demoted and restored only once.
    async fn set_anchor(&mut self, effect: Effect) -> Option<CaseResult> {
        let is_needed = match effect {
            Effect::Reads => false,
            Effect::Writes | Effect::WritesAlone => self.anchor.is_none(),
            // With --keep-main, sequences promote nothing.
            Effect::MayPromote | Effect::Promotes => self.anchor.is_none() || self.driver.settings.scope == Scope::Full,
        };
        let naming = self.driver.settings.naming(ANCHOR, 0);
        let id = format!("{}main", naming.case_prefix());
        if !is_needed || self.anchor.as_ref() == Some(&id) {
            return None;
        }
        let create = Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let promote = Request::to(Endpoint::SetMain).id(&id);
        let (result, writes) = self.send_judged(naming, |_| vec![create, promote]).await;
        self.project.prepared = writes.into();
        self.project.opening = None;
        if result.abort.is_none() {
            self.anchor = Some(id);
        }
        self.put_back_demoted().await;
        Some(result)
    }

    /// Puts back at once what the first promotion took from the project's own main. The promotions of the cases demote
    /// offerings of the run, and the end of the run compares all others.
    async fn put_back_demoted(&mut self) {
        let Some(state) = self.journal.state().filter(|_| self.project.is_exclusive) else { return };
        let restoration = state.restoration(ProjectRole::Main);
        let main = restoration.held.iter().find(|held| Some(&held.id) == self.main.as_ref());
        let Some(main) = main else { return };
        if let Some(changes) = clean::put_back_demoted(&self.project, &restoration, main).await {
            self.notes.extend(changes.notes());
        }
    }

    /// Promotes the project's own main and deletes the anchor. [`Self::finish`] repeats what failed and reports what is
    /// left.
    pub(super) async fn restore(&mut self) -> Option<CaseResult> {
        let naming = self.driver.settings.naming(ANCHOR, 0);
        let id = self.anchor.take_if(|anchor| anchor.starts_with(naming.case_prefix()))?;
        let main = self.main.clone();
        let requests = |cx: &Context| {
            // A main that another client promoted meanwhile stays.
            let main = main.filter(|main| cx.state().main() == Some(&id) && cx.find(main).is_some());
            let promote = main.map(|main| Request::to(Endpoint::SetMain).id(&main));
            promote.into_iter().chain([Request::to(Endpoint::Delete).id(&id)]).collect()
        };
        Some(self.send_judged(naming, requests).await.0)
    }

    /// Sends requests that prepare or restore the project, up to the first that fails. Responses are judged as in a
    /// case. Returns the writes too.
    async fn send_judged(
        &self,
        naming: Naming,
        requests: impl FnOnce(&Context) -> Vec<Request>,
    ) -> (CaseResult, Vec<Arc<Exchange>>) {
        let mut cx = match Context::open(self.project.clone().for_case(ANCHOR), naming).await {
            Ok(cx) => cx,
            Err(result) => return (result, Vec::new()),
        };
        let mut result = Ok(());
        for request in requests(&cx) {
            result = match cx.send(request).await {
                Ok(exchange) if exchange.response.is_success() => cx.read_state().await.map(drop),
                Ok(exchange) => {
                    Err(Abort::Blocked(format!("{} returned {}", exchange.name(), exchange.response.summary())))
                }
                Err(abort) => Err(abort),
            };
            if result.is_err() {
                break;
            }
        }
        let writes = cx.writes();
        (cx.close_without_cleanup(result).await, writes)
    }

    /// The project for requests that are sent one after another.
    fn sequential(&self) -> Project {
        Project { at_once: 1, opening: None, ..self.project.clone() }
    }

    /// Runs a case alone, confirms its failures and restores the project. The attempts count from `first`; only attempt 0
    /// sends requests at once. The text explains that the target rejects the key from now on.
    async fn run_confirmed(&self, case: &Case, first: u32) -> (CaseResult, Option<String>) {
        let settings = self.driver.settings;
        if let Some(mut result) = run_race(case, first, self.project.clone(), settings).await {
            self.undo(&mut result, &settings.naming(&case.slug(), first)).await;
            return (result, None);
        }
        let rejection = OnceLock::new();
        let is_unexplained = AtomicBool::new(false);
        let result = confirm::run_confirmed(settings.confirmation, self.driver.contract.rules(), |attempt| {
            let (rejection, is_unexplained, attempt) = (&rejection, &is_unexplained, first + attempt);
            async move {
                if is_unexplained.load(Ordering::Relaxed) && self.project.rereads.is_any_outdated() {
                    // The case opens with a read, and its expectations must not rest on an outdated one.
                    self.project.outwait_caches().await;
                }
                let project = if attempt == 0 { self.project.clone() } else { self.sequential() };
                let mut result = run_case_once(case, project, settings, attempt).await;
                if (!result.failures.is_empty() || result.abort.is_some())
                    && let Some(reason) = self.key_rejection().await
                {
                    for failure in std::mem::take(&mut result.failures) {
                        result.undecided.insert(failure.rule, reason.clone());
                    }
                    result.abort = Some(Abort::Blocked(reason.clone()));
                    let _ = rejection.set(reason);
                    return result;
                }
                let naming = settings.naming(&case.slug(), attempt);
                self.undo(&mut result, &naming).await;
                let is_new = result.failures.iter().any(|failure| !failure.evidence.is_outdated);
                is_unexplained.store(is_new, Ordering::Relaxed);
                result
            }
        })
        .await;
        (result, rejection.into_inner())
    }

    /// Runs `script` instead of the contents of a case and restores the project.
    pub(super) async fn run_script(
        &self,
        case: &Case,
        script: CaseScript,
        watch: SnapshotPolicy,
        attempt: u32,
    ) -> CaseResult {
        let project = self.sequential().for_case(&case.name());
        let naming = self.driver.settings.naming(&case.slug(), attempt);
        let mut result = run_script(&script, project, naming.clone(), watch).await;
        self.undo(&mut result, &naming).await;
        result
    }

    /// The contents of a case on this project.
    pub(super) fn script(&self, case: &Case) -> CaseScript {
        CaseScript::of(case, &self.project, self.driver.settings)
    }

    /// Restores the project after a case.
    pub(super) async fn undo(&self, result: &mut CaseResult, naming: &Naming) {
        self.undo_as(result, |role| self.undo_case(role, naming.case_prefix())).await;
    }

    /// As [`Self::undo`] while other cases run. Ids without a prefix may be theirs: they are undone later.
    async fn undo_beside(&self, result: &mut CaseResult, naming: &Naming) {
        let undo = |role| Undo { strays: Vec::new(), ..self.undo_case(role, naming.case_prefix()) };
        self.undo_as(result, undo).await;
    }

    async fn undo_as(&self, result: &mut CaseResult, undo: impl Fn(KeyRole) -> Undo) {
        let sent = self.project.client.traffic().requests();
        for role in &result.wrote {
            let undo = undo(*role);
            let current = result.after.take_if(|_| *role == KeyRole::Main);
            // The end of the run repeats and reports what fails here.
            let _ = clean::clean(&self.project, *role, &undo, current).await;
        }
        if self.project.client.traffic().requests() != sent {
            result.last_list = None;
        }
    }

    /// Whether the target now rejects the key, as a text: rejections after a key was revoked are not failures.
    async fn key_rejection(&self) -> Option<String> {
        let probe = Request::to(Endpoint::List).query("limit", "1");
        let exchange = self.project.client.send(probe).await.ok()?;
        let response = &exchange.response;
        matches!(response.status, 401 | 403)
            .then(|| format!("the target rejects the key that it accepted before: {}", response.summary()))
    }

    /// What to undo after a case: ids with its prefix, strays, and the main.
    fn undo_case(&self, role: KeyRole, prefix: &str) -> Undo {
        let mut undo = self.journal.state().map(|state| state.undo(ProjectRole::of(role))).unwrap_or_default();
        undo.sent.retain(|id| id.starts_with(prefix));
        prefix.clone_into(&mut undo.prefix);
        // It is about the main before the run, not before the case.
        undo.is_displaced = false;
        if role == KeyRole::Main {
            undo.main.clone_from(&self.anchor);
        }
        undo
    }

    /// Cleans up the run.
    pub(super) async fn finish(self) -> Cleaned {
        let mut cleanup = clean_up_run(&self.project, &self.journal).await;
        cleanup.notes.retain(|note| !self.notes.contains(note));
        let notes = self.notes.into_iter().chain(rate_note(&self.project));
        cleanup.notes.splice(..0, notes);
        cleanup
    }
}

/// The end of the cases from `index` on that may run side by side: they have one effect, which concerns nothing but what
/// they create. It is `index` if the case runs alone.
fn end_of_group(plan: &Plan, index: usize) -> usize {
    let effect = plan.cases[index].effect();
    let is_alike = |case: &&Case| case.effect() == effect && !case.is_reproduction() && !case.needs_unused_fixture();
    let count = plan.cases[index..].iter().take_while(is_alike).count();
    index + if matches!(effect, Effect::Reads | Effect::Writes | Effect::MayPromote) { count } else { 0 }
}

/// A sentence about the rate that the target allows, or about its rejections if they show no rate, as in an outage.
fn rate_note(project: &Project) -> Option<String> {
    let waits = project.client.traffic().waits();
    let times = if waits == 1 { "once".into() } else { format!("{waits} times") };
    let limit = project.client.transport().pacing().limit().map(rounded).map_or_else(
        || format!("the target returned 429 or 503 {times}: the run waited and sent again"),
        |allowed| format!("the target allows about {allowed} requests/s: it returned 429 or 503 {times}, and the run slowed down to that rate"),
    );
    (waits > 0).then_some(limit)
}

/// Requests per second as a whole number, from 1.
fn rounded(rate: f64) -> u64 {
    rate.round().max(1.0) as u64
}

/// Undoes the writes in the journal, compares the projects with what they held before the run, and removes the journal
/// when nothing is left.
pub(super) async fn clean_up_run(project: &Project, journal: &Journal) -> Cleaned {
    let cleanup = Cleaned::default();
    // Before the header of the journal is written, no write is sent.
    if journal.state().is_none() {
        return cleanup;
    }
    project.client.settled().await;
    if project.client.traffic().lost() > 0 {
        // A write whose response was lost may still arrive.
        tokio::time::sleep(MAX_WRITE_DELAY.min(project.client.transport().settings().timeout)).await;
    }
    let Some(state) = journal.state() else { return cleanup };
    let projects: Vec<_> = state.header.projects.keys().map(|owner| state.restoration(*owner)).collect();
    let mut cleanup = clean::restore_all(project, &projects).await;
    let mains = cleanup.restored.iter().map(|main| format!("`{main}` is main again, as before the run"));
    let removed = match cleanup.removed {
        0 => None,
        1 => Some("1 offering was removed at the end of the run".to_owned()),
        many => Some(format!("{many} offerings were removed at the end of the run")),
    };
    let undeletable = cleanup.undeletable.iter();
    let undeletable =
        undeletable.map(|main| format!("the server does not delete a main offering: {main} of the run is left"));
    let notes: Vec<String> = mains.chain(removed).chain(undeletable).collect();
    cleanup.notes.splice(..0, notes);
    if cleanup.left.is_empty() {
        // A journal that cannot be removed is harmless: it lists nothing that exists.
        let _ = journal.remove();
    } else {
        let path = journal.path().display();
        cleanup.notes.push(format!("run `qonform clean` to remove what is left; the journal is {path}"));
    }
    cleanup
}
