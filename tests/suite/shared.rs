//! A shared target: the same verdicts for every correct way to process concurrent writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use qonform::contract::Contract;
use qonform::exchange::{KeyRole, Secret};
use qonform::finding::{Ending, Outcome};
use qonform::reference::{Behaviour, Fault, Options, Server};
use qonform::run::{
    self, Expectations, External, Isolation, Layer, NamePattern, Production, Selection, Settings, TargetSettings,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::program::TempFolder;

/// Runs the scenarios on one project of an external server.
async fn outcome(options: Options, only: &[&str]) -> Outcome {
    let server = Server::start(options).await.unwrap();
    let fixture = server.fixture("shared");
    let keys = [
        (KeyRole::Main, &fixture.token),
        (KeyRole::Second, &fixture.second_token),
        (KeyRole::Limited, &fixture.limited_token),
        (KeyRole::Empty, &fixture.empty_token),
    ];
    let keys: BTreeMap<_, _> = keys.into_iter().map(|(role, key)| (role, Secret::new(key))).collect();
    let external = External {
        url: server.base_url(),
        keys,
        products: fixture.product_ids.clone(),
        variant: Some(fixture.variant_id.clone()),
        second_product: fixture.second_product_ids.first().cloned(),
        headers: Vec::new(),
        production: Production::Denied,
        isolation: Isolation::Exclusive,
    };
    let contract = Arc::new(Contract::embedded());
    let folder = TempFolder::new();
    let settings = Settings {
        target: TargetSettings::External(external),
        selection: Selection {
            only: only.iter().map(|rule| NamePattern::of(rule, contract.rules()).unwrap()).collect(),
            ..Selection::default()
        },
        layers: Some([Layer::Scenario].into()),
        seed: 61,
        journal: Some(folder.path().join("shared.journal")),
        ..Settings::default()
    };
    let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
    server.stop().await;
    outcome
}

fn rules(outcome: &Outcome) -> BTreeSet<String> {
    outcome.findings.iter().map(|finding| finding.rule.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correct_shared_server_passes_however_it_orders_writes() {
    let behaviours = [
        Behaviour::SecondWriter409,
        Behaviour::SecondWriterOfOffering409,
        Behaviour::OneWriteAtATime,
        Behaviour::ReservedIds,
        Behaviour::LateResponses,
        Behaviour::UnevenPace,
    ];
    let mut running = JoinSet::new();
    for behaviour in behaviours {
        let options = Options { behaviours: vec![behaviour], ..Options::default() };
        running.spawn(async move { (behaviour.info().name, outcome(options, &[]).await) });
    }
    while let Some(ended) = running.join_next().await {
        let (name, outcome) = ended.unwrap();
        // A single writer overlaps no other: no warnings either.
        assert_eq!(rules(&outcome), BTreeSet::new(), "{name}: {:?}", outcome.findings);
        assert_eq!((&outcome.ending, outcome.exit_code()), (&Ending::Complete, 0), "{name}: {:?}", outcome.left_behind);
        assert!(outcome.summary.checks > 10_000, "{name}: {}", outcome.summary.checks);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_a_shared_server_is_caught_with_exclusive_writes() {
    let faults = [
        ("delete-still-readable", "delete.removes"),
        ("demote-ignored", "update.demote-rejected"),
        ("cursor-deleted-without-header", "list.unknown-cursor"),
        ("create-products-sorted", "create.echo"),
        ("key-suffix-ignored", "auth.malformed"),
    ];
    let mut running = JoinSet::new();
    for (fault, rule) in faults {
        let planted: Fault = fault.parse().unwrap();
        assert!(Expectations::embedded().fault(planted).allows(rule), "{fault}");
        let behaviours = vec![Behaviour::SecondWriter409];
        let options = Options { faults: vec![planted], behaviours, ..Options::default() };
        let area = format!("{}.*", rule.split('.').next().unwrap_or_default());
        running.spawn(async move { (fault, rule, planted, rules(&outcome(options, &[&area]).await)) });
    }
    while let Some(ended) = running.join_next().await {
        let (fault, rule, planted, found) = ended.unwrap();
        assert!(found.contains(rule), "{fault}: {found:?}");
        let expected: BTreeSet<String> = Expectations::embedded().fault(planted).rules().map(str::to_owned).collect();
        assert!(found.is_subset(&expected), "{fault}: {found:?} and not only {expected:?}");
    }
}
