//! `/v4/offerings`: list and create.

use http::StatusCode;

use super::Desk;
use crate::reference::answer::{Detail, Refusal};
use crate::reference::behaviour::Behaviour;
use crate::reference::config::Used;
use crate::reference::fault::Fault;
use crate::reference::idempotency::Kept;
use crate::reference::page::Window;
use crate::reference::project::Project;
use crate::reference::step::Reply;
use crate::reference::validate::Draft;

impl Desk<'_> {
    /// GET: one page.
    pub(super) fn list(&self, project: &mut Project, other: &Project) -> Result<Reply, Refusal> {
        let window = self.window()?;
        let neighbours = if self.faulty(Fault::OTHER_PROJECT_LISTED) { other.listed() } else { Vec::new() };
        let mut page = project.page(&window, &neighbours);
        if page.restarted {
            self.refuse_restart()?;
            page.restarted = project.admits_restart(&window);
        }
        Ok(Reply::Page(page))
    }

    /// What faulty servers answer instead of a restarted list.
    fn refuse_restart(&self) -> Result<(), Refusal> {
        if self.faulty(Fault::CURSOR_UNKNOWN_404) {
            return Err(Refusal::not_found());
        }
        if self.faulty(Fault::CURSOR_UNKNOWN_400) {
            return Err(Refusal::invalid(vec![Detail::new("starting_after", "names no offering")]));
        }
        Ok(())
    }

    /// What the query asks for.
    fn window(&self) -> Result<Window, Refusal> {
        let (limit, after) = (self.call.query("limit")?, self.call.query("starting_after")?);
        let plain = after.as_deref().map(|after| self.without_wildcards(after));
        let cursor = plain.map_or(Ok(()), |after| self.syntax().cursor(&after));
        match (self.syntax().limit(limit.as_deref()), cursor) {
            (Ok(limit), Ok(())) => Ok(Window { limit, after }),
            (limit, cursor) => Err(Refusal::invalid(limit.err().into_iter().chain(cursor.err()).collect())),
        }
    }

    /// POST: a new offering.
    pub(super) fn create(&self, project: &mut Project, other: &Project) -> Result<Reply, Refusal> {
        let body = self.call.body()?;
        let draft = self.syntax().draft(&body);
        self.taken_elsewhere(other, draft.as_ref().ok())?;
        let retried =
            self.faulty(Fault::KEY_OF_REFUSED_CREATE) && project.replays.was_refused(self.call, self.switches);
        let before = retried.then(|| project.offerings.clone());
        let result = match draft {
            Ok(draft) => project.create(&draft),
            Err(refusal) => project.spoil_draft(self.syntax(), &body, refusal),
        };
        let made = result.inspect_err(|_| {
            project.replays.refuse(self.call, self.switches);
            project.spoil_refused_create();
        })?;
        if let Some(before) = before {
            project.offerings = before;
        }
        Ok(Reply::Created(made))
    }

    /// What a create got before under its idempotency key.
    pub(super) fn replayed_create(&self, project: &mut Project, other: &Project) -> Result<Option<Reply>, Refusal> {
        let body = self.call.body()?;
        let draft = self.syntax().draft(&body);
        let elsewhere = self.elsewhere(other, draft.as_ref().ok())?;
        let writes = project.history.writes;
        let unseen = self.faulty(Fault::RACE_IDEMPOTENCY)
            && self
                .call
                .stale
                .as_ref()
                .is_some_and(|stale| draft.as_ref().is_ok_and(|draft| !stale.iter().any(|row| row.id == draft.id)));
        let kept = if unseen { None } else { project.replays.find(self.call, self.switches, writes)?.or(elsewhere) };
        let (Some(kept), Ok(draft)) = (kept, &draft) else { return Ok(None) };
        let mut offering = kept.offering;
        let exists = project.offerings.iter().any(|row| row.number == offering.number);
        match self.config.used_key {
            Used::Forgotten if !exists => return Ok(None),
            Used::Rejected(status, code) if !exists => {
                return Err(Refusal::new(status, code, "The offering that this idempotency key made was deleted."));
            }
            Used::Replayed | Used::Forgotten | Used::Rejected(..) => {}
        }
        if self.switches.behaves(Behaviour::ReplayCurrent)
            && let Some(index) = project.position(&offering.id)
        {
            offering.clone_from(&project.offerings[index]);
        }
        if self.faulty(Fault::CREATE_REPLAYS_LAST)
            && let Some(last) = project.offerings.last()
        {
            offering.clone_from(last);
        }
        if self.faulty(Fault::CREATE_KEY_DUPLICATES) {
            let mut id: String = draft.id.chars().take(62).collect();
            id.push_str("-1");
            if let Ok(twin) = project.create_rightly(&Draft { id, ..draft.clone() }) {
                offering = twin;
            }
        }
        let replay_200 = self.switches.behaves(Behaviour::Replay200);
        Ok(Some(if replay_200 { Reply::Offering(offering) } else { Reply::Created(offering) }))
    }

    /// What a faulty server finds in another project: that the id is taken.
    fn taken_elsewhere(&self, other: &Project, draft: Option<&Draft>) -> Result<(), Refusal> {
        let taken = |draft: &Draft| other.position(&draft.id).is_some();
        if self.faulty(Fault::OTHER_PROJECT_IDS_TAKEN) && draft.is_some_and(taken) {
            let message = "An offering with this id already exists.";
            return Err(Refusal::new(StatusCode::CONFLICT, "offering_already_exists", message));
        }
        Ok(())
    }

    /// Likewise: what the key was used for.
    fn elsewhere(&self, other: &Project, draft: Option<&Draft>) -> Result<Option<Kept>, Refusal> {
        self.taken_elsewhere(other, draft)?;
        let (replays, refuses) =
            (self.faulty(Fault::CREATE_KEY_ACROSS_PROJECTS), self.faulty(Fault::CREATE_KEY_ACROSS_PROJECTS_409));
        if !(replays || refuses) {
            return Ok(None);
        }
        let kept = other.replays.find(self.call, self.switches, 0)?;
        if refuses && kept.is_some() {
            let message = "This idempotency key was used before.";
            return Err(Refusal::new(StatusCode::CONFLICT, "offering_already_exists", message));
        }
        Ok(kept)
    }
}
