//! Targets that stall, flood, lie and redirect: a run always ends in time with the documented exit code.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use qonform::report::Format;

use super::fake_server::{Next, Seen, Server, always, header, json, response};
use super::program::{KEY, run_on};

/// A target that cannot be tested.
const UNTESTED: i32 = 3;
/// A target that was tested and violates rules.
const WRONG: i32 = 1;

const SOON: Duration = Duration::from_secs(10);

/// A valid offering.
fn offering(id: &str) -> String {
    format!(
        r#"{{"object":"offering","id":"{id}","url":"/v4/offerings/{id}","tag":null,"product_ids":[],"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}"#
    )
}

fn list(items: &[String], has_more: bool) -> Vec<u8> {
    let items = items.join(",");
    json("200 OK", &format!(r#"{{"object":"list","url":"/v4/offerings","data":[{items}],"has_more":{has_more}}}"#))
}

/// Writes `first`, then `again` until the client disconnects.
fn endless(first: &'static [u8], again: &'static [u8]) -> Server {
    Server::start(move |_, stream| {
        stream.write_all(first)?;
        loop {
            stream.write_all(again)?;
        }
    })
}

#[test]
fn a_target_that_never_responds_times_out() {
    let server = Server::start(|_, _| {
        thread::sleep(Duration::from_mins(1));
        Ok(Next::Close)
    });
    run_on(&server.url(), &[]).is_sane(UNTESTED, SOON).says("within 400ms");
}

#[test]
fn a_response_of_a_byte_per_second_times_out() {
    let server = Server::start(|_, stream| {
        for byte in list(&[], false) {
            stream.write_all(&[byte])?;
            thread::sleep(Duration::from_millis(250));
        }
        Ok(Next::Stay)
    });
    run_on(&server.url(), &[]).is_sane(UNTESTED, SOON).says("within 400ms");
}

#[test]
fn an_endless_body_is_not_read_completely() {
    const CHUNK: &[u8] = &[b'a'; 65_536];
    let chunked = endless(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        b"80\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
    );
    run_on(&chunked.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON).says("larger than");
    let unbounded = endless(b"HTTP/1.1 200 OK\r\n\r\n", CHUNK);
    run_on(&unbounded.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON).says("larger than");
    let huge = endless(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", CHUNK);
    run_on(&huge.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON).says("larger than");
}

#[test]
fn endless_headers_are_not_read_completely() {
    let server = endless(b"HTTP/1.1 200 OK\r\n", b"x-more: 0123456789abcdef0123456789abcdef\r\n");
    run_on(&server.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON);
    let one_line = endless(b"HTTP/1.1 200 OK\r\nx-more: ", b"0123456789abcdef0123456789abcdef");
    run_on(&one_line.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON);
}

/// A gzip member of `megabytes` of zeros at a thousandth of the size.
fn gzip_bomb(megabytes: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut word, mut filled) = (0_u32, 0);
    let mut push = |bits: u32, count: u32, bytes: &mut Vec<u8>| {
        word |= bits << filled;
        filled += count;
        while filled >= 8 {
            bytes.push(word.to_le_bytes()[0]);
            word >>= 8;
            filled -= 8;
        }
    };
    // One block of fixed codes: a zero, then copies of 258 bytes from one byte back.
    push(0b011, 3, &mut bytes);
    push(0b0000_1100, 8, &mut bytes);
    for _ in 0..megabytes * 4_064 {
        push(0b1010_0011, 8, &mut bytes);
        push(0, 5, &mut bytes);
    }
    push(0, 7 + 7, &mut bytes);
    bytes.extend([0; 8]);
    bytes
}

#[test]
fn a_compressed_body_is_never_decompressed() {
    let head = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let server = always(response("200 OK", head, &gzip_bomb(300)));
    run_on(&server.url(), &["--timeout", "20s"]).is_sane(WRONG, SOON).says("not JSON");
}

#[test]
fn a_wrong_content_length_is_a_network_or_server_error() {
    let cut = r#"{"object":"list","url":"/v4/offerings","data":[],"has_more":false}"#;
    let longer = Server::start(move |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{cut}")?;
        Ok(Next::Close)
    });
    run_on(&longer.url(), &[]).is_sane(UNTESTED, SOON);
    let shorter = Server::start(move |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{cut}")?;
        Ok(Next::Close)
    });
    run_on(&shorter.url(), &[]).is_sane(WRONG, SOON).says("not JSON");
    let nonsense = always(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}".to_vec());
    run_on(&nonsense.url(), &[]).is_sane(UNTESTED, SOON);
    let no_http = always(b"220 mail.example ESMTP\r\n".to_vec());
    run_on(&no_http.url(), &[]).is_sane(UNTESTED, SOON);
}

