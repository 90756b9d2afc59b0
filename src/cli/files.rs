//! Reports in files: opened before a run, read back after it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use qonform::finding::Outcome;
use qonform::report::{self, Color, Format, Style};

use super::Failure;

/// A report that goes to a file.
pub(super) struct ReportFile {
    format: Format,
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// Opens every `FORMAT=PATH`, so that a bad path fails before anything is sent.
    pub(super) fn open_all(texts: &[String]) -> Result<Vec<Self>, Failure> {
        let parsed = texts.iter().map(|text| Self::parse(text)).collect::<Result<Vec<_>, _>>()?;
        parsed
            .into_iter()
            .map(|(format, path)| match File::create(&path) {
                Ok(file) => Ok(Self { format, path, file }),
                Err(error) => Err(Failure::usage(format!("write the report {}: {error}", path.display()))),
            })
            .collect()
    }

    /// A bare path is written in the format that its ending names.
    pub(super) fn parse(text: &str) -> Result<(Format, PathBuf), Failure> {
        let bad = |reason: &dyn std::fmt::Display| Failure::usage(format!("use `--report {text}`: {reason}"));
        if let Some((format, path)) = text.split_once('=') {
            let format = format.trim().parse().map_err(|error: report::UnknownFormat| bad(&error))?;
            return Ok((format, PathBuf::from(path)));
        }
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let format = Format::ALL.into_iter().find(|format| *format != Format::Github && format.extension() == ending);
        format.map(|format| (format, path)).ok_or_else(|| bad(&"write FORMAT=PATH, as in junit=junit.xml"))
    }

    /// Writes the outcome.
    pub(super) fn write(mut self, outcome: &Outcome) -> Result<(), Failure> {
        let style = Style { color: Color::Never, ..Style::default() };
        let text = report::render(self.format, outcome, &style);
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| Failure::world(format!("write the report {}: {error}", self.path.display())))
    }
}

/// Reads a JSON report.
pub(super) fn read(path: &Path) -> Result<Outcome, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::usage(format!("read {}: {error}", path.display())))?;
    report::parse(&bytes).map_err(|error| Failure::usage(format!("use {} as a report: {error}", path.display())))
}
