//! Authentication faults: keys, permission, other projects.

use http::StatusCode;

use super::{Fault, faults};
use crate::reference::call::Operation::{self, Create, Delete, Get, List, SetMain, Update};
use crate::reference::page::Start;
use crate::reference::response::Instead::{Code, Status};
use crate::reference::server_response::ApiError;
use crate::reference::validate::{self, Syntax};

faults! {
    Authentication from super::idempotency::FIRST + super::idempotency::ROWS.len();
    OPEN_LIST "open-list"
        "List needs no key."
        => |config| config.keyless = |operation| operation == List;
    OPEN_CREATE "open-create"
        "POST needs no key."
        => |config| config.keyless = |operation| operation == Create;
    OPEN_GET "open-get"
        "GET needs no key."
        => |config| config.keyless = |operation| operation == Get;
    OPEN_UPDATE "open-update"
        "PATCH needs no key."
        => |config| config.keyless = |operation| operation == Update;
    OPEN_DELETE "open-delete"
        "DELETE needs no key."
        => |config| config.keyless = |operation| operation == Delete;
    OPEN_SET_MAIN "open-set-main"
        "Set-main needs no key."
        => |config| config.keyless = |operation| operation == SetMain;
    KEY_MISSING_403 "key-missing-403"
        "A request without a key returns 403."
        => |config| config.unauthorized = |check, error| {
            if check.header().is_none() {
                error.status = StatusCode::FORBIDDEN;
            }
        };
    KEY_MISSING_400 "key-missing-400"
        "A request without a key returns 400."
        => |config| config.unauthorized = |check, error| {
            if check.header().is_none() {
                error.status = StatusCode::BAD_REQUEST;
            }
        };
    KEY_UNKNOWN_ACCEPTED "key-unknown-accepted"
        "Any key with a valid prefix is accepted."
        => |config| config.without_valid_key = |check| {
            let key = check.key()?;
            check.last().filter(|_| key.starts_with("sk_") || key.starts_with("test_sk_"))
        };
    KEY_SCHEME_IGNORED "key-scheme-ignored"
        "Any scheme before the key is accepted."
        => |config| config.without_valid_key = |check| check.find(check.header()?.split_once(' ')?.1);
    KEY_BARE_ACCEPTED "key-bare-accepted"
        "A key without its scheme is accepted."
        => |config| config.without_valid_key = |check| check.find(check.header()?);
    KEY_EMPTY_ACCEPTED "key-empty-accepted"
        "`Bearer` without a key is accepted."
        => |config| config.without_valid_key = |check| check.last().filter(|_| check.is_empty());
    KEY_EMPTY_400 "key-empty-400"
        "`Bearer` without a key returns 400."
        => |config| config.unauthorized = |check, error| {
            if check.is_empty() {
                error.status = StatusCode::BAD_REQUEST;
            }
        };
    KEY_PREFIX_ACCEPTED "key-prefix-accepted"
        "A prefix of a key is accepted."
        => |config| config.without_valid_key = |check| {
            let key = check.key().filter(|key| key.len() > 12)?;
            check.find_by(&|known| known.starts_with(key))
        };
    KEY_SUFFIX_IGNORED "key-suffix-ignored"
        "Text after a key is ignored."
        => |config| config.without_valid_key = |check| {
            let key = check.key()?;
            check.find_by(&|known| key.starts_with(known))
        };
    KEY_OF_ANY_CASE "key-of-any-case"
        "Keys are case-insensitive."
        => |config| config.without_valid_key = |check| {
            let key = check.key()?;
            check.find_by(&|known| known.eq_ignore_ascii_case(key))
        };
    KEY_UNKNOWN_403 "key-unknown-403"
        "An unknown key returns 403."
        => |config| config.unauthorized = |check, error| {
            if check.key().is_some() {
                error.status = StatusCode::FORBIDDEN;
            }
        };
    UNAUTHORIZED_CODE "unauthorized-code"
        "A 401 has the code `unauthorized`."
        => |config| config.override_error(&Operation::ALL, "control_unauthorized", Code("unauthorized"));
    UNAUTHORIZED_CODE_ON_WRITE "unauthorized-code-on-write"
        "A 401 on a write has the code `invalid_token`."
        => |config| {
            config.override_error(&[Create, Update, Delete, SetMain], "control_unauthorized", Code("invalid_token"));
        };
    UNAUTHORIZED_CREATE_APPLIED "unauthorized-create-applied"
        "POST without a key returns 401 and creates the offering."
        => |config| config.applies_unauthorized = |operation| operation == Create;
    UNAUTHORIZED_UPDATE_APPLIED "unauthorized-update-applied"
        "PATCH without a key returns 401 and updates the offering."
        => |config| config.applies_unauthorized = |operation| operation == Update;
    UNAUTHORIZED_DELETE_APPLIED "unauthorized-delete-applied"
        "DELETE without a key returns 401 and deletes the offering."
        => |config| config.applies_unauthorized = |operation| operation == Delete;
    UNAUTHORIZED_SET_MAIN_APPLIED "unauthorized-set-main-applied"
        "Set-main without a key returns 401 and promotes the offering."
        => |config| config.applies_unauthorized = |operation| operation == SetMain;
    MISSING_BEFORE_KEY "missing-before-key"
        "Without a key, a missing offering returns 404."
        => |config| config.unauthorized = |check, error| {
            let (Ok(id), Some(last)) = (check.call.id(), check.last()) else { return };
            if !id.is_empty() && last.project.lock().position(&id).is_none() {
                *error = ApiError::not_found();
            }
        };
    BODY_BEFORE_KEY "body-before-key"
        "Without a key, a malformed body returns 400."
        => |config| config.unauthorized = |check, error| {
            let syntax = Syntax { config: &check.app.config };
            let judged = match check.call.operation {
                Create => check.call.json().and_then(|body| syntax.draft(&body).map(drop)),
                Update => check.call.json().and_then(|body| syntax.change(&body).map(drop)),
                List | Get | Delete | SetMain => Ok(()),
            };
            if let Err(wrong) = judged {
                *error = wrong;
            }
        };
    ID_BEFORE_KEY "id-before-key"
        "Without a key, a malformed id returns 400."
        => |config| config.unauthorized = |check, error| {
            if let Ok(id) = check.call.id().as_deref()
                && !id.is_empty()
                && let Err(wrong) = validate::offering_id(id)
            {
                *error = wrong;
            }
        };
    LIMITED_KEY_ALLOWED "limited-key-allowed"
        "A key without permission may read and write."
        => |config| config.allows_limited = |_| true;
    LIMITED_KEY_READS "limited-key-reads"
        "A key without permission may read."
        => |config| config.allows_limited = |operation| matches!(operation, List | Get);
    LIMITED_KEY_401 "limited-key-401"
        "A key without permission returns 401."
        => |config| config.override_error(&Operation::ALL, "control_forbidden", Status(401));
    LIMITED_KEY_404 "limited-key-404"
        "A key without permission returns 404."
        => |config| config.override_error(&Operation::ALL, "control_forbidden", Status(404));
    LIMITED_KEY_CODE "limited-key-code"
        "A key without permission has the code `forbidden`."
        => |config| config.override_error(&Operation::ALL, "control_forbidden", Code("forbidden"));
    OTHER_PROJECT_LISTED "other-project-listed"
        "The list also returns the offerings of another project."
        => |config| config.done(List, |step| {
            let others = step.other.listed();
            step.relist(|rows, _| rows.extend(others));
        });
    OTHER_PROJECT_READ "other-project-read"
        "GET finds offerings of another project."
        => |config| config.found_elsewhere = |operation| operation == Get;
    OTHER_PROJECT_UPDATED "other-project-updated"
        "PATCH finds offerings of another project."
        => |config| config.found_elsewhere = |operation| operation == Update;
    OTHER_PROJECT_DELETED "other-project-deleted"
        "DELETE finds offerings of another project."
        => |config| config.found_elsewhere = |operation| operation == Delete;
    OTHER_PROJECT_PROMOTED "other-project-promoted"
        "Set-main finds offerings of another project."
        => |config| config.found_elsewhere = |operation| operation == SetMain;
    OTHER_PROJECT_IDS_TAKEN "other-project-ids-taken"
        "An id of another project cannot be created."
        => |config| config.done(Create, |step| {
            if step.other.position(&step.id()).is_some() {
                step.reject_as_taken();
            }
        });
    OTHER_PROJECT_403 "other-project-403"
        "GET of another project's offering returns 403 instead of 404."
        => |config| config.rejected(Get, |step| {
            if step.code() == "not_found" && step.other.position(&step.id()).is_some() {
                let message = "The offering belongs to another project.";
                step.result = Err(ApiError::new(StatusCode::FORBIDDEN, "control_forbidden", message));
            }
        });
    OTHER_PROJECT_PRODUCTS "other-project-products"
        "POST accepts products of another project."
        => |config| config.create.resolve = |catalogue, ids| {
            ids.iter().all(|id| catalogue.own.contains(id) || catalogue.foreign.contains(id)).then(|| ids.to_vec())
        };
    UPDATE_OTHER_PROJECT_PRODUCTS "update-other-project-products"
        "PATCH accepts products of another project."
        => |config| config.update.resolve = |catalogue, ids| {
            ids.iter().all(|id| catalogue.own.contains(id) || catalogue.foreign.contains(id)).then(|| ids.to_vec())
        };
    PROMOTION_DEMOTES_OTHER_PROJECT "promotion-demotes-other-project"
        "Set-main also demotes the main of another project."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() {
                step.other.demote_main();
            }
        });
    PROMOTION_PROMOTES_TWIN "promotion-promotes-twin"
        "Set-main also promotes the offering with the same id in another project."
        => |config| config.done(SetMain, |step| {
            let twin = step.promotion().and_then(|(_, promoted)| step.other.row(&promoted.id));
            if let Some(twin) = twin.filter(|twin| twin.is_regular()) {
                twin.tag = Some(1);
            }
        });
    PROMOTION_TOUCHES_OTHER_PROJECT "promotion-touches-other-project"
        "Set-main changes `updated_at` of another project's main."
        => |config| config.done(SetMain, |step| {
            if let Some(main) = step.promotion().and_then(|_| step.other.main_id()) {
                step.other.touch(&main);
            }
        });
    UPDATE_WRITES_OTHER_PROJECT "update-writes-other-project"
        "PATCH also writes the products of the offering with the same id in another project."
        => |config| config.done(Update, |step| {
            let Some(updated) = step.reply().cloned() else { return };
            if let Some(twin) = step.other.row(&updated.id).filter(|twin| twin.is_regular()) {
                twin.product_ids = updated.product_ids;
            }
        });
    UPDATE_TOUCHES_OTHER_PROJECT "update-touches-other-project"
        "PATCH also sets `updated_at` of the offering with the same id in another project."
        => |config| config.done(Update, |step| {
            let id = step.id();
            if step.other.row(&id).is_some_and(|twin| twin.is_regular()) {
                step.other.touch(&id);
            }
        });
    UPDATE_OF_MAIN_WRITES_OTHER_MAIN "update-of-main-writes-other-main"
        "PATCH of the main also writes the products of the main of another project."
        => |config| config.done(Update, |step| {
            let Some(updated) = step.reply().filter(|row| row.is_main()).cloned() else { return };
            if let Some(main) = step.other.main_id()
                && let Some(row) = step.other.row(&main)
            {
                row.product_ids = updated.product_ids;
            }
        });
    DELETE_REMOVES_FROM_OTHER_PROJECT "delete-removes-from-other-project"
        "DELETE also removes the offering with the same id from another project."
        => |config| config.done(Delete, |step| {
            let id = step.id();
            step.other.offerings.retain(|row| row.id != id || !row.is_regular());
        });
    CURSOR_OF_OTHER_PROJECT "cursor-of-other-project"
        "A cursor of another project continues after the creation time of its offering."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor_of_other() else { return };
            let rows = step.project.listed();
            let later: Vec<_> = rows.into_iter().filter(|row| row.created_at > cursor.created_at).collect();
            step.list(&later, Start::First);
        });
    CURSOR_LISTS_OTHER_PROJECT "cursor-lists-other-project"
        "A cursor of another project lists that project."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor_of_other() else { return };
            let rows = step.other.listed();
            if let Some(place) = rows.iter().position(|row| row.id == cursor.id) {
                step.list(&rows, Start::After(place));
            }
        });
}
