//! One request that was worked on, as a faulty server gets to see it: the decorator of the store.
//!
//! The step is correct and done when a hook gets it; the hook changes the state or the result. What it needs to know
//! of earlier steps stands in the project's history.

use std::sync::{Arc, PoisonError};

use http::StatusCode;
use serde_json::Value;

use super::answer::{Answer, Refusal};
use super::call::{Call, Operation};
use super::config::{Config, When};
use super::offering::Offering;
use super::page::{Page, Start, Window};
use super::project::Project;
use super::store::{Grant, Shared};
use super::validate::Syntax;

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

    fn offering_mut(&mut self) -> Option<&mut Offering> {
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
    pub(super) page: Option<Answer>,
}

/// One request that was worked on.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) call: &'a Call,
    /// The project that the request is about; locked, so that a hook is part of the step.
    pub(super) project: &'a mut Project,
    /// The offerings of before.
    pub(super) before: &'a [Offering],
    /// The project that this one is mixed up with.
    pub(super) other: &'a mut Project,
    pub(super) process: &'a mut Process,
    pub(super) result: Result<Reply, Refusal>,
}

/// Works on a request in one step, hooks included, and keeps the response for its idempotency key.
///
/// `work` says besides whether its reply is one that was kept before.
pub(super) fn decorated(
    config: &Config,
    call: &Call,
    grant: &Grant,
    work: impl FnOnce(&mut Project, &mut Project) -> Result<(Reply, bool), Refusal>,
) -> Result<Reply, Refusal> {
    let (mut project, mut other) = grant.project.lock_with(&grant.neighbour);
    project.history.stale.clone_from(&call.stale);
    let faulty = config.has_hooks();
    let before = if faulty { project.offerings.clone() } else { Vec::new() };
    let result = match work(&mut project, &mut other) {
        Ok((reply, true)) => return Ok(reply),
        Ok((reply, false)) => Ok(reply),
        Err(refusal) => Err(refusal),
    };
    let result = if faulty {
        let mut process = grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        let (project, other, process) = (&mut *project, &mut *other, &mut *process);
        Step { call, project, before: &before, other, process, result }.hooked(config)
    } else {
        result
    };
    let keeps = matches!(call.operation, Operation::Create | Operation::SetMain);
    if let Some(offering) = result.as_ref().ok().and_then(Reply::offering).filter(|_| keeps) {
        let writes = project.history.writes;
        project.replays.keep(call, offering, config.switches, writes);
    }
    result
}

