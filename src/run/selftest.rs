//! Tests this program: runs it against every fault, which it must catch, and every behaviour, which it must accept.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::case::Layer;
use super::error::RunError;
use super::expectations::Expectations;
use super::settings::{Confirm, Settings, StopPolicy, TargetSettings};
use crate::contract::Contract;
use crate::finding::Outcome;
use crate::reference::{Behaviour, Clock, Fault, Options};

/// Settings of a self-test.
#[derive(Clone, Debug)]
pub struct SelftestSettings {
    /// Seed of every run and of the combinations.
    pub seed: u64,
    /// Number of servers that are tested concurrently.
    pub jobs: NonZeroUsize,
    /// Layers to run, against the faults that they are expected to catch. `None` runs against each fault the layer that
    /// is expected to catch it, and scenarios against correct servers.
    pub layers: Option<BTreeSet<Layer>>,
    /// Number of random combinations of behaviours.
    pub combinations: u64,
    /// Only faults and behaviours with these names, for all layers; empty for all.
    pub only: Vec<String>,
}

/// The server of a trial.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Subject {
    /// It has one fault.
    Fault {
        /// Its name.
        name: String,
        /// The layer that is expected to catch it.
        layer: Layer,
        /// The rule that must catch it.
        main: String,
        /// The only rules that it may violate, including its main rule.
        expected: BTreeSet<String>,
    },
    /// It is correct, with other choices at the open points of the contract.
    Behaviours {
        /// Their names.
        names: Vec<String>,
        /// The should rules that they violate.
        warns: BTreeSet<String>,
    },
}

/// How a trial ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelftestVerdict {
    /// Findings of the main rule and expected rules only.
    Caught,
    /// Findings of the main rule and of unexpected rules.
    Overcaught,
    /// Findings, but none of the main rule.
    Mistaken,
    /// No findings, although a layer ran that is expected to catch the fault.
    Missed,
    /// No findings, and the layer that is expected to catch the fault did not run.
    Uncaught,
    /// The correct server passed.
    Silent,
    /// The correct server has a violation, or other warnings than expected.
    Accused,
}

impl SelftestVerdict {
    /// Whether the result is as expected.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Caught | Self::Uncaught | Self::Silent)
    }
}

/// The test of one server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Trial {
    /// The server.
    pub subject: Subject,
    /// Rules with findings.
    pub tripped: BTreeSet<String>,
    /// Rules with violations.
    pub violated: BTreeSet<String>,
    /// Must rules without a verdict.
    pub undecided: BTreeSet<String>,
    /// The result.
    pub verdict: SelftestVerdict,
    /// Number of checks.
    pub checks: u64,
    /// Number of requests.
    pub requests: u64,
    /// Wall time in milliseconds.
    pub millis: u64,
}

/// All trials, in the order of the catalogues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Selftest {
    /// The seed.
    pub seed: u64,
    /// The trials.
    pub trials: Vec<Trial>,
    /// Wall time in milliseconds.
    pub millis: u64,
}

impl Selftest {
    /// Number of trials with this verdict.
    pub fn count(&self, verdict: SelftestVerdict) -> usize {
        self.trials.iter().filter(|trial| trial.verdict == verdict).count()
    }

    /// 0 when every trial is good, 1 when one is not, 3 without trials.
    pub fn exit_code(&self) -> u8 {
        if self.trials.is_empty() { 3 } else { u8::from(!self.trials.iter().all(|trial| trial.verdict.is_good())) }
    }
}

/// Tests every fault and every behaviour. `ended` receives each trial when it ends.
///
/// # Errors
/// [`RunError`] when a server or a run could not start.
pub async fn selftest(
    settings: &SelftestSettings,
    contract: Arc<Contract>,
    ended: &(dyn Fn(&Trial) + Sync),
) -> Result<Selftest, RunError> {
    let started = Instant::now();
    // The last first: some correct servers are slow on purpose and should not end the self-test alone.
    let mut waiting = subjects(settings).into_iter().enumerate().rev();
    let mut running = JoinSet::new();
    let mut trials = Vec::new();
    loop {
        while running.len() < settings.jobs.get() {
            let Some((index, (subject, options))) = waiting.next() else { break };
            let (contract, seed, layers) = (Arc::clone(&contract), settings.seed, settings.layers.clone());
            // Each trial has its own thread and runtime: its server and client do not wake other threads.
            running.spawn_blocking(move || {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                Ok((index, runtime.block_on(run_trial(subject, options, contract, seed, layers))?))
            });
        }
        let Some(joined) = running.join_next().await else { break };
        let joined: Result<_, RunError> = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let (index, trial) = joined?;
        ended(&trial);
        trials.push((index, trial));
    }
    trials.sort_by_key(|(index, _)| *index);
    Ok(Selftest {
        seed: settings.seed,
        trials: trials.into_iter().map(|(_, trial)| trial).collect(),
        millis: started.elapsed().as_millis() as u64,
    })
}

