//! What a run leaves to be kept: reports that are whole on every way out, events, recordings, findings as scripts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qonform::report::Format;
use serde_json::Value;

use super::fake_server::{Next, Reference, Server, pass_on};
use super::program::{Place, Ran, end, qonform, wait};

/// A run on `reference` that writes to `place`.
fn run(reference: &Reference, place: &Place, more: &[&str]) -> Command {
    let mut command = qonform(place);
    command.envs(reference.variables.iter().cloned()).args(["run", "--layer", "scenario", "--seed", "31"]).args(more);
    command
}

fn file(place: &Place, name: &str) -> String {
    place.path().join(name).display().to_string()
}

/// Files that were begun and not ended.
fn parts(place: &Place) -> Vec<String> {
    let unfinished = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "part");
    place.files().into_iter().filter(unfinished).map(|path| path.display().to_string()).collect()
}

#[test]
fn a_path_that_cannot_be_written_ends_the_run_before_a_request_is_sent() {
    let reference = Reference::start();
    let (upstream, count) = (reference.upstream(), AtomicUsize::new(0));
    let server = Server::start(move |seen, stream| {
        count.fetch_add(1, Ordering::Relaxed);
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body).map(|_| Next::Stay)
    });
    let target = server.url();
    let place = Place::new();
    let old = file(&place, "old.json");
    fs::write(&old, "the old report").unwrap();
    let nowhere = file(&place, "no/such/directory/x");
    let taken = place.path().display().to_string();
    let wrong: [(&str, Vec<String>); 7] = [
        ("write the report", vec!["--report".into(), format!("html={nowhere}")]),
        ("write the report", vec!["--report".into(), format!("html={taken}")]),
        ("two reports", vec!["--report".into(), format!("json={old},html={old}")]),
        ("write the events", vec!["--events".into(), nowhere.clone()]),
        ("export findings", vec!["--export".into(), old.clone()]),
        ("--report har=PATH", vec!["--record-all".into()]),
        ("write the report", vec!["--record-all".into(), "--report".into(), format!("har={nowhere}")]),
    ];
    for (said, arguments) in wrong {
        let mut command = run(&reference, &place, &["--target", &target, "--report", &format!("json={old}")]);
        if said == "two reports" {
            command = run(&reference, &place, &["--target", &target]);
        }
        let output = command.args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}: {stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    assert_eq!(server.seen().len(), 0, "a request was sent");
    assert_eq!(fs::read_to_string(&old).unwrap(), "the old report");
    assert_eq!(parts(&place), [""; 0]);
}

/// A run that has told `cases` ended cases in its events, and is still going on.
fn under_way(reference: &Reference, place: &Place, cases: usize) -> std::process::Child {
    let events = file(place, "events.ndjson");
    let (har, json) = (format!("har={}", file(place, "all.har")), format!("json={}", file(place, "run.json")));
    let arguments = ["--events", &events, "--record-all", "--report", &har, "--report", &json, "--rate", "400/s"];
    let child = run(reference, place, &arguments).spawn().unwrap();
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
fn a_killed_run_has_told_everything_until_then_and_leaves_the_old_report() {
    let reference = Reference::with_faults(&["delete-still-readable"]);
    for cases in [1, 12] {
        let place = Place::new();
        fs::write(place.path().join("run.json"), "the old report").unwrap();
        let mut child = under_way(&reference, &place, cases);
        child.kill().unwrap();
        child.wait().unwrap();
        let told = events(&place.path().join("events.ndjson"));
        assert_eq!(told[0]["event"], "started");
        assert!(told.iter().filter(|event| event["event"] == "case-ended").count() >= cases);
        assert!(told.iter().all(|event| event["event"] != "ended"));
        assert!(!entries(&place.path().join("all.har")).is_empty());
        assert_eq!(fs::read_to_string(place.path().join("run.json")).unwrap(), "the old report");
        assert_eq!(parts(&place), [""; 0]);
        for (name, key) in reference.variables.iter().filter(|(name, _)| name.ends_with("TOKEN")) {
            for path in place.files() {
                assert!(!fs::read_to_string(&path).unwrap().contains(key), "{} holds {name}", path.display());
            }
        }
        let mut clean = qonform(&place);
        clean.envs(reference.variables.iter().cloned()).arg("clean");
        assert_eq!(end(clean, place).code, Some(0));
    }
}

#[test]
fn an_interrupted_run_leaves_whole_reports_and_says_in_its_events_how_it_ended() {
    let reference = Reference::start();
    let place = Place::new();
    let child = under_way(&reference, &place, 3);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = wait(child, Instant::now(), place);
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.report("run.json")).unwrap();
    assert_eq!(report["ending"]["kind"], "interrupted");
    let told = events(&ran.place.path().join("events.ndjson"));
    let last = told.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"ended".into(), &130.into()));
    assert_eq!(last["requests"], report["summary"]["requests"]);
    assert_eq!(parts(&ran.place), [""; 0]);
}

