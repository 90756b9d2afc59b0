//! Runs many attempts of one race: which anomalies show, how often, and in which minimized program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempt::{AttemptExecutor, LAG};
use super::case::{Race, SavedRace};
use super::direct::Anomaly;
use super::history::{ClientRequest, History, is_whole};
use super::judge::judge;
use super::program::{Program, RaceStep};
use super::simplify::simplifications;
use super::timeline::timeline;
use crate::contract::{Level, RuleScope};
use crate::exchange::{KeyRole, OperationRef};
use crate::finding::{CaseResult, ClientsNeeded, ConditionScope, Confirmation, Evidence, Failure, Reduction};
use crate::offerings::oracle::Page;
use crate::offerings::{Context, Naming};
use crate::project::{Abort, Project};

/// After more attempts in a row that lost a response during preparation, the race ends.
const MAX_BROKEN: u32 = 3;

/// The maximum number of attempts that try to show an anomaly again.
const MAX_CONFIRMING: u32 = 30;

/// The limits of a race.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RaceBudget {
    /// The maximum number of attempts, from 1.
    pub attempts: u32,
    /// After this time no attempt starts, except the first. Minimizing and confirming all anomalies together have the
    /// same time again; after it, each anomaly still has one attempt to confirm it.
    pub limit: Duration,
    /// The maximum number of concurrent clients, from 2.
    pub clients: usize,
    /// What happens after an anomaly was found.
    pub mode: Mode,
}

/// What happens after an anomaly was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The race ends: for a caller that only needs to know whether there is an anomaly.
    Detect,
    /// All attempts run, and every anomaly is minimized and confirmed.
    Explain,
}

impl Default for RaceBudget {
    /// 30 attempts, 10 seconds, 8 clients, [`Mode::Explain`].
    fn default() -> Self {
        Self { attempts: 30, limit: Duration::from_secs(10), clients: 8, mode: Mode::Explain }
    }
}

impl Race {
    /// Runs the race in a project. With [`Mode::Explain`], the failures are already minimized and confirmed.
    pub async fn run(&self, project: Project, naming: Naming, seed: u64, budget: &RaceBudget) -> CaseResult {
        let mut cx = match Context::open(project, naming).await {
            Ok(cx) => cx,
            Err(result) => return self.deduplicated(result),
        };
        let flow = run(self, &mut cx, seed, budget).await;
        self.deduplicated(self.attribute_block(cx.close(flow).await))
    }
}

/// An anomaly with the attempt that shows it, and what is known about it so far.
pub(super) struct FoundAnomaly {
    pub(super) anomaly: Anomaly,
    pub(super) history: History,
    /// The program of that attempt.
    pub(super) program: Program,
    /// How many attempts of the whole race showed it.
    pub(super) count: u32,
    /// Whether an attempt after those showed it again.
    pub(super) is_confirmed: bool,
    /// How many steps the whole race has.
    pub(super) initial_len: usize,
}

async fn run(race: &Race, cx: &mut Context, seed: u64, budget: &RaceBudget) -> Result<(), Abort> {
    let program = race.program.clone().for_clients(budget.clients);
    let mut runner = RaceRunner::new(race, cx, seed, budget).await?;
    let mut found = Vec::new();
    let mut flow = runner.run_attempts(&program, &mut found).await;
    let attempts = runner.attempts;
    let mut minimized = Vec::new();
    let (begun, shrink_time) = (Instant::now(), Arc::clone(&runner.executor.cx().project().shrink_time));
    // A finding is confirmed even if no time is left for minimizing.
    let (minimize_by, confirm_by) = (begun + budget.limit.min(shrink_time.left()), begun + budget.limit);
    for anomaly in found.iter_mut().filter(|_| budget.mode == Mode::Explain) {
        if flow.is_ok() {
            let started = Instant::now();
            flow = runner.minimize(anomaly, &minimized, attempts, minimize_by).await;
            shrink_time.spend(started.elapsed());
            minimized.push(anomaly.program.clone());
        }
        if flow.is_ok() && !anomaly.is_confirmed {
            flow = runner.confirm(anomaly, confirm_by).await;
        }
    }
    for role in [KeyRole::Main, KeyRole::Second, KeyRole::Empty] {
        if flow.is_ok() && runner.executor.cx().oracle_state(role).is_some() {
            flow = runner.executor.cx().adopt(role).await.map(drop);
        }
    }
    for anomaly in found {
        let failure = runner.failure(anomaly, attempts);
        runner.executor.cx().record().check(failure.rule, Some(failure));
    }
    flow
}

/// Runs the attempts of one race within its budget.
pub(super) struct RaceRunner<'r, 's> {
    race: &'r Race,
    pub(super) executor: AttemptExecutor<'s>,
    budget: RaceBudget,
    /// Whether the first offering of an empty project must become main: this is not certain once the project held
    /// offerings.
    first_is_main: bool,
    /// How many attempts of the whole race have run.
    attempts: u32,
}

