//! `qonform rules`.

use qonform::contract::{Catalogue, Level, Need, Rule};
use qonform::report;
use serde_json::json;

use super::args::{RulesArguments, RulesFormat};
use super::settings::rule_pattern;
use super::{CliError, out};

/// Lists the rules.
pub(super) fn rules(arguments: &RulesArguments) -> Result<u8, CliError> {
    let catalogue = Catalogue::embedded();
    let patterns =
        arguments.patterns.iter().map(|text| rule_pattern(text, &catalogue)).collect::<Result<Vec<_>, _>>()?;
    let matches = |rule: &&Rule| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&rule.id));
    let rules: Vec<&Rule> = catalogue.rules().iter().filter(matches).collect();
    out::out(&match arguments.format {
        RulesFormat::Human => human(&rules, out::columns_of_stdout()),
        RulesFormat::Json => as_json(&rules),
        RulesFormat::Markdown => markdown(&catalogue, &rules),
    })?;
    Ok(0)
}

/// The word of a level.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::Open => "open",
    }
}

/// The word of a need.
pub(super) fn need(need: Need) -> &'static str {
    match need {
        Need::Product => "product",
        Need::Variant => "variant",
        Need::Empty => "empty",
        Need::SecondProject => "second-project",
        Need::LimitedKey => "limited-key",
    }
}

fn needs(rule: &Rule) -> String {
    rule.needs.iter().map(|one| need(*one)).collect::<Vec<_>>().join(", ")
}

/// One line for each rule; on a terminal the statement is wrapped in its column.
fn human(rules: &[&Rule], columns: Option<usize>) -> String {
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let before = width + LEVEL + 4;
    let line = |rule: &&Rule| {
        let lines = match columns {
            Some(columns) => report::wrapped(&rule.statement, columns.saturating_sub(before).max(NARROWEST)),
            None => vec![rule.statement.clone()],
        };
        let statement = lines.join(&format!("\n{:before$}", ""));
        format!("{:width$}  {:LEVEL$}  {statement}\n", rule.id, level(rule.level))
    };
    rules.iter().map(line).collect::<Vec<_>>().concat()
}

/// Width of the column of levels, in characters.
const LEVEL: usize = 6;

/// Minimum width of the column of statements, in characters.
const NARROWEST: usize = 24;

fn as_json(rules: &[&Rule]) -> String {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id, "level": rule.level, "statement": rule.statement, "title": rule.title,
                "check": rule.check, "from": rule.from, "needs": rule.needs,
            })
        })
        .collect();
    format!("{:#}\n", json!(rules))
}

/// The tables of docs/rules.md, one per area.
fn markdown(catalogue: &Catalogue, rules: &[&Rule]) -> String {
    let mut text = String::new();
    for area in catalogue.areas() {
        let of_area: Vec<_> = rules.iter().filter(|rule| rule.area() == area.id).collect();
        if of_area.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "#### {}\n\n| rule | level | statement | needs | from |\n|---|---|---|---|---|\n",
            area.title
        ));
        for rule in of_area {
            text.push_str(&format!(
                "| `{}` | {} | {} | {} | {} |\n",
                rule.id,
                level(rule.level),
                rule.statement.replace('|', "\\|"),
                needs(rule),
                rule.from.join(" ")
            ));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
