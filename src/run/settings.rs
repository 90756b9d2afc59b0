//! The settings of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use wildmatch::WildMatch;

use super::RunError;
use super::case::Layer;
use super::case_script::SavedCase;
use super::effort::Effort;
use super::regressions::Regression;
use super::waivers::Waivers;
use crate::contract::{Catalogue, Contract, Level};
use crate::document::nearest;
use crate::exchange::{KeyRole, Secret, Target, TransportSettings};
use crate::offerings::Naming;
use crate::offerings::scenario::Effect;
use crate::project::{Project, ShrinkTime};
use crate::reference;

/// Everything that a run depends on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server to test.
    pub target: TargetSettings,
    /// The rules to test.
    pub selection: Selection,
    /// Levels that replace those of the catalogue.
    pub levels: Levels,
    /// Findings that do not fail the run until a date.
    pub waivers: Waivers,
    /// Layers to run; `None` for all of them, or for scenarios and races if single rules are selected.
    pub layers: Option<BTreeSet<Layer>>,
    /// How many requests the run sends. The three numbers that follow may differ from its own.
    pub effort: Effort,
    /// Number of random requests to each operation, after those at the limits.
    pub inputs: u64,
    /// Number of generated sequences.
    pub histories: u64,
    /// Most steps of a sequence.
    pub steps: usize,
    /// Number of attempts of each race.
    pub race_attempts: u32,
    /// Time limit for minimizing all findings.
    pub shrink_time: Duration,
    /// A saved case to run instead of all others.
    pub replay: Option<SavedCase>,
    /// Saved cases to run before all others.
    pub regressions: Vec<Regression>,
    /// Operation ids of other operations of the document to test; empty for none.
    pub operations: Vec<NamePattern>,
    /// What the run may change on the target.
    pub scope: Scope,
    /// Seed of all generated requests. Runs with one seed differ only in the ids that they create.
    pub seed: u64,
    /// Source of the ids that the run creates; `None` for the seed. Runs on a lasting project need different ids, since
    /// a server may remember those of earlier runs.
    pub names: Option<u64>,
    /// Number of concurrent cases on the embedded server.
    pub jobs: NonZeroUsize,
    /// Most cases that run at the same time in one project of an external target, and most concurrent clients of a race.
    pub project_jobs: NonZeroUsize,
    /// Connection, timeouts and retries.
    pub transport: TransportSettings,
    /// Whether a violation ends the run.
    pub stop_policy: StopPolicy,
    /// Whether the run passes although a must rule is inconclusive.
    pub allows_inconclusive: bool,
    /// Whether failures are confirmed.
    pub confirmation: Confirm,
    /// Source of the times in the outcome.
    pub clock: Clock,
    /// Time limit of the run, without cleanup; `None` for no limit.
    pub max_time: Option<Duration>,
    /// The part of the time limit that was used up before the run, to read the document.
    pub spent: Duration,
    /// The journal of a run on an external target; `None` for a new file in the user's state directory.
    pub journal: Option<PathBuf>,
    /// The labels of the run in its reports.
    pub labels: Labels,
}

/// Cases of one project that run at the same time: enough to hide the latency of a target, and few for its connections.
const PROJECT_JOBS: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");

/// Labels of a run in its reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    /// Each key with its value; any text.
    pub values: BTreeMap<String, String>,
    /// The keys whose values come from variables of the CI system.
    pub detected: Vec<String>,
}

