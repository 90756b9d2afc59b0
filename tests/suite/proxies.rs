//! What stands in front of a correct server: rate limits, outages and caches.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::fake_server::{Next, Reference, Seen, Server, always, header, pass_on, response};
use super::program::{Ran, TempFolder, end, qonform, run_on};

const PAGE: &[u8] = b"<html><body><h1>not the API</h1></body></html>";

fn html(status: &str, headers: &str) -> Vec<u8> {
    response(status, &format!("content-type: text/html\r\n{headers}"), PAGE)
}

fn run(reference: &Reference, server: &Server, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--target", &server.url()]).args(more);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    end(command, folder)
}

/// The run found nothing wrong, decided everything and left nothing.
#[track_caller]
fn is_whole(ran: &Ran, reference: &Reference, before: &[serde_json::Value]) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.violated(), [""; 0], "{}", ran.stdout);
    assert_eq!(ran.json()["summary"]["inconclusive"], 0, "{}", ran.stdout);
    assert_eq!(reference.state(), before);
    assert!(ran.folder.journals().is_empty());
}

/// A limit of `rate` requests per second that tolerates `burst` more, as nginx's `limit_req`.
fn limited(reference: &Reference, rate: f64, burst: f64, busy: Vec<u8>) -> (Server, &'static AtomicUsize) {
    let upstream = reference.upstream();
    let bucket = Mutex::new((0.0_f64, Instant::now()));
    let rejected: &'static AtomicUsize = Box::leak(Box::default());
    let server = Server::start(move |seen, stream| {
        let is_allowed = {
            let mut bucket = bucket.lock().unwrap();
            let now = Instant::now();
            let excess = (bucket.0 - rate * (now.saturating_duration_since(bucket.1)).as_secs_f64()).max(-1.0) + 1.0;
            if excess <= burst {
                *bucket = (excess, now);
            }
            excess <= burst
        };
        if !is_allowed {
            rejected.fetch_add(1, Ordering::Relaxed);
            return stream.write_all(&busy).map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    (server, rejected)
}

#[test]
fn a_run_stays_just_below_a_rate_limit_and_says_so() {
    let reference = Reference::start();
    let before = reference.state();
    for busy in [html("503 Service Temporarily Unavailable", ""), html("429 Too Many Requests", "retry-after: 1\r\n")] {
        let (server, rejected) = limited(&reference, 30.0, 10.0, busy);
        let ran =
            run(&reference, &server, &["--seed", "81", "--only", "update.partial,delete.*", "--layer", "scenario"]);
        is_whole(&ran, &reference, &before);
        ran.says("the target allows about ").says(" requests/s");
        let (all, rejected) = (server.seen().len(), rejected.load(Ordering::Relaxed));
        assert!(rejected > 0 && rejected * 10 < all, "{rejected} of {all} requests were rejected");
    }
}

#[test]
fn a_race_waits_for_the_rate_together() {
    let reference = Reference::start();
    let before = reference.state();
    let (server, _) = limited(&reference, 60.0, 20.0, html("503 Service Temporarily Unavailable", ""));
    let ran = run(&reference, &server, &["--seed", "82", "--only", "race.create-once", "--layer", "race"]);
    is_whole(&ran, &reference, &before);
    assert!(ran.json()["summary"]["passed"].as_u64() > Some(0));
}

/// A backend that is away for `gap` in every `period`; meanwhile `away` responds.
fn interrupted(
    reference: &Reference,
    period: Duration,
    gap: Duration,
    away: impl Fn(&Seen, &mut std::net::TcpStream) -> std::io::Result<Next> + Send + Sync + 'static,
) -> Server {
    let (upstream, started) = (reference.upstream(), Instant::now());
    Server::start(move |seen, stream| {
        let phase = started.elapsed().as_nanos() % period.as_nanos();
        if phase < gap.as_nanos() {
            return away(seen, stream);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    })
}

#[test]
fn a_backend_that_is_away_for_a_moment_is_waited_for() {
    let reference = Reference::start();
    let before = reference.state();
    let (period, gap) = (Duration::from_millis(1500), Duration::from_millis(400));
    let only = ["--seed", "83", "--only", "create.echo,update.*,delete.*", "--layer", "scenario"];
    let closing = interrupted(&reference, period, gap, |_, _| Ok(Next::Close));
    let ran = run(&reference, &closing, &only);
    is_whole(&ran, &reference, &before);
    assert!(ran.json()["summary"]["retries"].as_u64() > Some(0));
    for (status, period) in [("502 Bad Gateway", period), ("503 Service Unavailable", 4 * period)] {
        let server = interrupted(&reference, period, gap, move |_, stream| {
            stream.write_all(&html(status, "")).map(|()| Next::Stay)
        });
        let ran = run(&reference, &server, &only);
        is_whole(&ran, &reference, &before);
        assert!(!ran.stdout.contains("allows about"), "an outage shows no rate: {}", ran.stdout);
    }
}

#[test]
fn a_write_that_was_applied_behind_a_502_is_found_by_reading() {
    let reference = Reference::start();
    let before = reference.state();
    let (upstream, count) = (reference.upstream(), AtomicUsize::new(0));
    let server = Server::start(move |seen, stream| {
        let (head, body) = upstream.forward(seen)?;
        if seen.method != "GET" && count.fetch_add(1, Ordering::Relaxed) % 40 == 39 {
            return stream.write_all(&html("502 Bad Gateway", "")).map(|()| Next::Stay);
        }
        pass_on(stream, &head, &body)
    });
    let ran = run(
        &reference,
        &server,
        &["--seed", "84", "--only", "create.echo,update.partial,delete.removes,set-main.promotes"],
    );
    is_whole(&ran, &reference, &before);
}

#[test]
fn a_502_that_only_one_request_gets_is_judged() {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let server = Server::start(move |seen, stream| {
        if seen.method == "PATCH" && header(&seen.head, "content-length").is_some_and(|length| length == "2") {
            return stream.write_all(&html("502 Bad Gateway", "")).map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let ran = run(
        &reference,
        &server,
        &["--seed", "85", "--only", "update.empty-body,response.no-server-error", "--layer", "scenario"],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    ran.says("response.no-server-error");
}

#[test]
fn a_proxy_without_a_backend_ends_the_run_soon() {
    for status in ["502 Bad Gateway", "504 Gateway Time-out"] {
        let server = always(html(status, ""));
        run_on(&server.url(), &[])
            .is_sane(3, Duration::from_secs(10))
            .says("a proxy returned 50")
            .says("is the API running?");
    }
    let server = always(html("503 Service Unavailable", ""));
    run_on(&server.url(), &[]).is_sane(3, Duration::from_secs(10)).says("rate limit");
}

/// A cache of one second for every successful GET.
fn cached(reference: &Reference) -> Server {
    type Saved = HashMap<String, (Instant, String, Vec<u8>)>;
    let (upstream, saved) = (reference.upstream(), Mutex::new(Saved::new()));
    Server::start(move |seen, stream| {
        let key = format!("{} {:?}", seen.path, header(&seen.head, "authorization"));
        let hit = saved.lock().unwrap().get(&key).filter(|(at, ..)| at.elapsed() < Duration::from_secs(1)).cloned();
        if let Some((_, head, body)) = hit.filter(|_| seen.method == "GET") {
            return pass_on(stream, &head, &body);
        }
        let (head, body) = upstream.forward(seen)?;
        if seen.method == "GET" && head.starts_with("HTTP/1.1 200") {
            saved.lock().unwrap().insert(key, (Instant::now(), head.clone(), body.clone()));
        }
        pass_on(stream, &head, &body)
    })
}

#[test]
fn a_cache_is_one_finding_and_nothing_is_left_behind_it() {
    let reference = Reference::start();
    let before = reference.state();
    let only = "create.echo,create.readable,delete.removes,set-main.*,update.partial,list.agrees-with-get,invariant.*";
    for (seed, layer) in [("86", &["scenario", "--only", only][..]), ("87", &["race", "--race-tries", "2"])] {
        // An own cache for each run: the list that a run reads first must not be that of the run before.
        let server = cached(&reference);
        let ran = run(&reference, &server, &[&["--seed", seed, "--layer"], layer].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        let findings = ran.json()["findings"].as_array().expect("findings").clone();
        let rules: Vec<_> = findings.iter().map(|finding| &finding["rule"]).collect();
        assert_eq!(rules, ["list.agrees-with-get"], "{}", ran.stdout);
        ran.says("outdated");
        assert_eq!(reference.state(), before, "{}", ran.stdout);
        assert!(ran.folder.journals().is_empty());
    }
}
