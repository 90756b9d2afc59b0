//! Tests with a document of its own beside the six operations.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderName, HeaderValue, Method};

use super::{Judge, SeenTimestamps};
use crate::contract::{Catalogue, Contract};
use crate::document::Document;
use crate::exchange::{Credentials, Exchange, OperationRef, Request, Response};
use crate::finding::Record;

/// The record of one response to `GET /things`, whose 200 is documented with these members.
fn judged(documented: &str, headers: &[(&str, &str)], body: &str) -> Record {
    let things = format!(
        "\npaths:\n  /things:\n    get:\n      operationId: getThings\n      responses:\n        '200': {{description: d, {documented}}}\n"
    );
    let text = Document::embedded().text().replacen("\npaths:\n", &things, 1);
    let contract = Contract::from_document(Document::parse(text, "t.yaml").unwrap(), Catalogue::embedded()).unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
        .collect();
    let request = Request::new(OperationRef::Other("getThings".into()), Method::GET, "/things");
    let response = Response::new(200, headers, body.to_owned().into());
    let exchange = Exchange { request, response, started: Instant::now(), ended: Instant::now() };
    let mut record = Record::default();
    let judge = Judge::new(Arc::new(contract));
    judge.exchange(&Arc::new(exchange), &Credentials::default(), &mut SeenTimestamps::default(), &mut record);
    record
}

/// The conditions that a response violates.
fn violated(documented: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    judged(documented, headers, body).failures.iter().map(|failure| failure.condition.to_string()).collect()
}

const NUMBER: &str = "{schema: {type: object, required: [n], properties: {n: {type: integer}}}}";
const TEXT: &str = "{schema: {type: object, required: [t], properties: {t: {type: string}}}}";

fn content(media: &[(&str, &str)]) -> String {
    let media: Vec<String> = media.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    format!("content: {{{}}}", media.join(", "))
}

