//! The whole self-test: tests every fault and every behaviour as a user would, as an external target with every layer,
//! in one project that contains other offerings and a main.
//!
//! [`Expectations`] contains the expected results. Start at [`whole`].

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::case::Layer;
use super::effort::Effort;
use super::error::RunError;
use super::expectations::Expectations;
use super::settings::{External, Isolation, Production, Settings, TargetSettings};
use super::trials::run_concurrently;
use crate::contract::Contract;
use crate::exchange::{KeyRole, Secret};
use crate::finding::{Outcome, Severity};
use crate::reference::{self, Behaviour, Clock, Fault, Fixture, Server};

pub use judge::{Problem, UndecidedRule};

mod judge;

/// Time limit for the run of a trial.
const MAX_TIME: Duration = Duration::from_mins(4);

/// Time after which a trial counts as hung. It exceeds [`MAX_TIME`] by the time for cleanup.
const HUNG: Duration = Duration::from_mins(5);

/// Settings of a whole self-test.
#[derive(Clone, Debug)]
pub struct WholeSettings {
    /// Seed of every run and of the combinations.
    pub seed: u64,
    /// Number of servers that are tested concurrently.
    pub jobs: NonZeroUsize,
    /// Number of random combinations of behaviours, besides each behaviour alone.
    pub combinations: u64,
    /// Only faults and behaviours with these names; empty for all.
    pub only: Vec<String>,
    /// Approximate number of faults to test, of all families, with half as many correct servers; `None` for all.
    pub sample: Option<NonZeroUsize>,
    /// The effort of every run; `None` for the most cases for the layer that must catch the fault, and few others.
    pub effort: Option<Effort>,
    /// Whether servers with faults are tested.
    pub faults: bool,
    /// Isolation of every project; `None` for shared where a behaviour simulates other clients, otherwise exclusive.
    pub isolation: Option<Isolation>,
}

/// The server of a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
enum WholeSubject {
    /// It has one fault.
    Fault(Fault),
    /// It is correct, with other choices at the open points of the contract.
    Behaviours(Vec<Behaviour>),
}

/// The test of one server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WholeTrial {
    /// Name of the fault or of the behaviours.
    pub name: String,
    /// The family of the fault, `behaviour` or `combination`.
    pub group: String,
    /// Deviations from the expected results; empty for a good trial.
    pub problems: Vec<Problem>,
    /// Every finding, in the order of the report.
    pub findings: Vec<FindingSummary>,
    /// The exit code; `None` if the run did not end.
    pub exit_code: Option<u8>,
    /// Number of checks.
    pub checks: u64,
    /// Number of requests.
    pub requests: u64,
    /// Wall time in milliseconds.
    pub millis: u64,
}

/// A finding, without its evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FindingSummary {
    /// Id of the rule.
    pub rule: String,
    /// Severity, which decides whether it fails the run.
    pub severity: Severity,
    /// Title of the finding.
    pub title: String,
    /// Condition and difference, as in its fingerprint.
    pub condition: String,
    /// Ids of the operations.
    pub operations: Vec<String>,
    /// The received value.
    pub received: String,
    /// Name of the case that found it.
    pub case: String,
}

/// All trials, in the order of the catalogues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Whole {
    /// The seed.
    pub seed: u64,
    /// The trials.
    pub trials: Vec<WholeTrial>,
    /// Wall time in milliseconds.
    pub millis: u64,
}

impl Whole {
    /// 0 when every trial is good, 1 when one is not, 3 without trials.
    pub fn exit_code(&self) -> u8 {
        if self.trials.is_empty() { 3 } else { u8::from(!self.trials.iter().all(|trial| trial.problems.is_empty())) }
    }
}

/// Tests every server from outside. `ended` receives each trial when it ends.
///
/// # Errors
/// [`RunError`] when a server or a run could not start.
pub async fn whole(
    settings: &WholeSettings,
    contract: Arc<Contract>,
    ended: &(dyn Fn(&WholeTrial) + Sync),
) -> Result<Whole, RunError> {
    let started = Instant::now();
    let subjects = subjects(settings);
    let facts = (settings.seed, settings.isolation, settings.effort);
    let run = {
        let contract = Arc::clone(&contract);
        move |subject| run_trial(subject, facts, Arc::clone(&contract))
    };
    let hung = |index: usize| subjects[index].trial(vec![Problem::Hung]);
    let report = |index, trial: Option<&WholeTrial>| trial.map_or_else(|| ended(&hung(index)), ended);
    let results = run_concurrently(subjects.clone(), settings.jobs, HUNG, run, report).await?;
    let trials = results.into_iter().enumerate().map(|(index, trial)| trial.unwrap_or_else(|| hung(index)));
    Ok(Whole { seed: settings.seed, trials: trials.collect(), millis: started.elapsed().as_millis() as u64 })
}