/// Every server to test.
fn subjects(settings: &SelftestSettings) -> Vec<(Subject, Options)> {
    let is_selected = |name: &str| settings.only.is_empty() || settings.only.iter().any(|only| only == name);
    let options = Options { clock: Clock::Logical, seed: settings.seed, ..Options::default() };
    let is_run = |layer: Layer| {
        let layers = settings.layers.as_ref().filter(|_| settings.only.is_empty());
        layers.is_none_or(|layers| layers.contains(&layer))
    };
    let expectations = Expectations::embedded();
    let faults = Fault::ALL.map(|fault| (expectations.fault(fault), fault)).into_iter();
    let faults = faults.filter(|(row, _)| is_selected(&row.name) && is_run(row.layer)).map(|(row, fault)| {
        let subject = Subject::Fault {
            name: row.name.clone(),
            layer: row.layer,
            main: row.main.clone(),
            expected: row.rules().map(str::to_owned).collect(),
        };
        (subject, Options { faults: vec![fault], ..options.clone() })
    });
    let behaviours = Behaviour::ALL.iter().filter(|one| is_selected(one.info().name)).map(|one| vec![*one]);
    let combinations = (0..settings.combinations)
        .filter(|_| settings.only.is_empty())
        .map(|number| Behaviour::combination(settings.seed.wrapping_mul(1_000).wrapping_add(number)));
    let behaviours = behaviours.chain(combinations).map(|behaviours| {
        let subject = Subject::Behaviours {
            names: behaviours.iter().map(|one| one.info().name.to_owned()).collect(),
            warns: behaviours.iter().flat_map(|one| expectations.warns(*one)).cloned().collect(),
        };
        (subject, Options { behaviours, ..options.clone() })
    });
    faults.chain(behaviours).collect()
}

fn layers_for(subject: &Subject) -> BTreeSet<Layer> {
    match subject {
        Subject::Fault { layer, .. } => [*layer].into(),
        Subject::Behaviours { .. } => [Layer::Scenario].into(),
    }
}

async fn run_trial(
    subject: Subject,
    options: Options,
    contract: Arc<Contract>,
    seed: u64,
    layers: Option<BTreeSet<Layer>>,
) -> Result<Trial, RunError> {
    let started = Instant::now();
    let layers = layers.unwrap_or_else(|| layers_for(&subject));
    let ran = layers.clone();
    let settings = Settings {
        target: TargetSettings::Embedded(options),
        seed,
        jobs: NonZeroUsize::MIN,
        confirmation: Confirm::Never,
        stop_policy: match &subject {
            // Other findings of such a fault depend on the seed, so only the main rule counts.
            Subject::Fault { layer, main, .. } if *layer != Layer::Scenario => StopPolicy::Until(main.clone()),
            _ => StopPolicy::Never,
        },
        layers: Some(layers),
        ..Settings::default()
    };
    let outcome = super::run(&settings, contract, &|_| {}, CancellationToken::new()).await?;
    let rules = |findings: &mut dyn Iterator<Item = &crate::finding::Finding>| -> BTreeSet<String> {
        findings.map(|finding| finding.rule.clone()).collect()
    };
    let tripped = rules(&mut outcome.findings.iter());
    let violated = rules(&mut outcome.violations());
    Ok(Trial {
        verdict: judge(&subject, &tripped, &violated, &outcome, &ran),
        subject,
        tripped,
        violated,
        undecided: outcome.undecided().map(|rule| rule.id.clone()).collect(),
        checks: outcome.summary.checks,
        requests: outcome.summary.requests,
        millis: started.elapsed().as_millis() as u64,
    })
}

fn is_concurrent(subject: &Subject) -> bool {
    let Subject::Behaviours { names, .. } = subject else { return false };
    Behaviour::CONCURRENT.iter().any(|one| names.iter().any(|name| name == one.info().name))
}

fn judge(
    subject: &Subject,
    tripped: &BTreeSet<String>,
    violated: &BTreeSet<String>,
    outcome: &Outcome,
    ran: &BTreeSet<Layer>,
) -> SelftestVerdict {
    // A finding of another rule may also violate the main rule.
    let is_tripped = |main: &String| outcome.findings.iter().any(|finding| finding.violates(main));
    match subject {
        Subject::Fault { main, expected, .. } if is_tripped(main) && tripped.is_subset(expected) => {
            SelftestVerdict::Caught
        }
        // Findings of other layers depend on their random requests.
        Subject::Fault { layer, expected, .. } if !ran.contains(layer) && !tripped.is_disjoint(expected) => {
            SelftestVerdict::Caught
        }
        Subject::Fault { layer, main, .. } if *layer != Layer::Scenario && is_tripped(main) => SelftestVerdict::Caught,
        Subject::Fault { main, .. } if is_tripped(main) => SelftestVerdict::Overcaught,
        Subject::Fault { .. } if !tripped.is_empty() => SelftestVerdict::Mistaken,
        Subject::Fault { layer, .. } if ran.contains(layer) => SelftestVerdict::Missed,
        Subject::Fault { .. } => SelftestVerdict::Uncaught,
        Subject::Behaviours { warns, .. } => {
            // One client cannot detect behaviours of concurrent requests, and other layers may not detect all warnings.
            let is_loose = is_concurrent(subject) || !ran.contains(&Layer::Scenario);
            let is_exact = if is_loose { tripped.is_subset(warns) } else { tripped == warns };
            let is_silent = violated.is_empty() && is_exact && outcome.exit_code() == 0;
            if is_silent { SelftestVerdict::Silent } else { SelftestVerdict::Accused }
        }
    }
}
