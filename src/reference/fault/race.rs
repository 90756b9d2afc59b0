//! Race faults: steps that are not one step for several clients.

use super::{Fault, faults};

faults! {
    Race from super::deep::FIRST + super::deep::ROWS.len();
    RACE_CREATE_TWICE "race-create-twice" Race ["race.create-once"]
        "Two creates of one id at once both succeed.";
    RACE_FIRST_CREATE "race-first-create" Race ["race.first-create"]
        "Two creates at once in an empty project both become main.";
    RACE_SET_MAIN "race-set-main" Race ["race.set-main-atomic" "race.set-main-linearizable"]
        "Two promotions at once leave two mains.";
    RACE_SET_MAIN_GAP "race-set-main-gap" Race ["race.set-main-atomic"]
        "Between demotion and promotion there is no main for a moment.";
    RACE_PROMOTION_LISTED_LATE "race-promotion-listed-late" Race ["race.set-main-linearizable" "set-main.promotes"]
        "For fifty milliseconds after a promotion the list shows the tags of before.";
    RACE_IDEMPOTENCY "race-idempotency" Race ["race.idempotency-once"]
        "Two creates with one key at once make two offerings.";
    RACE_UPDATE_HALVES "race-update-halves" Race ["race.update-whole"]
        "Two updates at once mix their products.";
    RACE_UPDATE_RESURRECTS "race-update-resurrects" Race ["race.delete-vs-update"]
        "An update that meets a deletion brings the offering back.";
    RACE_PROMOTES_FIRST "race-promotes-first" Race ["race.set-main-atomic"]
        "A promotion demotes the previous main some milliseconds after it made the new one.";
    RACE_LIST_IN_TWO "race-list-in-two" Race ["race.set-main-atomic"]
        "A list is read in two steps, between which another offering may become main.";
    RACE_PROMOTION_ANSWERED_EARLY "race-promotion-answered-early" Race ["race.set-main-linearizable"]
        "A promotion that meets another one is answered before it is made.";
    RACE_UPDATE_WRITES_ROLE "race-update-writes-role" Race ["race.set-main-linearizable"]
        "An update writes back the tag that it read, whoever was promoted meanwhile.";
    RACE_PROMOTION_DEMOTES_FOR_NOTHING "race-promotion-demotes-for-nothing" Race ["race.set-main-linearizable"]
        "A promotion that meets a deletion answers 404 and has demoted the main.";
    RACE_PROMOTION_WRITES_PRODUCTS "race-promotion-writes-products" Race ["race.update-whole"]
        "A promotion writes back the products that it read, whatever was written meanwhile.";
    RACE_PROMOTION_RESURRECTS "race-promotion-resurrects" Race ["race.delete-vs-update"]
        "A promotion that meets a deletion brings the offering back.";
    RACE_UPDATE_CRASHES "race-update-crashes" Race ["race.delete-vs-update" "response.no-server-error"]
        "An update that meets a deletion ends in a 500.";
    RACE_DELETE_TWICE "race-delete-twice" Race ["race.delete-vs-update"]
        "Two deletions at once both succeed.";
    RACE_CREATE_OVERWRITES "race-create-overwrites" Race ["race.create-once"]
        "Of two creates of one id at once the second replaces the first and succeeds too.";
    RACE_CREATE_CRASHES "race-create-crashes" Race ["race.create-once" "response.no-server-error"]
        "Of two creates of one id at once the second ends in a 500.";
    RACE_CREATE_LOSER_WRITES "race-create-loser-writes" Race ["race.create-once"]
        "Of two creates of one id at once the second is refused but its products are kept.";
    RACE_FIRST_NONE "race-first-none" Race ["race.first-create"]
        "Of several creates at once in an empty project none becomes main.";
    RACE_KEY_STUCK "race-key-stuck" Race ["race.idempotency-once"]
        "An idempotency key that two creates used at once answers 409 for ever.";
    RACE_KEYS_MIXED "race-keys-mixed" Race ["race.idempotency-once"]
        "Of two creates at once the second one's idempotency key replays the answer of the first.";
}
