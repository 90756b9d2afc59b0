//! A race as a case of a run.

use super::program::{Program, Step};
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
    /// What its clients do.
    pub program: Program,
}

impl Race {
    /// A race about `rule` in which nobody does anything yet.
    pub(super) fn new(name: impl Into<String>, rule: &'static str) -> Self {
        Self {
            name: name.into(),
            rules: vec![rule],
            effect: Effect::Writes,
            needs: &[],
            role: KeyRole::Main,
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

    /// Its name as a case: `race::set-main-atomic`.
    pub fn case_name(&self) -> String {
        format!("race::{}", self.name)
    }

    /// Whether lists are read while others write.
    pub(super) fn lists(&self) -> bool {
        self.program.clients.iter().flatten().any(|step| *step == Step::List)
    }
}
