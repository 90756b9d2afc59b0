//! What all cases found, as one outcome.

use std::collections::BTreeMap;

use super::execute::{CaseOutcome, Facts};
use super::plan::Plan;
use super::settings::Settings;
use super::target;
use crate::contract::{Contract, Endpoint, Level, Rule, StatusKey};
use crate::exchange::{Keyring, Latencies, OperationRef, Traffic};
use crate::finding::{
    Breach, ConstraintSeen, ContractFacts, Coverage, Drift, Ending, Finding, Latency, Observation, Outcome, Place,
    REPORT_VERSION, Record, RuleOutcome, Seen, Severity, Step, Summary, Tool, Tried, Verdict, fingerprint,
};
use crate::offerings::input;

/// One case's name, what it found, and the keys that must not show in its evidence.
pub(super) struct Gathered {
    pub(super) case: String,
    pub(super) outcome: CaseOutcome,
    pub(super) keys: Keyring,
}

/// What the run as a whole contributes to the outcome.
pub(super) struct Frame<'a> {
    pub(super) settings: &'a Settings,
    pub(super) contract: &'a Contract,
    pub(super) plan: &'a Plan,
    pub(super) ending: Ending,
    pub(super) duration_ms: u64,
    pub(super) latency: Vec<Latency>,
    pub(super) requests: u64,
    pub(super) waits: u64,
    pub(super) retries: u64,
    pub(super) cases: u64,
    pub(super) notes: Vec<String>,
    pub(super) left_behind: Vec<String>,
}

/// Puts the outcome together. The order of `gathered` is that of the plan, whatever ran first.
pub(super) fn outcome(frame: Frame<'_>, gathered: Vec<Gathered>) -> Outcome {
    let mut record = Record::default();
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    let mut constraints = input::Coverage::default();
    for Gathered { case, outcome, keys } in gathered {
        let CaseOutcome { record: mut found, facts, coverage: tried, .. } = outcome;
        constraints.merge(tried);
        for (breach, facts) in std::mem::take(&mut found.breaches).into_iter().zip(facts) {
            frame.add(&mut findings, &breach, &facts, &case, &keys);
        }
        record.merge(found);
    }
    let rules: Vec<_> =
        frame.contract.rules().rules().iter().map(|rule| frame.verdict(rule, &record, &findings)).collect();
    let mut summary = Summary {
        cases: frame.cases,
        checks: record.checks.values().sum(),
        requests: frame.requests,
        waits: frame.waits,
        retries: frame.retries,
        ..Summary::default()
    };
    for rule in &rules {
        summary.count(rule.verdict);
    }
    let findings = frame.sorted(findings);
    Outcome {
        report_version: REPORT_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
        contract: ContractFacts {
            document: frame.contract.document().name().to_owned(),
            digest: frame.contract.digest(),
            rules: rules.len(),
        },
        target: target::facts(frame.settings, frame.contract.base_path()),
        seed: frame.settings.seed,
        duration_ms: frame.duration_ms,
        ending: frame.ending.clone(),
        summary,
        observations: observations(&record, frame.settings),
        drift: drift(&record, &findings),
        coverage: coverage(frame.contract, &record, &constraints),
        latency: frame.latency,
        rules,
        findings,
        notes: frame.notes,
        left_behind: frame.left_behind,
        report: None,
    }
}

