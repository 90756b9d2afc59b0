//! How many requests a run sends, and how long it minimizes.

use serde_json::Value;

use super::fake_server::Reference;
use super::program::{Ran, TempFolder, end, qonform};

fn run(reference: &Reference, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "5"]).args(more);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    end(command, folder)
}

#[test]
fn less_effort_sends_fewer_requests_and_finds_nothing() {
    let reference = Reference::start();
    let requests = |effort: &str| {
        let ran = run(&reference, &["--effort", effort]);
        assert_eq!(ran.code, Some(0), "{effort}: {}", ran.stderr);
        let report = ran.json();
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{effort}");
        report["summary"]["requests"].as_u64().unwrap()
    };
    let (quick, standard) = (requests("quick"), requests("standard"));
    assert!(quick < 1_500 && quick < standard && standard < 6_000, "{quick}, {standard}");
}

#[test]
fn single_numbers_override_the_effort() {
    let reference = Reference::start();
    let sequences = |more: &[&str]| {
        let ran = run(&reference, &[&["--layer", "sequence", "--effort", "standard"], more].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.json()["summary"]["cases"].as_u64().unwrap()
    };
    assert!(sequences(&["--cases", "3"]) < sequences(&[]));
}

#[test]
fn the_time_for_minimizing_is_limited() {
    let reference = Reference::with_faults(&["id-at-accepted"]);
    let minimized = |time: &str| {
        let ran = run(&reference, &["--layer", "input", "--cases", "20", "--shrink-time", time]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let findings = ran.json()["findings"].as_array().cloned().unwrap();
        assert!(!findings.is_empty());
        findings.iter().filter(|finding| finding.get("shrunk_from").is_some_and(Value::is_u64)).count()
    };
    assert_eq!(minimized("1ms"), 0);
    assert!(minimized("20s") > 0);
}

#[test]
fn an_unknown_effort_or_time_is_rejected() {
    let reference = Reference::start();
    for (flag, value, words) in [("--effort", "fast", "quick, standard, thorough"), ("--shrink-time", "soon", "soon")] {
        let ran = run(&reference, &[flag, value]);
        assert_eq!(ran.code, Some(2), "{flag}");
        ran.says(words).says(flag);
    }
}
