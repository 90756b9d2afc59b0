//! Traces: the exchanges that reproduce a failure when sent again in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::oracle::conditions as row;
use super::oracle::{Call, Page, Reply};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};
use crate::finding::{CaseResult, Failure};

/// The maximum length of a trace. Longer traces lose their middle.
const MAX_STEPS: usize = 128;

/// The exchanges of a case, after the writes that prepared its project.
pub(super) struct Transcript {
    pub(super) exchanges: Vec<Arc<Exchange>>,
    /// The number of writes before the case: a failure depends on them only if it is about their offerings.
    pub(super) prepared: usize,
}

/// Sets the trace of every failure without one.
pub(super) fn attach(record: &mut CaseResult, transcript: &Transcript) {
    for failure in record.failures.iter_mut().filter(|failure| failure.trace.is_empty()) {
        failure.trace = leading_to(transcript, &failure.at, &[], failure);
    }
}

/// A write and its effect on the main role.
struct TraceWrite<'t> {
    call: Call,
    at: &'t Arc<Exchange>,
    /// The main offering that it demotes, if an earlier response showed it.
    demotes: Option<String>,
    is_of_case: bool,
}

impl TraceWrite<'_> {
    fn is_promotion(&self) -> bool {
        self.call.endpoint == Endpoint::SetMain && self.at.response.is_success()
    }

    fn has_effect(&self) -> bool {
        self.at.response.is_success() || self.at.response.status >= 500
    }
}

/// The writes of a transcript before `end`.
fn writes(transcript: &Transcript, end: usize) -> Vec<TraceWrite<'_>> {
    let mut mains: BTreeMap<KeyRole, String> = BTreeMap::new();
    let calls = transcript.exchanges[..end].iter().enumerate().filter(|(_, at)| at.request.is_write());
    calls
        .filter_map(|(place, at)| {
            let call = Call::read(&at.request)?;
            let is_first = || Reply::read(&at.response).offering().is_some_and(Offering::is_main);
            let is_promoted = at.response.is_success()
                && (call.endpoint == Endpoint::SetMain || call.endpoint == Endpoint::Create && is_first());
            let former = if is_promoted { mains.insert(call.project(), call.id.clone()) } else { None };
            let demotes = former.filter(|former| *former != call.id);
            Some(TraceWrite { demotes, call, at, is_of_case: place >= transcript.prepared })
        })
        .collect()
}

/// Whether a server has had two offerings at once whose ids differ only in case.
fn is_case_sensitive(writes: &[TraceWrite<'_>]) -> bool {
    let mut existing: Vec<&str> = Vec::new();
    for TraceWrite { call, .. } in writes.iter().filter(|write| write.at.response.is_success()) {
        let id = call.id.as_str();
        match call.endpoint {
            Endpoint::Create if existing.iter().any(|known| *known != id && known.eq_ignore_ascii_case(id)) => {
                return true;
            }
            Endpoint::Create => existing.push(id),
            Endpoint::Delete => existing.retain(|known| *known != id),
            _ => {}
        }
    }
    false
}

/// The exchanges that lead to `at`, in order, `at` last: writes to its offerings and to `ids`, promotions that demote
/// one of them, writes with its idempotency key, and, if the failure is about roles, set-mains. A list without `ids`
/// depends on every write.
pub(super) fn leading_to(
    transcript: &Transcript,
    at: &Arc<Exchange>,
    ids: &[&str],
    failure: &Failure,
) -> Vec<Arc<Exchange>> {
    let exchanges = &transcript.exchanges;
    let end = exchanges.iter().rposition(|exchange| Arc::ptr_eq(exchange, at)).unwrap_or(exchanges.len());
    let own = Call::read(&at.request);
    let mut ids: Vec<String> = ids.iter().filter(|id| !id.is_empty()).map(|id| (*id).to_owned()).collect();
    if let Some(call) = &own {
        ids.extend(Some(call.id.clone()).filter(|id| !id.is_empty()).into_iter().chain(call.after.clone()));
        // A server that reads an id otherwise returns another offering: it must exist again.
        ids.extend(returned_id(at).filter(|_| call.endpoint != Endpoint::Create));
    }
    let key = own.as_ref().and_then(|call| call.key.clone());
    let writes = writes(transcript, end);
    let concerns_roles = std::iter::once(&failure.rule).chain(&failure.also).any(|rule| ABOUT_ROLES.contains(rule))
        || own.as_ref().is_some_and(|call| call.endpoint == Endpoint::SetMain);
    let is_sensitive = is_case_sensitive(&writes);
    let is_same = |one: &str, id: &str| one == id || !is_sensitive && one.eq_ignore_ascii_case(id);
    let is_one_of = |ids: &[String], id: &str| ids.iter().any(|one| is_same(one, id));
    let changes_role = |write: &&TraceWrite<'_>| {
        write.is_promotion()
            && (concerns_roles && write.is_of_case
                || write.demotes.as_ref().is_some_and(|former| is_one_of(&ids, former)))
    };
    let promoted: Vec<String> = writes.iter().filter(changes_role).map(|write| write.call.id.clone()).collect();
    let is_alone = ids.is_empty() && promoted.is_empty();
    let is_list = is_alone && own.as_ref().is_some_and(|call| call.endpoint == Endpoint::List);
    let is_elsewhere = |write: &&TraceWrite<'_>| {
        let project = own.as_ref().map(Call::project);
        failure.condition == row::ISOLATION_EFFECT.id && write.has_effect() && Some(write.call.project()) != project
    };
    let elsewhere = writes.iter().rev().find(is_elsewhere).map(|write| Arc::as_ptr(write.at));
    let concerns = |write: &&TraceWrite<'_>| {
        let creates_promoted = write.call.endpoint == Endpoint::Create && is_one_of(&promoted, &write.call.id);
        is_one_of(&ids, &write.call.id)
            || creates_promoted
            || changes_role(write)
            || concerns_roles && is_one_of(&promoted, &write.call.id)
            || is_list && write.is_of_case && write.has_effect()
            || elsewhere == Some(Arc::as_ptr(write.at))
            || key.is_some() && write.call.key == key
    };
    let mut trace: Vec<Arc<Exchange>> = writes.iter().filter(concerns).map(|write| Arc::clone(write.at)).collect();
    trace.dedup_by(|a, b| Arc::ptr_eq(a, b));
    order_as_listed(&mut trace, at);
    if trace.len() >= MAX_STEPS {
        trace.drain(MAX_STEPS / 2..trace.len() + 1 - MAX_STEPS / 2);
    }
    trace.push(Arc::clone(at));
    if let Some(read) = own.as_ref().and_then(|call| earlier_get(&exchanges[..end], call, failure)) {
        insert(&mut trace, read);
    }
    if failure.condition == row::LIST_NEXT_CURSOR.id
        && let Some(read) = own.as_ref().and_then(|call| page_before(&exchanges[..end], call))
    {
        insert(&mut trace, read);
    }
    if failure.rule == row::LIST_FOREIGN.rule()
        && let Some(read) = list_of_other(&exchanges[..end], &trace, own.as_ref(), &ids)
    {
        insert(&mut trace, read);
    }
    trace
}

