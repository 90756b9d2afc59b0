//! All of a run.

use serde::{Deserialize, Serialize};

use super::{ConstraintSeen, Finding, Severity, ShardFacts, Verdict, WaiverOutcome, WaiverState};
use crate::contract::Level;

/// The version of the JSON report's shape; it grows when a reader of the old shape would be misled.
pub const REPORT_VERSION: u32 = 2;

/// Everything a run found out: the JSON report, and the source of every other format.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Version of this document's shape: [`REPORT_VERSION`].
    pub report_version: u32,
    /// The program that made it.
    pub tool: Tool,
    /// What the target was tested against.
    pub contract: ContractFacts,
    /// What was tested.
    pub target: TargetFacts,
    /// The seed: the same seed sends the same requests.
    pub seed: u64,
    /// Wall time from the first request to the last, in milliseconds.
    pub duration_ms: u64,
    /// How the run ended.
    pub ending: Ending,
    /// The counts.
    pub summary: Summary,
    /// A verdict for every rule of the catalogue, in its order.
    pub rules: Vec<RuleOutcome>,
    /// The gravest first: violations, then known ones, warnings and what is waived; of each the confirmed ones first, then in
    /// the order of the rules.
    pub findings: Vec<Finding>,
    /// What the server chose where the contract is open.
    pub observations: Vec<Observation>,
    /// Differences between document and server, breaking or not.
    pub drift: Vec<Drift>,
    /// Which documented responses were seen.
    pub coverage: Coverage,
    /// How long the responses of each operation took; like the time of the run it differs from run to run. Empty when the
    /// clock stood still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<Latency>,
    /// What a reader should know besides: what was restored or left behind, what the documents get wrong.
    pub notes: Vec<String>,
    /// Ids of offerings that the run created and could not remove.
    pub left_behind: Vec<String>,
    /// Whether the run accepts that a must rule stays inconclusive.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allows_inconclusive: bool,
    /// What became of the waivers that the run was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverOutcome>,
    /// Which part of a run this is; `None` for a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardFacts>,
    /// The file that the JSON report was written to, for the lines that read it; `None` when nobody said.
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
    /// The document's file name.
    pub document: String,
    /// Digest of the document's text.
    pub digest: String,
    /// Number of rules in the catalogue.
    pub rules: usize,
}

/// The target of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TargetFacts {
    /// Base URL; for the embedded server the one that `qonform serve` has by default.
    pub url: String,
    /// Whether it was the embedded server.
    pub embedded: bool,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "reason")]
pub enum Ending {
    /// Every case that was planned ran.
    Complete,
    /// `--fail-fast` or a time limit ended it; what ran stands.
    Stopped(String),
    /// The target could not be tested (any further).
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
    /// Rules that gave a warning.
    pub warned: usize,
    /// Open rules whose choice was noted.
    pub observed: usize,
    /// Rules that were not checked.
    pub skipped: usize,
    /// Rules that could not be decided.
    pub inconclusive: usize,
    /// Cases that ran.
    pub cases: u64,
    /// Checks made.
    pub checks: u64,
    /// Requests sent.
    pub requests: u64,
    /// Responses 429 or 503 that were waited out.
    pub waits: u64,
    /// Reads sent again after a broken connection.
    pub retries: u64,
}

impl Summary {
    /// How many rules have a verdict.
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

/// One rule's verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// Id of the rule.
    pub id: String,
    /// Title of the rule's area: `Create`.
    pub area: String,
    /// Level as it was in force.
    pub level: Level,
    /// The promise, in a sentence.
    pub statement: String,
    /// Tags of the documents that say it.
    pub from: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// How often it was really checked.
    pub checked: u64,
    /// Why it was skipped or is inconclusive; what part was left out of a rule that passed.
    pub reason: Option<String>,
    /// The rule whose violation ended the case that checks this one; only where it was not checked for that reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

/// A choice at an open point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// Id of the rule.
    pub rule: String,
    /// What the server did.
    pub choice: String,
    /// How often.
    pub count: u64,
}

