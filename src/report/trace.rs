//! The parts of a finding as words: the same in every format.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::words::count;
use crate::exchange::KeyRole;
use crate::finding::{EvidenceStep, Finding, Outcome, RuleOutcome};

/// Maximum length of a request body in the line of a step, in characters.
const MAX_SENT_LENGTH: usize = 60;

/// Length of an id whose continuation is not taken for another id.
const LONG_ID: usize = 60;

/// Minimum number of equal steps that are shown as one line.
const MIN_FOLDED: usize = 3;

/// One step of a trace as a line: `1  POST  /offerings  201  id=qf-k3v-1`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TraceLine<'f> {
    pub(super) number: usize,
    pub(super) method: &'f str,
    /// The path, with `{n}` for the id that step n created.
    pub(super) path: String,
    /// `404 not_found`.
    pub(super) response: String,
    /// The key if it is not that of the project under test, the created id and the request body.
    pub(super) note: String,
    pub(super) here: bool,
}

/// A step, or consecutive equal steps as one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FoldedLine<'f> {
    /// `3`, or `3-22`.
    pub(super) numbers: String,
    /// The first of the steps; its note is about all of them.
    pub(super) line: TraceLine<'f>,
    pub(super) steps: &'f [EvidenceStep],
}

/// `violation[delete.removes] a deleted offering can still be read`.
pub(super) fn heading(finding: &Finding) -> String {
    format!("{}[{}] {}", finding.severity.word(), finding.rule, finding.title)
}

/// `confirmed, 3 requests, minimized from 14`.
pub(super) fn facts(finding: &Finding) -> String {
    let mut facts = vec![finding.confirmed.words().to_owned(), count(finding.steps.len(), "request")];
    // What prepares the project is among the requests, but not among the steps before minimization.
    if let Some(before) = finding.shrunk_from.filter(|before| *before > finding.steps.len()) {
        facts.push(format!("minimized from {before}"));
    }
    match (finding.count, finding.operations.len()) {
        (0 | 1, _) => {}
        (times, 0 | 1) => facts.push(format!("seen {times} times")),
        (times, operations) => facts.push(format!("seen {times} times at {operations} operations")),
    }
    if finding.passed_checks > 0 {
        facts.push(format!("{} of the rule passed", count(finding.passed_checks, "other check")));
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
        (None, Some(status)) if method.is_empty() => format!("{operations}, response {status}"),
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

/// The sentence of a rule with its sources: `no 5xx to any input (every document)`.
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
            note: note(step, new.as_deref(), None),
            here: step.here,
        });
        created.extend(new.map(|id| (step.number, id)));
    }
    lines
}

/// The steps as lines, equal ones in one line: `2-22  POST  /offerings  201  21 times, ids qf-k3v-1 to qf-k3v-21`. A step
/// to whose id a later one refers has its own line.
pub(super) fn folded(finding: &Finding) -> Vec<FoldedLine<'_>> {
    let lines = lines(finding);
    let shapes: Vec<_> = lines.iter().zip(&finding.steps).map(|(line, step)| shape(line, step)).collect();
    let is_named = |number: usize| lines.iter().any(|line| line.path.contains(&format!("{{{number}}}")));
    let may_fold: Vec<bool> = lines.iter().map(|line| !line.here && !is_named(line.number)).collect();
    let mut folded = Vec::new();
    let mut start = 0;
    while start < lines.len() {
        let alike = (start + 1..lines.len()).take_while(|&next| may_fold[next] && shapes[next] == shapes[start]);
        let alike = if may_fold[start] { 1 + alike.count() } else { 1 };
        let length = if alike < MIN_FOLDED { 1 } else { alike };
        let steps = &finding.steps[start..start + length];
        let mut line = lines[start].clone();
        let mut numbers = line.number.to_string();
        if let [first, .., last] = steps {
            numbers.push_str(&format!("-{}", last.number));
            line.note = note_of_all(first, last, length);
        }
        folded.push(FoldedLine { numbers, line, steps });
        start += length;
    }
    folded
}

