//! Every input on the embedded server: on a right one nothing may be found and nothing left untried, and each fault that
//! only inputs show is one finding.

use super::*;
use crate::check::Judge;
use crate::contract::{Contract, Endpoint};
use crate::exchange::TransportSettings;
use crate::finding::{CaseResult, Constraints};
use crate::offerings::{Context, Naming};
use crate::project::Fixtures;
use crate::reference::{self, Behaviour, Fault};
use crate::run::{Embedded, Expectations, Layer};
use std::collections::BTreeSet;
use std::sync::Arc;

async fn server(options: reference::Options) -> Embedded {
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    Embedded::start(options, TransportSettings::default(), judge).await.expect("a port is free")
}

async fn run(server: &Embedded, endpoint: Endpoint, seed: u64, cases: u64) -> CaseResult {
    let project = server.project(&format!("input-{endpoint}-{seed}"));
    let inputs = Inputs::of(project.judge.contract(), endpoint, &project.fixtures, seed, cases);
    inputs.run_case(project, Naming::new(seed, "i", 0)).await
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
    lines.chain(report.abort.iter().map(|abort| format!("ended: {abort}"))).collect()
}

/// More seeds where `QONFORM_TEST_SEEDS` asks for them.
#[tokio::test]
async fn on_a_right_server_nothing_is_found_and_nothing_is_left_untried() {
    let server = server(reference::Options::default()).await;
    let mut all = Constraints::default();
    for seed in 0..crate::offerings::seeds(3) {
        for endpoint in Endpoint::ALL {
            let result = run(&server, endpoint, seed, 40).await;
            assert_eq!(found(&result), Vec::<String>::new(), "{endpoint} {seed}");
            assert_eq!(result.skipped, std::collections::BTreeMap::new(), "{endpoint} {seed}");
            all.merge(result.constraints);
        }
    }
    server.stop().await;
    assert_eq!(all.holes(), Vec::<String>::new());
    for row in &all.rows {
        // The rules narrow what the schema lets through: any tag but 0 and null is rejected.
        let is_tag = row.place == "body /tag" && row.operation == "v4UpdateOffering";
        // Products are registered beforehand: one that was generated is unknown.
        let is_narrowed = is_tag || row.place == "body /product_ids/*";
        assert!(is_narrowed || row.inside.is_none_or(|sides| sides.accepted > 0), "{row:?}");
        assert!(row.outside.is_none_or(|sides| sides.accepted == 0 && sides.refused > 0), "{row:?}");
    }
}

