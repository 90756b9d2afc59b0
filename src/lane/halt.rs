//! Why a case ends early.

use crate::contract::Need;
use crate::exchange::TransportError;

/// Why a case cannot go on. None of them is a violation by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Halt {
    /// No answer came: what was not yet checked is inconclusive.
    World(TransportError),
    /// A step that the rest builds on did not do what it should (which has been reported where it is a fault): the rest
    /// is inconclusive.
    Blocked(String),
    /// The run was not given something that the case needs: skipped.
    Missing(Need),
    /// The case does not apply to this target or project: skipped, with the reason.
    NotApplicable(String),
}

impl Halt {
    /// Whether it was one answer that did not come, rather than a target that is not there.
    pub fn is_lost_answer(&self) -> bool {
        matches!(self, Self::World(TransportError::Broken { .. } | TransportError::Timeout { .. }))
    }
}

impl From<TransportError> for Halt {
    fn from(error: TransportError) -> Self {
        Self::World(error)
    }
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::World(error) => write!(f, "cannot {error}"),
            Self::Blocked(reason) | Self::NotApplicable(reason) => f.write_str(reason),
            Self::Missing(need) => write!(f, "needs {need:?}"),
        }
    }
}
