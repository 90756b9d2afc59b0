//! The server over real HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::reference::{Clock, Fixture, Options, Server, StartError};

/// A client of one project.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    pub(super) fn new(server: &Server, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: server.base_url(), token: token.to_owned() }
    }

    /// A client of another server or project on the same connections.
    pub(super) fn at(&self, server: &Server, token: &str) -> Self {
        Self { http: self.http.clone(), base: server.base_url(), token: token.to_owned() }
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.request(method, path);
        finish(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, None).await
    }

    pub(super) async fn create(&self, body: Value) -> (u16, Value) {
        self.send("POST", "/offerings", Some(body)).await
    }
}

pub(super) async fn finish(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn code(response: &(u16, Value)) -> (u16, &str) {
    (response.0, response.1["error"]["code"].as_str().unwrap_or_default())
}

async fn started() -> (Server, Fixture, Client) {
    let server = Server::start(Options { clock: Clock::Logical, ..Options::default() }).await.unwrap();
    let fixture = server.fixture("test");
    let client = Client::new(&server, &fixture.token);
    (server, fixture, client)
}

#[tokio::test]
async fn an_offering_exists_from_create_to_delete() {
    let (server, fixture, client) = started().await;
    let before = server.snapshot(&fixture.token);
    let products = &fixture.product_ids[..2];
    let created = client.create(json!({ "id": "a b", "product_ids": products })).await;
    assert_eq!(created.0, 201);
    assert_eq!(created.1["tag"], Value::Null);
    assert_eq!(created.1["created_at"], "2026-01-01T00:00:00Z");
    assert_eq!(client.get("/offerings/a%20b").await, (200, created.1.clone()));
    let updated = client.send("PATCH", "/offerings/a%20b", Some(json!({ "product_ids": [] }))).await;
    assert_eq!((updated.0, &updated.1["product_ids"]), (200, &json!([])));
    let main = client.send("POST", "/offerings/a%20b/set-main", None).await;
    assert_eq!((main.0, &main.1["tag"]), (200, &json!(1)));
    assert_eq!(client.get("/offerings/onboarding").await.1["tag"], 0);
    assert_eq!(
        code(&client.send("PATCH", "/offerings/a%20b", Some(json!({ "tag": 0 }))).await),
        (422, "cannot_demote_main")
    );
    assert_eq!(client.send("POST", "/offerings/onboarding/set-main", None).await.0, 200);
    assert_eq!(client.send("DELETE", "/offerings/a%20b", None).await, (204, Value::Null));
    assert_eq!(code(&client.send("DELETE", "/offerings/a%20b", None).await), (404, "not_found"));
    let ids = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&server.snapshot(&fixture.token)), ids(&before));
    server.stop().await;
}

#[tokio::test]
async fn pages_of_any_size_cover_the_list_in_order() {
    let (server, fixture, _) = started().await;
    let client = Client::new(&server, &fixture.empty_token);
    for number in 0..25 {
        assert_eq!(client.create(json!({ "id": format!("o{number:02}") })).await.0, 201);
    }
    for limit in [1, 5, 7, 20, 24, 25, 100] {
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let (status, page) = client.get(&format!("/offerings?limit={limit}{after}")).await;
            assert_eq!(status, 200);
            let data = page["data"].as_array().unwrap();
            ids.extend(data.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            if page["has_more"] == false {
                assert_eq!(page["next_cursor"], Value::Null);
                break;
            }
            assert_eq!((data.len(), &page["next_cursor"]), (limit, &data[limit - 1]["id"]));
            after = format!("&starting_after={}", ids.last().unwrap());
        }
        assert_eq!(ids, (0..25).map(|number| format!("o{number:02}")).collect::<Vec<_>>());
    }
    assert_eq!(client.get("/offerings").await.1["data"].as_array().unwrap().len(), 20);
    let lost = client.request("GET", "/offerings?starting_after=gone").send().await.unwrap();
    assert_eq!(lost.headers()["x-qon-pagination-restarted"], "true");
    server.stop().await;
}

