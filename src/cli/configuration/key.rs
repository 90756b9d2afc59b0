//! The keys of the file: every flag of `qonform run`, by its long name.

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::super::args::Arguments;

/// The type of a key's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FlagKind {
    /// `true` or `false`.
    Switch,
    /// The number of times a flag is given.
    Count,
    /// One string or number.
    One,
    /// A list of strings.
    Many,
}

/// A flag that the file can set.
#[derive(Clone, Debug)]
pub(super) struct FlagKey {
    /// The name of the flag, without dashes.
    pub(super) name: String,
    pub(super) kind: FlagKind,
    /// Whether its value must never be shown.
    pub(super) secret: bool,
    pub(super) arg: Arg,
}

/// Flags that are not keys: they select the file, or show help.
const NO_KEYS: [&str; 4] = ["config", "profile", "help", "version"];

/// Flags whose values are secrets or may contain them.
const SECRETS: [&str; 5] = ["token", "second-token", "limited-token", "empty-token", "header"];

/// The suffix of a key whose value is the name of the variable with the secret.
pub(super) const FROM_VARIABLE: &str = "-env";

/// Every key, in the order of the help.
pub(super) fn keys() -> Vec<FlagKey> {
    let command = Arguments::command();
    let run = command.find_subcommand("run").expect("there is a command `run`");
    of(run)
}

/// Every key of a command, grouped by heading.
pub(super) fn of(command: &Command) -> Vec<FlagKey> {
    let keys: Vec<FlagKey> = command.get_arguments().filter_map(key).collect();
    let mut headings: Vec<&str> = Vec::new();
    for key in &keys {
        if !headings.contains(&key.heading()) {
            headings.push(key.heading());
        }
    }
    let under = |heading: &str| keys.iter().filter(move |key| key.heading() == heading).cloned().collect::<Vec<_>>();
    headings.iter().flat_map(|heading| under(heading)).collect()
}

fn key(arg: &Arg) -> Option<FlagKey> {
    let name = arg.get_long()?.to_owned();
    if NO_KEYS.contains(&name.as_str()) {
        return None;
    }
    let kind = match arg.get_action() {
        ArgAction::SetTrue => FlagKind::Switch,
        ArgAction::Count => FlagKind::Count,
        ArgAction::Append => FlagKind::Many,
        _ => FlagKind::One,
    };
    let secret = SECRETS.contains(&name.as_str());
    Some(FlagKey { name, kind, secret, arg: arg.clone() })
}

impl FlagKey {
    /// Its heading in the help.
    pub(super) fn heading(&self) -> &str {
        self.arg.get_help_heading().unwrap_or("Options")
    }

    /// Whether it has a second key for the name of a variable.
    pub(super) fn has_variable_key(&self) -> bool {
        self.secret && self.kind == FlagKind::One
    }

    /// Checks a value as the flag does.
    ///
    /// # Errors
    /// The reason why the flag rejects it.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        if let Some(delimiter) = self.arg.get_value_delimiter().filter(|delimiter| value.contains(*delimiter)) {
            return Err(format!("{delimiter:?} separates values: write them as a list"));
        }
        let known: Vec<String> =
            self.arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !known.is_empty() && !known.iter().any(|known| known == value) {
            return Err(format!("known are {}", known.join(", ")));
        }
        let alone = Command::new("value").no_binary_name(true).arg(self.arg.clone().env(None::<&str>));
        let Err(error) = alone.try_get_matches_from([format!("--{}={value}", self.name)]) else { return Ok(()) };
        let reason = std::error::Error::source(&error).map_or_else(|| error.kind().to_string(), ToString::to_string);
        Err(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_with_a_secret_is_a_secret_key() {
        let keys = keys();
        for secret in SECRETS {
            assert!(keys.iter().any(|key| key.name == secret && key.secret), "{secret}");
        }
        // A flag that hides its value in the help is a secret here too.
        for key in keys {
            assert_eq!(key.arg.is_hide_env_values_set(), key.secret, "{}", key.name);
        }
    }
}
