//! SARIF 2.1.0: rules, results with places in the document, and steps as code flows.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::trace;
use super::visible::{Breaks, safe_json, shown, visible};
use super::words::{run_status, shortfall};
use crate::contract::Level;
use crate::finding::{Ending, Finding, Outcome, RuleOutcome, Severity};

/// Characters to encode in the path of a URI, `%` among them, because a file name is not encoded yet.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The log, pretty-printed.
pub(super) fn render(outcome: &Outcome) -> String {
    let results: Vec<Value> = outcome.findings.iter().map(|finding| result(outcome, finding)).collect();
    let rules: Vec<Value> = outcome.rules.iter().map(rule).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": outcome.tool.name,
                "version": outcome.tool.version,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "artifacts": [{"location": {"uri": uri(&outcome.contract.document)}}],
            "invocations": [invocation(outcome)],
            "results": results,
            "properties": {
                "target": outcome.target.url,
                "seed": outcome.seed.to_string(),
                "contractDigest": outcome.contract.digest,
                "labels": outcome.labels,
            },
        }],
    });
    safe_json(format!("{log:#}\n"))
}

fn rule(rule: &RuleOutcome) -> Value {
    let level = match rule.level {
        Level::Must => "error",
        Level::Should => "warning",
        Level::Open => "note",
    };
    json!({
        "id": rule.id,
        "shortDescription": {"text": visible(&rule.statement)},
        "help": {"text": shown(&format!("{}\nSource: {}", rule.statement, rule.from.join(", ")), Breaks::Unchanged)},
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": [rule.area],
            "verdict": rule.verdict,
            "checked": rule.checked,
            "reason": rule.reason.as_deref().map(visible),
        },
    })
}

fn result(outcome: &Outcome, finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Violation | Severity::Known => "error",
        // The level without the waiver; the suppression marks it as accepted.
        Severity::Waived if finding.level == Level::Must => "error",
        Severity::Warning | Severity::Waived => "warning",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level,
        "message": {"text": message(finding)},
        "locations": [location(outcome, finding)],
        "partialFingerprints": {"qonform/v2": finding.fingerprint},
        "occurrenceCount": finding.count.max(1),
        "properties": {
            "confirmed": finding.confirmed,
            "case": finding.case,
            "condition": finding.condition,
            "also": finding.also,
            "replay": trace::replay(finding, outcome.report.as_deref()),
            "curl": finding.curl,
        },
    });
    if let Some(index) = outcome.rules.iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if finding.severity == Severity::Known {
        result["baselineState"] = json!("unchanged");
    }
    if finding.severity == Severity::Waived {
        let justification = trace::waiver(finding).unwrap_or_default();
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": justification}]);
    }
    // The schema requires at least one location in a thread flow.
    if !finding.steps.is_empty() {
        result["codeFlows"] = json!([code_flow(outcome, finding)]);
    }
    result
}

fn message(finding: &Finding) -> String {
    let mut text = visible(&finding.title).into_owned();
    let waiver = trace::waiver(finding).map(|waiver| ("waived", waiver));
    for (label, line) in trace::deviation(finding).into_iter().chain(waiver) {
        let separator = if label.is_empty() { "" } else { ": " };
        text.push_str(&format!("\n{label}{separator}{}", visible(&line)));
    }
    format!("{text}\n{}", trace::facts(finding))
}

/// The place in the document; the whole document if the place is unknown, since viewers drop a result without one.
fn location(outcome: &Outcome, finding: &Finding) -> Value {
    let mut location = match &finding.place {
        Some(place) => json!({"physicalLocation": {
            "artifactLocation": {"uri": uri(&place.file)},
            "region": {"startLine": place.line.max(1), "startColumn": place.column.max(1)},
        }}),
        None => json!({"physicalLocation": {
            "artifactLocation": {"uri": uri(&outcome.contract.document)},
        }}),
    };
    if !finding.operations.is_empty() {
        let named = |operation: &String| json!({"fullyQualifiedName": visible(operation), "kind": "function"});
        location["logicalLocations"] = finding.operations.iter().map(named).collect();
    }
    location
}