#[tokio::test]
async fn the_first_offering_is_main_with_any_tag() {
    let (server, _, _) = started().await;
    for tag in [json!({}), json!({ "tag": null }), json!({ "tag": 0 })] {
        let client = Client::new(&server, &server.fixture("first").empty_token);
        let mut body = tag.clone();
        body["id"] = json!("one");
        assert_eq!(client.create(body).await.1["tag"], 1, "{tag}");
        assert_ne!(client.create(json!({ "id": "two" })).await.1["tag"], 1);
        client.send("DELETE", "/offerings/one", None).await;
        assert_ne!(client.create(json!({ "id": "three" })).await.1["tag"], 1);
    }
    server.stop().await;
}

#[tokio::test]
async fn errors_have_their_typed_codes() {
    let (server, fixture, client) = started().await;
    let before = server.snapshot(&fixture.token);
    let product = &fixture.second_product_ids[0];
    for (body, expected) in [
        (json!({ "id": "onboarding" }), (409, "offering_already_exists")),
        (json!({ "id": fixture.variant_id }), (409, "offering_already_exists")),
        (json!({ "id": "x", "tag": 1 }), (400, "cannot_set_main_directly")),
        (json!({ "id": "x", "product_ids": [product] }), (400, "product_not_in_project")),
        (json!({ "id": "x\n" }), (400, "invalid_data")),
        (json!([]), (400, "invalid_data")),
    ] {
        assert_eq!(code(&client.create(body.clone()).await), expected, "{body}");
    }
    let variant = format!("/offerings/{}", fixture.variant_id.replace(' ', "%20"));
    assert_eq!(code(&client.get(&variant).await), (404, "not_found"));
    for (method, path, body, expected) in [
        ("PATCH", variant.clone(), Some(json!({})), (422, "cannot_patch_experiment_variant")),
        ("DELETE", variant.clone(), None, (422, "cannot_delete_experiment_variant")),
        ("POST", format!("{variant}/set-main"), None, (422, "cannot_setmain_experiment_variant")),
        ("PATCH", "/offerings/onboarding".into(), Some(json!({ "tag": null })), (422, "cannot_demote_main")),
        ("PATCH", "/offerings/onboarding".into(), Some(json!({ "tag": 1 })), (400, "cannot_set_main_directly")),
        ("PATCH", "/offerings/none".into(), Some(json!({ "tag": 1 })), (404, "not_found")),
        ("PATCH", "/offerings/winback".into(), Some(json!({ "tag": 2 })), (400, "invalid_data")),
        ("POST", "/offerings/none/set-main".into(), None, (404, "not_found")),
        ("GET", "/offerings/a%2Fb".into(), None, (400, "invalid_data")),
        ("GET", "/offerings/%ff".into(), None, (400, "invalid_data")),
        ("GET", "/offerings/%zz".into(), None, (400, "invalid_data")),
        ("GET", "/offerings?limit=0".into(), None, (400, "invalid_data")),
        ("GET", "/offerings/".into(), None, (404, "invalid_request")),
        ("PUT", "/offerings".into(), None, (405, "invalid_request")),
        ("OPTIONS", "/offerings/a".into(), None, (405, "invalid_request")),
    ] {
        assert_eq!(code(&client.send(method, &path, body).await), expected, "{method} {path}");
    }
    assert_eq!(server.snapshot(&fixture.token), before);
    server.stop().await;
}

