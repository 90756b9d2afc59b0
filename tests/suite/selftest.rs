//! `qonform selftest` in every test run: every fault is caught and every correct server passes; and a run depends only
//! on its seed.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use qonform::contract::Contract;
use qonform::reference::{Behaviour, Clock as ServerClock, Fault, Options};
use qonform::report::{self, Format, Style};
use qonform::run::{
    self, Clock, Confirm, Expectations, Layer, SelftestSettings, SelftestVerdict, Settings, TargetSettings,
    WholeSettings, selftest, whole,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Every fault of the catalogue, each by the layer that is expected to catch it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_violates_its_rules_and_no_other() {
    let settings = SelftestSettings {
        seed: 1,
        jobs: NonZeroUsize::new(4).unwrap(),
        layers: None,
        combinations: 0,
        only: Fault::ALL.iter().map(|fault| fault.info().name.to_owned()).collect(),
    };
    let tested = selftest(&settings, Arc::new(Contract::embedded()), &|_| {}).await.unwrap();
    assert_eq!(tested.trials.len(), Fault::ALL.len());
    let wrong: Vec<_> = tested.trials.iter().filter(|trial| trial.verdict != SelftestVerdict::Caught).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Faults of all families and some correct servers, each behind a port and with all layers, as a user tests it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_is_caught_from_outside_and_correct_servers_pass() {
    let settings = WholeSettings {
        seed: 1,
        jobs: NonZeroUsize::new(4).unwrap(),
        combinations: 2,
        only: Vec::new(),
        sample: NonZeroUsize::new(15),
        effort: None,
        faults: true,
        isolation: None,
    };
    let tested = whole(&settings, Arc::new(Contract::embedded()), &|_| {}).await.unwrap();
    assert!(tested.trials.len() >= 24 + 8, "{}", tested.trials.len());
    let wrong = tested.trials.iter().filter(|trial| !trial.problems.is_empty());
    let wrong: Vec<String> = wrong.map(|trial| format!("{}: {:?}", trial.name, trial.problems)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Minimum number of checks in a run of the scenarios.
const MIN_CHECKS: u64 = 10_000;

/// Every behaviour, and combinations, each with another seed and with one or four cases at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn correct_servers_pass_with_only_their_warnings() {
    let alone = Behaviour::ALL.into_iter().map(|behaviour| vec![behaviour]);
    let combined = (0..30).map(|number| Behaviour::combination(900 + number));
    let contract = Arc::new(Contract::embedded());
    let mut waiting = alone.chain(combined).zip(1..);
    let mut running = JoinSet::new();
    let mut wrong = Vec::new();
    let mut tried = 0;
    loop {
        while running.len() < 4
            && let Some((behaviours, number)) = waiting.next()
        {
            let contract = Arc::clone(&contract);
            running.spawn(async move { (results_of(&behaviours, number, contract).await, behaviours, number) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (Results { violated, warned, named, checks, code }, behaviours, seed) = ended.unwrap();
        let expected: BTreeSet<String> =
            behaviours.iter().flat_map(|one| Expectations::embedded().warns(*one)).cloned().collect();
        // A single client does not see these behaviours.
        let is_of_crowds = behaviours.iter().any(|one| Behaviour::CONCURRENT.contains(one));
        let is_exact = warned.is_subset(&expected) && (is_of_crowds || expected.is_subset(&named));
        tried += 1;
        if !violated.is_empty() || !is_exact || checks < MIN_CHECKS || code != 0 {
            wrong
                .push(format!("{behaviours:?} seed {seed}: violated {violated:?}, warned {warned:?}, {checks} checks"));
        }
    }
    assert_eq!(tried, Behaviour::ALL.len() + 30);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The results of a run.
struct Results {
    violated: BTreeSet<String>,
    warned: BTreeSet<String>,
    /// The rules of all findings, including those under `also`.
    named: BTreeSet<String>,
    checks: u64,
    code: u8,
}

async fn results_of(behaviours: &[Behaviour], number: u64, contract: Arc<Contract>) -> Results {
    let jobs = if number.is_multiple_of(2) { 1 } else { 4 };
    let options = Options { behaviours: behaviours.to_vec(), seed: number, ..Options::default() };
    let settings = Settings {
        target: TargetSettings::Embedded(options),
        seed: number,
        jobs: NonZeroUsize::new(jobs).unwrap(),
        layers: Some([Layer::Scenario].into()),
        confirmation: Confirm::Never,
        ..Settings::default()
    };
    let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
    let violated: BTreeSet<String> = outcome.violations().map(|finding| finding.rule.clone()).collect();
    let found: BTreeSet<String> = outcome.findings.iter().map(|finding| finding.rule.clone()).collect();
    let warned = found.difference(&violated).cloned().collect();
    let beside = outcome.findings.iter().flat_map(|finding| finding.also.iter().cloned());
    let named = beside.chain(found).collect();
    Results { violated, warned, named, checks: outcome.summary.checks, code: outcome.exit_code() }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_report_for_any_jobs() {
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

/// Race results are random, but the report of a server without findings is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_correct_server_is_the_same_for_any_jobs() {
    let report = async |jobs: usize| {
        let settings = Settings {
            target: TargetSettings::Embedded(Options { clock: ServerClock::Logical, ..Options::default() }),
            seed: 98,
            jobs: NonZeroUsize::new(jobs).unwrap(),
            inputs: 5,
            histories: 3,
            race_attempts: 5,
            clock: Clock::Frozen,
            ..Settings::default()
        };
        let contract = Arc::new(Contract::embedded());
        let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
        assert_eq!(outcome.exit_code(), 0);
        for rule in outcome.rules.iter().filter(|rule| rule.id.starts_with("race.")) {
            assert!(rule.verdict == qonform::finding::Verdict::Passed && rule.checked >= 5, "{rule:?}");
        }
        report::render(Format::Json, &outcome, &Style::default())
    };
    let (one, four) = (report(1).await, report(4).await);
    assert!(one == four, "{}", first_difference(&one, &four));
}

/// The fastest of three, because the machine may be busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_races_of_a_run_take_less_than_ten_seconds() {
    let settings = Settings { seed: 97, layers: Some([Layer::Race].into()), ..Settings::default() };
    let mut quickest = u64::MAX;
    for _ in 0..3 {
        let contract = Arc::new(Contract::embedded());
        let outcome = run::run(&settings, contract, &|_| {}, CancellationToken::new()).await.unwrap();
        assert_eq!(outcome.exit_code(), 0);
        let checked = outcome.rules.iter().find(|rule| rule.id == "race.first-create").unwrap().checked;
        assert_eq!(checked, 30, "every try of the race was made");
        quickest = quickest.min(outcome.duration_ms);
        if quickest < 10_000 {
            return;
        }
    }
    panic!("{quickest} ms");
}

fn first_difference(one: &str, other: &str) -> String {
    let differing = one.lines().zip(other.lines()).find(|(a, b)| a != b);
    differing.map_or("one is longer".into(), |(a, b)| format!("{a}\n{b}"))
}
