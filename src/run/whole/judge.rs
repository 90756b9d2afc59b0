//! Compares the outcome of a trial with the expected results.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{HUNG, WholeSubject};
use crate::contract::{Catalogue, Level};
use crate::finding::{Ending, Outcome, RuleOutcome, Severity, Verdict};
use crate::run::expectations::{Expectations, FaultExpectation};

/// Most undecided rules in one line.
const MAX_NAMED: usize = 6;

/// Why a trial is not good.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Problem {
    /// The rule that must catch the fault did not.
    NotCaught {
        /// Id of the rule.
        rule: String,
        /// Its verdict.
        verdict: Verdict,
        /// Why it is skipped or inconclusive.
        reason: Option<String>,
    },
    /// There are findings of rules that the fault or the behaviour does not violate.
    OtherRules {
        /// Their ids.
        rules: BTreeSet<String>,
    },
    /// One defect has too many findings.
    ManyFindings {
        /// Number of findings.
        found: usize,
        /// Most permitted findings.
        at_most: usize,
    },
    /// Must rules are undecided.
    Undecided {
        /// The rules.
        rules: Vec<UndecidedRule>,
    },
    /// The run ended early.
    Incomplete {
        /// The reason.
        reason: String,
    },
    /// The run ended with an unexpected exit code.
    ExitCode {
        /// The expected exit code.
        expected: u8,
        /// The received exit code.
        received: u8,
    },
    /// The run did not end.
    Hung,
}

/// An undecided must rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UndecidedRule {
    /// Its id.
    pub rule: String,
    /// Skipped or inconclusive.
    pub verdict: Verdict,
    /// The reason.
    pub reason: Option<String>,
}

impl Problem {
    /// The kind in kebab-case, as in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotCaught { .. } => "not-caught",
            Self::OtherRules { .. } => "other-rules",
            Self::ManyFindings { .. } => "many-findings",
            Self::Undecided { .. } => "undecided",
            Self::Incomplete { .. } => "incomplete",
            Self::ExitCode { .. } => "exit-code",
            Self::Hung => "hung",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCaught { rule, verdict, reason } => {
                write!(f, "not caught: {rule} {}", verdict.word())?;
                reason.iter().try_for_each(|reason| write!(f, " ({reason})"))
            }
            Self::OtherRules { rules } => {
                let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
                write!(f, "other rules violated: {}", rules.join(", "))
            }
            Self::ManyFindings { found, at_most } => write!(f, "{found} findings, at most {at_most} expected"),
            Self::Undecided { rules } => {
                let named = rules.iter().take(MAX_NAMED).map(|rule| format!("{} {}", rule.rule, rule.verdict.word()));
                write!(f, "undecided: {}", named.collect::<Vec<_>>().join(", "))?;
                match rules.len().saturating_sub(MAX_NAMED) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Incomplete { reason } => write!(f, "incomplete: {reason}"),
            Self::ExitCode { expected, received } => write!(f, "exit code {received}, expected {expected}"),
            Self::Hung => write!(f, "hung: did not end within {} s", HUNG.as_secs()),
        }
    }
}

/// Deviations from the expected results; empty for a good trial.
pub(super) fn problems(
    subject: &WholeSubject,
    outcome: &Outcome,
    expectations: &Expectations,
    rules: &Catalogue,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    match &outcome.ending {
        Ending::Complete => {}
        // A defect may prevent further tests.
        Ending::GaveUp(_) if outcome.violations().next().is_some() => {}
        Ending::Stopped(reason) | Ending::GaveUp(reason) => {
            problems.push(Problem::Incomplete { reason: reason.clone() });
        }
        Ending::Interrupted => problems.push(Problem::Incomplete { reason: "interrupted".into() }),
    }
    let expected = match subject {
        WholeSubject::Fault(fault) => {
            let row = expectations.fault(*fault);
            let is_must = rules.rule(&row.main).is_none_or(|rule| rule.level == Level::Must);
            problems.extend(not_caught(row, is_must, outcome).filter(|_| row.unseen.is_none()));
            problems.extend(other_rules(outcome, |rule, _| row.allows(rule)));
            let found = outcome.findings.len();
            if found > row.max_findings() {
                problems.push(Problem::ManyFindings { found, at_most: row.max_findings() });
            }
            problems.extend(undecided(outcome, |rule| row.may_leave_undecided(rule)));
            u8::from(is_must || outcome.violations().next().is_some())
        }
        WholeSubject::Behaviours(behaviours) => {
            let warns =
                |rule: &str| behaviours.iter().any(|one| expectations.warns(*one).iter().any(|warned| warned == rule));
            problems.extend(other_rules(outcome, |rule, severity| severity == Severity::Warning && warns(rule)));
            let may_skip = |rule: &str| behaviours.iter().any(|one| expectations.may_leave_undecided(*one, rule));
            problems.extend(undecided(outcome, may_skip));
            0
        }
    };
    let received = outcome.exit_code();
    if received != expected {
        problems.push(Problem::ExitCode { expected, received });
    }
    problems
}

