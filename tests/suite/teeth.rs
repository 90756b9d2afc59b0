//! A sample of what `qonform selftest` proves as a whole, and that a run depends on its seed alone.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use qonform::contract::{Contract, Level};
use qonform::reference::{Clock as ServerClock, Fault, Options};
use qonform::report::{self, Format, Style};
use qonform::run::{self, Clock, Layer, SelftestSettings, Settings, TargetSettings, Verdict, selftest};
use tokio_util::sync::CancellationToken;

async fn tried(names: &[&str]) -> run::Selftest {
    let settings = SelftestSettings {
        seed: 7,
        jobs: NonZeroUsize::new(2).unwrap(),
        layers: Some([Layer::Scenario].into()),
        combinations: 0,
        only: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    selftest(&settings, Arc::new(Contract::embedded()), &|_| {}).await.unwrap()
}

#[tokio::test]
async fn a_fault_trips_the_rules_that_are_written_beside_it_and_no_other() {
    let names = [
        "delete-still-readable",
        "create-products-reversed",
        "set-main-keeps-previous",
        "page-skips-one",
        "limited-key-allowed",
    ];
    let tested = tried(&names).await;
    assert_eq!(tested.trials.len(), names.len());
    for trial in &tested.trials {
        assert_eq!(trial.verdict, Verdict::Caught, "{trial:#?}");
    }
}

#[tokio::test]
async fn a_right_server_is_not_accused_whatever_it_chose() {
    let names = ["order-descending", "delete-main-refused", "others-come-and-go", "replay-200"];
    let tested = tried(&names).await;
    assert_eq!(tested.trials.len(), names.len());
    for trial in &tested.trials {
        assert_eq!(trial.verdict, Verdict::Silent, "{trial:#?}");
        assert!(trial.checks > 10_000, "an idle run proves nothing: {}", trial.checks);
    }
}

#[test]
fn every_must_and_should_rule_is_the_main_catch_of_a_fault() {
    let mains: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.info().expected[0]).collect();
    for rule in Contract::embedded().rules().rules() {
        assert!(rule.level == Level::Open || mains.contains(rule.id.as_str()), "no fault is there for {}", rule.id);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_report_whatever_the_jobs() {
    let report = async |jobs: usize| {
        let fault: Fault = "delete-still-readable".parse().unwrap();
        let options = Options { faults: vec![fault], clock: ServerClock::Logical, ..Options::default() };
        let settings = Settings {
            target: TargetSettings::Embedded(options),
            seed: 99,
            jobs: NonZeroUsize::new(jobs).unwrap(),
            layers: Some([Layer::Scenario, Layer::Sequence].into()),
            histories: 3,
            clock: Clock::Frozen,
            ..Settings::default()
        };
        let contract = Arc::new(Contract::embedded());
        let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
        assert_eq!(outcome.exit_code(), 1);
        report::render(Format::Json, &outcome, &Style::default())
    };
    let (one, four) = (report(1).await, report(4).await);
    assert!(one == four, "{}", first_difference(&one, &four));
}

fn first_difference(one: &str, other: &str) -> String {
    let differing = one.lines().zip(other.lines()).find(|(a, b)| a != b);
    differing.map_or("one is longer".into(), |(a, b)| format!("{a}\n{b}"))
}
