//! Expected reports for each planted fault and behaviour, from `spec/faults.yaml`.
//!
//! They are separate from the embedded server, which knows no rules. Start at [`Expectations::embedded`].

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::case::Layer;
use crate::contract::Catalogue;
use crate::document::nearest;
use crate::reference::{Behaviour, Fault};

/// The table that is part of the binary.
const EMBEDDED: &str = include_str!("../../spec/faults.yaml");

/// Path of [`EMBEDDED`] in the repository.
const EMBEDDED_NAME: &str = "spec/faults.yaml";

/// A row for every fault, and one for every behaviour that violates a should rule or leaves a must rule undecided.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    faults: Vec<FaultExpectation>,
    #[serde(default)]
    behaviours: Vec<BehaviourExpectation>,
}

/// What a test of a server with one fault must report.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultExpectation {
    /// Name of the fault.
    pub name: String,
    /// The rule that catches it: violated, or warned for a should rule.
    pub main: String,
    /// Other rules that it may violate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The last layer that catches it.
    pub layer: Layer,
    /// Deep faults only: number of requests in the shortest sequence from an empty project to the first wrong response,
    /// inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortest: Option<usize>,
    /// How many findings it may cause; `None` for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<SeveralFindings>,
    /// Must rules that may stay undecided; `None` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
    /// Why a run of every layer from outside cannot detect it, as a sentence; `None` if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
}

/// Why one finding is not enough for a fault.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeveralFindings {
    /// Most findings that it may cause.
    pub at_most: usize,
    /// Why, as a sentence.
    pub reason: String,
}

/// Why a test of a fault leaves must rules undecided.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Undecided {
    /// Ids of rules that may be skipped or inconclusive.
    pub rules: Vec<String>,
    /// Why, as a sentence.
    pub reason: String,
}

/// What a test of a server with one behaviour must report.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BehaviourExpectation {
    name: String,
    #[serde(default)]
    warns: Vec<String>,
    /// Must rules that may stay undecided; `None` for none.
    #[serde(default)]
    undecided: Option<Undecided>,
}

/// Why the table cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ExpectationsError {
    /// It is not valid YAML of the table's format.
    #[error("{file}:{place} {reason}")]
    Shape {
        /// Name of the file.
        file: String,
        /// Line and column with colons, or empty.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A row contradicts the catalogues of faults, behaviours and rules.
    #[error("{file}: `{row}` {reason}")]
    Row {
        /// Name of the file.
        file: String,
        /// Name of the fault or behaviour.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FaultExpectation {
    /// The rules that it may violate, the main one first.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.main).chain(&self.also).map(String::as_str)
    }

    /// Whether it may violate a rule.
    pub fn allows(&self, rule: &str) -> bool {
        self.rules().any(|allowed| allowed == rule)
    }

    /// Most findings that it may cause.
    pub fn max_findings(&self) -> usize {
        self.findings.as_ref().map_or(1, |several| several.at_most)
    }

    /// Whether a must rule may stay undecided.
    pub fn may_leave_undecided(&self, rule: &str) -> bool {
        self.undecided.as_ref().is_some_and(|undecided| undecided.rules.iter().any(|allowed| allowed == rule))
    }
}

