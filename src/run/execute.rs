//! One case, played once.

use std::collections::BTreeSet;

use super::case::Case;
use super::settings::{Confirm, Scope, Settings};
use crate::contract::Endpoint;
use crate::exchange::KeyRole;
use crate::finding::{self, Confirmation, Record};
use crate::lane::{Halt, Lane, Tenure};
use crate::offerings::input::{Coverage, Inputs};
use crate::offerings::race::{Effort, Race, Shown, Timeline, Tries};
use crate::offerings::sequence::{self, Mains, Means, Step};
use crate::offerings::{self, CaseReport, Naming, Stage};

/// A case after it was played, and played again where it found something.
#[derive(Debug, Default)]
pub struct CaseOutcome {
    /// What was found; breaches that somebody else could have caused are not among them.
    pub record: Record,
    /// For each breach of the record, what is known of it besides.
    pub facts: Vec<Facts>,
    /// Why it ended early, if it did.
    pub halt: Option<Halt>,
    /// What generated requests tried.
    pub coverage: Coverage,
}

/// What is known of a breach besides what broke.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whether a second run of the case showed it again.
    pub confirmation: Confirmation,
    /// The step of a history at which it showed, from 0.
    pub at: usize,
    /// Of a history that was made smaller: how many steps it had, and how many requests that took.
    pub shrunk: Option<(usize, u64)>,
    /// The steps that show it, to be played again.
    pub steps: Vec<Step>,
    /// What the clients of a race did.
    pub timeline: Option<Timeline>,
}

/// What playing a case once came to.
#[derive(Debug, Default)]
pub struct Attempt {
    /// What was found.
    pub report: CaseReport,
    /// For each breach, the step of a history at which it showed.
    pub at: Vec<usize>,
    /// The steps of a history.
    pub steps: Vec<Step>,
    /// What generated requests tried.
    pub coverage: Coverage,
}

/// Plays a case once on a lane, for the `attempt`-th time, counted from 0.
pub async fn play_case(case: &Case, lane: Lane, settings: &Settings, attempt: u32) -> Attempt {
    let naming = Naming::new(settings.seed, &case.mark(), attempt);
    match case {
        Case::Scenario(scenario) => {
            let mut stage = match Stage::open(lane, naming).await {
                Ok(stage) => stage,
                Err(report) => return Attempt { report, ..Attempt::default() },
            };
            let flow = scenario.play(&mut stage).await;
            Attempt { report: stage.close(flow).await, ..Attempt::default() }
        }
        Case::Inputs(endpoint) => play_inputs(*endpoint, lane, naming, settings).await,
        Case::Sequence(number) => {
            let mains = if settings.scope == Scope::Full { Mains::Change } else { Mains::Keep };
            let means = Means::of(&lane, mains);
            let steps = sequence::generate(settings.seed, *number, settings.steps, &means);
            play_steps(lane, naming, steps).await
        }
        Case::Steps(steps) => play_steps(lane, naming, steps.to_vec()).await,
        // A race has its own way of being tried; it is played by `play_race`.
        Case::Race(_) => Attempt::default(),
    }
}

async fn play_inputs(endpoint: Endpoint, lane: Lane, naming: Naming, settings: &Settings) -> Attempt {
    let contract = lane.judge.contract();
    let inputs = Inputs::of(contract, endpoint, &lane.fixtures, settings.seed, settings.inputs);
    let mut coverage = Coverage::of(&inputs);
    let mut stage = match Stage::open(lane, naming).await {
        Ok(stage) => stage,
        Err(report) => return Attempt { report, coverage, ..Attempt::default() },
    };
    let flow = inputs.play(&mut stage, &mut coverage).await;
    Attempt { report: stage.close(flow).await, coverage, ..Attempt::default() }
}

/// Plays a race: it is tried many times, made small and seen again by itself.
pub(super) async fn play_race(race: &Race, lane: Lane, settings: &Settings) -> (CaseOutcome, BTreeSet<KeyRole>) {
    let naming = Naming::new(settings.seed, &race.name, 0);
    let clients = match lane.tenure {
        Tenure::Disposable => Tries::default().clients,
        Tenure::Shared => settings.jobs.get().clamp(2, Tries::default().clients),
    };
    let effort = if settings.confirmation == Confirm::Always { Effort::Explain } else { Effort::Detect };
    let tries = Tries { races: settings.race_tries, clients, effort, ..Tries::default() };
    let played = race.play(lane, naming, settings.seed, &tries).await;
    let facts = |shown: Shown| Facts {
        confirmation: shown.confirmation,
        at: 0,
        shrunk: shown.shrunk_from.map(|from| (from, 0)),
        steps: Vec::new(),
        timeline: shown.timeline,
    };
    let outcome = CaseOutcome {
        record: played.case.record,
        facts: played.shown.into_iter().map(facts).collect(),
        halt: played.case.halt,
        coverage: Coverage::default(),
    };
    (outcome, played.case.wrote)
}

/// Columns of the picture of a race.
const TIMELINE_WIDTH: usize = 92;

impl Facts {
    /// The picture of a race in lines of text.
    pub(super) fn picture(&self) -> Option<String> {
        self.timeline.as_ref().map(|timeline| timeline.text(TIMELINE_WIDTH))
    }

    /// The same picture as a reader of the outcome draws it.
    pub(super) fn race(&self) -> Option<finding::Race> {
        let timeline = self.timeline.as_ref()?;
        let span = |span: &offerings::race::Span| finding::RaceSpan {
            lane: span.lane,
            mark: span.mark.clone(),
            request: span.request.clone(),
            answer: span.answer.clone(),
            start: span.start,
            end: span.end,
            here: span.here,
        };
        Some(finding::Race {
            lanes: timeline.lanes.clone(),
            moments: timeline.moments,
            spans: timeline.spans.iter().map(span).collect(),
        })
    }
}

/// Plays a history once.
pub(super) async fn play_steps(lane: Lane, naming: Naming, steps: Vec<Step>) -> Attempt {
    let played = sequence::play_case(lane, naming, &steps).await;
    Attempt { report: played.report, at: played.at, steps, ..Attempt::default() }
}
