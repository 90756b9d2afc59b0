//! Tests the sequence layer with shrinking against the embedded server.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::check::Judge;
use crate::contract::{Contract, Level, RuleScope};
use crate::exchange::{Client, Credentials, KeyRole, TransportSettings};
use crate::finding::{CaseResult, Failure};
use crate::offerings::sequence::{Capabilities, MainRole, SnapshotPolicy, Tag, generate, run_case, run_with_snapshots};
use crate::offerings::{Naming, seeds};
use crate::project::{Project, Session};
use crate::reference::{self, Behaviour, Fault, Options};
use crate::run::minimize::MAX_REQUESTS;
use crate::run::{Embedded, Expectations};

const STEPS: usize = 30;
const HISTORIES: u64 = 50;

static CONTRACT: LazyLock<Arc<Contract>> = LazyLock::new(|| Arc::new(Contract::embedded()));

fn level(rule: &str) -> Level {
    CONTRACT.rules().rule(rule).expect("every failure names a rule").level
}

async fn embedded(faults: Vec<Fault>, behaviours: Vec<Behaviour>) -> Embedded {
    let clock = reference::Clock::Logical;
    let options = Options { faults, behaviours, clock, ..Options::default() };
    let judge = Arc::new(Judge::new(Arc::clone(&CONTRACT)));
    Embedded::start(options, TransportSettings::default(), judge).await.unwrap()
}

fn means(server: &Embedded) -> Capabilities {
    Capabilities::of(&server.project("means"), MainRole::Change)
}

async fn run(server: &Embedded, seed: u64, attempt: u32, steps: &[Step]) -> CaseResult {
    run_case(server.project("sequence"), Naming::new(seed, "sequence", attempt), steps).await
}

fn described(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Runs one sequence for each seed, and checks that only the rules in `warns` are violated.
async fn check_warnings(
    server: &Embedded,
    seeds: std::ops::Range<u64>,
    warns: &BTreeSet<&str>,
    what: &str,
) -> CaseResult {
    let mut all = CaseResult::default();
    for seed in seeds {
        let steps = generate(seed, 0, STEPS, &means(server));
        let result = run(server, seed, 0, &steps).await;
        for failure in &result.failures {
            let is_known = warns.contains(failure.rule) && level(failure.rule) != Level::Must;
            assert!(
                is_known,
                "{what}, seed {seed}: {}: {} ({}, not {}) at {} after {}",
                failure.rule,
                failure.title,
                failure.received,
                failure.expected,
                failure.at.name(),
                described(&steps[failure.evidence.steps.clone()])
            );
        }
        assert_eq!(result.abort, None, "{what}, seed {seed}");
        all.merge(result);
    }
    all
}

/// Fails at the third create of a slot, without a server.
fn third_incarnation(steps: &[Step]) -> Option<FailingStep<()>> {
    for slot in Slot::all() {
        let (mut incarnations, mut exists) = (0, false);
        for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.slot() == Some(slot)) {
            match step {
                Step::Create { .. } if !exists => (incarnations, exists) = (incarnations + 1, true),
                Step::Delete { .. } => exists = false,
                _ => {}
            }
            if incarnations == 3 {
                return Some(FailingStep { at, way: () });
            }
        }
    }
    None
}

#[tokio::test]
async fn a_sequence_is_shrunk_to_its_cause_with_plain_names() {
    let means = Capabilities { products: 20, has: Vec::new(), mains: MainRole::Change };
    let mut found = 0;
    for seed in 0..200 {
        let steps = generate(seed, 0, STEPS, &means);
        assert_eq!(steps, generate(seed, 0, STEPS, &means));
        let Some(first) = third_incarnation(&steps) else { continue };
        let small = shrink(steps.clone(), &first, |tried| tried < 1_000, async |steps| third_incarnation(&steps)).await;
        assert_eq!(described(&small.steps), "create a; delete a; create a; delete a; create a");
        assert!(!small.exhausted && small.from == steps.len() && small.attempts > 0);
        let cut = shrink(steps, &first, |tried| tried < 3, async |steps| third_incarnation(&steps)).await;
        assert!(cut.exhausted && cut.attempts == 3 && third_incarnation(&cut.steps).is_some());
        found += 1;
    }
    assert!(found > 20, "{found}");
}

thread_local! {
    static CLONES: Cell<usize> = const { Cell::new(0) };
}

/// A step without a name that counts its clones and may have endless candidates.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Counted {
    number: usize,
    is_endless: bool,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self { number: self.number, is_endless: self.is_endless }
    }
}

impl Shrinkable for Counted {
    type Name = ();

