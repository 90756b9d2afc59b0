//! A run restores the target, however it ends.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fake_server::{Next, Reference, Seen, Server, json, pass_on};
use super::program::{Ran, TempFolder, end, qonform, wait};

/// A run on the reference server, or on a proxy in front of it.
fn run(reference: &Reference, folder: &TempFolder, more: &[&str]) -> Command {
    let mut command = qonform(folder);
    command.envs(reference.variables.iter().cloned()).arg("run").args(more);
    command
}

fn clean(reference: &Reference, folder: TempFolder, more: &[&str]) -> Ran {
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).arg("clean").args(more);
    end(command, folder)
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill can be run");
    assert!(sent.success());
}

/// Deterministic pseudo-random numbers.
fn pseudo_random(round: u64, below: u64) -> u64 {
    let mut x = round.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % below
}

/// Selections of the rounds; together they create, promote, use other projects and ids without a prefix.
const PARTS: [&str; 5] = ["set-main.*", "create.id-bounds", "*", "create.*,delete.*", "auth.*,update.*,delete.main"];

fn killed_and_cleaned(rounds: std::ops::Range<u64>) {
    let reference = Reference::start();
    let before = reference.state();
    let mut left_something = 0;
    for round in rounds {
        let folder = TempFolder::new();
        let only = PARTS[usize::try_from(round).unwrap() % PARTS.len()];
        let mut child =
            run(&reference, &folder, &["--seed", &round.to_string(), "--only", only]).spawn().expect("it starts");
        // One in five is killed at any moment from the start, the others after they began to write.
        let started = Instant::now();
        while round % 5 != 4 && folder.journals().is_empty() && started.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(2));
        }
        thread::sleep(Duration::from_millis(pseudo_random(round, 500)));
        child.kill().expect("SIGKILL can be sent");
        child.wait().expect("the child is ours");
        left_something += u32::from(reference.state() != before);
        let journals = folder.journals();
        let cleaned = clean(&reference, folder, &[]);
        assert_eq!(cleaned.code, Some(0), "round {round}: {}{}", cleaned.stdout, cleaned.stderr);
        assert_eq!(reference.state(), before, "round {round} ({only}), journals {journals:?}: {}", cleaned.stdout);
        assert!(cleaned.folder.journals().is_empty(), "a journal that was worked off is removed");
    }
    assert!(left_something >= 5, "the kills came at moments when there was something to clean: {left_something}");
}

#[test]
fn clean_undoes_a_run_killed_at_any_of_25_moments() {
    killed_and_cleaned(0..25);
}

#[test]
fn clean_undoes_a_run_killed_at_any_of_25_other_moments() {
    killed_and_cleaned(25..50);
}

