//! Deep faults: defects that only a particular sequence of requests shows.

use super::{Fault, faults};

faults! {
    Deep from super::leak::FIRST + super::leak::ROWS.len();
    THIRD_PROMOTION_KEEPS_MAIN "third-promotion-keeps-main" Sequence ["invariant.single-main" "set-main.demotes-previous"] shortest 6
        "Every third promotion leaves the old main as it was.";
    NEWEST_OF_FOUR_KEEPS_MAIN "newest-of-four-keeps-main" Sequence ["invariant.single-main" "set-main.demotes-previous"] shortest 6
        "Promoting the newest of four or more offerings leaves the old main as it was.";
    RECREATED_MAIN_NOT_DEMOTED "recreated-main-not-demoted" Sequence ["invariant.single-main"] shortest 6
        "A main that was deleted and made again is not demoted any more.";
    MAINS_AFTER_MAIN_DELETED "mains-after-main-deleted" Sequence ["invariant.single-main"] shortest 5
        "While the main is deleted and others are left, every new offering becomes main.";
    TWICE_DEMOTED_NOT_PROMOTED "twice-demoted-not-promoted" Sequence ["invariant.model-agrees"] shortest 7
        "An offering that was demoted twice is promoted in the answer only.";
    SET_MAIN_AFTER_EMPTY_UPDATE "set-main-after-empty-update" Sequence ["invariant.model-agrees"] shortest 5
        "After an update without effect set main is done in the answer only.";
    SET_MAIN_REFUSED_WITHOUT_MAIN "set-main-refused-without-main" Sequence ["set-main.promotes"] shortest 4
        "After the main was deleted set main answers 422.";
    RECREATED_DEMOTED_GETS_ZERO "recreated-demoted-gets-zero" Sequence ["set-main.promotes"] shortest 6
        "A former main that was deleted and made again is promoted to 0.";
    FORMER_MAIN_DELETED_DEMOTES "former-main-deleted-demotes" Sequence ["invariant.main-exists"] shortest 5
        "Deleting a former main takes the tag of the main.";
    UPDATE_AFTER_PROMOTIONS_CLEARS "update-after-promotions-clears" Sequence ["invariant.main-exists"] shortest 5
        "After two promotions an update of the main takes its tag away.";
    REPLAYED_SET_MAIN_DEMOTES "replayed-set-main-demotes" Sequence ["set-main.idempotency-replay" "invariant.main-exists"] shortest 6
        "A set main replayed after another promotion demotes the main.";
    FOURTH_CREATED_LOSES_PRODUCTS "fourth-created-loses-products" Sequence ["create.readable" "invariant.model-agrees"] shortest 5
        "Every fourth offering made is kept without its products.";
    ELEVENTH_NOT_LISTED "eleventh-not-listed" Sequence ["create.readable" "invariant.model-agrees"] shortest 12
        "Every eleventh offering made is not listed.";
    COLON_SECOND_UPDATE_APPENDS "colon-second-update-appends" Sequence ["update.replaces-products"] shortest 3
        "For an id with a colon every update after the first adds to the products.";
    SHRINKING_UPDATE_KEEPS_TAIL "shrinking-update-keeps-tail" Sequence ["update.replaces-products" "invariant.model-agrees"] shortest 3
        "An update to a shorter list that is not empty keeps the tail of the old one.";
    ELEVEN_TO_TEN_DROPS_FIRST "eleven-to-ten-drops-first" Sequence ["update.replaces-products" "invariant.model-agrees"] shortest 3
        "An update from more than ten products to ten or fewer drops the first.";
    EMPTIED_LIST_COMES_BACK "emptied-list-comes-back" Sequence ["update.replaces-products"] shortest 3
        "An update after an empty list brings the products of before back.";
    FOURTH_UPDATE_FORGOTTEN "fourth-update-forgotten" Sequence ["invariant.model-agrees"] shortest 6
        "Every fourth update of a project is done in the answer only.";
    THIRD_UPDATE_TURNS_TIME_BACK "third-update-turns-time-back" Sequence ["offering.created-at-immutable"] shortest 4
        "The third update of an offering sets `updated_at` back to its creation.";
    UPDATE_OF_DEMOTED_WRITES_MAIN "update-of-demoted-writes-main" Sequence ["invariant.no-bleed"] shortest 5
        "An update of a former main writes the products of the main too.";
    UPDATE_WRITES_TWIN "update-writes-twin" Sequence ["invariant.no-bleed"] shortest 4
        "An update writes to an older offering whose id differs only in case.";
    UPDATE_AFTER_MISSING_PROMOTION "update-after-missing-promotion" Sequence ["invariant.model-agrees"] shortest 4
        "After a set main of a missing id the next update is done in the answer only.";
    UPDATE_AFTER_DUPLICATE "update-after-duplicate" Sequence ["invariant.model-agrees"] shortest 4
        "After a refused create of the same id the next update of the offering is done in the answer only.";
    TENTH_WRITE_DETACHES_OLDEST "tenth-write-detaches-oldest" Sequence ["invariant.no-bleed"] shortest 11
        "Every tenth write detaches the products of the oldest offering.";
    SECOND_DELETION_TAKES_ANOTHER "second-deletion-takes-another" Sequence ["invariant.no-bleed"] shortest 6
        "Every second deletion also removes the oldest offering that is not main.";
    DELETION_TAKES_CHILDREN "deletion-takes-children" Sequence ["invariant.no-bleed"] shortest 4
        "Deleting an offering also removes those whose ids go on with a colon.";
    DELETED_FORMER_MAIN_LISTED "deleted-former-main-listed" Sequence ["delete.removes" "invariant.model-agrees"] shortest 5
        "A former main that is deleted is still listed.";
    THIRD_DELETION_RESTORES_FIRST "third-deletion-restores-first" Sequence ["invariant.model-agrees"] shortest 7
        "The third deletion brings the offering deleted first back.";
    THIRD_LIFE_REFUSED "third-life-refused" Sequence ["invariant.model-agrees"] shortest 5
        "An id that was deleted twice cannot be made a third time.";
    UPDATED_PRODUCTS_RETURN "updated-products-return" Sequence ["delete.recreate" "invariant.model-agrees"] shortest 5
        "An offering that was updated, deleted and made again has its old products.";
    PAGE_THREE_REPEATS "page-three-repeats" Sequence ["list.pages-cover"] shortest 3
        "From page three on a page starts with the cursor's own offering.";
    PAGES_SKIP_AFTER_DELETION "pages-skip-after-deletion" Sequence ["list.pages-cover"] shortest 5
        "After a deletion pages after a cursor start one offering too late.";
    LIST_FROZEN_AFTER_RESTART "list-frozen-after-restart" Sequence ["create.readable" "invariant.model-agrees"] shortest 3
        "After a restarted list the list shows that moment until something is deleted.";
    SECOND_READ_CACHED "second-read-cached" Sequence ["invariant.model-agrees"] shortest 5
        "What get answers twice in a row it answers for ever, until the offering is deleted.";
    KEY_FORGOTTEN_AFTER_DELETION "key-forgotten-after-deletion" Sequence ["create.idempotency-replay"] shortest 4
        "After a deletion the idempotency keys used for other offerings are forgotten.";
    KEY_FORGOTTEN_AFTER_THREE_WRITES "key-forgotten-after-three-writes" Sequence ["create.idempotency-replay"] shortest 5
        "Idempotency keys are forgotten after three more writes.";
    KEY_OF_REFUSED_CREATE "key-of-refused-create" Sequence ["create.readable"] shortest 3
        "A create that is tried again under the key of a refused one is done in the answer only.";
}
