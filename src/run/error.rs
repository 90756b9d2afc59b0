//! Why a run has no outcome at all.

use thiserror::Error;

use super::journal::JournalError;
use crate::exchange::TransportError;
use crate::reference;

/// Why there is no outcome at all.
#[derive(Debug, Error)]
pub enum RunError {
    /// The embedded server did not start.
    #[error(transparent)]
    Start(#[from] reference::StartError),
    /// No thread could be prepared for a trial.
    #[error("a runtime could not be started: {0}")]
    Runtime(#[from] std::io::Error),
    /// The target or the client's settings cannot be used.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The journal cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The token is missing.
    #[error("test {url} without a key: set QONFORM_TOKEN (or give --token)")]
    NoToken {
        /// The target.
        url: String,
    },
    /// A key cannot stand in a header.
    #[error("use the value of {variable}: it is empty or holds white space or other characters that no key has")]
    BadKey {
        /// The variable.
        variable: &'static str,
    },
    /// Two variables hold the same key.
    #[error("use {variable} and {other}: they hold the same key")]
    SameKey {
        /// One of them.
        variable: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A production key without leave.
    #[error(
        "use the key of {variable}: it starts with sk_, so it opens production data; use a test_sk_ key, or give \
         --allow-production if that is what you want"
    )]
    ProductionKey {
        /// The variable.
        variable: &'static str,
    },
    /// The production host without leave.
    #[error(
        "test {host}: it is the production host, and a run creates and deletes offerings; give --allow-production if \
         that is what you want"
    )]
    ProductionHost {
        /// The host.
        host: String,
    },
}

impl RunError {
    /// Whether the arguments are at fault (exit 2) rather than the target or this machine (exit 3).
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Transport(error) => {
                matches!(error, TransportError::BadTarget { .. } | TransportError::BadClient { .. })
            }
            Self::Start(_) | Self::Runtime(_) => false,
            Self::Journal(_)
            | Self::NoToken { .. }
            | Self::BadKey { .. }
            | Self::SameKey { .. }
            | Self::ProductionKey { .. }
            | Self::ProductionHost { .. } => true,
        }
    }
}
