//! The sources of a value, and which of them wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::super::input_file::InputFile;
use super::super::{CliError, out};
use super::DEFAULT_FILE;
use super::file::{self, Entry, Value};
use super::key::{self, FlagKey};

/// The source of the value of a flag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FlagSource {
    /// No source sets the flag.
    Default,
    /// The file, outside profiles: the place.
    File(String),
    /// The selected profile: its name and the place.
    Profile(String, String),
    /// A variable: its name.
    Variable(String),
    /// The command line.
    Flag,
}

/// The precedence of a source: later ones override earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Rank {
    /// No source sets the flag.
    #[default]
    Default,
    /// The file.
    File,
    /// Its profile.
    Profile,
    /// A variable.
    Variable,
    /// The command line.
    Flag,
}

/// The source of every value of a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    by_key: BTreeMap<String, FlagSource>,
    /// The file that was read.
    pub(super) file: Option<String>,
    /// The selected profile.
    pub(super) profile: Option<String>,
    /// The variables that the file names.
    pub(super) variables: Vec<String>,
}

impl Sources {
    /// The source of the value of a flag.
    pub(crate) fn of(&self, key: &str) -> &FlagSource {
        self.by_key.get(key).unwrap_or(&FlagSource::Default)
    }

    /// The precedence of the value of a flag.
    pub(crate) fn rank(&self, key: &str) -> Rank {
        match self.of(key) {
            FlagSource::Default => Rank::Default,
            FlagSource::File(_) => Rank::File,
            FlagSource::Profile(..) => Rank::Profile,
            FlagSource::Variable(_) => Rank::Variable,
            FlagSource::Flag => Rank::Flag,
        }
    }
}

/// The command without empty variables, which CI systems set for missing values. An empty target stays an error: a run
/// for a server must not silently test the embedded one.
pub(crate) fn without_empty_variables(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| {
            sub.mut_args(|arg| {
                let is_empty = arg.get_id() != "target"
                    && arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
                if is_empty { arg.env(None::<&str>) } else { arg }
            })
        })
    })
}

/// Parses `arguments` again with the values of the file as defaults, for commands that read a file.
///
/// # Errors
/// [`CliError`] for an unusable file.
pub(crate) fn in_force(
    command: Command,
    arguments: &[OsString],
    first: ArgMatches,
) -> Result<(ArgMatches, Sources), CliError> {
    let Some((name, matches)) = first.subcommand() else { return Ok((first, Sources::default())) };
    let reads_file =
        command.find_subcommand(name).is_some_and(|sub| sub.get_arguments().any(|arg| arg.get_id() == "config"));
    if !reads_file {
        return Ok((first, Sources::default()));
    }
    let name = name.to_owned();
    let (file, profile) = read(matches)?;
    let own = command.find_subcommand(&name).map(key::of).unwrap_or_default();
    let mut sources = Sources {
        by_key: given(&own, matches),
        file: file.as_ref().map(|file| file.name.clone()),
        profile,
        variables: file.iter().flat_map(|file| file.variables.iter().cloned()).collect(),
    };
    let mut command = command;
    for (entry, source) in file.iter().flat_map(|file| entries(file, sources.profile.as_deref())) {
        let Some(key) = own.iter().find(|key| key.name == entry.key) else { continue };
        if sources.by_key.contains_key(&key.name) || is_overridden(key, &sources) {
            continue;
        }
        // An unset variable of a profile does not fall back to the key of another project.
        sources.by_key.insert(key.name.clone(), source);
        let Some(values) = values(entry) else { continue };
        let id = key.arg.get_id().clone();
        command = command.mut_subcommand(&name, |sub| sub.mut_arg(id, |arg| arg.default_values(values)));
    }
    let matches = command.try_get_matches_from(arguments).map_err(|error| CliError::usage(error.to_string()))?;
    Ok((matches, sources))
}

/// The given file, or the default one if it exists.
fn read(matches: &ArgMatches) -> Result<(Option<file::File>, Option<String>), CliError> {
    let profile = matches.get_one::<String>("profile").cloned();
    let path = match matches.get_one::<PathBuf>("config") {
        Some(path) => path.clone(),
        None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
        None => {
            return match profile {
                None => Ok((None, None)),
                Some(name) => Err(CliError::usage(format!(
                    "find the profile `{name}`: no {DEFAULT_FILE} here; give --config, or write one by `qonform init`"
                ))),
            };
        }
    };
    let written = InputFile::read(&path, "configuration")?;
    let file = file::read(&written, profile.as_deref(), &key::keys())?;
    for place in &file.bare_secrets {
        out::err(&format!(
            "qonform: WARNING: {place}: a secret in a file may get into a repository; name the variable that holds it \
             instead (as in `token-env = \"NAME\"`)\n"
        ));
    }
    Ok((Some(file), profile))
}

/// The flags that the command line and the variables set.
fn given(keys: &[FlagKey], matches: &ArgMatches) -> BTreeMap<String, FlagSource> {
    let source = |key: &FlagKey| match matches.value_source(key.arg.get_id().as_str())? {
        ValueSource::CommandLine => Some(FlagSource::Flag),
        ValueSource::EnvVariable => {
            Some(FlagSource::Variable(key.arg.get_env().unwrap_or_default().to_string_lossy().into_owned()))
        }
        _ => None,
    };
    keys.iter().filter_map(|key| Some((key.name.clone(), source(key)?))).collect()
}

/// The entries of the file, the highest precedence first.
fn entries<'f>(file: &'f file::File, profile: Option<&str>) -> impl Iterator<Item = (&'f Entry, FlagSource)> {
    let name = profile.unwrap_or_default().to_owned();
    let chosen = file.chosen.iter().map(move |entry| (entry, FlagSource::Profile(name.clone(), entry.place.clone())));
    chosen.chain(file.general.iter().map(|entry| (entry, FlagSource::File(entry.place.clone()))))
}

/// `--verbose` on the command line overrides `quiet` in the file, and the reverse.
fn is_overridden(key: &FlagKey, sources: &Sources) -> bool {
    let other = match key.name.as_str() {
        "quiet" => "verbose",
        "verbose" => "quiet",
        _ => return false,
    };
    sources.by_key.contains_key(other)
}

/// The values of an entry; `None` if the variable that it names is not set.
fn values(entry: &Entry) -> Option<Vec<String>> {
    match &entry.value {
        Value::Texts(texts) => Some(texts.clone()),
        Value::Variable(name) => {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            if value.is_none() {
                out::err(&format!("qonform: {}: the variable {name} of the {} is not set\n", entry.place, entry.key));
            }
            Some(vec![value?])
        }
    }
}
