//! A project and what exists in it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::{Neighbours, PromotedByServer, Rereads, ShrinkTime};
use crate::check::Judge;
use crate::contract::Need;
use crate::exchange::{Client, Exchange, KeyRole};

/// How long a cache is expected to hold a response: a second is common.
const MAX_CACHED: Duration = Duration::from_millis(1200);

/// What is known to exist in the project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fixtures {
    /// Product ids that are registered in the project, without repeats.
    pub products: Vec<String>,
    /// The id of an experiment-variant offering.
    pub variant: Option<String>,
    /// A product that only the second project has.
    pub second_product: Option<String>,
}

/// One key's data on the target. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Project {
    /// Sends requests with the project's keys.
    pub client: Client,
    /// Judges the responses.
    pub judge: Arc<Judge>,
    /// What exists in it.
    pub fixtures: Arc<Fixtures>,
    /// Whether it is discarded after the case. Otherwise the run deletes what it created and restores the previous
    /// main.
    pub is_disposable: bool,
    /// Whether no other client writes to the project during the run: then every unexpected change is the server's
    /// fault.
    pub is_exclusive: bool,
    /// The time that is left for minimizing findings.
    pub shrink_time: Arc<ShrinkTime>,
    /// The failures whose reads were sent again.
    pub rereads: Arc<Rereads>,
    /// Guard that keeps a temporary project on the server until the last clone is dropped; `None` for a lasting
    /// project.
    pub keep_alive: Option<Arc<dyn Any + Send + Sync>>,
    /// Most independent requests that a case sends at once: 1 for a disposable project, so that runs are deterministic.
    pub at_once: usize,
    /// The cases that run at the same time; `None` for a case that runs alone.
    pub neighbours: Option<Arc<Neighbours>>,
    /// Writes of the run that prepared the project for the case, in order: a failure may depend on them.
    pub prepared: Arc<[Arc<Exchange>]>,
    /// The list of the main project that the case before has read last; `None` if the project may have changed since.
    pub opening: Option<Arc<Exchange>>,
    /// What the server promoted by itself.
    pub promoted_by_server: Arc<PromotedByServer>,
}

impl Project {
    /// [`Self::at_once`] of a project on an external target.
    pub const AT_ONCE: usize = 8;

    /// The same project with its requests attributed to this case.
    pub fn for_case(self, case: &str) -> Self {
        Self { client: self.client.for_case(case), ..self }
    }

    /// The same project with this time for minimizing findings.
    #[must_use]
    pub fn minimized_within(self, shrink_time: &Arc<ShrinkTime>) -> Self {
        Self { shrink_time: Arc::clone(shrink_time), ..self }
    }

    /// Waits until a cache has forgotten its responses, if enough of the time for minimizing is left. Returns whether it
    /// has waited.
    pub async fn outwait_caches(&self) -> bool {
        let has_time = self.shrink_time.left() >= MAX_CACHED;
        if has_time {
            self.shrink_time.spend(MAX_CACHED);
            tokio::time::sleep(MAX_CACHED).await;
        }
        has_time
    }

    /// Whether the project has what a rule needs.
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::Product => !self.fixtures.products.is_empty(),
            Need::Variant => self.fixtures.variant.is_some(),
            Need::Empty => self.client.keys().has(KeyRole::Empty),
            Need::SecondProject => self.client.keys().has(KeyRole::Second),
            Need::LimitedKey => self.client.keys().has(KeyRole::Limited),
        }
    }
}
