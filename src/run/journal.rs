//! What a run may leave on a target, written down before it can be left there.
//!
//! One file per run, JSON lines: a head that says where the run works, what its ids start with and how the projects were
//! before; then every id before the create that carries it leaves, and every promotion. No key is ever written. The file
//! is locked while the run goes on and removed when nothing is left; what a killed run left is undone from it.
//! Lines are handed to the system one by one: they outlive the program, though not a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, WriteObserver};

/// The version of the journal's shape.
const VERSION: u32 = 1;

/// How journals end; other files in the directory are left alone.
const ENDING: &str = "journal";

/// Why a journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    /// The user has no directory for it.
    #[error("find a place for the journal: neither XDG_STATE_HOME nor HOME is set; give --journal FILE")]
    NoPlace,
    /// One is there already.
    #[error(
        "begin the journal `{}`: there is one already, of a run that was killed or is still going on; \
         `qonform clean --journal {0}` removes what it left", path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{doing} the journal `{}`: {reason}", path.display())]
    Io {
        /// `write`, `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It is locked.
    #[error("use the journal `{}`: its run is still going on", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("read the journal `{}`: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Where a run works and how it was there before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    journal: u32,
    /// The program that wrote it.
    pub tool: String,
    /// Base URL of the target.
    pub target: String,
    /// Seed of the run.
    pub seed: u64,
    /// What the ids of the run start with.
    pub prefix: String,
    /// Each project that the run may write to.
    pub projects: BTreeMap<ProjectRole, Before>,
}

/// A project by the role of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectRole {
    /// That of `--token`.
    Main,
    /// That of `--second-token`.
    Second,
    /// That of `--empty-token`.
    Empty,
}

impl ProjectRole {
    /// The project that a key opens.
    pub fn of(role: KeyRole) -> Self {
        match role {
            KeyRole::Main | KeyRole::Limited => Self::Main,
            KeyRole::Second => Self::Second,
            KeyRole::Empty => Self::Empty,
        }
    }

    /// The key that opens it.
    pub fn role(self) -> KeyRole {
        match self {
            Self::Main => KeyRole::Main,
            Self::Second => KeyRole::Second,
            Self::Empty => KeyRole::Empty,
        }
    }
}

/// How a project was before the run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Before {
    /// The main offering; `None` when there was none.
    pub main: Option<String>,
    /// A few offerings by id and time of creation, by which the project is known again.
    pub landmarks: Vec<(String, String)>,
}

/// A line after the head.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "lowercase")]
enum Note {
    /// A create with this id is about to leave.
    Creates { project: ProjectRole, id: String },
    /// One whose id has no prefix (no prefix fits into one character), and which the project did not have before.
    Stray { project: ProjectRole, id: String },
    /// The stray is not there, or is not ours after all.
    Gone { project: ProjectRole, id: String },
    /// An offering is about to be made main instead of this one.
    Promotes { project: ProjectRole, id: String, instead_of: Option<String> },
}

/// What has to be undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// Where and how it was before.
    pub head: Head,
    /// Ids that were sent, by project.
    pub created: BTreeSet<(ProjectRole, String)>,
    /// Ids without the prefix that must go too.
    pub strays: BTreeSet<(ProjectRole, String)>,
}

impl Trace {
    fn new(head: Head) -> Self {
        Self { head, created: BTreeSet::new(), strays: BTreeSet::new() }
    }

    /// Everything that starts with `prefix`, in each project that there `is` a key for; how they were before nobody knows.
    pub fn of_prefix(target: &str, prefix: &str, is: &dyn Fn(KeyRole) -> bool) -> Self {
        let projects = [ProjectRole::Main, ProjectRole::Second, ProjectRole::Empty];
        Self::new(Head {
            journal: VERSION,
            tool: String::new(),
            target: target.to_owned(),
            seed: 0,
            prefix: prefix.to_owned(),
            projects: projects.into_iter().filter(|of| is(of.role())).map(|of| (of, Before::default())).collect(),
        })
    }

    /// What must be undone in one project.
    pub(super) fn undo(&self, project: ProjectRole) -> super::clean::Undo {
        let ids = |all: &BTreeSet<(ProjectRole, String)>| {
            all.iter().filter(|(of, _)| *of == project).map(|(_, id)| id.clone()).collect()
        };
        super::clean::Undo {
            main: self.head.projects.get(&project).and_then(|before| before.main.clone()),
            prefix: self.head.prefix.clone(),
            strays: ids(&self.strays),
            noted: ids(&self.created),
        }
    }

