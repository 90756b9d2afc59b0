//! A long script of requests that touches every corner of the API, played without a network.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::reference::call::Operation;
use crate::reference::config::{Config, decoded};
use crate::reference::fixture::Fixtures;
use crate::reference::routes::App;
use crate::reference::{Clock, Fixture};

/// A server in the middle of its script, with all that it has answered.
pub(super) struct Play {
    app: App,
    pub(super) fixture: Fixture,
    /// The `Authorization` header of the next requests.
    authorization: Option<String>,
    /// The idempotency key of the next request.
    key: Option<String>,
    pub(super) responses: Vec<String>,
    /// What is expected; the play ends with the first response that is another.
    expected: Option<Arc<[String]>>,
    pub(super) differs: bool,
}

impl Play {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let app = App::new(Arc::clone(&config), std::time::Duration::ZERO);
        let fixture = Fixtures::new(Clock::Logical, config, 0).register(&app.store, "play", 1);
        let mut play = Self {
            app,
            fixture,
            authorization: None,
            key: None,
            responses: Vec::new(),
            expected: None,
            differs: false,
        };
        play.enter("main");
        play
    }

    /// Ends the play with the first response that is not as expected.
    pub(super) fn against(self, expected: &Arc<[String]>) -> Self {
        Self { expected: Some(expected.clone()), ..self }
    }

    pub(super) fn enter(&mut self, role: &str) {
        let token = match role {
            "second" => &self.fixture.second_token,
            "limited" => &self.fixture.limited_token,
            "empty" => &self.fixture.empty_token,
            _ => &self.fixture.token,
        };
        self.authorization = Some(format!("Bearer {token}"));
    }

    async fn send(&mut self, method: &str, path: &str, body: impl Into<Body>) {
        if self.differs {
            return;
        }
        let operation = match (method, path.trim_start_matches("/offerings")) {
            ("GET", rest) if rest.is_empty() || rest.starts_with('?') => Operation::List,
            ("GET", _) => Operation::Get,
            ("PATCH", _) => Operation::Update,
            ("DELETE", _) => Operation::Delete,
            ("POST", "") => Operation::Create,
            _ => Operation::SetMain,
        };
        let mut request = Request::builder().method(method).uri(format!("/v4{path}"));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(key) = self.key.take() {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/json").body(body.into()).unwrap();
        let response = self.app.serve(operation, request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        let response = format!("{method} {path} {} {:?} {body}", head.status, head.headers);
        let expected = self.expected.as_ref().map(|expected| &expected[self.responses.len()]);
        self.differs = expected.is_some_and(|expected| *expected != response);
        self.responses.push(response);
    }

    async fn get(&mut self, path: &str) {
        self.send("GET", path, "").await;
    }

    async fn create(&mut self, body: Value) {
        self.send("POST", "/offerings", body.to_string()).await;
    }

    async fn update(&mut self, id: &str, body: Value) {
        self.send("PATCH", &format!("/offerings/{id}"), body.to_string()).await;
    }

    async fn delete(&mut self, id: &str) {
        self.send("DELETE", &format!("/offerings/{id}"), "").await;
    }

    async fn promote(&mut self, id: &str) {
        self.send("POST", &format!("/offerings/{id}/set-main"), "").await;
    }

    async fn promote_with(&mut self, id: &str, key: &str) {
        self.key = Some(key.to_owned());
        self.promote(id).await;
    }

    async fn create_with(&mut self, body: Value, key: &str) {
        self.key = Some(key.to_owned());
        self.create(body).await;
    }

    async fn look(&mut self) {
        self.get("/offerings?limit=100").await;
    }
}

impl Play {
    /// One line of a history: an operation, its offering, and the rest.
    pub(super) async fn line(&mut self, line: &str) {
        let mut words = line.split(' ');
        let operation = words.next().unwrap();
        if let Some(role) = operation.strip_prefix('@') {
            return self.enter(role);
        }
        let (mut id, mut numbers, mut query, mut nothing) = ("", Vec::new(), String::new(), false);
        let mut tag = None;
        for word in words {
            match (word.split_once('='), word.split_once(".."), word.parse()) {
                (Some(("key", key)), ..) => self.key = Some(key.to_owned()),
                (Some(("tag", value)), ..) => tag = value.parse::<i16>().ok(),
                (Some(("cursor", after)), ..) => query = format!("?limit=100&starting_after={after}"),
                (Some((_, after)), ..) => query = format!("?limit=1&starting_after={after}"),
                (None, Some((first, last)), _) => {
                    numbers.extend(numbered(first.parse().unwrap(), last.parse().unwrap()));
                }
                (None, None, Ok(number)) => numbers.push(number),
                (None, None, Err(_)) if word == "{}" => nothing = true,
                (None, None, Err(_)) => id = word,
            }
        }
        let named = decoded(id).unwrap();
        let mut body = json!({ "id": named, "product_ids": products(&numbers) });
        if let Some(tag) = tag {
            body["tag"] = tag.into();
        }
        match operation {
            "create" => self.create(body).await,
            "update" if nothing => self.update(id, json!({})).await,
            "update" => self.update(id, json!({ "product_ids": products(&numbers) })).await,
            "delete" => self.delete(id).await,
            "promote" => self.promote(id).await,
            "get" => self.get(&format!("/offerings/{id}")).await,
            _ => self.get(&format!("/offerings{query}")).await,
        }
    }
}

/// All numbers between two, both included, in the order given.
fn numbered(first: usize, last: usize) -> Vec<usize> {
    if first <= last { (first..=last).collect() } else { (last..=first).rev().collect() }
}

/// Products in no order, by their numbers.
fn products(numbers: &[usize]) -> Value {
    numbers.iter().map(|number| format!("premium_{number:03}")).collect()
}

/// Everything, from an empty project to a full one.
pub(super) async fn whole(play: &mut Play) {
    firsts(play).await;
    lists(play).await;
    if play.differs {
        return;
    }
    creates(play).await;
    updates(play).await;
    promotions(play).await;
    if play.differs {
        return;
    }
    keys(play).await;
    replays(play).await;
    odd_requests(play).await;
    long_lives(play).await;
}

async fn firsts(play: &mut Play) {
    play.enter("empty");
    play.get("/offerings").await;
    play.create(json!({ "id": "t", "tag": 1 })).await;
    play.look().await;
    for tag in [json!({ "id": "a" }), json!({ "id": "a", "tag": null }), json!({ "id": "a", "tag": 0 })] {
        play.delete("t").await;
        play.create(tag).await;
        play.create(json!({ "id": "b", "product_ids": products(&[3, 1]) })).await;
        play.create(json!({ "id": "c", "tag": 0 })).await;
        play.look().await;
        play.promote("b").await;
        play.look().await;
        play.promote("a").await;
        for id in ["a", "b", "c"] {
            play.delete(id).await;
        }
    }
}

async fn lists(play: &mut Play) {
    play.enter("empty");
    for number in [5, 3, 9, 1, 7, 2] {
        play.create(json!({ "id": format!("l{number}"), "product_ids": products(&[4, 2, 8]) })).await;
    }
    play.update("l9", json!({ "product_ids": products(&[1]) })).await;
    for limit in ["0", "1", "2", "3", "5", "6", "7", "100", "101", "-1", "abc", "1.5", "9999999999"] {
        play.get(&format!("/offerings?limit={limit}")).await;
        play.get(&format!("/offerings?limit={limit}&starting_after=l3")).await;
    }
    for after in ["l5", "l3", "l9", "l1", "l7", "l2", "gone", "a%2Fb", "l2%0A", "x%20y"] {
        play.get(&format!("/offerings?limit=1&starting_after={after}")).await;
        play.get(&format!("/offerings?starting_after={after}")).await;
    }
    play.get(&format!("/offerings?starting_after={}", "x".repeat(64))).await;
    play.get(&format!("/offerings?starting_after={}", "x".repeat(65))).await;
    play.get("/offerings?unknown=1").await;
    play.get("/offerings?limit=1&limit=2").await;
    play.delete("l9").await;
    play.get("/offerings?starting_after=l9").await;
    for number in 0..25 {
        play.create(json!({ "id": format!("many-{number}") })).await;
    }
    play.get("/offerings").await;
    play.enter("main");
    play.get("/offerings?limit=2").await;
    play.get("/offerings?limit=2&starting_after=winback").await;
    play.look().await;
}

async fn creates(play: &mut Play) {
    play.enter("main");
    for id in ["p.q-r:s t", "A_b", "x", "9lives", "12345", "tail ", &"i".repeat(64), &"j".repeat(33)] {
        play.create(json!({ "id": id, "product_ids": products(&[2, 1]) })).await;
        play.get(&format!("/offerings/{}", id.replace(' ', "%20"))).await;
    }
    let long = "k".repeat(65);
    let bad =
        ["", "a/b", "a?b", "a#b", "a%b", "a+b", "a@b", "aéb", "a\tb", "a\0b", "ab\n", " c\n", "d🎉", "e\"f", &long];
    for id in bad {
        play.create(json!({ "id": id })).await;
    }
    for id in [Value::Null, json!(7), json!([])] {
        play.create(json!({ "id": id })).await;
    }
    play.create(json!({})).await;
    for (place, tag) in [2, 3].map(Value::from).into_iter().chain(ODD_TAGS()).enumerate() {
        play.create(json!({ "id": format!("tag-{place}"), "tag": tag })).await;
    }
    let lists = [
        json!("premium_001"),
        json!({}),
        Value::Null,
        json!([1]),
        json!([{}]),
        json!(["p/q"]),
        json!(["premium_001", "nobody"]),
        json!(["nobody", "premium_001"]),
        json!(["other_001"]),
        json!(["y".repeat(256)]),
        json!([play.fixture.product_ids[119]]),
        json!(vec!["premium_002"; 101]),
        json!(["premium_001", "premium_001"]),
        (1..101).rev().map(|number| format!("premium_{number:03}")).collect(),
    ];
    for (place, list) in lists.into_iter().enumerate() {
        play.create(json!({ "id": format!("list-{place}"), "product_ids": list })).await;
        play.get(&format!("/offerings/list-{place}")).await;
        play.update("x", json!({ "product_ids": list })).await;
    }
    play.create(json!({ "id": "x", "product_ids": products(&[9]) })).await;
    play.create(json!({ "id": "t1", "tag": 1 })).await;
    let taken = json!({ "id": "ro", "object": "x", "url": "/y", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2030-01-01T00:00:00Z", "more": 1 });
    play.create(taken).await;
    play.create(json!({ "id": "deep", "more": [[[[1e12]]]] })).await;
    let deep = format!("{{\"id\":\"deeper\",\"more\":{}{}}}", "[".repeat(70), "]".repeat(70));
    let wide = format!("{{\"id\":\"wide\",\"more\":\"{}\"}}", "z".repeat(70_000));
    let bodies = [
        "",
        "{",
        "{\"id\":\"broken\"",
        "[]",
        "[{\"id\":\"first\"}]",
        "\"{}\"",
        "\"{\\\"id\\\":\\\"inner\\\"}\"",
        "null",
        "{\"id\":\"rest\"} rest",
        &deep,
        &wide,
    ];
    for body in bodies {
        play.send("POST", "/offerings", body.to_owned()).await;
        play.send("PATCH", "/offerings/x", body.to_owned()).await;
    }
    play.look().await;
}

#[expect(non_snake_case, reason = "a list like a constant")]
fn ODD_TAGS() -> [Value; 8] {
    [json!(-1), json!(1.5), json!("0"), json!("1"), json!(true), json!(40000), json!([]), json!(0.0)]
}

async fn updates(play: &mut Play) {
    play.enter("main");
    play.create(json!({ "id": "u:1", "product_ids": products(&[3, 1, 2]) })).await;
    play.create(json!({ "id": "u2", "product_ids": products(&[3]) })).await;
    play.create(json!({ "id": "U:1", "product_ids": products(&[5]) })).await;
    for list in [&[5, 4][..], &[5, 4], &[4, 5], &[], &[7, 6, 8], &[6]] {
        play.update("u:1", json!({ "product_ids": products(list) })).await;
        play.get("/offerings/u:1").await;
    }
    play.update("U:1", json!({ "product_ids": products(&[9]) })).await;
    play.update("u:1", json!({})).await;
    let many: Vec<_> = (1..12).collect();
    play.update("u2", json!({ "product_ids": products(&many) })).await;
    play.update("u2", json!({ "product_ids": products(&many[..10]) })).await;
    play.update("u2", json!({ "id": "u3" })).await;
    play.update("u2", json!({ "tag": 0 })).await;
    play.update("none", json!({ "product_ids": [] })).await;
    play.update("onboarding", json!({ "product_ids": products(&[2, 1]) })).await;
    play.update("onboarding", json!({ "more": 1 })).await;
    for (id, tag) in [("onboarding", json!(0)), ("onboarding", Value::Null), ("onboarding", json!(1)), ("u2", json!(1))]
    {
        play.update(id, json!({ "tag": tag, "product_ids": products(&[8]) })).await;
        play.look().await;
        play.promote("onboarding").await;
    }
    for tag in ODD_TAGS() {
        play.update("u:1", json!({ "tag": tag })).await;
        play.look().await;
    }
    for path in ["%2F", "%ff", "%zz", "a%22b", &"l".repeat(65), &format!("{}x", "i".repeat(64)), "none"] {
        play.get(&format!("/offerings/{path}")).await;
        play.update(path, json!({})).await;
        play.delete(path).await;
        play.promote(path).await;
        play.look().await;
    }
    let variant = play.fixture.variant_id.replace(' ', "%20");
    play.get(&format!("/offerings/{variant}")).await;
    play.update(&variant, json!({})).await;
    play.promote(&variant).await;
    play.look().await;
    play.delete(&variant).await;
    play.look().await;
}

async fn promotions(play: &mut Play) {
    play.enter("main");
    for id in ["u2", "u2", "winback", "u:1", "onboarding", "winback", "u2"] {
        play.promote(id).await;
        play.look().await;
        play.update(id, json!({ "product_ids": products(&[1]) })).await;
        play.look().await;
    }
    play.delete("u:1").await;
    play.look().await;
    play.get("/offerings/u:1").await;
    play.delete("u:1").await;
    play.create(json!({ "id": "u:1" })).await;
    play.promote("u:1").await;
    play.look().await;
    play.delete("u:1").await;
    play.look().await;
    play.create(json!({ "id": "after" })).await;
    play.promote("onboarding").await;
    play.look().await;
}

async fn keys(play: &mut Play) {
    play.enter("second");
    for id in ["onboarding", "winback", "none"] {
        play.get(&format!("/offerings/{id}")).await;
        play.update(id, json!({ "product_ids": [] })).await;
        play.promote(id).await;
        play.delete(id).await;
        play.look().await;
    }
    play.create(json!({ "id": "u2" })).await;
    let token = play.fixture.token.clone();
    let headers = [
        None,
        Some("Bearer".to_owned()),
        Some(token.clone()),
        Some(format!("Basic {token}")),
        Some("Bearer test_sk_nobody".to_owned()),
        Some(format!("Bearer {token}x")),
        Some(format!("Bearer {}", &token[..token.len() - 1])),
        Some(format!("Bearer {}", token.to_uppercase())),
    ];
    for (place, header) in headers.into_iter().enumerate() {
        play.enter("main");
        play.create(json!({ "id": "k" })).await;
        play.authorization = header;
        play.look().await;
        play.create(json!({ "id": format!("stranger-{place}") })).await;
        play.create(json!({ "id": "a/b" })).await;
        for id in ["k", "none", "a%2Fb"] {
            play.get(&format!("/offerings/{id}")).await;
            play.update(id, json!({ "product_ids": products(&[6]) })).await;
            play.promote(id).await;
            play.delete(id).await;
        }
        play.enter("main");
        play.look().await;
    }
    play.enter("limited");
    play.look().await;
    play.create(json!({ "id": "limited" })).await;
}

async fn replays(play: &mut Play) {
    play.enter("main");
    let body = json!({ "id": "key", "product_ids": products(&[2]) });
    play.create_with(body.clone(), "key-one-A").await;
    play.create_with(body.clone(), "key-one-A").await;
    play.create_with(json!({ "id": "other" }), "key-one-A").await;
    play.create_with(json!({ "id": "second" }), "key-one-B").await;
    play.create_with(json!({ "id": "third" }), "KEY-one-B").await;
    play.create_with(body.clone(), "key-one-A").await;
    play.enter("second");
    play.create_with(body.clone(), "key-one-A").await;
    play.look().await;
    play.enter("main");
    play.update("key", json!({ "product_ids": products(&[5]) })).await;
    play.create_with(body.clone(), "key-one-A").await;
    play.delete("third").await;
    play.create_with(body, "key-one-A").await;
    play.promote_with("key", "promote").await;
    play.promote("second").await;
    play.promote_with("key", "promote").await;
    play.look().await;
    play.promote_with("onboarding", "promote").await;
    play.create_with(json!({ "id": "refused", "product_ids": ["nobody"] }), "refused").await;
    play.create_with(json!({ "id": "refused" }), "refused").await;
    play.create_with(json!({ "id": "long" }), &"k".repeat(300)).await;
    play.look().await;
}

/// What only needs to be asked once.
async fn odd_requests(play: &mut Play) {
    play.enter("main");
    for _ in 0..4 {
        play.get("/offerings/key").await;
    }
    play.update("key", json!({ "product_ids": products(&[3]) })).await;
    play.get("/offerings/key").await;
    play.send("POST", "/offerings/key/set-main", "{}").await;
    play.create(json!({ "id": "KEY" })).await;
}

/// Long histories in an empty project.
async fn long_lives(play: &mut Play) {
    play.fixture = Fixtures::new(Clock::Logical, Arc::clone(&play.app.config), 0).register(&play.app.store, "play", 2);
    play.enter("empty");
    for id in ["a", "b", "c", "a:d", "e"] {
        play.create(json!({ "id": id, "product_ids": products(&[2]) })).await;
    }
    for id in ["b", "a", "b", "a", "e", "a"] {
        play.promote(id).await;
        play.look().await;
    }
    play.update("b", json!({ "product_ids": products(&[7]) })).await;
    play.look().await;
    play.promote("none").await;
    play.update("b", json!({ "product_ids": products(&[8]) })).await;
    play.look().await;
    play.create(json!({ "id": "b" })).await;
    play.update("b", json!({ "product_ids": products(&[9]) })).await;
    play.look().await;
    for _ in 0..3 {
        play.update("b", json!({})).await;
        play.promote("b").await;
        play.look().await;
        play.delete("a").await;
        play.get("/offerings?limit=1&starting_after=b").await;
        play.look().await;
        play.create(json!({ "id": "a" })).await;
        play.look().await;
        play.promote("a").await;
        play.delete("a").await;
        play.look().await;
        play.create(json!({ "id": "n1" })).await;
        play.create(json!({ "id": "n2" })).await;
        play.look().await;
        play.promote("c").await;
        play.delete("n1").await;
        play.delete("n2").await;
        play.create(json!({ "id": "a" })).await;
        play.look().await;
    }
    for number in 0..12 {
        play.create(json!({ "id": format!("z{number}") })).await;
    }
    play.look().await;
    play.delete("e").await;
    play.look().await;
}
