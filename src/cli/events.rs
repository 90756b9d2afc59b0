//! `--events`: one line for each event when it happens.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use qonform::finding::Outcome;
use qonform::report::EventLines;
use qonform::run::Event;

use super::files::unwritable;
use super::{CliError, private_file};

/// The file of the events of a run.
pub(super) struct EventFile {
    path: PathBuf,
    started: Instant,
    state: Mutex<WriterState>,
}

struct WriterState {
    lines: EventLines,
    to: EventTarget,
    /// Number of whole lines.
    written: u64,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

/// Where the lines go.
enum EventTarget {
    Stdout,
    /// A file and the length of its whole lines.
    File(File, u64),
}

impl EventTarget {
    /// Writes a line at once. On an error the file keeps whole lines only.
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout();
                stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush())
            }
            Self::File(file, length) => {
                let written = file.write_all(line.as_bytes());
                match written {
                    Ok(()) => *length += line.len() as u64,
                    // A pipe has no length.
                    Err(_) => drop(file.set_len(*length)),
                }
                written
            }
        }
    }
}

impl EventFile {
    /// Creates the file, before the run; `-` is stdout. An existing file is overwritten.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let to = if is_stdout(path) {
            EventTarget::Stdout
        } else {
            let file = private_file::create(path).map_err(|error| {
                CliError::usage(format!("write the events to {}: {}", path.display(), unwritable(&error)))
            })?;
            EventTarget::File(file, 0)
        };
        let state = Mutex::new(WriterState { lines: EventLines::default(), to, written: 0, failed: None });
        Ok(Self { path: path.to_owned(), started: Instant::now(), state })
    }

    /// Writes an event.
    pub(super) fn event(&self, event: &Event) {
        self.write(|lines, elapsed| lines.line(event, elapsed));
    }

    /// Writes the last event, with the exit code. Fails if any event could not be written.
    pub(super) fn end(self, outcome: &Outcome, code: u8) -> Result<(), CliError> {
        self.write(|lines, elapsed| lines.ended(outcome, code, elapsed));
        let WriterState { failed, written, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failed {
            // A closed pipe is no error, as for every output.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::world(format!(
                "write the events to {}: {error}; all after the first {written} are missing",
                self.path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Flushes each line: if the run is killed, the events until then are written.
    fn write(&self, line: impl FnOnce(&mut EventLines, u64) -> String) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return;
        }
        let line = line(&mut state.lines, elapsed);
        state.failed = state.to.write(&line).err();
        state.written += u64::from(state.failed.is_none());
    }
}

/// Whether the events go to stdout, which then carries no report.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
