//! `qonform explain`: one rule, or one finding of a report.

mod example;

use std::path::Path;
use std::sync::Arc;

use qonform::contract::{Catalogue, Contract, Level, Rule};
use qonform::finding::{EvidenceStep, Finding, Outcome};
use qonform::offerings::scenario;
use qonform::reference::Fault;
use qonform::report::{self, Style, Verbosity};

use super::args::ExplainArguments;
use super::rules::level;
use super::{CliError, files, out, replay};

/// Columns of the labels.
const LABEL: usize = 12;
/// Maximum number of defects to list.
const MAX_FAULTS: usize = 6;

/// Describes a rule, or a finding and its rule.
pub(super) async fn explain(arguments: &ExplainArguments) -> Result<u8, CliError> {
    let contract = Arc::new(Contract::embedded());
    let catalogue = contract.rules();
    let name = arguments.name.as_str();
    let text = if let Some(rule) = catalogue.rule(name) {
        describe(&contract, rule, None).await
    } else if is_fingerprint(name) {
        let mut report = read_report(&arguments.report_file)?;
        // The command that replays the finding names this file.
        report.report = Some(arguments.report_file.display().to_string());
        let finding = replay::find(&report, name)?;
        let style = Style {
            color: arguments.color.for_stdout(),
            width: out::width(100),
            detail: Verbosity::Normal,
            links: None,
        };
        let mut text = report::render_finding(&report, finding, &style);
        if let Some(rule) = catalogue.rule(&finding.rule) {
            text.push_str(&format!("\n{}", describe(&contract, rule, Some(finding)).await));
        }
        text
    } else {
        return Err(CliError::usage(match catalogue.nearest(name) {
            Some(near) => format!("find the rule `{name}`; is `{near}` meant? (`qonform rules` lists all)"),
            None => format!("find `{name}`: give a rule of `qonform rules`, or the fingerprint of a finding"),
        }));
    };
    out::out(&text)?;
    Ok(0)
}