fn not_caught(row: &FaultExpectation, is_must: bool, outcome: &Outcome) -> Option<Problem> {
    let rule = outcome.rules.iter().find(|rule| rule.id == row.main)?;
    let is_caught = rule.verdict == Verdict::Violated || !is_must && rule.verdict == Verdict::Warned;
    (!is_caught).then(|| Problem::NotCaught {
        rule: rule.id.clone(),
        verdict: rule.verdict,
        reason: rule.reason.clone(),
    })
}

fn other_rules(outcome: &Outcome, allowed: impl Fn(&str, Severity) -> bool) -> Option<Problem> {
    let others = outcome.findings.iter().filter(|finding| !allowed(&finding.rule, finding.severity));
    let rules: BTreeSet<String> = others.map(|finding| finding.rule.clone()).collect();
    (!rules.is_empty()).then_some(Problem::OtherRules { rules })
}

fn undecided(outcome: &Outcome, allowed: impl Fn(&str) -> bool) -> Option<Problem> {
    let is_open = |rule: &&RuleOutcome| {
        rule.level == Level::Must
            && matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive)
            && rule.blocked_by.is_none()
            && !allowed(&rule.id)
    };
    let rules: Vec<UndecidedRule> = outcome
        .rules
        .iter()
        .filter(is_open)
        .map(|rule| UndecidedRule { rule: rule.id.clone(), verdict: rule.verdict, reason: rule.reason.clone() })
        .collect();
    (!rules.is_empty()).then_some(Problem::Undecided { rules })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalogue;
    use crate::reference::{Behaviour, Fault};

    /// Violations of `create.tag-invalid` and `delete.removes`, a warning of `response.error-type`, two undecided must
    /// rules.
    fn outcome() -> Outcome {
        let text = include_str!("../../report/testdata/fixed.json");
        serde_json::from_str(text).expect("a test of the reports checks that it is readable")
    }

    fn lines(subject: &WholeSubject, outcome: &Outcome) -> Vec<String> {
        let problems = problems(subject, outcome, Expectations::embedded(), &Catalogue::embedded());
        problems.iter().map(ToString::to_string).collect()
    }

    fn fault(name: &str) -> WholeSubject {
        WholeSubject::Fault(name.parse::<Fault>().expect("a fault of the catalogue"))
    }

    #[test]
    fn a_fault_violates_its_rules_in_one_finding_with_all_decided() {
        let undecided = "undecided: list.excludes-variants skipped, set-main.demotes-previous inconclusive";
        let mut outcome = outcome();
        assert_eq!(
            lines(&fault("delete-still-readable"), &outcome),
            [
                "other rules violated: create.tag-invalid, response.error-type",
                "3 findings, at most 1 expected",
                undecided,
            ]
        );
        let not_caught = lines(&fault("set-main-keeps-previous"), &outcome);
        assert!(not_caught[0].starts_with("not caught: set-main.demotes-previous inconclusive ("), "{not_caught:?}");
        outcome.findings.retain(|finding| finding.rule == "delete.removes");
        for rule in &mut outcome.rules {
            if matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive) {
                rule.verdict = Verdict::Passed;
            }
        }
        assert_eq!(lines(&fault("delete-still-readable"), &outcome), Vec::<String>::new());
        outcome.ending = Ending::Stopped("the time is up".into());
        outcome.findings.clear();
        assert_eq!(
            lines(&fault("delete-still-readable"), &outcome),
            ["incomplete: the time is up", "exit code 3, expected 1"]
        );
    }

    #[test]
    fn a_fault_of_a_should_rule_causes_a_warning_and_exit_code_0() {
        let mut outcome = outcome();
        outcome.findings.retain(|finding| finding.rule == "response.error-type");
        outcome.left_behind.clear();
        outcome.changed_by_server.clear();
        outcome.rules.retain(|rule| rule.verdict != Verdict::Skipped && rule.verdict != Verdict::Inconclusive);
        assert_eq!(lines(&fault("type-logical-on-409"), &outcome), Vec::<String>::new());
    }

    #[test]
    fn a_correct_server_passes_with_expected_warnings_only() {
        let mut outcome = outcome();
        let subject = WholeSubject::Behaviours(vec![Behaviour::DetailsNull, Behaviour::MetaOnLimit]);
        assert_eq!(
            lines(&subject, &outcome),
            [
                "other rules violated: create.tag-invalid, delete.removes, response.error-type",
                "undecided: list.excludes-variants skipped, set-main.demotes-previous inconclusive",
                "exit code 1, expected 0",
            ]
        );
        outcome.left_behind.clear();
        outcome.changed_by_server.clear();
        outcome.findings.retain(|finding| finding.rule == "response.error-type");
        outcome.findings[0].rule = "response.no-meta".into();
        outcome.rules.retain(|rule| rule.verdict == Verdict::Passed);
        assert_eq!(lines(&subject, &outcome), Vec::<String>::new());
    }
}
