//! Operations outside of the offerings: tried when they are asked for, by nothing but their schemas.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use super::fake_server::{self, Next, Reference, Seen, Server};
use super::program::{Place, Ran, end, qonform};

const OFFERINGS: &str = include_str!("../../spec/offerings.openapi.yaml");
const PRODUCTS: &str = include_str!("../documents/products.yaml");

/// What is wrong with the server of products.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// Ids of any length are taken.
    LongIds,
    /// Zero months divide something.
    Crash,
    /// A page is a bare list.
    BarePage,
}

/// The document of the offerings with the products' paths in it.
pub(crate) fn document() -> String {
    let (_, paths) = PRODUCTS.split_once("\npaths:\n").unwrap();
    OFFERINGS.replacen("\npaths:\n", &format!("\npaths:\n{paths}"), 1)
}

/// Responses by hand what the document says of products.
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
    let place = Place::new();
    let spec = place.path().join("spec.yaml");
    fs::write(&spec, document()).unwrap();
    let mut command = qonform(&place);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "3", "--only", "response.*"]);
    command.args(["--target", &server.url(), "--layer", "input", "--cases", "20", "--spec"]).arg(&spec).args(more);
    command.arg("--report").arg(format!("json={}", place.path().join("json").display()));
    (end(command, place), server.seen())
}

fn of_products(ran: &Ran, part: &str) -> Vec<Value> {
    let report = ran.json();
    let all = report[part].as_array().unwrap().iter().cloned();
    let names = |one: &Value| one["operations"].as_array().cloned().unwrap_or_default();
    all.filter(|one| names(one).iter().any(|id| id.as_str().is_some_and(|id| id.contains("Product")))).collect()
}

#[test]
fn a_right_server_is_not_accused_and_everything_is_tried() {
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
fn what_the_schema_does_not_allow_and_the_server_takes_is_told_with_its_constraint() {
    let (ran, _) = run(Fault::LongIds, &["--operations", "v4CreateProduct"]);
    // No rule speaks of these operations: it is a difference from the document, and no violation.
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let told: Vec<_> = of_products(&ran, "drift").iter().map(|drift| drift["what"].to_string()).collect();
    assert!(told.iter().any(|what| what.contains("of 13 characters (maxLength 12) was accepted")), "{told:?}");
}

#[test]
fn nothing_is_widened_unasked_and_a_glob_that_matches_nothing_is_told() {
    let (_, seen) = run(Fault::None, &[]);
    assert!(!seen.iter().any(|seen| seen.path.starts_with("/v4/products")));
    let (ran, seen) = run(Fault::None, &["--operations", "v4*", "--read-only"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(seen.iter().any(|seen| seen.path.starts_with("/v4/products")));
    assert!(seen.iter().all(|seen| seen.method == "GET"));
    ran.says("`input::v4CreateProduct` is left out: it writes, and the run is --read-only");
    let (ran, seen) = run(Fault::None, &["--operations", "v4*", "--dry-run"]);
    ran.says("  input::v4ListProducts\n").says("  input::v4CreateProduct\n");
    assert!(!seen.iter().any(|seen| seen.path.starts_with("/v4/products")));
    let (ran, _) = run(Fault::None, &["--operations", "v4ListProduct"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran.says("find an operation that matches `v4ListProduct`; is `v4ListProducts` meant?");
}
