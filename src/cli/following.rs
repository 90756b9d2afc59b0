//! The output of a run: progress, exchanges on stderr, events and recordings, and the reports at its end.

use std::convert::Infallible;
use std::sync::Arc;

use qonform::contract::Contract;
use qonform::exchange::{ExchangeObserver, Recorded, Trust};
use qonform::finding::Outcome;
use qonform::report::{self, Follow};
use qonform::run::{DryRun, Event, Settings, TargetSettings, plan, run as drive};

use super::args::{OutputArguments, RunArguments};
use super::events::{self, EventFile};
use super::gates::Baseline;
use super::interrupts::Interrupts;
use super::progress::Progress;
use super::recording::{self, RecordingFile};
use super::run::{Outputs, conclude};
use super::{CliError, out};

/// All observers of a run.
pub(super) struct Following {
    outputs: Outputs,
    recording: Option<RecordingFile>,
    events: Option<EventFile>,
    progress: Progress,
}

/// `-v` and `-vv`: every exchange on stderr, since stdout carries the report.
#[derive(Debug)]
struct Exchanges(Follow);

impl ExchangeObserver for Exchanges {
    fn record(&self, recorded: &Recorded<'_>) {
        out::err(&report::exchange(recorded, self.0));
    }
}

impl Following {
    /// Checks every output file before the first request, and adds the observers of exchanges to `settings`.
    pub(super) fn open(arguments: &RunArguments, settings: &mut Settings) -> Result<Self, CliError> {
        if settings.transport.trust == Trust::Any && arguments.target.target.is_some() {
            out::err("qonform: WARNING: --insecure: certificates are not checked; the keys may go to any server\n");
        }
        let (output, following) = (&arguments.output, &arguments.following);
        let mut outputs = Outputs::open(output)?;
        outputs.check_others(following.events.as_deref(), settings.journal.as_deref())?;
        let recording = following.record_all.then(|| recording::begin(&mut outputs.files)).transpose()?;
        let events = following.events.as_deref().map(EventFile::open).transpose()?;
        outputs.is_silent = following.events.as_deref().is_some_and(events::is_stdout);
        let follow = match output.verbose {
            0 => None,
            1 => Some(Follow::Line),
            _ => Some(Follow::Whole),
        };
        let observers = &mut settings.transport.observers;
        observers.extend(recording.as_ref().map(RecordingFile::observer));
        observers.extend(follow.map(|follow| Arc::new(Exchanges(follow)) as Arc<dyn ExchangeObserver>));
        Ok(Self { outputs, recording, events, progress: Progress::new(output.quiet, follow.is_some()) })
    }

    /// Runs, and passes every event to the observers.
    pub(super) async fn run(
        &self,
        mut settings: Settings,
        contract: Arc<Contract>,
        interrupts: &Interrupts,
    ) -> Result<Outcome, CliError> {
        let (cancel, spent) = interrupts.begin(&settings);
        settings.spent = spent;
        let settings = &settings;
        let on_event = |event: Event| {
            if let Some(events) = &self.events {
                events.event(&event);
            }
            self.progress.event(&event);
        };
        let outcome = tokio::select! {
            outcome = drive(settings, Arc::clone(&contract), &on_event, cancel) => outcome,
            never = self.estimate(settings, contract) => match never {},
        };
        interrupts.end();
        self.progress.clear();
        outcome.map_err(|error| if error.is_usage() { CliError::usage(error) } else { CliError::world(error) })
    }

    /// Shows the estimated number of requests of a run on an external target. The run does not wait for it.
    async fn estimate(&self, settings: &Settings, contract: Arc<Contract>) -> Infallible {
        if self.progress.is_watched() && matches!(settings.target, TargetSettings::External(_)) {
            let mut settings = settings.clone();
            // The requests of the estimate are not part of the run.
            settings.transport.observers.clear();
            let counted = tokio::spawn(async move { plan(&settings, contract).await });
            if let Ok(Ok(Ok(DryRun { estimate: Some(estimate), .. }))) = counted.await {
                self.progress.estimate(&estimate);
            }
        }
        std::future::pending().await
    }

    /// Completes the files, writes the reports, and prints the outcome. `code` is the exit code.
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
        conclude(outcome, self.outputs, output, baseline)?;
        // The findings come before the errors of writing.
        written.into_iter().collect()
    }
}
