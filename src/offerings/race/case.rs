//! A race as a case of a run.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::program::{Program, RaceStep};
use crate::contract::Need;
use crate::exchange::KeyRole;
use crate::offerings::scenario::Effect;

/// Several clients at once on one project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Race {
    /// Its name without the layer: `set-main-atomic`, `generated-3`.
    pub name: String,
    /// The rules that it checks, the most important one first.
    pub rules: Vec<&'static str>,
    /// What it does to the project: [`Effect::Promotes`] or [`Effect::WritesAlone`].
    pub effect: Effect,
    /// What it requires of the target or the configuration.
    pub needs: &'static [Need],
    /// The key whose project it runs in.
    pub role: KeyRole,
    /// How many of its offerings, counted from the last, are in the second project. They have the ids of its first
    /// offerings.
    pub twins: usize,
    /// What its clients do.
    pub program: Program,
}

impl Race {
    /// A race about `rule` with an empty program.
    pub(super) fn new(name: impl Into<String>, rule: &'static str) -> Self {
        Self {
            name: name.into(),
            rules: vec![rule],
            effect: Effect::WritesAlone,
            needs: &[],
            role: KeyRole::Main,
            twins: 0,
            program: Program { initial: Vec::new(), clients: Vec::new(), after: Vec::new() },
        }
    }

    pub(super) fn program(mut self, program: Program) -> Self {
        self.effect = if program.promotes() { Effect::Promotes } else { Effect::WritesAlone };
        self.program = program;
        self
    }

