//! Races: on a network that loses responses, in a shared project, and replayed.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::fake_server::{Next, Reference, Seen, Server, pass_on};
use super::program::{Ran, TempFolder, end, qonform};

fn run(reference: &Reference, target: &str, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--layer", "race", "--target", target]).args(more);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    end(command, folder)
}

/// The verdict of a rule, and the reason for it.
fn verdict(ran: &Ran, rule: &str) -> (String, String) {
    let report = ran.json();
    let found = report["rules"].as_array().unwrap().iter().find(|known| known["id"] == rule).unwrap();
    (found["verdict"].as_str().unwrap().to_owned(), found["reason"].as_str().unwrap_or_default().to_owned())
}

const RULES: [&str; 7] = [
    "race.set-main-atomic",
    "race.set-main-linearizable",
    "race.create-once",
    "race.idempotency-once",
    "race.update-whole",
    "race.delete-vs-update",
    "race.first-create",
];

/// A proxy of the reference server that loses some writes, and the responses to others.
fn lossy(reference: &Reference) -> (Server, Arc<AtomicUsize>) {
    let (upstream, count, lost) = (reference.upstream(), AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let losing = Arc::clone(&lost);
    let response = move |seen: &Seen, stream: &mut TcpStream| {
        let number = if seen.method == "GET" { 0 } else { count.fetch_add(1, Ordering::Relaxed) };
        if number % 37 == 11 {
            losing.fetch_add(1, Ordering::Relaxed);
            return Ok(Next::Close);
        }
        let (head, body) = upstream.forward(seen)?;
        if number % 31 == 17 {
            losing.fetch_add(1, Ordering::Relaxed);
            return Ok(Next::Close);
        }
        pass_on(stream, &head, &body)
    };
    (Server::start(response), lost)
}

#[test]
fn a_write_without_a_response_is_no_violation() {
    let reference = Reference::start();
    let before = reference.state();
    let (server, lost) = lossy(&reference);
    let ran = run(&reference, &server.url(), &["--seed", "31", "--race-tries", "6", "--jobs", "8"]);
    assert_eq!(ran.violated(), [""; 0], "{}", ran.stdout);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(lost.load(Ordering::Relaxed) > 20, "{lost:?} writes were lost");
    for rule in RULES {
        assert_eq!(verdict(&ran, rule).0, "passed", "{rule}: {}", verdict(&ran, rule).1);
    }
    assert_eq!(reference.state(), before);
}

#[test]
fn faults_are_found_on_a_network_that_loses_responses() {
    let reference = Reference::with_faults(&["race-set-main"]);
    let (server, _) = lossy(&reference);
    let more = ["--seed", "32", "--only", "race.set-main-atomic", "--jobs", "8"];
    let ran = run(&reference, &server.url(), &more);
    assert_eq!(ran.violated(), [r#""race.set-main-atomic""#], "{}", ran.stdout);
}

#[test]
fn races_respect_the_limits_of_the_run() {
    let reference = Reference::start();
    let target = reference.variable("QONFORM_TARGET");
    let before = reference.state();
    let kept = run(&reference, target, &["--keep-main", "--race-tries", "2", "--jobs", "4"]);
    assert_eq!(kept.code, Some(0), "{}", kept.stdout);
    for rule in ["race.set-main-atomic", "race.set-main-linearizable"] {
        assert_eq!(
            verdict(&kept, rule),
            ("skipped".into(), "it promotes an offering, which --keep-main excludes".into())
        );
    }
    for rule in ["race.create-once", "race.idempotency-once", "race.update-whole", "race.delete-vs-update"] {
        assert_eq!(verdict(&kept, rule).0, "passed", "{rule}");
    }
    // No promotion: the timestamps of the main do not change.
    assert_eq!(reference.state(), before);
    for (flag, reason) in [
        (&["--read-only"][..], "it writes, which --read-only excludes"),
        (&["--jobs", "1"], "it needs several clients, which --jobs 1 excludes"),
    ] {
        let ran = run(&reference, target, flag);
        for rule in RULES {
            assert_eq!(verdict(&ran, rule), ("skipped".into(), reason.into()), "{rule}");
        }
        assert_eq!(ran.json()["summary"]["cases"], 0, "{flag:?}");
    }
}

#[test]
fn races_respect_the_rate_and_the_number_of_clients() {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (under_way, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |seen, stream| {
        peak.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let response = upstream.forward(seen);
        // Long enough for every client to send.
        thread::sleep(Duration::from_millis(3));
        under_way.fetch_sub(1, Ordering::SeqCst);
        let (head, body) = response?;
        pass_on(stream, &head, &body)
    });
    let case = ["--only", "race.delete-vs-update", "--race-tries", "2"];
    let ran = run(&reference, &server.url(), &[&case[..], &["--jobs", "3"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let peak = most.load(Ordering::SeqCst);
    assert!((2..=3).contains(&peak), "{peak} requests at once");
    let pace = ["--rate", "50/s", "--max-time", "2s", "--jobs", "4"];
    let ran = run(&reference, &server.url(), &[&case[..], &pace].concat());
    let requests = ran.json()["summary"]["requests"].as_u64().unwrap();
    assert!((2..=150).contains(&requests), "{requests} requests in two seconds");
}

/// A client that promotes offerings all the time.
fn meddler(reference: &Reference) -> (thread::JoinHandle<u32>, Arc<AtomicBool>) {
    let (upstream, key) = (reference.upstream(), reference.variable("QONFORM_TOKEN").to_owned());
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    let meddling = thread::spawn(move || {
        let mut times = 0;
        while !end.load(Ordering::SeqCst) {
            let id = ["winback", "onboarding"][times as usize % 2];
            let path = format!("/v4/offerings/{id}/set-main");
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 0\r\n\r\n");
            let (head, _) = upstream.forward(&Seen { method: "POST".into(), path, head, body: Vec::new() }).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            times += 1;
            thread::sleep(Duration::from_millis(7));
        }
        times
    });
    (meddling, ended)
}

#[test]
fn changes_by_another_client_are_no_violation() {
    let reference = Reference::start();
    let (meddling, ended) = meddler(&reference);
    let more = ["--shared", "--race-tries", "5", "--jobs", "8", "--only", "race.set-main*,race.update-whole"];
    let ran = run(&reference, reference.variable("QONFORM_TARGET"), &more);
    ended.store(true, Ordering::SeqCst);
    assert!(meddling.join().unwrap() > 10);
    assert_eq!(ran.violated(), [""; 0], "{}", ran.stdout);
    let (verdict, reason) = verdict(&ran, "race.set-main-linearizable");
    assert!(verdict == "inconclusive" && reason.contains("another client"), "{verdict}: {reason}\n{}", ran.stdout);
}

#[test]
fn cases_that_another_client_disturbed_run_again_at_the_end() {
    let reference = Reference::start();
    let (meddling, ended) = meddler(&reference);
    let ending = thread::spawn(move || {
        thread::sleep(Duration::from_secs(3));
        ended.store(true, Ordering::SeqCst);
        meddling.join().unwrap()
    });
    let more = ["--shared", "--race-tries", "5", "--jobs", "8", "--only", "race.set-main*"];
    let ran = run(&reference, reference.variable("QONFORM_TARGET"), &more);
    assert!(ending.join().unwrap() > 10);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert_eq!(verdict(&ran, "race.set-main-linearizable").0, "passed", "{}", ran.stdout);
}

#[test]
fn a_promotion_between_the_last_reads_is_no_violation() {
    let reference = Reference::start();
    let (upstream, key) = (reference.upstream(), reference.variable("QONFORM_TOKEN").to_owned());
    let server = Server::start(move |seen, stream| {
        if seen.method == "GET" && seen.path.ends_with(".1") {
            // The last list, which is read at the same time, shows nothing of it.
            thread::sleep(Duration::from_millis(30));
            let path = "/v4/offerings/winback/set-main".to_owned();
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 0\r\n\r\n");
            upstream.forward(&Seen { method: "POST".into(), path, head, body: Vec::new() })?;
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let more = ["--shared", "--race-tries", "5", "--jobs", "8", "--only", "race.set-main-linearizable"];
    let ran = run(&reference, &server.url(), &more);
    assert_eq!(ran.violated(), [""; 0], "{}", ran.stdout);
    let (verdict, reason) = verdict(&ran, "race.set-main-linearizable");
    assert!(verdict == "inconclusive" && reason.contains("another client"), "{verdict}: {reason}\n{}", ran.stdout);
}

#[test]
fn a_race_is_replayed_from_its_report() {
    let broken = Reference::with_faults(&["race-delete-twice"]);
    let found = run(&broken, broken.variable("QONFORM_TARGET"), &["--only", "race.delete-vs-update", "--jobs", "8"]);
    assert_eq!(found.violated(), [r#""race.delete-vs-update""#], "{}", found.stdout);
    let report = found.json();
    let finding = report["findings"].as_array().unwrap().iter().find(|one| one["case"] == "race::delete-once").unwrap();
    // Minimized: two clients that delete one offering.
    assert_eq!(
        finding["replay"]["program"]["clients"],
        serde_json::json!([[{ "delete": { "slot": 0 } }], [{ "delete": { "slot": 0 } }]])
    );
    let again = |reference: &Reference| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.envs(reference.variables.iter().cloned()).args(["replay", "--jobs", "8"]);
        command.arg(found.folder.path().join("json")).arg(finding["fingerprint"].as_str().unwrap());
        end(command, folder)
    };
    let still = again(&broken);
    assert_eq!(still.code, Some(1), "{}{}", still.stdout, still.stderr);
    still.says("still fails");
    let right = Reference::start();
    let gone = again(&right);
    assert_eq!(gone.code, Some(0), "{}{}", gone.stdout, gone.stderr);
    gone.says("no longer fails");
}
