//! Several clients at once: on a network that loses responses, in a project that others use, and played again.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::fake_server::{Next, Reference, Seen, Server, pass_on};
use super::program::{Place, Ran, end, qonform};

fn run(reference: &Reference, target: &str, more: &[&str]) -> Ran {
    let place = Place::new();
    let mut command = qonform(&place);
    command.envs(reference.variables.iter().cloned()).args(["run", "--layer", "race", "--target", target]).args(more);
    command.arg("--report").arg(format!("json={}", place.path().join("json").display()));
    end(command, place)
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

/// In front of the reference server: of some writes the response is lost after they were applied, of some the request.
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
fn a_write_whose_response_is_lost_may_have_been_applied_and_is_held_against_nobody() {
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
fn what_is_wrong_is_seen_through_a_network_that_loses_responses() {
    let reference = Reference::with_faults(&["race-set-main"]);
    let (server, _) = lossy(&reference);
    let more = ["--seed", "32", "--only", "race.set-main-atomic", "--jobs", "8"];
    let ran = run(&reference, &server.url(), &more);
    assert_eq!(ran.violated(), [r#""race.set-main-atomic""#], "{}", ran.stdout);
}

#[test]
fn races_go_no_further_than_the_run_may() {
    let reference = Reference::start();
    let target = reference.variable("QONFORM_TARGET");
    let before = reference.state();
    let kept = run(&reference, target, &["--keep-main", "--race-tries", "2", "--jobs", "4"]);
    assert_eq!(kept.code, Some(0), "{}", kept.stdout);
    for rule in ["race.set-main-atomic", "race.set-main-linearizable"] {
        assert_eq!(verdict(&kept, rule), ("skipped".into(), "it promotes, and the run is --keep-main".into()));
    }
    for rule in ["race.create-once", "race.idempotency-once", "race.update-whole", "race.delete-vs-update"] {
        assert_eq!(verdict(&kept, rule).0, "passed", "{rule}");
    }
    // Nothing promoted: the times of the main stay, too.
    assert_eq!(reference.state(), before);
    for (flag, reason) in [
        (&["--read-only"][..], "it writes, and the run is --read-only"),
        (&["--jobs", "1"], "several clients send at once, and the run is --jobs 1"),
    ] {
        let ran = run(&reference, target, flag);
        for rule in RULES {
            assert_eq!(verdict(&ran, rule), ("skipped".into(), reason.into()), "{rule}");
        }
        assert_eq!(ran.json()["summary"]["cases"], 0, "{flag:?}");
    }
}

#[test]
fn races_keep_the_pace_and_the_number_of_clients_that_were_asked_for() {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (under_way, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |seen, stream| {
        peak.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let answered = upstream.forward(seen);
        // Long enough that every client that may send meanwhile does.
        thread::sleep(Duration::from_millis(3));
        under_way.fetch_sub(1, Ordering::SeqCst);
        let (head, body) = answered?;
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

/// A client that makes other offerings main all the time.
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
fn what_somebody_else_does_to_the_project_is_not_held_against_the_server() {
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
fn a_race_is_played_again_by_what_its_report_says_of_it() {
    let broken = Reference::with_faults(&["race-delete-twice"]);
    let found = run(&broken, broken.variable("QONFORM_TARGET"), &["--only", "race.delete-vs-update", "--jobs", "8"]);
    assert_eq!(found.violated(), [r#""race.delete-vs-update""#], "{}", found.stdout);
    let report = found.json();
    let finding = report["findings"].as_array().unwrap().iter().find(|one| one["case"] == "race::delete-once").unwrap();
    // Shrunk: two clients that delete one offering.
    assert_eq!(
        finding["replay"]["program"]["clients"],
        serde_json::json!([[{ "delete": { "slot": 0 } }], [{ "delete": { "slot": 0 } }]])
    );
    let again = |reference: &Reference| {
        let place = Place::new();
        let mut command = qonform(&place);
        command.envs(reference.variables.iter().cloned()).args(["replay", "--jobs", "8"]);
        command.arg(found.place.path().join("json")).arg(finding["fingerprint"].as_str().unwrap());
        end(command, place)
    };
    let still = again(&broken);
    assert_eq!(still.code, Some(1), "{}{}", still.stdout, still.stderr);
    still.says("still shows");
    let right = Reference::start();
    let gone = again(&right);
    assert_eq!(gone.code, Some(0), "{}{}", gone.stdout, gone.stderr);
    gone.says("does not show any more");
}