    pub(super) fn also(mut self, rules: &[&'static str]) -> Self {
        self.rules.extend(rules);
        self
    }

    pub(super) fn ruled_by(mut self, rules: &[&'static str]) -> Self {
        self.rules = rules.to_vec();
        self
    }

    pub(super) fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    pub(super) fn role(mut self, role: KeyRole) -> Self {
        self.role = role;
        self
    }

    pub(super) fn twins(mut self, twins: usize) -> Self {
        self.twins = twins;
        self
    }

    /// Its name as a case: `race::set-main-atomic`.
    pub fn case_name(&self) -> String {
        format!("race::{}", self.name)
    }

    /// Restores a saved race.
    ///
    /// # Errors
    /// [`InvalidRace`] when it is none that this program could have written.
    pub fn restore(saved: &SavedRace) -> Result<Self, InvalidRace> {
        let SavedRace { race, in_empty_project, twins, program } = saved;
        let invalid = |reason: &str| Err(InvalidRace { race: race.clone(), reason: reason.into() });
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if race.is_empty() || race.len() > 40 || !race.chars().all(is_plain) {
            return invalid("the name must be 1 to 40 letters, digits or hyphens");
        }
        if program.is_empty() || program.len() > MAX_STEPS || program.clients.len() > MAX_CLIENTS {
            return invalid("the program has no steps, or too many");
        }
        if program.initial.len() > MAX_NUMBERS || program.steps().any(|step| !is_in_bounds(step, program.initial.len()))
        {
            return invalid("a step refers to an offering that is not defined, or a number is too large");
        }
        let restored = Self::new(race.clone(), "race.set-main-linearizable").program(program.clone());
        Ok(if *twins > 0 {
            restored
                .ruled_by(&["race.isolation"])
                .needs(&[Need::SecondProject])
                .twins((*twins).min(program.initial.len()))
        } else if *in_empty_project {
            restored.ruled_by(&["race.first-create"]).needs(&[Need::Empty]).role(KeyRole::Empty)
        } else {
            restored.ruled_by(&rules_of(program))
        })
    }

    /// Whether a client reads the list while others write.
    pub(super) fn lists(&self) -> bool {
        self.program.clients.iter().flatten().any(|step| *step == RaceStep::List)
    }
}

/// A race as saved in reports and in files of past failures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SavedRace {
    /// Its name without the layer; the pauses of its clients depend on it.
    race: String,
    /// Whether it runs in the empty project.
    #[serde(default)]
    in_empty_project: bool,
    /// How many of its offerings, counted from the last, are in the second project.
    #[serde(default, skip_serializing_if = "is_zero")]
    twins: usize,
    /// What its clients do.
    program: Program,
}

impl SavedRace {
    /// The saved form of `race`.
    pub fn of(race: &Race) -> Self {
        let in_empty_project = race.role == KeyRole::Empty;
        Self { race: race.name.clone(), in_empty_project, twins: race.twins, program: race.program.clone() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A saved race that cannot run; the message completes "cannot ...".
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("run race `{race}`: {reason}")]
pub struct InvalidRace {
    /// Its name.
    race: String,
    /// Why it cannot run.
    reason: String,
}

/// The maximum number of clients of a saved race.
const MAX_CLIENTS: usize = 16;

/// The maximum number of steps of a saved race: with the final reads, no more than a search accepts.
const MAX_STEPS: usize = super::order::MAX_COUNT - MAX_NUMBERS - 1;

/// The maximum of every number in a saved race.
const MAX_NUMBERS: usize = 16;

fn is_in_bounds(step: RaceStep, slots: usize) -> bool {
    let numbers = match step {
        RaceStep::Create { list, key, .. } => [list, key.unwrap_or_default()],
        RaceStep::Update { list, .. } => [list, 0],
        RaceStep::Get { .. }
        | RaceStep::List
        | RaceStep::ListSecond
        | RaceStep::Delete { .. }
        | RaceStep::SetMain { .. } => [0, 0],
    };
    step.slot().is_none_or(|slot| slot < slots) && numbers.into_iter().all(|number| number <= MAX_NUMBERS)
}

/// The rules that a program exercises.
pub(super) fn rules_of(program: &Program) -> Vec<&'static str> {
    let any = |is: fn(RaceStep) -> bool| program.steps().any(is);
    let promotes = program.promotes();
    let all = [
        ("race.set-main-atomic", promotes && any(|step| step == RaceStep::List)),
        ("race.set-main-linearizable", promotes),
        ("race.create-once", any(|step| matches!(step, RaceStep::Create { key: None, .. }))),
        ("race.idempotency-once", any(|step| matches!(step, RaceStep::Create { key: Some(_), .. }))),
        ("race.update-whole", any(|step| matches!(step, RaceStep::Update { .. }))),
        ("race.delete-vs-update", any(|step| matches!(step, RaceStep::Delete { .. }))),
    ];
    let mut rules: Vec<_> = all.into_iter().filter_map(|(rule, is_exercised)| is_exercised.then_some(rule)).collect();
    if rules.is_empty() {
        rules.push("race.update-whole");
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offerings::race::{generated, written};

    #[test]
    fn a_restored_race_equals_the_saved_one() {
        for race in written().into_iter().chain(generated(3, 20)) {
            let text = serde_json::to_string(&SavedRace::of(&race)).expect("data");
            let restored = Race::restore(&serde_json::from_str(&text).expect("the same data")).expect("a valid race");
            assert_eq!((&restored.program, restored.effect, restored.role), (&race.program, race.effect, race.role));
            assert_eq!(restored.name, race.name);
            let is_written = !race.name.starts_with("generated");
            assert!(!is_written || restored.rules.contains(&race.rules[0]), "{race:?}");
        }
    }

    #[test]
    fn invalid_saved_races_are_rejected() {
        let saved = |text: &str| serde_json::from_str::<SavedRace>(text).expect("valid JSON");
        let no_slot = r#"{"race":"a","program":{"made":[],"clients":[[{"get":{"slot":0}}]],"after":[]}}"#;
        let reason = Race::restore(&saved(no_slot)).expect_err("no offering is defined").to_string();
        assert_eq!(reason, "run race `a`: a step refers to an offering that is not defined, or a number is too large");
        let no_step = r#"{"race":"a","program":{"made":[null],"clients":[],"after":[]}}"#;
        assert!(Race::restore(&saved(no_step)).is_err());
        let no_name = r#"{"race":"a/b","program":{"made":[null],"clients":[["list"]],"after":[]}}"#;
        assert!(Race::restore(&saved(no_name)).is_err());
    }
}