fn code_flow(outcome: &Outcome, finding: &Finding) -> Value {
    let locations: Vec<Value> = trace::lines(finding)
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let mut location = location(outcome, finding);
            let text = format!("{} {} → {} {}", line.method, line.path, line.response, line.note);
            location["message"] = json!({"text": visible(text.trim_end())});
            let importance = if line.here { "essential" } else { "important" };
            json!({"location": location, "executionOrder": index + 1, "importance": importance})
        })
        .collect();
    json!({"threadFlows": [{"locations": locations}]})
}

fn invocation(outcome: &Outcome) -> Value {
    let is_complete = matches!(outcome.ending, Ending::Complete | Ending::Stopped(_));
    let exit_code = outcome.exit_code();
    let mut notifications = Vec::new();
    if exit_code > 1 || !is_complete || outcome.expired_waivers().next().is_some() {
        let (_, clause) = run_status(outcome);
        let text = shortfall(&outcome.ending).unwrap_or(clause);
        notifications.push(json!({"level": "error", "message": {"text": visible(&text)}}));
    }
    let mut invocation = json!({
        // A run with findings was successful; one that could not test was not.
        "executionSuccessful": is_complete && exit_code <= 1,
        "exitCode": exit_code,
        "toolExecutionNotifications": notifications,
    });
    if let Some(started) = &outcome.started_at {
        invocation["startTimeUtc"] = json!(started);
    }
    invocation
}

