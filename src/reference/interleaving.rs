//! Requests that are not atomic: they read, wait without the lock, and write. A single client sees no difference.

use std::pin::Pin;
use std::sync::PoisonError;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::call::{Call, Operation};
use super::in_flight::{InFlightGuard, same_key};
use super::offering::Offering;
use super::project::Project;
use super::routes::App;
use super::server_response::{ApiError, ServerResponse};
use super::step::Reply;
use super::store::Grant;
use super::validate::{Draft, Syntax};

/// The time between reading and writing.
const GAP: Duration = Duration::from_millis(3);

type WorkResult = Result<ServerResponse, ApiError>;

/// How an operation is processed.
pub(super) type Interleaving = for<'a> fn(Interleaved<'a>) -> Pin<Box<dyn Future<Output = WorkResult> + Send + 'a>>;

/// An authorized request that others may overtake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interleaved<'a> {
    pub(super) app: &'a App,
    pub(super) call: &'a Call,
    pub(super) grant: &'a Grant,
}

/// Outcome of a create that finds a concurrent one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicate {
    /// It replaces the other one.
    Overwritten,
    Crashes,
    /// It is rejected, and its products are stored.
    Rejected,
}

impl Interleaved<'_> {
    fn work(self) -> WorkResult {
        self.app.work(self.call, self.grant, None)
    }

    /// The current state of the regular offering that the request names.
    fn named(self) -> Option<Offering> {
        let id = self.call.id().ok()?;
        self.grant.project.lock().regular(&id).cloned()
    }

    fn show(self, row: &Offering) -> ServerResponse {
        let created = self.call.operation == Operation::Create;
        self.app.show(self.call, &if created { Reply::Created(row.clone()) } else { Reply::Offering(row.clone()) })
    }

    /// Uses the state from a few milliseconds ago.
    pub(super) async fn on_stale_view(self) -> WorkResult {
        let stale = self.grant.project.lock().offerings.clone();
        tokio::time::sleep(GAP).await;
        self.app.work(self.call, self.grant, Some(&stale))
    }

    /// Applies one half of the step, and the whole step later.
    pub(super) async fn in_halves(self, first: fn(&mut Project, &Call)) -> WorkResult {
        let turn = {
            let mut project = self.grant.project.lock();
            first(&mut project, self.call);
            project.requests % 3
        };
        // Gaps of different lengths let a request overtake an earlier one.
        tokio::time::sleep(GAP * (1 + turn as u32)).await;
        self.work()
    }

    /// Writes back a part of the earlier offering after the step.
    pub(super) async fn writing_back(self, write: fn(&mut Offering, &Offering)) -> WorkResult {
        let Some(seen) = self.named().filter(|_| self.call.idempotency_key().is_none()) else { return self.work() };
        tokio::time::sleep(GAP).await;
        let response = self.work()?;
        let mut project = self.grant.project.lock();
        let Some(row) = project.regular(&seen.id) else { return Ok(response) };
        write(row, &seen);
        Ok(self.show(row))
    }

    /// Runs `first` if the offering was deleted in between.
    pub(super) async fn after_deletion(self, first: fn(&mut Project, &Offering)) -> WorkResult {
        let Some(seen) = self.named().filter(|_| self.call.idempotency_key().is_none()) else { return self.work() };
        tokio::time::sleep(GAP).await;
        {
            let mut project = self.grant.project.lock();
            if project.regular(&seen.id).is_none() {
                first(&mut project, &seen);
            }
        }
        self.work()
    }

    /// Returns `otherwise` if the offering was deleted in between.
    pub(super) async fn unless_deleted(self, otherwise: fn() -> WorkResult) -> WorkResult {
        let was_there = self.named().is_some();
        tokio::time::sleep(GAP).await;
        if was_there && self.named().is_none() { otherwise() } else { self.work() }
    }

    /// Updates, then reads the offering again for the response.
    pub(super) async fn reading_again(self) -> WorkResult {
        let response = self.work()?;
        tokio::time::sleep(GAP).await;
        Ok(self.named().map_or(response, |row| self.show(&row)))
    }

    /// Reads every other row of a page later.
    pub(super) async fn reading_every_other_row_later(self) -> WorkResult {
        let mut early = self.work()?;
        tokio::time::sleep(GAP).await;
        let late = self.work()?.get("data");
        let rows = early.body.as_mut().and_then(|body| body["data"].as_array_mut());
        for (place, row) in rows.into_iter().flatten().enumerate().filter(|(place, _)| place % 2 == 1) {
            if late[place]["id"] == row["id"] {
                row.clone_from(&late[place]);
            }
        }
        Ok(early)
    }
}

