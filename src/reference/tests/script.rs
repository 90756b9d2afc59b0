//! A long script of requests that covers the whole API, sent without a network.

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

/// A server during its script, with its responses so far.
pub(super) struct Script {
    app: App,
    pub(super) fixture: Fixture,
    /// The `Authorization` header of the next requests.
    authorization: Option<String>,
    /// The idempotency key of the next request.
    key: Option<String>,
    pub(super) responses: Vec<String>,
    /// Expected responses; the script ends at the first different one.
    expected: Option<Arc<[String]>>,
    pub(super) differs: bool,
}

impl Script {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let app = App::new(Arc::clone(&config), std::time::Duration::ZERO);
        let fixture = Fixtures::new(Clock::Logical, config, 0).register(&app.store, "script", 1);
        let mut script = Self {
            app,
            fixture,
            authorization: None,
            key: None,
            responses: Vec::new(),
            expected: None,
            differs: false,
        };
        script.enter("main");
        script
    }

    /// Ends the script at the first response that differs from the expected one.
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

    async fn read(&mut self) {
        self.get("/offerings?limit=100").await;
    }
}

impl Script {
    /// One line of a history: an operation, its offering, and its arguments.
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

/// All numbers between two, inclusive, ascending or descending.
fn numbered(first: usize, last: usize) -> Vec<usize> {
    if first <= last { (first..=last).collect() } else { (last..=first).rev().collect() }
}

/// Products by their numbers.
fn products(numbers: &[usize]) -> Value {
    numbers.iter().map(|number| format!("premium_{number:03}")).collect()
}

/// Everything, from an empty project to a full one.
pub(super) async fn whole(script: &mut Script) {
    firsts(script).await;
    lists(script).await;
    if script.differs {
        return;
    }
    creates(script).await;
    updates(script).await;
    promotions(script).await;
    if script.differs {
        return;
    }
    keys(script).await;
    replays(script).await;
    special_names(script).await;
    odd_requests(script).await;
    long_histories(script).await;
}

async fn firsts(script: &mut Script) {
    script.enter("empty");
    script.get("/offerings").await;
    script.create(json!({ "id": "t", "tag": 1 })).await;
    script.read().await;
    for tag in [json!({ "id": "a" }), json!({ "id": "a", "tag": null }), json!({ "id": "a", "tag": 0 })] {
        script.delete("t").await;
        script.create(tag).await;
        script.create(json!({ "id": "b", "product_ids": products(&[3, 1]) })).await;
        script.create(json!({ "id": "c", "tag": 0 })).await;
        script.read().await;
        script.promote("b").await;
        script.read().await;
        script.promote("a").await;
        for id in ["a", "b", "c"] {
            script.delete(id).await;
        }
    }
}

async fn lists(script: &mut Script) {
    script.enter("empty");
    for number in [5, 3, 9, 1, 7, 2] {
        script.create(json!({ "id": format!("l{number}"), "product_ids": products(&[4, 2, 8]) })).await;
    }
    script.update("l9", json!({ "product_ids": products(&[1]) })).await;
    for limit in ["0", "1", "2", "3", "5", "6", "7", "100", "101", "-1", "abc", "1.5", "9999999999"] {
        script.get(&format!("/offerings?limit={limit}")).await;
        script.get(&format!("/offerings?limit={limit}&starting_after=l3")).await;
    }
    for after in ["l5", "l3", "l9", "l1", "l7", "l2", "gone", "a%2Fb", "l2%0A", "x%20y"] {
        script.get(&format!("/offerings?limit=1&starting_after={after}")).await;
        script.get(&format!("/offerings?starting_after={after}")).await;
    }
    script.get(&format!("/offerings?starting_after={}", "x".repeat(64))).await;
    script.get(&format!("/offerings?starting_after={}", "x".repeat(65))).await;
    script.get("/offerings?unknown=1").await;
    script.get("/offerings?limit=1&limit=2").await;
    script.delete("l9").await;
    script.get("/offerings?starting_after=l9").await;
    for number in 0..25 {
        script.create(json!({ "id": format!("many-{number}") })).await;
    }
    script.get("/offerings").await;
    script.enter("main");
    script.get("/offerings?limit=2").await;
    script.get("/offerings?limit=2&starting_after=winback").await;
    script.read().await;
}

async fn creates(script: &mut Script) {
    script.enter("main");
    for id in ["p.q-r:s t", "A_b", "x", "9lives", "12345", "tail ", &"i".repeat(64), &"j".repeat(33)] {
        script.create(json!({ "id": id, "product_ids": products(&[2, 1]) })).await;
        script.get(&format!("/offerings/{}", id.replace(' ', "%20"))).await;
    }
    let long = "k".repeat(65);
    let bad =
        ["", "a/b", "a?b", "a#b", "a%b", "a+b", "a@b", "aéb", "a\tb", "a\0b", "ab\n", " c\n", "d🎉", "e\"f", &long];
    for id in bad {
        script.create(json!({ "id": id })).await;
    }
    for id in [Value::Null, json!(7), json!([])] {
        script.create(json!({ "id": id })).await;
    }
    script.create(json!({})).await;
    for (place, tag) in [2, 3].map(Value::from).into_iter().chain(ODD_TAGS()).enumerate() {
        script.create(json!({ "id": format!("tag-{place}"), "tag": tag })).await;
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
        json!([script.fixture.product_ids.last()]),
        json!(["PREMIUM_001"]),
        json!(vec!["premium_002"; 101]),
        json!(["premium_001", "premium_001"]),
        (1..101).rev().map(|number| format!("premium_{number:03}")).collect(),
    ];
    for (place, list) in lists.into_iter().enumerate() {
        script.create(json!({ "id": format!("list-{place}"), "product_ids": list })).await;
        script.get(&format!("/offerings/list-{place}")).await;
        script.update("x", json!({ "product_ids": list })).await;
    }
    script.create(json!({ "id": "x", "product_ids": products(&[9]) })).await;
    script.create(json!({ "id": "t1", "tag": 1 })).await;
    let taken = json!({ "id": "ro", "object": "x", "url": "/y", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2030-01-01T00:00:00Z", "more": 1 });
    script.create(taken).await;
    script.create(json!({ "id": "deep", "more": [[[[1e12]]]] })).await;
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
        script.send("POST", "/offerings", body.to_owned()).await;
        script.send("PATCH", "/offerings/x", body.to_owned()).await;
    }
    script.read().await;
}

#[expect(non_snake_case, reason = "a list like a constant")]
fn ODD_TAGS() -> [Value; 8] {
    [json!(-1), json!(1.5), json!("0"), json!("1"), json!(true), json!(40000), json!([]), json!(0.0)]
}

async fn updates(script: &mut Script) {
    script.enter("main");
    script.create(json!({ "id": "u:1", "product_ids": products(&[3, 1, 2]) })).await;
    script.create(json!({ "id": "u2", "product_ids": products(&[3]) })).await;
    script.create(json!({ "id": "U:1", "product_ids": products(&[5]) })).await;
    for list in [&[5, 4][..], &[5, 4], &[4, 5], &[], &[7, 6, 8], &[6]] {
        script.update("u:1", json!({ "product_ids": products(list) })).await;
        script.get("/offerings/u:1").await;
    }
    script.update("U:1", json!({ "product_ids": products(&[9]) })).await;
    script.update("u:1", json!({})).await;
    let many: Vec<_> = (1..12).collect();
    script.update("u2", json!({ "product_ids": products(&many) })).await;
    script.update("u2", json!({ "product_ids": products(&many[..10]) })).await;
    script.update("u2", json!({ "id": "u3" })).await;
    script.update("u2", json!({ "tag": 0 })).await;
    script.update("none", json!({ "product_ids": [] })).await;
    script.update("onboarding", json!({ "product_ids": products(&[2, 1]) })).await;
    script.update("onboarding", json!({ "more": 1 })).await;
    for (id, tag) in [("onboarding", json!(0)), ("onboarding", Value::Null), ("onboarding", json!(1)), ("u2", json!(1))]
    {
        script.update(id, json!({ "tag": tag, "product_ids": products(&[8]) })).await;
        script.read().await;
        script.promote("onboarding").await;
    }
    for tag in ODD_TAGS() {
        script.update("u:1", json!({ "tag": tag })).await;
        script.read().await;
    }
    for path in ["%2F", "%ff", "%zz", "a%22b", &"l".repeat(65), &format!("{}x", "i".repeat(64)), "none"] {
        script.get(&format!("/offerings/{path}")).await;
        script.update(path, json!({})).await;
        script.delete(path).await;
        script.promote(path).await;
        script.read().await;
    }
    let variant = script.fixture.variant_id.replace(' ', "%20");
    script.get(&format!("/offerings/{variant}")).await;
    script.update(&variant, json!({})).await;
    script.promote(&variant).await;
    script.read().await;
    script.delete(&variant).await;
    script.read().await;
}

async fn promotions(script: &mut Script) {
    script.enter("main");
    for id in ["u2", "u2", "winback", "u:1", "onboarding", "winback", "u2"] {
        script.promote(id).await;
        script.read().await;
        script.update(id, json!({ "product_ids": products(&[1]) })).await;
        script.read().await;
    }
    script.delete("u:1").await;
    script.read().await;
    script.get("/offerings/u:1").await;
    script.delete("u:1").await;
    script.create(json!({ "id": "u:1" })).await;
    script.promote("u:1").await;
    script.read().await;
    script.delete("u:1").await;
    script.read().await;
    script.create(json!({ "id": "after" })).await;
    script.promote("onboarding").await;
    script.read().await;
}

async fn keys(script: &mut Script) {
    script.enter("second");
    for id in ["onboarding", "winback", "none"] {
        script.get(&format!("/offerings/{id}")).await;
        script.update(id, json!({ "product_ids": [] })).await;
        script.promote(id).await;
        script.delete(id).await;
        script.read().await;
    }
    script.create(json!({ "id": "u2" })).await;
    let token = script.fixture.token.clone();
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
        script.enter("main");
        script.create(json!({ "id": "k" })).await;
        script.authorization = header;
        script.read().await;
        script.create(json!({ "id": format!("without_valid_key-{place}") })).await;
        script.create(json!({ "id": "a/b" })).await;
        for id in ["k", "none", "a%2Fb"] {
            script.get(&format!("/offerings/{id}")).await;
            script.update(id, json!({ "product_ids": products(&[6]) })).await;
            script.promote(id).await;
            script.delete(id).await;
        }
        script.enter("main");
        script.read().await;
    }
    script.enter("limited");
    script.read().await;
    script.create(json!({ "id": "limited" })).await;
}

async fn replays(script: &mut Script) {
    script.enter("main");
    let body = json!({ "id": "key", "product_ids": products(&[2]) });
    script.create_with(body.clone(), "key-one-A").await;
    script.create_with(body.clone(), "key-one-A").await;
    script.create_with(json!({ "id": "other" }), "key-one-A").await;
    script.create_with(json!({ "id": "second" }), "key-one-B").await;
    script.create_with(json!({ "id": "third" }), "KEY-one-B").await;
    script.create_with(body.clone(), "key-one-A").await;
    script.enter("second");
    script.create_with(body.clone(), "key-one-A").await;
    script.read().await;
    script.enter("main");
    script.update("key", json!({ "product_ids": products(&[5]) })).await;
    script.create_with(body.clone(), "key-one-A").await;
    script.delete("third").await;
    script.create_with(body, "key-one-A").await;
    script.promote_with("key", "promote").await;
    script.promote("second").await;
    script.promote_with("key", "promote").await;
    script.read().await;
    script.promote_with("onboarding", "promote").await;
    script.create_with(json!({ "id": "refused", "product_ids": ["nobody"] }), "refused").await;
    script.create_with(json!({ "id": "refused" }), "refused").await;
    script.create_with(json!({ "id": "long" }), &"k".repeat(300)).await;
    script.read().await;
}

/// Ids that programs treat specially, and members of a body in another letter case.
async fn special_names(script: &mut Script) {
    script.enter("main");
    for id in ["constructor", "0", "007", "null", "true", "new", "set-main", "offerings"] {
        script.get(&format!("/offerings/{id}")).await;
        script.create(json!({ "id": id })).await;
        script.get(&format!("/offerings/{id}")).await;
        script.promote(id).await;
    }
    script.create(json!({ "ID": "upper" })).await;
    script.create(json!({ "id": "mixed", "Product_IDs": products(&[4]) })).await;
    script.update("mixed", json!({ "Product_IDs": products(&[5]) })).await;
    script.promote("onboarding").await;
}

/// Requests that are sent only once.
async fn odd_requests(script: &mut Script) {
    script.enter("main");
    for _ in 0..4 {
        script.get("/offerings/key").await;
    }
    script.update("key", json!({ "product_ids": products(&[3]) })).await;
    script.get("/offerings/key").await;
    script.send("POST", "/offerings/key/set-main", "{}").await;
    script.create(json!({ "id": "KEY" })).await;
}

/// Long histories in an empty project.
async fn long_histories(script: &mut Script) {
    script.fixture =
        Fixtures::new(Clock::Logical, Arc::clone(&script.app.config), 0).register(&script.app.store, "script", 2);
    script.enter("empty");
    for id in ["a", "b", "c", "a:d", "e"] {
        script.create(json!({ "id": id, "product_ids": products(&[2]) })).await;
    }
    for id in ["b", "a", "b", "a", "e", "a"] {
        script.promote(id).await;
        script.read().await;
    }
    script.update("b", json!({ "product_ids": products(&[7]) })).await;
    script.read().await;
    script.promote("none").await;
    script.update("b", json!({ "product_ids": products(&[8]) })).await;
    script.read().await;
    script.create(json!({ "id": "b" })).await;
    script.update("b", json!({ "product_ids": products(&[9]) })).await;
    script.read().await;
    for _ in 0..3 {
        script.update("b", json!({})).await;
        script.promote("b").await;
        script.read().await;
        script.delete("a").await;
        script.get("/offerings?limit=1&starting_after=b").await;
        script.read().await;
        script.create(json!({ "id": "a" })).await;
        script.read().await;
        script.promote("a").await;
        script.delete("a").await;
        script.read().await;
        script.create(json!({ "id": "n1" })).await;
        script.create(json!({ "id": "n2" })).await;
        script.read().await;
        script.promote("c").await;
        script.delete("n1").await;
        script.delete("n2").await;
        script.create(json!({ "id": "a" })).await;
        script.read().await;
    }
    for number in 0..12 {
        script.create(json!({ "id": format!("z{number}") })).await;
    }
    script.read().await;
    script.delete("e").await;
    script.read().await;
}
