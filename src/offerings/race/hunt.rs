//! Many tries of one race: what shows, how often, again or not, and in which smallest program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::case::{Race, SavedRace};
use super::direct::Complaint;
use super::history::{Act, History, Page};
use super::judge::judge;
use super::play::{LAG, Player};
use super::program::{Program, Step};
use super::shrink::smaller;
use super::timeline::timeline;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, OperationRef};
use crate::finding::{CaseResult, ClientsNeeded, Confirmation, Evidence, Failure, Reduction, Scope};
use crate::lane::{Halt, Lane, Tenure};
use crate::offerings::{Naming, Stage};

/// After so many tries in a row that could not even be prepared, as answers were lost, the race is given up.
const MOST_BROKEN: u32 = 3;

/// How often a race is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tries {
    /// The most tries of one race, from 1.
    pub races: u32,
    /// No try begins after this time, except the first. Shrinking everything that was found, and seeing it again, get the
    /// same time once more; what was found is looked for once, though the time is up.
    pub limit: Duration,
    /// The most clients at once, from 2.
    pub clients: usize,
    /// What is done with what was found.
    pub effort: Effort,
}

/// What is done with what was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// The first try that shows something is the last: for those who only ask whether there is anything.
    Detect,
    /// All tries are made, what was found is shrunk and seen again.
    Explain,
}

impl Default for Tries {
    /// 30 tries, 10 seconds, 8 clients, explained.
    fn default() -> Self {
        Self { races: 30, limit: Duration::from_secs(10), clients: 8, effort: Effort::Explain }
    }
}

impl Race {
    /// Tries the race on a lane. What is found is shrunk and confirmed here already: it needs no second run.
    pub async fn play(&self, lane: Lane, naming: Naming, seed: u64, tries: &Tries) -> CaseResult {
        let mut stage = match Stage::open(lane, naming).await {
            Ok(stage) => stage,
            Err(result) => return self.each_once(result),
        };
        let flow = hunt(self, &mut stage, seed, tries).await;
        self.each_once(stage.close(flow).await)
    }
}

/// Something that was seen.
pub(super) struct Sighting {
    pub(super) complaint: Complaint,
    pub(super) history: History,
    pub(super) program: Program,
    pub(super) showed: u32,
    pub(super) again: bool,
    pub(super) takes: ClientsNeeded,
    /// How many requests the clients of the whole race send.
    pub(super) from: usize,
}

async fn hunt(race: &Race, stage: &mut Stage, seed: u64, tries: &Tries) -> Result<(), Halt> {
    let program = race.program.clone().for_clients(tries.clients);
    let mut hunter = Hunter::new(race, stage, seed, tries).await?;
    let mut sightings = Vec::new();
    let mut flow = hunter.try_all(&program, &mut sightings).await;
    let played = hunter.played;
    let mut smallest = Vec::new();
    let deadline = Instant::now() + tries.limit;
    let is_worth_it =
        |sighting: &&mut Sighting| tries.effort == Effort::Explain && sighting.takes == ClientsNeeded::Several;
    for sighting in sightings.iter_mut().filter(is_worth_it) {
        if flow.is_ok() {
            flow = hunter.shrink_and_confirm(sighting, &smallest, played, deadline).await;
            smallest.push(sighting.program.clone());
        }
    }
    let is_main = race.role == KeyRole::Main;
    if flow.is_ok() && is_main {
        flow = hunter.player.stage().rebase().await.map(drop);
    }
    for sighting in sightings {
        let failure = hunter.failure(sighting, played);
        hunter.player.stage().record().check(failure.rule, Some(failure));
    }
    flow
}

/// Tries one race again and again.
pub(super) struct Hunter<'r, 's> {
    race: &'r Race,
    pub(super) player: Player<'s>,
    tries: Tries,
    /// Whether the first offering of the project, should it be empty, surely becomes main: a project that was emptied
    /// again may do otherwise.
    first_is_main: bool,
    /// How often the whole race was tried.
    played: u32,
}

impl<'r, 's> Hunter<'r, 's> {
    pub(super) async fn new(race: &'r Race, stage: &'s mut Stage, seed: u64, tries: &Tries) -> Result<Self, Halt> {
        let first_is_main = stage.lane().tenure == Tenure::Disposable;
        let player = Player::new(stage, race, seed, tries.clients).await?;
        Ok(Self { race, player, tries: *tries, first_is_main, played: 0 })
    }

