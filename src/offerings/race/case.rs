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
    /// The rules that it is there to check, the one it is mainly about first.
    pub rules: Vec<&'static str>,
    /// What it does to the project: [`Effect::Promotes`] or [`Effect::Writes`].
    pub effect: Effect,
    /// What it cannot do without.
    pub needs: &'static [Need],
    /// Whose project it plays in.
    pub role: KeyRole,
    /// How many of its last offerings are in the second project; they have the ids of the first.
    pub twins: usize,
    /// What its clients do.
    pub program: Program,
}

impl Race {
    /// A race about `rule` in which no client does anything yet.
    pub(super) fn new(name: impl Into<String>, rule: &'static str) -> Self {
        Self {
            name: name.into(),
            rules: vec![rule],
            effect: Effect::Writes,
            needs: &[],
            role: KeyRole::Main,
            twins: 0,
            program: Program { made: Vec::new(), clients: Vec::new(), after: Vec::new() },
        }
    }

    pub(super) fn program(mut self, program: Program) -> Self {
        self.effect = if program.promotes() { Effect::Promotes } else { Effect::Writes };
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

    /// The race of a program that was saved.
    ///
    /// # Errors
    /// [`UnusableRace`] when it is none that this program could have written.
    pub fn restore(saved: &SavedRace) -> Result<Self, UnusableRace> {
        let SavedRace { race, in_empty_project, twins, program } = saved;
        let unusable = |reason: &str| Err(UnusableRace { race: race.clone(), reason: reason.into() });
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if race.is_empty() || race.len() > 40 || !race.chars().all(is_plain) {
            return unusable("its name cannot be part of an id");
        }
        if program.is_empty() || program.len() > MAX_STEPS || program.clients.len() > MAX_CLIENTS {
            return unusable("it has no steps, or too many");
        }
        if program.made.len() > MAX_NUMBERS || program.steps().any(|step| !is_in_bounds(step, program.made.len())) {
            return unusable("a step names an offering that is not there, or a number is too large");
        }
        let restored = Self::new(race.clone(), "race.set-main-linearizable").program(program.clone());
        Ok(if *twins > 0 {
            restored.ruled_by(&["race.isolation"]).needs(&[Need::SecondProject]).twins((*twins).min(program.made.len()))
        } else if *in_empty_project {
            restored.ruled_by(&["race.first-create"]).needs(&[Need::Empty]).role(KeyRole::Empty)
        } else {
            restored.ruled_by(&rules_of(program))
        })
    }

    /// Whether lists are read while others write.
    pub(super) fn lists(&self) -> bool {
        self.program.clients.iter().flatten().any(|step| *step == RaceStep::List)
    }
}

/// A race as it stands in reports and in files of past failures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SavedRace {
    /// Its name without the layer, by which the pauses of its clients are drawn.
    race: String,
    /// Whether it plays in the project that is empty.
    #[serde(default)]
    in_empty_project: bool,
    /// How many of its last offerings are in the second project.
    #[serde(default, skip_serializing_if = "is_zero")]
    twins: usize,
    /// What its clients do.
    program: Program,
}

impl SavedRace {
    /// `race`, to be written down.
    pub fn of(race: &Race) -> Self {
        let in_empty_project = race.role == KeyRole::Empty;
        Self { race: race.name.clone(), in_empty_project, twins: race.twins, program: race.program.clone() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A saved race that cannot be played.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("play the race `{race}`: {reason}")]
pub struct UnusableRace {
    /// Its name.
    race: String,
    /// What is wrong with it.
    reason: String,
}

/// The most clients of a saved race.
const MAX_CLIENTS: usize = 16;

/// The most steps of a saved race: together with the reads at its end, what one search can take.
const MAX_STEPS: usize = super::order::MAX_COUNT - MAX_NUMBERS - 1;

/// No number of a saved race is larger.
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
    fn every_race_is_the_same_after_it_was_saved_and_about_what_its_program_exercises() {
        for race in written().into_iter().chain(generated(3, 20)) {
            let text = serde_json::to_string(&SavedRace::of(&race)).expect("data");
            let restored = Race::restore(&serde_json::from_str(&text).expect("the same data")).expect("it is our own");
            assert_eq!((&restored.program, restored.effect, restored.role), (&race.program, race.effect, race.role));
            assert_eq!(restored.name, race.name);
            let is_written = !race.name.starts_with("generated");
            assert!(!is_written || restored.rules.contains(&race.rules[0]), "{race:?}");
        }
    }

    #[test]
    fn what_no_race_can_be_is_refused() {
        let saved = |text: &str| serde_json::from_str::<SavedRace>(text).expect("it can be read");
        let no_slot = r#"{"race":"a","program":{"made":[],"clients":[[{"get":{"slot":0}}]],"after":[]}}"#;
        let reason = Race::restore(&saved(no_slot)).expect_err("there is no offering").to_string();
        assert_eq!(reason, "play the race `a`: a step names an offering that is not there, or a number is too large");
        let no_step = r#"{"race":"a","program":{"made":[null],"clients":[],"after":[]}}"#;
        assert!(Race::restore(&saved(no_step)).is_err());
        let no_name = r#"{"race":"a/b","program":{"made":[null],"clients":[["list"]],"after":[]}}"#;
        assert!(Race::restore(&saved(no_name)).is_err());
    }
}
