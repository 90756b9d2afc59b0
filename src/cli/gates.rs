//! What fails a run: known violations that are waived, and those of an earlier run.

use std::path::PathBuf;

use clap::Args;
use qonform::finding::{Finding, Outcome, Severity};
use qonform::report::{self, Detail, Style};

use super::{Failure, files};

#[derive(Debug, Args)]
#[command(next_help_heading = "Gates")]
pub(super) struct GateArguments {
    /// A file with violations that do not fail the run until a day, each with a reason and an owner.
    #[arg(long, env = "QONFORM_WAIVERS", value_name = "FILE")]
    pub(super) waivers: Option<PathBuf>,
    #[command(flatten)]
    pub(super) baseline: BaselineArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Gates")]
pub(super) struct BaselineArguments {
    /// The JSON report of an earlier run: only violations that it does not have fail this one.
    #[arg(long, env = "QONFORM_BASELINE", value_name = "OLD.json")]
    pub(super) baseline: Option<PathBuf>,
}

/// An earlier run that this one is measured by.
pub(super) struct Baseline(Outcome);

impl Baseline {
    /// Reads the report of the earlier run, if there is one: before anything is sent, and before a report can be written
    /// over it.
    pub(super) fn open(arguments: &BaselineArguments) -> Result<Option<Self>, Failure> {
        arguments.baseline.as_deref().map(|path| files::read(path).map(Self)).transpose()
    }

    /// What changed since then, as `qonform diff` tells it; quietly only what is new.
    pub(super) fn told(&self, outcome: &Outcome, style: &Style) -> String {
        let difference = report::diff(&self.0, outcome);
        let mut told = if style.detail == Detail::Quiet {
            format!("{}\n", difference.verdict())
        } else {
            difference.to_human(style)
        };
        if difference.new_violations() == 0 && outcome.violations().next().is_some() {
            told.push_str("no violation is new: the run does not fail for those that are known\n");
        }
        told
    }

    /// The outcome with violations that are known as warnings: for annotations, which are read without the exit code.
    pub(super) fn without_known(&self, outcome: &Outcome) -> Outcome {
        let mut outcome = outcome.clone();
        let is_known = |finding: &Finding| self.0.findings.iter().any(|old| old.fingerprint == finding.fingerprint);
        for finding in outcome.findings.iter_mut().filter(|finding| is_known(finding)) {
            finding.severity = Severity::Warning;
        }
        outcome
    }
}

/// The exit code: violations fail, with a baseline only those that are new since, and so does whatever else keeps a run
/// from being a success.
pub(super) fn exit_code(baseline: Option<&Baseline>, outcome: &Outcome) -> u8 {
    baseline.map_or_else(
        || outcome.exit_code(),
        |Baseline(old)| outcome.exit_code_given(report::diff(old, outcome).new_violations() > 0),
    )
}