    /// Every try of the whole race, until one shows something that one client sees alone: that is in the way of what
    /// several see.
    async fn try_all(&mut self, program: &Program, sightings: &mut Vec<Sighting>) -> Result<(), Halt> {
        let deadline = Instant::now() + self.tries.limit;
        let mut broken = 0;
        while self.played < self.tries.races.max(1) && (self.played == 0 || Instant::now() < deadline) {
            let is_emptied = self.race.role == KeyRole::Empty && self.played > 0;
            if is_emptied && self.played == 1 {
                self.first_is_main = self.player.makes_first_main(self.race.rules[0]).await?;
            }
            let (history, complaints) = match self.look(program).await {
                Err(Halt::Blocked(reason)) if is_emptied => {
                    self.player.stage().leave_out(self.race.rules[0], format!("tried {} times: {reason}", self.played));
                    return Ok(());
                }
                // What was being prepared is removed before the next try.
                Err(halt) if halt.is_lost_answer() && broken < MOST_BROKEN => {
                    broken += 1;
                    continue;
                }
                other => other?,
            };
            (self.played, broken) = (self.played + 1, 0);
            self.count(program, &history, &complaints);
            for complaint in complaints {
                match sightings.iter_mut().find(|sighting| sighting.complaint.is_like(&complaint)) {
                    Some(sighting) => sighting.showed += 1,
                    None => sightings.push(self.sighting(complaint, history.clone(), program).await?),
                }
            }
            let is_enough =
                |sighting: &Sighting| self.tries.effort == Effort::Detect || sighting.takes == ClientsNeeded::One;
            if sightings.iter().any(is_enough) {
                break;
            }
        }
        Ok(())
    }

    /// Something that was seen for the first time; where that is asked for, with how many clients it takes.
    async fn sighting(&mut self, complaint: Complaint, history: History, program: &Program) -> Result<Sighting, Halt> {
        let (takes, from) = (ClientsNeeded::Several, program.len());
        let seen = Sighting { complaint, history, program: program.clone(), showed: 1, again: false, takes, from };
        if self.tries.effort == Effort::Detect {
            return Ok(seen);
        }
        for program in program.alone() {
            if let Some((history, complaint)) = self.shows(&program, &seen.complaint, 1, Instant::now()).await? {
                return Ok(Sighting { complaint, history, program, again: true, takes: ClientsNeeded::One, ..seen });
            }
        }
        Ok(seen)
    }

    /// One try and what is wrong with it. What somebody else can have caused is noted and left out.
    pub(super) async fn look(&mut self, program: &Program) -> Result<(History, Vec<Complaint>), Halt> {
        let history = self.player.play(program).await?;
        let judgement = judge(program, &history, self.first_is_main);
        let stage = self.player.stage();
        if let Some(reason) = judgement.undecided {
            stage.record().undecided.insert(self.race.rules[0], reason.into());
        }
        let mut complaints = judgement.complaints;
        if complaints.iter().any(Complaint::can_be_spoilt)
            && let Some(reason) = foreign(&history, stage)
        {
            for complaint in complaints.iter().filter(|complaint| complaint.can_be_spoilt()) {
                let reason = format!("somebody else changed the project meanwhile: {reason}");
                stage.record().undecided.insert(complaint.rule, reason);
            }
            stage.record().foreign.push(reason);
            complaints.retain(|complaint| !complaint.can_be_spoilt());
        }
        Ok((history, complaints))
    }

    /// Counts the rules that a try without complaint has checked.
    fn count(&mut self, program: &Program, history: &History, complaints: &[Complaint]) {
        let whole =
            history.acts.iter().any(|act| act.client < program.clients.len() && act.page().is_some_and(|p| p.whole));
        let stage = self.player.stage();
        for rule in &self.race.rules {
            if *rule == "race.set-main-atomic" && self.race.lists() && !whole {
                stage.leave_out(
                    rule,
                    "the project holds more than 100 offerings: a list of several pages is not one moment",
                );
            } else if complaints.is_empty() && !stage.record().undecided.contains_key(rule) {
                stage.record().checked(rule);
            }
        }
    }

