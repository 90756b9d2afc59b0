//! Output of a run: reports that are complete however it ends, events, recordings, findings as scripts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qonform::report::Format;
use serde_json::Value;

use super::evidence::UNDECIDED;
use super::fake_server::{Next, Reference, Server, pass_on};
use super::program::{Ran, TempFolder, end, qonform, wait};

/// A run on `reference` that writes to `folder`.
fn run(reference: &Reference, folder: &TempFolder, more: &[&str]) -> Command {
    let mut command = qonform(folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--layer", "scenario", "--seed", "31"]).args(more);
    command
}

fn file(folder: &TempFolder, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// Incomplete files.
fn parts(folder: &TempFolder) -> Vec<String> {
    let unfinished = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "part");
    folder.files().into_iter().filter(unfinished).map(|path| path.display().to_string()).collect()
}

#[test]
fn an_unwritable_path_ends_the_run_before_any_request() {
    let reference = Reference::start();
    let (upstream, count) = (reference.upstream(), AtomicUsize::new(0));
    let server = Server::start(move |seen, stream| {
        count.fetch_add(1, Ordering::Relaxed);
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body).map(|_| Next::Stay)
    });
    let target = server.url();
    let folder = TempFolder::new();
    let old = file(&folder, "old.json");
    fs::write(&old, "the old report").unwrap();
    let nowhere = file(&folder, "no/such/directory/x");
    let taken = folder.path().display().to_string();
    let wrong: [(&str, Vec<String>); 7] = [
        ("write the report", vec!["--report".into(), format!("html={nowhere}")]),
        ("write the report", vec!["--report".into(), format!("html={taken}")]),
        ("two reports", vec!["--report".into(), format!("json={old}"), "--report".into(), format!("html={old}")]),
        ("write the events", vec!["--events".into(), nowhere.clone()]),
        ("export findings", vec!["--export".into(), old.clone()]),
        ("--report har=PATH", vec!["--record-all".into()]),
        ("write the report", vec!["--record-all".into(), "--report".into(), format!("har={nowhere}")]),
    ];
    for (said, arguments) in wrong {
        let mut command = run(&reference, &folder, &["--target", &target, "--report", &format!("json={old}")]);
        if said == "two reports" {
            command = run(&reference, &folder, &["--target", &target]);
        }
        let output = command.args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}: {stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    assert_eq!(server.seen().len(), 0, "a request was sent");
    assert_eq!(fs::read_to_string(&old).unwrap(), "the old report");
    assert_eq!(parts(&folder), [""; 0]);
}

#[test]
fn commas_belong_to_the_path_of_a_report() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let (commas, line) = (file(&folder, "a,b,,c=d.json"), file(&folder, "line.html"));
    let command = run(&reference, &folder, &["--only", "delete.removes", "--report", &format!("json={commas}")]);
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(Path::new(&commas).exists());
    let mut command = run(&reference, &ran.folder, &["--only", "delete.removes"]);
    command.env("QONFORM_REPORT", format!("json={commas}\nhtml={line}"));
    fs::remove_file(&commas).unwrap();
    let ran = end(command, ran.folder);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(Path::new(&commas).exists() && Path::new(&line).exists());
}

/// A run in progress that has reported `cases` ended cases.
fn under_way(reference: &Reference, folder: &TempFolder, cases: usize) -> std::process::Child {
    let events = file(folder, "events.ndjson");
    let (har, json) = (format!("har={}", file(folder, "all.har")), format!("json={}", file(folder, "run.json")));
    let arguments = ["--events", &events, "--record-all", "--report", &har, "--report", &json, "--rate", "400/s"];
    let child = run(reference, folder, &arguments).spawn().unwrap();
    let started = Instant::now();
    while fs::read_to_string(&events).unwrap_or_default().matches("case-ended").count() < cases {
        assert!(started.elapsed() < Duration::from_secs(30), "no case ends");
        thread::sleep(Duration::from_millis(3));
    }
    child
}

