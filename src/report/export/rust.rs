//! A Rust test, for a crate with `reqwest`, `serde_json` and `tokio`.

use std::fmt::Write as _;

use super::check::{Check, recorded};
use super::script::{From, Piece, Script, ScriptCall, Template};
use super::shell::heading;
use crate::exchange::KeyRole;

/// The end of every test.
const FUNCTIONS: &str = include_str!("functions.rs.txt");

pub(super) fn render(script: &Script<'_>) -> String {
    let mut text = String::new();
    for line in heading(script) {
        let _ = writeln!(text, "//! {line}");
    }
    text.push_str(
        "//!\n//! A file of `tests/` in a crate with reqwest 0.13, serde_json 1, and tokio 1 with `macros` and `rt`. QONFORM_TARGET\n\
         //! (base URL) and QONFORM_TOKEN (key) name a project to run it on, preferably an empty one.\n\n",
    );
    let name = script.name().replace('-', "_");
    text.push_str("#[tokio::test]\n");
    if let Check::Manual(why) = script.check {
        // A test that cannot fail must not count as passed.
        let _ = writeln!(text, "#[ignore = {why:?}]");
    }
    let _ = writeln!(text, "async fn {name}() {{");
    let _ = writeln!(text, "    let project = Project::new({:?}, {:?});", script.target, script.prefix);
    if script.calls.iter().any(|call| uses_prefix(script, call)) {
        text.push_str("    let prefix = project.prefix.as_str();\n");
    }
    for (number, product) in script.products.iter().enumerate() {
        let number = number + 1;
        let _ = writeln!(text, "    let product_{number} = variable(\"PRODUCT_{number}\", {product:?});");
    }
    for (index, call) in script.calls.iter().enumerate() {
        text.push_str(&request(script, index, call));
    }
    text.push_str(&verdict(script));
    text.push_str("}\n\n");
    text + FUNCTIONS
}

fn uses_prefix(script: &Script<'_>, call: &ScriptCall<'_>) -> bool {
    let templates = [&call.path].into_iter().chain(&call.body).chain(call.headers.iter().map(|(_, value)| value));
    templates
        .flatten()
        .chain(script.captured.iter().flat_map(|captured| &captured.was))
        .any(|piece| *piece == Piece::Prefix)
}

fn request(script: &Script<'_>, index: usize, call: &ScriptCall<'_>) -> String {
    let (number, step) = (index + 1, call.step);
    let mut text = String::new();
    let headers: Vec<String> =
        call.headers.iter().map(|(name, value)| format!("({name:?}, {})", header(value))).collect();
    let body = call.body.as_ref().map_or("None".to_owned(), |body| format!("Some({})", joined(body)));
    let _ = writeln!(
        text,
        "    let response_{number} = project\n        .send({:?}, &{}, &[{}], {body})\n        .await;",
        step.method,
        joined(&call.path),
        headers.join(", "),
    );
    for (place, captured) in script.captured.iter().enumerate().filter(|(_, captured)| captured.step == index) {
        let pointer = match captured.from {
            From::Id => "/id".to_owned(),
            From::Cursor => "/next_cursor".to_owned(),
            From::Item(item) => format!("/data/{item}/id"),
            From::Last => "/data/last/id".to_owned(),
        };
        let _ = writeln!(
            text,
            "    let value_{} = response_{number}.member({pointer:?}).unwrap_or_else(|| {});",
            place + 1,
            joined(&captured.was)
        );
    }
    text
}

/// The text of a template, as an expression.
fn joined(template: &Template) -> String {
    let pieces: Vec<String> = template
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => format!("{text:?}"),
            Piece::Prefix => "prefix".to_owned(),
            Piece::Captured(number) => format!("&value_{}", number + 1),
            Piece::Encoded(number) => format!("&encoded(&value_{})", number + 1),
            Piece::Product(number) => format!("&product_{}", number + 1),
        })
        .collect();
    if pieces.is_empty() { "String::new()".to_owned() } else { format!("[{}].concat()", pieces.join(", ")) }
}

/// The value of a header; keys come from variables.
fn header(template: &Template) -> String {
    let value = joined(template);
    let names_key = KeyRole::ALL.iter().any(|role| value.contains(role.variable()));
    if names_key { format!("with_keys(&{value})") } else { value }
}

fn verdict(script: &Script<'_>) -> String {
    let here = script.finding.steps.iter().position(|step| step.here).map_or(1, |place| place + 1);
    let mut text = String::from("    project.clean_up().await;\n");
    match &script.check {
        Check::Response(expected) => {
            let before: Vec<String> = script
                .calls
                .iter()
                .take(here - 1)
                .enumerate()
                .map(|(index, call)| format!("response_{}.status == {}", index + 1, call.step.status))
                .collect();
            let expected: Vec<String> = expected
                .iter()
                .map(|(status, code)| match code {
                    Some(code) => format!("response_{here}.is({status}, Some({code:?}))"),
                    None => format!("response_{here}.is({status}, None)"),
                })
                .collect();
            let shown = if before.is_empty() { "true".to_owned() } else { before.join(" && ") };
            let _ =
                writeln!(text, "    // Only comparable if every response before the marked step has the same status.");
            let _ = writeln!(text, "    let is_comparable = {shown};");
            let _ = writeln!(
                text,
                "    assert!(!is_comparable || {}, {:?}, response_{here}.text);",
                expected.join(" || "),
                format!("expected {}; received {{}}", script.finding.expected.replace('{', "{{").replace('}', "}}")),
            );
        }
        Check::Same => {
            for (index, call) in script.calls.iter().enumerate() {
                let _ =
                    writeln!(text, "    let same_{0} = response_{0}.text == {1:?};", index + 1, recorded(call.step));
            }
            let same: Vec<String> = (1..=script.calls.len()).map(|number| format!("same_{number}")).collect();
            let message = format!("every response is the same: received {}", script.finding.received);
            let _ = writeln!(text, "    assert!(!({}), \"{{}}\", {message:?});", same.join(" && "));
        }
        Check::Manual(why) => {
            for number in 1..=script.calls.len() {
                let _ = writeln!(text, "    println!(\"{{}}\\n\", response_{number}.text);");
            }
            let _ = writeln!(text, "    // {why}.");
        }
    }
    text
}
