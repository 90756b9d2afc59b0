//! What fails a run, and what does not.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Gates")]
pub(super) struct GateArguments {
    /// A file with violations that do not fail the run until a day, each with a reason and an owner.
    #[arg(long, env = "QONFORM_WAIVERS", value_name = "FILE")]
    pub(super) waivers: Option<PathBuf>,
}
