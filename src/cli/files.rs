//! Reports in files: tried before a run, whole or untouched after it, read back later.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use qonform::finding::Outcome;
use qonform::report::{self, Color, Format, Style};

use super::CliError;

/// A report that goes to a file.
pub(super) struct ReportFile {
    format: Format,
    /// As it was typed.
    named: PathBuf,
    place: OutputPlace,
}

/// How bytes get to where a report is wanted.
enum OutputPlace {
    /// The file is replaced by a whole one: a reader finds the old one, or none, or the new one, never a half.
    Replaced(PathBuf),
    /// A pipe or a device, or a file in a directory that takes no new ones: written where it is.
    Written(File),
}

impl ReportFile {
    /// Tries every `FORMAT=PATH`, so that a bad path fails before anything is sent. What is there already stays until
    /// the report takes its place.
    pub(super) fn open_all(texts: &[String]) -> Result<Vec<Self>, CliError> {
        let parsed = texts.iter().map(|text| Self::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let mut files: Vec<Self> = Vec::with_capacity(parsed.len());
        for (format, named) in parsed {
            let place = OutputPlace::of(&named)
                .map_err(|error| CliError::usage(format!("write the report {}: {error}", named.display())))?;
            if let Some(other) = files.iter().find(|other| place.is(&other.place)) {
                return Err(CliError::usage(format!(
                    "write two reports to {}: it is named for {} and for {format}",
                    named.display(),
                    other.format
                )));
            }
            files.push(Self { format, named, place });
        }
        Ok(files)
    }

    /// A bare path is written in the format that its ending names.
    pub(super) fn parse(text: &str) -> Result<(Format, PathBuf), CliError> {
        let bad = |reason: &dyn std::fmt::Display| CliError::usage(format!("use `--report {text}`: {reason}"));
        if let Some((format, path)) = text.split_once('=') {
            let format = format.trim().parse().map_err(|error: report::UnknownFormat| bad(&error))?;
            return Ok((format, PathBuf::from(path)));
        }
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let format = Format::ALL.into_iter().find(|format| *format != Format::Github && format.extension() == ending);
        format.map(|format| (format, path)).ok_or_else(|| bad(&"write FORMAT=PATH, as in junit=junit.xml"))
    }

    /// Its format.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Its path as it was typed.
    pub(super) fn path(&self) -> &Path {
        &self.named
    }

    /// The file itself, begun anew, for what is written into it as the run goes on.
    pub(super) fn begin(self) -> Result<(PathBuf, File), CliError> {
        let cannot = |error| CliError::usage(format!("write the report {}: {error}", self.named.display()));
        let file = match self.place {
            OutputPlace::Replaced(path) => File::create(path).map_err(cannot)?,
            OutputPlace::Written(_) => {
                return Err(CliError::usage(format!(
                    "record every exchange in {}: it must be a file in a directory that can be written to",
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
        self.place
            .take(text.as_bytes())
            .map_err(|error| CliError::world(format!("write the report {}: {error}", self.named.display())))
    }

    /// Writes the outcome to each; one that cannot be written keeps no other back.
    ///
    /// # Errors
    /// The first that could not be written.
    pub(super) fn write_all(files: Vec<Self>, outcome: &Outcome) -> Result<(), CliError> {
        let written: Vec<_> = files.into_iter().map(|file| file.write(outcome)).collect();
        written.into_iter().collect()
    }
}

impl OutputPlace {
    /// Tries whether `path` can be written, and leaves it as it was.
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if !there.is_file() => return Ok(Self::Written(OpenOptions::new().write(true).open(path)?)),
            Ok(_) => {
                // Not cut short: what is in it stays until there is something better.
                let file = OpenOptions::new().append(true).open(path)?;
                // A link stays one: it is what it leads to that is replaced.
                let real = fs::canonicalize(path)?;
                return Ok(match try_beside(&real) {
                    Ok(()) => Self::Replaced(real),
                    Err(_) => Self::Written(file),
                });
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        try_beside(path)?;
        Ok(Self::Replaced(path.to_owned()))
    }

    fn is(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Replaced(one), Self::Replaced(other)) if one == other)
    }

    fn take(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Replaced(path) => replace(&path, bytes),
            Self::Written(mut file) => {
                // Of a file nothing old may stay behind the new; a pipe has no length.
                let _ = file.set_len(0);
                file.write_all(bytes)
            }
        }
    }
}

/// The name under which a file is written until it is whole.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(partial))
}

fn try_beside(path: &Path) -> io::Result<()> {
    let partial = beside(path)?;
    File::create(&partial)?;
    fs::remove_file(&partial)
}

/// Puts `bytes` into the place of whatever is at `path`, all of them or none.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = beside(path)?;
    let done = File::create(&partial)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done
}

/// Reads a JSON report.
pub(super) fn read(path: &Path) -> Result<Outcome, CliError> {
    let bytes = fs::read(path).map_err(|error| CliError::usage(format!("read {}: {error}", path.display())))?;
    report::parse(&bytes).map_err(|error| CliError::usage(format!("use {} as a report: {error}", path.display())))
}
