//! Merges the reports of all shards of a run.
//!
//! The result is the outcome of the whole run: counts are added, each finding has the evidence that the whole run would
//! have reported, and every rule has a new verdict. `duration_ms` is that of the longest shard, since shards run
//! concurrently; latencies cover all responses. The number of requests exceeds that of a whole run: each shard has its
//! own preflight and minimizes the findings that it meets. Start at [`merge`].

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::aggregate::{self, Occurrence, VerdictInput};
use super::settings::NamePattern;
use super::waivers::{WaiverSubject, is_checked};
use crate::contract::Catalogue;
use crate::contract::Endpoint;
use crate::exchange::Latencies;
use crate::finding::{
    Constraints, Coverage, Doubt, Drift, Ending, Finding, Latency, Observation, Outcome, RuleOutcome, SeenResponse,
    ShardFacts, Summary, Verdict, WaiverOutcome, WaiverState,
};

/// Why reports are not the shards of one run; displays as a clause after "cannot".
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MergeError {
    /// There are no reports.
    #[error("merge nothing: name the reports of the shards")]
    Nothing,
    /// A report is of a whole run.
    #[error("merge {name}: it is the report of a whole run; create shards with `qonform run --shard 1/4 --seed N`")]
    NoShard {
        /// The report's name.
        name: String,
    },
    /// Two reports are of different runs.
    #[error("merge {name} with {first}: they are of different runs: the {what} of {first} is {one}, of {name} {other}")]
    Differ {
        /// The report's name.
        name: String,
        /// The name of the first report.
        first: String,
        /// What differs.
        what: &'static str,
        /// Its value in the first report.
        one: String,
        /// Its value in this report.
        other: String,
    },
    /// A shard occurs twice.
    #[error("merge {name}: there is another report of shard {number}")]
    Twice {
        /// The report's name.
        name: String,
        /// The shard, from 1.
        number: u32,
    },
    /// Shards are missing.
    #[error("merge the {of} shards of a run: {} missing", list(.missing))]
    Missing {
        /// Their numbers.
        missing: Vec<u32>,
        /// Number of all shards.
        of: u32,
    },
}

fn list(numbers: &[u32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|number| format!("shard {number}")).collect();
    format!("{} {}", numbers.join(", "), if numbers.len() == 1 { "is" } else { "are" })
}

/// The outcome of a shard, with the facts about the shard.
struct ShardReport<'o> {
    outcome: &'o Outcome,
    facts: &'o ShardFacts,
}

/// Merges the reports of all shards of a run: pairs of a report's name and its outcome, in any order.
///
/// # Errors
/// [`MergeError`] when they are not all the shards of one run.
pub fn merge(reports: &[(String, Outcome)]) -> Result<Outcome, MergeError> {
    let parts = parts(reports)?;
    let first = parts.first().ok_or(MergeError::Nothing)?.outcome;
    let ending = ending(&parts);
    let mut findings = findings(&parts);
    aggregate::join::join(&mut findings, &Catalogue::embedded());
    let rules: Vec<RuleOutcome> =
        first.rules.iter().enumerate().map(|(index, rule)| verdict(rule, index, &parts, &findings)).collect();
    let findings = aggregate::sorted(findings, rules.iter().map(|rule| rule.id.as_str()));
    let outcomes = || parts.iter().map(|part| part.outcome);
    let labels = common_labels(&parts);
    Ok(Outcome {
        report_version: first.report_version,
        tool: first.tool.clone(),
        contract: first.contract.clone(),
        target: first.target.clone(),
        detected_labels: first.detected_labels.iter().filter(|key| labels.contains_key(*key)).cloned().collect(),
        labels,
        seed: first.seed,
        started_at: outcomes().filter_map(|outcome| outcome.started_at.clone()).min(),
        duration_ms: outcomes().map(|outcome| outcome.duration_ms).max().unwrap_or_default(),
        summary: summary(&parts, &rules),
        observations: observations(&parts),
        drift: drift(&parts, &findings),
        coverage: coverage(&parts),
        latency: latency(&parts),
        report: None,
        notes: distinct(outcomes().flat_map(|outcome| &outcome.notes)),
        left_behind: distinct(outcomes().flat_map(|outcome| &outcome.left_behind)),
        allows_inconclusive: outcomes().all(|outcome| outcome.allows_inconclusive),
        waivers: waivers(&parts, &rules, &ending),
        shard: None,
        ending,
        rules,
        findings,
    })
}

