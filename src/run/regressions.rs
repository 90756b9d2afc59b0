//! A file of past failures of generated cases, which run before all other cases.
//!
//! The file is JSON for version control; a run only adds entries. Start at [`Regressions::load`].

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::case_script::SavedCase;
use crate::finding::{Finding, Outcome};

/// Version of the file's format.
const VERSION: u32 = 1;

/// A past failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// The fingerprint of the finding.
    pub fingerprint: String,
    /// The violated rule.
    pub rule: String,
    /// Title of the finding.
    pub title: String,
    /// The first case that found it.
    pub case: String,
    /// The seed of its run.
    pub seed: u64,
    /// The saved case; absent in files of early versions, which saved only the names of races.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Value>,
}

impl Regression {
    /// Its name as a case.
    pub fn case_name(&self) -> String {
        format!("regression::{}", self.fingerprint)
    }

    /// The saved case, or why it cannot be read; `None` if there is none.
    pub(super) fn saved(&self) -> Option<Result<SavedCase, serde_json::Error>> {
        self.replay.as_ref().map(SavedCase::read)
    }

    /// The entry for a finding; `None` if the finding has no saved case, as those of scenarios.
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

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The most failures of a file: each is a case that every run sends first.
const MAX_ENTRIES: usize = 10_000;

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(text)
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

/// Why a file of past failures cannot be used; displays as a clause after "cannot".
#[derive(Debug, Error)]
pub enum RegressionsError {
    /// It cannot be read.
    #[error("read the regressions of `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// It is not a file of regressions.
    #[error("use `{}:{line}:{column}`: {reason}; correct the file, or remove it to start a new one", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A later version of this program wrote it.
    #[error("use `{}`: its version is {version}, expected at most {VERSION}; update qonform", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It has more failures than a run can repeat.
    #[error("use `{}`: it has {count} regressions, at most {MAX_ENTRIES} are read; remove obsolete ones", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The number of its failures.
        count: usize,
    },
    /// It cannot be written.
    #[error("write the regressions to `{}`: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
}

impl Regressions {
    /// Reads a file; a missing file is empty.
    ///
    /// # Errors
    /// [`RegressionsError`] when the file cannot be read or is malformed.
    pub fn load(path: &Path) -> Result<Self, RegressionsError> {
        let path = path.to_owned();
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { path, entries: Vec::new() }),
            Err(source) => return Err(RegressionsError::Unreadable { path, source }),
        };
        // The version first: a later format may differ in everything else.
        let version = serde_json::from_str::<Value>(&text).ok().and_then(|value| value.get("version")?.as_u64());
        if let Some(version) = version.filter(|version| *version > u64::from(VERSION)) {
            let version = u32::try_from(version).unwrap_or(u32::MAX);
            return Err(RegressionsError::Newer { path, version });
        }
        match serde_json::from_str::<RegressionFile>(&text) {
            Ok(file) if file.regressions.len() > MAX_ENTRIES => {
                Err(RegressionsError::TooMany { path, count: file.regressions.len() })
            }
            Ok(file) => Ok(Self { path, entries: file.regressions }),
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

    /// Adds the new violations of generated cases to the file and returns their number. The file is replaced as a whole
    /// or stays unchanged.
    ///
    /// # Errors
    /// [`RegressionsError::Unwritable`]; the file is unchanged then.
    pub fn add(&mut self, outcome: &Outcome) -> Result<usize, RegressionsError> {
        let known = self.entries.len();
        for finding in outcome.violations() {
            // A finding of a regression is known, even if earlier versions gave it another fingerprint.
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

    /// Writes a temporary file beside it and renames that.
    fn write(&self) -> io::Result<()> {
        let contents = RegressionFile { version: VERSION, regressions: self.entries.clone() };
        let text = serde_json::to_string_pretty(&contents)? + "\n";
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let temporary = self.path.with_file_name(name);
        let mut file = File::create(&temporary)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let moved = written.and_then(|()| fs::rename(&temporary, &self.path));
        if moved.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        moved
    }
}