impl Default for Settings {
    /// Every rule against the embedded server, with the most requests.
    fn default() -> Self {
        Self {
            target: TargetSettings::Embedded(reference::Options::default()),
            selection: Selection::default(),
            levels: Levels::default(),
            waivers: Waivers::default(),
            layers: None,
            effort: Effort::Thorough,
            inputs: Effort::Thorough.inputs(),
            histories: Effort::Thorough.histories(),
            steps: 30,
            race_attempts: Effort::Thorough.race_attempts(),
            shrink_time: ShrinkTime::DEFAULT,
            replay: None,
            regressions: Vec::new(),
            operations: Vec::new(),
            scope: Scope::Full,
            seed: 0,
            names: None,
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            project_jobs: PROJECT_JOBS,
            transport: TransportSettings::default(),
            stop_policy: StopPolicy::Never,
            allows_inconclusive: false,
            confirmation: Confirm::Always,
            clock: Clock::System,
            max_time: None,
            spent: Duration::ZERO,
            journal: None,
            labels: Labels::default(),
        }
    }
}

impl Settings {
    /// The maximum number of independent requests that one case sends at once.
    pub(super) fn at_once(&self) -> usize {
        self.project_jobs.get().min(Project::AT_ONCE)
    }

    /// The default settings with this effort.
    pub fn with_effort(effort: Effort) -> Self {
        let (inputs, histories, race_attempts) = (effort.inputs(), effort.histories(), effort.race_attempts());
        Self { effort, inputs, histories, race_attempts, ..Self::default() }
    }

    /// The ids of an attempt of the case that `slug` identifies.
    pub(super) fn naming(&self, slug: &str, attempt: u32) -> Naming {
        Naming::new(self.names.unwrap_or(self.seed), slug, attempt)
    }

    /// Prefix of all ids that the run creates.
    pub fn prefix(&self) -> String {
        Naming::run_prefix(self.names.unwrap_or(self.seed))
    }

    /// Whether the run includes a layer.
    pub fn includes(&self, layer: Layer) -> bool {
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
    /// The embedded reference server, started for the run.
    Embedded(reference::Options),
    /// Any other server.
    External(External),
}

/// An external server with keys and fixtures.
#[derive(Clone, Debug)]
pub struct External {
    /// Base URL, as given.
    pub url: String,
    /// The keys; [`KeyRole::Main`] is required.
    pub keys: BTreeMap<KeyRole, Secret>,
    /// Product ids that are registered in the project.
    pub products: Vec<String>,
    /// The id of an experiment variant.
    pub variant: Option<String>,
    /// A product that only the second project has.
    pub second_product: Option<String>,
    /// Extra headers for every request; their values are treated as secrets.
    pub headers: Vec<(String, Secret)>,
    /// Whether production hosts and keys are accepted.
    pub production: Production,
    /// Whether other clients write to the projects during the run.
    pub isolation: Isolation,
}

/// Whether other clients write to the projects during the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Isolation {
    /// No other client writes: every change that the run did not request is a failure.
    #[default]
    Exclusive,
    /// Other clients may write: an unexpected change is no failure if another client may have caused it.
    Shared,
}

/// Whether a run may create and delete offerings where customers see them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Production {
    /// Production hosts and keys are rejected.
    #[default]
    Denied,
    /// Production hosts and keys are accepted.
    Allowed,
}

/// The host of the published document's server.
const PRODUCTION_HOST: &str = "api.qonversion.io";

impl External {
    /// Reads the environment variables `QONFORM_TARGET`, `QONFORM_TOKEN`, …; `None` without a target.
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
                _ => Production::Denied,
            },
            isolation: match variable("QONFORM_SHARED").as_deref() {
                Some("1" | "true") => Isolation::Shared,
                _ => Isolation::Exclusive,
            },
        })
    }

    /// Checks whether a run may use this target and these keys.
    ///
    /// # Errors
    /// [`RunError`] for a missing or invalid key, one key in two roles, or production without permission.
    pub fn check(&self) -> Result<(), RunError> {
        if !self.keys.contains_key(&KeyRole::Main) {
            return Err(RunError::NoToken { url: self.url.clone() });
        }
        for (role, key) in &self.keys {
            let variable = role.variable();
            if key.is_unusable() {
                return Err(RunError::BadKey { variable });
            }
            // With one key in two roles, one project would seem to leak into another.
            if let Some((other, _)) = self.keys.iter().find(|(other, same)| *other > role && *same == key) {
                return Err(RunError::SameKey { variable, other: other.variable() });
            }
            if self.production == Production::Denied && key.starts_with("sk_") {
                return Err(RunError::ProductionKey { variable });
            }
        }
        let host = Target::parse(&self.url, "").map(|target| target.host().to_owned())?;
        if self.production == Production::Denied && host.trim_end_matches('.').eq_ignore_ascii_case(PRODUCTION_HOST) {
            return Err(RunError::ProductionHost { host });
        }
        Ok(())
    }
}

