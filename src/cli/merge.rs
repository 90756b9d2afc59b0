//! `qonform merge`.

use std::path::PathBuf;

use clap::Args;
use qonform::run;

use super::args::OutputArguments;
use super::gates::{Baseline, BaselineArguments};
use super::run::{Outputs, conclude};
use super::{CliError, files};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    qonform run --seed 7 --shard 1/2 --report json=1.json      in one job\n  \
    qonform run --seed 7 --shard 2/2 --report json=2.json      in another\n  \
    qonform merge 1.json 2.json --report junit=junit.xml       after both")]
pub(super) struct MergeArguments {
    /// JSON reports of all shards of a run, in any order.
    #[arg(required = true, value_name = "SHARD.json")]
    pub(super) shards: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) baseline: BaselineArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
}

/// Merges the reports of all shards and reports the whole run.
pub(super) fn merge(arguments: &MergeArguments) -> Result<u8, CliError> {
    let baseline = Baseline::open(&arguments.baseline)?;
    let read = |path: &PathBuf| Ok((path.display().to_string(), files::read(path)?));
    let shards = arguments.shards.iter().map(read).collect::<Result<Vec<_>, CliError>>()?;
    let mut outcome = run::merge(&shards).map_err(CliError::usage)?;
    let outputs = Outputs::open(&arguments.output)?;
    if let Some(baseline) = &baseline {
        baseline.apply(&mut outcome);
    }
    conclude(&mut outcome, outputs, &arguments.output, baseline.as_ref())?;
    Ok(outcome.exit_code())
}
