//! Every input on the embedded server: a correct server has no failure and every constraint is covered; each fault of
//! the input layer is one finding.

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
    Embedded::start(options, TransportSettings::default(), judge).await.expect("a port must be free")
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
    lines.chain(report.abort.iter().map(|abort| format!("aborted: {abort}"))).collect()
}

/// `QONFORM_TEST_SEEDS` sets the number of seeds.
#[tokio::test]
async fn a_correct_server_passes_and_every_constraint_is_covered() {
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
        // A rule is stricter than the schema: any tag except 0 and null is rejected.
        let is_tag = row.place == "body /tag" && row.operation == "v4UpdateOffering";
        // A product must be registered: a generated one is unknown.
        let is_stricter = is_tag || row.place == "body /product_ids/*";
        assert!(is_stricter || row.inside.is_none_or(|sides| sides.accepted > 0), "{row:?}");
        assert!(row.outside.is_none_or(|sides| sides.accepted == 0 && sides.refused > 0), "{row:?}");
    }
}

#[tokio::test]
async fn a_server_with_another_behaviour_passes() {
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
async fn each_fault_of_the_input_layer_is_one_finding_of_its_rule() {
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
        let generate = |seed| Inputs::of(&contract, endpoint, &fixtures, seed, 60);
        let (one, again, other) = (generate(1), generate(1), generate(2));
        let shape = |inputs: &Inputs| -> Vec<String> {
            inputs.list.iter().map(|input| format!("{} {:?}", input.description, input.template)).collect()
        };
        assert_eq!(shape(&one), shape(&again), "{endpoint}");
        let limits = one.list.iter().filter(|input| !matches!(input.origin, Origin::Random(_))).count();
        assert_eq!(shape(&one)[..limits], shape(&other)[..limits], "{endpoint}: only random inputs depend on the seed");
        assert_ne!(shape(&one), shape(&other), "{endpoint}");
        assert!(one.list.len() - limits > 40, "{endpoint}: {}", one.list.len() - limits);
    }
}

#[test]
fn divided_inputs_lose_no_value_and_no_side_of_a_constraint() {
    let contract = Contract::embedded();
    let fixtures = Fixtures { products: vec!["p1".into(), "p2".into()], ..Fixtures::default() };
    for seed in 0..5 {
        let all = Endpoint::ALL.map(|endpoint| Inputs::of(&contract, endpoint, &fixtures, seed, 0));
        let divided = all.clone().map(|inputs| inputs.divided(&contract, &fixtures, seed, &Endpoint::ALL));
        let values = |inputs: &[Inputs]| -> BTreeSet<String> {
            inputs.iter().flat_map(|inputs| &inputs.list).map(|input| input.value().to_owned()).collect()
        };
        assert_eq!(values(&all), values(&divided));
        let mut taken = BTreeSet::new();
        for inputs in &divided {
            let unusual = inputs.list.iter().filter(|input| input.origin == Origin::Unusual);
            let own: BTreeSet<String> = unusual.map(|input| input.description.clone()).collect();
            assert!(own.is_disjoint(&taken), "{}: {:?}", inputs.id, own.intersection(&taken));
            taken.extend(own);
        }
        for (whole, part) in all.iter().zip(&divided) {
            let covered = |inputs: &Inputs| -> BTreeSet<CoverageTarget> {
                inputs.list.iter().filter_map(|input| input.covers.clone()).collect()
            };
            assert_eq!(covered(whole), covered(part), "{}", whole.id);
        }
    }
}

#[test]
fn inputs_generated_in_batches_are_the_same() {
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
            for simpler in input.simplifications().flatten().take(if is_random { 20 } else { 3 }) {
                assert_ne!(simpler.template, input.template);
                assert!(simpler.is_of_its_class(), "{}", simpler.sketch());
                simplified += 1;
            }
        }
    }
    assert!(simplified > 500, "{simplified}");
}

