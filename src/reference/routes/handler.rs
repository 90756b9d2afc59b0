//! The six operations.

use crate::reference::call::{Call, Operation};
use crate::reference::config::{Config, DeletedKey};
use crate::reference::page::Window;
use crate::reference::project::Project;
use crate::reference::server_response::{ApiError, ServerResponse};
use crate::reference::step::Reply;
use crate::reference::validate::{self, Syntax};
use crate::reference::view::View;

/// Processes one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handler<'a> {
    pub(super) config: &'a Config,
    pub(super) call: &'a Call,
}

impl Handler<'_> {
    /// Processes the request; also returns whether the reply is a replay.
    pub(super) fn reply(&self, project: &mut Project) -> Result<(Reply, bool), ApiError> {
        if let Some(error) = self.config.call_checks.iter().find_map(|check| check(self.call)) {
            return Err(error);
        }
        let kept = match self.call.operation {
            Operation::Create => self.replayed_create(project)?,
            Operation::SetMain => self.replayed_promotion(project)?,
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

    /// The offering id of the path, validated.
    fn id(&self) -> Result<String, ApiError> {
        let id = (self.config.clean_id[self.call.operation as usize])(&self.call.id()?);
        validate::offering_id(&self.without_wildcards(&id))?;
        Ok(id)
    }

    /// An id with each additionally allowed character replaced by an ordinary one.
    fn without_wildcards(&self, id: &str) -> String {
        let admitted = self.config.wildcards[self.call.operation as usize];
        id.replace(|letter| admitted.contains(letter), "_")
    }

    /// Limit and cursor of a list request.
    fn window(&self) -> Result<Window, ApiError> {
        let (limit, after) = (self.call.query("limit")?, self.call.query("starting_after")?);
        let plain = after.as_deref().map(|after| self.without_wildcards(after));
        let cursor = plain.map_or(Ok(()), |after| self.syntax().cursor(&after));
        match (self.syntax().limit(limit.as_deref()), cursor) {
            (Ok(limit), Ok(())) => Ok(Window { limit, after }),
            (limit, cursor) => Err(ApiError::invalid(limit.err().into_iter().chain(cursor.err()).collect())),
        }
    }

    /// The earlier response to the idempotency key of a create.
    fn replayed_create(&self, project: &Project) -> Result<Option<Reply>, ApiError> {
        self.syntax().draft(&self.call.body()?)?;
        let Some(kept) = project.replays.find(self.call, self.config)? else { return Ok(None) };
        let exists = project.offerings.iter().any(|row| row.number == kept.number);
        match self.config.deleted_key {
            DeletedKey::Forgotten if !exists => Ok(None),
            DeletedKey::Rejected(status, code) if !exists => {
                Err(ApiError::new(status, code, "The offering of this idempotency key was deleted."))
            }
            DeletedKey::Replayed | DeletedKey::Forgotten | DeletedKey::Rejected(..) => Ok(Some(Reply::Created(kept))),
        }
    }

    /// The earlier response to the idempotency key of a promotion.
    fn replayed_promotion(&self, project: &Project) -> Result<Option<Reply>, ApiError> {
        self.id()?;
        Ok(project.replays.find(self.call, self.config)?.map(Reply::Offering))
    }
}
