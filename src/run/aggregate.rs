//! Aggregates the results of all cases into one outcome.

use std::collections::BTreeMap;
use std::mem;

use self::outdated::OutdatedReads;
use super::case::Layer;
use super::clean::Cleaned;
use super::drive::CaseResults;
use super::plan::Plan;
use super::settings::{Isolation, Settings, TargetSettings};
use super::target;
use crate::contract::{Contract, Endpoint, Level, Operation, Rule};
use crate::exchange::{Latencies, OperationRef};
use crate::finding::{
    CaseResult, Confirmation, Constraints, ContractFacts, Coverage, DocumentPlace, Drift, Ending, EvidenceStep,
    Failure, Finding, Latency, Observation, Outcome, REPORT_VERSION, RuleOutcome, SeenResponse, Severity, Summary,
    Tool, Verdict, Waived,
};
use crate::offerings::race;
use openapiv3::StatusCode;

mod headers;
pub(super) mod join;
mod outdated;
#[cfg(test)]
mod tests;

/// Width of the timeline of a race in columns.
const TIMELINE_WIDTH: usize = 92;

/// Why a rule was not checked in a run that ended early.
const NOT_RUN: &str = "the run ended before its cases ran";

/// Facts about the whole run.
pub(super) struct RunInfo<'a> {
    pub(super) settings: &'a Settings,
    pub(super) contract: &'a Contract,
    pub(super) plan: &'a Plan,
    pub(super) ending: Ending,
    pub(super) started_at: Option<String>,
    pub(super) duration_ms: u64,
    /// Empty with a frozen clock.
    pub(super) latencies: BTreeMap<OperationRef, Latencies>,
    pub(super) requests: u64,
    pub(super) waits: u64,
    pub(super) retries: u64,
    pub(super) cases: u64,
    pub(super) cleanup: Cleaned,
}

/// Creates the outcome, with the cases in the order of the plan.
pub(super) fn outcome(mut info: RunInfo<'_>, results: CaseResults) -> Outcome {
    let CaseResults { cases, counted: mut record } = results;
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    let mut outdated = OutdatedReads::default();
    for mut result in cases {
        for failure in mem::take(&mut result.failures) {
            info.add(&mut findings, &failure, &result);
            outdated.add(&failure, info.contract.rules());
        }
        record.merge(result);
    }
    join::join(&mut findings, info.contract.rules(), &outdated);
    let rules: Vec<_> =
        info.contract.rules().rules().iter().map(|rule| info.verdict(rule, &record, &findings)).collect();
    let mut summary = Summary {
        cases: info.cases,
        checks: record.kept.values().sum(),
        requests: info.requests,
        waits: info.waits,
        retries: info.retries,
        ..Summary::default()
    };
    for rule in &rules {
        summary.count(rule.verdict);
    }
    let mut findings = sorted(findings, rules.iter().map(|rule| rule.id.as_str()));
    for finding in &mut findings {
        finding.passed_checks = record.kept.get(finding.rule.as_str()).copied().unwrap_or_default();
    }
    let shared_note = info.shared_note(&findings);
    let cleanup = mem::take(&mut info.cleanup);
    // A server without a violation has not made the changes that another client may have made.
    let is_broken = findings.iter().any(|finding| finding.severity == Severity::Violation);
    let unclear = cleanup.unclear.into_iter().filter(|_| is_broken);
    let notes = cleanup.notes.into_iter().chain(unclear).chain(shared_note).chain(outdated.note()).collect();
    Outcome {
        report_version: REPORT_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
        contract: ContractFacts {
            document: info.contract.document().name().to_owned(),
            digest: info.contract.digest(),
            rules: rules.len(),
        },
        target: target::facts(info.settings, info.contract.base_path()),
        labels: info.settings.labels.values.clone(),
        detected_labels: info.settings.labels.detected.clone(),
        seed: info.settings.seed,
        started_at: info.started_at,
        duration_ms: info.duration_ms,
        ending: info.ending.clone(),
        summary,
        observations: observations(&record, info.settings),
        drift: drift(
            record.drift.iter().map(|(key, count)| ((key.operation.as_str(), key.what.as_str()), *count)),
            &findings,
        ),
        coverage: Coverage {
            responses: responses(info.contract, info.plan, &record),
            headers: headers::of(info.contract, info.plan, &record),
            holes: holes(&record.constraints),
            constraints: record.constraints.rows,
        },
        latency: info.latencies.iter().map(|(operation, times)| latency(operation.id(), times)).collect(),
        waivers: info.settings.waivers.outcomes(&findings, &rules, &info.ending),
        rules,
        findings,
        notes,
        left_behind: cleanup.left,
        changed_by_server: cleanup.changed,
        allows_inconclusive: info.settings.allows_inconclusive,
        report: None,
    }
}

