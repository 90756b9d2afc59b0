//! The documents show the output of the program (rules, commands, a finding), and name only existing files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use qonform::contract::Contract;
use qonform::reference::{Clock, Fault, Options};
use qonform::report::{self, Format, Style, Verbosity};
use qonform::run::{self, NamePattern, Selection, Settings, TargetSettings};
use tokio_util::sync::CancellationToken;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The text of a document between `<!-- NAME -->` and `<!-- /NAME -->`, without a code fence.
fn block(document: &str, name: &str) -> String {
    let text = read(document);
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
fn the_table_of_rules_is_up_to_date() {
    let expected = printed(&["rules", "--format", "markdown"]);
    assert!(
        block("docs/rules.md", "rules") == expected,
        "put the output of `qonform rules --format markdown` between the markers"
    );
}

#[test]
fn the_commands_are_up_to_date() {
    let help = printed(&["--help"]);
    let (_, commands) = help.split_once("Usage: qonform <COMMAND>\n\n").unwrap();
    let (commands, _) = commands.split_once("\n\nOptions:\n").unwrap();
    assert_eq!(
        block("README.md", "commands"),
        commands.trim(),
        "put the commands of `qonform --help` between the markers"
    );
}

#[tokio::test]
async fn the_finding_is_up_to_date() {
    let contract = Arc::new(Contract::embedded());
    let fault: Fault = "delete-still-readable".parse().unwrap();
    let settings = Settings {
        target: TargetSettings::Embedded(Options { faults: vec![fault], clock: Clock::Logical, ..Options::default() }),
        selection: Selection {
            only: vec![NamePattern::of("delete.removes", contract.rules()).unwrap()],
            case: Some("scenario::delete.removes".into()),
            ..Selection::default()
        },
        seed: 42,
        ..Settings::default()
    };
    let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
    let text = report::render(Format::Human, &outcome, &Style { detail: Verbosity::Quiet, ..Style::default() });
    let finding = text.split("\n\n").next().unwrap();
    assert_eq!(block("README.md", "finding"), finding.trim(), "put this finding between the markers:\n{finding}");
}

/// Short enough to read in five minutes.
const MAX_LINES: usize = 200;

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines");
}

/// The documentation files.
fn documents() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let docs = docs.map(|name| format!("docs/{}", name.to_string_lossy()));
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned);
    docs.chain(top).filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "md")).collect()
}

/// Targets of links, and texts in backticks.
fn mentions(text: &str) -> (Vec<String>, Vec<String>) {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let quoted = text.split('`').skip(1).step_by(2);
    (links.map(str::to_owned).collect(), quoted.map(str::to_owned).collect())
}

#[test]
fn every_link_and_every_path_in_the_documents_exists() {
    let folders = ["src/", "spec/", "tests/", "docs/", "benches/", "fuzz/", ".ci/"];
    let (mut seen, mut missing) = (0, Vec::new());
    for name in documents() {
        let folder = root().join(&name).parent().unwrap().to_owned();
        let (links, quoted) = mentions(&read(&name));
        let relative = links.iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
        let linked = relative.map(|link| folder.join(link.split('#').next().unwrap_or_default()));
        let is_path = |text: &&String| folders.iter().any(|start| text.starts_with(start)) && !text.contains(' ');
        let named = quoted.iter().filter(is_path).map(|path| root().join(path));
        for path in linked.chain(named) {
            seen += 1;
            if !path.exists() {
                missing.push(format!("{name}: {}", path.display()));
            }
        }
    }
    assert!(seen > 20, "{seen}");
    assert_eq!(missing, Vec::<String>::new());
}
