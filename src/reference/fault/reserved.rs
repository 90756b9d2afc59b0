//! Reserved-id faults: valid ids that a language, a parser or a router treats specially.

use http::StatusCode;

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Get, SetMain};
use crate::reference::call::{Call, Operation};
use crate::reference::server_response::{ApiError, ServerResponse};

faults! {
    Reserved from super::process::FIRST + super::process::ROWS.len();
    ID_FALSY_REFUSED "id-falsy-refused"
        "An id of `0`, `null`, `undefined` or `NaN` is rejected as missing."
        => |config| config.id.passes = |id| !matches!(id, "0" | "null" | "undefined" | "NaN");
    ID_OF_MEMBERS_REFUSED "id-of-members-refused"
        "An id of `constructor` or `__proto__` is rejected."
        => |config| config.id.passes = |id| !is_member(id);
    ID_NUMERIC_COERCED "id-numeric-coerced"
        "An id of digits is stored as a number, without leading zeros."
        => |config| config.id.clean = |id| id.parse::<u64>().map_or_else(|_| id.to_owned(), |number| number.to_string());
    ID_NULL_LOST "id-null-lost"
        "GET of an id `null`, `undefined` or `NaN` returns 404."
        => |config| config.done(Get, |step| {
            if matches!(&*step.id(), "null" | "undefined" | "NaN") {
                step.result = Err(ApiError::not_found());
            }
        });
    ID_OF_MEMBERS_NOT_STORED "id-of-members-not-stored"
        "POST of an id `constructor` or `__proto__` returns 201 and stores nothing."
        => |config| config.done(Create, |step| {
            if is_member(&step.id()) {
                step.undo();
            }
        });
    CRASH_ON_MEMBER "crash-on-member"
        "An id `constructor` or `__proto__` that no offering has causes a 500."
        => |config| config.crash(|call, project| {
            call.id().is_ok_and(|id| is_member(&id) && project.position(&id).is_none())
        });
    GET_NEW_SHADOWED "get-new-shadowed"
        "GET of an id `new` is routed to another resource and returns 404."
        => |config| config.front.push(|call| {
            let unknown = || ApiError::new(StatusCode::NOT_FOUND, "invalid_request", "Unrecognised URL.");
            is_at(call, &[Get], "new").then(|| unknown().into_response())
        });
    GET_SET_MAIN_SHADOWED "get-set-main-shadowed"
        "GET of an id `set-main` is routed to the promotion and returns 405."
        => |config| config.front.push(|call| is_at(call, &[Get], "set-main").then(not_allowed));
    PROMOTION_OF_OFFERINGS_SHADOWED "promotion-of-offerings-shadowed"
        "Set-main of an id `offerings` is routed to the list and returns 405."
        => |config| config.front.push(|call| is_at(call, &[SetMain], "offerings").then(not_allowed));
    PROMOTION_OF_TRUE_REFUSED "promotion-of-true-refused"
        "Set-main of an id `true` or `0` is rejected as malformed."
        => |config| config.done(SetMain, |step| {
            if matches!(&*step.id(), "true" | "0") {
                step.reject(ApiError::field("invalid_data", "offering_id", "must be an id"));
            }
        });
}

/// Whether an id is a member that every object of a prototype-based language has.
fn is_member(id: &str) -> bool {
    matches!(id, "constructor" | "__proto__")
}

fn is_at(call: &Call, operations: &[Operation], id: &str) -> bool {
    operations.contains(&call.operation) && call.raw_id() == id
}

fn not_allowed() -> ServerResponse {
    let message = "This URL does not accept this method.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", message).into_response()
}