impl Frame<'_> {
    fn level(&self, rule: &str) -> Level {
        self.settings.levels.in_force(rule, self.catalogued(rule))
    }

    fn catalogued(&self, rule: &str) -> Level {
        self.contract.rules().rule(rule).map_or(Level::Must, |rule| rule.level)
    }

    /// The level of the part of its rule that a breach broke.
    fn level_of(&self, breach: &Breach) -> Level {
        let level = self.catalogued(breach.rule);
        self.settings.levels.in_force(breach.rule, breach.level.map_or(level, |part| part.max(level)))
    }

    fn add(
        &self,
        findings: &mut BTreeMap<String, Finding>,
        breach: &Breach,
        facts: &Facts,
        case: &str,
        keys: &Keyring,
    ) {
        let level = self.level_of(breach);
        let severity = match level {
            Level::Must => Severity::Violation,
            Level::Should => Severity::Warning,
            Level::Open => return,
        };
        if !self.settings.selection.includes(breach.rule) {
            return;
        }
        let operation = breach.operation.id().map(str::to_owned);
        let fingerprint = fingerprint(breach.rule, operation.as_deref(), &breach.title);
        if let Some(known) = findings.get_mut(&fingerprint) {
            known.count += 1;
            known.confirmed = known.confirmed.min(facts.confirmation);
            if known.steps.len() <= breach.story.len() {
                return;
            }
        }
        let count = findings.get(&fingerprint).map_or(1, |known| known.count);
        let confirmed = findings.get(&fingerprint).map_or(facts.confirmation, |known| known.confirmed);
        let last = breach.story.len();
        let base = target::facts(self.settings, self.contract.base_path()).url;
        let steps = breach.story.iter().enumerate().map(|(i, step)| Step::of(i + 1, step, keys, i + 1 == last));
        let finding = Finding {
            fingerprint: fingerprint.clone(),
            rule: breach.rule.into(),
            level,
            severity,
            operation,
            title: breach.title.to_string(),
            documented: breach.documented.clone(),
            received: breach.received.clone(),
            confirmed,
            count,
            case: case.to_owned(),
            shrunk_from: facts.shrunk.map(|(from, _)| from),
            shrink_requests: facts.shrunk.map(|(_, requests)| requests).filter(|requests| *requests > 0),
            timeline: facts.picture(),
            race: facts.race(),
            replay: serde_json::to_value(&facts.steps).ok().filter(|_| !facts.steps.is_empty()),
            place: self.place(breach),
            steps: steps.collect(),
            curl: Step::curl_lines(&base, keys, breach.story.iter().map(AsRef::as_ref)),
        };
        findings.insert(fingerprint, finding);
    }

    /// Where the document says what was broken: the rule's own place, if it speaks of this operation alone; else the
    /// answer's, else the operation's.
    fn place(&self, breach: &Breach) -> Option<Place> {
        let document = self.contract.document();
        let own = self.contract.rules().rule(breach.rule).and_then(|rule| rule.at.clone());
        let own = own.filter(|pointer| document.resolve(pointer).is_some());
        let pointer = own.or_else(|| {
            let operation = self.contract.operation(breach.operation.endpoint()?);
            let response = operation.response(breach.at.answer.status);
            Some(response.map_or(&operation.pointer, |response| &response.pointer).clone())
        })?;
        let position = document.position(&pointer);
        Some(Place { file: document.name().to_owned(), pointer, line: position.line, column: position.column })
    }

    fn sorted(&self, findings: BTreeMap<String, Finding>) -> Vec<Finding> {
        let order: BTreeMap<&str, usize> =
            self.contract.rules().rules().iter().enumerate().map(|(i, rule)| (rule.id.as_str(), i)).collect();
        let mut findings: Vec<_> = findings.into_values().collect();
        findings.sort_by(|a, b| {
            let key =
                |f: &Finding| (f.severity, order.get(f.rule.as_str()).copied(), f.operation.clone(), f.title.clone());
            key(a).cmp(&key(b))
        });
        findings
    }

    fn verdict(&self, rule: &Rule, record: &Record, findings: &BTreeMap<String, Finding>) -> RuleOutcome {
        let id = rule.id.as_str();
        let level = self.level(id);
        let checked = record.checks.get(id).copied().unwrap_or_default();
        let worst = findings.values().filter(|finding| finding.rule == id).map(|finding| finding.severity).min();
        let undecided = record.undecided.get(id);
        let left_out = record.skipped.get(id);
        let (verdict, reason) = match worst {
            _ if !self.settings.selection.includes(id) => (Verdict::Skipped, Some("not selected".into())),
            Some(Severity::Violation) => (Verdict::Violated, None),
            Some(Severity::Warning) => (Verdict::Warned, None),
            None if undecided.is_some() => (Verdict::Inconclusive, undecided.cloned()),
            None if checked == 0 => (Verdict::Skipped, Some(self.why_skipped(id, left_out))),
            None if level == Level::Open => (Verdict::Observed, left_out.cloned()),
            None => (Verdict::Passed, left_out.cloned()),
        };
        let area = self.contract.rules().areas().iter().find(|area| area.id == rule.area());
        RuleOutcome {
            id: rule.id.clone(),
            area: area.map_or_else(|| rule.area().to_owned(), |area| area.title.clone()),
            level,
            statement: rule.statement.clone(),
            from: rule.from.clone(),
            verdict,
            checked: if verdict == Verdict::Skipped { 0 } else { checked },
            reason,
        }
    }

    fn why_skipped(&self, id: &str, left_out: Option<&String>) -> String {
        if let Some(reason) = left_out.or_else(|| self.plan.reasons.get(id)) {
            return reason.clone();
        }
        if id.starts_with("race.") {
            return "races are not part of this run: --layer race".into();
        }
        match &self.ending {
            Ending::Complete => "nothing in this run gave an occasion to check it".into(),
            Ending::Stopped(_) | Ending::GaveUp(_) | Ending::Interrupted => {
                "the run ended before it was its turn".into()
            }
        }
    }
}

