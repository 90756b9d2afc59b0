//! Whether a wrong read was outdated: sent again a moment later it returns something else, although nothing was written.
//!
//! A cache in front of a server makes reads wrong in many ways, and expectations that rest on them. This is one defect,
//! whatever rules it violates.

use std::sync::Arc;

use super::Context;
use crate::contract::RuleScope;
use crate::exchange::Exchange;
use crate::finding::Failure;

/// The maximum number of reads that are sent again to explain one failure.
const MAX_READS: usize = 4;

impl Context {
    /// Sends the reads that show a failure again, once for each kind of failure in a run, and marks the failures that
    /// outdated reads explain. Called before each write, which may change what the reads return.
    ///
    /// A shared project is left out, because another client may write meanwhile, and so is the embedded server.
    pub(super) async fn check_outdated(&mut self) {
        if !self.is_shared() || !self.project().is_exclusive {
            return;
        }
        for place in 0..self.session.record.failures.len() {
            if !self.session.record.failures[place].evidence.is_outdated {
                let is_outdated = self.is_outdated(place).await;
                self.session.record.failures[place].evidence.is_outdated = is_outdated;
            }
        }
    }

    /// Whether outdated reads explain the failure at this place of the record.
    async fn is_outdated(&mut self, place: usize) -> bool {
        let failure = &self.session.record.failures[place];
        let (fingerprint, rereads) = (failure.fingerprint(), Arc::clone(&self.project().rereads));
        if let Some(known) = rereads.result(&fingerprint) {
            return known && shows_state(&failure.at);
        }
        let reads = self.reads_behind(failure);
        if reads.is_empty() || !rereads.is_worthwhile() || !self.project().outwait_caches().await {
            return false;
        }
        let is_outdated = self.any_changed(&reads).await;
        rereads.add(fingerprint, is_outdated);
        is_outdated
    }

    /// The read that shows the failure, and the other reads since the last write, the latest first. Empty if a write or
    /// concurrent requests show it.
    fn reads_behind(&self, failure: &Failure) -> Vec<Arc<Exchange>> {
        let since_write = || self.session.trace().iter().rev().take_while(|exchange| !exchange.request.is_write());
        let is_of_read = shows_state(&failure.at)
            && failure.evidence.timeline.is_none()
            && since_write().any(|exchange| Arc::ptr_eq(exchange, &failure.at));
        let mut reads: Vec<Arc<Exchange>> = Vec::new();
        let all = std::iter::once(&failure.at).chain(since_write());
        for read in all.filter(|exchange| is_of_read && shows_state(exchange)) {
            if reads.len() < MAX_READS && !reads.iter().any(|known| known.request == read.request) {
                reads.push(Arc::clone(read));
            }
        }
        reads
    }

    /// Whether one of these reads returns something else now. What changes with every read is not outdated. The
    /// responses are not judged: they are no part of the case.
    async fn any_changed(&self, reads: &[Arc<Exchange>]) -> bool {
        let client = &self.project().client;
        let content = |exchange: &Exchange| (exchange.response.status, exchange.response.body().clone());
        let mut any = false;
        for read in reads {
            let (later, again) = (client.send(read.request.clone()).await, client.send(read.request.clone()).await);
            if let (Ok(later), Ok(again)) = (later, again) {
                let has_changed = shows_state(&later) && content(&later) != content(read);
                any |= has_changed && content(&later) == content(&again);
            }
        }
        any
    }

    /// Marks the failures after one at an outdated read: what they expect may rest on it.
    pub(super) fn mark_consequences_of_outdated(&mut self) {
        let contract = Arc::clone(self.project().judge.contract());
        let mut is_after = false;
        for failure in &mut self.session.record.failures {
            let of_state = contract.rules().rule(failure.rule).is_some_and(|rule| rule.scope == RuleScope::Operation);
            failure.evidence.is_outdated |= is_after && of_state && failure.evidence.timeline.is_none();
            is_after |= failure.evidence.is_outdated;
        }
    }
}

/// Whether a response shows what is stored: it is the success of a read, or says that an offering does not exist.
fn shows_state(exchange: &Exchange) -> bool {
    !exchange.request.is_write() && [200, 404].contains(&exchange.response.status)
}
