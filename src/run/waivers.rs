//! Waivers: known findings that have an owner and do not fail a run until a date.

use chrono::NaiveDate;

use super::settings::{NamePattern, Settings};
use crate::contract::{Catalogue, Level};
use crate::finding::{Ending, Failure, Finding, RuleOutcome, Severity, Verdict, Waived, WaiverOutcome, WaiverState};

/// The waivers of a run.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    /// The waivers in the order of their file.
    pub list: Vec<Waiver>,
    /// The date of the run, in UTC.
    pub today: NaiveDate,
}

/// A waiver of findings.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The waived findings.
    pub subject: WaiverSubject,
    /// Why they are accepted for now.
    pub reason: String,
    /// The person or team responsible for them.
    pub owner: String,
    /// The last day on which it is valid.
    pub expires: NaiveDate,
}

/// The findings that a waiver covers.
#[derive(Clone, Debug)]
pub enum WaiverSubject {
    /// Every finding of these rules.
    Rules {
        /// The rules.
        pattern: NamePattern,
        /// Id of the only operation; `None` for every operation.
        operation: Option<String>,
    },
    /// One finding, by its fingerprint.
    Finding(String),
}

impl Waiver {
    fn covers(&self, rule: &str, operation: Option<&str>, fingerprint: &str) -> bool {
        match &self.subject {
            WaiverSubject::Rules { pattern, operation: only } => {
                pattern.matches(rule) && (only.is_none() || only.as_deref() == operation)
            }
            WaiverSubject::Finding(known) => known == fingerprint,
        }
    }
}

impl Waivers {
    /// The waiver of a finding, if there is one; a valid one takes precedence over an expired one.
    pub(super) fn of(&self, rule: &str, operation: Option<&str>, fingerprint: &str) -> Option<Waived> {
        let covering = || self.list.iter().filter(|waiver| waiver.covers(rule, operation, fingerprint));
        let waiver = covering().find(|waiver| !self.is_expired(waiver)).or_else(|| covering().next())?;
        Some(Waived {
            reason: waiver.reason.clone(),
            owner: waiver.owner.clone(),
            expires: waiver.expires.to_string(),
            expired: self.is_expired(waiver),
        })
    }

    fn is_expired(&self, waiver: &Waiver) -> bool {
        waiver.expires < self.today
    }

    /// The state of each waiver after a run.
    pub(super) fn outcomes(&self, findings: &[Finding], rules: &[RuleOutcome], ending: &Ending) -> Vec<WaiverOutcome> {
        let outcome = |waiver: &Waiver| {
            let covered = |finding: &&Finding| {
                let covers = |operation| waiver.covers(&finding.rule, operation, &finding.fingerprint);
                covers(None) || finding.operations.iter().any(|operation| covers(Some(operation.as_str())))
            };
            let mut fingerprints: Vec<String> =
                findings.iter().filter(covered).map(|finding| finding.fingerprint.clone()).collect();
            fingerprints.sort();
            let (rule, operation, fingerprint) = match &waiver.subject {
                WaiverSubject::Rules { pattern, operation } => (Some(pattern.to_string()), operation.clone(), None),
                WaiverSubject::Finding(fingerprint) => (None, None, Some(fingerprint.clone())),
            };
            let state = match () {
                () if self.is_expired(waiver) => WaiverState::Expired,
                () if !fingerprints.is_empty() => WaiverState::Used,
                () if is_checked(&waiver.subject, rules, ending) => WaiverState::Unused,
                () => WaiverState::Unchecked,
            };
            WaiverOutcome {
                rule,
                operation,
                fingerprint,
                reason: waiver.reason.clone(),
                owner: waiver.owner.clone(),
                expires: waiver.expires.to_string(),
                state,
                findings: fingerprints,
            }
        };
        self.list.iter().map(outcome).collect()
    }
}

/// Whether a run without findings proves that a waiver is unused: every rule that it may cover was decided.
fn is_checked(subject: &WaiverSubject, rules: &[RuleOutcome], ending: &Ending) -> bool {
    let may_cover = |rule: &RuleOutcome| match subject {
        WaiverSubject::Rules { pattern, .. } => pattern.matches(&rule.id),
        WaiverSubject::Finding(_) => true,
    };
    let is_decided = |rule: &RuleOutcome| match rule.verdict {
        // Without races, a fingerprint may belong to one of their rules, which are skipped then.
        Verdict::Skipped | Verdict::Inconclusive => false,
        Verdict::Passed | Verdict::Violated | Verdict::Warned | Verdict::Observed => true,
    };
    *ending == Ending::Complete && rules.iter().filter(|rule| may_cover(rule)).all(is_decided)
}

