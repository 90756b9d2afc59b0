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
        return if is_right { fake_server::json("200 OK", page) } else { refused() };
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
