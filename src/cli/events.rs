//! `--events`: a line for each event as it happens.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use qonform::finding::Outcome;
use qonform::report::EventLines;
use qonform::run::Event;

use super::CliError;

/// Where the events of a run go.
pub(super) struct EventFile {
    path: PathBuf,
    started: Instant,
    state: Mutex<WriterState>,
}

struct WriterState {
    lines: EventLines,
    to: Box<dyn Write + Send>,
    /// Why the rest was not written.
    failed: Option<io::Error>,
}

impl EventFile {
    /// Begins the file, before the run; `-` is stdout. A file that is there already is begun anew.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let to: Box<dyn Write + Send> = if is_stdout(path) {
            Box::new(io::stdout())
        } else {
            Box::new(
                File::create(path)
                    .map_err(|error| CliError::usage(format!("write the events {}: {error}", path.display())))?,
            )
        };
        let state = Mutex::new(WriterState { lines: EventLines::default(), to, failed: None });
        Ok(Self { path: path.to_owned(), started: Instant::now(), state })
    }

    /// Writes an event.
    pub(super) fn tell(&self, event: &Event) {
        self.write(|lines, elapsed| lines.line(event, elapsed));
    }

    /// Writes the last event, of a program that ends with `code`, and says whether all were written.
    pub(super) fn end(self, outcome: &Outcome, code: u8) -> Result<(), CliError> {
        self.write(|lines, elapsed| lines.ended(outcome, code, elapsed));
        let failed = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).failed;
        match failed {
            // A reader that went away is no error, as with every other output.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::world(format!("write the events {}: {error}", self.path.display())))
            }
            _ => Ok(()),
        }
    }

    /// A line goes out whole and at once: a run that is killed has told what happened until then.
    fn write(&self, line: impl FnOnce(&mut EventLines, u64) -> String) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return;
        }
        let line = line(&mut state.lines, elapsed);
        state.failed = state.to.write_all(line.as_bytes()).and_then(|()| state.to.flush()).err();
    }
}

/// Whether the events take stdout, which then carries no report.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
