//! Ids that no offering can have, in the path of an operation on one.

use std::sync::Arc;

use serde_json::Value;

use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::lane::Halt;
use crate::offerings::Stage;

/// What else than 400 an operation may answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Else {
    /// Nothing.
    Never,
    /// 404, which is noted.
    NotFound,
}

/// Invalid ids, each with the words that a title names it by. Most begin with an existing id: a server that cuts off
/// what it does not like must not find that offering.
fn invalid(existing: &str) -> [(&'static str, String); 6] {
    [
        ("a path with an id of 65 characters", format!("{existing:x<65}")),
        ("a path with `@` in the id", format!("{existing}@")),
        ("a path with `é` in the id", format!("{existing}é")),
        ("a path with `%` in the id", format!("{existing}%")),
        ("a path with a tab in the id", format!("{existing}\ty")),
        ("a path with a trailing line break in the id", format!("{existing}\n")),
    ]
}

/// Sends `endpoint` with every invalid id and claims the refusal; the last exchange comes back.
///
/// # Errors
/// [`Halt::World`] when no answer came.
pub(super) async fn refused(
    stage: &mut Stage,
    rule: &'static str,
    endpoint: Endpoint,
    (existing, body): (&str, Option<&Value>),
    otherwise: Else,
) -> Result<Option<Arc<Exchange>>, Halt> {
    // What an id of 65 characters becomes where it is cut.
    stage.make(&format!("{existing:x<64}"), &[]).await?;
    let mut last = None;
    let ids = invalid(existing);
    let request = |id: &str| {
        let request = Request::to(endpoint).id(id);
        body.map_or(request.clone(), |body| request.json(body))
    };
    let requests = ids.each_ref().map(|(_, id)| request(id));
    for ((what, _), answered) in ids.iter().zip(stage.send_all(&requests).await?) {
        if answered.answer.status == 404 && otherwise == Else::NotFound {
            let record = stage.record();
            record.checked(rule);
            record.drift(endpoint.operation_id(), "answers 404 to an invalid id");
        } else {
            stage.claim(rule, &answered).refused(400, &[], what);
        }
        last = Some(answered);
    }
    Ok(last)
}