#[test]
fn inputs_are_saved_and_restored_also_from_older_files() {
    let contract = Contract::embedded();
    let inputs = Inputs::of(&contract, Endpoint::Create, &Fixtures::default(), 5, 20);
    let mut saved = serde_json::to_value(SavedInputs::of(&inputs, &inputs.list)).expect("inputs must serialize");
    let restored = |json: &serde_json::Value| {
        let saved: SavedInputs = serde_json::from_value(json.clone()).expect("saved inputs must deserialize");
        saved.restore(&contract).map(|inputs| inputs.list)
    };
    assert!(restored(&saved) == Ok(inputs.list.clone()));
    saved["inputs"][0]["expectation"] = serde_json::json!({ "accept": 201 });
    saved["inputs"][0]["rule"] = serde_json::json!("create.echo");
    assert!(restored(&saved) == Ok(inputs.list));
    saved["operation"] = serde_json::json!("v4Gone");
    assert_eq!(restored(&saved), Err(OutdatedInputs::Operation("v4Gone".into())));
}

#[test]
fn every_generated_input_can_be_saved_and_no_other() {
    let contract = Contract::embedded();
    let restored = |inputs: &Inputs, change: &dyn Fn(&mut serde_json::Value)| {
        let mut saved = serde_json::to_value(SavedInputs::of(inputs, &inputs.list)).expect("inputs must serialize");
        change(&mut saved["inputs"][0]["recipe"]);
        let saved: Result<SavedInputs, _> = serde_json::from_value(saved);
        saved.map(|saved| saved.restore(&contract).map(|inputs| inputs.list.len()))
    };
    let fixtures = Fixtures { variant: Some("exp:a b".into()), ..Fixtures::default() };
    for endpoint in Endpoint::ALL {
        let inputs = Inputs::of(&contract, endpoint, &fixtures, 7, 40);
        assert_eq!(restored(&inputs, &|_| {}).ok(), Some(Ok(inputs.list.len())), "{endpoint}");
        // As an operation outside the resource, whose paths are filled in.
        let mut operation = contract.operation(endpoint).clone();
        operation.endpoint = None;
        let others = Inputs::of_other(&operation, 1, 30);
        assert!(others.list.iter().all(|input| super::saved::is_generated(&input.template, &operation)), "{endpoint}");
    }
    let inputs = Inputs::of(&contract, Endpoint::Delete, &fixtures, 7, 40);
    for (member, value) in [
        ("path", serde_json::json!("/offerings/winter")),
        ("path", serde_json::json!("/../admin/{offering_id}")),
        ("path", serde_json::json!("/offerings")),
        ("method", serde_json::json!("POST")),
        ("method", serde_json::json!("PUT")),
        ("subject", serde_json::json!({ "segment": ".." })),
        ("subject", serde_json::json!({ "segment": "a%252F%252E%252E%252Fb" })),
        ("subject", serde_json::json!({ "at-least": 1_000_000_000 })),
        ("headers", serde_json::json!([["x-other", "1"]])),
        ("headers", serde_json::json!([["authorization", "Bearer $QONFORM_SECOND_TOKEN"]])),
        ("beside", serde_json::json!("winter")),
    ] {
        let changed = restored(&inputs, &|recipe| recipe[member] = value.clone());
        assert!(matches!(changed, Ok(Err(OutdatedInputs::Request(_)))), "{member} {value}: {changed:?}");
    }
}

#[tokio::test]
async fn another_operation_is_covered_without_violations() {
    let server = server(reference::Options::default()).await;
    let project = server.project("other");
    let contract = Arc::clone(project.judge.contract());
    let mut cx = Context::open(project, Naming::new(1, "o", 0)).await.expect("the list must be readable");
    for endpoint in [Endpoint::List, Endpoint::Get] {
        let inputs = Inputs::of_other(contract.operation(endpoint), 1, 30);
        assert!(inputs.list.len() > 40, "{endpoint}: {}", inputs.list.len());
        assert!(inputs.list.iter().all(|input| !input.template.path.contains('{')));
        let mut coverage = Constraints::of(&inputs);
        inputs.run(&mut cx, &mut coverage).await.expect("the server must respond");
        assert_eq!(coverage.holes(), Vec::<String>::new(), "{endpoint}");
    }
    // The reference server is as strict as its schema.
    assert_eq!(cx.record().drift, std::collections::BTreeMap::new());
    let report = cx.close(Ok(())).await;
    server.stop().await;
    assert_eq!(found(&report), Vec::<String>::new());
}