impl Expectations {
    /// The table that is part of the binary, read once.
    pub fn embedded() -> &'static Self {
        static TABLE: LazyLock<Expectations> = LazyLock::new(|| {
            let table = Expectations::parse(EMBEDDED, EMBEDDED_NAME, &Catalogue::embedded());
            table.unwrap_or_else(|error| panic!("{error}"))
        });
        &TABLE
    }

    /// Reads a table. `file` is its name in errors.
    ///
    /// # Errors
    /// [`ExpectationsError`] when it has another format, lacks a fault, or names an unknown fault, behaviour or rule.
    pub fn parse(text: &str, file: &str, rules: &Catalogue) -> Result<Self, ExpectationsError> {
        let table: Self = serde_yaml::from_str(text).map_err(|error| ExpectationsError::Shape {
            file: file.to_owned(),
            place: error.location().map_or_else(String::new, |at| format!("{}:{}:", at.line(), at.column())),
            // `place` contains the position.
            reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?;
        match table.flaw(rules) {
            Some((row, reason)) => Err(ExpectationsError::Row { file: file.to_owned(), row, reason }),
            None => Ok(table),
        }
    }

    /// The row of every fault, in the order of the file.
    pub fn faults(&self) -> &[FaultExpectation] {
        &self.faults
    }

    /// The row of a fault.
    pub fn fault(&self, fault: Fault) -> &FaultExpectation {
        let name = fault.info().name;
        self.faults
            .iter()
            .find(|row| row.name == name)
            .expect("a table without one of the faults is rejected when read")
    }

    /// The should rules that a behaviour violates; empty if it violates none.
    pub fn warns(&self, behaviour: Behaviour) -> &[String] {
        self.behaviour(behaviour).map_or(&[], |row| &row.warns)
    }

    /// Whether a behaviour may leave a must rule undecided.
    pub fn may_leave_undecided(&self, behaviour: Behaviour, rule: &str) -> bool {
        let undecided = self.behaviour(behaviour).and_then(|row| row.undecided.as_ref());
        undecided.is_some_and(|undecided| undecided.rules.iter().any(|allowed| allowed == rule))
    }

    fn behaviour(&self, behaviour: Behaviour) -> Option<&BehaviourExpectation> {
        let name = behaviour.info().name;
        self.behaviours.iter().find(|row| row.name == name)
    }

    /// The first row that contradicts the catalogues, and what is wrong with it.
    fn flaw(&self, rules: &Catalogue) -> Option<(String, String)> {
        let mut seen = BTreeSet::new();
        for row in &self.faults {
            let known = row.name.parse::<Fault>().map(drop);
            let flaw = duplicate(&mut seen, &row.name)
                .or_else(|| known.err().map(|error| unknown("fault", error.nearest)))
                .or_else(|| unknown_rule(row.rules().chain(row.undecided.iter().flat_map(undecided_rules)), rules))
                .or_else(|| empty_reason(row));
            if let Some(reason) = flaw {
                return Some((row.name.clone(), reason));
            }
        }
        if let Some(fault) = Fault::ALL.into_iter().find(|fault| !seen.contains(fault.info().name)) {
            return Some((
                fault.info().name.to_owned(),
                "has no row: name the rule and the layer that catch it".into(),
            ));
        }
        for row in &self.behaviours {
            let known = row.name.parse::<Behaviour>().map(drop);
            let flaw = duplicate(&mut seen, &row.name)
                .or_else(|| known.err().map(|error| unknown("behaviour", error.nearest)))
                .or_else(|| unknown_rule(row.warns.iter().map(String::as_str), rules))
                .or_else(|| unknown_rule(row.undecided.iter().flat_map(undecided_rules), rules));
            if let Some(reason) = flaw {
                return Some((row.name.clone(), reason));
            }
        }
        None
    }
}

fn undecided_rules(undecided: &Undecided) -> impl Iterator<Item = &str> {
    undecided.rules.iter().map(String::as_str)
}

fn duplicate<'a>(seen: &mut BTreeSet<&'a str>, name: &'a str) -> Option<String> {
    (!seen.insert(name)).then(|| "has two rows".to_owned())
}

fn unknown(kind: &str, nearest: impl Display) -> String {
    format!("is not a {kind}; the nearest is `{nearest}`")
}

fn unknown_rule<'a>(named: impl IntoIterator<Item = &'a str>, rules: &Catalogue) -> Option<String> {
    let mut seen = BTreeSet::new();
    for rule in named {
        if rules.rule(rule).is_none() {
            let near = nearest(rule, rules.rules().iter().map(|known| known.id.as_str()));
            let hint = near.map_or_else(String::new, |near| format!("; the nearest is `{near}`"));
            return Some(format!("names the unknown rule `{rule}`{hint}"));
        }
        if !seen.insert(rule) {
            return Some(format!("names the rule `{rule}` twice"));
        }
    }
    None
}

