//! `/v4/offerings`: list and create.

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::super::answer::{Answer, Refusal};
use super::super::call::Call;
use super::super::offering::Offering;
use super::super::page::Window;
use super::super::store::Shared;
use super::super::validate;

/// GET: one page.
pub(super) fn list(project: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let page = project.lock().page(&window(call)?);
    let next_cursor = page
        .items
        .last()
        .filter(|_| page.has_more)
        .map(|last| last.id.as_str());
    let data: Value = page.items.iter().map(Offering::to_json).collect();
    let body = json!({
        "object": "list",
        "url": "/v4/offerings",
        "data": data,
        "has_more": page.has_more,
        "next_cursor": next_cursor,
    });
    let answer = Answer::json(StatusCode::OK, body);
    Ok(if page.restarted {
        answer.with_header(
            "x-qon-pagination-restarted",
            HeaderValue::from_static("true"),
        )
    } else {
        answer
    })
}

/// What the query asks for; undocumented parameters are ignored.
fn window(call: &Call) -> Result<Window, Refusal> {
    let (limit, after) = (call.query("limit")?, call.query("starting_after")?);
    let cursor = after.as_deref().map_or(Ok(()), |after| {
        validate::offering_id("starting_after", after)
    });
    match (validate::limit(limit.as_deref()), cursor) {
        (Ok(limit), Ok(())) => Ok(Window { limit, after }),
        (limit, cursor) => Err(Refusal::invalid(
            limit.err().into_iter().chain(cursor.err()).collect(),
        )),
    }
}

/// POST: a new offering, or the answer that this idempotency key got before.
pub(super) fn create(project: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let draft = validate::draft(&call.json()?)?;
    let mut project = project.lock();
    if let Some(before) = project.replays.find(call) {
        return Ok(before);
    }
    let answer = Answer::json(StatusCode::CREATED, project.create(draft)?.to_json());
    project.replays.keep(call, &answer);
    Ok(answer)
}