impl RunInfo<'_> {
    /// What to do if other clients wrote to a project that was tested as an exclusive one.
    fn shared_note(&self, findings: &[Finding]) -> Option<String> {
        let TargetSettings::External(external) = &self.settings.target else { return None };
        let can_be_disturbed = |finding: &&Finding| {
            let rule = self.contract.rules().rule(&finding.rule);
            finding.severity == Severity::Violation && rule.is_some_and(|rule| rule.disturbed)
        };
        let violations = match findings.iter().filter(can_be_disturbed).count() {
            0 => return None,
            1 => "1 violation".to_owned(),
            many => format!("{many} violations"),
        };
        (external.isolation == Isolation::Exclusive).then(|| {
            format!(
                "{violations} may be due to other clients, if any wrote to the project during the run: run again with --shared"
            )
        })
    }

    /// Merges a failure into the finding of its fingerprint: counts add up; of the confirmed
    /// traces, the one that is easiest to read stays.
    fn add(&self, findings: &mut BTreeMap<String, Finding>, failure: &Failure, result: &CaseResult) {
        let rules = self.contract.rules();
        let Some((severity, level)) =
            self.settings.severity_of(failure, rules).zip(self.settings.level_of(failure, rules))
        else {
            return;
        };
        let fingerprint = failure.fingerprint();
        let occurrence = Occurrence {
            count: 1 + failure.evidence.repeats,
            confirmed: failure.evidence.confirmation,
            level,
            severity,
            waiver: self.settings.waiver_of(failure),
            operations: failure.operation.id().map(str::to_owned).into_iter().collect(),
            also: failure.also.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        let proof = (failure.evidence.confirmation, failure.evidence_cost());
        match findings.get_mut(&fingerprint) {
            Some(known) if (known.confirmed, known.evidence_cost()) <= proof => occurrence.join(known),
            Some(known) => {
                let longer = mem::replace(known, self.explain(failure, result, occurrence));
                Occurrence::of(&longer).join(known);
            }
            None => {
                findings.insert(fingerprint, self.explain(failure, result, occurrence));
            }
        }
    }

    /// A finding with the evidence of one failure.
    fn explain(&self, failure: &Failure, result: &CaseResult, occurrence: Occurrence) -> Finding {
        let (evidence, keys) = (&failure.evidence, &result.keys);
        let last = failure.trace.len();
        let base = target::facts(self.settings, self.contract.base_path()).url;
        let steps =
            failure.trace.iter().enumerate().map(|(i, step)| EvidenceStep::of(i + 1, step, keys, i + 1 == last));
        let reduction = evidence.reduction.as_ref();
        Finding {
            fingerprint: failure.fingerprint(),
            rule: failure.rule.into(),
            also: occurrence.also,
            level: occurrence.level,
            severity: occurrence.severity,
            operations: occurrence.operations,
            confirmed: occurrence.confirmed,
            count: occurrence.count,
            passed_checks: 0,
            waiver: occurrence.waiver,
            condition: failure.condition.to_string(),
            difference: failure.difference.to_string(),
            title: failure.title.to_string(),
            expected: failure.expected.clone(),
            received: failure.received.clone(),
            case: result.name.clone(),
            shrunk_from: reduction.map(|reduction| reduction.from),
            shrink_requests: reduction.map(|reduction| reduction.requests).filter(|requests| *requests > 0),
            shrunk_request: reduction.and_then(|reduction| reduction.was.as_deref()).map(short),
            timeline: evidence.timeline.as_ref().map(|timeline| timeline.text(TIMELINE_WIDTH)),
            race: evidence.timeline.clone(),
            replay: evidence.script.clone(),
            place: self.place(failure),
            steps: steps.collect(),
            curl: EvidenceStep::curl_lines(&base, keys, failure.trace.iter().map(AsRef::as_ref)),
        }
    }

    /// The place in the document that the failure violates: that of the rule, else of the response, else of the
    /// operation.
    fn place(&self, failure: &Failure) -> Option<DocumentPlace> {
        let document = self.contract.document();
        let own = self.contract.rules().rule(failure.rule).and_then(|rule| rule.at.clone());
        let own = own.filter(|pointer| document.resolve(pointer).is_some());
        let pointer = own.or_else(|| {
            let operation = self.contract.operation(failure.operation.endpoint()?);
            let response = operation.response(failure.at.response.status);
            Some(response.map_or(&operation.pointer, |response| &response.pointer).clone())
        })?;
        let position = document.position(&pointer);
        Some(DocumentPlace { file: document.name().to_owned(), pointer, line: position.line, column: position.column })
    }

    fn verdict(&self, rule: &Rule, record: &CaseResult, findings: &BTreeMap<String, Finding>) -> RuleOutcome {
        let id = rule.id.as_str();
        let level = self.settings.levels.in_force(id, rule.level);
        let checked = record.kept.get(id).copied().unwrap_or_default();
        let is_unreached = checked == 0 && !record.skipped.contains_key(id) && !self.plan.reasons.contains_key(id);
        let blocked_by = self.blocked_by(id, record, findings).filter(|_| is_unreached);
        let blocked = blocked_by.map(|rule| format!("not reached: a violation of {rule} came first"));
        let left_out = record.skipped.get(id).or(blocked.as_ref());
        let by = VerdictInput::most_severe(id, findings.values());
        // A run that was stopped proves nothing about the rules that it did not reach.
        let is_stopped = matches!(self.ending, Ending::Stopped(_)) && is_unreached && !self.is_without_race(id);
        let unreached = (is_stopped && blocked.is_none()).then(|| NOT_RUN.to_owned());
        let undecided = record.undecided.get(id).or(unreached.as_ref());
        let input = VerdictInput { id, by, undecided, left_out, checked, level };
        let (verdict, reason) = if self.settings.selection.includes(id) {
            input.verdict(|| self.why_skipped(id, left_out))
        } else {
            (Verdict::Skipped, Some("not selected".into()))
        };
        let area = self.contract.rules().areas().iter().find(|area| area.id == rule.area());
        RuleOutcome {
            id: rule.id.clone(),
            area: area.map_or_else(|| rule.area().to_owned(), |area| area.title.clone()),
            level,
            statement: rule.statement.clone(),
            from: rule.from.clone(),
            verdict,
            checked: input.checked_given(verdict),
            reason,
            blocked_by: blocked_by.filter(|_| verdict == Verdict::Skipped).map(str::to_owned),
        }
    }

    /// The violated rule that aborted the case of this rule, or ended the run.
    fn blocked_by<'r>(
        &self,
        id: &str,
        record: &'r CaseResult,
        findings: &'r BTreeMap<String, Finding>,
    ) -> Option<&'r str> {
        let run_end = || {
            let gave_up = matches!(self.ending, Ending::GaveUp(_));
            let violations = findings.values().filter(|finding| gave_up && finding.severity == Severity::Violation);
            violations.map(|finding| finding.rule.as_str()).next()
        };
        record.blocked.get(id).copied().or_else(run_end)
    }

    fn why_skipped(&self, id: &str, left_out: Option<&String>) -> String {
        if let Some(reason) = left_out.or_else(|| self.plan.reasons.get(id)) {
            return reason.clone();
        }
        if self.is_without_race(id) {
            return "this run excludes races: add --layer race".into();
        }
        match &self.ending {
            Ending::Complete => "no case of this run checked it".into(),
            Ending::Stopped(_) | Ending::GaveUp(_) | Ending::Interrupted => NOT_RUN.into(),
        }
    }

    /// Whether only races test a rule, and the run excludes them.
    fn is_without_race(&self, id: &str) -> bool {
        !self.settings.includes(Layer::Race) && race::written().iter().any(|race| race.rules.contains(&id))
    }
}

