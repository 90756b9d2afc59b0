//! One request that was worked on, as a faulty server gets to see it: the decorator of the store.
//!
//! The step is correct and done when a hook gets it; the hook changes the state or the result. What it needs to know
//! of earlier steps stands in the project's history. Start at [`decorated`]; what hooks do with a step is in `tamper`.

use std::sync::PoisonError;
use std::time::Instant;

use super::call::{Call, Operation};
use super::config::{Config, When};
use super::offering::Offering;
use super::page::Page;
use super::project::Project;
use super::server_response::{Refusal, ServerResponse};
use super::store::{Grant, Shared};

/// A success, not yet a response.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A new offering.
    Created(Offering),
    /// An offering as it is now, or as an earlier response showed it.
    Offering(Offering),
    Page(Page),
    Nothing,
}

impl Reply {
    pub(super) fn offering(&self) -> Option<&Offering> {
        match self {
            Self::Created(offering) | Self::Offering(offering) => Some(offering),
            Self::Page(_) | Self::Nothing => None,
        }
    }

    pub(super) fn offering_mut(&mut self) -> Option<&mut Offering> {
        match self {
            Self::Created(offering) | Self::Offering(offering) => Some(offering),
            Self::Page(_) | Self::Nothing => None,
        }
    }
}

/// What a server keeps in variables of its process, for all projects together.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// How many promotions changed the main of a project.
    pub(super) promotions: u32,
    /// How many promotions succeeded, repeated ones included.
    pub(super) promotion_requests: u32,
    /// The id that was promoted last.
    pub(super) main: Option<String>,
    /// The project of the request that came last, and the one it is mixed up with.
    pub(super) current: Option<(Shared, Shared)>,
    /// The response to the list that was read last.
    pub(super) page: Option<ServerResponse>,
}

/// One request that was worked on.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) call: &'a Call,
    /// The project that the request is about; locked, so that a hook is part of the step.
    pub(super) project: &'a mut Project,
    /// The offerings of before.
    pub(super) before: &'a [Offering],
    /// What a racing request took for the present state.
    pub(super) stale: Option<&'a [Offering]>,
    /// The project that this one is mixed up with.
    pub(super) other: &'a mut Project,
    pub(super) process: &'a mut Process,
    pub(super) result: Result<Reply, Refusal>,
    /// Whether it changed anything.
    pub(super) wrote: bool,
}

/// Works on a request in one step, hooks included, and keeps the response for its idempotency key.
///
/// `work` says besides whether its reply is one that was kept before.
pub(super) fn decorated(
    config: &Config,
    call: &Call,
    grant: &Grant,
    stale: Option<&[Offering]>,
    work: impl FnOnce(&mut Project) -> Result<(Reply, bool), Refusal>,
) -> Result<Reply, Refusal> {
    let (mut project, mut other) = grant.project.lock_with(&grant.neighbour);
    let before = if config.has_hooks() { project.offerings.clone() } else { Vec::new() };
    let (result, when) = match work(&mut project) {
        Ok((reply, true)) => (Ok(reply), When::Replayed),
        Ok((reply, false)) => (Ok(reply), When::Done),
        Err(refusal) => (Err(refusal), When::Rejected),
    };
    let result = if config.has_hooks() {
        let mut process = grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        let (project, other, process) = (&mut *project, &mut *other, &mut *process);
        let step = Step { call, project, before: &before, stale, other, process, result, wrote: false };
        step.hooked(config, when)
    } else {
        result
    };
    let keeps = when == When::Done && matches!(call.operation, Operation::Create | Operation::SetMain);
    if let Some(offering) = result.as_ref().ok().and_then(Reply::offering).filter(|_| keeps) {
        let writes = project.history.writes;
        project.replays.keep(call, config, offering, writes);
    }
    result
}

