//! Why a case ends early.

use crate::contract::Need;
use crate::exchange::TransportError;

/// Why a case cannot go on. None of them is a violation by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Abort {
    /// No response came: what was not yet checked is inconclusive.
    World(TransportError),
    /// A step that the rest builds on did not do what it should (which is a failure of its own where it is wrong): the
    /// rest is inconclusive.
    Blocked(String),
    /// The run was not given something that the case needs: skipped.
    Missing(Need),
    /// The case does not apply to this target or project: skipped, with the reason.
    NotApplicable(String),
}

impl Abort {
    /// Whether it was one response that did not come, rather than a target that is not there.
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
