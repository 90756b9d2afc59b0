//! A finding and the steps that show it.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Timeline, Waived};
use crate::contract::Level;
use crate::exchange::{Credentials, Exchange, Request, Response, curl};

/// One defect of the target: a violated rule with its evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Eight hexadecimal digits: a hash of rule, condition and difference, and of the operation if the condition is
    /// about a single one. The same in every run that finds the same defect.
    pub fingerprint: String,
    /// Id of the rule.
    pub rule: String,
    /// Ids of further rules that the same defect violates, in the order of the catalogue.
    pub also: Vec<String>,
    /// The condition of the rule that failed: `create.id-invalid/accepted`.
    pub condition: String,
    /// What differed, without values; may be empty.
    pub difference: String,
    /// Effective level of the rule; with several rules, the strictest.
    pub level: Level,
    /// Whether it fails the run.
    pub severity: Severity,
    /// Ids of all operations where it was seen, in document order; empty for requests outside the document.
    pub operations: Vec<String>,
    /// What is wrong, as a clause.
    pub title: String,
    /// What the rule requires.
    pub expected: String,
    /// What the server returned instead.
    pub received: String,
    /// Whether a second run of the case reproduced it.
    pub confirmed: Confirmation,
    /// Number of occurrences in this run.
    pub count: u64,
    /// Number of checks of the rule that passed in this run, of this condition and of others of the rule.
    #[serde(default)]
    pub passed_checks: u64,
    /// Its waiver; `None` if it is not waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
    /// The case that reproduces it with the fewest steps: `scenario::create.echo`.
    pub case: String,
    /// Number of steps (or generated requests) before minimization; `None` if the case was not minimized.
    pub shrunk_from: Option<usize>,
    /// Number of requests that minimization sent; `None` if the case was not minimized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrink_requests: Option<u64>,
    /// The generated request before it was minimized; `None` for a sequence, and if the request did not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunk_request: Option<String>,
    /// The steps of the sequence, the generated requests or the clients of the race, for `qonform replay`; `None` if
    /// replay runs the whole case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<serde_json::Value>,
    /// The concurrent requests as a text diagram; `None` if one client is enough to reproduce it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<String>,
    /// The same as data; `None` if one client is enough to reproduce it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<Timeline>,
    /// The place in the document that states the expectation.
    pub place: Option<DocumentPlace>,
    /// The requests that reproduce it, with their responses.
    pub steps: Vec<EvidenceStep>,
    /// The same requests as `curl` commands.
    pub curl: Vec<String>,
}

impl Finding {
    /// Whether the defect violates this rule, as its main rule or as a further one.
    pub fn violates(&self, rule: &str) -> bool {
        self.rule == rule || self.also.iter().any(|also| also == rule)
    }

    /// How much evidence there is to read: steps, and bytes of request bodies. What makes them hard to understand counts as
    /// further steps.
    pub fn evidence_cost(&self) -> (usize, usize) {
        let body = |step: &EvidenceStep| step.request_body.as_deref().map(|body| body.as_bytes().to_vec());
        evidence_cost(self.steps.iter().map(|step| (step.path.as_str(), body(step))))
    }

    /// Whether an earlier run found the same defect at all of its operations and for all of its rules.
    pub fn is_all_in(&self, earlier: &Self) -> bool {
        self.fingerprint == earlier.fingerprint
            && self.operations.iter().all(|operation| earlier.operations.contains(operation))
            && self.also.iter().all(|rule| earlier.also.contains(rule))
    }
}

/// Whether a finding fails the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It fails the run.
    Violation,
    /// It does not fail the run because the baseline has it too.
    Known,
    /// It does not fail the run.
    Warning,
    /// A violation or warning with a waiver that has not expired.
    Waived,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Known => "known",
            Self::Warning => "warning",
            Self::Waived => "waived",
        }
    }
}

/// Whether a second run reproduced a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// The second run violated the same rule in the same way.
    Confirmed,
    /// The second run did not violate the rule.
    Intermittent,
    /// There was no second run.
    #[default]
    NotRetried,
}

impl Confirmation {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Intermittent => "intermittent",
            Self::NotRetried => "not retried",
        }
    }
}

/// A place in the contract's document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentPlace {
    /// The file as it was named.
    pub file: String,
    /// JSON pointer.
    pub pointer: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One request of a finding and its response; secrets are replaced by their names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EvidenceStep {
    /// From 1.
    pub number: usize,
    /// Operation id, or `None` outside the document.
    pub operation: Option<String>,
    /// Method of the request.
    pub method: String,
    /// Path and query as sent, relative to the target.
    pub path: String,
    /// Headers of the request as sent.
    pub request_headers: Vec<(String, String)>,
    /// Body of the request, bytes outside UTF-8 replaced, cut after 64 KiB.
    pub request_body: Option<String>,
    /// HTTP version of the response.
    #[serde(default = "http_1_1", skip_serializing_if = "is_http_1_1")]
    pub http_version: String,
    /// Status of the response.
    pub status: u16,
    /// Headers of the response.
    pub response_headers: Vec<(String, String)>,
    /// Body of the response, bytes outside UTF-8 replaced, cut after 64 KiB.
    pub response_body: Option<String>,
    /// Whether the rule was violated at this step.
    pub here: bool,
}

/// Maximum length of a body in evidence, in bytes.
const MAX_BODY_LENGTH: usize = 64 << 10;

fn http_1_1() -> String {
    "HTTP/1.1".into()
}

fn is_http_1_1(version: &String) -> bool {
    *version == http_1_1()
}

