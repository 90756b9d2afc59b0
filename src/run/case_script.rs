//! The contents of a case as data: they can be minimized, saved in reports and replayed.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::case::Case;
use super::settings::{Scope, Settings};
use crate::contract::{Contract, Endpoint};
use crate::offerings::input::{self, Inputs, SavedInputs};
use crate::offerings::race::{InvalidRace, Race, SavedRace};
use crate::offerings::sequence::{self, Capabilities, MainRole, Step};
use crate::project::Project;

/// Longest saved list of requests; a longer one is replayed by running the whole case.
const MAX_SAVED: usize = 50;

/// The contents of a case.
#[derive(Clone, Debug, Default)]
pub enum CaseScript {
    /// Not divisible: the case is replayed as a whole.
    #[default]
    Whole,
    /// The steps of a sequence.
    Steps(Arc<[Step]>),
    /// Generated requests to one operation.
    Inputs(Arc<Inputs>),
    /// The requests of several concurrent clients.
    Race(Arc<Race>),
}

/// Why a saved case cannot be replayed; displays as a clause after "cannot".
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Outdated {
    /// The contract no longer fits these inputs.
    #[error(transparent)]
    Inputs(#[from] input::OutdatedInputs),
    /// The race does not exist.
    #[error(transparent)]
    Race(#[from] InvalidRace),
}

impl CaseScript {
    /// The contents of a case on this project.
    pub(super) fn of(case: &Case, project: &Project, settings: &Settings) -> Self {
        match case {
            Case::Scenario(_) => Self::Whole,
            Case::Inputs(endpoint) => Self::Inputs(Arc::new(inputs_of(project, *endpoint, settings, settings.inputs))),
            Case::Other(operation) => {
                Self::Inputs(Arc::new(Inputs::of_other(operation, settings.seed, settings.inputs)))
            }
            Case::Sequence(number) => {
                let mains = if settings.scope == Scope::Full { MainRole::Change } else { MainRole::Keep };
                let capabilities = Capabilities::of(project, mains);
                Self::Steps(sequence::generate(settings.seed, *number, settings.steps, &capabilities).into())
            }
            Case::Reproduction(saved) => saved.script.clone(),
            Case::Race(race) => Self::Race(Arc::clone(race)),
        }
    }

    /// The part in `span`, to be saved; `None` if only the whole case can be replayed.
    pub(super) fn saved(&self, span: &Range<usize>) -> Option<SavedCase> {
        match self {
            Self::Steps(steps) if !steps.is_empty() => Some(SavedCase::Steps(steps.to_vec())),
            Self::Inputs(inputs) => {
                let list = inputs.list.get(span.clone()).filter(|list| list.len() <= MAX_SAVED)?;
                Some(SavedCase::Inputs(SavedInputs::of(inputs, list)))
            }
            Self::Race(race) => Some(SavedCase::Race(SavedRace::of(race))),
            Self::Whole | Self::Steps(_) => None,
        }
    }
}

/// The inputs of an operation, with the first `cases` random ones.
pub(super) fn inputs_of(project: &Project, endpoint: Endpoint, settings: &Settings, cases: u64) -> Inputs {
    let (contract, fixtures) = (project.judge.contract(), &project.fixtures);
    let inputs = Inputs::of(contract, endpoint, fixtures, settings.seed, cases);
    if !settings.effort.divides_inputs() || settings.selection.case.is_some() {
        return inputs;
    }
    let runs = |endpoint: &Endpoint| Scope::required(Case::Inputs(*endpoint).effect()) <= settings.scope;
    let among: Vec<Endpoint> = Endpoint::ALL.into_iter().filter(runs).collect();
    inputs.divided(contract, fixtures, settings.seed, &among)
}

/// The contents of a case that shows a finding, as saved in reports and in regression files.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SavedCase {
    /// The steps of a sequence.
    Steps(Vec<Step>),
    /// Requests to one operation.
    Inputs(SavedInputs),
    /// The requests of several concurrent clients.
    Race(SavedRace),
}

/// The most steps of a saved case: a generated one has a few dozen.
const MAX_SAVED_STEPS: usize = 10_000;

impl SavedCase {
    /// Reads a serialized case: a list of steps, or an object with inputs or a race.
    ///
    /// # Errors
    /// [`serde_json::Error`] when the value has another shape.
    pub fn read(value: &Value) -> Result<Self, serde_json::Error> {
        if let Some(steps) = value.as_array() {
            if steps.len() > MAX_SAVED_STEPS {
                return Err(serde::de::Error::custom(format_args!("it has more than {MAX_SAVED_STEPS} steps")));
            }
            Vec::deserialize(value).map(Self::Steps)
        } else if value.get("race").is_some() {
            SavedRace::deserialize(value).map(Self::Race)
        } else {
            SavedInputs::deserialize(value).map(Self::Inputs)
        }
    }

    /// Restores the contents under this contract.
    ///
    /// # Errors
    /// The contract no longer fits them.
    pub fn script(&self, contract: &Contract) -> Result<CaseScript, Outdated> {
        Ok(match self {
            Self::Steps(steps) => CaseScript::Steps(steps.clone().into()),
            Self::Inputs(saved) => CaseScript::Inputs(Arc::new(saved.restore(contract)?)),
            Self::Race(saved) => CaseScript::Race(Arc::new(Race::restore(saved)?)),
        })
    }

    /// Name of the layer: `sequence`, `input` or `race`.
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Steps(_) => "sequence",
            Self::Inputs(_) => "input",
            Self::Race(_) => "race",
        }
    }
}
