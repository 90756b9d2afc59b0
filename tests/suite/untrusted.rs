//! Reports, journals and files of past failures that someone else wrote: they make no command send, delete or promote
//! anything that a run would not.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::fake_server::{Reference, Server, in_front_of};
use super::program::{Ran, TempFolder, end, qonform};

const REPORT: &str = include_str!("../../src/report/testdata/fixed.json");

/// A command with the keys of the reference server, on a server that records every request.
fn command(reference: &Reference, server: &Server, folder: TempFolder, arguments: &[&str]) -> Ran {
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).current_dir(folder.path()).env("QONFORM_TARGET", server.url());
    command.args(arguments);
    end(command, folder)
}

fn recording(reference: &Reference) -> Server {
    in_front_of(reference, |_, head, body| (head, body))
}

/// The writes to offerings that existed before.
fn writes_to(server: &Server, ids: &[String]) -> Vec<String> {
    let seen = server.seen().into_iter().filter(|seen| seen.method != "GET" && seen.method != "OPTIONS");
    let decoded = |path: &str| percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    seen.map(|seen| format!("{} {}", seen.method, decoded(&decoded(&seen.path))))
        // The end of a run promotes the main offering again.
        .filter(|line| !line.ends_with("/offerings/onboarding/set-main"))
        .filter(|line| ids.iter().any(|id| line.split('/').any(|part| part == id)) || line.contains("/.."))
        .collect()
}

fn existing(reference: &Reference) -> Vec<String> {
    let key = reference.variable("QONFORM_TOKEN");
    reference.list(key).iter().map(|offering| offering["id"].as_str().unwrap().to_owned()).collect()
}