/// Orders creates that were sent at once as the server executed them, by their order in the page that `at` returned: sent
/// one after another, they then lead to the same page.
fn order_as_listed(trace: &mut [Arc<Exchange>], at: &Exchange) {
    let reply = Reply::read(&at.response);
    let Some(page) = reply.page() else { return };
    let place = |create: &Arc<Exchange>| {
        let call = Call::read(&create.request).filter(|call| call.endpoint == Endpoint::Create)?;
        page.ids().position(|id| id == call.id)
    };
    let places: Vec<usize> = trace.iter().filter_map(place).collect();
    let ascending = places.iter().zip(places.iter().skip(1)).filter(|(one, next)| one < next).count();
    let is_newest_first = 2 * ascending < places.len().saturating_sub(1);
    for creates in trace.chunk_by_mut(|one, next| place(one).is_some() && place(next).is_some()) {
        creates.sort_by_key(|create| {
            let place = place(create).unwrap_or_default();
            if is_newest_first { page.offerings.len() - place } else { place }
        });
    }
}

/// The last get of the same offering that succeeded after the last write to it: a server may fail only the next one.
fn earlier_get<'t>(transcript: &'t [Arc<Exchange>], own: &Call, failure: &Failure) -> Option<&'t Arc<Exchange>> {
    if own.endpoint != Endpoint::Get || failure.rule != row::GET_REJECTED.rule() {
        return None;
    }
    let is_same = |exchange: &Exchange| {
        Call::read(&exchange.request).is_some_and(|call| call.id == own.id && call.project() == own.project())
    };
    let last = transcript.iter().rev().find(|exchange| is_same(exchange))?;
    (!last.request.is_write() && last.response.is_success()).then_some(last)
}

/// The last page whose `next_cursor` is the cursor of a list request.
fn page_before<'t>(transcript: &'t [Arc<Exchange>], own: &Call) -> Option<&'t Arc<Exchange>> {
    transcript.iter().rev().find(|exchange| {
        let reply = Reply::read(&exchange.response);
        !exchange.request.is_write()
            && own.after.is_some()
            && reply.page().is_some_and(|page| page.next_cursor == own.after)
            && Call::read(&exchange.request).is_some_and(|call| call.project() == own.project())
    })
}

/// The last list of another project that contains one of `ids` that no step of the trace creates.
fn list_of_other<'t>(
    transcript: &'t [Arc<Exchange>],
    trace: &[Arc<Exchange>],
    own: Option<&Call>,
    ids: &[String],
) -> Option<&'t Arc<Exchange>> {
    let created: Vec<String> = trace
        .iter()
        .filter_map(|exchange| Call::read(&exchange.request))
        .filter(|call| call.endpoint == Endpoint::Create)
        .map(|call| call.id)
        .collect();
    let existing: Vec<&String> = ids.iter().filter(|id| !created.contains(*id)).collect();
    transcript.iter().rev().filter(|exchange| !exchange.request.is_write()).find(|exchange| {
        let is_of_other = Call::read(&exchange.request)
            .is_some_and(|call| call.endpoint == Endpoint::List && Some(call.project()) != own.map(Call::project));
        let shows = |page: &Page| page.ids().any(|id| existing.iter().any(|one| *one == id));
        is_of_other && Reply::read(&exchange.response).page().is_some_and(shows)
    })
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
