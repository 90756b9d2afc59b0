//! The result of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChangedOffering, ConstraintSeen, Finding, Severity, Verdict, WaiverOutcome, WaiverState};
use crate::contract::Level;

/// Version of the JSON report's format; it increases with every incompatible change.
pub const REPORT_VERSION: u32 = 2;

/// The result of a run: the JSON report, and the source of every other format.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Version of the format: [`REPORT_VERSION`].
    pub report_version: u32,
    /// The program that created the report.
    pub tool: Tool,
    /// The contract that the target was tested against.
    pub contract: ContractFacts,
    /// The tested server.
    pub target: TargetFacts,
    /// Labels of the run: keys and values of `--label`, and commit, branch and job of the CI system.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Keys of the labels that come from variables of the CI system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detected_labels: Vec<String>,
    /// The seed: the same seed sends the same requests.
    pub seed: u64,
    /// When the run started, as RFC 3339 in UTC; `None` with a logical clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Wall time from the first request to the last, in milliseconds.
    pub duration_ms: u64,
    /// How the run ended.
    pub ending: Ending,
    /// The counts.
    pub summary: Summary,
    /// A verdict for every rule of the catalogue, in its order.
    pub rules: Vec<RuleOutcome>,
    /// Violations, then known violations, warnings and waived findings; within each, confirmed findings first, then in
    /// the order of the rules.
    pub findings: Vec<Finding>,
    /// What the server chose where the contract is open.
    pub observations: Vec<Observation>,
    /// Differences between document and server, whether they violate a rule or not.
    pub drift: Vec<Drift>,
    /// Which documented responses and constraints were covered.
    pub coverage: Coverage,
    /// Response times per operation. They differ from run to run, like the duration. Empty with a logical clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<Latency>,
    /// Further remarks: what was restored or left behind, errors in the documents.
    pub notes: Vec<String>,
    /// Ids of offerings that the run created and could not delete.
    pub left_behind: Vec<String>,
    /// Offerings of others that the server changed during the run and that could not be put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_by_server: Vec<ChangedOffering>,
    /// Whether an inconclusive must rule is accepted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allows_inconclusive: bool,
    /// The waivers of the run and their use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverOutcome>,
    /// Path of the JSON report, for the commands that read it; `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tool {
    /// `qonform`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The contract of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContractFacts {
    /// File name of the document.
    pub document: String,
    /// Digest of the text of the document.
    pub digest: String,
    /// Number of rules in the catalogue.
    pub rules: usize,
}

/// The target of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TargetFacts {
    /// Base URL; for the embedded server, the default URL of `qonform serve`.
    pub url: String,
    /// Whether it is the embedded server.
    pub embedded: bool,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "reason")]
pub enum Ending {
    /// All planned cases ran.
    Complete,
    /// `--fail-fast` or a time limit ended the run; the results so far are valid.
    Stopped(String),
    /// The target could not be tested, or not any further.
    GaveUp(String),
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

/// Counts of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Rules that passed.
    pub passed: usize,
    /// Rules that were violated.
    pub violated: usize,
    /// Rules with a warning.
    pub warned: usize,
    /// Open rules whose choice was recorded.
    pub observed: usize,
    /// Rules that were not checked.
    pub skipped: usize,
    /// Rules that could not be decided.
    pub inconclusive: usize,
    /// Cases that ran.
    pub cases: u64,
    /// Checks performed.
    pub checks: u64,
    /// Requests sent.
    pub requests: u64,
    /// Waits after a 429 or 503 response.
    pub waits: u64,
    /// Reads repeated after a lost connection.
    pub retries: u64,
}

impl Summary {
    /// Number of rules with this verdict.
    pub fn of(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Passed => self.passed,
            Verdict::Violated => self.violated,
            Verdict::Warned => self.warned,
            Verdict::Observed => self.observed,
            Verdict::Skipped => self.skipped,
            Verdict::Inconclusive => self.inconclusive,
        }
    }

    /// Counts one rule.
    pub fn count(&mut self, verdict: Verdict) {
        let slot = match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Violated => &mut self.violated,
            Verdict::Warned => &mut self.warned,
            Verdict::Observed => &mut self.observed,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Inconclusive => &mut self.inconclusive,
        };
        *slot += 1;
    }
}

/// The verdict of one rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// Id of the rule.
    pub id: String,
    /// Title of the rule's area: `Create`.
    pub area: String,
    /// Effective level.
    pub level: Level,
    /// What the rule requires, as a sentence.
    pub statement: String,
    /// Tags of the documents that state it.
    pub from: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Number of checks.
    pub checked: u64,
    /// Why the rule was skipped or is inconclusive; for a passed rule, the part that was skipped.
    pub reason: Option<String>,
    /// The rule whose violation ended the case before this rule could be checked; `None` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

/// A choice of the server for an open rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// Id of the rule.
    pub rule: String,
    /// What the server did.
    pub choice: String,
    /// Number of occurrences.
    pub count: u64,
}