/// Every line is JSON with an event and the next number.
fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "the last line is not whole");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (event, number) in events.iter().zip(1_u64..) {
        assert_eq!(event["number"], number);
        assert!(event["event"].is_string() && event["elapsed_ms"].is_u64(), "{event}");
    }
    events
}

fn entries(path: &Path) -> Vec<Value> {
    let archive: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(archive["log"]["version"], "1.2");
    archive["log"]["entries"].as_array().unwrap().clone()
}

#[test]
fn a_killed_run_leaves_its_events_and_the_old_report() {
    let reference = Reference::with_faults(&["delete-still-readable"]);
    for cases in [1, 12] {
        let folder = TempFolder::new();
        fs::write(folder.path().join("run.json"), "the old report").unwrap();
        let mut child = under_way(&reference, &folder, cases);
        child.kill().unwrap();
        child.wait().unwrap();
        let events_read = events(&folder.path().join("events.ndjson"));
        assert_eq!(events_read[0]["event"], "started");
        assert!(events_read.iter().filter(|event| event["event"] == "case-ended").count() >= cases);
        assert!(events_read.iter().all(|event| event["event"] != "ended"));
        assert!(!entries(&folder.path().join("all.har")).is_empty());
        assert_eq!(fs::read_to_string(folder.path().join("run.json")).unwrap(), "the old report");
        assert_eq!(parts(&folder), [""; 0]);
        for (name, key) in reference.variables.iter().filter(|(name, _)| name.ends_with("TOKEN")) {
            for path in folder.files() {
                assert!(!fs::read_to_string(&path).unwrap().contains(key), "{} holds {name}", path.display());
            }
        }
        let mut clean = qonform(&folder);
        clean.envs(reference.variables.iter().cloned()).arg("clean");
        assert_eq!(end(clean, folder).code, Some(0));
    }
}

#[test]
fn an_interrupted_run_leaves_complete_reports_and_events() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let child = under_way(&reference, &folder, 3);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = wait(child, Instant::now(), folder);
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.report("run.json")).unwrap();
    assert_eq!(report["ending"]["kind"], "interrupted");
    let events_read = events(&ran.folder.path().join("events.ndjson"));
    let last = events_read.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"ended".into(), &130.into()));
    assert_eq!(last["requests"], report["summary"]["requests"]);
    assert_eq!(parts(&ran.folder), [""; 0]);
}

#[test]
fn every_exchange_of_a_run_is_recorded() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let (har, json) = (format!("har={}", file(&folder, "all.har")), format!("json={}", file(&folder, "run.json")));
    let arguments = ["--only", "create.*", "--record-all", "--report", &har, "--report", &json];
    let ran = end(run(&reference, &folder, &arguments), folder);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.report("run.json")).unwrap();
    let entries = entries(&ran.folder.path().join("all.har"));
    assert_eq!(entries.len() as u64, report["summary"]["requests"].as_u64().unwrap());
    for (name, _) in &reference.variables {
        if name.ends_with("TOKEN") {
            ran.holds_nothing_of(reference.variable(name));
        }
    }
    let of = |method: &str| entries.iter().filter(|entry| entry["request"]["method"] == method).count();
    assert!(of("POST") > 10 && of("DELETE") > 5 && of("GET") > 10, "{} {} {}", of("POST"), of("DELETE"), of("GET"));
}

/// The events on stdout, and nothing else.
#[test]
fn events_can_take_stdout() {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.args(["run", "--only", "create.echo", "--seed", "3"]).env("QONFORM_EVENTS", "-");
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "ended");
    assert!(ran.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", ran.stdout);
}

