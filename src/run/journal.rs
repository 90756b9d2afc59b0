//! A write-ahead journal of what a run may leave on a target.
//!
//! One file of JSON lines for each run: a header with the target, the prefix of the run's ids and the initial state of
//! the projects, with the offerings that they held; then the id of each create before the request is sent, and every
//! promotion. It never contains a key.
//! The file is locked during the run and removed when nothing is left on the target; `qonform clean` undoes the writes
//! of a killed run. Each line is written at once: it survives a crash of the program, but not a power failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::held::{Held, InitialProject, ProjectRole};
use super::undo::{Restoration, Undo};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, WriteObserver};

/// Version of the journal's format.
const VERSION: u32 = 2;

/// The oldest version that is read: version 2 adds what the projects held.
const OLDEST_VERSION: u32 = 1;

/// The maximum size of a journal: a run with a million writes needs less.
const MAX_BYTES: u64 = 256 << 20;

/// The longest id in a journal, in bytes: far more than a run creates.
const MAX_ID_BYTES: usize = 1 << 16;

/// Extension of journals; other files in the directory are ignored.
const EXTENSION: &str = "journal";

/// Why a journal cannot be used; displays as a clause after "cannot".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    /// The user has no directory for it.
    #[error("find a directory for the journal: neither XDG_STATE_HOME nor HOME is set; use --journal FILE")]
    NoPlace,
    /// The file exists.
    #[error(
        "create the journal `{}`: it exists, from a run that was killed or is still running; \
         `qonform clean --journal {0}` removes what that run left", path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("{doing} the journal `{}`: {reason}", path.display())]
    Io {
        /// `write`, `read`, `remove` or `find`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Message of the system.
        reason: String,
    },
    /// Another process has locked it.
    #[error("use the journal `{}`: its run is still running", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a journal.
    #[error("read the journal `{}`: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Target of a run and the initial state of its projects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JournalHeader {
    journal: u32,
    /// The program that wrote it.
    pub tool: String,
    /// Base URL of the target.
    pub target: String,
    /// Seed of the run.
    pub seed: u64,
    /// Prefix of the run's ids.
    pub prefix: String,
    /// Each project that the run may write to.
    pub projects: BTreeMap<ProjectRole, InitialProject>,
}

/// A line after the header.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "lowercase")]
enum JournalEntry {
    /// The project held this offering before the run.
    Held { project: ProjectRole, offering: Held },
    /// A create with this id is about to be sent, or was accepted after all.
    Creates { project: ProjectRole, id: String },
    /// A create of a new id without the prefix (an id of one character has no room for it) is about to be sent.
    Stray { project: ProjectRole, id: String },
    /// The offering was deleted or not created.
    Gone { project: ProjectRole, id: String },
    /// The run is about to promote an offering in place of `instead_of`.
    Promotes { project: ProjectRole, id: String, instead_of: Option<String> },
    /// The previous main was promoted again.
    Restored { project: ProjectRole },
}

/// The writes that have to be undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalState {
    /// Target and initial state.
    pub header: JournalHeader,
    /// Ids with the prefix that may exist, by project.
    pub created: BTreeSet<(ProjectRole, String)>,
    /// Ids without the prefix that must be deleted too.
    pub strays: BTreeSet<(ProjectRole, String)>,
    /// Projects in which the run promoted another offering than the previous main.
    pub promoted: BTreeSet<ProjectRole>,
    /// What each project held before the run. The file has only the offerings that were read by get.
    pub held: Arc<BTreeMap<ProjectRole, Vec<Held>>>,
}

impl JournalState {
    fn new(header: JournalHeader) -> Self {
        Self {
            header,
            created: BTreeSet::new(),
            strays: BTreeSet::new(),
            promoted: BTreeSet::new(),
            held: Arc::default(),
        }
    }

