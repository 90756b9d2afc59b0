//! What a run was given of one project.

use std::any::Any;
use std::sync::Arc;

use crate::check::Judge;
use crate::contract::Need;
use crate::exchange::{Client, KeyRole};

/// What exists in the project, as far as the run was told or found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fixtures {
    /// Product ids that are registered in the project, without repeats.
    pub products: Vec<String>,
    /// The id of an experiment-variant offering.
    pub variant: Option<String>,
    /// A product that only the second project has.
    pub second_product: Option<String>,
}

/// Whether the project must be left as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tenure {
    /// The project is thrown away after the case: nothing is cleaned up.
    Disposable,
    /// A foreign project: everything that was created is removed, the previous main is main again.
    Shared,
}

/// One project on the target. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Sends with the project's keys.
    pub client: Client,
    /// Judges what comes back.
    pub judge: Arc<Judge>,
    /// What exists in it.
    pub fixtures: Arc<Fixtures>,
    /// Whether it must be left as it was.
    pub tenure: Tenure,
    /// Whether no other client writes to the project while the run goes on: then every change is the server's doing.
    pub is_exclusive: bool,
    /// What keeps the project there as long as anybody uses the lane; `None` where nothing is needed for that.
    pub hold: Option<Arc<dyn Any + Send + Sync>>,
}

impl Lane {
    /// The same lane, whose requests are put down to this case.
    pub fn for_case(self, case: &str) -> Self {
        Self { client: self.client.for_case(case), ..self }
    }

    /// Whether the lane has what a rule needs.
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