    /// Takes a note in; false when it says nothing new.
    fn take(&mut self, note: &Note) -> bool {
        match note {
            Note::Creates { project, id } => self.created.insert((*project, id.clone())),
            Note::Stray { project, id } => self.strays.insert((*project, id.clone())),
            Note::Gone { project, id } => self.strays.remove(&(*project, id.clone())),
            Note::Promotes { .. } => true,
        }
    }
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    book: Mutex<Option<Book>>,
}

#[derive(Debug)]
struct Book {
    file: File,
    trace: Trace,
    /// Ids that were there before the run: never ours.
    foreign: BTreeSet<(ProjectRole, String)>,
    promoted: BTreeSet<ProjectRole>,
}

impl Journal {
    /// A journal at `path`, or one of its own in the user's state directory. Nothing is written until it begins.
    ///
    /// # Errors
    /// There is no state directory, or a journal is there already.
    pub fn at(path: Option<&Path>, prefix: &str) -> Result<Self, JournalError> {
        let path = match path {
            Some(path) if path.exists() => return Err(JournalError::Exists { path: path.to_owned() }),
            Some(path) => path.to_owned(),
            None => {
                let now = chrono::Utc::now().format("%Y%m%dT%H%M%S%3f");
                state_directory()?.join(format!("{prefix}{now}-{}.{ENDING}", std::process::id()))
            }
        };
        Ok(Self { path, book: Mutex::default() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the head. Until then no write may leave.
    pub(super) fn begin(
        &self,
        target: &str,
        seed: u64,
        prefix: &str,
        projects: BTreeMap<ProjectRole, Before>,
        foreign: BTreeSet<(ProjectRole, String)>,
    ) -> Result<(), JournalError> {
        if let Some(directory) = self.path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(|error| self.cannot("write", &error))?;
        }
        let file =
            OpenOptions::new().write(true).create_new(true).open(&self.path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => JournalError::Exists { path: self.path.clone() },
                _ => self.cannot("write", &error),
            })?;
        // Where a file system has no locks, `clean` cannot tell a run that goes on; everything else works.
        let _ = file.try_lock();
        let head = Head {
            journal: VERSION,
            tool: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            target: target.to_owned(),
            seed,
            prefix: prefix.to_owned(),
            projects,
        };
        write_line(&file, &head).map_err(|error| self.cannot("write", &error))?;
        let book = Book { file, trace: Trace::new(head), foreign, promoted: BTreeSet::new() };
        *self.book.lock().unwrap_or_else(PoisonError::into_inner) = Some(book);
        Ok(())
    }

    /// What has to be undone so far; `None` before it begins.
    pub(super) fn trace(&self) -> Option<Trace> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|book| book.trace.clone())
    }

    /// Removes the file: nothing is left on the target.
    pub(super) fn remove(&self) -> Result<(), JournalError> {
        if self.book.lock().unwrap_or_else(PoisonError::into_inner).take().is_none() {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|error| self.cannot("remove", &error))
    }

    fn cannot(&self, doing: &'static str, error: &io::Error) -> JournalError {
        JournalError::Io { doing, path: self.path.clone(), reason: error.to_string() }
    }
}

impl WriteObserver for Journal {
    fn before(&self, request: &Request) -> io::Result<()> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(book) = book.as_mut() else {
            return Err(io::Error::other("it has not begun"));
        };
        let project = request.role().map_or(ProjectRole::Main, ProjectRole::of);
        let note = match request.operation.endpoint() {
            Some(Endpoint::Create) => book.creation(project, request),
            Some(Endpoint::SetMain) => book.promotion(project, request),
            _ => None,
        };
        match note {
            Some(note) if book.trace.take(&note) => write_line(&book.file, &note),
            _ => Ok(()),
        }
    }

    fn after(&self, request: &Request, status: u16) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(book) = book.as_mut() else { return };
        let id = match request.operation.endpoint() {
            Some(Endpoint::Create) if (400..500).contains(&status) => created_id(request),
            Some(Endpoint::Delete) if (200..300).contains(&status) => request.path_id(),
            _ => None,
        };
        if let Some(id) = id {
            let note = Note::Gone { project: request.role().map_or(ProjectRole::Main, ProjectRole::of), id };
            if book.trace.take(&note) {
                // When this line is lost, cleaning looks for the offering once more and finds none.
                let _ = write_line(&book.file, &note);
            }
        }
    }
}

