//! Many tries of one race: what shows, how often, again or not, and in which smallest program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::case::{Race, SavedRace};
use super::direct::Anomaly;
use super::history::{Act, History, is_whole};
use super::judge::judge;
use super::play::{LAG, Player};
use super::program::{Program, RaceStep};
use super::shrink::smaller;
use super::timeline::timeline;
use crate::contract::{Level, RuleScope};
use crate::exchange::{KeyRole, OperationRef};
use crate::finding::{CaseResult, ClientsNeeded, ConditionScope, Confirmation, Evidence, Failure, Reduction};
use crate::offerings::oracle::Page;
use crate::offerings::{Context, Naming};
use crate::project::{Abort, Project};

/// After so many tries in a row that could not even be prepared, as responses were lost, the race is given up.
const MAX_BROKEN: u32 = 3;

/// How often a race is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RaceBudget {
    /// The most tries of one race, from 1.
    pub races: u32,
    /// No try begins after this time, except the first. Shrinking everything that was found, and seeing it again, get the
    /// same time once more; what was found is looked for once, though the time is up.
    pub limit: Duration,
    /// The most clients at once, from 2.
    pub clients: usize,
    /// What is done with what was found.
    pub mode: Mode,
}

/// What is done with what was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The first try that shows something is the last: for those who only ask whether there is anything.
    Detect,
    /// All tries are made, what was found is shrunk and seen again.
    Explain,
}

impl Default for RaceBudget {
    /// 30 tries, 10 seconds, 8 clients, explained.
    fn default() -> Self {
        Self { races: 30, limit: Duration::from_secs(10), clients: 8, mode: Mode::Explain }
    }
}

impl Race {
    /// Tries the race on a project. What is found is minimized and confirmed here already: it needs no second run.
    pub async fn play(&self, project: Project, naming: Naming, seed: u64, budget: &RaceBudget) -> CaseResult {
        let mut cx = match Context::open(project, naming).await {
            Ok(cx) => cx,
            Err(result) => return self.each_once(result),
        };
        let flow = run(self, &mut cx, seed, budget).await;
        self.each_once(self.without_block(cx.close(flow).await))
    }
}

/// Something that was seen.
pub(super) struct SeenAnomaly {
    pub(super) anomaly: Anomaly,
    pub(super) history: History,
    pub(super) program: Program,
    pub(super) showed: u32,
    pub(super) again: bool,
    /// How many requests the clients of the whole race send.
    pub(super) from: usize,
}

async fn run(race: &Race, cx: &mut Context, seed: u64, budget: &RaceBudget) -> Result<(), Abort> {
    let program = race.program.clone().for_clients(budget.clients);
    let mut runner = RaceRunner::new(race, cx, seed, budget).await?;
    let mut seen = Vec::new();
    let mut flow = runner.try_all(&program, &mut seen).await;
    let played = runner.played;
    let mut smallest = Vec::new();
    let deadline = Instant::now() + budget.limit;
    for found in seen.iter_mut().filter(|_| budget.mode == Mode::Explain) {
        if flow.is_ok() {
            flow = runner.shrink_and_confirm(found, &smallest, played, deadline).await;
            smallest.push(found.program.clone());
        }
    }
    for role in [KeyRole::Main, KeyRole::Second, KeyRole::Empty] {
        if flow.is_ok() && runner.player.cx().oracle_state(role).is_some() {
            flow = runner.player.cx().adopt(role).await.map(drop);
        }
    }
    for found in seen {
        let failure = runner.failure(found, played);
        runner.player.cx().record().check(failure.rule, Some(failure));
    }
    flow
}

/// Tries one race again and again.
pub(super) struct RaceRunner<'r, 's> {
    race: &'r Race,
    pub(super) player: Player<'s>,
    budget: RaceBudget,
    /// Whether the first offering of the project, should it be empty, surely becomes main: a project that was emptied
    /// again may do otherwise.
    first_is_main: bool,
    /// How often the whole race was tried.
    played: u32,
}

impl<'r, 's> RaceRunner<'r, 's> {
    pub(super) async fn new(
        race: &'r Race,
        cx: &'s mut Context,
        seed: u64,
        budget: &RaceBudget,
    ) -> Result<Self, Abort> {
        let first_is_main = cx.project().is_disposable;
        let player = Player::new(cx, race, seed, budget.clients).await?;
        Ok(Self { race, player, budget: *budget, first_is_main, played: 0 })
    }