impl EvidenceStep {
    /// The step for `exchange`, redacted.
    pub fn of(number: usize, exchange: &Exchange, keys: &Credentials, here: bool) -> Self {
        Self { here, ..Self::new(number, &exchange.request, Some(&exchange.response), keys) }
    }

    /// The step for a request and its response, redacted. The status is 0 if there was no response.
    pub fn new(number: usize, request: &Request, response: Option<&Response>, keys: &Credentials) -> Self {
        let clean = |text: &str| keys.redact(text).into_owned();
        let clean_body = |bytes: &[u8]| {
            let kept = &bytes[..bytes.len().min(MAX_BODY_LENGTH)];
            let mut text = clean(&String::from_utf8_lossy(kept));
            if kept.len() < bytes.len() {
                text.push_str(&format!("… ({} bytes in all)", bytes.len()));
            }
            text
        };
        Self {
            number,
            operation: request.operation.id().map(str::to_owned),
            method: request.method.to_string(),
            path: clean(&request.path),
            request_headers: request.headers.iter().map(|(name, value)| (name.clone(), clean(value))).collect(),
            request_body: request.body.as_deref().map(clean_body),
            http_version: response.map_or_else(http_1_1, |response| format!("{:?}", response.version)),
            status: response.map_or(0, |response| response.status),
            response_headers: response
                .into_iter()
                .flat_map(Response::headers)
                .filter(|(name, _)| *name != http::header::DATE)
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    (name.as_str().to_owned(), clean(&value))
                })
                .collect(),
            response_body: response.map(Response::body).filter(|body| !body.is_empty()).map(|body| clean_body(body)),
            here: false,
        }
    }

    /// The `curl` commands of a trace against `base`, one for each exchange.
    pub fn curl_lines<'e>(
        base: &str,
        keys: &Credentials,
        trace: impl IntoIterator<Item = &'e Exchange>,
    ) -> Vec<String> {
        trace.into_iter().map(|exchange| keys.redact(&curl(base, &exchange.request)).into_owned()).collect()
    }
}

/// Cost of what makes a trace harder to understand, in steps.
const OBSCURE_COST: usize = 3;

/// How much evidence there is to read, in steps and in bytes of bodies, given the path and the body of each request. Of
/// several traces of one defect the one with the lowest cost explains it best. An empty list in a request costs more, as its wrong effect has
/// several causes, and so does a cursor that no request of the trace creates.
pub(super) fn evidence_cost<'p, B: AsRef<[u8]>>(
    requests: impl Iterator<Item = (&'p str, Option<B>)>,
) -> (usize, usize) {
    let (mut steps, mut bytes, mut has_empty_list, mut has_foreign_cursor) = (0, 0, false, false);
    let mut created = Vec::new();
    for (path, body) in requests {
        steps += 1;
        bytes += body.as_ref().map_or(0, |body| body.as_ref().len());
        let members = body.and_then(|body| serde_json::from_slice::<Map<String, Value>>(body.as_ref()).ok());
        has_empty_list |= members.as_ref().is_some_and(has_empty_list_in);
        created.extend(members.and_then(|mut members| Some(members.remove("id")?.as_str()?.to_owned())));
        let cursor = path.split_once("starting_after=").map(|(_, rest)| rest.split('&').next().unwrap_or(rest));
        let cursor = cursor.map(|cursor| percent_decode_str(cursor).decode_utf8_lossy());
        has_foreign_cursor |= cursor.is_some_and(|cursor| !created.iter().any(|id| *id == cursor));
    }
    (steps + OBSCURE_COST * (usize::from(has_empty_list) + usize::from(has_foreign_cursor)), bytes)
}

fn has_empty_list_in(members: &Map<String, Value>) -> bool {
    members.values().any(|value| value.as_array().is_some_and(Vec::is_empty))
}

/// Whether a member of a JSON object is an empty list.
pub(super) fn contains_empty_list(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|members| has_empty_list_in(&members))
}

/// Eight hexadecimal digits that identify a defect: FNV-1a over the parts.
pub(super) fn fingerprint<const N: usize>(parts: [&str; N]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // The byte 0xff cannot occur in UTF-8, so it separates the parts.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lists_and_unknown_cursors_cost_as_much_as_three_steps() {
        let cost = |requests: &[(&'static str, &str)]| {
            evidence_cost(requests.iter().map(|(path, body)| (*path, Some(body.as_bytes())))).0
        };
        assert_eq!(cost(&[("/o", ""), ("/o/a", r#"{"product_ids":["a"]}"#), ("/o/a", "[]")]), 3);
        assert_eq!(cost(&[("/o", ""), ("/o/a", r#"{"product_ids":[]}"#)]), 5);
        assert_eq!(cost(&[("/o", r#"{"id":"a b"}"#), ("/o?limit=1&starting_after=a%20b", "")]), 2);
        assert_eq!(cost(&[("/o", r#"{"id":"a"}"#), ("/o?starting_after=b&limit=1", "")]), 5);
    }

    #[test]
    fn a_fingerprint_depends_on_each_part_and_nothing_else() {
        let base = fingerprint(["create.echo", "v4CreateOffering", "create.echo/id", "other id"]);
        assert_eq!(base.len(), 8);
        assert_eq!(base, fingerprint(["create.echo", "v4CreateOffering", "create.echo/id", "other id"]));
        assert_ne!(base, fingerprint(["create.echo", "", "create.echo/id", "other id"]));
        assert_ne!(base, fingerprint(["create.echo", "v4CreateOffering", "create.echo/id", "other"]));
        assert_ne!(fingerprint(["a", "b", "c"]), fingerprint(["a", "bc", ""]));
    }
}
