//! The world failed: no response came that could be judged.

use std::time::Duration;

use thiserror::Error;

/// Why there is no response. Never a finding: it makes verdicts inconclusive or ends the run.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum TransportError {
    /// The target URL cannot be used.
    #[error("use `{url}` as target: {reason}")]
    BadTarget {
        /// What was given.
        url: String,
        /// What is wrong with it, with a hint.
        reason: String,
    },
    /// A setting of the client cannot be used.
    #[error("set up the HTTP client: {reason}")]
    BadClient {
        /// What is wrong, with a hint.
        reason: String,
    },
    /// Nothing listens there, or the name is unknown.
    #[error("connect to {url}: {reason}")]
    Connect {
        /// The target's base URL.
        url: String,
        /// The innermost cause.
        reason: String,
    },
    /// No complete response within the limit.
    #[error("get a response to {method} {path} within {limit:?}")]
    Timeout {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The limit that ran out.
        limit: Duration,
    },
    /// The connection broke before the response was complete.
    #[error("read the response to {method} {path}: {reason}")]
    Broken {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The innermost cause.
        reason: String,
    },
    /// The request cannot be put on the wire.
    #[error("send {method} {path}: {reason}")]
    Unsendable {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What a write would leave on the target could not be noted first, so it was not sent.
    #[error("note in the journal what {method} {path} may leave behind: {reason}")]
    Unrecorded {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The body was larger than the harness reads.
    #[error("read the response to {method} {path}: it is larger than {limit} bytes")]
    TooLarge {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// 429 (or 503 with `Retry-After`) until the patience was used up.
    #[error("get past the target's rate limit: {responses} responses of 429 or 503 in a row; a lower --rate helps")]
    Throttled {
        /// How many such responses came.
        responses: u32,
    },
}

impl TransportError {
    /// Whether a request may have been applied although no response came.
    pub fn may_have_been_applied(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Broken { .. } | Self::TooLarge { .. })
    }

    /// Whether it says something of the target as a whole rather than of one request.
    pub fn is_target_wide(&self) -> bool {
        matches!(
            self,
            Self::BadTarget { .. }
                | Self::BadClient { .. }
                | Self::Connect { .. }
                | Self::Throttled { .. }
                | Self::Unrecorded { .. }
        )
    }
}