/// The facts that decide the verdict of a rule.
struct VerdictInput<'r> {
    /// The rule.
    id: &'r str,
    /// The most severe of the findings that violate it.
    by: Option<&'r Finding>,
    /// Why a check of it was inconclusive.
    undecided: Option<&'r String>,
    /// Why it, or a part of it, was left out.
    left_out: Option<&'r String>,
    /// Number of checks.
    checked: u64,
    /// Its effective level.
    level: Level,
}

impl<'r> VerdictInput<'r> {
    /// The most severe of the findings that violate a rule; of equally severe ones one of the rule itself.
    fn most_severe(id: &str, findings: impl Iterator<Item = &'r Finding>) -> Option<&'r Finding> {
        findings.filter(|finding| finding.violates(id)).min_by_key(|finding| (finding.severity, finding.rule != id))
    }

    /// The verdict, and the reason if there is one.
    fn verdict(&self, why_skipped: impl FnOnce() -> String) -> (Verdict, Option<String>) {
        if let Some(finding) = self.by.filter(|_| self.level != Level::Open) {
            return self.verdict_by(finding);
        }
        let left_out = || self.left_out.cloned();
        match () {
            () if self.undecided.is_some() => (Verdict::Inconclusive, self.undecided.cloned()),
            () if self.checked == 0 => (Verdict::Skipped, Some(why_skipped())),
            () if self.level == Level::Open => (Verdict::Observed, left_out()),
            () => (Verdict::Passed, left_out()),
        }
    }

    /// The verdict of a rule that a finding violates, by the rule's own level.
    fn verdict_by(&self, finding: &Finding) -> (Verdict, Option<String>) {
        let of_another = (finding.rule != self.id)
            .then(|| format!("violated by the finding {} of {}", finding.fingerprint, finding.rule));
        match finding.severity {
            Severity::Violation if self.level == Level::Must => (Verdict::Violated, of_another),
            Severity::Violation | Severity::Warning => (Verdict::Warned, of_another),
            Severity::Known => (Verdict::Warned, Some("all violations are known from the baseline".into())),
            Severity::Waived => (Verdict::Warned, Some("the findings are waived".into())),
        }
    }

    /// Number of checks; at least 1 for a rule that only a finding of another rule violates.
    fn checked_given(&self, verdict: Verdict) -> u64 {
        match verdict {
            Verdict::Skipped => 0,
            Verdict::Violated | Verdict::Warned => self.checked.max(1),
            Verdict::Passed | Verdict::Observed | Verdict::Inconclusive => self.checked,
        }
    }
}

/// Count, operations and severity of occurrences of a finding.
struct Occurrence {
    count: u64,
    confirmed: Confirmation,
    level: Level,
    severity: Severity,
    waiver: Option<Waived>,
    operations: Vec<String>,
    also: Vec<String>,
}

impl Occurrence {
    /// The occurrences of a finding.
    fn of(finding: &Finding) -> Self {
        Self {
            count: finding.count,
            confirmed: finding.confirmed,
            level: finding.level,
            severity: finding.severity,
            waiver: finding.waiver.clone(),
            operations: finding.operations.clone(),
            also: finding.also.clone(),
        }
    }

