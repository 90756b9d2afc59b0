//! `/v4/offerings/{offering_id}`: get, update, delete and set-main.

use http::StatusCode;

use super::super::answer::{Answer, Refusal};
use super::super::call::Call;
use super::super::store::Shared;
use super::super::validate;

/// GET.
pub(super) fn read(project: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let offering = project.lock().read(&id(call)?)?;
    Ok(Answer::json(StatusCode::OK, offering.to_json()))
}

/// PATCH.
pub(super) fn update(project: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let id = id(call)?;
    let change = validate::change(&call.json()?)?;
    let offering = project.lock().update(&id, change)?;
    Ok(Answer::json(StatusCode::OK, offering.to_json()))
}

/// DELETE.
pub(super) fn delete(project: &Shared, call: &Call) -> Result<Answer, Refusal> {
    project.lock().delete(&id(call)?)?;
    Ok(Answer::no_content())
}

/// POST to set-main: the body, if any, is not looked at.
pub(super) fn set_main(project: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let id = id(call)?;
    let mut project = project.lock();
    if let Some(before) = project.replays.find(call) {
        return Ok(before);
    }
    let answer = Answer::json(StatusCode::OK, project.set_main(&id)?.to_json());
    project.replays.keep(call, &answer);
    Ok(answer)
}

/// The offering id of the path, its syntax judged.
fn id(call: &Call) -> Result<String, Refusal> {
    let id = call.id()?;
    validate::offering_id("offering_id", &id).map_err(|wrong| Refusal::invalid(vec![wrong]))?;
    Ok(id)
}
