//! `--record-all`: a HAR with every exchange, written during the run.

use std::path::PathBuf;
use std::sync::Arc;

use qonform::exchange::ExchangeObserver;
use qonform::report::{Format, Recording};

use super::CliError;
use super::files::ReportFile;

/// The file of every exchange.
pub(super) struct RecordingFile {
    path: PathBuf,
    recording: Arc<Recording>,
}

/// Takes the HAR out of `files` and starts the recording.
pub(super) fn begin(files: &mut Vec<ReportFile>) -> Result<RecordingFile, CliError> {
    let mut archives: Vec<_> = files.extract_if(.., |file| file.format() == Format::Har).collect();
    let file = match (archives.pop(), archives.is_empty()) {
        (Some(file), true) => file,
        (None, _) => return Err(CliError::usage("record every exchange without a file: give --report har=PATH")),
        (Some(_), false) => {
            return Err(CliError::usage("record every exchange in two files: give one --report har=PATH"));
        }
    };
    let (path, file) = file.begin()?;
    let recording = Recording::begin(file).map_err(|error| {
        let _ = std::fs::remove_file(&path);
        CliError::usage(format!("record every exchange in {}: {error}", path.display()))
    })?;
    Ok(RecordingFile { path, recording: Arc::new(recording) })
}

impl RecordingFile {
    /// The observer that records the exchanges.
    pub(super) fn observer(&self) -> Arc<dyn ExchangeObserver> {
        Arc::clone(&self.recording) as Arc<dyn ExchangeObserver>
    }

    /// Ends the recording. Fails if any exchange could not be written.
    pub(super) fn end(self) -> Result<(), CliError> {
        self.recording.check().map_err(|(error, written)| {
            let path = self.path.display();
            CliError::world(format!(
                "record every exchange in {path}: {error}; all after the first {written} are missing"
            ))
        })
    }
}
