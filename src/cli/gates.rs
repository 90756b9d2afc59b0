//! What fails a run: waivers of known violations, and the baseline of an earlier run.

use std::path::PathBuf;

use clap::Args;
use qonform::finding::Outcome;
use qonform::report::{self, Style, Verbosity};

use super::{CliError, files};

#[derive(Debug, Args)]
#[command(next_help_heading = "Gates")]
pub(super) struct GateArguments {
    /// File of waivers: known violations that do not fail the run until a date, each with a reason and an owner
    /// [default: none].
    #[arg(long, env = "QONFORM_WAIVERS", value_name = "FILE")]
    pub(super) waivers: Option<PathBuf>,
    #[command(flatten)]
    pub(super) baseline: BaselineArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Gates")]
pub(super) struct BaselineArguments {
    /// JSON report of an earlier run: only violations that it does not have fail this one [default: none].
    #[arg(long, env = "QONFORM_BASELINE", value_name = "OLD.json")]
    pub(super) baseline: Option<PathBuf>,
}

/// An earlier run to compare this one with.
pub(super) struct Baseline(Outcome);

impl Baseline {
    /// Reads the report of the earlier run, if one is named: before any request, and before a report can overwrite it.
    pub(super) fn open(arguments: &BaselineArguments) -> Result<Option<Self>, CliError> {
        arguments.baseline.as_deref().map(|path| files::read(path).map(Self)).transpose()
    }

    /// Marks the violations of the earlier run as known in this one.
    pub(super) fn apply(&self, outcome: &mut Outcome) {
        outcome.measure_by(&self.0);
    }

    /// What changed since then, as `qonform diff` shows it; only the verdict if quiet.
    pub(super) fn comparison(&self, outcome: &Outcome, style: &Style) -> String {
        let difference = report::diff(&self.0, outcome);
        if style.detail == Verbosity::Quiet {
            format!("{}\n", difference.verdict())
        } else {
            difference.to_human(style)
        }
    }
}
