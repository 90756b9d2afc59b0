//! What each operation does with a request.

use crate::reference::call::{Call, Operation};
use crate::reference::config::{Config, Used};
use crate::reference::page::Window;
use crate::reference::project::Project;
use crate::reference::server_response::{Refusal, ServerResponse};
use crate::reference::step::Reply;
use crate::reference::validate::{self, Syntax};
use crate::reference::view::View;

/// Where one request is worked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handler<'a> {
    pub(super) config: &'a Config,
    pub(super) call: &'a Call,
}

impl Handler<'_> {
    /// Works on the request; says besides whether its reply is one that was kept before.
    pub(super) fn reply(&self, project: &mut Project) -> Result<(Reply, bool), Refusal> {
        if let Some(refusal) = self.config.call_checks.iter().find_map(|check| check(self.call)) {
            return Err(refusal);
        }
        let kept = match self.call.operation {
            Operation::Create => self.kept_create(project)?,
            Operation::SetMain => self.kept_promotion(project)?,
            Operation::List | Operation::Get | Operation::Update | Operation::Delete => None,
        };
        if let Some(kept) = kept {
            return Ok((kept, true));
        }
        let reply = match self.call.operation {
            Operation::List => Reply::Page(project.page(&self.window()?)),
            Operation::Create => Reply::Created(project.create(&self.syntax().draft(&self.call.body()?)?)?),
            Operation::Get => Reply::Offering(project.read(&self.id()?)?),
            Operation::Update => {
                let (id, body) = (self.id()?, self.call.body()?);
                Reply::Offering(project.update(&id, &self.syntax().change(&body)?)?)
            }
            Operation::Delete => {
                project.delete(&self.id()?)?;
                Reply::Nothing
            }
            Operation::SetMain => Reply::Offering(project.set_main(&self.id()?)?),
        };
        Ok((reply, false))
    }

    /// The reply as status, headers and body.
    pub(super) fn response(&self, reply: &Reply) -> ServerResponse {
        let view = View { config: self.config, operation: self.call.operation };
        view.response(reply)
    }

    fn syntax(&self) -> Syntax<'_> {
        Syntax { config: self.config }
    }

    /// The offering id of the path, its syntax judged.
    fn id(&self) -> Result<String, Refusal> {
        let id = (self.config.clean_id[self.call.operation as usize])(&self.call.id()?);
        validate::offering_id(&self.without_wildcards(&id))?;
        Ok(id)
    }

    /// An id with a character of the contract for each that this server admits besides.
    fn without_wildcards(&self, id: &str) -> String {
        let admitted = self.config.wildcards[self.call.operation as usize];
        id.replace(|letter| admitted.contains(letter), "_")
    }

    /// What the query of a list asks for.
    fn window(&self) -> Result<Window, Refusal> {
        let (limit, after) = (self.call.query("limit")?, self.call.query("starting_after")?);
        let plain = after.as_deref().map(|after| self.without_wildcards(after));
        let cursor = plain.map_or(Ok(()), |after| self.syntax().cursor(&after));
        match (self.syntax().limit(limit.as_deref()), cursor) {
            (Ok(limit), Ok(())) => Ok(Window { limit, after }),
            (limit, cursor) => Err(Refusal::invalid(limit.err().into_iter().chain(cursor.err()).collect())),
        }
    }

    /// What a create got before under its idempotency key.
    fn kept_create(&self, project: &Project) -> Result<Option<Reply>, Refusal> {
        self.syntax().draft(&self.call.body()?)?;
        let Some(kept) = project.replays.find(self.call, self.config)? else { return Ok(None) };
        let exists = project.offerings.iter().any(|row| row.number == kept.number);
        match self.config.used_key {
            Used::Forgotten if !exists => Ok(None),
            Used::Rejected(status, code) if !exists => {
                Err(Refusal::new(status, code, "The offering that this idempotency key made was deleted."))
            }
            Used::Replayed | Used::Forgotten | Used::Rejected(..) => Ok(Some(Reply::Created(kept))),
        }
    }

    /// What a promotion got before under its idempotency key.
    fn kept_promotion(&self, project: &Project) -> Result<Option<Reply>, Refusal> {
        self.id()?;
        Ok(project.replays.find(self.call, self.config)?.map(Reply::Offering))
    }
}