impl Book {
    fn creation(&self, project: ProjectRole, request: &Request) -> Option<Note> {
        let id = created_id(request)?;
        if id.starts_with(&self.trace.head.prefix) {
            return Some(Note::Creates { project, id });
        }
        let is_ours = !self.foreign.contains(&(project, id.clone()));
        is_ours.then_some(Note::Stray { project, id })
    }

    /// Only the first promotion takes the place of the main that must come back.
    fn promotion(&mut self, project: ProjectRole, request: &Request) -> Option<Note> {
        let instead_of = self.trace.head.projects.get(&project)?.main.clone();
        let is_first = self.promoted.insert(project);
        is_first.then_some(Note::Promotes { project, id: request.path_id()?, instead_of })
    }
}

/// The id that a create asks for, or `None` when it asks for none that an offering can have.
fn created_id(request: &Request) -> Option<String> {
    let body = request.json_body()?;
    let id = body.get("id")?.as_str()?;
    (!matches!(id, "" | "." | "..")).then(|| id.to_owned())
}

/// One line in one write: a kill leaves whole lines, or at worst half a last one whose request has not left.
fn write_line(mut file: &File, line: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    file.write_all(&bytes)
}

/// A journal that a run left, locked as long as this lives.
#[derive(Debug)]
pub struct Left {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub trace: Trace,
    _file: File,
}

impl Left {
    /// Reads a journal.
    ///
    /// # Errors
    /// It cannot be read, is none, or its run is still going on.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let cannot =
            |error: io::Error| JournalError::Io { doing: "read", path: path.to_owned(), reason: error.to_string() };
        let mut file = File::open(path).map_err(cannot)?;
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
            return Err(JournalError::InUse { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let trace = parse(&bytes).map_err(|reason| JournalError::Malformed { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), trace, _file: file })
    }

    /// Removes the file: nothing is left on the target.
    ///
    /// # Errors
    /// The system refused.
    pub fn remove(self) -> Result<(), JournalError> {
        fs::remove_file(&self.path).map_err(|error| JournalError::Io {
            doing: "remove",
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

fn parse(bytes: &[u8]) -> Result<Trace, String> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    let mut lines = whole.split(|byte| *byte == b'\n');
    let head = lines.next().unwrap_or_default();
    let head: Head = serde_json::from_slice(head).map_err(|error| format!("line 1 is no head: {error}"))?;
    if head.journal != VERSION {
        return Err(format!("its version is {}, this program knows {VERSION}", head.journal));
    }
    if !is_prefix(&head.prefix) {
        return Err(format!("`{}` is no prefix of a run", head.prefix));
    }
    let mut trace = Trace::new(head);
    for (number, line) in lines.enumerate() {
        let note: Note = serde_json::from_slice(line).map_err(|error| format!("line {}: {error}", number + 2))?;
        trace.take(&note);
    }
    trace.created.retain(|(_, id)| id.starts_with(&trace.head.prefix));
    Ok(trace)
}

/// Whether a text can be what the ids of a run start with: `qf-`, four letters or digits, `-`.
pub fn is_prefix(text: &str) -> bool {
    let letters = text.strip_prefix("qf-").and_then(|rest| rest.strip_suffix('-')).unwrap_or_default();
    letters.len() == 4 && letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The journals in the user's state directory, oldest first.
///
/// # Errors
/// There is no such directory to look for, or it cannot be read; that it does not exist is no error.
pub fn journals() -> Result<Vec<PathBuf>, JournalError> {
    let directory = state_directory()?;
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(JournalError::Io { doing: "look for", path: directory, reason: error.to_string() });
        }
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
        .collect();
    found.sort_by_key(|path| (fs::metadata(path).and_then(|facts| facts.modified()).ok(), path.clone()));
    Ok(found)
}

/// `$XDG_STATE_HOME/qonform`, or `~/.local/state/qonform`.
fn state_directory() -> Result<PathBuf, JournalError> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    state.map(|state| state.join("qonform")).ok_or(JournalError::NoPlace)
}
