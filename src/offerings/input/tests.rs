//! Every input on the embedded server, which is right: nothing may be found, and nothing may be left untried.

use super::*;
use crate::check::Judge;
use crate::contract::{Contract, Endpoint};
use crate::exchange::TransportSettings;
use crate::finding::{CaseResult, Constraints};
use crate::lane::Fixtures;
use crate::offerings::{Naming, Stage};
use crate::reference;
use crate::run::Embedded;
use std::collections::BTreeSet;
use std::sync::Arc;

async fn server(options: reference::Options) -> Embedded {
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    Embedded::start(options, TransportSettings::default(), judge).await.expect("a port is free")
}

async fn play(server: &Embedded, endpoint: Endpoint, seed: u64, cases: u64) -> (CaseResult, Constraints, Inputs) {
    let lane = server.lane(&format!("input-{endpoint}-{seed}"));
    let inputs = Inputs::of(lane.judge.contract(), endpoint, &lane.fixtures, seed, cases);
    let mut coverage = Constraints::of(&inputs);
    let naming = Naming::new(seed, "i", 0);
    let mut stage = Stage::open(lane, naming).await.expect("the list can be read");
    let flow = inputs.play(&mut stage, &mut coverage).await;
    (stage.close(flow).await, coverage, inputs)
}

fn found(report: &CaseResult) -> Vec<String> {
    let failures = report.failures.iter();
    let lines = failures.map(|failure| {
        let request = &failure.at.request;
        let body = request.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let body: String = body.chars().take(120).collect();
        let path: String = request.path.chars().take(120).collect();
        format!("{}: {} ({}) [{} {path} {body}]", failure.rule, failure.title, failure.received, request.method)
    });
    lines.chain(report.abort.iter().map(|halt| format!("halted: {halt}"))).collect()
}

#[tokio::test]
async fn on_a_right_server_nothing_is_found_and_nothing_is_left_untried() {
    let seeds = std::env::var("QONFORM_INPUT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
    let server = server(reference::Options::default()).await;
    let mut all = Constraints::default();
    for seed in 0..seeds {
        for endpoint in Endpoint::ALL {
            let (report, coverage, _) = play(&server, endpoint, seed, 40).await;
            assert_eq!(found(&report), Vec::<String>::new(), "{endpoint} {seed}");
            assert_eq!(report.skipped, std::collections::BTreeMap::new(), "{endpoint} {seed}");
            all.merge(coverage);
        }
    }
    server.stop().await;
    assert_eq!(all.holes(), Vec::<String>::new());
    for row in &all.rows {
        // The rules narrow what the schema lets through: any tag but 0 and null is refused.
        let is_narrowed = row.place == "body /tag" && row.operation == "v4UpdateOffering";
        assert!(is_narrowed || row.inside.is_none_or(|sides| sides.accepted > 0), "{row:?}");
        assert!(row.outside.is_none_or(|sides| sides.accepted == 0 && sides.refused > 0), "{row:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs_and_every_rule_of_theirs_is_known() {
    let contract = Contract::embedded();
    let products = (0..120).map(|number| format!("p{number}")).collect();
    let fixtures = Fixtures { products, variant: Some("v".into()) };
    let mut rules = BTreeSet::new();
    for endpoint in Endpoint::ALL {
        let make = |seed| Inputs::of(&contract, endpoint, &fixtures, seed, 60);
        let (one, again, other) = (make(1), make(1), make(2));
        let shape = |inputs: &Inputs| -> Vec<String> {
            inputs
                .list
                .iter()
                .map(|input| format!("{} {:?} {:?}", input.what, input.recipe, input.expectation))
                .collect()
        };
        assert_eq!(shape(&one), shape(&again), "{endpoint}");
        let limits = one.list.iter().filter(|input| !matches!(input.origin, Origin::Random(_))).count();
        assert_eq!(shape(&one)[..limits], shape(&other)[..limits], "{endpoint}: what is not random is the same");
        assert_ne!(shape(&one), shape(&other), "{endpoint}");
        assert!(one.list.len() - limits > 40, "{endpoint}: {}", one.list.len() - limits);
        rules.extend(one.list.iter().filter_map(|input| input.rule));
    }
    for rule in &rules {
        assert!(contract.rules().rule(rule).is_some(), "{rule}");
        assert!(RULES.contains(rule), "{rule}");
    }
    // It is held to where the answer to another input is looked at.
    let unused: Vec<_> = RULES.iter().filter(|rule| !rules.contains(**rule)).collect();
    assert_eq!(unused, [&"update.partial"]);
}

#[test]
fn inputs_that_are_generated_a_part_at_a_time_are_the_same() {
    let contract = Contract::embedded();
    let fixtures = Fixtures { products: vec!["p1".into(), "p2".into()], variant: None };
    let endpoint = Endpoint::Create;
    let whole = Inputs::of(&contract, endpoint, &fixtures, 5, 30).list;
    let mut parts = Inputs::of(&contract, endpoint, &fixtures, 5, 7);
    parts.extend(&contract, endpoint, &fixtures, 5, 7..20);
    parts.extend(&contract, endpoint, &fixtures, 5, 20..30);
    assert_eq!(parts.list, whole);
}

#[test]
fn a_simpler_input_is_of_the_same_class_and_expects_the_same() {
    let contract = Contract::embedded();
    let fixtures = Fixtures { products: vec!["p1".into(), "p2".into()], variant: None };
    let mut simplified = 0;
    for endpoint in Endpoint::ALL {
        for input in Inputs::of(&contract, endpoint, &fixtures, 5, 60).list {
            let is_random = matches!(input.origin, Origin::Random(_));
            for simpler in input.simpler().flatten().take(if is_random { 20 } else { 3 }) {
                assert_ne!(simpler.recipe, input.recipe);
                assert_eq!((&simpler.expectation, simpler.rule), (&input.expectation, input.rule));
                simplified += 1;
            }
        }
    }
    assert!(simplified > 500, "{simplified}");
}

#[tokio::test]
async fn an_operation_that_is_known_by_its_schema_alone_is_tried_too_and_never_blamed() {
    let server = server(reference::Options::default()).await;
    let lane = server.lane("other");
    let contract = Arc::clone(lane.judge.contract());
    let mut stage = Stage::open(lane, Naming::new(1, "o", 0)).await.expect("the list can be read");
    for endpoint in [Endpoint::List, Endpoint::Get] {
        let inputs = Inputs::of_other(contract.operation(endpoint), 1, 30);
        assert!(inputs.list.len() > 40, "{endpoint}: {}", inputs.list.len());
        assert!(inputs.list.iter().all(|input| input.rule.is_none() && !input.recipe.path.contains('{')));
        let mut coverage = Constraints::of(&inputs);
        inputs.play(&mut stage, &mut coverage).await.expect("the server answers");
        assert_eq!(coverage.holes(), Vec::<String>::new(), "{endpoint}");
    }
    // The reference refuses an empty text, which its schema does as well.
    assert_eq!(stage.record().drift, std::collections::BTreeMap::new());
    let report = stage.close(Ok(())).await;
    server.stop().await;
    assert_eq!(found(&report), Vec::<String>::new());
}