fn observations(record: &Record, settings: &Settings) -> Vec<Observation> {
    record
        .observations
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

fn drift(record: &Record, findings: &[Finding]) -> Vec<Drift> {
    let quiet = record.drift.iter().map(|(key, count)| Drift {
        operation: Some(key.operation.clone()).filter(|id| !id.is_empty()),
        what: key.what.clone(),
        rule: None,
        count: *count,
    });
    let breaking = findings.iter().map(|finding| Drift {
        operation: finding.operation.clone(),
        what: finding.title.clone(),
        rule: Some(finding.rule.clone()),
        count: finding.count,
    });
    breaking.chain(quiet).collect()
}

/// How long the answers of each operation took.
pub(super) fn latency(traffic: &Traffic) -> Vec<Latency> {
    let told = |(operation, times): (OperationRef, Latencies)| Latency {
        operation: operation.id().map(str::to_owned),
        count: times.count(),
        p50_us: times.percentile(50),
        p90_us: times.percentile(90),
        p99_us: times.percentile(99),
        max_us: times.largest(),
    };
    traffic.latencies().into_iter().map(told).collect()
}

/// Every documented answer of the six operations and every answer that came.
fn coverage(contract: &Contract, record: &Record, constraints: &input::Coverage) -> Coverage {
    let mut answers: BTreeMap<(usize, u16, String), Seen> = BTreeMap::new();
    let order = |id: &str| Endpoint::ALL.iter().position(|endpoint| contract.operation(*endpoint).id == id);
    for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
        let operation = contract.operation(endpoint);
        for response in &operation.responses {
            let StatusKey::Code(status) = response.status else { continue };
            let codes: Vec<Option<&String>> =
                if response.codes.is_empty() { vec![None] } else { response.codes.iter().map(Some).collect() };
            for code in codes {
                let key = (index, status, code.cloned().unwrap_or_default());
                let seen =
                    Seen { operation: operation.id.clone(), status, code: code.cloned(), documented: true, count: 0 };
                answers.insert(key, seen);
            }
        }
    }
    for ((id, status, code), count) in &record.seen {
        let (index, operation) = match Endpoint::ALL.iter().position(|endpoint| endpoint.operation_id() == id) {
            Some(index) => (index, contract.operation(Endpoint::ALL[index])),
            None => match order(id) {
                Some(index) => (index, contract.operation(Endpoint::ALL[index])),
                None => continue,
            },
        };
        // Where the document names no codes, any code is the documented answer.
        let names_codes = operation.response(*status).is_some_and(|response| !response.codes.is_empty());
        let code = if names_codes || operation.response(*status).is_none() { code.clone() } else { String::new() };
        let seen = answers.entry((index, *status, code.clone())).or_insert_with(|| Seen {
            operation: operation.id.clone(),
            status: *status,
            code: Some(code).filter(|code| !code.is_empty()),
            documented: false,
            count: 0,
        });
        seen.count += count;
    }
    let tried = |sides: input::Sides| Tried { accepted: sides.accepted, refused: sides.refused };
    let constraint = |row: &input::Row| ConstraintSeen {
        operation: row.operation.clone(),
        place: row.place.clone(),
        constraint: row.constraint.clone(),
        inside: row.inside.map(tried),
        outside: row.outside.map(tried),
    };
    Coverage {
        answers: answers.into_values().collect(),
        constraints: constraints.rows.iter().map(constraint).collect(),
        holes: constraints.holes().into_iter().chain(constraints.unsendable.iter().cloned()).collect(),
    }
}