impl<'r, 's> RaceRunner<'r, 's> {
    pub(super) async fn new(
        race: &'r Race,
        cx: &'s mut Context,
        seed: u64,
        budget: &RaceBudget,
    ) -> Result<Self, Abort> {
        let first_is_main = cx.project().is_disposable;
        let executor = AttemptExecutor::new(cx, race, seed, budget.clients).await?;
        Ok(Self { race, executor, budget: *budget, first_is_main, attempts: 0 })
    }

    /// Runs the attempts of the whole race. It stops when one client shows a failure without the others, as that
    /// failure disturbs all further attempts.
    async fn run_attempts(&mut self, program: &Program, found: &mut Vec<FoundAnomaly>) -> Result<(), Abort> {
        let deadline = Instant::now() + self.budget.limit;
        let (mut broken, mut concurrent) = (0, 0);
        while self.attempts < self.budget.attempts.max(1) && (self.attempts == 0 || Instant::now() < deadline) {
            let is_emptied = self.race.role == KeyRole::Empty && self.attempts > 0;
            if is_emptied && self.attempts == 1 {
                self.first_is_main = self.executor.makes_first_main(self.race.rules[0]).await?;
            }
            let (history, anomalies) = match self.attempt(program).await {
                Err(Abort::Blocked(reason)) if is_emptied => {
                    let reason = format!("the race ended after {} attempts: {reason}", self.attempts);
                    self.executor.cx().skip_part(self.race.rules[0], reason);
                    return Ok(());
                }
                // The next attempt removes what this one has prepared.
                Err(abort) if abort.is_lost_response() && broken < MAX_BROKEN => {
                    broken += 1;
                    continue;
                }
                other => other?,
            };
            (self.attempts, broken) = (self.attempts + 1, 0);
            // Fast responses may overlap too rarely to be required; a rate limit may prevent that they ever do.
            if history.is_concurrent(program.clients.len()) || !self.executor.is_rate_limited() {
                concurrent += 1;
                self.count_checks(program, &history, &anomalies);
            }
            for anomaly in anomalies {
                match found.iter_mut().find(|known| known.anomaly.is_like(&anomaly)) {
                    Some(known) => known.count += 1,
                    None if self.shows_with_one_client(&anomaly, program).await? => {
                        found.clear();
                        return Ok(());
                    }
                    None => found.push(FoundAnomaly {
                        anomaly,
                        history: history.clone(),
                        program: program.clone(),
                        count: 1,
                        is_confirmed: false,
                        initial_len: program.len(),
                    }),
                }
            }
            if self.budget.mode == Mode::Detect && !found.is_empty() {
                break;
            }
        }
        if concurrent == 0 && found.is_empty() {
            for rule in &self.race.rules {
                let reason = "no two clients had a request in flight at the same time, because the rate is limited";
                self.executor.cx().record().undecided.entry(rule).or_insert_with(|| reason.into());
            }
        }
        Ok(())
    }

    /// Whether one client that sends the same requests without others receives a wrong response. That failure is
    /// reported instead of the anomaly, whose rule it violates as well.
    async fn shows_with_one_client(&mut self, anomaly: &Anomaly, program: &Program) -> Result<bool, Abort> {
        for program in program.for_one_client() {
            let known = self.executor.cx().record().failures.len();
            let sent = self.executor.run_sequentially(&program).await;
            let contract = Arc::clone(self.executor.cx().project().judge.contract());
            let script = self.race.script(program);
            let new = &mut self.executor.cx().record().failures[known..];
            let is_own = |failure: &Failure| {
                let rule = contract.rules().rule(failure.rule);
                rule.is_some_and(|rule| {
                    rule.scope == RuleScope::Operation && failure.level.unwrap_or(rule.level) == Level::Must
                })
            };
            for failure in new.iter_mut() {
                failure.evidence.script.clone_from(&script);
                failure.evidence.clients = ClientsNeeded::One;
            }
            if let Some(failure) = new.iter_mut().find(|failure| is_own(failure)) {
                failure.also.push(anomaly.deviation.rule);
                return Ok(true);
            }
            match sent {
                Err(abort) if abort.is_lost_response() => {}
                sent => sent?,
            }
        }
        Ok(false)
    }

