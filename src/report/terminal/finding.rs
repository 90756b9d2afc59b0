//! A finding, in the shape that every text format shares.
//!
//! ```text
//! violation[delete.removes] a deleted offering can still be read                confirmed, 3 requests, minimized from 14
//!   GET /offerings/{1} returned 200, expected 404 not_found
//!     1  POST    /offerings      201  id=qf-k3v-1
//!     2  DELETE  /offerings/{1}  204
//!     3  GET     /offerings/{1}  200  <- here
//!   rule      a deleted offering is gone: GET returns 404 and no page lists it (reference page of DELETE)
//!   contract  spec/offerings.openapi.yaml:212:9  v4GetOffering, GET response 404
//!   replay    qonform replay report.json 5f1c9ae2
//!   curl …
//! ```

use super::super::style::TextStyle;
use super::super::visible::{Breaks, columns, cut, shown, visible, wrapped};
use super::super::{Style, Verbosity, trace};
use super::{command, labelled};
use crate::finding::{EvidenceStep, Finding, Outcome, RuleOutcome, Severity};

/// Columns before the request in the legend of a timeline.
const TIMELINE_INDENT: usize = 5;
/// Columns of the labels `expected`, `received`, `minimized`.
const LABEL: usize = 10;
/// Maximum length of text from the server, in characters; the JSON report has all of it.
const MAX_LENGTH: usize = 400;
/// Lines of a body that are shown with `-v`.
const BODY_LINES: usize = 40;
/// Columns before a step.
const INDENT: usize = 4;

/// The finding of an outcome as a block of lines.
pub(in crate::report) fn finding_of(outcome: &Outcome, found: &Finding, style: &Style) -> String {
    let rule = outcome.rules.iter().find(|rule| rule.id == found.rule);
    finding(found, rule, outcome.report.as_deref(), style)
}

/// The finding as a block of lines, with the sentence of its rule; `report` is the path of the JSON report, if known.
pub(in crate::report) fn finding(
    finding: &Finding,
    rule: Option<&RuleOutcome>,
    report: Option<&str>,
    style: &Style,
) -> String {
    let line = |label: &str, text: &str| labelled(2, label, LABEL, &visible(&cut(text, MAX_LENGTH)), style);
    let mut block = title(finding, style);
    for (label, text) in trace::deviation(finding) {
        let limit = if style.detail == Verbosity::Verbose { usize::MAX } else { MAX_LENGTH };
        let across = if label.is_empty() { 0 } else { LABEL };
        block.push_str(&labelled(2, label, across, &visible(&cut(&text, limit)), style));
    }
    block.push_str(&steps(finding, style));
    for text in finding.timeline.iter().flat_map(|timeline| timeline.lines()) {
        let hanging = if text.starts_with(' ') { TIMELINE_INDENT } else { 0 };
        let lines = wrapped(&visible(text), style.columns() - 2 - hanging);
        block.push_str(&format!("  {}\n", lines.join(&format!("\n  {:hanging$}", ""))));
    }
    if let Some(rule) = rule {
        block.push_str(&line("rule", &trace::sourced(rule)));
    }
    block.push_str(&contract(finding, style));
    if let Some(also) = trace::also(finding) {
        block.push_str(&line("also", &format!("violates {also}")));
    }
    if let Some(waiver) = trace::waiver(finding) {
        block.push_str(&line("waived", &waiver));
    }
    if let Some(request) = &finding.shrunk_request {
        block.push_str(&line("minimized", &format!("from {request}")));
    }
    block.push_str(&reproduction(finding, report, style));
    block
}

