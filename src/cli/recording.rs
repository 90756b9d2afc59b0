//! `--record-all`: the HAR of a run that is written while it goes on.

use std::path::PathBuf;
use std::sync::Arc;

use qonform::exchange::ExchangeObserver;
use qonform::report::{Format, Recording};

use super::CliError;
use super::files::ReportFile;

/// The file that every exchange goes to.
pub(super) struct RecordingFile {
    path: PathBuf,
    recording: Arc<Recording>,
}

/// Begins the HAR among `files`, which is no report of the findings then and is taken out.
pub(super) fn begin(files: &mut Vec<ReportFile>) -> Result<RecordingFile, CliError> {
    let mut archives: Vec<_> = files.extract_if(.., |file| file.format() == Format::Har).collect();
    let file = match (archives.pop(), archives.is_empty()) {
        (Some(file), true) => file,
        (None, _) => return Err(CliError::usage("record every exchange: say where by --report har=PATH")),
        (Some(_), false) => {
            return Err(CliError::usage("record every exchange in two files: give one --report har=PATH"));
        }
    };
    let (path, file) = file.begin()?;
    let recording = Recording::begin(file)
        .map_err(|error| CliError::usage(format!("record every exchange in {}: {error}", path.display())))?;
    Ok(RecordingFile { path, recording: Arc::new(recording) })
}

impl RecordingFile {
    /// Who is to be shown the exchanges.
    pub(super) fn recorder(&self) -> Arc<dyn ExchangeObserver> {
        Arc::clone(&self.recording) as Arc<dyn ExchangeObserver>
    }

    /// Says whether all were written.
    pub(super) fn end(self) -> Result<(), CliError> {
        self.recording
            .check()
            .map_err(|error| CliError::world(format!("record every exchange in {}: {error}", self.path.display())))
    }
}