    /// Every try of the whole race, until one shows something that one client sees alone: that is in the way of what
    /// several see.
    async fn try_all(&mut self, program: &Program, seen: &mut Vec<SeenAnomaly>) -> Result<(), Abort> {
        let deadline = Instant::now() + self.budget.limit;
        let mut broken = 0;
        while self.played < self.budget.races.max(1) && (self.played == 0 || Instant::now() < deadline) {
            let is_emptied = self.race.role == KeyRole::Empty && self.played > 0;
            if is_emptied && self.played == 1 {
                self.first_is_main = self.player.makes_first_main(self.race.rules[0]).await?;
            }
            let (history, anomalies) = match self.look(program).await {
                Err(Abort::Blocked(reason)) if is_emptied => {
                    self.player.cx().leave_out(self.race.rules[0], format!("tried {} times: {reason}", self.played));
                    return Ok(());
                }
                // What was being prepared is removed before the next try.
                Err(halt) if halt.is_lost_response() && broken < MAX_BROKEN => {
                    broken += 1;
                    continue;
                }
                other => other?,
            };
            (self.played, broken) = (self.played + 1, 0);
            self.count(program, &history, &anomalies);
            for anomaly in anomalies {
                match seen.iter_mut().find(|found| found.anomaly.is_like(&anomaly)) {
                    Some(found) => found.showed += 1,
                    None if self.shows_alone(&anomaly, program).await? => {
                        seen.clear();
                        return Ok(());
                    }
                    None => seen.push(SeenAnomaly {
                        anomaly,
                        history: history.clone(),
                        program: program.clone(),
                        showed: 1,
                        again: false,
                        from: program.len(),
                    }),
                }
            }
            if self.budget.mode == Mode::Detect && !seen.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Whether one client that does the same alone gets what no correct server returns: that failure is what was found
    /// then, and the rule of the anomaly is violated with it.
    async fn shows_alone(&mut self, anomaly: &Anomaly, program: &Program) -> Result<bool, Abort> {
        for program in program.alone() {
            let known = self.player.cx().record().failures.len();
            let sent = self.player.run_alone(&program).await;
            let contract = Arc::clone(self.player.cx().project().judge.contract());
            let script = self.race.script(program);
            let new = &mut self.player.cx().record().failures[known..];
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
                failure.also.push(anomaly.wrong.rule);
                return Ok(true);
            }
            match sent {
                Err(halt) if halt.is_lost_response() => {}
                sent => sent?,
            }
        }
        Ok(false)
    }

    /// One try and what is wrong with it. What another client can have caused is noted and left out.
    pub(super) async fn look(&mut self, program: &Program) -> Result<(History, Vec<Anomaly>), Abort> {
        let history = self.player.play(program).await?;
        let judgement = judge(program, &history, self.first_is_main);
        let is_exclusive = self.player.is_exclusive();
        let cx = self.player.cx();
        if let Some(reason) = judgement.undecided {
            cx.record().undecided.insert(self.race.rules[0], reason.into());
        }
        let contract = Arc::clone(cx.project().judge.contract());
        let can_be_disturbed =
            |anomaly: &Anomaly| contract.rules().rule(anomaly.wrong.rule).is_some_and(|rule| rule.disturbed);
        let mut anomalies = judgement.anomalies;
        if !is_exclusive
            && anomalies.iter().any(can_be_disturbed)
            && let Some(reason) = foreign(&history, cx)
        {
            for anomaly in anomalies.iter().filter(|anomaly| can_be_disturbed(anomaly)) {
                let reason = format!("another client changed the project meanwhile: {reason}");
                cx.record().undecided.insert(anomaly.wrong.rule, reason);
            }
            cx.record().foreign.push(reason);
            anomalies.retain(|anomaly| !can_be_disturbed(anomaly));
        }
        Ok((history, anomalies))
    }

    /// Counts the rules that a try without anomaly has checked.
    fn count(&mut self, program: &Program, history: &History, anomalies: &[Anomaly]) {
        let whole = history
            .acts
            .iter()
            .any(|act| act.client < program.clients.len() && act.page().as_ref().is_some_and(is_whole));
        let cx = self.player.cx();
        for rule in &self.race.rules {
            if *rule == "race.set-main-atomic" && self.race.lists() && !whole {
                cx.leave_out(
                    rule,
                    "the project holds more than 100 offerings: a list of several pages is not one moment",
                );
            } else if anomalies.is_empty() && !cx.record().undecided.contains_key(rule) {
                cx.record().checked(rule);
            }
        }
    }

    /// Looks for the smallest program that still shows it, and counts it as seen again when it shows once more. What
    /// shows something else in the smallest way is tried first.
    async fn shrink_and_confirm(
        &mut self,
        found: &mut SeenAnomaly,
        smallest: &[Program],
        played: u32,
        deadline: Instant,
    ) -> Result<(), Abort> {
        // So many tries without it are enough to believe, 19 times of 20, that it does not show.
        let enough = (3 * played).div_ceil(found.showed).clamp(3, self.budget.races.max(3));
        let mut first = smallest.to_vec();
        'smaller: loop {
            for program in first.drain(..).chain(smaller(&found.program)) {
                if Instant::now() >= deadline {
                    break 'smaller;
                }
                if let Some((history, anomaly)) = self.shows(&program, &found.anomaly, enough, deadline).await? {
                    *found = SeenAnomaly { anomaly, history, program, again: true, ..*found };
                    continue 'smaller;
                }
            }
            break;
        }
        if !found.again {
            let program = found.program.clone();
            found.again = self.shows(&program, &found.anomaly, self.budget.races, deadline).await?.is_some();
        }
        Ok(())
    }

