//! The time that a run may spend on minimizing its findings.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Time for minimizing that all cases of a run share.
#[derive(Debug)]
pub struct ShrinkTime(Mutex<Duration>);

impl ShrinkTime {
    /// The time of a run without `--shrink-time`.
    pub const DEFAULT: Duration = Duration::from_secs(20);

    /// The time of a run.
    pub fn new(limit: Duration) -> Self {
        Self(Mutex::new(limit))
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subtracts what was used.
    pub fn spend(&self, used: Duration) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(used);
    }
}

impl Default for ShrinkTime {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_is_not_left() {
        let time = ShrinkTime::new(Duration::from_secs(3));
        time.spend(Duration::from_secs(1));
        assert_eq!(time.left(), Duration::from_secs(2));
        time.spend(Duration::from_secs(5));
        assert_eq!(time.left(), Duration::ZERO);
    }
}
