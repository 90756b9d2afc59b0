//! Race faults: operations that are not atomic for concurrent clients.

use std::time::{Duration, Instant};

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, List, SetMain, Update};
use crate::reference::interleaving::Duplicate;
use crate::reference::offering::Offering;
use crate::reference::project::Project;
use crate::reference::server_response::{ApiError, ServerResponse};
use crate::reference::step::Reply;

faults! {
    Race from super::deep::FIRST + super::deep::ROWS.len();
    RACE_CREATE_TWICE "race-create-twice"
        "Two concurrent POSTs of one id both succeed."
        => |config| {
            config.interleave(&[Create], |request| Box::pin(request.on_stale_view()));
            config.rejected(Create, |step| {
                if step.code() == "offering_already_exists" {
                    step.add_duplicate();
                }
            });
        };
    RACE_FIRST_CREATE "race-first-create"
        "Two concurrent POSTs in an empty project both create a main."
        => |config| {
            config.interleave(&[Create], |request| Box::pin(request.on_stale_view()));
            config.done(Create, |step| {
                if step.stale.is_some_and(|stale| !stale.iter().any(Offering::is_regular)) {
                    step.change(|created| created.tag = Some(1));
                }
            });
        };
    RACE_SET_MAIN "race-set-main"
        "Two concurrent promotions leave two mains."
        => |config| {
            config.interleave(&[SetMain], |request| Box::pin(request.on_stale_view()));
            config.done(SetMain, |step| {
                let seen = step.seen(Offering::is_main).map(|main| main.id);
                if let (Some(seen), Some((Some(previous), _))) = (seen, step.promotion())
                    && seen != previous.id
                {
                    step.restore_previous();
                }
            });
        };
    RACE_SET_MAIN_GAP "race-set-main-gap"
        "Between demotion and promotion, there is no main for a moment."
        => |config| config.interleave(&[SetMain], |request| Box::pin(request.in_halves(Project::demote_early)));
    RACE_PROMOTION_LISTED_LATE "race-promotion-listed-late"
        "For 50 ms after a promotion, the list returns the earlier tags."
        => |config| config.done(List, |step| {
            let just_now = |then: Instant| then.elapsed() < Duration::from_millis(50);
            if step.project.history.promoted_at.is_some_and(just_now) {
                step.show_former_tags();
            }
        });
    RACE_IDEMPOTENCY "race-idempotency"
        "Two concurrent POSTs with one idempotency key create two offerings."
        => |config| {
            config.interleave(&[Create], |request| Box::pin(request.on_stale_view()));
            config.replayed(Create, |step| step.add_duplicate());
        };
    RACE_UPDATE_HALVES "race-update-halves"
        "Two concurrent PATCH requests mix their products."
        => |config| {
            config.interleave(&[Update], |request| Box::pin(request.in_halves(Project::write_half)));
            config.done(Update, |step| {
                let Some(old) = step.old() else { return };
                step.change(|row| {
                    let half = row.product_ids.len() / 2;
                    for (id, stands) in row.product_ids[..half].iter_mut().zip(&old.product_ids) {
                        id.clone_from(stands);
                    }
                });
            });
        };
    RACE_UPDATE_RESURRECTS "race-update-resurrects"
        "PATCH during a DELETE restores the offering."
        => |config| {
            config.interleave(&[Update], |request| Box::pin(request.on_stale_view()));
            config.rejected(Update, |step| {
                let id = step.id();
                let seen = step.seen(|row| row.id == id && row.is_regular());
                if let Some(mut row) = seen.filter(|_| step.code() == "not_found") {
                    row.product_ids = step.sent_products().unwrap_or(row.product_ids);
                    step.project.offerings.push(row.clone());
                    step.result = Ok(Reply::Offering(row));
                }
            });
        };
    RACE_PROMOTES_FIRST "race-promotes-first"
        "A promotion demotes the previous main a few milliseconds after it promoted the new one."
        => |config| config.interleave(&[SetMain], |request| Box::pin(request.demoting_later()));
    RACE_LIST_IN_TWO "race-list-in-two"
        "The list is read in two steps, between which another offering may become main."
        => |config| config.interleave(&[List], |request| Box::pin(request.reading_every_other_row_later()));
    RACE_PROMOTION_RETURNED_EARLY "race-promotion-returned-early"
        "A promotion during another one returns before it is stored."
        => |config| config.interleave(&[SetMain], |request| Box::pin(request.responding_early()));
    RACE_UPDATE_WRITES_ROLE "race-update-writes-role"
        "PATCH writes back the tag that it read, even if another offering was promoted in between."
        => |config| config.interleave(&[Update], |request| {
            Box::pin(request.writing_back(|row, seen| row.tag = seen.tag))
        });
    RACE_PROMOTION_DEMOTES_FOR_NOTHING "race-promotion-demotes-for-nothing"
        "A promotion during a DELETE returns 404 and demotes the main."
        => |config| config.interleave(&[SetMain], |request| {
            Box::pin(request.after_deletion(|project, seen| project.demote_others(&seen.id)))
        });
    RACE_PROMOTION_WRITES_PRODUCTS "race-promotion-writes-products"
        "A promotion writes back the products that it read, even if they were changed in between."
        => |config| config.interleave(&[SetMain], |request| {
            Box::pin(request.writing_back(|row, seen| row.product_ids.clone_from(&seen.product_ids)))
        });
    RACE_PROMOTION_RESURRECTS "race-promotion-resurrects"
        "A promotion during a DELETE restores the offering."
        => |config| config.interleave(&[SetMain], |request| {
            Box::pin(request.after_deletion(|project, seen| project.offerings.push(seen.clone())))
        });
    RACE_UPDATE_CRASHES "race-update-crashes"
        "PATCH during a DELETE causes a 500."
        => |config| config.interleave(&[Update], |request| Box::pin(request.unless_deleted(|| Err(ApiError::internal()))));
    RACE_DELETE_TWICE "race-delete-twice"
        "Two concurrent DELETEs both succeed."
        => |config| config.interleave(&[Delete], |request| Box::pin(request.unless_deleted(|| Ok(ServerResponse::no_content()))));
    RACE_CREATE_OVERWRITES "race-create-overwrites"
        "Of two concurrent POSTs of one id, the second replaces the first and also succeeds."
        => |config| config.interleave(&[Create], |request| Box::pin(request.finding_duplicate(Duplicate::Overwritten)));
    RACE_CREATE_CRASHES "race-create-crashes"
        "Of two concurrent POSTs of one id, the second causes a 500."
        => |config| config.interleave(&[Create], |request| Box::pin(request.finding_duplicate(Duplicate::Crashes)));
    RACE_CREATE_LOSER_WRITES "race-create-loser-writes"
        "Of two concurrent POSTs of one id, the second is rejected but its products are stored."
        => |config| config.interleave(&[Create], |request| Box::pin(request.finding_duplicate(Duplicate::Rejected)));
    RACE_FIRST_NONE "race-first-none"
        "Concurrent POSTs in an empty project create no main."
        => |config| config.interleave(&[Create], |request| Box::pin(request.becoming_main_if_alone()));
    RACE_KEY_STUCK "race-key-stuck"
        "An idempotency key of two concurrent POSTs always returns 409 afterwards."
        => |config| config.interleave(&[Create], |request| Box::pin(request.sticking_to_key()));
    RACE_KEYS_MIXED "race-keys-mixed"
        "Of two concurrent POSTs, the idempotency key of the second replays the response of the first."
        => |config| config.interleave(&[Create], |request| Box::pin(request.mixing_keys()));
}
