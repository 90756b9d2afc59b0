//! Whether a further request can be sent on a connection that has served one.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{Response, TransportError};

/// What a broken connection counts; a response takes 1 back.
const BROKEN: u32 = 10;

/// From this count on, each request has a connection of its own.
const MAX: u32 = 30;

/// Counts connections that break. Some servers close each connection soon after a response without announcing it, so that
/// the next request on it is lost.
#[derive(Debug, Default)]
pub(super) struct Reuse(AtomicU32);

impl Reuse {
    /// Whether connections are used for several requests.
    pub(super) fn is_safe(&self) -> bool {
        self.0.load(Ordering::Relaxed) < MAX
    }

    /// Counts a request that was sent.
    pub(super) fn count(&self, sent: &Result<Response, TransportError>) {
        let next = |count: u32| match sent {
            // It stays so: with a connection for each request nothing more can be learnt.
            _ if count >= MAX => None,
            Ok(_) => Some(count.saturating_sub(1)),
            Err(TransportError::Broken { .. }) => Some(count + BROKEN),
            Err(_) => None,
        };
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    #[test]
    fn only_connections_that_often_break_are_not_reused() {
        let broken = || Err(TransportError::Broken { method: "GET".into(), path: "/".into(), reason: "closed".into() });
        let received = || Ok(Response::new(200, HeaderMap::new(), Bytes::new()));
        for (between, is_safe) in [(0, false), (2, false), (20, true)] {
            let reuse = Reuse::default();
            for _ in 0..4 {
                reuse.count(&broken());
                (0..between).for_each(|_| reuse.count(&received()));
            }
            assert_eq!(reuse.is_safe(), is_safe, "{between} responses between two breaks");
            (0..100).for_each(|_| reuse.count(&received()));
            assert_eq!(reuse.is_safe(), is_safe);
        }
    }
}
