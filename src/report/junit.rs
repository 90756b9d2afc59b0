//! `JUnit` XML: a suite per area, a case per rule.
//!
//! Only violations are failures. A skipped or inconclusive rule is a skipped case with its reason, a warning is a
//! passing case with output, and a run that could not test or clean up is an error in a suite of its own. The file
//! contains no random id and no time but that of the outcome, so that equal outcomes give equal files.

use std::time::Duration;

use chrono::DateTime;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::visible::{Breaks, shown};
use super::words::{areas, count, run_status, shortfall};
use super::{Style, terminal};
use crate::finding::{Finding, Outcome, RuleOutcome, Verdict, WaiverOutcome};

/// The outcome as `JUnit` XML.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut report = Report::new("qonform");
    if let Some(started) = outcome.started_at.as_deref().and_then(|at| DateTime::parse_from_rfc3339(at).ok()) {
        report.set_timestamp(started);
    }
    report.set_time(Duration::from_millis(outcome.duration_ms));
    for (area, rules) in areas(outcome) {
        let mut suite = TestSuite::new(clean(area));
        suite.add_test_cases(rules.into_iter().map(|rule| case(rule, outcome)));
        report.add_test_suite(suite);
    }
    report.add_test_suites(run_errors(outcome));
    // The format has properties of suites, not of the whole report.
    for suite in &mut report.test_suites {
        for (key, value) in &outcome.labels {
            suite.add_property((clean(key), line(value)));
        }
    }
    report.to_string().expect("writing XML into memory does not fail")
}

fn case(rule: &RuleOutcome, outcome: &Outcome) -> TestCase {
    let findings: Vec<&Finding> = outcome.findings.iter().filter(|finding| finding.rule == rule.id).collect();
    let reason = rule.reason.as_deref().unwrap_or("no reason recorded");
    let status = match rule.verdict {
        Verdict::Violated => violated(rule, &findings, outcome),
        Verdict::Skipped => skipped(reason),
        Verdict::Inconclusive => skipped(&format!("inconclusive: {reason}")),
        Verdict::Passed | Verdict::Warned | Verdict::Observed => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(clean(&rule.id), status);
    case.set_classname(clean(&rule.area));
    case.set_assertions(usize::try_from(rule.checked).unwrap_or(usize::MAX));
    match rule.verdict {
        Verdict::Warned => {
            // A finding of another rule is reported there.
            let output = if findings.is_empty() { reason.to_owned() } else { texts(&findings, outcome) };
            case.set_system_out(clean(&output));
        }
        Verdict::Observed => {
            case.set_system_out(clean(&observed(rule, outcome)));
        }
        Verdict::Passed if rule.reason.is_some() => {
            case.set_system_out(clean(reason));
        }
        _ => {}
    }
    case
}

fn skipped(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(line(reason));
    status
}

fn violated(rule: &RuleOutcome, findings: &[&Finding], outcome: &Outcome) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let titles: Vec<&str> = findings.iter().map(|finding| finding.title.as_str()).collect();
    // An edited report may have the verdict without a finding.
    let message = match (&rule.reason, titles.is_empty()) {
        (Some(reason), true) => reason.clone(),
        (None, true) => format!("violated: {}", rule.statement),
        (_, false) => titles.join("; "),
    };
    status.set_message(line(&message));
    status.set_type(line(&rule.id));
    status.set_description(clean(&texts(findings, outcome)));
    status
}

fn texts(findings: &[&Finding], outcome: &Outcome) -> String {
    let style = Style::default();
    let texts: Vec<String> = findings.iter().map(|finding| terminal::finding_of(outcome, finding, &style)).collect();
    texts.join("\n")
}

fn observed(rule: &RuleOutcome, outcome: &Outcome) -> String {
    let choices: Vec<String> = outcome
        .observations
        .iter()
        .filter(|observation| observation.rule == rule.id)
        .map(|seen| format!("{} ({})", seen.choice, count(seen.count, "time")))
        .collect();
    choices.join("\n")
}

/// A suite with the reasons why the run failed, apart from its rules.
fn run_errors(outcome: &Outcome) -> Option<TestSuite> {
    let (_, clause) = run_status(outcome);
    let mut suite = TestSuite::new("Run");
    if outcome.exit_code() > 1 {
        let detail = shortfall(&outcome.ending).unwrap_or_else(|| clause.clone());
        suite.add_test_case(error("run.complete", &clause, &detail));
    }
    if !outcome.left_behind.is_empty() {
        let left = outcome.left_behind.join("\n");
        let message = format!("{} left behind", count(outcome.left_behind.len(), "offering"));
        suite.add_test_case(error("run.clean", &message, &left));
    }
    if !outcome.changed_by_server.is_empty() {
        let changed: Vec<String> = outcome.changed_by_server.iter().map(ToString::to_string).collect();
        let message = format!("{} changed by the server and not put back", count(changed.len(), "offering"));
        suite.add_test_case(error("run.unchanged", &message, &changed.join("\n")));
    }
    let expired: Vec<String> = outcome.expired_waivers().map(WaiverOutcome::subject).collect();
    if !expired.is_empty() {
        let message = format!("{} expired", count(expired.len(), "waiver"));
        suite.add_test_case(error("run.waivers", &message, &expired.join("\n")));
    }
    (!suite.test_cases.is_empty()).then_some(suite)
}