    /// The first of so many tries of `program` that shows the same. None begins after the deadline, except the first.
    async fn shows(
        &mut self,
        program: &Program,
        anomaly: &Anomaly,
        tries: u32,
        deadline: Instant,
    ) -> Result<Option<(History, Anomaly)>, Abort> {
        for number in 0..tries {
            if number > 0 && Instant::now() >= deadline {
                break;
            }
            if program.clients.len() == 1 {
                // What several clients did must not be on its way any more.
                tokio::time::sleep(LAG).await;
            }
            let (history, anomalies) = match self.look(program).await {
                Err(halt) if halt.is_lost_response() => continue,
                other => other?,
            };
            if let Some(found) = anomalies.into_iter().find(|found| found.is_like(anomaly)) {
                return Ok(Some((history, found)));
            }
        }
        Ok(None)
    }

    fn failure(&mut self, found: SeenAnomaly, played: u32) -> Failure {
        let SeenAnomaly { anomaly: Anomaly { mut wrong, at: place }, history, program, showed, again, from } = found;
        let (picture, places) = timeline(&history, place);
        let exchange = |place: &usize| history.acts[*place].exchange.clone();
        let cx = self.player.cx();
        let at = exchange(&place).or_else(|| cx.session.transcript().last().cloned());
        let at = at.expect("a context opens with a list");
        let others = places.iter().filter(|other| **other != place).filter_map(exchange);
        let trace = history.prepared.iter().cloned().chain(others).chain([Arc::clone(&at)]).collect();
        let often = if showed == played { "always".into() } else { format!("in {showed} of {played} tries") };
        wrong.received = format!("{} ({often})", wrong.received);
        let rule = cx.project().judge.contract().rules().rule(wrong.rule).cloned();
        // The same defect shows at one response or another.
        let operation = rule.and_then(|rule| rule.operations.first().copied()).map(OperationRef::Offerings);
        Failure {
            operation: operation.unwrap_or_else(|| at.request.operation.clone()),
            scope: ConditionScope::Operation,
            trace,
            evidence: Evidence {
                confirmation: if again { Confirmation::Confirmed } else { Confirmation::Intermittent },
                reduction: (program.len() < from).then_some(Reduction { from, requests: 0, was: None }),
                script: self.race.script(program),
                timeline: Some(picture),
                clients: ClientsNeeded::Several,
                ..Evidence::default()
            },
            ..self.player.cx().failure(wrong, &at)
        }
    }
}

/// What shows that another client wrote during a try.
fn foreign(history: &History, cx: &Context) -> Option<String> {
    let pages: Vec<Page> = history.acts.iter().filter_map(Act::page).collect();
    let is_foreign = |id: &str| !cx.state().world().is_ours(id);
    let before = |id: &str| history.before.offerings.iter().find(|offering| offering.id == id);
    for page in &pages {
        for offering in page.offerings.iter().filter(|offering| is_foreign(&offering.id)) {
            match before(&offering.id) {
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
    let gone = |id: &str| !last.offerings.iter().any(|offering| offering.id == id);
    let mut known = history.before.offerings.iter().filter(|offering| is_foreign(&offering.id));
    known.find(|offering| gone(&offering.id)).map(|offering| format!("`{}` is gone", offering.id))
}

impl Race {
    /// Where the race could not go on because of what one client sees, that decides its rules.
    fn without_block(&self, mut result: CaseResult) -> CaseResult {
        let is_found = result.failures.iter().position(|failure| failure.evidence.timeline.is_none());
        if let (Some(Abort::Blocked(_)), Some(place)) = (&result.abort, is_found) {
            result.abort = None;
            let failure = &mut result.failures[place];
            failure.also.extend(self.rules.iter().filter(|rule| **rule != failure.rule));
        }
        result
    }

    /// Each failure once; one of a single response shows what it can.
    fn each_once(&self, mut result: CaseResult) -> CaseResult {
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
                    ..Evidence::default()
                };
            }
            failures.push(failure);
        }
        CaseResult { failures, ..result }
    }

    /// This race with another program, to be played again.
    fn script(&self, program: Program) -> Option<serde_json::Value> {
        serde_json::to_value(SavedRace::of(&Self { program, ..self.clone() })).ok()
    }
}

impl Player<'_> {
    /// Whether the first offering of the project, which was emptied again, becomes main when it is made alone.
    async fn makes_first_main(&mut self, rule: &'static str) -> Result<bool, Abort> {
        let alone = Program {
            made: vec![None],
            clients: vec![vec![RaceStep::Create { slot: 0, list: 0, key: None }]],
            after: Vec::new(),
        };
        let history = self.play(&alone).await?;
        let is_main = history.acts.iter().filter_map(Act::offering).any(|offering| offering.is_main());
        if !is_main {
            self.cx().leave_out(rule, "in a project that was emptied again the first offering is not main");
        }
        Ok(is_main)
    }
}
