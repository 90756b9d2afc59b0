//! What fails a run: waivers and a baseline.

use std::sync::Arc;

use crate::fake_server::Reference;
use crate::program::{Ran, TempFolder, end, qonform, unwrapped};
use qonform::contract::Contract;
use qonform::finding::{Outcome, Severity, Verdict, WaiverState};
use qonform::reference::{Clock, Fault, Options, Server};
use qonform::report::{self, Color, Format, Style};
use qonform::run::{self, NamePattern, Selection, Settings, TargetSettings, Waiver, WaiverSubject, Waivers};
use tokio_util::sync::CancellationToken;

/// A run on the embedded server with these faults, with zero durations.
pub(crate) async fn outcome(faults: &[&str], change: impl FnOnce(&mut Settings)) -> Outcome {
    let mut settings = frozen(faults);
    change(&mut settings);
    run::run(&settings, Arc::new(Contract::embedded()), &|_| {}, CancellationToken::new()).await.unwrap()
}

fn frozen(faults: &[&str]) -> Settings {
    let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    Settings {
        target: TargetSettings::Embedded(Options { faults, clock: Clock::Logical, ..Options::default() }),
        seed: 7,
        clock: run::Clock::Frozen,
        ..Settings::default()
    }
}

fn only(rule: &str) -> Selection {
    Selection { only: vec![NamePattern::of(rule, Contract::embedded().rules()).unwrap()], ..Selection::default() }
}

fn waiver(rule: &str, expires: &str) -> Waiver {
    let pattern = NamePattern::of(rule, Contract::embedded().rules()).unwrap();
    Waiver {
        subject: WaiverSubject::Rules { pattern, operation: None },
        reason: "the cache is rebuilt in June".into(),
        owner: "the catalogue team".into(),
        expires: expires.parse().unwrap(),
    }
}

/// A run of `delete.removes` on a server that violates it, or not.
async fn waived(faults: &[&str], list: Vec<Waiver>) -> Outcome {
    outcome(faults, |settings| {
        settings.selection = only("delete.removes");
        settings.waivers = Waivers { list, today: "2026-06-15".parse().unwrap() };
    })
    .await
}

const FAULT: &[&str] = &["delete-still-readable"];

#[tokio::test]
async fn a_waived_violation_is_shown_and_does_not_fail() {
    let outcome = waived(FAULT, vec![waiver("delete.*", "2026-12-31")]).await;
    assert!(!outcome.findings.is_empty());
    assert!(outcome.findings.iter().all(|finding| finding.severity == Severity::Waived));
    assert_eq!(outcome.exit_code(), 0);
    let verdicts: Vec<Verdict> =
        outcome.rules.iter().filter(|rule| rule.id == "delete.removes").map(|rule| rule.verdict).collect();
    assert_eq!(verdicts, [Verdict::Warned]);
    assert_eq!(outcome.waivers[0].state, WaiverState::Used);
    let text = |format| report::render(format, &outcome, &Style { color: Color::Never, ..Style::default() });
    let by = "by the catalogue team until 2026-12-31: the cache is rebuilt in June";
    let human = text(Format::Human);
    assert!(human.contains("waived[delete.removes] ") && human.contains(by), "{human}");
    assert!(human.contains("contract kept, with 1 waived finding"), "{human}");
    assert!(text(Format::Markdown).contains("until 2026-12-31&#58; the cache is rebuilt"));
    let junit = text(Format::Junit);
    assert!(!junit.contains("<failure") && junit.contains(by), "{junit}");
    let sarif: serde_json::Value = serde_json::from_str(&text(Format::Sarif)).unwrap();
    let suppressed = &sarif["runs"][0]["results"][0];
    assert_eq!(suppressed["level"], "error");
    assert_eq!(suppressed["suppressions"][0]["kind"], "external");
    assert_eq!(suppressed["suppressions"][0]["justification"], by);
    assert!(!text(Format::Github).contains("::error"));
    let html = text(Format::Html);
    assert!(html.contains("Waived</dt>") && html.contains(by), "the page names who waived it");
    assert_eq!(report::parse(text(Format::Json).as_bytes()).unwrap(), outcome);
}

