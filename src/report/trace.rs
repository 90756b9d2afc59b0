//! The parts of a finding as words: the same in every format.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::words::count;
use crate::finding::{EvidenceStep, Finding, Outcome, RuleOutcome};

/// Maximum length of a request body in the line of a step, in characters.
const MAX_SENT_LENGTH: usize = 60;

/// One step of a trace as a line: `1  POST  /offerings  201  id=qf-k3v-1`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TraceLine<'f> {
    pub(super) number: usize,
    pub(super) method: &'f str,
    /// The path, with `{n}` for the id that step n created.
    pub(super) path: String,
    /// `404 not_found`.
    pub(super) response: String,
    /// The created id and the request body.
    pub(super) note: String,
    pub(super) here: bool,
}

/// `violation[delete.removes] a deleted offering can still be read`.
pub(super) fn heading(finding: &Finding) -> String {
    format!("{}[{}] {}", finding.severity.word(), finding.rule, finding.title)
}

/// `confirmed, 3 requests, minimized from 14`.
pub(super) fn facts(finding: &Finding) -> String {
    let mut facts = vec![finding.confirmed.words().to_owned(), count(finding.steps.len(), "request")];
    if let Some(before) = finding.shrunk_from {
        facts.push(format!("minimized from {before}"));
    }
    match (finding.count, finding.operations.len()) {
        (0 | 1, _) => {}
        (times, 0 | 1) => facts.push(format!("seen {times} times")),
        (times, operations) => facts.push(format!("seen {times} times at {operations} operations")),
    }
    facts.join(", ")
}

/// What the rule expects and what was received: one sentence without a label where both are responses to the marked
/// request, else a line for each.
pub(super) fn deviation(finding: &Finding) -> Vec<(&'static str, String)> {
    let (expected, received) = (&finding.expected, &finding.received);
    let status = |text: &str| text.get(..3).and_then(|start| start.parse::<u16>().ok());
    let here = finding.steps.iter().zip(lines(finding)).find(|(step, _)| step.here);
    match here {
        Some((step, line)) if status(received) == Some(step.status) && status(expected).is_some() => {
            let request = format!("{} {}", line.method, short(&line.path));
            vec![("", format!("{request} returned {received}, expected {expected}"))]
        }
        _ => vec![("expected", expected.clone()), ("received", received.clone())],
    }
}

/// `spec/offerings.openapi.yaml:212:9`, or `None` if the document does not state the expectation.
pub(super) fn place(finding: &Finding) -> Option<String> {
    let place = finding.place.as_ref()?;
    Some(format!("{}:{}:{}", place.file, place.line, place.column))
}

/// `v4GetOffering, GET response 404`: the operations, and the part of the document that the place points to. The part
/// can belong to another operation.
pub(super) fn subject(finding: &Finding) -> String {
    let operations = named(&finding.operations);
    let pointer = finding.place.as_ref().map_or("", |place| &place.pointer);
    let part = |marker: &str| pointer.rsplit_once(marker)?.1.split('/').next();
    let method = pointer.strip_prefix("/paths/").and_then(|rest| rest.split('/').nth(1)).unwrap_or_default();
    match (part("/properties/"), part("/responses/")) {
        (Some(name), _) => format!("{operations}, property {name}"),
        (None, Some(status)) => format!("{operations}, {} response {status}", method.to_uppercase()),
        (None, None) => operations,
    }
}

/// `v4GetOffering, v4UpdateOffering`, or `outside the document` if there is no operation.
pub(super) fn named(operations: &[String]) -> String {
    if operations.is_empty() { "outside the document".to_owned() } else { operations.join(", ") }
}

/// `invariant.single-main, invariant.main-exists`: the further rules of a finding; `None` if there are none.
pub(super) fn also(finding: &Finding) -> Option<String> {
    (!finding.also.is_empty()).then(|| finding.also.join(", "))
}

/// `v4GetOffering after v4DeleteOffering`: the operations, and the last write before the violation.
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

/// The name of the document behind a tag; `None` for an unknown tag.
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

/// The sentence of a rule with its sources: `no 5xx, whatever the input (every document)`.
pub(super) fn sourced(rule: &RuleOutcome) -> String {
    let sources: Vec<&str> = rule.from.iter().map(|tag| source(tag).unwrap_or(tag)).collect();
    if sources.is_empty() { rule.statement.clone() } else { format!("{} ({})", rule.statement, sources.join("; ")) }
}

/// The command that replays a finding; `report` is the path of the JSON report, if it is known.
pub(super) fn replay(finding: &Finding, report: Option<&str>) -> String {
    format!("qonform replay {} {}", quoted(report.unwrap_or("report.json")), finding.fingerprint)
}

