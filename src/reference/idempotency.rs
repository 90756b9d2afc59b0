//! Which successful answers are kept to be given again for the same `Idempotency-Key`.

use std::collections::HashMap;

use super::answer::Answer;
use super::call::Call;

/// The answers kept for one project, by operation with its path, and key.
///
/// Only successful answers are kept: a refused request has had no effect, so trying it again is safe. The body is not
/// looked at: the same key with another body gets the first answer again.
#[derive(Debug, Default)]
pub(super) struct Replays {
    answers: HashMap<Key, Answer>,
}

/// A key means something only for one operation on one path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    path: String,
    key: Vec<u8>,
}

impl Key {
    fn of(call: &Call) -> Option<Self> {
        Some(Self {
            path: call.path.clone(),
            key: call.idempotency_key()?.to_vec(),
        })
    }
}

impl Replays {
    /// The answer this call got when it was first made.
    pub(super) fn find(&self, call: &Call) -> Option<Answer> {
        Key::of(call).and_then(|key| self.answers.get(&key).cloned())
    }

    /// Keeps the answer of a call that had its effect.
    pub(super) fn keep(&mut self, call: &Call, answer: &Answer) {
        if let Some(key) = Key::of(call) {
            self.answers.insert(key, answer.clone());
        }
    }
}
