//! `qonform config`: the values in force, and their sources.

use clap::{Arg, ArgMatches};
use qonform::exchange::{Credentials, Secret};

use super::super::{CliError, out};
use super::key::{self, FlagKey, FlagKind};
use super::sources::{FlagSource, Sources};

/// Width of the column of keys and values.
const BEFORE_SOURCE: usize = 44;

/// Prints every key with its value and source, as a valid file. Of secrets only whether they are set.
pub(crate) fn show(command: &clap::Command, matches: &ArgMatches, sources: &Sources) -> Result<u8, CliError> {
    let text = text(command, matches, sources);
    out::out(&out::plain(&secrets(command, matches).redact(&text)))?;
    Ok(0)
}

fn text(command: &clap::Command, matches: &ArgMatches, sources: &Sources) -> String {
    let mut text = match (&sources.file, &sources.profile) {
        (None, _) => "# no file was read\n".to_owned(),
        (Some(file), None) => format!("# {file}, no profile\n"),
        (Some(file), Some(profile)) => format!("# {file}, profile {profile}\n"),
    };
    let mut heading = None;
    for key in key::of(command) {
        let own = key.heading().to_owned();
        if heading.as_ref() != Some(&own) {
            text.push_str(&format!("\n# {own}\n"));
            heading = Some(own);
        }
        let source = source_text(sources.of(&key.name));
        let line = line(&key, matches);
        text.push_str(&format!("{line:BEFORE_SOURCE$}  # {source}\n"));
    }
    text
}

/// `seed = 5`; a comment if there is no value, or a secret one.
fn line(key: &FlagKey, matches: &ArgMatches) -> String {
    let name = &key.name;
    let values = raw(&key.arg, matches);
    match key.kind {
        _ if key.secret && values.is_empty() => format!("# {name} is not set"),
        _ if key.secret => format!("# {name} is set; its value is hidden"),
        FlagKind::Switch => format!("{name} = {}", matches.get_flag(key.arg.get_id().as_str())),
        FlagKind::Count => format!("{name} = {}", matches.get_count(key.arg.get_id().as_str())),
        FlagKind::One => match values.first() {
            None => format!("# {name} is not set"),
            Some(value) if value.parse::<u64>().is_ok() => format!("{name} = {value}"),
            Some(value) => format!("{name} = {}", quoted(&without_password(value))),
        },
        FlagKind::Many if values.is_empty() => format!("# {name} is not set"),
        FlagKind::Many => {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{name} = [{}]", values.join(", "))
        }
    }
}

/// The secret values, which other values may contain.
fn secrets(command: &clap::Command, matches: &ArgMatches) -> Credentials {
    let mut all = Credentials::default();
    for key in key::of(command).iter().filter(|key| key.secret) {
        let variable = key.arg.get_env().map_or_else(|| key.name.clone().into(), |name| name.to_string_lossy());
        for value in raw(&key.arg, matches) {
            // Headers may be several, each `Name: value`.
            let header = value.split_once(':').filter(|_| key.kind == FlagKind::Many);
            all = all.with(&variable, Secret::new(header.map_or(&*value, |(_, secret)| secret)));
        }
    }
    all
}

fn raw(arg: &Arg, matches: &ArgMatches) -> Vec<String> {
    let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    values.map(|value| value.to_string_lossy().into_owned()).collect()
}

/// A URL without user name and password.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{path}"),
        None => value.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn source_text(source: &FlagSource) -> String {
    match source {
        FlagSource::Default => "default".into(),
        FlagSource::File(place) => format!("file {place}"),
        FlagSource::Profile(name, place) => format!("profile {name}, {place}"),
        FlagSource::Variable(name) => format!("variable {name}"),
        FlagSource::Flag => "flag".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        assert_eq!(without_password("https://a:b@h.example/v4"), "https://…@h.example/v4");
        assert_eq!(without_password("https://h.example/v4@1"), "https://h.example/v4@1");
        assert_eq!(without_password("sarif=x"), "sarif=x");
    }
}