    /// Adds them to a finding of the same fingerprint without changing its evidence.
    fn join(self, known: &mut Finding) {
        known.count += self.count;
        known.confirmed = known.confirmed.min(self.confirmed);
        known.level = known.level.min(self.level);
        if self.severity < known.severity {
            (known.severity, known.waiver) = (self.severity, self.waiver);
        }
        known.operations.extend(self.operations);
        known.also.extend(self.also);
    }
}

/// Findings in the order of reports, the most severe first; `rules` are the ids of the catalogue in its order.
fn sorted<'r>(findings: BTreeMap<String, Finding>, rules: impl Iterator<Item = &'r str>) -> Vec<Finding> {
    let order: BTreeMap<&str, usize> = rules.enumerate().map(|(index, rule)| (rule, index)).collect();
    let rank = |rule: &str| order.get(rule).copied().unwrap_or(usize::MAX);
    let place = |operation: &str| Endpoint::ALL.iter().position(|known| known.operation_id() == operation);
    let mut findings: Vec<_> = findings.into_values().collect();
    for finding in &mut findings {
        finding.also.sort_by_key(|rule| rank(rule));
        finding.also.dedup();
        finding.operations.sort_by_cached_key(|operation| (place(operation).unwrap_or(usize::MAX), operation.clone()));
        finding.operations.dedup();
    }
    findings.sort_by_cached_key(|finding| {
        (finding.severity, finding.confirmed, rank(&finding.rule), finding.operations.clone(), finding.title.clone())
    });
    findings
}

