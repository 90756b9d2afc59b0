//! `/v4/offerings/{offering_id}`: get, update, delete and set-main.

use http::StatusCode;
use serde_json::{Value, json};

use super::Desk;
use crate::reference::answer::Refusal;
use crate::reference::behaviour::Behaviour;
use crate::reference::call::Operation;
use crate::reference::fault::Fault;
use crate::reference::project::Project;
use crate::reference::step::Reply;

impl Desk<'_> {
    /// GET.
    pub(super) fn read(&self, project: &mut Project, other: &Project) -> Result<Reply, Refusal> {
        let id = match self.id() {
            Err(_) if self.faulty(Fault::GET_ID_CUT) => self.call.id()?.chars().take(64).collect(),
            id => id?,
        };
        let read = project.read(&id);
        match read {
            Err(missing) if self.faulty(Fault::OTHER_PROJECT_403) && other.position(&id).is_some() => {
                Err(Refusal { status: StatusCode::FORBIDDEN, code: "control_forbidden", ..missing })
            }
            read => Ok(Reply::Offering(read?)),
        }
    }

    /// PATCH.
    pub(super) fn update(&self, project: &mut Project) -> Result<Reply, Refusal> {
        let id = match self.id() {
            Err(_) if self.faulty(Fault::UPDATE_ID_CUT) => self.call.id()?.chars().take(64).collect(),
            id => id?,
        };
        let body = self.update_body()?;
        let change = self.syntax().change(&body);
        let updated = match change {
            Ok(change) => project.update(&id, &change)?,
            Err(refusal) => project.spoil_change(self.syntax(), &id, &body, refusal)?,
        };
        Ok(Reply::Offering(updated))
    }

    /// The body, as faulty servers read it too.
    fn update_body(&self) -> Result<Value, Refusal> {
        match self.call.json() {
            Err(refusal)
                if refusal.status == StatusCode::BAD_REQUEST && self.faulty(Fault::UPDATE_BODY_BROKEN_IGNORED) =>
            {
                Ok(json!({}))
            }
            Ok(Value::Array(_)) if self.faulty(Fault::UPDATE_BODY_ARRAY_IGNORED) => Ok(json!({})),
            Ok(Value::String(_)) if self.faulty(Fault::UPDATE_BODY_STRING_IGNORED) => Ok(json!({})),
            body => body,
        }
    }

    /// DELETE.
    pub(super) fn delete(&self, project: &mut Project) -> Result<Reply, Refusal> {
        match self.id() {
            Err(_) if self.faulty(Fault::DELETE_ID_INVALID_204) => {}
            id => project.delete(&id?)?,
        }
        Ok(Reply::Nothing)
    }

    /// POST to set-main: the body, if any, is not looked at.
    pub(super) fn set_main(&self, project: &mut Project) -> Result<Reply, Refusal> {
        let id = self.id().inspect_err(|_| project.spoil_malformed_promotion())?;
        Ok(Reply::Offering(project.set_main(&id)?))
    }

    /// What a promotion got before under its idempotency key.
    pub(super) fn replayed_promotion(&self, project: &mut Project) -> Result<Option<Reply>, Refusal> {
        if self.switches.behaves(Behaviour::SetMainBody400) && self.call.bytes().is_ok_and(|body| !body.is_empty()) {
            return Err(Refusal::malformed("This operation takes no body."));
        }
        let Ok(id) = self.id() else { return Ok(None) };
        let writes = project.history.writes;
        let Some(before) = project.replays.find(self.call, self.switches, writes)? else { return Ok(None) };
        if self.faulty(Fault::SET_MAIN_KEY_409) {
            let message = "This idempotency key was used before.";
            return Err(Refusal::new(StatusCode::CONFLICT, "already_exists", message));
        }
        project.spoil_replayed_promotion(&id);
        let now = project.position(&id).filter(|_| self.faulty(Fault::SET_MAIN_REPLAYS_STATE));
        Ok(Some(Reply::Offering(now.map_or(before.offering, |index| project.offerings[index].clone()))))
    }

    /// The offering id of the path, its syntax judged.
    fn id(&self) -> Result<String, Refusal> {
        let judged = self.call.id().and_then(|id| {
            let wrong = self.syntax().offering_id("offering_id", &self.without_wildcards(&id)).err();
            wrong.map_or(Ok(id), |wrong| Err(Refusal::invalid(vec![wrong])))
        });
        let deleting = self.call.operation == Operation::Delete;
        judged.map_err(|refusal| {
            if !deleting && self.switches.behaves(Behaviour::InvalidId404) { Refusal::not_found() } else { refusal }
        })
    }
}
