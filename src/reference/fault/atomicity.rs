//! Atomicity faults: rejected writes that changed something.

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, List, SetMain, Update};
use crate::reference::offering::Offering;
use crate::reference::step::{Reply, Step};

faults! {
    Atomicity from super::main::FIRST + super::main::ROWS.len();
    CREATE_PRODUCT_UNKNOWN_WRITTEN "create-product-unknown-written"
        "A POST rejected for a product creates the offering with the other products."
        => |config| config.rejected(Create, |step| {
            if step.code() == "product_not_in_project" {
                drop(step.create_with_known());
            }
        });
    CREATE_PRODUCT_UNKNOWN_GHOST "create-product-unknown-ghost"
        "A POST rejected for a product stores an offering that only the list returns."
        => |config| {
            config.rejected(Create, |step| {
                if step.code() == "product_not_in_project"
                    && let Some(ghost) = step.create_with_known()
                {
                    step.project.offerings.retain(|row| row.id != ghost.id);
                    step.project.history.list_only.push(Offering { tag: None, ..ghost });
                }
            });
            config.done(List, |step| step.relist(|rows, history| rows.extend(history.list_only.iter().cloned())));
        };
    CREATE_TAG_MAIN_WRITTEN "create-tag-main-written"
        "A POST rejected for `tag` 1 creates the offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "cannot_set_main_directly" {
                step.write_without("tag");
            }
        });
    CREATE_TAG_INVALID_WRITTEN "create-tag-invalid-written"
        "A POST rejected for its tag creates the offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "invalid_data" && step.blames("tag") {
                step.write_without("tag");
            }
        });
    CREATE_PRODUCTS_OVER_100_WRITTEN "create-products-over-100-written"
        "A POST rejected for too many products creates the offering without products."
        => |config| config.rejected(Create, |step| {
            if step.blames("product_ids") && step.code() != "product_not_in_project" {
                step.write_without("product_ids");
            }
        });
    DUPLICATE_OVERWRITES "duplicate-overwrites"
        "A POST rejected for an existing id overwrites the products of that offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "offering_already_exists" {
                step.overwrite_duplicate();
            }
        });
    DUPLICATE_TOUCHES "duplicate-touches"
        "A POST rejected for an existing id changes `updated_at` of that offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "offering_already_exists" {
                step.project.touch(&step.id());
            }
        });
    DUPLICATE_ACCEPTED "duplicate-accepted"
        "POST of an existing id replaces the offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "offering_already_exists" && let Some(row) = step.overwrite_duplicate() {
                step.result = Ok(Reply::Created(row));
            }
        });
    UPDATE_PRODUCT_UNKNOWN_WRITTEN "update-product-unknown-written"
        "A PATCH rejected for a product stores the other products."
        => |config| config.rejected(Update, |step| {
            if step.code() == "product_not_in_project" {
                let known = step.known_products();
                step.write_products(known);
            }
        });
    UPDATE_PRODUCT_UNKNOWN_CLEARS "update-product-unknown-clears"
        "A PATCH rejected for a product detaches the old products."
        => |config| config.rejected(Update, |step| {
            if step.code() == "product_not_in_project" {
                step.write_products(Vec::new());
            }
        });
    UPDATE_PRODUCTS_OVER_100_WRITTEN "update-products-over-100-written"
        "A PATCH rejected for too many products detaches the old products."
        => |config| config.rejected(Update, |step| {
            if step.blames("product_ids") && step.code() != "product_not_in_project" {
                step.write_products(Vec::new());
            }
        });
    UPDATE_TAG_MAIN_PRODUCTS_WRITTEN "update-tag-main-products-written"
        "A PATCH rejected for `tag` 1 stores its products."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_set_main_directly" {
                step.write_without("tag");
            }
        });
    UPDATE_TAG_INVALID_TOUCHES "update-tag-invalid-touches"
        "A PATCH rejected for its tag changes `updated_at`."
        => |config| config.rejected(Update, |step| {
            if step.code() == "invalid_data" && step.blames("tag") {
                step.project.touch(&step.id());
            }
        });
    DEMOTE_PRODUCTS_WRITTEN "demote-products-written"
        "A rejected demotion stores the products of its PATCH."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_demote_main" {
                step.write_without("tag");
            }
        });
    DEMOTE_TOUCHES "demote-touches"
        "A rejected demotion changes `updated_at`."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_demote_main" {
                step.project.touch(&step.id());
            }
        });
    UPDATE_MISSING_WRITTEN "update-missing-written"
        "PATCH of a missing id returns 404 and creates the offering."
        => |config| config.rejected(Update, |step| {
            if step.code() == "not_found" {
                drop(step.upsert());
            }
        });
    REFUSED_CREATE_DETACHES "refused-create-detaches"
        "A rejected POST detaches the products of the newest offering."
        => |config| config.rejected(Create, |step| {
            if let Some(newest) = step.project.newest() {
                newest.product_ids.clear();
            }
        });
    REFUSED_DELETE_TOUCHES "refused-delete-touches"
        "DELETE of a missing id changes `updated_at` of the newest offering."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "not_found" && let Some(newest) = step.project.newest().map(|newest| newest.id.clone()) {
                step.project.touch(&newest);
            }
        });
    REFUSED_PRODUCT_USES_UP_FIRST "refused-product-uses-up-first"
        "After a POST rejected for a product, the first offering of an empty project does not become main."
        => |config| {
            config.rejected(Create, |step| use_up_first(step, "product_not_in_project"));
            config.done(Create, miss_first);
        };
    REFUSED_TAG_USES_UP_FIRST "refused-tag-uses-up-first"
        "After a POST rejected for `tag` 1, the first offering of an empty project does not become main."
        => |config| {
            config.rejected(Create, |step| use_up_first(step, "cannot_set_main_directly"));
            config.done(Create, miss_first);
        };
    REFUSED_PROMOTION_USES_UP_FIRST "refused-promotion-uses-up-first"
        "After a set-main of a missing id, the first offering of an empty project does not become main."
        => |config| {
            config.rejected(SetMain, |step| use_up_first(step, "not_found"));
            config.done(Create, miss_first);
        };
    REFUSED_CREATE_KEY_409 "refused-create-key-409"
        "The idempotency key of a rejected POST always returns 409 afterwards."
        => |config| {
            config.rejected(Create, |step| step.save_rejection());
            config.done(Create, |step| {
                if step.saved_rejection().is_some() {
                    step.reject_as_taken();
                }
            });
        };
    REFUSED_CREATE_RESERVES_ID "refused-create-reserves-id"
        "The id of a POST rejected for a product cannot be created afterwards."
        => |config| {
            config.rejected(Create, |step| reserve_id(step, "product_not_in_project"));
            config.done(Create, miss_reserved);
        };
    MISSING_DELETE_RESERVES_ID "missing-delete-reserves-id"
        "An id whose DELETE returned 404 cannot be created afterwards."
        => |config| {
            config.rejected(Delete, |step| {
                let id = step.id();
                if step.project.history.deleted.iter().all(|row| row.id != id) {
                    reserve_id(step, "not_found");
                }
            });
            config.done(Create, miss_reserved);
        };
}

/// After a request rejected with this code in an empty project, the first offering does not become main.
fn use_up_first(step: &mut Step<'_>, code: &str) {
    let empty = !step.project.offerings.iter().any(Offering::is_regular);
    if empty && step.code() == code {
        step.project.history.first_used_up = Some(step.code());
    }
}

/// Creates the first offering as a regular one after such a rejection.
fn miss_first(step: &mut Step<'_>) {
    if step.project.history.first_used_up.take().is_some() {
        step.change(|created| created.tag = None);
    }
}

/// Reserves the id of a request rejected with this code.
fn reserve_id(step: &mut Step<'_>, code: &str) {
    if step.code() == code {
        let id = step.id();
        step.project.history.reserved.insert(id);
    }
}

/// Rejects a create with a reserved id.
fn miss_reserved(step: &mut Step<'_>) {
    if step.project.history.reserved.contains(&step.id()) {
        step.reject_as_taken();
    }
}