#[tokio::test]
async fn an_expired_waiver_fails_and_is_reported() {
    let outcome = waived(FAULT, vec![waiver("delete.*", "2026-06-14")]).await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.waivers[0].state, WaiverState::Expired);
    let text = |format| unwrapped(&report::render(format, &outcome, &Style::default()));
    let over = "by the catalogue team until 2026-06-14 (expired: it counts again)";
    for format in [Format::Human, Format::Junit, Format::Github, Format::Html, Format::Sarif] {
        assert!(text(format).contains(over), "{format}: {}", text(format));
    }
    assert!(text(Format::Markdown).replace("&#58;", ":").contains(over), "{}", text(Format::Markdown));
    assert!(text(Format::Human).contains("waivers to review"));
    assert!(text(Format::Html).contains("Waivers to review"));
}

#[tokio::test]
async fn an_unused_waiver_is_reported_only_if_its_rules_were_checked() {
    let list = vec![
        waiver("delete.removes", "2026-12-31"),
        waiver("create.echo", "2026-12-31"),
        waiver("get.*", "2020-01-01"),
    ];
    let outcome = waived(&[], list).await;
    let states: Vec<WaiverState> = outcome.waivers.iter().map(|waiver| waiver.state).collect();
    assert_eq!(states, [WaiverState::Unused, WaiverState::Unchecked, WaiverState::Expired]);
    assert_eq!(outcome.exit_code(), 1, "for the one that expired");
    let text = unwrapped(&report::render(Format::Human, &outcome, &Style::default()));
    assert!(text.contains("delete.removes (the catalogue team until 2026-12-31): no finding needs it: remove it"));
}

/// It needs attention: the date has passed, and the violation is fixed or was forgotten.
#[tokio::test]
async fn an_expired_waiver_fails_even_a_run_without_violations() {
    let outcome = waived(&[], vec![waiver("get.*", "2026-06-14")]).await;
    assert_eq!((outcome.findings.len(), outcome.exit_code()), (0, 1));
    let text = |format| report::render(format, &outcome, &Style { color: Color::Never, ..Style::default() });
    let verdict = "contract kept, but the waiver of get.* expired: renew it or remove it";
    for format in [Format::Human, Format::Html] {
        assert!(text(format).contains(verdict), "{format}: {}", text(format));
    }
    let sarif: serde_json::Value = serde_json::from_str(&text(Format::Sarif)).unwrap();
    let message = sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert_eq!(message, Some(verdict));
    assert!(
        text(Format::Markdown).replace("&#58;", ":").replace("&#42;", "*").replace("\\*", "*").contains(verdict),
        "{}",
        text(Format::Markdown)
    );
    assert_eq!(text(Format::Github), format!("::error title=qonform::{verdict}\n"));
    assert!(text(Format::Junit).contains("1 waiver expired") && text(Format::Junit).contains("<error"));
    let quiet = Style { color: Color::Never, detail: qonform::report::Verbosity::Quiet, ..Style::default() };
    assert!(report::render(Format::Human, &outcome, &quiet).contains(verdict));
    let renewed = waived(&[], vec![waiver("get.*", "2026-06-15")]).await;
    assert_eq!(renewed.exit_code(), 0);
}

#[tokio::test]
async fn a_waived_violation_does_not_end_a_run_that_fails_fast() {
    let ran = |list: Vec<Waiver>| async {
        let fast = |settings: &mut Settings| {
            settings.selection = only("delete.*");
            settings.stop_policy = run::StopPolicy::FailFast;
            settings.waivers = Waivers { list, today: "2026-06-15".parse().unwrap() };
        };
        outcome(FAULT, fast).await.ending
    };
    assert!(matches!(ran(Vec::new()).await, qonform::finding::Ending::Stopped(_)));
    assert_eq!(ran(vec![waiver("*", "2026-12-31")]).await, qonform::finding::Ending::Complete);
}

