//! The examples of `docs/ci.md` are valid: the YAML parses, and qonform accepts the command lines.

use std::collections::BTreeSet;

use clap::{CommandFactory as _, FromArgMatches as _};
use serde_yaml::Value;

use super::args::{Arguments, Command};
use super::files::ReportFile;

const TEXT: &str = include_str!("../../docs/ci.md");

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let open = format!("```{language}\n");
    TEXT.split(open.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn parsed() -> Vec<Value> {
    blocks("yaml")
        .into_iter()
        .map(|block| serde_yaml::from_str(block).unwrap_or_else(|e| panic!("{e}\n{block}")))
        .collect()
}

/// Every text in a value, with its key.
fn texts(key: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((key.to_owned(), text.clone())),
        Value::Sequence(items) => items.iter().for_each(|item| texts(key, item, found)),
        Value::Mapping(members) => {
            for (name, value) in members {
                texts(name.as_str().unwrap_or_default(), value, found);
            }
        }
        _ => {}
    }
}

/// The command lines of qonform in shell scripts, as words; expressions and variables are replaced by examples.
fn command_lines() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for value in &parsed() {
        texts("", value, &mut found);
    }
    let shell = found.into_iter().filter(|(key, _)| ["run", "script", "after_script"].contains(&key.as_str()));
    let lines: Vec<String> =
        shell.flat_map(|(_, text)| text.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines
        .iter()
        .filter(|line| line.trim_start().starts_with("target/release/qonform "))
        .map(|line| words(line))
        .collect()
}

fn words(line: &str) -> Vec<String> {
    let line = line.split(" >> ").next().unwrap();
    let mut line = line.replace("\"$QONFORM_TARGET\"", "https://staging.example/v4");
    while let Some((before, rest)) = line.split_once("${{") {
        let (_, after) = rest.split_once("}}").unwrap();
        line = format!("{before}1{after}");
    }
    assert!(!line.contains(['$', '"', '\'']), "this test cannot read {line}");
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_command_line_is_accepted() {
    let lines = command_lines();
    assert!(lines.len() >= 4, "{lines:?}");
    for words in &lines {
        let matches =
            Arguments::command().try_get_matches_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        let arguments = Arguments::from_arg_matches(&matches).unwrap();
        let reports = match &arguments.command {
            Command::Run(run) => &run.output.reports,
            _ => continue,
        };
        for report in reports {
            assert!(ReportFile::parse(report).is_ok(), "{report}");
        }
    }
    for command in ["run", "diff"] {
        assert!(lines.iter().any(|words| words[1] == command), "no example of {command}");
    }
}

#[test]
fn every_used_file_was_written() {
    let lines = command_lines();
    let written: BTreeSet<&str> =
        lines.iter().flatten().filter_map(|word| word.split_once('=')).map(|(_, path)| path).collect();
    let mut found = Vec::new();
    for value in &parsed() {
        texts("", value, &mut found);
    }
    let mut used = 0;
    for (key, text) in found {
        let is_file = ["path", "paths", "sarif_file", "junit"].contains(&key.as_str());
        for name in text.lines().filter(|_| is_file).filter(|name| name.contains("qonform")) {
            used += 1;
            assert!(written.contains(name), "{key}: nothing writes {name}");
        }
    }
    assert!(used >= 8, "{used}");
}

#[test]
fn both_services_and_the_test_runner_are_described() {
    let parsed = parsed();
    let on_github = parsed.iter().filter(|value| value.get("jobs").is_some()).count();
    assert_eq!((on_github, parsed.iter().filter(|value| value.get("qonform").is_some()).count()), (1, 1));
    assert!(blocks("sh").iter().any(|block| block.contains("cargo nextest run --test conformance --partition hash:")));
}
