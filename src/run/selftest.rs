//! Does the harness catch what it should, and is it silent where it should be? Every fault and every behaviour of the
//! embedded server is a trial.

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

/// What a self-test is about.
#[derive(Clone, Debug)]
pub struct SelftestSettings {
    /// Seed of every run, and of the combinations that are drawn.
    pub seed: u64,
    /// How many servers are tested side by side.
    pub jobs: NonZeroUsize,
    /// Which kinds of cases are played, against the faults that they are expected to catch; `None` for every fault, by the
    /// layer that is expected to catch it, and for scenarios where the server is right.
    pub layers: Option<BTreeSet<Layer>>,
    /// How many combinations of behaviours are drawn.
    pub combinations: u64,
    /// Only faults and behaviours with these names, whatever layer is expected to catch them; empty for all.
    pub only: Vec<String>,
}

/// What a server of a trial is like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Subject {
    /// It has one fault.
    Fault {
        /// Its name.
        name: String,
        /// The layer that is expected to catch it.
        layer: Layer,
        /// The rule that it is there for.
        main: String,
        /// The rules that it may trip, its main rule among them, and no other.
        expected: BTreeSet<String>,
    },
    /// It is right, and chose otherwise where the contract is open.
    Behaviours {
        /// Their names.
        names: Vec<String>,
        /// The should rules that they break.
        warns: BTreeSet<String>,
    },
}

/// How a trial ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelftestVerdict {
    /// The fault tripped its main rule, and none but those that may follow from it.
    Caught,
    /// The fault tripped its main rule, and rules that do not follow from it.
    Overcaught,
    /// The fault tripped some rule, but not its main rule.
    Mistaken,
    /// The fault tripped nothing, and a layer that ran should have caught it.
    Missed,
    /// The fault tripped nothing, and waits for a layer that did not run.
    Uncaught,
    /// The right server was not accused.
    Silent,
    /// The right server was accused, or warned of otherwise than it should be.
    Accused,
}

impl SelftestVerdict {
    /// Whether the harness did what it should.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Caught | Self::Uncaught | Self::Silent)
    }
}

/// One server and what the harness said of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Trial {
    /// What the server was like.
    pub subject: Subject,
    /// Rules that were violated or warned of.
    pub tripped: BTreeSet<String>,
    /// Rules that were violated.
    pub violated: BTreeSet<String>,
    /// How it ended.
    pub verdict: SelftestVerdict,
    /// Checks made: a trial that checked little proves little.
    pub checks: u64,
    /// Requests sent.
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
    /// How many trials ended so.
    pub fn count(&self, verdict: SelftestVerdict) -> usize {
        self.trials.iter().filter(|trial| trial.verdict == verdict).count()
    }

    /// 0 when everything that should be was caught and nothing right was accused, else 1; 3 when nothing was tried.
    pub fn exit_code(&self) -> u8 {
        if self.trials.is_empty() { 3 } else { u8::from(!self.trials.iter().all(|trial| trial.verdict.is_good())) }
    }
}

/// Runs the suite against every fault and every behaviour. `told` hears of each trial as it ends.
///
/// # Errors
/// [`RunError`] when a server could not be started.
pub async fn selftest(
    settings: &SelftestSettings,
    contract: Arc<Contract>,
    told: &(dyn Fn(&Trial) + Sync),
) -> Result<Selftest, RunError> {
    let started = Instant::now();
    // The last of the catalogues first: some right servers are slow on purpose, and nobody should wait for one at the end.
    let mut waiting = subjects(settings).into_iter().enumerate().rev();
    let mut running = JoinSet::new();
    let mut trials = Vec::new();
    loop {
        while running.len() < settings.jobs.get() {
            let Some((index, (subject, options))) = waiting.next() else { break };
            let (contract, seed, layers) = (Arc::clone(&contract), settings.seed, settings.layers.clone());
            // A thread and a runtime for each: server and harness of one trial talk without waking other threads.
            running.spawn_blocking(move || {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                Ok((index, runtime.block_on(try_one(subject, options, contract, seed, layers))?))
            });
        }
        let Some(ended) = running.join_next().await else { break };
        let ended: Result<_, RunError> = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let (index, trial) = ended?;
        told(&trial);
        trials.push((index, trial));
    }
    trials.sort_by_key(|(index, _)| *index);
    Ok(Selftest {
        seed: settings.seed,
        trials: trials.into_iter().map(|(_, trial)| trial).collect(),
        millis: started.elapsed().as_millis() as u64,
    })
}

