//! Authentication faults: keys, permission, other projects.

use super::{Fault, faults};
use crate::reference::call::Operation::{self, Create, Delete, List, SetMain, Update};
use crate::reference::page::Start;
use crate::reference::response::Instead::{Code, Status};

faults! {
    Authentication from super::idempotency::FIRST + super::idempotency::ROWS.len();
    OPEN_LIST "open-list" Scenario ["auth.missing"]
        "List needs no key.";
    OPEN_CREATE "open-create" Scenario ["auth.missing" "auth.no-effect"]
        "Create needs no key.";
    OPEN_GET "open-get" Scenario ["auth.missing"]
        "Get needs no key.";
    OPEN_UPDATE "open-update" Scenario ["auth.missing" "auth.no-effect"]
        "Update needs no key.";
    OPEN_DELETE "open-delete" Scenario ["auth.missing" "auth.no-effect"]
        "Delete needs no key.";
    OPEN_SET_MAIN "open-set-main" Scenario ["auth.missing" "auth.no-effect"]
        "Set main needs no key.";
    KEY_MISSING_403 "key-missing-403" Scenario ["auth.missing"]
        "A request without a key answers 403.";
    KEY_MISSING_400 "key-missing-400" Scenario ["auth.missing" "response.error-code-documented"]
        "A request without a key answers 400.";
    KEY_UNKNOWN_ACCEPTED "key-unknown-accepted" Scenario ["auth.malformed" "auth.no-effect"]
        "Any key that looks like one is accepted.";
    KEY_SCHEME_IGNORED "key-scheme-ignored" Scenario ["auth.malformed" "auth.no-effect"]
        "Any scheme before the key is accepted.";
    KEY_BARE_ACCEPTED "key-bare-accepted" Scenario ["auth.malformed" "auth.no-effect"]
        "A key without its scheme is accepted.";
    KEY_EMPTY_ACCEPTED "key-empty-accepted" Scenario ["auth.malformed" "auth.no-effect"]
        "`Bearer` with nothing after it is accepted.";
    KEY_EMPTY_400 "key-empty-400" Scenario ["auth.malformed" "response.error-code-documented"]
        "`Bearer` with nothing after it answers 400.";
    KEY_PREFIX_ACCEPTED "key-prefix-accepted" Scenario ["auth.malformed" "auth.no-effect"]
        "The beginning of a key is accepted for the key.";
    KEY_SUFFIX_IGNORED "key-suffix-ignored" Scenario ["auth.malformed" "auth.no-effect"]
        "What follows a key is ignored.";
    KEY_OF_ANY_CASE "key-of-any-case" Scenario ["auth.malformed" "auth.no-effect"]
        "Keys are compared without regard to case.";
    KEY_UNKNOWN_403 "key-unknown-403" Scenario ["auth.malformed"]
        "An unknown key answers 403.";
    UNAUTHORIZED_CODE "unauthorized-code" Scenario ["auth.code" "response.error-code-documented"]
        "A 401 has the code `unauthorized`."
        => |config| config.slip(&Operation::ALL, "control_unauthorized", Code("unauthorized"));
    UNAUTHORIZED_CODE_ON_WRITE "unauthorized-code-on-write" Scenario ["auth.code" "response.error-code-documented"]
        "A 401 on a write has the code `invalid_token`."
        => |config| config.slip(&[Create, Update, Delete, SetMain], "control_unauthorized", Code("invalid_token"));
    UNAUTHORIZED_CREATE_APPLIED "unauthorized-create-applied" Scenario ["auth.no-effect"]
        "An unauthenticated create answers 401 and is done.";
    UNAUTHORIZED_UPDATE_APPLIED "unauthorized-update-applied" Scenario ["auth.no-effect"]
        "An unauthenticated update answers 401 and is done.";
    UNAUTHORIZED_DELETE_APPLIED "unauthorized-delete-applied" Scenario ["auth.no-effect"]
        "An unauthenticated delete answers 401 and is done.";
    UNAUTHORIZED_SET_MAIN_APPLIED "unauthorized-set-main-applied" Scenario ["auth.no-effect"]
        "An unauthenticated set main answers 401 and is done.";
    MISSING_BEFORE_KEY "missing-before-key" Scenario ["auth.before-existence"]
        "Without a key a missing offering answers 404.";
    BODY_BEFORE_KEY "body-before-key" Scenario ["auth.before-existence"]
        "Without a key a malformed body answers 400.";
    ID_BEFORE_KEY "id-before-key" Scenario ["auth.before-existence"]
        "Without a key a malformed id answers 400.";
    LIMITED_KEY_ALLOWED "limited-key-allowed" Scenario ["auth.forbidden" "invariant.failed-write-no-effect"]
        "A key without permission may do everything.";
    LIMITED_KEY_READS "limited-key-reads" Scenario ["auth.forbidden"]
        "A key without permission may read.";
    LIMITED_KEY_401 "limited-key-401" Scenario ["auth.forbidden" "response.error-code-documented"]
        "A key without permission answers 401."
        => |config| config.slip(&Operation::ALL, "control_forbidden", Status(401));
    LIMITED_KEY_404 "limited-key-404" Scenario ["auth.forbidden" "response.error-code-documented" "response.documented-status"]
        "A key without permission answers 404."
        => |config| config.slip(&Operation::ALL, "control_forbidden", Status(404));
    LIMITED_KEY_CODE "limited-key-code" Scenario ["auth.forbidden"]
        "A key without permission has the code `forbidden`."
        => |config| config.slip(&Operation::ALL, "control_forbidden", Code("forbidden"));
    OTHER_PROJECT_LISTED "other-project-listed" Scenario ["list.pages-cover"]
        "The list shows the offerings of another project too.";
    OTHER_PROJECT_READ "other-project-read" Scenario ["auth.project-isolation" "delete.removes"]
        "Get finds offerings of another project.";
    OTHER_PROJECT_UPDATED "other-project-updated" Scenario ["auth.project-isolation"]
        "Update finds offerings of another project.";
    OTHER_PROJECT_DELETED "other-project-deleted" Scenario ["auth.project-isolation"]
        "Delete finds offerings of another project.";
    OTHER_PROJECT_PROMOTED "other-project-promoted" Scenario ["auth.project-isolation"]
        "Set main finds offerings of another project.";
    OTHER_PROJECT_IDS_TAKEN "other-project-ids-taken" Scenario ["auth.project-isolation" "create.idempotency-scope"]
        "An id of another project cannot be created.";
    OTHER_PROJECT_403 "other-project-403" Scenario ["auth.project-isolation" "get.missing"]
        "Get of another project's offering answers 403 instead of 404.";
    OTHER_PROJECT_PRODUCTS "other-project-products" Scenario ["create.product-unknown"]
        "Create accepts products of another project."
        => |config| config.create.resolve = |catalogue, ids| {
            ids.iter().all(|id| catalogue.own.contains(id) || catalogue.foreign.contains(id)).then(|| ids.to_vec())
        };
    PROMOTION_DEMOTES_OTHER_PROJECT "promotion-demotes-other-project" Scenario ["auth.project-isolation"]
        "Set main demotes the main of another project too."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() {
                step.other.demote_main();
            }
        });
    PROMOTION_PROMOTES_TWIN "promotion-promotes-twin" Scenario ["auth.project-isolation"]
        "Set main promotes the offering with the same id in another project too."
        => |config| config.done(SetMain, |step| {
            let twin = step.promotion().and_then(|(_, promoted)| step.other.row(&promoted.id));
            if let Some(twin) = twin.filter(|twin| twin.is_regular()) {
                twin.tag = Some(1);
            }
        });
    PROMOTION_TOUCHES_OTHER_PROJECT "promotion-touches-other-project" Scenario ["auth.project-isolation"]
        "Set main changes `updated_at` of another project's main."
        => |config| config.done(SetMain, |step| {
            if let Some(main) = step.promotion().and_then(|_| step.other.main_id()) {
                step.other.touch(&main);
            }
        });
    UPDATE_WRITES_OTHER_PROJECT "update-writes-other-project" Scenario ["auth.project-isolation"]
        "Update writes the products of the offering with the same id in another project too."
        => |config| config.done(Update, |step| {
            let Some(updated) = step.reply().cloned() else { return };
            if let Some(twin) = step.other.row(&updated.id).filter(|twin| twin.is_regular()) {
                twin.product_ids = updated.product_ids;
            }
        });
    DELETE_REMOVES_FROM_OTHER_PROJECT "delete-removes-from-other-project" Scenario ["auth.project-isolation"]
        "Delete removes the offering with the same id from another project too."
        => |config| config.done(Delete, |step| {
            let id = step.id();
            step.other.offerings.retain(|row| row.id != id || !row.is_regular());
        });
    CURSOR_OF_OTHER_PROJECT "cursor-of-other-project" Scenario ["auth.project-isolation" "list.unknown-cursor"]
        "A cursor that only another project knows continues after the time when that offering was made."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor_of_other() else { return };
            let rows = step.project.listed();
            let later: Vec<_> = rows.into_iter().filter(|row| row.created_at > cursor.created_at).collect();
            step.list(&later, Start::First);
        });
    CURSOR_LISTS_OTHER_PROJECT "cursor-lists-other-project" Scenario ["auth.project-isolation" "list.unknown-cursor"]
        "A cursor that only another project knows lists that project."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor_of_other() else { return };
            let rows = step.other.listed();
            if let Some(place) = rows.iter().position(|row| row.id == cursor.id) {
                step.list(&rows, Start::After(place));
            }
        });
}
