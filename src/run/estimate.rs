//! Estimates the number of requests of a run: runs its plan on the embedded server, in a project like that of the
//! target, and counts.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::confirm::MAX_RUNS;
use super::drive::run;
use super::error::RunError;
use super::external::MAX_SHARED_RUNS;
use super::minimize::MAX_TOTAL_REQUESTS;
use super::preflight::Preflight;
use super::settings::{Confirm, External, Isolation, Production, Settings, StopPolicy, TargetSettings};
use super::target;
use crate::check::Judge;
use crate::contract::{Contract, Endpoint, Need};
use crate::exchange::{KeyRole, Request, Secret, TransportSettings};
use crate::finding::Verdict;
use crate::reference::{self, Fixture, Server};

/// Most offerings in the copy of the target's project, so that creating them does not take longer than the test.
const MAX_OFFERINGS: usize = 500;

/// Estimated number of requests, without retries after a lost connection or a rate limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Estimate {
    /// Number of requests on a correct server, with setup and cleanup.
    pub requests: u64,
    /// Number of requests on a server that fails every case: each case runs [`Self::max_runs`] times, and minimizing
    /// uses [`Self::MAX_SHRINK_REQUESTS`]. It excludes further requests that a faulty server causes, for example by
    /// lists that do not end; they have their own limits.
    pub max_requests: u64,
    /// Most runs of one case.
    pub max_runs: u32,
    /// Pairs of each rule that would be skipped and the reason.
    pub skipped: Vec<(String, String)>,
}

impl Estimate {
    /// Most requests that a run sends to minimize findings.
    pub const MAX_SHRINK_REQUESTS: u64 = MAX_TOTAL_REQUESTS;
}

/// Runs `settings` on the embedded server, with the keys and fixtures in `preflight`.
pub(super) async fn estimate(
    settings: &Settings,
    contract: Arc<Contract>,
    preflight: &Preflight,
) -> Result<Estimate, RunError> {
    let server = Server::start(reference::Options::default()).await?;
    let fixture = server.fixture("estimate");
    let stored = server.snapshot(&fixture.token);
    let is_regular = |offering: &&Value| offering["id"] != *fixture.variant_id;
    let existing = stored.as_array().map_or(0, |offerings| offerings.iter().filter(is_regular).count());
    let external = like(&server, fixture, preflight);
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    let project = target::external_project(&external, TransportSettings::default(), judge)?;
    for number in existing..preflight.offerings.min(MAX_OFFERINGS) {
        let create = Request::to(Endpoint::Create).json(&json!({ "id": format!("theirs-{number}") }));
        project.client.send(create).await?;
    }
    let journal = std::env::temp_dir().join(format!("qonform-estimate-{}.journal", std::process::id()));
    // A killed process with the same id may have left one.
    let _ = std::fs::remove_file(&journal);
    let settings = Settings {
        target: TargetSettings::External(external),
        transport: TransportSettings::default(),
        stop_policy: StopPolicy::Never,
        // Failures do not count: the embedded server does not implement other operations of the document.
        confirmation: Confirm::Never,
        max_time: None,
        journal: Some(journal.clone()),
        ..settings.clone()
    };
    let outcome = Box::pin(run(&settings, contract, &|_| {}, CancellationToken::new())).await;
    server.stop().await;
    // It exists only if offerings were left on the server, which has stopped.
    let _ = std::fs::remove_file(journal);
    let outcome = outcome?;
    let requests = outcome.summary.requests;
    let skipped = outcome.rules.into_iter().filter(|rule| rule.verdict == Verdict::Skipped);
    let skipped = skipped.map(|rule| (rule.id, rule.reason.unwrap_or_default())).collect();
    let max_runs = if preflight.project.is_exclusive { MAX_RUNS } else { MAX_SHARED_RUNS };
    let max_requests = requests * u64::from(max_runs) + MAX_TOTAL_REQUESTS;
    Ok(Estimate { requests, max_requests, max_runs, skipped })
}

/// A project on the embedded server with the same keys and fixtures as the target's.
fn like(server: &Server, fixture: Fixture, preflight: &Preflight) -> External {
    let Fixture { token, second_token, limited_token, empty_token, product_ids, variant_id, second_product_ids } =
        fixture;
    let is_met = |need: Need| !preflight.missing.contains_key(&need);
    let keys = [
        (KeyRole::Main, true, token),
        (KeyRole::Second, is_met(Need::SecondProject), second_token),
        (KeyRole::Limited, is_met(Need::LimitedKey), limited_token),
        (KeyRole::Empty, is_met(Need::Empty), empty_token),
    ];
    External {
        url: server.base_url(),
        keys: keys
            .into_iter()
            .filter(|(_, is_met, _)| *is_met)
            .map(|(role, _, key)| (role, Secret::new(&key)))
            .collect(),
        products: product_ids.into_iter().take(preflight.project.fixtures.products.len()).collect(),
        variant: is_met(Need::Variant).then_some(variant_id),
        second_product: preflight.project.fixtures.second_product.as_ref().and(second_product_ids.first().cloned()),
        headers: Vec::new(),
        production: Production::Denied,
        isolation: Isolation::Exclusive,
    }
}
