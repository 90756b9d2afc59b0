//! Holds back the last byte of several requests until all of them are written, and then sends these bytes at once: a
//! server can process none of the requests before, and receives them as close together as possible.
//!
//! Without a body, the last byte is that of the head. Start at [`LastByteBarrier`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long requests wait for the others: one that takes longer to be written is sent alone.
const MAX_HOLD: Duration = Duration::from_secs(1);

/// The point at which requests wait for each other.
#[derive(Debug)]
pub struct LastByteBarrier {
    arrived: Arc<Semaphore>,
    releases: Vec<CancellationToken>,
}

/// The permission of one request to be held back. When it is dropped, the others no longer wait for the request.
#[derive(Debug)]
pub struct Hold {
    arrived: Arc<Semaphore>,
    release: CancellationToken,
    has_arrived: bool,
}

impl LastByteBarrier {
    /// A barrier for no request yet.
    pub fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), releases: Vec::new() }
    }

    /// Adds a request. Requests are released in the order in which they were added.
    pub fn add(&mut self) -> Hold {
        let release = CancellationToken::new();
        self.releases.push(release.clone());
        Hold { arrived: Arc::clone(&self.arrived), release, has_arrived: false }
    }

    /// Waits until all requests are held, then releases them, each after its pause.
    pub async fn release(self, pauses: impl IntoIterator<Item = Duration>) {
        let count = u32::try_from(self.releases.len()).unwrap_or(u32::MAX);
        // The semaphore is never closed; after the time limit, all are released.
        let _ = tokio::time::timeout(MAX_HOLD, self.arrived.acquire_many(count)).await;
        for (release, pause) in self.releases.iter().zip(pauses.into_iter().chain(std::iter::repeat(Duration::ZERO))) {
            // Shorter than the resolution of the timer.
            let started = Instant::now();
            while started.elapsed() < pause {
                tokio::task::yield_now().await;
            }
            release.cancel();
        }
    }
}

impl Default for LastByteBarrier {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for LastByteBarrier {
    fn drop(&mut self) {
        for release in &self.releases {
            release.cancel();
        }
    }
}

impl Hold {
    fn arrive(&mut self) {
        if !std::mem::replace(&mut self.has_arrived, true) {
            self.arrived.add_permits(1);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.arrive();
    }
}

/// What a connection and its stream share.
#[derive(Debug, Default)]
pub(super) struct HoldSlot {
    state: Mutex<SlotState>,
}

#[derive(Debug, Default)]
struct SlotState {
    hold: Option<Hold>,
    released: Option<Instant>,
}

impl HoldSlot {
    /// Holds back the last byte of the next request.
    pub(super) fn set(&self, hold: Hold) {
        *self.lock() = SlotState { hold: Some(hold), released: None };
    }

    /// No longer holds back a request that was not written. Returns when the last one was released, once.
    pub(super) fn take_release(&self) -> Option<Instant> {
        std::mem::take(&mut *self.lock()).released
    }

    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_set(&self) -> bool {
        self.lock().hold.is_some()
    }

    /// The request is written except for its last byte.
    fn arrive(&self) -> Option<Pin<Box<WaitForCancellationFutureOwned>>> {
        let mut state = self.lock();
        let hold = state.hold.as_mut()?;
        hold.arrive();
        Some(Box::pin(hold.release.clone().cancelled_owned()))
    }

    fn release(&self) {
        *self.lock() = SlotState { hold: None, released: Some(Instant::now()) };
    }
}

/// A stream that holds back the last byte of a request while its slot is set.
pub(super) struct HeldStream<T> {
    inner: T,
    slot: Arc<HoldSlot>,
    /// The last byte so far.
    held: Option<u8>,
    wait: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl<T: Write + Unpin> HeldStream<T> {
    pub(super) fn new(inner: T, slot: Arc<HoldSlot>) -> Self {
        Self { inner, slot, held: None, wait: None }
    }

    /// Writes the byte that was held back.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(byte) = self.held else { return Poll::Ready(Ok(())) };
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &[byte]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        (self.held, self.wait) = (None, None);
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for HeldStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // More follows, so that this byte is not the last.
        ready!(this.poll_held(cx))?;
        let Some((last, rest)) = buf.split_last().filter(|_| this.slot.is_set()) else {
            return Pin::new(&mut this.inner).poll_write(cx, buf);
        };
        let written = if rest.is_empty() { 0 } else { ready!(Pin::new(&mut this.inner).poll_write(cx, rest))? };
        if written < rest.len() {
            return Poll::Ready(Ok(written));
        }
        this.held = Some(*last);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.held.is_some() {
            ready!(Pin::new(&mut this.inner).poll_flush(cx))?;
            if this.wait.is_none() {
                this.wait = this.slot.arrive();
            }
            if let Some(wait) = &mut this.wait {
                ready!(wait.as_mut().poll(cx));
            }
            if this.slot.is_set() {
                this.slot.release();
            }
            ready!(this.poll_held(cx))?;
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<T: Read + Unpin> Read for HeldStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use std::future::poll_fn;
    use tokio::io::AsyncReadExt as _;

    async fn write(stream: &mut HeldStream<TokioIo<tokio::io::DuplexStream>>, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let written = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, rest)).await.expect("an open stream");
            rest = &rest[written..];
        }
    }

    #[tokio::test]
    async fn the_last_byte_waits_for_the_others() {
        let (near, mut far) = tokio::io::duplex(64);
        let slot = Arc::new(HoldSlot::default());
        let mut stream = HeldStream::new(TokioIo::new(near), Arc::clone(&slot));
        let mut barrier = LastByteBarrier::new();
        slot.set(barrier.add());
        let other = barrier.add();
        write(&mut stream, "head ").await;
        write(&mut stream, "body").await;
        let flushing = tokio::spawn(async move {
            poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx)).await.expect("an open stream");
            stream
        });
        let mut text = [0; 8];
        far.read_exact(&mut text).await.expect("all but the last byte");
        assert_eq!(&text, b"head bod");
        let releasing = tokio::spawn(barrier.release([]));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!flushing.is_finished());
        let before = Instant::now();
        drop(other);
        let mut stream = flushing.await.expect("no panic");
        releasing.await.expect("no panic");
        assert_eq!(far.read_u8().await.expect("the last byte"), b'y');
        assert!(slot.take_release().is_some_and(|released| released >= before));
        // The next request is not held back.
        write(&mut stream, "more").await;
        let mut text = [0; 4];
        far.read_exact(&mut text).await.expect("the whole request");
        assert_eq!(slot.take_release(), None);
    }

    #[tokio::test]
    async fn a_request_whose_barrier_is_gone_is_sent() {
        let (near, mut far) = tokio::io::duplex(64);
        let slot = Arc::new(HoldSlot::default());
        let mut stream = HeldStream::new(TokioIo::new(near), Arc::clone(&slot));
        let mut barrier = LastByteBarrier::new();
        slot.set(barrier.add());
        drop(barrier);
        write(&mut stream, "x").await;
        poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx)).await.expect("an open stream");
        assert_eq!(far.read_u8().await.expect("the byte"), b'x');
    }
}
