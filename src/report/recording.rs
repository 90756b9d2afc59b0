//! HAR 1.2 of every exchange of a run, written during the run.
//!
//! No exchange stays in memory, and the file is a valid archive after every entry: each entry overwrites the end of the
//! archive with itself and a new end, in one write. Bodies are cut after 64 KiB, as everywhere in evidence.
//! Start at [`Recording`].

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::har;
use super::visible::safe_json;
use crate::exchange::{ExchangeObserver, Recorded};
use crate::finding::EvidenceStep;

/// The end of the archive.
const END: &[u8] = b"]}}\n";

/// An archive that grows during a run; pass it to [`crate::exchange::TransportSettings`].
pub struct Recording {
    state: Mutex<RecordingState>,
}

struct RecordingState {
    to: Box<dyn RecordedTarget>,
    entries: usize,
    /// Offset of the end of the archive, in bytes.
    end: u64,
    failed: Option<io::Error>,
}

/// A file that can be overwritten and cut.
pub trait RecordedTarget: Write + Seek + Send {
    /// Cuts it to this length, in bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl RecordedTarget for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}

impl Recording {
    /// Starts an archive without entries.
    ///
    /// # Errors
    /// If writing fails, also on a pipe, which cannot be overwritten.
    pub fn begin(to: impl RecordedTarget + 'static) -> io::Result<Self> {
        let creator = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
        let comment = "Every exchange of a run, in the order in which they ended.";
        let start = format!(
            "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"comment\":\"{comment}\",\"pages\":[],\"entries\":["
        );
        let mut state = RecordingState { to: Box::new(to), entries: 0, end: 0, failed: None };
        state.append(start.as_bytes())?;
        Ok(Self { state: Mutex::new(state) })
    }

    /// Checks that every exchange was written.
    ///
    /// # Errors
    /// The first error of writing, with the number of written exchanges.
    pub fn check(&self) -> Result<(), (io::Error, usize)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = state.entries;
        state.failed.take().map_or(Ok(()), |error| Err((error, entries)))
    }
}

impl RecordingState {
    /// Overwrites the end of the archive with `bytes` and a new end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.seek(SeekFrom::Start(self.end))?;
        if let Err(error) = self.to.write_all(&[bytes, END].concat()).and_then(|()| self.to.flush()) {
            // The old end was overwritten, and needs no space that was not there.
            let end = if self.end == 0 { &[][..] } else { END };
            let restored = self.to.seek(SeekFrom::Start(self.end)).and_then(|_| self.to.write_all(end));
            let _ = restored.and_then(|()| self.to.cut(self.end + end.len() as u64));
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }
}

impl ExchangeObserver for Recording {
    fn record(&self, recorded: &Recorded<'_>) {
        let entry = safe_json(entry(recorded).to_string());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return;
        }
        let separator = if state.entries == 0 { "\n" } else { ",\n" };
        state.failed = state.append(format!("{separator}{entry}").as_bytes()).err();
        state.entries += usize::from(state.failed.is_none());
    }
}

