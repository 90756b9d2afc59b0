//! What runs and what does not, and why.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::case::{Case, Layer, Reproduction};
use super::case_script::SavedCase;
use super::settings::{Scope, Settings, TargetSettings};
use crate::check;
use crate::contract::{Catalogue, Contract, Endpoint, Need, Operation};
use crate::offerings::race::{self, Race};
use crate::offerings::scenario::{self, Effect, Scenario};

/// How many races are drawn besides the written ones.
const GENERATED_RACES: usize = 6;

/// The cases of a run, in the order in which a single project plays them, and the reasons for what is left out.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is played: past failures first; then reads, then writes, then everything that changes the main.
    pub cases: Vec<Case>,
    /// The place of each of them in the whole run, from 0; they differ from the order here in a part of a run.
    pub places: Vec<usize>,
    /// Cases of the whole run.
    pub planned: usize,
    /// The operations besides the six that the whole run tries.
    pub others: Vec<Arc<Operation>>,
    /// For each rule that has a case which cannot be played: why.
    pub reasons: BTreeMap<String, String>,
    /// What else was asked for and is not played, a sentence each.
    pub notes: Vec<String>,
}

impl Plan {
    /// Plans for a target that lacks `missing`.
    pub fn new(settings: &Settings, contract: &Contract, missing: &BTreeMap<Need, String>) -> Self {
        let mut plan = Self::default();
        if let Some(kept) = &settings.replay {
            plan.add_kept(&format!("{}::replay", kept.layer()), kept, settings, contract, missing);
            plan.take_part(settings);
            return plan;
        }
        let catalogue = contract.rules();
        for scenario in scenario::all().filter(|scenario| is_wanted(scenario, settings)) {
            plan.add(Case::Scenario(scenario), settings, catalogue, missing);
        }
        plan.add_inputs(settings);
        plan.add_operations(settings, contract);
        plan.add_histories(settings);
        for race in races(settings) {
            plan.add(Case::Race(Arc::new(race)), settings, catalogue, missing);
        }
        plan.cases.sort_by_key(Case::effect);
        if settings.selection.case.is_none() {
            let rest = std::mem::take(&mut plan.cases);
            plan.add_regressions(settings, contract, missing);
            plan.cases.extend(rest);
        }
        plan.take_part(settings);
        plan
    }

    /// Leaves the cases that are played in this part of the run.
    fn take_part(&mut self, settings: &Settings) {
        self.planned = self.cases.len();
        let other = |case: &Case| match case {
            Case::Other(operation) => Some(Arc::clone(operation)),
            _ => None,
        };
        self.others = self.cases.iter().filter_map(other).collect();
        let is_played = |case: &Case| settings.shard.is_none_or(|shard| shard.plays(&case.name()));
        let all = std::mem::take(&mut self.cases).into_iter().enumerate();
        (self.places, self.cases) = all.filter(|(_, case)| is_played(case)).unzip();
    }

    /// Adds a case, or the reason why it cannot be played to the rules that it is there for.
    fn add(&mut self, case: Case, settings: &Settings, catalogue: &Catalogue, missing: &BTreeMap<Need, String>) {
        match obstacle(&case, settings, catalogue, missing) {
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

    /// Other operations of the document, where they were asked for.
    fn add_operations(&mut self, settings: &Settings, contract: &Contract) {
        let excluded = settings.layers.as_ref().is_some_and(|layers| !layers.contains(&Layer::Input));
        if settings.operations.is_empty() || excluded {
            return;
        }
        let is_meant = |id: &str| settings.operations.iter().any(|pattern| pattern.matches(id));
        let others = contract.operations().iter().filter(|other| other.endpoint.is_none() && is_meant(&other.id));
        let others: Vec<Case> = others.map(|other| Case::Other(Arc::new(other.clone()))).collect();
        if others.is_empty() {
            self.notes.push(
                "--operations matches no operation besides those of the offerings, which are tried anyway".into(),
            );
        }
        for case in others {
            if settings.selection.case.as_ref().is_some_and(|wanted| *wanted != case.name()) {
                continue;
            }
            match forbidden(&case, settings.scope) {
                Some(reason) => self.notes.push(format!("`{}` is left out: {reason}", case.name())),
                None => self.cases.push(case),
            }
        }
    }

    /// Past failures. What the contract does not know any more is reported.
    fn add_regressions(&mut self, settings: &Settings, contract: &Contract, missing: &BTreeMap<Need, String>) {
        for regression in &settings.regressions {
            let name = regression.case_name();
            match regression.kept() {
                Some(Ok(kept)) => self.add_kept(&name, &kept, settings, contract, missing),
                Some(Err(reason)) => self.notes.push(format!("`{name}` does not apply any more: {reason}")),
                None => self.notes.push(format!("`{name}` does not apply any more: nothing of it was kept")),
            }
        }
    }

    /// Adds what showed a finding of another run, or the reason why it cannot be played.
    fn add_kept(
        &mut self,
        name: &str,
        kept: &SavedCase,
        settings: &Settings,
        contract: &Contract,
        missing: &BTreeMap<Need, String>,
    ) {
        let case = match kept.script(contract) {
            Ok(script) => Case::Reproduction(Arc::new(Reproduction { name: name.to_owned(), script })),
            Err(outdated) => {
                self.notes.push(format!("`{name}` does not apply any more: {outdated}"));
                return;
            }
        };
        match obstacle(&case, settings, contract.rules(), missing) {
            Some(reason) => self.notes.push(format!("`{name}` is left out: {reason}")),
            None => self.cases.push(case),
        }
    }

    fn add_histories(&mut self, settings: &Settings) {
        if let Some(case) = &settings.selection.case {
            let numbers = case.strip_prefix("sequence::").and_then(numbers);
            self.cases.extend(numbers.into_iter().flatten().map(Case::Sequence));
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
        && (scenario.rules().any(selected)
            || check::RULES
                .iter()
                .any(|rule| selected(rule) && !scenario::all().any(|other| other.rules().any(|r| r == *rule))))
}

/// The races that are wanted: written ones for the rules that are selected, generated ones where every rule is.
fn races(settings: &Settings) -> Vec<Race> {
    let all = || race::written().into_iter().chain(race::generated(settings.seed, GENERATED_RACES));
    if let Some(case) = &settings.selection.case {
        return all().filter(|race| race.case_name() == *case).collect();
    }
    if !settings.plays(Layer::Race) {
        return Vec::new();
    }
    all().filter(|race| race.rules.iter().any(|rule| settings.selection.includes(rule))).collect()
}

/// Why a case goes further than the run may; `None` when it does not.
fn forbidden(case: &Case, scope: Scope) -> Option<String> {
    (allowance(case.effect()) > scope).then(|| match scope {
        Scope::ReadOnly => "it writes, and the run is --read-only".into(),
        Scope::KeepMain | Scope::Full => "it promotes, and the run is --keep-main".into(),
    })
}

/// The numbers of one history, `17`, or of a group, `0-9`.
fn numbers(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

fn obstacle(
    case: &Case,
    settings: &Settings,
    catalogue: &Catalogue,
    missing: &BTreeMap<Need, String>,
) -> Option<String> {
    if let Some(reason) = forbidden(case, settings.scope) {
        return Some(reason);
    }
    let is_ours = matches!(settings.target, TargetSettings::Embedded(_));
    if case.race().is_some() && settings.jobs.get() == 1 && !is_ours {
        return Some("several clients send at once, and the run is --jobs 1".into());
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
