//! Responses that are saved for their `Idempotency-Key`.

use std::collections::HashMap;

use serde_json::Value;

use super::call::{Call, Operation};
use super::config::Config;
use super::offering::Offering;
use super::server_response::ApiError;

/// The saved responses of one project, by path and key.
///
/// Only successes are saved: a rejected request has had no effect, so repeating it is safe. By default the body is
/// ignored: the same key with another body returns the first response.
#[derive(Debug, Default)]
pub(super) struct Replays {
    kept: HashMap<Key, Kept>,
}

/// A key is valid for one path.
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

    /// The key of a request, as configured.
    fn read(call: &Call, config: &Config) -> Option<Self> {
        match call.operation {
            Operation::Create => (config.create_key)(call),
            Operation::SetMain => (config.set_main_key)(call),
            Operation::List | Operation::Get | Operation::Update | Operation::Delete => None,
        }
    }
}

/// A returned offering and its request.
#[derive(Debug, Clone)]
struct Kept {
    offering: Offering,
    /// `None` if the body was absent or not JSON.
    body: Option<Value>,
    /// Number of writes of the project at that time.
    writes: u32,
}

impl Replays {
    /// The first response for this key; an error if the server rejects another body.
    pub(super) fn find(&self, call: &Call, config: &Config) -> Result<Option<Offering>, ApiError> {
        let Some(kept) = Key::read(call, config).and_then(|key| self.kept.get(&key)) else { return Ok(None) };
        match config.other_body {
            Some((status, code)) if call.operation == Operation::Create && kept.body != call.json().ok() => {
                Err(ApiError::new(status, code, "This idempotency key was used with another body."))
            }
            _ => Ok(Some(kept.offering.clone())),
        }
    }

    /// Saves the response to a successful request.
    pub(super) fn keep(&mut self, call: &Call, config: &Config, offering: &Offering, writes: u32) {
        if let Some(key) = Key::read(call, config) {
            self.kept.insert(key, Kept { offering: offering.clone(), body: call.json().ok(), writes });
        }
    }

    /// Removes responses that do not satisfy a condition on the offering and its number of writes.
    pub(super) fn retain(&mut self, condition: impl Fn(&Offering, u32) -> bool) {
        self.kept.retain(|_, kept| condition(&kept.offering, kept.writes));
    }
}
