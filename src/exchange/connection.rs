//! A connection of one client, whose next request can wait for those of other clients.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use tokio::sync::Mutex;

use super::Response;
use super::last_byte::{HeldStream, Hold, HoldSlot};
use super::raw;
use super::reason::{broken_reason, innermost};
use super::transport::SendFailure;

/// An open HTTP/1.1 connection that no other client uses.
pub struct Connection {
    sender: Mutex<SendRequest<Full<Bytes>>>,
    slot: Arc<HoldSlot>,
    is_used: AtomicBool,
}

impl Connection {
    /// Prepares an open stream for requests.
    pub(super) async fn over<T>(stream: T) -> Result<Self, SendFailure>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let slot = Arc::new(HoldSlot::default());
        let stream = HeldStream::new(stream, Arc::clone(&slot));
        let (sender, connection) =
            http1::handshake(stream).await.map_err(|error| SendFailure::Connect(innermost(&error)))?;
        // Its errors are those of the requests.
        tokio::spawn(connection);
        Ok(Self { sender: Mutex::new(sender), slot, is_used: AtomicBool::new(false) })
    }

    /// Holds back the last byte of the next request.
    pub fn hold(&self, hold: Hold) {
        self.slot.set(hold);
    }

    /// Whether a request was sent on it.
    pub(super) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Whether it can send a request now.
    pub async fn is_open(&self) -> bool {
        self.sender.lock().await.ready().await.is_ok()
    }

    /// When the last byte of the last request was released, if it was held back.
    pub(super) fn take_release(&self) -> Option<Instant> {
        self.slot.take_release()
    }

    /// Sends a message and reads its whole response, with a body of at most `max_body` bytes.
    pub(super) async fn send(
        &self,
        message: http::Request<Full<Bytes>>,
        limit: Duration,
        max_body: usize,
    ) -> Result<Response, SendFailure> {
        self.is_used.store(true, Ordering::Relaxed);
        let response = async {
            let sent = self.sender.lock().await.send_request(message);
            raw::read(sent.await.map_err(|error| SendFailure::Broken(broken_reason(&error)))?, max_body).await
        };
        tokio::time::timeout(limit, response).await.map_err(|_| SendFailure::Timeout)?
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
