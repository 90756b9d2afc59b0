//! Atomicity faults: refused writes that wrote something.

use super::{Fault, faults};

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
}
