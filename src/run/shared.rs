//! A project that must be left as it was, while cases play on it one after the other.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::clean::{self, Home};
use super::confirm;
use super::drive::{Driver, Played};
use super::execute::{CaseOutcome, play_case};
use super::plan::{Plan, Planned};
use super::preflight::Preflight;
use super::settings::Scope;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::finding::Ending;
use crate::lane::{Halt, Lane};
use crate::offerings::Naming;
use crate::offerings::scenario::Effect;

/// After so many cases in a row that the world kept from ending, the target is given up.
const MOST_FAILURES_IN_A_ROW: usize = 3;

/// A project that must be left as it was, while cases play on it.
pub(super) struct Shared<'d, 'a> {
    driver: &'d Driver<'a>,
    lane: Lane,
    home: Home,
    /// The main that cases find and leave: the project's own, or an offering of ours.
    anchor: Option<String>,
    wrote: BTreeSet<KeyRole>,
    notes: Vec<String>,
    left: Vec<String>,
}

impl<'d, 'a> Shared<'d, 'a> {
    pub(super) fn new(driver: &'d Driver<'a>, ready: Preflight) -> Self {
        let anchor = ready.home.mains.get(&KeyRole::Main).cloned().flatten();
        Self {
            driver,
            lane: ready.lane,
            home: ready.home,
            anchor,
            wrote: BTreeSet::new(),
            notes: ready.notes,
            left: Vec::new(),
        }
    }

    pub(super) async fn play_all(&mut self, plan: &Plan) -> (Played, Ending) {
        let driver = self.driver;
        let mut played: Played = Vec::new();
        let mut failures = 0;
        let mut effect = Effect::Reads;
        for (index, case) in plan.cases.iter().copied().enumerate() {
            if case.scenario.effect != effect {
                effect = case.scenario.effect;
                self.set_anchor(effect).await;
            }
            let outcome = tokio::select! {
                outcome = self.play(case) => outcome,
                () = driver.cancel.cancelled() => return (played, Ending::Interrupted),
            };
            driver.tell(case, &outcome, self.lane.client.traffic());
            failures = if matches!(outcome.halt, Some(Halt::World(_))) { failures + 1 } else { 0 };
            let stop = driver.reason_to_stop(&outcome);
            let world = outcome.halt.as_ref().map(ToString::to_string);
            played.push((index, outcome, self.lane.client.keys().clone()));
            if let Some(reason) = stop {
                return (played, Ending::Stopped(reason));
            }
            if failures >= MOST_FAILURES_IN_A_ROW {
                return (played, Ending::GaveUp(world.unwrap_or_default()));
            }
        }
        (played, Ending::Complete)
    }

    /// Cases need a main that they may look at; those that promote need one that is ours, so that the project's own
    /// main gives up its place once and gets it back once.
    async fn set_anchor(&mut self, effect: Effect) {
        let wanted = match effect {
            Effect::Reads => false,
            Effect::Writes => self.anchor.is_none(),
            Effect::Promotes => true,
        };
        let id = format!("{}anchor", Naming::run_prefix(self.driver.settings.seed));
        if !wanted || self.anchor.as_ref() == Some(&id) {
            return;
        }
        self.wrote.insert(KeyRole::Main);
        let create = Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let promote = Request::to(Endpoint::SetMain).id(&id);
        for request in [create, promote] {
            // Whether this works is what the scenarios find out; without an anchor they work all the same.
            match self.lane.client.send(request).await {
                Ok(exchange) if exchange.answer.is_success() => {}
                _ => return,
            }
        }
        self.anchor = Some(id);
    }

    /// Plays a case and puts the project back as it was before.
    async fn play(&mut self, case: Planned) -> CaseOutcome {
        let seed = self.driver.settings.seed;
        let wrote = Mutex::new(BTreeSet::new());
        let this = &*self;
        let outcome = confirm::play_confirmed(self.driver.settings.confirmation, |attempt| {
            let wrote = &wrote;
            async move {
                let report = play_case(case, this.lane.clone(), seed, attempt).await;
                let prefix = Naming::new(seed, case.scenario.rule, attempt);
                for role in &report.wrote {
                    let main = if *role == KeyRole::Main {
                        this.anchor.as_deref()
                    } else {
                        this.home.mains.get(role).and_then(Option::as_deref)
                    };
                    // What cannot be cleaned now is tried again at the end, and reported then.
                    let _ = clean::clean(&this.lane, *role, main, prefix.case_prefix()).await;
                }
                wrote.lock().unwrap_or_else(PoisonError::into_inner).extend(report.wrote.iter().copied());
                report
            }
        })
        .await;
        self.wrote.extend(wrote.into_inner().unwrap_or_else(PoisonError::into_inner));
        outcome
    }

    /// Removes whatever is left of the run and puts the project's own main back.
    /// Gives notes for the reader, and what could not be put back.
    pub(super) async fn leave(mut self) -> (Vec<String>, Vec<String>) {
        let prefix = Naming::run_prefix(self.driver.settings.seed);
        for (role, main) in &self.home.mains {
            if !self.wrote.contains(role) && self.driver.settings.scope == Scope::ReadOnly {
                continue;
            }
            match clean::clean(&self.lane, *role, main.as_deref(), &prefix).await {
                Ok(cleaned) => {
                    if let Some(main) = cleaned.restored {
                        self.notes.push(format!("`{main}` is main again, as before the run"));
                    }
                    if cleaned.removed > 0 {
                        self.notes.push(format!("{} offerings of the run were removed at its end", cleaned.removed));
                    }
                    self.left.extend(cleaned.left);
                }
                Err(halt) => self.left.push(format!("everything that starts with {prefix} ({halt})")),
            }
        }
        (self.notes, self.left)
    }
}