/// What a run may change on the target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Scope {
    /// Nothing: only GET requests are sent.
    ReadOnly,
    /// Its own offerings, without promoting any.
    KeepMain,
    /// Its own offerings and the main.
    #[default]
    Full,
}

impl Scope {
    /// The smallest scope that permits an effect.
    pub(super) fn required(effect: Effect) -> Self {
        match effect {
            Effect::Reads => Self::ReadOnly,
            Effect::Writes | Effect::WritesAlone => Self::KeepMain,
            Effect::MayPromote | Effect::Promotes => Self::Full,
        }
    }
}

/// Whether a violation ends the run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum StopPolicy {
    /// No violation ends the run.
    #[default]
    Never,
    /// The first confirmed violation ends the run.
    FailFast,
    /// The first failure of this rule ends the run.
    Until(String),
}

/// Whether a case with failures runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Confirm {
    /// Always: findings report whether they occurred again.
    #[default]
    Always,
    /// Never: for tests of servers with known faults.
    Never,
}

/// Source of durations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// All durations are 0, so that the same run creates the same report, byte for byte.
    Frozen,
}

/// A pattern of rule ids (`create.*`, `*.variant`, `set-main.again`) or operation ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamePattern(String);

/// A pattern that matches nothing.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "find {what} that matches `{pattern}`{}",
    hint.as_ref().map_or(String::new(), |near| format!("; is `{near}` meant?"))
)]
pub struct PatternError {
    /// The kind of name, with its article.
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
        WildMatch::new(&self.0).matches(id)
    }
}

impl std::fmt::Display for NamePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rules or the case that a run tests.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these rules; empty for all.
    pub only: Vec<NamePattern>,
    /// Excluded rules.
    pub skip: Vec<NamePattern>,
    /// Only the case of this name, with all rules that it violates.
    pub case: Option<String>,
}

impl Selection {
    /// Whether a rule is selected.
    pub fn includes(&self, id: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|pattern| pattern.matches(id)))
            && !self.skip.iter().any(|pattern| pattern.matches(id))
    }
}

/// Levels that replace those of the catalogue; the last matching pattern applies, as with lint levels.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// Pairs of a pattern and its level.
    pub overrides: Vec<(NamePattern, Level)>,
}

impl Levels {
    /// The effective level of a rule whose level in the catalogue is `level`.
    pub fn in_force(&self, id: &str, level: Level) -> Level {
        self.overrides.iter().rev().find(|(pattern, _)| pattern.matches(id)).map_or(level, |(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_run_of_characters() {
        let matches = |pattern: &str, id| NamePattern(pattern.into()).matches(id);
        assert!(matches("create.*", "create.echo"));
        assert!(matches("*.variant", "update.variant"));
        assert!(matches("*main*", "set-main.again"));
        assert!(!matches("create", "create.echo"));
        assert!(!matches("create.?", "create.echo"));
    }

    #[test]
    fn a_pattern_of_many_wildcards_is_matched_at_once() {
        let id = "create.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        for part in ["*", "*a", "?*", "*a?"] {
            let pattern = |end: &str| NamePattern(part.repeat(20) + end);
            assert!(!pattern("z").matches(id), "{part}");
            assert!(pattern("").matches(id), "{part}");
        }
    }
}
