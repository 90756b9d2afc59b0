//! Selects the cases of a run, with the reasons for those left out.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::case::{Case, Layer, Reproduction};
use super::case_script::SavedCase;
use super::effort::{Effort, LONG_SCENARIOS};
use super::settings::{Scope, Settings, TargetSettings};
use crate::check;
use crate::contract::{Catalogue, Contract, Endpoint, Level, Need, Operation};
use crate::offerings::race::{self, Race};
use crate::offerings::scenario::{self, Effect, Scenario};

/// The cases of a run, in the order of execution on a single project, and the reasons for cases left out.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The cases: regressions first, then cases that read, that write side by side and alone, and that
    /// change the main.
    pub cases: Vec<Case>,
    /// For each rule with a case that cannot run: the reason.
    pub reasons: BTreeMap<String, String>,
    /// Other selected cases that cannot run, a sentence each.
    pub notes: Vec<String>,
}

impl Plan {
    /// Plans a run on a target that lacks `missing`.
    pub fn new(settings: &Settings, contract: &Contract, missing: &BTreeMap<Need, String>) -> Self {
        let mut plan = Self::default();
        if let Some(saved) = &settings.replay {
            plan.add_saved(&format!("{}::replay", saved.layer()), saved, settings, contract, missing);
            return plan;
        }
        let catalogue = contract.rules();
        for scenario in scenario::all().filter(|scenario| is_selected(scenario, settings)) {
            plan.add(Case::Scenario(scenario), settings, catalogue, missing);
        }
        plan.add_inputs(settings);
        plan.add_operations(settings, contract);
        plan.add_sequences(settings);
        for race in races(settings) {
            plan.add(Case::Race(Arc::new(race)), settings, catalogue, missing);
        }
        // Inputs may use up fixtures, and of the cases that run side by side they take longest.
        let order = |case: &Case| match case {
            _ if case.effect() != Effect::Writes || case.needs_unused_fixture() => 0,
            Case::Inputs(_) => 1,
            _ => 2,
        };
        plan.cases.sort_by_key(|case| (case.effect(), order(case)));
        if settings.selection.case.is_none() {
            let rest = std::mem::take(&mut plan.cases);
            plan.add_regressions(settings, contract, missing);
            plan.cases.extend(rest);
        }
        plan
    }

    /// The operations besides the six that the run tests.
    pub fn others(&self) -> impl Iterator<Item = &Operation> {
        self.cases.iter().filter_map(|case| match case {
            Case::Other(operation) => Some(&**operation),
            _ => None,
        })
    }

