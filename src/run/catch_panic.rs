//! Catches a panic of this program, so that the target is still cleaned up.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs `future` until it ends or panics. The caller cleans up and resumes the panic.
pub(super) async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_an_output_or_a_panic() {
        assert_eq!(catch_panic(async { 7 }).await.ok(), Some(7));
        let panicking = async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "ours");
        };
        assert!(catch_panic(panicking).await.is_err());
    }
}
