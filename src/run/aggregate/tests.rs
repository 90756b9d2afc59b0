//! Tests that one defect is one finding, with a verdict for every rule that it violates.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::contract::{Catalogue, Endpoint};
use crate::exchange::Credentials;
use crate::exchange::{Exchange, Request, Response};
use crate::finding::{ConditionScope, Evidence, Failure};
use crate::run::{External, Levels, NamePattern, Production, Selection};

const DEMOTES: &str = "set-main.demotes-previous";

fn exchange(endpoint: Endpoint) -> Arc<Exchange> {
    Arc::new(Exchange {
        request: Request::to(endpoint).id("a"),
        response: Response::new(200, HeaderMap::new(), Bytes::new()),
        started: Instant::now(),
        ended: Instant::now(),
    })
}

fn failure(rule: &'static str, endpoint: Endpoint, scope: ConditionScope, steps: usize) -> Failure {
    let at = exchange(endpoint);
    Failure {
        rule,
        condition: format!("{rule}/x").into(),
        difference: "".into(),
        title: "it differs".into(),
        expected: "one thing".into(),
        received: format!("another at {endpoint}"),
        operation: at.request.operation.clone(),
        scope,
        level: None,
        also: Vec::new(),
        trace: vec![Arc::clone(&at); steps],
        at,
        evidence: Evidence { confirmation: Confirmation::Confirmed, ..Evidence::default() },
    }
}

fn outcome_of(settings: &Settings, failures: Vec<Failure>) -> Outcome {
    let result = |failure: Failure| {
        let mut result = CaseResult::default();
        result.check(failure.rule, Some(failure));
        result
    };
    outcome_of_cases(settings, failures.into_iter().map(result).collect())
}

fn outcome_of_cases(settings: &Settings, cases: Vec<CaseResult>) -> Outcome {
    let contract = Contract::embedded();
    let plan = Plan::default();
    let mut results = CaseResults::default();
    for (place, result) in cases.into_iter().enumerate() {
        results.add(place, format!("scenario::{place}"), result, &Credentials::default());
    }
    let info = RunInfo {
        settings,
        contract: &contract,
        plan: &plan,
        ending: Ending::Complete,
        started_at: None,
        duration_ms: 0,
        latencies: BTreeMap::new(),
        requests: 0,
        waits: 0,
        retries: 0,
        cases: 1,
        cleanup: Cleaned::default(),
    };
    outcome(info, results)
}

#[test]
fn violations_that_other_clients_may_cause_name_the_flag() {
    let external = |isolation| External {
        url: "http://127.0.0.1:4010/v4".into(),
        keys: BTreeMap::new(),
        products: Vec::new(),
        variant: None,
        second_product: None,
        headers: Vec::new(),
        production: Production::Denied,
        isolation,
    };
    let notes = |rule, isolation| {
        let target = TargetSettings::External(external(isolation));
        let settings = Settings { target, ..Settings::default() };
        outcome_of(&settings, vec![failure(rule, Endpoint::Create, ConditionScope::Operation, 1)]).notes
    };
    let expected =
        "1 violation may be due to other clients, if any wrote to the project during the run: run again with --shared";
    assert_eq!(notes("invariant.no-bleed", Isolation::Exclusive), [expected]);
    assert_eq!(notes("invariant.no-bleed", Isolation::Shared), [""; 0]);
    assert_eq!(notes("create.echo", Isolation::Exclusive), [""; 0]);
}

fn verdict<'o>(outcome: &'o Outcome, rule: &str) -> (Verdict, Option<&'o str>) {
    let rule = outcome.rules.iter().find(|known| known.id == rule).unwrap();
    (rule.verdict, rule.reason.as_deref())
}

#[test]
fn a_failure_at_any_operation_is_one_finding_of_all_operations() {
    let rule = "offering.url";
    let at = |endpoint, steps| failure(rule, endpoint, ConditionScope::Anywhere, steps);
    let failures = vec![at(Endpoint::Update, 3), at(Endpoint::List, 2), at(Endpoint::Update, 4)];
    let outcome = outcome_of(&Settings::default(), failures);
    let [finding] = &outcome.findings[..] else { panic!("{:?}", outcome.findings) };
    assert_eq!(finding.operations, ["v4ListOfferings", "v4UpdateOffering"], "in the order of the document");
    assert_eq!(
        (finding.count, finding.steps.len(), finding.case.as_str()),
        (3, 2, "scenario::1"),
        "the shortest trace"
    );
    assert_eq!(finding.received, "another at v4ListOfferings");
    assert_eq!((finding.condition.as_str(), finding.difference.as_str()), ("offering.url/x", ""));
}

#[test]
fn failures_of_different_operations_are_different_findings() {
    let at = |endpoint| failure("get.missing", endpoint, ConditionScope::Operation, 1);
    let outcome = outcome_of(&Settings::default(), vec![at(Endpoint::Update), at(Endpoint::Get), at(Endpoint::Get)]);
    let seen: Vec<_> = outcome.findings.iter().map(|finding| (&*finding.operations[0], finding.count)).collect();
    assert_eq!(seen, [("v4GetOffering", 2), ("v4UpdateOffering", 1)]);
    assert_ne!(outcome.findings[0].fingerprint, outcome.findings[1].fingerprint);
}

