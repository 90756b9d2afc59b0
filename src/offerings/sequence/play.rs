//! A history on a stage: each answer held against the model, each write against what the project shows after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cast::Cast;
use super::step::{Step, Who};
use super::walk;
use crate::contract::{Endpoint, Level};
use crate::exchange::{Exchange, KeyRole, Request};
use crate::finding::CaseResult;
use crate::lane::{Lane, Snapshot};
use crate::offerings::model::{Call, Sent, Verdict};
use crate::offerings::scenario::Flow;
use crate::offerings::{Naming, Stage};

/// The whole state is looked at after so many steps.
const WHOLE_EVERY: usize = 10;

/// Whether a rule is of every answer, whatever asked for it.
fn is_general(rule: &str) -> bool {
    rule.starts_with("response.") || rule.starts_with("offering.")
}

/// When the project is looked at. Every answer is held against the model in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// After every write.
    EveryStep,
    /// After the last step: for histories that are known to fail there, at a third of the requests.
    LastStep,
}

/// Plays a history on a lane.
pub async fn play_case(lane: Lane, naming: Naming, steps: &[Step]) -> CaseResult {
    play_watching(lane, naming, steps, Watch::EveryStep).await
}

/// Plays a history on a lane and looks at the project when `watch` says.
pub async fn play_watching(lane: Lane, naming: Naming, steps: &[Step], watch: Watch) -> CaseResult {
    let mut result = match Stage::open(lane, naming).await {
        Ok(mut stage) => {
            let flow = play_steps(&mut stage, steps, watch).await;
            stage.close(flow).await
        }
        Err(result) => result,
    };
    result.attribute(&(0..steps.len().max(1)));
    result
}

/// Plays a history on a stage, to its end or to its first violation.
///
/// # Errors
/// [`Halt`](crate::lane::Halt) says why it did not come to its end.
pub async fn play(stage: &mut Stage, steps: &[Step]) -> Flow {
    play_steps(stage, steps, Watch::EveryStep).await
}

async fn play_steps(stage: &mut Stage, steps: &[Step], watch: Watch) -> Flow {
    stage.record().attribute(&(0..1));
    let cast = Cast::of(stage, steps).await?;
    let mut player = Player { stage, cast, used: BTreeSet::new(), deletes_main: None, watches: true };
    for (number, step) in steps.iter().enumerate() {
        let known = player.stage.record().failures.len();
        let is_last = number + 1 == steps.len();
        player.watches = watch == Watch::EveryStep || is_last;
        let mut flow = player.step(step).await;
        let is_due = is_last || (player.watches && (number + 1) % WHOLE_EVERY == 0);
        if flow.is_ok() && is_due && !player.is_over(known) {
            flow = player.whole().await;
        }
        // Of a history, anything before can have to do with it.
        player.stage.record().attribute(&(0..number + 1));
        flow?;
        if player.is_over(known) {
            break;
        }
    }
    Ok(())
}

/// Claims or notes what the model says of an answer; whether it is right.
pub(super) fn hold(stage: &mut Stage, at: &Arc<Exchange>, verdict: Option<&Verdict>) -> bool {
    match verdict {
        None => true,
        Some(Verdict::Right(right)) => {
            for rule in &right.rules {
                stage.record().checked(rule);
            }
            for choice in &right.choices {
                stage.observe(choice.rule, choice.what.clone());
            }
            true
        }
        Some(Verdict::Wrong(fault)) => {
            let (documented, received) = (fault.documented.clone(), fault.received.clone());
            stage.claim(fault.rule, at).fails(fault.title.clone(), documented, received);
            false
        }
    }
}