    /// All offerings whose ids start with `prefix`, in each project for which `has_key` is true. Without a journal the
    /// initial state is unknown.
    pub fn of_prefix(target: &str, prefix: &str, has_key: &dyn Fn(KeyRole) -> bool) -> Self {
        let projects = [ProjectRole::Main, ProjectRole::Second, ProjectRole::Empty];
        Self::new(JournalHeader {
            journal: VERSION,
            tool: String::new(),
            target: target.to_owned(),
            seed: 0,
            prefix: prefix.to_owned(),
            projects: projects
                .into_iter()
                .filter(|of| has_key(of.role()))
                .map(|of| (of, InitialProject::default()))
                .collect(),
        })
    }

    /// The writes to undo in one project.
    pub(super) fn undo(&self, project: ProjectRole) -> Undo {
        let ids = |all: &BTreeSet<(ProjectRole, String)>| {
            all.iter().filter(|(of, _)| *of == project).map(|(_, id)| id.clone()).collect()
        };
        Undo {
            main: self.header.projects.get(&project).and_then(|before| before.main.clone()),
            is_displaced: self.promoted.contains(&project),
            prefix: self.header.prefix.clone(),
            strays: ids(&self.strays),
            sent: ids(&self.created),
        }
    }

    /// What to restore in one project.
    pub(super) fn restoration(&self, project: ProjectRole) -> Restoration<'_> {
        let held = self.held.get(&project).map_or(&[][..], Vec::as_slice);
        Restoration { role: project.role(), undo: self.undo(project), held }
    }

    /// Applies an entry; false if it changes nothing.
    fn apply(&mut self, entry: &JournalEntry) -> bool {
        match entry {
            JournalEntry::Held { project, offering } => {
                Arc::make_mut(&mut self.held).entry(*project).or_default().push(offering.clone());
                true
            }
            JournalEntry::Creates { project, id } => self.created.insert((*project, id.clone())),
            JournalEntry::Stray { project, id } => self.strays.insert((*project, id.clone())),
            JournalEntry::Gone { project, id } => {
                let key = (*project, id.clone());
                self.strays.remove(&key) | self.created.remove(&key)
            }
            JournalEntry::Promotes { project, .. } => self.promoted.insert(*project),
            JournalEntry::Restored { project } => self.promoted.remove(project),
        }
    }
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    open: Mutex<Option<OpenJournal>>,
}

#[derive(Debug)]
struct OpenJournal {
    file: File,
    state: JournalState,
    /// Ids that existed before the run.
    existing: BTreeSet<(ProjectRole, String)>,
    /// Ids whose creation was accepted: a rejected further create does not remove them.
    accepted: BTreeSet<(ProjectRole, String)>,
}

impl Journal {
    /// A journal at `path`, or a new file in the user's state directory. The file is not created yet.
    ///
    /// # Errors
    /// There is no state directory, or `path` exists.
    pub fn at(path: Option<&Path>, prefix: &str) -> Result<Self, JournalError> {
        let path = match path {
            Some(path) if path.exists() => return Err(JournalError::Exists { path: path.to_owned() }),
            Some(path) => path.to_owned(),
            None => {
                let now = chrono::Utc::now().format("%Y%m%dT%H%M%S%3f");
                state_directory()?.join(format!("{prefix}{now}-{}.{EXTENSION}", std::process::id()))
            }
        };
        let journal = Self { path, open: Mutex::default() };
        journal.check_writable()?;
        Ok(journal)
    }

    /// The journal of a run that sends no write.
    pub(super) fn unused() -> Self {
        Self { path: PathBuf::new(), open: Mutex::default() }
    }