    /// Adds a case, or the reason why it cannot run to each of its rules.
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
        } else if settings.includes(Layer::Input) && !leaves_out_generated(settings) {
            self.cases.extend(all.filter(|inputs| Scope::required(inputs.effect()) <= settings.scope));
        }
    }

    /// Adds other operations of the document that `--operations` selects.
    fn add_operations(&mut self, settings: &Settings, contract: &Contract) {
        let excluded = settings.layers.as_ref().is_some_and(|layers| !layers.contains(&Layer::Input));
        if settings.operations.is_empty() || excluded {
            return;
        }
        let is_selected = |id: &str| settings.operations.iter().any(|pattern| pattern.matches(id));
        let others = contract.operations().iter().filter(|other| other.endpoint.is_none() && is_selected(&other.id));
        let others: Vec<Case> = others.map(|other| Case::Other(Arc::new(other.clone()))).collect();
        if others.is_empty() {
            self.notes
                .push("--operations matches only operations of the offerings, which are tested by default".into());
        }
        for case in others {
            if settings.selection.case.as_ref().is_some_and(|selected| *selected != case.name()) {
                continue;
            }
            match out_of_scope(&case, settings.scope) {
                Some(reason) => self.notes.push(format!("`{}` is left out: {reason}", case.name())),
                None => self.cases.push(case),
            }
        }
    }

    /// Adds regressions, and a note for each that no longer fits the contract.
    fn add_regressions(&mut self, settings: &Settings, contract: &Contract, missing: &BTreeMap<Need, String>) {
        for regression in &settings.regressions {
            let name = regression.case_name();
            match regression.saved() {
                Some(Ok(saved)) => self.add_saved(&name, &saved, settings, contract, missing),
                Some(Err(reason)) => self.notes.push(format!("`{name}` does not apply any more: {reason}")),
                None => self.notes.push(format!("`{name}` does not apply any more: its steps were not saved")),
            }
        }
    }

    /// Adds the reproduction of a finding of another run, or the reason why it cannot run.
    fn add_saved(
        &mut self,
        name: &str,
        saved: &SavedCase,
        settings: &Settings,
        contract: &Contract,
        missing: &BTreeMap<Need, String>,
    ) {
        let case = match saved.script(contract) {
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

    fn add_sequences(&mut self, settings: &Settings) {
        if let Some(case) = &settings.selection.case {
            let numbers = case.strip_prefix("sequence::").and_then(numbers);
            self.cases.extend(numbers.into_iter().flatten().map(Case::Sequence));
        } else if settings.includes(Layer::Sequence)
            && settings.scope != Scope::ReadOnly
            && !leaves_out_generated(settings)
        {
            self.cases.extend((0..settings.histories).map(Case::Sequence));
        }
    }
}

/// Whether a scenario tests a selected rule. Some rules for every response have no scenario of their own: then every
/// scenario tests them.
fn is_selected(scenario: &Scenario, settings: &Settings) -> bool {
    if let Some(case) = &settings.selection.case {
        return *case == scenario.name();
    }
    let selected = |rule: &str| settings.selection.includes(rule);
    settings.includes(Layer::Scenario)
        && (scenario.rules().any(selected)
            || check::RULES
                .iter()
                .any(|rule| selected(rule) && !scenario::all().any(|other| other.rules().any(|r| r == *rule))))
}

/// The races that test a selected rule.
fn races(settings: &Settings) -> Vec<Race> {
    let all =
        |effort: Effort| race::written().into_iter().chain(race::generated(settings.seed, effort.generated_races()));
    if let Some(case) = &settings.selection.case {
        return all(Effort::Thorough).filter(|race| race.case_name() == *case).collect();
    }
    if !settings.includes(Layer::Race) {
        return Vec::new();
    }
    all(settings.effort).filter(|race| race.rules.iter().any(|rule| settings.selection.includes(rule))).collect()
}

/// Why the scope of the run excludes a case; `None` when it does not.
fn out_of_scope(case: &Case, scope: Scope) -> Option<String> {
    (Scope::required(case.effect()) > scope).then(|| match scope {
        Scope::ReadOnly => "it writes, which --read-only excludes".into(),
        Scope::KeepMain | Scope::Full => "it promotes an offering, which --keep-main excludes".into(),
    })
}

/// The most sequences of a group.
const MAX_GROUP: u64 = 1_000;

/// The numbers of one sequence, `17`, or of a group, `0-9`.
fn numbers(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    // The name may come from a report that someone else wrote.
    (first <= last && last - first < MAX_GROUP).then_some(first..=last)
}

/// Why a case cannot run; `None` when it can.
fn obstacle(
    case: &Case,
    settings: &Settings,
    catalogue: &Catalogue,
    missing: &BTreeMap<Need, String>,
) -> Option<String> {
    if let Some(reason) = out_of_scope(case, settings.scope) {
        return Some(reason);
    }
    if is_beyond_effort(case, settings, catalogue) {
        return Some("--effort quick leaves it out".into());
    }
    let is_embedded = matches!(settings.target, TargetSettings::Embedded(_));
    if case.race().is_some() && settings.project_jobs.get() == 1 && !is_embedded {
        return Some("it needs several clients, which --jobs 1 excludes".into());
    }
    let need = case.needs().iter().find(|need| missing.contains_key(need))?;
    Some(match &missing[need] {
        reason if reason.is_empty() => describe(*need, catalogue),
        reason => reason.clone(),
    })
}

/// Whether a run of little effort leaves a case out, unless its layer or its rules were asked for.
fn is_beyond_effort(case: &Case, settings: &Settings, catalogue: &Catalogue) -> bool {
    let is_asked_for =
        settings.layers.is_some() || settings.selection.case.is_some() || !settings.selection.only.is_empty();
    if settings.effort > Effort::Quick || is_asked_for {
        return false;
    }
    let is_must = |id: &&str| {
        catalogue.rule(id).is_some_and(|rule| settings.levels.in_force(&rule.id, rule.level) == Level::Must)
    };
    match case {
        Case::Scenario(scenario) => LONG_SCENARIOS.contains(&scenario.rule) || !case.rules().iter().any(is_must),
        Case::Race(_) => true,
        _ => false,
    }
}

/// Whether the run sends no generated requests: those of a quick run, unless their layer was asked for.
fn leaves_out_generated(settings: &Settings) -> bool {
    settings.effort == Effort::Quick && settings.layers.is_none()
}

/// `needs a product id that exists in the project: --product-id`.
pub(super) fn describe(need: Need, catalogue: &Catalogue) -> String {
    let facts = catalogue.need(need);
    format!("needs {}: {}", facts.what, facts.flags.join(" or "))
}
