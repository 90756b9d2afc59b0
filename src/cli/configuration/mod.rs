//! `qonform.toml`: what every run of a project has in common, and profiles for its targets.
//!
//! A key is the long name of a flag of `qonform run`. Values become the defaults of the command line, so that a flag
//! wins over its variable, that over the profile, and that over the rest of the file. Start at [`in_force`].

mod file;
mod init;
mod key;
mod show;
mod sources;

use std::path::PathBuf;

use clap::Args;

pub(super) use init::init;
pub(super) use show::show;
pub(super) use sources::{Rank, Sources, in_force, without_empty_variables};

/// The file that is read when it exists and no other is named.
const DEFAULT_FILE: &str = "qonform.toml";

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct ConfigurationArguments {
    /// A file with the values of flags, by their names [default: ./qonform.toml where it exists].
    #[arg(long, env = "QONFORM_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The part `[profile.NAME]` of that file goes before the rest of it.
    #[arg(long, env = "QONFORM_PROFILE", value_name = "NAME")]
    pub(super) profile: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The file to write.
    #[arg(default_value = DEFAULT_FILE, value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Write over a file that exists.
    #[arg(long)]
    pub(super) force: bool,
}