fn entry(recorded: &Recorded<'_>) -> Value {
    let step = EvidenceStep::new(0, recorded.request, recorded.response.ok(), recorded.keys);
    let milliseconds = recorded.took.as_micros() as f64 / 1_000.0;
    let mut entry = json!({
        "startedDateTime": DateTime::<Utc>::from(recorded.started).to_rfc3339_opts(SecondsFormat::Millis, true),
        "time": milliseconds,
        "request": har::request(recorded.base, &step),
        "response": har::response(&step),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    });
    if let Err(error) = recorded.response {
        entry["comment"] = json!(format!("no response: cannot {}", recorded.keys.redact(&error.to_string())));
    }
    if let Some(operation) = &step.operation {
        entry["_operation"] = json!(operation);
    }
    if let Some(case) = recorded.case {
        entry["_case"] = json!(case);
    }
    entry
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::contract::Endpoint;
    use crate::exchange::{Credentials, KeyRole, Request, Response, Secret, TransportError};

    /// A file in memory that can be read while it is written.
    #[derive(Clone, Default)]
    struct SharedRecording(Arc<Mutex<Cursor<Vec<u8>>>>, Option<usize>);

    impl SharedRecording {
        fn archive(&self) -> Value {
            serde_json::from_slice(self.0.lock().unwrap().get_ref()).unwrap()
        }
    }
    impl Write for SharedRecording {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut file = self.0.lock().unwrap();
            let room = self.1.map_or(bytes.len(), |room| room.saturating_sub(file.position() as usize));
            match bytes.len().min(room) {
                0 if !bytes.is_empty() => Err(io::ErrorKind::StorageFull.into()),
                length => file.write(&bytes[..length]),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for SharedRecording {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.lock().unwrap().seek(to)
        }
    }

    impl RecordedTarget for SharedRecording {
        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.0.lock().unwrap().get_mut().truncate(length as usize);
            Ok(())
        }
    }

    #[test]
    fn the_archive_stays_valid_when_the_disk_is_full() {
        for room in [500, 700, 1_000, 1_500, 3_000] {
            let file = SharedRecording(Arc::default(), Some(room));
            let recording = Recording::begin(file.clone()).unwrap();
            let request = Request::to(Endpoint::Get).id("a");
            let response = Response::new(404, http::HeaderMap::new(), "{}".into());
            for _ in 0..8 {
                recording.record(&Recorded {
                    base: "http://127.0.0.1:4010/v4",
                    case: None,
                    request: &request,
                    response: Ok(&response),
                    started: SystemTime::UNIX_EPOCH,
                    took: Duration::ZERO,
                    keys: &Credentials::default(),
                });
            }
            let (error, written) = recording.check().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            har::tests::assert_is_har(&file.archive());
            assert_eq!(file.archive()["log"]["entries"].as_array().unwrap().len(), written, "{room}");
        }
    }

    #[test]
    fn the_archive_is_valid_after_every_entry_and_has_no_key() {
        let file = SharedRecording::default();
        let recording = Recording::begin(file.clone()).unwrap();
        har::tests::assert_is_har(&file.archive());
        let keys = Credentials::default().with_key(KeyRole::Main, Secret::new("test_sk_recorded_1"));
        let request = Request::to(Endpoint::Get).id("test_sk_recorded_1").header("x-odd", "\u{9b}\u{202e}");
        let response = Response::new(404, http::HeaderMap::new(), "{\"a\":\"\u{9b}\u{202e}\"}".into());
        let error = TransportError::Throttled { responses: 2 };
        for (number, response) in [Ok(&response), Err(&error), Ok(&response)].into_iter().enumerate() {
            recording.record(&Recorded {
                base: "http://127.0.0.1:4010/v4",
                case: Some("scenario::get.missing"),
                request: &request,
                response,
                started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
                took: Duration::from_micros(2_500),
                keys: &keys,
            });
            let archive = file.archive();
            har::tests::assert_is_har(&archive);
            assert_eq!(archive["log"]["entries"].as_array().unwrap().len(), number + 1);
        }
        recording.check().unwrap();
        let entries = file.archive()["log"]["entries"].clone();
        assert_eq!(entries[0]["request"]["url"], "http://127.0.0.1:4010/v4/offerings/$QONFORM_TOKEN");
        assert_eq!(entries[0]["_case"], "scenario::get.missing");
        assert_eq!(entries[0]["startedDateTime"], "1970-01-01T00:00:01.500Z");
        assert_eq!((&entries[0]["time"], &entries[1]["response"]["status"]), (&json!(2.5), &json!(0)));
        let text = String::from_utf8(file.0.lock().unwrap().get_ref().clone()).unwrap();
        assert!(!text.contains("test_sk_") && !text.contains(['\u{9b}', '\u{202e}']), "{text}");
    }
}
