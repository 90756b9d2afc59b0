//! A project that must be left as it was, while cases play on it one after the other.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;

use super::case::Case;
use super::case_script::CaseScript;
use super::clean::{self, Undo};
use super::confirm;
use super::drive::{Driver, Played};
use super::execute::{play_case, play_course, run_race};
use super::journal::{Journal, ProjectRole};
use super::plan::Plan;
use super::preflight::Preflight;
use super::settings::Scope;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, TransportError};
use crate::finding::{Abort, CaseResult, Ending, Listed};
use crate::offerings::scenario::Effect;
use crate::offerings::sequence::Watch;
use crate::offerings::{Context, Naming};
use crate::project::Project;

/// After so many cases in a row that the world kept from ending, the target is given up.
const MAX_FAILURES_IN_A_ROW: usize = 3;

/// The case that prepares and restores the project.
pub const ANCHOR: &str = "anchor";

/// A case before and after which the same is sent.
pub const ANCHORED: &str = "scenario::set-main.promotes";

/// How long a write whose response was lost is expected to take to arrive.
const MAX_WRITE_DELAY: Duration = Duration::from_secs(1);

/// A project that must be left as it was, while cases play on it.
pub(super) struct SharedProject<'d, 'a> {
    driver: &'d Driver<'a>,
    project: Project,
    journal: Arc<Journal>,
    /// The main that cases find and leave: the project's own, or an offering of ours.
    anchor: Option<String>,
    /// The main that the run found.
    main: Option<String>,
    notes: Vec<String>,
}

impl<'d, 'a> SharedProject<'d, 'a> {
    pub(super) fn new(driver: &'d Driver<'a>, ready: Preflight, journal: Arc<Journal>) -> Self {
        let anchor = ready.home.main(KeyRole::Main).map(str::to_owned);
        Self { driver, project: ready.project, journal, main: anchor.clone(), anchor, notes: ready.notes }
    }

    pub(super) async fn play_all(&mut self, plan: &Plan) -> (Played, Ending) {
        let driver = self.driver;
        let mut played = Played::default();
        let mut failures = 0;
        let mut effect = Effect::Reads;
        for (index, case) in plan.cases.iter().enumerate() {
            if case.effect() != effect {
                effect = case.effect();
                if let Some(result) = self.set_anchor(effect).await {
                    // Without an anchor the cases work all the same.
                    played.add_unplanned(index, ANCHOR, result, self.project.client.keys());
                }
            }
            let (outcome, refused) = tokio::select! {
                outcome = self.play(case) => outcome,
                ending = driver.told_to_stop() => return (played, ending),
            };
            driver.tell(case, &outcome, self.project.client.traffic());
            failures = match &outcome.abort {
                // Nothing gets past these, whatever case comes next.
                Some(Abort::World(TransportError::Throttled { .. } | TransportError::Unrecorded { .. })) => {
                    MAX_FAILURES_IN_A_ROW
                }
                Some(Abort::World(_)) => failures + 1,
                _ => 0,
            };
            let stop = driver.reason_to_stop(&outcome);
            let world = outcome.abort.as_ref().map(ToString::to_string);
            played.add(index, case.name(), outcome, self.project.client.keys());
            if let Some(reason) = refused {
                return (played, Ending::GaveUp(reason));
            }
            if let Some(reason) = stop {
                return (played, Ending::Stopped(reason));
            }
            if failures >= MAX_FAILURES_IN_A_ROW {
                return (played, Ending::GaveUp(world.unwrap_or_default()));
            }
        }
        (played, Ending::Complete)
    }

    /// Cases need a main that they may look at; those that promote need one that is ours, so that the project's own
    /// main gives up its place once and gets it back once.
    async fn set_anchor(&mut self, effect: Effect) -> Option<CaseResult> {
        let wanted = match effect {
            Effect::Reads => false,
            Effect::Writes => self.anchor.is_none(),
            // Histories of a run that keeps the main promote nothing.
            Effect::Promotes => self.anchor.is_none() || self.driver.settings.scope == Scope::Full,
        };
        let naming = self.driver.settings.naming(ANCHOR, 0);
        let id = format!("{}main", naming.case_prefix());
        if !wanted || self.anchor.as_ref() == Some(&id) {
            return None;
        }
        let create = Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let promote = Request::to(Endpoint::SetMain).id(&id);
        let result = self.send_judged(naming, |_| vec![create, promote]).await;
        if result.abort.is_none() {
            self.anchor = Some(id);
        }
        Some(result)
    }

    /// Makes the project's own main main again and removes ours. What does not work is tried once more by
    /// [`Self::leave`], which says what is left.
    pub(super) async fn restore(&mut self) -> Option<CaseResult> {
        let naming = self.driver.settings.naming(ANCHOR, 0);
        let id = self.anchor.take_if(|anchor| anchor.starts_with(naming.case_prefix()))?;
        let main = self.main.clone();
        let requests = |cx: &Context| {
            // A main that another client promoted meanwhile stays.
            let main = main.filter(|main| cx.state().main() == Some(&id) && cx.find(main).is_some());
            let promote = main.map(|main| Request::to(Endpoint::SetMain).id(&main));
            promote.into_iter().chain([Request::to(Endpoint::Delete).id(&id)]).collect()
        };
        Some(self.send_judged(naming, requests).await)
    }