    /// Checks, before the first request, that the file can be created.
    fn check_writable(&self) -> Result<(), JournalError> {
        if let Some(directory) = self.path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(|error| self.cannot("write", &error))?;
        }
        let created = private().write(true).create_new(true).open(&self.path);
        let mut file = created.map_err(|error| self.cannot("write", &error))?;
        let written = file.write_all(b"\n");
        fs::remove_file(&self.path).and(written).map_err(|error| self.cannot("write", &error))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the header. No write may be sent before.
    pub(super) fn begin(
        &self,
        target: &str,
        seed: u64,
        prefix: &str,
        projects: BTreeMap<ProjectRole, InitialProject>,
        held: BTreeMap<ProjectRole, Vec<Held>>,
    ) -> Result<(), JournalError> {
        let file = private().write(true).create_new(true).open(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists { path: self.path.clone() },
            _ => self.cannot("write", &error),
        })?;
        // Without locks in the file system, `clean` cannot detect an active run; everything else works.
        let _ = file.try_lock();
        let header = JournalHeader {
            journal: VERSION,
            tool: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            target: target.to_owned(),
            seed,
            prefix: prefix.to_owned(),
            projects,
        };
        if let Err(error) = write_line(&file, &header).and_then(|()| write_held(&file, &held)) {
            // No request was sent that it would have to undo.
            let _ = fs::remove_file(&self.path);
            return Err(self.cannot("write", &error));
        }
        let ids = |(project, held): (&ProjectRole, &Vec<Held>)| {
            let project = *project;
            held.iter().map(move |held| (project, held.id.clone())).collect::<Vec<_>>()
        };
        let existing = held.iter().flat_map(ids).collect();
        let state = JournalState { held: Arc::new(held), ..JournalState::new(header) };
        let open = OpenJournal { file, state, existing, accepted: BTreeSet::new() };
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        Ok(())
    }

    /// The writes to undo so far; `None` before the header is written.
    pub(super) fn state(&self) -> Option<JournalState> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|open| open.state.clone())
    }

    /// Removes the file: nothing is left on the target.
    pub(super) fn remove(&self) -> Result<(), JournalError> {
        if self.open.lock().unwrap_or_else(PoisonError::into_inner).take().is_none() {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|error| self.cannot("remove", &error))
    }

    fn cannot(&self, doing: &'static str, error: &io::Error) -> JournalError {
        let hint = match doing {
            "write" => "; give a file in a directory with space that you can write to by --journal FILE",
            _ => "",
        };
        JournalError::Io { doing, path: self.path.clone(), reason: format!("{error}{hint}") }
    }
}

impl WriteObserver for Journal {
    fn before(&self, request: &Request) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_mut() else {
            return Err(io::Error::other("it has no header yet"));
        };
        let project = request.role().map_or(ProjectRole::Main, ProjectRole::of);
        let entry = match request.operation.endpoint() {
            Some(Endpoint::Create) => open.creation(project, request),
            Some(Endpoint::SetMain) => open.promotion(project, request),
            _ => None,
        };
        match entry {
            Some(entry) if open.state.apply(&entry) => write_line(&open.file, &entry),
            _ => Ok(()),
        }
    }

    fn after(&self, request: &Request, status: u16) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_mut() else { return };
        let project = request.role().map_or(ProjectRole::Main, ProjectRole::of);
        let entry = match request.operation.endpoint() {
            Some(Endpoint::Create) => open.created(project, request, status),
            Some(Endpoint::Delete) => open.deleted(project, request, status),
            Some(Endpoint::SetMain) if (200..300).contains(&status) => open.promoted(project, request),
            _ => None,
        };
        if let Some(entry) = entry.filter(|entry| open.state.apply(entry)) {
            // If this line is lost, cleaning deletes an offering that does not exist, which is harmless.
            let _ = write_line(&open.file, &entry);
        }
    }
}

impl OpenJournal {
    fn creation(&self, project: ProjectRole, request: &Request) -> Option<JournalEntry> {
        let id = created_id(request)?;
        if id.starts_with(&self.state.header.prefix) {
            return Some(JournalEntry::Creates { project, id });
        }
        let is_new = !self.existing.contains(&(project, id.clone()));
        is_new.then_some(JournalEntry::Stray { project, id })
    }

    /// A promotion of the previous main itself replaces nothing.
    fn promotion(&self, project: ProjectRole, request: &Request) -> Option<JournalEntry> {
        let instead_of = self.state.header.projects.get(&project)?.main.clone();
        let id = request.path_id().filter(|id| Some(id) != instead_of.as_ref())?;
        Some(JournalEntry::Promotes { project, id, instead_of })
    }

    /// A promotion was accepted.
    fn promoted(&self, project: ProjectRole, request: &Request) -> Option<JournalEntry> {
        let main = self.state.header.projects.get(&project)?.main.clone();
        (main.is_some() && request.path_id() == main).then_some(JournalEntry::Restored { project })
    }

