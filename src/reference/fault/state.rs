//! State faults: what is kept, lost, or written elsewhere.

use super::{Fault, faults};
use crate::reference::answer::Refusal;
use crate::reference::call::Operation::{Create, Delete, Get, List, SetMain, Update};

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
    PROMOTION_RESTORES_DEMOTED_PRODUCTS "promotion-restores-demoted-products" Sequence ["set-main.keeps-rest" "invariant.model-agrees"]
        "An offering that is promoted again has the products with which it was demoted."
        => |config| config.done(SetMain, |step| {
            let Some((_, promoted)) = step.promotion() else { return };
            if let Some(products) = step.project.history.demoted_products.get(&promoted.id).cloned() {
                step.change(|row| row.product_ids.clone_from(&products));
            }
        });
    PROMOTION_RESTORES_FIRST_PRODUCTS "promotion-restores-first-products" Sequence ["invariant.model-agrees" "set-main.keeps-rest"]
        "A promoted offering is stored with the products that it was created with."
        => |config| config.done(SetMain, |step| {
            let Some((_, promoted)) = step.promotion() else { return };
            if let Some(products) = step.project.history.first_products.get(&promoted.id).cloned() {
                step.store(|row| row.product_ids = products);
            }
        });
    DEMOTION_RESTORES_PRODUCTS "demotion-restores-products" Sequence ["set-main.keeps-rest" "invariant.no-bleed" "invariant.model-agrees"]
        "A demoted offering has the products with which it was promoted."
        => |config| config.done(SetMain, |step| {
            let Some((Some(previous), _)) = step.promotion() else { return };
            let products = step.project.history.promoted_products.get(&previous.id).cloned();
            if let Some((row, products)) = step.project.row(&previous.id).zip(products) {
                row.product_ids = products;
            }
        });
    RECREATE_STORES_DELETED_PRODUCTS "recreate-stores-deleted-products" Sequence ["delete.recreate" "create.readable" "invariant.model-agrees"]
        "An offering made again is stored with the products that it was deleted with."
        => |config| config.done(Create, |step| {
            let Some(made) = step.reply().cloned() else { return };
            let deleted = step.project.history.deleted.iter().rev().find(|row| row.id == made.id).cloned();
            if let Some(deleted) = deleted {
                step.store(|row| row.product_ids = deleted.product_ids);
            }
        });
    RECREATE_STORES_FIRST_PRODUCTS "recreate-stores-first-products" Sequence ["delete.recreate" "create.readable" "invariant.model-agrees"]
        "An offering made again is stored with the products that it was made with the first time."
        => |config| config.done(Create, |step| {
            let Some(made) = step.reply().cloned() else { return };
            let first = step.project.history.oldest_products.entry(made.id).or_insert(made.product_ids).clone();
            step.store(|row| row.product_ids = first);
        });
    GET_PRODUCTS_CUT_AT_TEN "get-products-cut-at-ten" Scenario ["invariant.model-agrees" "create.readable" "list.agrees-with-get" "update.replaces-products"]
        "Get shows the first ten products only."
        => |config| config.done(Get, |step| step.show(|shown| shown.product_ids.truncate(10)));
    GET_PRODUCTS_CUT_AT_NINETY_NINE "get-products-cut-at-ninety-nine" Scenario ["create.product-bounds" "invariant.model-agrees" "create.readable" "list.agrees-with-get"]
        "Get shows the first 99 products only."
        => |config| config.done(Get, |step| step.show(|shown| shown.product_ids.truncate(99)));
    GET_PRODUCTS_SORTED_FROM_TWENTY_SIX "get-products-sorted-from-twenty-six" Scenario ["invariant.model-agrees" "create.readable" "list.agrees-with-get"]
        "From 26 products on, get shows them sorted."
        => |config| config.done(Get, |step| step.show(|shown| {
            if shown.product_ids.len() > 25 {
                shown.product_ids.sort();
            }
        }));
    LIST_PRODUCTS_CUT_AT_TEN "list-products-cut-at-ten" Scenario ["list.agrees-with-get" "invariant.model-agrees"]
        "The list shows the first ten products of each offering only."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(10)));
    LIST_PRODUCTS_CUT_AT_NINETY_NINE "list-products-cut-at-ninety-nine" Scenario ["list.agrees-with-get" "invariant.model-agrees"]
        "The list shows the first 99 products of each offering only."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(99)));
    LIST_PRODUCTS_TURNED_FROM_FIFTY_ONE "list-products-turned-from-fifty-one" Scenario ["list.agrees-with-get" "invariant.model-agrees"]
        "From 51 products on, the list shows the first fifty of an offering after the others."
        => |config| config.done(List, |step| step.show_rows(|row| {
            if row.product_ids.len() > 50 {
                row.product_ids.rotate_left(50);
            }
        }));
    UPDATE_PRODUCTS_CUT_AT_FIFTY "update-products-cut-at-fifty" Scenario ["update.product-bounds" "invariant.model-agrees" "update.replaces-products"]
        "Update keeps the first fifty products only."
        => |config| config.done(Update, |step| step.store(|row| row.product_ids.truncate(50)));
    DELETE_PROMOTED_500 "delete-promoted-500" Scenario ["response.no-server-error"]
        "Deleting an offering that was ever promoted is a 500."
        => |config| config.done(Delete, |step| {
            if step.project.history.promoted_products.contains_key(&step.id()) {
                step.reject(Refusal::internal());
            }
        });
    DELETE_PROMOTED_422 "delete-promoted-422" Scenario ["delete.removes"]
        "Deleting an offering that was ever promoted answers 422, as if it was an experiment's."
        => |config| config.done(Delete, |step| {
            if step.project.history.promoted_products.contains_key(&step.id()) {
                let message = "This offering is deleted with its experiment only.";
                step.reject(Refusal::unprocessable("cannot_delete_experiment_variant", message));
            }
        });
    DELETE_UPDATED_404 "delete-updated-404" Scenario ["delete.removes"]
        "Deleting an offering whose products were updated answers 404."
        => |config| config.done(Delete, |step| {
            if step.project.history.updated.contains_key(&step.id()) {
                step.reject(Refusal::not_found());
            }
        });
    DELETE_WITH_PRODUCTS_KEEPS "delete-with-products-keeps" Scenario ["delete.removes" "invariant.model-agrees"]
        "Deleting an offering that has products answers 204 and removes nothing."
        => |config| config.done(Delete, |step| {
            let id = step.id();
            if step.before.iter().any(|row| row.id == id && !row.product_ids.is_empty()) {
                step.undo();
            }
        });
}
