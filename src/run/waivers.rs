//! Known violations that have an owner, and what becomes of them.

use chrono::NaiveDate;

use super::settings::{NamePattern, Settings};
use crate::contract::{Catalogue, Level};
use crate::finding::{Ending, Failure, Finding, RuleOutcome, Severity, Verdict, Waived, WaiverOutcome, WaiverState};

/// The waivers of a run.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    /// Each of them, in the order of its file.
    pub list: Vec<Waiver>,
    /// The day of the run, in UTC.
    pub today: NaiveDate,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// What it is for.
    pub subject: Waives,
    /// Why that is accepted for now.
    pub reason: String,
    /// Who is responsible for it.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: NaiveDate,
}

/// What a waiver is for.
#[derive(Clone, Debug)]
pub enum Waives {
    /// Every finding of these rules.
    Rules {
        /// The rules.
        pattern: NamePattern,
        /// Only at this operation; `None` for every one.
        operation: Option<String>,
    },
    /// One finding, by its fingerprint.
    Finding(String),
}

impl Waiver {
    fn covers(&self, rule: &str, operation: Option<&str>, print: &str) -> bool {
        match &self.subject {
            Waives::Rules { pattern, operation: only } => {
                pattern.matches(rule) && (only.is_none() || only.as_deref() == operation)
            }
            Waives::Finding(known) => known == print,
        }
    }
}

impl Waivers {
    /// The waiver of a finding, if there is one; one that holds goes before one that expired.
    pub(super) fn of(&self, rule: &str, operation: Option<&str>, print: &str) -> Option<Waived> {
        let covering = || self.list.iter().filter(|waiver| waiver.covers(rule, operation, print));
        let waiver = covering().find(|waiver| !self.is_over(waiver)).or_else(|| covering().next())?;
        Some(Waived {
            reason: waiver.reason.clone(),
            owner: waiver.owner.clone(),
            expires: waiver.expires.to_string(),
            expired: self.is_over(waiver),
        })
    }

    fn is_over(&self, waiver: &Waiver) -> bool {
        waiver.expires < self.today
    }

    /// What became of each, given what was found and decided.
    pub(super) fn outcomes(&self, findings: &[Finding], rules: &[RuleOutcome], ending: &Ending) -> Vec<WaiverOutcome> {
        let outcome = |waiver: &Waiver| {
            let covered = |finding: &&Finding| {
                let covers = |operation| waiver.covers(&finding.rule, operation, &finding.fingerprint);
                covers(None) || finding.operations.iter().any(|operation| covers(Some(operation.as_str())))
            };
            let mut prints: Vec<String> =
                findings.iter().filter(covered).map(|finding| finding.fingerprint.clone()).collect();
            prints.sort();
            let (rule, operation, print) = match &waiver.subject {
                Waives::Rules { pattern, operation } => (Some(pattern.to_string()), operation.clone(), None),
                Waives::Finding(print) => (None, None, Some(print.clone())),
            };
            let state = match () {
                () if self.is_over(waiver) => WaiverState::Expired,
                () if !prints.is_empty() => WaiverState::Used,
                () if is_checked(&waiver.subject, rules, ending) => WaiverState::Unused,
                () => WaiverState::Unchecked,
            };
            WaiverOutcome {
                rule,
                operation,
                fingerprint: print,
                reason: waiver.reason.clone(),
                owner: waiver.owner.clone(),
                expires: waiver.expires.to_string(),
                state,
                findings: prints,
            }
        };
        self.list.iter().map(outcome).collect()
    }
}

/// Whether a run that found nothing proves that a waiver has nothing to do: every rule that it could be for was decided.
pub(super) fn is_checked(subject: &Waives, rules: &[RuleOutcome], ending: &Ending) -> bool {
    let is_for = |rule: &RuleOutcome| match subject {
        Waives::Rules { pattern, .. } => pattern.matches(&rule.id),
        Waives::Finding(_) => true,
    };
    let is_decided = |rule: &RuleOutcome| match rule.verdict {
        // Where races are left out a fingerprint may be theirs: then it is of the rules that are skipped.
        Verdict::Skipped | Verdict::Inconclusive => false,
        Verdict::Passed | Verdict::Violated | Verdict::Warned | Verdict::Observed => true,
    };
    *ending == Ending::Complete && rules.iter().filter(|rule| is_for(rule)).all(is_decided)
}

impl Settings {
    /// The level of what a failure violates: of its rules that the run is about the most binding one; `None` where it is
    /// about none of them.
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

    /// How severe a failure is; `None` where the run is not about its rules, or only notes what the server does.
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
            subject: Waives::Rules {
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
    fn a_waiver_holds_through_its_last_day() {
        let expired = |expires: &str| {
            let waivers = waivers(vec![waiver("delete.removes", None, expires)]);
            waivers.of("delete.removes", Some("v4GetOffering"), "0").unwrap().expired
        };
        assert!(!expired("2026-06-16"));
        assert!(!expired("2026-06-15"));
        assert!(expired("2026-06-14"));
    }

    #[test]
    fn a_waiver_is_for_its_rules_and_its_operation_alone() {
        let waivers = waivers(vec![waiver("delete.*", Some("v4GetOffering"), "2026-12-31")]);
        assert!(waivers.of("delete.removes", Some("v4GetOffering"), "0").is_some());
        assert!(waivers.of("delete.removes", Some("v4DeleteOffering"), "0").is_none());
        assert!(waivers.of("create.echo", Some("v4GetOffering"), "0").is_none());
    }

    #[test]
    fn of_two_waivers_the_one_that_holds_counts() {
        let waivers =
            waivers(vec![waiver("delete.*", None, "2026-01-01"), waiver("delete.removes", None, "2026-12-31")]);
        assert!(!waivers.of("delete.removes", None, "0").unwrap().expired);
        assert!(waivers.of("delete.no-content", None, "0").unwrap().expired);
    }

    #[test]
    fn a_fingerprint_of_an_earlier_report_waives_nothing_and_says_how_to_renew_it() {
        let one = Waiver { subject: Waives::Finding("afc0ac21".into()), ..waiver("delete.*", None, "2026-12-31") };
        let [outcome] = &waivers(vec![one]).outcomes(&[], &[], &Ending::Complete)[..] else { panic!("one waiver") };
        assert_eq!(outcome.state, WaiverState::Unused);
        let remark = outcome.remark().unwrap();
        assert!(remark.contains("older than version 2 of the report, put the fingerprint there that this run shows"));
    }

    #[test]
    fn a_fingerprint_is_one_finding() {
        let subject = Waives::Finding("afc0ac21".into());
        let one = Waiver { subject, ..waiver("delete.*", None, "2026-12-31") };
        let waivers = waivers(vec![one]);
        assert!(waivers.of("delete.removes", None, "afc0ac21").is_some());
        assert!(waivers.of("delete.removes", None, "afc0ac22").is_none());
    }
}
