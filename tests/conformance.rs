//! Runs every scenario and written race, and generated cases in groups, as trials of `cargo test` and `cargo nextest`:
//! against the embedded server or, with `QONFORM_TARGET` and the other variables of `qonform run`, an external target.
//!
//! A trial passes when its case found no violation; it is ignored when a required fixture is missing.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use qonform::contract::{Contract, Endpoint};
use qonform::finding::{Ending, Outcome, Verdict};
use qonform::offerings::{race, scenario};
use qonform::reference;
use qonform::report::{self, Format, Style, Verbosity};
use qonform::run::{self, External, Selection, Settings, TargetSettings};
use tokio_util::sync::CancellationToken;

/// Number of trials of generated sequences.
const GROUPS: u64 = 5;

/// Number of sequences per trial.
const GROUP: u64 = 10;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // From the catalogue alone: `--list` starts nothing, and every process of nextest lists the same names.
    let written = scenario::all().map(|scenario| {
        let case = scenario.name();
        Trial::ignorable_test(case.clone(), move || judge(&run_case(&case)?, scenario.rule))
    });
    let races = race::written().into_iter().map(|race| {
        let case = race.case_name();
        Trial::ignorable_test(case.clone(), move || judge(&run_case(&case)?, race.rules[0]))
    });
    let inputs = Endpoint::ALL.map(|endpoint| format!("input::{endpoint}"));
    let histories = (0..GROUPS).map(|group| format!("sequence::{}-{}", group * GROUP, (group + 1) * GROUP - 1));
    let generated = inputs.into_iter().chain(histories).map(|case| {
        Trial::test(case.clone(), move || {
            let outcome = run_case(&case)?;
            is_clean(&outcome)?;
            is_tested(&outcome)
        })
    });
    libtest_mimic::run(&arguments, written.chain(generated).chain(races).collect()).exit_code()
}

/// State that all trials of this process share.
struct Shared {
    runtime: tokio::runtime::Runtime,
    contract: Arc<Contract>,
    target: TargetSettings,
    seed: u64,
    /// An external project runs one case at a time.
    turn: Mutex<()>,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let embedded = || TargetSettings::Embedded(reference::Options::default());
        Shared {
            runtime: tokio::runtime::Runtime::new().expect("a runtime can be started"),
            contract: Arc::new(Contract::embedded()),
            target: External::from_variables(variable).map_or_else(embedded, TargetSettings::External),
            seed: variable("QONFORM_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(1),
            turn: Mutex::new(()),
        }
    })
}

fn run_case(case: &str) -> Result<Outcome, Failed> {
    let shared = shared();
    let _turn = match shared.target {
        TargetSettings::Embedded(_) => None,
        TargetSettings::External(_) => Some(shared.turn.lock().unwrap_or_else(PoisonError::into_inner)),
    };
    let settings = Settings {
        target: shared.target.clone(),
        seed: shared.seed,
        selection: Selection { case: Some(case.to_owned()), ..Selection::default() },
        ..Settings::default()
    };
    let contract = Arc::clone(&shared.contract);
    let run = run::run(&settings, contract, &|_| {}, CancellationToken::new());
    shared.runtime.block_on(run).map_err(|error| Failed::from(format!("cannot {error}")))
}

/// No violation, and a restored target.
fn is_clean(outcome: &Outcome) -> Result<(), Failed> {
    if outcome.violations().next().is_some() {
        let style = Style { detail: Verbosity::Quiet, ..Style::default() };
        return Err(report::render(Format::Human, outcome, &style).into());
    }
    if let Ending::GaveUp(reason) = &outcome.ending {
        return Err(format!("the target could not be tested: {reason}").into());
    }
    if !outcome.left_behind.is_empty() {
        return Err(format!("left behind on the target: {}", outcome.left_behind.join(", ")).into());
    }
    if !outcome.changed_by_server.is_empty() {
        let changed: Vec<String> = outcome.changed_by_server.iter().map(ToString::to_string).collect();
        return Err(format!("changed by the server on the target: {}", changed.join("; ")).into());
    }
    Ok(())
}

/// Whether the generated cases ran completely.
fn is_tested(outcome: &Outcome) -> Result<(), Failed> {
    if outcome.tested_nothing() {
        return Err("nothing was tested".into());
    }
    match outcome.notes.iter().find(|note| note.contains("ended early")) {
        Some(note) => Err(note.as_str().into()),
        None => Ok(()),
    }
}

fn judge(outcome: &Outcome, rule: &str) -> Result<Completion, Failed> {
    is_clean(outcome)?;
    let own = outcome.rules.iter().find(|outcome| outcome.id == rule).ok_or("the catalogue has no such rule")?;
    match own.verdict {
        Verdict::Skipped => Ok(Completion::ignored_with(own.reason.clone().unwrap_or_default())),
        Verdict::Inconclusive => Err(format!("inconclusive: {}", own.reason.clone().unwrap_or_default()).into()),
        Verdict::Passed | Verdict::Observed | Verdict::Warned | Verdict::Violated => Ok(Completion::Completed),
    }
}
