//! Documents whose schemas multiply: reading them and generating from them stays within bounds, and can be interrupted.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::program::{Ran, TempFolder, end, qonform, wait};

const SPEC: &str = include_str!("../../spec/offerings.openapi.yaml");

/// More than enough on a busy machine.
const SOON: Duration = Duration::from_mins(1);

/// Maximum memory of the program, in bytes, for any document.
const MAX_MEMORY: u64 = 300 << 20;

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The offerings document with these schemas, and an operation `grow` whose body and response are the first of them.
fn document(schemas: &[(String, Value)]) -> String {
    let content = json!({ "application/json": { "schema": reference(&schemas[0].0) } });
    let operation = json!({ "post": {
        "operationId": "grow",
        "requestBody": { "required": true, "content": content },
        "responses": { "200": { "description": "done", "content": content } },
    }});
    let mut text = String::new();
    for (name, schema) in schemas {
        writeln!(text, "    {name}: {schema}").unwrap();
    }
    SPEC.replacen("\npaths:\n", &format!("\npaths:\n  /grow: {operation}\n"), 1).replacen(
        "\n  schemas:\n",
        &format!("\n  schemas:\n{text}"),
        1,
    )
}

/// An object with these properties; `required` of them.
fn object(properties: &[(String, Value)], required: &[&str]) -> Value {
    let members: serde_json::Map<String, Value> = properties.iter().cloned().collect();
    if required.is_empty() {
        return json!({ "type": "object", "properties": members });
    }
    json!({ "type": "object", "required": required, "properties": members })
}

/// Schemas that refer to each other in cycles of several lengths.
fn cycles(count: usize, required: &[&str]) -> Vec<(String, Value)> {
    let schema = |number: usize| {
        let properties =
            [1, 2, 5, 41].map(|step| (format!("p{step}"), reference(&format!("C{}", (number + step) % count))));
        (format!("C{number}"), object(&properties, required))
    };
    (0..count).map(schema).collect()
}

/// `levels` of objects with `width` properties each, all of the next level.
fn levels(levels: usize, width: usize) -> Vec<(String, Value)> {
    let schema = |level: usize| {
        let inner = if level + 1 < levels { reference(&format!("L{}", level + 1)) } else { json!({"type": "boolean"}) };
        let properties: Vec<_> = (0..width).map(|number| (format!("p{number}"), inner.clone())).collect();
        (format!("L{level}"), object(&properties, &[]))
    };
    (0..levels).map(schema).collect()
}

/// Alternatives within alternatives, as deep as there are schemas.
fn alternatives(count: usize) -> Vec<(String, Value)> {
    let branch = |number: usize, next: usize| {
        let own = (format!("k{number}"), json!({"type": "string", "maxLength": number + 1}));
        object(&[own, ("next".to_owned(), reference(&format!("A{next}")))], &[])
    };
    let schema = |number: usize| {
        let branches: Vec<_> = (0..7).map(|branch_number| branch(branch_number, (number + 1) % count)).collect();
        (format!("A{number}"), json!({ "anyOf": branches, "properties": { "beside": reference("A0") } }))
    };
    (0..count).map(schema).collect()
}

/// Lists of lists, each of which has many entries.
fn lists(depth: usize, keyword: &str) -> Vec<(String, Value)> {
    let list =
        (0..depth).fold(json!({"type": "integer"}), |items, _| json!({"type": "array", keyword: 40, "items": items}));
    vec![("Lists".to_owned(), list)]
}

fn enumerations(count: usize, values: usize) -> Vec<(String, Value)> {
    let list = |number: usize| (0..values).map(|value| format!("v{number}-{value}")).collect::<Vec<_>>();
    let property = |number: usize| (format!("e{number}"), json!({ "type": "string", "enum": list(number) }));
    vec![("Enums".to_owned(), object(&(0..count).map(property).collect::<Vec<_>>(), &[]))]
}

fn patterns(patterns: &[&str]) -> Vec<(String, Value)> {
    let property =
        |(number, pattern): (usize, &&str)| (format!("t{number}"), json!({"type": "string", "pattern": pattern}));
    vec![("Patterns".to_owned(), object(&patterns.iter().enumerate().map(property).collect::<Vec<_>>(), &[]))]
}

/// Many objects that refer to each other, each from an operation of its own, as in documents of big services.
fn service(count: usize) -> String {
    let schema = |number: usize| {
        let other = |step: usize| reference(&format!("S{}", (number * 7 + step * 13 + 1) % count));
        let texts = (0..8).map(|text| (format!("f{text}"), json!({"type": "string", "maxLength": 5_000})));
        let others = (0..6).map(|step| (format!("r{step}"), json!({"anyOf": [{"type": "string"}, other(step)]})));
        (format!("S{number}"), object(&texts.chain(others).collect::<Vec<_>>(), &["f0"]))
    };
    let mut paths = String::new();
    for number in (0..count).step_by(4) {
        let content = json!({"application/json": {"schema": reference(&format!("S{number}"))}});
        let get = json!({"get": {"operationId": format!("s{number}"), "responses": {"200": {"description": "d", "content": content}}}});
        writeln!(paths, "  /s{number}: {get}").unwrap();
    }
    document(&(0..count).map(schema).collect::<Vec<_>>()).replacen("\npaths:\n", &format!("\npaths:\n{paths}"), 1)
}

