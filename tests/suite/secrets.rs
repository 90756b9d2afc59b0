//! The key is sent in one header of each request, and appears nowhere else, even if the target returns it.

use std::io::Write as _;
use std::time::Duration;

use qonform::report::Format;

use super::fake_server::{Next, Reference, Server, always, in_front_of, json, response};
use super::program::{KEY, TempFolder, end, qonform, run_on};

/// Far more than a run needs on a busy machine, and less than the harness of the tests allows before it kills it.
const SOON: Duration = Duration::from_mins(1);

#[test]
fn a_key_anywhere_in_a_response_is_a_violation_and_redacted() {
    let escaped: String = KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let shifted = |room: usize| format!("{}{KEY}", "x".repeat(room));
    let error = |code: &str, message: &str| {
        json("400 Bad Request", &format!(r#"{{"error":{{"type":"request","code":"{code}","message":"{message}"}}}}"#))
    };
    let responses = [
        ("in a header", response("200 OK", &format!("x-debug: Bearer {KEY}\r\n"), b"{}")),
        ("in a header's name", response("200 OK", &format!("{KEY}: 1\r\n"), b"{}")),
        ("in a redirect", response("302 Found", &format!("location: http://127.0.0.1:1/?token={KEY}\r\n"), b"")),
        ("in a code", error(KEY, "m")),
        ("in a message", error("invalid_data", &format!("unknown key {KEY}"))),
        ("in a name", json("400 Bad Request", &format!(r#"{{"error":{{"{KEY}":1}}}}"#))),
        ("in escapes", error("invalid_data", &escaped)),
        ("in a name in escapes", json("200 OK", &format!(r#"{{"{escaped}":1}}"#))),
        ("in HTML", response("500 Oops", "content-type: text/html\r\n", format!("<p>{KEY}</p>").as_bytes())),
        ("where a message is cut", error(&shifted(200 - KEY.len() / 2), &shifted(240 - KEY.len() / 2))),
        ("where a body is cut", error("invalid_data", &shifted((64 << 10) - 70))),
        ("between bytes that are no text", response("200 OK", "", format!("\u{1}{KEY}").as_bytes())),
    ];
    for (folder, bytes) in responses {
        let ran = run_on(&always(bytes.clone()).url(), &[]);
        let code = if folder == "in a redirect" || folder == "in HTML" { 3 } else { 1 };
        ran.is_sane(code, SOON);
        if code == 1 {
            assert!(ran.violated().contains(&"\"response.no-secret\"".to_owned()), "{folder}: {:?}", ran.violated());
        }
        // After the preflight, in everything except lists.
        let list = json("200 OK", r#"{"object":"list","url":"/v4/offerings","data":[],"has_more":false}"#);
        let later = Server::start(move |seen, stream| {
            let is_list = seen.method == "GET" && seen.path.starts_with("/v4/offerings?");
            stream.write_all(if is_list { &list } else { &bytes }).map(|()| Next::Stay)
        });
        let ran = run_on(&later.url(), &["--only", "create.echo,get.missing,auth.missing,response.no-secret"]);
        ran.is_sane(1, SOON);
        assert!(ran.violated().contains(&"\"response.no-secret\"".to_owned()), "{folder}: {:?}", ran.violated());
    }
}

#[test]
fn a_header_that_repeats_the_key_is_the_only_finding() {
    let reference = Reference::start();
    let key = reference.variable("QONFORM_TOKEN").to_owned();
    let echoed = key.clone();
    let server = in_front_of(&reference, move |_, head, body| {
        (head.replacen("\r\n", &format!("\r\nx-request-auth: Bearer {echoed}\r\n"), 1), body)
    });
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--target", &server.url(), "--seed", "8", "-v"]);
    command.args(["--only", "create.*,get.*,response.*"]);
    for format in ["json", "markdown", "har", "junit"] {
        command.arg("--report").arg(format!("{format}={}", folder.path().join(format).display()));
    }
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(ran.violated(), ["\"response.no-secret\""]);
    ran.holds_nothing_of(&key);
}

#[test]
fn a_key_in_a_label_is_in_no_output() {
    let reference = Reference::start();
    let key = reference.variable("QONFORM_TOKEN").to_owned();
    let (given, header) = (format!("note=run with {key}"), "s3cret-of-the-team");
    for target in [Some(reference.variable("QONFORM_TARGET")), None] {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.args(["run", "--seed", "3", "--only", "get.missing", "-v", "--events", "-"]);
        command.args(target.iter().flat_map(|url| ["--target", *url, "-H", "x-team: s3cret-of-the-team"]));
        command.args(["--label", &given, "--label", &format!("team={header}")]);
        command.env("QONFORM_TOKEN", &key).env("GITHUB_REF_NAME", format!("test/{key}")).env("GITHUB_ACTIONS", "true");
        for format in Format::ALL.map(Format::name) {
            command.arg("--report").arg(format!("{format}={}", folder.path().join(format).display()));
        }
        let ran = end(command, folder);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.holds_nothing_of(&key);
        let labels = &ran.json()["labels"];
        assert_eq!(labels["note"], "run with $QONFORM_TOKEN");
        assert_eq!(labels["branch"], "test/$QONFORM_TOKEN");
        if target.is_some() {
            ran.holds_nothing_of(header);
        }
    }
    for (arguments, code) in [(["run", "--label", &key], 2), (["config", "--label", &given], 0)] {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.args(arguments).env("QONFORM_TOKEN", &key);
        let ran = end(command, folder);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        ran.holds_nothing_of(&key);
        ran.says("$QONFORM_TOKEN");
    }
}

#[test]
fn a_journal_contains_no_key_and_no_header_value() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let journal = folder.path().join("kept.journal");
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).env("QONFORM_JOURNAL", &journal);
    command.args(["run", "--seed", "9", "-H", "x-team: s3cret-of-the-team"]);
    let mut child = command.spawn().expect("the program starts");
    let mut text = String::new();
    for _ in 0..1_000 {
        text = std::fs::read_to_string(&journal).unwrap_or_default();
        if text.lines().count() > 20 {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.lines().count() > 20, "{text}");
    assert!(text.contains("\"creates\"") && text.contains("onboarding"), "{text}");
    for secret in ["test_sk_", "s3cret"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn keys_go_to_no_host_that_only_a_file_names() {
    let report = include_str!("../../src/report/testdata/fixed.json");
    let journal =
        r#"{"journal":1,"tool":"qonform 0.1.0","target":"TARGET","seed":1,"prefix":"qf-abcd-","projects":{}}"#;
    let targets = ["https://api.example.org/v4", "http://198.51.100.7:4010/v4", "http://127.0.0.1@example.org/v4"];
    for target in targets {
        let folder = TempFolder::new();
        let path = folder.path().join("report.json");
        std::fs::write(&path, report.replace("http://127.0.0.1:4010/v4", target)).unwrap();
        let mut replay = qonform(&folder);
        replay.env("QONFORM_TOKEN", KEY).args(["replay", &path.display().to_string(), "3fdeffb4"]);
        let ran = end(replay, folder);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        ran.says(target);
        ran.says("keys are sent only to a target that you name");

        let folder = TempFolder::new();
        let path = folder.path().join("other.journal");
        std::fs::write(&path, journal.replace("TARGET", target) + "\n").unwrap();
        let mut clean = qonform(&folder);
        clean.env("QONFORM_TOKEN", KEY).args(["clean", "--journal", &path.display().to_string()]);
        let ran = end(clean, folder);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        ran.says("keys are sent only to a target that you name");
    }
}