#[test]
fn the_content_type_chooses_the_schema() {
    let both = content(&[("text/csv", "{}"), ("application/json", NUMBER), ("Application/Problem+JSON", TEXT)]);
    for (declared, body, expected) in [
        ("application/json", r#"{"n": 1}"#, None),
        ("Application/Json; charset=utf-8", r#"{"n": 1}"#, None),
        ("application/json", r#"{"t": "a"}"#, Some("response.schema/valid")),
        ("application/problem+json", r#"{"t": "a"}"#, None),
        ("application/problem+json; a=b", r#"{"n": 1}"#, Some("response.schema/valid")),
        ("application/problem+json", "oops", Some("response.schema/json")),
        ("text/csv", "n\n1\n", None),
        ("text/csv; header=present", r#"{"n": "no JSON here"}"#, None),
    ] {
        let found = violated(&both, &[("content-type", declared)], body);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{declared} {body}");
    }
}

#[test]
fn a_negative_zero_is_an_integer() {
    let schema = "{schema: {type: object, properties: {n: {type: integer, minimum: 0, enum: [0, 3]}}}}";
    let json = [("content-type", "application/json")];
    let found = |body: &str| violated(&content(&[("application/json", schema)]), &json, body);
    assert_eq!(found(r#"{"n": -0}"#), Vec::<String>::new());
    assert_eq!(found(r#"{"n": -1}"#), ["response.schema/valid"]);
}

#[test]
fn the_nearest_documented_media_type_counts() {
    let all = content(&[("*/*", TEXT), ("application/*", NUMBER), ("application/vnd.a+json", TEXT)]);
    for (declared, body, expected) in [
        ("application/vnd.a+json", r#"{"t": "a"}"#, None),
        ("application/vnd.a+json", r#"{"n": 1}"#, Some("response.schema/valid")),
        ("application/json", r#"{"n": 1}"#, None),
        ("application/json", r#"{"t": "a"}"#, Some("response.schema/valid")),
        ("image/svg+xml", "<svg/>", None),
        ("text/json", r#"{"n": 1}"#, Some("response.schema/valid")),
        ("text/json", r#"{"t": "a"}"#, None),
    ] {
        let found = violated(&all, &[("content-type", declared)], body);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{declared} {body}");
    }
    let versions = content(&[("application/json; v=1", NUMBER), ("application/json; v=2", TEXT)]);
    let found = |declared: &str, body: &str| violated(&versions, &[("content-type", declared)], body);
    assert_eq!(found("application/json;v=2", r#"{"t": "a"}"#), Vec::<String>::new());
    assert_eq!(found("application/json", r#"{"t": "a"}"#), Vec::<String>::new());
    assert_eq!(found("application/json", "{}"), ["response.schema/valid"]);
}

#[test]
fn what_is_not_json_is_not_read_as_json() {
    for (media, declared, body) in [
        ("text/plain", "text/plain; charset=utf-8", "not {JSON"),
        ("application/pdf", "application/pdf", "%PDF-1.7"),
        ("application/zip", "application/zip", "PK\u{3}\u{4}"),
        ("image/*", "image/png", "\u{89}PNG"),
        ("text/csv", "text/csv", "a,b\n"),
        ("*/*", "text/html", "<p>"),
        ("*/*", "application/octet-stream", "\0"),
        ("application/json-seq", "application/json-seq", "\u{1e}{}\n"),
    ] {
        let documented = content(&[(media, "{schema: {type: string}}")]);
        let found = violated(&documented, &[("content-type", declared)], body);
        assert_eq!(found, Vec::<String>::new(), "{declared}");
    }
    // Without a content type, a body is any bytes.
    for media in ["*/*", "application/octet-stream", "application/*"] {
        assert_eq!(violated(&content(&[(media, NUMBER)]), &[], "\0"), Vec::<String>::new(), "{media}");
    }
    let file = content(&[("application/json", "{schema: {type: string, format: binary}}")]);
    assert_eq!(violated(&file, &[("content-type", "application/json")], r#"{"any": 1}"#), Vec::<String>::new());
}

#[test]
fn an_undocumented_content_type_is_a_violation() {
    let json = content(&[("application/json", NUMBER)]);
    let csv = content(&[("text/csv", "{}"), ("image/*", "{}")]);
    for (documented, declared, body, expected) in [
        (&json, Some("text/html"), r#"{"n": 1}"#, vec!["response.content-type/json"]),
        (&json, None, r#"{"n": 1}"#, vec!["response.content-type/json"]),
        (&json, Some("application/problem+json"), r#"{"n": 1}"#, vec!["response.content-type/documented"]),
        (&json, Some("text/html"), "<p>", vec!["response.content-type/json", "response.schema/json"]),
        (&csv, Some("text/html"), "<p>", vec!["response.content-type/documented"]),
        (&csv, Some("application/json"), "{}", vec!["response.content-type/documented"]),
        (&csv, None, "a,b", vec!["response.content-type/documented"]),
    ] {
        let headers: Vec<(&str, &str)> = declared.iter().map(|declared| ("content-type", *declared)).collect();
        assert_eq!(violated(documented, &headers, body), expected, "{documented} {declared:?} {body}");
    }
    // Where no media type is documented, JSON must only be declared as some JSON.
    let found = |declared: &str| violated("x-a: 1", &[("content-type", declared)], "{}");
    assert_eq!(found("application/problem+json"), Vec::<String>::new());
    assert_eq!(found("text/plain"), ["response.content-type/json"]);
}

/// The conditions that a value of a header with this schema violates.
fn header_violates(schema: &str, value: &str) -> Vec<String> {
    violated(&format!("headers: {{X-A: {schema}}}"), &[("x-a", value)], "")
}

#[test]
fn a_header_is_read_as_its_schema_says() {
    for (schema, values) in [
        ("{schema: {type: integer, maximum: 10}}", vec!["7", "-1", " 3 "]),
        ("{schema: {type: string, maxLength: 3}}", vec!["7", "abc", "", "1,2"]),
        ("{schema: {type: boolean}}", vec!["true", "false"]),
        ("{schema: {type: string, format: uuid}}", vec!["7d3c2d3e-4ab5-4e0e-9f0c-0b1f5b7f1c55"]),
        ("{schema: {type: array, items: {type: integer}}}", vec!["1,2", "1, 2", "1"]),
        ("{schema: {type: array, items: {type: string}}}", vec!["1,2", "a"]),
        ("{schema: {type: object, properties: {a: {type: integer}}, required: [a]}}", vec!["a,1", "a,1,b,x"]),
        ("{explode: true, schema: {type: object, properties: {a: {type: integer}}, required: [a]}}", vec!["a=1,b=x"]),
        ("{schema: {anyOf: [{type: integer}, {enum: [none]}]}}", vec!["4", "none"]),
        ("{content: {application/json: {schema: {type: object, required: [a]}}}}", vec![r#"{"a": 1}"#]),
    ] {
        for value in values {
            assert_eq!(header_violates(schema, value), Vec::<String>::new(), "{schema} {value}");
        }
    }
    for (schema, values) in [
        ("{schema: {type: integer, maximum: 10}}", vec!["11", "abc", "1,2", "1.5", "0x1"]),
        ("{schema: {type: string, maxLength: 3}}", vec!["abcd"]),
        ("{schema: {type: boolean}}", vec!["yes", "1", "TRUE"]),
        ("{schema: {type: array, items: {type: integer}}}", vec!["1,a"]),
        ("{schema: {type: object, properties: {a: {type: integer}}, required: [a]}}", vec!["b,1", "a"]),
        ("{schema: {anyOf: [{type: integer}, {enum: [none]}]}}", vec!["all"]),
        ("{content: {application/json: {schema: {type: object, required: [a]}}}}", vec!["a,1", "{}"]),
    ] {
        for value in values {
            assert_eq!(header_violates(schema, value), ["response.schema/header-valid"], "{schema} {value}");
        }
    }
}

#[test]
fn a_required_header_must_be_there() {
    let documented =
        format!("headers: {{X-A: {{required: true}}, X-B: {{}}}}, {}", content(&[("application/json", NUMBER)]));
    let json = ("content-type", "application/json");
    let missing = ["response.schema/header-required"];
    assert_eq!(violated(&documented, &[json], r#"{"n": 1}"#), missing);
    assert_eq!(violated(&documented, &[json, ("X-a", "")], r#"{"n": 1}"#), Vec::<String>::new());
    // A page of a proxy is one violation.
    let page = violated(&documented, &[("content-type", "text/html")], "<p>");
    assert_eq!(page, ["response.content-type/json", "response.schema/json"]);
    let ignored = "headers: {Content-Type: {required: true, schema: {type: integer}}}";
    assert_eq!(violated(ignored, &[], ""), Vec::<String>::new());
}

#[test]
fn dates_of_http_are_valid_dates() {
    let date = "{schema: {type: string, format: date-time}}";
    let found = |name: &str, value: &str| violated(&format!("headers: {{{name}: {date}}}"), &[(name, value)], "");
    assert_eq!(found("Last-Modified", "Tue, 01 Dec 2026 08:00:00 GMT"), Vec::<String>::new());
    assert_eq!(found("Expires", "2026-12-01T08:00:00Z"), Vec::<String>::new());
    assert_eq!(found("Last-Modified", "yesterday"), ["response.schema/header-valid"]);
    assert_eq!(found("X-Time", "Tue, 01 Dec 2026 08:00:00 GMT"), ["response.schema/header-valid"]);
}

#[test]
fn documented_headers_are_counted() {
    let documented = "headers: {X-A: {}, X-B: {}}";
    let record = judged(documented, &[("x-a", "1")], "");
    let counts: Vec<_> = record.headers.iter().map(|(key, count)| (key.status, key.header.as_str(), *count)).collect();
    assert_eq!(counts, [(200, "x-a", 1), (200, "x-b", 0)]);
    assert!(judged("x-a: 1", &[("x-a", "1")], "").headers.is_empty());
}
