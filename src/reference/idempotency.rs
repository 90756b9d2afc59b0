//! Which offerings are kept to be shown again for the same `Idempotency-Key`.

use std::collections::HashMap;

use serde_json::Value;

use super::call::{Call, Operation};
use super::config::Config;
use super::offering::Offering;
use super::server_response::Refusal;

/// The successful responses kept for one project, by operation with its path, and key.
///
/// Only successes are kept: a rejected request has had no effect, so trying it again is safe. Unless this server chose
/// otherwise, the body is not looked at: the same key with another body gets the first response again.
#[derive(Debug, Default)]
pub(super) struct Replays {
    kept: HashMap<Key, Kept>,
}

/// A key means something only for one operation on one path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: String,
    pub(super) key: Vec<u8>,
}

impl Key {
    /// The key of a request, if it has one.
    pub(super) fn of(call: &Call) -> Option<Self> {
        Some(Self { path: call.path.clone(), key: call.idempotency_key()?.to_vec() })
    }

    /// The key of a request as this server reads it.
    fn read(call: &Call, config: &Config) -> Option<Self> {
        match call.operation {
            Operation::Create => (config.create_key)(call),
            Operation::SetMain => (config.set_main_key)(call),
            Operation::List | Operation::Get | Operation::Update | Operation::Delete => None,
        }
    }
}

/// An offering as it was shown, and what it was the response to.
#[derive(Debug, Clone)]
struct Kept {
    offering: Offering,
    /// `None` where there was none, or none that is JSON.
    body: Option<Value>,
    /// How many writes the project had seen.
    writes: u32,
}

impl Replays {
    /// What this request got when it was first made; an error where this server rejects another body.
    pub(super) fn find(&self, call: &Call, config: &Config) -> Result<Option<Offering>, Refusal> {
        let Some(kept) = Key::read(call, config).and_then(|key| self.kept.get(&key)) else { return Ok(None) };
        match config.other_body {
            Some((status, code)) if call.operation == Operation::Create && kept.body != call.json().ok() => {
                Err(Refusal::new(status, code, "This idempotency key was used with another body."))
            }
            _ => Ok(Some(kept.offering.clone())),
        }
    }

    /// Keeps what a request got that had its effect.
    pub(super) fn keep(&mut self, call: &Call, config: &Config, offering: &Offering, writes: u32) {
        if let Some(key) = Key::read(call, config) {
            self.kept.insert(key, Kept { offering: offering.clone(), body: call.json().ok(), writes });
        }
    }

    /// Forgets what does not satisfy a condition, by the offering and the number of writes when it was kept.
    pub(super) fn retain(&mut self, condition: impl Fn(&Offering, u32) -> bool) {
        self.kept.retain(|_, kept| condition(&kept.offering, kept.writes));
    }
}
