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

/// One project on the target. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Project {
    /// Sends with the project's keys.
    pub client: Client,
    /// Judges what comes back.
    pub judge: Arc<Judge>,
    /// What exists in it.
    pub fixtures: Arc<Fixtures>,
    /// Whether it is thrown away after the case. Otherwise everything that was created is removed, and the previous main
    /// is main again.
    pub is_disposable: bool,
    /// Whether no other client writes to the project while the run goes on: then every change is the server's doing.
    pub is_exclusive: bool,
    /// What keeps the project there as long as anybody uses the project; `None` where nothing is needed for that.
    pub hold: Option<Arc<dyn Any + Send + Sync>>,
}

impl Project {
    /// The same project, whose requests are put down to this case.
    pub fn for_case(self, case: &str) -> Self {
        Self { client: self.client.for_case(case), ..self }
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