#[test]
fn a_truncated_body_and_a_reset_are_no_violation() {
    let server = Server::start(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 66\r\n\r\n{\"object\":",
        )?;
        // Unread input turns the close into a reset.
        Ok(Next::Close)
    });
    let ran = run_on(&server.url(), &[]);
    ran.is_sane(UNTESTED, SOON);
    let retries = ran.json()["summary"]["retries"].as_u64();
    assert!((Some(1)..=Some(3)).contains(&retries), "reads are tried again, a bounded number of times: {retries:?}");
}

#[test]
fn a_login_page_is_not_the_api() {
    let server = always(response("200 OK", "content-type: text/html\r\n", b"<!doctype html><title>Log in</title>"));
    let ran = run_on(&server.url(), &[]);
    ran.is_sane(UNTESTED, SOON).says("HTML page");
    assert_eq!(ran.violated(), [""; 0], "what is no API breaks no contract");
}

#[test]
fn a_redirect_is_not_followed_and_gets_no_key() {
    let elsewhere = always(list(&[], false));
    let location = format!("location: {}/offerings\r\n", elsewhere.url());
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let server = always(response(status, &location, b""));
        run_on(&server.url(), &[]).is_sane(UNTESTED, SOON).says("redirects are not followed");
    }
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
    let looping = always(response("302 Found", "location: /v4/offerings\r\n", b""));
    run_on(&looping.url(), &[]).is_sane(UNTESTED, SOON);
    assert_eq!(looping.seen().len(), 1);
}

