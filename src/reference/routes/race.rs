//! Steps that are not one step: faulty servers look, let time pass with the project open to all, and act on what they
//! saw. For a client alone none of them is wrong.

use std::time::Duration;

use http::StatusCode;

use super::{App, View};
use crate::reference::answer::{Answer, Refusal};
use crate::reference::call::{Call, Operation};
use crate::reference::crowd::Turn;
use crate::reference::fault::Fault;
use crate::reference::offering::Offering;
use crate::reference::project::Project;
use crate::reference::store::Grant;
use crate::reference::validate::{Draft, Syntax};

/// The time between looking and acting.
const GAP: Duration = Duration::from_millis(3);

type Answered = Result<Answer, Refusal>;

impl App {
    /// The answer to a request by way of the race faults that are planted; as usual where there are none.
    pub(super) async fn operate_apart(&self, call: &Call, grant: &Grant) -> Answered {
        match call.operation {
            Operation::Create => self.create_apart(call, grant).await,
            Operation::SetMain if call.idempotency_key().is_none() => self.promote_apart(call, grant).await,
            Operation::Update => self.update_apart(call, grant).await,
            Operation::Delete => self.delete_apart(call, grant).await,
            Operation::List => self.list_apart(call, grant).await,
            Operation::Get | Operation::SetMain => self.operate(call, grant),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.switches.faulty(fault)
    }

    fn show(&self, call: &Call, row: &Offering) -> Answer {
        let status = if call.operation == Operation::Create { StatusCode::CREATED } else { StatusCode::OK };
        Answer::json(status, View { config: &self.config, operation: call.operation }.offering(row))
    }

    async fn create_apart(&self, call: &Call, grant: &Grant) -> Answered {
        if call.idempotency_key().is_some() {
            return self.create_keyed(call, grant).await;
        }
        let Ok(draft) = call.json().and_then(|body| Syntax { config: &self.config }.draft(&body)) else {
            return self.operate(call, grant);
        };
        if self.has(Fault::RACE_FIRST_NONE) {
            return self.create_first(call, grant, &draft).await;
        }
        let races = [Fault::RACE_CREATE_OVERWRITES, Fault::RACE_CREATE_CRASHES, Fault::RACE_CREATE_LOSER_WRITES];
        let unseen = find(&mut grant.project.lock(), &draft.id).is_none();
        if !unseen || !races.into_iter().any(|fault| self.has(fault)) {
            return self.operate(call, grant);
        }
        tokio::time::sleep(GAP).await;
        {
            let mut project = grant.project.lock();
            let known = draft.product_ids.iter().all(|id| project.catalogue.own.contains(id));
            if let Some(row) = find(&mut project, &draft.id).filter(|_| known) {
                if self.has(Fault::RACE_CREATE_CRASHES) {
                    return crash();
                }
                row.product_ids.clone_from(&draft.product_ids);
                if self.has(Fault::RACE_CREATE_OVERWRITES) {
                    return Ok(self.show(call, row));
                }
            }
        }
        self.operate(call, grant)
    }

    /// The first one becomes main when it is still alone.
    async fn create_first(&self, call: &Call, grant: &Grant, draft: &Draft) -> Answered {
        let was_empty = !grant.project.lock().offerings.iter().any(Offering::is_regular);
        let answer = self.operate(call, grant)?;
        if !was_empty {
            return Ok(answer);
        }
        if let Some(row) = find(&mut grant.project.lock(), &draft.id) {
            row.tag = None;
        }
        tokio::time::sleep(GAP).await;
        let mut project = grant.project.lock();
        let alone = project.offerings.iter().filter(|row| row.is_regular()).count() == 1;
        match find(&mut project, &draft.id) {
            Some(row) => {
                row.tag = if alone { Some(1) } else { row.tag };
                Ok(self.show(call, row))
            }
            None => Ok(answer),
        }
    }

    async fn create_keyed(&self, call: &Call, grant: &Grant) -> Answered {
        let (stuck, mixed) = (self.has(Fault::RACE_KEY_STUCK), self.has(Fault::RACE_KEYS_MIXED));
        let key = call.idempotency_key().unwrap_or_default();
        if !(stuck || mixed) {
            return self.operate(call, grant);
        }
        let in_flight = || {
            let message = "A request with this idempotency key is in flight.";
            Err(Refusal::new(StatusCode::CONFLICT, "offering_already_exists", message))
        };
        {
            let project = grant.project.lock();
            if stuck && project.crowd.stuck.contains(key) {
                return in_flight();
            }
            if let Some(answer) = project.crowd.mixed.get(key) {
                return Ok(answer.clone());
            }
        }
        let turn = Turn::begin(call, &grant.project);
        if stuck && turn.meets(|other| other.key == turn.key) {
            grant.project.lock().crowd.stuck.insert(key.to_vec());
            return in_flight();
        }
        tokio::time::sleep(GAP).await;
        let answer = self.operate(call, grant)?;
        if mixed {
            let mut project = grant.project.lock();
            let others: Vec<_> = project.crowd.others(&turn).filter_map(|other| other.key.clone()).collect();
            for other in others.into_iter().filter(|other| other != key) {
                project.crowd.mixed.insert(other, answer.clone());
            }
        }
        Ok(answer)
    }

    async fn promote_apart(&self, call: &Call, grant: &Grant) -> Answered {
        let races = [
            Fault::RACE_PROMOTES_FIRST,
            Fault::RACE_PROMOTION_ANSWERED_EARLY,
            Fault::RACE_PROMOTION_WRITES_PRODUCTS,
            Fault::RACE_PROMOTION_DEMOTES_FOR_NOTHING,
            Fault::RACE_PROMOTION_RESURRECTS,
        ];
        let seen = call.id().ok().and_then(|id| find(&mut grant.project.lock(), &id).cloned());
        let Some(seen) = seen.filter(|_| races.into_iter().any(|fault| self.has(fault))) else {
            return self.operate(call, grant);
        };
        if self.has(Fault::RACE_PROMOTES_FIRST) {
            return self.promote_first(call, grant, &seen).await;
        }
        if self.has(Fault::RACE_PROMOTION_ANSWERED_EARLY) {
            return self.promote_later(call, grant, seen).await;
        }
        tokio::time::sleep(GAP).await;
        {
            let mut project = grant.project.lock();
            if find(&mut project, &seen.id).is_none() {
                if self.has(Fault::RACE_PROMOTION_DEMOTES_FOR_NOTHING) {
                    demote_others(&mut project, &seen.id);
                }
                if self.has(Fault::RACE_PROMOTION_RESURRECTS) {
                    project.offerings.push(seen.clone());
                }
            }
        }
        let answer = self.operate(call, grant)?;
        if self.has(Fault::RACE_PROMOTION_WRITES_PRODUCTS)
            && let Some(row) = find(&mut grant.project.lock(), &seen.id)
        {
            row.product_ids = seen.product_ids;
            return Ok(self.show(call, row));
        }
        Ok(answer)
    }

    /// Promotes, and demotes the others later.
    async fn promote_first(&self, call: &Call, grant: &Grant, seen: &Offering) -> Answered {
        if let Some(row) = find(&mut grant.project.lock(), &seen.id) {
            row.tag = Some(1);
        }
        tokio::time::sleep(GAP).await;
        let mut project = grant.project.lock();
        demote_others(&mut project, &seen.id);
        let now = project.ticker.tick();
        let row = find(&mut project, &seen.id).ok_or_else(Refusal::not_found)?;
        row.updated_at = now;
        Ok(self.show(call, &Offering { tag: Some(1), ..row.clone() }))
    }

    /// Answers at once, and promotes later, when another promotion is under way.
    async fn promote_later(&self, call: &Call, grant: &Grant, seen: Offering) -> Answered {
        let turn = Turn::begin(call, &grant.project);
        if !turn.meets(|other| other.operation == Operation::SetMain) {
            tokio::time::sleep(GAP).await;
            return self.operate(call, grant);
        }
        let (project, id) = (grant.project.clone(), seen.id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(2 * GAP).await;
            // Whoever was deleted meanwhile is not promoted any more.
            drop(project.lock().set_main_rightly(&id));
            drop(turn);
        });
        Ok(self.show(call, &Offering { tag: Some(1), ..seen }))
    }

