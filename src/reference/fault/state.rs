//! State faults: data that is not stored, lost, or written to another offering.

use http::StatusCode;

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, Get, List, SetMain, Update};
use crate::reference::offering::Offering;
use crate::reference::server_response::ApiError;
use crate::reference::step::{Reply, Step};

faults! {
    State from super::atomicity::FIRST + super::atomicity::ROWS.len();
    CREATE_PRODUCTS_SORTED "create-products-sorted"
        "POST sorts the products."
        => |config| config.done(Create, |step| step.change(|created| created.product_ids.sort()));
    CREATE_PRODUCTS_REVERSED "create-products-reversed"
        "POST stores the products in reverse order."
        => |config| config.done(Create, |step| step.store(|created| created.product_ids.reverse()));
    PRODUCTS_ORDER_LOST_FROM_ELEVEN "products-order-lost-from-eleven"
        "From eleven products on, POST stores them in another order."
        => |config| config.done(Create, |step| step.store(|created| {
            if created.product_ids.len() > 10 {
                created.product_ids.swap(1, 9);
            }
        }));
    PRODUCTS_CUT_AT_FIFTY "products-cut-at-fifty"
        "POST stores only the first 50 products."
        => |config| config.done(Create, |step| step.store(|created| created.product_ids.truncate(50)));
    CREATE_PRODUCTS_OF_MAIN "create-products-of-main"
        "An offering created without products gets those of the main."
        => |config| config.done(Create, |step| {
            let Some(main) = step.before.iter().find(|row| row.is_main()).cloned() else { return };
            step.change(|created| {
                if created.product_ids.is_empty() {
                    created.product_ids.clone_from(&main.product_ids);
                }
            });
        });
    CREATE_NOT_STORED "create-not-stored"
        "POST returns 201 and stores nothing."
        => |config| config.done(Create, |step| step.undo());
    CREATED_NOT_LISTED "created-not-listed"
        "An offering without products is not listed."
        => |config| config.done(List, |step| step.relist(|rows, _| rows.retain(|row| !row.product_ids.is_empty())));
    CREATED_LISTED_TWICE "created-listed-twice"
        "An offering that was never updated is listed twice."
        => |config| config.done(List, |step| step.relist(|rows, _| {
            let again: Vec<_> = rows.iter().filter(|row| row.created_at == row.updated_at).cloned().collect();
            rows.extend(again);
        }));
    CREATE_TOUCHES_NEWEST "create-touches-newest"
        "POST changes `updated_at` of the newest other offering."
        => |config| config.done(Create, |step| {
            let Some(created) = step.reply().cloned() else { return };
            let newest = step.before.iter().rfind(|row| row.is_regular());
            if let Some(row) = newest.and_then(|newest| step.project.row(&newest.id)) {
                row.updated_at = created.updated_at.max(row.updated_at + 1);
            }
        });
    UPDATE_NOT_STORED "update-not-stored"
        "PATCH returns 200 and stores nothing."
        => |config| config.done(Update, |step| {
            if step.writes_products() {
                step.undo();
            }
        });
    UPDATE_APPENDS "update-appends"
        "PATCH adds its products to the stored ones."
        => |config| config.done(Update, |step| {
            if step.writes_products() {
                step.append();
            }
        });
    UPDATE_EMPTY_LIST_IGNORED "update-empty-list-ignored"
        "PATCH ignores an empty list of products."
        => |config| config.done(Update, |step| {
            let Some(old) = step.old() else { return };
            step.change(|row| {
                if row.product_ids.is_empty() {
                    row.product_ids.clone_from(&old.product_ids);
                }
            });
        });
    UPDATE_REORDER_IGNORED "update-reorder-ignored"
        "PATCH ignores a list with the same products in another order."
        => |config| config.done(Update, |step| {
            let Some(old) = step.old() else { return };
            step.change(|row| {
                if sorted(&row.product_ids) == sorted(&old.product_ids) {
                    row.product_ids.clone_from(&old.product_ids);
                }
            });
        });
    UPDATE_PRODUCTS_SORTED "update-products-sorted"
        "PATCH sorts the products."
        => |config| config.done(Update, |step| {
            if step.writes_products() {
                step.change(|row| row.product_ids.sort());
            }
        });
    UPDATE_OMITTED_CLEARS "update-omitted-clears"
        "PATCH without `product_ids` detaches all products."
        => |config| config.done(Update, |step| {
            if !step.writes_products() {
                step.change(|row| row.product_ids.clear());
            }
        });
    UPDATE_SECOND_TIME_409 "update-second-time-409"
        "A repeated PATCH returns 409."
        => |config| config.done(Update, |step| {
            if is_same_update(step) {
                step.reject(ApiError::new(StatusCode::CONFLICT, "already_exists", "This update was applied before."));
            }
        });
    UPDATE_SECOND_TIME_CLEARS "update-second-time-clears"
        "A repeated PATCH detaches all products."
        => |config| config.done(Update, |step| {
            if is_same_update(step) {
                step.change(|row| row.product_ids.clear());
            }
        });
    UPDATE_RESETS_CREATED_AT "update-resets-created-at"
        "PATCH resets `created_at` of the offering."
        => |config| config.done(Update, |step| {
            if step.writes_products() {
                step.change(Offering::reset_created_at);
            }
        });
    UPDATE_TURNS_TIME_BACK "update-turns-time-back"
        "A second PATCH sets `updated_at` before the first."
        => |config| config.done(Update, |step| {
            if step.times_updated() > 1 && step.writes_products() && let Some(old) = step.old() {
                step.change(|row| row.updated_at = old.updated_at - 1);
            }
        });
    UPDATE_ID_RENAMES "update-id-renames"
        "PATCH with an `id` renames the offering."
        => |config| config.done(Update, |step| {
            if let Some(id) = step.free_id_sent() {
                step.change(|row| row.id.clone_from(&id));
            }
        });
    UPDATE_ID_COPIES "update-id-copies"
        "PATCH with an `id` creates a copy under it."
        => |config| config.done(Update, |step| {
            if let (Some(id), Some(updated)) = (step.free_id_sent(), step.reply().cloned()) {
                step.project.add(Offering { id, tag: None, ..updated });
            }
        });
    UPDATE_MISSING_UPSERTS "update-missing-upserts"
        "PATCH of a missing id creates the offering."
        => |config| config.rejected(Update, |step| {
            if step.code() == "not_found" && let Some(created) = step.upsert() {
                step.result = Ok(Reply::Offering(created));
            }
        });
    UPDATE_WRITES_NEXT "update-writes-next"
        "PATCH also writes the products of the next offering."
        => |config| config.done(Update, |step| {
            if step.writes_products() && let Some(old) = step.old() {
                step.write_to(|other| other.number > old.number);
            }
        });
    UPDATE_TOUCHES_OTHERS "update-touches-others"
        "PATCH changes `updated_at` of every offering."
        => |config| config.done(Update, |step| {
            if step.writes_products() && let Some(updated) = step.reply().cloned() {
                step.change_others(|row| row.updated_at = updated.updated_at.max(row.updated_at + 1));
            }
        });
    DELETE_NOT_REMOVED "delete-not-removed"
        "DELETE returns 204 and removes nothing."
        => |config| config.done(Delete, |step| step.undo());
    DELETE_STILL_LISTED "delete-still-listed"
        "A deleted offering is still listed."
        => |config| config.done(List, |step| step.list_deleted(|_, _| true));
    DELETE_STILL_READABLE "delete-still-readable"
        "A deleted offering can still be read."
        => |config| config.rejected(Get, |step| {
            if step.code() == "not_found" && let Some(deleted) = step.deleted() {
                step.result = Ok(Reply::Offering(deleted));
            }
        });
    DELETE_BY_PREFIX "delete-by-prefix"
        "DELETE removes every offering whose id starts with the given one."
        => |config| config.done(Delete, |step| step.delete_all(|stored, given| stored.starts_with(given)));
    DELETE_DETACHES_SHARED "delete-detaches-shared"
        "DELETE detaches the offering's products from all others."
        => |config| config.done(Delete, |step| {
            let Some(deleted) = step.deleted() else { return };
            for row in &mut step.project.offerings {
                row.product_ids.retain(|product| !deleted.product_ids.contains(product));
            }
        });
    DELETE_AGAIN_204 "delete-again-204"
        "A second DELETE returns 204."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "not_found" && step.deleted().is_some() {
                step.result = Ok(Reply::Nothing);
            }
        });
    DELETE_AGAIN_400 "delete-again-400"
        "A second DELETE returns 400."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "not_found" && step.deleted().is_some() {
                step.result = Err(ApiError::malformed("This offering was deleted before."));
            }
        });
    RECREATE_409 "recreate-409"
        "The id of a deleted offering cannot be created again."
        => |config| config.done(Create, |step| {
            if step.deleted().is_some() {
                step.reject_as_taken();
            }
        });
    RECREATE_KEEPS_PRODUCTS "recreate-keeps-products"
        "An offering created again has the products from before its DELETE."
        => |config| config.done(Create, |step| {
            if let Some(former) = step.deleted() {
                step.change(|created| created.product_ids.clone_from(&former.product_ids));
            }
        });
    RECREATE_KEEPS_CREATED_AT "recreate-keeps-created-at"
        "An offering created again has the `created_at` from before its DELETE."
        => |config| config.done(Create, |step| {
            if let Some(former) = step.deleted() {
                step.change(|created| created.created_at = former.created_at);
            }
        });
    GET_TOUCHES "get-touches"
        "GET changes `updated_at` of the offering."
        => |config| config.done(Get, |step| {
            let now = step.project.ticker.tick();
            step.store(|row| row.updated_at = now + 1);
        });
    GET_SECOND_TIME_404 "get-second-time-404"
        "Every second GET of an offering returns 404."
        => |config| config.done(Get, |step| {
            if step.project.history.gets.get(&step.id()).is_some_and(|times| times.is_multiple_of(2)) {
                step.result = Err(ApiError::not_found());
            }
        });
    PROMOTION_RESTORES_DEMOTED_PRODUCTS "promotion-restores-demoted-products"
        "An offering that is promoted again gets the products it had when it was demoted."
        => |config| config.done(SetMain, |step| {
            let Some((_, promoted)) = step.promotion() else { return };
            if let Some(products) = step.project.history.demoted_products.get(&promoted.id).cloned() {
                step.change(|row| row.product_ids.clone_from(&products));
            }
        });
    PROMOTION_RESTORES_FIRST_PRODUCTS "promotion-restores-first-products"
        "A promoted offering is stored with the products it was created with."
        => |config| config.done(SetMain, |step| {
            let Some((_, promoted)) = step.promotion() else { return };
            if let Some(products) = step.project.history.first_products.get(&promoted.id).cloned() {
                step.store(|row| row.product_ids = products);
            }
        });
    DEMOTION_RESTORES_PRODUCTS "demotion-restores-products"
        "A demoted offering gets the products it had when it was promoted."
        => |config| config.done(SetMain, |step| {
            let Some((Some(previous), _)) = step.promotion() else { return };
            let products = step.project.history.promoted_products.get(&previous.id).cloned();
            if let Some((row, products)) = step.project.row(&previous.id).zip(products) {
                row.product_ids = products;
            }
        });
    RECREATE_STORES_DELETED_PRODUCTS "recreate-stores-deleted-products"
        "An offering created again is stored with the products it had when it was deleted."
        => |config| config.done(Create, |step| {
            let Some(created) = step.reply().cloned() else { return };
            let deleted = step.project.history.deleted.iter().rev().find(|row| row.id == created.id).cloned();
            if let Some(deleted) = deleted {
                step.store(|row| row.product_ids = deleted.product_ids);
            }
        });
    RECREATE_STORES_FIRST_PRODUCTS "recreate-stores-first-products"
        "An offering created again is stored with the products it was first created with."
        => |config| config.done(Create, |step| {
            let Some(created) = step.reply().cloned() else { return };
            let first = step.project.history.oldest_products.get(&created.id).cloned().unwrap_or_default();
            step.store(|row| row.product_ids = first);
        });
    GET_PRODUCTS_CUT_AT_TEN "get-products-cut-at-ten"
        "GET returns only the first ten products."
        => |config| config.done(Get, |step| step.show(|shown| shown.product_ids.truncate(10)));
    GET_PRODUCTS_CUT_AT_NINETY_NINE "get-products-cut-at-ninety-nine"
        "GET returns only the first 99 products."
        => |config| config.done(Get, |step| step.show(|shown| shown.product_ids.truncate(99)));
    GET_PRODUCTS_SORTED_FROM_TWENTY_SIX "get-products-sorted-from-twenty-six"
        "From 26 products on, GET returns them sorted."
        => |config| config.done(Get, |step| step.show(|shown| {
            if shown.product_ids.len() > 25 {
                shown.product_ids.sort();
            }
        }));
    LIST_PRODUCTS_CUT_AT_TEN "list-products-cut-at-ten"
        "The list returns only the first ten products of each offering."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(10)));
    LIST_PRODUCTS_CUT_AT_NINETY_NINE "list-products-cut-at-ninety-nine"
        "The list returns only the first 99 products of each offering."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(99)));
    LIST_PRODUCTS_TURNED_FROM_FIFTY_ONE "list-products-turned-from-fifty-one"
        "From 51 products on, the list returns the first 50 after the others."
        => |config| config.done(List, |step| step.show_rows(|row| {
            if row.product_ids.len() > 50 {
                row.product_ids.rotate_left(50);
            }
        }));
    UPDATE_PRODUCTS_CUT_AT_FIFTY "update-products-cut-at-fifty"
        "PATCH stores only the first 50 products."
        => |config| config.done(Update, |step| step.store(|row| row.product_ids.truncate(50)));
    DELETE_PROMOTED_500 "delete-promoted-500"
        "DELETE of an offering that was ever promoted causes a 500."
        => |config| config.done(Delete, |step| {
            if step.project.history.promoted_products.contains_key(&step.id()) {
                step.reject(ApiError::internal());
            }
        });
    DELETE_PROMOTED_422 "delete-promoted-422"
        "DELETE of an offering that was ever promoted returns 422, as for an experiment variant."
        => |config| config.done(Delete, |step| {
            if step.project.history.promoted_products.contains_key(&step.id()) {
                let message = "This offering is deleted with its experiment only.";
                step.reject(ApiError::unprocessable("cannot_delete_experiment_variant", message));
            }
        });
    DELETE_UPDATED_404 "delete-updated-404"
        "DELETE of an offering whose products were updated returns 404."
        => |config| config.done(Delete, |step| {
            if step.project.history.updated.contains_key(&step.id()) {
                step.reject(ApiError::not_found());
            }
        });
    DELETE_WITH_PRODUCTS_KEEPS "delete-with-products-keeps"
        "DELETE of an offering that has products returns 204 and removes nothing."
        => |config| config.done(Delete, |step| {
            let id = step.id();
            if step.before.iter().any(|row| row.id == id && !row.product_ids.is_empty()) {
                step.undo();
            }
        });
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

/// Whether the update before this one, of the same offering, had the same body.
fn is_same_update(step: &mut Step<'_>) -> bool {
    let body = step.call.body().unwrap_or_default();
    step.project.history.latest_update.insert(step.id(), body.clone()) == Some(body)
}