fn observations(record: &CaseResult, settings: &Settings) -> Vec<Observation> {
    record
        .choices
        .iter()
        .filter(|(rule, _)| settings.selection.includes(rule))
        .flat_map(|(rule, choices)| {
            choices.iter().map(|(choice, count)| Observation {
                rule: (*rule).to_owned(),
                choice: choice.clone(),
                count: *count,
            })
        })
        .collect()
}

/// Drift that violates rules, then other drift, given as operation id (or empty), difference and count.
fn drift<'r>(other: impl IntoIterator<Item = ((&'r str, &'r str), u64)>, findings: &[Finding]) -> Vec<Drift> {
    let other = other.into_iter().map(|((operation, what), count)| Drift {
        operations: Some(operation.to_owned()).filter(|id| !id.is_empty()).into_iter().collect(),
        what: what.to_owned(),
        rule: None,
        count,
    });
    let violating = findings.iter().map(|finding| Drift {
        operations: finding.operations.clone(),
        what: finding.title.clone(),
        rule: Some(finding.rule.clone()),
        count: finding.count,
    });
    violating.chain(other).collect()
}

/// Latency of an operation.
fn latency(operation: Option<&str>, times: &Latencies) -> Latency {
    Latency {
        operation: operation.map(str::to_owned),
        count: times.count(),
        p50_us: times.percentile(50),
        p90_us: times.percentile(90),
        p99_us: times.percentile(99),
        max_us: times.largest(),
    }
}

/// Shortens a generated request, which can have any length.
fn short(text: &str) -> String {
    const MAX_COUNT: usize = 2_000;
    match text.char_indices().nth(MAX_COUNT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Every documented response of the tested operations, and every received response.
fn responses(contract: &Contract, plan: &Plan, record: &CaseResult) -> Vec<SeenResponse> {
    let mut responses: BTreeMap<(usize, u16, String), SeenResponse> = BTreeMap::new();
    let operations: Vec<&Operation> =
        Endpoint::ALL.into_iter().map(|endpoint| contract.operation(endpoint)).chain(plan.others()).collect();
    for (index, operation) in operations.iter().enumerate() {
        for response in &operation.responses {
            let Some(StatusCode::Code(status)) = response.status else { continue };
            let codes: Vec<Option<&String>> =
                if response.codes.is_empty() { vec![None] } else { response.codes.iter().map(Some).collect() };
            for code in codes {
                let key = (index, status, code.cloned().unwrap_or_default());
                let seen = SeenResponse {
                    operation: operation.id.clone(),
                    status,
                    code: code.cloned(),
                    documented: true,
                    count: 0,
                };
                responses.insert(key, seen);
            }
        }
    }
    for ((id, status, code), count) in &record.seen {
        // The six endpoints are counted under their published ids, which may differ from those in the document.
        let published = Endpoint::ALL.iter().position(|endpoint| endpoint.operation_id() == id);
        let known = published.or_else(|| operations.iter().position(|operation| operation.id == *id));
        let Some((index, operation)) = known.and_then(|index| Some((index, operations.get(index)?))) else { continue };
        // Where the document names no codes, any code is the documented response.
        let names_codes = operation.response(*status).is_some_and(|response| !response.codes.is_empty());
        let code = if names_codes || operation.response(*status).is_none() { code.clone() } else { String::new() };
        let seen = responses.entry((index, *status, code.clone())).or_insert_with(|| SeenResponse {
            operation: operation.id.clone(),
            status: *status,
            code: Some(code).filter(|code| !code.is_empty()),
            documented: false,
            count: 0,
        });
        seen.count += count;
    }
    responses.into_values().collect()
}

/// What the run has not covered.
fn holes(constraints: &Constraints) -> Vec<String> {
    constraints.holes().into_iter().chain(constraints.unsendable.iter().cloned()).collect()
}
