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
}