/// The labels that every shard has with the same value: the job may differ.
fn common_labels(parts: &[ShardReport<'_>]) -> BTreeMap<String, String> {
    let labels = parts.first().map(|part| part.outcome.labels.clone()).unwrap_or_default();
    let is_common = |key: &str, value: &str| {
        parts.iter().all(|part| part.outcome.labels.get(key).is_some_and(|other| other == value))
    };
    labels.into_iter().filter(|(key, value)| is_common(key, value)).collect()
}

/// The shards in the order of their numbers, if they are complete and of one run.
fn parts(reports: &[(String, Outcome)]) -> Result<Vec<ShardReport<'_>>, MergeError> {
    let mut parts: BTreeMap<u32, ShardReport<'_>> = BTreeMap::new();
    for (name, outcome) in reports {
        let facts = outcome.shard.as_ref().ok_or_else(|| MergeError::NoShard { name: name.clone() })?;
        let (first, one) = (&reports[0].0, &reports[0].1);
        let compared = [
            ("seed", one.seed.to_string(), outcome.seed.to_string()),
            ("target", one.target.url.clone(), outcome.target.url.clone()),
            ("contract", one.contract.digest.clone(), outcome.contract.digest.clone()),
            ("version of qonform", one.tool.version.clone(), outcome.tool.version.clone()),
            ("number of shards", of(one, |facts| facts.of as usize), facts.of.to_string()),
            ("number of cases", of(one, |facts| facts.planned), facts.planned.to_string()),
            ("level of a rule", level(one, outcome), level(outcome, one)),
        ];
        if let Some((what, one, other)) = compared.into_iter().find(|(_, one, other)| one != other) {
            return Err(MergeError::Differ { name: name.clone(), first: first.clone(), what, one, other });
        }
        if parts.insert(facts.number, ShardReport { outcome, facts }).is_some() {
            return Err(MergeError::Twice { name: name.clone(), number: facts.number });
        }
    }
    let of = parts.values().next().map_or(0, |part| part.facts.of);
    let missing: Vec<u32> = (1..=of).filter(|number| !parts.contains_key(number)).collect();
    if !missing.is_empty() {
        return Err(MergeError::Missing { missing, of });
    }
    Ok(parts.into_values().collect())
}

fn of(outcome: &Outcome, number: impl Fn(&ShardFacts) -> usize) -> String {
    outcome.shard.as_ref().map_or(0, number).to_string()
}

/// The first rule whose effective level differs from that in the other outcome: runs with different levels cannot be
/// merged.
fn level(outcome: &Outcome, other: &Outcome) -> String {
    let mut pairs = outcome.rules.iter().zip(&other.rules);
    let differing = pairs.find(|(rule, other)| (&rule.id, rule.level) != (&other.id, other.level));
    differing.map_or_else(String::new, |(rule, _)| format!("{} of {}", rule.level, rule.id))
}