impl WholeSubject {
    fn name(&self) -> String {
        match self {
            Self::Fault(fault) => fault.info().name.to_owned(),
            Self::Behaviours(all) => all.iter().map(|one| one.info().name).collect::<Vec<_>>().join(" + "),
        }
    }

    fn group(&self) -> String {
        match self {
            Self::Fault(fault) => format!("{:?}", fault.info().family).to_lowercase(),
            Self::Behaviours(all) => if all.len() == 1 { "behaviour" } else { "combination" }.to_owned(),
        }
    }

    /// A trial without results except for problems.
    fn trial(&self, problems: Vec<Problem>) -> WholeTrial {
        WholeTrial {
            name: self.name(),
            group: self.group(),
            problems,
            findings: Vec::new(),
            exit_code: None,
            checks: 0,
            requests: 0,
            millis: 0,
        }
    }

    /// Whether a run from outside cannot detect it.
    fn is_unseen(&self) -> bool {
        matches!(self, Self::Fault(fault) if Expectations::embedded().fault(*fault).unseen.is_some())
    }

    fn isolation(&self) -> Isolation {
        let has_others = |all: &Vec<Behaviour>| all.iter().any(|one| Behaviour::OTHER_CLIENTS.contains(one));
        match self {
            Self::Behaviours(all) if has_others(all) => Isolation::Shared,
            Self::Fault(_) | Self::Behaviours(_) => Isolation::Exclusive,
        }
    }

    fn options(&self, seed: u64) -> reference::Options {
        let options = reference::Options { seed, ..reference::Options::default() };
        match self {
            // Faults of timestamps show only if time passes between requests.
            Self::Fault(fault) => reference::Options { faults: vec![*fault], clock: Clock::Logical, ..options },
            Self::Behaviours(all) => reference::Options { behaviours: all.clone(), clock: Clock::System, ..options },
        }
    }
}

/// Every server to test.
fn subjects(settings: &WholeSettings) -> Vec<WholeSubject> {
    let is_selected = |name: &str| settings.only.is_empty() || settings.only.iter().any(|only| only == name);
    let faults = Fault::ALL.into_iter().filter(|fault| settings.faults && is_selected(fault.info().name));
    let faults: Vec<Fault> = faults.collect();
    let behaviours: Vec<Behaviour> = Behaviour::ALL.into_iter().filter(|one| is_selected(one.info().name)).collect();
    let combinations = if settings.only.is_empty() { settings.combinations } else { 0 };
    let combinations: Vec<_> = (0..combinations)
        .map(|number| Behaviour::combination(settings.seed.wrapping_mul(1_000).wrapping_add(number)))
        .collect();
    let correct: Vec<Vec<Behaviour>> = behaviours.into_iter().map(|one| vec![one]).chain(combinations).collect();
    let (faults, correct) = match settings.sample {
        Some(size) => (sample_of_families(&faults, size.get()), spread(&correct, size.get().div_ceil(2))),
        None => (faults, correct),
    };
    faults.into_iter().map(WholeSubject::Fault).chain(correct.into_iter().map(WholeSubject::Behaviours)).collect()
}

/// At least `size` faults, if there are as many: of each family a share in proportion to its size, at least one.
fn sample_of_families(faults: &[Fault], size: usize) -> Vec<Fault> {
    let families = faults.chunk_by(|one, other| one.info().family == other.info().family);
    families.flat_map(|family| spread(family, (family.len() * size).div_ceil(faults.len()))).collect()
}

/// `size` items, evenly spread; all if there are fewer.
fn spread<T: Clone>(items: &[T], size: usize) -> Vec<T> {
    let size = size.min(items.len());
    (0..size).map(|number| items[(2 * number + 1) * items.len() / (2 * size)].clone()).collect()
}

