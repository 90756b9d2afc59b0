//! How a script decides whether a defect is reproduced.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::super::visible::visible;
use super::script::{created, is_not_all, prefix};
use crate::contract::{Catalogue, ShownBy};
use crate::finding::{EvidenceStep, Finding};

/// The check of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// The response of the marked step must have one of these statuses, with the code if there is one.
    Response(Vec<(u16, Option<String>)>),
    /// The defect is reproduced if every response is the same as in the evidence.
    Same,
    /// A person has to compare the responses, with the reason.
    Manual(&'static str),
}

/// Headers that differ between responses and matter to no rule.
pub(super) const VOLATILE: [&str; 12] = [
    "age",
    "alt-svc",
    "connection",
    "content-length",
    "date",
    "etag",
    "keep-alive",
    "server",
    "transfer-encoding",
    "vary",
    "via",
    "x-request-id",
];

/// Maximum length of a compared response, in bytes.
const MAX_LENGTH: usize = 16 << 10;

/// What reproduces a finding of the rule; the contents of the project if the rule is unknown.
pub(super) fn shown_by(finding: &Finding) -> ShownBy {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);
    CATALOGUE.rule(&finding.rule).map(|rule| rule.shown_by).unwrap_or_default()
}

impl Check {
    pub(super) fn of(finding: &Finding) -> Self {
        if finding.race.is_some() || finding.timeline.is_some() {
            return Self::Manual("it needs several concurrent clients: only replay runs them");
        }
        let Some(here) = finding.steps.iter().find(|step| step.here) else {
            return Self::Manual("the evidence has no steps");
        };
        let expected = responses(&finding.expected);
        let code = error_code(here);
        let is_among = expected.iter().any(|(status, expected)| {
            *status == here.status && expected.as_ref().is_none_or(|expected| Some(expected) == code.as_ref())
        });
        if !expected.is_empty() && !is_among && here.status != 0 {
            return Self::Response(expected);
        }
        let texts = [&finding.rule, &finding.title, &finding.expected, &finding.received];
        if texts.iter().any(|text| text.contains("created_at") || text.contains("updated_at"))
            || shown_by(finding) == ShownBy::Times
        {
            return Self::Manual("it is about times, which differ from run to run");
        }
        if !here.method.eq_ignore_ascii_case("GET") && shown_by(finding) != ShownBy::Response {
            return Self::Manual(
                "the effect of the request shows only in reads before and after it: only replay sends them",
            );
        }
        if finding.steps.iter().any(|step| !is_comparable(step)) {
            return Self::Manual("a response is too long or contains characters that cannot be shown");
        }
        if let Some(prefix) = prefix(finding) {
            let created: BTreeSet<String> = finding.steps.iter().filter_map(created).collect();
            let is_elsewhere_created = |id: &String| id.starts_with(prefix) && !created.contains(id);
            if finding.steps.iter().flat_map(listed).any(|id| is_elsewhere_created(&id)) {
                return Self::Manual("a list contains offerings of the run that these requests do not create");
            }
        }
        Self::Same
    }
}

/// The responses at the start of a sentence: `204 without a body`, `200 or 409 offering_is_main`.
fn responses(expected: &str) -> Vec<(u16, Option<String>)> {
    let mut responses: Vec<(u16, Option<String>)> = Vec::new();
    let mut words = expected.split([' ', ',', ';', ':', '(', ')']).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let status = word.parse::<u16>().ok().filter(|status| word.len() == 3 && (100..600).contains(status));
        match status {
            Some(status) => {
                let is_code =
                    |word: &&str| word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                responses.push((status, words.next_if(is_code).map(str::to_owned)));
            }
            None if word == "or" => {}
            // A later number may be anything.
            None => break,
        }
    }
    responses
}

pub(super) fn error_code(step: &EvidenceStep) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(step.response_body.as_deref()?).ok()?;
    Some(body.pointer("/error/code")?.as_str()?.to_owned())
}

