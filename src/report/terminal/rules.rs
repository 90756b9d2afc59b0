//! The rules, grouped by area.

use super::super::style::Tone;
use super::super::visible::{columns, visible, wrapped};
use super::super::words::{areas as grouped, count};
use super::super::{Style, Verbosity};
use super::tone_of;
use crate::finding::{Outcome, RuleOutcome, Verdict};

/// Columns before the id: two of indent, a symbol, the longest verdict, and spaces between.
const BEFORE_ID: usize = 18;

/// A block for each area, one line a rule.
pub(super) fn areas(outcome: &Outcome, style: &Style) -> Vec<String> {
    if outcome.rules.is_empty() {
        return vec!["no rule was selected\n".to_owned()];
    }
    // Ids of the catalogue are at most 35 characters; a longer one does not move the others.
    let across =
        outcome.rules.iter().map(|rule| columns(&visible(&rule.id))).filter(|&wide| wide <= 40).max().unwrap_or(0);
    let mut blocks = Vec::new();
    // Areas of which nothing was checked, for one reason each: they are named together.
    let mut untouched: Vec<(&str, Vec<String>)> = Vec::new();
    for (area, rules) in grouped(outcome) {
        match common_reason(&rules) {
            Some(reason) if style.detail < Verbosity::Verbose => {
                let named = format!("{} ({})", visible(area), rules.len());
                match untouched.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, areas)) => areas.push(named),
                    None => untouched.push((reason, vec![named])),
                }
            }
            _ => blocks.push(block(area, &rules, across, style)),
        }
    }
    if !untouched.is_empty() {
        let mut text = style.paint(Tone::Strong, "Skipped") + "\n";
        for (reason, areas) in untouched {
            text.push_str("  ");
            push_lines(&mut text, &format!("{}: {}", areas.join(", "), visible(reason)), 2, style.columns() - 2);
        }
        blocks.push(text);
    }
    blocks
}

/// The reason why all of them were skipped, if it is one.
fn common_reason<'o>(rules: &[&'o RuleOutcome]) -> Option<&'o str> {
    let first = rules.first()?.reason.as_deref()?;
    let same = |rule: &&RuleOutcome| rule.verdict == Verdict::Skipped && rule.reason.as_deref() == Some(first);
    rules.iter().all(same).then_some(first)
}

/// How many rules of an area must be skipped for one reason to share a line.
const ENOUGH_TO_SHARE: usize = 3;

fn block(area: &str, rules: &[&RuleOutcome], across: usize, style: &Style) -> String {
    let mut block = style.paint(Tone::Strong, visible(area)) + "\n";
    let alike = |rule: &RuleOutcome| {
        let same = |other: &&&RuleOutcome| other.verdict == Verdict::Skipped && other.reason == rule.reason;
        if rule.verdict == Verdict::Skipped { rules.iter().filter(same).count() } else { 0 }
    };
    let mut shared: Vec<(&RuleOutcome, usize)> = Vec::new();
    for rule in rules {
        match alike(rule) {
            many if many >= ENOUGH_TO_SHARE && style.detail < Verbosity::Verbose => {
                if shared.iter().all(|(other, _)| other.reason != rule.reason) {
                    shared.push((rule, many));
                }
            }
            _ => block.push_str(&line(rule, across, style)),
        }
    }
    for (rule, many) in shared {
        let others = RuleOutcome { id: count(many, "rule"), ..rule.clone() };
        block.push_str(&line(&others, across, style));
    }
    block
}

fn line(rule: &RuleOutcome, across: usize, style: &Style) -> String {
    let mark = format!("{} {:<12}", symbol(rule.verdict), rule.verdict.word());
    let id = visible(&rule.id);
    let padding = across.saturating_sub(columns(&id));
    let mut text = format!("  {}  {id}{:padding$}  ", style.paint(tone_of(rule.verdict), mark), "");
    let used = BEFORE_ID + columns(&id) + padding + 2;
    let told = told(rule);
    let mut room = style.columns().saturating_sub(used);
    if room < 24 && columns(&told) > room {
        // A narrow screen: what there is to tell gets lines of its own.
        text.truncate(text.trim_end().len());
        text.push_str(&format!("\n{:BEFORE_ID$}", ""));
        room = style.columns() - BEFORE_ID;
    }
    let indent = style.columns() - room;
    push_lines(&mut text, &told, indent, room);
    if style.detail == Verbosity::Verbose {
        let statement = visible(&rule.statement);
        text.push_str(&format!("{:BEFORE_ID$}", ""));
        push_lines(&mut text, &statement, BEFORE_ID, style.columns() - BEFORE_ID);
    }
    text
}

/// Number of checks, and the reason where there is one.
fn told(rule: &RuleOutcome) -> String {
    let reason = rule.reason.as_deref().map(visible);
    match (rule.checked, reason) {
        (0, Some(reason)) => reason.into_owned(),
        (checked, None) => count(checked, "check"),
        (checked, Some(reason)) => format!("{}; {reason}", count(checked, "check")),
    }
}

fn push_lines(text: &mut String, told: &str, indent: usize, room: usize) {
    for (index, line) in wrapped(told, room).iter().enumerate() {
        if index > 0 {
            text.push_str(&format!("{:indent$}", ""));
        }
        text.push_str(line);
        text.push('\n');
    }
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
