//! The rules: those that did not pass; with `-v` all of them, by area.

use super::super::style::TextStyle;
use super::super::visible::{columns, visible, wrapped};
use super::super::words::{areas, count};
use super::super::{Style, Verbosity};
use super::style_of;
use crate::finding::{Outcome, RuleOutcome, Verdict};

/// Columns before the id: two of indent, a symbol, the longest verdict, and spaces between.
const BEFORE_ID: usize = 18;
/// Columns of the longest id that the others are aligned with.
const MAX_ID: usize = 40;
/// Number of rules skipped for the same reason that share a line.
const MIN_SHARED: usize = 3;

/// One block of the rules that did not pass; with `-v` a block for each area.
pub(super) fn blocks(outcome: &Outcome, style: &Style) -> Vec<String> {
    if outcome.rules.is_empty() {
        return vec!["no rule was selected\n".to_owned()];
    }
    if style.detail == Verbosity::Verbose {
        let across = across(outcome.rules.iter());
        let block = |(area, rules): (&str, Vec<&RuleOutcome>)| {
            let lines: String = rules.iter().map(|rule| line(rule, across, style)).collect();
            wrapped(&visible(area), style.columns())
                .iter()
                .map(|row| style.paint(TextStyle::Bold, row) + "\n")
                .collect::<String>()
                + &lines
        };
        return areas(outcome).into_iter().map(block).collect();
    }
    let rules = shared(outcome.rules.iter().filter(|rule| is_listed(rule)));
    if rules.is_empty() {
        return Vec::new();
    }
    let across = across(rules.iter());
    let lines: String = rules.iter().map(|rule| line(rule, across, style)).collect();
    vec![style.paint(TextStyle::Bold, "rules that did not pass") + "\n" + &lines]
}

/// Whether a rule is listed without `-v`. The choices for open rules are listed as observations.
fn is_listed(rule: &RuleOutcome) -> bool {
    !matches!(rule.verdict, Verdict::Passed | Verdict::Observed)
}

/// The rules, skipped ones last. Those that were skipped for the same reason are one line if there are several.
fn shared<'o>(rules: impl Iterator<Item = &'o RuleOutcome>) -> Vec<RuleOutcome> {
    let (skipped, mut listed) = rules.cloned().partition::<Vec<_>, _>(|rule| rule.verdict == Verdict::Skipped);
    let alike = |rule: &RuleOutcome| skipped.iter().filter(|other| other.reason == rule.reason).count();
    let mut reasons = Vec::new();
    for rule in &skipped {
        match alike(rule) {
            many if many < MIN_SHARED => listed.push(rule.clone()),
            many if !reasons.contains(&&rule.reason) => {
                reasons.push(&rule.reason);
                listed.push(RuleOutcome { id: count(many, "rule"), ..rule.clone() });
            }
            _ => {}
        }
    }
    listed
}

fn across<'o>(rules: impl Iterator<Item = &'o RuleOutcome>) -> usize {
    rules.map(|rule| columns(&visible(&rule.id))).filter(|&wide| wide <= MAX_ID).max().unwrap_or(0)
}

fn line(rule: &RuleOutcome, across: usize, style: &Style) -> String {
    let mark = format!("{} {:<12}", symbol(rule.verdict), rule.verdict.word());
    let result = result(rule);
    let id = wrapped(&visible(&rule.id), style.columns() - BEFORE_ID);
    let used = BEFORE_ID + across.max(columns(&id[0])) + 2;
    let mut text =
        format!("  {}  {}", style.paint(style_of(rule.verdict), mark), id.join(&format!("\n{:BEFORE_ID$}", "")));
    let room = style.columns().saturating_sub(used);
    let indent = if id.len() > 1 || (room < 24 && columns(&result) > room) {
        // No room beside the id: the result starts on its own line.
        text.push_str(&format!("\n{:BEFORE_ID$}", ""));
        BEFORE_ID
    } else {
        text.push_str(&format!("{:1$}", "", used - BEFORE_ID - columns(&id[0])));
        used
    };
    push_lines(&mut text, &result, indent, style);
    if style.detail == Verbosity::Verbose {
        text.push_str(&format!("{:BEFORE_ID$}", ""));
        push_lines(&mut text, &visible(&rule.statement), BEFORE_ID, style);
    }
    text
}

/// The number of checks, and the reason if there is one.
fn result(rule: &RuleOutcome) -> String {
    let reason = rule.reason.as_deref().map(visible);
    match (rule.checked, reason) {
        (0, Some(reason)) => reason.into_owned(),
        (checked, None) => count(checked, "check"),
        (checked, Some(reason)) => format!("{}; {reason}", count(checked, "check")),
    }
}

fn push_lines(text: &mut String, part: &str, indent: usize, style: &Style) {
    text.push_str(&wrapped(part, style.columns() - indent).join(&format!("\n{:indent$}", "")));
    text.push('\n');
}

fn symbol(verdict: Verdict) -> char {
    match verdict {
        Verdict::Passed => '✓',
        Verdict::Violated => '✗',
        Verdict::Warned => '!',
        Verdict::Observed => '·',
        Verdict::Skipped => '-',
        Verdict::Inconclusive => '?',
    }
}