fn title(finding: &Finding, style: &Style) -> String {
    let text_style = match finding.severity {
        Severity::Violation => TextStyle::Error,
        Severity::Known | Severity::Warning => TextStyle::Warning,
        Severity::Waived => TextStyle::Info,
    };
    let heading = cut(&trace::heading(finding), MAX_LENGTH).into_owned();
    let facts = trace::facts(finding);
    let room = style.columns();
    let mut lines = wrapped(&visible(&heading), room);
    let used = lines.last().map_or(0, |line| columns(line));
    if used + 2 + columns(&facts) <= room && lines.len() == 1 {
        let gap = room - used - columns(&facts);
        lines[0].push_str(&format!("{:gap$}{facts}", ""));
    } else {
        lines.extend(wrapped(&facts, room - 2).into_iter().map(|line| format!("  {line}")));
    }
    let text = lines.join("\n") + "\n";
    let mark = format!("{}[{}]", finding.severity.word(), visible(&finding.rule));
    match text.strip_prefix(mark.as_str()) {
        Some(rest) => style.paint(text_style, mark) + rest,
        None => text,
    }
}

/// The place in the document, as a link where links are wanted, and the operations.
fn contract(finding: &Finding, style: &Style) -> String {
    let subject = trace::subject(finding);
    let Some(place) = trace::place(finding) else {
        return labelled(2, "contract", LABEL, &visible(&cut(&subject, MAX_LENGTH)), style);
    };
    let text = format!("{}  {}", cut(&place, MAX_LENGTH), cut(&subject, MAX_LENGTH));
    let block = labelled(2, "contract", LABEL, &visible(&text), style);
    let file = finding.place.as_ref().map_or("", |place| &place.file);
    // A place that wraps or is escaped is not a link.
    block.replacen(&place, &style.link(file, &place), 1)
}

/// The steps; equal ones in one line, unless their bodies are shown.
fn steps(finding: &Finding, style: &Style) -> String {
    let is_verbose = style.detail == Verbosity::Verbose;
    let parts = if is_verbose { trace::unfolded(finding) } else { trace::folded(finding) };
    let lines: Vec<_> = parts.iter().map(|part| &part.line).collect();
    let widest =
        |lengths: &mut dyn Iterator<Item = usize>, most: usize| lengths.filter(|&wide| wide <= most).max().unwrap_or(0);
    let digits = parts.iter().map(|part| part.numbers.len()).max().unwrap_or(0);
    let method = widest(&mut lines.iter().map(|line| columns(&visible(line.method))), 10);
    let path = widest(&mut lines.iter().map(|line| columns(&visible(&line.path))), 60);
    let status = widest(&mut lines.iter().map(|line| columns(&visible(&line.response))), 40);
    let indent = INDENT + digits + 2;
    let mut block = String::new();
    for part in &parts {
        let line = &part.line;
        let mut text = format!("{:>digits$}", part.numbers);
        for (part, across) in [
            (visible(&cut(line.method, MAX_LENGTH)), method),
            (visible(&cut(&line.path, MAX_LENGTH)), path),
            (visible(&cut(&line.response, MAX_LENGTH)), status),
        ] {
            let padding = across.saturating_sub(columns(&part));
            text.push_str(&format!("  {part}{:padding$}", ""));
        }
        let rows = wrapped(text.trim_end(), style.columns() - indent);
        let used = rows.last().map_or(0, |row| columns(row)) + if rows.len() == 1 { INDENT } else { indent };
        block.push_str(&format!("{:INDENT$}{}", "", rows.join(&format!("\n{:indent$}", ""))));
        block.push_str(&note(line, used, indent, style));
        block.push('\n');
        if is_verbose {
            block.extend(part.steps.iter().map(|step| bodies(step, indent, style)));
        }
    }
    block
}