struct Player<'s> {
    stage: &'s mut Stage,
    cast: Cast,
    /// Ids of the history that were asked for.
    used: BTreeSet<String>,
    /// What the server did when the main was deleted for the first time.
    deletes_main: Option<&'static str>,
    /// Whether the project is looked at after this step.
    watches: bool,
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Flow {
        let Some(request) = self.cast.request(self.stage, step) else {
            return match step {
                Step::Walk { limit } => walk::walk(self.stage, *limit).await,
                _ => Ok(()),
            };
        };
        let main = self.stage.state().main().map(str::to_owned);
        let (exchange, verdict) = self.stage.send_judged(request).await?;
        self.stage.tell(&exchange);
        hold(self.stage, &exchange, verdict.as_ref());
        let Some(call) = Call::read(&exchange.request, KeyRole::Main) else { return Ok(()) };
        if *step == (Step::Get { who: Who::Elsewhere }) && self.stage.state().find(&call.id).is_none() {
            let what = "a get of an offering of another project";
            self.stage.claim("auth.project-isolation", &exchange).refused(404, &["not_found"], what);
        }
        if call.is_write() && call.id.starts_with(&self.stage.id("")) {
            self.used.insert(call.id.clone());
        }
        if !call.is_write() {
            // What looks like a fault may be somebody else's doing: the list shows it.
            return if matches!(verdict, Some(Verdict::Wrong(_))) {
                self.stage.verify().await.map(drop)
            } else {
                Ok(())
            };
        }
        if !self.watches {
            return Ok(());
        }
        let is_replay = matches!(&verdict, Some(Verdict::Right(right)) if right.rules.contains(&REPLAY));
        let is_gone = call.endpoint == Endpoint::Delete && exchange.answer.is_success();
        if exchange.answer.is_success() || self.stage.state().find(&call.id).is_some() {
            let again = self.stage.state().world().lives(&call.id) > 1;
            let rule = specific(&call, &exchange, again).filter(|_| !is_replay);
            self.probe(&call.id, rule).await?;
        }
        if call.endpoint == Endpoint::SetMain
            && exchange.answer.is_success()
            && let Some(main) = main.as_ref().filter(|main| **main != call.id && self.stage.state().is_ours(main))
        {
            let rule = if is_replay { REPLAY } else { "set-main.demotes-previous" };
            self.probe(main, Some(rule)).await?;
        }
        let snapshot = self.stage.verify().await?;
        self.hold_list(&call, &exchange, &snapshot);
        if call.endpoint == Endpoint::Delete && main.as_ref() == Some(&call.id) {
            self.note_main_deletion(is_gone, &snapshot);
        }
        Ok(())
    }

    /// Gets an offering and holds it against the model; what is wrong breaks `rule` as well.
    async fn probe(&mut self, id: &str, rule: Option<&'static str>) -> Flow {
        let request = Request::to(Endpoint::Get).id(id);
        let (got, verdict) = self.stage.send_judged(request).await?;
        hold(self.stage, &got, verdict.as_ref());
        let Some(rule) = rule else { return Ok(()) };
        match &verdict {
            Some(Verdict::Wrong(fault)) if fault.rule != rule => {
                let title = format!("a get right after it shows otherwise: {}", fault.title);
                let (documented, received) = (fault.documented.clone(), fault.received.clone());
                self.stage.claim(rule, &got).fails(title, documented, received);
            }
            _ => self.stage.record().checked(rule),
        }
        if rule == "set-main.demotes-previous" {
            let tag = got.answer.json().and_then(|body| body.get("tag")).cloned().unwrap_or_default();
            let holds = tag != serde_json::Value::Null || !got.answer.is_success();
            let title = "the previous main offering does not read 0";
            self.stage.claim("set-main.previous-is-zero", &got).holds(holds, title, "tag 0", "tag null");
        }
        Ok(())
    }

    /// What a list right after a write must show of its offering.
    fn hold_list(&mut self, call: &Call, at: &Arc<Exchange>, snapshot: &Snapshot) {
        if !at.answer.is_success() || !self.used.contains(&call.id) {
            return;
        }
        let is_listed = snapshot.find(&call.id).is_some();
        match call.endpoint {
            Endpoint::Create if at.answer.status == 201 && call.key.is_none() => {
                let title = "the list does not have a created offering";
                let documented = format!("`{}` once", call.id);
                self.stage.claim("create.readable", at).holds(is_listed, title, documented, "nothing of it");
            }
            Endpoint::Delete => {
                let title = "a deleted offering is still listed";
                let documented = format!("no `{}`", call.id);
                self.stage.claim("delete.removes", at).holds(!is_listed, title, documented, "it is listed");
            }
            _ => {}
        }
    }

    /// What became of the main's place; a server chooses once and for all.
    fn note_main_deletion(&mut self, is_gone: bool, snapshot: &Snapshot) {
        const RULE: &str = "delete.main";
        let choice = if !is_gone {
            "deleting the main offering is refused"
        } else if snapshot.offerings.is_empty() {
            return; // Nobody is left who could be main.
        } else if snapshot.mains().is_empty() {
            "deleting the main offering leaves none"
        } else {
            "deleting the main offering makes another main at once"
        };
        self.stage.observe(RULE, choice);
        if *self.deletes_main.get_or_insert(choice) != choice {
            let operation = Endpoint::Delete.operation_id();
            self.stage.record().drift(operation, "does not do the same each time that the main offering is deleted");
        }
    }

    /// Looks at every offering of the history, those too that are gone.
    async fn whole(&mut self) -> Flow {
        for id in self.used.clone() {
            self.probe(&id, None).await?;
        }
        Ok(())
    }

    /// Whether a rule of level must was broken since the record had `known` failures, apart from those of every answer:
    /// what comes after it would mostly follow from it.
    fn is_over(&mut self, known: usize) -> bool {
        let rules = Arc::clone(self.stage.lane().judge.contract());
        self.stage.record().failures[known..].iter().any(|failure| {
            let level = rules.rules().rule(failure.rule).map(|rule| rule.level);
            !is_general(failure.rule) && level == Some(Level::Must)
        })
    }
}

const REPLAY: &str = "set-main.idempotency-replay";

/// The rule that promises that a get after a successful write shows what was written.
fn specific(call: &Call, exchange: &Exchange, is_recreated: bool) -> Option<&'static str> {
    if !exchange.answer.is_success() {
        return None;
    }
    match call.endpoint {
        Endpoint::Create if is_recreated => Some("delete.recreate"),
        Endpoint::Create => Some("create.readable"),
        Endpoint::Update if call.body.products == Sent::Absent => Some("update.partial"),
        Endpoint::Update => Some("update.replaces-products"),
        Endpoint::SetMain => Some("set-main.promotes"),
        Endpoint::List | Endpoint::Get | Endpoint::Delete => None,
    }
}
