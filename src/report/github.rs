//! Annotations in a log of GitHub Actions.
//!
//! GitHub shows ten errors and ten warnings of a step; more would be dropped without a word, so the rest is counted in
//! a notice.

use std::fmt::Write as _;

use super::story;
use super::visible::{cut, visible};
use super::words::{count, glance, shortfall};
use crate::finding::{Finding, Outcome, Severity};

/// As many errors, and as many warnings, as GitHub shows.
const SHOWN: usize = 10;
/// Longest text of a message part, in characters.
const MAX_LENGTH: usize = 300;

/// Workflow commands, one a line.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut hidden = 0;
    // A finding is one annotation, and the gravest stand first.
    for severities in [&[Severity::Violation][..], &[Severity::Known, Severity::Warning]] {
        let is_of = |finding: &&Finding| severities.contains(&finding.severity);
        let findings: Vec<&Finding> = outcome.findings.iter().filter(is_of).collect();
        hidden += findings.len().saturating_sub(SHOWN);
        for finding in findings.into_iter().take(SHOWN) {
            text.push_str(&annotation(finding, outcome));
        }
    }
    let (_, mut clause) = glance(outcome);
    if let Some(shortfall) = shortfall(&outcome.ending) {
        let _ = write!(clause, "; {shortfall}");
    }
    if hidden > 0 {
        let _ = write!(clause, "; {} more in the report", count(hidden, "finding"));
    }
    // What the findings do not say must not pass as a mere notice.
    let is_told = outcome.violations().next().is_some() || outcome.exit_code() == 0;
    let command = if is_told { "notice" } else { "error" };
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
    let told = [
        visible(&cut(&finding.title, MAX_LENGTH)).into_owned(),
        format!("operation: {}", visible(&cut(&story::operations(finding), MAX_LENGTH))),
        format!("expected: {}", visible(&cut(&finding.expected, MAX_LENGTH))),
        format!("received: {}", visible(&cut(&finding.received, MAX_LENGTH))),
        format!("seen: {}", story::facts(finding)),
        story::also(finding)
            .map_or_else(String::new, |also| format!("also violates: {}", visible(&cut(&also, MAX_LENGTH)))),
        story::waiver(finding)
            .map_or_else(String::new, |waiver| format!("waived: {}", visible(&cut(&waiver, MAX_LENGTH)))),
        format!("reproduce: {}", visible(&cut(&story::replay(finding, outcome.report.as_deref()), MAX_LENGTH))),
    ]
    .into_iter()
    .filter(|line| !line.is_empty())
    .collect::<Vec<_>>()
    .join("\n");
    format!("::{command} {properties}title={}::{}\n", property(&title), escaped(&told))
}

/// Text that may hold anything, as one message.
fn message(text: &str) -> String {
    escaped(&visible(&cut(text, MAX_LENGTH * 4)))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property colons and commas end it.
fn property(text: &str) -> String {
    escaped(&visible(&cut(text, MAX_LENGTH))).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, file};

    use super::super::sample;
    use super::*;

    #[test]
    fn the_fixed_outcome_is_annotated_like_this() {
        assert_data_eq!(render(&sample::fixed()), file!["testdata/fixed.github.txt"].raw());
    }

    #[test]
    fn a_run_that_tested_nothing_is_an_error() {
        assert_eq!(render(&sample::empty()), "::error title=qonform::nothing was tested\n");
    }

    #[test]
    fn only_as_many_as_are_shown_are_written_and_the_rest_is_counted() {
        let mut outcome = sample::fixed();
        let (violation, warning) = (outcome.findings[0].clone(), outcome.findings[2].clone());
        outcome.findings = [vec![violation; 12], vec![warning; 11]].concat();
        let text = render(&outcome);
        let commands = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!((commands("::error "), commands("::warning ")), (10, 10));
        assert!(text.ends_with("contract broken: 12 violations; 3 findings more in the report\n"));
    }

    #[test]
    fn known_violations_and_warnings_share_the_warnings_that_are_shown_the_gravest_first() {
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
    fn no_string_of_the_target_makes_a_command_or_a_property() {
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