    /// A create was accepted or rejected. A 409 shows that the offering exists.
    fn created(&mut self, project: ProjectRole, request: &Request, status: u16) -> Option<JournalEntry> {
        let id = created_id(request)?;
        if (200..300).contains(&status) {
            self.accepted.insert((project, id));
            return self.creation(project, request);
        }
        let is_rejected = (400..500).contains(&status) && ![408, 409, 429].contains(&status);
        let is_new = !self.accepted.contains(&(project, id.clone()));
        (is_rejected && is_new).then_some(JournalEntry::Gone { project, id })
    }

    /// A delete was accepted, or found nothing. An accepted create may have been concurrent with the latter.
    fn deleted(&mut self, project: ProjectRole, request: &Request, status: u16) -> Option<JournalEntry> {
        let key = (project, request.path_id()?);
        let was_accepted = self.accepted.contains(&key);
        let is_gone = (200..300).contains(&status) || status == 404 && !was_accepted;
        if is_gone {
            self.accepted.remove(&key);
        }
        is_gone.then_some(JournalEntry::Gone { project, id: key.1 })
    }
}

/// The id in a create, or `None` if no offering can have it. A server that converts types makes text of a number.
fn created_id(request: &Request) -> Option<String> {
    let id = match request.json_body()?.get("id")? {
        Value::String(id) => id.clone(),
        id @ (Value::Number(_) | Value::Bool(_)) => id.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!matches!(&*id, "" | "." | "..")).then_some(id)
}

/// Writes a line at once: after a kill at most the last line is incomplete, and its request was not sent. When the disk
/// is full, the file keeps whole lines only.
fn write_line(mut file: &File, line: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    let end = file.stream_position()?;
    file.write_all(&bytes).inspect_err(|_| {
        let _ = file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)));
    })
}

/// Writes the offerings that were read by get.
fn write_held(file: &File, held: &BTreeMap<ProjectRole, Vec<Held>>) -> io::Result<()> {
    for (project, held) in held {
        for offering in held.iter().filter(|held| held.got.is_some()) {
            write_line(file, &JournalEntry::Held { project: *project, offering: offering.clone() })?;
        }
    }
    Ok(())
}

/// A journal that a run left behind, locked until this value is dropped.
#[derive(Debug)]
pub struct LeftJournal {
    /// The file.
    pub path: PathBuf,
    /// The writes to undo.
    pub state: JournalState,
    /// Ids without the prefix in a file that others may have written, or that was copied: they are not deleted, and not
    /// promoted.
    pub ignored: Vec<String>,
    _file: File,
}

