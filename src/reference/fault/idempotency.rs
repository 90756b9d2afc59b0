//! Idempotency faults: keys of create and set main.

use super::{Fault, faults};
use crate::reference::call::Operation::Create;
use crate::reference::interleaving::{under_another_id, without_products};

faults! {
    Idempotency from super::state::FIRST + super::state::ROWS.len();
    CREATE_KEY_IGNORED "create-key-ignored" Scenario ["create.idempotency-replay"]
        "Create ignores the idempotency key.";
    CREATE_KEY_DUPLICATES "create-key-duplicates" Scenario ["create.idempotency-replay"]
        "A replayed create makes another offering with a number after its id.";
    CREATE_REPLAYS_LAST "create-replays-last" Scenario ["create.idempotency-replay"]
        "A replayed create answers with the offering made last.";
    CREATE_KEY_ACROSS_PROJECTS "create-key-across-projects" Scenario ["create.idempotency-scope"]
        "A key used in one project is replayed in another.";
    CREATE_KEY_ACROSS_PROJECTS_409 "create-key-across-projects-409" Scenario ["create.idempotency-scope"]
        "A key used in one project answers 409 in another.";
    CREATE_KEY_CUT "create-key-cut" Sequence ["create.echo"]
        "Only the first eight characters of a key count.";
    CREATE_KEY_OF_ANY_CASE "create-key-of-any-case" Sequence ["create.echo"]
        "Keys that differ in case are the same.";
    SET_MAIN_KEY_IGNORED "set-main-key-ignored" Scenario ["set-main.idempotency-replay"]
        "Set main ignores the idempotency key.";
    SET_MAIN_KEY_409 "set-main-key-409" Scenario ["set-main.idempotency-replay" "response.documented-status"]
        "A replayed set main answers 409.";
    SET_MAIN_REPLAYS_STATE "set-main-replays-state" Scenario ["set-main.idempotency-replay"]
        "A replayed set main answers with the offering as it is now.";
    SET_MAIN_KEY_ACROSS_OFFERINGS "set-main-key-across-offerings" Sequence ["set-main.promotes"]
        "A key used to promote one offering is replayed for another.";
    KEY_AT_ONCE_SECOND_INCOMPLETE "key-at-once-second-incomplete" Race ["race.idempotency-once"]
        "Of two creates with one key at once the second gets the offering without its products."
        => |config| config.interleave(&[Create], |request| Box::pin(request.second_of_key(without_products)));
    KEY_AT_ONCE_MAKES_TWO "key-at-once-makes-two" Race ["race.idempotency-once"]
        "Of two creates with one key at once the second makes another offering with a number after its id."
        => |config| config.interleave(&[Create], |request| Box::pin(request.second_of_key(under_another_id)));
}
