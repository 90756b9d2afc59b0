//! An observer of every exchange.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Credentials, Request, Response, TransportError};

/// One request that was sent, and its response. Secrets in both are replaced by their names, except in the request's
/// path and body.
#[derive(Debug)]
pub struct Recorded<'e> {
    /// The base URL that the path is appended to.
    pub base: &'e str,
    /// The case that sent it; `None` outside cases, such as in the preparation.
    pub case: Option<&'e str>,
    /// The request as intended.
    pub request: &'e Request,
    /// The response as received, or why there is none.
    pub response: Result<&'e Response, &'e TransportError>,
    /// Just before the first byte was sent.
    pub started: SystemTime,
    /// The time until the last byte of the response was read.
    pub took: Duration,
    /// The secrets, to be redacted before anything is saved.
    pub keys: &'e Credentials,
}

/// Observes every exchange of a transport, including those of the preparation, retries and the cleanup.
pub trait ExchangeObserver: fmt::Debug + Send + Sync {
    /// An exchange has ended.
    fn record(&self, recorded: &Recorded<'_>);
}
