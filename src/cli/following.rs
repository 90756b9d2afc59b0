//! What follows a run while it goes on: progress, exchanges on stderr, events, recordings; and what it leaves at its end.

use std::convert::Infallible;
use std::sync::Arc;

use qonform::contract::Contract;
use qonform::exchange::{ExchangeObserver, Recorded, Trust};
use qonform::finding::Outcome;
use qonform::report::{self, Follow};
use qonform::run::{Event, Prepared, Settings, TargetSettings, plan, run as drive};
use tokio_util::sync::CancellationToken;

use super::args::{OutputArguments, RunArguments};
use super::events::{self, EventFile};
use super::gates::Baseline;
use super::progress::Progress;
use super::recording::{self, RecordingFile};
use super::run::{Outputs, conclude};
use super::{CliError, out};

/// All observers of a run.
pub(super) struct Following {
    kept: Outputs,
    recording: Option<RecordingFile>,
    events: Option<EventFile>,
    progress: Progress,
}

/// `-v` and `-vv`: every exchange on stderr as it ends, so that stdout stays the report.
#[derive(Debug)]
struct Exchanges(Follow);

impl ExchangeObserver for Exchanges {
    fn record(&self, recorded: &Recorded<'_>) {
        out::err(&report::exchange(recorded, self.0));
    }
}

impl Following {
    /// Tries everything that is to be written, before anything is sent: a bad path fails at once. The observer
    /// that shows the exchanges is put into `settings`.
    pub(super) fn open(arguments: &RunArguments, settings: &mut Settings) -> Result<Self, CliError> {
        if settings.transport.trust == Trust::Anybody && arguments.target.target.is_some() {
            out::err(
                "qonform: WARNING: --insecure: no certificate is checked, any server that responds gets the keys\n",
            );
        }
        let (output, following) = (&arguments.output, &arguments.following);
        let mut kept = Outputs::open(output)?;
        let recording = following.record_all.then(|| recording::begin(&mut kept.files)).transpose()?;
        let events = following.events.as_deref().map(EventFile::open).transpose()?;
        kept.is_silent = following.events.as_deref().is_some_and(events::is_stdout);
        let follow = match output.verbose {
            0 => None,
            1 => Some(Follow::Line),
            _ => Some(Follow::Whole),
        };
        let recorders = &mut settings.transport.recorders;
        recorders.extend(recording.as_ref().map(RecordingFile::recorder));
        recorders.extend(follow.map(|follow| Arc::new(Exchanges(follow)) as Arc<dyn ExchangeObserver>));
        Ok(Self { kept, recording, events, progress: Progress::new(output.quiet, follow.is_some()) })
    }

    /// Runs, and tells everybody what happens.
    pub(super) async fn play(&self, settings: &Settings, contract: Arc<Contract>) -> Result<Outcome, CliError> {
        let cancel = CancellationToken::new();
        tokio::spawn(stop_on_signal(cancel.clone()));
        let tell = |event: Event| {
            if let Some(events) = &self.events {
                events.tell(&event);
            }
            self.progress.tell(&event);
        };
        let outcome = tokio::select! {
            outcome = drive(settings, Arc::clone(&contract), &tell, cancel) => outcome,
            never = self.foresee(settings, contract) => match never {},
        };
        self.progress.clear();
        outcome.map_err(|error| if error.is_usage() { CliError::usage(error) } else { CliError::world(error) })
    }

    /// Shows how many requests a run on a foreign target takes. The run does not wait for that.
    async fn foresee(&self, settings: &Settings, contract: Arc<Contract>) -> Infallible {
        if self.progress.is_watched() && matches!(settings.target, TargetSettings::External(_)) {
            let mut settings = settings.clone();
            // The few requests that look at the target again are no part of the run.
            settings.transport.recorders.clear();
            let counted = tokio::spawn(async move { plan(&settings, contract).await });
            if let Ok(Ok(Ok(Prepared { rehearsal: Some(rehearsal), .. }))) = counted.await {
                self.progress.foresee(&rehearsal);
            }
        }
        std::future::pending().await
    }

    /// Ends the files, writes the reports, and tells the outcome of a program that ends with `code`.
    pub(super) fn end(
        self,
        outcome: &mut Outcome,
        output: &OutputArguments,
        baseline: Option<&Baseline>,
        code: u8,
    ) -> Result<(), CliError> {
        let written = [
            self.recording.map_or(Ok(()), RecordingFile::end),
            self.events.map_or(Ok(()), |events| events.end(outcome, code)),
        ];
        conclude(outcome, self.kept, output, baseline)?;
        // Findings are shown before what could not be written.
        written.into_iter().collect()
    }
}

/// The first Ctrl-C (or SIGTERM) ends the run after cleaning up; the second leaves at once.
async fn stop_on_signal(cancel: CancellationToken) {
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