    fn simpler(&self) -> impl Iterator<Item = Option<Self>> {
        std::iter::repeat_with(|| None).take(if self.is_endless { usize::MAX } else { 0 })
    }

    fn name(&self) -> Option<()> {
        None
    }

    fn rename(&self, (): &(), (): &()) -> Self {
        self.clone()
    }

    fn pointing(&self, (): &()) -> Option<Self> {
        None
    }

    fn plain(_: usize) -> Option<()> {
        None
    }
}

#[tokio::test]
async fn no_candidate_is_created_after_the_budget_is_exhausted() {
    const LONG: usize = 1_500;
    let steps: Vec<_> = (0..LONG).map(|number| Counted { number, is_endless: false }).collect();
    let first = FailingStep { at: LONG - 1, way: () };
    let small = shrink(steps, &first, |tried| tried < 3, async |_| None).await;
    assert!(small.exhausted && small.attempts == 3, "{small:?}");
    assert!(CLONES.get() < 20 * LONG, "{}", CLONES.get());
}

#[tokio::test]
async fn a_search_without_runs_has_a_budget() {
    let first = FailingStep { at: 0, way: () };
    let steps = vec![Counted { number: 0, is_endless: true }];
    let small = shrink(steps, &first, |_| true, async |_| Some(FailingStep { at: 0, way: () })).await;
    assert!(small.exhausted && small.attempts == 0, "{small:?}");
}

#[tokio::test]
async fn a_search_without_runs_can_be_cancelled() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let first = FailingStep { at: 0, way: () };
    let steps = vec![Counted { number: 0, is_endless: true }];
    // The search is polled first: it must yield for the signal to take effect.
    tokio::select! {
        biased;
        small = shrink(steps, &first, |_| true, async |_| None) => panic!("{small:?}"),
        () = cancel.cancelled() => {}
    }
}

#[tokio::test]
async fn a_correct_server_passes_with_many_checks() {
    let server = embedded(Vec::new(), Vec::new()).await;
    let all = check_warnings(&server, 0..50, &BTreeSet::new(), "no behaviour").await;
    assert_eq!(all.foreign, [""; 0]);
    assert!(all.drift.is_empty(), "{:?}", all.drift);
    for (rule, least) in [
        ("invariant.single-main", 500),
        ("set-main.promotes", 200),
        ("set-main.demotes-previous", 30),
        ("set-main.idempotency-replay", 10),
        ("create.idempotency-replay", 10),
        ("create.duplicate", 30),
        ("update.replaces-products", 150),
        ("update.demote-rejected", 1),
        ("delete.removes", 100),
        ("delete.recreate", 10),
        ("delete.main", 20),
        ("list.pages-cover", 15),
        ("list.unknown-cursor", 5),
        ("auth.project-isolation", 1),
    ] {
        let checked = all.kept.get(rule).copied().unwrap_or_default();
        assert!(checked >= least, "{rule}: {checked}");
    }
    server.stop().await;
}

/// Fails when a create with a key is repeated after three effective writes, without a server.
fn forgotten_key(steps: &[Step]) -> Option<FailingStep<()>> {
    let mut alive = BTreeSet::new();
    let mut since = None;
    for (at, step) in steps.iter().enumerate() {
        let slot = step.slot().unwrap();
        let is_keyed = matches!(step, Step::Create { key: Some(_), .. });
        if is_keyed && since.is_some_and(|writes| writes >= 3) {
            return Some(FailingStep { at, way: () });
        }
        let is_done = match step {
            Step::Create { .. } => alive.insert(slot),
            Step::Delete { .. } => alive.remove(&slot),
            _ => alive.contains(&slot),
        };
        since = if is_keyed && since.is_none() { Some(0) } else { since.map(|writes| writes + u32::from(is_done)) };
    }
    None
}

#[tokio::test]
async fn a_delayed_setup_step_replaces_another_step() {
    let [a, f, g] = [0, 1, 2].map(|index| OfferingRef::Slot(Slot::plain(index).unwrap()));
    let create = |offering, key| Step::Create { offering, products: None, tag: Tag::Absent, key };
    let promote = Step::SetMain { offering: f, key: None };
    let steps = vec![
        create(a, None),
        create(f, None),
        create(g, Some(2)),
        Step::Delete { offering: a },
        promote,
        create(a, None),
        create(g, Some(2)),
    ];
    let first = forgotten_key(&steps).unwrap();
    let small = shrink(steps, &first, |tried| tried < 1_000, async |steps| forgotten_key(&steps)).await;
    assert_eq!(small.steps.len(), 5, "{}", described(&small.steps));
}

