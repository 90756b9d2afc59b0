//! What a run noticed besides verdicts: observations, drift, coverage, notes, what was left behind.

use super::super::style::Tone;
use super::super::visible::{visible, wrapped};
use super::super::words::{count, responses_seen};
use super::super::{Style, Verbosity};
use super::item;
use crate::finding::{Drift, Outcome, Tried};

/// A block for each kind of which there is something.
pub(super) fn blocks(outcome: &Outcome, style: &Style) -> Vec<String> {
    let observed = outcome.observations.iter().map(|observation| {
        let times = count(observation.count, "time");
        format!("{}: {} ({times})", observation.rule, observation.choice)
    });
    let drift = outcome.drift.iter().map(drift);
    let left = outcome.left_behind.iter().map(Clone::clone);
    let waivers = super::super::story::waivers(outcome);
    let blocks = [
        list(("waivers", " that want a look"), waivers, style),
        list(("observations", ": what the server chose where the contract is open"), observed, style),
        list(("drift", ": where documents and server differ"), drift, style),
        coverage(outcome, style),
        list(("notes", ""), outcome.notes.iter().map(Clone::clone), style),
        list(("left behind", ": created by the run and not removed; `qonform clean` removes them"), left, style),
    ];
    blocks.into_iter().flatten().collect()
}

/// `v4GetOffering: 415 is not documented (2 times; breaks response.documented-status)`.
fn drift(drift: &Drift) -> String {
    let operation = super::super::story::named(&drift.operations);
    let times = count(drift.count, "time");
    match &drift.rule {
        Some(rule) => format!("{operation}: {} ({times}; breaks {rule})", drift.what),
        None => format!("{operation}: {} ({times})", drift.what),
    }
}

fn list(title: (&str, &str), items: impl Iterator<Item = String>, style: &Style) -> Option<String> {
    let items: String = items.map(|one| item(&visible(&one), style)).collect();
    let (word, rest) = title;
    let lines = wrapped(rest, style.columns() - word.len()).join("\n");
    let heading = style.paint(Tone::Strong, word) + &lines + "\n";
    (!items.is_empty()).then(|| heading + &items)
}

/// How many documented responses came; in detail, which did not.
fn coverage(outcome: &Outcome, style: &Style) -> Option<String> {
    let (seen, documented) = responses_seen(outcome);
    if documented == 0 {
        return None;
    }
    let word = style.paint(Tone::Strong, "coverage");
    let mut block = format!("{word}: {seen} of {} seen\n", count(documented, "documented response"));
    if style.detail == Verbosity::Verbose {
        for unseen in outcome.coverage.responses.iter().filter(|seen| seen.count == 0) {
            let code = unseen.code.as_deref().unwrap_or_default();
            let text = format!("{} {} {code}", unseen.operation, unseen.status);
            block.push_str(&item(&format!("never {}", visible(text.trim_end())), style));
        }
    }
    constraints(outcome, style, &mut block);
    Some(block)
}

/// How many sides of the document's constraints were tried; in detail each, and always those that were not.
fn constraints(outcome: &Outcome, style: &Style, block: &mut String) {
    let rows = &outcome.coverage.constraints;
    if rows.is_empty() {
        return;
    }
    let sides = || rows.iter().flat_map(|row| [row.inside, row.outside]).flatten();
    let tried = sides().filter(|side| side.accepted + side.refused > 0).count();
    let all = count(sides().count(), "side");
    block.push_str(&format!("  {tried} of {all} of {} tried\n", count(rows.len(), "constraint")));
    for hole in &outcome.coverage.holes {
        block.push_str(&item(&format!("not tried: {}", visible(hole)), style));
    }
    if style.detail == Verbosity::Verbose {
        for row in rows {
            let side = |name: &str, side: Option<Tried>| {
                side.map_or(String::new(), |side| format!("; {name} {} taken, {} refused", side.accepted, side.refused))
            };
            let text = format!("{} {} {}", row.operation, row.place, row.constraint);
            let sides = side("inside", row.inside) + &side("outside", row.outside);
            block.push_str(&item(&format!("{}{sides}", visible(&text)), style));
        }
    }
}
