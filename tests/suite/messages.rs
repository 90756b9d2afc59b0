//! The help of every command, the commonest errors and `qonform explain`, as text in `tests/snapshots`.
//!
//! `SNAPSHOTS=overwrite cargo test --test suite messages` updates the files.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use snapbox::data::{Data, DataFormat};

use super::fake_server::{always, json, response};
use super::program::{KEY, Ran, TempFolder, end, qonform};

const COMMANDS: [&str; 14] = [
    "run",
    "replay",
    "clean",
    "report",
    "diff",
    "rules",
    "explain",
    "lint",
    "init",
    "config",
    "serve",
    "selftest",
    "completions",
    "man",
];

/// Input files of the errors.
const FILES: [(&str, &str); 16] = [
    ("broken.json", "{\"report_version\": 2,"),
    ("broken.toml", "only = [\n"),
    ("broken.yaml", "openapi: 3.0.0\npaths:\n  /offerings: [\n"),
    ("empty.txt", ""),
    ("expired.toml", "[[waiver]]\nrule = \"delete.*\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2020-01-01\n"),
    ("incomplete.toml", "[[waiver]]\nrule = \"delete.*\"\nreason = \"r\"\n"),
    ("key.toml", "\ntokne-env = \"STAGING_KEY\"\n"),
    ("no-operations.yaml", "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n"),
    ("openapi-3.1.yaml", "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\n"),
    ("other.json", "{\"name\": \"x\"}"),
    ("profiles.toml", "[profile.staging]\nseed = 1\n"),
    ("report.json", include_str!("../../src/report/testdata/fixed.json")),
    ("secret.toml", "token-env = \"test sk\"\n"),
    ("type.toml", "read-only = \"yes\"\n"),
    ("value.toml", "seed = \"x\"\n"),
    ("waiver.toml", "[[waiver]]\nrule = \"delete.remove\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2099-01-01\n"),
];

/// Command lines that fail, without a server.
const ERRORS: [&str; 70] = [
    "run --tokne x",
    "rnu",
    "explian x",
    "explain",
    "run --timeout 5h",
    "run --timeout 0",
    "run --rate fast",
    "run --rate 0/s",
    "run --seed x",
    "run --seed -1",
    "run --jobs 0",
    "run --cases many",
    "serve --port 65536",
    "run --only create.ecko",
    "run --only create.echo --skip create.echo",
    "run --deny nonsense",
    "run --layer scenarios",
    "run --operations nonsense",
    "run --read-only --keep-main",
    "run --quiet --verbose",
    "run --target http://h.example --header novalue",
    "run --header a:b",
    "run --product-ids-file products.txt",
    "run --label novalue",
    "run --label a=1 --label a=2",
    "run --format xml",
    "run --report jnuit=x",
    "run --report x",
    "run --report json=none/x.json",
    "run --report json=a.json --report html=a.json",
    "run --report json=a.json,html=b.html",
    "run --export empty.txt",
    "run --events none/x.ndjson",
    "run --record-all",
    "run --dry-run --format json",
    "run --spec none.yaml",
    "run --spec broken.yaml",
    "run --spec broken.json",
    "run --spec no-operations.yaml",
    "run --spec openapi-3.1.yaml",
    "run --config none.toml",
    "run --config broken.toml",
    "run --config key.toml",
    "run --config type.toml",
    "run --config value.toml",
    "run --config secret.toml",
    "run --config profiles.toml --profile stagin",
    "run --profile staging",
    "run --waivers incomplete.toml",
    "run --waivers waiver.toml",
    "run --waivers expired.toml --only delete.removes",
    "run --baseline none.json",
    "run --baseline broken.json",
    "run --baseline other.json",
    "run --regressions broken.json",
    "run --target ftp://h.example",
    "run --target https://user:password@h.example",
    "run --target https://api.qonversion.io",
    "run --target http://h.example --product-ids-file none.txt",
    "run --target http://h.example --cacert none.pem",
    "explain delete.remove",
    "explain 3fdeffb4 --report-file none.json",
    "explain 00000000",
    "replay report.json 00000000",
    "replay report.json 3fdeffb4 --seed 4",
    "report none.json",
    "report report.json --to x=y",
    "serve --fault delete-stil-readable",
    "selftest --sample 4",
    "clean --prefix x",
];

fn place() -> TempFolder {
    let place = TempFolder::new();
    for (name, text) in FILES {
        fs::write(place.path().join(name), text).unwrap();
    }
    place
}

fn run(line: &str, key: Option<&str>) -> Ran {
    let place = place();
    let mut command = qonform(&place);
    command.current_dir(place.path()).args(line.split(' ')).env("COLUMNS", "100");
    command.envs(key.map(|key| ("QONFORM_TOKEN", key)));
    end(command, place)
}