/// Fails when the fourth offering is created, without a server.
fn fourth_offering(steps: &[Step]) -> Option<FailingStep<()>> {
    let mut alive = BTreeSet::new();
    let mut created = 0;
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Create { .. } => created += u32::from(alive.insert(step.slot())),
            Step::Delete { .. } => drop(alive.remove(&step.slot())),
            _ => {}
        }
        if created == 4 {
            return Some(FailingStep { at, way: () });
        }
    }
    None
}

#[tokio::test]
async fn another_offering_replaces_a_second_incarnation() {
    let [a, f] = [0, 1].map(|index| OfferingRef::Slot(Slot::plain(index).unwrap()));
    let create = |offering| Step::Create { offering, products: None, tag: Tag::Absent, key: None };
    let delete = |offering| Step::Delete { offering };
    let steps = vec![create(a), create(f), delete(f), create(f), delete(f), create(f)];
    let first = fourth_offering(&steps).unwrap();
    let small = shrink(steps, &first, |tried| tried < 1_000, async |steps| fourth_offering(&steps)).await;
    assert_eq!(small.steps.len(), 4, "{}", described(&small.steps));
}

#[tokio::test]
async fn correct_behaviours_pass() {
    for behaviour in Behaviour::ALL {
        let server = embedded(Vec::new(), vec![behaviour]).await;
        let warns = Expectations::embedded().warns(behaviour).iter().map(String::as_str).collect();
        check_warnings(&server, 100..100 + seeds(1), &warns, behaviour.info().name).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn combinations_of_correct_behaviours_pass() {
    for seed in 0..seeds(3).min(30) {
        let behaviours = Behaviour::combination(seed);
        let warns =
            behaviours.iter().flat_map(|one| Expectations::embedded().warns(*one)).map(String::as_str).collect();
        let what = format!("{behaviours:?}");
        let server = embedded(Vec::new(), behaviours).await;
        check_warnings(&server, 200..200 + seeds(2), &warns, &what).await;
        server.stop().await;
    }
}

/// A project with one key and no fixtures, to which other clients write.
#[tokio::test]
async fn a_shared_project_passes_and_is_restored() {
    let server = embedded(Vec::new(), vec![Behaviour::OthersComeAndGo]).await;
    for seed in 0..12 {
        let mut project = server.project("shared");
        let key = project.client.keys().secret(KeyRole::Main).unwrap().clone();
        let keys = Credentials::default().with_key(KeyRole::Main, key);
        project.client =
            Client::new(Arc::clone(project.client.transport()), keys, Arc::clone(project.client.traffic()));
        project.fixtures = Arc::default();
        project.is_disposable = false;
        let mains = if seed % 2 == 0 { MainRole::Keep } else { MainRole::Change };
        let steps = generate(seed, 0, STEPS, &Capabilities::of(&project, mains));
        let others = async |project: &Project| {
            let snapshot = Session::new(project.clone()).walk(KeyRole::Main).await.unwrap();
            let others =
                snapshot.offerings.into_iter().filter(|o| ["onboarding", "winback", "legacy.row"].contains(&&*o.id));
            others
                .map(|mut o| {
                    if mains == MainRole::Change {
                        o.tag = None;
                        o.updated_at.clear();
                    }
                    o
                })
                .collect::<Vec<_>>()
        };
        let before = others(&project).await;
        let result = run_case(project.clone(), Naming::new(seed, "shared", 0), &steps).await;
        let found: Vec<_> = result.failures.iter().map(|failure| (failure.rule, &failure.title)).collect();
        assert!(found.is_empty(), "seed {seed}: {found:?} after {}", described(&steps));
        assert_eq!(others(&project).await, before);
    }
    server.stop().await;
}

/// The first violation of a sequence; of those of one step one of a rule that is not for every response.
fn violation(result: &CaseResult) -> Option<FailingStep<String>> {
    let catalogue = CONTRACT.rules();
    let is_general =
        |failure: &Failure| catalogue.rule(failure.rule).is_some_and(|rule| rule.scope == RuleScope::Response);
    let failure = result
        .failures
        .iter()
        .filter(|failure| level(failure.rule) == Level::Must)
        .min_by_key(|failure| (failure.evidence.steps.end, is_general(failure)))?;
    Some(FailingStep { at: failure.evidence.steps.end - 1, way: failure.fingerprint() })
}

/// The shortest shrunk sequence that shows a fault, and the most requests to shrink one. Stops at a sequence of
/// `enough` steps; `None` if no sequence shows it.
async fn shrink_shortest(server: &Embedded, seed: u64, enough: usize) -> Option<(Vec<Step>, u64)> {
    let attempt = AtomicU32::new(0);
    let next = || attempt.fetch_add(1, Ordering::Relaxed);
    let mut ways = Vec::new();
    let mut best: Option<Vec<Step>> = None;
    let mut most = 0;
    for index in 0..HISTORIES {
        let steps = generate(seed, index, STEPS, &means(server));
        let Some(first) = violation(&run(server, seed, next(), &steps).await) else { continue };
        if ways.contains(&first.way) {
            continue;
        }
        let before = server.traffic().requests();
        let spent = || server.traffic().requests() - before;
        let tried = |watch: SnapshotPolicy| {
            let next = &next;
            move |steps: Vec<Step>| {
                let naming = Naming::new(seed, "sequence", next());
                async move { violation(&run_with_snapshots(server.project("sequence"), naming, &steps, watch).await) }
            }
        };
        let has_budget = |_| spent() < MAX_REQUESTS;
        let small = shrink_by_both(
            steps,
            &first,
            has_budget,
            tried(SnapshotPolicy::LastStep),
            tried(SnapshotPolicy::EveryStep),
        )
        .await;
        most = most.max(spent());
        ways.push(first.way);
        if best.as_ref().is_none_or(|best| best.len() > small.steps.len()) {
            best = Some(small.steps);
        }
        if best.as_ref().is_some_and(|best| best.len() <= enough) {
            break;
        }
    }
    best.map(|best| (best, most))
}

#[derive(Default)]
struct Tally {
    caught: u64,
    longest: usize,
    example: Vec<Step>,
    requests: u64,
}

async fn tally(fault: Fault, shortest: usize, seeds: std::ops::Range<u64>) -> Tally {
    let server = embedded(vec![fault], Vec::new()).await;
    let mut tally = Tally::default();
    for seed in seeds {
        let Some((small, requests)) = shrink_shortest(&server, seed, shortest + 1).await else { continue };
        tally.caught += 1;
        tally.requests = tally.requests.max(requests);
        if small.len() > tally.longest {
            tally.longest = small.len();
            tally.example = small;
        }
    }
    server.stop().await;
    tally
}

/// With `QONFORM_TEST_SEEDS=20`, the layer must catch each fault for 19 of 20 seeds.
#[expect(clippy::print_stderr, reason = "a long run prints its measurements")]
#[tokio::test]
async fn deep_faults_are_shrunk_to_at_most_one_extra_step() {
    let count = seeds(1);
    let sample: &[Fault] =
        &[Fault::THIRD_PROMOTION_KEEPS_MAIN, Fault::UPDATE_AFTER_DUPLICATE, Fault::THIRD_LIFE_REFUSED];
    let faults: Vec<Fault> = if count > 1 { Fault::ALL.to_vec() } else { sample.to_vec() };
    let mut wrong = Vec::new();
    for fault in faults {
        let Some(shortest) = Expectations::embedded().fault(fault).shortest else { continue };
        let tally = tally(fault, shortest, 0..count).await;
        let is_good = tally.caught * 20 >= count * 19 && tally.longest <= shortest + 1 && tally.requests < 2_000;
        let line = format!(
            "{fault:34} {}/{count} caught, at most {} steps (shortest {shortest}) and {} requests: {}",
            tally.caught,
            tally.longest,
            tally.requests,
            described(&tally.example)
        );
        if count > 1 {
            eprintln!("{line}");
        }
        if !is_good {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "it prints its measurements")]
#[ignore = "200,000 requests: run it with --release --ignored"]
async fn a_soak_is_fast_and_does_not_leak_memory() {
    let server = Arc::new(embedded(Vec::new(), Vec::new()).await);
    let started = std::time::Instant::now();
    let mut warmed_up = 0;
    let mut index = 0;
    while server.traffic().requests() < 200_000 {
        let batch = (0..2).map(|job| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let steps = generate(1, index + job, STEPS, &means(&server));
                let project = server.project("soak");
                let result = run_case(project, Naming::new(1, &format!("soak-{}", index + job), 0), &steps).await;
                assert!(result.failures.is_empty());
            })
        });
        for job in batch.collect::<Vec<_>>() {
            job.await.unwrap();
        }
        index += 2;
        if warmed_up == 0 && server.traffic().requests() > 20_000 {
            warmed_up = resident();
        }
    }
    let rate = server.traffic().requests() as f64 / started.elapsed().as_secs_f64();
    let grown = resident().saturating_sub(warmed_up);
    eprintln!("{rate:.0} requests a second, {warmed_up} KiB after 20,000 requests, {grown} KiB more at the end");
    assert!(rate > 3_000.0, "{rate}");
    assert!(grown < 20 << 10, "{grown} KiB");
}