/// The steps as lines, each in its own.
pub(super) fn unfolded(finding: &Finding) -> Vec<FoldedLine<'_>> {
    let lines = lines(finding).into_iter().zip(&finding.steps);
    lines
        .map(|(line, step)| FoldedLine { numbers: line.number.to_string(), line, steps: std::slice::from_ref(step) })
        .collect()
}

/// What equal steps have in common: all but the created id.
fn shape<'l>(line: &'l TraceLine<'_>, step: &'l EvidenceStep) -> (&'l str, &'l str, &'l str, String, bool) {
    let id = created_id(step);
    (line.method, &line.path, &line.response, note(step, id.as_deref(), id.as_deref()), id.is_some())
}

/// The note of equal steps.
fn note_of_all(first: &EvidenceStep, last: &EvidenceStep, times: usize) -> String {
    let ids = created_id(first).zip(created_id(last)).map(|(first, last)| format!("ids {first} to {last}"));
    let id = created_id(first);
    let rest = note(first, id.as_deref(), id.as_deref());
    [Some(format!("{times} times")), ids, Some(rest).filter(|rest| !rest.is_empty())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// The `curl` commands of a finding, of equal steps the first one and a comment.
pub(super) fn commands(finding: &Finding) -> Vec<Cow<'_, str>> {
    let folded = folded(finding);
    if finding.curl.len() != finding.steps.len() || folded.len() == finding.steps.len() {
        return finding.curl.iter().map(|line| line.as_str().into()).collect();
    }
    let mut commands = Vec::new();
    let mut rest = finding.curl.as_slice();
    for part in folded {
        let (of_part, others) = rest.split_at(part.steps.len());
        rest = others;
        commands.extend(of_part.first().map(|line| Cow::Borrowed(line.as_str())));
        if of_part.len() > 1 {
            let comment = format!("the same for steps {}: {}; ", part.numbers, part.line.note);
            commands.push(format!("{COMMENT}{comment}`qonform run --export DIR` writes every command").into());
        }
    }
    commands
}

/// The start of a command that is only a comment.
pub(super) const COMMENT: &str = "# ";

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

/// `path` with each segment and query value that is a created id, or that begins with a long one, replaced by `{n}`.
fn referring(path: &str, created: &[(usize, String)]) -> String {
    let mut replaced = String::with_capacity(path.len());
    for piece in path.split_inclusive(['/', '?', '&', '=']) {
        let value = piece.trim_end_matches(['/', '?', '&', '=']);
        let decoded = percent_decode_str(value).decode_utf8_lossy();
        match created.iter().rev().find(|(_, id)| *id == decoded) {
            Some((number, _)) => {
                replaced.push_str(&format!("{{{number}}}{}", &piece[value.len()..]));
            }
            // A longer id that a server may cut.
            None => match created.iter().rev().find(|(_, id)| id.len() >= LONG_ID && value.starts_with(id.as_str())) {
                Some((number, id)) => replaced.push_str(&format!("{{{number}}}{}", &piece[id.len()..])),
                None => replaced.push_str(piece),
            },
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

/// The note of a step that created an offering with the id `created`. The id `hidden` is left out.
fn note(step: &EvidenceStep, created: Option<&str>, hidden: Option<&str>) -> String {
    let mut parts: Vec<String> = key(step).map(str::to_owned).into_iter().collect();
    if let Some(id) = created.filter(|id| hidden != Some(id)) {
        parts.push(format!("id={id}"));
    }
    let idempotency_key = header(step, "idempotency-key");
    parts.extend(idempotency_key.map(|key| format!("Idempotency-Key: {}", short(key))));
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

/// Whose key a step carries; `None` for the key of the project under test.
fn key(step: &EvidenceStep) -> Option<&'static str> {
    let Some(sent) = header(step, "authorization") else { return Some("without a key") };
    match KeyRole::ALL.into_iter().find(|role| role.bearer() == sent) {
        Some(KeyRole::Main) => None,
        Some(KeyRole::Second) => Some("key of the second project"),
        Some(KeyRole::Empty) => Some("key of the empty project"),
        Some(KeyRole::Limited) => Some("key without permission"),
        None => Some("invalid key"),
    }
}

fn header<'s>(step: &'s EvidenceStep, name: &str) -> Option<&'s str> {
    let found = step.request_headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
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
    fn a_finding_says_how_many_other_checks_of_its_rule_passed() {
        let mut finding = sample::fixed().findings.swap_remove(1);
        (finding.count, finding.passed_checks) = (2, 7);
        let expected = "confirmed, 3 requests, minimized from 14, seen 2 times, 7 other checks of the rule passed";
        assert_eq!(facts(&finding), expected);
    }

    #[test]
    fn a_step_names_a_key_of_another_project() {
        let mut finding = sample::fixed().findings.swap_remove(1);
        let notes = [
            (Some(KeyRole::Main.bearer()), ""),
            (Some(KeyRole::Second.bearer()), "key of the second project"),
            (Some(KeyRole::Empty.bearer()), "key of the empty project"),
            (Some(KeyRole::Limited.bearer()), "key without permission"),
            (Some("Basic x".into()), "invalid key"),
            (None, "without a key"),
        ];
        for (sent, note) in notes {
            finding.steps[2].request_headers = sent.map(|key| ("authorization".into(), key)).into_iter().collect();
            assert_eq!(lines(&finding)[2].note, note);
        }
        finding.steps[0].request_headers =
            vec![("Authorization".into(), KeyRole::Second.bearer()), ("Idempotency-Key".into(), "k".into())];
        assert_eq!(lines(&finding)[0].note, "key of the second project, id=qf-k3v-1, Idempotency-Key: k");
    }

    /// A finding with twelve creates, whose seventh id the last request names.
    fn with_equal_steps() -> Finding {
        let mut finding = sample::fixed().findings.swap_remove(1);
        let (create, get) = (finding.steps[0].clone(), finding.steps[2].clone());
        let rename = |text: &Option<String>, number: usize| {
            text.as_ref().map(|text| text.replace("qf-k3v-1", &format!("qf-k3v-{number}")))
        };
        let created = (1..=12).map(|number| EvidenceStep {
            number,
            request_body: rename(&create.request_body, number),
            response_body: rename(&create.response_body, number),
            ..create.clone()
        });
        finding.steps = created.collect();
        let path = "/offerings?starting_after=qf-k3v-7".to_owned();
        finding.steps.push(EvidenceStep { number: 13, path, ..get });
        finding.curl = (1..=13).map(|number| format!("curl {number}")).collect();
        finding
    }

    #[test]
    fn equal_steps_are_one_line_unless_a_later_step_names_them() {
        let finding = with_equal_steps();
        let shown: Vec<_> = folded(&finding)
            .iter()
            .map(|part| format!("{} {} {} {}", part.numbers, part.line.method, part.line.path, part.line.note))
            .collect();
        assert_eq!(
            shown,
            [
                "1-6 POST /offerings 6 times, ids qf-k3v-1 to qf-k3v-6",
                "7 POST /offerings id=qf-k3v-7",
                "8-12 POST /offerings 5 times, ids qf-k3v-8 to qf-k3v-12",
                "13 GET /offerings?starting_after={7} ",
            ]
        );
        let commands = commands(&finding);
        assert_eq!(commands.len(), 6);
        assert_eq!(commands[0], "curl 1");
        assert_eq!(
            commands[1],
            "# the same for steps 1-6: 6 times, ids qf-k3v-1 to qf-k3v-6; `qonform run --export DIR` writes every command"
        );
    }

    #[test]
    fn steps_with_other_bodies_or_keys_are_not_equal() {
        let mut finding = with_equal_steps();
        finding.steps[1].request_body = Some(r#"{"id":"qf-k3v-2","tag":0}"#.into());
        finding.steps[4].request_headers = vec![("authorization".into(), KeyRole::Second.bearer())];
        let numbers: Vec<_> = folded(&finding).into_iter().map(|part| part.numbers).collect();
        assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8-12", "13"]);
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
        let long = "x".repeat(64);
        assert_eq!(referring(&format!("/offerings/{long}y"), &[(3, long)]), "/offerings/{3}y");
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