fn is_comparable(step: &EvidenceStep) -> bool {
    let body = step.response_body.as_deref().unwrap_or_default();
    let headers: usize = step.response_headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let text = recorded(step);
    !is_not_all(body) && body.len() + headers < MAX_LENGTH && text.lines().all(|line| visible(line) == line)
}

/// The ids in a response that is a list.
fn listed(step: &EvidenceStep) -> Vec<String> {
    let body = step.response_body.as_deref().and_then(|body| serde_json::from_str::<serde_json::Value>(body).ok());
    let data = body.as_ref().and_then(|body| body.get("data")?.as_array());
    let ids = data.into_iter().flatten().filter_map(|item| item.get("id")?.as_str());
    ids.map(str::to_owned).collect()
}

/// The offerings in a listed response that the run did not create, sorted; `None` if there are none. Another project has
/// others, so its response differs whether or not the defect is reproduced.
pub(super) fn others(step: &EvidenceStep, prefix: &str) -> Option<Vec<String>> {
    let mut others = listed(step);
    others.retain(|id| !id.starts_with(prefix));
    others.sort();
    (!others.is_empty()).then_some(others)
}

/// A response as text to compare: status, sorted headers and body, with a placeholder for times.
pub(super) fn recorded(step: &EvidenceStep) -> String {
    let mut headers: Vec<String> = step
        .response_headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !VOLATILE.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let body = step.response_body.as_deref().unwrap_or_default();
    let text = format!("{}\n{}\n\n{body}", step.status, headers.join("\n"));
    without_times(&text.replace('\r', "")).trim_end_matches('\n').to_owned()
}

/// `text` with `TIME` for every RFC 3339 time in UTC.
fn without_times(text: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let bytes = rest.as_bytes();
        let fits = bytes.len() > SHAPE.len()
            && SHAPE
                .iter()
                .zip(bytes)
                .all(|(shape, byte)| if *shape == b'0' { byte.is_ascii_digit() } else { shape == byte });
        let end = fits.then(|| end_of_time(bytes, SHAPE.len())).flatten();
        if let Some(end) = end {
            replaced.push_str("TIME");
            rest = &rest[end..];
        } else {
            replaced.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    replaced
}

/// The end of the fraction and zone of a time.
fn end_of_time(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    if bytes[at] == b'.' {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        at += 1 + digits;
    }
    match &bytes[at..] {
        [b'Z', ..] => Some(at + 1),
        [b'+', b'0', b'0', b':', b'0', b'0', ..] => Some(at + 6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_responses_of_a_sentence_are_at_its_start() {
        let code = |code: &str| Some(code.to_owned());
        assert_eq!(responses("404 not_found after the 204 of it"), [(404, code("not_found"))]);
        assert_eq!(responses("200 or 409 offering_is_main"), [(200, None), (409, code("offering_is_main"))]);
        assert_eq!(responses("at most 100 offerings"), []);
    }

    #[test]
    fn offerings_of_others_are_recognised() {
        let mut step = crate::report::sample::fixed().findings[1].steps[0].clone();
        step.response_body = Some(r#"{"data":[{"id":"z"},{"id":"qf-abcd-x"},{"id":"a"}]}"#.into());
        assert_eq!(others(&step, "qf-abcd-"), Some(vec!["a".to_owned(), "z".to_owned()]));
        step.response_body = Some(r#"{"data":[{"id":"qf-abcd-x"}]}"#.into());
        assert_eq!(others(&step, "qf-abcd-"), None);
    }

    #[test]
    fn only_times_in_utc_are_replaced() {
        assert_eq!(
            without_times("a 2026-01-02T03:04:05Z,2026-01-02T03:04:05.123+00:00 2026-01-02T03:04:05+01:00 2026é"),
            "a TIME,TIME 2026-01-02T03:04:05+01:00 2026é"
        );
    }
}
