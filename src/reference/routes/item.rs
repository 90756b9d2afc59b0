//! `/v4/offerings/{offering_id}`: get, update, delete and set-main.

use http::StatusCode;
use serde_json::{Value, json};

use super::Desk;
use crate::reference::answer::{Answer, Refusal};
use crate::reference::behaviour::Behaviour;
use crate::reference::fault::Fault;

impl Desk<'_> {
    /// GET.
    pub(super) fn read(&self) -> Result<Answer, Refusal> {
        let id = match self.id() {
            Err(_) if self.faulty(Fault::GET_ID_CUT) => self.call.id()?.chars().take(64).collect(),
            id => id?,
        };
        let read = self.call.enter(self.project).read(&id);
        match read {
            Err(missing) if self.faulty(Fault::OTHER_PROJECT_403) && self.neighbour.lock().position(&id).is_some() => {
                Err(Refusal { status: StatusCode::FORBIDDEN, code: "control_forbidden", ..missing })
            }
            read => Ok(Answer::json(StatusCode::OK, self.view().offering(&read?))),
        }
    }

    /// PATCH.
    pub(super) fn update(&self) -> Result<Answer, Refusal> {
        let id = match self.id() {
            Err(_) if self.faulty(Fault::UPDATE_ID_CUT) => self.call.id()?.chars().take(64).collect(),
            id => id?,
        };
        let body = self.update_body()?;
        let change = self.syntax().change(&body);
        let mut project = self.call.enter(self.project);
        let updated = match change {
            Ok(change) => project.update(&id, &change)?,
            Err(refusal) => project.spoil_change(self.syntax(), &id, &body, refusal)?,
        };
        Ok(Answer::json(StatusCode::OK, self.view().offering(&updated)))
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
    pub(super) fn delete(&self) -> Result<Answer, Refusal> {
        match self.id() {
            Err(_) if self.faulty(Fault::DELETE_ID_INVALID_204) => {}
            id => self.call.enter(self.project).delete(&id?)?,
        }
        Ok(Answer::no_content())
    }

    /// POST to set-main: the body, if any, is not looked at.
    pub(super) fn set_main(&self) -> Result<Answer, Refusal> {
        if self.switches.behaves(Behaviour::SetMainBody400) && self.call.bytes().is_ok_and(|body| !body.is_empty()) {
            return Err(Refusal::malformed("This operation takes no body."));
        }
        let id = self.id().inspect_err(|_| self.project.lock().spoil_malformed_promotion())?;
        let mut project = self.call.enter(self.project);
        let writes = project.history.writes;
        if let Some(before) = project.replays.find(self.call, self.switches, writes)? {
            if self.faulty(Fault::SET_MAIN_KEY_409) {
                let message = "This idempotency key was used before.";
                return Err(Refusal::new(StatusCode::CONFLICT, "already_exists", message));
            }
            project.spoil_replayed_promotion(&id);
            let now = project.position(&id).filter(|_| self.faulty(Fault::SET_MAIN_REPLAYS_STATE));
            let now = now.map(|index| Answer::json(StatusCode::OK, self.view().offering(&project.offerings[index])));
            return Ok(now.unwrap_or(before.answer));
        }
        let promoted = project.set_main(&id)?;
        let answer = Answer::json(StatusCode::OK, self.view().offering(&promoted));
        let writes = project.history.writes;
        project.replays.keep(self.call, &answer, self.switches, writes);
        Ok(answer)
    }

    /// The offering id of the path, its syntax judged.
    fn id(&self) -> Result<String, Refusal> {
        let judged = self.call.id().and_then(|id| {
            let wrong = self.syntax().offering_id("offering_id", &id).err();
            wrong.map_or(Ok(id), |wrong| Err(Refusal::invalid(vec![wrong])))
        });
        let deleting = self.call.operation == crate::reference::call::Operation::Delete;
        judged.map_err(|refusal| {
            if !deleting && self.switches.behaves(Behaviour::InvalidId404) { Refusal::not_found() } else { refusal }
        })
    }
}