/// A promotion that does not demote the previous main: two mains, and the previous one does not have tag 0.
fn undemoted() -> Failure {
    let also = vec!["set-main.previous-is-zero", "invariant.single-main"];
    Failure { also, ..failure(DEMOTES, Endpoint::SetMain, ConditionScope::Operation, 2) }
}

#[test]
fn further_rules_have_verdicts_by_their_own_levels() {
    let outcome = outcome_of(&Settings::default(), vec![undemoted()]);
    assert_eq!(outcome.findings.len(), 1);
    let finding = &outcome.findings[0];
    assert_eq!(finding.also, ["set-main.previous-is-zero", "invariant.single-main"]);
    let reason = format!("violated by the finding {} of {DEMOTES}", finding.fingerprint);
    assert_eq!(verdict(&outcome, DEMOTES), (Verdict::Violated, None));
    assert_eq!(verdict(&outcome, "invariant.single-main"), (Verdict::Violated, Some(reason.as_str())));
    assert_eq!(verdict(&outcome, "set-main.previous-is-zero"), (Verdict::Warned, Some(reason.as_str())));
    assert_eq!((outcome.summary.violated, outcome.summary.warned, outcome.exit_code()), (2, 1, 1));
}

#[test]
fn a_finding_counts_where_only_a_further_rule_is_selected() {
    let pattern = NamePattern::of("invariant.single-main", &Catalogue::embedded()).unwrap();
    let selection = Selection { only: vec![pattern], ..Selection::default() };
    let outcome = outcome_of(&Settings { selection, ..Settings::default() }, vec![undemoted()]);
    assert_eq!(verdict(&outcome, "invariant.single-main").0, Verdict::Violated);
    assert_eq!(verdict(&outcome, DEMOTES), (Verdict::Skipped, Some("not selected")));
    assert_eq!((outcome.findings.len(), outcome.exit_code()), (1, 1));
}

#[test]
fn a_failure_of_a_lower_level_warns_of_all_its_rules() {
    let weaker = Failure { level: Some(Level::Should), ..undemoted() };
    let outcome = outcome_of(&Settings::default(), vec![weaker]);
    assert_eq!(outcome.findings[0].severity, Severity::Warning);
    assert_eq!(verdict(&outcome, "invariant.single-main").0, Verdict::Warned);
    assert_eq!((outcome.summary.violated, outcome.exit_code()), (0, 0));
}

#[test]
fn a_warning_that_is_denied_violates() {
    let pattern = NamePattern::of("set-main.previous-is-zero", &Catalogue::embedded()).unwrap();
    let levels = Levels { overrides: vec![(pattern, Level::Must)] };
    let outcome = outcome_of(&Settings { levels, ..Settings::default() }, vec![undemoted()]);
    assert_eq!(verdict(&outcome, "set-main.previous-is-zero").0, Verdict::Violated);
}

#[test]
fn a_known_defect_at_a_further_operation_is_new() {
    let at = |endpoint| failure("response.schema", endpoint, ConditionScope::Anywhere, 1);
    let earlier = outcome_of(&Settings::default(), vec![at(Endpoint::Get)]);
    let mut same = earlier.clone();
    same.measure_by(&earlier);
    assert_eq!((same.findings[0].severity, same.exit_code()), (Severity::Known, 0));
    let mut wider = outcome_of(&Settings::default(), vec![at(Endpoint::Get), at(Endpoint::Delete)]);
    assert_eq!(wider.findings[0].fingerprint, earlier.findings[0].fingerprint);
    wider.measure_by(&earlier);
    assert_eq!((wider.findings[0].severity, wider.exit_code()), (Severity::Violation, 1));
}

#[test]
fn the_most_severe_findings_come_first() {
    let warning = failure("list.order", Endpoint::List, ConditionScope::Operation, 1);
    let mut doubtful = failure("create.echo", Endpoint::Create, ConditionScope::Operation, 1);
    doubtful.evidence.confirmation = Confirmation::Intermittent;
    let outcome = outcome_of(&Settings::default(), vec![warning, doubtful, undemoted()]);
    let rules: Vec<_> = outcome.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, [DEMOTES, "create.echo", "list.order"]);
}

/// A failure with the response `received`.
fn received_failure(condition: &'static str, difference: &'static str, endpoint: Endpoint, received: &str) -> Failure {
    let rule = condition.split('/').next().unwrap();
    Failure {
        condition: condition.into(),
        difference: difference.into(),
        received: received.to_owned(),
        ..failure(rule, endpoint, ConditionScope::Anywhere, 2)
    }
}

/// The rule of each finding, with the further rules that it violates.
fn joined(failures: Vec<Failure>) -> Vec<String> {
    let outcome = outcome_of(&Settings::default(), failures);
    outcome.findings.iter().map(|finding| format!("{} {:?}", finding.rule, finding.also)).collect()
}