impl Settings {
    /// The most binding level of the selected rules that a failure violates; `None` if none is selected.
    pub(super) fn level_of(&self, failure: &Failure, catalogue: &Catalogue) -> Option<Level> {
        let in_force = |rule: &'static str| {
            let level = catalogue.rule(rule).map_or(Level::Must, |rule| rule.level);
            self.levels.in_force(rule, failure.level.map_or(level, |part| part.max(level)))
        };
        let rules = std::iter::once(failure.rule).chain(failure.also.iter().copied());
        rules.filter(|rule| self.selection.includes(rule)).map(in_force).min()
    }

    /// The waiver of a failure, if there is one.
    pub(super) fn waiver_of(&self, failure: &Failure) -> Option<Waived> {
        self.waivers.of(failure.rule, failure.operation.id(), &failure.fingerprint())
    }

    /// The severity of a failure; `None` if its rules are not selected or open.
    pub(super) fn severity_of(&self, failure: &Failure, catalogue: &Catalogue) -> Option<Severity> {
        let severity = match self.level_of(failure, catalogue)? {
            Level::Must => Severity::Violation,
            Level::Should => Severity::Warning,
            Level::Open => return None,
        };
        let is_waived = self.waiver_of(failure).is_some_and(|waived| !waived.expired);
        Some(if is_waived { Severity::Waived } else { severity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiver(rule: &str, operation: Option<&str>, expires: &str) -> Waiver {
        Waiver {
            subject: WaiverSubject::Rules {
                pattern: NamePattern::of(rule, &Catalogue::embedded()).unwrap(),
                operation: operation.map(str::to_owned),
            },
            reason: "known".into(),
            owner: "an owner".into(),
            expires: expires.parse().unwrap(),
        }
    }

    fn waivers(list: Vec<Waiver>) -> Waivers {
        Waivers { list, today: "2026-06-15".parse().unwrap() }
    }

    #[test]
    fn a_waiver_is_valid_through_its_last_day() {
        let expired = |expires: &str| {
            let waivers = waivers(vec![waiver("delete.removes", None, expires)]);
            waivers.of("delete.removes", Some("v4GetOffering"), "0").unwrap().expired
        };
        assert!(!expired("2026-06-16"));
        assert!(!expired("2026-06-15"));
        assert!(expired("2026-06-14"));
    }

    #[test]
    fn a_waiver_covers_only_its_rules_and_its_operation() {
        let waivers = waivers(vec![waiver("delete.*", Some("v4GetOffering"), "2026-12-31")]);
        assert!(waivers.of("delete.removes", Some("v4GetOffering"), "0").is_some());
        assert!(waivers.of("delete.removes", Some("v4DeleteOffering"), "0").is_none());
        assert!(waivers.of("create.echo", Some("v4GetOffering"), "0").is_none());
    }

    #[test]
    fn a_valid_waiver_takes_precedence_over_an_expired_one() {
        let waivers =
            waivers(vec![waiver("delete.*", None, "2026-01-01"), waiver("delete.removes", None, "2026-12-31")]);
        assert!(!waivers.of("delete.removes", None, "0").unwrap().expired);
        assert!(waivers.of("delete.no-content", None, "0").unwrap().expired);
    }

    #[test]
    fn an_unknown_fingerprint_is_unused_with_a_hint_to_renew_it() {
        let one =
            Waiver { subject: WaiverSubject::Finding("afc0ac21".into()), ..waiver("delete.*", None, "2026-12-31") };
        let [outcome] = &waivers(vec![one]).outcomes(&[], &[], &Ending::Complete)[..] else { panic!("one waiver") };
        assert_eq!(outcome.state, WaiverState::Unused);
        let remark = outcome.remark().unwrap();
        assert!(
            remark.contains("from a report of version 1, replace it by the fingerprint of the finding in this report")
        );
    }

    #[test]
    fn a_fingerprint_covers_one_finding() {
        let subject = WaiverSubject::Finding("afc0ac21".into());
        let one = Waiver { subject, ..waiver("delete.*", None, "2026-12-31") };
        let waivers = waivers(vec![one]);
        assert!(waivers.of("delete.removes", None, "afc0ac21").is_some());
        assert!(waivers.of("delete.removes", None, "afc0ac22").is_none());
    }
}
