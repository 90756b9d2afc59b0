//! The hand-written cases, one file per operation or topic.
//!
//! A scenario has the name of the rule that it mainly checks and lists the other rules that it covers. It works in any
//! project, because it relies only on offerings that it creates itself.
//! To add one, write the function, add its line to the `ALL` of the file, and name a fault that it must catch.

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
#[cfg(test)]
mod tests;
mod update;

use std::future::Future;
use std::pin::Pin;

use crate::contract::Need;
use crate::project::Abort;

use super::Context;

/// The result of a scenario: completed or aborted. Failures go to the record of the context.
pub type ScriptResult = Result<(), Abort>;

/// What a scenario does to the project while it runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Effect {
    /// Sends only GET requests, which change nothing on a correct server.
    Reads,
    /// Creates, changes and deletes its own offerings, and depends on no other: it may run beside others of its kind.
    Writes,
    /// As [`Self::Writes`], but depends on the whole project, as the pages of a list do.
    WritesAlone,
    /// Sends promotions that must be rejected, and concerns no other offering: it may run beside others of its kind.
    MayPromote,
    /// Promotes its own offerings; the cleanup restores the main offering.
    Promotes,
}

/// A hand-written case.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The rule that it mainly checks, which is its name.
    pub rule: &'static str,
    /// The other rules that it covers. (Every exchange is also checked against `response.*`, `offering.*` and the
    /// invariants.)
    pub also: &'static [&'static str],
    /// Its effect on the project.
    pub effect: Effect,
    /// What it needs from the target.
    pub needs: &'static [Need],
    script: ScenarioScript,
}

type ScenarioScript = for<'s> fn(&'s mut Context) -> Pin<Box<dyn Future<Output = ScriptResult> + Send + 's>>;

impl Scenario {
    /// Runs the scenario.
    ///
    /// # Errors
    /// [`Abort`] with the reason why the scenario could not be completed.
    pub async fn run(&self, cx: &mut Context) -> ScriptResult {
        (self.script)(cx).await
    }

    /// Its name as a case: `scenario::create.echo`.
    pub fn name(&self) -> String {
        format!("scenario::{}", self.rule)
    }

    /// The rules that it covers, its own first.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.rule).chain(self.also.iter().copied())
    }
}

/// One line of an `ALL`: `scenario!("create.echo", Writes, [Product], echo)`, with `also: […]` before the function if
/// it covers other rules.
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
            script: |cx| Box::pin($run(cx)),
        }
    };
}
use scenario;

/// All scenarios, in the order of the areas of the catalogue.
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
