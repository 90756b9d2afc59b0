//! A finding in words: the same in every format.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::words::count;
use crate::finding::{EvidenceStep, Finding, Outcome};

/// The longest piece of a sent body that stands in a step's line, in characters.
const MAX_SENT_LENGTH: usize = 60;

/// One step in a line: `1  POST  /offerings  201  id = qf-k3v-1`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line<'f> {
    pub(super) number: usize,
    pub(super) method: &'f str,
    /// The path with `{n}` for the id that step n created.
    pub(super) path: String,
    /// `404 not_found`.
    pub(super) response: String,
    /// What a reader needs to follow: the id that was created, the body that was sent.
    pub(super) note: String,
    pub(super) here: bool,
}

/// `3 requests, shrunk from 14, confirmed`.
pub(super) fn facts(finding: &Finding) -> String {
    let mut facts = vec![count(finding.steps.len(), "request")];
    if let Some(before) = finding.shrunk_from {
        facts.push(format!("shrunk from {before}"));
    }
    facts.push(finding.confirmed.words().to_owned());
    match (finding.count, finding.operations.len()) {
        (0 | 1, _) => {}
        (times, 0 | 1) => facts.push(format!("seen {times} times")),
        (times, operations) => facts.push(format!("seen {times} times at {operations} operations")),
    }
    facts.join(", ")
}

/// `spec/offerings.openapi.yaml:212:9`, or `None` when the document says nothing of it.
pub(super) fn place(finding: &Finding) -> Option<String> {
    let place = finding.place.as_ref()?;
    Some(format!("{}:{}:{}", place.file, place.line, place.column))
}

/// `v4GetOffering, v4UpdateOffering`: operations at fault, or what stands where there are none.
pub(super) fn named(operations: &[String]) -> String {
    if operations.is_empty() { "outside the document".to_owned() } else { operations.join(", ") }
}

/// `invariant.single-main, invariant.main-exists`: the further rules of a finding; `None` where there are none.
pub(super) fn also(finding: &Finding) -> Option<String> {
    (!finding.also.is_empty()).then(|| finding.also.join(", "))
}

/// `v4GetOffering after v4DeleteOffering`: the operations at fault and the write that came before in the trace.
pub(super) fn operations(finding: &Finding) -> String {
    let fault = named(&finding.operations);
    let here = finding.steps.iter().position(|step| step.here).unwrap_or(finding.steps.len());
    let before = finding.steps[..here]
        .iter()
        .rev()
        .filter(|step| !matches!(step.method.as_str(), "GET" | "HEAD" | "OPTIONS"))
        .find_map(|step| step.operation.as_deref());
    match before {
        Some(before) => format!("{fault} after {before}"),
        None => fault,
    }
}

/// The name of the document that a tag stands for, or `None` for a tag that the harness does not know.
pub(super) fn source(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "all" => "every document",
        "L" => "reference page of GET /offerings",
        "D" => "reference page of DELETE /offerings/{offering_id}",
        "C" => "reference page of POST /offerings",
        "U" => "reference page of PATCH /offerings/{offering_id}",
        "S" => "reference page of POST /offerings/{offering_id}/set-main",
        "G1" => "resource guide, older revision",
        "G2" => "resource guide, newer revision",
        "E" => "page on handling errors",
        "A" => "page on authentication",
        "O" => "overview",
        _ => return None,
    })
}

/// The command that shows a finding again; `report` is the JSON report, where its path is known.
pub(super) fn replay(finding: &Finding, report: Option<&str>) -> String {
    format!("qonform replay {} {}", quoted(report.unwrap_or("report.json")), finding.fingerprint)
}

/// `text` as one word of a shell, as it is where that is one.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '=' | '@' | '%');
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The steps as lines; ids that a step created are named by the step's number from there on.
pub(super) fn lines(finding: &Finding) -> Vec<Line<'_>> {
    let mut created: Vec<(usize, String)> = Vec::new();
    let mut lines = Vec::with_capacity(finding.steps.len());
    for step in &finding.steps {
        let path = referring(&step.path, &created);
        let new = created_id(step);
        lines.push(Line {
            number: step.number,
            method: &step.method,
            path,
            response: response(step),
            note: note(step, new.as_deref()),
            here: step.here,
        });
        created.extend(new.map(|id| (step.number, id)));
    }
    lines
}