#[test]
fn invalid_and_huge_json_bodies_are_checked_without_a_crash() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let many =
        format!(r#"{{"object":"list","url":"/v4/offerings","has_more":false,"data":[{}0]}}"#, "0,".repeat(2_000_000));
    let keys = (0..300_000).map(|n| format!(r#""k{n}":0,"#)).collect::<String>();
    let keys = format!(r#"{{{keys}"object":"list","url":"/v4/offerings","data":[],"has_more":false,"data":7}}"#);
    let bodies: [(&str, Vec<u8>); 6] = [
        ("invalid UTF-8", b"{\"object\":\"\xff\xfe\"}".to_vec()),
        ("nested arrays", deep.into_bytes()),
        ("nested objects", deep_object.into_bytes()),
        ("two million items", many.into_bytes()),
        ("many names, one twice", keys.into_bytes()),
        ("a number of three million digits", format!("{{\"object\":{}}}", "7".repeat(3_000_000)).into_bytes()),
    ];
    for (what, body) in bodies {
        let server = always(response("200 OK", "content-type: application/json\r\n", &body));
        let ran = run_on(&server.url(), &["--timeout", "20s"]);
        ran.is_sane(WRONG, SOON);
        assert!(!ran.violated().is_empty(), "{what}");
    }
}

#[test]
fn a_number_of_fifty_megabytes_is_not_read() {
    let server = Server::start(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 52428800\r\n\r\n")?;
        for _ in 0..800 {
            stream.write_all(&vec![b'7'; 65_536])?;
        }
        Ok(Next::Stay)
    });
    run_on(&server.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON).says("larger than");
}

#[test]
fn duplicate_keys_everywhere_cause_no_crash() {
    let body = r#"{"object":"list","object":"list","url":"/v4/offerings","data":[],"data":[],"has_more":true,"has_more":false}"#;
    let server = always(json("200 OK", body));
    run_on(&server.url(), &["--only", "get.*,create.*,delete.*"]).is_sane(WRONG, SOON * 3);
}

#[test]
fn a_repeated_member_is_reported_and_hides_no_value() {
    let page = |twice: &str| json("200 OK", &format!(r#"{{"object":"list","url":"/v4/offerings","data":[],{twice}}}"#));
    let differing = always(page(r#""has_more":true,"has_more":false"#));
    let ran = run_on(&differing.url(), &["--read-only", "--only", "response.schema,list.has-more"]);
    ran.is_sane(WRONG, SOON).says("`/has_more` of the 200 occurs twice with different values");
    assert_eq!(ran.violated(), [r#""response.schema""#]);
    // The key is in the first of two members, which most parsers ignore.
    let hidden = KEY.replace('_', "\\u005f");
    let leaking = always(page(&format!(r#""has_more":false,"note":"{hidden}","note":"{hidden}","note":"x""#)));
    let ran = run_on(&leaking.url(), &["--read-only", "--only", "response.no-secret,response.schema"]);
    ran.is_sane(WRONG, SOON).holds_nothing_of(&hidden);
    assert_eq!(ran.violated(), [r#""response.schema""#, r#""response.no-secret""#]);
    let equal = always(page(r#""has_more":false,"has_more":false"#));
    let ran = run_on(&equal.url(), &["--read-only", "--only", "response.schema,list.has-more"]);
    ran.is_sane(0, SOON).says("`/has_more` occurs twice with the same value");
    assert_eq!(ran.violated(), [""; 0]);
}

/// The text of an attack, as in JSON.
const ATTACK: &str =
    r"\u001b]0;owned\u0007\u001b[2J<script>alert(1)</script>]]>&<!--\u202e\u0000\u009b31m\r\n::error::x";

#[test]
fn escapes_and_markup_reach_neither_terminal_nor_html_nor_junit() {
    let everywhere = format!(
        r#"{{"object":"list","url":"{ATTACK}","data":[{{"object":"offering","id":"{ATTACK}","url":"{ATTACK}","tag":"{ATTACK}","product_ids":["{ATTACK}"],"created_at":"{ATTACK}","updated_at":"x","{ATTACK}":1}}],"has_more":false,"{ATTACK}":1}}"#
    );
    let error = format!(
        r#"{{"error":{{"type":"{ATTACK}","code":"{ATTACK}","message":"{ATTACK}","details":[{{"field":"{ATTACK}","message":"x"}}]}},"{ATTACK}":{{}}}}"#
    );
    let good = list(&[offering("a")], false);
    let servers = [
        always(json("200 OK", &everywhere)),
        always(json("400 Bad Request", &error)),
        // Valid for the preflight, then errors everywhere.
        Server::start(move |seen, stream| {
            let bytes = if seen.path.starts_with("/v4/offerings?limit=100") {
                good.clone()
            } else {
                json("409 Conflict", &error)
            };
            stream.write_all(&bytes).map(|()| Next::Stay)
        }),
    ];
    for server in servers {
        let ran = run_on(&server.url(), &["--only", "create.*,get.*,list.limit-invalid"]);
        // If no selected rule is violated, nothing was tested.
        let code = ran.code.filter(|code| *code == UNTESTED).unwrap_or(WRONG);
        ran.is_sane(code, SOON * 2);
        for format in Format::ALL.map(Format::name) {
            // JSON escapes control characters; Markdown and text contain no active markup.
            let is_markup = ["html", "junit"].contains(&format);
            let report = ran.report(format);
            assert!(!is_markup || !report.contains("<script>alert"), "{format}");
            let bad = report.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert!(bad.is_none() || ["json", "har", "sarif"].contains(&format), "{format}: {bad:?}");
        }
        let junit = ran.report("junit");
        assert!(!junit.contains('\u{202e}'), "{junit}");
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            assert!(!line.starts_with("::error::"), "{line}");
        }
    }
}

/// Serves a list of `all` offerings by limit and cursor.
fn long_list(all: usize) -> impl Fn(&Seen, &mut TcpStream) -> std::io::Result<Next> {
    move |seen, stream| {
        let query = |name: &str| {
            let query = seen.path.split_once('?')?.1;
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let limit = query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20);
        let after = query("starting_after").and_then(|id| id.strip_prefix("o")?.parse::<usize>().ok());
        let start = after.map_or(0, |number| number + 1);
        let end = all.min(start + limit);
        let items: Vec<_> = (start..end).map(|number| offering(&format!("o{number}"))).collect();
        stream.write_all(&list(&items, end < all)).map(|()| Next::Stay)
    }
}

#[test]
fn a_list_that_is_too_long_gets_no_verdict() {
    for all in [100_000, usize::MAX] {
        let server = Server::start(long_list(all));
        let ran = run_on(&server.url(), &["--timeout", "20s"]);
        ran.is_sane(UNTESTED, SOON * 3).says("too long");
        assert_eq!(ran.violated(), [""; 0], "a long list is no fault");
    }
    let on_one_page = always(list(&(0..100_000).map(|n| offering(&format!("o{n}"))).collect::<Vec<_>>(), false));
    run_on(&on_one_page.url(), &["--timeout", "20s"]).is_sane(UNTESTED, SOON).says("larger than");
}

#[test]
fn a_circular_list_is_detected() {
    let page = || list(&[offering("a"), offering("b")], true);
    let same_page = always(page());
    run_on(&same_page.url(), &["--only", "list.*"]).is_sane(WRONG, SOON).says("list.pages-cover");
    let circle = Server::start(move |seen, stream| {
        let name = match seen.path.split_once("starting_after=") {
            Some((_, "a")) => "b",
            Some((_, "b")) => "c",
            _ => "a",
        };
        stream.write_all(&list(&[offering(name)], true)).map(|()| Next::Stay)
    });
    run_on(&circle.url(), &[]).is_sane(WRONG, SOON).says("list.pages-cover");
    let nothing_more = always(list(&[], true));
    run_on(&nothing_more.url(), &[]).is_sane(WRONG, SOON).says("list.has-more");
    let restarting = always({
        let body = String::from_utf8(page()).unwrap();
        body.replace("\r\n\r\n", "\r\nx-qon-pagination-restarted: true\r\n\r\n").into_bytes()
    });
    let ran = run_on(&restarting.url(), &[]);
    ran.is_sane(ran.code.unwrap_or_default(), SOON);
    assert!([WRONG, UNTESTED].contains(&ran.code.unwrap_or_default()));
}

#[test]
fn responses_of_429_are_waited_for_only_so_long() {
    for retry_after in
        ["", "retry-after: 1\r\n", "retry-after: 0\r\n", "retry-after: Fri, 01 Jan 2100 00:00:00 GMT\r\n"]
    {
        let server = always(response("429 Too Many Requests", retry_after, b""));
        run_on(&server.url(), &[]).is_sane(UNTESTED, SOON).says("rate limit");
    }
    for retry_after in ["retry-after: 18446744073709551615\r\n", "retry-after: 1\r\n"] {
        let server = always(response("503 Service Unavailable", retry_after, b""));
        run_on(&server.url(), &[]).is_sane(UNTESTED, SOON).says("rate limit");
    }
}

#[test]
fn endless_server_errors_are_violations() {
    let server = always(json(
        "500 Internal Server Error",
        r#"{"error":{"type":"internal","code":"internal_error","message":"x"}}"#,
    ));
    run_on(&server.url(), &[]).is_sane(WRONG, SOON).says("response.no-server-error");
}

#[test]
fn random_bytes_in_every_response_cause_no_crash() {
    let count = AtomicUsize::new(7);
    let server = Server::start(move |_, stream| {
        let mut seed = count.fetch_add(1, Ordering::Relaxed);
        let mut bytes = Vec::new();
        for _ in 0..300 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push(seed.to_le_bytes()[5]);
        }
        let mut whole = b"HTTP/1.1 200 OK\r\ncontent-length: 300\r\nx-odd: ".to_vec();
        whole.extend(bytes[..40].iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
        whole.extend(b"\r\n\r\n");
        whole.extend(&bytes);
        stream.write_all(&whole).map(|()| Next::Stay)
    });
    let ran = run_on(&server.url(), &[]);
    assert!([WRONG, UNTESTED].contains(&ran.code.unwrap_or_default()), "{:?}", ran.code);
    ran.is_sane(ran.code.unwrap_or_default(), SOON);
}

#[test]
fn every_request_carries_the_key_as_a_bearer_and_nowhere_else() {
    let server = Arc::new(always(list(&[], false)));
    run_on(&server.url(), &["--read-only"]);
    let seen = server.seen();
    assert!(seen.len() > 10, "{}", seen.len());
    for request in seen {
        let rest = request.head.replace(&header(&request.head, "authorization").unwrap_or_default(), "");
        assert!(!rest.contains(KEY) && !String::from_utf8_lossy(&request.body).contains(KEY), "{}", request.head);
    }
}