/// Every server to try, with the name of what it is like.
fn subjects(settings: &SelftestSettings) -> Vec<(Subject, Options)> {
    let wanted = |name: &str| settings.only.is_empty() || settings.only.iter().any(|only| only == name);
    let options = Options { clock: Clock::Logical, seed: settings.seed, ..Options::default() };
    let is_played = |layer: Layer| {
        let layers = settings.layers.as_ref().filter(|_| settings.only.is_empty());
        layers.is_none_or(|layers| layers.contains(&layer))
    };
    let expectations = Expectations::embedded();
    let faults = Fault::ALL.map(|fault| (expectations.fault(fault), fault)).into_iter();
    let faults = faults.filter(|(row, _)| wanted(&row.name) && is_played(row.layer)).map(|(row, fault)| {
        let subject = Subject::Fault {
            name: row.name.clone(),
            layer: row.layer,
            main: row.main.clone(),
            expected: row.rules().map(str::to_owned).collect(),
        };
        (subject, Options { faults: vec![fault], ..options.clone() })
    });
    let behaviours = Behaviour::ALL.iter().filter(|one| wanted(one.info().name)).map(|one| vec![*one]);
    let drawn = (0..settings.combinations)
        .filter(|_| settings.only.is_empty())
        .map(|number| Behaviour::draw(settings.seed.wrapping_mul(1_000).wrapping_add(number)));
    let behaviours = behaviours.chain(drawn).map(|behaviours| {
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

async fn try_one(
    subject: Subject,
    options: Options,
    contract: Arc<Contract>,
    seed: u64,
    layers: Option<BTreeSet<Layer>>,
) -> Result<Trial, RunError> {
    let started = Instant::now();
    let layers = layers.unwrap_or_else(|| layers_for(&subject));
    let played = layers.clone();
    let settings = Settings {
        target: TargetSettings::Embedded(options),
        seed,
        jobs: NonZeroUsize::MIN,
        confirmation: Confirm::Never,
        patience: match &subject {
            // What follows from such a fault depends on the seed: its main rule is what counts.
            Subject::Fault { layer, main, .. } if *layer != Layer::Scenario => StopPolicy::Until(main.clone()),
            _ => StopPolicy::ToTheEnd,
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
        verdict: judge(&subject, &tripped, &violated, &outcome, &played),
        subject,
        tripped,
        violated,
        checks: outcome.summary.checks,
        requests: outcome.summary.requests,
        millis: started.elapsed().as_millis() as u64,
    })
}

fn is_of_crowds(subject: &Subject) -> bool {
    let Subject::Behaviours { names, .. } = subject else { return false };
    Behaviour::OF_CROWDS.iter().any(|one| names.iter().any(|name| name == one.info().name))
}

fn judge(
    subject: &Subject,
    tripped: &BTreeSet<String>,
    violated: &BTreeSet<String>,
    outcome: &Outcome,
    played: &BTreeSet<Layer>,
) -> SelftestVerdict {
    // A finding may name the main rule beside another that shows more.
    let is_tripped = |main: &String| outcome.findings.iter().any(|finding| finding.violates(main));
    match subject {
        Subject::Fault { main, expected, .. } if is_tripped(main) && tripped.is_subset(expected) => {
            SelftestVerdict::Caught
        }
        // What another layer than its own trips besides depends on what it happens to send.
        Subject::Fault { layer, expected, .. } if !played.contains(layer) && !tripped.is_disjoint(expected) => {
            SelftestVerdict::Caught
        }
        Subject::Fault { layer, main, .. } if *layer != Layer::Scenario && is_tripped(main) => SelftestVerdict::Caught,
        Subject::Fault { main, .. } if is_tripped(main) => SelftestVerdict::Overcaught,
        Subject::Fault { .. } if !tripped.is_empty() => SelftestVerdict::Mistaken,
        Subject::Fault { layer, .. } if played.contains(layer) => SelftestVerdict::Missed,
        Subject::Fault { .. } => SelftestVerdict::Uncaught,
        Subject::Behaviours { warns, .. } => {
            // A run that was not whole proves nothing.
            // What only several clients at once can see is not seen by one, and what the scenarios try by them alone.
            let is_loose = is_of_crowds(subject) || !played.contains(&Layer::Scenario);
            let is_exact = if is_loose { tripped.is_subset(warns) } else { tripped == warns };
            let is_silent = violated.is_empty() && is_exact && outcome.exit_code() == 0;
            if is_silent { SelftestVerdict::Silent } else { SelftestVerdict::Accused }
        }
    }
}