/// Runs an exported script on a server.
fn run_script(script: &Path, reference: &Reference) -> (Option<i32>, String) {
    let output = Command::new("sh").arg(script).envs(reference.variables.iter().cloned()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn exported_scripts_show_the_fault_and_pass_when_it_is_fixed() {
    let faults = [
        "delete-still-readable",
        "demote-ignored",
        "create-zero-demotes-main",
        "create-tag-main-ignored",
        "cursor-deleted-without-header",
        "limited-key-allowed",
    ];
    let right = Reference::start();
    let before = right.state();
    let mut counts = BTreeMap::new();
    for fault in faults {
        let broken = Reference::with_faults(&[fault]);
        let folder = TempFolder::new();
        let ran = end(run(&broken, &folder, &["--export", &file(&folder, "kept"), "--only", RULES]), folder);
        // A should rule gives a warning.
        let code = i32::from(fault != "limited-key-allowed");
        assert_eq!(ran.code, Some(code), "{fault}: {}", ran.stderr);
        // Another fresh project of the same server.
        let fresh = Reference::with_faults(&[fault]);
        let scripts =
            ran.folder.files().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "sh"));
        for script in scripts {
            let (broken, said) = run_script(&script, &fresh);
            let (mended, otherwise) = run_script(&script, &right);
            // A script that cannot decide reports that, and no verdict.
            if fs::read_to_string(&script).unwrap().contains(UNDECIDED) {
                assert_eq!((broken, mended), (Some(2), Some(2)), "{fault}, {}: {said}\n{otherwise}", script.display());
                continue;
            }
            assert!(broken == Some(1) && said.contains("BROKEN"), "{fault}, {}: {broken:?}\n{said}", script.display());
            let passes = mended == Some(0) && !otherwise.contains("BROKEN");
            assert!(passes, "{fault}, {}: {mended:?}\n{otherwise}", script.display());
            *counts.entry(fault).or_insert(0) += 1;
        }
        assert!(ran.folder.files().iter().any(|path| path.extension().is_some_and(|ending| ending == "hurl")));
    }
    assert_eq!(counts.len(), faults.len(), "each fault had a script: {counts:?}");
    assert_eq!(right.state(), before, "the scripts leave nothing behind");
}

/// The exit code of Hurl for a file, and the verdict line of the file.
fn run_hurl(path: &Path, reference: &Reference) -> (Option<i32>, String) {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("# hurl ")).expect("the line that runs it");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("hurl {line}")]).current_dir(path.parent().unwrap());
    let output = command.envs(reference.variables.iter().cloned()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Needs Hurl; reports a skip otherwise.
#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped must not look like one that ran")]
fn exported_hurl_files_show_the_fault_and_pass_when_it_is_fixed() {
    const ASSERT_FAILED: i32 = 4;
    if !Command::new("hurl").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `hurl` is not installed");
        return;
    }
    let right = Reference::start();
    let mut counts = BTreeMap::new();
    let faults = ["delete-still-readable", "demote-ignored", "create-tag-main-ignored", "limited-key-allowed"];
    for fault in faults {
        let broken = Reference::with_faults(&[fault]);
        let folder = TempFolder::new();
        let ran = end(run(&broken, &folder, &["--export", &file(&folder, "kept"), "--only", RULES]), folder);
        let fresh = Reference::with_faults(&[fault]);
        let is_hurl = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "hurl");
        for path in ran.folder.files().into_iter().filter(is_hurl) {
            let (shown, said) = run_hurl(&path, &fresh);
            let (mended, otherwise) = run_hurl(&path, &right);
            let text = fs::read_to_string(&path).unwrap();
            // Without a deciding assertion the requests are still sent.
            let is_decided = !text.contains(UNDECIDED) && !text.contains("Hurl cannot compare");
            let expected = if is_decided { ASSERT_FAILED } else { 0 };
            assert_eq!(shown, Some(expected), "{fault}, {}: {said}\n{text}", path.display());
            assert_eq!(mended, Some(0), "{fault}, {}: {otherwise}\n{text}", path.display());
            *counts.entry(fault).or_insert(0) += usize::from(is_decided);
        }
    }
    let are_decided = faults.map(|fault| counts.get(fault).is_some_and(|count| *count > 0));
    assert_eq!(are_decided, [true; 4], "each fault has a file that decides: {counts:?}");
}

