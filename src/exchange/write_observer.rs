//! An observer of every write.

use std::fmt;
use std::io;

use super::Request;

/// Observes every write of a client: before it is sent, and when its response is received.
pub trait WriteObserver: fmt::Debug + Send + Sync {
    /// A write is about to be sent, for the first time or again.
    ///
    /// # Errors
    /// The write is not sent when it cannot be recorded.
    fn before(&self, request: &Request) -> io::Result<()>;

    /// The response to a write has this status.
    fn after(&self, request: &Request, status: u16);
}
