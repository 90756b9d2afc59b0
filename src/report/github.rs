//! Annotations in the log of GitHub Actions.
//!
//! GitHub shows ten errors and ten warnings of a step and drops the rest, so the rest is counted in a notice.

use std::fmt::Write as _;

use super::trace;
use super::visible::{cut, visible};
use super::words::{count, run_status, shortfall};
use crate::finding::{Finding, Outcome, Severity};

/// Number of errors, and of warnings, that GitHub shows.
const MAX_SHOWN: usize = 10;
/// Maximum length of a part of a message, in characters.
const MAX_LENGTH: usize = 300;

/// Workflow commands, one a line.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut hidden = 0;
    // One annotation per finding, violations first.
    for severities in [&[Severity::Violation][..], &[Severity::Known, Severity::Warning]] {
        let is_of = |finding: &&Finding| severities.contains(&finding.severity);
        let findings: Vec<&Finding> = outcome.findings.iter().filter(is_of).collect();
        hidden += findings.len().saturating_sub(MAX_SHOWN);
        for finding in findings.into_iter().take(MAX_SHOWN) {
            text.push_str(&annotation(finding, outcome));
        }
    }
    let (_, mut clause) = run_status(outcome);
    if let Some(shortfall) = shortfall(&outcome.ending) {
        let _ = write!(clause, "; {shortfall}");
    }
    if hidden > 0 {
        let _ = write!(clause, "; {} more in the report", count(hidden, "finding"));
    }
    // GitHub shows commit, branch and job itself.
    for (key, value) in outcome.labels.iter().filter(|(key, _)| !outcome.detected_labels.contains(key)) {
        let _ = write!(clause, "; {key} {}", cut(value, MAX_LENGTH));
    }
    // A failure that no finding explains must be an error.
    let is_explained = outcome.violations().next().is_some() || outcome.exit_code() == 0;
    let command = if is_explained { "notice" } else { "error" };
    let _ = writeln!(text, "::{command} title=qonform::{}", message(&clause));
    text
}

fn annotation(finding: &Finding, outcome: &Outcome) -> String {
    let command = match finding.severity {
        Severity::Violation => "error",
        Severity::Known | Severity::Warning | Severity::Waived => "warning",
    };
    let mut properties = String::new();
    if let Some(place) = &finding.place {
        let _ = write!(properties, "file={},line={},col={},", property(&place.file), place.line, place.column);
    }
    let title = format!("{}[{}]", finding.severity.word(), finding.rule);
    let mut lines = vec![("", format!("{} ({})", finding.title, trace::facts(finding)))];
    lines.extend(trace::deviation(finding));
    lines.push(("contract", trace::subject(finding)));
    lines.extend(trace::also(finding).map(|also| ("also", format!("violates {also}"))));
    lines.extend(trace::waiver(finding).map(|waiver| ("waived", waiver)));
    lines.push(("replay", trace::replay(finding, outcome.report.as_deref())));
    let line = |(label, text): &(&str, String)| {
        let text = cut(text, MAX_LENGTH);
        if label.is_empty() { visible(&text).into_owned() } else { format!("{label}: {}", visible(&text)) }
    };
    let text = lines.iter().map(line).collect::<Vec<_>>().join("\n");
    format!("::{command} {properties}title={}::{}\n", property(&title), escaped(&text))
}

/// Untrusted text as one message.
fn message(text: &str) -> String {
    escaped(&visible(&cut(text, MAX_LENGTH * 4)))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value of a property, which ends at colons and commas.
fn property(text: &str) -> String {
    escaped(&visible(&cut(text, MAX_LENGTH))).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, file};

    use super::super::sample;
    use super::*;

    #[test]
    fn the_fixed_outcome_matches_its_snapshot() {
        assert_data_eq!(render(&sample::fixed()), file!["testdata/fixed.github.txt"].raw());
    }

    #[test]
    fn a_run_that_tested_nothing_is_an_error() {
        assert_eq!(render(&sample::empty()), "::error title=qonform::nothing was tested\n");
    }

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let mut outcome = sample::fixed();
        let (violation, warning) = (outcome.findings[0].clone(), outcome.findings[2].clone());
        outcome.findings = [vec![violation; 12], vec![warning; 11]].concat();
        let text = render(&outcome);
        let commands = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!((commands("::error "), commands("::warning ")), (10, 10));
        assert!(text.ends_with("contract broken: 12 violations; 3 findings more in the report; team payments\n"));
    }

    #[test]
    fn known_violations_come_before_warnings() {
        let mut outcome = sample::fixed();
        let warning = outcome.findings[2].clone();
        let known = Finding { severity: Severity::Known, ..outcome.findings[0].clone() };
        outcome.findings = [vec![known; 6], vec![warning; 6]].concat();
        let text = render(&outcome);
        let shown: Vec<bool> =
            text.lines().filter(|line| line.starts_with("::warning ")).map(|line| line.contains("=known[")).collect();
        assert_eq!(shown, [[true; 6].as_slice(), &[false; 4]].concat());
        assert!(text.contains("2 findings more in the report"), "{text}");
    }

    #[test]
    fn no_string_of_the_target_becomes_a_command_or_property() {
        let outcome = sample::hostile();
        let text = render(&outcome);
        assert_eq!(text.lines().count(), outcome.findings.len() + 1);
        for line in text.lines() {
            let (properties, _) = line[2..].split_once("::").unwrap();
            let (command, properties) = properties.split_once(' ').unwrap();
            assert!(["error", "warning", "notice"].contains(&command));
            for property in properties.split(',') {
                let (name, value) = property.split_once('=').unwrap();
                assert!(["file", "line", "col", "title"].contains(&name), "{name}");
                assert!(!value.contains(':'));
            }
            assert!(visible(line) == line, "{line:?}");
        }
    }
}
