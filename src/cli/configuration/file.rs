//! The configuration file: keys and profiles, each value with its place.

use qonform::document::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::CliError;
use super::super::input_file::{InputFile, hint};
use super::key::{FROM_VARIABLE, FlagKey, FlagKind};

/// The value of one flag in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// The flag's name.
    pub(super) key: String,
    pub(super) value: Value,
    /// `qonform.toml:3:1`.
    pub(super) place: String,
}

/// A value, or the variable that holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// As typed after the flag.
    Texts(Vec<String>),
    /// The variable that holds it.
    Variable(String),
}

/// A file with known keys and correct types.
#[derive(Debug)]
pub(super) struct File {
    /// Its name as given.
    pub(super) name: String,
    /// The entries outside profiles.
    pub(super) general: Vec<Entry>,
    /// The entries of the selected profile.
    pub(super) chosen: Vec<Entry>,
    /// Places of secrets in plain text.
    pub(super) bare_secrets: Vec<String>,
    /// Every variable that a key names, also those of other profiles.
    pub(super) variables: Vec<String>,
}

/// The table of profiles.
const PROFILES: &str = "profile";

/// Reads the file and checks every profile, also those not selected.
pub(super) fn read(written: &InputFile, profile: Option<&str>, keys: &[FlagKey]) -> Result<File, CliError> {
    let root = written.table()?;
    let mut file = File {
        name: written.name().to_owned(),
        general: Vec::new(),
        chosen: Vec::new(),
        bare_secrets: Vec::new(),
        variables: Vec::new(),
    };
    let mut profiles: Vec<String> = Vec::new();
    file.general = entries(written, root.get_ref(), keys, &mut file.bare_secrets)?;
    file.variables.extend(variables(&file.general));
    if let Some((_, table)) = root.get_ref().iter().find(|(name, _)| name.get_ref() == PROFILES) {
        let Some(tables) = table.get_ref().as_table() else {
            return Err(written.error_at(&table.span(), "profiles are tables: write `[profile.NAME]`"));
        };
        for (name, table) in tables {
            let Some(values) = table.get_ref().as_table() else {
                let what = format!("a profile is a table: write `[profile.{}]`", name.get_ref());
                return Err(written.error_at(&name.span(), what));
            };
            let entries = entries(written, values, keys, &mut file.bare_secrets)?;
            file.variables.extend(variables(&entries));
            if profile == Some(name.get_ref()) {
                file.chosen = entries;
            }
            profiles.push(name.get_ref().to_string());
        }
    }
    match profile {
        Some(name) if !profiles.iter().any(|known| known == name) => Err(unknown_profile(&file, name, &profiles)),
        _ => Ok(file),
    }
}

fn variables(entries: &[Entry]) -> impl Iterator<Item = String> {
    entries.iter().filter_map(|entry| match &entry.value {
        Value::Variable(name) => Some(name.clone()),
        Value::Texts(_) => None,
    })
}

fn unknown_profile(file: &File, name: &str, profiles: &[String]) -> CliError {
    let near = nearest(name, profiles.iter().map(String::as_str));
    let known = if profiles.is_empty() { "it has none".into() } else { format!("it has {}", profiles.join(", ")) };
    CliError::usage(format!("find the profile `{name}` in {}: {known}{}", file.name, hint(near)))
}

