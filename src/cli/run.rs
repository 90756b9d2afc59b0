//! `qonform run`.

use qonform::exchange::Trust;
use qonform::report::{self, Detail, Format, Style};
use qonform::run::{Event, Settings, plan, run as drive};
use tokio_util::sync::CancellationToken;

use super::args::{RunArguments, StdoutFormat};
use super::events::{self, EventFile};
use super::files::ReportFile;
use super::progress::Progress;
use super::{Failure, export, out, recording, settings};

/// Holds the target to the contract, writes the reports, and gives the exit code.
pub(super) async fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    let contract = settings::contract(arguments.contract.spec.as_deref())?;
    let mut settings = settings::settings(arguments, &contract)?;
    let style = style(arguments);
    if settings.transport.trust == Trust::Anybody && arguments.target.target.is_some() {
        out::err("qonform: WARNING: --insecure: no certificate is checked, whoever answers gets the keys\n");
    }
    if arguments.selection.dry_run {
        return dry_run(&settings, contract).await;
    }
    // Tried before the run, so that a bad path fails at once.
    let output = &arguments.output;
    let files = ReportFile::open_all(&output.reports)?;
    let export = output.export.as_deref().map(export::open).transpose()?;
    let (files, recording) = if output.record_all { recording::begin(files)? } else { (files, None) };
    settings.transport.recorder = recording.as_ref().map(recording::RecordingFile::recorder);
    let events = output.events.as_deref().map(EventFile::open).transpose()?;
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
    let json = files.iter().find(|file| file.format() == Format::Json);
    outcome.report = json.map(|file| file.path().display().to_string());
    let mut written = vec![ReportFile::write_all(files, &outcome)];
    written.extend(export.map(|directory| export::write(&directory, &outcome)));
    written.extend(recording.map(recording::RecordingFile::end));
    written.extend(events.map(|events| events.end(&outcome)));
    if output.events.as_deref().is_none_or(|path| !events::is_stdout(path)) {
        let format = match output.format {
            StdoutFormat::Human => Format::Human,
            StdoutFormat::Json => Format::Json,
        };
        out::out(&report::render(format, &outcome, &style))?;
    }
    // What was found is told before what could not be written.
    written.into_iter().collect::<Result<(), _>>()?;
    Ok(outcome.exit_code())
}

pub(super) fn style(arguments: &RunArguments) -> Style {
    Style {
        color: arguments.output.color.for_stdout(),
        width: out::width(100),
        detail: match (arguments.output.quiet, arguments.output.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
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
    for note in notes {
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
