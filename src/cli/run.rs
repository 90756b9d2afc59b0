//! `qonform run`.

use std::path::{Path, PathBuf};

use qonform::finding::Outcome;
use qonform::report::{self, Format, Style, Verbosity};
use qonform::run::{Case, DryRun, Estimate, Plan, Regressions, Settings, plan};

use super::args::{OutputArguments, RunArguments, StdoutFormat};
use super::configuration::Sources;
use super::files::{ReportFile, is_same_file};
use super::following::Following;
use super::gates::Baseline;
use super::interrupts::Interrupts;
use super::{CliError, configuration, events, export, out, private_file, settings};

/// Tests the target against the contract, writes the reports, and returns the exit code.
pub(super) async fn run(arguments: &RunArguments, sources: &Sources, interrupts: &Interrupts) -> Result<u8, CliError> {
    interrupts.limit(arguments.pace.max_time);
    let contract = settings::contract(&arguments.contract)?;
    let mut settings = settings::settings(arguments, &contract)?;
    let (named, beside) = (&arguments.selection.regressions, &arguments.configuration.config);
    let regressions = settings::regressions(named.as_deref(), beside.as_deref())?;
    settings.regressions = regressions.iter().flat_map(|known| known.entries().iter().cloned()).collect();
    let baseline = Baseline::open(&arguments.gates.baseline)?;
    let note = match &arguments.target.target {
        Some(_) => None,
        None => configuration::reject_without_target(sources)?,
    };
    if arguments.selection.dry_run {
        if arguments.output.format != StdoutFormat::Human {
            return Err(CliError::usage("print a dry run as JSON: it has no outcome; leave out --format"));
        }
        if !arguments.output.reports.is_empty() || arguments.output.export.is_some() {
            out::err("qonform: a dry run has no outcome: no report is written\n");
        }
        if let Some(note) = &note {
            out::err(note);
        }
        return dry_run(&settings, contract).await;
    }
    let following = Following::open(arguments, &mut settings)?;
    if let Some(note) = &note {
        out::err(note);
    }
    let mut outcome = following.run(settings, contract, interrupts).await?;
    let saved = regressions.map_or(Ok(()), |known| save_failures(known, &outcome));
    if let Some(baseline) = &baseline {
        baseline.apply(&mut outcome);
    }
    let code = outcome.exit_code();
    following.end(&mut outcome, &arguments.output, baseline.as_ref(), code)?;
    // The findings come before the errors of writing.
    saved?;
    Ok(code)
}

/// Adds the new failures to the past failures.
fn save_failures(mut known: Regressions, outcome: &Outcome) -> Result<(), CliError> {
    let added = known.add(outcome).map_err(CliError::world)?;
    if added > 0 {
        out::err(&format!("qonform: added {added} to `{}`\n", known.path().display()));
    }
    Ok(())
}

/// The outputs of an outcome besides stdout.
pub(super) struct Outputs {
    pub(super) files: Vec<ReportFile>,
    export: Option<PathBuf>,
    /// Whether stdout carries something else.
    pub(super) is_silent: bool,
}

impl Outputs {
    /// Checks that everything is writable.
    pub(super) fn open(output: &OutputArguments) -> Result<Self, CliError> {
        let files = ReportFile::open_all(&output.reports)?;
        Ok(Self { files, export: output.export.as_deref().map(export::open).transpose()?, is_silent: false })
    }
}

impl Outputs {
    /// Checks that the events and the journal have files of their own, and follow no link of another user.
    pub(super) fn check_others(&self, events: Option<&Path>, journal: Option<&Path>) -> Result<(), CliError> {
        let events = events.filter(|path| !events::is_stdout(path)).map(|path| ("the events", path));
        let journal = journal.map(|path| ("the journal", path));
        for (what, path) in events.into_iter().chain(journal) {
            let cannot = |why: String| CliError::usage(format!("write {what} to {}: {why}", path.display()));
            private_file::check_links(path).map_err(|error| cannot(error.to_string()))?;
            if let Some(report) = self.files.iter().find(|report| is_same_file(report.path(), path)) {
                return Err(cannot(format!("it is also the file of the report {}", report.format())));
            }
        }
        match (events, journal) {
            (Some((_, events)), Some((_, journal))) if is_same_file(events, journal) => Err(CliError::usage(format!(
                "write the events to {}: it is also the file of the journal",
                events.display()
            ))),
            _ => Ok(()),
        }
    }
}