/// The command, its messages without counts and times, and the exit code.
fn transcript(shown: &str, ran: &Ran) -> String {
    let output = format!("{}{}", ran.stderr, ran.stdout);
    // The last lines of a run have times and the random seed.
    let is_count = |line: &str| line.contains(" · ") || line.starts_with("seed ");
    let lines = output.lines().filter(|line| !is_count(line));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    format!("$ qonform {shown}\n{text}-> exit code {}\n\n", ran.code.unwrap())
}

/// Compares a text with a file of `tests/snapshots`.
fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    snapbox::assert_data_eq!(text.to_owned(), Data::read_from(&path, Some(DataFormat::Text)).raw());
}

#[test]
fn the_help_of_every_command_is_reviewed() {
    let general = run("--help", None);
    for command in COMMANDS {
        assert!(general.stdout.contains(&format!("\n  {command:<12} ")), "{command}");
        check(&format!("help/{command}.txt"), &run(&format!("{command} --help"), None).stdout);
    }
    let (commands, _) = general.stdout.split_once("\nOptions:").unwrap();
    let listed = commands.lines().filter(|line| line.get(..3).is_some_and(|start| start.trim().len() == 1));
    assert_eq!(listed.count(), COMMANDS.len() + 1, "`help` has no help of its own");
    check("help/qonform.txt", &general.stdout);
    check("help/run-short.txt", &run("run -h", None).stdout);
}

#[test]
fn the_commonest_errors_are_reviewed() {
    let mut text: String = ERRORS
        .iter()
        .map(|line| {
            let quiet = if line.contains("expired") { " -q" } else { "" };
            let ran = run(&format!("{line}{quiet}"), Some(KEY));
            assert_ne!(ran.code, Some(0), "{line}");
            transcript(line, &ran)
        })
        .collect();
    text.push_str(&transcript("run --target http://h.example", &run("run --target http://h.example", None)));
    let live = run("run --target http://h.example", Some("sk_l1ve_0123456789"));
    text.push_str(&transcript("run --target http://h.example    # with a live key", &live));
    text.push_str(&transcript("run --target ''", &{
        let place = place();
        let mut command = qonform(&place);
        command.current_dir(place.path()).args(["run", "--target", ""]).env("QONFORM_TOKEN", KEY);
        end(command, place)
    }));
    text.push_str(&of_servers());
    check("errors.txt", &text);
}

/// The errors of targets that cannot be tested.
fn of_servers() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let envelope = |code: &str| format!("{{\"error\":{{\"type\":\"request\",\"code\":\"{code}\",\"message\":\"m\"}}}}");
    let page = response("200 OK", "content-type: text/html\r\n", b"<html>sign in</html>");
    let servers = [
        ("HTML instead of JSON", always(page)),
        ("401", always(json("401 Unauthorized", &envelope("invalid_key")))),
        ("404", always(json("404 Not Found", &envelope("not_found")))),
        ("500", always(json("500 Internal Server Error", &envelope("internal_error")))),
    ];
    let mut text = String::new();
    let targets = servers.iter().map(|(name, server)| (*name, server.address)).chain([("connection refused", free)]);
    for (name, address) in targets {
        let ran = run(&format!("run --target http://{address}/v4 --only get.* --patience 1s -q"), Some(KEY));
        assert_ne!(ran.code, Some(0), "{name}");
        let shown = format!("run --target http://{address}/v4    # {name}");
        text.push_str(&transcript(&shown, &ran).replace(&address.to_string(), "127.0.0.1:PORT"));
    }
    text
}

#[test]
fn explain_describes_a_rule_and_a_finding() {
    let lines = ["explain delete.removes", "explain response.schema", "explain auth.malformed", "explain 3fdeffb4"];
    let text: String = lines
        .iter()
        .map(|line| {
            let ran = run(line, None);
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{line}");
            transcript(line, &ran)
        })
        .collect();
    check("explain.txt", &text);
}

#[test]
fn help_starts_with_a_capital_and_uses_plain_words() {
    for command in COMMANDS {
        let help = run(&format!("{command} --help"), None).stdout;
        assert!(help.starts_with(|c: char| c.is_ascii_uppercase()), "{command}: {help}");
        let words =
            ["tell", "told", "somebody", "nobody", "whoever", "whatever", "played", "drawn", "answer", "history"];
        let lower = help.to_lowercase();
        let found: Vec<_> = lower.split(|c: char| !c.is_alphabetic()).filter(|word| words.contains(word)).collect();
        assert!(found.is_empty(), "{command}: {found:?}");
        assert!(help.contains("\nExample"), "{command}");
    }
}