fn entries(
    written: &InputFile,
    table: &DeTable<'_>,
    keys: &[FlagKey],
    bare_secrets: &mut Vec<String>,
) -> Result<Vec<Entry>, CliError> {
    let mut found: Vec<Entry> = Vec::new();
    for (name, value) in table {
        let text = name.get_ref().as_ref();
        if text == PROFILES && value.get_ref().is_table() {
            continue;
        }
        let place = written.place(&name.span());
        let of_variable = text.strip_suffix(FROM_VARIABLE);
        let by_variable = keys.iter().find(|key| key.has_variable_key() && Some(key.name.as_str()) == of_variable);
        let entry = if let Some(key) = by_variable {
            Entry { key: key.name.clone(), value: Value::Variable(variable(written, text, value)?), place }
        } else if let Some(key) = keys.iter().find(|key| key.name == text) {
            if key.secret {
                bare_secrets.push(place.clone());
            }
            Entry { key: key.name.clone(), value: Value::Texts(texts(written, key, value)?), place }
        } else {
            return Err(unknown_key(written, name, keys));
        };
        if found.iter().any(|other| other.key == entry.key) {
            let what = format!("`{0}` and `{0}{FROM_VARIABLE}` set the same value; remove one", entry.key);
            return Err(written.error_at(&name.span(), what));
        }
        found.push(entry);
    }
    Ok(found)
}

fn unknown_key(written: &InputFile, name: &Spanned<std::borrow::Cow<'_, str>>, keys: &[FlagKey]) -> CliError {
    let text = name.get_ref().as_ref();
    let variables: Vec<String> =
        keys.iter().filter(|key| key.has_variable_key()).map(|key| format!("{}{FROM_VARIABLE}", key.name)).collect();
    let known = keys.iter().map(|key| key.name.as_str()).chain(variables.iter().map(String::as_str)).chain([PROFILES]);
    // Keys have dashes, like flags; underscores are a common mistake.
    let dashed = text.replace('_', "-");
    let near = nearest(&dashed, known);
    written.error_at(&name.span(), format!("there is no key `{text}`{}", hint(near)))
}

fn variable(written: &InputFile, key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, CliError> {
    let name = value.get_ref().as_str().filter(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with("test_sk_")
    });
    // The value may be the key itself.
    let wrong =
        || written.error_at(&value.span(), format!("`{key}` must be the name of a variable that holds the key"));
    name.map(str::to_owned).ok_or_else(wrong)
}

/// The values of a key, as typed after the flag.
fn texts(written: &InputFile, key: &FlagKey, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, CliError> {
    let wrong = |value: &Spanned<DeValue<'_>>| {
        let expected = match key.kind {
            FlagKind::Switch => "true or false",
            FlagKind::Count => "a number from 0 to 255",
            FlagKind::One => "a string or a whole number",
            FlagKind::Many => "a list of strings",
        };
        let found = value.get_ref().type_str();
        written.error_at(&value.span(), format!("`{}` must be {expected}, found {found}", key.name))
    };
    let texts = match (key.kind, value.get_ref()) {
        (FlagKind::Switch, DeValue::Boolean(on)) => return Ok(vec![on.to_string()]),
        (FlagKind::Count, DeValue::Integer(number)) => {
            let count: u8 = number.as_str().parse().map_err(|_| wrong(value))?;
            return Ok(vec![count.to_string()]);
        }
        (FlagKind::One, _) => vec![(text(value).ok_or_else(|| wrong(value))?, value.span())],
        (FlagKind::Many, DeValue::Array(items)) => items
            .iter()
            .map(|item| Ok((text(item).ok_or_else(|| wrong(item))?, item.span())))
            .collect::<Result<_, _>>()?,
        (FlagKind::Many, DeValue::String(_)) => vec![(text(value).ok_or_else(|| wrong(value))?, value.span())],
        _ => return Err(wrong(value)),
    };
    for (text, span) in &texts {
        if let Err(reason) = key.check(text) {
            let shown = if key.secret { String::new() } else { format!(" `{text}`") };
            return Err(written.error_at(span, format!("invalid value{shown} for `{}`: {reason}", key.name)));
        }
    }
    Ok(texts.into_iter().map(|(text, _)| text).collect())
}