/// Creates without an idempotency key.
impl Interleaved<'_> {
    fn keyless_draft(self) -> Option<Draft> {
        let syntax = Syntax { config: &self.app.config };
        let draft = self.call.json().and_then(|body| syntax.draft(&body));
        draft.ok().filter(|_| self.call.idempotency_key().is_none())
    }

    /// Checks for the id, and creates later.
    pub(super) async fn finding_duplicate(self, twin: Duplicate) -> WorkResult {
        let Some(draft) = self.keyless_draft() else { return self.work() };
        if self.grant.project.lock().regular(&draft.id).is_some() {
            return self.work();
        }
        tokio::time::sleep(GAP).await;
        {
            let mut project = self.grant.project.lock();
            let known = draft.product_ids.iter().all(|id| project.catalogue.own.contains(id));
            if let Some(row) = project.regular(&draft.id).filter(|_| known) {
                if twin == Duplicate::Crashes {
                    return Err(ApiError::internal());
                }
                row.product_ids.clone_from(&draft.product_ids);
                if twin == Duplicate::Overwritten {
                    return Ok(self.show(row));
                }
            }
        }
        self.work()
    }

    /// Creates, then promotes the first offering if it is still the only one.
    pub(super) async fn becoming_main_if_alone(self) -> WorkResult {
        let Some(draft) = self.keyless_draft() else { return self.work() };
        let was_empty = self.grant.project.lock().listed().is_empty();
        let response = self.work()?;
        if !was_empty {
            return Ok(response);
        }
        if let Some(row) = self.grant.project.lock().regular(&draft.id) {
            row.tag = None;
        }
        tokio::time::sleep(GAP).await;
        let mut project = self.grant.project.lock();
        let alone = project.listed().len() == 1;
        let Some(row) = project.regular(&draft.id) else { return Ok(response) };
        row.tag = if alone { Some(1) } else { row.tag };
        Ok(self.show(row))
    }
}

/// Creates with an idempotency key.
impl Interleaved<'_> {
    /// Creates; changes the response of a create that finds its key in flight.
    pub(super) async fn second_of_key(self, change: fn(&mut Project, &mut ServerResponse)) -> WorkResult {
        if self.call.idempotency_key().is_none() {
            return self.work();
        }
        let guard = InFlightGuard::new(self.call, &self.grant.project);
        let second = guard.overlaps(same_key);
        tokio::time::sleep(if second { 2 * GAP } else { GAP }).await;
        let mut response = self.work()?;
        if second {
            change(&mut self.grant.project.lock(), &mut response);
        }
        Ok(response)
    }

    /// Rejects a key forever once two concurrent creates used it.
    pub(super) async fn sticking_to_key(self) -> WorkResult {
        let Some(key) = self.call.idempotency_key() else { return self.work() };
        let message = "A request with this idempotency key is in flight.";
        let in_flight = ApiError::new(StatusCode::CONFLICT, "offering_already_exists", message);
        if self.grant.project.lock().history.stuck_keys.contains(key) {
            return Err(in_flight);
        }
        let guard = InFlightGuard::new(self.call, &self.grant.project);
        if guard.overlaps(|other, write| other.key == write.key) {
            self.grant.project.lock().history.stuck_keys.insert(key.to_vec());
            return Err(in_flight);
        }
        tokio::time::sleep(GAP).await;
        self.work()
    }

    /// Saves the response under the keys of all creates in flight.
    pub(super) async fn mixing_keys(self) -> WorkResult {
        let Some(key) = self.call.idempotency_key() else { return self.work() };
        if let Some(response) = self.grant.project.lock().history.mixed_responses.get(key) {
            return Ok(response.clone());
        }
        let guard = InFlightGuard::new(self.call, &self.grant.project);
        tokio::time::sleep(GAP).await;
        let response = self.work()?;
        for other in guard.others().into_iter().filter_map(|other| other.key).filter(|other| other != key) {
            self.grant.project.lock().history.mixed_responses.insert(other, response.clone());
        }
        Ok(response)
    }
}

