//! Why a run has no outcome at all.

use thiserror::Error;

use super::journal::JournalError;
use crate::exchange::TransportError;
use crate::reference;

/// Why a run has no outcome; displays as a clause after "cannot".
#[derive(Debug, Error)]
pub enum RunError {
    /// The embedded server did not start.
    #[error(transparent)]
    Start(#[from] reference::StartError),
    /// A trial could not start its runtime.
    #[error("start a runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// The target or the client's settings cannot be used.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The token is missing.
    #[error("test {url} without a key: set QONFORM_TOKEN or --token")]
    NoToken {
        /// The target.
        url: String,
    },
    /// A key is not a valid header value.
    #[error("use the value of {variable}: it is empty or contains white space or other invalid characters")]
    BadKey {
        /// The variable.
        variable: &'static str,
    },
    /// Two variables contain the same key.
    #[error("use {variable} and {other}: they contain the same key")]
    SameKey {
        /// One of them.
        variable: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The target shows that an argument is wrong.
    #[error("{0}")]
    Argument(String),
    /// A production key without permission.
    #[error(
        "use the key of {variable}: it starts with sk_, so it opens production data; use a test_sk_ key, or set \
         --allow-production to test production"
    )]
    ProductionKey {
        /// The variable.
        variable: &'static str,
    },
    /// The production host without permission.
    #[error(
        "test {host}: it is the production host, and a run creates and deletes offerings; set --allow-production to \
         test production"
    )]
    ProductionHost {
        /// The host.
        host: String,
    },
}

impl RunError {
    /// Whether the arguments are wrong (exit code 2), not the target or this machine (exit code 3).
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Transport(error) => {
                matches!(error, TransportError::BadTarget { .. } | TransportError::BadClient { .. })
            }
            Self::Start(_) | Self::Runtime(_) => false,
            Self::Journal(_)
            | Self::NoToken { .. }
            | Self::BadKey { .. }
            | Self::Argument(_)
            | Self::SameKey { .. }
            | Self::ProductionKey { .. }
            | Self::ProductionHost { .. } => true,
        }
    }
}
