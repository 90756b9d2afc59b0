//! An observer of every exchange on the wire.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Credentials, Request, Response, TransportError};

/// One request that left and what came of it; secrets in both are replaced by their names already, those in the
/// request's path and body excepted.
#[derive(Debug)]
pub struct Recorded<'e> {
    /// The base URL that the path is appended to.
    pub base: &'e str,
    /// The case that sent it; `None` for preparing and for what goes on between cases.
    pub case: Option<&'e str>,
    /// As it was meant.
    pub request: &'e Request,
    /// As it came, or why none came.
    pub response: Result<&'e Response, &'e TransportError>,
    /// When it was about to leave.
    pub started: SystemTime,
    /// Until the last byte of the response was read.
    pub took: Duration,
    /// The secrets that must not be kept.
    pub keys: &'e Credentials,
}

/// Is shown every exchange of a transport, those included that no case sees: preparing, retrying and cleaning up.
pub trait ExchangeObserver: fmt::Debug + Send + Sync {
    /// An exchange has ended.
    fn record(&self, recorded: &Recorded<'_>);
}
