//! `/v4/offerings/{offering_id}`: get, update, delete and set-main.

use http::StatusCode;

use super::Desk;
use crate::reference::answer::Refusal;
use crate::reference::fault::Fault;
use crate::reference::project::Project;
use crate::reference::step::Reply;
use crate::reference::validate;

impl Desk<'_> {
    /// GET.
    pub(super) fn read(&self, project: &mut Project, other: &Project) -> Result<Reply, Refusal> {
        let id = self.id()?;
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
        let id = self.id()?;
        let body = self.call.body()?;
        let change = self.syntax().change(&body);
        let updated = match change {
            Ok(change) => project.update(&id, &change)?,
            Err(refusal) => project.spoil_change(&id, refusal)?,
        };
        Ok(Reply::Offering(updated))
    }

    /// DELETE.
    pub(super) fn delete(&self, project: &mut Project) -> Result<Reply, Refusal> {
        project.delete(&self.id()?)?;
        Ok(Reply::Nothing)
    }

    /// POST to set-main: the body, if any, is not looked at.
    pub(super) fn set_main(&self, project: &mut Project) -> Result<Reply, Refusal> {
        let id = self.id().inspect_err(|_| project.spoil_malformed_promotion())?;
        Ok(Reply::Offering(project.set_main(&id)?))
    }

    /// What a promotion got before under its idempotency key.
    pub(super) fn replayed_promotion(&self, project: &mut Project) -> Result<Option<Reply>, Refusal> {
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
        let id = (self.config.clean_id[self.call.operation as usize])(&self.call.id()?);
        validate::offering_id(&self.without_wildcards(&id))?;
        Ok(id)
    }
}