/// Promotions without an idempotency key.
impl Interleaved<'_> {
    /// Promotes, then demotes the others later.
    pub(super) async fn demoting_later(self) -> WorkResult {
        let Some(seen) = self.named().filter(|_| self.call.idempotency_key().is_none()) else { return self.work() };
        if let Some(row) = self.grant.project.lock().regular(&seen.id) {
            row.tag = Some(1);
        }
        tokio::time::sleep(GAP).await;
        let mut project = self.grant.project.lock();
        project.demote_others(&seen.id);
        let now = project.ticker.tick();
        let row = project.regular(&seen.id).ok_or_else(ApiError::not_found)?;
        row.updated_at = now;
        Ok(self.show(&Offering { tag: Some(1), ..row.clone() }))
    }

    /// Responds at once and promotes later if another promotion is in flight.
    pub(super) async fn responding_early(self) -> WorkResult {
        let Some(seen) = self.named().filter(|_| self.call.idempotency_key().is_none()) else { return self.work() };
        let guard = InFlightGuard::new(self.call, &self.grant.project);
        if !guard.overlaps(|other, _| other.operation == Operation::SetMain) {
            tokio::time::sleep(GAP).await;
            return self.work();
        }
        let (project, id) = (self.grant.project.clone(), seen.id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(2 * GAP).await;
            // An offering that was deleted in between is not promoted.
            drop(project.lock().set_main(&id));
            drop(guard);
        });
        Ok(self.show(&Offering { tag: Some(1), ..seen }))
    }
}

/// Variables of the process.
impl Interleaved<'_> {
    /// Stores the project in a variable of the process after authentication.
    pub(super) async fn in_current_project(self) -> WorkResult {
        let process = || self.grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        process().current = Some((self.grant.project.clone(), self.grant.neighbour.clone()));
        tokio::time::sleep(GAP).await;
        let current = process().current.clone();
        let Some((project, neighbour)) = current else { return self.work() };
        self.app.work(self.call, &Grant { project, neighbour, ..self.grant.clone() }, None)
    }

    /// Stores the response in a variable of the process until it is sent.
    pub(super) async fn through_shared_page(self) -> WorkResult {
        let process = || self.grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        let response = self.work()?;
        process().page = Some(response.clone());
        tokio::time::sleep(GAP).await;
        let latest = process().page.clone();
        Ok(latest.unwrap_or(response))
    }
}

/// Removes the products from the response.
pub(super) fn without_products(_: &mut Project, response: &mut ServerResponse) {
    response.set("product_ids", json!([]));
}

/// Creates another offering, with a number after its id.
pub(super) fn under_another_id(project: &mut Project, response: &mut ServerResponse) {
    let id = response.get("id").as_str().unwrap_or_default().to_owned();
    let Some(row) = project.row(&id).cloned() else { return };
    let id = format!("{}-1", id.chars().take(62).collect::<String>());
    response.set("id", id.clone());
    response.set("url", format!("/v4/offerings/{id}"));
    project.add(Offering { id, tag: None, ..row });
}
