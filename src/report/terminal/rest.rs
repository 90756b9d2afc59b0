//! What a run recorded besides verdicts: waivers, observations, drift, coverage, notes, leftovers.

use super::super::style::TextStyle;
use super::super::visible::{cut, visible, wrapped};
use super::super::words::{count, responses_seen};
use super::super::{Style, Verbosity, trace};
use super::item;
use crate::finding::{Drift, Outcome, SideCounts};

/// Items of a list that are shown without `-v`.
const MAX_COUNT: usize = 8;

/// Maximum length of what the server changed in an offering, in characters.
const MAX_CHANGE: usize = 500;

/// A block for each kind that is not empty.
pub(super) fn blocks(outcome: &Outcome, style: &Style) -> Vec<String> {
    let observed = outcome.observations.iter().map(|observation| {
        let times = count(observation.count, "time");
        format!("{}: {} ({times})", observation.rule, observation.choice)
    });
    let blocks = [
        list(("observations", ": what the server chose where the contract is open"), observed, style),
        list(("drift", ": where document and server differ"), outcome.drift.iter().map(drift), style),
        coverage(outcome, style),
        list(("notes", ""), outcome.notes.iter().map(Clone::clone), style),
        list(("waivers", " to review"), trace::waivers(outcome), style),
        left_behind(outcome, style),
        changed_by_server(outcome, style),
    ];
    blocks.into_iter().flatten().collect()
}

/// What `qonform clean` has to delete.
pub(super) fn left_behind(outcome: &Outcome, style: &Style) -> Option<String> {
    let left = outcome.left_behind.iter().map(Clone::clone);
    list(("left behind", ": created by the run and not deleted; `qonform clean` deletes them"), left, style)
}

/// What the server did to offerings of others.
pub(super) fn changed_by_server(outcome: &Outcome, style: &Style) -> Option<String> {
    let changed = outcome.changed_by_server.iter().map(|changed| cut(&changed.to_string(), MAX_CHANGE).into_owned());
    let rest = ": not created by the run, changed during it, and not put back; the JSON report has every value";
    list(("changed by the server", rest), changed, style)
}

/// `v4GetOffering: 415 is not documented (2 times; violates response.documented-status)`.
fn drift(drift: &Drift) -> String {
    let operation = trace::named(&drift.operations);
    let times = count(drift.count, "time");
    match &drift.rule {
        Some(rule) => format!("{operation}: {} ({times}; violates {rule})", drift.what),
        None => format!("{operation}: {} ({times})", drift.what),
    }
}

fn list(title: (&str, &str), items: impl Iterator<Item = String>, style: &Style) -> Option<String> {
    let mut items: Vec<String> = items.map(|one| item(&visible(&one), style)).collect();
    let more = items.len().saturating_sub(MAX_COUNT);
    if more > 1 && style.detail < Verbosity::Verbose {
        items.truncate(MAX_COUNT);
        items.push(item(&format!("{more} more with -v"), style));
    }
    let (word, rest) = title;
    let lines = wrapped(rest, style.columns() - word.len()).join("\n");
    let heading = style.paint(TextStyle::Bold, word) + &lines + "\n";
    (!items.is_empty()).then(|| heading + &items.concat())
}

/// The number of documented responses and constraints that were covered; with `-v` each that was not.
fn coverage(outcome: &Outcome, style: &Style) -> Option<String> {
    let (seen, documented) = responses_seen(outcome);
    if documented == 0 {
        return None;
    }
    let rows = &outcome.coverage.constraints;
    let mut summary = format!(": {seen} of {} returned", count(documented, "documented response"));
    if !rows.is_empty() {
        let sides = || rows.iter().flat_map(|row| [row.inside, row.outside]).flatten();
        let tested = sides().filter(|side| side.accepted + side.refused > 0).count();
        let (all, constraints) = (count(sides().count(), "side"), count(rows.len(), "constraint"));
        summary.push_str(&format!(", {tested} of {all} of {constraints} tested"));
    }
    let word = "coverage";
    let lines = wrapped(&summary, style.columns() - word.len()).join("\n");
    let mut block = style.paint(TextStyle::Bold, word) + &lines + "\n";
    if style.detail == Verbosity::Verbose {
        for unseen in outcome.coverage.responses.iter().filter(|seen| seen.count == 0) {
            let code = unseen.code.as_deref().unwrap_or_default();
            let text = format!("{} {} {code}", unseen.operation, unseen.status);
            block.push_str(&item(&format!("not returned: {}", visible(text.trim_end())), style));
        }
        for unseen in outcome.coverage.headers.iter().filter(|seen| seen.count == 0) {
            let text = format!("{} {} header {}", unseen.operation, unseen.status, unseen.header);
            block.push_str(&item(&format!("not returned: {}", visible(&text)), style));
        }
        for gap in &outcome.coverage.holes {
            block.push_str(&item(&format!("not tested: {}", visible(gap)), style));
        }
        for row in rows {
            let side = |name: &str, side: Option<SideCounts>| {
                side.map_or(String::new(), |side| {
                    format!("; {name}: {} accepted, {} rejected", side.accepted, side.refused)
                })
            };
            let text = format!("{} {} {}", row.operation, row.place, row.constraint);
            let sides = side("valid", row.inside) + &side("invalid", row.outside);
            block.push_str(&item(&format!("{}{sides}", visible(&text)), style));
        }
    }
    Some(block)
}