/// `text` as one word of a shell, quoted if necessary.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '=' | '@' | '%');
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The steps as lines. Later steps refer to a created id by the number of its step.
pub(super) fn lines(finding: &Finding) -> Vec<TraceLine<'_>> {
    let mut created: Vec<(usize, String)> = Vec::new();
    let mut lines = Vec::with_capacity(finding.steps.len());
    for step in &finding.steps {
        let path = referring(&step.path, &created);
        let new = created_id(step);
        lines.push(TraceLine {
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

/// A body for reading: JSON with line breaks and indentation, anything else unchanged. Only white space changes: order,
/// spelling and duplicate members stay as the server sent them.
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
    let mut replaced = String::with_capacity(path.len());
    for piece in path.split_inclusive(['/', '?', '&', '=']) {
        let value = piece.trim_end_matches(['/', '?', '&', '=']);
        let decoded = percent_decode_str(value).decode_utf8_lossy();
        match created.iter().rev().find(|(_, id)| *id == decoded) {
            Some((number, _)) => {
                replaced.push_str(&format!("{{{number}}}{}", &piece[value.len()..]));
            }
            None => replaced.push_str(piece),
        }
    }
    replaced
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
        parts.push(format!("id={id}"));
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

/// `by the payments team until 2026-12-31: a reason`; `None` for a finding without a waiver.
pub(super) fn waiver(finding: &Finding) -> Option<String> {
    let waived = finding.waiver.as_ref()?;
    let expired = if waived.expired { " (expired: it counts again)" } else { "" };
    Some(format!("by {} until {}{expired}: {}", waived.owner, waived.expires, waived.reason))
}

/// Waivers to review: expired ones, and those that waive nothing.
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
    fn a_created_id_is_named_by_the_number_of_its_step() {
        let outcome = sample::fixed();
        let removes = &outcome.findings[1];
        let shown: Vec<_> = lines(removes)
            .iter()
            .map(|line| format!("{} {} {} {}", line.method, line.path, line.response, line.note))
            .collect();
        assert_eq!(shown, ["POST /offerings 201 id=qf-k3v-1", "DELETE /offerings/{1} 204 ", "GET /offerings/{1} 200 "]);
        assert_eq!(facts(removes), "confirmed, 3 requests, minimized from 14");
        assert_eq!(operations(removes), "v4GetOffering after v4DeleteOffering");
        assert_eq!(subject(removes), "v4GetOffering, GET response 404");
        assert_eq!(subject(&outcome.findings[0]), "v4CreateOffering, property tag");
    }

    #[test]
    fn a_deviation_is_one_sentence_if_both_are_responses() {
        let outcome = sample::fixed();
        let sentence = "GET /offerings/{1} returned 200 with the deleted offering, expected 404 not_found after the 204 \
                        of the deletion";
        assert_eq!(deviation(&outcome.findings[1]), [("", sentence.to_owned())]);
        let labels: Vec<_> = deviation(&outcome.findings[2]).into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, ["expected", "received"]);
    }

    #[test]
    fn replay_reads_the_report_that_was_written() {
        let finding = &sample::fixed().findings[1];
        assert_eq!(replay(finding, None), format!("qonform replay report.json {}", finding.fingerprint));
        assert!(replay(finding, Some("out/it's.json")).starts_with(r"qonform replay 'out/it'\''s.json' "));
    }

    #[test]
    fn ids_are_recognised_encoded_and_in_queries_but_not_in_words() {
        let created = [(1, "a b".to_owned()), (2, "main".to_owned())];
        assert_eq!(
            referring("/offerings/a%20b/set-main?starting_after=main&x=mainly", &created),
            "/offerings/{1}/set-main?starting_after={2}&x=mainly"
        );
    }

    #[test]
    fn a_body_with_more_than_the_id_is_shown() {
        let outcome = sample::fixed();
        assert_eq!(lines(&outcome.findings[0])[0].note, "id=qf-k3v-9, sent {\"tag\":2}");
        assert_eq!(lines(&outcome.findings[2])[0].response, "404 not_found");
    }

    #[test]
    fn a_body_is_indented_and_otherwise_unchanged() {
        assert_eq!(
            pretty(r#"{"b":[1e3, {}],"a":"x\"},[","a":[ ]}"#),
            "{\n  \"b\": [\n    1e3,\n    {}\n  ],\n  \"a\": \"x\\\"},[\",\n  \"a\": []\n}"
        );
        assert_eq!(pretty("{\"cut"), "{\"cut");
        assert_eq!(pretty("<html>"), "<html>");
    }
}
