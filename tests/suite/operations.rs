//! Other operations of the document: tested on request, only against their schemas.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use super::fake_server::{self, Next, Reference, Seen, Server};
use super::program::{Ran, TempFolder, end, qonform};

const OFFERINGS: &str = include_str!("../../spec/offerings.openapi.yaml");
const PRODUCTS: &str = include_str!("../documents/products.yaml");

/// The fault of the product server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// Ids of any length are accepted.
    LongIds,
    /// Zero months cause a division by zero.
    Crash,
    /// A page is a bare array.
    BarePage,
    /// A page lacks a required header.
    NoTotal,
}

/// The offerings document with the paths of the products.
pub(crate) fn document() -> String {
    let (_, paths) = PRODUCTS.split_once("\npaths:\n").unwrap();
    OFFERINGS.replacen("\npaths:\n", &format!("\npaths:\n{paths}"), 1)
}

/// Responds to product requests as documented.
fn products(seen: &Seen, fault: Fault) -> Vec<u8> {
    let refused =
        || fake_server::json("400 Bad Request", r#"{"error":{"type":"request","code":"invalid_data","message":"no"}}"#);
    if seen.method == "GET" {
        let limit = seen.path.split_once("limit=").map(|(_, text)| text);
        let is_right = limit.is_none_or(|text| text.parse::<u8>().is_ok_and(|limit| (1..=50).contains(&limit)));
        let page = if fault == Fault::BarePage { "[]" } else { r#"{"data":[]}"# };
        let headers = if fault == Fault::NoTotal { "" } else { "x-total: 0\r\n" };
        let headers = format!("content-type: application/json\r\n{headers}");
        return if is_right { fake_server::response("200 OK", &headers, page.as_bytes()) } else { refused() };
    }
    let Ok(Value::Object(body)) = serde_json::from_slice(&seen.body) else { return refused() };
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let longest = if fault == Fault::LongIds { usize::MAX } else { 12 };
    let id = body.get("id").and_then(Value::as_str).filter(|id| !id.is_empty() && id.len() <= longest);
    let months = body.get("months").and_then(Value::as_i64);
    if fault == Fault::Crash && months == Some(0) {
        return fake_server::json(
            "500 Internal Server Error",
            r#"{"error":{"type":"internal","code":"oops","message":"no"}}"#,
        );
    }
    let kinds = [json!("subscription"), json!("consumable")];
    let is_known = body.get("kind").is_none_or(|kind| kinds.contains(kind));
    let has_others = body.keys().any(|name| !["id", "months", "kind"].contains(&name.as_str()));
    match (id.filter(|id| id.chars().all(is_letter)), months.filter(|months| (1..=12).contains(months))) {
        (Some(id), Some(months)) if is_known && !has_others => {
            fake_server::json("201 Created", &json!({ "id": id, "months": months }).to_string())
        }
        _ => refused(),
    }
}

fn run(fault: Fault, more: &[&str]) -> (Ran, Vec<Seen>) {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let server = Server::start(move |seen, stream| {
        if seen.path.starts_with("/v4/products") {
            return stream.write_all(&products(seen, fault)).map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        fake_server::pass_on(stream, &head, &body)
    });
    let folder = TempFolder::new();
    let spec = folder.path().join("spec.yaml");
    fs::write(&spec, document()).unwrap();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "3", "--only", "response.*"]);
    command.args(["--target", &server.url(), "--layer", "input", "--cases", "20", "--spec"]).arg(&spec).args(more);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    (end(command, folder), server.seen())
}

fn of_products(ran: &Ran, part: &str) -> Vec<Value> {
    let report = ran.json();
    let all = report[part].as_array().unwrap().iter().cloned();
    let names = |one: &Value| one["operations"].as_array().cloned().unwrap_or_default();
    all.filter(|one| names(one).iter().any(|id| id.as_str().is_some_and(|id| id.contains("Product")))).collect()
}

#[test]
fn a_correct_server_passes_and_every_operation_is_tested() {
    let (ran, seen) = run(Fault::None, &["--operations", "v4*Product*"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(of_products(&ran, "findings"), Vec::<Value>::new());
    assert_eq!(of_products(&ran, "drift"), Vec::<Value>::new());
    assert!(seen.iter().filter(|seen| seen.path.starts_with("/v4/products")).count() > 60);
    let report = ran.json();
    let responses = report["coverage"]["responses"].as_array().unwrap();
    for (operation, status) in
        [("v4ListProducts", 200), ("v4ListProducts", 400), ("v4CreateProduct", 201), ("v4CreateProduct", 400)]
    {
        let is_it = |seen: &&Value| seen["operation"] == operation && seen["status"] == status;
        let seen = responses.iter().find(is_it).unwrap();
        assert!(seen["count"].as_u64() > Some(0) && seen["documented"] == true, "{seen}");
    }
    let headers = report["coverage"]["headers"].as_array().unwrap();
    let total = headers.iter().find(|seen| seen["header"] == "X-Total").unwrap();
    assert!(total["count"].as_u64() > Some(0) && total["operation"] == "v4ListProducts", "{total}");
    let constraints = report["coverage"]["constraints"].as_array().unwrap();
    let longest = |one: &&Value| one["operation"] == "v4CreateProduct" && one["constraint"] == "maxLength";
    assert!(constraints.iter().find(longest).unwrap()["outside"]["refused"].as_u64() > Some(0));
}

#[test]
fn a_broken_server_is_caught() {
    let (ran, _) = run(Fault::Crash, &["--operations", "v4CreateProduct"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let found = of_products(&ran, "findings");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["rule"], "response.no-server-error");
    assert_eq!(found[0]["case"], "input::v4CreateProduct");
    let (ran, _) = run(Fault::BarePage, &["--operations", "v4ListProducts"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(of_products(&ran, "findings")[0]["rule"], "response.schema");
    let (ran, _) = run(Fault::NoTotal, &["--operations", "v4ListProducts"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(of_products(&ran, "findings")[0]["title"], "header `X-Total` of the 200 is missing");
}

#[test]
fn an_accepted_schema_violation_is_shown_with_its_constraint() {
    let (ran, _) = run(Fault::LongIds, &["--operations", "v4CreateProduct"]);
    // No rule covers these operations: it is drift, not a violation.
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let drift: Vec<_> = of_products(&ran, "drift").iter().map(|drift| drift["what"].to_string()).collect();
    assert!(drift.iter().any(|what| what.contains("of 13 characters (maxLength 12) was accepted")), "{drift:?}");
}

#[test]
fn only_requested_operations_run_and_an_unused_glob_is_reported() {
    let (_, seen) = run(Fault::None, &[]);
    assert!(!seen.iter().any(|seen| seen.path.starts_with("/v4/products")));
    let (ran, seen) = run(Fault::None, &["--operations", "v4*", "--read-only"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(seen.iter().any(|seen| seen.path.starts_with("/v4/products")));
    assert!(seen.iter().all(|seen| seen.method == "GET"));
    ran.says("`input::v4CreateProduct` is left out: it writes, which --read-only excludes");
    let (ran, seen) = run(Fault::None, &["--operations", "v4*", "--dry-run"]);
    ran.says("  input::v4ListProducts\n").says("  input::v4CreateProduct\n");
    assert!(!seen.iter().any(|seen| seen.path.starts_with("/v4/products")));
    let (ran, _) = run(Fault::None, &["--operations", "v4ListProduct"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran.says("find an operation that matches `v4ListProduct`; is `v4ListProducts` meant?");
}

/// A run of all operations of these paths, on a server that accepts every request.
fn run_paths(paths: &str, more: &[&str]) -> (Ran, Vec<Seen>) {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let server = Server::start(move |seen, stream| {
        if seen.path.starts_with("/v4/own") {
            return stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        fake_server::pass_on(stream, &head, &body)
    });
    let folder = TempFolder::new();
    let spec = folder.path().join("spec.yaml");
    fs::write(&spec, OFFERINGS.replacen("\npaths:\n", &format!("\npaths:\n{paths}"), 1)).unwrap();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "3", "--only", "response.*"]);
    command.args(["--target", &server.url(), "--layer", "input", "--cases", "10", "--operations", "*", "--spec"]);
    command.arg(&spec).args(more).arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    let ran = end(command, folder);
    let own = server.seen().into_iter().filter(|seen| seen.path.starts_with("/v4/own")).collect();
    (ran, own)
}

const DONE: &str = "responses: {'204': {description: Done.}}";

/// Schemas that a request cannot have a value for, or has one in an unusual way.
const SHAPES: [(&str, &str, bool); 16] = [
    ("any", "{anyOf: [{type: integer}, {type: string}]}", true),
    ("one", "{oneOf: [{type: integer, minimum: 5}, {type: string, pattern: '^[a-z]+$'}]}", true),
    ("overlap", "{oneOf: [{type: integer}, {type: number}]}", true),
    ("items", "{type: array, items: {type: integer, maximum: 9}, minItems: 1, maxItems: 3}", true),
    ("any-items", "{type: array, items: {anyOf: [{type: integer}, {type: string}]}, minItems: 1}", true),
    ("conflict", "{allOf: [{type: integer}, {type: string}]}", false),
    ("limits", "{allOf: [{type: string, minLength: 5}, {type: string, maxLength: 3}]}", false),
    ("enums", "{allOf: [{enum: [a]}, {enum: [b]}]}", false),
    ("empty-enum", "{type: string, enum: []}", true),
    ("nothing", "{not: {}}", false),
    ("never-text", "{type: string, not: {type: string}}", false),
    ("never-member", "{type: object, required: [a], properties: {a: {not: {}}}}", false),
    (
        "any-object",
        "{anyOf: [{type: object, required: [a], properties: {a: {type: integer}}}, {type: object, required: [b], properties: {b: {type: string}}}]}",
        true,
    ),
    (
        "below",
        "{required: [id], properties: {id: {type: string}}, allOf: [{oneOf: [{required: [a], properties: {a: {type: integer}}}]}]}",
        true,
    ),
    ("endless", "{type: array, minItems: 1000000000, items: {type: string}}", false),
    ("untyped", "{}", true),
];

#[test]
fn of_many_differences_the_first_are_listed() {
    let members: Vec<_> = (0..20).map(|number| format!("m{number}: {{type: integer, maximum: {number}}}")).collect();
    let schema = format!("{{type: object, properties: {{{}}}}}", members.join(", "));
    let body = format!("{{required: true, content: {{application/json: {{schema: {schema}}}}}}}");
    let (ran, seen) =
        run_paths(&format!("  /own: {{post: {{operationId: many, requestBody: {body}, {DONE}}}}}\n"), &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report = ran.json();
    let drift: Vec<_> =
        report["drift"].as_array().unwrap().iter().filter(|one| one["operations"] == json!(["many"])).collect();
    assert_eq!(drift.len(), 26, "{drift:?}");
    let is_rest =
        |one: &&&Value| one["what"].as_str().is_some_and(|what| what.starts_with("a further value was accepted"));
    let rest = drift.iter().find(is_rest).unwrap()["count"].as_u64().unwrap();
    let rejected = |one: &&Value| one["operation"] == "many";
    let accepted = |one: &Value| one["outside"]["accepted"].as_u64().unwrap_or_default();
    let constraints = report["coverage"]["constraints"].as_array().unwrap();
    let outside: u64 = constraints.iter().filter(rejected).map(accepted).sum();
    assert!(rest > 20 && outside > 50 && seen.len() > 60, "{rest} {outside} {}", seen.len());
}

#[test]
fn every_shape_is_tested_or_reported() {
    let paths: String = SHAPES
        .iter()
        .flat_map(|(name, schema, _)| {
            let parameter = format!("name: p, in: query, schema: {schema}");
            let body = format!("requestBody: {{required: true, content: {{application/json: {{schema: {schema}}}}}}}");
            [
                format!("  /own/{name}: {{post: {{operationId: body-{name}, {body}, {DONE}}}}}\n"),
                format!("  /own/{name}/query: {{get: {{operationId: query-{name}, parameters: [{{required: true, {parameter}}}], {DONE}}}}}\n"),
                format!("  /own/{name}/optional: {{get: {{operationId: optional-{name}, parameters: [{{{parameter}}}], {DONE}}}}}\n"),
            ]
        })
        .collect();
    let (ran, seen) = run_paths(&paths, &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let notes = ran.json()["notes"].to_string();
    for (name, schema, has_value) in SHAPES {
        for (case, path) in [("body", format!("/v4/own/{name}")), ("query", format!("/v4/own/{name}/query"))] {
            let is_sent = seen.iter().any(|seen| seen.path.split('?').next() == Some(&path));
            let is_noted =
                notes.contains(&format!("`input::{case}-{name}` ended early: no request can be generated: "));
            assert_eq!((is_sent, is_noted), (has_value, !has_value), "{case} {schema}: {notes}");
        }
        // Without the parameter, the operation is tested.
        let optional: Vec<&Seen> =
            seen.iter().filter(|seen| seen.path.starts_with(&format!("/v4/own/{name}/optional"))).collect();
        assert!(!optional.is_empty(), "{schema}");
        let holes = ran.json()["coverage"]["holes"].to_string();
        let hole = format!("optional-{name} query p type: not tried: ");
        assert_eq!(holes.contains(&hole), !has_value, "{schema}: {holes}");
        assert_eq!(optional.iter().any(|seen| seen.path.contains('?')), has_value, "{schema}");
    }
}

#[test]
fn every_style_of_parameters_is_sent() {
    let list = "schema: {type: array, minItems: 2, maxItems: 2, items: {type: string, enum: [b]}}";
    let text = "schema: {type: string, enum: [a]}";
    let paths = format!(
        "  /own/{{l}}/{{m}}/{{s}}:
    get:
      operationId: styles
      parameters:
        - {{name: l, in: path, required: true, style: label, {text}}}
        - {{name: m, in: path, required: true, style: matrix, explode: true, {list}}}
        - {{name: s, in: path, required: true, {list}}}
        - {{name: q, in: query, required: true, {list}}}
        - {{name: o, in: query, required: true, style: deepObject, schema: {{type: object, required: [k], properties: {{k: {{type: integer, minimum: 7}}}}}}}}
        - {{name: c, in: cookie, required: true, {text}}}
        - {{name: d, in: cookie, required: true, {text}}}
        - {{name: X-H, in: header, required: true, {list}}}
      {DONE}
  /own/types:
    post:
      operationId: types
      requestBody: {{content: {{text/plain: {{}}, application/vnd.own+json: {{schema: {{type: object}}}}}}}}
      {DONE}
  /own/form:
    post:
      operationId: form
      requestBody: {{required: true, content: {{multipart/form-data: {{}}}}}}
      {DONE}
  /own/part#Action:
    post: {{operationId: fragment, {DONE}}}
  /own/gap/{{x}}:
    get: {{operationId: gap, {DONE}}}
"
    );
    let (ran, seen) = run_paths(&paths, &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let plain = seen.iter().find(|seen| seen.path.starts_with("/v4/own/.")).unwrap();
    assert_eq!(plain.path, "/v4/own/.a/;m=b;m=b/b,b?q=b&q=b&o%5Bk%5D=7");
    assert_eq!(fake_server::header(&plain.head, "cookie").as_deref(), Some("c=a; d=a"));
    assert_eq!(fake_server::header(&plain.head, "x-h").as_deref(), Some("b,b"));
    assert_eq!(plain.head.matches("ookie:").count(), 1);
    let typed = seen.iter().find(|seen| seen.path == "/v4/own/types").unwrap();
    assert_eq!(fake_server::header(&typed.head, "content-type").as_deref(), Some("application/vnd.own+json"));
    let notes = ran.json()["notes"].to_string();
    for note in [
        "`input::form` ended early: no request can be generated: its body is multipart/form-data, and only JSON is generated",
        "`input::fragment` ended early: no request can be generated: its path has a fragment, which no request carries",
        "`input::gap` ended early: no request can be generated: its path has a parameter `x`, which the document does not describe",
    ] {
        assert!(notes.contains(note), "{note} is not in {notes}");
    }
    assert!(!seen.iter().any(|seen| seen.path.contains('#') || seen.path.contains('{')));
}
