//! Which offerings are kept to be given again for the same `Idempotency-Key`.

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use serde_json::Value;

use super::answer::Refusal;
use super::behaviour::Behaviour;
use super::call::{Call, Operation};
use super::fault::Fault;
use super::offering::Offering;
use super::switches::Switches;

/// The successful answers kept for one project, by operation with its path, and key.
///
/// Only successful answers are kept: a refused request has had no effect, so trying it again is safe. Unless this server
/// chose otherwise, the body is not looked at: the same key with another body gets the first answer again.
#[derive(Debug, Default)]
pub(super) struct Replays {
    kept: HashMap<Key, Kept>,
    /// Keys of refused requests, which only a faulty server remembers.
    refused: HashSet<Key>,
}

/// A key means something only for one operation on one path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    path: String,
    key: Vec<u8>,
}

impl Key {
    fn of(call: &Call, switches: Switches) -> Option<Self> {
        let mut key = call.idempotency_key()?.to_vec();
        let mut path = call.path.clone();
        if call.operation == Operation::Create {
            if switches.faulty(Fault::CREATE_KEY_IGNORED) {
                return None;
            }
            if switches.faulty(Fault::CREATE_KEY_CUT) {
                key.truncate(8);
            }
            if switches.faulty(Fault::CREATE_KEY_OF_ANY_CASE) {
                key.make_ascii_lowercase();
            }
        } else if switches.faulty(Fault::SET_MAIN_KEY_IGNORED) {
            return None;
        } else if switches.faulty(Fault::SET_MAIN_KEY_ACROSS_OFFERINGS) {
            path.clear();
        }
        Some(Self { path, key })
    }
}

/// An answer and what it was the answer to.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The offering as it was shown.
    pub(super) offering: Offering,
    /// `None` where there was none, or none that is JSON.
    body: Option<Value>,
    /// How many writes the project had seen.
    writes: u32,
}

impl Replays {
    /// The answer this call got when it was first made; an error where this server refuses another body.
    pub(super) fn find(&self, call: &Call, switches: Switches, writes: u32) -> Result<Option<Kept>, Refusal> {
        let kept = Key::of(call, switches).and_then(|key| self.kept.get(&key));
        let forgets = switches.faulty(Fault::KEY_FORGOTTEN_AFTER_THREE_WRITES);
        let Some(kept) = kept.filter(|kept| !(forgets && writes >= kept.writes + 3)) else { return Ok(None) };
        let message = "This idempotency key was used with another body.";
        let refused = if switches.behaves(Behaviour::OtherBody400) {
            Some(Refusal::malformed(message))
        } else if switches.behaves(Behaviour::OtherBody409) {
            Some(Refusal::new(StatusCode::CONFLICT, "idempotency_conflict", message))
        } else if switches.behaves(Behaviour::OtherBody422) {
            Some(Refusal::unprocessable("idempotency_conflict", message))
        } else {
            None
        };
        match refused {
            Some(refusal) if call.operation == Operation::Create && kept.body != call.json().ok() => Err(refusal),
            _ => Ok(Some(kept.clone())),
        }
    }

    /// Keeps the answer of a call that had its effect.
    pub(super) fn keep(&mut self, call: &Call, offering: &Offering, switches: Switches, writes: u32) {
        if let Some(key) = Key::of(call, switches) {
            self.kept.insert(key, Kept { offering: offering.clone(), body: call.json().ok(), writes });
        }
    }

    /// Forgets all answers but those about one offering.
    pub(super) fn forget_except(&mut self, id: &str) {
        self.kept.retain(|_, kept| kept.offering.id == id);
    }

    /// Remembers a refused call.
    pub(super) fn refuse(&mut self, call: &Call, switches: Switches) {
        self.refused.extend(Key::of(call, switches));
    }

    /// Whether a call with this key was refused before.
    pub(super) fn was_refused(&self, call: &Call, switches: Switches) -> bool {
        Key::of(call, switches).is_some_and(|key| self.refused.contains(&key))
    }
}