    /// Runs one attempt and returns its anomalies, without those that a client outside of the run may have caused:
    /// their rules become undecided.
    pub(super) async fn attempt(&mut self, program: &Program) -> Result<(History, Vec<Anomaly>), Abort> {
        let history = self.executor.execute(program).await?;
        let judgement = judge(program, &history, self.first_is_main);
        let is_exclusive = self.executor.is_exclusive();
        let cx = self.executor.cx();
        if let Some(reason) = judgement.undecided {
            cx.record().undecided.insert(self.race.rules[0], reason.into());
        }
        let contract = Arc::clone(cx.project().judge.contract());
        let can_be_disturbed =
            |anomaly: &Anomaly| contract.rules().rule(anomaly.deviation.rule).is_some_and(|rule| rule.disturbed);
        let mut anomalies = judgement.anomalies;
        if !is_exclusive
            && anomalies.iter().any(can_be_disturbed)
            && let Some(reason) = foreign_change(&history, cx)
        {
            for anomaly in anomalies.iter().filter(|anomaly| can_be_disturbed(anomaly)) {
                let reason = format!("another client changed the project meanwhile: {reason}");
                cx.record().undecided.insert(anomaly.deviation.rule, reason);
            }
            cx.record().foreign.push(reason);
            anomalies.retain(|anomaly| !can_be_disturbed(anomaly));
        }
        Ok((history, anomalies))
    }

    /// Counts the rules that an attempt without anomaly has checked.
    fn count_checks(&mut self, program: &Program, history: &History, anomalies: &[Anomaly]) {
        let whole = history
            .requests
            .iter()
            .any(|request| request.client < program.clients.len() && request.page().as_ref().is_some_and(is_whole));
        let cx = self.executor.cx();
        for rule in &self.race.rules {
            if *rule == "race.set-main-atomic" && self.race.lists() && !whole {
                cx.skip_part(
                    rule,
                    "the project holds more than 100 offerings: a list of several pages is not one moment",
                );
            } else if anomalies.is_empty() && !cx.record().undecided.contains_key(rule) {
                cx.record().checked(rule);
            }
        }
    }

    /// Minimizes the program of an anomaly; an attempt that shows it again confirms it. The minimized programs of other
    /// anomalies run first.
    async fn minimize(
        &mut self,
        found: &mut FoundAnomaly,
        minimized: &[Program],
        attempts: u32,
        deadline: Instant,
    ) -> Result<(), Abort> {
        // Rule of three: this many attempts without the anomaly exclude it with 95 % confidence.
        let enough = (3 * attempts).div_ceil(found.count).clamp(3, MAX_CONFIRMING);
        let mut first = minimized.to_vec();
        'minimize: loop {
            for program in first.drain(..).chain(simplifications(&found.program)) {
                if Instant::now() >= deadline {
                    break 'minimize;
                }
                if let Some((history, anomaly)) = self.reproduce(&program, &found.anomaly, enough, deadline).await? {
                    *found = FoundAnomaly { anomaly, history, program, is_confirmed: true, ..*found };
                    continue 'minimize;
                }
            }
            break;
        }
        Ok(())
    }

    /// Runs the program of an anomaly again until an attempt shows it.
    async fn confirm(&mut self, found: &mut FoundAnomaly, deadline: Instant) -> Result<(), Abort> {
        let program = found.program.clone();
        let reproduced = self.reproduce(&program, &found.anomaly, MAX_CONFIRMING, deadline).await?;
        found.is_confirmed = reproduced.is_some();
        Ok(())
    }

    /// Runs `program` until an attempt shows the same anomaly, at most `max` times. After the deadline only the first
    /// attempt may start.
    async fn reproduce(
        &mut self,
        program: &Program,
        anomaly: &Anomaly,
        max: u32,
        deadline: Instant,
    ) -> Result<Option<(History, Anomaly)>, Abort> {
        for number in 0..max {
            if number > 0 && Instant::now() >= deadline {
                break;
            }
            if program.clients.len() == 1 {
                // Requests of earlier attempts may still be in progress.
                tokio::time::sleep(LAG).await;
            }
            let (history, anomalies) = match self.attempt(program).await {
                Err(abort) if abort.is_lost_response() => continue,
                other => other?,
            };
            if let Some(found) = anomalies.into_iter().find(|found| found.is_like(anomaly)) {
                return Ok(Some((history, found)));
            }
        }
        Ok(None)
    }

    fn failure(&mut self, found: FoundAnomaly, attempts: u32) -> Failure {
        let FoundAnomaly { anomaly, history, program, count, is_confirmed, initial_len } = found;
        let Anomaly { mut deviation, at: place } = anomaly;
        let (timeline, places) = timeline(&history, place);
        let exchange = |place: &usize| history.requests[*place].exchange.clone();
        let cx = self.executor.cx();
        let at = exchange(&place).or_else(|| cx.session.trace().last().cloned());
        let at = at.expect("a context opens with a list");
        let others = places.iter().filter(|other| **other != place).filter_map(exchange);
        let trace = history.prepared.iter().cloned().chain(others).chain([Arc::clone(&at)]).collect();
        let frequency =
            if count == attempts { "in every attempt".into() } else { format!("in {count} of {attempts} attempts") };
        deviation.received = format!("{} ({frequency})", deviation.received);
        let rule = cx.project().judge.contract().rules().rule(deviation.rule).cloned();
        // The operation of the rule, as one defect shows at responses of different operations.
        let operation = rule.and_then(|rule| rule.operations.first().copied()).map(OperationRef::Offerings);
        Failure {
            operation: operation.unwrap_or_else(|| at.request.operation.clone()),
            scope: ConditionScope::Operation,
            trace,
            evidence: Evidence {
                confirmation: if is_confirmed { Confirmation::Confirmed } else { Confirmation::Intermittent },
                reduction: (program.len() < initial_len).then_some(Reduction {
                    from: initial_len,
                    requests: 0,
                    was: None,
                }),
                script: self.race.script(program),
                timeline: Some(timeline),
                clients: ClientsNeeded::Several,
                ..Evidence::default()
            },
            ..self.executor.cx().failure(deviation, &at)
        }
    }
}

