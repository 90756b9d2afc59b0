//! What became of a write whose response was lost: the state tells, where it can.

use super::{KeyRole, Request, Response};
use crate::contract::Endpoint;

/// What is known of a write without a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WriteOutcome {
    /// It was not applied: sending it again does what it was meant to do.
    NotApplied,
    /// It may have been applied.
    Unknown,
}

/// The read whose response tells what became of `request`, or `None` when no read does.
pub(super) fn question(request: &Request) -> Option<Request> {
    let id = match request.operation.endpoint()? {
        Endpoint::Create => request.json_body()?.get("id")?.as_str()?.to_owned(),
        Endpoint::Update | Endpoint::Delete | Endpoint::SetMain => request.path_id()?,
        Endpoint::List | Endpoint::Get => return None,
    };
    let is_addressable = !matches!(id.as_str(), "" | "." | "..");
    is_addressable.then(|| Request::to(Endpoint::Get).id(&id).key(request.role().unwrap_or(KeyRole::Main)))
}

/// Whether sending a write twice does no more than sending it once: an update and a set-main do the same again, and a
/// create that names no offering must be rejected both times.
pub(super) fn is_repeatable(request: &Request) -> bool {
    match request.operation.endpoint() {
        Some(Endpoint::Update | Endpoint::SetMain) => true,
        Some(Endpoint::Create) => question(request).is_none(),
        _ => false,
    }
}

/// What the response to [`question`] says of `request`.
pub(super) fn told_by(request: &Request, response: &Response) -> WriteOutcome {
    let field = |name: &str| response.json().and_then(|body| body.get(name)).cloned();
    let is_untouched = match (request.operation.endpoint(), response.status) {
        // Nothing was made; or there is nothing that could have been changed.
        (Some(Endpoint::Create | Endpoint::Update | Endpoint::SetMain), 400 | 404)
        | (Some(Endpoint::Delete), 200 | 400) => true,
        (Some(Endpoint::SetMain), 200) => field("tag").is_some_and(|tag| tag != 1),
        (Some(Endpoint::Update), 200) => {
            let sent = request.json_body().and_then(|body| body.get("product_ids").cloned());
            sent.is_some() && sent != field("product_ids")
        }
        _ => false,
    };
    if is_untouched { WriteOutcome::NotApplied } else { WriteOutcome::Unknown }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: &serde_json::Value) -> Response {
        Response::new(status, HeaderMap::new(), Bytes::from(body.to_string()))
    }

    #[test]
    fn a_read_of_the_id_tells_whether_a_write_was_applied() {
        let create = Request::to(Endpoint::Create).json(&json!({ "id": "a b" })).key(KeyRole::Second);
        let asked = question(&create).expect("a create names its id");
        assert_eq!((asked.path.as_str(), asked.role()), ("/offerings/a%20b", Some(KeyRole::Second)));
        assert_eq!(told_by(&create, &response(404, &json!({}))), WriteOutcome::NotApplied);
        assert_eq!(told_by(&create, &response(200, &json!({}))), WriteOutcome::Unknown);
        let delete = Request::to(Endpoint::Delete).id("a");
        assert_eq!(told_by(&delete, &response(200, &json!({}))), WriteOutcome::NotApplied);
        assert_eq!(told_by(&delete, &response(404, &json!({}))), WriteOutcome::Unknown);
        let promote = Request::to(Endpoint::SetMain).id("a");
        assert_eq!(told_by(&promote, &response(200, &json!({ "tag": null }))), WriteOutcome::NotApplied);
        assert_eq!(told_by(&promote, &response(200, &json!({ "tag": 1 }))), WriteOutcome::Unknown);
        let update = Request::to(Endpoint::Update).id("a").json(&json!({ "product_ids": ["x"] }));
        assert_eq!(told_by(&update, &response(200, &json!({ "product_ids": [] }))), WriteOutcome::NotApplied);
        assert_eq!(told_by(&update, &response(200, &json!({ "product_ids": ["x"] }))), WriteOutcome::Unknown);
    }

    #[test]
    fn what_does_the_same_twice_may_be_sent_again() {
        let create = |id: &str| Request::to(Endpoint::Create).json(&json!({ "id": id }));
        assert!(is_repeatable(&Request::to(Endpoint::Update).id("a")));
        assert!(is_repeatable(&Request::to(Endpoint::SetMain).id("a")));
        assert!(is_repeatable(&create("")) && !is_repeatable(&create("a")));
        assert!(!is_repeatable(&Request::to(Endpoint::Delete).id("a")));
        assert_eq!(told_by(&create("a/b"), &response(400, &json!({}))), WriteOutcome::NotApplied);
    }

    #[test]
    fn a_write_without_an_id_cannot_be_asked_after() {
        assert!(question(&Request::to(Endpoint::Create).raw_body("application/json", "{")).is_none());
        assert!(question(&Request::to(Endpoint::Create).json(&json!({ "id": ".." }))).is_none());
    }
}