#[test]
fn every_exchange_of_a_run_is_recorded() {
    let reference = Reference::start();
    let place = Place::new();
    let (har, json) = (format!("har={}", file(&place, "all.har")), format!("json={}", file(&place, "run.json")));
    let arguments = ["--only", "create.*", "--record-all", "--report", &har, "--report", &json];
    let ran = end(run(&reference, &place, &arguments), place);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.report("run.json")).unwrap();
    let entries = entries(&ran.place.path().join("all.har"));
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
    let place = Place::new();
    let mut command = qonform(&place);
    command.args(["run", "--only", "create.echo", "--seed", "3"]).env("QONFORM_EVENTS", "-");
    let ran = end(command, place);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "ended");
    assert!(ran.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", ran.stdout);
}

/// Plays an exported script on a server.
fn play(script: &Path, reference: &Reference) -> (Option<i32>, String) {
    let output = Command::new("sh").arg(script).envs(reference.variables.iter().cloned()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn exported_scripts_show_the_fault_again_and_pass_where_it_is_mended() {
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
    let mut played = BTreeMap::new();
    for fault in faults {
        let broken = Reference::with_faults(&[fault]);
        let place = Place::new();
        let ran = end(run(&broken, &place, &["--export", &file(&place, "kept"), "--only", RULES]), place);
        // What a should rule asks for is a warning.
        let code = i32::from(fault != "limited-key-allowed");
        assert_eq!(ran.code, Some(code), "{fault}: {}", ran.stderr);
        // Another project of the same server, as fresh as the first was.
        let fresh = Reference::with_faults(&[fault]);
        let scripts =
            ran.place.files().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "sh"));
        for script in scripts {
            let (broken, said) = play(&script, &fresh);
            let (mended, otherwise) = play(&script, &right);
            // Where no script can tell, it says so, and never that the server is right or broken.
            if fs::read_to_string(&script).unwrap().contains("It does not tell by itself") {
                assert_eq!((broken, mended), (Some(2), Some(2)), "{fault}, {}: {said}\n{otherwise}", script.display());
                continue;
            }
            assert!(broken == Some(1) && said.contains("BROKEN"), "{fault}, {}: {broken:?}\n{said}", script.display());
            let passes = mended == Some(0) && !otherwise.contains("BROKEN");
            assert!(passes, "{fault}, {}: {mended:?}\n{otherwise}", script.display());
            *played.entry(fault).or_insert(0) += 1;
        }
        for ending in ["hurl", "rs"] {
            assert!(ran.place.files().iter().any(|path| path.extension().is_some_and(|found| found == ending)));
        }
    }
    assert_eq!(played.len(), faults.len(), "each fault had a script: {played:?}");
    assert_eq!(right.state(), before, "the scripts leave nothing behind");
}

