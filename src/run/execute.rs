//! One case, played once.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use super::course::Course;
use super::settings::{Confirm, Scope, Settings};
use crate::exchange::KeyRole;
use crate::finding::{Confirmation, Record, Timeline};
use crate::lane::{Halt, Lane, Tenure};
use crate::offerings::input::{Coverage, Inputs};
use crate::offerings::race::{Effort, Race, Shown, Takes, Tries};
use crate::offerings::sequence::{self, Mains, Means, Watch};
use crate::offerings::{CaseReport, Naming, Stage};

/// A case after it was played, and played again where it found something.
#[derive(Debug, Default)]
pub struct CaseOutcome {
    /// What was found; failures that somebody else could have caused are not among them.
    pub record: Record,
    /// For each failure of the record, what is known of it besides.
    pub facts: Vec<Facts>,
    /// Why it ended early, if it did.
    pub halt: Option<Halt>,
    /// What generated requests tried.
    pub coverage: Coverage,
}

/// What is known of a failure besides what broke.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whether a second run of the case showed it again.
    pub confirmation: Confirmation,
    /// The part of the course that can have caused it, from 0; it showed at its end.
    pub span: RangeInclusive<usize>,
    /// What making it smaller came to; `None` when that was not tried, or in vain.
    pub shrunk: Option<Reduction>,
    /// What shows it, to be played again.
    pub course: Course,
    /// What the clients of a race did.
    pub timeline: Option<Timeline>,
    /// How many clients it takes to see it.
    pub takes: Takes,
}

impl Facts {
    /// What is known of a failure of a case that is played as a whole.
    pub(super) fn plain(confirmation: Confirmation) -> Self {
        Self { confirmation, span: 0..=0, shrunk: None, course: Course::Whole, timeline: None, takes: Takes::OneClient }
    }
}

/// Something that was made smaller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reduction {
    /// How many steps or inputs there were.
    pub from: usize,
    /// How many requests it took.
    pub requests: u64,
    /// What the request was that was made simpler; `None` for a history, and for a request that stayed as it was.
    pub was: Option<String>,
}

/// What playing a case once came to.
#[derive(Debug, Default)]
pub struct Attempt {
    /// What was found.
    pub report: CaseReport,
    /// For each failure, the part of the course that can have caused it; it showed at its end.
    pub spans: Vec<RangeInclusive<usize>>,
    /// What was played.
    pub course: Course,
    /// What generated requests tried.
    pub coverage: Coverage,
}

/// Plays a case once on a lane, for the `attempt`-th time, counted from 0.
pub async fn play_case(case: &Case, lane: Lane, settings: &Settings, attempt: u32) -> Attempt {
    let naming = settings.naming(&case.mark(), attempt);
    let lane = lane.for_case(&case.name());
    match case {
        Case::Scenario(scenario) => {
            let mut stage = match Stage::open(lane, naming).await {
                Ok(stage) => stage,
                Err(report) => return Attempt { report, ..Attempt::default() },
            };
            let flow = scenario.play(&mut stage).await;
            Attempt { report: stage.close(flow).await, ..Attempt::default() }
        }
        Case::Inputs(endpoint) => {
            let contract = lane.judge.contract();
            let inputs = Inputs::of(contract, *endpoint, &lane.fixtures, settings.seed, settings.inputs);
            play_course(Course::Inputs(Arc::new(inputs)), lane, naming, Watch::EveryStep).await
        }
        Case::Other(operation) => {
            let inputs = Inputs::of_other(operation, settings.seed, settings.inputs);
            play_course(Course::Inputs(Arc::new(inputs)), lane, naming, Watch::EveryStep).await
        }
        Case::Sequence(number) => {
            let mains = if settings.scope == Scope::Full { Mains::Change } else { Mains::Keep };
            let means = Means::of(&lane, mains);
            let steps = sequence::generate(settings.seed, *number, settings.steps, &means);
            play_course(Course::Steps(steps.into()), lane, naming, Watch::EveryStep).await
        }
        Case::Kept(kept) => play_course(kept.course.clone(), lane, naming, Watch::EveryStep).await,
        // A race has its own way of being tried; it is played by `play_race`.
        Case::Race(_) => Attempt::default(),
    }
}

/// How long a race is tried in a project of our own, which answers at once.
const NEAR: Duration = Duration::from_secs(10);

/// How long a race is tried in a project that others use: there are twenty of them, and the target may be far away.
const FAR: Duration = Duration::from_secs(5);

/// Plays a race, which `mark` tells from other cases: it is tried many times, made small and seen again by itself.
pub(super) async fn play_race(
    race: &Arc<Race>,
    mark: &str,
    lane: Lane,
    settings: &Settings,
) -> (CaseOutcome, BTreeSet<KeyRole>) {
    let naming = settings.naming(mark, 0);
    let lane = lane.for_case(&race.case_name());
    let (clients, limit) = match lane.tenure {
        Tenure::Disposable => (Tries::default().clients, NEAR),
        Tenure::Shared => (settings.jobs.get().clamp(2, Tries::default().clients), FAR),
    };
    let effort = if settings.confirmation == Confirm::Always { Effort::Explain } else { Effort::Detect };
    let tries = Tries { races: settings.race_tries, limit, clients, effort };
    let played = race.play(lane, naming, settings.seed, &tries).await;
    let facts = |shown: Shown| Facts {
        shrunk: shown.shrunk_from.map(|from| Reduction { from, requests: 0, was: None }),
        course: Course::Race(Arc::new(Race { program: shown.program, ..Race::clone(race) })),
        timeline: shown.timeline,
        takes: shown.takes,
        ..Facts::plain(shown.confirmation)
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
}

/// Plays steps or inputs once. `watch` says when the project is looked at beside the steps.
pub(super) async fn play_course(course: Course, lane: Lane, naming: Naming, watch: Watch) -> Attempt {
    match &course {
        Course::Whole | Course::Race(_) => Attempt::default(),
        Course::Steps(steps) => {
            let played = sequence::play_watching(lane, naming, steps, watch).await;
            // Of a history, anything before can have to do with it.
            let spans = played.at.into_iter().map(|at| 0..=at).collect();
            Attempt { report: played.report, spans, course, coverage: Coverage::default() }
        }
        Course::Inputs(inputs) => {
            let played = inputs.play_case(lane, naming).await;
            Attempt { report: played.report, spans: played.spans, coverage: played.coverage, course }
        }
    }
}