/// A sign that a client outside of the run wrote during an attempt.
fn foreign_change(history: &History, cx: &Context) -> Option<String> {
    let pages: Vec<Page> = history.requests.iter().filter_map(ClientRequest::page).collect();
    let is_foreign = |id: &str| !cx.state().world().is_ours(id);
    let before = |id: &str| history.before.offerings.iter().find(|offering| offering.id == id);
    for page in &pages {
        for offering in page.offerings.iter().filter(|offering| is_foreign(&offering.id)) {
            match before(&offering.id) {
                None if offering.is_main() && history.anchor.is_some() => {
                    return Some(format!("`{}` became main", offering.id));
                }
                None if is_whole(page) && is_whole(&history.before) => {
                    return Some(format!("`{}` appeared", offering.id));
                }
                Some(known) if offering.is_main() && !known.is_main() => {
                    return Some(format!("`{}` became main", offering.id));
                }
                Some(known) if offering.products != known.products => {
                    return Some(format!("`{}` changed", offering.id));
                }
                _ => {}
            }
        }
    }
    let last = pages.last().filter(|page| is_whole(page))?;
    let is_listed = |id: &str| last.offerings.iter().any(|offering| offering.id == id);
    let mut known = history.before.offerings.iter().filter(|offering| is_foreign(&offering.id));
    known.find(|offering| !is_listed(&offering.id)).map(|offering| format!("`{}` was deleted", offering.id))
}

impl Race {
    /// If a failure that one client shows has blocked the race, it violates the rules of the race as well.
    fn attribute_block(&self, mut result: CaseResult) -> CaseResult {
        let is_found = result.failures.iter().position(|failure| failure.evidence.timeline.is_none());
        if let (Some(Abort::Blocked(_)), Some(place)) = (&result.abort, is_found) {
            result.abort = None;
            let failure = &mut result.failures[place];
            failure.also.extend(self.rules.iter().filter(|rule| **rule != failure.rule));
        }
        result
    }

    /// Each failure once. A failure of a single response without a script gets the whole race as its script.
    fn deduplicated(&self, mut result: CaseResult) -> CaseResult {
        let mut failures: Vec<Failure> = Vec::new();
        for mut failure in std::mem::take(&mut result.failures) {
            if let Some(known) = failures.iter_mut().find(|known| known.is_like(&failure)) {
                known.evidence.confirmation = Confirmation::Confirmed;
                continue;
            }
            if failure.evidence.script.is_none() {
                failure.evidence = Evidence {
                    confirmation: Confirmation::Intermittent,
                    script: self.script(self.program.clone()),
                    clients: ClientsNeeded::Several,
                    is_outdated: failure.evidence.is_outdated,
                    ..Evidence::default()
                };
            }
            failures.push(failure);
        }
        CaseResult { failures, ..result }
    }

    /// This race with another program, in its saved form.
    fn script(&self, program: Program) -> Option<serde_json::Value> {
        serde_json::to_value(SavedRace::of(&Self { program, ..self.clone() })).ok()
    }
}

impl AttemptExecutor<'_> {
    /// Whether the first offering of a project that held offerings before becomes main.
    async fn makes_first_main(&mut self, rule: &'static str) -> Result<bool, Abort> {
        let one_create = Program {
            initial: vec![None],
            clients: vec![vec![RaceStep::Create { slot: 0, list: 0, key: None }]],
            after: Vec::new(),
        };
        let history = self.execute(&one_create).await?;
        let is_main = history.requests.iter().filter_map(ClientRequest::offering).any(|offering| offering.is_main());
        if !is_main {
            self.cx().skip_part(rule, "the first offering of a project that was emptied is not main");
        }
        Ok(is_main)
    }
}