/// How Hurl ends on a file, by the line that stands in it.
fn play_hurl(path: &Path, reference: &Reference) -> (Option<i32>, String) {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("# hurl ")).expect("the line that plays it");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("hurl {line}")]).current_dir(path.parent().unwrap());
    let output = command.envs(reference.variables.iter().cloned()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Where Hurl is installed; else it says that it was skipped.
#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped must not look like one that ran")]
fn exported_hurl_files_show_the_fault_again_and_pass_where_it_is_mended() {
    const ASSERT_FAILED: i32 = 4;
    if !Command::new("hurl").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `hurl` is not installed");
        return;
    }
    let right = Reference::start();
    let mut told = BTreeMap::new();
    let faults = ["delete-still-readable", "demote-ignored", "create-tag-main-ignored", "limited-key-allowed"];
    for fault in faults {
        let broken = Reference::with_faults(&[fault]);
        let place = Place::new();
        let ran = end(run(&broken, &place, &["--export", &file(&place, "kept"), "--only", RULES]), place);
        let fresh = Reference::with_faults(&[fault]);
        let is_hurl = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "hurl");
        for path in ran.place.files().into_iter().filter(is_hurl) {
            let (shown, said) = play_hurl(&path, &fresh);
            let (mended, otherwise) = play_hurl(&path, &right);
            let text = fs::read_to_string(&path).unwrap();
            // Where no assertion tells, the requests are sent all the same.
            let is_told = !text.contains("It does not tell by itself") && !text.contains("no assertion of Hurl");
            let expected = if is_told { ASSERT_FAILED } else { 0 };
            assert_eq!(shown, Some(expected), "{fault}, {}: {said}\n{text}", path.display());
            assert_eq!(mended, Some(0), "{fault}, {}: {otherwise}\n{text}", path.display());
            *told.entry(fault).or_insert(0) += usize::from(is_told);
        }
    }
    let tells = faults.map(|fault| told.get(fault).is_some_and(|told| *told > 0));
    assert_eq!(tells, [true; 4], "each fault has a file that tells: {told:?}");
}

/// A list shows what others keep in the project: elsewhere that it differs says nothing.
#[test]
fn an_exported_script_says_so_where_others_keep_something_else() {
    let broken = Reference::with_faults(&["list-products-cut"]);
    let place = Place::new();
    let selected = "create.readable,list.agrees-with-get";
    let ran = end(run(&broken, &place, &["--export", &file(&place, "kept"), "--only", selected]), place);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let is_script = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "sh");
    let scripts: Vec<_> = ran.place.files().into_iter().filter(is_script).collect();
    let comparing: Vec<_> =
        scripts.iter().filter(|script| fs::read_to_string(script).unwrap().contains("\nsame_list ")).collect();
    assert!(!comparing.is_empty(), "{scripts:?}");
    let fresh = Reference::with_faults(&["list-products-cut"]);
    for script in &comparing {
        let text = fs::read_to_string(script).unwrap();
        assert!(text.contains("# A list is compared as a whole"), "{text}");
        assert_eq!(play(script, &fresh).0, Some(1), "as fresh as the project of the run");
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
        let (code, said) = play(script, &fresh);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("only replay can tell") && !said.contains("not shown"), "{said}");
    }
}

/// What the faults of the exported scripts break.
const RULES: &str = "delete.removes,update.demote-rejected,invariant.*,create.tag-*,list.*,auth.forbidden";