/// A body for reading: JSON with line breaks and indentation, anything else as it is. Only white space is added or taken
/// away: the order and the spelling of what the server sent stay, and so does a member that is there twice.
pub(super) fn pretty(body: &str) -> Cow<'_, str> {
    if serde_json::from_str::<IgnoredAny>(body).is_err() {
        return Cow::Borrowed(body);
    }
    let mut text = String::with_capacity(body.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut opened = false;
    for c in body.chars() {
        if in_string {
            text.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        depth -= usize::from(closes);
        if opened != closes && (opened || closes) {
            text.push_str(&format!("\n{:1$}", "", depth * 2));
        }
        text.push(c);
        opened = matches!(c, '{' | '[');
        depth += usize::from(opened);
        in_string = c == '"';
        match c {
            ',' => text.push_str(&format!("\n{:1$}", "", depth * 2)),
            ':' => text.push(' '),
            _ => {}
        }
    }
    Cow::Owned(text)
}

fn json(body: Option<&String>) -> Option<Value> {
    serde_json::from_str(body?).ok()
}

/// The id of the offering that a step created.
fn created_id(step: &EvidenceStep) -> Option<String> {
    let resource = step.path.split('?').next()?;
    if step.method != "POST" || resource != "/offerings" || !(200..300).contains(&step.status) {
        return None;
    }
    let id = json(step.response_body.as_ref())?.get("id")?.as_str()?.to_owned();
    (!id.is_empty()).then_some(id)
}

/// `path` with each segment and query value that is a created id replaced by `{n}`.
fn referring(path: &str, created: &[(usize, String)]) -> String {
    let mut told = String::with_capacity(path.len());
    for piece in path.split_inclusive(['/', '?', '&', '=']) {
        let value = piece.trim_end_matches(['/', '?', '&', '=']);
        let decoded = percent_decode_str(value).decode_utf8_lossy();
        match created.iter().rev().find(|(_, id)| *id == decoded) {
            Some((number, _)) => {
                told.push_str(&format!("{{{number}}}{}", &piece[value.len()..]));
            }
            None => told.push_str(piece),
        }
    }
    told
}

fn response(step: &EvidenceStep) -> String {
    let body = json(step.response_body.as_ref());
    let code = body.as_ref().and_then(|body| body.pointer("/error/code")?.as_str());
    match code {
        Some(code) => format!("{} {code}", step.status),
        None => step.status.to_string(),
    }
}

fn note(step: &EvidenceStep, created: Option<&str>) -> String {
    let mut parts = Vec::new();
    if let Some(id) = created {
        parts.push(format!("id = {id}"));
    }
    if let Some(sent) = &step.request_body {
        let mut rest = json(Some(sent));
        if let (Some(id), Some(Value::Object(members))) = (created, &mut rest)
            && members.get("id").and_then(Value::as_str) == Some(id)
        {
            members.remove("id");
        }
        let nothing_more = matches!(&rest, Some(Value::Object(members)) if members.is_empty());
        if !(nothing_more && created.is_some()) {
            let rest = rest.map_or_else(|| sent.clone(), |rest| rest.to_string());
            parts.push(format!("sent {}", short(&rest)));
        }
    }
    parts.join(", ")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_SENT_LENGTH) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// `by the payments team until 2026-12-31: a reason`, of a finding that was waived.
pub(super) fn waiver(finding: &Finding) -> Option<String> {
    let waived = finding.waiver.as_ref()?;
    let over = if waived.expired { ", which is over: it counts again" } else { "" };
    Some(format!("by {} until {}{over}: {}", waived.owner, waived.expires, waived.reason))
}

/// Waivers that need attention: expired ones, and those that waive nothing.
pub(super) fn waivers(outcome: &Outcome) -> impl Iterator<Item = String> + '_ {
    outcome.waivers.iter().filter_map(|waiver| {
        let remark = waiver.remark()?;
        Some(format!("{} ({} until {}): {remark}", waiver.subject(), waiver.owner, waiver.expires))
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_created_id_is_told_by_the_number_of_its_step() {
        let outcome = sample::fixed();
        let removes = &outcome.findings[1];
        let told: Vec<_> = lines(removes)
            .iter()
            .map(|line| format!("{} {} {} {}", line.method, line.path, line.response, line.note))
            .collect();
        assert_eq!(
            told,
            ["POST /offerings 201 id = qf-k3v-1", "DELETE /offerings/{1} 204 ", "GET /offerings/{1} 200 "]
        );
        assert_eq!(facts(removes), "3 requests, shrunk from 14, confirmed");
        assert_eq!(operations(removes), "v4GetOffering after v4DeleteOffering");
    }

    #[test]
    fn replay_reads_the_report_that_was_written() {
        let finding = &sample::fixed().findings[1];
        assert_eq!(replay(finding, None), format!("qonform replay report.json {}", finding.fingerprint));
        assert!(replay(finding, Some("out/it's.json")).starts_with(r"qonform replay 'out/it'\''s.json' "));
    }

    #[test]
    fn an_encoded_id_and_one_in_the_query_are_recognised_and_a_part_of_a_word_is_not() {
        let created = [(1, "a b".to_owned()), (2, "main".to_owned())];
        assert_eq!(
            referring("/offerings/a%20b/set-main?starting_after=main&x=mainly", &created),
            "/offerings/{1}/set-main?starting_after={2}&x=mainly"
        );
    }

    #[test]
    fn a_body_that_says_more_than_the_id_is_shown() {
        let outcome = sample::fixed();
        assert_eq!(lines(&outcome.findings[0])[0].note, "id = qf-k3v-9, sent {\"tag\":2}");
        assert_eq!(lines(&outcome.findings[2])[0].response, "404 not_found");
    }

    #[test]
    fn a_body_is_indented_and_otherwise_left_as_it_was_sent() {
        assert_eq!(
            pretty(r#"{"b":[1e3, {}],"a":"x\"},[","a":[ ]}"#),
            "{\n  \"b\": [\n    1e3,\n    {}\n  ],\n  \"a\": \"x\\\"},[\",\n  \"a\": []\n}"
        );
        assert_eq!(pretty("{\"cut"), "{\"cut");
        assert_eq!(pretty("<html>"), "<html>");
    }
}