#[tokio::test]
async fn malformed_bodies_are_rejected() {
    let (server, _, client) = started().await;
    let post = || client.request("POST", "/offerings");
    let deep = "[".repeat(100_000);
    for (body, kind, expected) in [
        ("{".to_owned(), "application/json", 400),
        (String::new(), "application/json", 400),
        (deep, "application/json", 400),
        (r#"{"id":"a","tag":1e999}"#.to_owned(), "application/json", 400),
        (r#"{"id":"a"}"#.to_owned(), "text/plain", 415),
        (" ".repeat((1 << 20) + 1), "application/json", 413),
    ] {
        let length = body.len();
        let (status, response) = finish(post().header("content-type", kind).body(body)).await;
        assert_eq!((status, &response["error"]["type"]), (expected, &json!("request")), "{kind}, {length} bytes");
    }
    server.stop().await;
}

#[tokio::test]
async fn keys_give_access_to_their_own_project_only() {
    let (server, fixture, client) = started().await;
    let second = Client::new(&server, &fixture.second_token);
    assert_eq!(second.get("/offerings/onboarding").await.0, 404);
    assert_ne!(
        second.get("/offerings/winback").await.1["product_ids"],
        client.get("/offerings/winback").await.1["product_ids"]
    );
    let limited = Client::new(&server, &fixture.limited_token);
    assert_eq!(code(&limited.get("/offerings").await), (403, "control_forbidden"));
    let basic = format!("Basic {}", fixture.token);
    let longer = format!("Bearer {}x", fixture.token);
    for header in [None, Some("Bearer "), Some(fixture.token.as_str()), Some(&basic), Some(&longer)] {
        let request = client.http.post(format!("{}/offerings", client.base)).body("{");
        let request = if let Some(header) = header { request.header("authorization", header) } else { request };
        assert_eq!(code(&finish(request).await), (401, "control_unauthorized"), "{header:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_replays_its_first_response() {
    let (server, fixture, client) = started().await;
    let create = |client: &Client, id: &str| {
        finish(client.request("POST", "/offerings").header("idempotency-key", "k").json(&json!({ "id": id })))
    };
    let first = create(&client, "one").await;
    assert_eq!(first.0, 201);
    assert_eq!(create(&client, "one").await, first);
    assert_eq!(create(&client, "other").await, first);
    assert_eq!(create(&Client::new(&server, &fixture.second_token), "one").await.0, 201);
    let promote = || finish(client.request("POST", "/offerings/one/set-main").header("idempotency-key", "k"));
    let promoted = promote().await;
    client.send("POST", "/offerings/winback/set-main", None).await;
    assert_eq!(promote().await, promoted);
    assert_eq!(client.get("/offerings/winback").await.1["tag"], 1);
    server.stop().await;
}

#[tokio::test]
async fn concurrent_creates_store_one_offering_and_one_main() {
    let (server, fixture, _) = started().await;
    let client = std::sync::Arc::new(Client::new(&server, &fixture.empty_token));
    let attempts: Vec<_> = (0..16)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.create(json!({ "id": format!("o{}", number % 4) })).await.0 })
        })
        .collect();
    let mut made = 0;
    for attempt in attempts {
        made += usize::from(attempt.await.unwrap() == 201);
    }
    let rows = server.snapshot(&fixture.empty_token);
    let mains = rows.as_array().unwrap().iter().filter(|row| row["tag"] == 1).count();
    assert_eq!((made, rows.as_array().unwrap().len(), mains), (4, 4, 1));
    server.stop().await;
}

#[tokio::test]
async fn a_port_in_use_has_its_own_error() {
    let (server, _, _) = started().await;
    let address = server.address();
    let again = Server::start(Options { address, ..Options::default() }).await;
    assert!(matches!(again, Err(StartError::PortInUse { address: named }) if named == address));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_does_not_wait_for_a_client_that_never_finishes() {
    let (server, _, _) = started().await;
    let mut half = TcpStream::connect(server.address()).unwrap();
    half.write_all(b"POST /v4/offerings HTTP/1.1\r\ncontent-length: 10\r\n\r\n{").unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), server.stop()).await.expect("bounded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_bytes_in_the_path_are_rejected_without_a_crash() {
    let (server, fixture, _) = started().await;
    for path in
        ["/v4/offerings/é", "/v4/offerings/%C3%A9", "/v4/offerings/a%00b", "/v4/offerings/%", "/v4/offerings/{x}"]
    {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            fixture.token
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 400"), "{path}: {response}");
    }
    server.stop().await;
}
