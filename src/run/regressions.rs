//! Past failures of generated cases, in a file that goes with the project: they are played before everything else.
//!
//! The file is JSON and is meant to be kept under version control; entries are only ever added. Start at
//! [`Regressions::load`].

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::case_script::SavedCase;
use crate::finding::{Finding, Outcome};

/// The version of the file's shape.
const VERSION: u32 = 1;

/// A past failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// The fingerprint of the finding.
    pub fingerprint: String,
    /// The rule that was broken.
    pub rule: String,
    /// What was wrong.
    pub title: String,
    /// The case that showed it first.
    pub case: String,
    /// The seed of its run.
    pub seed: u64,
    /// What shows it; absent in files of early versions, which kept the names of races alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Value>,
}

impl Regression {
    /// Its name as a case.
    pub fn case_name(&self) -> String {
        format!("regression::{}", self.fingerprint)
    }

    /// What shows it, or why that cannot be read; `None` where nothing of it was kept.
    pub(super) fn kept(&self) -> Option<Result<SavedCase, serde_json::Error>> {
        self.replay.as_ref().map(SavedCase::read)
    }

    /// The past failure that a finding will be; `None` for one of a case written by hand, which is played anyway, and
    /// for one that only a whole generated case shows.
    fn of(finding: &Finding, seed: u64) -> Option<Self> {
        let replay = Some(finding.replay.clone()?);
        Some(Self {
            fingerprint: finding.fingerprint.clone(),
            rule: finding.rule.clone(),
            title: finding.title.clone(),
            case: finding.case.clone(),
            seed,
            replay,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegressionFile {
    version: u32,
    regressions: Vec<Regression>,
}

/// A file of past failures.
#[derive(Clone, Debug, PartialEq)]
pub struct Regressions {
    path: PathBuf,
    entries: Vec<Regression>,
}

/// Why a file of past failures cannot be used.
#[derive(Debug, Error)]
pub enum RegressionsError {
    /// It cannot be read.
    #[error("read the regressions of `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no file of regressions.
    #[error("use `{}:{line}:{column}`: {reason}; mend the file, or remove it to begin a new one", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A later version of this program wrote it.
    #[error("use `{}`: it is of version {version}, and this program knows up to {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It cannot be written.
    #[error("write the regressions to `{}`: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Regressions {
    /// Reads a file; one that does not exist yet is as good as an empty one.
    ///
    /// # Errors
    /// It cannot be read, or is not what it should be.
    pub fn load(path: &Path) -> Result<Self, RegressionsError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { path, entries: Vec::new() }),
            Err(source) => return Err(RegressionsError::Unreadable { path, source }),
        };
        // The version first: of a later one nothing else needs to be understood.
        let version = serde_json::from_str::<Value>(&text).ok().and_then(|value| value.get("version")?.as_u64());
        if let Some(version) = version.filter(|version| *version > u64::from(VERSION)) {
            let version = u32::try_from(version).unwrap_or(u32::MAX);
            return Err(RegressionsError::Newer { path, version });
        }
        match serde_json::from_str::<RegressionFile>(&text) {
            Ok(written) => Ok(Self { path, entries: written.regressions }),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let reason = error.to_string();
                let place = format!(" at line {line} column {column}");
                let reason = reason.strip_suffix(&place).unwrap_or(&reason).to_owned();
                Err(RegressionsError::Broken { path, line, column, reason })
            }
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The failures, in the order in which they were found.
    pub fn entries(&self) -> &[Regression] {
        &self.entries
    }

    /// Adds the violations of an outcome that generated cases found and that are not there yet, and writes the file if
    /// there are any: all of it or nothing. Says how many were added.
    ///
    /// # Errors
    /// It cannot be written; the file is as it was then.
    pub fn add(&mut self, outcome: &Outcome) -> Result<usize, RegressionsError> {
        let known = self.entries.len();
        for finding in outcome.violations() {
            // What an entry shows is known, also where its fingerprint is of an earlier version of the report.
            let is_of =
                |entry: &Regression| entry.fingerprint == finding.fingerprint || entry.case_name() == finding.case;
            let is_known = self.entries.iter().any(is_of);
            self.entries.extend(Regression::of(finding, outcome.seed).filter(|_| !is_known));
        }
        let added = self.entries.len() - known;
        if added > 0 {
            self.write().map_err(|source| RegressionsError::Unwritable { path: self.path.clone(), source })?;
        }
        Ok(added)
    }

    /// A file beside it takes its place when it is whole.
    fn write(&self) -> io::Result<()> {
        let written = RegressionFile { version: VERSION, regressions: self.entries.clone() };
        let text = serde_json::to_string_pretty(&written)? + "\n";
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = self.path.with_file_name(name);
        let mut file = File::create(&beside)?;
        let whole = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let moved = whole.and_then(|()| fs::rename(&beside, &self.path));
        if moved.is_err() {
            let _ = fs::remove_file(&beside);
        }
        moved
    }
}
