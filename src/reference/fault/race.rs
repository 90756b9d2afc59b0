//! Race faults: steps that are not one step for several clients.

use std::time::{Duration, Instant};

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, List, SetMain, Update};
use crate::reference::interleaving::Twin;
use crate::reference::offering::Offering;
use crate::reference::project::Project;
use crate::reference::server_response::{Refusal, ServerResponse};
use crate::reference::step::Reply;

faults! {
    Race from super::deep::FIRST + super::deep::ROWS.len();
    RACE_CREATE_TWICE "race-create-twice"
        "Two creates of one id at once both succeed."
        => |config| {
            config.interleave(&[Create], |request| Box::pin(request.on_stale_view()));
            config.rejected(Create, |step| {
                if step.code() == "offering_already_exists" {
                    step.add_twin();
                }
            });
        };
    RACE_FIRST_CREATE "race-first-create"
        "Two creates at once in an empty project both become main."
        => |config| {
            config.interleave(&[Create], |request| Box::pin(request.on_stale_view()));
            config.done(Create, |step| {
                if step.stale.is_some_and(|stale| !stale.iter().any(Offering::is_regular)) {
                    step.change(|made| made.tag = Some(1));
                }
            });
        };
    RACE_SET_MAIN "race-set-main"
        "Two promotions at once leave two mains."
        => |config| {
            config.interleave(&[SetMain], |request| Box::pin(request.on_stale_view()));
            config.done(SetMain, |step| {
                let seen = step.seen(Offering::is_main).map(|main| main.id);
                if let (Some(seen), Some((Some(previous), _))) = (seen, step.promotion())
                    && seen != previous.id
                {
                    step.keep_previous();
                }
            });
        };
    RACE_SET_MAIN_GAP "race-set-main-gap"
        "Between demotion and promotion there is no main for a moment."
        => |config| config.interleave(&[SetMain], |request| Box::pin(request.in_halves(Project::demote_early)));
    RACE_PROMOTION_LISTED_LATE "race-promotion-listed-late"
        "For fifty milliseconds after a promotion the list shows the tags of before."
        => |config| config.done(List, |step| {
            let just_now = |then: Instant| then.elapsed() < Duration::from_millis(50);
            if step.project.history.promoted_at.is_some_and(just_now) {
                step.show_former_tags();
            }
        });
    RACE_IDEMPOTENCY "race-idempotency"
        "Two creates with one key at once make two offerings."
        => |config| {
            config.interleave(&[Create], |request| Box::pin(request.on_stale_view()));
            config.replayed(Create, |step| step.add_twin());
        };
    RACE_UPDATE_HALVES "race-update-halves"
        "Two updates at once mix their products."
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
        "An update that meets a deletion brings the offering back."
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
        "A promotion demotes the previous main some milliseconds after it made the new one."
        => |config| config.interleave(&[SetMain], |request| Box::pin(request.demoting_later()));
    RACE_LIST_IN_TWO "race-list-in-two"
        "A list is read in two steps, between which another offering may become main."
        => |config| config.interleave(&[List], |request| Box::pin(request.reading_every_other_row_later()));
    RACE_PROMOTION_ANSWERED_EARLY "race-promotion-answered-early"
        "A promotion that meets another one is answered before it is made."
        => |config| config.interleave(&[SetMain], |request| Box::pin(request.responding_early()));
    RACE_UPDATE_WRITES_ROLE "race-update-writes-role"
        "An update writes back the tag that it read, whichever offering was promoted meanwhile."
        => |config| config.interleave(&[Update], |request| {
            Box::pin(request.writing_back(|row, seen| row.tag = seen.tag))
        });
    RACE_PROMOTION_DEMOTES_FOR_NOTHING "race-promotion-demotes-for-nothing"
        "A promotion that meets a deletion returns 404 and has demoted the main."
        => |config| config.interleave(&[SetMain], |request| {
            Box::pin(request.meeting_deletion(|project, seen| project.demote_others(&seen.id)))
        });
    RACE_PROMOTION_WRITES_PRODUCTS "race-promotion-writes-products"
        "A promotion writes back the products that it read, whatever was written meanwhile."
        => |config| config.interleave(&[SetMain], |request| {
            Box::pin(request.writing_back(|row, seen| row.product_ids.clone_from(&seen.product_ids)))
        });
    RACE_PROMOTION_RESURRECTS "race-promotion-resurrects"
        "A promotion that meets a deletion brings the offering back."
        => |config| config.interleave(&[SetMain], |request| {
            Box::pin(request.meeting_deletion(|project, seen| project.offerings.push(seen.clone())))
        });
    RACE_UPDATE_CRASHES "race-update-crashes"
        "An update that meets a deletion ends in a 500."
        => |config| config.interleave(&[Update], |request| Box::pin(request.overtaken(|| Err(Refusal::internal()))));
    RACE_DELETE_TWICE "race-delete-twice"
        "Two deletions at once both succeed."
        => |config| config.interleave(&[Delete], |request| Box::pin(request.overtaken(|| Ok(ServerResponse::no_content()))));
    RACE_CREATE_OVERWRITES "race-create-overwrites"
        "Of two creates of one id at once the second replaces the first and succeeds too."
        => |config| config.interleave(&[Create], |request| Box::pin(request.meeting_twin(Twin::Overwritten)));
    RACE_CREATE_CRASHES "race-create-crashes"
        "Of two creates of one id at once the second ends in a 500."
        => |config| config.interleave(&[Create], |request| Box::pin(request.meeting_twin(Twin::Crashes)));
    RACE_CREATE_LOSER_WRITES "race-create-loser-writes"
        "Of two creates of one id at once the second is refused but its products are kept."
        => |config| config.interleave(&[Create], |request| Box::pin(request.meeting_twin(Twin::Rejected)));
    RACE_FIRST_NONE "race-first-none"
        "Of several creates at once in an empty project none becomes main."
        => |config| config.interleave(&[Create], |request| Box::pin(request.becoming_main_if_alone()));
    RACE_KEY_STUCK "race-key-stuck"
        "An idempotency key that two creates used at once returns 409 for ever."
        => |config| config.interleave(&[Create], |request| Box::pin(request.sticking_to_key()));
    RACE_KEYS_MIXED "race-keys-mixed"
        "Of two creates at once the second one's idempotency key replays the response of the first."
        => |config| config.interleave(&[Create], |request| Box::pin(request.mixing_keys()));
}