#[test]
fn a_consequence_becomes_part_of_its_cause() {
    let moved = || received_failure("offering.created-at-immutable/created-at", "", Endpoint::Update, "another time");
    let order = || received_failure("list.order/order", "", Endpoint::List, "another order");
    assert_eq!(joined(vec![order(), moved()]), ["offering.created-at-immutable [\"list.order\"]"]);
    assert_eq!(joined(vec![order()]), ["list.order []"], "alone it is a finding of its own");
    let page = received_failure("list.pages-cover/page", "ids", Endpoint::List, "another page");
    let listed = received_failure("delete.removes/listed", "offering is unexpected", Endpoint::Delete, "it is listed");
    let whole = joined(vec![order(), page, listed]);
    assert_eq!(whole, ["delete.removes [\"list.pages-cover\", \"list.order\"]"], "also by way of another consequence");
}

#[test]
fn valid_requests_rejected_with_one_specific_code_are_joined() {
    let rejected = |condition, received| received_failure(condition, "rejected", Endpoint::Create, received);
    let taken = "409 offering_already_exists";
    let both = vec![rejected("create.id-bounds/rejected", taken), rejected("create.echo/rejected", taken)];
    assert_eq!(joined(both), ["create.echo [\"create.id-bounds\"]"], "ordinary requests come first");
    let invalid = "400 invalid_data";
    let two = vec![rejected("create.id-bounds/rejected", invalid), rejected("create.echo/rejected", invalid)];
    assert_eq!(joined(two).len(), 2, "a 400 does not show the reason");
    let other = received_failure("delete.removes/rejected", "rejected", Endpoint::Delete, taken);
    assert_eq!(joined(vec![rejected("create.echo/rejected", taken), other]).len(), 2, "another operation");
}

#[test]
fn a_wrong_code_is_explained_by_other_wrong_rejections() {
    let code = |received| received_failure("create.product-unknown/rejection", "code x", Endpoint::Create, received);
    let valid = || received_failure("create.product-bounds/rejected", "rejected", Endpoint::Create, "400 invalid_data");
    let one = joined(vec![code("400 invalid_data"), valid()]);
    assert_eq!(one, ["create.product-bounds [\"create.product-unknown\"]"]);
    assert_eq!(joined(vec![code("422 other"), valid()]).len(), 2, "another response");
    let accepted = received_failure("create.product-unknown/product", "accepted", Endpoint::Create, "201");
    assert_eq!(joined(vec![code("422 other"), accepted]).len(), 1, "the rule is not implemented");
}

#[test]
fn no_finding_joins_a_less_severe_one() {
    let warning = Failure {
        level: Some(Level::Should),
        ..received_failure("offering.created-at-immutable/created-at", "", Endpoint::Update, "another time")
    };
    let previous = received_failure("set-main.keeps-rest/previous", "contents", Endpoint::SetMain, "another time");
    assert_eq!(joined(vec![warning, previous]).len(), 2);
}

#[test]
fn a_blocked_rule_names_the_violation() {
    let mut result = CaseResult { blocked: [("get.existing", "get.missing")].into(), ..CaseResult::default() };
    result.check("get.missing", Some(failure("get.missing", Endpoint::Get, ConditionScope::Operation, 1)));
    let outcome = outcome_of_cases(&Settings::default(), vec![result]);
    let reason = "not reached: a violation of get.missing came first";
    assert_eq!(verdict(&outcome, "get.existing"), (Verdict::Skipped, Some(reason)));
    let blocked_by = |rule: &str| outcome.rules.iter().find(|known| known.id == rule).unwrap().blocked_by.clone();
    assert_eq!(blocked_by("get.existing").as_deref(), Some("get.missing"));
    assert_eq!(blocked_by("create.echo"), None, "its own case found nothing");
    assert_eq!(outcome.exit_code(), 1);
}

#[test]
fn outdated_reads_are_one_finding() {
    let failed = |rule, confirmation, is_outdated| {
        let failure = failure(rule, Endpoint::Get, ConditionScope::Anywhere, 1);
        Failure { evidence: Evidence { confirmation, is_outdated, ..Evidence::default() }, ..failure }
    };
    let outdated = |rule| failed(rule, Confirmation::Confirmed, true);
    let intermittent = |rule| failed(rule, Confirmation::Intermittent, false);
    let (readable, listed) = ("create.readable", "list.agrees-with-get");
    assert_eq!(joined(vec![outdated(readable), outdated(listed)]), ["list.agrees-with-get [\"create.readable\"]"]);
    let wrong_expectation = vec![outdated(readable), intermittent("update.partial")];
    assert_eq!(joined(wrong_expectation), ["create.readable [\"update.partial\"]"]);
    assert_eq!(joined(vec![intermittent(readable), intermittent("update.partial")]).len(), 2, "no read was outdated");
    assert_eq!(joined(vec![outdated(listed), intermittent("response.schema")]).len(), 2, "not about what is stored");
    let stays = failed(readable, Confirmation::Confirmed, false);
    assert_eq!(joined(vec![outdated(listed), outdated(readable), stays]).len(), 2, "a read that stays wrong");
}
