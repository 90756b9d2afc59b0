//! Whether a write whose response was lost was applied, as far as the state shows it.

use super::{KeyRole, Request, Response};
use crate::contract::Endpoint;

/// What is known about a write without a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WriteOutcome {
    /// It was not applied, so it can be sent again.
    NotApplied,
    /// It may have been applied.
    Unknown,
}

/// The read that shows whether `request` was applied, or `None` when no read does.
pub(super) fn probe(request: &Request) -> Option<Request> {
    let id = match request.operation.endpoint()? {
        Endpoint::Create => request.json_body()?.get("id")?.as_str()?.to_owned(),
        Endpoint::Update | Endpoint::Delete | Endpoint::SetMain => request.path_id()?,
        Endpoint::List | Endpoint::Get => return None,
    };
    let is_addressable = !matches!(id.as_str(), "" | "." | "..");
    is_addressable.then(|| Request::to(Endpoint::Get).id(&id).key(request.role().unwrap_or(KeyRole::Main)))
}

/// Whether sending a write twice has the same effect as sending it once: an update and a set-main are idempotent, and a
/// request that must fail, such as a create that names no offering, is rejected both times.
pub(super) fn is_repeatable(request: &Request) -> bool {
    match request.operation.endpoint() {
        _ if request.must_fail => true,
        Some(Endpoint::Update | Endpoint::SetMain) => true,
        Some(Endpoint::Create) => probe(request).is_none(),
        _ => false,
    }
}

/// Whether `request` was applied, by the response to [`probe`].
pub(super) fn from_probe(request: &Request, response: &Response) -> WriteOutcome {
    let field = |name: &str| response.json().and_then(|body| body.get(name)).cloned();
    let is_untouched = match (request.operation.endpoint(), response.status) {
        // Nothing was created, or there is nothing that could have been changed.
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
    fn a_read_of_the_id_shows_whether_a_write_was_applied() {
        let create = Request::to(Endpoint::Create).json(&json!({ "id": "a b" })).key(KeyRole::Second);
        let read = probe(&create).expect("a create names its id");
        assert_eq!((read.path.as_str(), read.role()), ("/offerings/a%20b", Some(KeyRole::Second)));
        assert_eq!(from_probe(&create, &response(404, &json!({}))), WriteOutcome::NotApplied);
        assert_eq!(from_probe(&create, &response(200, &json!({}))), WriteOutcome::Unknown);
        let delete = Request::to(Endpoint::Delete).id("a");
        assert_eq!(from_probe(&delete, &response(200, &json!({}))), WriteOutcome::NotApplied);
        assert_eq!(from_probe(&delete, &response(404, &json!({}))), WriteOutcome::Unknown);
        let promote = Request::to(Endpoint::SetMain).id("a");
        assert_eq!(from_probe(&promote, &response(200, &json!({ "tag": null }))), WriteOutcome::NotApplied);
        assert_eq!(from_probe(&promote, &response(200, &json!({ "tag": 1 }))), WriteOutcome::Unknown);
        let update = Request::to(Endpoint::Update).id("a").json(&json!({ "product_ids": ["x"] }));
        assert_eq!(from_probe(&update, &response(200, &json!({ "product_ids": [] }))), WriteOutcome::NotApplied);
        assert_eq!(from_probe(&update, &response(200, &json!({ "product_ids": ["x"] }))), WriteOutcome::Unknown);
    }

    #[test]
    fn idempotent_writes_may_be_sent_again() {
        let create = |id: &str| Request::to(Endpoint::Create).json(&json!({ "id": id }));
        assert!(is_repeatable(&Request::to(Endpoint::Update).id("a")));
        assert!(is_repeatable(&Request::to(Endpoint::SetMain).id("a")));
        assert!(is_repeatable(&create("")) && !is_repeatable(&create("a")));
        assert!(!is_repeatable(&Request::to(Endpoint::Delete).id("a")));
        assert!(is_repeatable(&Request { must_fail: true, ..create("a") }));
        assert_eq!(from_probe(&create("a/b"), &response(400, &json!({}))), WriteOutcome::NotApplied);
    }

    #[test]
    fn a_write_without_an_id_has_no_probe() {
        assert!(probe(&Request::to(Endpoint::Create).raw_body("application/json", "{")).is_none());
        assert!(probe(&Request::to(Endpoint::Create).json(&json!({ "id": ".." }))).is_none());
    }
}
