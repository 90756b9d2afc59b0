//! `qonform run`.

use std::path::PathBuf;

use qonform::exchange::Trust;
use qonform::finding::Outcome;
use qonform::report::{self, Detail, Format, Style};
use qonform::run::{Event, Regressions, Settings, plan, run as drive};
use tokio_util::sync::CancellationToken;

use super::args::{OutputArguments, RunArguments, StdoutFormat};
use super::events::{self, EventFile};
use super::files::ReportFile;
use super::gates::Baseline;
use super::progress::Progress;
use super::{Failure, export, out, recording, settings};

/// Holds the target to the contract, writes the reports, and gives the exit code.
pub(super) async fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    let contract = settings::contract(arguments.contract.spec.as_deref())?;
    let mut settings = settings::settings(arguments, &contract)?;
    let (named, beside) = (&arguments.selection.regressions, &arguments.configuration.config);
    let regressions = settings::regressions(named.as_deref(), beside.as_deref())?;
    settings.regressions = regressions.iter().flat_map(|known| known.entries().iter().cloned()).collect();
    if settings.transport.trust == Trust::Anybody && arguments.target.target.is_some() {
        out::err("qonform: WARNING: --insecure: no certificate is checked, whoever answers gets the keys\n");
    }
    if arguments.selection.dry_run {
        return dry_run(&settings, contract).await;
    }
    // Tried before the run, so that a bad path fails at once.
    let baseline = Baseline::open(&arguments.gates.baseline)?;
    let (output, following) = (&arguments.output, &arguments.following);
    let mut kept = Kept::open(output)?;
    let recording = following.record_all.then(|| recording::begin(&mut kept.files)).transpose()?;
    settings.transport.recorder = recording.as_ref().map(recording::RecordingFile::recorder);
    let events = following.events.as_deref().map(EventFile::open).transpose()?;
    kept.is_silent = following.events.as_deref().is_some_and(events::is_stdout);
    let progress = Progress::new(output.quiet);
    let cancel = CancellationToken::new();
    tokio::spawn(stop_on_signal(cancel.clone()));
    let tell = |event: Event| {
        if let Some(events) = &events {
            events.tell(&event);
        }
        progress.tell(&event);
    };
    let mut outcome = drive(&settings, contract, &tell, cancel)
        .await
        .map_err(|error| if error.is_usage() { Failure::usage(error) } else { Failure::world(error) })?;
    progress.clear();
    let written = [
        regressions.map_or(Ok(()), |known| remember(known, &outcome)),
        recording.map_or(Ok(()), recording::RecordingFile::end),
        events.map_or(Ok(()), |events| events.end(&outcome)),
    ];
    let code = conclude(&mut outcome, kept, output, baseline.as_ref())?;
    // What was found is told before what could not be written.
    written.into_iter().collect::<Result<(), _>>()?;
    Ok(code)
}

/// Adds what was found to the past failures.
fn remember(mut known: Regressions, outcome: &Outcome) -> Result<(), Failure> {
    let added = known.add(outcome).map_err(Failure::world)?;
    if added > 0 {
        out::err(&format!("qonform: {added} new in `{}`\n", known.path().display()));
    }
    Ok(())
}

/// Where an outcome goes besides stdout.
pub(super) struct Kept {
    files: Vec<ReportFile>,
    export: Option<PathBuf>,
    /// Whether stdout is taken by something else.
    is_silent: bool,
}

impl Kept {
    /// Tries whether everything can be written.
    pub(super) fn open(output: &OutputArguments) -> Result<Self, Failure> {
        let files = ReportFile::open_all(&output.reports)?;
        Ok(Self { files, export: output.export.as_deref().map(export::open).transpose()?, is_silent: false })
    }
}

/// Writes the reports, tells the outcome, and gives the exit code.
pub(super) fn conclude(
    outcome: &mut Outcome,
    kept: Kept,
    output: &OutputArguments,
    baseline: Option<&Baseline>,
) -> Result<u8, Failure> {
    let json = kept.files.iter().find(|file| file.format() == Format::Json);
    outcome.report = json.map(|file| file.path().display().to_string());
    let written = [
        ReportFile::write_all(kept.files, outcome),
        kept.export.map_or(Ok(()), |directory| export::write(&directory, outcome)),
    ];
    let style = style(output);
    // Whoever reads JSON from stdout, or has it for something else, wants nothing else there.
    let besides = |text: &str| {
        if output.format == StdoutFormat::Human && !kept.is_silent {
            return out::out(text);
        }
        out::err(text);
        Ok(())
    };
    let format = match output.format {
        StdoutFormat::Human => Format::Human,
        StdoutFormat::Json => Format::Json,
    };
    if !kept.is_silent {
        out::out(&report::render(format, outcome, &style))?;
    }
    if std::env::var("GITHUB_ACTIONS").is_ok_and(|set| set == "true") {
        besides(&report::render(Format::Github, outcome, &style))?;
    }
    let mut code = outcome.exit_code();
    if let Some(baseline) = baseline {
        let (text, judged) = baseline.judge(outcome, &style);
        besides(&format!("\nsince the baseline\n\n{text}"))?;
        code = judged;
    }
    // What was found is told before what could not be written.
    written.into_iter().collect::<Result<(), _>>()?;
    Ok(code)
}

pub(super) fn style(output: &OutputArguments) -> Style {
    Style {
        color: output.color.for_stdout(),
        width: out::width(100),
        detail: match (output.quiet, output.verbose) {
            (true, _) => Detail::Quiet,
            (_, 0) => Detail::Normal,
            _ => Detail::Verbose,
        },
    }
}

async fn dry_run(settings: &Settings, contract: std::sync::Arc<qonform::contract::Contract>) -> Result<u8, Failure> {
    let planned = plan(settings, contract).await.map_err(Failure::usage)?;
    let (plan, notes) = match planned {
        Ok(planned) => planned,
        Err(reason) => return Err(Failure::world(format!("test the target: {reason}"))),
    };
    let mut text = String::new();
    for note in notes.iter().chain(&plan.notes) {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&format!("{} cases would run:\n", plan.cases.len()));
    for case in &plan.cases {
        text.push_str(&format!("  {}\n", case.name()));
    }
    if !plan.reasons.is_empty() {
        text.push_str(&format!("{} rules would be skipped:\n", plan.reasons.len()));
        for (rule, reason) in &plan.reasons {
            text.push_str(&format!("  {rule}: {reason}\n"));
        }
    }
    out::out(&out::plain(&text))?;
    Ok(if plan.cases.is_empty() { 3 } else { 0 })
}

/// The first Ctrl-C (or SIGTERM) ends the run after cleaning up; the second leaves at once.
pub(super) async fn stop_on_signal(cancel: CancellationToken) {
    stop_signal().await;
    cancel.cancel();
    out::err("\nqonform: stopping; what was created is being removed (again to leave at once)\n");
    stop_signal().await;
    #[expect(clippy::exit, reason = "the user asked to leave without cleaning up")]
    std::process::exit(130);
}

async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
