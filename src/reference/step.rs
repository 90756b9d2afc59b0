//! One processed request, as hooks of a faulty server receive it.
//!
//! The step is correct and complete when a hook receives it; the hook changes the state or the result. Data
//! of earlier steps is in the project's history. Start at [`decorated`]; the methods for hooks are in `tamper`.

use std::sync::PoisonError;
use std::time::Instant;

use chrono::Utc;

use super::call::{Call, Operation};
use super::config::{Config, When};
use super::offering::Offering;
use super::page::Page;
use super::project::Project;
use super::server_response::{ApiError, ServerResponse};
use super::store::{Grant, SharedProject};

/// A success, not yet a response.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A new offering.
    Created(Offering),
    /// A current or replayed offering.
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

/// Variables of the process, shared by all projects of a fixture.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Number of promotions that changed the main of a project.
    pub(super) promotions: u32,
    /// Number of successful promotions, including repeated ones.
    pub(super) promotion_requests: u32,
    /// The id of the latest promotion.
    pub(super) main: Option<String>,
    /// The project of the latest request, and the one it is confused with.
    pub(super) current: Option<(SharedProject, SharedProject)>,
    /// The response to the latest list request.
    pub(super) page: Option<ServerResponse>,
}

/// One processed request.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) call: &'a Call,
    /// The project of the request; locked, so that a hook is part of the step.
    pub(super) project: &'a mut Project,
    /// The offerings before the step.
    pub(super) before: &'a [Offering],
    /// The outdated state that a racing request used.
    pub(super) stale: Option<&'a [Offering]>,
    /// The project that this one is confused with.
    pub(super) other: &'a mut Project,
    pub(super) process: &'a mut Process,
    pub(super) result: Result<Reply, ApiError>,
    /// Whether it changed the project.
    pub(super) wrote: bool,
}

/// Processes a request atomically, including hooks, and saves the response for its idempotency key.
///
/// `work` also returns whether its reply is a replay.
pub(super) fn decorated(
    config: &Config,
    call: &Call,
    grant: &Grant,
    stale: Option<&[Offering]>,
    work: impl FnOnce(&mut Project) -> Result<(Reply, bool), ApiError>,
) -> Result<Reply, ApiError> {
    let (mut project, mut other) = grant.project.lock_with(&grant.neighbour);
    let before = if config.has_hooks() { project.offerings.clone() } else { Vec::new() };
    let (result, when) = match work(&mut project) {
        Ok((reply, true)) => (Ok(reply), When::Replayed),
        Ok((reply, false)) => (Ok(reply), When::Done),
        Err(error) => (Err(error), When::Rejected),
    };
    let result = if config.has_hooks() {
        let mut process = grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        let (project, other, process) = (&mut *project, &mut *other, &mut *process);
        let step = Step { call, project, before: &before, stale, other, process, result, wrote: false };
        step.run_hooks(config, when)
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
    fn run_hooks(mut self, config: &Config, when: When) -> Result<Reply, ApiError> {
        match when {
            When::Done => self.record_success(),
            When::Rejected => self.record_rejection(),
            When::Replayed => {}
        }
        for hook in config.hooks(when, self.call.operation) {
            hook(&mut self);
        }
        self.result
    }

    /// Records a success in the history, before any hook runs.
    fn record_success(&mut self) {
        let id = self.id();
        match self.call.operation {
            Operation::List => self.project.history.lists += 1,
            Operation::Get => *self.project.history.gets.entry(id).or_default() += 1,
            Operation::Create => self.record_create(),
            Operation::Update => {
                self.wrote = self.writes_products();
                let history = &mut self.project.history;
                history.empty_update |= !self.wrote;
                if self.wrote {
                    history.updates += 1;
                    *history.updated.entry(id).or_default() += 1;
                }
            }
            Operation::Delete => self.record_delete(&id),
            Operation::SetMain => self.record_promotion(),
        }
        self.project.history.writes += u32::from(self.wrote);
    }

    fn record_create(&mut self) {
        let Some(created) = self.reply().cloned() else { return };
        self.wrote = true;
        let history = &mut self.project.history;
        history.created += 1;
        history.moments.insert(created.number, Utc::now().timestamp_millis() / 10);
        if !self.before.iter().any(Offering::is_regular) {
            history.main_deleted = false;
        }
        if history.updated.remove(&created.id).is_some() {
            history.formerly_updated.insert(created.id.clone());
        } else {
            history.formerly_updated.remove(&created.id);
        }
        history.first_products.insert(created.id.clone(), created.product_ids.clone());
        history.oldest_products.entry(created.id).or_insert(created.product_ids);
    }

    fn record_delete(&mut self, id: &str) {
        let Some(deleted) = self.before.iter().find(|row| row.id == *id).cloned() else { return };
        self.wrote = true;
        let history = &mut self.project.history;
        history.cached_list = None;
        history.reads.remove(id);
        if deleted.is_main() {
            history.deleted_mains.insert(deleted.id.clone());
            history.main_deleted = true;
        }
        history.deleted.push(deleted);
    }

    fn record_promotion(&mut self) {
        self.process.promotion_requests += 1;
        let Some((previous, promoted)) = self.promotion() else { return };
        self.wrote = true;
        self.process.promotions += 1;
        let history = &mut self.project.history;
        history.promotions += 1;
        history.main_deleted = false;
        history.promoted_at = Some(Instant::now());
        history.former_tags = self.before.iter().map(|row| (row.id.clone(), row.tag)).collect();
        history.promoted_products.insert(promoted.id, promoted.product_ids);
        if let Some(previous) = previous {
            *history.demotions.entry(previous.id.clone()).or_default() += 1;
            history.demoted_products.insert(previous.id, previous.product_ids);
        }
    }

    /// Saves the rejection of a create for its idempotency key.
    pub(super) fn save_rejection(&mut self) {
        if let (Some(key), Err(error)) = (self.call.idempotency_key(), &self.result) {
            self.project.history.saved_rejections.entry(key.to_vec()).or_insert_with(|| error.clone());
        }
    }

    /// The rejection of the first request with this idempotency key.
    pub(super) fn saved_rejection(&self) -> Option<ApiError> {
        self.project.history.saved_rejections.get(self.call.idempotency_key()?).cloned()
    }

    /// Records a rejection in the history.
    fn record_rejection(&mut self) {
        let id = self.id();
        let history = &mut self.project.history;
        match (self.call.operation, self.result.as_ref().err().map(|error| error.code)) {
            (Operation::SetMain, Some("not_found")) => history.missing_promotion = true,
            (Operation::Create, Some("offering_already_exists")) => drop(history.duplicates.insert(id)),
            _ => {}
        }
    }

    /// The previous main and the new one, if the step changed the main.
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

    /// The id in the path, or in the body of a create.
    pub(super) fn id(&self) -> String {
        self.call.named_id().unwrap_or_default()
    }
}
