//! Variant faults: offerings of experiments.

use http::StatusCode;

use super::{Fault, faults};
use crate::reference::call::Operation::{Delete, Get, List, SetMain, Update};
use crate::reference::offering::Kind;
use crate::reference::response::Instead::{Code, Status};
use crate::reference::server_response::ApiError;
use crate::reference::step::Reply;

faults! {
    Variant from super::authentication::FIRST + super::authentication::ROWS.len();
    VARIANT_LISTED "variant-listed"
        "The list returns experiment variants."
        => |config| config.done(List, |step| step.list_variants());
    VARIANT_LISTED_AFTER_CURSOR "variant-listed-after-cursor"
        "The list returns experiment variants after a cursor."
        => |config| config.done(List, |step| {
            if step.window().is_some_and(|window| window.after.is_some()) {
                step.list_variants();
            }
        });
    VARIANT_READABLE "variant-readable"
        "GET returns experiment variants."
        => |config| config.rejected(Get, |step| {
            if let Some(variant) = step.variant() {
                step.result = Ok(Reply::Offering(variant));
            }
        });
    GET_VARIANT_403 "get-variant-403"
        "GET of an experiment variant returns 403."
        => |config| config.rejected(Get, |step| {
            if step.variant().is_some() {
                step.result = Err(forbidden(StatusCode::FORBIDDEN));
            }
        });
    GET_VARIANT_422 "get-variant-422"
        "GET of an experiment variant returns 422."
        => |config| config.rejected(Get, |step| {
            if step.variant().is_some() {
                step.result = Err(forbidden(StatusCode::UNPROCESSABLE_ENTITY));
            }
        });
    UPDATE_VARIANT_ACCEPTED "update-variant-accepted"
        "PATCH writes experiment variants."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_patch_experiment_variant" {
                if let Some(sent) = step.sent_products() {
                    step.write_products(sent);
                }
                step.result = step.variant().map(Reply::Offering).ok_or_else(ApiError::not_found);
            }
        });
    UPDATE_VARIANT_404 "update-variant-404"
        "PATCH of an experiment variant returns 404."
        => |config| config.override_error(&[Update], "cannot_patch_experiment_variant", Status(404));
    UPDATE_VARIANT_CODE "update-variant-code"
        "PATCH of an experiment variant returns the code `cannot_demote_main`."
        => |config| config.override_error(&[Update], "cannot_patch_experiment_variant", Code("cannot_demote_main"));
    DELETE_VARIANT_ACCEPTED "delete-variant-accepted"
        "DELETE removes experiment variants."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "cannot_delete_experiment_variant" {
                let id = step.id();
                step.project.offerings.retain(|row| row.id != id);
                step.result = Ok(Reply::Nothing);
            }
        });
    DELETE_VARIANT_404 "delete-variant-404"
        "DELETE of an experiment variant returns 404."
        => |config| config.override_error(&[Delete], "cannot_delete_experiment_variant", Status(404));
    DELETE_VARIANT_403 "delete-variant-403"
        "DELETE of an experiment variant returns 403."
        => |config| config.override_error(&[Delete], "cannot_delete_experiment_variant", Status(403));
    DELETE_VARIANT_CODE "delete-variant-code"
        "DELETE of an experiment variant returns the code `cannot_patch_experiment_variant`."
        => |config| {
            let code = Code("cannot_patch_experiment_variant");
            config.override_error(&[Delete], "cannot_delete_experiment_variant", code);
        };
    SET_MAIN_VARIANT_ACCEPTED "set-main-variant-accepted"
        "Set-main promotes experiment variants."
        => |config| config.rejected(SetMain, |step| {
            if step.code() == "cannot_setmain_experiment_variant" {
                step.project.demote_main();
                let id = step.id();
                if let Some(row) = step.project.row(&id) {
                    row.tag = Some(1);
                    step.result = Ok(Reply::Offering(row.clone()));
                }
            }
        });
    SET_MAIN_VARIANT_404 "set-main-variant-404"
        "Set-main of an experiment variant returns 404."
        => |config| config.override_error(&[SetMain], "cannot_setmain_experiment_variant", Status(404));
    SET_MAIN_VARIANT_CODE "set-main-variant-code"
        "Set-main of an experiment variant returns the code `cannot_set_main`."
        => |config| config.override_error(&[SetMain], "cannot_setmain_experiment_variant", Code("cannot_set_main"));
    SET_MAIN_VARIANT_DEMOTES "set-main-variant-demotes"
        "Set-main of an experiment variant returns 422 and demotes the main."
        => |config| config.rejected(SetMain, |step| {
            if step.code() == "cannot_setmain_experiment_variant" {
                step.project.demote_main();
            }
        });
    VARIANT_LISTED_AFTER_PROMOTION "variant-listed-after-promotion"
        "After a promotion, the list returns experiment variants."
        => |config| config.done(List, |step| {
            if !step.project.history.promoted_products.is_empty() {
                step.list_variants();
            }
        });
    VARIANT_LISTED_AFTER_WRITE "variant-listed-after-write"
        "After a rejected PATCH of an experiment variant, the list returns it."
        => |config| {
            config.rejected(Update, |step| {
                if step.code() == "cannot_patch_experiment_variant" {
                    let id = step.id();
                    step.project.history.variants_written.insert(id);
                }
            });
            config.done(List, |step| {
                if !step.project.history.variants_written.is_empty() {
                    step.list_variants();
                }
            });
        };
    VARIANT_REGULAR_AFTER_SET_MAIN "variant-regular-after-set-main"
        "Set-main of an experiment variant returns 422 and makes it a regular offering."
        => |config| config.rejected(SetMain, |step| {
            let id = step.id();
            if let Some(row) = step.project.row(&id) {
                row.kind = Kind::Regular;
            }
        });
    UPDATE_VARIANT_200_IGNORED "update-variant-200-ignored"
        "PATCH of an experiment variant returns 200 and writes nothing."
        => |config| config.rejected(Update, |step| {
            let id = step.id();
            if step.code() == "cannot_patch_experiment_variant" {
                step.result = step.project.row(&id).cloned().map(Reply::Offering).ok_or_else(ApiError::not_found);
            }
        });
}

fn forbidden(status: StatusCode) -> ApiError {
    ApiError::new(status, "control_forbidden", "The offering belongs to an experiment.")
}
