//! Signals and the time limit before a run, watched by a thread of their own: no work of the program delays them.
//!
//! As long as nothing of this program exists on a target, it ends at once. A run ends after cleaning up; a second signal
//! ends it at once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use qonform::run::{Settings, TargetSettings, journals};
use tokio_util::sync::CancellationToken;

use super::out;

/// Exit code of an interrupted program.
const INTERRUPTED: i32 = 130;

/// Exit code of a run that tested nothing.
const UNTESTED: i32 = 3;

/// Time for a run that leaves nothing on a target to end and write its reports.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Watches signals and the time limit.
#[derive(Clone, Debug)]
pub(super) struct Interrupts {
    started: Instant,
    phase: Arc<Mutex<Phase>>,
}

/// What the program does.
#[derive(Debug)]
enum Phase {
    /// Nothing that a target could keep: reading, reporting. The limit is that of a run that has not yet begun.
    Local { limit: Option<Duration> },
    /// A run.
    Run { cancel: CancellationToken, leaves: Leaves },
}

/// What a run may leave on its target.
#[derive(Clone, Debug)]
enum Leaves {
    Nothing,
    /// What the journal with this prefix in the user's state directory lists, or the one in this file.
    Journal {
        prefix: String,
        file: Option<PathBuf>,
        target: String,
    },
}

impl Leaves {
    fn of(settings: &Settings) -> Self {
        match &settings.target {
            TargetSettings::Embedded(_) => Self::Nothing,
            TargetSettings::External(external) => Self::Journal {
                prefix: settings.prefix(),
                file: settings.journal.clone(),
                target: external.url.clone(),
            },
        }
    }

    /// What is left, and how to remove it. `None` when nothing is: a journal is written before the first request that
    /// creates anything.
    fn remedy(&self) -> Option<String> {
        let Self::Journal { prefix, file, target } = self else { return None };
        let own = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with(prefix) && name.ends_with(&format!("-{}.journal", std::process::id()))
        };
        let command = match file {
            Some(path) if path.exists() => format!("qonform clean --journal {} --target {target}", path.display()),
            None if journals().unwrap_or_default().iter().any(own) => "qonform clean".to_owned(),
            _ => return None,
        };
        Some(format!("offerings that start with {prefix} may be left on {target}; remove them with `{command}`"))
    }
}

impl Default for Interrupts {
    /// Nothing is watched.
    fn default() -> Self {
        Self { started: Instant::now(), phase: Arc::new(Mutex::new(Phase::Local { limit: None })) }
    }
}

impl Interrupts {
    /// Starts to watch.
    pub(super) fn watch() -> Self {
        let interrupts = Self::default();
        let watched = interrupts.clone();
        // Without a thread, signals have their default effect.
        let _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(watched.run()))
        });
        interrupts
    }

    /// Sets the time limit of a run, counted from the start of the program.
    pub(super) fn limit(&self, limit: Option<Duration>) {
        self.enter(Phase::Local { limit });
    }

    /// The run begins. Returns what ends it early, and the part of its time limit that is used up.
    pub(super) fn begin(&self, settings: &Settings) -> (CancellationToken, Duration) {
        let cancel = CancellationToken::new();
        self.enter(Phase::Run { cancel: cancel.clone(), leaves: Leaves::of(settings) });
        (cancel, self.started.elapsed())
    }

    /// The run has ended and cleaned up.
    pub(super) fn end(&self) {
        self.enter(Phase::Local { limit: None });
    }

    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    async fn run(self) {
        let Ok(mut signals) = Signals::listen() else { return };
        loop {
            tokio::select! {
                () = signals.next() => self.interrupt(),
                () = self.time_is_up() => {}
            }
        }
    }

    fn interrupt(&self) {
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        match &*phase {
            Phase::Local { .. } => leave(INTERRUPTED, "\nqonform: interrupted\n"),
            Phase::Run { cancel, leaves } if cancel.is_cancelled() => {
                let left = leaves.remedy().map_or_else(String::new, |remedy| format!("qonform: {remedy}\n"));
                leave(INTERRUPTED, &format!("\nqonform: interrupted again: not cleaned up\n{left}"));
            }
            Phase::Run { cancel, leaves } => {
                cancel.cancel();
                if matches!(leaves, Leaves::Nothing) {
                    out::err("\nqonform: stopping\n");
                    self.leave_after(MAX_WAIT);
                } else {
                    out::err(
                        "\nqonform: stopping; removing what the run created (press Ctrl-C again to exit at once)\n",
                    );
                }
            }
        }
    }

    /// Ends the program if the run is still going on after this time.
    fn leave_after(&self, time: Duration) {
        let phase = Arc::clone(&self.phase);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            if let Phase::Run { .. } = &*phase.lock().unwrap_or_else(PoisonError::into_inner) {
                leave(INTERRUPTED, "qonform: interrupted\n");
            }
        });
    }

    /// Ends the program when a run has not begun within its time limit.
    async fn time_is_up(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Local { limit: Some(limit) } = &*phase
            && self.started.elapsed() > *limit
        {
            let message = format!(
                "qonform: cannot test the target: the limit of {limit:?} for the whole run was reached while the document was read\n"
            );
            leave(UNTESTED, &message);
        }
    }
}

#[expect(clippy::exit, reason = "the work that is interrupted cannot be asked to end")]
fn leave(code: i32, message: &str) {
    out::err(message);
    std::process::exit(code);
}

/// The signals that end the program.
struct Signals {
    #[cfg(unix)]
    streams: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stream = |kind| signal(kind);
        let (interrupt, terminate) = (stream(SignalKind::interrupt())?, stream(SignalKind::terminate())?);
        Ok(Self { streams: [interrupt, terminate, stream(SignalKind::hangup())?] })
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.streams;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
