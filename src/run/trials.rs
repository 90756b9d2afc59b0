//! Concurrent trials, each with its own thread and runtime: server and client of one trial do not wake other threads,
//! and a hanging trial blocks no other.

use std::future::Future;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::RunError;

/// Runs the trials, `jobs` at a time, and returns their results in order; `None` for a trial that exceeded `limit`,
/// whose thread keeps running. `ended` receives the index and the result of each trial when it ends.
///
/// # Errors
/// The first [`RunError`] of a trial.
pub(super) async fn run_concurrently<T, R, F>(
    trials: Vec<T>,
    jobs: NonZeroUsize,
    limit: Duration,
    run: impl Fn(T) -> F + Clone + Send + 'static,
    ended: impl Fn(usize, Option<&R>),
) -> Result<Vec<Option<R>>, RunError>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<R, RunError>>,
{
    let mut results: Vec<Option<R>> = trials.iter().map(|_| None).collect();
    // The last first: the catalogues end with servers that are slow on purpose, which should not end the run alone.
    let mut waiting = trials.into_iter().enumerate().rev();
    let mut running = JoinSet::new();
    loop {
        while running.len() < jobs.get() {
            let Some((index, trial)) = waiting.next() else { break };
            let (sender, receiver) = oneshot::channel();
            let run = run.clone();
            let thread = thread::spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build();
                let result = runtime.map_err(RunError::from).and_then(|runtime| runtime.block_on(run(trial)));
                // The receiver was dropped if the trial took too long.
                drop(sender.send(result));
            });
            running.spawn(async move {
                let result = match timeout(limit, receiver).await {
                    Err(_) => None,
                    Ok(Ok(result)) => Some(result),
                    // A panic of this program is resumed.
                    Ok(Err(_)) => thread.join().map_or_else(|panic| std::panic::resume_unwind(panic), |()| None),
                };
                (index, result)
            });
        }
        let Some(joined) = running.join_next().await else { break };
        let (index, result) = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let result = result.transpose()?;
        ended(index, result.as_ref());
        results[index] = result;
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hanging_trial_blocks_no_other() {
        let jobs = NonZeroUsize::new(2).expect("two is not zero");
        let run = |number: u64| async move {
            thread::sleep(Duration::from_secs(if number == 1 { 3 } else { 0 }));
            Ok(number * 10)
        };
        let results = run_concurrently(vec![0, 1, 2, 3], jobs, Duration::from_millis(300), run, |_, _| {}).await;
        assert_eq!(results.expect("no trial failed to start"), [Some(0), None, Some(20), Some(30)]);
    }
}