impl LeftJournal {
    /// Reads a journal.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read, is not a journal, or its run is still running.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let cannot =
            |error: io::Error| JournalError::Io { doing: "read", path: path.to_owned(), reason: error.to_string() };
        let mut file = File::open(path).map_err(cannot)?;
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
            return Err(JournalError::InUse { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        (&mut file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() as u64 > MAX_BYTES {
            let reason = format!("it is larger than {} MiB", MAX_BYTES >> 20);
            return Err(JournalError::Malformed { path: path.to_owned(), reason });
        }
        let mut state = parse(&bytes).map_err(|reason| JournalError::Malformed { path: path.to_owned(), reason })?;
        let is_own = is_private(&file) || is_in_state_directory(path);
        let mut ignored = Vec::new();
        if !is_own {
            ignored.extend(std::mem::take(&mut state.strays).into_iter().map(|(_, id)| id));
            // Its main offering is not promoted either.
            for (project, before) in &mut state.header.projects {
                ignored.extend(before.main.take().filter(|_| state.promoted.remove(project)));
            }
        }
        Ok(Self { path: path.to_owned(), state, ignored, _file: file })
    }

    /// Removes the file: nothing is left on the target.
    ///
    /// # Errors
    /// [`JournalError::Io`] when the file cannot be removed.
    pub fn remove(self) -> Result<(), JournalError> {
        fs::remove_file(&self.path).map_err(|error| JournalError::Io {
            doing: "remove",
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

fn parse(bytes: &[u8]) -> Result<JournalState, String> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    let mut lines = whole.split(|byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let header: JournalHeader =
        serde_json::from_slice(header).map_err(|error| format!("line 1 is not a journal header: {error}"))?;
    if !(OLDEST_VERSION..=VERSION).contains(&header.journal) {
        return Err(format!("its version is {}, expected {VERSION}", header.journal));
    }
    if !is_prefix(&header.prefix) {
        return Err(format!("`{}` is not the prefix of a run", header.prefix));
    }
    let mut state = JournalState::new(header);
    for (number, line) in lines.enumerate() {
        let entry: JournalEntry =
            serde_json::from_slice(line).map_err(|error| format!("line {}: {error}", number + 2))?;
        state.apply(&entry);
    }
    // An id of dots would change the path of a request.
    let is_id = |id: &str| !matches!(id, "" | "." | "..") && id.len() <= MAX_ID_BYTES;
    state.strays.retain(|(_, id)| is_id(id));
    state.created.retain(|(_, id)| id.starts_with(&state.header.prefix) && is_id(id));
    for held in Arc::make_mut(&mut state.held).values_mut() {
        held.retain(|held| is_id(&held.id));
    }
    Ok(state)
}

/// Whether a text has the form of a run's prefix: `qf-`, four lowercase letters or digits, `-`.
pub fn is_prefix(text: &str) -> bool {
    let letters = text.strip_prefix("qf-").and_then(|rest| rest.strip_suffix('-')).unwrap_or_default();
    letters.len() == 4 && letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The journals in the user's state directory, oldest first.
///
/// # Errors
/// [`JournalError`] when neither `XDG_STATE_HOME` nor `HOME` is set, or the directory cannot be read. A missing
/// directory is empty.
pub fn journals() -> Result<Vec<PathBuf>, JournalError> {
    let directory = state_directory()?;
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(JournalError::Io { doing: "find", path: directory, reason: error.to_string() });
        }
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .collect();
    found.sort_by_key(|path| (fs::metadata(path).and_then(|facts| facts.modified()).ok(), path.clone()));
    Ok(found)
}

/// Options that create a file which only its owner can read and write.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether only its owner can read and write a file, as a run creates it. What is unpacked or checked out seldom is.
fn is_private(file: &File) -> bool {
    #[cfg(unix)]
    let is_private = |facts: fs::Metadata| {
        matches!(std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o777, 0o600 | 0o400)
    };
    #[cfg(not(unix))]
    let is_private = |_: fs::Metadata| false;
    file.metadata().is_ok_and(is_private)
}

/// Whether a journal is in the user's state directory, where only the user's runs write.
fn is_in_state_directory(path: &Path) -> bool {
    let directory = state_directory().ok().and_then(|directory| directory.canonicalize().ok());
    directory.is_some() && path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned)) == directory
}

/// `$XDG_STATE_HOME/qonform`, or `~/.local/state/qonform`.
fn state_directory() -> Result<PathBuf, JournalError> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    state.map(|state| state.join("qonform")).ok_or(JournalError::NoPlace)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_journal_that_others_may_have_written_names_no_other_ids() {
        let path = std::env::temp_dir().join(format!("qonform-{}.journal", std::process::id()));
        let lines = r#"{"journal":1,"tool":"qonform 0.1.0","target":"http://127.0.0.1:1/v4","seed":1,"prefix":"qf-abcd-","projects":{}}
{"note":"stray","project":"main","id":"winter"}
{"note":"creates","project":"main","id":"qf-abcd-a"}
"#;
        let (ours, stray) = ((ProjectRole::Main, "qf-abcd-a".to_owned()), (ProjectRole::Main, "winter".to_owned()));
        for (mode, strays, ignored) in [(0o600, vec![stray], vec![]), (0o644, vec![], vec!["winter"])] {
            fs::write(&path, lines).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let left = LeftJournal::read(&path).unwrap();
            assert_eq!(left.state.created, BTreeSet::from([ours.clone()]));
            assert_eq!(left.state.strays, strays.into_iter().collect());
            assert_eq!(left.ignored, ignored);
            left.remove().unwrap();
        }
    }
}
