//! Idempotency faults: keys of create and set main.

use http::StatusCode;

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, SetMain};
use crate::reference::idempotency::Key;
use crate::reference::interleaving::{under_another_id, without_products};
use crate::reference::offering::Offering;
use crate::reference::server_response::ApiError;
use crate::reference::step::{Reply, Step};

faults! {
    Idempotency from super::state::FIRST + super::state::ROWS.len();
    CREATE_KEY_IGNORED "create-key-ignored"
        "POST ignores the idempotency key."
        => |config| config.create_key = |_| None;
    CREATE_KEY_DUPLICATES "create-key-duplicates"
        "A replayed POST creates a second offering with a number after its id."
        => |config| config.replayed(Create, |step| {
            if let Some(mut draft) = step.draft() {
                draft.id = format!("{}-1", draft.id.chars().take(62).collect::<String>());
                if let Ok(twin) = step.project.create(&draft) {
                    step.result = Ok(Reply::Created(twin));
                }
            }
        });
    CREATE_REPLAYS_LAST "create-replays-last"
        "A replayed POST returns the newest offering."
        => |config| config.replayed(Create, |step| {
            if let Some(last) = step.project.offerings.last().cloned() {
                step.result = Ok(Reply::Created(last));
            }
        });
    CREATE_KEY_ACROSS_PROJECTS "create-key-across-projects"
        "An idempotency key of one project is replayed in another."
        => |config| {
            config.done(Create, |step| replay_of_other(step, |kept| Ok(Reply::Created(kept))));
            config.rejected(Create, |step| replay_of_other(step, |kept| Ok(Reply::Created(kept))));
        };
    CREATE_KEY_ACROSS_PROJECTS_409 "create-key-across-projects-409"
        "An idempotency key of one project returns 409 in another."
        => |config| {
            config.done(Create, |step| replay_of_other(step, |_| Err(used())));
            config.rejected(Create, |step| replay_of_other(step, |_| Err(used())));
        };
    CREATE_KEY_CUT "create-key-cut"
        "Only the first eight characters of an idempotency key are compared."
        => |config| config.create_key = |call| {
            let mut key = Key::of(call)?;
            key.key.truncate(8);
            Some(key)
        };
    CREATE_KEY_OF_ANY_CASE "create-key-of-any-case"
        "Idempotency keys are case-insensitive."
        => |config| config.create_key = |call| {
            let mut key = Key::of(call)?;
            key.key.make_ascii_lowercase();
            Some(key)
        };
    SET_MAIN_KEY_IGNORED "set-main-key-ignored"
        "Set-main ignores the idempotency key."
        => |config| config.set_main_key = |_| None;
    SET_MAIN_KEY_409 "set-main-key-409"
        "A replayed set-main returns 409."
        => |config| config.replayed(SetMain, |step| {
            let message = "This idempotency key was used before.";
            step.result = Err(ApiError::new(StatusCode::CONFLICT, "already_exists", message));
        });
    SET_MAIN_REPLAYS_STATE "set-main-replays-state"
        "A replayed set-main returns the current state of the offering."
        => |config| config.replayed(SetMain, |step| step.show_current());
    SET_MAIN_KEY_ACROSS_OFFERINGS "set-main-key-across-offerings"
        "The idempotency key of one promotion is replayed for another offering."
        => |config| config.set_main_key = |call| {
            let mut key = Key::of(call)?;
            key.path.clear();
            Some(key)
        };
    KEY_AT_ONCE_SECOND_INCOMPLETE "key-at-once-second-incomplete"
        "Of two concurrent POSTs with one idempotency key, the second returns the offering without its products."
        => |config| config.interleave(&[Create], |request| Box::pin(request.second_of_key(without_products)));
    KEY_AT_ONCE_MAKES_TWO "key-at-once-makes-two"
        "Of two concurrent POSTs with one idempotency key, the second creates an offering with a number after its id."
        => |config| config.interleave(&[Create], |request| Box::pin(request.second_of_key(under_another_id)));
}

/// Responds to a create with what its key created in the other project, if anything.
fn replay_of_other(step: &mut Step<'_>, respond: fn(Offering) -> Result<Reply, ApiError>) {
    if let Ok(Some(kept)) = step.other.replays.find(step.call, &step.project.config) {
        step.undo();
        step.result = respond(kept);
    }
}

fn used() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "offering_already_exists", "This idempotency key was used before.")
}