    /// Sends what prepares or restores the project, judged like the requests of a case, up to the first that fails.
    async fn send_judged(&self, naming: Naming, requests: impl FnOnce(&Context) -> Vec<Request>) -> CaseResult {
        let mut cx = match Context::open(self.project.clone().for_case(ANCHOR), naming).await {
            Ok(cx) => cx,
            Err(result) => return result,
        };
        let mut flow = Ok(());
        for request in requests(&cx) {
            flow = match cx.send(request).await {
                Ok(exchange) if exchange.response.is_success() => cx.look().await.map(drop),
                Ok(exchange) => {
                    Err(Abort::Blocked(format!("{} returned {}", exchange.name(), exchange.response.summary())))
                }
                Err(abort) => Err(abort),
            };
            if flow.is_err() {
                break;
            }
        }
        cx.leave(flow).await
    }

    /// Plays a case and puts the project back as it was before. Says too if the target refuses the key from now on.
    async fn play(&self, case: &Case) -> (CaseResult, Option<String>) {
        let settings = self.driver.settings;
        if let Some(race) = case.race() {
            let result = run_race(race, &case.mark(), self.project.clone(), settings).await;
            self.undo(&result.wrote, &settings.naming(&case.mark(), 0), None).await;
            return (result, None);
        }
        let refused = OnceLock::new();
        let outcome = confirm::play_confirmed(settings.confirmation, self.driver.contract.rules(), |attempt| {
            let refused = &refused;
            async move {
                let mut result = play_case(case, self.project.clone(), settings, attempt).await;
                if (!result.failures.is_empty() || result.abort.is_some())
                    && let Some(reason) = self.key_refused().await
                {
                    for failure in std::mem::take(&mut result.failures) {
                        result.undecided.insert(failure.rule, reason.clone());
                    }
                    result.abort = Some(Abort::Blocked(reason.clone()));
                    let _ = refused.set(reason);
                    return result;
                }
                let naming = settings.naming(&case.mark(), attempt);
                self.undo(&result.wrote, &naming, result.after.take()).await;
                result
            }
        })
        .await;
        (outcome, refused.into_inner())
    }

    /// Plays something in place of what a case played, and puts the project back as it was before.
    pub(super) async fn play_course(&self, case: &Case, script: CaseScript, watch: Watch, attempt: u32) -> CaseResult {
        let project = self.project.clone().for_case(&case.name());
        let naming = self.driver.settings.naming(&case.mark(), attempt);
        let mut result = play_course(&script, project, naming.clone(), watch).await;
        self.undo(&result.wrote, &naming, result.after.take()).await;
        result
    }

    /// What a case plays here.
    pub(super) fn script(&self, case: &Case) -> CaseScript {
        CaseScript::of(case, &self.project, self.driver.settings)
    }

    /// `after` is what the main project holds, where the case has just read it.
    async fn undo(&self, wrote: &BTreeSet<KeyRole>, naming: &Naming, mut after: Option<Vec<Listed>>) {
        for role in wrote {
            let undo = self.undo_case(*role, naming.case_prefix());
            let holds = after.take_if(|_| *role == KeyRole::Main);
            // What cannot be cleaned now is tried again at the end, and reported then.
            let _ = clean::clean(&self.project, *role, &undo, holds).await;
        }
    }

    /// A key that was taken at first can be revoked: what is refused after that is not the server's fault.
    async fn key_refused(&self) -> Option<String> {
        let probe = Request::to(Endpoint::List).query("limit", "1");
        let exchange = self.project.client.send(probe).await.ok()?;
        let response = &exchange.response;
        matches!(response.status, 401 | 403)
            .then(|| format!("the target accepted the key at first and now refuses it with {}", response.summary()))
    }

    /// What a case leaves: everything of its prefix, and strays; the main that it found is main again.
    fn undo_case(&self, role: KeyRole, prefix: &str) -> Undo {
        let mut undo = self.journal.trace().map(|trace| trace.undo(ProjectRole::of(role))).unwrap_or_default();
        undo.noted.retain(|id| id.starts_with(prefix));
        prefix.clone_into(&mut undo.prefix);
        if role == KeyRole::Main {
            undo.main.clone_from(&self.anchor);
        }
        undo
    }

    /// Removes whatever is left of the run and puts the project's own main back.
    /// Gives notes for the reader, and what could not be put back.
    pub(super) async fn leave(mut self) -> (Vec<String>, Vec<String>) {
        let done = leave(&self.project, &self.journal).await;
        self.notes.extend(done.0);
        (self.notes, done.1)
    }
}

/// Undoes what the journal says, and removes it when nothing is left to be undone.
pub(super) async fn leave(project: &Project, journal: &Journal) -> (Vec<String>, Vec<String>) {
    let (mut notes, mut left) = (Vec::new(), Vec::new());
    // Nothing can have been written before it begins.
    if journal.trace().is_none() {
        return (notes, left);
    }
    project.client.settled().await;
    if project.client.traffic().lost() > 0 {
        // A write whose response was lost may still be on its way.
        tokio::time::sleep(MAX_WRITE_DELAY.min(project.client.transport().settings().timeout)).await;
    }
    let Some(trace) = journal.trace() else { return (notes, left) };
    for &owner in trace.head.projects.keys() {
        let cleaned = clean::clean_up(project, owner.role(), &trace.undo(owner)).await;
        if let Some(main) = cleaned.restored {
            notes.push(format!("`{main}` is main again, as before the run"));
        }
        match cleaned.removed {
            0 => {}
            1 => notes.push("one offering of the run was removed at its end".into()),
            many => notes.push(format!("{many} offerings of the run were removed at its end")),
        }
        for main in cleaned.undeletable {
            notes.push(format!("the server does not delete a main offering: it kept {main}, which the run created"));
        }
        left.extend(cleaned.left);
    }
    if left.is_empty() {
        // A journal that stays says of nothing that it is left: cleaning by it does no harm.
        let _ = journal.remove();
    } else {
        notes.push(format!(
            "`qonform clean` tries again to remove what is left: {} says what",
            journal.path().display()
        ));
    }
    (notes, left)
}