/// Waits until the run has created something.
fn until_it_writes(reference: &Reference, before: &[serde_json::Value]) {
    let started = Instant::now();
    while reference.state() == before {
        assert!(started.elapsed() < Duration::from_secs(20), "the run writes nothing");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signals_end_a_run_after_cleaning_up() {
    for (name, moment) in [("-INT", 0), ("-TERM", 350), ("-HUP", 100)] {
        let reference = Reference::start();
        let before = reference.state();
        let folder = TempFolder::new();
        let started = Instant::now();
        let child = run(&reference, &folder, &["--seed", "11", "--rate", "150/s"]).spawn().expect("it starts");
        until_it_writes(&reference, &before);
        thread::sleep(Duration::from_millis(moment));
        signal(&child, name);
        let ran = wait(child, started, folder);
        assert_eq!(ran.code, Some(130), "{name}: {}", ran.stderr);
        assert_eq!(reference.state(), before, "{name}");
        ran.says("interrupted");
        assert!(ran.folder.journals().is_empty());
    }
}

#[test]
fn a_second_ctrl_c_exits_at_once_and_clean_does_the_rest() {
    let reference = Reference::start();
    let before = reference.state();
    let slow = reference.upstream();
    let server = Server::start(move |seen, stream| {
        thread::sleep(Duration::from_millis(if seen.method == "DELETE" { 3_000 } else { 1 }));
        let (head, body) = slow.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let folder = TempFolder::new();
    let more = ["--seed", "12", "--target", &server.url(), "--only", "set-main.*"];
    let started = Instant::now();
    let child = run(&reference, &folder, &more).spawn().expect("it starts");
    until_it_writes(&reference, &before);
    signal(&child, "-INT");
    thread::sleep(Duration::from_millis(200));
    signal(&child, "-INT");
    let ran = wait(child, started, folder);
    assert_eq!(ran.code, Some(130));
    ran.says("may be left on").says("remove them with `qonform clean`");
    // The deletions in flight may still arrive.
    thread::sleep(Duration::from_secs(3));
    let Ran { folder, .. } = ran;
    assert_eq!(folder.journals().len(), 1);
    let cleaned = clean(&reference, folder, &["--target", &server.url()]);
    assert_eq!(cleaned.code, Some(0), "{}{}", cleaned.stdout, cleaned.stderr);
    assert_eq!(reference.state(), before);
}

#[test]
fn fail_fast_and_a_time_limit_leave_nothing_behind() {
    let reference = Reference::start();
    let before = reference.state();
    let folder = TempFolder::new();
    let ran = end(run(&reference, &folder, &["--seed", "13", "--max-time", "3s", "--rate", "100/s"]), folder);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    ran.says("must rules are inconclusive").says("the limit of 3s");
    assert_eq!(reference.state(), before);
    assert!(ran.elapsed < Duration::from_secs(8), "{:?}", ran.elapsed);

    let upstream = reference.upstream();
    let wrong = Server::start(move |seen, stream| {
        let (head, body) = upstream.forward(seen)?;
        // Every promotion returns another offering.
        let head = if seen.path.ends_with("/set-main") { head.replace("200 OK", "202 Accepted") } else { head };
        pass_on(stream, &head, &body)
    });
    let folder = TempFolder::new();
    let more = ["--seed", "14", "--fail-fast", "--target", &wrong.url(), "--only", "set-main.*"];
    let ran = end(run(&reference, &folder, &more), folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    ran.says("--fail-fast");
    assert_eq!(reference.state(), before);
}

#[test]
fn an_id_that_the_server_made_of_a_number_is_removed() {
    let reference = Reference::with_faults(&["id-number-coerced"]);
    let before = reference.state();
    let folder = TempFolder::new();
    let ran = end(run(&reference, &folder, &["--seed", "1", "--layer", "scenario", "--fail-fast"]), folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    ran.says("create.id-invalid");
    assert_eq!(reference.state(), before);
}

#[test]
fn a_key_rejected_during_the_run_ends_it_without_a_violation() {
    let reference = Reference::start();
    let before = reference.state();
    let (upstream, count) = (reference.upstream(), AtomicUsize::new(0));
    let server = Server::start(move |seen, stream| {
        if count.fetch_add(1, Ordering::Relaxed) < 200 {
            let (head, body) = upstream.forward(seen)?;
            return pass_on(stream, &head, &body);
        }
        let body = r#"{"error":{"type":"request","code":"control_unauthorized","message":"no"}}"#;
        stream.write_all(&json("401 Unauthorized", body)).map(|()| Next::Stay)
    });
    let folder = TempFolder::new();
    let report = folder.path().join("json");
    let mut command = run(&reference, &folder, &["--seed", "15", "--target", &server.url(), "--only", "create.*"]);
    command.arg("--report").arg(format!("json={}", report.display()));
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    ran.says("the target rejects the key that it accepted before: 401");
    assert_eq!(ran.violated(), [""; 0]);
    let left = ran.json()["left_behind"].to_string();
    assert!(left.contains("qf-"), "{left}");
    // With a key that is accepted again, clean processes the journal, which names the address that now rejects it.
    let Ran { folder, .. } = ran;
    let journal = folder.journals().remove(0);
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replace(&server.address.to_string(), &reference.address.to_string())).unwrap();
    let cleaned = clean(&reference, folder, &[]);
    assert_eq!(cleaned.code, Some(0), "{}{}", cleaned.stdout, cleaned.stderr);
    assert_eq!(reference.state(), before);
}

#[test]
fn a_main_that_the_server_does_not_delete_is_a_note() {
    let reference = Reference::with(&["--behaviour", "delete-main-409"]);
    let folder = TempFolder::new();
    let ran = end(run(&reference, &folder, &["--seed", "17", "--only", "create.first-is-main,delete.*"]), folder);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    ran.says("the server does not delete a main offering: qf-");
    assert_eq!(reference.list(reference.variable("QONFORM_EMPTY_TOKEN")).len(), 1);
    assert!(ran.folder.journals().is_empty(), "nothing is left to be removed");
}

/// Offerings of the team are not promoted in place of a deleted main, or are regular again at the end.
#[test]
fn a_main_that_the_server_promotes_is_regular_again() {
    for more in [&["--only", "delete.*"][..], &["--only", "delete.*", "--shared"], &["--layer", "sequence", "--shared"]]
    {
        let reference = Reference::with(&["--behaviour", "delete-main-promotes"]);
        let before = reference.state();
        let folder = TempFolder::new();
        let ran = end(run(&reference, &folder, &[&["--seed", "19"], more].concat()), folder);
        assert_eq!(ran.code, Some(0), "{more:?}: {}", ran.stdout);
        assert_eq!(reference.state(), before, "{more:?}: {}", ran.stdout);
    }
}

#[test]
fn a_defect_that_only_cleaning_up_shows_is_reported() {
    let reference = Reference::with_faults(&["third-deletion-restores-first"]);
    let folder = TempFolder::new();
    let ran = end(run(&reference, &folder, &["--seed", "18", "--only", "create.echo,delete.removes"]), folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    ran.says("delete.removes");
}

#[test]
fn clean_lists_and_retries_what_cannot_be_removed() {
    let reference = Reference::start();
    let before = reference.state();
    let (upstream, refusing) = (reference.upstream(), Arc::new(AtomicUsize::new(1)));
    let switch = Arc::clone(&refusing);
    let server = Server::start(move |seen: &Seen, stream| {
        if seen.method == "DELETE" && refusing.load(Ordering::Relaxed) == 1 {
            let body = r#"{"error":{"type":"logical","code":"locked","message":"no"}}"#;
            return stream.write_all(&json("422 Unprocessable Entity", body)).map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let target = server.url();
    let folder = TempFolder::new();
    let ran = end(run(&reference, &folder, &["--seed", "16", "--target", &target, "--only", "create.echo"]), folder);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    ran.says("422 locked").says("qonform clean");
    let Ran { folder, .. } = ran;
    let again = clean(&reference, folder, &["--target", &target]);
    assert_eq!(again.code, Some(3));
    again.says("left behind").says("422 locked");
    switch.store(0, Ordering::Relaxed);
    let Ran { folder, .. } = again;
    let done = clean(&reference, folder, &["--target", &target]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert_eq!(reference.state(), before);
}

/// A journal of a run that was killed while it wrote.
fn killed(reference: &Reference, seed: &str) -> TempFolder {
    let before = reference.state();
    let folder = TempFolder::new();
    let mut child = run(reference, &folder, &["--seed", seed, "--only", "set-main.*"]).spawn().expect("it starts");
    until_it_writes(reference, &before);
    child.kill().unwrap();
    child.wait().unwrap();
    folder
}

#[test]
fn clean_touches_neither_another_target_nor_another_project() {
    let reference = Reference::start();
    let folder = killed(&reference, "17");
    let dirty = reference.state();
    let journal = folder.journals().remove(0).display().to_string();
    let elsewhere = clean(&reference, folder, &["--journal", &journal, "--target", "http://127.0.0.1:1/v4"]);
    assert_eq!(elsewhere.code, Some(2), "{}{}", elsewhere.stdout, elsewhere.stderr);
    elsewhere.says("its run was on");
    // The key of the second project instead of the first.
    let Ran { folder, .. } = elsewhere;
    let mut command = qonform(&folder);
    command.env("QONFORM_TOKEN", reference.variable("QONFORM_SECOND_TOKEN")).arg("clean");
    let wrong_key = end(command, folder);
    assert_eq!(wrong_key.code, Some(3), "{}{}", wrong_key.stdout, wrong_key.stderr);
    wrong_key.says("opens another project");
    assert_eq!(reference.state(), dirty);
    let Ran { folder, .. } = wrong_key;
    fs::write(folder.path().join("qonform").join("broken.journal"), "not a journal\n").unwrap();
    let broken = clean(&reference, folder, &[]);
    assert_eq!(broken.code, Some(3), "{}", broken.stdout);
    broken.says("is not a journal header");
}

#[test]
fn clean_by_prefix_removes_only_ids_with_the_prefix() {
    let reference = Reference::start();
    let folder = killed(&reference, "18");
    let journal = fs::read_to_string(folder.journals().remove(0)).unwrap();
    let head: serde_json::Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    let prefix = head["prefix"].as_str().unwrap();
    let cleaned = clean(&reference, folder, &["--prefix", prefix]);
    assert_eq!(cleaned.code, Some(0), "{}", cleaned.stdout);
    let ids: Vec<_> = reference.state().iter().map(|offering| offering["id"].to_string()).collect();
    assert_eq!(ids.len(), 6, "the four regular offerings of the one project and the two of the other stay: {ids:?}");
    let Ran { folder, .. } = cleaned;
    let refused = clean(&reference, folder, &["--prefix", "winback"]);
    assert_eq!(refused.code, Some(2));
}

#[test]
fn an_existing_journal_is_not_overwritten() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let journal = folder.path().join("mine");
    fs::write(&journal, "of another run\n").unwrap();
    let ran = end(run(&reference, &folder, &["--journal", &journal.display().to_string()]), folder);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran.says("it exists, from a run");
    assert_eq!(fs::read_to_string(&journal).unwrap(), "of another run\n");
}

#[test]
fn no_create_is_sent_when_it_cannot_be_journalled() {
    let reference = Reference::start();
    let before = reference.state();
    let folder = TempFolder::new();
    let nowhere = folder.path().join("file");
    fs::write(&nowhere, "").unwrap();
    let ran = end(run(&reference, &folder, &["--journal", &nowhere.join("journal").display().to_string()]), folder);
    assert!([Some(2), Some(3)].contains(&ran.code), "{:?} {}", ran.code, ran.stderr);
    ran.says("the journal");
    assert_eq!(reference.state(), before);
}

#[test]
fn a_panic_restores_the_target() {
    use qonform::contract::Contract;
    use qonform::exchange::{KeyRole, Secret};
    use qonform::run::{self, Event, External, Isolation, Production, Selection, Settings, TargetSettings};

    let reference = Reference::start();
    let before = reference.state();
    let folder = TempFolder::new();
    let settings = Settings {
        target: TargetSettings::External(External {
            url: reference.variable("QONFORM_TARGET").to_owned(),
            keys: [(KeyRole::Main, Secret::new(reference.variable("QONFORM_TOKEN")))].into(),
            products: Vec::new(),
            variant: None,
            second_product: None,
            headers: Vec::new(),
            production: Production::Denied,
            isolation: Isolation::Exclusive,
        }),
        selection: Selection::default(),
        seed: 19,
        journal: Some(folder.path().join("journal")),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = AtomicUsize::new(0);
    let dirty = std::sync::Mutex::new(false);
    let events = |event: Event| {
        if let Event::CaseEnded { .. } = event {
            let state = reference.state();
            let is_dirty = state != before;
            *dirty.lock().unwrap() |= is_dirty;
            assert!(!is_dirty || cases.fetch_add(1, Ordering::Relaxed) < 3, "a bug of ours");
        }
    };
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let contract = Arc::new(Contract::embedded());
        runtime.block_on(run::run(&settings, contract, &events, tokio_util::sync::CancellationToken::new()))
    }));
    assert!(panicked.is_err(), "the panic is not swallowed");
    assert!(*dirty.lock().unwrap(), "something of the run was there when it came");
    assert_eq!(reference.state(), before);
    assert!(!folder.path().join("journal").exists());
}

/// Ends a run while it minimizes findings: all cases have ended, and this write belongs to that.
#[derive(Debug, Default)]
struct EndsLate {
    cancel: tokio_util::sync::CancellationToken,
    planned: AtomicUsize,
    ended: AtomicUsize,
    writes: AtomicUsize,
}

impl qonform::exchange::ExchangeObserver for EndsLate {
    fn record(&self, recorded: &qonform::exchange::Recorded<'_>) {
        let planned = self.planned.load(Ordering::Relaxed);
        let is_over = planned > 0 && self.ended.load(Ordering::Relaxed) == planned;
        if is_over && recorded.request.is_write() && self.writes.fetch_add(1, Ordering::Relaxed) == 0 {
            self.cancel.cancel();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_ended_while_minimizing_cleans_up() {
    use qonform::contract::Contract;
    use qonform::exchange::{ExchangeObserver, KeyRole, Secret, TransportSettings};
    use qonform::finding::Ending;
    use qonform::run::{self, Event, External, Layer, NamePattern, Production, Selection, Settings, TargetSettings};

    let reference = Reference::with_faults(&["update-id-renames"]);
    let before = reference.state();
    let (folder, ends_late) = (TempFolder::new(), Arc::new(EndsLate::default()));
    let contract = Arc::new(Contract::embedded());
    let settings = Settings {
        target: TargetSettings::External(External {
            url: reference.variable("QONFORM_TARGET").to_owned(),
            keys: [(KeyRole::Main, Secret::new(reference.variable("QONFORM_TOKEN")))].into(),
            products: Vec::new(),
            variant: None,
            second_product: None,
            headers: Vec::new(),
            production: Production::Denied,
            isolation: qonform::run::Isolation::Exclusive,
        }),
        selection: Selection {
            only: vec![NamePattern::of("update.id-immutable", contract.rules()).unwrap()],
            ..Selection::default()
        },
        layers: Some([Layer::Input].into()),
        inputs: 2,
        seed: 1,
        journal: Some(folder.path().join("journal")),
        transport: TransportSettings {
            observers: vec![Arc::clone(&ends_late) as Arc<dyn ExchangeObserver>],
            ..TransportSettings::default()
        },
        ..Settings::default()
    };
    let events = |event: Event| match event {
        Event::Started { cases } => ends_late.planned.store(cases, Ordering::Relaxed),
        Event::CaseEnded { .. } => _ = ends_late.ended.fetch_add(1, Ordering::Relaxed),
        Event::Violation { .. } | Event::SlowedDown { .. } | Event::Cleaning => {}
    };
    let outcome = run::run(&settings, contract, &events, ends_late.cancel.clone()).await.unwrap();
    assert!(ends_late.cancel.is_cancelled(), "nothing was made smaller");
    assert_eq!(outcome.ending, Ending::Interrupted);
    assert!(outcome.findings.iter().any(|finding| finding.rule == "update.id-immutable"), "{:?}", outcome.findings);
    assert_eq!(outcome.left_behind, Vec::<String>::new());
    assert_eq!(reference.state(), before);
    assert!(!folder.path().join("journal").exists());
}