#[cfg(unix)]
fn journal(folder: &TempFolder, lines: &[Value], mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.path().join("other.journal");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[cfg(unix)]
#[test]
fn a_journal_of_others_deletes_and_promotes_nothing_of_yours() {
    let reference = Reference::start();
    let before = reference.state();
    let ids = existing(&reference);
    let regular = ids.last().unwrap();
    let server = recording(&reference);
    let header = |main: &Value, prefix: &str| {
        json!({ "journal": 1, "tool": "qonform 0.1.0", "target": server.url(), "seed": 1, "prefix": prefix,
            "projects": { "main": { "main": main, "landmarks": [] } } })
    };
    let entries = |note: &str| ids.iter().map(|id| json!({ "note": note, "project": "main", "id": id })).collect();
    let promotes = vec![json!({ "note": "promotes", "project": "main", "id": "qf-abcd-a", "instead_of": regular })];
    let many =
        (0..200_000).map(|n| json!({ "note": "stray", "project": "main", "id": format!("other-{n}") })).collect();
    let attacks: [Vec<Value>; 4] = [entries("stray"), entries("creates"), promotes, many];
    for attack in attacks {
        for main in [json!(regular), json!(null), json!("..")] {
            let folder = TempFolder::new();
            let lines = [vec![header(&main, "qf-abcd-")], attack.clone()].concat();
            let path = journal(&folder, &lines, 0o644);
            let asked = server.seen().len();
            let ran = command(&reference, &server, folder, &["clean", "--journal", &path]);
            assert!(matches!(ran.code, Some(0 | 3)), "{}{}", ran.stdout, ran.stderr);
            assert!(server.seen().len() - asked < 50, "a file of others caused many requests");
            assert_eq!(writes_to(&server, &ids), [""; 0]);
            assert_eq!(reference.state(), before);
        }
    }
    // An own journal changes no path either.
    let folder = TempFolder::new();
    let dots = [".", "..", ""].map(|id| json!({ "note": "stray", "project": "main", "id": id }));
    let path = journal(&folder, &[vec![header(&json!(null), "qf-abcd-")], dots.to_vec()].concat(), 0o600);
    let ran = command(&reference, &server, folder, &["clean", "--journal", &path]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(server.seen().iter().all(|seen| seen.method == "GET"));
    for prefix in ["", "q", "qf-", "qf-abc", "qf-ABCD-", "onboarding", "qf-abcd-x"] {
        let folder = TempFolder::new();
        let path = journal(&folder, &[header(&json!(regular), prefix)], 0o600);
        let ran = command(&reference, &server, folder, &["clean", "--journal", &path]);
        assert_eq!(ran.code, Some(2), "{prefix}: {}{}", ran.stdout, ran.stderr);
        ran.says("is not the prefix of a run");
    }
    assert_eq!(reference.state(), before);
}

/// A saved request of an operation, as a report contains it, with one member changed.
fn saved(operation: &str, method: &str, path: &str, member: &str, value: &Value) -> Value {
    let mut recipe =
        json!({ "method": method, "path": path, "subject": "none", "query": [], "headers": [], "content": "none" });
    recipe[member] = value.clone();
    json!({ "operation": operation, "inputs": [{ "number": 1, "what": "a changed request", "recipe": recipe }] })
}

#[test]
fn a_replay_reaches_nothing_that_was_there_before() {
    let reference = Reference::start();
    let before = reference.state();
    let ids = existing(&reference);
    let server = recording(&reference);
    let id = ids.last().unwrap().clone();
    let twice: String = id.bytes().map(|byte| format!("%25{byte:02X}")).collect();
    let (item, promote) = ("/offerings/{offering_id}", "/offerings/{offering_id}/set-main");
    let invalid = json!({ "invalid": { "name": { "text": id, "preserve": "whole" }, "remains": null } });
    let steps: Vec<Value> = (0..20_000).map(|_| json!({ "list": null })).collect();
    let attacks = [
        saved("v4DeleteOffering", "DELETE", item, "subject", &json!({ "segment": id })),
        saved("v4DeleteOffering", "DELETE", item, "subject", &json!({ "segment": id.to_uppercase() })),
        saved("v4DeleteOffering", "DELETE", item, "subject", &json!({ "segment": twice })),
        saved("v4DeleteOffering", "DELETE", item, "subject", &json!({ "segment": "x/../onboarding" })),
        saved("v4DeleteOffering", "DELETE", item, "subject", &json!({ "segment": ".." })),
        saved("v4DeleteOffering", "DELETE", item, "subject", &invalid),
        saved("v4DeleteOffering", "DELETE", item, "path", &json!(format!("/offerings/{id}"))),
        saved("v4DeleteOffering", "DELETE", item, "beside", &json!(id)),
        saved("v4SetMainOffering", "POST", promote, "subject", &json!({ "segment": id })),
        saved("v4UpdateOffering", "PATCH", item, "subject", &json!({ "segment": id })),
        saved("v4ListOfferings", "GET", "/offerings", "subject", &json!({ "at-least": 4_000_000_000_u32 })),
        saved("v4ListOfferings", "GET", "/offerings", "method", &json!("DELETE")),
        json!(steps),
        json!({ "race": "a", "program": { "initial": [], "clients": [] } }),
    ];
    for attack in attacks {
        let mut report: Value = serde_json::from_str(REPORT).unwrap();
        report["findings"][1]["replay"] = attack.clone();
        let folder = TempFolder::new();
        fs::write(folder.path().join("report.json"), report.to_string()).unwrap();
        let asked = server.seen().len();
        let ran = command(&reference, &server, folder, &["replay", "report.json", "3fdeffb4", "--max-time", "20s"]);
        assert!(matches!(ran.code, Some(0..=3)), "{attack:.200}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.elapsed < Duration::from_secs(40), "{attack:.200}");
        assert_eq!(writes_to(&server, &ids), [""; 0], "{attack:.200}");
        assert!(server.seen().len() - asked < 400, "{attack:.200}");
        assert_eq!(reference.state(), before, "{attack:.200}");
    }
}

#[test]
fn a_changed_report_is_rejected_with_the_reason() {
    let fixed: Value = serde_json::from_str(REPORT).unwrap();
    for (pointer, value, said) in [
        ("/target/url", json!("file:///etc/passwd"), "is no http or https URL"),
        ("/target/url", json!("-K/tmp/x"), "is no http or https URL"),
        ("/target/url", json!("http://h/\u{1b}[2J"), "is no http or https URL"),
        ("/findings/1/curl/0", json!("rm -rf ~"), "a command that qonform does not write"),
        ("/findings/1/curl/0", json!("curl -sS 'http://h' | sh"), "a command that qonform does not write"),
        ("/findings/1/curl/0", json!("curl -sS \"$(id)\" 'http://h'"), "a command that qonform does not write"),
        ("/findings/1/fingerprint", json!("../../x"), "the fingerprint of finding 2"),
        ("/findings/1/fingerprint", json!(""), "the fingerprint of finding 2"),
    ] {
        let mut report = fixed.clone();
        *report.pointer_mut(pointer).unwrap() = value.clone();
        for arguments in [
            &["report", "report.json"][..],
            &["replay", "report.json", "3fdeffb4"],
            &["diff", "report.json", "report.json"],
            &["explain", "3fdeffb4", "--report-file", "report.json"],
            &["run", "--baseline", "report.json"],
        ] {
            let folder = TempFolder::new();
            fs::write(folder.path().join("report.json"), report.to_string()).unwrap();
            let mut command = qonform(&folder);
            command.current_dir(folder.path()).args(arguments);
            let ran = end(command, folder);
            assert_eq!(ran.code, Some(2), "{pointer} {value} {arguments:?}: {}{}", ran.stdout, ran.stderr);
            ran.says(said);
            assert!(!ran.stderr.contains('\u{1b}'));
        }
    }
}

/// Every number of a value, by its JSON pointer.
fn numbers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(pointer.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| numbers(item, &format!("{pointer}/{n}"), found));
        }
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            numbers(member, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::String(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[test]
fn absurd_numbers_in_a_report_end_no_format_with_a_panic() {
    use qonform::report::{Format, Style, diff, export, render};
    let fixed: Value = serde_json::from_str(REPORT).unwrap();
    let mut pointers = Vec::new();
    numbers(&fixed, "", &mut pointers);
    assert!(pointers.len() > 50);
    let whole = |outcome: &qonform::finding::Outcome| {
        for format in Format::ALL.into_iter().chain([Format::Human]) {
            render(format, outcome, &Style::default());
        }
        outcome.findings.iter().for_each(|finding| drop(export(outcome, finding)));
        drop(diff(outcome, outcome).to_human(&Style::default()));
        let mut measured = outcome.clone();
        measured.measure_by(outcome);
    };
    let all = |number: &Value| {
        pointers.iter().filter(|pointer| *pointer != "/report_version").fold(fixed.clone(), |mut report, pointer| {
            *report.pointer_mut(pointer).unwrap() = number.clone();
            report
        })
    };
    let numbers = [json!(0), json!(1), json!(u16::MAX), json!(u32::MAX), json!(u64::MAX)];
    let each = pointers.iter().flat_map(|pointer| {
        let fixed = &fixed;
        numbers.iter().map(move |number| {
            let mut report = fixed.clone();
            *report.pointer_mut(pointer).unwrap() = number.clone();
            report
        })
    });
    let mut read = 0;
    for report in each.chain(numbers.iter().map(all)) {
        if let Ok(outcome) = qonform::report::parse(report.to_string().as_bytes()) {
            whole(&outcome);
            read += 1;
        }
    }
    assert!(read > 150, "{read}");
}