#[tokio::test]
async fn a_report_with_waivers_is_valid_against_the_published_schema() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../spec/report.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let list = vec![waiver("delete.*", "2026-12-31"), waiver("get.*", "2020-01-01")];
    let value = serde_json::to_value(waived(FAULT, list).await).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(value["findings"][0]["waiver"]["expired"], false);
}

/// Runs the program on a server with these faults.
async fn program(faults: &[&str], folder: TempFolder, more: &[&str]) -> Ran {
    let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let server = Server::start(Options { faults, ..Options::default() }).await.unwrap();
    let mut command = qonform(&folder);
    command.env("QONFORM_TOKEN", server.fixture("baseline").token);
    command.args(["run", "--target", &server.base_url(), "--seed", "7"]);
    command.args(["--only", "delete.removes", "--only", "create.echo"]).args(more);
    let ran = tokio::task::spawn_blocking(move || end(command, folder)).await.unwrap();
    server.stop().await;
    ran
}

/// A nightly job may use one seed and one project: a server that remembers earlier ids is no violation.
#[test]
fn the_same_seed_again_on_the_same_server_finds_the_same() {
    let server = Reference::with_faults(FAULT);
    let run = |folder: TempFolder, more: &[&str]| {
        let mut command = qonform(&folder);
        command.envs(server.variables.iter().cloned()).args(["run", "--layer", "scenario", "--seed", "1"]).args(more);
        end(command, folder)
    };
    let folder = TempFolder::new();
    let old = folder.path().join("old.json").display().to_string();
    let first = run(folder, &["--report", &format!("json={old}")]);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let again = run(TempFolder::new(), &["--baseline", &old]);
    assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
    again.says("no new violation, but ");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_baseline_only_new_violations_fail() {
    let folder = TempFolder::new();
    let old = folder.path().join("old.json").display().to_string();
    let first = program(FAULT, folder, &["--report", &format!("json={old}")]).await;
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let folder = TempFolder::new();
    let events = folder.path().join("events").display().to_string();
    let same = program(FAULT, folder, &["--baseline", &old, "--events", &events]).await;
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    let ended: serde_json::Value = serde_json::from_str(same.report("events").lines().last().unwrap()).unwrap();
    // A violation of several cases is one event, with the fingerprint of the report.
    let fingerprints = |ran: &Ran| -> Vec<serde_json::Value> {
        let events = ran.report("events");
        let read = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        read.filter(|event| event["event"] == "violation").map(|event| event["fingerprint"].clone()).collect()
    };
    let known = report::parse(&std::fs::read(&old).unwrap()).unwrap();
    assert_eq!(fingerprints(&same), [serde_json::Value::from(known.findings[0].fingerprint.as_str())]);
    assert_eq!((&ended["exit_code"], &ended["violations"], &ended["known"]), (&0.into(), &0.into(), &1.into()));
    same.says("no new violation, but 1 known violation of the baseline")
        .says("known[delete.removes]")
        .says("since the baseline")
        .says("0 new findings (0 violations), 0 fixed, 1 still");
    let both = [FAULT, &["create-products-sorted"]].concat();
    let more = program(&both, TempFolder::new(), &["--baseline", &old, "--format", "json"]).await;
    assert_eq!(more.code, Some(1), "{}", more.stderr);
    assert!(more.stderr.contains("1 still there"), "{}", more.stderr);
    report::parse(more.stdout.as_bytes()).expect("stdout is the JSON report and nothing else");
    let fixed = program(&[], TempFolder::new(), &["--baseline", &old]).await;
    assert_eq!(fixed.code, Some(0));
    fixed.says("1 fixed");
    let none = program(&[], TempFolder::new(), &["--baseline", "none.json"]).await;
    assert_eq!(none.code, Some(2));
    none.says("cannot read the report none.json: there is no such file");
}