fn text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::keys;
    use super::*;

    fn read_text(text: &str, profile: Option<&str>) -> Result<File, String> {
        read(&InputFile::of("q.toml", text), profile, &keys()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_profile_is_selected_and_all_are_checked() {
        let text = "seed = 5\n[profile.staging]\ntarget = \"https://s.example\"\n[profile.local]\nseed = 6\n";
        let file = read_text(text, Some("staging")).unwrap();
        assert_eq!(file.general.len(), 1);
        assert_eq!(file.chosen[0].key, "target");
        assert_eq!(file.chosen[0].place, "q.toml:3:1");
        let error = read_text(text, Some("stagin")).unwrap_err();
        assert_eq!(error, "find the profile `stagin` in q.toml: it has local, staging; is `staging` meant?");
        assert!(read_text("[profile.a]\nsed = 1\n", None).unwrap_err().starts_with("use q.toml:2:1: there is no key"));
    }

    #[test]
    fn an_unknown_key_has_its_place_and_the_nearest_one() {
        let error = |text: &str| read_text(text, None).unwrap_err();
        assert_eq!(
            error("\n tokne-env = \"X\"\n"),
            "use q.toml:2:2: there is no key `tokne-env`; is `token-env` meant?"
        );
        assert_eq!(error("product_ids = []"), "use q.toml:1:1: there is no key `product_ids`; is `product-id` meant?");
        assert_eq!(error("nonsense = 1"), "use q.toml:1:1: there is no key `nonsense`");
        assert_eq!(error("[run]\nseed = 1"), "use q.toml:1:2: there is no key `run`");
        assert_eq!(error("config = \"x\""), "use q.toml:1:1: there is no key `config`");
    }

    #[test]
    fn a_wrong_type_or_value_has_its_place() {
        let error = |text: &str| read_text(text, None).unwrap_err();
        assert_eq!(error("read-only = \"yes\""), "use q.toml:1:13: `read-only` must be true or false, found string");
        assert_eq!(
            error("only = [\"create.*\", 1.5]"),
            "use q.toml:1:21: `only` must be a list of strings, found float"
        );
        assert_eq!(
            error("seed = \"x\""),
            "use q.toml:1:8: invalid value `x` for `seed`: write a whole number from 0, as in `7`"
        );
        assert_eq!(
            error("timeout = \"5h\""),
            "use q.toml:1:11: invalid value `5h` for `timeout`: write a whole number and ms, s or m, as in `500ms`, `10s` \
             or `2m`"
        );
        assert_eq!(
            error("format = \"xml\""),
            "use q.toml:1:10: invalid value `xml` for `format`: known are human, json"
        );
        assert_eq!(
            error("only = [\"a,b\"]"),
            "use q.toml:1:9: invalid value `a,b` for `only`: ',' separates values: write them as a list"
        );
    }

    #[test]
    fn no_error_quotes_what_may_be_a_key() {
        for text in ["token = [\"test_sk_1\"]", "token-env = \"test_sk_1\"", "token-env = \"a b test_sk_1\""] {
            let error = read_text(text, None).unwrap_err();
            assert!(!error.contains("test_sk_1"), "{error}");
        }
        assert_eq!(read_text("token = \"test_sk_1\"", None).unwrap().bare_secrets, ["q.toml:1:1"]);
        let both = read_text("token = \"a\"\ntoken-env = \"A\"", None).unwrap_err();
        assert!(both.ends_with("`token` and `token-env` set the same value; remove one"), "{both}");
    }

    #[test]
    fn numbers_and_lists_are_read_as_typed() {
        let file = read_text("cases = 1_000\nproduct-id = \"a\"\nverbose = 2\nheader = [\"a: b\"]\n", None).unwrap();
        let texts = |key: &str| file.general.iter().find(|entry| entry.key == key).unwrap().value.clone();
        assert_eq!(texts("cases"), Value::Texts(vec!["1000".into()]));
        assert_eq!(texts("product-id"), Value::Texts(vec!["a".into()]));
        assert_eq!(texts("verbose"), Value::Texts(vec!["2".into()]));
    }
}
