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
        // A server that reads an id or a key otherwise returns another offering: it must exist again.
        ids.extend(returned_id(at).filter(|_| call.endpoint != Endpoint::Create || call.key.is_some()));
    }
    let key = own.as_ref().and_then(|call| call.key.clone());
    let writes = writes(transcript, end);
    if let Some(call) = own.as_ref().filter(|_| failure.condition == row::ISOLATION_EFFECT.id) {
        ids.extend(written_elsewhere(&exchanges[..end], call));
    }
    let concerns_roles = std::iter::once(&failure.rule).chain(&failure.also).any(|rule| ABOUT_ROLES.contains(rule))
        || own.as_ref().is_some_and(|call| call.endpoint == Endpoint::SetMain);
    let is_sensitive = is_case_sensitive(&writes);
    let is_same = |one: &str, id: &str| {
        let (one, id) = (one.trim(), id.trim());
        one == id || !is_sensitive && one.eq_ignore_ascii_case(id)
    };
    let is_one_of = |ids: &[String], id: &str| ids.iter().any(|one| is_same(one, id));
    let changes_role = |write: &&TraceWrite<'_>| {
        write.is_promotion()
            && (concerns_roles && write.is_of_case
                || write.demotes.as_ref().is_some_and(|former| is_one_of(&ids, former)))
    };
    let promoted: Vec<String> = writes.iter().filter(changes_role).map(|write| write.call.id.clone()).collect();
    let is_alone = ids.is_empty() && promoted.is_empty();
    let is_list = own.as_ref().is_some_and(|call| {
        call.endpoint == Endpoint::List && (is_alone || call.after.as_ref().is_some_and(|id| !exists(&writes, id)))
    });
    let concerns = |write: &&TraceWrite<'_>| {
        let creates_promoted = write.call.endpoint == Endpoint::Create && is_one_of(&promoted, &write.call.id);
        is_one_of(&ids, &write.call.id)
            || creates_promoted
            || changes_role(write)
            || concerns_roles && is_one_of(&promoted, &write.call.id)
            || is_list && write.is_of_case && write.has_effect()
            || key.is_some() && write.call.key == key
    };
    let mut trace: Vec<Arc<Exchange>> = writes.iter().filter(concerns).map(|write| Arc::clone(write.at)).collect();
    trace.dedup_by(|a, b| Arc::ptr_eq(a, b));
    order_as_listed(&mut trace, &exchanges[..end], at);
    if trace.len() >= MAX_STEPS {
        trace.drain(MAX_STEPS / 2..trace.len() + 1 - MAX_STEPS / 2);
    }
    trace.push(Arc::clone(at));
    if let Some(call) = &own {
        for read in reads(&exchanges[..end], &trace, at, call, failure, &ids) {
            insert(&mut trace, read);
        }
    }
    trace
}

/// Orders creates that were sent at once as the server executed them: by the times in their responses, else by the order
/// in the page that `at` returned. Sent one after another, they then lead to the same page.
fn order_as_listed(trace: &mut [Arc<Exchange>], transcript: &[Arc<Exchange>], at: &Exchange) {
    let reply = Reply::read(&at.response);
    let cursor = Call::read(&at.request).and_then(|call| call.after);
    let ids: Vec<&str> = cursor.as_deref().into_iter().chain(reply.page().into_iter().flat_map(Page::ids)).collect();
    let created = |exchange: &Exchange| {
        Call::read(&exchange.request).filter(|call| call.endpoint == Endpoint::Create).map(|call| call.id)
    };
    let place = |create: &Exchange| created(create).and_then(|created| ids.iter().position(|id| *id == created));
    let is_newest_first = is_newest_first(transcript);
    for creates in trace.chunk_by_mut(|one, next| created(one).is_some() && created(next).is_some()) {
        sort_accepted(creates, |create| {
            Reply::read(&create.response).offering().map(|offering| offering.created_at.clone())
        });
        // Without a cursor, what the first page does not contain comes after it.
        if cursor.is_none() || creates.iter().all(|create| place(create).is_some()) {
            sort_accepted(creates, |create| {
                let place = place(create).unwrap_or(ids.len());
                if is_newest_first { ids.len() - place } else { place }
            });
        }
    }
}

