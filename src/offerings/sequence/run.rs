//! Runs a sequence: sends its steps, and decides when the project is looked at. The context judges what comes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bindings::{Bindings, page};
use super::step::{OfferingRef, Step};
use crate::contract::{Endpoint, Level, RuleScope};
use crate::exchange::{KeyRole, Request};
use crate::finding::CaseResult;
use crate::offerings::oracle::{Call, Reply};
use crate::offerings::{Context, Naming};
use crate::project::{Abort, Project};

/// Every offering of the sequence is read after so many steps.
const WHOLE_EVERY: usize = 10;

/// The most pages of one walk: a longer list is walked by larger ones.
const MAX_PAGES: usize = 10;

/// When the project is looked at. Every response is judged in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// After every write.
    EveryStep,
    /// After the last step: for sequences that are known to fail there, at a third of the requests.
    LastStep,
}

/// Runs a sequence on a project.
pub async fn run_case(project: Project, naming: Naming, steps: &[Step]) -> CaseResult {
    run_watching(project, naming, steps, Watch::EveryStep).await
}

/// Runs a sequence on a project and looks at the project when `watch` says.
pub async fn run_watching(project: Project, naming: Naming, steps: &[Step], watch: Watch) -> CaseResult {
    let mut sent = 0;
    let mut result = match Context::open(project, naming).await {
        Ok(mut cx) => {
            let flow = run_steps(&mut cx, steps, watch, &mut sent).await;
            cx.close(flow).await
        }
        Err(result) => result,
    };
    result.attribute(&(0..sent.max(1)));
    result
}

/// Runs a sequence in a context, to its end or to its first violation.
///
/// # Errors
/// [`Abort`] says why it did not come to its end.
pub async fn run(cx: &mut Context, steps: &[Step]) -> Result<(), Abort> {
    run_steps(cx, steps, Watch::EveryStep, &mut 0).await
}

/// Counts in `sent` the steps that were begun.
async fn run_steps(cx: &mut Context, steps: &[Step], watch: Watch, sent: &mut usize) -> Result<(), Abort> {
    cx.record().attribute(&(0..1));
    let bindings = Bindings::of(cx, steps).await?;
    let mut runner = SequenceRunner { cx, bindings, used: BTreeSet::new(), watches: true };
    for (number, step) in steps.iter().enumerate() {
        *sent = number + 1;
        let known = runner.cx.record().failures.len();
        let is_last = number + 1 == steps.len();
        runner.watches = watch == Watch::EveryStep || is_last;
        let mut flow = runner.step(step).await;
        let is_due = is_last || runner.watches && (number + 1) % WHOLE_EVERY == 0;
        if flow.is_ok() && is_due && !runner.is_over(known) {
            flow = runner.read_all().await;
        }
        // Of a sequence, anything before can have to do with it.
        runner.cx.record().attribute(&(0..number + 1));
        flow?;
        if runner.is_over(known) {
            break;
        }
    }
    Ok(())
}

struct SequenceRunner<'c> {
    cx: &'c mut Context,
    bindings: Bindings,
    /// Projects and ids of the sequence's own offerings that were named.
    used: BTreeSet<(KeyRole, String)>,
    /// Whether the project is looked at after this step.
    watches: bool,
}

impl SequenceRunner<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), Abort> {
        let role = step.role();
        if let Step::Walk { limit } = step.inner() {
            return self.walk(role, usize::from(*limit)).await;
        }
        let Some(request) = self.bindings.request(self.cx, step) else { return Ok(()) };
        let main = self.cx.oracle_state(role).and_then(|state| state.main()).map(str::to_owned);
        let exchange = self.cx.send(request).await?;
        let Some(call) = Call::read(&exchange.request).filter(Call::is_write) else { return Ok(()) };
        if call.id.starts_with(&self.cx.id("")) {
            self.used.insert((role, call.id.clone()));
        }
        if !self.watches {
            return Ok(());
        }
        self.cx.look_in(role).await?;
        let is_there = |cx: &Context, id: &str| cx.oracle_state(role).is_some_and(|state| state.find(id).is_some());
        let is_readable = step.who() != Some(OfferingRef::OffCharset) && step.who() != Some(OfferingRef::TooLong);
        if is_readable && (exchange.response.is_success() || is_there(self.cx, &call.id)) {
            self.get(role, &call.id).await?;
        }
        let is_promotion = call.endpoint == Endpoint::SetMain && exchange.response.is_success();
        if let Some(former) = main.filter(|main| is_promotion && *main != call.id && is_there(self.cx, main)) {
            self.get(role, &former).await?;
        }
        Ok(())
    }

    async fn get(&mut self, role: KeyRole, id: &str) -> Result<(), Abort> {
        self.cx.send(Request::to(Endpoint::Get).id(id).key(role)).await.map(drop)
    }

    /// Reads the list by pages; the context compares each with the order of one large page.
    async fn walk(&mut self, role: KeyRole, limit: usize) -> Result<(), Abort> {
        self.cx.look_in(role).await?;
        let listed = self.cx.oracle_state(role).map_or(0, |state| state.world().offerings().count());
        let limit = limit.max(listed.div_ceil(MAX_PAGES)).clamp(1, 100);
        let mut last: Option<String> = None;
        for _ in 0..listed / limit + 2 {
            let sent = self.cx.send(page(Some(limit), last.as_deref()).key(role)).await?;
            let reply = Reply::read(&sent.response);
            let Some(page) = reply.page().filter(|page| page.has_more == Some(true)) else { break };
            let Some(id) = page.ids().last().filter(|id| last.as_deref() != Some(*id)) else { break };
            last = Some(id.to_owned());
        }
        Ok(())
    }

    /// Reads every offering of the sequence, also those that are deleted.
    async fn read_all(&mut self) -> Result<(), Abort> {
        for (role, id) in self.used.clone() {
            self.get(role, &id).await?;
        }
        Ok(())
    }

    /// Whether a rule of level must was violated since the record had `known` failures, apart from those of every
    /// response: what comes after it would mostly follow from it.
    fn is_over(&mut self, known: usize) -> bool {
        let contract = Arc::clone(self.cx.project().judge.contract());
        self.cx.record().failures[known..].iter().any(|failure| {
            contract.rules().rule(failure.rule).is_some_and(|rule| {
                rule.scope != RuleScope::Response && failure.level.unwrap_or(rule.level) == Level::Must
            })
        })
    }
}
