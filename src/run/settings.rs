//! What a run was asked to do.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::RunError;
use super::case::Layer;
use super::case_script::SavedCase;
use super::regressions::Regression;
use super::shard::Shard;
use super::waivers::Waivers;
use crate::contract::{Catalogue, Contract, Level};
use crate::document::nearest;
use crate::exchange::{KeyRole, Secret, Target, TransportSettings};
use crate::offerings::Naming;
use crate::reference;

/// Everything that a run depends on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server to test.
    pub target: TargetSettings,
    /// Which rules.
    pub selection: Selection,
    /// How severe they are.
    pub levels: Levels,
    /// Findings that do not fail the run until a day.
    pub waivers: Waivers,
    /// Which kinds of cases; `None` for every kind, or, where single rules are selected, for those written by hand.
    pub layers: Option<BTreeSet<Layer>>,
    /// How many requests to each operation are drawn at random, after those at the limits.
    pub inputs: u64,
    /// How many histories are generated.
    pub histories: u64,
    /// The most steps of a history.
    pub steps: usize,
    /// How often each race is tried.
    pub race_tries: u32,
    /// What showed a finding, which is played instead of everything else.
    pub replay: Option<SavedCase>,
    /// Past failures, which are played before everything else.
    pub regressions: Vec<Regression>,
    /// Which other operations of the document are tried, by operation id; none where it is empty.
    pub operations: Vec<NamePattern>,
    /// Which part of the cases is played; `None` for all of them.
    pub shard: Option<Shard>,
    /// How far the run may go on the target.
    pub scope: Scope,
    /// The same seed sends the same requests, but for the names in them.
    pub seed: u64,
    /// What the names of the run are made of; `None` for the seed. In a project that lives on, two runs with one seed must
    /// not take the same ids: a server may remember those of the first.
    pub names: Option<u64>,
    /// How many cases run side by side, where the target has a project for each.
    pub jobs: NonZeroUsize,
    /// How requests are sent.
    pub transport: TransportSettings,
    /// Whether the first violation ends the run.
    pub patience: StopPolicy,
    /// Whether a must rule may stay inconclusive.
    pub allows_inconclusive: bool,
    /// Whether what is found is looked for again.
    pub confirmation: Confirm,
    /// Where times in the outcome come from.
    pub clock: Clock,
    /// When the run ends at the latest, cleaning up apart; `None` for when everything was played.
    pub max_time: Option<Duration>,
    /// Where the journal of a run on a target that is not ours is kept; `None` for a file of its own in the user's
    /// state directory.
    pub journal: Option<PathBuf>,
}

impl Default for Settings {
    /// Every rule against the embedded server.
    fn default() -> Self {
        Self {
            target: TargetSettings::Embedded(reference::Options::default()),
            selection: Selection::default(),
            levels: Levels::default(),
            waivers: Waivers::default(),
            layers: None,
            inputs: 100,
            histories: 50,
            steps: 30,
            race_tries: 30,
            replay: None,
            shard: None,
            regressions: Vec::new(),
            operations: Vec::new(),
            scope: Scope::Full,
            seed: 0,
            names: None,
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            transport: TransportSettings::default(),
            patience: StopPolicy::ToTheEnd,
            allows_inconclusive: false,
            confirmation: Confirm::Always,
            clock: Clock::System,
            max_time: None,
            journal: None,
        }
    }
}

impl Settings {
    /// How the offerings of a case are named, which `mark` tells from other cases, for the `attempt`-th time.
    pub(super) fn naming(&self, mark: &str, attempt: u32) -> Naming {
        Naming::new(self.names.unwrap_or(self.seed), mark, attempt)
    }

    /// What everything that the run creates starts with.
    pub(super) fn prefix(&self) -> String {
        Naming::run_prefix(self.names.unwrap_or(self.seed))
    }

    /// Whether cases of a layer are played.
    pub fn plays(&self, layer: Layer) -> bool {
        match &self.layers {
            Some(layers) => layers.contains(&layer),
            None => match layer {
                Layer::Scenario | Layer::Race => true,
                Layer::Input | Layer::Sequence => self.selection.only.is_empty(),
            },
        }
    }
}

