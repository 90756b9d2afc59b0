//! The outcome as JSON, and back.

use thiserror::Error;

use super::visible::{cut, is_unsafe, safe_json, visible};
use crate::exchange::is_curl;
use crate::finding::{Outcome, REPORT_VERSION};

/// The outcome, pretty-printed.
pub(super) fn render(outcome: &Outcome) -> String {
    let text = serde_json::to_string_pretty(outcome)
        .expect("an outcome holds only strings, numbers, lists and records with string keys");
    safe_json(text) + "\n"
}

/// Why bytes are not a report that this version can read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Not JSON.
    #[error("read the report: it is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// Other JSON.
    #[error(
        "read the report: it has no `report_version`, so it was not written by `--format json` or `--report json=…`"
    )]
    NotAReport,
    /// A report of another version.
    #[error("read the report: it has version {found}, and this qonform reads version {REPORT_VERSION}: {}", hint(*.found))]
    WrongVersion {
        /// The version of the report.
        found: u64,
    },
    /// A report with a value that no run writes: someone changed it.
    #[error("read the report: it was changed: {0}")]
    Changed(String),
    /// A report of this version that is incomplete or invalid.
    #[error("read the report: it was changed or cut: {0}")]
    Broken(serde_json::Error),
}

fn hint(found: u64) -> &'static str {
    if found > u64::from(REPORT_VERSION) {
        "it was written by a newer qonform"
    } else {
        "it was written by an older qonform, with other fingerprints: run again for a new one"
    }
}

/// Reads a JSON report back.
pub fn parse(bytes: &[u8]) -> Result<Outcome, ReadError> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(ReadError::NotJson)?;
    let version = value.get("report_version").and_then(serde_json::Value::as_u64);
    match version {
        None => Err(ReadError::NotAReport),
        Some(found) if found != u64::from(REPORT_VERSION) => Err(ReadError::WrongVersion { found }),
        Some(_) if has_absurd_number(&value) => {
            Err(ReadError::Changed(format!("it has a number above {MAX_NUMBER}, which no run counts")))
        }
        // Parsed again from the bytes: then an error has line and column.
        Some(_) => serde_json::from_slice(bytes).map_err(ReadError::Broken),
    }
}

/// The largest number in a report but for its seed and its saved cases: sums of such numbers stay within 64 bits.
const MAX_NUMBER: u64 = 1 << 38;

fn has_absurd_number(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Number(number) => number.as_f64().is_none_or(|number| number > MAX_NUMBER as f64),
        Value::Array(items) => items.iter().any(has_absurd_number),
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| !matches!(name.as_str(), "seed" | "replay") && has_absurd_number(member)),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// The most findings of a report, and the most steps of a finding.
const MAX_LIST: usize = 100_000;

/// The report, if its commands, fingerprints and sizes are such as a run writes them: people paste its commands into a
/// shell, and its fingerprints name files.
///
/// # Errors
/// [`ReadError::Changed`] with the first such value.
pub fn checked(outcome: Outcome) -> Result<Outcome, ReadError> {
    let changed = |what: String| Err(ReadError::Changed(what));
    if outcome.findings.len() > MAX_LIST || outcome.rules.len() > MAX_LIST {
        return changed("it has more findings or rules than a run can have".into());
    }
    let url = &outcome.target.url;
    if !(url.starts_with("http://") || url.starts_with("https://")) || url.chars().any(|c| is_unsafe(c) || c == ' ') {
        return changed(format!("its target `{}` is no http or https URL", visible(&cut(url, 100))));
    }
    for (number, finding) in outcome.findings.iter().enumerate() {
        let is_hex = finding.fingerprint.len() <= 64 && finding.fingerprint.chars().all(|c| c.is_ascii_alphanumeric());
        if finding.fingerprint.is_empty() || !is_hex {
            return changed(format!("the fingerprint of finding {} is not one", number + 1));
        }
        if finding.steps.len() > MAX_LIST || !finding.curl.iter().all(|line| is_curl(line)) {
            return changed(format!("finding {} has a command that qonform does not write", finding.fingerprint));
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample;
    use super::*;

    const SCHEMA: &str = include_str!("../../spec/report.schema.json");

    fn validator() -> jsonschema::Validator {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    }

    #[test]
    fn a_written_report_is_read_back() {
        assert_eq!(render(&sample::fixed()), sample::FIXED);
        assert_eq!(render(&sample::empty()), sample::EMPTY);
        let hostile = sample::hostile();
        assert_eq!(parse(render(&hostile).as_bytes()).unwrap(), hostile);
    }

    #[test]
    fn every_outcome_is_valid_against_the_published_schema() {
        let validator = validator();
        for outcome in [sample::fixed(), sample::empty(), sample::hostile()] {
            let value: Value = serde_json::from_str(&render(&outcome)).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new());
        }
    }

    #[test]
    fn every_ending_is_valid_against_the_schema() {
        use crate::finding::Ending;
        for ending in [
            Ending::Complete,
            Ending::Stopped("--max-time".into()),
            Ending::GaveUp("no response".into()),
            Ending::Interrupted,
        ] {
            let outcome = Outcome { ending, ..sample::empty() };
            let value = serde_json::to_value(&outcome).unwrap();
            assert!(validator().is_valid(&value), "{:?}", outcome.ending);
        }
    }

    #[test]
    fn the_schema_rejects_other_documents() {
        let validator = validator();
        let fixed: Value = serde_json::from_str(sample::FIXED).unwrap();
        let breakages: [(&str, Value); 9] = [
            ("/report_version", json!(1)),
            ("/rules/0/verdict", json!("fine")),
            ("/findings/0/place/line", json!(0)),
            ("/findings/0/steps/0/request_headers/0", json!(["name"])),
            ("/findings/0/severity", json!("error")),
            ("/seed", json!("42")),
            ("/ending", json!({"kind": "stopped"})),
            ("/coverage/responses/0", json!({})),
            ("/tool", json!({"name": "q", "version": "1", "extra": 1})),
        ];
        for (pointer, replacement) in breakages {
            let mut broken = fixed.clone();
            *broken.pointer_mut(pointer).unwrap() = replacement;
            assert!(!validator.is_valid(&broken), "{pointer} was accepted");
        }
    }

    #[test]
    fn the_schema_requires_every_member() {
        // No member is optional by accident, at any depth.
        let validator = validator();
        let fixed: Value = serde_json::from_str(sample::FIXED).unwrap();
        for path in ["", "/rules/0", "/findings/1", "/findings/1/steps/0", "/drift/0", "/summary"] {
            let members = fixed.pointer(path).unwrap().as_object().unwrap();
            // There are no response times with a logical clock, and a run may have no labels and a server that changed
            // nothing.
            let is_optional =
                |name: &String| ["latency", "labels", "detected_labels", "changed_by_server"].contains(&name.as_str());
            for name in members.keys().filter(|name| !is_optional(name)) {
                let mut broken = fixed.clone();
                broken.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name);
                assert!(!validator.is_valid(&broken), "{path}/{name} is not required");
            }
        }
    }

    #[test]
    fn other_documents_are_rejected_with_the_reason() {
        let reason = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert!(reason("<html>").starts_with("read the report: it is not JSON"));
        assert!(reason("{}").contains("no `report_version`"));
        let older = "it has version 1, and this qonform reads version 2: it was written by an older qonform, with other fingerprints";
        assert!(reason("{\"report_version\": 1}").contains(older));
        assert!(reason("{\"report_version\": 9}").ends_with("it was written by a newer qonform"));
        assert!(reason("{\"report_version\": 2}").contains("changed or cut: missing field `tool`"));
    }
}
