//! The README shows what the program prints: the rules, the commands, a finding.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use qonform::contract::Contract;
use qonform::reference::{Clock, Fault, Options};
use qonform::report::{self, Detail, Format, Style};
use qonform::run::{self, Pattern, Selection, Settings, TargetSettings};
use tokio_util::sync::CancellationToken;

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The text between `<!-- NAME -->` and `<!-- /NAME -->`, without a code fence.
fn block(name: &str) -> String {
    let text = readme();
    let (_, rest) = text.split_once(&format!("<!-- {name} -->\n")).unwrap_or_else(|| panic!("no block {name}"));
    let (block, _) = rest.split_once(&format!("<!-- /{name} -->")).unwrap();
    block.trim().trim_start_matches("```text").trim_start_matches("```").trim_end_matches("```").trim().to_owned()
}

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_qonform")).args(arguments).env("COLUMNS", "100").output().unwrap();
    assert!(output.status.success(), "qonform {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_table_of_rules_is_the_programs() {
    let expected = printed(&["rules", "--format", "markdown"]);
    assert!(block("rules") == expected, "put the output of `qonform rules --format markdown` between the marks");
}

#[test]
fn the_commands_are_the_programs() {
    let help = printed(&["--help"]);
    let (_, commands) = help.split_once("Usage: qonform <COMMAND>\n\n").unwrap();
    let (commands, _) = commands.split_once("\n\nOptions:\n").unwrap();
    assert_eq!(block("commands"), commands.trim(), "put the commands of `qonform --help` between the marks");
}

#[tokio::test]
async fn the_finding_is_a_real_one() {
    let contract = Arc::new(Contract::embedded());
    let fault: Fault = "delete-still-readable".parse().unwrap();
    let settings = Settings {
        target: TargetSettings::Embedded(Options { faults: vec![fault], clock: Clock::Logical, ..Options::default() }),
        selection: Selection {
            only: vec![Pattern::of("delete.removes", contract.rules()).unwrap()],
            case: Some("scenario::delete.removes".into()),
            ..Selection::default()
        },
        seed: 42,
        ..Settings::default()
    };
    let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
    let text = report::render(Format::Human, &outcome, &Style { detail: Detail::Quiet, ..Style::default() });
    let finding = text.split("\n\n").next().unwrap();
    assert_eq!(block("finding"), finding.trim(), "put this finding between the marks:\n{finding}");
}
