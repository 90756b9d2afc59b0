//! A finding, in the shape that every text format shares.
//!
//! ```text
//! violation[delete.removes]: a deleted offering can still be read        3 requests, shrunk from 14, confirmed
//!   --> spec/offerings.openapi.yaml:212:9   v4GetOffering after v4DeleteOffering
//!   expected    404 not_found after the 204 of the deletion
//!   received    200 with the deleted offering
//!   1  POST    /offerings         201  id = qf-k3v-1
//!   2  DELETE  /offerings/{1}     204
//!   3  GET     /offerings/{1}     200  <- here
//!   reproduce   qonform replay report.json 5f1c9ae2   (of --report json=report.json; or by curl:)
//! ```

use super::super::style::Tone;
use super::super::visible::{Breaks, columns, cut, shown, visible, wrapped};
use super::super::{Style, Verbosity, story};
use super::labelled;
use crate::finding::{EvidenceStep, Finding, Severity};

/// Columns of the labels `expected`, `received`, `reproduce`.
const LABEL: usize = 12;
/// What the target said is cut after this many characters; the JSON report has all of it.
const MAX_LENGTH: usize = 400;
/// Lines of a body that are shown in detail.
const BODY_LINES: usize = 40;

/// The finding as a block of lines; `report` is the path of the JSON report, where it is known.
pub(in crate::report) fn finding(finding: &Finding, report: Option<&str>, style: &Style) -> String {
    let mut block = title(finding, style);
    block.push_str(&place(finding, style));
    for (label, text) in [("expected", &finding.expected), ("received", &finding.received)] {
        let limit = if style.detail == Verbosity::Verbose { usize::MAX } else { MAX_LENGTH };
        let text = cut(text, limit);
        block.push_str(&labelled(2, label, LABEL, &visible(&text), style));
    }
    if let Some(also) = story::also(finding) {
        block.push_str(&labelled(2, "also", LABEL, &format!("violates {}", visible(&cut(&also, MAX_LENGTH))), style));
    }
    if let Some(waiver) = story::waiver(finding) {
        block.push_str(&labelled(2, "waived", LABEL, &visible(&cut(&waiver, MAX_LENGTH)), style));
    }
    if let Some(request) = &finding.shrunk_request {
        block.push_str(&labelled(2, "shrunk from", LABEL, &visible(&cut(request, MAX_LENGTH)), style));
    }
    block.push_str(&steps(finding, style));
    for line in finding.timeline.iter().flat_map(|timeline| timeline.lines()) {
        block.push_str(&format!("  {}\n", visible(line)));
    }
    block.push_str(&reproduction(finding, report));
    block
}

fn title(finding: &Finding, style: &Style) -> String {
    let tone = match finding.severity {
        Severity::Violation => Tone::Bad,
        Severity::Known | Severity::Warning => Tone::Doubtful,
        Severity::Waived => Tone::Aside,
    };
    let mark = format!("{}[{}]", finding.severity.word(), visible(&finding.rule));
    let said = format!("{mark}: {}", visible(&cut(&finding.title, MAX_LENGTH)));
    let facts = story::facts(finding);
    let room = style.columns();
    let mut lines = wrapped(&said, room);
    let used = lines.last().map_or(0, |line| columns(line));
    if used + 2 + columns(&facts) <= room && lines.len() == 1 {
        let gap = room - used - columns(&facts);
        lines[0].push_str(&format!("{:gap$}{facts}", ""));
    } else {
        lines.extend(wrapped(&facts, room - 2).into_iter().map(|line| format!("  {line}")));
    }
    let text = lines.join("\n") + "\n";
    match text.strip_prefix(mark.as_str()) {
        Some(rest) => style.paint(tone, mark) + rest,
        None => text,
    }
}

fn place(finding: &Finding, style: &Style) -> String {
    let operations = story::operations(finding);
    let operations = visible(&operations);
    let arrow = style.paint(Tone::Aside, "-->");
    match story::place(finding) {
        Some(place) => format!("  {arrow} {}   {operations}\n", visible(&place)),
        None => format!("  {arrow} {operations}\n"),
    }
}

fn steps(finding: &Finding, style: &Style) -> String {
    let lines = story::lines(finding);
    let widest =
        |lengths: &mut dyn Iterator<Item = usize>, most: usize| lengths.filter(|&wide| wide <= most).max().unwrap_or(0);
    let digits = lines.len().to_string().len();
    let method = widest(&mut lines.iter().map(|line| columns(&visible(line.method))), 10);
    let path = widest(&mut lines.iter().map(|line| columns(&visible(&line.path))), 60);
    let status = widest(&mut lines.iter().map(|line| columns(&visible(&line.response))), 40);
    let mut block = String::new();
    for (line, step) in lines.iter().zip(&finding.steps) {
        let mut text = format!("  {:>digits$}", line.number);
        for (part, across) in [
            (visible(line.method), method),
            (visible(&cut(&line.path, MAX_LENGTH)), path),
            (visible(&line.response), status),
        ] {
            let padding = across.saturating_sub(columns(&part));
            text.push_str(&format!("  {part}{:padding$}", ""));
        }
        text.truncate(text.trim_end().len());
        let indent = digits + 4;
        block.push_str(&wrapped(&text, style.columns()).join(&format!("\n{:indent$}", "")));
        let used = columns(&text);
        block.push_str(&note(line, used, style));
        block.push('\n');
        if style.detail == Verbosity::Verbose {
            block.push_str(&bodies(step, indent));
        }
    }
    block
}

