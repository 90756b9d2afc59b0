//! Limits of a run on an external project.

use std::time::Duration;

use serde_json::Value;

use super::fake_server::{Reference, in_front_of};
use super::program::{Ran, TempFolder, end, qonform, run_on};

fn run(reference: &Reference, target: &str, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "31", "--target", target]).args(more);
    end(command, folder)
}

#[test]
fn read_only_sends_only_gets() {
    let reference = Reference::start();
    let server = in_front_of(&reference, |_, head, body| (head, body));
    let ran = run(&reference, &server.url(), &["--read-only"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let seen = server.seen();
    assert!(seen.len() > 20, "{}", seen.len());
    let others: Vec<_> = seen.iter().filter(|request| request.method != "GET" || !request.body.is_empty()).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(ran.folder.journals().is_empty(), "what writes nothing keeps no journal");
}

#[test]
fn keep_main_never_promotes_in_a_project_that_has_a_main() {
    let reference = Reference::start();
    let before = reference.state();
    let server = in_front_of(&reference, |_, head, body| (head, body));
    let ran = run(&reference, &server.url(), &["--keep-main", "--skip", "list.*"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let seen = server.seen();
    assert!(seen.iter().any(|request| request.method == "POST"));
    // An invalid key, a missing id and a variant promote nothing: these requests are allowed.
    for request in seen.iter().filter(|request| request.path.ends_with("/set-main")) {
        assert!(!request.path.contains("onboarding") && !request.path.contains("anchor"), "{}", request.path);
    }
    for offering in reference.list(reference.variable("QONFORM_TOKEN")) {
        let is_main = offering["tag"] == 1;
        assert_eq!(is_main, offering["id"] == "onboarding", "{offering}");
        let untouched = offering["updated_at"].as_str().unwrap() < "2026-01-02";
        assert!(untouched, "{offering}");
    }
    assert!(!ran.stdout.contains("is main again"), "nothing was restored: {}", ran.stdout);
    assert_eq!(reference.state(), before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let reference = Reference::start();
    let server = in_front_of(&reference, |_, head, body| (head, body));
    let selected = ["--only", "create.*,set-main.*"];
    let ran = run(&reference, &server.url(), &[&selected[..], &["--dry-run"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.says("would run");
    let seen = server.seen();
    assert!(seen.len() < 10 && seen.iter().all(|request| request.method == "GET"), "{seen:?}");
    // Its estimate matches the run.
    let number = |before: &str, after: &str| {
        let line = ran.stdout.lines().find(|line| line.contains(after)).unwrap_or_default();
        line.trim_start_matches(before).split_once(after).unwrap_or_default().0.parse::<usize>().unwrap()
    };
    let (said, most) = (number("", " requests on a correct server"), number("At most about ", " on a faulty server"));
    let real = run(&reference, &server.url(), &selected);
    assert_eq!(real.code, Some(0), "{}", real.stderr);
    let sent = server.seen().len() - seen.len();
    assert!(sent > 400 && (sent..sent + sent / 50).contains(&said), "{said} were said, {sent} were sent");
    assert!(most > 4 * said && most < 4 * said + 50_000, "{most}");
}

/// A correct server rejects every create with such a product: that is no violation.
#[test]
fn an_unregistered_product_is_reported_and_nothing_is_tested() {
    let reference = Reference::start();
    let before = reference.state();
    let known = reference.variable("QONFORM_PRODUCT_IDS").split(',').next().unwrap().to_owned();
    for wrong in [vec!["--product-id", "no_such_product"], vec!["--product-id", &known, "--product-id", "nosuch"]] {
        let ran =
            run(&reference, reference.variable("QONFORM_TARGET"), &[&["--only", "create.*"], &wrong[..]].concat());
        assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
        ran.says("a product of --product-id is not registered in the project");
        assert_eq!(reference.state(), before);
    }
    let right = ["--only", "create.echo", "--product-id", &known];
    let ran = run(&reference, reference.variable("QONFORM_TARGET"), &right);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(reference.state(), before);
}

#[test]
fn production_is_rejected_before_any_request() {
    let server = super::fake_server::always(Vec::new());
    let key = |token: &str, target: &str, more: &[&str]| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.env("QONFORM_TOKEN", token).args(["run", "--timeout", "300ms", "--target", target]).args(more);
        end(command, folder)
    };
    let live = key("sk_live_0123456789", &server.url(), &[]);
    assert_eq!(live.code, Some(2), "{}", live.stderr);
    live.says("--allow-production").holds_nothing_of("sk_live_0123456789");
    assert!(server.seen().is_empty());
    for host in ["https://api.qonversion.io", "https://API.qonversion.io./v4", "http://api.qonversion.io:80/v4"] {
        let ran = key("test_sk_0123456789", host, &[]);
        assert_eq!(ran.code, Some(2), "{host}: {}", ran.stderr);
        ran.says("production host");
    }
    assert_eq!(key("sk_live_0123456789", &server.url(), &["--allow-production"]).code, Some(3));
    assert!(!server.seen().is_empty());
    run_on(&server.url(), &["--token", ""]).is_sane(2, Duration::from_secs(5));
}

#[test]
fn an_effort_limits_the_requests_and_says_what_it_leaves_out() {
    let reference = Reference::start();
    let of_effort = |effort: &str| {
        let reports = TempFolder::new();
        let report = reports.path().join("report.json");
        let target = reference.variable("QONFORM_TARGET");
        let ran = run(&reference, target, &["--effort", effort, "--report", &format!("json={}", report.display())]);
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
        let outcome: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
        let skipped = outcome["rules"].as_array().expect("rules").iter().filter(|rule| rule["verdict"] == "skipped");
        let reasons: Vec<String> = skipped.map(|rule| rule["reason"].to_string()).collect();
        (outcome["summary"]["requests"].as_u64().expect("a number"), reasons)
    };
    let (standard, skipped) = of_effort("standard");
    assert!(standard <= 5_000, "{standard}");
    assert!(skipped.is_empty(), "{skipped:?}");
    let (quick, skipped) = of_effort("quick");
    assert!(quick * 4 <= standard, "{quick}");
    assert!(!skipped.is_empty() && skipped.iter().all(|reason| reason.contains("--effort quick")), "{skipped:?}");
}
