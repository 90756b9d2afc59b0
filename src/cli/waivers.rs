//! `--waivers`: a file of known violations, each with a reason, an owner and a last day.

use std::path::Path;

use chrono::NaiveDate;
use qonform::contract::{Contract, Endpoint};
use qonform::document::nearest;
use qonform::run::{NamePattern, Waiver, WaiverSubject, Waivers};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::CliError;
use super::input_file::{InputFile, hint};

/// The keys of a waiver.
const KEYS: [&str; 6] = ["rule", "operation", "fingerprint", "reason", "owner", "expires"];

/// Reads the waivers; `today` decides which have expired.
pub(super) fn read(path: &Path, contract: &Contract, today: NaiveDate) -> Result<Waivers, CliError> {
    parse(&InputFile::read(path, "waivers")?, contract, today)
}

fn parse(written: &InputFile, contract: &Contract, today: NaiveDate) -> Result<Waivers, CliError> {
    let root = written.table()?;
    let mut list = Vec::new();
    for (name, value) in root.get_ref() {
        let items = match value.get_ref() {
            DeValue::Array(items) if name.get_ref() == "waiver" => items,
            _ => return Err(written.error_at(&name.span(), "a file of waivers has only `[[waiver]]` tables")),
        };
        for item in items {
            let Some(table) = item.get_ref().as_table() else {
                return Err(written.error_at(&item.span(), "a waiver is a table: write `[[waiver]]`"));
            };
            list.push(WaiverEntry { written, table, at: item }.waiver(contract)?);
        }
    }
    Ok(Waivers { list, today })
}

/// One `[[waiver]]`.
struct WaiverEntry<'a, 'i> {
    written: &'a InputFile,
    table: &'a DeTable<'i>,
    at: &'a Spanned<DeValue<'i>>,
}

impl WaiverEntry<'_, '_> {
    fn waiver(&self, contract: &Contract) -> Result<Waiver, CliError> {
        for name in self.table.keys() {
            let key = name.get_ref().as_ref();
            if !KEYS.contains(&key) {
                let near = hint(nearest(key, KEYS));
                return Err(self.written.error_at(&name.span(), format!("a waiver has no `{key}`{near}")));
            }
        }
        Ok(Waiver {
            subject: self.subject(contract)?,
            reason: self.required("reason", "give the reason why the violation is accepted")?,
            owner: self.required("owner", "name who is responsible for the violation")?,
            expires: self.expires()?,
        })
    }

    fn subject(&self, contract: &Contract) -> Result<WaiverSubject, CliError> {
        match (self.text("rule")?, self.text("fingerprint")?) {
            (Some((rule, span)), None) => {
                let pattern = NamePattern::of(&rule, contract.rules()).map_err(|error| {
                    self.written.error_at(
                        &span,
                        error.to_string().replacen("find a rule", "no rule", 1).replacen("that matches", "matches", 1),
                    )
                })?;
                Ok(WaiverSubject::Rules { pattern, operation: self.operation(contract)? })
            }
            (None, Some((print, span))) => {
                if let Some((_, span)) = self.text("operation")? {
                    return Err(self
                        .written
                        .error_at(&span, "a fingerprint already selects the operations; leave out `operation`"));
                }
                let is_print =
                    print.len() == 8 && print.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
                let wrong = "a fingerprint has eight hexadecimal digits, as in the report";
                is_print.then_some(WaiverSubject::Finding(print)).ok_or_else(|| self.written.error_at(&span, wrong))
            }
            (None, None) => Err(self.missing("a waiver needs a `rule` (an id or a glob) or a `fingerprint`")),
            (Some(_), Some((_, span))) => {
                Err(self.written.error_at(&span, "a waiver has a `rule` or a `fingerprint`, not both; remove one"))
            }
        }
    }

    fn operation(&self, contract: &Contract) -> Result<Option<String>, CliError> {
        let Some((operation, span)) = self.text("operation")? else { return Ok(None) };
        let known: Vec<&str> = Endpoint::ALL.iter().map(|endpoint| contract.operation(*endpoint).id.as_str()).collect();
        if known.contains(&operation.as_str()) {
            return Ok(Some(operation));
        }
        let near = hint(nearest(&operation, known.iter().copied()));
        let what = format!("there is no operation `{operation}`: known are {}{near}", known.join(", "));
        Err(self.written.error_at(&span, what))
    }

