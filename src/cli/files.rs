//! Report files: checked before a run, written completely or not at all, and read back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use qonform::finding::Outcome;
use qonform::report::{self, Color, Format, Style};

use super::{CliError, private_file};

/// A report to write to a file.
pub(super) struct ReportFile {
    format: Format,
    /// As typed.
    named: PathBuf,
    place: OutputPlace,
}

/// How a report is written.
enum OutputPlace {
    /// The file is replaced: a reader finds the old file, none, or the new one, never a part.
    Replaced(PathBuf),
    /// A pipe, a device, or a file in a read-only directory: written in place.
    Written(File),
}

impl ReportFile {
    /// Checks every `FORMAT=PATH`, so that a bad path fails before the first request. Existing files stay until the
    /// report replaces them.
    pub(super) fn open_all(texts: &[String]) -> Result<Vec<Self>, CliError> {
        // A variable of several lines often ends with an empty one.
        let named = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        let parsed = named.map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        let mut files: Vec<Self> = Vec::with_capacity(parsed.len());
        for (format, named) in parsed {
            let place = OutputPlace::of(&named).map_err(|error| {
                CliError::usage(format!("write the report {}: {}", named.display(), unwritable(&error)))
            })?;
            if let Some(other) = files.iter().find(|other| is_same_file(&named, &other.named)) {
                return Err(CliError::usage(format!(
                    "write two reports to {}: it is given for {} and for {format}; give each format its own file",
                    named.display(),
                    other.format
                )));
            }
            files.push(Self { format, named, place });
        }
        Ok(files)
    }

    /// A path without a format has the format of its extension.
    pub(super) fn parse(text: &str) -> Result<(Format, PathBuf), CliError> {
        let bad = |reason: &str| {
            // The parser's message starts as this one does.
            let reason = reason.split_once("as report format: ").map_or(reason, |(_, reason)| reason);
            CliError::usage(format!("use `{text}` as a report: {reason}"))
        };
        if let Some((format, path)) = text.split_once('=') {
            let format = format.trim().parse().map_err(|error: report::UnknownFormat| bad(&error.to_string()))?;
            // Before the second version one flag named several reports.
            let names_format =
                |part: &str| part.split_once('=').is_some_and(|(name, _)| name.trim().parse::<Format>().is_ok());
            if path.split(',').skip(1).any(names_format) {
                return Err(bad("it names several reports; give the flag once for each"));
            }
            return Ok((format, PathBuf::from(path)));
        }
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let format = Format::ALL.into_iter().find(|format| *format != Format::Github && format.extension() == ending);
        format.map(|format| (format, path)).ok_or_else(|| bad("write FORMAT=PATH, as in junit=junit.xml"))
    }

    /// Its format.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Its path as typed.
    pub(super) fn path(&self) -> &Path {
        &self.named
    }

    /// Creates the file, to write to it during the run.
    pub(super) fn begin(self) -> Result<(PathBuf, File), CliError> {
        let cannot =
            |error| CliError::usage(format!("write the report {}: {}", self.named.display(), unwritable(&error)));
        let file = match self.place {
            OutputPlace::Replaced(path) => private_file::create(&path).map_err(cannot)?,
            OutputPlace::Written(_) => {
                return Err(CliError::usage(format!(
                    "record every exchange in {}: it is no regular file in a writable directory; choose another path",
                    self.named.display()
                )));
            }
        };
        Ok((self.named, file))
    }

    /// Writes the outcome.
    fn write(self, outcome: &Outcome) -> Result<(), CliError> {
        let style = Style { color: Color::Never, ..Style::default() };
        let text = report::render(self.format, outcome, &style);
        let lost = match &self.place {
            OutputPlace::Replaced(path) if path.exists() => "it was not written, and the file is an older one",
            OutputPlace::Replaced(_) => "it was not written",
            OutputPlace::Written(_) => "it is incomplete",
        };
        self.place
            .write(text.as_bytes())
            .map_err(|error| CliError::world(format!("write the report {}: {error}; {lost}", self.named.display())))
    }

    /// Writes the outcome to every file.
    ///
    /// # Errors
    /// The first error, after the other files are written.
    pub(super) fn write_all(files: Vec<Self>, outcome: &Outcome) -> Result<(), CliError> {
        let written: Vec<_> = files.into_iter().map(|file| file.write(outcome)).collect();
        written.into_iter().collect()
    }
}

impl OutputPlace {
    /// Checks that `path` is writable, without changing it.
    fn of(path: &Path) -> io::Result<Self> {
        private_file::check_links(path)?;
        match fs::metadata(path) {
            Ok(there) if !there.is_file() => return Ok(Self::Written(OpenOptions::new().write(true).open(path)?)),
            Ok(_) => {
                // Not truncated: the old report stays until the new one is complete.
                let file = OpenOptions::new().append(true).open(path)?;
                // A link stays; its target is replaced.
                let real = fs::canonicalize(path)?;
                return Ok(match check_beside(&real) {
                    Ok(()) => Self::Replaced(real),
                    Err(_) => Self::Written(file),
                });
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        check_beside(path)?;
        Ok(Self::Replaced(path.to_owned()))
    }

    fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Replaced(path) => replace(&path, bytes),
            Self::Written(mut file) => {
                // A file must not keep the end of an older report; a pipe has no length.
                let _ = file.set_len(0);
                file.write_all(bytes)
            }
        }
    }
}

/// The name of the temporary file beside `path`.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"))?;
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(partial))
}

fn check_beside(path: &Path) -> io::Result<()> {
    let partial = beside(path)?;
    private_file::create_new(&partial)?;
    fs::remove_file(&partial)
}

/// Whether two paths name one regular file, also one that does not exist yet.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        if let Ok(real) = fs::canonicalize(path) {
            // Two reports may go to one pipe or to `/dev/null`.
            return real.is_file().then_some(real);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
    };
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// Replaces the file at `path` with `bytes`: completely or not at all. A new file is private; one that exists keeps its
/// permissions.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = beside(path)?;
    let permissions = fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|facts| facts.permissions());
    let done = private_file::create_new(&partial)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&partial, path));
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done
}

/// The largest report that is read, in bytes.
const MAX_REPORT: u64 = 256 << 20;

/// Reads a file of at most `most` bytes; a device may have no end.
pub(super) fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// Reads a JSON report.
pub(super) fn read(path: &Path) -> Result<Outcome, CliError> {
    let cannot = |error| CliError::usage(format!("read the report {}: {}", path.display(), unreadable(&error)));
    let bytes = read_at_most(path, MAX_REPORT).map_err(cannot)?;
    report::parse(&bytes).and_then(report::checked).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.strip_prefix("read the report: ").unwrap_or(&reason);
        CliError::usage(format!("read the report {}: {reason}", path.display()))
    })
}

/// Why a file cannot be read, and what to do.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; check the path".into(),
        io::ErrorKind::PermissionDenied => "permission denied; make the file readable".into(),
        io::ErrorKind::IsADirectory => "it is a directory; give the path of a file".into(),
        _ => error.to_string(),
    }
}

/// Why a file cannot be written, and what to do.
pub(super) fn unwritable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "its directory does not exist; create it, or choose another path".into(),
        io::ErrorKind::PermissionDenied => "permission denied; choose another path".into(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "a file is there; choose another path".into(),
        io::ErrorKind::IsADirectory => "it is a directory; give the path of a file".into(),
        _ => error.to_string(),
    }
}
