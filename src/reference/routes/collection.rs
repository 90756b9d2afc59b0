//! `/v4/offerings`: list and create.

use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::Desk;
use crate::reference::answer::{Answer, Detail, Refusal};
use crate::reference::behaviour::Behaviour;
use crate::reference::fault::Fault;
use crate::reference::idempotency::Kept;
use crate::reference::offering::Offering;
use crate::reference::page::Window;
use crate::reference::project::Project;
use crate::reference::validate::Draft;

impl Desk<'_> {
    /// GET: one page.
    pub(super) fn list(&self) -> Result<Answer, Refusal> {
        let window = self.window()?;
        let neighbours = if self.faulty(Fault::OTHER_PROJECT_LISTED) {
            self.neighbour.lock().offerings.iter().filter(|row| row.is_regular()).cloned().collect()
        } else {
            Vec::new()
        };
        let mut project = self.call.enter(self.project);
        let page = project.page(&window, &neighbours);
        let admitted = !page.restarted || project.admits_restart(&window);
        drop(project);
        if page.restarted {
            self.refuse_restart()?;
        }
        let answer = Answer::json(StatusCode::OK, self.view().list(&page));
        let value = if self.faulty(Fault::CURSOR_UNKNOWN_HEADER_VALUE) { "1" } else { "true" };
        Ok(if page.restarted && admitted {
            answer.with_header("x-qon-pagination-restarted", HeaderValue::from_static(value))
        } else {
            answer
        })
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
        if self.switches.behaves(Behaviour::UnknownQuery400)
            && let Some(name) = self.call.undocumented_parameter()
        {
            return Err(Refusal::malformed(format!("The query parameter `{name}` is not known.")));
        }
        let (limit, after) = (self.call.query("limit")?, self.call.query("starting_after")?);
        let cursor = after.as_deref().map_or(Ok(()), |after| self.syntax().cursor(after));
        match (self.syntax().limit(limit.as_deref()), cursor) {
            (Ok(limit), Ok(())) => Ok(Window { limit, after }),
            (limit, cursor) => Err(Refusal::invalid(limit.err().into_iter().chain(cursor.err()).collect())),
        }
    }

    /// POST: a new offering, or the answer that this idempotency key got before.
    pub(super) fn create(&self) -> Result<Answer, Refusal> {
        let body = self.create_body()?;
        let draft = self.syntax().draft(&body);
        let elsewhere = self.elsewhere(draft.as_ref().ok())?;
        let mut project = self.call.enter(self.project);
        let writes = project.history.writes;
        let unseen = self.faulty(Fault::RACE_IDEMPOTENCY)
            && self
                .call
                .stale
                .as_ref()
                .is_some_and(|stale| draft.as_ref().is_ok_and(|draft| !stale.iter().any(|row| row.id == draft.id)));
        let kept = if unseen { None } else { project.replays.find(self.call, self.switches, writes)?.or(elsewhere) };
        if let (Some(kept), Ok(draft)) = (kept, &draft) {
            return Ok(self.replayed(&mut project, kept, draft));
        }
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
        let answer = Answer::json(StatusCode::CREATED, self.shown_as_sent(&made, &body));
        let writes = project.history.writes;
        project.replays.keep(self.call, &answer, self.switches, writes);
        Ok(answer)
    }

    /// What a faulty server finds in another project: that the id is taken, or what the key was used for.
    fn elsewhere(&self, draft: Option<&Draft>) -> Result<Option<Kept>, Refusal> {
        let taken = |draft: &Draft| self.neighbour.lock().position(&draft.id).is_some();
        if self.faulty(Fault::OTHER_PROJECT_IDS_TAKEN) && draft.is_some_and(taken) {
            let message = "An offering with this id already exists.";
            return Err(Refusal::new(StatusCode::CONFLICT, "offering_already_exists", message));
        }
        let (replays, refuses) =
            (self.faulty(Fault::CREATE_KEY_ACROSS_PROJECTS), self.faulty(Fault::CREATE_KEY_ACROSS_PROJECTS_409));
        if !(replays || refuses) {
            return Ok(None);
        }
        let kept = self.neighbour.lock().replays.find(self.call, self.switches, 0)?;
        if refuses && kept.is_some() {
            let message = "This idempotency key was used before.";
            return Err(Refusal::new(StatusCode::CONFLICT, "offering_already_exists", message));
        }
        Ok(kept)
    }

    /// The answer to a create that was made before.
    fn replayed(&self, project: &mut Project, kept: Kept, draft: &Draft) -> Answer {
        let mut answer = kept.answer;
        let current = answer.body.as_ref().and_then(|body| project.position(body["id"].as_str()?));
        if let Some(index) = current.filter(|_| self.switches.behaves(Behaviour::ReplayCurrent)) {
            answer.body = Some(self.view().offering(&project.offerings[index]));
        }
        if self.switches.behaves(Behaviour::Replay200) {
            answer.status = StatusCode::OK;
        }
        if self.faulty(Fault::CREATE_REPLAYS_LAST)
            && let Some(last) = project.offerings.last()
        {
            answer.body = Some(self.view().offering(last));
        }
        if self.faulty(Fault::CREATE_KEY_DUPLICATES) {
            let mut id: String = draft.id.chars().take(62).collect();
            id.push_str("-1");
            if let Ok(twin) = project.create_rightly(&Draft { id, ..draft.clone() }) {
                answer.body = Some(self.view().offering(&twin));
            }
        }
        answer
    }

    /// The body, as faulty servers read it too.
    fn create_body(&self) -> Result<Value, Refusal> {
        let body = match self.call.json() {
            Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => self.mended_body().ok_or(refusal)?,
            body => body?,
        };
        Ok(match body {
            Value::Array(list) if self.faulty(Fault::CREATE_BODY_ARRAY_UNWRAPPED) => {
                list.into_iter().find(Value::is_object).unwrap_or_default()
            }
            Value::String(text) if self.faulty(Fault::CREATE_BODY_STRING_PARSED) => {
                serde_json::from_str(&text).unwrap_or_default()
            }
            body => body,
        })
    }

    /// What faulty servers make of broken JSON.
    fn mended_body(&self) -> Option<Value> {
        let text = std::str::from_utf8(self.call.bytes().ok()?).ok()?;
        if self.faulty(Fault::CREATE_BODY_GARBAGE_AFTER) {
            return serde_json::Deserializer::from_str(text).into_iter().next()?.ok();
        }
        if !self.faulty(Fault::CREATE_BODY_REPAIRED) {
            return None;
        }
        let closings = ["}", "\"}", "null}", "]}"];
        let text = text.trim_end().trim_end_matches(',');
        closings.into_iter().find_map(|closing| serde_json::from_str(&format!("{text}{closing}")).ok())
    }

    /// The new offering, with the read-only fields that a faulty server takes from the body.
    fn shown_as_sent(&self, made: &Offering, body: &Value) -> Value {
        let mut shown = self.view().offering(made);
        for (fault, name) in [(Fault::CREATE_URL_TAKEN, "url"), (Fault::CREATE_OBJECT_TAKEN, "object")] {
            if let Some(sent) = body.get(name).filter(|_| self.faulty(fault)) {
                shown[name] = sent.clone();
            }
        }
        shown
    }
}
