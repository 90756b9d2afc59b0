//! A run compares what a project held before it with what the project holds at the end.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fake_server::{Next, Reference, Seen, Server, Upstream, in_front_of, json as response, pass_on};
use super::program::{Ran, TempFolder, end, qonform};

/// A run on a server with one fault.
fn run(reference: &Reference, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).arg("run").args(more);
    command.args(["--report", "json=report.json"]).current_dir(folder.path());
    end(command, folder)
}

/// The report that [`run`] wrote.
fn report(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.folder.path().join("report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The differences that the report lists for an offering, each as what, before, after.
fn differences(report: &Value, id: &str) -> Vec<(String, Value, Value)> {
    let changed = report["changed_by_server"].as_array().cloned().unwrap_or_default();
    let of = changed.iter().find(|changed| changed["id"] == id);
    let differences = of.and_then(|of| of["differences"].as_array()).cloned().unwrap_or_default();
    let parts = |one: &Value| (one["what"].as_str().unwrap().to_owned(), one["before"].clone(), one["after"].clone());
    differences.iter().map(parts).collect()
}

fn find(reference: &Reference, id: &str) -> Value {
    let listed = reference.list(reference.variable("QONFORM_TOKEN"));
    listed.into_iter().find(|offering| offering["id"] == id).unwrap_or_default()
}

/// A write by another client.
fn write(upstream: Upstream, key: &str, method: &str, path: &str, body: &Value) {
    let body = body.to_string().into_bytes();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let seen = Seen { method: method.to_owned(), path: path.to_owned(), head, body };
    let (head, _) = upstream.forward(&seen).unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{head}");
}

fn update(upstream: Upstream, key: &str, id: &str, products: &[&str]) {
    write(upstream, key, "PATCH", &format!("/v4/offerings/{id}"), &json!({ "product_ids": products }));
}

#[test]
fn products_that_the_server_lost_are_put_back() {
    for (fault, only, ids) in [
        ("set-main-drops-previous-products", "set-main.keeps-rest", &["onboarding"][..]),
        ("set-main-drops-own-products", "set-main.keeps-rest", &["onboarding"]),
        ("delete-detaches-shared", "delete.removes", &["onboarding", "winback", "seasonal:summer 2025"]),
    ] {
        let reference = Reference::with_faults(&[fault]);
        let before: Vec<Value> = ids.iter().map(|id| find(&reference, id)).collect();
        let ran = run(&reference, &["--seed", "4", "--only", only]);
        assert_eq!(ran.code, Some(1), "{fault}: {}", ran.stdout);
        for (id, before) in ids.iter().zip(before) {
            let after = find(&reference, id);
            assert_eq!(after["product_ids"], before["product_ids"], "{fault}: {id}");
            assert_eq!(after["tag"], before["tag"], "{fault}: {id}");
            ran.says(&format!("the server changed product_ids of `{id}` from "));
        }
        assert_eq!(report(&ran)["changed_by_server"], Value::Null, "{fault}: {}", ran.stdout);
    }
}

#[test]
fn products_that_the_first_promotion_lost_are_put_back_at_once() {
    let reference = Reference::with_faults(&["set-main-drops-previous-products"]);
    let server = in_front_of(&reference, |_, head, body| (head, body));
    let ran = run(&reference, &["--seed", "4", "--only", "set-main.*", "--target", &server.url()]);
    ran.says("the server changed product_ids of `onboarding` from ");
    let seen = server.seen();
    let place = |method: &str, path: &str| seen.iter().position(|seen| seen.method == method && seen.path == path);
    let promotions = seen.iter().filter(|seen| seen.path.ends_with("/set-main")).count();
    let restored = place("PATCH", "/v4/offerings/onboarding").unwrap();
    let before = seen[..restored].iter().filter(|seen| seen.path.ends_with("/set-main")).count();
    assert!(before < promotions / 2, "{before} of {promotions} promotions were sent before");
    assert_eq!(find(&reference, "onboarding")["product_ids"], json!(["premium_001", "premium_002", "premium_003"]));
}

#[test]
fn changes_that_cannot_be_put_back_are_listed() {
    let cases = [
        ("set-main-resets-created-at", "set-main.*", "onboarding", "created_at"),
        ("set-main-moves-creation-of-previous", "set-main.*", "onboarding", "created_at"),
        ("set-main-list-late", "set-main.*", "onboarding", "tag in the list"),
        ("set-main-zeroes-all", "set-main.*", "legacy.row", "tag"),
        ("set-main-deletes-previous", "set-main.*", "onboarding", "offering"),
        ("update-touches-others", "update.partial", "winback", "updated_at"),
        ("second-deletion-takes-another", "delete.*", "holiday", "offering"),
    ];
    // Most of the time is waiting.
    thread::scope(|scope| cases.map(|case| scope.spawn(move || is_listed(case))).map(|ended| ended.join().unwrap()));
}

fn is_listed((fault, only, id, what): (&str, &str, &str, &str)) {
    let reference = Reference::with_faults(&[fault]);
    let key = reference.variable("QONFORM_TOKEN");
    // Some faults spare the fixture.
    write(reference.upstream(), key, "POST", "/v4/offerings", &json!({ "id": "holiday" }));
    let ran = run(&reference, &["--seed", "4", "--only", only]);
    assert!([Some(1), Some(3)].contains(&ran.code), "{fault}: {}", ran.stdout);
    let found = differences(&report(&ran), id);
    assert!(found.iter().any(|(one, before, after)| one == what && before != after), "{fault}: {}", ran.stdout);
    ran.says("changed by the server").says(&format!("`{id}`: "));
}

#[test]
fn a_main_that_a_promotion_elsewhere_demotes_is_main_again() {
    let reference = Reference::with_faults(&["promotion-demotes-other-project"]);
    let ran = run(&reference, &["--seed", "4", "--only", "auth.project-isolation"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let is_main = find(&reference, "onboarding")["tag"] == 1;
    assert!(is_main || !differences(&report(&ran), "onboarding").is_empty(), "{}", ran.stdout);
}

/// The list hides what a create did to another offering, and the server rejects the update that would put it back.
#[test]
fn a_change_that_no_rule_shows_is_exit_code_3() {
    let reference = Reference::start();
    let (upstream, key) = (reference.upstream(), reference.variable("QONFORM_TOKEN").to_owned());
    let server = Server::start(move |seen, stream| {
        if seen.method == "PATCH" && seen.path.ends_with("/winback") {
            let body = r#"{"error":{"type":"request","code":"invalid_data","message":"no"}}"#;
            return stream.write_all(&response("400 Bad Request", body)).map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        if seen.method == "DELETE" && head.starts_with("HTTP/1.1 204") {
            update(upstream, &key, "winback", &[]);
        }
        let mut text = String::from_utf8_lossy(&body).into_owned();
        if seen.method == "GET"
            && seen.path.contains("?limit=")
            && let Ok(mut page) = serde_json::from_str::<Value>(&text)
        {
            for row in page["data"].as_array_mut().into_iter().flatten().filter(|row| row["id"] == "winback") {
                row["product_ids"] = json!(["premium_004", "premium_005"]);
                row["updated_at"] = row["created_at"].clone();
            }
            text = page.to_string();
        }
        let head =
            head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length")).collect::<Vec<_>>();
        let length = format!("content-length: {}", text.len());
        let head = head.into_iter().filter(|line| !line.is_empty()).chain(Some(&*length).filter(|_| !text.is_empty()));
        pass_on(stream, &head.collect::<Vec<_>>().join("\r\n"), text.as_bytes())
    });
    let ran = run(&reference, &["--seed", "4", "--only", "delete.again", "--target", &server.url()]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    ran.says("changed by the server").says("contract kept, but the target was not left as it was");
    let expected = ("product_ids".to_owned(), json!(["premium_004", "premium_005"]), json!([]));
    assert_eq!(differences(&report(&ran), "winback"), [expected]);
}

#[test]
fn a_correct_server_has_changed_nothing() {
    for flags in [&[][..], &["--behaviour", "delete-main-promotes"], &["--behaviour", "update-always-touches"]] {
        for more in
            [&["--layer", "sequence"][..], &["--only", "delete.*,set-main.*", "--keep-main"], &["--only", "*main*"]]
        {
            let reference = Reference::with(flags);
            let ran = run(&reference, &[&["--seed", "23"], more].concat());
            assert_eq!(ran.code, Some(0), "{flags:?} {more:?}: {}", ran.stdout);
            let report = report(&ran);
            assert_eq!((&report["changed_by_server"], &report["left_behind"]), (&Value::Null, &json!([])));
            assert!(!report["notes"].to_string().contains("the server changed"), "{}", report["notes"]);
        }
    }
}

#[test]
fn what_another_client_writes_beside_a_shared_run_stays() {
    let reference = Reference::start();
    let (upstream, key) = (reference.upstream(), reference.variable("QONFORM_TOKEN").to_owned());
    let writes = AtomicUsize::new(0);
    // The other client writes to the main and to a regular offering after each create of the run.
    let server = in_front_of(&reference, move |seen, head, body| {
        if seen.method == "POST" && seen.path == "/v4/offerings" {
            let products = [["premium_007"], ["premium_008"]][writes.fetch_add(1, Ordering::Relaxed) % 2];
            update(upstream, &key, "onboarding", &products);
            update(upstream, &key, "winback", &products);
        }
        (head, body)
    });
    let target = server.url();
    let ran =
        run(&reference, &["--seed", "4", "--shared", "--only", "set-main.promotes,create.echo", "--target", &target]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let report = report(&ran);
    assert_eq!(report["changed_by_server"], Value::Null);
    assert!(!report["notes"].to_string().contains("before the run:"), "{}", report["notes"]);
    for id in ["onboarding", "winback"] {
        let products = find(&reference, id)["product_ids"].clone();
        assert!([json!(["premium_007"]), json!(["premium_008"])].contains(&products), "{id}: {products}");
    }
}

#[test]
fn clean_names_what_differs_and_leaves_it() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "4"]);
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while folder.journals().is_empty() && started.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_millis(100));
    child.kill().unwrap();
    child.wait().unwrap();
    update(reference.upstream(), reference.variable("QONFORM_TOKEN"), "winback", &["premium_009"]);
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).arg("clean");
    let cleaned = end(command, folder);
    assert_eq!(cleaned.code, Some(0), "{}{}", cleaned.stdout, cleaned.stderr);
    cleaned.says(r#"`winback`: product_ids was ["premium_004","premium_005"], is ["premium_009"]"#);
    assert_eq!(find(&reference, "winback")["product_ids"], json!(["premium_009"]));
}