/// A list also contains offerings of other clients: in another project a difference proves nothing.
#[test]
fn an_exported_script_reports_offerings_of_other_clients() {
    let broken = Reference::with_faults(&["created-listed-twice"]);
    let folder = TempFolder::new();
    let selected = "create.readable,list.*";
    let ran = end(run(&broken, &folder, &["--export", &file(&folder, "kept"), "--only", selected]), folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let is_script = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "sh");
    let scripts: Vec<_> = ran.folder.files().into_iter().filter(is_script).collect();
    let comparing: Vec<_> =
        scripts.iter().filter(|script| fs::read_to_string(script).unwrap().contains("\nsame_list ")).collect();
    assert!(!comparing.is_empty(), "{scripts:?}");
    let fresh = Reference::with_faults(&["created-listed-twice"]);
    for script in &comparing {
        let text = fs::read_to_string(script).unwrap();
        assert!(text.contains("# Lists are compared as a whole"), "{text}");
        assert_eq!(run_script(script, &fresh).0, Some(1), "as fresh as the project of the run");
    }
    // Another client adds an offering.
    let key = fresh.variable("QONFORM_TOKEN");
    let body = r#"{"id":"another-clients"}"#;
    let added = Command::new("curl")
        .args(["-sS", "-f", "-o", "/dev/null", "-d", body, "-H", "content-type: application/json", "-H"])
        .arg(format!("authorization: Bearer {key}"))
        .arg(format!("{}/offerings", fresh.variable("QONFORM_TARGET")))
        .status();
    assert!(added.unwrap().success());
    for script in comparing {
        let (code, said) = run_script(script, &fresh);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("use replay") && !said.contains("not reproduced"), "{said}");
    }
}

/// Rules that the faults of the exported scripts violate.
const RULES: &str = "delete.removes,update.demote-rejected,invariant.*,create.tag-*,list.*,auth.forbidden";

#[test]
fn every_format_of_a_run_is_equal_to_one_made_from_its_json() {
    let reference = Reference::with_faults(&["delete-still-readable", "demote-ignored"]);
    let folder = TempFolder::new();
    let mut command = run(&reference, &folder, &["--only", RULES]);
    for format in Format::ALL.map(Format::name) {
        command.args(["--report", &format!("{format}={}", file(&folder, format))]);
    }
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let mut again = qonform(&ran.folder);
    let json = file(&ran.folder, "json");
    again.args(["report", &json]);
    for format in Format::ALL.map(Format::name) {
        again.args(["--to", &format!("{format}={}", file(&ran.folder, &format!("again-{format}")))]);
    }
    let Ran { folder, .. } = ran;
    let made = end(again, folder);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    for format in Format::ALL.map(Format::name) {
        let text = made.report(format);
        assert!(text == made.report(&format!("again-{format}")), "{format} is not the same");
        if !matches!(format, "har" | "json") {
            assert!(text.contains("delete.removes"), "{format} names the finding");
        }
        if !matches!(format, "har" | "json" | "html") {
            assert!(text.contains(&format!("replay {json} ")), "{format} names the report that was written");
        }
    }
}

/// The lines of stderr that are about exchanges.
fn followed(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.contains(" ms  ") && !line.starts_with("  ")).collect()
}

