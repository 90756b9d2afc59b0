//! Atomicity faults: refused writes that wrote something.

use super::{Fault, faults};
use crate::reference::answer::Refusal;
use crate::reference::call::Operation::{Create, Delete, SetMain};
use crate::reference::offering::Offering;
use crate::reference::step::Step;

faults! {
    Atomicity from super::main::FIRST + super::main::ROWS.len();
    CREATE_PRODUCT_UNKNOWN_WRITTEN "create-product-unknown-written" Scenario ["create.product-unknown" "invariant.failed-write-no-effect"]
        "A create refused for a product makes the offering with the other products.";
    CREATE_PRODUCT_UNKNOWN_GHOST "create-product-unknown-ghost" Scenario ["create.product-unknown" "invariant.failed-write-no-effect"]
        "A create refused for a product leaves a row that only the list shows.";
    CREATE_TAG_MAIN_WRITTEN "create-tag-main-written" Scenario ["create.tag-main-rejected" "invariant.failed-write-no-effect"]
        "A create refused for `tag` 1 makes the offering.";
    CREATE_TAG_INVALID_WRITTEN "create-tag-invalid-written" Scenario ["create.tag-invalid"]
        "A create refused for its tag makes the offering.";
    CREATE_PRODUCTS_OVER_100_WRITTEN "create-products-over-100-written" Scenario ["create.product-bounds" "invariant.failed-write-no-effect"]
        "A create refused for too many products makes the offering without any.";
    DUPLICATE_OVERWRITES "duplicate-overwrites" Scenario ["create.duplicate" "invariant.failed-write-no-effect"]
        "A create refused for its id overwrites the products of the existing offering.";
    DUPLICATE_TOUCHES "duplicate-touches" Scenario ["create.duplicate" "invariant.failed-write-no-effect"]
        "A create refused for its id changes `updated_at` of the existing offering.";
    DUPLICATE_ACCEPTED "duplicate-accepted" Scenario ["create.duplicate" "invariant.no-bleed"]
        "Creating an existing id replaces the offering.";
    UPDATE_PRODUCT_UNKNOWN_WRITTEN "update-product-unknown-written" Scenario ["update.product-unknown" "invariant.failed-write-no-effect"]
        "An update refused for a product writes the other products.";
    UPDATE_PRODUCT_UNKNOWN_CLEARS "update-product-unknown-clears" Scenario ["update.product-unknown" "invariant.failed-write-no-effect"]
        "An update refused for a product has detached the old ones.";
    UPDATE_PRODUCTS_OVER_100_WRITTEN "update-products-over-100-written" Scenario ["update.product-bounds"]
        "An update refused for too many products has detached the old ones.";
    UPDATE_TAG_MAIN_PRODUCTS_WRITTEN "update-tag-main-products-written" Scenario ["update.tag-main-rejected" "invariant.failed-write-no-effect"]
        "An update refused for `tag` 1 writes the products beside it.";
    UPDATE_TAG_INVALID_TOUCHES "update-tag-invalid-touches" Scenario ["invariant.failed-write-no-effect"]
        "An update refused for its tag changes `updated_at`.";
    DEMOTE_PRODUCTS_WRITTEN "demote-products-written" Scenario ["update.demote-rejected" "invariant.failed-write-no-effect"]
        "A refused demotion writes the products beside it.";
    DEMOTE_TOUCHES "demote-touches" Scenario ["update.demote-rejected" "invariant.failed-write-no-effect"]
        "A refused demotion changes `updated_at`.";
    UPDATE_MISSING_WRITTEN "update-missing-written" Scenario ["update.missing" "invariant.failed-write-no-effect" "auth.project-isolation"]
        "An update of a missing id answers 404 and makes the offering.";
    REFUSED_CREATE_DETACHES "refused-create-detaches" Scenario ["invariant.failed-write-no-effect" "create.duplicate" "create.product-bounds" "create.product-unknown"]
        "Any refused create detaches the products of the newest offering.";
    REFUSED_DELETE_TOUCHES "refused-delete-touches" Scenario ["invariant.failed-write-no-effect" "delete.missing"]
        "A delete of a missing id changes `updated_at` of the newest offering.";
    REFUSED_PRODUCT_USES_UP_FIRST "refused-product-uses-up-first" Sequence ["create.first-is-main" "invariant.failed-write-no-effect"]
        "After a create refused for a product the first offering of an empty project does not become main."
        => |config| {
            config.rejected(Create, |step| use_up_first(step, "product_not_in_project"));
            config.done(Create, miss_first);
        };
    REFUSED_TAG_USES_UP_FIRST "refused-tag-uses-up-first" Sequence ["create.first-is-main" "invariant.failed-write-no-effect"]
        "After a create refused for `tag` 1 the first offering of an empty project does not become main."
        => |config| {
            config.rejected(Create, |step| use_up_first(step, "cannot_set_main_directly"));
            config.done(Create, miss_first);
        };
    REFUSED_PROMOTION_USES_UP_FIRST "refused-promotion-uses-up-first" Sequence ["create.first-is-main" "invariant.failed-write-no-effect"]
        "After a set main of a missing id the first offering of an empty project does not become main."
        => |config| {
            config.rejected(SetMain, |step| use_up_first(step, "not_found"));
            config.done(Create, miss_first);
        };
    REFUSED_CREATE_BURNS_KEY "refused-create-burns-key" Sequence ["invariant.failed-write-no-effect" "create.echo"]
        "The idempotency key of a refused create gets the refusal again, whatever the body."
        => |config| {
            config.rejected(Create, burn_key);
            config.done(Create, |step| {
                if let Some(refusal) = burnt_key(step) {
                    step.reject(refusal);
                }
            });
        };
    REFUSED_CREATE_KEY_409 "refused-create-key-409" Sequence ["invariant.failed-write-no-effect" "create.echo"]
        "The idempotency key of a refused create answers 409 from then on."
        => |config| {
            config.rejected(Create, burn_key);
            config.done(Create, |step| {
                if burnt_key(step).is_some() {
                    step.reject_as_taken();
                }
            });
        };
    REFUSED_CREATE_RESERVES_ID "refused-create-reserves-id" Sequence ["invariant.failed-write-no-effect" "create.echo"]
        "The id of a create refused for a product stays taken."
        => |config| {
            config.rejected(Create, |step| reserve_id(step, "product_not_in_project"));
            config.done(Create, miss_reserved);
        };
    MISSING_DELETE_RESERVES_ID "missing-delete-reserves-id" Sequence ["invariant.failed-write-no-effect" "create.echo"]
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

/// Remembers the idempotency key of a refused create.
fn burn_key(step: &mut Step<'_>) {
    if let (Some(key), Err(refusal)) = (step.call.idempotency_key(), &step.result) {
        step.project.history.burnt.entry(key.to_vec()).or_insert_with(|| refusal.clone());
    }
}

/// The refusal that this request's idempotency key got first.
fn burnt_key(step: &Step<'_>) -> Option<Refusal> {
    step.project.history.burnt.get(step.call.idempotency_key()?).cloned()
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
