//! The differences between two runs.
//!
//! Findings with the same fingerprint are the same. A finding that is missing in the new run counts as fixed only if
//! its rule was decided there. Start at [`diff`].

mod render;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::words::{run_status, shortfall};
use crate::finding::{Drift, Ending, Finding, Outcome, Severity, Verdict};

/// The differences between an old and a new run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// Findings that the old run does not have, and violations that were warnings or waived in it or were seen at
    /// further operations.
    pub new: Vec<Finding>,
    /// Findings of the old run that are missing in the new one, whose rule was decided again.
    pub fixed: Vec<Finding>,
    /// Findings of both runs, as in the new one.
    pub still: Vec<Finding>,
    /// Findings of the old run whose rule was not decided in the new one.
    pub unchecked: Vec<Finding>,
    /// Rules with another verdict, in the order of the new catalogue, then removed rules.
    pub verdicts_changed: Vec<Change<Option<Verdict>>>,
    /// Open rules with another choice of the server; without rules that only one run observed.
    pub observations_changed: Vec<Change<BTreeSet<String>>>,
    /// Drift of only one of the runs.
    pub drift_changed: DriftChange,
    /// The digests of the documents, if they differ.
    pub contract_changed: Option<Change<String>>,
    /// Why the new run cannot be compared; `None` if it can.
    pub untested: Option<String>,
}

/// A value that changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change<T> {
    /// Id of the rule, or the name of the document.
    pub of: String,
    /// In the old run.
    pub before: T,
    /// In the new run.
    pub after: T,
}

/// Drift of only one of two runs; counts are not compared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct DriftChange {
    /// Only in the new run.
    pub appeared: Vec<Drift>,
    /// Only in the old run.
    pub gone: Vec<Drift>,
}

/// Compares two runs.
pub fn diff(old: &Outcome, new: &Outcome) -> Difference {
    let before: BTreeMap<&str, &Finding> = by_fingerprint(old);
    let after: BTreeMap<&str, &Finding> = by_fingerprint(new);
    let is_new = |finding: &&Finding| {
        before.get(finding.fingerprint.as_str()).is_none_or(|known| {
            finding.severity == Severity::Violation && !(is_broken(known) && finding.is_all_in(known))
        })
    };
    let (appeared, still) = new.findings.iter().partition::<Vec<_>, _>(is_new);
    let (fixed, unchecked) = old
        .findings
        .iter()
        .filter(|finding| !after.contains_key(finding.fingerprint.as_str()))
        .partition::<Vec<_>, _>(|finding| is_decided(&finding.rule, new));
    let owned = |findings: Vec<&Finding>| findings.into_iter().cloned().collect();
    Difference {
        new: owned(appeared),
        fixed: owned(fixed),
        still: owned(still),
        unchecked: owned(unchecked),
        verdicts_changed: verdicts(old, new),
        observations_changed: observations(old, new),
        drift_changed: DriftChange { appeared: only_in(new, old), gone: only_in(old, new) },
        contract_changed: (old.contract.digest != new.contract.digest).then(|| Change {
            of: new.contract.document.clone(),
            before: old.contract.digest.clone(),
            after: new.contract.digest.clone(),
        }),
        untested: untested(new),
    }
}

impl Difference {
    /// 1 with new violations; 3 without, if the new run cannot be compared; else 0.
    pub fn exit_code(&self) -> u8 {
        match () {
            () if self.new_violations() > 0 => 1,
            () if self.untested.is_some() => 3,
            () => 0,
        }
    }

    /// Number of new findings that fail a run.
    pub fn new_violations(&self) -> usize {
        self.new.iter().filter(|finding| finding.severity == Severity::Violation).count()
    }
}

fn is_broken(finding: &Finding) -> bool {
    matches!(finding.severity, Severity::Violation | Severity::Known)
}

fn by_fingerprint(outcome: &Outcome) -> BTreeMap<&str, &Finding> {
    outcome.findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect()
}

fn is_decided(rule: &str, outcome: &Outcome) -> bool {
    verdict(rule, outcome).is_some_and(|verdict| !matches!(verdict, Verdict::Skipped | Verdict::Inconclusive))
}

/// The verdict on a rule; known violations count as violations.
fn verdict(rule: &str, outcome: &Outcome) -> Option<Verdict> {
    let verdict = outcome.rules.iter().find(|known| known.id == rule).map(|known| known.verdict);
    verdict.map(|verdict| if outcome.known().any(|known| known.violates(rule)) { Verdict::Violated } else { verdict })
}