#[test]
fn exchanges_go_to_stderr_and_only_the_report_to_stdout() {
    let reference = Reference::start();
    let shown = |more: &[&str]| {
        let folder = TempFolder::new();
        end(run(&reference, &folder, &[&["--only", "create.readable", "--format", "json"], more].concat()), folder)
    };
    let ran = shown(&["-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).expect("stdout is the report alone");
    let lines = followed(&ran);
    assert_eq!(lines.len() as u64, report["summary"]["requests"].as_u64().unwrap(), "{}", ran.stderr);
    let is_create =
        |line: &&&str| line.starts_with("POST /offerings  201  ") && line.ends_with("  scenario::create.readable");
    assert!(lines.iter().any(|line| is_create(&line)), "{}", ran.stderr);
    assert!(lines[0].starts_with("GET /offerings?limit=100  200  ") && lines[0].ends_with(" ms  between cases"));
    assert!(!ran.stderr.contains("  > "));
    let bodies = shown(&["-vv"]);
    assert_eq!(followed(&bodies).len(), lines.len());
    for part in
        ["\n  > authorization: Bearer $QONFORM_TOKEN\n", "\n  > {\"id\":\"qf-", "\n  < content-type: application/json"]
    {
        assert!(bodies.stderr.contains(part), "{part}: {}", bodies.stderr);
    }
    for ran in [&ran, &bodies] {
        ran.holds_nothing_of(reference.variable("QONFORM_TOKEN"));
    }
    assert!(followed(&shown(&[])).is_empty() && followed(&shown(&["-q"])).is_empty());
}

#[test]
fn a_replay_writes_reports_and_rejects_flags_of_other_cases() {
    let reference = Reference::with_faults(&["delete-still-readable"]);
    let folder = TempFolder::new();
    let json = file(&folder, "run.json");
    let first =
        end(run(&reference, &folder, &["--only", "delete.removes", "--report", &format!("json={json}")]), folder);
    let report: Value = serde_json::from_str(&first.report("run.json")).unwrap();
    let print = report["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    let replay = |more: &[&str]| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.envs(reference.variables.iter().cloned()).current_dir(folder.path());
        command.args(["replay", &json, &print]).args(more);
        end(command, folder)
    };
    let again = replay(&[
        "--report",
        "html=again.html",
        "--report",
        "har=all.har",
        "--export",
        "kept",
        "--events",
        "events",
        "--record-all",
        "-v",
    ]);
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    again.says("still fails");
    assert!(again.report("again.html").contains("delete.removes"));
    assert!(!followed(&again).is_empty());
    assert_eq!(entries(&again.folder.path().join("all.har")).len(), followed(&again).len());
    let events_read = events(&again.folder.path().join("events"));
    assert_eq!(
        (&events_read.last().unwrap()["event"], &events_read.last().unwrap()["exit_code"]),
        (&"ended".into(), &1.into())
    );
    assert!(again.folder.files().iter().any(|path| path.ends_with(format!("kept/delete-removes-{print}.sh"))));
    // Without --target the target of the report is used.
    let without = |variable: &str, more: &[&str]| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.envs(reference.variables.iter().cloned()).env_remove(variable).current_dir(folder.path());
        command.args(["replay", &json, &print]).args(more);
        end(command, folder)
    };
    let there = without("QONFORM_TARGET", &[]);
    assert_eq!(there.code, Some(1), "{}{}", there.stdout, there.stderr);
    there.says("still fails");
    assert_eq!(without("QONFORM_TOKEN", &[]).code, Some(2), "no key is no reason to try it elsewhere");
    for untried in [&["--target", "http://127.0.0.1:1"][..], &["--token", "test_sk_nobody_has_it"]] {
        let ran = replay(untried);
        assert_eq!(ran.code, Some(3), "{untried:?}: {}{}", ran.stdout, ran.stderr);
        ran.says("could not be checked");
        assert!(!ran.stdout.contains("no longer fails"), "{}", ran.stdout);
    }
    for refused in [
        &["--dry-run"][..],
        &["--only", "create.*"],
        &["--seed", "9"],
        &["--baseline", &json],
        &["--regressions", "known.json"],
        &["--layer", "race"],
    ] {
        let ran = replay(refused);
        assert_eq!(ran.code, Some(2), "{refused:?}: {}", ran.stderr);
        ran.says("cannot replay with --");
        assert_eq!(ran.folder.files(), Vec::<std::path::PathBuf>::new(), "nothing was sent");
    }
    assert_eq!(replay(&["--report", "html=no/such/x"]).code, Some(2));
}
