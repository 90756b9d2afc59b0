//! The few exchanges of a transcript that a failure rests on.

use std::sync::Arc;

use serde_json::Value;

use crate::contract::Endpoint;
use crate::exchange::Exchange;
use crate::finding::Record;

/// Longer stories lose their middle.
const LONGEST: usize = 24;

/// Gives every failure that has none of its own its story: out of `told`, or where a case tells nothing, out of all.
pub(super) fn tell(record: &mut Record, transcript: &[Arc<Exchange>], told: &[Arc<Exchange>]) {
    for failure in record.failures.iter_mut().filter(|failure| failure.trace.is_empty()) {
        failure.trace =
            if told.is_empty() { leading_to(transcript, &failure.at) } else { told_until(told, &failure.at) };
    }
}

/// The exchanges that lead to `at`, in order, `at` last: the writes on the offerings that `at` concerns and what was
/// read of them right before. What `at` shows when it is a list concerns every write of the case.
pub(super) fn leading_to(transcript: &[Arc<Exchange>], at: &Arc<Exchange>) -> Vec<Arc<Exchange>> {
    let end = transcript.iter().position(|exchange| Arc::ptr_eq(exchange, at)).unwrap_or(transcript.len());
    let ids = ids_of(at);
    let mut story: Vec<_> = transcript[..end]
        .iter()
        .filter(|exchange| {
            exchange.request.is_write()
                && exchange.request.operation.endpoint().is_some()
                && (ids.is_empty() || is_promotion(exchange) || ids_of(exchange).iter().any(|id| ids.contains(id)))
        })
        .cloned()
        .collect();
    if story.len() >= LONGEST {
        story.drain(LONGEST / 2..story.len() + 1 - LONGEST / 2);
    }
    story.push(Arc::clone(at));
    story
}

/// The exchanges of `told` that were over when `at` was asked, and `at`.
fn told_until(told: &[Arc<Exchange>], at: &Arc<Exchange>) -> Vec<Arc<Exchange>> {
    let before = told.iter().filter(|exchange| exchange.ended <= at.started && !Arc::ptr_eq(exchange, at));
    let mut story: Vec<_> = before.cloned().collect();
    if story.len() >= LONGEST {
        story.drain(LONGEST / 2..story.len() + 1 - LONGEST / 2);
    }
    story.push(Arc::clone(at));
    story
}

/// A promotion changes two offerings but names one.
fn is_promotion(exchange: &Exchange) -> bool {
    exchange.request.operation.endpoint() == Some(Endpoint::SetMain) && exchange.answer.is_success()
}

fn ids_of(exchange: &Exchange) -> Vec<String> {
    let in_body =
        exchange.request.json_body().and_then(|body| body.get("id").and_then(Value::as_str).map(str::to_owned));
    exchange.request.path_id().into_iter().chain(in_body).collect()
}