impl Step<'_> {
    /// The result after all hooks.
    fn hooked(mut self, config: &Config) -> Result<Reply, Refusal> {
        self.note();
        let when = if self.result.is_ok() { When::Done } else { When::Rejected };
        for hook in config.hooks(when, self.call.operation) {
            hook(&mut self);
        }
        self.result
    }

    /// Writes into the history what happened, before any hook runs.
    fn note(&mut self) {
        if self.call.operation == Operation::SetMain && self.result.is_ok() {
            self.process.promotion_requests += 1;
        }
        if let Some((previous, promoted)) = self.promotion() {
            self.process.promotions += 1;
            let history = &mut self.project.history;
            history.promoted_products.insert(promoted.id, promoted.product_ids);
            if let Some(previous) = previous {
                history.demoted_products.insert(previous.id, previous.product_ids);
            }
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
        match self.call.operation {
            Operation::Create => self.call.json().ok().and_then(|body| body["id"].as_str().map(str::to_owned)),
            _ => self.call.id().ok(),
        }
        .unwrap_or_default()
    }

    /// The typed code of a rejection; empty for a success.
    pub(super) fn code(&self) -> &'static str {
        self.result.as_ref().err().map_or("", |refusal| refusal.code)
    }

    /// Takes the step back; the result stays.
    pub(super) fn undo(&mut self) {
        self.project.offerings = self.before.to_vec();
    }

    /// Takes the step back and rejects the request.
    pub(super) fn reject(&mut self, refusal: Refusal) {
        self.undo();
        self.result = Err(refusal);
    }

    /// Rejects a create as if its id existed.
    pub(super) fn reject_as_taken(&mut self) {
        let message = "An offering with this id already exists in this project.";
        self.reject(Refusal::new(StatusCode::CONFLICT, "offering_already_exists", message));
    }

    /// Changes the offering in the response.
    pub(super) fn show(&mut self, change: impl FnOnce(&mut Offering)) {
        if let Some(offering) = self.result.as_mut().ok().and_then(Reply::offering_mut) {
            change(offering);
        }
    }

    /// Changes every row of a page.
    pub(super) fn show_rows(&mut self, change: impl Fn(&mut Offering)) {
        if let Ok(Reply::Page(page)) = &mut self.result {
            page.items.iter_mut().for_each(change);
        }
    }

    /// Changes the stored offering that the response shows.
    pub(super) fn store(&mut self, change: impl FnOnce(&mut Offering)) {
        let id = self.reply().map(|offering| offering.id.clone());
        if let Some(row) = id.and_then(|id| self.project.row(&id)) {
            change(row);
        }
    }

    /// Changes the offering in the store and in the response.
    pub(super) fn change(&mut self, change: impl Fn(&mut Offering)) {
        self.store(&change);
        self.show(&change);
    }

    /// Whether a rejection names a field.
    pub(super) fn blames(&self, field: &str) -> bool {
        self.result.as_ref().is_err_and(|refusal| refusal.details.iter().any(|detail| detail.field == field))
    }

    /// A member of the body.
    pub(super) fn sent(&self, member: &str) -> Option<Value> {
        self.call.json().ok()?.get(member).cloned()
    }

    /// Does a rejected create or update as if its body had no such member; tells whether that succeeds.
    pub(super) fn retry_without(&mut self, member: &str) -> bool {
        let Ok(Value::Object(mut body)) = self.call.json() else { return false };
        body.remove(member);
        let (id, body) = (self.id(), Value::Object(body));
        let config = Arc::clone(&self.project.config);
        let syntax = Syntax { config: &config };
        let retried = match self.call.operation {
            Operation::Create => {
                syntax.draft(&body).and_then(|draft| self.project.create_rightly(&draft)).map(Reply::Created)
            }
            _ => syntax.change(&body).and_then(|change| self.project.update_rightly(&id, &change)).map(Reply::Offering),
        };
        let done = retried.is_ok();
        if done {
            self.result = retried;
        }
        done
    }

    /// The page in the result.
    pub(super) fn page(&self) -> Option<&Page> {
        match &self.result {
            Ok(Reply::Page(page)) => Some(page),
            _ => None,
        }
    }

    /// Cuts the page as if the list had asked for something else.
    pub(super) fn repage(&mut self, change: impl FnOnce(&mut Window)) {
        if let Some(mut window) = self.window() {
            change(&mut window);
            let rows = self.project.rows();
            let start = Start::of(&rows, &window, &self.project.config);
            self.result = Ok(Reply::Page(Page::cut(&rows, &window, start, self.project.switches)));
        }
    }

    /// What a list asked for.
    pub(super) fn window(&self) -> Option<Window> {
        self.page().map(|page| page.window.clone())
    }

    /// Cuts the page out of other rows.
    pub(super) fn list(&mut self, rows: &[Offering], start: Start) {
        if let Some(window) = self.window() {
            let config = self.project.config.clone();
            self.result = Ok(Reply::Page(Page::cut(rows, &window, start, config.switches)));
        }
    }

    /// Writes what an update wrote to every offering that its id finds as a pattern.
    pub(super) fn update_all(&mut self, finds: fn(&str, &str) -> bool) {
        let (id, Some(updated)) = (self.id(), self.reply().cloned()) else { return };
        for row in self.project.offerings.iter_mut().filter(|row| row.is_regular() && finds(&row.id, &id)) {
            row.product_ids.clone_from(&updated.product_ids);
        }
    }

    /// Removes every offering that the id of a deletion finds as a pattern.
    pub(super) fn delete_all(&mut self, finds: fn(&str, &str) -> bool) {
        let id = self.id();
        self.project.offerings.retain(|row| !row.is_regular() || !finds(&row.id, &id));
    }

    /// The offering of the other project that a cursor names, where it names none here.
    pub(super) fn cursor_of_other(&self) -> Option<Offering> {
        let after = self.window()?.after?;
        let here = self.project.listed().iter().any(|row| row.id == after);
        self.other.listed().into_iter().find(|row| row.id == after && !here)
    }

    /// Shows the page as if experiment variants were regular offerings.
    pub(super) fn list_variants(&mut self) {
        if let Some(window) = self.window() {
            let rows = self.project.offerings.clone();
            let start = Start::of(&rows, &window, &self.project.config);
            self.list(&rows, start);
        }
    }
}
