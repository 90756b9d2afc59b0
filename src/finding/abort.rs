//! Why a case ends early.

use crate::contract::Need;
use crate::exchange::TransportError;

/// Why a case cannot continue. No reason is a violation by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Abort {
    /// No response was received: what was not checked yet is inconclusive.
    World(TransportError),
    /// A step that later steps depend on had an unexpected result (a failure of its own if it violates a rule): the
    /// rest is inconclusive.
    Blocked(String),
    /// The run lacks something that the case needs: skipped.
    Missing(Need),
    /// The case does not apply to this target or project: skipped, with the reason.
    NotApplicable(String),
}

impl Abort {
    /// Whether a single response is missing, rather than the whole target.
    pub fn is_lost_response(&self) -> bool {
        matches!(self, Self::World(TransportError::Broken { .. } | TransportError::Timeout { .. }))
    }
}

impl From<TransportError> for Abort {
    fn from(error: TransportError) -> Self {
        Self::World(error)
    }
}

impl std::fmt::Display for Abort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::World(error) => write!(f, "cannot {error}"),
            Self::Blocked(reason) | Self::NotApplicable(reason) => f.write_str(reason),
            Self::Missing(need) => write!(f, "needs {need:?}"),
        }
    }
}