impl Step<'_> {
    /// The result after all hooks.
    fn hooked(mut self, config: &Config, when: When) -> Result<Reply, Refusal> {
        match when {
            When::Done => self.note_success(),
            When::Rejected => self.note_rejection(),
            When::Replayed => {}
        }
        for hook in config.hooks(when, self.call.operation) {
            hook(&mut self);
        }
        self.result
    }

    /// Writes a success into the history, before any hook runs.
    fn note_success(&mut self) {
        let id = self.id();
        match self.call.operation {
            Operation::List => self.project.history.lists += 1,
            Operation::Get => *self.project.history.gets.entry(id).or_default() += 1,
            Operation::Create => self.note_create(),
            Operation::Update => {
                self.wrote = self.writes_products();
                let history = &mut self.project.history;
                history.empty_update |= !self.wrote;
                if self.wrote {
                    history.updates += 1;
                    *history.updated.entry(id).or_default() += 1;
                }
            }
            Operation::Delete => self.note_delete(&id),
            Operation::SetMain => self.note_promotion(),
        }
        self.project.history.writes += u32::from(self.wrote);
    }

    fn note_create(&mut self) {
        let Some(created) = self.reply().cloned() else { return };
        self.wrote = true;
        let history = &mut self.project.history;
        history.created += 1;
        if !self.before.iter().any(Offering::is_regular) {
            history.mainless = false;
        }
        if history.updated.remove(&created.id).is_some() {
            history.formerly_updated.insert(created.id.clone());
        } else {
            history.formerly_updated.remove(&created.id);
        }
        history.first_products.insert(created.id.clone(), created.product_ids.clone());
        history.oldest_products.entry(created.id).or_insert(created.product_ids);
    }

    fn note_delete(&mut self, id: &str) {
        let Some(deleted) = self.before.iter().find(|row| row.id == *id).cloned() else { return };
        self.wrote = true;
        let history = &mut self.project.history;
        history.frozen = None;
        history.reads.remove(id);
        if deleted.is_main() {
            history.deleted_mains.insert(deleted.id.clone());
            history.mainless = true;
        }
        history.deleted.push(deleted);
    }

    fn note_promotion(&mut self) {
        self.process.promotion_requests += 1;
        let Some((previous, promoted)) = self.promotion() else { return };
        self.wrote = true;
        self.process.promotions += 1;
        let history = &mut self.project.history;
        history.promotions += 1;
        history.mainless = false;
        history.promoted_at = Some(Instant::now());
        history.former_tags = self.before.iter().map(|row| (row.id.clone(), row.tag)).collect();
        history.promoted_products.insert(promoted.id, promoted.product_ids);
        if let Some(previous) = previous {
            *history.demotions.entry(previous.id.clone()).or_default() += 1;
            history.demoted_products.insert(previous.id, previous.product_ids);
        }
    }

    /// Remembers the idempotency key of a rejected create.
    pub(super) fn burn_key(&mut self) {
        if let (Some(key), Err(refusal)) = (self.call.idempotency_key(), &self.result) {
            self.project.history.burnt.entry(key.to_vec()).or_insert_with(|| refusal.clone());
        }
    }

    /// The rejection that the first request with this idempotency key got.
    pub(super) fn burnt_key(&self) -> Option<Refusal> {
        self.project.history.burnt.get(self.call.idempotency_key()?).cloned()
    }

    /// Writes a rejection into the history.
    fn note_rejection(&mut self) {
        let id = self.id();
        let history = &mut self.project.history;
        match (self.call.operation, self.result.as_ref().err().map(|refusal| refusal.code)) {
            (Operation::SetMain, Some("not_found")) => history.missing_promotion = true,
            (Operation::Create, Some("offering_already_exists")) => drop(history.duplicates.insert(id)),
            _ => {}
        }
    }

    /// The previous main and the new one, where the step made another offering main.
    pub(super) fn promotion(&self) -> Option<(Option<Offering>, Offering)> {
        let promoted = self.reply().filter(|_| self.call.operation == Operation::SetMain)?;
        let previous = self.before.iter().find(|row| row.is_main());
        let changed = previous.is_none_or(|previous| previous.id != promoted.id);
        changed.then(|| (previous.cloned(), promoted.clone()))
    }

    /// The offering in the result.
    pub(super) fn reply(&self) -> Option<&Offering> {
        self.result.as_ref().ok()?.offering()
    }

    /// The id that the request names: that of its path, or of its body.
    pub(super) fn id(&self) -> String {
        self.call.named_id().unwrap_or_default()
    }
}
