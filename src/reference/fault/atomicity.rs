//! Atomicity faults: refused writes that wrote something.

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, List, SetMain, Update};
use crate::reference::offering::Offering;
use crate::reference::step::{Reply, Step};

faults! {
    Atomicity from super::main::FIRST + super::main::ROWS.len();
    CREATE_PRODUCT_UNKNOWN_WRITTEN "create-product-unknown-written"
        "A create refused for a product makes the offering with the other products."
        => |config| config.rejected(Create, |step| {
            if step.code() == "product_not_in_project" {
                drop(step.create_with_known());
            }
        });
    CREATE_PRODUCT_UNKNOWN_GHOST "create-product-unknown-ghost"
        "A create refused for a product leaves a row that only the list shows."
        => |config| {
            config.rejected(Create, |step| {
                if step.code() == "product_not_in_project"
                    && let Some(ghost) = step.create_with_known()
                {
                    step.project.offerings.retain(|row| row.id != ghost.id);
                    step.project.history.ghosts.push(Offering { tag: None, ..ghost });
                }
            });
            config.done(List, |step| step.relist(|rows, history| rows.extend(history.ghosts.iter().cloned())));
        };
    CREATE_TAG_MAIN_WRITTEN "create-tag-main-written"
        "A create refused for `tag` 1 makes the offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "cannot_set_main_directly" {
                step.write_without("tag");
            }
        });
    CREATE_TAG_INVALID_WRITTEN "create-tag-invalid-written"
        "A create refused for its tag makes the offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "invalid_data" && step.blames("tag") {
                step.write_without("tag");
            }
        });
    CREATE_PRODUCTS_OVER_100_WRITTEN "create-products-over-100-written"
        "A create refused for too many products makes the offering without any."
        => |config| config.rejected(Create, |step| {
            if step.blames("product_ids") && step.code() != "product_not_in_project" {
                step.write_without("product_ids");
            }
        });
    DUPLICATE_OVERWRITES "duplicate-overwrites"
        "A create refused for its id overwrites the products of the existing offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "offering_already_exists" {
                step.overwrite_duplicate();
            }
        });
    DUPLICATE_TOUCHES "duplicate-touches"
        "A create refused for its id changes `updated_at` of the existing offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "offering_already_exists" {
                step.project.touch(&step.id());
            }
        });
    DUPLICATE_ACCEPTED "duplicate-accepted"
        "Creating an existing id replaces the offering."
        => |config| config.rejected(Create, |step| {
            if step.code() == "offering_already_exists" && let Some(row) = step.overwrite_duplicate() {
                step.result = Ok(Reply::Created(row));
            }
        });
    UPDATE_PRODUCT_UNKNOWN_WRITTEN "update-product-unknown-written"
        "An update refused for a product writes the other products."
        => |config| config.rejected(Update, |step| {
            if step.code() == "product_not_in_project" {
                let known = step.known_products();
                step.write_products(known);
            }
        });
    UPDATE_PRODUCT_UNKNOWN_CLEARS "update-product-unknown-clears"
        "An update refused for a product has detached the old ones."
        => |config| config.rejected(Update, |step| {
            if step.code() == "product_not_in_project" {
                step.write_products(Vec::new());
            }
        });
    UPDATE_PRODUCTS_OVER_100_WRITTEN "update-products-over-100-written"
        "An update refused for too many products has detached the old ones."
        => |config| config.rejected(Update, |step| {
            if step.blames("product_ids") && step.code() != "product_not_in_project" {
                step.write_products(Vec::new());
            }
        });
    UPDATE_TAG_MAIN_PRODUCTS_WRITTEN "update-tag-main-products-written"
        "An update refused for `tag` 1 writes the products beside it."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_set_main_directly" {
                step.write_without("tag");
            }
        });
    UPDATE_TAG_INVALID_TOUCHES "update-tag-invalid-touches"
        "An update refused for its tag changes `updated_at`."
        => |config| config.rejected(Update, |step| {
            if step.code() == "invalid_data" && step.blames("tag") {
                step.project.touch(&step.id());
            }
        });
    DEMOTE_PRODUCTS_WRITTEN "demote-products-written"
        "A refused demotion writes the products beside it."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_demote_main" {
                step.write_without("tag");
            }
        });
    DEMOTE_TOUCHES "demote-touches"
        "A refused demotion changes `updated_at`."
        => |config| config.rejected(Update, |step| {
            if step.code() == "cannot_demote_main" {
                step.project.touch(&step.id());
            }
        });
    UPDATE_MISSING_WRITTEN "update-missing-written"
        "An update of a missing id returns 404 and makes the offering."
        => |config| config.rejected(Update, |step| {
            if step.code() == "not_found" {
                drop(step.upsert());
            }
        });
    REFUSED_CREATE_DETACHES "refused-create-detaches"
        "Any refused create detaches the products of the newest offering."
        => |config| config.rejected(Create, |step| {
            if let Some(newest) = step.project.newest() {
                newest.product_ids.clear();
            }
        });
    REFUSED_DELETE_TOUCHES "refused-delete-touches"
        "A delete of a missing id changes `updated_at` of the newest offering."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "not_found" && let Some(newest) = step.project.newest().map(|newest| newest.id.clone()) {
                step.project.touch(&newest);
            }
        });
    REFUSED_PRODUCT_USES_UP_FIRST "refused-product-uses-up-first"
        "After a create refused for a product the first offering of an empty project does not become main."
        => |config| {
            config.rejected(Create, |step| use_up_first(step, "product_not_in_project"));
            config.done(Create, miss_first);
        };
    REFUSED_TAG_USES_UP_FIRST "refused-tag-uses-up-first"
        "After a create refused for `tag` 1 the first offering of an empty project does not become main."
        => |config| {
            config.rejected(Create, |step| use_up_first(step, "cannot_set_main_directly"));
            config.done(Create, miss_first);
        };
    REFUSED_PROMOTION_USES_UP_FIRST "refused-promotion-uses-up-first"
        "After a set main of a missing id the first offering of an empty project does not become main."
        => |config| {
            config.rejected(SetMain, |step| use_up_first(step, "not_found"));
            config.done(Create, miss_first);
        };
    REFUSED_CREATE_KEY_409 "refused-create-key-409"
        "The idempotency key of a refused create returns 409 from then on."
        => |config| {
            config.rejected(Create, |step| step.burn_key());
            config.done(Create, |step| {
                if step.burnt_key().is_some() {
                    step.reject_as_taken();
                }
            });
        };
    REFUSED_CREATE_RESERVES_ID "refused-create-reserves-id"
        "The id of a create refused for a product stays taken."
        => |config| {
            config.rejected(Create, |step| reserve_id(step, "product_not_in_project"));
            config.done(Create, miss_reserved);
        };
    MISSING_DELETE_RESERVES_ID "missing-delete-reserves-id"
        "An id whose deletion was answered 404 cannot be created any more."
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

/// A request refused with this code in an empty project uses up that the first offering becomes main.
fn use_up_first(step: &mut Step<'_>, code: &str) {
    let empty = !step.project.offerings.iter().any(Offering::is_regular);
    if empty && step.code() == code {
        step.project.history.first_used_up = Some(step.code());
    }
}

/// The first offering is an ordinary one where that is used up.
fn miss_first(step: &mut Step<'_>) {
    if step.project.history.first_used_up.take().is_some() {
        step.change(|made| made.tag = None);
    }
}

/// The id of a request refused with this code stays taken.
fn reserve_id(step: &mut Step<'_>, code: &str) {
    if step.code() == code {
        let id = step.id();
        step.project.history.reserved.insert(id);
    }
}

/// A create whose id stays taken is rejected.
fn miss_reserved(step: &mut Step<'_>) {
    if step.project.history.reserved.contains(&step.id()) {
        step.reject_as_taken();
    }
}