/// `  id=qf-k3v-1  <- here`, on lines of its own if there is no room.
fn note(line: &trace::TraceLine<'_>, used: usize, indent: usize, style: &Style) -> String {
    let note = visible(&cut(&line.note, MAX_LENGTH)).into_owned();
    let here = if line.here { "<- here" } else { "" };
    let gap = if note.is_empty() || here.is_empty() { "" } else { "  " };
    let wide = columns(&note) + gap.len() + here.len();
    if wide == 0 {
        return String::new();
    }
    if used + 2 + wide <= style.columns() {
        return format!("  {note}{gap}{}", style.paint(TextStyle::Error, here));
    }
    let mut lines = if note.is_empty() { Vec::new() } else { wrapped(&note, style.columns() - indent) };
    if line.here {
        lines.push(style.paint(TextStyle::Error, here));
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("\n{:indent$}{line}", "")).collect();
    lines.concat()
}

/// The bodies of request and response, for `-v`.
fn bodies(step: &EvidenceStep, indent: usize, style: &Style) -> String {
    let mut block = String::new();
    for (mark, body) in [('>', &step.request_body), ('<', &step.response_body)] {
        let Some(body) = body else { continue };
        let pretty = trace::pretty(body);
        let shown = shown(&pretty, Breaks::Unchanged);
        for line in shown.lines().take(BODY_LINES) {
            let line = cut(line, MAX_LENGTH).replace('\t', "\\t");
            for row in wrapped(&line, style.columns() - indent - 2) {
                block.push_str(&format!("{:indent$}{mark} {row}\n", ""));
            }
        }
        if shown.lines().count() > BODY_LINES {
            block.push_str(&format!("{:indent$}{mark} …\n", ""));
        }
    }
    block
}

fn reproduction(finding: &Finding, report: Option<&str>, style: &Style) -> String {
    let mut text = trace::replay(finding, report);
    if report.is_none() {
        text.push_str("  (needs --report json=report.json)");
    }
    let mut block = labelled(2, "replay", LABEL, &visible(&text), style);
    if finding.race.is_some() && !finding.curl.is_empty() {
        let note = "these commands send the requests one by one, replay sends them concurrently";
        block.extend(wrapped(note, style.columns() - 4).iter().map(|line| format!("  # {line}\n")));
    }
    for line in trace::commands(finding) {
        match line.strip_prefix(trace::COMMENT) {
            Some(comment) => {
                let comment = visible(comment);
                block.extend(wrapped(&comment, style.columns() - 4).iter().map(|line| format!("  # {line}\n")));
            }
            None => block.push_str(&command::lines(&line, style.columns())),
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn facts_stand_in_the_first_line_if_there_is_room() {
        let wide = Style { width: 110, ..Style::default() };
        let outcome = sample::fixed();
        let text = finding_of(&outcome, &outcome.findings[1], &wide);
        let (shape, _) = text.split_once("  curl ").unwrap();
        assert_eq!(
            shape,
            "violation[delete.removes] a deleted offering can still be read        confirmed, 3 requests, minimized from 14\n\
             \x20 GET /offerings/{1} returned 200 with the deleted offering, expected 404 not_found after the 204 of the\n\
             \x20 deletion\n\
             \x20   1  POST    /offerings      201  id=qf-k3v-1\n\
             \x20   2  DELETE  /offerings/{1}  204\n\
             \x20   3  GET     /offerings/{1}  200  <- here\n\
             \x20 rule      204 without a body; then get is 404 and no page lists it; nothing else changes (reference page of\n\
             \x20           DELETE /offerings/{offering_id})\n\
             \x20 contract  spec/offerings.openapi.yaml:212:9  v4GetOffering, GET response 404\n\
             \x20 also      violates delete.recreate\n\
             \x20 replay    qonform replay report.json 3fdeffb4  (needs --report json=report.json)\n"
        );
    }

    #[test]
    fn long_text_of_the_server_is_cut_unless_verbose() {
        let mut outcome = sample::fixed();
        outcome.findings[1].received = "x".repeat(1_000);
        let shown = |detail| {
            finding(&outcome.findings[1], None, None, &Style { detail, ..Style::default() }).matches('x').count()
        };
        assert!(shown(Verbosity::Normal) < 420 && shown(Verbosity::Verbose) >= 1_000);
    }
}
