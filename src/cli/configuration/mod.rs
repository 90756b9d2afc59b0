//! `qonform.toml`: values of flags for every run, and profiles for targets.
//!
//! A key is the long name of a flag of `qonform run`. Its values become the defaults of the command line: a flag
//! overrides its variable, the variable the profile, and the profile the rest of the file. Start at [`in_force`].

mod file;
mod init;
mod key;
mod show;
mod sources;
mod unused;

use std::path::PathBuf;

use clap::Args;

pub(super) use init::init;
pub(super) use show::show;
pub(super) use sources::{Rank, Sources, in_force, without_empty_variables};
pub(super) use unused::{reject_without_target, warn_of_unknown_variables};

/// The file that is read if it exists and no other is named.
const DEFAULT_FILE: &str = "qonform.toml";

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct ConfigurationArguments {
    /// File with the values of flags, by their names [default: ./qonform.toml, if it exists].
    #[arg(long, env = "QONFORM_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Use the values of `[profile.NAME]` in that file before the others [default: none].
    #[arg(long, env = "QONFORM_PROFILE", value_name = "NAME")]
    pub(super) profile: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  qonform init\n  qonform init staging.toml --force")]
pub(super) struct InitArguments {
    /// File to write.
    #[arg(default_value = DEFAULT_FILE, value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Overwrite a file that exists.
    #[arg(long)]
    pub(super) force: bool,
}
