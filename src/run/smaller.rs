//! What generated histories found is made small, once for each fault.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use super::drive::Played;
use super::execute::Attempt;
use super::shrink::{Failure, shrink};
use crate::exchange::Traffic;
use crate::finding::Breach;
use crate::offerings::sequence::Step;

/// The most requests that making one finding smaller may take.
const MOST_REQUESTS: u64 = 1_940;

/// Attempts that shrinking makes are numbered from here, apart from those that confirm.
const FIRST_ATTEMPT: u32 = 10;

/// Makes the first history of each fault smaller: `play` plays the steps of a case for the given attempt, in the state
/// in which every other attempt finds the project. The others of the same fault stay as they are: they are only counted.
pub(super) async fn make_smaller<P, F>(played: &mut Played, traffic: &Traffic, play: P)
where
    P: Fn(usize, Vec<Step>, u32) -> F,
    F: Future<Output = Attempt>,
{
    let mut done: BTreeSet<(&'static str, Option<String>, String)> = BTreeSet::new();
    for (case, outcome, _) in played {
        for (breach, facts) in outcome.record.breaches.iter_mut().zip(&mut outcome.facts) {
            let way = (breach.rule, breach.operation.id().map(str::to_owned), breach.title.to_string());
            if facts.steps.is_empty() || !done.insert(way) {
                continue;
            }
            let before = traffic.requests();
            let attempt = AtomicU32::new(FIRST_ATTEMPT);
            let sought = breach.clone();
            let once = |steps: Vec<Step>| {
                let playing = play(*case, steps, attempt.fetch_add(1, Ordering::Relaxed));
                let sought = &sought;
                async move { find(playing.await, sought) }
            };
            let first = Failure { at: facts.at, way: () };
            let small = shrink(
                facts.steps.clone(),
                &first,
                |_| traffic.requests() - before < MOST_REQUESTS,
                |steps| {
                    let tried = once(steps);
                    async move { tried.await.map(|(_, at)| Failure { at, way: () }) }
                },
            )
            .await;
            // Once more for the story; a fault that does not show now keeps the one that it had.
            if let Some((found, _)) = once(small.steps.clone()).await {
                facts.shrunk = Some((small.from, traffic.requests() - before));
                facts.steps = small.steps;
                *breach = found;
            }
        }
    }
}

/// The breach of the attempt that is like the one that is sought, and the step at which it showed.
fn find(attempt: Attempt, sought: &Breach) -> Option<(Breach, usize)> {
    let mut breaches = attempt.report.record.breaches.into_iter().zip(attempt.at);
    breaches.find(|(breach, _)| breach.is_like(sought))
}