/// Sorts accepted creates. A duplicate follows the create of its id; any other rejected one, the one that it followed.
fn sort_accepted<K: Ord + Clone>(creates: &mut [Arc<Exchange>], key: impl Fn(&Exchange) -> K) {
    let id = |create: &Exchange| Call::read(&create.request).map(|call| (call.project(), call.id));
    let accepted = creates.iter().filter(|create| create.response.is_success());
    let keys: BTreeMap<_, _> = accepted.map(|create| (id(create), key(create))).collect();
    let mut last = None;
    let mut sorted: Vec<_> = creates
        .iter()
        .map(|create| {
            let is_duplicate = Reply::read(&create.response).is_conflict();
            let of_id = keys.get(&id(create)).filter(|_| is_duplicate || create.response.is_success());
            last = of_id.cloned().or_else(|| last.take());
            (last.clone(), !create.response.is_success(), Arc::clone(create))
        })
        .collect();
    sorted.sort_by(|(one, is_rejected, _), (next, rejects_next, _)| (one, is_rejected).cmp(&(next, rejects_next)));
    for (place, (_, _, create)) in creates.iter_mut().zip(sorted) {
        *place = create;
    }
}

/// Whether the last page with offerings of different times begins with the newest.
fn is_newest_first(transcript: &[Arc<Exchange>]) -> bool {
    let falls = |exchange: &Arc<Exchange>| {
        let reply = Reply::read(&exchange.response);
        let offerings = &reply.page()?.offerings;
        let (first, last) = (offerings.first()?, offerings.last()?);
        (first.created_at != last.created_at).then(|| first.created_at > last.created_at)
    };
    transcript.iter().rev().find_map(falls).unwrap_or_default()
}

/// Whether an offering exists after these writes; true if they do not create it.
fn exists(writes: &[TraceWrite<'_>], id: &str) -> bool {
    let of_id = writes.iter().rev().filter(|write| write.call.id == id && write.at.response.is_success());
    of_id.map(|write| write.call.endpoint != Endpoint::Delete).next().unwrap_or(true)
}

/// The last page that names `cursor` as the next one, and the page that its last id leads to.
fn pages_before<'t>(transcript: &'t [Arc<Exchange>], cursor: &str) -> Vec<&'t Arc<Exchange>> {
    let page = |exchange: &Exchange| Reply::read(&exchange.response).page().cloned();
    let names =
        |exchange: &&Arc<Exchange>| page(exchange).is_some_and(|page| page.next_cursor.as_deref() == Some(cursor));
    let Some(first) = transcript.iter().rev().find(names) else { return Vec::new() };
    let last = page(first).and_then(|page| page.ids().last().map(str::to_owned));
    let follows = |exchange: &&Arc<Exchange>| {
        let call = Call::read(&exchange.request).filter(|call| call.endpoint == Endpoint::List);
        call.is_some_and(|call| call.after.is_some() && call.after == last)
    };
    std::iter::once(first).chain(transcript.iter().rev().find(follows)).collect()
}

/// The ids of the writes to other projects since this one was last read, one of which has changed it.
fn written_elsewhere(transcript: &[Arc<Exchange>], own: &Call) -> Vec<String> {
    let calls = transcript.iter().rev().filter_map(|exchange| Some((exchange, Call::read(&exchange.request)?)));
    calls
        .skip_while(|(exchange, call)| !exchange.request.is_write() && call.project() == own.project())
        .take_while(|(exchange, call)| exchange.request.is_write() || call.project() != own.project())
        .filter(|(exchange, call)| {
            call.project() != own.project() && exchange.response.is_success() && exchange.request.is_write()
        })
        .map(|(_, call)| call.id)
        .collect()
}

