//! An observer of every write before it leaves.

use std::fmt;
use std::io;

use super::Request;

/// Observes every write of a client: before its bytes leave, and when its response is there.
pub trait WriteObserver: fmt::Debug + Send + Sync {
    /// A write is about to leave, for the first time or again.
    ///
    /// # Errors
    /// What could not be noted is not sent.
    fn before(&self, request: &Request) -> io::Result<()>;

    /// A write was answered with this status.
    fn after(&self, request: &Request, status: u16);
}