fn verdicts(old: &Outcome, new: &Outcome) -> Vec<Change<Option<Verdict>>> {
    let removed = old.rules.iter().filter(|rule| verdict(&rule.id, new).is_none());
    new.rules
        .iter()
        .chain(removed)
        .map(|rule| Change { of: rule.id.clone(), before: verdict(&rule.id, old), after: verdict(&rule.id, new) })
        .filter(|change| change.before != change.after)
        .collect()
}

fn observations(old: &Outcome, new: &Outcome) -> Vec<Change<BTreeSet<String>>> {
    let choices = |outcome: &Outcome| {
        let mut by_rule: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for observation in &outcome.observations {
            by_rule.entry(observation.rule.clone()).or_default().insert(observation.choice.clone());
        }
        by_rule
    };
    let mut before = choices(old);
    choices(new)
        .into_iter()
        .filter_map(|(of, after)| {
            let before = before.remove(&of)?;
            Some(Change { of, before, after })
        })
        .filter(|change| change.before != change.after)
        .collect()
}

fn only_in(one: &Outcome, other: &Outcome) -> Vec<Drift> {
    let same = |a: &Drift, b: &Drift| a.operations == b.operations && a.what == b.what;
    one.drift.iter().filter(|drift| !other.drift.iter().any(|known| same(drift, known))).cloned().collect()
}

fn untested(outcome: &Outcome) -> Option<String> {
    let is_untested = matches!(outcome.ending, Ending::GaveUp(_) | Ending::Interrupted) || outcome.tested_nothing();
    is_untested.then(|| shortfall(&outcome.ending).unwrap_or_else(|| run_status(outcome).1))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn titles(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn equal_runs_have_no_differences() {
        let difference = diff(&sample::fixed(), &sample::fixed());
        assert_eq!(difference.still.len(), 3);
        let expected = Difference {
            new: vec![],
            fixed: vec![],
            still: difference.still.clone(),
            unchecked: vec![],
            verdicts_changed: vec![],
            observations_changed: vec![],
            drift_changed: DriftChange::default(),
            contract_changed: None,
            untested: None,
        };
        assert_eq!(difference, expected);
        assert_eq!(difference.exit_code(), 0);
    }

    #[test]
    fn a_missing_finding_is_fixed_only_if_its_rule_was_decided() {
        let mut later = sample::fixed();
        later.findings.truncate(1);
        later.rules[1].verdict = Verdict::Passed;
        later.rules[11].verdict = Verdict::Skipped;
        let difference = diff(&sample::fixed(), &later);
        assert_eq!(titles(&difference.fixed), ["response.error-type"]);
        assert_eq!(titles(&difference.unchecked), ["delete.removes"]);
        assert_eq!(titles(&difference.still), ["create.tag-invalid"]);
        assert_eq!(difference.verdicts_changed.len(), 2);
        assert_eq!(difference.exit_code(), 0);
    }

    #[test]
    fn a_new_violation_fails_and_a_new_warning_does_not() {
        let mut earlier = sample::fixed();
        let warning = earlier.findings.pop();
        assert_eq!(diff(&earlier, &sample::fixed()).exit_code(), 0);
        earlier.findings = warning.into_iter().collect();
        let difference = diff(&earlier, &sample::fixed());
        assert_eq!((difference.new_violations(), difference.exit_code()), (2, 1));
    }

    #[test]
    fn a_warning_that_became_a_violation_is_new() {
        let mut later = sample::fixed();
        later.findings[2].severity = Severity::Violation;
        assert_eq!(diff(&sample::fixed(), &later).exit_code(), 1);
        assert_eq!(diff(&later, &sample::fixed()).exit_code(), 0);
    }

    #[test]
    fn a_violation_whose_waiver_expired_is_new() {
        let mut earlier = sample::fixed();
        earlier.findings[0].severity = Severity::Waived;
        assert_eq!(diff(&earlier, &sample::fixed()).new_violations(), 1);
        assert_eq!(diff(&sample::fixed(), &earlier).exit_code(), 0);
    }

    #[test]
    fn a_run_that_tested_nothing_is_no_success() {
        let difference = diff(&sample::fixed(), &sample::empty());
        assert_eq!(difference.unchecked.len(), 3, "nothing is fixed without a check");
        assert_eq!(difference.exit_code(), 3);
    }

    #[test]
    fn choices_and_drift_are_compared_without_their_counts() {
        let mut later = sample::fixed();
        later.observations[0].count = 1;
        later.observations[1].choice = "400".into();
        later.drift[0].count = 1;
        later.drift.remove(1);
        let difference = diff(&sample::fixed(), &later);
        assert_eq!(difference.observations_changed.len(), 1);
        assert_eq!(difference.observations_changed[0].of, "update.empty-body");
        assert_eq!(difference.drift_changed.gone.len(), 1);
        assert!(difference.drift_changed.appeared.is_empty());
    }
}