/// A difference between document and server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Drift {
    /// Ids of the operations where it was seen; empty outside the document.
    pub operations: Vec<String>,
    /// What differs.
    pub what: String,
    /// The violated rule; `None` if there is none.
    pub rule: Option<String>,
    /// Number of occurrences.
    pub count: u64,
}

/// Which parts of the contract were covered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Every documented and every received response, with its count (0: never received).
    pub responses: Vec<SeenResponse>,
    /// Every documented header of a response, with its count (0: never received); empty if none is documented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<SeenHeader>,
    /// Every constraint of the document that generated requests covered, sorted; empty if none were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<ConstraintSeen>,
    /// Sides of constraints that were not tested, with the reason if no such request exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<String>,
}

/// One documented header of one response.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeenHeader {
    /// Operation id.
    pub operation: String,
    /// Status of the response, a range such as `4XX`, or `default`.
    pub status: String,
    /// Name of the header as documented.
    pub header: String,
    /// Whether the document requires it.
    pub required: bool,
    /// Number of responses that had it.
    pub count: u64,
}

/// Response times of one operation in microseconds, from the first byte sent to the last byte read. Percentiles exceed
/// the exact value by at most 1/32.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Operation id, or `None` for requests outside the document.
    pub operation: Option<String>,
    /// Number of responses.
    pub count: u64,
    /// 50th percentile.
    pub p50_us: u64,
    /// 90th percentile.
    pub p90_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// Maximum.
    pub max_us: u64,
}

/// One response of one operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeenResponse {
    /// Operation id.
    pub operation: String,
    /// HTTP status.
    pub status: u16,
    /// Typed code, or `None`.
    pub code: Option<String>,
    /// Whether the document lists this status, and this code if it lists codes.
    pub documented: bool,
    /// Number of occurrences.
    pub count: u64,
}

impl Outcome {
    /// Findings that fail the run.
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Violation)
    }

    /// Violations that do not fail the run because the baseline has them too.
    pub fn known(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Known)
    }

    /// Findings that never fail a run.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// Findings that do not fail the run because of a waiver.
    pub fn waived(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Waived)
    }

    /// Expired waivers, whether or not their findings were seen.
    pub fn expired_waivers(&self) -> impl Iterator<Item = &WaiverOutcome> {
        self.waivers.iter().filter(|waiver| waiver.state == WaiverState::Expired)
    }

    /// Compares the run with a baseline: violations of both are known and do not fail this run.
    pub fn measure_by(&mut self, earlier: &Self) {
        let is_before =
            |finding: &Finding| earlier.violations().chain(earlier.known()).any(|old| finding.is_all_in(old));
        for finding in &mut self.findings {
            if finding.severity == Severity::Violation && is_before(finding) {
                finding.severity = Severity::Known;
            }
        }
        self.findings.sort_by_key(|finding| finding.severity);
        for rule in self.rules.iter_mut().filter(|rule| rule.verdict == Verdict::Violated) {
            let is_of = |finding: &Finding| finding.severity == Severity::Violation && finding.violates(&rule.id);
            if !self.findings.iter().any(is_of) {
                (rule.verdict, rule.reason) =
                    (Verdict::Warned, Some("all violations are known from the baseline".into()));
                self.summary.violated = self.summary.violated.saturating_sub(1);
                self.summary.warned = self.summary.warned.saturating_add(1);
            }
        }
    }

    /// Whether no selected rule was decided: such a run is not a success.
    pub fn tested_nothing(&self) -> bool {
        self.summary.cases == 0
            || self.summary.checks == 0
            || self.rules.iter().all(|rule| matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive))
    }

    /// The inconclusive must rules; none if the run accepts them.
    pub fn undecided(&self) -> impl Iterator<Item = &RuleOutcome> {
        let is_undecided = |rule: &&RuleOutcome| {
            !self.allows_inconclusive && rule.level == Level::Must && rule.verdict == Verdict::Inconclusive
        };
        self.rules.iter().filter(is_undecided)
    }

    /// 0 no violation; 1 violations, or an expired waiver; 3 the target could not be tested, nothing was tested, a must
    /// rule is inconclusive, something was left behind, or the server changed offerings of others; 130 interrupted. (With 2, arguments or contract unusable,
    /// there is no outcome.)
    pub fn exit_code(&self) -> u8 {
        self.exit_code_given(self.violations().next().is_some())
    }

    /// The exit code with another criterion than the violations: whether a replayed finding was reproduced.
    pub fn exit_code_given(&self, is_broken: bool) -> u8 {
        match self.ending {
            Ending::Interrupted => 130,
            _ if is_broken => 1,
            Ending::GaveUp(_) => 3,
            _ if !self.left_behind.is_empty() || !self.changed_by_server.is_empty() => 3,
            _ if self.tested_nothing() || self.undecided().next().is_some() => 3,
            _ if self.expired_waivers().next().is_some() => 1,
            Ending::Complete | Ending::Stopped(_) => 0,
        }
    }
}
