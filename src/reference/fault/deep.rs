//! Deep faults: defects that only a particular sequence of requests shows.

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, Get, List, SetMain, Update};
use crate::reference::offering::Offering;
use crate::reference::server_response::ApiError;
use crate::reference::step::Reply;

faults! {
    Deep from super::leak::FIRST + super::leak::ROWS.len();
    THIRD_PROMOTION_KEEPS_MAIN "third-promotion-keeps-main"
        "Every third promotion does not demote the old main."
        => |config| config.done(SetMain, |step| {
            if step.project.history.promotions.is_multiple_of(3) {
                step.restore_previous();
            }
        });
    NEWEST_OF_FOUR_KEEPS_MAIN "newest-of-four-keeps-main"
        "Promoting the newest of four or more offerings does not demote the old main."
        => |config| config.done(SetMain, |step| {
            let rows = step.project.listed();
            let newest = rows.iter().max_by_key(|row| row.number).map(|row| row.id.clone());
            if rows.len() > 3 && newest == step.reply().map(|promoted| promoted.id.clone()) {
                step.restore_previous();
            }
        });
    RECREATED_MAIN_NOT_DEMOTED "recreated-main-not-demoted"
        "A main that was deleted and created again is no longer demoted."
        => |config| config.done(SetMain, |step| {
            if let Some((Some(previous), _)) = step.promotion()
                && step.project.history.deleted_mains.contains(&previous.id)
            {
                step.restore_previous();
            }
        });
    MAINS_AFTER_MAIN_DELETED "mains-after-main-deleted"
        "After the main was deleted, every new offering becomes main while others remain."
        => |config| config.done(Create, |step| {
            if step.others() > 0 && step.project.history.main_deleted {
                step.change(|created| created.tag = Some(1));
            }
        });
    TWICE_DEMOTED_NOT_PROMOTED "twice-demoted-not-promoted"
        "An offering that was demoted twice is promoted only in the response."
        => |config| config.done(SetMain, |step| {
            if let Some((_, promoted)) = step.promotion()
                && step.project.history.demotions.get(&promoted.id).is_some_and(|times| *times > 1)
            {
                step.undo();
            }
        });
    SET_MAIN_AFTER_EMPTY_UPDATE "set-main-after-empty-update"
        "After a PATCH without effect, set-main is applied only in the response."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() && std::mem::take(&mut step.project.history.empty_update) {
                step.undo();
            }
        });
    SET_MAIN_REFUSED_WITHOUT_MAIN "set-main-refused-without-main"
        "After the main was deleted, set-main returns 422."
        => |config| config.done(SetMain, |step| {
            if let Some((None, _)) = step.promotion() {
                let message = "There is no main offering to demote.";
                step.reject(ApiError::unprocessable("cannot_setmain_experiment_variant", message));
            }
        });
    RECREATED_DEMOTED_GETS_ZERO "recreated-demoted-gets-zero"
        "Promoting a former main that was deleted and created again sets `tag` 0."
        => |config| config.done(SetMain, |step| {
            if step.promotion().is_some() && step.deleted().is_some_and(|former| former.tag == Some(0)) {
                step.change(|promoted| promoted.tag = Some(0));
            }
        });
    FORMER_MAIN_DELETED_DEMOTES "former-main-deleted-demotes"
        "DELETE of a former main demotes the main."
        => |config| config.done(Delete, |step| {
            if step.project.history.demotions.contains_key(&step.id()) {
                step.project.demote_main();
            }
        });
    UPDATE_AFTER_PROMOTIONS_CLEARS "update-after-promotions-clears"
        "After two promotions, PATCH of the main demotes it."
        => |config| config.done(Update, |step| {
            let later = step.writes_products() && step.project.history.promotions > 1;
            if later && step.reply().is_some_and(Offering::is_main) {
                step.change(|row| row.tag = Some(0));
            }
        });
    REPLAYED_SET_MAIN_DEMOTES "replayed-set-main-demotes"
        "A set-main replayed after another promotion demotes the main."
        => |config| config.replayed(SetMain, |step| {
            if step.project.main_id() != Some(step.id()) {
                step.project.demote_main();
            }
        });
    FOURTH_CREATED_LOSES_PRODUCTS "fourth-created-loses-products"
        "Every fourth new offering is stored without its products."
        => |config| config.done(Create, |step| {
            if step.project.history.created.is_multiple_of(4) {
                step.store(|created| created.product_ids.clear());
            }
        });
    ELEVENTH_NOT_LISTED "eleventh-not-listed"
        "Every eleventh new offering is not listed."
        => |config| {
            config.done(Create, |step| {
                if step.project.history.created.is_multiple_of(11) {
                    let id = step.id();
                    step.project.history.unlisted.insert(id);
                }
            });
            config.done(List, |step| step.relist(|rows, history| {
                rows.retain(|row| !history.unlisted.contains(&row.id));
            }));
        };
    COLON_SECOND_UPDATE_APPENDS "colon-second-update-appends"
        "For an id with a colon, every PATCH after the first adds to the products."
        => |config| config.done(Update, |step| {
            if step.writes_products() && step.id().contains(':') && step.times_updated() > 1 {
                step.append();
            }
        });
    SHRINKING_UPDATE_KEEPS_TAIL "shrinking-update-keeps-tail"
        "PATCH with a shorter, non-empty list keeps the tail of the old list."
        => |config| config.done(Update, |step| {
            if step.writes_products() && let Some(old) = step.old() {
                step.store(|row| {
                    let kept = row.product_ids.len();
                    if (1..old.product_ids.len()).contains(&kept) {
                        row.product_ids.extend(old.product_ids[kept..].iter().cloned());
                    }
                });
            }
        });
    ELEVEN_TO_TEN_DROPS_FIRST "eleven-to-ten-drops-first"
        "PATCH from more than ten products to ten or fewer drops the first."
        => |config| config.done(Update, |step| {
            if step.writes_products() && step.old().is_some_and(|old| old.product_ids.len() > 10) {
                step.store(|row| {
                    if (1..=10).contains(&row.product_ids.len()) {
                        row.product_ids.remove(0);
                    }
                });
            }
        });
    EMPTIED_LIST_COMES_BACK "emptied-list-comes-back"
        "PATCH after an empty list restores the earlier products."
        => |config| config.done(Update, |step| {
            let (Some(old), Some(updated)) = (step.old(), step.reply().cloned()) else { return };
            if step.writes_products() && updated.product_ids.is_empty() {
                step.project.history.emptied.insert(old.id, old.product_ids);
            } else if let Some(emptied) = step.project.history.emptied.remove(&old.id) {
                step.change(|row| drop(row.product_ids.splice(0..0, emptied.clone())));
            }
        });
    FOURTH_UPDATE_FORGOTTEN "fourth-update-forgotten"
        "Every fourth PATCH of a project is applied only in the response."
        => |config| config.done(Update, |step| {
            if step.writes_products() && step.project.history.updates.is_multiple_of(4) {
                step.undo();
            }
        });
    THIRD_UPDATE_TURNS_TIME_BACK "third-update-turns-time-back"
        "The third PATCH of an offering resets `updated_at` to `created_at`."
        => |config| config.done(Update, |step| {
            if step.writes_products() && step.times_updated() == 3 && let Some(old) = step.old() {
                step.change(|row| row.updated_at = old.created_at);
            }
        });
    UPDATE_OF_DEMOTED_WRITES_MAIN "update-of-demoted-writes-main"
        "PATCH of a former main also writes the products of the main."
        => |config| config.done(Update, |step| {
            if step.writes_products() && let Some(old) = step.old()
                && old.tag == Some(0) && step.project.history.demotions.contains_key(&old.id)
            {
                step.write_to(Offering::is_main);
            }
        });
    UPDATE_WRITES_TWIN "update-writes-twin"
        "PATCH writes to an older offering whose id differs only in case."
        => |config| config.done(Update, |step| {
            if step.writes_products() && let Some(old) = step.old() {
                step.write_to(|other| other.number < old.number && other.id.eq_ignore_ascii_case(&old.id));
            }
        });
    UPDATE_AFTER_MISSING_PROMOTION "update-after-missing-promotion"
        "After a set-main of a missing id, the next PATCH is applied only in the response."
        => |config| config.done(Update, |step| {
            if step.writes_products() && std::mem::take(&mut step.project.history.missing_promotion) {
                step.undo();
            }
        });
    UPDATE_AFTER_DUPLICATE "update-after-duplicate"
        "After a rejected POST of the same id, the next PATCH of the offering is applied only in the response."
        => |config| config.done(Update, |step| {
            if step.writes_products() && step.project.history.duplicates.remove(&step.id()) {
                step.undo();
            }
        });
    TENTH_WRITE_DETACHES_OLDEST "tenth-write-detaches-oldest"
        "Every tenth write detaches the products of the oldest offering."
        => |config| {
            for operation in [Create, Update, Delete, SetMain] {
                config.done(operation, |step| {
                    let (id, given) = (step.id(), step.project.history.initial);
                    let others = step.project.offerings.iter_mut().filter(|row| row.is_regular() && row.id != id);
                    if step.wrote && step.project.history.writes.is_multiple_of(10)
                        && let Some(oldest) = others.into_iter().find(|row| row.number > given)
                    {
                        oldest.product_ids.clear();
                    }
                });
            }
        };
    SECOND_DELETION_TAKES_ANOTHER "second-deletion-takes-another"
        "Every second DELETE also removes the oldest offering that is not main."
        => |config| config.done(Delete, |step| {
            if step.project.history.deleted.len().is_multiple_of(2) {
                let given = step.project.history.initial;
                let free = |row: &Offering| row.is_regular() && !row.is_main() && row.number > given;
                let oldest = step.project.offerings.iter().position(free);
                oldest.map(|oldest| step.project.offerings.remove(oldest));
            }
        });
    DELETION_TAKES_CHILDREN "deletion-takes-children"
        "DELETE also removes offerings whose ids continue with a colon."
        => |config| config.done(Delete, |step| {
            let child = format!("{}:", step.id());
            step.project.offerings.retain(|row| !row.id.starts_with(&child));
        });
    DELETED_FORMER_MAIN_LISTED "deleted-former-main-listed"
        "A former main is still listed after its DELETE."
        => |config| config.done(List, |step| step.list_deleted(|row, history| {
            row.tag == Some(0) && history.demotions.contains_key(&row.id)
        }));
    THIRD_DELETION_RESTORES_FIRST "third-deletion-restores-first"
        "The third DELETE restores the offering that was deleted first."
        => |config| config.done(Delete, |step| {
            if let [first, _, _] = &step.project.history.deleted[..] {
                let first = Offering { tag: None, ..first.clone() };
                if step.project.position(&first.id).is_none() {
                    step.project.offerings.push(first);
                }
            }
        });
    THIRD_LIFE_REFUSED "third-life-refused"
        "An id that was deleted twice cannot be created a third time."
        => |config| config.done(Create, |step| {
            if step.times_deleted() > 1 {
                step.reject_as_taken();
            }
        });
    UPDATED_PRODUCTS_RETURN "updated-products-return"
        "An offering that was updated, deleted and created again has its old products."
        => |config| config.done(Create, |step| {
            if let Some(former) = step.deleted()
                && step.project.history.formerly_updated.contains(&former.id)
            {
                step.store(|created| created.product_ids = former.product_ids);
            }
        });
    PAGE_THREE_REPEATS "page-three-repeats"
        "From the third page on, a page starts with the offering of the cursor."
        => |config| config.done(List, |step| {
            if let (Some(place), Some(window)) = (step.cursor_place(), step.window())
                && place + 1 >= 2 * window.limit
            {
                step.list_from(place);
            }
        });
    PAGES_SKIP_AFTER_DELETION "pages-skip-after-deletion"
        "After a DELETE, pages after a cursor start one offering too late."
        => |config| config.done(List, |step| {
            if let Some(place) = step.cursor_place()
                && !step.project.history.deleted.is_empty()
            {
                step.list_from((place + 2).min(step.project.rows().len()));
            }
        });
    LIST_FROZEN_AFTER_RESTART "list-frozen-after-restart"
        "After a restarted list, the list is cached until an offering is deleted."
        => |config| config.done(List, |step| {
            if let Some(frozen) = step.project.history.cached_list.clone() {
                step.relist(|rows, _| *rows = frozen);
            } else if step.restarted() {
                step.project.history.cached_list = Some(step.project.rows());
            }
        });
    SECOND_READ_CACHED "second-read-cached"
        "Once GET returned the same twice in a row, it is cached until the offering is deleted."
        => |config| config.done(Get, |step| {
            let (id, Some(read)) = (step.id(), step.reply().cloned()) else { return };
            let (cached, times) = step.project.history.reads.entry(id).or_insert_with(|| (read.clone(), 0));
            if *times < 2 {
                *times = if *cached == read { *times + 1 } else { 1 };
                cached.clone_from(&read);
            }
            step.result = Ok(Reply::Offering(cached.clone()));
        });
    KEY_FORGOTTEN_AFTER_DELETION "key-forgotten-after-deletion"
        "After a DELETE, the idempotency keys of other offerings are forgotten."
        => |config| config.done(Delete, |step| {
            let id = step.id();
            step.project.replays.retain(|offering, _| offering.id == id);
        });
    KEY_FORGOTTEN_AFTER_THREE_WRITES "key-forgotten-after-three-writes"
        "Idempotency keys are forgotten after three more writes."
        => |config| {
            for operation in [Create, Update, Delete, SetMain] {
                config.done(operation, |step| {
                    let writes = step.project.history.writes;
                    step.project.replays.retain(|_, kept_at| writes < kept_at + 3);
                });
            }
        };
    KEY_OF_REFUSED_CREATE "key-of-refused-create"
        "A POST with the idempotency key of a rejected one is applied only in the response."
        => |config| {
            config.rejected(Create, |step| step.save_rejection());
            config.done(Create, |step| {
                if step.saved_rejection().is_some() {
                    step.undo();
                }
            });
        };
}