    /// Looks for the smallest program that still shows it, and counts it as seen again when it shows once more. What
    /// shows something else in the smallest way is tried first.
    async fn shrink_and_confirm(
        &mut self,
        sighting: &mut Sighting,
        smallest: &[Program],
        played: u32,
        deadline: Instant,
    ) -> Result<(), Halt> {
        // So many tries without it are enough to believe, 19 times of 20, that it does not show.
        let enough = (3 * played).div_ceil(sighting.showed).clamp(3, self.tries.races.max(3));
        let mut first = smallest.to_vec();
        'smaller: loop {
            for program in first.drain(..).chain(smaller(&sighting.program)) {
                if Instant::now() >= deadline {
                    break 'smaller;
                }
                if let Some((history, complaint)) = self.shows(&program, &sighting.complaint, enough, deadline).await? {
                    let takes = if program.clients.len() > 1 { ClientsNeeded::Several } else { ClientsNeeded::One };
                    *sighting = Sighting { complaint, history, program, again: true, takes, ..*sighting };
                    continue 'smaller;
                }
            }
            break;
        }
        if !sighting.again {
            let program = sighting.program.clone();
            sighting.again = self.shows(&program, &sighting.complaint, self.tries.races, deadline).await?.is_some();
        }
        Ok(())
    }

    /// The first of so many tries of `program` that shows the same. None begins after the deadline, except the first.
    async fn shows(
        &mut self,
        program: &Program,
        complaint: &Complaint,
        tries: u32,
        deadline: Instant,
    ) -> Result<Option<(History, Complaint)>, Halt> {
        for number in 0..tries {
            if number > 0 && Instant::now() >= deadline {
                break;
            }
            if program.clients.len() == 1 {
                // What several clients did must not be on its way any more.
                tokio::time::sleep(LAG).await;
            }
            let (history, complaints) = match self.look(program).await {
                Err(halt) if halt.is_lost_answer() => continue,
                other => other?,
            };
            if let Some(found) = complaints.into_iter().find(|found| found.is_like(complaint)) {
                return Ok(Some((history, found)));
            }
        }
        Ok(None)
    }

    fn failure(&mut self, sighting: Sighting, played: u32) -> Failure {
        let Sighting { complaint, history, program, showed, again, takes, from } = sighting;
        let (picture, places) = timeline(&history, complaint.at);
        let exchange = |place: &usize| history.acts[*place].exchange.clone();
        let at = exchange(&complaint.at).unwrap_or_else(|| self.player.stage().latest());
        let others = places.iter().filter(|place| **place != complaint.at).filter_map(exchange);
        let story = history.prepared.iter().cloned().chain(others).chain([Arc::clone(&at)]).collect();
        let often = if showed == played { "always".into() } else { format!("in {showed} of {played} tries") };
        Failure {
            rule: complaint.rule,
            condition: complaint.title.into(),
            difference: "".into(),
            level: None,
            title: complaint.title.into(),
            expected: complaint.documented.clone(),
            received: format!("{} ({often})", complaint.received),
            operation: OperationRef::Offerings(operation(complaint.rule)),
            scope: Scope::Operation,
            also: Vec::new(),
            at,
            trace: story,
            evidence: Evidence {
                confirmation: if again { Confirmation::Confirmed } else { Confirmation::Intermittent },
                reduction: (program.len() < from).then_some(Reduction { from, requests: 0, was: None }),
                script: self.race.script(program),
                timeline: Some(picture),
                clients: takes,
                ..Evidence::default()
            },
        }
    }
}

/// The operation that a rule is about: the same fault shows at one answer or another.
fn operation(rule: &str) -> Endpoint {
    match rule {
        "race.update-whole" => Endpoint::Update,
        "race.delete-vs-update" => Endpoint::Delete,
        rule if rule.starts_with("race.set-main") => Endpoint::SetMain,
        _ => Endpoint::Create,
    }
}

/// What shows that somebody else was at work during a try.
fn foreign(history: &History, stage: &Stage) -> Option<String> {
    let pages: Vec<Page> = history.acts.iter().filter_map(Act::page).collect();
    let is_foreign = |id: &str| !stage.state().is_ours(id);
    let before = |id: &str| history.before.offerings.iter().find(|offering| offering.id == id);
    for page in &pages {
        for offering in page.offerings.iter().filter(|offering| is_foreign(&offering.id)) {
            match before(&offering.id) {
                None if page.whole && history.before.whole => return Some(format!("`{}` appeared", offering.id)),
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
    let last = pages.last().filter(|page| page.whole)?;
    let gone = |id: &str| !last.offerings.iter().any(|offering| offering.id == id);
    let mut known = history.before.offerings.iter().filter(|offering| is_foreign(&offering.id));
    known.find(|offering| gone(&offering.id)).map(|offering| format!("`{}` is gone", offering.id))
}

impl Race {
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
    async fn makes_first_main(&mut self, rule: &'static str) -> Result<bool, Halt> {
        let alone = Program {
            made: vec![None],
            clients: vec![vec![Step::Create { slot: 0, list: 0, key: None }]],
            after: Vec::new(),
        };
        let history = self.play(&alone).await?;
        let is_main = history.acts.iter().filter_map(Act::offering).any(|offering| offering.is_main());
        if !is_main {
            self.stage().leave_out(rule, "in a project that was emptied again the first offering is not main");
        }
        Ok(is_main)
    }
}
