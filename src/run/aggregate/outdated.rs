//! Which findings outdated reads explain: they are one defect, a cache that returns what was true before a write.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Catalogue, RuleScope};
use crate::finding::{Confirmation, Failure, Finding};

/// The rule that describes outdated reads best: what is listed is what a get returns.
const RULE: &str = "list.agrees-with-get";

/// The fingerprints of the failures of a run, by what explains them.
#[derive(Default)]
pub(super) struct OutdatedReads {
    /// Of those that outdated reads explain.
    explained: BTreeSet<String>,
    /// Of those with an occurrence that outdated reads do not explain.
    unexplained: BTreeSet<String>,
}

impl OutdatedReads {
    /// Adds a failure. If some reads are outdated, what a case expects may rest on one. Such a failure comes and goes.
    pub(super) fn add(&mut self, failure: &Failure, rules: &Catalogue) {
        let evidence = &failure.evidence;
        let of_state = rules.rule(failure.rule).is_some_and(|rule| rule.scope == RuleScope::Operation);
        let comes_and_goes = evidence.confirmation == Confirmation::Intermittent && evidence.timeline.is_none();
        if evidence.is_outdated {
            self.explained.insert(failure.fingerprint());
        } else if !(comes_and_goes && of_state) {
            self.unexplained.insert(failure.fingerprint());
        }
    }

    /// Whether outdated reads, if there are any, explain every occurrence of a finding.
    pub(super) fn explain(&self, finding: &Finding) -> bool {
        !self.unexplained.contains(&finding.fingerprint)
    }

    /// What the reader has to know about outdated reads.
    pub(super) fn note(&self) -> Option<String> {
        let note = "some reads were outdated: the same request returned something else a moment later, although nothing was written; is there a cache in front of the server?";
        (!self.explained.is_empty()).then(|| note.into())
    }

    /// The fingerprint of the finding that the others become part of.
    pub(super) fn first(&self, findings: &BTreeMap<String, Finding>) -> Option<String> {
        let order =
            |finding: &&Finding| (finding.severity, finding.rule != RULE, finding.confirmed, finding.steps.len());
        let explained = self.explained.iter().filter_map(|fingerprint| findings.get(fingerprint));
        explained.min_by_key(order).map(|finding| finding.fingerprint.clone())
    }
}