fn error(name: &str, message: &str, detail: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(line(message));
    status.set_description(clean(detail));
    let mut case = TestCase::new(name, status);
    case.set_classname("Run");
    case
}

/// Text for an attribute, whose line breaks readers turn into spaces.
fn line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// `text` with control characters escaped, among them those that XML 1.0 forbids or discourages, and lone carriage
/// returns that readers would treat as line feeds.
fn clean(text: &str) -> String {
    shown(&text.replace("\r\n", "\n"), Breaks::Unchanged).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn read(outcome: &Outcome) -> Report {
        Report::deserialize_from_str(&render(outcome)).unwrap()
    }

    #[test]
    fn the_fixed_outcome_has_areas_and_rules() {
        let report = read(&sample::fixed());
        let counts = (report.tests, report.failures, report.errors);
        assert_eq!(counts, (16, 2, 2));
        let names: Vec<_> = report.test_suites.iter().map(|suite| suite.name.as_str()).collect();
        assert_eq!(
            names,
            ["Every response", "Authentication", "List", "Create", "Update", "Delete", "Set main", "Run"]
        );
        let delete = &report.test_suites[5].test_cases[0];
        assert_eq!(delete.name.as_str(), "delete.removes");
        assert_eq!(delete.classname.as_deref(), Some("Delete"));
        let TestCaseStatus::NonSuccess { kind, message, description, .. } = &delete.status else {
            panic!("{:?}", delete.status);
        };
        assert_eq!(*kind, NonSuccessKind::Failure);
        assert_eq!(message.as_deref(), Some("a deleted offering can still be read"));
        assert!(description.as_deref().unwrap().contains("returned 200 with the deleted offering, expected 404"));
    }

    #[test]
    fn a_rule_violated_by_a_finding_of_another_refers_to_it() {
        let mut outcome = sample::fixed();
        let rule = outcome.rules.iter_mut().find(|rule| rule.id == "delete.recreate").unwrap();
        rule.verdict = Verdict::Violated;
        let report = read(&outcome);
        let TestCaseStatus::NonSuccess { message, description, .. } = &report.test_suites[5].test_cases[1].status
        else {
            panic!("{:?}", report.test_suites[5].test_cases[1]);
        };
        assert_eq!(message.as_deref(), Some("violated by the finding 3fdeffb4 of delete.removes"));
        assert!(!description.as_deref().unwrap_or_default().contains("returned"));
        let warned = &read(&sample::fixed()).test_suites[5].test_cases[1];
        assert_eq!(warned.system_out.as_deref(), Some("violated by the finding 3fdeffb4 of delete.removes"));
    }

    #[test]
    fn an_inconclusive_rule_is_skipped_with_its_reason() {
        let report = read(&sample::fixed());
        let TestCaseStatus::Skipped { message, .. } = &report.test_suites[6].test_cases[0].status else {
            panic!("an inconclusive rule must not fail a build");
        };
        assert!(message.as_deref().unwrap().starts_with("inconclusive: another client"));
        assert_eq!(report.test_suites[6].skipped, 1);
    }

    #[test]
    fn every_suite_has_the_labels_as_properties() {
        for suite in read(&sample::fixed()).test_suites {
            let properties: Vec<_> =
                suite.properties.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
            assert_eq!(properties[0], ("branch", "main"));
            assert_eq!(properties[2], ("team", "payments"));
        }
    }

    #[test]
    fn a_warning_passes_with_output() {
        let report = read(&sample::fixed());
        let warned = &report.test_suites[0].test_cases[1];
        assert!(matches!(warned.status, TestCaseStatus::Success { .. }));
        assert!(warned.system_out.as_deref().unwrap().contains("warning[response.error-type]"));
    }

    #[test]
    fn a_run_without_checks_is_an_error() {
        let report = read(&sample::empty());
        assert_eq!((report.tests, report.errors), (1, 1));
        assert_eq!(report.test_suites[0].test_cases[0].name.as_str(), "run.complete");
    }

    #[test]
    fn hostile_strings_stay_in_their_elements() {
        let outcome = sample::hostile();
        let text = render(&outcome);
        // XML 1.0, section 2.2: no C0 controls, U+FFFE and U+FFFF; C1 controls are discouraged.
        let found = text.chars().find(|&c| c != '\n' && crate::report::visible::is_unsafe(c));
        assert_eq!(found, None);
        let report = read(&outcome);
        let cases: usize = report.test_suites.iter().map(|suite| suite.test_cases.len()).sum();
        assert_eq!(cases, outcome.rules.len() + 2);
        assert!(!text.contains("<script>"));
    }

    #[test]
    fn no_time_of_day_and_no_random_id_is_written() {
        let text = render(&sample::fixed());
        assert!(!text.contains("timestamp=") && !text.contains("uuid="));
        assert!(text.contains("time=\"1.234\""));
    }
}