/// The server to test.
#[derive(Clone, Debug)]
pub enum TargetSettings {
    /// Our own, started for the run.
    Embedded(reference::Options),
    /// Any other.
    External(External),
}

/// A server somewhere, and what the run was given of it.
#[derive(Clone, Debug)]
pub struct External {
    /// Base URL, as given.
    pub url: String,
    /// The keys; the main one is needed.
    pub keys: BTreeMap<KeyRole, Secret>,
    /// Product ids that are registered in the project.
    pub products: Vec<String>,
    /// The id of an experiment variant.
    pub variant: Option<String>,
    /// A product that only the second project has.
    pub second_product: Option<String>,
    /// Extra headers for every request; their values are treated as secrets.
    pub headers: Vec<(String, Secret)>,
    /// Whether it may be production.
    pub production: Production,
    /// Whether other clients write to the projects during the run.
    pub isolation: Isolation,
}

/// Whether other clients write to the projects under test while the run goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Isolation {
    /// None does: every change that the run did not make is the server's doing.
    #[default]
    Exclusive,
    /// Others may: a change counts as theirs where the evidence allows it.
    Shared,
}

/// Whether a run may create and delete offerings where customers see them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Production {
    /// Production hosts and keys are refused.
    #[default]
    Refused,
    /// They are taken.
    Allowed,
}

/// The host of the published document's server.
const PRODUCTION_HOST: &str = "api.qonversion.io";

impl External {
    /// What the usual variables say (`QONFORM_TARGET`, `QONFORM_TOKEN`, …), or `None` without a target.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let keys = KeyRole::ALL
            .into_iter()
            .filter_map(|role| Some((role, Secret::new(&variable(role.variable())?))))
            .collect();
        let products = variable("QONFORM_PRODUCT_IDS").unwrap_or_default();
        Some(Self {
            url: variable("QONFORM_TARGET")?,
            keys,
            products: products.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            variant: variable("QONFORM_VARIANT_ID"),
            second_product: variable("QONFORM_SECOND_PRODUCT_ID"),
            headers: Vec::new(),
            production: match variable("QONFORM_ALLOW_PRODUCTION").as_deref() {
                Some("1" | "true") => Production::Allowed,
                _ => Production::Refused,
            },
            isolation: match variable("QONFORM_SHARED").as_deref() {
                Some("1" | "true") => Isolation::Shared,
                _ => Isolation::Exclusive,
            },
        })
    }

    /// Whether a run may use this target and these keys at all.
    ///
    /// # Errors
    /// [`RunError`] for no key, an unusable one, one key under two names, or production without leave.
    pub fn check(&self) -> Result<(), RunError> {
        if !self.keys.contains_key(&KeyRole::Main) {
            return Err(RunError::NoToken { url: self.url.clone() });
        }
        for (role, key) in &self.keys {
            let variable = role.variable();
            if key.is_unusable() {
                return Err(RunError::BadKey { variable });
            }
            // Two names for one key would make a project look as if it leaked into another.
            if let Some((other, _)) = self.keys.iter().find(|(other, same)| *other > role && *same == key) {
                return Err(RunError::SameKey { variable, other: other.variable() });
            }
            if self.production == Production::Refused && key.starts_with("sk_") {
                return Err(RunError::ProductionKey { variable });
            }
        }
        let host = Target::parse(&self.url, "").map(|target| target.host().to_owned())?;
        if self.production == Production::Refused && host.trim_end_matches('.').eq_ignore_ascii_case(PRODUCTION_HOST) {
            return Err(RunError::ProductionHost { host });
        }
        Ok(())
    }
}

/// How far a run may go on the target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Scope {
    /// Only GETs.
    ReadOnly,
    /// Offerings of its own, but never as main.
    KeepMain,
    /// Everything.
    #[default]
    Full,
}

/// Whether to go on after a violation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum StopPolicy {
    /// Every case runs.
    #[default]
    ToTheEnd,
    /// The first confirmed violation ends the run.
    FailFast,
    /// The first failure of this rule ends the run.
    Until(String),
}

