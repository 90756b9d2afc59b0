//! Runs a sequence: sends its steps and decides when to read the state. The context judges the responses.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bindings::Bindings;
use super::step::{OfferingRef, Step};
use crate::contract::{Endpoint, Level, RuleScope};
use crate::exchange::{KeyRole, Request};
use crate::finding::CaseResult;
use crate::offerings::oracle::{Call, Reply};
use crate::offerings::snapshot::page;
use crate::offerings::{Context, Naming};
use crate::project::{Abort, Project};

/// The number of steps after which every offering of the sequence is read.
const WHOLE_EVERY: usize = 10;

/// The maximum number of pages of one walk: a longer list is read in larger pages.
const MAX_PAGES: usize = 10;

/// When the state of the project is read. Every response is judged in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotPolicy {
    /// After every write.
    EveryStep,
    /// After the last step only: a third of the requests, for sequences that are known to fail there.
    LastStep,
}

/// Runs a sequence on a project and reads the state after every write.
pub async fn run_case(project: Project, naming: Naming, steps: &[Step]) -> CaseResult {
    run_with_snapshots(project, naming, steps, SnapshotPolicy::EveryStep).await
}

/// Runs a sequence on a project and reads the state as `snapshots` requires.
pub async fn run_with_snapshots(
    project: Project,
    naming: Naming,
    steps: &[Step],
    snapshots: SnapshotPolicy,
) -> CaseResult {
    let mut sent = 0;
    let mut result = match Context::open(project, naming).await {
        Ok(mut cx) => {
            let result = run_steps(&mut cx, steps, snapshots, &mut sent).await;
            cx.close(result).await
        }
        Err(result) => result,
    };
    result.attribute(&(0..sent.max(1)));
    result
}

/// Runs a sequence in a context, to its end or to its first violation.
///
/// # Errors
/// [`Abort`] with the reason why the sequence could not be completed.
pub async fn run(cx: &mut Context, steps: &[Step]) -> Result<(), Abort> {
    run_steps(cx, steps, SnapshotPolicy::EveryStep, &mut 0).await
}

/// Sets `sent` to the number of steps that were started.
async fn run_steps(cx: &mut Context, steps: &[Step], snapshots: SnapshotPolicy, sent: &mut usize) -> Result<(), Abort> {
    cx.record().attribute(&(0..1));
    let bindings = Bindings::of(cx, steps).await?;
    let mut runner = SequenceRunner { cx, bindings, used: BTreeSet::new(), takes_snapshot: true };
    for (number, step) in steps.iter().enumerate() {
        *sent = number + 1;
        let known = runner.cx.record().failures.len();
        let is_last = number + 1 == steps.len();
        runner.takes_snapshot = snapshots == SnapshotPolicy::EveryStep || is_last;
        let mut result = runner.step(step).await;
        let is_due = is_last || runner.takes_snapshot && (number + 1) % WHOLE_EVERY == 0;
        if result.is_ok() && is_due && !runner.is_over(known) {
            result = runner.read_all().await;
        }
        // Any earlier step can be a cause.
        runner.cx.record().attribute(&(0..number + 1));
        result?;
        if runner.is_over(known) {
            break;
        }
    }
    Ok(())
}

struct SequenceRunner<'c> {
    cx: &'c mut Context,
    bindings: Bindings,
    /// The projects and ids of the offerings of the sequence that its writes named.
    used: BTreeSet<(KeyRole, String)>,
    /// Whether the state is read after this step.
    takes_snapshot: bool,
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
        if !self.takes_snapshot {
            return Ok(());
        }
        let is_there = |cx: &Context, id: &str| cx.oracle_state(role).is_some_and(|state| state.find(id).is_some());
        let is_readable =
            step.offering() != Some(OfferingRef::OffCharset) && step.offering() != Some(OfferingRef::TooLong);
        let mut ids = Vec::new();
        if is_readable && (exchange.response.is_success() || is_there(self.cx, &call.id)) {
            ids.push(call.id.clone());
        }
        let is_promotion = call.endpoint == Endpoint::SetMain && exchange.response.is_success();
        if let Some(former) = main.filter(|main| is_promotion && *main != call.id && is_there(self.cx, main)) {
            ids.push(former);
        }
        let gets = ids.iter().map(|id| Request::to(Endpoint::Get).id(id).key(role)).collect();
        self.cx.read_project_with(role, gets).await
    }

    /// Reads the list page by page; the context compares each page with the order of one large page.
    async fn walk(&mut self, role: KeyRole, limit: usize) -> Result<(), Abort> {
        self.cx.read_other_project(role).await?;
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

    /// Reads every offering of the sequence, including deleted ones.
    async fn read_all(&mut self) -> Result<(), Abort> {
        let gets: Vec<_> = self.used.iter().map(|(role, id)| Request::to(Endpoint::Get).id(id).key(*role)).collect();
        self.cx.send_all(&gets).await.map(drop)
    }

    /// Whether a must rule was violated since the record had `known` failures, except rules of every response: later
    /// failures would mostly follow from it.
    fn is_over(&mut self, known: usize) -> bool {
        let contract = Arc::clone(self.cx.project().judge.contract());
        self.cx.record().failures[known..].iter().any(|failure| {
            contract.rules().rule(failure.rule).is_some_and(|rule| {
                rule.scope != RuleScope::Response && failure.level.unwrap_or(rule.level) == Level::Must
            })
        })
    }
}
