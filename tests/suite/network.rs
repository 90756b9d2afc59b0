//! Network errors are not violations.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::fake_server::{Next, Reference, Seen, Server, header, in_front_of, json, pass_on, response};
use super::program::{KEY, Ran, TempFolder, end, qonform, run_on};

fn run(reference: &Reference, target: &str, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--target", target]).args(more);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    end(command, folder)
}

#[test]
fn a_correct_server_with_20_ms_latency_passes() {
    let reference = Reference::start();
    let before = reference.state();
    let server = in_front_of(&reference, |_, head, body| {
        thread::sleep(Duration::from_millis(20));
        (head, body)
    });
    // The release build runs the slow half: these cases cover every operation and the promotions.
    let ran =
        run(&reference, &server.url(), &["--seed", "21", "--only", "create.*,get.*,update.*,delete.*,set-main.*"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let summary = &ran.json()["summary"];
    assert_eq!((&summary["inconclusive"], &summary["violated"]), (&0.into(), &0.into()));
    assert!(summary["passed"].as_u64() > Some(40), "{summary}");
    assert_eq!(reference.state(), before);
}

#[test]
fn closed_connections_are_reopened_and_writes_not_repeated() {
    let reference = Reference::start();
    let before = reference.state();
    let (upstream, count) = (reference.upstream(), AtomicUsize::new(0));
    let server = Server::start(move |seen, stream| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        match number % 23 {
            // The request is lost.
            7 => return Ok(Next::Close),
            // The request is applied and its response is lost, half of it or all.
            15 => {
                let (head, _) = upstream.forward(seen)?;
                stream.write_all(&head.as_bytes()[..head.len() / 2])?;
                return Ok(Next::Close);
            }
            _ => {}
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)?;
        // Closed after a valid response: the next request finds the connection closed.
        Ok(if number % 5 == 0 { Next::Close } else { Next::Stay })
    });
    let ran =
        run(&reference, &server.url(), &["--seed", "22", "--only", "create.*,get.*,update.*,delete.*,set-main.*"]);
    assert_eq!(ran.violated(), [""; 0], "{}", ran.stdout);
    assert!([Some(0), Some(3)].contains(&ran.code), "{:?} {}", ran.code, ran.stdout);
    let summary = &ran.json()["summary"];
    assert!(summary["retries"].as_u64() > Some(10), "{summary}");
    assert!(summary["passed"].as_u64() > Some(20), "{summary}");
    if ran.code == Some(0) {
        assert_eq!(reference.state(), before);
    }
}

#[test]
fn retry_after_is_respected() {
    let reference = Reference::start();
    let before = reference.state();
    let (upstream, count) = (reference.upstream(), AtomicUsize::new(0));
    let server = Server::start(move |seen, stream| {
        let busy = match count.fetch_add(1, Ordering::Relaxed) % 60 {
            3 => Some(response("429 Too Many Requests", "retry-after: 0\r\n", b"")),
            33 => Some(response("503 Service Unavailable", "retry-after: Fri, 01 Jan 2016 00:00:00 GMT\r\n", b"")),
            _ => None,
        };
        if let Some(busy) = busy {
            return stream.write_all(&busy).map(|()| Next::Stay);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let ran = run(&reference, &server.url(), &["--seed", "23", "--only", "create.*,set-main.*"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.json()["summary"]["waits"].as_u64() > Some(10));
    assert_eq!(reference.state(), before);
}

#[test]
fn an_inconclusive_must_rule_fails_the_run_unless_allowed() {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let server = Server::start(move |seen, stream| {
        if seen.method == "PATCH" {
            return Ok(Next::Close);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let only = ["--seed", "25", "--only", "update.missing,get.missing"];
    let ran = run(&reference, &server.url(), &only);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    ran.says("not decided: update.missing is inconclusive (--allow-inconclusive accepts that)");
    let allowed = run(&reference, &server.url(), &[&only[..], &["--allow-inconclusive"]].concat());
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
}

#[test]
fn the_rate_limit_is_respected_and_the_run_ends_in_time() {
    let reference = Reference::start();
    let target = reference.variable("QONFORM_TARGET");
    let ran = run(&reference, target, &["--read-only", "--rate", "40/s", "--max-time", "1s"]);
    let summary = &ran.json()["summary"];
    let requests = summary["requests"].as_u64().unwrap();
    assert!((2..=60).contains(&requests), "{requests} requests in a second");
    assert!(ran.elapsed < Duration::from_secs(4), "{:?}", ran.elapsed);
}

#[test]
fn an_unreachable_target_differs_from_a_wrong_one() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    run_on(&format!("http://{address}"), &[]).is_sane(3, Duration::from_secs(5)).says("connect");
    run_on("http://no-such-host.invalid/v4", &[]).is_sane(3, Duration::from_secs(20));
    for url in ["127.0.0.1:80", "ftp://x", "http://u:p@x", "http://x/?a=b"] {
        run_on(url, &[]).is_sane(2, Duration::from_secs(5));
    }
    // Plain HTTP where TLS is expected.
    let plain = super::fake_server::always(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec());
    run_on(&format!("https://{}", plain.address), &[]).is_sane(3, Duration::from_secs(5));
    run_on(&format!("https://{}", plain.address), &["--insecure"]).is_sane(3, Duration::from_secs(5)).says("WARNING");
    run_on("https://127.0.0.1:1", &["--cacert", "Cargo.toml"]).is_sane(2, Duration::from_secs(5)).says("--cacert");
}

#[test]
fn base_path_ipv6_and_own_headers_are_sent_as_given() {
    let page = json("200 OK", r#"{"object":"list","url":"/v4/offerings","data":[],"has_more":false}"#);
    let serve = move |_: &super::fake_server::Seen, stream: &mut std::net::TcpStream| {
        stream.write_all(&page).map(|()| Next::Stay)
    };
    let server = Server::start(serve.clone());
    let target = format!("http://{}/gateway/api/v4/", server.address);
    let ran = run_on(&target, &["--read-only", "-H", "X-Team: s3cret-team", "--only", "list.*"]);
    assert!(!ran.stdout.contains("s3cret-team") && !ran.report("json").contains("s3cret-team"));
    let seen = server.seen();
    assert!(seen.len() > 3);
    for request in seen {
        assert!(request.path.starts_with("/gateway/api/v4/offerings"), "{}", request.path);
        assert!(request.head.to_ascii_lowercase().contains("x-team: s3cret-team"), "{}", request.head);
        assert!(request.head.contains(KEY) || request.path.contains("/offerings"), "{}", request.head);
    }
    // Skipped on a machine without IPv6.
    if let Ok(six) = Server::on("[::1]:0", serve) {
        run_on(&six.url(), &["--read-only", "--only", "list.*"]);
        assert!(six.seen().len() > 3);
    }
}

#[test]
fn a_proxy_is_used_for_remote_targets_only() {
    let proxy = super::fake_server::always(json(
        "200 OK",
        r#"{"object":"list","url":"/v4/offerings","data":[],"has_more":false}"#,
    ));
    let variable = format!("http://user:pr0xy-s3cret@{}", proxy.address);
    let through = |target: &str| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.env("QONFORM_TOKEN", KEY).env("HTTP_PROXY", &variable).env("http_proxy", &variable);
        command.args(["run", "--read-only", "--only", "list.*", "--timeout", "1s", "--target", target]);
        end(command, folder)
    };
    let ran = through("http://offerings.invalid/v4");
    assert!(!proxy.seen().is_empty(), "{}", ran.stderr);
    ran.says("through the proxy");
    assert!(!ran.stdout.contains("pr0xy-s3cret") && !ran.stderr.contains("pr0xy-s3cret"));
    assert!(proxy.seen()[0].path.starts_with("http://offerings.invalid/v4/offerings"), "{}", proxy.seen()[0].path);
    let reference = Reference::start();
    let asked = proxy.seen().len();
    through(reference.variable("QONFORM_TARGET"));
    through(&format!("http://localhost:{}/v4", reference.address.port()));
    assert_eq!(proxy.seen().len(), asked);
}

/// A proxy that opens no tunnel and forwards requests with a whole URL, as many company proxies do.
fn forward_proxy(reference: &Reference) -> Server {
    let upstream = reference.upstream();
    Server::start(move |seen, stream| {
        let Some(path) = seen.path.strip_prefix("http://offerings.invalid") else {
            return stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").map(|()| Next::Close);
        };
        let head = seen.head.replacen(&seen.path, path, 1);
        let (head, body) = upstream.forward(&Seen { head, ..seen.clone() })?;
        pass_on(stream, &head, &body)
    })
}

#[test]
fn requests_and_races_pass_a_proxy_without_tunnels() {
    let reference = Reference::start();
    let before = reference.state();
    let proxy = forward_proxy(&reference);
    let variable = format!("http://user:pr0xy-s3cret@{}", proxy.address);
    let target = "http://offerings.invalid/v4";
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).env("HTTP_PROXY", &variable).env("http_proxy", &variable);
    command.args(["run", "--seed", "26", "--target", target, "--race-tries", "2"]);
    command.args(["--only", "get.*,offering.id-decoding,list.*,race.set-main-atomic"]);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("ended early"), "{}", ran.stdout);
    ran.holds_nothing_of("pr0xy-s3cret");
    assert_eq!(ran.json()["summary"]["inconclusive"], 0);
    assert_eq!(reference.state(), before);
    let seen = proxy.seen();
    for request in seen {
        assert!(request.path.starts_with("http://offerings.invalid/v4/offerings"), "{}", request.path);
        assert_eq!(header(&request.head, "proxy-authorization").as_deref(), Some("Basic dXNlcjpwcjB4eS1zM2NyZXQ="));
        assert_eq!(header(&request.head, "host").as_deref(), Some("offerings.invalid"));
    }
}

#[test]
fn a_refused_tunnel_names_the_proxy_as_the_cause() {
    for (response, said) in [
        (&b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"[..], "the proxy opened no tunnel: it refuses CONNECT"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "requires a user and a password"),
    ] {
        let proxy = super::fake_server::always(response.to_vec());
        let through = |target: &str, variable: &str| {
            let folder = TempFolder::new();
            let mut command = qonform(&folder);
            command.env("QONFORM_TOKEN", KEY).env("ALL_PROXY", variable).env("all_proxy", variable);
            command.args(["run", "--only", "list.*", "--timeout", "1s", "--target", target]);
            end(command, folder)
        };
        let ran = through("https://offerings.invalid/v4", &format!("http://{}", proxy.address));
        assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
        ran.says(said);
        assert!(proxy.seen().iter().all(|seen| seen.method == "CONNECT"));
        assert!(proxy.seen().iter().all(|seen| !seen.head.contains(KEY)));
        let ran = through("http://offerings.invalid/v4", "socks5://user:pr0xy-s3cret@127.0.0.1:1");
        assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
        ran.says("the proxy socks5://127.0.0.1:1 is not an HTTP proxy").holds_nothing_of("pr0xy-s3cret");
    }
}

#[test]
fn a_server_that_closes_after_each_response_passes() {
    let reference = Reference::start();
    let before = reference.state();
    for pause in [0, 1, 10].map(Duration::from_millis) {
        let upstream = reference.upstream();
        let server = Server::start(move |seen, stream| {
            let (head, body) = upstream.forward(seen)?;
            pass_on(stream, &head, &body)?;
            thread::sleep(pause);
            Ok(Next::Close)
        });
        let only = ["--seed", "27", "--only", "create.*,get.*,update.*,delete.*,set-main.*,race.create-once"];
        let ran = run(&reference, &server.url(), &[&only[..], &["--effort", "quick"]].concat());
        assert_eq!(ran.code, Some(0), "{pause:?}: {}{}", ran.stdout, ran.stderr);
        let summary = &ran.json()["summary"];
        assert_eq!((&summary["inconclusive"], &summary["violated"]), (&0.into(), &0.into()), "{pause:?}");
        assert!(summary["passed"].as_u64() > Some(40), "{pause:?}: {summary}");
        assert_eq!(reference.state(), before, "{pause:?}");
    }
}

#[test]
fn every_request_names_the_program_unless_a_header_does() {
    let page = json("200 OK", r#"{"object":"list","url":"/v4/offerings","data":[],"has_more":false}"#);
    let server = super::fake_server::always(page);
    let own = format!("qonform/{}", env!("CARGO_PKG_VERSION"));
    for (more, expected) in [(&[][..], own.as_str()), (&["-H", "User-Agent: team/7"], "team/7")] {
        let asked = server.seen().len();
        run_on(&server.url(), &[&["--read-only", "--only", "list.*,get.*"], more].concat());
        let seen = server.seen().split_off(asked);
        assert!(seen.len() > 3);
        for request in seen {
            let named = request.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("user-agent:"));
            let named: Vec<_> = named.filter_map(|line| Some(line.split_once(": ")?.1)).collect();
            assert_eq!(named, [expected], "{}", request.head);
        }
    }
}

#[test]
fn a_first_response_is_named_for_what_it_is() {
    let page = r#"{"object":"list","url":"/v4/offerings","data":[],"has_more":false}"#;
    let html = "server: nginx/1.25.3\r\ncontent-type: text/html\r\n";
    let typed = "content-type: application/json\r\n";
    for (bytes, code, said, not_said) in [
        (response("403 Forbidden", html, b"<html>403"), 3, "returns 403 with an HTML page of nginx", "the key with"),
        (
            response("403 Forbidden", "", b"RBAC: access denied"),
            3,
            "returns 403 with text that is not JSON",
            "the key with",
        ),
        (
            response("401 Unauthorized", &format!("www-authenticate: Basic realm=x\r\n{html}"), b"<html>"),
            3,
            "asks for Basic",
            "the key with",
        ),
        (
            response("200 OK", html, b"<html>Log in"),
            3,
            "returns 200 with an HTML page of nginx instead of JSON",
            "column",
        ),
        (
            response(
                "200 OK",
                &format!("{typed}content-encoding: gzip\r\n"),
                b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
            ),
            1,
            "compressed with gzip, although the request did not ask for that",
            "column",
        ),
        (response("200 OK", typed, b"hello"), 1, "the body is text that is not JSON", "column"),
        (response("200 OK", typed, b""), 1, "the body is empty", "column"),
        (
            response("200 OK", typed, format!("\u{feff}{page}").as_bytes()),
            1,
            "a body begins with a byte order mark",
            "column",
        ),
        (
            json("403 Forbidden", r#"{"error":{"type":"request","code":"forbidden","message":"no"}}"#),
            3,
            "rejected the key with 403 forbidden",
            "HTML",
        ),
    ] {
        let server = super::fake_server::always(bytes);
        let ran = run_on(&server.url(), &["--read-only", "--only", "list.*,response.schema"]);
        ran.is_sane(code, Duration::from_secs(20)).says(said);
        assert!(!ran.stdout.contains(not_said), "{said}: {}", ran.stdout);
    }
}

#[test]
fn a_generated_request_that_closes_connections_fails_the_run() {
    let reference = Reference::start();
    let upstream = reference.upstream();
    let server = Server::start(move |seen, stream| {
        // As a server whose process dies: only generated requests have this body.
        if seen.method == "PATCH" && seen.body.starts_with(b"[") {
            return Ok(Next::Close);
        }
        let (head, body) = upstream.forward(seen)?;
        pass_on(stream, &head, &body)
    });
    let ran =
        run(&reference, &server.url(), &["--seed", "28", "--layer", "input", "--only", "update.*,response.*", "-q"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    ran.says("response.no-server-error is inconclusive");
}

#[test]
fn a_server_clock_that_is_years_off_is_no_violation() {
    let reference = Reference::start();
    for year in ["1971", "2093"] {
        let server = in_front_of(&reference, move |_, head, body| {
            let head: String = head
                .trim_end()
                .lines()
                .filter(|line| !line.to_ascii_lowercase().starts_with("date:"))
                .map(|line| format!("{line}\r\n"))
                .collect();
            let body = String::from_utf8(body).unwrap();
            let now = chrono::Utc::now().format("%Y").to_string();
            let body = [now.as_str(), "2025", "2026"]
                .iter()
                .fold(body, |body, real| body.replace(&format!("_at\":\"{real}-"), &format!("_at\":\"{year}-")));
            (format!("{head}date: Fri, 01 Jan {year} 00:00:00 GMT\r\n\r\n"), body.into_bytes())
        });
        let ran = run(&reference, &server.url(), &["--seed", "24", "--only", "create.*,update.*,list.order"]);
        assert_eq!(ran.violated(), [""; 0], "{year}: {}", ran.stdout);
        assert_eq!(ran.code, Some(0));
    }
}
