//! Why no response was received.

use std::time::Duration;

use thiserror::Error;

/// Why there is no complete response. Never a finding: verdicts become inconclusive or the run ends.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum TransportError {
    /// The target URL cannot be used.
    #[error("use `{url}` as target: {reason}")]
    BadTarget {
        /// The URL as given.
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
    /// No connection could be opened.
    #[error("connect to {url}: {reason}")]
    Connect {
        /// The target's base URL.
        url: String,
        /// The innermost cause.
        reason: String,
    },
    /// No complete response was received within the limit.
    #[error("get a response to {method} {path} within {limit:?}")]
    Timeout {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The limit that was exceeded.
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
    /// A proxy in front of the API did not reach it until the maximum wait was reached.
    #[error(
        "reach the API with {method} {path}: a proxy returned {status} to every request for {limit:?}; is the API running?"
    )]
    Unavailable {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The status of the last response.
        status: u16,
        /// The maximum wait.
        limit: Duration,
    },
    /// The request cannot be sent.
    #[error("send {method} {path}: {reason}")]
    Unsendable {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A write could not be recorded in the journal, so it was not sent.
    #[error("record {method} {path} in the journal before sending it: {reason}")]
    Unrecorded {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The error of the operating system.
        reason: String,
    },
    /// The body of the response was larger than the limit.
    #[error("read the response to {method} {path}: its body is larger than {limit} bytes")]
    TooLarge {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// 429 (or a 503 that is not the API's own) until the maximum wait was reached.
    #[error(
        "get past the target's rate limit: {responses} responses of 429 or 503 in a row; use a lower --rate, or a \
         longer --patience if the target is only down for a time"
    )]
    Throttled {
        /// How many such responses were received.
        responses: u32,
    },
}

impl TransportError {
    /// Whether the request may have been applied.
    pub fn may_have_been_applied(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Broken { .. } | Self::TooLarge { .. } | Self::Unavailable { .. })
    }

    /// Whether the error concerns the whole target rather than one request.
    pub fn is_target_wide(&self) -> bool {
        matches!(
            self,
            Self::BadTarget { .. }
                | Self::BadClient { .. }
                | Self::Connect { .. }
                | Self::Throttled { .. }
                | Self::Unavailable { .. }
                | Self::Unrecorded { .. }
        )
    }
}