/// The most severe ending.
fn ending(parts: &[ShardReport<'_>]) -> Ending {
    let badness = |ending: &Ending| match ending {
        Ending::Interrupted => 0,
        Ending::GaveUp(_) => 1,
        Ending::Stopped(_) => 2,
        Ending::Complete => 3,
    };
    let endings = parts.iter().map(|part| &part.outcome.ending);
    endings.min_by_key(|ending| badness(ending)).cloned().unwrap_or(Ending::Complete)
}

/// Each finding with the evidence of the fewest steps; of equally short evidence that of the first case.
fn findings(parts: &[ShardReport<'_>]) -> BTreeMap<String, Finding> {
    let mut found: BTreeMap<String, Vec<(usize, &Finding)>> = BTreeMap::new();
    for part in parts {
        for finding in &part.outcome.findings {
            let place = part.facts.place_of(&finding.case);
            found.entry(finding.fingerprint.clone()).or_default().push((place, finding));
        }
    }
    let merged = |(fingerprint, alike): (String, Vec<(usize, &Finding)>)| {
        let best = alike.iter().min_by_key(|(place, finding)| (finding.evidence_cost(), *place))?;
        let mut finding = best.1.clone();
        for (_, other) in alike.iter().filter(|(_, other)| !std::ptr::eq(*other, best.1)) {
            Occurrence::of(other).join(&mut finding);
        }
        Some((fingerprint, finding))
    };
    found.into_iter().filter_map(merged).collect()
}

fn verdict(
    rule: &RuleOutcome,
    index: usize,
    parts: &[ShardReport<'_>],
    findings: &BTreeMap<String, Finding>,
) -> RuleOutcome {
    let own = || parts.iter().filter_map(|part| part.outcome.rules.get(index));
    let first_reason = |of: Doubt| {
        let reasons = parts.iter().flat_map(|part| &part.facts.reasons);
        let mine = reasons.filter(|reason| reason.rule == rule.id && reason.of == of);
        mine.min_by_key(|reason| reason.place).map(|reason| &reason.reason)
    };
    let checked = own().map(|rule| rule.checked).sum();
    let input = VerdictInput {
        id: &rule.id,
        by: VerdictInput::most_severe(&rule.id, findings.values()),
        undecided: first_reason(Doubt::Undecided),
        left_out: first_reason(Doubt::LeftOut),
        checked,
        level: rule.level,
    };
    // Of a rule without checks, a shard that ended early has the reason.
    let why_skipped = || {
        let cut_short = parts.iter().filter(|part| part.outcome.ending != Ending::Complete);
        let mut reasons = cut_short.chain(parts).filter_map(|part| part.outcome.rules.get(index)?.reason.clone());
        reasons.next().unwrap_or_default()
    };
    let (verdict, reason) = input.verdict(why_skipped);
    let blocked_by = own().find_map(|rule| rule.blocked_by.clone()).filter(|_| verdict == Verdict::Skipped);
    RuleOutcome { verdict, checked: input.checked_given(verdict), reason, blocked_by, ..rule.clone() }
}

fn summary(parts: &[ShardReport<'_>], rules: &[RuleOutcome]) -> Summary {
    let sum = |count: fn(&Summary) -> u64| parts.iter().map(|part| count(&part.outcome.summary)).sum();
    let mut summary = Summary {
        cases: sum(|summary| summary.cases),
        checks: sum(|summary| summary.checks),
        requests: sum(|summary| summary.requests),
        waits: sum(|summary| summary.waits),
        retries: sum(|summary| summary.retries),
        ..Summary::default()
    };
    for rule in rules {
        summary.count(rule.verdict);
    }
    summary
}

/// The latencies of all shards, in the order of a whole run.
fn latency(parts: &[ShardReport<'_>]) -> Vec<Latency> {
    let place = |operation: &Option<String>| {
        let is_it = |endpoint: &Endpoint| Some(endpoint.operation_id()) == operation.as_deref();
        let others = Endpoint::ALL.len() + usize::from(operation.is_none());
        Endpoint::ALL.iter().position(is_it).unwrap_or(others)
    };
    let mut all: BTreeMap<(usize, Option<String>), Latencies> = BTreeMap::new();
    for latency in parts.iter().flat_map(|part| &part.facts.latency) {
        let times = Latencies::from_buckets(latency.steps.iter().copied(), latency.max_us);
        all.entry((place(&latency.operation), latency.operation.clone())).or_default().merge(&times);
    }
    all.iter().map(|((_, operation), times)| aggregate::latency(operation.as_deref(), times)).collect()
}

fn observations(parts: &[ShardReport<'_>]) -> Vec<Observation> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for seen in parts.iter().flat_map(|part| &part.outcome.observations) {
        *counts.entry((&seen.rule, &seen.choice)).or_default() += seen.count;
    }
    let observation = |((rule, choice), count): ((&str, &str), u64)| Observation {
        rule: rule.to_owned(),
        choice: choice.to_owned(),
        count,
    };
    counts.into_iter().map(observation).collect()
}

/// Drift of findings has the count of the finding; the counts of other drift are added.
fn drift(parts: &[ShardReport<'_>], findings: &[Finding]) -> Vec<Drift> {
    let mut quiet: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for drift in parts.iter().flat_map(|part| &part.outcome.drift).filter(|drift| drift.rule.is_none()) {
        *quiet.entry((drift.operations.first().map_or("", String::as_str), &drift.what)).or_default() += drift.count;
    }
    aggregate::drift(quiet, findings)
}

fn coverage(parts: &[ShardReport<'_>]) -> Coverage {
    let mut operations: Vec<&str> = Vec::new();
    let mut responses: BTreeMap<(usize, u16, &str), SeenResponse> = BTreeMap::new();
    for seen in parts.iter().flat_map(|part| &part.outcome.coverage.responses) {
        let known = operations.iter().position(|operation| *operation == seen.operation);
        let index = known.unwrap_or_else(|| {
            operations.push(&seen.operation);
            operations.len() - 1
        });
        let key = (index, seen.status, seen.code.as_deref().unwrap_or_default());
        responses.entry(key).and_modify(|known| known.count += seen.count).or_insert_with(|| seen.clone());
    }
    let mut merged = Constraints::default();
    for part in parts {
        merged.merge(constraints(&part.outcome.coverage));
    }
    aggregate::covered(responses.into_values().collect(), &merged)
}

/// The constraints that a coverage was computed from.
fn constraints(coverage: &Coverage) -> Constraints {
    let mut constraints = Constraints { rows: coverage.constraints.clone(), unsendable: Vec::new() };
    let untried: BTreeSet<String> = constraints.holes().into_iter().collect();
    constraints.unsendable = coverage.holes.iter().filter(|hole| !untried.contains(*hole)).cloned().collect();
    constraints
}

fn waivers(parts: &[ShardReport<'_>], rules: &[RuleOutcome], ending: &Ending) -> Vec<WaiverOutcome> {
    let Some(first) = parts.first() else { return Vec::new() };
    let merged = |(index, waiver): (usize, &WaiverOutcome)| {
        let fingerprints =
            parts.iter().filter_map(|part| part.outcome.waivers.get(index)).flat_map(|one| &one.findings);
        let findings: BTreeSet<String> = fingerprints.cloned().collect();
        let subject = match (&waiver.rule, &waiver.fingerprint) {
            (Some(rule), _) => {
                WaiverSubject::Rules { pattern: NamePattern::read_back(rule), operation: waiver.operation.clone() }
            }
            (None, fingerprint) => WaiverSubject::Finding(fingerprint.clone().unwrap_or_default()),
        };
        let state = match waiver.state {
            WaiverState::Expired => WaiverState::Expired,
            _ if !findings.is_empty() => WaiverState::Used,
            _ if is_checked(&subject, rules, ending) => WaiverState::Unused,
            _ => WaiverState::Unchecked,
        };
        WaiverOutcome { state, findings: findings.into_iter().collect(), ..waiver.clone() }
    };
    first.outcome.waivers.iter().enumerate().map(merged).collect()
}

/// Each text once, in the order of its first occurrence.
fn distinct<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(text.as_str())).cloned().collect()
}
