//! HAR 1.2: the requests and responses of the findings, a page per finding.
//!
//! A finding has no times, so every entry is in 1970 and takes zero milliseconds: HAR has no value for "unknown".

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::trace;
use super::visible::{safe_json, visible};
use crate::finding::{EvidenceStep, Finding, Outcome};

/// A time that stands for "unknown"; one second later for each entry, so that viewers keep the order.
fn moment(index: usize) -> String {
    let seconds = index % 86_400;
    format!("1970-01-01T{:02}:{:02}:{:02}.000Z", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The archive, pretty-printed.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut entries = Vec::new();
    let mut pages = Vec::new();
    for finding in &outcome.findings {
        pages.push(page(finding, entries.len()));
        for step in &finding.steps {
            entries.push(entry(outcome, finding, step, entries.len()));
        }
    }
    let archive = json!({"log": {
        "version": "1.2",
        "creator": {"name": outcome.tool.name, "version": outcome.tool.version},
        "comment": comment(outcome),
        "pages": pages,
        "entries": entries,
    }});
    safe_json(format!("{archive:#}\n"))
}

/// What the archive contains, and of which run.
fn comment(outcome: &Outcome) -> String {
    let started = outcome.started_at.iter().map(|at| format!("started {at}"));
    let labels = outcome.labels.iter().map(|(key, value)| format!("{key} {value}"));
    let facts: String = started.chain(labels).map(|fact| format!("; {}", visible(&fact))).collect();
    format!("Requests of the findings of a run{facts}. Times of requests were not recorded.")
}

fn page(finding: &Finding, index: usize) -> Value {
    json!({
        "id": finding.fingerprint,
        "title": trace::heading(finding),
        "startedDateTime": moment(index),
        "pageTimings": {"onContentLoad": -1, "onLoad": -1},
        "comment": format!("{} ({})", trace::operations(finding), trace::facts(finding)),
    })
}

fn entry(outcome: &Outcome, finding: &Finding, step: &EvidenceStep, index: usize) -> Value {
    let mut entry = json!({
        "pageref": finding.fingerprint,
        "startedDateTime": moment(index),
        "time": 0,
        "request": request(&outcome.target.url, step),
        "response": response(step),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
    });
    if step.here {
        entry["comment"] = json!(format!("here: expected {}; received {}", finding.expected, finding.received));
    }
    entry
}

/// A request against `base`.
pub(super) fn request(base: &str, step: &EvidenceStep) -> Value {
    let mut request = json!({
        "method": step.method,
        "url": format!("{base}{}", step.path),
        "httpVersion": step.http_version,
        "cookies": [],
        "headers": headers(&step.request_headers),
        "queryString": query(&step.path),
        "headersSize": -1,
        "bodySize": step.request_body.as_ref().map_or(0, String::len),
    });
    if let Some(body) = &step.request_body {
        request["postData"] = json!({
            "mimeType": content_type(&step.request_headers),
            "params": [],
            "text": body,
        });
    }
    request
}

/// The response of a step; status 0 if there was none.
pub(super) fn response(step: &EvidenceStep) -> Value {
    let body = step.response_body.as_deref().unwrap_or_default();
    let reason = http::StatusCode::from_u16(step.status).ok().and_then(|status| status.canonical_reason());
    json!({
        "status": step.status,
        "statusText": reason.unwrap_or_default(),
        "httpVersion": step.http_version,
        "cookies": [],
        "headers": headers(&step.response_headers),
        "content": {
            "size": body.len(),
            "mimeType": content_type(&step.response_headers),
            "text": body,
        },
        "redirectURL": header(&step.response_headers, "location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": body.len(),
    })
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn content_type(headers: &[(String, String)]) -> &str {
    header(headers, "content-type").unwrap_or("application/octet-stream")
}

fn query(path: &str) -> Vec<Value> {
    let Some((_, query)) = path.split_once('?') else {
        return Vec::new();
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
            json!({"name": decoded(name), "value": decoded(value)})
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sample;
    use super::*;

    fn read(outcome: &Outcome) -> Value {
        serde_json::from_str(&render(outcome)).unwrap()
    }

    /// Checks the members that HAR 1.2 requires.
    pub(in crate::report) fn assert_is_har(archive: &Value) {
        let log = &archive["log"];
        assert_eq!(log["version"], "1.2");
        assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
        let pages: Vec<&Value> = log["pages"].as_array().unwrap().iter().collect();
        for entry in log["entries"].as_array().unwrap() {
            // Only entries of a finding have a page.
            assert!(entry.get("pageref").is_none_or(|id| pages.iter().any(|page| page["id"] == *id)));
            assert!(entry["startedDateTime"].as_str().unwrap().ends_with('Z'));
            assert!(entry["time"].is_number() && entry["cache"].is_object());
            for timing in ["send", "wait", "receive"] {
                assert!(entry["timings"][timing].is_number());
            }
            let (request, response) = (&entry["request"], &entry["response"]);
            for text in ["method", "url", "httpVersion"] {
                assert!(request[text].is_string(), "{text}");
            }
            for text in ["statusText", "httpVersion", "redirectURL"] {
                assert!(response[text].is_string(), "{text}");
            }
            for list in ["cookies", "headers"] {
                assert!(request[list].is_array() && response[list].is_array(), "{list}");
            }
            assert!(request["queryString"].is_array() && response["status"].is_number());
            for size in ["headersSize", "bodySize"] {
                assert!(request[size].is_i64() && response[size].is_i64(), "{size}");
            }
            assert!(response["content"]["size"].is_u64());
            assert!(response["content"]["mimeType"].is_string());
        }
    }

    #[test]
    fn every_outcome_gives_a_valid_archive() {
        for outcome in [sample::fixed(), sample::empty(), sample::hostile()] {
            let archive = read(&outcome);
            assert_is_har(&archive);
            let steps: usize = outcome.findings.iter().map(|finding| finding.steps.len()).sum();
            assert_eq!(archive["log"]["entries"].as_array().unwrap().len(), steps);
        }
    }

    #[test]
    fn a_request_is_archived_as_it_was_sent() {
        let archive = read(&sample::fixed());
        let entry = &archive["log"]["entries"][1];
        assert_eq!(entry["request"]["url"], "http://127.0.0.1:4010/v4/offerings");
        assert_eq!(entry["request"]["postData"]["text"], "{\"id\":\"qf-k3v-1\"}");
        assert_eq!(entry["request"]["postData"]["mimeType"], "application/json");
        assert_eq!(entry["response"]["statusText"], "Created");
        assert_eq!(archive["log"]["entries"][2]["response"]["content"]["size"], 0);
    }

    #[test]
    fn the_comment_names_the_run() {
        assert_eq!(
            read(&sample::fixed())["log"]["comment"],
            "Requests of the findings of a run; branch main; commit 4f1c0de2a9b87c65d43e21f0a9b8c7d6e5f40312; \
             team payments. Times of requests were not recorded."
        );
        let outcome = Outcome { started_at: Some("2026-11-30T06:00:00Z".into()), ..sample::empty() };
        assert_eq!(
            read(&outcome)["log"]["comment"],
            "Requests of the findings of a run; started 2026-11-30T06:00:00Z. Times of requests were not recorded."
        );
    }

    #[test]
    fn a_query_is_split_into_parameters() {
        assert_eq!(
            query("/offerings?limit=1&starting_after=a%20b&&x"),
            [
                json!({"name": "limit", "value": "1"}),
                json!({"name": "starting_after", "value": "a b"}),
                json!({"name": "x", "value": ""}),
            ]
        );
        assert!(query("/offerings").is_empty());
    }
}
