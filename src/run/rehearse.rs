//! How many requests a run takes: its plan is played on the embedded server, in a project like that of the target, and
//! counted there.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::confirm::MAX_PLAYS;
use super::drive::run;
use super::error::RunError;
use super::preflight::Preflight;
use super::settings::{Confirm, External, Isolation, Production, Settings, StopPolicy, TargetSettings};
use super::smaller::MAX_TOTAL_REQUESTS;
use super::target;
use crate::check::Judge;
use crate::contract::{Contract, Endpoint, Need};
use crate::exchange::{KeyRole, Request, Secret, TransportSettings};
use crate::finding::Verdict;
use crate::reference::{self, Fixture, Server};

/// Projects with more offerings are taken for ones with so many: a larger one takes longer to imitate than to test.
const MAX_OFFERINGS: usize = 500;

/// What a rehearsal came to. Requests that are sent again after a lost connection or a rate limit are not among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rehearsal {
    /// Where nothing is wrong: preparing and cleaning up are among them.
    pub requests: u64,
    /// Where everything is wrong: each case is played as often as it ever is, and all that may be is spent on making
    /// findings smaller. What a broken server makes a single case send besides (lists that do not end) has limits of its
    /// own and is not known before.
    pub most: u64,
    /// The rules that nothing would decide, each with the reason.
    pub skipped: Vec<(String, String)>,
}

impl Rehearsal {
    /// How often a case is played at most.
    pub const MAX_PLAYS: u32 = MAX_PLAYS;
    /// How many requests a run spends on making findings smaller at most.
    pub const MAX_SHRINK_REQUESTS: u64 = MAX_TOTAL_REQUESTS;
}

/// Plays what `settings` ask for on the embedded server, with the keys and fixtures that `ready` has.
pub(super) async fn rehearse(
    settings: &Settings,
    contract: Arc<Contract>,
    ready: &Preflight,
) -> Result<Rehearsal, RunError> {
    let server = Server::start(reference::Options::default()).await?;
    let fixture = server.fixture("rehearsal");
    let stored = server.snapshot(&fixture.token);
    let is_regular = |offering: &&Value| offering["id"] != *fixture.variant_id;
    let there = stored.as_array().map_or(0, |offerings| offerings.iter().filter(is_regular).count());
    let external = like(&server, fixture, ready);
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    let project = target::external_project(&external, TransportSettings::default(), judge)?;
    for number in there..ready.offerings().min(MAX_OFFERINGS) {
        let create = Request::to(Endpoint::Create).json(&json!({ "id": format!("theirs-{number}") }));
        project.client.send(create).await?;
    }
    let journal = std::env::temp_dir().join(format!("qonform-rehearsal-{}.journal", std::process::id()));
    // Of a program that was killed and had the same number.
    let _ = std::fs::remove_file(&journal);
    let settings = Settings {
        target: TargetSettings::External(external),
        transport: TransportSettings::default(),
        patience: StopPolicy::ToTheEnd,
        // What another document says of other operations is no fault of the embedded server.
        confirmation: Confirm::Never,
        max_time: None,
        journal: Some(journal.clone()),
        ..settings.clone()
    };
    let outcome = Box::pin(run(&settings, contract, &|_| {}, CancellationToken::new())).await;
    server.stop().await;
    // It is there only where something was left on a server that is gone.
    let _ = std::fs::remove_file(journal);
    let outcome = outcome?;
    let requests = outcome.summary.requests;
    let skipped = outcome.rules.into_iter().filter(|rule| rule.verdict == Verdict::Skipped);
    let skipped = skipped.map(|rule| (rule.id, rule.reason.unwrap_or_default())).collect();
    Ok(Rehearsal { requests, most: requests * u64::from(MAX_PLAYS) + MAX_TOTAL_REQUESTS, skipped })
}

/// A project on the embedded server with the keys and fixtures of the target's.
fn like(server: &Server, fixture: Fixture, ready: &Preflight) -> External {
    let Fixture { token, second_token, limited_token, empty_token, product_ids, variant_id, second_product_ids } =
        fixture;
    let is_met = |need: Need| !ready.missing.contains_key(&need);
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
        products: product_ids.into_iter().take(ready.project.fixtures.products.len()).collect(),
        variant: is_met(Need::Variant).then_some(variant_id),
        second_product: ready.project.fixtures.second_product.as_ref().and(second_product_ids.first().cloned()),
        headers: Vec::new(),
        production: Production::Refused,
        isolation: Isolation::Exclusive,
    }
}
