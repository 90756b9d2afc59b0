//! Joins the findings of one defect: a finding becomes part of another that explains it.
//!
//! A part is at most as severe as the finding that explains it, which receives the rules and the count of the part.
//! Start at [`join`].

use std::collections::{BTreeMap, BTreeSet};

use super::outdated::OutdatedReads;
use crate::contract::{Catalogue, Endpoint, Level, RuleScope};
use crate::finding::Finding;
use crate::offerings::oracle::consequences::{causes, is_of_special_request, is_race_order, occurs_in_races};

/// The difference of a valid request that was rejected.
const REJECTED: &str = "rejected";

/// The difference of a request that had to be rejected.
const ACCEPTED: &str = "accepted";

/// The end of the condition of a request that was not rejected as its rule requires.
const OTHER_REJECTION: &str = "/rejection";

/// Maps the fingerprint of each part to that of the finding that explains it.
type Causes = BTreeMap<String, String>;

/// Joins findings with those that explain them.
pub(super) fn join(findings: &mut BTreeMap<String, Finding>, rules: &Catalogue, outdated: &OutdatedReads) {
    let mut explained = Causes::new();
    let first_outdated = outdated.first(findings);
    for part in findings.values() {
        let mut explains: Vec<_> = findings
            .values()
            .filter(|whole| whole.severity <= part.severity && whole.fingerprint != part.fingerprint)
            .filter_map(|whole| {
                let is_outdated = first_outdated.as_ref() == Some(&whole.fingerprint) && outdated.explain(part);
                Some((rank(part, whole, rules).or(is_outdated.then_some(usize::MAX))?, whole))
            })
            .collect();
        let order = |(rank, whole): &(usize, &Finding)| (*rank, whole.steps.len(), whole.fingerprint.clone());
        explains.sort_by_cached_key(order);
        let is_free = |whole: &&Finding| root(&explained, &whole.fingerprint) != part.fingerprint;
        if let Some(whole) = explains.into_iter().map(|(_, whole)| whole).find(is_free) {
            explained.insert(part.fingerprint.clone(), whole.fingerprint.clone());
        }
    }
    for fingerprint in explained.keys() {
        let Some(part) = findings.remove(fingerprint) else { continue };
        let Some(whole) = findings.get_mut(root(&explained, fingerprint)) else { continue };
        whole.count += part.count;
        for rule in std::iter::once(part.rule).chain(part.also) {
            if whole.rule != rule && !whole.also.contains(&rule) {
                whole.also.push(rule);
            }
        }
    }
}

/// The finding at the end of the chain of causes.
fn root<'c>(causes: &'c Causes, fingerprint: &'c str) -> &'c str {
    let mut root = fingerprint;
    while let Some(whole) = causes.get(root) {
        root = whole;
    }
    root
}

/// How well `whole` explains `part`, 0 best; `None` if it does not.
fn rank(part: &Finding, whole: &Finding, rules: &Catalogue) -> Option<usize> {
    let is_other_rejection = part.condition.ends_with(OTHER_REJECTION);
    let operations = |finding: &Finding| finding.operations.iter().cloned().collect::<BTreeSet<_>>();
    let has_same_operations = operations(part) == operations(whole);
    let has_same_response = response(part).is_some() && response(part) == response(whole);
    let reasons = [
        is_of_any_response(part, whole, rules),
        part.rule == whole.rule && part.level != Level::Must && whole.level == Level::Must,
        is_other_rejection && part.rule == whole.rule && has_same_operations && whole.difference == ACCEPTED,
        // A server that rejects valid requests may reject others for the same wrong reason.
        is_other_rejection && whole.difference == REJECTED && has_same_operations && has_same_response,
        is_same_rejection(part, whole) && has_same_operations && has_same_response,
        // A server has one way to reject requests.
        is_other_rejection
            && whole.condition.ends_with(OTHER_REJECTION)
            && is_before(whole, part)
            && has_same_operations
            && has_same_response,
    ];
    if let Some(rank) = reasons.into_iter().position(|reason| reason) {
        return Some(rank);
    }
    let is_cause = |cause: &&str| whole.condition == **cause || whole.rule == **cause;
    if let Some(place) = causes(&part.condition).iter().position(is_cause) {
        return Some(reasons.len() + place);
    }
    race_rank(part, whole).map(|rank| 100 + rank)
}

/// Whether the part violates a rule for every response and the whole explains it: the same status at the same
/// operations. A body that violates its schema has no other explanation.
fn is_of_any_response(part: &Finding, whole: &Finding, rules: &Catalogue) -> bool {
    let rule = rules.rule(&part.rule);
    rule.is_some_and(|rule| rule.scope == RuleScope::Response && rule.id != "response.schema")
        && whole.also.contains(&part.rule)
        && part.operations.iter().all(|operation| whole.operations.contains(operation))
        && status(&whole.received).zip(status(&part.received)).is_none_or(|(one, other)| one == other)
}

/// Whether two valid requests were rejected for the same wrong reason. A 400 is too general to show the reason.
fn is_same_rejection(part: &Finding, whole: &Finding) -> bool {
    let is_specific = status(&part.received).is_some_and(|status| status != 400);
    is_specific && part.difference == REJECTED && whole.difference == REJECTED && is_before(whole, part)
}

/// Whether to report `one` of two findings of one defect: the more severe one, then the one of an ordinary request,
/// then the one with fewer steps.
fn is_before(one: &Finding, other: &Finding) -> bool {
    let order = |finding: &Finding| (finding.severity, is_of_special_request(&finding.condition), finding.steps.len());
    (order(one), &one.fingerprint) < (order(other), &other.fingerprint)
}

/// How well a finding explains a race whose responses fit no order, a condition that does not show the cause: best a
/// finding of one client, then a more specific one of another race.
fn race_rank(part: &Finding, whole: &Finding) -> Option<usize> {
    let shares_writes = || writes(part).any(|write| writes(whole).any(|other| other == write));
    if !is_race_order(&part.condition) || !shares_writes() {
        return None;
    }
    match () {
        () if whole.race.is_none() => occurs_in_races(&whole.condition).then_some(0),
        () if !is_race_order(&whole.condition) => Some(1),
        () => Some(2),
    }
}

/// The operations of the writes among the steps.
fn writes(finding: &Finding) -> impl Iterator<Item = &str> {
    let is_write = |operation: &&str| {
        let is_read = |endpoint: &Endpoint| endpoint.operation_id() == *operation;
        ![Endpoint::List, Endpoint::Get].iter().any(is_read)
    };
    finding.steps.iter().filter_map(|step| step.operation.as_deref()).filter(is_write)
}

/// Status and typed code at the beginning of the received value, if it starts with a status.
fn response(finding: &Finding) -> Option<(u16, Option<&str>)> {
    let mut words = finding.received.split(' ');
    Some((words.next()?.parse().ok()?, words.next()))
}

/// The status at the beginning of the received value, if it starts with one.
fn status(received: &str) -> Option<u16> {
    received.split(' ').next()?.parse().ok()
}
