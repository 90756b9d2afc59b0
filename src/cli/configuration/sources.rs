//! Which of the places that name a value wins, and which did.

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

/// Where the value of a flag came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FlagSource {
    /// Nobody said anything.
    Default,
    /// The file, outside of profiles: the place.
    File(String),
    /// The chosen profile: its name and the place.
    Profile(String, String),
    /// A variable: its name.
    Variable(String),
    /// The command line.
    Flag,
}

/// How much a source weighs against others: those that come later win.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Rank {
    /// Nobody said anything.
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

/// Where every value of a command came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    by_key: BTreeMap<String, FlagSource>,
    /// The file that was read.
    pub(super) file: Option<String>,
    /// The profile that was chosen.
    pub(super) profile: Option<String>,
}

impl Sources {
    /// Where the value of a flag came from.
    pub(crate) fn of(&self, key: &str) -> &FlagSource {
        self.by_key.get(key).unwrap_or(&FlagSource::Default)
    }

    /// How much the value of a flag weighs.
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

/// The command without the variables that are empty: CI systems set those that have no value. An empty target stays a
/// mistake: a run that was meant for a server must not quietly test the embedded one.
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

/// Reads `arguments` again with what the file says as defaults, where the command heeds a file.
///
/// # Errors
/// [`CliError`] for a file that cannot be used.
pub(crate) fn in_force(
    command: Command,
    arguments: &[OsString],
    first: ArgMatches,
) -> Result<(ArgMatches, Sources), CliError> {
    let Some((name, matches)) = first.subcommand() else { return Ok((first, Sources::default())) };
    let heeds =
        command.find_subcommand(name).is_some_and(|sub| sub.get_arguments().any(|arg| arg.get_id() == "config"));
    if !heeds {
        return Ok((first, Sources::default()));
    }
    let name = name.to_owned();
    let (file, profile) = read(matches)?;
    let own = command.find_subcommand(&name).map(key::of).unwrap_or_default();
    let mut sources =
        Sources { by_key: given(&own, matches), file: file.as_ref().map(|file| file.name.clone()), profile };
    let mut command = command;
    for (entry, source) in file.iter().flat_map(|file| entries(file, sources.profile.as_deref())) {
        let Some(key) = own.iter().find(|key| key.name == entry.key) else { continue };
        if sources.by_key.contains_key(&key.name) || is_outvoted(key, &sources) {
            continue;
        }
        // A profile that names a variable which is not set does not fall back on the key of another project.
        sources.by_key.insert(key.name.clone(), source);
        let Some(values) = values(entry) else { continue };
        let id = key.arg.get_id().clone();
        command = command.mut_subcommand(&name, |sub| sub.mut_arg(id, |arg| arg.default_values(values)));
    }
    let matches = command.try_get_matches_from(arguments).map_err(|error| CliError::usage(error.to_string()))?;
    Ok((matches, sources))
}

/// The file that is named, or the default one where it exists.
fn read(matches: &ArgMatches) -> Result<(Option<file::File>, Option<String>), CliError> {
    let profile = matches.get_one::<String>("profile").cloned();
    let path = match matches.get_one::<PathBuf>("config") {
        Some(path) => path.clone(),
        None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
        None => {
            return match profile {
                None => Ok((None, None)),
                Some(name) => Err(CliError::usage(format!(
                    "find the profile `{name}`: there is no {DEFAULT_FILE} here; give --config, or let `qonform init` write one"
                ))),
            };
        }
    };
    let written = InputFile::read(&path, "configuration")?;
    let file = file::read(&written, profile.as_deref(), &key::keys())?;
    for place in &file.bare_secrets {
        out::err(&format!(
            "qonform: WARNING: {place}: a secret in a file is soon in a repository; name the variable that holds it \
             instead (as in `token-env = \"NAME\"`)\n"
        ));
    }
    Ok((Some(file), profile))
}

/// What the command line and the variables say.
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

/// The entries of the file, those that win first.
fn entries<'f>(file: &'f file::File, profile: Option<&str>) -> impl Iterator<Item = (&'f Entry, FlagSource)> {
    let name = profile.unwrap_or_default().to_owned();
    let chosen = file.chosen.iter().map(move |entry| (entry, FlagSource::Profile(name.clone(), entry.place.clone())));
    chosen.chain(file.general.iter().map(|entry| (entry, FlagSource::File(entry.place.clone()))))
}

/// A flag for more on the command line overrides the file's silence, and the other way round.
fn is_outvoted(key: &FlagKey, sources: &Sources) -> bool {
    let other = match key.name.as_str() {
        "quiet" => "verbose",
        "verbose" => "quiet",
        _ => return false,
    };
    sources.by_key.contains_key(other)
}

/// The values of an entry; none where the variable that it names is not set.
fn values(entry: &Entry) -> Option<Vec<String>> {
    match &entry.value {
        Value::Texts(texts) => Some(texts.clone()),
        Value::Variable(name) => {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            if value.is_none() {
                out::err(&format!(
                    "qonform: {}: {name}, which should hold the {}, is not set\n",
                    entry.place, entry.key
                ));
            }
            Some(vec![value?])
        }
    }
}
