//! State faults: what is kept, lost, or written elsewhere.

use super::{Fault, faults};

faults! {
    State from super::atomicity::FIRST + super::atomicity::ROWS.len();
    CREATE_PRODUCTS_SORTED "create-products-sorted" Scenario ["create.echo"]
        "Create sorts the products.";
    CREATE_PRODUCTS_REVERSED "create-products-reversed" Scenario ["create.readable" "get.existing" "invariant.model-agrees"]
        "Create keeps the products in reverse.";
    PRODUCTS_ORDER_LOST_FROM_ELEVEN "products-order-lost-from-eleven" Scenario ["create.readable" "get.existing" "invariant.model-agrees"]
        "From eleven products on, create keeps them in another order.";
    PRODUCTS_CUT_AT_FIFTY "products-cut-at-fifty" Scenario ["invariant.model-agrees"]
        "Create keeps the first fifty products only.";
    CREATE_PRODUCTS_OF_MAIN "create-products-of-main" Scenario ["create.echo" "delete.recreate"]
        "An offering made without products gets those of the main.";
    CREATE_NOT_STORED "create-not-stored" Scenario ["create.readable" "auth.project-isolation" "create.first-is-main" "create.idempotency-scope" "get.existing" "invariant.model-agrees" "list.default-limit" "list.pages-cover" "offering.created-at-immutable" "set-main.promotes" "update.product-bounds" "update.replaces-products"]
        "Create answers and keeps nothing.";
    CREATED_NOT_LISTED "created-not-listed" Scenario ["create.readable" "create.first-is-main" "invariant.failed-write-no-effect" "invariant.main-exists" "invariant.model-agrees" "list.default-limit" "list.pages-cover"]
        "An offering without products is not listed.";
    CREATED_LISTED_TWICE "created-listed-twice" Scenario ["list.pages-cover"]
        "An offering never updated is listed twice.";
    CREATE_TOUCHES_NEWEST "create-touches-newest" Scenario ["create.readable" "invariant.no-bleed"]
        "Create changes `updated_at` of the newest other offering.";
    UPDATE_NOT_STORED "update-not-stored" Scenario ["update.replaces-products" "invariant.model-agrees" "offering.created-at-immutable"]
        "Update answers and keeps nothing.";
    UPDATE_APPENDS "update-appends" Scenario ["update.replaces-products" "invariant.model-agrees"]
        "Update adds products to those that are there.";
    UPDATE_EMPTY_LIST_IGNORED "update-empty-list-ignored" Scenario ["update.replaces-products" "invariant.model-agrees"]
        "Update ignores an empty list of products.";
    UPDATE_REORDER_IGNORED "update-reorder-ignored" Scenario ["update.replaces-products"]
        "Update ignores a list with the same products in another order.";
    UPDATE_PRODUCTS_SORTED "update-products-sorted" Scenario ["update.replaces-products" "invariant.model-agrees"]
        "Update sorts the products.";
    UPDATE_OMITTED_CLEARS "update-omitted-clears" Scenario ["update.partial"]
        "Update without `product_ids` detaches all.";
    UPDATE_SECOND_TIME_409 "update-second-time-409" Scenario ["update.retry-safe" "response.documented-status"]
        "The same update a second time answers 409.";
    UPDATE_SECOND_TIME_CLEARS "update-second-time-clears" Scenario ["update.retry-safe"]
        "The same update a second time detaches all.";
    UPDATE_RESETS_CREATED_AT "update-resets-created-at" Scenario ["offering.created-at-immutable" "update.partial"]
        "Update makes the offering look new.";
    UPDATE_TURNS_TIME_BACK "update-turns-time-back" Scenario ["offering.created-at-immutable" "offering.timestamps"]
        "A second update sets `updated_at` before the first.";
    UPDATE_ID_RENAMES "update-id-renames" Scenario ["update.id-immutable"]
        "Update with an `id` renames the offering.";
    UPDATE_ID_COPIES "update-id-copies" Scenario ["update.id-immutable"]
        "Update with an `id` makes a copy under it.";
    UPDATE_MISSING_UPSERTS "update-missing-upserts" Scenario ["update.missing" "delete.missing" "set-main.missing"]
        "Update of a missing id makes the offering.";
    UPDATE_WRITES_NEXT "update-writes-next" Scenario ["invariant.no-bleed" "invariant.model-agrees"]
        "Update writes the products of the next offering too.";
    UPDATE_TOUCHES_OTHERS "update-touches-others" Scenario ["invariant.no-bleed"]
        "Update changes `updated_at` of every offering.";
    DELETE_NOT_REMOVED "delete-not-removed" Scenario ["delete.removes" "invariant.model-agrees"]
        "Delete answers and removes nothing.";
    DELETE_STILL_LISTED "delete-still-listed" Scenario ["delete.removes" "invariant.model-agrees" "invariant.no-bleed" "invariant.single-main"]
        "A deleted offering is still listed.";
    DELETE_STILL_READABLE "delete-still-readable" Scenario ["delete.removes"]
        "A deleted offering can still be read.";
    DELETE_BY_PREFIX "delete-by-prefix" Scenario ["delete.removes" "invariant.no-bleed" "invariant.main-exists" "update.replaces-products"]
        "Delete removes every offering whose id starts with the given one.";
    DELETE_DETACHES_SHARED "delete-detaches-shared" Scenario ["delete.removes" "invariant.no-bleed" "invariant.model-agrees"]
        "Delete detaches the offering's products from all others.";
    DELETE_AGAIN_204 "delete-again-204" Scenario ["delete.again"]
        "Deleting a second time answers 204.";
    DELETE_AGAIN_400 "delete-again-400" Scenario ["delete.again"]
        "Deleting a second time answers 400.";
    RECREATE_409 "recreate-409" Scenario ["delete.recreate"]
        "The id of a deleted offering stays taken.";
    RECREATE_KEEPS_PRODUCTS "recreate-keeps-products" Scenario ["delete.recreate"]
        "An offering made again has the products of its former life.";
    RECREATE_KEEPS_CREATED_AT "recreate-keeps-created-at" Scenario ["delete.recreate"]
        "An offering made again has the `created_at` of its former life.";
    GET_TOUCHES "get-touches" Scenario ["get.existing" "auth.project-isolation" "create.duplicate" "invariant.model-agrees" "invariant.no-bleed" "list.agrees-with-get"]
        "Reading an offering changes its `updated_at`.";
    GET_SECOND_TIME_404 "get-second-time-404" Scenario ["get.existing" "auth.project-isolation" "set-main.demotes-previous"]
        "Every second get of an offering answers 404.";
}
