//! The cases of a run and their layers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::case_script::CaseScript;
use crate::contract::{Endpoint, Need, Operation};
use crate::offerings::input::Input;
use crate::offerings::race::Race;
use crate::offerings::scenario::{Effect, Scenario};

/// A kind of cases.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Written by hand, one for each rule.
    Scenario,
    /// Generated requests, from both sides of every limit of the document.
    Input,
    /// Generated series of requests, each compared with the model.
    Sequence,
    /// Several clients at once.
    Race,
}

impl Layer {
    /// Every layer, in the order of execution.
    pub const ALL: [Self; 4] = [Self::Scenario, Self::Input, Self::Sequence, Self::Race];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Input => "input",
            Self::Sequence => "sequence",
            Self::Race => "race",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Layer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|layer| layer.name() == text)
            .ok_or_else(|| format!("unknown layer `{text}`: use {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A unit of testing.
#[derive(Clone, Debug)]
pub enum Case {
    /// A case written by hand.
    Scenario(&'static Scenario),
    /// The generated requests to this operation.
    Inputs(Endpoint),
    /// The generated sequence of this number.
    Sequence(u64),
    /// The generated requests to another operation of the document.
    Other(Arc<Operation>),
    /// The reproduction of a finding of another run.
    Reproduction(Arc<Reproduction>),
    /// Several clients at once.
    Race(Arc<Race>),
}

/// Reproduces a finding of another run.
#[derive(Clone, Debug)]
pub struct Reproduction {
    /// Its name as a case: `sequence::replay`, `regression::5f1c9ae2`.
    pub name: String,
    /// What it runs.
    pub script: CaseScript,
}

impl Case {
    /// Its name in reports: `scenario::create.echo`, `sequence::17`.
    pub fn name(&self) -> String {
        match self {
            Self::Scenario(scenario) => scenario.name(),
            Self::Inputs(endpoint) => format!("input::{}", endpoint.operation_id()),
            Self::Sequence(number) => format!("sequence::{number}"),
            Self::Other(operation) => format!("input::{}", operation.id),
            Self::Reproduction(saved) => saved.name.clone(),
            Self::Race(race) => race.case_name(),
        }
    }

    /// The part of its ids that distinguishes it from other cases.
    pub(super) fn slug(&self) -> String {
        match self {
            Self::Scenario(scenario) => scenario.rule.to_owned(),
            Self::Inputs(endpoint) => format!("i{}", *endpoint as u8),
            Self::Sequence(number) => format!("s{number}"),
            Self::Other(operation) => slug(&format!("o-{}", operation.id)),
            Self::Reproduction(saved) => slug(saved.name.rsplit("::").next().unwrap_or_default()),
            Self::Race(race) => race.name.clone(),
        }
    }

    /// The race that it runs, if it runs one.
    pub(super) fn race(&self) -> Option<&Arc<Race>> {
        match self {
            Self::Race(race) => Some(race),
            Self::Reproduction(saved) => match &saved.script {
                CaseScript::Race(race) => Some(race),
                CaseScript::Whole | CaseScript::Steps(_) | CaseScript::Inputs(_) => None,
            },
            Self::Scenario(_) | Self::Inputs(_) | Self::Sequence(_) | Self::Other(_) => None,
        }
    }

    /// The rules that it tests; empty for sequences and inputs.
    pub fn rules(&self) -> Vec<&'static str> {
        match self {
            Self::Scenario(scenario) => scenario.rules().collect(),
            _ => self.race().map(|race| race.rules.clone()).unwrap_or_default(),
        }
    }

    /// Whether it repeats a finding of another run.
    pub(super) fn is_reproduction(&self) -> bool {
        matches!(self, Self::Reproduction(_))
    }

    /// Whether it needs a fixture that a faulty server uses up, so that only its first run may show the fault: a variant
    /// that it deletes, a project that never had an offering.
    pub(super) fn needs_unused_fixture(&self) -> bool {
        self.needs().iter().any(|need| matches!(need, Need::Variant | Need::Empty))
    }

    /// How it changes the project.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Scenario(scenario) => scenario.effect,
            Self::Inputs(Endpoint::SetMain) | Self::Sequence(_) => Effect::Promotes,
            Self::Other(operation) if operation.method == http::Method::GET => Effect::Reads,
            Self::Inputs(Endpoint::List) | Self::Other(_) => Effect::WritesAlone,
            Self::Inputs(_) => Effect::Writes,
            Self::Reproduction(saved) => match &saved.script {
                CaseScript::Inputs(inputs) if inputs.operation.endpoint() == Some(Endpoint::SetMain) => {
                    Effect::Promotes
                }
                CaseScript::Inputs(inputs) if inputs.list.iter().all(Input::only_reads) => Effect::Reads,
                CaseScript::Inputs(_) => Effect::WritesAlone,
                CaseScript::Race(race) => race.effect,
                CaseScript::Steps(_) | CaseScript::Whole => Effect::Promotes,
            },
            Self::Race(race) => race.effect,
        }
    }

    /// The fixtures that it requires. Generated cases use those that exist.
    pub fn needs(&self) -> &'static [Need] {
        match self {
            Self::Scenario(scenario) => scenario.needs,
            _ => self.race().map_or(&[], |race| race.needs),
        }
    }
}

/// Replaces every character that an offering id may not contain.
fn slug(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}