#[test]
fn one_run_writes_every_format_and_each_is_made_again_from_its_json_report() {
    let reference = Reference::with_faults(&["delete-still-readable", "demote-ignored"]);
    let place = Place::new();
    let mut command = run(&reference, &place, &["--only", RULES]);
    for format in Format::ALL.map(Format::name) {
        command.args(["--report", &format!("{format}={}", file(&place, format))]);
    }
    let ran = end(command, place);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let mut again = qonform(&ran.place);
    let json = file(&ran.place, "json");
    again.args(["report", &json]);
    for format in Format::ALL.map(Format::name) {
        again.args(["--to", &format!("{format}={}", file(&ran.place, &format!("again-{format}")))]);
    }
    let Ran { place, .. } = ran;
    let made = end(again, place);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    for format in Format::ALL.map(Format::name) {
        let text = made.report(format);
        assert!(text == made.report(&format!("again-{format}")), "{format} is not the same");
        if !matches!(format, "har" | "json") {
            assert!(text.contains("delete.removes"), "{format} tells the finding");
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
fn each_exchange_is_followed_on_stderr_and_stdout_stays_the_report() {
    let reference = Reference::start();
    let shown = |more: &[&str]| {
        let place = Place::new();
        end(run(&reference, &place, &[&["--only", "create.readable", "--format", "json"], more].concat()), place)
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
fn a_replay_writes_what_it_is_asked_for_and_refuses_what_is_not_its_own() {
    let reference = Reference::with_faults(&["delete-still-readable"]);
    let place = Place::new();
    let json = file(&place, "run.json");
    let first = end(run(&reference, &place, &["--only", "delete.removes", "--report", &format!("json={json}")]), place);
    let report: Value = serde_json::from_str(&first.report("run.json")).unwrap();
    let print = report["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    let replay = |more: &[&str]| {
        let place = Place::new();
        let mut command = qonform(&place);
        command.envs(reference.variables.iter().cloned()).current_dir(place.path());
        command.args(["replay", &json, &print]).args(more);
        end(command, place)
    };
    let again = replay(&[
        "--report",
        "html=again.html,har=all.har",
        "--export",
        "kept",
        "--events",
        "events",
        "--record-all",
        "-v",
    ]);
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    again.says("still shows");
    assert!(again.report("again.html").contains("delete.removes"));
    assert!(!followed(&again).is_empty());
    assert_eq!(entries(&again.place.path().join("all.har")).len(), followed(&again).len());
    let told = events(&again.place.path().join("events"));
    assert_eq!((&told.last().unwrap()["event"], &told.last().unwrap()["exit_code"]), (&"ended".into(), &1.into()));
    assert!(again.place.files().iter().any(|path| path.ends_with(format!("kept/delete-removes-{print}.sh"))));
    // Where it showed, it shows again, without anybody saying where that was.
    let without = |variable: &str, more: &[&str]| {
        let place = Place::new();
        let mut command = qonform(&place);
        command.envs(reference.variables.iter().cloned()).env_remove(variable).current_dir(place.path());
        command.args(["replay", &json, &print]).args(more);
        end(command, place)
    };
    let there = without("QONFORM_TARGET", &[]);
    assert_eq!(there.code, Some(1), "{}{}", there.stdout, there.stderr);
    there.says("still shows");
    assert_eq!(without("QONFORM_TOKEN", &[]).code, Some(2), "no key is no reason to try it elsewhere");
    for untried in [&["--target", "http://127.0.0.1:1"][..], &["--token", "test_sk_nobody_has_it"]] {
        let ran = replay(untried);
        assert_eq!(ran.code, Some(3), "{untried:?}: {}{}", ran.stdout, ran.stderr);
        ran.says("could not be tried");
        assert!(!ran.stdout.contains("does not show any more"), "{}", ran.stdout);
    }
    for refused in [
        &["--dry-run"][..],
        &["--only", "create.*"],
        &["--seed", "9"],
        &["--shard", "1/2", "--seed", "9"],
        &["--baseline", &json],
        &["--regressions", "known.json"],
        &["--layer", "race"],
    ] {
        let ran = replay(refused);
        assert_eq!(ran.code, Some(2), "{refused:?}: {}", ran.stderr);
        ran.says("cannot replay with --");
        assert_eq!(ran.place.files(), Vec::<std::path::PathBuf>::new(), "nothing was sent");
    }
    assert_eq!(replay(&["--report", "html=no/such/x"]).code, Some(2));
}
