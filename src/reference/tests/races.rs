//! Faults and behaviours over real HTTP: none hangs or drops a connection, and concurrent clients see the races.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Client;
use crate::reference::{Behaviour, Clock, Family, Fault, Options, Server};

/// The faults that only concurrent clients see.
pub(super) fn faults() -> impl Iterator<Item = Fault> {
    use Fault as F;
    let apart = [F::KEY_AT_ONCE_SECOND_INCOMPLETE, F::KEY_AT_ONCE_MAKES_TWO, F::PROJECT_SHARED, F::PAGE_SHARED];
    Fault::ALL.into_iter().filter(move |fault| fault.info().family == Family::Race || apart.contains(fault))
}

async fn serving(faults: &[Fault], behaviours: &[Behaviour]) -> Server {
    let (faults, behaviours) = (faults.to_vec(), behaviours.to_vec());
    Server::start(Options { faults, behaviours, clock: Clock::Logical, ..Options::default() }).await.unwrap()
}

/// The main flow.
async fn flow(client: &Client, server: &Server) {
    let fixture = server.fixture("flow");
    let client = client.at(server, &fixture.token);
    client.get("/offerings?limit=2").await;
    // Some behaviours leave fewer products.
    let products: Vec<_> = fixture.product_ids.iter().take(3).collect();
    client.create(json!({ "id": "a b", "product_ids": products })).await;
    client.get("/offerings/a%20b").await;
    client.send("PATCH", "/offerings/a%20b", Some(json!({ "product_ids": [] }))).await;
    client.send("POST", "/offerings/a%20b/set-main", None).await;
    client.send("POST", "/offerings/onboarding/set-main", None).await;
    client.send("DELETE", "/offerings/a%20b", None).await;
    client.get("/offerings/none").await;
}

#[tokio::test]
async fn the_main_flow_ends_with_each_fault_and_behaviour() {
    let client = Client::new(&serving(&[], &[]).await, "");
    for fault in Fault::ALL {
        let server = serving(&[fault], &[]).await;
        tokio::time::timeout(Duration::from_secs(10), flow(&client, &server))
            .await
            .unwrap_or_else(|_| panic!("{fault} hangs"));
        server.stop().await;
    }
    for behaviour in Behaviour::ALL {
        let server = serving(&[], &[behaviour]).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), flow(&client, &server)).await;
        ended.unwrap_or_else(|_| panic!("{behaviour} hangs"));
        server.stop().await;
    }
}

/// The responses to concurrent requests, and the stored offerings afterwards.
async fn at_once(
    server: &Server,
    token: &str,
    requests: &[(&str, String, Option<Value>)],
    key: Option<&str>,
) -> (Vec<u16>, Value) {
    let client = Client::new(server, token);
    let sent = requests.iter().map(|(method, path, body)| {
        let client = client.at(server, token);
        let (method, path, body, key) = ((*method).to_owned(), path.clone(), body.clone(), key.map(str::to_owned));
        tokio::spawn(async move {
            let mut request = client.request(&method, &path);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            super::http::finish(if let Some(body) = body { request.json(&body) } else { request }).await.0
        })
    });
    let mut statuses = Vec::new();
    for response in sent.collect::<Vec<_>>() {
        statuses.push(response.await.unwrap());
    }
    (statuses, server.snapshot(token))
}

fn mains(rows: &Value) -> usize {
    rows.as_array().unwrap().iter().filter(|row| row["tag"] == 1).count()
}

fn creating(ids: &[&str]) -> Vec<(&'static str, String, Option<Value>)> {
    ids.iter().map(|id| ("POST", "/offerings".to_owned(), Some(json!({ "id": id })))).collect()
}

/// How often requests may fail to overlap on a busy machine.
const ROUNDS: usize = 20;

/// Attempts at a race that should show, or should not.
fn rounds(expected: bool) -> usize {
    if expected { ROUNDS } else { 4 }
}

