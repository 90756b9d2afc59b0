//! What a case played, one thing after the other: what is made smaller, kept in reports and played again.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::case::Case;
use super::settings::{Scope, Settings};
use crate::contract::Contract;
use crate::offerings::input::{self, Inputs, SavedInputs};
use crate::offerings::race::{Race, SavedRace, UnusableRace};
use crate::offerings::sequence::{self, Capabilities, MainRole, Step};
use crate::project::Project;

/// A longer row of requests is not written down: the whole case is played again instead.
const MAX_SAVED: usize = 50;

/// What a case plays.
#[derive(Clone, Debug, Default)]
pub enum CaseScript {
    /// Nothing that could be taken apart: the case is played again as a whole.
    #[default]
    Whole,
    /// The steps of a history.
    Steps(Arc<[Step]>),
    /// Generated requests to one operation.
    Inputs(Arc<Inputs>),
    /// What several clients do at once.
    Race(Arc<Race>),
}

/// What showed a finding once and cannot be played any more; fits after "cannot …".
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Outdated {
    /// The contract has changed too much for these inputs.
    #[error(transparent)]
    Inputs(#[from] input::OutdatedInputs),
    /// There is no such race.
    #[error(transparent)]
    Race(#[from] UnusableRace),
}

impl CaseScript {
    /// What a case plays on this project.
    pub(super) fn of(case: &Case, project: &Project, settings: &Settings) -> Self {
        match case {
            Case::Scenario(_) => Self::Whole,
            Case::Inputs(endpoint) => {
                let contract = project.judge.contract();
                let inputs = Inputs::of(contract, *endpoint, &project.fixtures, settings.seed, settings.inputs);
                Self::Inputs(Arc::new(inputs))
            }
            Case::Other(operation) => {
                Self::Inputs(Arc::new(Inputs::of_other(operation, settings.seed, settings.inputs)))
            }
            Case::Sequence(number) => {
                let mains = if settings.scope == Scope::Full { MainRole::Change } else { MainRole::Keep };
                let means = Capabilities::of(project, mains);
                Self::Steps(sequence::generate(settings.seed, *number, settings.steps, &means).into())
            }
            Case::Reproduction(kept) => kept.script.clone(),
            Case::Race(race) => Self::Race(Arc::clone(race)),
        }
    }

    /// What of it shows something, to be written down; `None` where only the whole case does.
    pub(super) fn kept(&self, span: &Range<usize>) -> Option<SavedCase> {
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

/// What shows a finding, as it stands in reports and in files of past failures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SavedCase {
    /// The steps of a history.
    Steps(Vec<Step>),
    /// Requests to one operation.
    Inputs(SavedInputs),
    /// What several clients did at once.
    Race(SavedRace),
}

impl SavedCase {
    /// Reads what [`serde_json::to_value`] made of one: a list of steps, or an object of inputs or of a race.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn read(value: &Value) -> Result<Self, serde_json::Error> {
        if value.is_array() {
            Vec::deserialize(value).map(Self::Steps)
        } else if value.get("race").is_some() {
            SavedRace::deserialize(value).map(Self::Race)
        } else {
            SavedInputs::deserialize(value).map(Self::Inputs)
        }
    }

    /// To be played again under this contract.
    ///
    /// # Errors
    /// `Outdated` when the contract has changed too much for that.
    pub fn script(&self, contract: &Contract) -> Result<CaseScript, Outdated> {
        Ok(match self {
            Self::Steps(steps) => CaseScript::Steps(steps.clone().into()),
            Self::Inputs(saved) => CaseScript::Inputs(Arc::new(saved.restore(contract)?)),
            Self::Race(saved) => CaseScript::Race(Arc::new(Race::restore(saved)?)),
        })
    }

    /// The layer's word and the operation, for the name of a case: `sequence`, `input`.
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Steps(_) => "sequence",
            Self::Inputs(_) => "input",
            Self::Race(_) => "race",
        }
    }
}