fn empty_reason(row: &FaultExpectation) -> Option<String> {
    if row.findings.as_ref().is_some_and(|several| several.at_most < 2) {
        return Some("allows fewer than 2 findings: leave out `findings`".to_owned());
    }
    let several = row.findings.iter().map(|several| &several.reason);
    let mut reasons = several.chain(row.undecided.iter().map(|undecided| &undecided.reason)).chain(&row.unseen);
    reasons.any(|reason| reason.trim().is_empty()).then(|| "has an empty reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Level;
    use crate::reference::Family;

    /// Rules that every fault violates only together with a main rule.
    const NEVER_MAIN: [&str; 3] = ["response.error-code-documented", "delete.again", "invariant.single-main"];

    #[test]
    fn every_fault_has_one_row_and_every_rule_catches_a_fault() {
        let (table, rules) = (Expectations::embedded(), Catalogue::embedded());
        let names: BTreeSet<_> = table.faults().iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, Fault::ALL.iter().map(|fault| fault.info().name).collect());
        for fault in Fault::ALL {
            let is_deep = fault.info().family == Family::Deep;
            assert_eq!(table.fault(fault).shortest.is_some(), is_deep, "{fault}");
        }
        for rule in rules.rules().iter().filter(|rule| rule.level != Level::Open) {
            let is_main = table.faults().iter().any(|row| row.main == rule.id);
            let is_beside = table.faults().iter().any(|row| row.also.contains(&rule.id));
            assert!(is_beside || is_main, "no fault violates {}", rule.id);
            assert_eq!(is_main, !NEVER_MAIN.contains(&rule.id.as_str()), "{}", rule.id);
        }
    }

    #[test]
    fn a_behaviour_violates_only_should_rules() {
        let (table, rules) = (Expectations::embedded(), Catalogue::embedded());
        for behaviour in Behaviour::ALL {
            for rule in table.warns(behaviour) {
                // The rule on the first offering of an emptied project is a should there and a must elsewhere.
                let is_should = rules.rule(rule).is_some_and(|rule| rule.level == Level::Should);
                assert!(is_should || behaviour == Behaviour::FirstAgainRegular, "{behaviour}: {rule}");
            }
        }
    }

    #[test]
    fn a_table_with_a_flaw_is_rejected() {
        let rules = Catalogue::embedded();
        let flaw = |from: &str, to: &str| {
            let text = EMBEDDED.replacen(from, to, 1);
            assert_ne!(text, EMBEDDED, "{from}");
            Expectations::parse(&text, "f.yaml", &rules).unwrap_err().to_string()
        };
        let row = "  - {name: object-wrong, main: response.schema, layer: scenario}\n";
        assert_eq!(flaw(row, ""), "f.yaml: `object-wrong` has no row: name the rule and the layer that catch it");
        assert_eq!(flaw(row, &row.repeat(2)), "f.yaml: `object-wrong` has two rows");
        assert_eq!(
            flaw("name: object-wrong", "name: object-wrogn"),
            "f.yaml: `object-wrogn` is not a fault; the nearest is `object-wrong`"
        );
        assert_eq!(
            flaw("main: response.schema", "main: response.shema"),
            "f.yaml: `object-wrong` names the unknown rule `response.shema`; the nearest is `response.schema`"
        );
        assert_eq!(
            flaw("response.schema, layer", "response.schema, also: [response.schema], layer"),
            "f.yaml: `object-wrong` names the rule `response.schema` twice"
        );
        let with = |more: &str| flaw("response.schema, layer", &format!("response.schema, {more}, layer"));
        assert_eq!(
            with("findings: {at_most: 1, reason: x}"),
            "f.yaml: `object-wrong` allows fewer than 2 findings: leave out `findings`"
        );
        assert_eq!(with("undecided: {rules: [get.missing], reason: ''}"), "f.yaml: `object-wrong` has an empty reason");
        assert_eq!(
            flaw("warns: [response.no-meta]", "warns: [get.mising]"),
            "f.yaml: `meta-beside-limit` names the unknown rule `get.mising`; the nearest is `get.missing`"
        );
        let shape = flaw("layer: scenario", "layer: scenery");
        let (place, reason) = shape.split_once(" faults[0].layer: ").expect("the error names the row");
        assert_eq!(place.strip_prefix("f.yaml:").map(|place| place.split(':').count()), Some(3), "{place}");
        assert_eq!(reason, "unknown variant `scenery`, expected one of `scenario`, `input`, `sequence`, `race`");
    }
}
