//! Projects by key, and their clocks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::project::Project;
use super::step::Process;

/// Source of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The system time, in whole seconds.
    #[default]
    System,
    /// Each project has a clock that starts at 2026-01-01T00:00:00Z and advances one second per write:
    /// the same requests return the same bytes.
    Logical,
}

/// 2026-01-01T00:00:00Z.
pub(super) const LOGICAL_START: i64 = 1_767_225_600;

/// A project's clock.
#[derive(Debug)]
pub(super) struct Ticker {
    clock: Clock,
    last: i64,
}

impl Ticker {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, last: LOGICAL_START - 1 }
    }

    /// The time of a write, in seconds since 1970; never decreases.
    pub(super) fn tick(&mut self) -> i64 {
        self.last = match self.clock {
            Clock::System => self.last.max(chrono::Utc::now().timestamp()),
            Clock::Logical => self.last + 1,
        };
        self.last
    }
}

/// A project that several connections share.
#[derive(Debug, Clone)]
pub(super) struct SharedProject(Arc<Mutex<Project>>);

impl SharedProject {
    pub(super) fn new(project: Project) -> Self {
        Self(Arc::new(Mutex::new(project)))
    }

    /// Everything done until the guard is dropped is atomic for other clients.
    pub(super) fn lock(&self) -> MutexGuard<'_, Project> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks this project and another one, always in the same order to prevent a deadlock.
    pub(super) fn lock_with<'a>(&'a self, other: &'a Self) -> (MutexGuard<'a, Project>, MutexGuard<'a, Project>) {
        if Arc::as_ptr(&self.0) < Arc::as_ptr(&other.0) {
            let project = self.lock();
            (project, other.lock())
        } else {
            let other = other.lock();
            (self.lock(), other)
        }
    }
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    Full,
    /// The key is valid but forbidden every operation.
    Nothing,
}

/// What a key gives access to.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) project: SharedProject,
    /// The project that a faulty server confuses with this one.
    pub(super) neighbour: SharedProject,
    /// What all projects of one fixture share.
    pub(super) process: Arc<Mutex<Process>>,
    pub(super) permission: Permission,
}

/// All keys with their projects.
#[derive(Debug, Default)]
pub(super) struct Store {
    grants: RwLock<HashMap<String, Grant>>,
}

impl Store {
    pub(super) fn add(&self, grants: impl IntoIterator<Item = (String, Grant)>) {
        self.grants.write().unwrap_or_else(PoisonError::into_inner).extend(grants);
    }

    pub(super) fn remove<'k>(&self, keys: impl IntoIterator<Item = &'k String>) {
        let mut grants = self.grants.write().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            grants.remove(key);
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<Grant> {
        self.grants.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The first grant, in order of keys, whose key satisfies a condition; used by faults only.
    pub(super) fn find_by(&self, condition: &dyn Fn(&str) -> bool) -> Option<Grant> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        grants.iter().filter(|(key, _)| condition(key)).min_by_key(|(key, _)| *key).map(|(_, grant)| grant.clone())
    }
}