/// `  id = qf-k3v-1  <- here`, on a line of its own where there is no room.
fn note(line: &story::Line<'_>, used: usize, style: &Style) -> String {
    let note = visible(&cut(&line.note, MAX_LENGTH)).into_owned();
    let here = if line.here { "<- here" } else { "" };
    let gap = if note.is_empty() || here.is_empty() { "" } else { "  " };
    let wide = columns(&note) + gap.len() + here.len();
    if wide == 0 {
        return String::new();
    }
    if used + 2 + wide <= style.columns() {
        return format!("  {note}{gap}{}", style.paint(Tone::Bad, here));
    }
    let mut lines = wrapped(&note, style.columns().saturating_sub(7).max(20));
    match lines.last_mut() {
        Some(last) if last.is_empty() => last.push_str(&style.paint(Tone::Bad, here)),
        _ if !here.is_empty() => lines.push(style.paint(Tone::Bad, here)),
        _ => {}
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("\n       {line}")).collect();
    lines.concat()
}

/// Both bodies in full lines, for `-v`.
fn bodies(step: &EvidenceStep, indent: usize) -> String {
    let mut block = String::new();
    for (mark, body) in [('>', &step.request_body), ('<', &step.response_body)] {
        let Some(body) = body else { continue };
        let pretty = story::pretty(body);
        let shown = shown(&pretty, Breaks::Kept);
        for line in shown.lines().take(BODY_LINES) {
            block.push_str(&format!("{:indent$}{mark} {}\n", "", cut(line, MAX_LENGTH)));
        }
        if shown.lines().count() > BODY_LINES {
            block.push_str(&format!("{:indent$}{mark} …\n", ""));
        }
    }
    block
}

fn reproduction(finding: &Finding, report: Option<&str>) -> String {
    let mut block = format!("  {:LABEL$}{}", "reproduce", visible(&story::replay(finding, report)));
    // Without a report there is nothing yet to play it from.
    let by_curl = !finding.curl.is_empty();
    block.push_str(match (report.is_some(), by_curl) {
        // One after the other they show nothing.
        (true, true) if finding.race.is_some() => "   (the curl lines under it send the same one by one)",
        (true, true) => "   (or the curl lines under it)",
        (true, false) => "",
        (false, true) if finding.race.is_some() => "   (of --report json=report.json; by curl, one by one:)",
        (false, true) => "   (of --report json=report.json; or by curl:)",
        (false, false) => "   (of --report json=report.json)",
    });
    block.push('\n');
    for line in &finding.curl {
        let safe = visible(line);
        block.push_str(&format!("  {safe}\n"));
        if safe != *line {
            // A pasted escape would send other bytes than the run did.
            block.push_str("  (characters that steer a screen are escaped in this line: it does not send what was sent; replay does)\n");
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn where_there_is_room_a_finding_has_its_facts_in_the_first_line() {
        let wide = Style { width: 106, ..Style::default() };
        let outcome = sample::fixed();
        let text = finding(&outcome.findings[1], None, &wide);
        let (shape, _) = text.split_once("  curl ").unwrap();
        assert_eq!(
            shape,
            "violation[delete.removes]: a deleted offering can still be read      3 requests, shrunk from 14, confirmed\n\
             \x20 --> spec/offerings.openapi.yaml:212:9   v4GetOffering after v4DeleteOffering\n\
             \x20 expected    404 not_found after the 204 of the deletion\n\
             \x20 received    200 with the deleted offering\n\
             \x20 also        violates delete.recreate\n\
             \x20 1  POST    /offerings      201  id = qf-k3v-1\n\
             \x20 2  DELETE  /offerings/{1}  204\n\
             \x20 3  GET     /offerings/{1}  200  <- here\n\
             \x20 reproduce   qonform replay report.json 3fdeffb4   (of --report json=report.json; or by curl:)\n"
        );
    }

    #[test]
    fn a_curl_line_that_had_to_be_escaped_says_that_it_sends_something_else() {
        let mut outcome = sample::fixed();
        let odd = &mut outcome.findings[1];
        odd.curl = vec!["curl -d '\u{1b}[2J' http://h".into(), "curl http://h".into()];
        let text = finding(odd, None, &Style::default());
        assert!(text.contains("  curl -d '\\u{1b}[2J' http://h\n  (characters that steer a screen"));
        assert!(text.ends_with("  curl http://h\n"));
    }

    #[test]
    fn what_a_server_said_at_length_is_cut_and_told_whole_in_detail() {
        let mut outcome = sample::fixed();
        outcome.findings[1].received = "x".repeat(1_000);
        let told =
            |detail| finding(&outcome.findings[1], None, &Style { detail, ..Style::default() }).matches('x').count();
        assert!(told(Verbosity::Normal) < 420 && told(Verbosity::Verbose) >= 1_000);
    }
}