fn qonform_on(document: &str, arguments: &[&str]) -> (Command, TempFolder) {
    let folder = TempFolder::new();
    let path = folder.path().join("spec.yaml");
    fs::write(&path, document).unwrap();
    let mut command = qonform(&folder);
    command.args(arguments).arg("--spec").arg(&path);
    (command, folder)
}

/// A run of the operation `grow`, which ends with a report.
#[track_caller]
fn grown(what: &str, schemas: &[(String, Value)]) -> Ran {
    let arguments =
        ["run", "--operations", "grow", "--layer", "input", "--only", "response.*", "--seed", "2", "--cases", "10"];
    let (mut command, folder) = qonform_on(&document(schemas), &arguments);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    let ran = end(command, folder);
    // The embedded server has no such operation: what it returns may be inconclusive, and is no violation.
    assert!([Some(0), Some(3)].contains(&ran.code), "{what}: {:?} {}", ran.code, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
    assert!(ran.elapsed < SOON, "{what}: {:?}", ran.elapsed);
    assert!(ran.peak() < MAX_MEMORY, "{what}: {} MiB", ran.peak() >> 20);
    let requests = ran.json()["summary"]["requests"].as_u64();
    assert!(requests.is_some_and(|requests| requests < 20_000), "{what}: {requests:?} requests");
    ran
}

/// Whether a run sent values that violate the constraints of the body of `grow`.
#[track_caller]
fn tests_constraints(ran: &Ran) {
    let report = ran.json();
    let constraints = report["coverage"]["constraints"].as_array().expect("constraints");
    let count = constraints.iter().filter(|one| one["operation"] == "grow").count();
    assert!(count > 10, "{count} constraints");
}

#[test]
fn schemas_in_cycles_are_tested() {
    tests_constraints(&grown("optional", &cycles(250, &[])));
    // No value of such a schema ends.
    grown("required", &cycles(300, &["p1", "p5"])).says("no request can be generated");
}

#[test]
fn what_multiplies_is_sampled() {
    tests_constraints(&grown("deep levels", &levels(18, 15)));
    tests_constraints(&grown("alternatives", &alternatives(12)));
    tests_constraints(&grown("enumerations", &enumerations(25, 2_500)));
    grown("lists", &lists(12, "minItems"));
    grown("short lists", &lists(12, "maxItems"));
}

#[test]
fn large_patterns_are_noted_once_and_skipped() {
    let large = ["^([a-f]{900}){900}$", "((x{90}y){90}z){90}", r"^(\\w{1,400}){1,400}$"];
    grown("patterns", &patterns(&large));
    let (command, folder) =
        qonform_on(&SPEC.replace(r"^[a-zA-Z0-9._:\- ]+$", r"^(([a-zA-Z0-9._:\- ]{1,99}){1,99}){1,99}$"), &["lint"]);
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("is too large; it is ignored").count(), 1, "{}", ran.stdout);
}

/// Each operation leads to all schemas: inspecting them once for each took minutes.
#[test]
fn a_large_service_is_read_in_linear_time() {
    let (command, folder) = qonform_on(&service(1_200), &["lint"]);
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.elapsed < SOON / 2, "{:?}", ran.elapsed);
    assert!(ran.peak() < MAX_MEMORY, "{} MiB", ran.peak() >> 20);
}

/// A command that reads its document from a pipe to which nothing is written.
#[cfg(unix)]
fn reading(arguments: &[&str], then: impl FnOnce(&std::process::Child)) -> Ran {
    let folder = TempFolder::new();
    let pipe = folder.path().join("spec.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo can be run").success());
    let mut command = qonform(&folder);
    let started = Instant::now();
    let child = command.args(arguments).arg("--spec").arg(&pipe).spawn().expect("it starts");
    // Opening a pipe waits for the other side.
    let writing = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    thread::sleep(Duration::from_millis(500));
    then(&child);
    let ran = wait(child, started, folder);
    drop(writing);
    assert!(ran.elapsed < SOON / 2, "{:?}", ran.elapsed);
    ran
}

#[cfg(unix)]
#[test]
fn signals_end_the_reading_of_a_document() {
    for (signal, arguments) in [("-INT", &["lint"][..]), ("-TERM", &["run", "--dry-run"]), ("-HUP", &["run"])] {
        let ran = reading(arguments, |child| {
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        });
        assert_eq!(ran.code, Some(130), "{signal}: {}", ran.stderr);
        ran.says("interrupted");
    }
}

#[cfg(unix)]
#[test]
fn the_time_limit_ends_the_reading_of_a_document() {
    let ran = reading(&["run", "--max-time", "900ms"], |_| {});
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    ran.says("the limit of 900ms for the whole run was reached while the document was read");
}
