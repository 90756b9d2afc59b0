//! Requests that are not worked on in one step: they look, let time pass with the project open to all, and act on what
//! they saw. For a client alone none of them is wrong.

use std::pin::Pin;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use super::answer::{Answer, Refusal};
use super::call::{Call, Operation};
use super::crowd::Turn;
use super::project::Project;
use super::routes::App;
use super::store::Grant;

/// The time between looking and acting.
const GAP: Duration = Duration::from_millis(3);

type Answered = Result<Answer, Refusal>;

/// How an operation is worked on.
pub(super) type Interleaving = for<'a> fn(Interleaved<'a>) -> Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;

/// A request that may be made and that others may overtake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interleaved<'a> {
    pub(super) app: &'a App,
    pub(super) call: &'a Call,
    pub(super) grant: &'a Grant,
}

impl Interleaved<'_> {
    fn work(self) -> Answered {
        self.app.operate(self.call, self.grant)
    }

    /// The project stands in a variable of the process from authentication on.
    pub(super) async fn in_current_project(self) -> Answered {
        let process = || self.grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        process().current = Some((self.grant.project.clone(), self.grant.neighbour.clone()));
        tokio::time::sleep(GAP).await;
        let current = process().current.clone();
        let Some((project, neighbour)) = current else { return self.work() };
        self.app.operate(self.call, &Grant { project, neighbour, ..self.grant.clone() })
    }

    /// The response stands in a variable of the process until it is sent.
    pub(super) async fn through_shared_page(self) -> Answered {
        let process = || self.grant.process.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = self.work()?;
        process().page = Some(answer.clone());
        tokio::time::sleep(GAP).await;
        let latest = process().page.clone();
        Ok(latest.unwrap_or(answer))
    }

    /// Creates; a create that meets another one with its idempotency key has something done to its response.
    pub(super) async fn second_of_key(self, spoil: fn(&mut Project, &Call, &mut Answer)) -> Answered {
        if self.call.idempotency_key().is_none() {
            return self.work();
        }
        let turn = Turn::begin(self.call, &self.grant.project);
        let second = turn.meets(|other| other.operation == Operation::Create && other.key == turn.key);
        tokio::time::sleep(if second { 2 * GAP } else { GAP }).await;
        let mut answer = self.work()?;
        if second {
            spoil(&mut self.grant.project.lock(), self.call, &mut answer);
        }
        Ok(answer)
    }
}

/// The row is there and its products are not yet.
pub(super) fn without_products(_: &mut Project, _: &Call, answer: &mut Answer) {
    if let Some(body) = &mut answer.body {
        body["product_ids"] = json!([]);
    }
}

/// Another row is made, with a number after its id.
pub(super) fn under_another_id(project: &mut Project, _: &Call, answer: &mut Answer) {
    let Some(body) = &mut answer.body else { return };
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    let Some(mut twin) = project.row(&id).cloned() else { return };
    project.made += 1;
    twin.number = project.made;
    twin.id = format!("{}-1", id.chars().take(62).collect::<String>());
    twin.tag = None;
    body["id"] = twin.id.clone().into();
    body["url"] = format!("/v4/offerings/{}", twin.id).into();
    project.offerings.push(twin);
}