/// A difference between documents and server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Drift {
    /// Ids of the operations at which it was seen; empty outside the document.
    pub operations: Vec<String>,
    /// What differs.
    pub what: String,
    /// The rule that it breaks, or `None` when it breaks none.
    pub rule: Option<String>,
    /// How often it was seen.
    pub count: u64,
}

/// What of the contract was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Every documented response and every response that came, with its count (0: never seen).
    pub responses: Vec<SeenResponse>,
    /// Every constraint of the document that generated requests tried, sorted; empty when none were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<ConstraintSeen>,
    /// Sides of constraints that nothing was tried on, with the reason where nothing can be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<String>,
}

/// How long the responses of one operation took, from the first byte sent to the last byte read, in microseconds; the
/// percentiles are at most a thirty-second too long.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Operation id, or `None` for requests outside the document.
    pub operation: Option<String>,
    /// How many responses there were.
    pub count: u64,
    /// Half of them took at most this.
    pub p50_us: u64,
    /// Nine of ten took at most this.
    pub p90_us: u64,
    /// 99 of a hundred took at most this.
    pub p99_us: u64,
    /// The longest.
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
    /// Whether the document names this status, and this code where it names codes.
    pub documented: bool,
    /// How often it came.
    pub count: u64,
}

impl Outcome {
    /// Findings that fail the run.
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Violation)
    }

    /// Violations that do not fail the run because the earlier run that it is measured by had them too.
    pub fn known(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Known)
    }

    /// Findings that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// Findings that do not fail the run because they have an owner.
    pub fn waived(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Waived)
    }

    /// Waivers whose day is over, whether or not what they are for was found.
    pub fn expired_waivers(&self) -> impl Iterator<Item = &WaiverOutcome> {
        self.waivers.iter().filter(|waiver| waiver.state == WaiverState::Expired)
    }

    /// Measures the run by an earlier one: violations that both have are known, and do not fail this one.
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
                (rule.verdict, rule.reason) = (Verdict::Warned, Some("what was found was known".into()));
                (self.summary.violated, self.summary.warned) = (self.summary.violated - 1, self.summary.warned + 1);
            }
        }
    }

    /// Whether no selected rule was decided: such a run is no success. A part of a run to which no case fell is not
    /// asked: the whole is.
    pub fn tested_nothing(&self) -> bool {
        let has_no_part =
            self.ending == Ending::Complete && self.shard.as_ref().is_some_and(|part| part.cases.is_empty());
        if has_no_part {
            return false;
        }
        self.summary.cases == 0
            || self.summary.checks == 0
            || self.rules.iter().all(|rule| matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive))
    }

    /// The must rules that were not decided, where the run does not accept that.
    pub fn undecided(&self) -> impl Iterator<Item = &RuleOutcome> {
        let is_undecided = |rule: &&RuleOutcome| {
            !self.allows_inconclusive && rule.level == Level::Must && rule.verdict == Verdict::Inconclusive
        };
        self.rules.iter().filter(is_undecided)
    }

    /// 0 nothing broken; 1 violations, or a waiver that expired; 3 the target could not be tested, nothing was tested, a
    /// must rule was not decided, or something was left behind; 130 interrupted. (2, arguments or contract unusable, never
    /// gets as far as an outcome.)
    pub fn exit_code(&self) -> u8 {
        self.exit_code_given(self.violations().next().is_some())
    }

    /// The exit code when something else than the violations decides whether the contract counts as broken: whether the
    /// finding that is replayed still shows.
    pub fn exit_code_given(&self, is_broken: bool) -> u8 {
        match self.ending {
            Ending::Interrupted => 130,
            _ if is_broken => 1,
            Ending::GaveUp(_) => 3,
            _ if !self.left_behind.is_empty() => 3,
            _ if self.tested_nothing() || self.undecided().next().is_some() => 3,
            _ if self.expired_waivers().next().is_some() => 1,
            Ending::Complete | Ending::Stopped(_) => 0,
        }
    }
}
