//! Values that no command uses: misspelt variables, and values for a target in a run without one.

use clap::Command;
use qonform::document::nearest;

use super::super::{CliError, out};
use super::sources::{FlagSource, Sources};

/// The prefix of the variables.
const PREFIX: &str = "QONFORM_";

/// Commands that read most of the variables. For the others a variable of a run is no mistake.
const READERS: [&str; 5] = ["run", "replay", "clean", "config", "serve"];

/// Flags that apply only to a server that `--target` names.
const OF_TARGETS: [&str; 14] = [
    "token",
    "second-token",
    "limited-token",
    "empty-token",
    "product-id",
    "product-ids-file",
    "second-product-id",
    "variant-id",
    "header",
    "shared",
    "allow-production",
    "journal",
    "cacert",
    "insecure",
];

/// Warns of each variable with our prefix that neither a flag nor the file reads.
pub(crate) fn warn_of_unknown_variables(command: &Command, name: Option<&str>, sources: &Sources) {
    if !name.is_some_and(|name| READERS.contains(&name)) {
        return;
    }
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let set: Vec<String> = set.filter_map(|(name, _)| name.into_string().ok()).collect();
    for warning in unknown(command, &set, &sources.variables) {
        out::err(&out::plain(&format!("qonform: WARNING: {warning}\n")));
    }
}

/// A warning for each of the variables that is set with our prefix and not read.
fn unknown(command: &Command, set: &[String], named: &[String]) -> Vec<String> {
    let arguments = command.get_subcommands().flat_map(Command::get_arguments);
    let read: Vec<String> = arguments.filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned())).collect();
    let mut unknown: Vec<&String> =
        set.iter().filter(|name| name.starts_with(PREFIX) && !read.contains(name) && !named.contains(name)).collect();
    unknown.sort();
    let warning = |name: &String| {
        // The common prefix makes every name near, so the first letter after it must be the same.
        let initial = |name: &str| name.chars().nth(PREFIX.len());
        let alike = read.iter().map(String::as_str).filter(|known| initial(known) == initial(name));
        match nearest(name, alike) {
            Some(near) => format!("the variable {name} is not used; is {near} meant?"),
            None => format!("the variable {name} is not used: no flag reads it"),
        }
    };
    unknown.into_iter().map(warning).collect()
}

/// Rejects flags for a target in a run that has none. Returns a note that names the variables and keys of the file that
/// the run does not use, if there are any.
///
/// # Errors
/// [`CliError`] for a flag.
pub(crate) fn reject_without_target(sources: &Sources) -> Result<Option<String>, CliError> {
    let mut unused = Vec::new();
    for key in OF_TARGETS {
        match sources.of(key) {
            FlagSource::Default => {}
            FlagSource::Flag => {
                return Err(CliError::usage(format!(
                    "use --{key} without a target: the embedded server does not need it; give the URL of your server by \
                     --target or QONFORM_TARGET"
                )));
            }
            FlagSource::Variable(name) => unused.push(name.clone()),
            FlagSource::File(place) | FlagSource::Profile(_, place) => unused.push(format!("{key} ({place})")),
        }
    }
    Ok((!unused.is_empty()).then(|| {
        out::plain(&format!(
            "qonform: this run tests the embedded server and does not use {}; to test your server, set QONFORM_TARGET or \
             --target\n",
            unused.join(", ")
        ))
    }))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::super::args::Arguments;
    use super::super::key;
    use super::*;

    #[test]
    fn a_misspelt_variable_has_the_nearest_name() {
        let set = ["QONFORM_TOKNE", "QONFORM_TOKEN", "QONFORM_PORT", "QONFORM_NONSENSE", "QONFORM_STAGING", "PATH"];
        let warnings = unknown(&Arguments::command(), &set.map(str::to_owned), &["QONFORM_STAGING".to_owned()]);
        assert_eq!(
            warnings,
            [
                "the variable QONFORM_NONSENSE is not used: no flag reads it",
                "the variable QONFORM_TOKNE is not used; is QONFORM_TOKEN meant?",
            ]
        );
    }

    #[test]
    fn every_flag_of_a_target_exists() {
        let keys = key::keys();
        for flag in OF_TARGETS {
            assert!(keys.iter().any(|key| key.name == flag), "{flag}");
        }
    }
}