/// Writes the reports and prints the outcome.
pub(super) fn conclude(
    outcome: &mut Outcome,
    outputs: Outputs,
    output: &OutputArguments,
    baseline: Option<&Baseline>,
) -> Result<(), CliError> {
    let json = outputs.files.iter().find(|file| file.format() == Format::Json);
    if let Some(json) = json {
        outcome.report = Some(json.path().display().to_string());
    }
    let written = [
        ReportFile::write_all(outputs.files, outcome),
        outputs.export.map_or(Ok(()), |directory| export::write(&directory, outcome)),
    ];
    let mut style = style(output);
    style.links = out::links(style.color, &outcome.contract.document);
    // A program that reads JSON from stdout must find nothing else there.
    let print = |text: &str| {
        if output.format == StdoutFormat::Human && !outputs.is_silent {
            return out::out(text);
        }
        out::err(text);
        Ok(())
    };
    let format = match output.format {
        StdoutFormat::Human => Format::Human,
        StdoutFormat::Json => Format::Json,
    };
    if !outputs.is_silent {
        out::out(&report::render(format, outcome, &style))?;
    }
    if std::env::var("GITHUB_ACTIONS").is_ok_and(|set| set == "true") {
        print(&report::render(Format::Github, outcome, &style))?;
    }
    if let Some(baseline) = baseline {
        print(&format!("\nsince the baseline\n\n{}", baseline.comparison(outcome, &style)))?;
    }
    // The findings come before the errors of writing.
    written.into_iter().collect()
}

pub(super) fn style(output: &OutputArguments) -> Style {
    Style {
        color: output.color.for_stdout(),
        width: out::width(100),
        detail: match (output.quiet, output.verbose) {
            (_, 0) if output.only_findings => Verbosity::Findings,
            (true, _) => Verbosity::Quiet,
            (_, 0) => Verbosity::Normal,
            _ => Verbosity::Verbose,
        },
        links: None,
    }
}

/// The estimated number of requests.
fn requests(estimate: &Estimate) -> String {
    format!(
        "{} requests on a correct server, as on the embedded server in a project like this one.\n\
         At most about {} on a faulty server: each case runs up to {} times, and minimizing findings takes up to {}.\n\
         Requests repeated after a lost connection or a 429 are not included.\n",
        estimate.requests,
        estimate.max_requests,
        estimate.max_runs,
        Estimate::MAX_SHRINK_REQUESTS,
    )
}

/// The cases that would run: generated sequences as a range, the others by name.
fn cases(plan: &Plan) -> String {
    let mut text = format!("{} would run:\n", report::count(plan.cases.len(), "case"));
    let (sequences, others): (Vec<_>, Vec<_>) =
        plan.cases.iter().map(Case::name).partition(|name| name.starts_with("sequence::"));
    text.extend(others.iter().map(|name| format!("  {name}\n")));
    match &sequences[..] {
        [] => {}
        [one] => text.push_str(&format!("  {one}\n")),
        [first, .., last] => text.push_str(&format!("  {first} to {last}\n")),
    }
    text
}

async fn dry_run(settings: &Settings, contract: std::sync::Arc<qonform::contract::Contract>) -> Result<u8, CliError> {
    let planned = plan(settings, contract).await.map_err(CliError::usage)?;
    let DryRun { plan, notes, estimate } = match planned {
        Ok(prepared) => prepared,
        Err(reason) => return Err(CliError::world(format!("test the target: {reason}"))),
    };
    let mut text = String::new();
    for note in notes.iter().chain(&plan.notes) {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&cases(&plan));
    let skipped = match &estimate {
        Some(estimate) => estimate.skipped.clone(),
        None => plan.reasons.clone().into_iter().collect(),
    };
    // Rules that were not asked for need no reason.
    let skipped: Vec<_> = skipped.into_iter().filter(|(rule, _)| settings.selection.includes(rule)).collect();
    if !skipped.is_empty() {
        text.push_str(&format!("{} would be skipped:\n", report::count(skipped.len(), "rule")));
        for (rule, reason) in skipped {
            text.push_str(&format!("  {rule}: {reason}\n"));
        }
    }
    text.extend(estimate.as_ref().map(requests));
    out::out(&out::plain(&text))?;
    Ok(if plan.cases.is_empty() { 3 } else { 0 })
}
