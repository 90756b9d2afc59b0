//! The cases written by hand, one file per operation or theme.
//!
//! A scenario is named after the rule that it is mainly about; the other rules that it exercises stand beside it. It
//! works in a project that holds anything: it relies on nothing but what it created itself.
//! To add one: write the function, add its line to the file's `ALL`, and name a fault that it must catch.

mod auth;
mod create;
mod delete;
mod get;
mod idempotency;
mod invariant;
mod list;
mod products;
mod response;
mod set_main;
mod update;

use std::future::Future;
use std::pin::Pin;

use crate::contract::Need;
use crate::project::Abort;

use super::Context;

/// How far a scenario goes on its own: a scenario ends well, or it is halted.
pub type ScriptResult = Result<(), Abort>;

/// What a scenario does to the project while it runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Effect {
    /// Sends only requests that change nothing on a right server, without a body: GETs.
    Reads,
    /// Creates, changes and deletes offerings of its own.
    Writes,
    /// Makes offerings of its own main for a while.
    Promotes,
}

/// A case written by hand.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The rule that it is mainly about; its name.
    pub rule: &'static str,
    /// The other rules that it is there to check. (Whatever it sends is held against `response.*`, `offering.*` and the
    /// invariants besides.)
    pub also: &'static [&'static str],
    /// What it does to the project.
    pub effect: Effect,
    /// What it cannot do without.
    pub needs: &'static [Need],
    run: ScenarioScript,
}

type ScenarioScript = for<'s> fn(&'s mut Context) -> Pin<Box<dyn Future<Output = ScriptResult> + Send + 's>>;

impl Scenario {
    /// Plays it.
    ///
    /// # Errors
    /// [`Abort`] says why it did not come to its end.
    pub async fn play(&self, cx: &mut Context) -> ScriptResult {
        (self.run)(cx).await
    }

    /// Its name as a case: `scenario::create.echo`.
    pub fn name(&self) -> String {
        format!("scenario::{}", self.rule)
    }

    /// The rules it is there to check, its own first.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.rule).chain(self.also.iter().copied())
    }
}

/// One line of an `ALL`: `scenario!("create.echo", Writes, [Product], echo)`, with `also: […]` before the function where
/// it checks more rules than its own.
macro_rules! scenario {
    ($rule:literal, $effect:ident, [$($need:ident),*], $run:path) => {
        scenario!($rule, $effect, [$($need),*], also: [], $run)
    };
    ($rule:literal, $effect:ident, [$($need:ident),*], also: [$($also:literal),*], $run:path) => {
        $crate::offerings::scenario::Scenario {
            rule: $rule,
            also: &[$($also),*],
            effect: $crate::offerings::scenario::Effect::$effect,
            needs: &[$($crate::contract::Need::$need),*],
            run: |cx| Box::pin($run(cx)),
        }
    };
}
use scenario;

/// Every scenario, in the order of the catalogue's areas.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [
        response::ALL,
        auth::ALL,
        list::ALL,
        create::ALL,
        products::CREATE,
        idempotency::ALL,
        get::ALL,
        update::ALL,
        products::UPDATE,
        delete::ALL,
        set_main::ALL,
        invariant::ALL,
    ]
    .into_iter()
    .flatten()
}
