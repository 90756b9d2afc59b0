//! `qonform selftest`.

mod whole;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qonform::contract::Contract;
use qonform::reference::{Behaviour, Fault};
use qonform::report::count;
use qonform::run::{Layer, Selftest, SelftestSettings, SelftestVerdict, Settings, Subject, Trial, selftest as drive};

use super::args::{SelftestArguments, StdoutFormat};
use super::{CliError, out};

/// Number of trials at the same time, per core.
const TRIALS_A_CORE: NonZeroUsize = NonZeroUsize::new(6).unwrap();

/// Tests every fault and behaviour and prints the results.
pub(super) async fn selftest(arguments: &SelftestArguments) -> Result<u8, CliError> {
    let mut only = Vec::new();
    for name in &arguments.names {
        let known = name.parse::<Fault>().is_ok() || name.parse::<Behaviour>().is_ok();
        if !known {
            return Err(match name.parse::<Fault>() {
                Err(error) => CliError::usage(error),
                Ok(_) => CliError::usage(name),
            });
        }
        only.push(name.clone());
    }
    if arguments.whole {
        return whole::whole(arguments, only).await;
    }
    let settings = SelftestSettings {
        seed: arguments.seed,
        // A trial mostly waits, especially for servers that are slow on purpose.
        jobs: arguments.jobs.unwrap_or(Settings::default().jobs.saturating_mul(TRIALS_A_CORE)),
        layers: Some(arguments.layers.iter().copied().collect::<BTreeSet<Layer>>()).filter(|some| !some.is_empty()),
        combinations: arguments.combinations,
        only,
    };
    let is_terminal = std::io::stderr().is_terminal();
    let done = AtomicUsize::new(0);
    let on_trial = |trial: &Trial| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if is_terminal {
            out::err(&format!("\r\x1b[K{done} trials · {}", name(&trial.subject)));
        }
    };
    let tested = drive(&settings, Arc::new(Contract::embedded()), &on_trial).await.map_err(CliError::world)?;
    if is_terminal {
        out::err("\r\x1b[K");
    }
    let text = match arguments.format {
        StdoutFormat::Human => human(&tested, !arguments.quiet),
        StdoutFormat::Json => serde_json::to_string_pretty(&tested).map_err(CliError::world)? + "\n",
    };
    out::out(&text)?;
    Ok(tested.exit_code())
}

fn name(subject: &Subject) -> String {
    match subject {
        Subject::Fault { name, .. } => name.clone(),
        Subject::Behaviours { names, .. } => names.join(" + "),
    }
}

fn word(verdict: SelftestVerdict) -> &'static str {
    match verdict {
        SelftestVerdict::Caught => "caught",
        SelftestVerdict::Overcaught => "overcaught",
        SelftestVerdict::Mistaken => "mistaken",
        SelftestVerdict::Missed => "missed",
        SelftestVerdict::Uncaught => "uncaught",
        SelftestVerdict::Silent => "silent",
        SelftestVerdict::Accused => "accused",
    }
}

/// The trials and the summary; without `all`, only the trials that failed or were not caught.
fn human(tested: &Selftest, all: bool) -> String {
    let mut text = String::new();
    for trial in &tested.trials {
        let is_good = matches!(trial.verdict, SelftestVerdict::Caught | SelftestVerdict::Silent);
        if all || !is_good {
            text.push_str(&line(trial));
        }
    }
    let (faults, correct): (Vec<_>, Vec<_>) =
        tested.trials.iter().partition(|trial| matches!(trial.subject, Subject::Fault { .. }));
    let requests: u64 = tested.trials.iter().map(|trial| trial.requests).sum();
    text.push_str(&format!(
        "{}: {} caught, {} overcaught, {} mistaken, {} missed, {} uncaught (only another layer catches them)\n\
         {}: {} silent, {} accused\n\
         {requests} requests · {:.1} s · seed {}\n",
        count(faults.len(), "fault"),
        tested.count(SelftestVerdict::Caught),
        tested.count(SelftestVerdict::Overcaught),
        tested.count(SelftestVerdict::Mistaken),
        tested.count(SelftestVerdict::Missed),
        tested.count(SelftestVerdict::Uncaught),
        count(correct.len(), "correct server"),
        tested.count(SelftestVerdict::Silent),
        tested.count(SelftestVerdict::Accused),
        tested.millis as f64 / 1_000.0,
        tested.seed,
    ));
    text
}

/// Name, expected rules, other violated rules, undecided rules, requests, time.
fn line(trial: &Trial) -> String {
    let expected = match &trial.subject {
        Subject::Fault { expected, .. } => expected,
        Subject::Behaviours { warns, .. } => warns,
    };
    let join = |rules: &BTreeSet<String>| rules.iter().cloned().collect::<Vec<_>>().join(" ");
    let missing: BTreeSet<String> = expected.difference(&trial.tripped).cloned().collect();
    let extra: BTreeSet<String> = trial.tripped.difference(expected).cloned().collect();
    let mut text = format!("{:<10} {:<44} {}", word(trial.verdict), name(&trial.subject), join(expected));
    if let Subject::Fault { layer, .. } = &trial.subject
        && *layer != Layer::Scenario
    {
        text.push_str(&format!(" ({layer})"));
    }
    if !missing.is_empty() && trial.verdict != SelftestVerdict::Uncaught {
        text.push_str(&format!(" · not violated: {}", join(&missing)));
    }
    if !extra.is_empty() {
        text.push_str(&format!(" · also: {}", join(&extra)));
    }
    if trial.verdict == SelftestVerdict::Accused && !trial.undecided.is_empty() {
        text.push_str(&format!(" · undecided: {}", join(&trial.undecided)));
    }
    text.push_str(&format!(" · {} requests {} ms\n", trial.requests, trial.millis));
    text
}
