//! `qonform init`: a file with every key, commented out, each with its help.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use super::super::files::unwritable;
use super::super::{CliError, out};
use super::InitArguments;
use super::key::{FROM_VARIABLE, FlagKey, FlagKind, keys};

/// The beginning of the file.
const HEAD: &str = "\
# qonform.toml: the values of the flags of `qonform run`, by their names.
# A flag overrides its variable, the variable the profile, and the profile the rest of this file.
# `qonform config` shows the values in force and their sources.
";

/// The end of the file.
const PROFILES: &str = "
# Profiles: with `qonform run --profile staging`, these override the values above.

# [profile.staging]
# target = \"https://staging.example/v4\"
# token-env = \"STAGING_QONVERSION_KEY\"
# rate = \"20/s\"
";

/// Writes the file.
pub(crate) fn init(arguments: &InitArguments) -> Result<u8, CliError> {
    let path = &arguments.file;
    let mut options = OpenOptions::new();
    options.write(true);
    if arguments.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            CliError::usage(format!("write {}: it exists; give --force to overwrite it", path.display()))
        }
        _ => CliError::usage(format!("write {}: {}", path.display(), unwritable(&error))),
    })?;
    file.write_all(template().as_bytes())
        .map_err(|error| CliError::world(format!("write {}: {error}", path.display())))?;
    out::out(&out::plain(&format!("wrote {} with every key, commented out\n", path.display())))?;
    Ok(0)
}

fn template() -> String {
    let mut text = HEAD.to_owned();
    let mut heading = None;
    for key in keys() {
        let own = key.heading().to_owned();
        if heading.as_ref() != Some(&own) {
            text.push_str(&format!("\n# --- {own} ---\n"));
            heading = Some(own);
        }
        let help = key.arg.get_help().map(ToString::to_string).unwrap_or_default();
        text.push('\n');
        for line in help.lines() {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("# {}\n", example(&key)));
    }
    text + PROFILES
}

/// An example line of a key: its default, or a valid value.
fn example(key: &FlagKey) -> String {
    let name = &key.name;
    if key.has_variable_key() {
        let variable = key.arg.get_env().unwrap_or_default().to_string_lossy().into_owned();
        return format!("{name}{FROM_VARIABLE} = \"{variable}\"");
    }
    match key.kind {
        FlagKind::Switch => format!("{name} = true"),
        FlagKind::Count => format!("{name} = 1"),
        FlagKind::One => {
            let default = key.arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
            let value = default.unwrap_or_else(|| one(name).to_owned());
            let is_number = value.parse::<u64>().is_ok();
            if is_number { format!("{name} = {value}") } else { format!("{name} = \"{value}\"") }
        }
        FlagKind::Many => format!("{name} = [{}]", many(name)),
    }
}

/// An example for a key that has no default.
fn one(key: &str) -> &'static str {
    match key {
        "target" => "https://staging.example/v4",
        "product-ids-file" => "products.txt",
        "variant-id" => "variant",
        "second-product-id" => "theirs",
        "journal" => "run.journal",
        "spec" => "spec/offerings.openapi.yaml",
        "cases" => "200",
        "race-tries" => "10",
        "seed" => "42",
        "jobs" => "2",
        "rate" => "20/s",
        "max-time" => "10m",
        "cacert" => "ca.pem",
        "waivers" => "waivers.toml",
        "baseline" => "baseline.json",
        _ => "file",
    }
}

fn many(key: &str) -> &'static str {
    match key {
        "product-id" => "\"monthly\", \"annual\"",
        "header" => "\"x-request-source: qonform\"",
        "label" => "\"team=payments\"",
        "layer" => "\"scenario\", \"input\"",
        "report" => "\"html=report.html\", \"junit=junit.xml\"",
        "warn" => "\"response.headers-sane\"",
        _ => "\"list.*\"",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::input_file::InputFile;
    use super::super::file;
    use super::*;

    #[test]
    fn init_writes_every_key_and_each_can_be_uncommented() {
        let text = template();
        let nothing = file::read(&InputFile::of("q.toml", &text), None, &keys()).unwrap();
        assert!(nothing.general.is_empty());
        let uncommented: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| {
                line.starts_with("[profile") || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let file = file::read(&InputFile::of("q.toml", &uncommented), Some("staging"), &keys())
            .unwrap_or_else(|failure| panic!("{failure}\n{uncommented}"));
        let found: Vec<&str> = file.general.iter().map(|entry| entry.key.as_str()).collect();
        for key in keys() {
            assert!(found.contains(&key.name.as_str()), "{} is missing", key.name);
        }
        assert_eq!(file.chosen.len(), 3);
    }
}