    fn expires(&self) -> Result<NaiveDate, CliError> {
        let expected = "`expires` is the last day on which it is valid, as in `expires = 2026-12-31`";
        let Some(value) = self.value("expires") else {
            return Err(self.missing(format_args!("a waiver needs `expires`: {expected}")));
        };
        let text = match value.get_ref() {
            DeValue::Datetime(day) => day.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => String::new(),
        };
        text.parse().map_err(|_| self.written.error_at(&value.span(), expected))
    }

    /// A text that is not empty.
    fn required(&self, key: &str, advice: &str) -> Result<String, CliError> {
        match self.text(key)? {
            Some((text, _)) if !text.trim().is_empty() => Ok(text),
            Some((_, span)) => Err(self.written.error_at(&span, format!("`{key}` is empty: {advice}"))),
            None => Err(self.missing(format_args!("a waiver needs `{key}`: {advice}"))),
        }
    }

    fn text(&self, key: &str) -> Result<Option<(String, std::ops::Range<usize>)>, CliError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let text = value.get_ref().as_str();
        let wrong = || self.written.error_at(&value.span(), format!("`{key}` must be a string"));
        Ok(Some((text.ok_or_else(wrong)?.to_owned(), value.span())))
    }

    fn value(&self, key: &str) -> Option<&Spanned<DeValue<'_>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn missing(&self, what: impl std::fmt::Display) -> CliError {
        self.written.error_at(&self.at.span(), what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Waivers, String> {
        let today = "2026-06-15".parse().unwrap();
        parse(&InputFile::of("w.toml", text), &Contract::embedded(), today).map_err(|failure| failure.to_string())
    }

    const REST: &str = "reason = \"r\"\nowner = \"o\"\nexpires = 2026-12-31\n";

    #[test]
    fn a_waiver_has_a_rule_or_a_fingerprint() {
        let text = format!(
            "[[waiver]]\nrule = \"delete.*\"\noperation = \"v4GetOffering\"\n{REST}[[waiver]]\nfingerprint = \"afc0ac21\"\n{}",
            REST.replace("2026-12-31", "\"2026-12-31\"")
        );
        let waivers = read_text(&text).unwrap();
        assert_eq!(waivers.list.len(), 2);
        assert!(matches!(&waivers.list[0].subject, WaiverSubject::Rules { operation: Some(_), .. }));
        assert!(matches!(&waivers.list[1].subject, WaiverSubject::Finding(print) if print == "afc0ac21"));
        assert_eq!(waivers.list[0].expires, waivers.list[1].expires);
        assert!(read_text("").unwrap().list.is_empty());
    }

    #[test]
    fn a_missing_or_wrong_key_is_reported_with_its_place() {
        let error = |text: &str| read_text(text).unwrap_err();
        let with = |line: &str| format!("[[waiver]]\n{line}\n{REST}");
        let without = |key: &str| {
            let rest: String =
                REST.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
            format!("\n[[waiver]]\nrule = \"delete.*\"\n{rest}")
        };
        assert_eq!(
            error(&without("owner")),
            "use w.toml:2:1: a waiver needs `owner`: name who is responsible for the violation"
        );
        assert_eq!(
            error(&without("reason")),
            "use w.toml:2:1: a waiver needs `reason`: give the reason why the violation is accepted"
        );
        assert!(error(&without("expires")).starts_with("use w.toml:2:1: a waiver needs `expires`"));
        assert_eq!(
            error(&with("rule = \"delete.remove\"")),
            "use w.toml:2:8: no rule matches `delete.remove`; is `delete.removes` meant?"
        );
        assert_eq!(error(&with("rules = \"a\"")), "use w.toml:2:1: a waiver has no `rules`; is `rule` meant?");
        assert!(error(&with("rule = 1")).ends_with("w.toml:2:8: `rule` must be a string"));
        assert!(error(&with("fingerprint = \"xyz\"")).contains("eight hexadecimal digits"));
        assert!(
            error(&with("rule = \"delete.*\"\noperation = \"v4GetOfferings\"")).ends_with("is `v4GetOffering` meant?")
        );
        assert!(error(&with("rule = \"delete.*\"\nfingerprint = \"afc0ac21\"")).contains("remove one"));
        assert!(error(REST).contains("only `[[waiver]]` tables"));
        let soon = with("rule = \"delete.*\"").replace("2026-12-31", "\"soon\"");
        assert!(error(&soon).starts_with("use w.toml:5:11: `expires` is the last day"));
    }
}
