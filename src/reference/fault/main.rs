//! Main faults: promotion and demotion.

use http::StatusCode;

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, Get, List, SetMain, Update};
use crate::reference::offering::Offering;
use crate::reference::server_response::ApiError;
use crate::reference::step::Reply;

faults! {
    Main from super::pagination::FIRST + super::pagination::ROWS.len();
    FIRST_NOT_MAIN "first-not-main"
        "The first offering of a project does not become main."
        => |config| config.done(Create, |step| {
            if step.others() == 0 {
                step.change(|created| created.tag = None);
            }
        });
    FIRST_MAIN_ONLY_WITHOUT_TAG "first-main-only-without-tag"
        "The first offering becomes main only when `tag` is absent."
        => |config| config.done(Create, |step| {
            if step.others() == 0 && step.sent("tag").is_some() {
                step.change(|created| created.tag = None);
            }
        });
    FIRST_MAIN_NOT_WITH_ZERO "first-main-not-with-zero"
        "The first offering becomes main unless `tag` is 0."
        => |config| config.done(Create, |step| {
            if step.others() == 0 && step.sends_tag(Some(0)) {
                step.change(|created| created.tag = None);
            }
        });
    FIRST_MAIN_ONLY_WITH_PRODUCTS "first-main-only-with-products"
        "The first offering becomes main only when it has products."
        => |config| config.done(Create, |step| {
            if step.others() == 0 && step.reply().is_some_and(|created| created.product_ids.is_empty()) {
                step.change(|created| created.tag = None);
            }
        });
    SECOND_IS_MAIN_TOO "second-is-main-too"
        "The second offering of a project becomes main as well."
        => |config| config.done(Create, |step| {
            if step.others() == 1 {
                step.change(|created| created.tag = Some(1));
            }
        });
    SECOND_TAKES_OVER "second-takes-over"
        "The second offering of a project becomes main instead of the first."
        => |config| config.done(Create, |step| {
            if step.others() == 1 {
                step.project.demote_main();
                step.change(|created| created.tag = Some(1));
            }
        });
    CREATE_TAG_MAIN_ACCEPTED "create-tag-main-accepted"
        "POST with `tag` 1 creates the main."
        => |config| config.rejected(Create, |step| {
            if step.code() == "cannot_set_main_directly" && step.retry_without("tag") {
                let promoted = step.project.set_main(&step.id());
                step.result = promoted.map(Reply::Created);
            }
        });
    CREATE_TAG_MAIN_IN_EMPTY "create-tag-main-in-empty"
        "POST with `tag` 1 is accepted in an empty project."
        => |config| config.rejected(Create, |step| {
            if step.code() == "cannot_set_main_directly" && step.others() == 0 {
                step.retry_without("tag");
            }
        });
    CREATE_TAG_MAIN_IGNORED "create-tag-main-ignored"
        "POST ignores `tag` 1."
        => |config| config.rejected(Create, |step| {
            if step.code() == "cannot_set_main_directly" {
                step.retry_without("tag");
            }
        });
    CREATE_ZERO_DEMOTES_MAIN "create-zero-demotes-main"
        "POST with `tag` 0 demotes the main."
        => |config| config.done(Create, |step| {
            if step.others() > 0 && step.sends_tag(Some(0)) {
                step.project.demote_main();
            }
        });
    UPDATE_TAG_MAIN_PROMOTES "update-tag-main-promotes"
        "PATCH with `tag` 1 promotes."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_set_main_directly" && step.retry_without("tag") {
                let promoted = step.project.set_main(&step.id());
                step.result = promoted.map(Reply::Offering);
            }
        });
    UPDATE_TAG_MAIN_SECOND "update-tag-main-second"
        "PATCH with `tag` 1 creates a second main."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_set_main_directly" && step.retry_without("tag") {
                step.change(|row| row.tag = Some(1));
            }
        });
    UPDATE_TAG_MAIN_IGNORED "update-tag-main-ignored"
        "PATCH ignores `tag` 1."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_set_main_directly" {
                step.retry_without("tag");
            }
        });
    UPDATE_TAG_MAIN_ON_MAIN "update-tag-main-on-main"
        "PATCH accepts `tag` 1 on the main itself."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_set_main_directly" && step.project.main_id() == Some(step.id()) {
                step.retry_without("tag");
            }
        });
    DEMOTE_ACCEPTED "demote-accepted"
        "PATCH with `tag` 0 demotes the main."
        => |config| config.rejected(Update, |step| {
            if step.demotes(Some(0)) && step.retry_without("tag") {
                step.change(|row| row.tag = Some(0));
            }
        });
    DEMOTE_IGNORED "demote-ignored"
        "PATCH ignores `tag` 0 on the main."
        => |config| config.rejected(Update, |step| {
            if step.demotes(Some(0)) {
                step.retry_without("tag");
            }
        });
    DEMOTE_NULL_ACCEPTED "demote-null-accepted"
        "PATCH with `tag` null demotes the main."
        => |config| config.rejected(Update, |step| {
            if step.demotes(None) && step.retry_without("tag") {
                step.change(|row| row.tag = None);
            }
        });
    DEMOTE_NULL_IGNORED "demote-null-ignored"
        "PATCH ignores `tag` null on the main."
        => |config| config.rejected(Update, |step| {
            if step.demotes(None) {
                step.retry_without("tag");
            }
        });
    UPDATE_CLEARS_MAIN "update-clears-main"
        "PATCH of the products of the main demotes it."
        => |config| config.done(Update, |step| {
            if step.writes_products() && step.reply().is_some_and(Offering::is_main) {
                step.change(|row| row.tag = None);
            }
        });
    SET_MAIN_NOT_STORED "set-main-not-stored"
        "Set-main returns the promoted offering and does not store it."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() {
                step.undo();
            }
        });
    SET_MAIN_RETURNS_OLD_TAG "set-main-returns-old-tag"
        "Set-main returns the tag from before the promotion."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() && let Some(old) = step.old() {
                step.show(|shown| shown.tag = old.tag);
            }
        });
    SET_MAIN_KEEPS_PREVIOUS "set-main-keeps-previous"
        "Set-main does not demote the previous main."
        => |config| config.done(SetMain, |step| step.restore_previous());
    SET_MAIN_PREVIOUS_NULL "set-main-previous-null"
        "Set-main gives the previous main the tag null."
        => |config| config.done(SetMain, |step| step.change_previous(|previous| previous.tag = None));
    SET_MAIN_PREVIOUS_TWO "set-main-previous-two"
        "Set-main gives the previous main the tag 2."
        => |config| config.done(SetMain, |step| step.change_previous(|previous| previous.tag = Some(2)));
    SET_MAIN_DROPS_PREVIOUS_PRODUCTS "set-main-drops-previous-products"
        "Set-main detaches the products of the previous main."
        => |config| config.done(SetMain, |step| step.change_previous(|previous| previous.product_ids.clear()));
    SET_MAIN_DROPS_OWN_PRODUCTS "set-main-drops-own-products"
        "Set-main detaches the products of the new main."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() {
                step.change(|promoted| promoted.product_ids.clear());
            }
        });
    SET_MAIN_ZEROES_ALL "set-main-zeroes-all"
        "Set-main gives every other offering the tag 0."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() {
                step.change_others(|row| row.tag = Some(0));
            }
        });
    SET_MAIN_TOUCHES_ALL "set-main-touches-all"
        "Set-main changes `updated_at` of every offering."
        => |config| config.done(SetMain, |step| {
            if let Some((_, promoted)) = step.promotion() {
                step.change_others(|row| row.updated_at = promoted.updated_at.max(row.updated_at + 1));
            }
        });
    SET_MAIN_RESETS_CREATED_AT "set-main-resets-created-at"
        "Set-main resets `created_at` of the offering."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() {
                step.change(Offering::reset_created_at);
            }
        });
    SET_MAIN_DELETES_PREVIOUS "set-main-deletes-previous"
        "Set-main deletes the previous main."
        => |config| config.done(SetMain, |step| {
            if let Some((Some(previous), _)) = step.promotion() {
                step.project.offerings.retain(|row| row.id != previous.id);
            }
        });
    SET_MAIN_AGAIN_409 "set-main-again-409"
        "Set-main of the main itself returns 409."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_none() {
                let message = "This offering is the main one already.";
                step.reject(ApiError::new(StatusCode::CONFLICT, "already_exists", message));
            }
        });
    SET_MAIN_AGAIN_DEMOTES "set-main-again-demotes"
        "Set-main of the main itself demotes it."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_none() {
                step.change(|row| row.tag = Some(0));
            }
        });
    SET_MAIN_MISSING_DEMOTES "set-main-missing-demotes"
        "Set-main of a missing id returns 404 and demotes the main."
        => |config| config.rejected(SetMain, |step| {
            if step.code() == "not_found" {
                step.project.demote_main();
            }
        });
    SET_MAIN_ID_INVALID_DEMOTES "set-main-id-invalid-demotes"
        "Set-main of a malformed id returns 400 and demotes the main."
        => |config| config.rejected(SetMain, |step| {
            if step.code() == "invalid_data" {
                step.project.demote_main();
            }
        });
    SET_MAIN_LIST_LATE "set-main-list-late"
        "The list returns the tags from before the last promotion."
        => |config| config.done(List, |step| step.show_former_tags());
    DELETE_DEMOTES_MAIN "delete-demotes-main"
        "DELETE of any offering demotes the main."
        => |config| config.done(Delete, |step| step.project.demote_main());
    SET_MAIN_TOUCHES_FORMER "set-main-touches-former"
        "Set-main changes `updated_at` of every former main."
        => |config| config.done(SetMain, |step| {
            let Some((Some(previous), promoted)) = step.promotion() else { return };
            for row in step.project.offerings.iter_mut().filter(|row| row.is_regular() && row.tag == Some(0)) {
                if row.id != previous.id {
                    row.updated_at = promoted.updated_at.max(row.updated_at + 1);
                }
            }
        });
    SET_MAIN_MOVES_CREATION_OF_PREVIOUS "set-main-moves-creation-of-previous"
        "Set-main resets `created_at` of the previous main."
        => |config| config.done(SetMain, |step| {
            let Some((Some(previous), _)) = step.promotion() else { return };
            if let Some(row) = step.project.row(&previous.id) {
                row.created_at = row.updated_at.max(row.created_at + 1);
                row.updated_at = row.created_at;
            }
        });
    SET_MAIN_READ_ONLY_BY_GET "set-main-read-only-by-get"
        "Set-main is visible to GET and not in the list."
        => |config| {
            config.done(SetMain, |step| {
                let Some((_, promoted)) = step.promotion() else { return };
                step.undo();
                step.project.history.main_of_get = Some(promoted.id);
            });
            config.done(Get, |step| {
                let Some(main) = step.project.history.main_of_get.clone() else { return };
                step.show(|shown| match shown.tag {
                    _ if shown.id == main => shown.tag = Some(1),
                    Some(1) => shown.tag = Some(0),
                    _ => {}
                });
            });
        };
}