/// The earlier reads whose responses the expectation of `own` depends on.
fn reads<'t>(
    transcript: &'t [Arc<Exchange>],
    trace: &[Arc<Exchange>],
    at: &Exchange,
    own: &Call,
    failure: &Failure,
    ids: &[String],
) -> Vec<&'t Arc<Exchange>> {
    match &own.after {
        _ if failure.rule == row::GET_REJECTED.rule() => earlier_get(transcript, own).into_iter().collect(),
        _ if failure.condition == row::ISOLATION_EFFECT.id => {
            list_before_writes(transcript, trace, own).into_iter().collect()
        }
        _ if failure.rule == row::LIST_FOREIGN.rule() => {
            list_of_other(transcript, trace, own, ids).into_iter().collect()
        }
        Some(cursor) if failure.rule == row::LIST_NEXT_CURSOR.rule() => pages_before(transcript, cursor),
        _ if failure.rule == row::LIST_ORDER.rule() || failure.condition == row::LIST_PAGES.id => {
            list_before(transcript, at, own).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The last get of the same offering that succeeded after the last write to it: a server may fail only the next one.
fn earlier_get<'t>(transcript: &'t [Arc<Exchange>], own: &Call) -> Option<&'t Arc<Exchange>> {
    if own.endpoint != Endpoint::Get {
        return None;
    }
    let is_same = |exchange: &Exchange| {
        Call::read(&exchange.request).is_some_and(|call| call.id == own.id && call.project() == own.project())
    };
    let last = transcript.iter().rev().find(|exchange| is_same(exchange))?;
    (!last.request.is_write() && last.response.is_success()).then_some(last)
}

/// The earlier list that shows the order in which `at` should be: with its cursor, else with an offering of its page.
fn list_before<'t>(transcript: &'t [Arc<Exchange>], at: &Exchange, own: &Call) -> Option<&'t Arc<Exchange>> {
    let reply = Reply::read(&at.response);
    let ids: Vec<&str> = reply.page().into_iter().flat_map(Page::ids).collect();
    let lists = || transcript.iter().rev().filter(|read| is_list_like(read, own));
    let last_with = |shows: &dyn Fn(&str) -> bool| {
        lists().find(|read| Reply::read(&read.response).page().is_some_and(|page| page.ids().any(shows)))
    };
    let of_cursor = own.after.as_deref().and_then(|cursor| last_with(&|id| id == cursor));
    of_cursor.or_else(|| last_with(&|id| ids.contains(&id))).or_else(|| lists().next())
}

/// Whether an exchange is a successful list of the same project.
fn is_list_like(exchange: &Exchange, own: &Call) -> bool {
    let call = Call::read(&exchange.request);
    exchange.response.is_success()
        && call.is_some_and(|call| call.endpoint == Endpoint::List && call.project() == own.project())
}

/// The last list of another project that contains one of `ids` that no step of the trace creates.
fn list_of_other<'t>(
    transcript: &'t [Arc<Exchange>],
    trace: &[Arc<Exchange>],
    own: &Call,
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
            .is_some_and(|call| call.endpoint == Endpoint::List && call.project() != own.project());
        let shows = |page: &Page| page.ids().any(|id| existing.iter().any(|one| *one == id));
        is_of_other && Reply::read(&exchange.response).page().is_some_and(shows)
    })
}

/// The last list of the project of `own` before the writes of the trace: it shows the offering before it changed.
fn list_before_writes<'t>(
    transcript: &'t [Arc<Exchange>],
    trace: &[Arc<Exchange>],
    own: &Call,
) -> Option<&'t Arc<Exchange>> {
    let first = transcript.iter().position(|exchange| Arc::ptr_eq(exchange, &trace[0]))?;
    let shows = |read: &&Arc<Exchange>| {
        let reply = Reply::read(&read.response);
        is_list_like(read, own) && reply.page().is_some_and(|page| page.ids().any(|id| id == own.id))
    };
    transcript[..first].iter().rev().find(shows)
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
