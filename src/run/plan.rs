//! What runs and what does not, and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::case::{Case, Layer};
use super::settings::{Scope, Settings};
use crate::check;
use crate::contract::{Catalogue, Endpoint, Need};
use crate::offerings::race::{self, Race};
use crate::offerings::scenario::{self, Effect, Scenario};

/// How many races are drawn besides the written ones.
const GENERATED_RACES: usize = 6;

/// The cases of a run, in the order in which a single lane plays them, and the reasons for what is left out.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is played: reads first, then writes, then everything that changes the main.
    pub cases: Vec<Case>,
    /// The place of each of them in the whole run, from 0; they differ from the order here in a part of a run.
    pub places: Vec<usize>,
    /// Cases of the whole run.
    pub planned: usize,
    /// For each rule that has a case which cannot be played: why.
    pub reasons: BTreeMap<String, String>,
}

impl Plan {
    /// Plans for a target that lacks `missing`.
    pub fn new(settings: &Settings, catalogue: &Catalogue, missing: &BTreeMap<Need, String>) -> Self {
        let mut plan = Self::default();
        for scenario in scenario::all().filter(|scenario| is_wanted(scenario, settings)) {
            plan.add(Case::Scenario(scenario), settings.scope, catalogue, missing);
        }
        plan.add_inputs(settings);
        plan.add_histories(settings);
        for race in races(settings) {
            plan.add(Case::Race(Arc::new(race)), settings.scope, catalogue, missing);
        }
        plan.cases.sort_by_key(Case::effect);
        plan.take_part(settings);
        plan
    }

    /// Leaves the cases that are played in this part of the run.
    fn take_part(&mut self, settings: &Settings) {
        self.planned = self.cases.len();
        let is_played = |case: &Case| settings.shard.is_none_or(|shard| shard.plays(&case.name()));
        let all = std::mem::take(&mut self.cases).into_iter().enumerate();
        (self.places, self.cases) = all.filter(|(_, case)| is_played(case)).unzip();
    }

    /// Adds a case, or the reason why it cannot be played to the rules that it is there for.
    fn add(&mut self, case: Case, scope: Scope, catalogue: &Catalogue, missing: &BTreeMap<Need, String>) {
        match obstacle(&case, scope, catalogue, missing) {
            None => self.cases.push(case),
            Some(reason) => {
                for rule in case.rules() {
                    self.reasons.entry(rule.to_owned()).or_insert_with(|| reason.clone());
                }
            }
        }
    }

    fn add_inputs(&mut self, settings: &Settings) {
        let all = Endpoint::ALL.into_iter().map(Case::Inputs);
        if let Some(case) = &settings.selection.case {
            self.cases.extend(all.filter(|inputs| inputs.name() == *case));
        } else if settings.plays(Layer::Input) {
            self.cases.extend(all.filter(|inputs| allowance(inputs.effect()) <= settings.scope));
        }
    }

    fn add_histories(&mut self, settings: &Settings) {
        if let Some(steps) = &settings.replay {
            self.cases = vec![Case::Steps(steps.clone())];
        } else if let Some(case) = &settings.selection.case {
            let number = case.strip_prefix("sequence::").and_then(|number| number.parse().ok());
            self.cases.extend(number.map(Case::Sequence));
        } else if settings.plays(Layer::Sequence) && settings.scope != Scope::ReadOnly {
            self.cases.extend((0..settings.histories).map(Case::Sequence));
        }
    }
}

/// A scenario is played when it is there for a selected rule. What every exchange is judged by has no scenario of its
/// own in some cases: then every scenario helps.
fn is_wanted(scenario: &Scenario, settings: &Settings) -> bool {
    if let Some(case) = &settings.selection.case {
        return *case == scenario.name();
    }
    let selected = |rule: &str| settings.selection.includes(rule);
    settings.plays(Layer::Scenario)
        && settings.replay.is_none()
        && (scenario.rules().any(selected)
            || check::RULES
                .iter()
                .any(|rule| selected(rule) && !scenario::all().any(|other| other.rules().any(|r| r == *rule))))
}

/// The races that are wanted: written ones for the rules that are selected, generated ones where every rule is.
fn races(settings: &Settings) -> Vec<Race> {
    let all = || race::written().into_iter().chain(race::generated(settings.seed, GENERATED_RACES));
    if settings.replay.is_some() {
        return Vec::new();
    }
    if let Some(case) = &settings.selection.case {
        return all().filter(|race| race.case_name() == *case).collect();
    }
    if !settings.plays(Layer::Race) {
        return Vec::new();
    }
    all().filter(|race| race.rules.iter().any(|rule| settings.selection.includes(rule))).collect()
}

fn obstacle(case: &Case, scope: Scope, catalogue: &Catalogue, missing: &BTreeMap<Need, String>) -> Option<String> {
    if allowance(case.effect()) > scope {
        return Some(match scope {
            Scope::ReadOnly => "it writes, and the run is --read-only".into(),
            Scope::KeepMain | Scope::Full => "it promotes, and the run is --keep-main".into(),
        });
    }
    let need = case.needs().iter().find(|need| missing.contains_key(need))?;
    Some(match &missing[need] {
        reason if reason.is_empty() => describe(*need, catalogue),
        reason => reason.clone(),
    })
}

/// How far a run must be allowed to go for a case.
fn allowance(effect: Effect) -> Scope {
    match effect {
        Effect::Reads => Scope::ReadOnly,
        Effect::Writes => Scope::KeepMain,
        Effect::Promotes => Scope::Full,
    }
}

/// `needs a product id that exists in the project: --product-id`.
pub(super) fn describe(need: Need, catalogue: &Catalogue) -> String {
    let facts = catalogue.need(need);
    format!("needs {}: {}", facts.what, facts.flags.join(" or "))
}