    async fn update_apart(&self, call: &Call, grant: &Grant) -> Answered {
        let (role, crashes) = (self.has(Fault::RACE_UPDATE_WRITES_ROLE), self.has(Fault::RACE_UPDATE_CRASHES));
        let seen = call.id().ok().and_then(|id| find(&mut grant.project.lock(), &id).cloned());
        let Some(seen) = seen.filter(|_| role || crashes) else {
            return self.operate(call, grant);
        };
        tokio::time::sleep(GAP).await;
        if crashes && find(&mut grant.project.lock(), &seen.id).is_none() {
            return crash();
        }
        let answer = self.operate(call, grant)?;
        match find(&mut grant.project.lock(), &seen.id).filter(|_| role) {
            Some(row) => {
                row.tag = seen.tag;
                Ok(self.show(call, row))
            }
            None => Ok(answer),
        }
    }

    async fn delete_apart(&self, call: &Call, grant: &Grant) -> Answered {
        let seen = call.id().ok().filter(|id| find(&mut grant.project.lock(), id).is_some());
        let Some(id) = seen.filter(|_| self.has(Fault::RACE_DELETE_TWICE)) else {
            return self.operate(call, grant);
        };
        tokio::time::sleep(GAP).await;
        if find(&mut grant.project.lock(), &id).is_none() {
            return Ok(Answer::no_content());
        }
        self.operate(call, grant)
    }

    /// Every other row of the page is read later.
    async fn list_apart(&self, call: &Call, grant: &Grant) -> Answered {
        let mut early = self.operate(call, grant)?;
        if !self.has(Fault::RACE_LIST_IN_TWO) {
            return Ok(early);
        }
        tokio::time::sleep(GAP).await;
        let late = self.operate(call, grant)?;
        let late_rows = late.body.as_ref().and_then(|body| body["data"].as_array()).cloned().unwrap_or_default();
        let rows = early.body.as_mut().and_then(|body| body["data"].as_array_mut());
        for (place, row) in rows.into_iter().flatten().enumerate().filter(|(place, _)| place % 2 == 1) {
            if let Some(late) = late_rows.get(place).filter(|late| late["id"] == row["id"]) {
                row.clone_from(late);
            }
        }
        Ok(early)
    }
}

fn crash() -> Answered {
    Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown_error", "Something went wrong."))
}

/// The regular offering with this id.
fn find<'p>(project: &'p mut Project, id: &str) -> Option<&'p mut Offering> {
    project.offerings.iter_mut().find(|row| row.id == id && row.is_regular())
}

fn demote_others(project: &mut Project, id: &str) {
    let now = project.ticker.tick();
    for row in project.offerings.iter_mut().filter(|row| row.is_main() && row.id != id) {
        row.tag = Some(0);
        row.updated_at = now;
    }
}