async fn run_trial(
    subject: WholeSubject,
    (seed, isolation, effort): (u64, Option<Isolation>, Option<Effort>),
    contract: Arc<Contract>,
) -> Result<WholeTrial, RunError> {
    let started = Instant::now();
    let server = Server::start(subject.options(seed)).await?;
    let journal = journal();
    let external = external(&server.base_url(), &server.fixture("whole"));
    let settings = Settings {
        target: TargetSettings::External(External { isolation: isolation.unwrap_or(subject.isolation()), ..external }),
        seed,
        max_time: Some(MAX_TIME),
        journal: Some(journal.clone()),
        ..effort.map_or_else(|| amounts(&subject), Settings::with_effort)
    };
    let outcome = super::run(&settings, Arc::clone(&contract), &|_| {}, CancellationToken::new()).await;
    server.stop().await;
    // It is left if a fault prevents a deletion; the server has stopped, so nothing can be cleaned up.
    let _ = std::fs::remove_file(&journal);
    let outcome = match outcome {
        Err(RunError::Argument(reason)) => {
            let problem = (!subject.is_unseen()).then_some(Problem::Incomplete { reason });
            let millis = started.elapsed().as_millis() as u64;
            return Ok(WholeTrial { exit_code: Some(2), millis, ..subject.trial(problem.into_iter().collect()) });
        }
        outcome => outcome?,
    };
    Ok(WholeTrial {
        findings: findings(&outcome),
        exit_code: Some(outcome.exit_code()),
        checks: outcome.summary.checks,
        requests: outcome.summary.requests,
        millis: started.elapsed().as_millis() as u64,
        ..subject.trial(judge::problems(&subject, &outcome, Expectations::embedded(), contract.rules()))
    })
}

/// Settings for every layer, with the most cases for the layer that must catch the fault.
fn amounts(subject: &WholeSubject) -> Settings {
    let layer = match subject {
        WholeSubject::Fault(fault) => Expectations::embedded().fault(*fault).layer,
        WholeSubject::Behaviours(_) => Layer::Scenario,
    };
    let defaults = Settings::default();
    Settings {
        inputs: if layer == Layer::Input { 20 } else { 5 },
        histories: if layer == Layer::Sequence { defaults.histories } else { 4 },
        race_attempts: if layer == Layer::Race { defaults.race_attempts } else { 2 },
        ..defaults
    }
}

/// The server as an external target with every key and fixture.
fn external(url: &str, fixture: &Fixture) -> External {
    let keys = [
        (KeyRole::Main, &fixture.token),
        (KeyRole::Second, &fixture.second_token),
        (KeyRole::Limited, &fixture.limited_token),
        (KeyRole::Empty, &fixture.empty_token),
    ];
    External {
        url: url.to_owned(),
        keys: keys.into_iter().map(|(role, key)| (role, Secret::new(key))).collect::<BTreeMap<_, _>>(),
        products: fixture.product_ids.clone(),
        variant: Some(fixture.variant_id.clone()),
        second_product: fixture.second_product_ids.first().cloned(),
        headers: Vec::new(),
        production: Production::Denied,
        isolation: Isolation::Exclusive,
    }
}

/// A new journal for each trial.
fn journal() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("qonform-selftest-{}-{number}.journal", std::process::id()))
}

fn findings(outcome: &Outcome) -> Vec<FindingSummary> {
    let one = |finding: &crate::finding::Finding| FindingSummary {
        rule: finding.rule.clone(),
        severity: finding.severity,
        title: finding.title.clone(),
        condition: format!("{} {}", finding.condition, finding.difference),
        operations: finding.operations.clone(),
        received: finding.received.clone(),
        case: finding.case.clone(),
    };
    outcome.findings.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_sample_contains_every_family_and_is_evenly_spread() {
        let families = |faults: &[Fault]| -> BTreeSet<String> {
            faults.iter().map(|fault| WholeSubject::Fault(*fault).group()).collect()
        };
        let sample = sample_of_families(&Fault::ALL, 24);
        assert_eq!(families(&sample), families(&Fault::ALL));
        assert!((24..40).contains(&sample.len()), "{}", sample.len());
        assert_eq!(sample_of_families(&Fault::ALL, Fault::ALL.len()), Fault::ALL);
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3), [1, 5, 8]);
        assert_eq!(spread(&[0, 1], 5), [0, 1]);
    }
}
