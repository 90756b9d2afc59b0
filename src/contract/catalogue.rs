//! The catalogue of rules.

use super::Endpoint;
use crate::document::nearest;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The catalogue that is part of the binary.
const EMBEDDED: &str = include_str!("../../spec/rules.yaml");

/// Path of [`EMBEDDED`] in the repository.
const EMBEDDED_NAME: &str = "spec/rules.yaml";

/// All rules, in the order of the reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    sources: BTreeMap<String, RuleSource>,
    needs: BTreeMap<Need, NeedInfo>,
    areas: Vec<Area>,
    rules: Vec<Rule>,
}

/// One checkable requirement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Area, a dot and a name: `set-main.demotes-previous`.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// What a server must do, as one sentence.
    pub statement: String,
    /// Short description of a violation; for an open rule, what is observed.
    pub title: String,
    /// How it is checked.
    pub check: String,
    /// The operations that it is about, first the one that causes a violation; empty when it is about all.
    pub operations: Vec<Endpoint>,
    /// What it applies to.
    pub scope: RuleScope,
    /// Whether another client that writes to the project can cause a false violation.
    pub disturbed: bool,
    /// What shows a violation when a script sends its requests again.
    #[serde(default)]
    pub shown_by: ShownBy,
    /// Whether a list of a single page, which is one snapshot, proves a violation despite other clients.
    #[serde(default)]
    pub one_page: bool,
    /// JSON pointer of its best place in the embedded document, or `None` when only prose states it.
    #[serde(default)]
    pub at: Option<String>,
    /// Tags of the published pages that state it; may be empty.
    #[serde(default)]
    pub from: Vec<String>,
    /// What a run needs to check the rule.
    #[serde(default)]
    pub needs: Vec<Need>,
}

impl Rule {
    /// The part of the id before the dot.
    pub fn area(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// What a rule applies to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum RuleScope {
    /// Every response.
    Response,
    /// Particular requests to its operations.
    Operation,
}

/// What shows a violation when its requests are sent again.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum ShownBy {
    /// The offerings of the project.
    #[default]
    State,
    /// The offerings of the project, which must include a main offering.
    Main,
    /// The response itself, which may be to a write.
    Response,
    /// Timestamps, which differ in each run.
    Times,
}

/// How binding a rule is, most binding first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The current pages state it. A failure is a violation.
    Must,
    /// One page states it, and another contradicts it or does not mention it. A failure is a warning.
    Should,
    /// The pages do not mention it or contradict each other. The choice of the server is observed.
    Open,
}

impl Level {
    /// `must`, `should` or `open`.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::Open => "open",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a rule needs and not every run has.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// At least one product id that exists in the project.
    Product,
    /// The id of an experiment-variant offering.
    Variant,
    /// A project without offerings.
    Empty,
    /// Another project's key.
    SecondProject,
    /// A valid key without permission.
    LimitedKey,
}

impl Need {
    /// All, in the order of the reports.
    pub const ALL: [Need; 5] = [Need::Product, Need::Variant, Need::Empty, Need::SecondProject, Need::LimitedKey];

    /// `product`, `variant`, `empty`, `second-project` or `limited-key`.
    pub const fn name(self) -> &'static str {
        match self {
            Need::Product => "product",
            Need::Variant => "variant",
            Need::Empty => "empty",
            Need::SecondProject => "second-project",
            Need::LimitedKey => "limited-key",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a need is and how it is met.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NeedInfo {
    /// What is needed, as a phrase that fits after "needs ".
    pub what: String,
    /// The flags that provide it, such as `--product-id`.
    pub flags: Vec<String>,
}

/// A published page.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RuleSource {
    /// Name of the saved file of the page, or `None` when only facts were saved.
    #[serde(default)]
    pub file: Option<String>,
    /// What the page is.
    pub title: String,
}

/// A group of rules.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// The part of a rule's id before the dot.
    pub id: String,
    /// Its heading in reports.
    pub title: String,
}