#[tokio::test]
async fn on_a_server_that_chooses_otherwise_nothing_is_found() {
    let behaviours: Vec<Behaviour> = Behaviour::ALL.into_iter().step_by(7).collect();
    for (seed, behaviour) in behaviours.into_iter().enumerate() {
        let server = server(reference::Options { behaviours: vec![behaviour], ..Default::default() }).await;
        for endpoint in Endpoint::ALL {
            let mut result = run(&server, endpoint, seed as u64, 10).await;
            let warns = Expectations::embedded().warns(behaviour);
            result.failures.retain(|failure| failure.level.is_none() && !warns.iter().any(|rule| rule == failure.rule));
            assert_eq!(found(&result), Vec::<String>::new(), "{behaviour} {endpoint}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn every_fault_that_only_inputs_show_is_one_finding_of_its_rule() {
    let expected = Expectations::embedded();
    let faults: Vec<Fault> =
        Fault::ALL.into_iter().filter(|fault| expected.fault(*fault).layer == Layer::Input).collect();
    assert!(faults.len() > 15, "{}", faults.len());
    for fault in faults {
        let server = server(reference::Options { faults: vec![fault], ..Default::default() }).await;
        let row = expected.fault(fault);
        let (mut rules, mut own, mut findings) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut lines = Vec::new();
        for endpoint in Endpoint::ALL {
            let result = run(&server, endpoint, 1, 10).await;
            for failure in &result.failures {
                findings.extend((failure.rule == row.main).then(|| failure.fingerprint()));
                own.insert(failure.rule);
                rules.extend(std::iter::once(failure.rule).chain(failure.also.iter().copied()));
            }
            lines.extend(found(&result));
        }
        server.stop().await;
        assert!(findings.len() <= 1, "{fault}: {lines:#?}");
        assert!(rules.contains(row.main.as_str()), "{fault}: {lines:#?}");
        assert!(own.iter().all(|rule| row.allows(rule)), "{fault}: {lines:#?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    let contract = Contract::embedded();
    let products = (0..120).map(|number| format!("p{number}")).collect();
    let fixtures = Fixtures { products, variant: Some("v".into()), ..Fixtures::default() };
    for endpoint in Endpoint::ALL {
        let make = |seed| Inputs::of(&contract, endpoint, &fixtures, seed, 60);
        let (one, again, other) = (make(1), make(1), make(2));
        let shape = |inputs: &Inputs| -> Vec<String> {
            inputs.list.iter().map(|input| format!("{} {:?}", input.what, input.recipe)).collect()
        };
        assert_eq!(shape(&one), shape(&again), "{endpoint}");
        let limits = one.list.iter().filter(|input| !matches!(input.origin, Origin::Random(_))).count();
        assert_eq!(shape(&one)[..limits], shape(&other)[..limits], "{endpoint}: what is not random is the same");
        assert_ne!(shape(&one), shape(&other), "{endpoint}");
        assert!(one.list.len() - limits > 40, "{endpoint}: {}", one.list.len() - limits);
    }
}

#[test]
fn inputs_that_are_generated_a_part_at_a_time_are_the_same() {
    let contract = Contract::embedded();
    let fixtures = Fixtures { products: vec!["p1".into(), "p2".into()], ..Fixtures::default() };
    let endpoint = Endpoint::Create;
    let whole = Inputs::of(&contract, endpoint, &fixtures, 5, 30).list;
    let mut parts = Inputs::of(&contract, endpoint, &fixtures, 5, 7);
    parts.extend(&contract, endpoint, &fixtures, 5, 7..20);
    parts.extend(&contract, endpoint, &fixtures, 5, 20..30);
    assert_eq!(parts.list, whole);
}

#[test]
fn a_simpler_input_is_of_the_same_class() {
    let contract = Contract::embedded();
    let fixtures = Fixtures { products: vec!["p1".into(), "p2".into()], ..Fixtures::default() };
    let mut simplified = 0;
    for endpoint in Endpoint::ALL {
        for input in Inputs::of(&contract, endpoint, &fixtures, 5, 60).list {
            let is_random = matches!(input.origin, Origin::Random(_));
            for simpler in input.simpler().flatten().take(if is_random { 20 } else { 3 }) {
                assert_ne!(simpler.recipe, input.recipe);
                assert!(simpler.is_of_its_class(), "{}", simpler.sketch());
                simplified += 1;
            }
        }
    }
    assert!(simplified > 500, "{simplified}");
}

#[test]
fn inputs_are_written_down_and_read_again_also_from_older_files() {
    let contract = Contract::embedded();
    let inputs = Inputs::of(&contract, Endpoint::Create, &Fixtures::default(), 5, 20);
    let mut written = serde_json::to_value(SavedInputs::of(&inputs, &inputs.list)).expect("it is plain data");
    let restored = |written: &serde_json::Value| {
        let saved: SavedInputs = serde_json::from_value(written.clone()).expect("it is a saved case");
        saved.restore(&contract).map(|inputs| inputs.list)
    };
    assert_eq!(restored(&written), Ok(inputs.list.clone()));
    written["inputs"][0]["expectation"] = serde_json::json!({ "accept": 201 });
    written["inputs"][0]["rule"] = serde_json::json!("create.echo");
    assert_eq!(restored(&written), Ok(inputs.list));
    written["operation"] = serde_json::json!("v4Gone");
    assert_eq!(restored(&written), Err(OutdatedInputs::Operation("v4Gone".into())));
}

#[tokio::test]
async fn an_operation_that_is_known_by_its_schema_alone_is_tried_too_and_never_blamed() {
    let server = server(reference::Options::default()).await;
    let project = server.project("other");
    let contract = Arc::clone(project.judge.contract());
    let mut cx = Context::open(project, Naming::new(1, "o", 0)).await.expect("the list can be read");
    for endpoint in [Endpoint::List, Endpoint::Get] {
        let inputs = Inputs::of_other(contract.operation(endpoint), 1, 30);
        assert!(inputs.list.len() > 40, "{endpoint}: {}", inputs.list.len());
        assert!(inputs.list.iter().all(|input| !input.recipe.path.contains('{')));
        let mut coverage = Constraints::of(&inputs);
        inputs.run(&mut cx, &mut coverage).await.expect("the server responds");
        assert_eq!(coverage.holes(), Vec::<String>::new(), "{endpoint}");
    }
    // The reference rejects an empty text, as its schema does.
    assert_eq!(cx.record().drift, std::collections::BTreeMap::new());
    let report = cx.close(Ok(())).await;
    server.stop().await;
    assert_eq!(found(&report), Vec::<String>::new());
}