/// A file name as a URI reference: relative names stay relative, absolute ones become `file:` URIs.
pub(super) fn uri(file: &str) -> String {
    let path = file.replace('\\', "/");
    let encoded = utf8_percent_encode(&path, NOT_IN_PATH).to_string();
    match path.as_bytes() {
        [b'/', ..] => format!("file://{encoded}"),
        [drive, b':', b'/', ..] if drive.is_ascii_alphabetic() => format!("file:///{encoded}"),
        // A colon in the first segment would read as a scheme.
        _ if encoded.split('/').next().is_some_and(|first| first.contains(':')) => {
            format!("./{encoded}")
        }
        _ => encoded,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn read(outcome: &Outcome) -> Value {
        serde_json::from_str(&render(outcome)).unwrap()
    }

    fn assert_location(location: &Value) {
        let physical = &location["physicalLocation"];
        let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && !uri.contains([' ', '"', '<', '\\']), "{uri}");
        if let Some(region) = physical.get("region") {
            assert!(region["startLine"].as_u64() >= Some(1));
            assert!(region["startColumn"].as_u64() >= Some(1));
        }
    }

    /// The published schema.
    fn published() -> jsonschema::Validator {
        let text = include_str!("../../tests/schemas/sarif-schema-2.1.0.json");
        let mut schema: Value = serde_json::from_str(text).unwrap();
        // Two patterns of language tags are invalid regular expressions (`]?$`), and our logs do not have the member.
        for owner in ["run", "toolComponent"] {
            let language = &mut schema["definitions"][owner]["properties"]["language"];
            assert!(language.as_object_mut().unwrap().remove("pattern").is_some(), "{owner}");
        }
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    fn errors(log: &Value) -> Vec<String> {
        published().iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// Checks the log against the published schema, and what the schema cannot express.
    fn assert_is_sarif(log: &Value) {
        assert_eq!(errors(log), Vec::<String>::new());
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        assert!(run["tool"]["driver"]["name"].is_string());
        assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
            let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
            assert!(["error", "warning", "note"].contains(&level));
        }
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            assert!(result["message"]["text"].is_string());
            assert!(result["partialFingerprints"]["qonform/v2"].is_string());
            assert_location(&result["locations"][0]);
            for flow in result["codeFlows"].as_array().into_iter().flatten() {
                let steps = flow["threadFlows"][0]["locations"].as_array().unwrap();
                assert!(!steps.is_empty());
                for step in steps {
                    assert_location(&step["location"]);
                    assert!(step["location"]["message"]["text"].is_string());
                    assert!(step["executionOrder"].as_u64() >= Some(1));
                }
            }
        }
    }

    #[test]
    fn every_outcome_gives_a_valid_log() {
        for outcome in [sample::fixed(), sample::empty(), sample::hostile()] {
            let text = render(&outcome);
            assert!(!text.contains(|c| c != '\n' && crate::report::visible::is_unsafe(c)));
            let log = read(&outcome);
            assert_is_sarif(&log);
            let results = log["runs"][0]["results"].as_array().unwrap();
            assert_eq!(results.len(), outcome.findings.len());
        }
    }

    #[test]
    fn the_published_schema_rejects_invalid_logs() {
        let errors_after = |change: fn(&mut Value)| {
            let mut log = read(&sample::fixed());
            change(&mut log["runs"][0]["results"][0]);
            errors(&log).len()
        };
        assert_eq!(errors_after(|_| {}), 0);
        assert_eq!(errors_after(|result| result["level"] = json!("fatal")), 1);
        assert_eq!(errors_after(|result| result["sevrity"] = json!("error")), 1);
        assert_eq!(errors_after(|result| result["suppressions"] = json!([{"justification": "no kind"}])), 1);
        let region = "/locations/0/physicalLocation/region/startLine";
        assert!(read(&sample::fixed())["runs"][0]["results"][0].pointer(region).is_some());
    }

    #[test]
    fn a_waived_finding_is_suppressed_unless_expired() {
        let mut outcome = sample::fixed();
        let waived = |expired| crate::finding::Waived {
            reason: "the replica lags".into(),
            owner: "catalogue".into(),
            expires: "2026-12-31".into(),
            expired,
        };
        outcome.findings[0].severity = Severity::Waived;
        outcome.findings[0].waiver = Some(waived(false));
        outcome.findings[1].waiver = Some(waived(true));
        let log = read(&outcome);
        assert_is_sarif(&log);
        let results = &log["runs"][0]["results"];
        let suppression = json!([{
            "kind": "external",
            "status": "accepted",
            "justification": "by catalogue until 2026-12-31: the replica lags",
        }]);
        assert_eq!(results[0]["suppressions"], suppression);
        assert_eq!(results[1].get("suppressions"), None);
        let text = results[1]["message"]["text"].as_str().unwrap();
        assert!(text.contains("waived: by catalogue until 2026-12-31 (expired: it counts again)"), "{text}");
    }

    #[test]
    fn a_finding_has_its_place_and_its_steps() {
        let log = read(&sample::fixed());
        let result = &log["runs"][0]["results"][1];
        assert_eq!(result["ruleId"], "delete.removes");
        let physical = &result["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "spec/offerings.openapi.yaml");
        assert_eq!(physical["region"]["startLine"], 212);
        let steps = &result["codeFlows"][0]["threadFlows"][0]["locations"];
        assert_eq!(steps[1]["location"]["message"]["text"], "DELETE /offerings/{1} → 204");
        assert_eq!(steps[2]["importance"], "essential");
        // An offering was left behind, but violations decide the exit code: the run itself was successful.
        assert_eq!(log["runs"][0]["invocations"][0]["exitCode"], 1);
        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
    }

    #[test]
    fn a_run_that_tested_nothing_is_not_successful() {
        let log = read(&sample::empty());
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["toolExecutionNotifications"][0]["message"]["text"], "nothing was tested");
    }

    #[test]
    fn file_names_become_uri_references() {
        assert_eq!(uri("spec/a b.yaml"), "spec/a%20b.yaml");
        assert_eq!(uri("/home/ü/100%.yaml"), "file:///home/%C3%BC/100%25.yaml");
        assert_eq!(uri("C:\\x\\y.yaml"), "file:///C:/x/y.yaml");
        assert_eq!(uri("a:b.yaml"), "./a:b.yaml");
    }
}