#[tokio::test]
async fn concurrent_creates_show_their_races() {
    for (fault, ids, key) in [
        (Fault::RACE_CREATE_TWICE, ["a", "a", "a"], None),
        (Fault::RACE_FIRST_CREATE, ["a", "b", "c"], None),
        (Fault::RACE_IDEMPOTENCY, ["a", "a", "a"], Some("k")),
    ] {
        for (faults, right) in [(vec![], true), (vec![fault], false)] {
            let server = serving(&faults, &[]).await;
            let mut always_once = true;
            for _ in 0..ROUNDS {
                let token = server.fixture("race").empty_token;
                let (_, rows) = at_once(&server, &token, &creating(&ids), key).await;
                let distinct: BTreeSet<_> = ids.into_iter().collect();
                always_once &= rows.as_array().unwrap().len() == distinct.len() && mains(&rows) == 1;
                if !always_once {
                    break;
                }
            }
            assert_eq!(always_once, right, "{fault} {faults:?}");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn concurrent_promotions_show_their_races() {
    let promote = |id: &str| ("POST", format!("/offerings/{id}/set-main"), None);
    let server = serving(&[Fault::RACE_SET_MAIN], &[]).await;
    let mut two = false;
    for _ in 0..ROUNDS {
        let token = server.fixture("race").token;
        let (_, rows) = at_once(&server, &token, &[promote("winback"), promote("legacy.row")], None).await;
        two |= mains(&rows) == 2;
    }
    assert!(two);
    server.stop().await;

    let server = serving(&[Fault::RACE_SET_MAIN_GAP], &[]).await;
    let fixture = server.fixture("race");
    let once = [promote("winback")];
    let (gap, _) = tokio::join!(
        async {
            let mut seen = false;
            for _ in 0..400 {
                seen |= mains(&server.snapshot(&fixture.token)) == 0;
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            seen
        },
        at_once(&server, &fixture.token, &once, None)
    );
    assert!(gap);
    server.stop().await;
}

#[tokio::test]
async fn a_list_right_after_a_promotion_is_outdated() {
    let server = serving(&[Fault::RACE_PROMOTION_LISTED_LATE], &[]).await;
    let client = Client::new(&server, &server.fixture("race").token);
    client.send("POST", "/offerings/winback/set-main", None).await;
    let listed = client.get("/offerings?limit=1").await.1;
    assert_eq!(listed["data"][0]["tag"], 1);
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(client.get("/offerings?limit=1").await.1["data"][0]["tag"], 0);
    server.stop().await;
}

#[tokio::test]
async fn concurrent_updates_show_their_race() {
    let server = serving(&[Fault::RACE_UPDATE_HALVES], &[]).await;
    let fixture = server.fixture("race");
    let list = |range: std::ops::Range<usize>| Some(json!({ "product_ids": fixture.product_ids[range] }));
    let whole = [json!(fixture.product_ids[..4]), json!(fixture.product_ids[4..8])];
    let updates = [0..4, 4..8].map(|range| ("PATCH", "/offerings/winback".to_owned(), list(range)));
    let mut mixed = false;
    for _ in 0..ROUNDS {
        let (_, rows) = at_once(&server, &fixture.token, &updates, None).await;
        mixed |= !whole.contains(&rows[1]["product_ids"]);
    }
    assert!(mixed);
    server.stop().await;
}

#[tokio::test]
async fn an_update_during_a_deletion_shows_its_race() {
    let server = serving(&[Fault::RACE_UPDATE_RESURRECTS], &[]).await;
    let path = || "/offerings/winback".to_owned();
    let requests = [("PATCH", path(), Some(json!({ "product_ids": [] }))), ("DELETE", path(), None)];
    let mut back = false;
    for _ in 0..ROUNDS {
        let token = server.fixture("race").token;
        let (statuses, rows) = at_once(&server, &token, &requests, None).await;
        back |= statuses == [200, 204] && rows.as_array().unwrap().iter().any(|row| row["id"] == "winback");
    }
    assert!(back);
    server.stop().await;
}

/// Two concurrent creates with one key: whether both succeeded, and the number of offerings.
async fn created_twice(server: &Server) -> (bool, usize) {
    let fixture = server.fixture("race");
    let client = Client::new(server, &fixture.empty_token);
    let create = || {
        let body = json!({ "id": "a", "product_ids": fixture.product_ids[..2] });
        super::http::finish(client.request("POST", "/offerings").header("idempotency-key", "k").json(&body))
    };
    let (one, other) = tokio::join!(create(), create());
    (one == other, server.snapshot(&fixture.empty_token).as_array().unwrap().len())
}

#[tokio::test]
async fn concurrent_creates_with_one_key_show_their_races() {
    for (faults, expected) in [
        (vec![], (true, 1)),
        (vec![Fault::KEY_AT_ONCE_SECOND_INCOMPLETE], (false, 1)),
        (vec![Fault::KEY_AT_ONCE_MAKES_TWO], (false, 2)),
    ] {
        let server = serving(&faults, &[]).await;
        let mut seen = BTreeSet::new();
        for _ in 0..ROUNDS {
            seen.insert(created_twice(&server).await);
        }
        assert!(seen.contains(&expected), "{faults:?}: {seen:?}");
        server.stop().await;
    }
}

/// Concurrent keys receive each other's lists if the process stores the project or the page.
#[tokio::test]
async fn concurrent_projects_show_what_the_process_shares() {
    for (faults, mixed) in [(vec![], false), (vec![Fault::PROJECT_SHARED], true), (vec![Fault::PAGE_SHARED], true)] {
        let server = serving(&faults, &[]).await;
        let fixture = server.fixture("race");
        let (one, other) = (Client::new(&server, &fixture.token), Client::new(&server, &fixture.second_token));
        let alone = one.get("/offerings").await;
        let mut wrong = false;
        for _ in 0..ROUNDS {
            let (mine, _) = tokio::join!(one.get("/offerings"), other.get("/offerings"));
            wrong |= mine != alone;
        }
        assert_eq!(wrong, mixed, "{faults:?}");
        assert_eq!(one.get("/offerings").await, alone);
        server.stop().await;
    }
}

/// Two concurrent requests, the fault, and its effect on their statuses and the offerings afterwards.
struct Overlap {
    fault: Fault,
    empty: bool,
    requests: [(&'static str, &'static str, Option<Value>); 2],
    wrong: fn(&[u16], &[Value]) -> bool,
}

fn row<'r>(rows: &'r [Value], id: &str) -> &'r Value {
    rows.iter().find(|row| row["id"] == id).unwrap_or(&Value::Null)
}

fn mains_of(rows: &[Value]) -> usize {
    rows.iter().filter(|row| row["tag"] == 1).count()
}

fn overlaps() -> Vec<Overlap> {
    let create = |product: &str| ("POST", "/offerings", Some(json!({ "id": "a", "product_ids": [product] })));
    let creates = || [create("premium_001"), create("premium_002")];
    let delete = ("DELETE", "/offerings/winback", None);
    let promote = ("POST", "/offerings/winback/set-main", None);
    let update = || ("PATCH", "/offerings/winback", Some(json!({ "product_ids": ["premium_009"] })));
    let overlap = |fault, empty, requests, wrong| Overlap { fault, empty, requests, wrong };
    vec![
        overlap(Fault::RACE_CREATE_OVERWRITES, true, creates(), |statuses, _| statuses == [201, 201]),
        overlap(Fault::RACE_CREATE_CRASHES, true, creates(), |statuses, _| statuses.contains(&500)),
        overlap(Fault::RACE_CREATE_LOSER_WRITES, true, creates(), |statuses, rows| {
            let winner = if statuses[0] == 201 { "premium_001" } else { "premium_002" };
            rows[0]["product_ids"] != json!([winner])
        }),
        overlap(
            Fault::RACE_FIRST_NONE,
            true,
            [create("premium_001"), ("POST", "/offerings", Some(json!({ "id": "b" })))],
            |_, rows| mains_of(rows) == 0,
        ),
        overlap(Fault::RACE_UPDATE_CRASHES, false, [update(), delete.clone()], |statuses, _| statuses.contains(&500)),
        overlap(Fault::RACE_DELETE_TWICE, false, [delete.clone(), delete.clone()], |statuses, _| {
            statuses == [204, 204]
        }),
        overlap(Fault::RACE_PROMOTION_RESURRECTS, false, [promote.clone(), delete.clone()], |statuses, rows| {
            statuses[1] == 204 && !row(rows, "winback").is_null()
        }),
        overlap(Fault::RACE_PROMOTION_DEMOTES_FOR_NOTHING, false, [promote.clone(), delete], |statuses, rows| {
            statuses[0] == 404 && mains_of(rows) == 0
        }),
        overlap(Fault::RACE_PROMOTION_WRITES_PRODUCTS, false, [promote.clone(), update()], |_, rows| {
            row(rows, "winback")["product_ids"] != json!(["premium_009"])
        }),
        overlap(Fault::RACE_UPDATE_WRITES_ROLE, false, [update(), promote], |_, rows| mains_of(rows) == 0),
    ]
}

#[tokio::test]
async fn two_requests_show_each_race_but_not_on_a_correct_server() {
    for Overlap { fault, empty, requests, wrong } in overlaps() {
        let requests = requests.map(|(method, path, body)| (method, path.to_owned(), body));
        for (faults, expected) in [(vec![], false), (vec![fault], true)] {
            let server = serving(&faults, &[]).await;
            let mut seen = false;
            for _ in 0..rounds(expected) {
                let fixture = server.fixture("race");
                let token = if empty { fixture.empty_token } else { fixture.token };
                let (statuses, rows) = at_once(&server, &token, &requests, None).await;
                seen |= wrong(&statuses, rows.as_array().unwrap());
                if seen {
                    break;
                }
            }
            assert_eq!(seen, expected, "{fault} {faults:?}");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn a_promotion_that_is_not_atomic_shows_while_it_lasts() {
    for fault in [Fault::RACE_PROMOTES_FIRST, Fault::RACE_LIST_IN_TWO, Fault::RACE_PROMOTION_RETURNED_EARLY] {
        for (faults, expected) in [(vec![], false), (vec![fault], true)] {
            let server = serving(&faults, &[]).await;
            let fixture = server.fixture("race");
            let client = Client::new(&server, &fixture.token);
            let mut seen = false;
            for round in 0..rounds(expected) {
                // The list has the first two at odd indices and the other two at even ones.
                let pairs = [["winback", "legacy.row"], ["onboarding", "seasonal:summer%202025"]];
                let [one, other] = pairs[round % 2];
                let promote = |id: &str| {
                    let path = format!("/offerings/{id}/set-main");
                    let client = client.at(&server, &fixture.token);
                    async move { client.send("POST", &path, None).await }
                };
                let (listed, ..) = tokio::join!(client.get("/offerings"), promote(one), promote(other));
                let right_after = server.snapshot(&fixture.token);
                tokio::time::sleep(Duration::from_millis(12)).await;
                seen |= mains_of(listed.1["data"].as_array().unwrap()) != 1;
                seen |= right_after != server.snapshot(&fixture.token);
                if seen {
                    break;
                }
            }
            assert_eq!(seen, expected, "{fault} {faults:?}");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn concurrent_keys_show_that_they_stick_or_mix() {
    for (fault, keys) in [(Fault::RACE_KEY_STUCK, ["k", "k"]), (Fault::RACE_KEYS_MIXED, ["k", "l"])] {
        for (faults, expected) in [(vec![], false), (vec![fault], true)] {
            let server = serving(&faults, &[]).await;
            let mut seen = false;
            for _ in 0..rounds(expected) {
                let fixture = server.fixture("race");
                let client = Client::new(&server, &fixture.empty_token);
                let create = |key: &str| {
                    let request = client.request("POST", "/offerings").header("idempotency-key", key);
                    super::http::finish(request.json(&json!({ "id": format!("for-{key}") })))
                };
                tokio::join!(create(keys[0]), create(keys[1]));
                for key in keys {
                    let (status, again) = create(key).await;
                    seen |= status != 201 || again["id"] != format!("for-{key}");
                }
                if seen {
                    break;
                }
            }
            assert_eq!(seen, expected, "{fault} {faults:?}");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn one_of_two_concurrent_writes_is_rejected_if_configured() {
    let patch = |id: &str| ("PATCH", format!("/offerings/{id}"), Some(json!({ "product_ids": [] })));
    let promote = |id: &str| ("POST", format!("/offerings/{id}/set-main"), None);
    let delete = || ("DELETE", "/offerings/winback".to_owned(), None);
    let create = || creating(&["a"]).remove(0);
    for (behaviour, requests, key) in [
        (Behaviour::SecondWriter409, [patch("winback"), patch("legacy.row")], None),
        (Behaviour::SecondWriterOfOffering409, [patch("winback"), promote("winback")], None),
        (Behaviour::SecondPromotion409, [promote("winback"), promote("legacy.row")], None),
        (Behaviour::SecondDelete409, [delete(), delete()], None),
        (Behaviour::KeyInFlight409, [create(), create()], Some("k")),
        (Behaviour::ReservedIds, [create(), create()], None),
    ] {
        let server = serving(&[], &[behaviour]).await;
        let mut seen = false;
        for _ in 0..ROUNDS {
            let token = server.fixture("race").token;
            let (statuses, _) = at_once(&server, &token, &requests, key).await;
            seen |= statuses.contains(&409) && statuses.iter().any(|status| (200..300).contains(status));
            if seen {
                break;
            }
        }
        assert!(seen, "{behaviour}");
        server.stop().await;
    }
}
