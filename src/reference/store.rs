//! Projects by key, and their clocks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::project::Project;
use super::step::Process;

/// Where timestamps come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The time of day, in whole seconds.
    #[default]
    System,
    /// Each project has its own clock that starts at 2026-01-01T00:00:00Z and goes on one second with every write:
    /// the same requests get the same bytes.
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

    /// The time of one write, in seconds since 1970; never before that of an earlier write.
    pub(super) fn tick(&mut self) -> i64 {
        self.last = match self.clock {
            Clock::System => self.last.max(chrono::Utc::now().timestamp()),
            Clock::Logical => self.last + 1,
        };
        self.last
    }
}

/// A project that several connections work on.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Project>>);

impl Shared {
    pub(super) fn new(project: Project) -> Self {
        Self(Arc::new(Mutex::new(project)))
    }

    /// Everything done while the guard lives is one step for all other clients.
    pub(super) fn lock(&self) -> MutexGuard<'_, Project> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks this project and another one; both locks are always taken in the same order.
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
    /// The key is known, and every operation is forbidden to it.
    Nothing,
}

/// What a key stands for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) project: Shared,
    /// The project that a faulty server mixes up with this one.
    pub(super) neighbour: Shared,
    /// What all projects of one set have in common.
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

    /// The first grant, by the order of keys, whose key satisfies a condition: how no right server looks a key up.
    pub(super) fn find_by(&self, condition: &dyn Fn(&str) -> bool) -> Option<Grant> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        grants.iter().filter(|(key, _)| condition(key)).min_by_key(|(key, _)| *key).map(|(_, grant)| grant.clone())
    }
}