/// Whether a text can be a fingerprint or its beginning.
fn is_fingerprint(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

fn read_report(path: &Path) -> Result<Outcome, CliError> {
    if path.exists() {
        return files::read(path);
    }
    Err(CliError::usage(format!(
        "read {0}: there is no such file; give the report by --report-file, or write one by `qonform run --report \
         json={0}`",
        path.display()
    )))
}

/// Describes a rule, and what to fix if it has this finding.
async fn describe(contract: &Arc<Contract>, rule: &Rule, finding: Option<&Finding>) -> String {
    let catalogue = contract.rules();
    let mut text = format!("{} ({})\n\n", rule.id, level(rule.level));
    let mut part = |label: &str, paragraphs: &[String]| {
        for (index, paragraph) in paragraphs.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            text.push_str(format!("{label:LABEL$}{}", indented(paragraph)).trim_end());
            text.push('\n');
        }
        text.push('\n');
    };
    part("rule", std::slice::from_ref(&rule.statement));
    part("check", std::slice::from_ref(&rule.check));
    if !rule.operations.is_empty() {
        let operations: Vec<_> = rule.operations.iter().map(|endpoint| endpoint.operation_id()).collect();
        part("operations", &[operations.join(", ")]);
    }
    part("sources", &[sources(catalogue, rule)]);
    if let Some(pointer) = &rule.at {
        let position = contract.document().position(pointer);
        let place = format!("{}:{}:{}", contract.document().name(), position.line, position.column);
        part("contract", &[format!("{place} ({pointer})")]);
    }
    let needs = rule.needs.iter().map(|need| catalogue.need(*need));
    let needs: Vec<_> = needs.map(|need| format!("{}: {}", need.what, need.flags.join(" or "))).collect();
    if !needs.is_empty() {
        part("needs", &needs);
    }
    let cases: Vec<_> =
        scenario::all().filter(|case| case.rules().any(|id| id == rule.id)).map(|case| case.rule).collect();
    part("cases", &[if cases.is_empty() { "every exchange of every case".into() } else { cases.join(", ") }]);
    part("example", &example_of(rule, contract).await);
    part("fix", &fix(rule, finding));
    part("run", &commands(catalogue, rule));
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn sources(catalogue: &Catalogue, rule: &Rule) -> String {
    let title =
        |tag: &String| catalogue.source(tag).map_or_else(|| tag.clone(), |source| format!("{tag}: {}", source.title));
    match &rule.from[..] {
        [] => "none; it follows from the other rules".into(),
        tags => tags.iter().map(title).collect::<Vec<_>>().join("; "),
    }
}

async fn example_of(rule: &Rule, contract: &Arc<Contract>) -> Vec<String> {
    if let Some(steps) = example::correct_steps(rule, contract).await {
        let head = "the responses of a correct server:".to_owned();
        return std::iter::once(head).chain(steps.iter().flat_map(step_lines)).collect();
    }
    vec![match rule.level {
        Level::Open => "none: the contract leaves the response open".into(),
        _ => "none: no scenario of one client shows a violation".into(),
    }]
}

/// A step, its unusual headers and its bodies, each in one paragraph.
fn step_lines(step: &EvidenceStep) -> Vec<String> {
    let mut lines = vec![format!("{}  {:<6}  {}  {}", step.number, step.method, step.path, step.status)];
    let usual = [("authorization", "Bearer $QONFORM_TOKEN"), ("content-type", "application/json")];
    let unusual = step.request_headers.iter().filter(|(name, value)| !usual.contains(&(name.as_str(), value.as_str())));
    lines.extend(unusual.map(|(name, value)| format!("     sent {name}: {value}")));
    lines.extend(step.request_body.iter().map(|body| format!("     sent {}", cut(body))));
    if step.here {
        lines.push(format!("     returned {}", step.response_body.as_deref().map_or("no body".into(), cut)));
    }
    lines
}

/// Longer bodies are cut, in characters.
const MAX_BODY: usize = 320;

fn cut(body: &str) -> String {
    let mut text: String = body.chars().take(MAX_BODY).collect();
    if text.len() < body.len() {
        text.push('…');
    }
    out::plain(&text)
}

/// What a violation means, and the defects that cause one: that of the finding first.
fn fix(rule: &Rule, finding: Option<&Finding>) -> Vec<String> {
    if rule.level == Level::Open {
        return vec!["nothing: every response that the contract documents is correct".into()];
    }
    let faults = example::faults(rule);
    let own = finding.map(|finding| format!("- {} ({})", out::plain(&finding.title), out::plain(&finding.condition)));
    let room = MAX_FAULTS - usize::from(own.is_some());
    let more = faults.len().saturating_sub(room);
    let listed = faults.iter().take(room);
    let sentence =
        |name: &str| name.parse::<Fault>().map_or_else(|_| name.to_owned(), |fault| fault.info().sentence.into());
    let head = match faults.len() {
        0 if own.is_none() => format!("a violation means: {}", rule.title),
        _ => format!("a violation means: {}; check the server for defects such as:", rule.title),
    };
    let listed = listed.map(|fault| format!("- {}", sentence(&fault.name)));
    let rest = (more > 0).then(|| format!("- and {more} more"));
    std::iter::once(head).chain(own).chain(listed).chain(rest).collect()
}

/// The commands that check only this rule.
fn commands(catalogue: &Catalogue, rule: &Rule) -> Vec<String> {
    let flags: String = rule
        .needs
        .iter()
        .filter_map(|need| catalogue.need(*need).flags.first())
        .map(|flag| format!(" {flag} …"))
        .collect();
    let mut lines = vec![
        format!("qonform run --only {}", rule.id),
        format!("qonform run --only {} -u https://staging.example/v4{flags}", rule.id),
        format!("qonform run --only {} --layer scenario,input,sequence,race", rule.id),
    ];
    if let Some(fault) = example::faults(rule).first() {
        lines.push(format!("qonform serve --fault {}  # a server that violates it", fault.name));
    }
    lines
}

/// A paragraph in lines that start after the labels.
fn indented(text: &str) -> String {
    let room = out::width(100).saturating_sub(LABEL).max(24);
    let spaces = text.len() - text.trim_start().len();
    let lines = report::wrapped(text.trim_start(), room - spaces);
    lines.iter().map(|line| format!("{:spaces$}{line}", "")).collect::<Vec<_>>().join(&format!("\n{:LABEL$}", ""))
}
