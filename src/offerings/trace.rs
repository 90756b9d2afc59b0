//! Traces: the exchanges that reproduce a failure when sent again in order.

use std::sync::Arc;

use super::oracle::Call;
use crate::contract::Endpoint;
use crate::exchange::Exchange;
use crate::finding::{CaseResult, Failure};

/// The maximum length of a trace. Longer traces lose their middle.
const MAX_STEPS: usize = 24;

/// Sets the trace of every failure without one.
pub(super) fn attach(record: &mut CaseResult, transcript: &[Arc<Exchange>]) {
    for failure in record.failures.iter_mut().filter(|failure| failure.trace.is_empty()) {
        failure.trace = leading_to(transcript, &failure.at, &[], failure);
    }
}

/// The exchanges that lead to `at`, in order, `at` last: writes to its offerings and to `ids`, writes with its
/// idempotency key, and, if the failure is about roles, set-mains. A list depends on every write.
pub(super) fn leading_to(
    transcript: &[Arc<Exchange>],
    at: &Arc<Exchange>,
    ids: &[&str],
    failure: &Failure,
) -> Vec<Arc<Exchange>> {
    let end = transcript.iter().rposition(|exchange| Arc::ptr_eq(exchange, at)).unwrap_or(transcript.len());
    let own = Call::read(&at.request);
    let mut ids: Vec<String> = ids.iter().filter(|id| !id.is_empty()).map(|id| (*id).to_owned()).collect();
    if let Some(call) = &own {
        ids.extend(Some(call.id.clone()).filter(|id| !id.is_empty()).into_iter().chain(call.after.clone()));
        // A server that reads an id otherwise returns another offering: it must exist again.
        ids.extend(returned_id(at).filter(|_| call.endpoint != Endpoint::Create));
    }
    let key = own.as_ref().and_then(|call| call.key.clone());
    let writes: Vec<(Call, &Arc<Exchange>)> = transcript[..end]
        .iter()
        .filter(|exchange| exchange.request.is_write())
        .filter_map(|exchange| Some((Call::read(&exchange.request)?, exchange)))
        .collect();
    let concerns_roles = std::iter::once(&failure.rule).chain(&failure.also).any(|rule| ABOUT_ROLES.contains(rule))
        || own.as_ref().is_some_and(|call| call.endpoint == Endpoint::SetMain);
    let is_promotion =
        |call: &Call, exchange: &Exchange| call.endpoint == Endpoint::SetMain && exchange.response.is_success();
    if concerns_roles {
        let promoted =
            writes.iter().filter(|(call, exchange)| is_promotion(call, exchange)).map(|(call, _)| call.id.clone());
        ids.extend(promoted.collect::<Vec<_>>());
    }
    let is_alone = ids.is_empty() && own.as_ref().is_none_or(|call| call.endpoint != Endpoint::List);
    let concerns = |call: &Call, exchange: &Exchange| {
        let has_effect = exchange.response.is_success() || exchange.response.status >= 500;
        let names = ids.iter().any(|id| id.eq_ignore_ascii_case(&call.id));
        let is_list = ids.is_empty() && !is_alone && has_effect;
        names || is_list || concerns_roles && is_promotion(call, exchange) || key.is_some() && call.key == key
    };
    let mut trace: Vec<Arc<Exchange>> = writes
        .iter()
        .filter(|(call, exchange)| concerns(call, exchange))
        .map(|(_, exchange)| Arc::clone(exchange))
        .collect();
    trace.dedup_by(|a, b| Arc::ptr_eq(a, b));
    if trace.len() >= MAX_STEPS {
        trace.drain(MAX_STEPS / 2..trace.len() + 1 - MAX_STEPS / 2);
    }
    trace.push(Arc::clone(at));
    trace
}

/// The id of the offering that a response contains.
fn returned_id(exchange: &Exchange) -> Option<String> {
    let body = exchange.response.json()?;
    Some(body.get("id")?.as_str()?.to_owned())
}

/// Inserts a read into a trace in order of time.
pub(super) fn insert(trace: &mut Vec<Arc<Exchange>>, read: &Arc<Exchange>) {
    if trace.iter().any(|known| Arc::ptr_eq(known, read)) {
        return;
    }
    let place = trace.partition_point(|known| known.started <= read.started);
    trace.insert(place.min(trace.len().saturating_sub(1)), Arc::clone(read));
}

/// Rules about which offering is main.
const ABOUT_ROLES: [&str; 9] = [
    "invariant.single-main",
    "invariant.main-exists",
    "set-main.promotes",
    "set-main.demotes-previous",
    "set-main.previous-is-zero",
    "set-main.idempotency-replay",
    "set-main.again",
    "update.demote-rejected",
    "create.tag-regular",
];