/// Whether a case that found something is played again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Confirm {
    /// Always: a finding says whether it showed again.
    #[default]
    Always,
    /// Never: for trying many servers at once that are known to be broken.
    Never,
}

/// Where durations come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Nothing takes any time: the same run gives the same report, byte for byte.
    Frozen,
}

/// A pattern of rule ids (`create.*`, `*.variant`, `set-main.again`) or operation ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamePattern(String);

/// A pattern that matches nothing.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("find {what} that matches `{pattern}`{}", hint.as_ref().map_or(String::new(), |near| format!("; is `{near}` meant?")))]
pub struct PatternError {
    /// What it should match, with its article.
    pub what: &'static str,
    /// The pattern.
    pub pattern: String,
    /// The nearest name.
    pub hint: Option<String>,
}

impl NamePattern {
    /// A pattern that matches at least one rule of the catalogue; an area (`create`) means all of it.
    ///
    /// # Errors
    /// [`PatternError`] when it matches none.
    pub fn of(text: &str, catalogue: &Catalogue) -> Result<Self, PatternError> {
        let is_area = catalogue.areas().iter().any(|area| area.id == text);
        let pattern = Self(if is_area { format!("{text}.*") } else { text.to_owned() });
        if catalogue.rules().iter().any(|rule| pattern.matches(&rule.id)) {
            Ok(pattern)
        } else {
            Err(PatternError {
                what: "a rule",
                pattern: text.to_owned(),
                hint: catalogue.nearest(text).map(str::to_owned),
            })
        }
    }

    /// A pattern that was written to a report by a run that knew it.
    pub(super) fn read_back(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A pattern that matches at least one operation id of the document.
    ///
    /// # Errors
    /// [`PatternError`] when it matches none.
    pub fn of_operations(text: &str, contract: &Contract) -> Result<Self, PatternError> {
        let pattern = Self(text.to_owned());
        let ids = || contract.operations().iter().map(|operation| operation.id.as_str());
        if ids().any(|id| pattern.matches(id)) {
            return Ok(pattern);
        }
        let bare: String = text.chars().filter(|letter| !['*', '?'].contains(letter)).collect();
        let starts = |id: &&str| !bare.is_empty() && id.to_lowercase().contains(&bare.to_lowercase());
        let hint = nearest(&bare, ids()).or_else(|| ids().find(starts)).map(str::to_owned);
        Err(PatternError { what: "an operation", pattern: text.to_owned(), hint })
    }

    /// Whether an id matches; `*` stands for any run of characters, `?` for one.
    pub fn matches(&self, id: &str) -> bool {
        matches(self.0.as_bytes(), id.as_bytes())
    }
}

impl std::fmt::Display for NamePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, text) || text.split_first().is_some_and(|(_, tail)| matches(pattern, tail))
        }
        (Some((b'?', rest)), Some((_, tail))) => matches(rest, tail),
        (Some((expected, rest)), Some((found, tail))) => expected == found && matches(rest, tail),
        _ => false,
    }
}

/// Which rules a run is about.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these; empty for all.
    pub only: Vec<NamePattern>,
    /// But not these.
    pub skip: Vec<NamePattern>,
    /// Only the case of this name, and whatever rule it breaks.
    pub case: Option<String>,
}

impl Selection {
    /// Whether a rule is selected.
    pub fn includes(&self, id: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|pattern| pattern.matches(id)))
            && !self.skip.iter().any(|pattern| pattern.matches(id))
    }
}

/// Levels that differ from the catalogue's, as with lint levels: the last that matches decides.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// Pattern and the level it sets.
    pub overrides: Vec<(NamePattern, Level)>,
}

impl Levels {
    /// The level in force for a rule of this level.
    pub fn in_force(&self, id: &str, level: Level) -> Level {
        self.overrides.iter().rev().find(|(pattern, _)| pattern.matches(id)).map_or(level, |(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let matches = |pattern: &str, id| NamePattern(pattern.into()).matches(id);
        assert!(matches("create.*", "create.echo"));
        assert!(matches("*.variant", "update.variant"));
        assert!(matches("*main*", "set-main.again"));
        assert!(!matches("create", "create.echo"));
        assert!(!matches("create.?", "create.echo"));
    }
}