/// Why a catalogue cannot be used. Shown as `file:line:column: message` when the place is known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CatalogueError {
    /// It is not YAML, or not a catalogue.
    #[error("{file}:{place} {reason}")]
    Shape {
        /// Name of the file.
        file: String,
        /// Line and column with colons, or empty.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A rule is listed twice, or refers to something that the catalogue does not have.
    #[error("{file}: the rule `{rule}` {reason}")]
    Rule {
        /// Name of the file.
        file: String,
        /// Id of the rule.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Catalogue {
    /// The catalogue that is part of the binary.
    pub fn embedded() -> Catalogue {
        Catalogue::parse(EMBEDDED, EMBEDDED_NAME).expect("a test reads the embedded catalogue")
    }

    /// Parses a catalogue. `name` is the name of the file in errors.
    pub fn parse(text: &str, name: &str) -> Result<Catalogue, CatalogueError> {
        let catalogue: Catalogue = serde_yaml::from_str(text).map_err(|error| CatalogueError::Shape {
            file: name.to_owned(),
            place: error.location().map_or_else(String::new, |at| format!("{}:{}:", at.line(), at.column())),
            // The message begins with the place already.
            reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?;
        match catalogue.flaw() {
            Some((rule, reason)) => Err(CatalogueError::Rule { file: name.to_owned(), rule, reason }),
            None => Ok(catalogue),
        }
    }

    /// All rules, in the order of the reports.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The groups of rules, in the order of the reports.
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The rules of an area, in the order of the reports.
    pub fn rules_of<'a>(&'a self, area: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.area() == area)
    }

    /// The rule with an id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The most similar id to an unknown one: a typing error, or the same name in another area.
    pub fn nearest(&self, id: &str) -> Option<&str> {
        let ids = || self.rules.iter().map(|rule| rule.id.as_str());
        let name = id.rsplit('.').next().unwrap_or_default();
        nearest(id, ids()).or_else(|| ids().find(|other| !name.is_empty() && other.rsplit('.').next() == Some(name)))
    }

    /// The published page with a tag.
    pub fn source(&self, tag: &str) -> Option<&RuleSource> {
        self.sources.get(tag)
    }

    /// All published pages by tag.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &RuleSource)> {
        self.sources.iter().map(|(tag, source)| (tag.as_str(), source))
    }

    /// What a need is and how it is met.
    pub fn need(&self, need: Need) -> &NeedInfo {
        self.needs.get(&need).expect("`parse` rejects a catalogue without one of the needs")
    }

    /// The first rule that is inconsistent: its id and what is wrong.
    fn flaw(&self) -> Option<(String, String)> {
        let mut seen = std::collections::HashSet::new();
        for rule in &self.rules {
            let flaw = |reason: String| Some((rule.id.clone(), reason));
            if !seen.insert(&rule.id) {
                return flaw("is listed twice".to_owned());
            }
            if !rule.id.contains('.') || !self.areas.iter().any(|area| area.id == rule.area()) {
                return flaw(format!("has the unknown area `{}`", rule.area()));
            }
            if let Some(tag) = rule.from.iter().find(|tag| !self.sources.contains_key(*tag)) {
                return flaw(format!("has the unknown source `{tag}`"));
            }
            if rule.scope == RuleScope::Operation && rule.operations.is_empty() {
                return flaw("does not name its operations".to_owned());
            }
            let texts = [("statement", &rule.statement), ("title", &rule.title), ("check", &rule.check)];
            if let Some((name, _)) = texts.into_iter().find(|(_, text)| text.trim().is_empty()) {
                return flaw(format!("has an empty {name}"));
            }
        }
        let missing = Need::ALL.into_iter().find(|need| !self.needs.contains_key(need))?;
        Some(("needs".to_owned(), format!("does not describe `{missing}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_every_rule_of_the_contract() {
        let areas = [
            (
                "response",
                "no-server-error documented-status content-type schema error-code-documented error-code-format details-omitted no-meta error-type undocumented-property no-secret headers-sane",
            ),
            ("offering", "url timestamps created-at-immutable id-decoding tag-values"),
            ("auth", "missing malformed code no-effect before-existence forbidden project-isolation"),
            (
                "list",
                "limit-honoured default-limit limit-invalid limit-invalid-details pages-cover has-more next-cursor order unknown-cursor known-cursor-no-header cursor-invalid agrees-with-get excludes-variants unknown-query",
            ),
            (
                "create",
                "echo readable id-bounds id-invalid duplicate tag-main-rejected tag-invalid tag-regular product-unknown product-bounds body-malformed readonly-ignored first-is-main idempotency-replay idempotency-status idempotency-other-body idempotency-scope case-sensitivity duplicate-products product-case unknown-field",
            ),
            ("get", "existing missing variant-hidden id-invalid"),
            (
                "update",
                "replaces-products partial retry-safe product-unknown product-bounds tag-main-rejected demote-rejected demote-null tag-on-regular tag-invalid id-immutable missing variant id-invalid body-malformed empty-body",
            ),
            ("delete", "removes again missing variant id-invalid recreate main"),
            (
                "set-main",
                "promotes demotes-previous previous-is-zero keeps-rest again missing variant id-invalid idempotency-replay body-ignored",
            ),
            ("invariant", "single-main main-exists failed-write-no-effect model-agrees no-bleed"),
            (
                "race",
                "set-main-atomic set-main-linearizable create-once idempotency-once update-whole delete-vs-update isolation first-create",
            ),
        ];
        let catalogue = Catalogue::embedded();
        let ids: Vec<_> = catalogue.areas().iter().map(|area| area.id.as_str()).collect();
        assert_eq!(ids, areas.map(|(area, _)| area));
        for (area, names) in areas {
            let found: Vec<_> = catalogue.rules_of(area).map(|rule| rule.id.split_once('.').unwrap().1).collect();
            assert_eq!(found.join(" "), names, "{area}");
        }
        assert_eq!(catalogue.rules().len(), 109);
        let count = |level| catalogue.rules().iter().filter(|rule| rule.level == level).count();
        assert_eq!((count(Level::Must), count(Level::Should), count(Level::Open)), (77, 19, 13));
        let needing = |need| catalogue.rules().iter().filter(|rule| rule.needs.contains(&need)).count();
        assert_eq!(Need::ALL.map(needing), [10, 5, 2, 3, 1]);
    }

    #[test]
    fn every_rule_has_a_scope_and_a_disturbed_flag() {
        let catalogue = Catalogue::embedded();
        for rule in catalogue.rules() {
            let is_of_responses = ["response", "offering"].contains(&rule.area());
            let is_of_responses = is_of_responses && rule.id != "offering.id-decoding";
            assert_eq!(rule.scope == RuleScope::Response, is_of_responses, "{}", rule.id);
            assert_eq!(rule.operations.is_empty(), is_of_responses, "{}", rule.id);
            assert!(!rule.one_page || rule.disturbed, "{}", rule.id);
        }
        let missing = |fact: &str| {
            let text = EMBEDDED.replacen(fact, "", 1);
            Catalogue::parse(&text, "r.yaml").unwrap_err().to_string()
        };
        assert!(missing("    scope: operation\n").contains("missing field `scope`"));
        assert!(missing("    disturbed: true\n").contains("missing field `disturbed`"));
        // Other clients can change the list and the main offering, but not the offerings of the run.
        let is_disturbed = |id: &str| catalogue.rule(id).unwrap().disturbed;
        assert!(["list.order", "invariant.main-exists", "set-main.promotes"].into_iter().all(is_disturbed));
        assert!(!["create.echo", "get.missing", "response.schema"].into_iter().any(is_disturbed));
    }

    #[test]
    fn an_unknown_rule_has_a_suggestion() {
        let catalogue = Catalogue::embedded();
        assert_eq!(catalogue.nearest("create.ecko"), Some("create.echo"));
        assert_eq!(catalogue.nearest("list.first-is-main"), Some("create.first-is-main"));
        assert_eq!(catalogue.nearest("nonsense"), None);
    }

    #[test]
    fn an_inconsistent_catalogue_is_rejected() {
        let text = include_str!("../../spec/rules.yaml");
        let flaw =
            |from: &str, to: &str| Catalogue::parse(&text.replacen(from, to, 1), "r.yaml").unwrap_err().to_string();
        assert_eq!(flaw("id: get.missing", "id: get.existing"), "r.yaml: the rule `get.existing` is listed twice");
        assert_eq!(
            flaw("id: get.missing", "id: got.missing"),
            "r.yaml: the rule `got.missing` has the unknown area `got`"
        );
        assert_eq!(
            flaw("from: [E]", "from: [Z]"),
            "r.yaml: the rule `response.details-omitted` has the unknown source `Z`"
        );
        assert_eq!(
            flaw("level: must", "level: most"),
            "r.yaml:73:12: rules[0].level: unknown variant `most`, expected one of `must`, `should`, `open`"
        );
    }
}
