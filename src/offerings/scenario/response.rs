//! Requests that provoke errors or unusual responses. Every exchange is checked against the `response.*` and
//! `offering.*` rules, so the scenarios only send requests.
//!
//! `.` and `..` are never sent as an id.

use serde_json::{Value, json};

use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Context;

pub(super) const ALL: &[Scenario] = &[
    scenario!("response.no-server-error", WritesAlone, [], no_server_error),
    scenario!(
        "response.error-code-documented", Promotes, [],
        also: ["response.error-code-format", "response.documented-status", "response.headers-sane"],
        documented_failures
    ),
    scenario!("response.error-type", Writes, [], also: ["response.no-meta"], error_types),
    scenario!("response.details-omitted", Writes, [], failures_without_fields),
    scenario!("offering.url", Writes, [], also: ["offering.timestamps"], urls),
    scenario!("offering.created-at-immutable", Promotes, [], also: ["offering.tag-values"], creation_stays),
];

const JSON: &str = "application/json";

async fn no_server_error(cx: &mut Context) -> ScriptResult {
    let there = cx.id("there");
    cx.create_offering(&there, &[]).await?;
    let requests: Vec<_> = odd_paths(cx).into_iter().chain(odd_queries()).collect();
    cx.send_all(&requests).await?;
    let bodies = odd_bodies(&cx.id("odd")).into_iter().enumerate();
    let named = |(index, body): (usize, String)| body.replace("$ID", &cx.id(&format!("odd{index}"))).into_bytes();
    let mut bodies: Vec<Vec<u8>> = bodies.map(named).collect();
    bodies.push([b"{\"id\":\"".as_slice(), cx.id("odd").as_bytes(), b"\xff\xc3(\"}"].concat());
    for some in bodies.chunks(cx.at_once()) {
        odd_writes(cx, &there, some).await?;
    }
    let never = cx.id("never");
    let long_key = "k".repeat(1_000);
    cx.send(Request::to(Endpoint::SetMain).id(&never).header("idempotency-key", long_key)).await?;
    cx.send(Request::to(Endpoint::SetMain).id(&never).raw_body(JSON, nested(200))).await?;
    Ok(())
}

/// Sends each body in a create and in an update. An offering that is created without the prefix of the run is deleted
/// at once.
async fn odd_writes(cx: &mut Context, there: &str, bodies: &[Vec<u8>]) -> ScriptResult {
    let create = |body: &Vec<u8>| Request::to(Endpoint::Create).raw_body(JSON, body.clone());
    let update = |body: &Vec<u8>| Request::to(Endpoint::Update).id(there).raw_body(JSON, body.clone());
    let requests: Vec<_> = bodies.iter().map(create).chain(bodies.iter().map(update)).collect();
    for exchange in cx.send_all(&requests).await? {
        let is_created = exchange.response.is_success();
        let id = exchange.response.json().filter(|_| is_created).and_then(|body| body.get("id")?.as_str());
        if let Some(id) = id.filter(|id| !id.starts_with(&cx.id(""))) {
            cx.delete(id).await?;
        }
    }
    Ok(())
}

/// Odd ids that a URL allows, in the four operations with an id. No offering has them.
fn odd_paths(cx: &Context) -> Vec<Request> {
    let long = cx.id(&"x".repeat(1_000));
    let mut requests = Vec::new();
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete, Endpoint::SetMain] {
        let to = |segment: &str| {
            let request = Request::to(endpoint).raw_id(segment);
            if endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request }
        };
        let tails = ["%2Fy", "%5Cy", "%00", "%F0%9F%98%80", "%FF", "%C3%28", "%0D%0A", "%25%32%46", "%20", "%22"];
        requests.push(to(&long));
        requests.extend(tails.iter().map(|tail| to(&format!("{}{tail}", cx.id("odd")))));
    }
    requests
}

const THIRTY_DIGITS: &str = "123456789012345678901234567890";

fn odd_queries() -> Vec<Request> {
    let list = |query: &str| Request::to(Endpoint::List).raw_query(query);
    let long = "x".repeat(2_000);
    vec![
        list(&format!("limit={THIRTY_DIGITS}")),
        list(&format!("limit=-{THIRTY_DIGITS}")),
        list("limit=1e308"),
        list("limit=%00"),
        list("limit=%F0%9F%98%80"),
        list("limit=%FF"),
        list("limit="),
        list("limit=1&limit=2"),
        list("starting_after=%00"),
        list("starting_after=%F0%9F%98%80"),
        list("starting_after=%FF%FE"),
        list("starting_after="),
        list(&format!("starting_after={long}")),
    ]
}

/// JSON texts with `$ID` for a fresh id.
fn odd_bodies(odd: &str) -> Vec<String> {
    let long = "x".repeat(100_000);
    let deep = nested(200);
    let mut bodies = vec![
        format!(r#"{{"id":"{odd}{long}"}}"#),
        format!(r#"{{"id":"{odd}😀"}}"#),
        format!(r#"{{"id":"{odd}\u0000"}}"#),
        format!(r#"{{"id":"{odd}\ud800"}}"#),
        format!(r#"{{"id":{deep}}}"#),
        format!(r#"{{"id":"$ID","product_ids":{deep}}}"#),
        format!(r#"{{"id":"$ID","qonform":{deep}}}"#),
        format!(r#"{{"id":"$ID","qonform":"{long}"}}"#),
        format!(r#"{{"id":"$ID","product_ids":["{long}"]}}"#),
        r#"{"id":"$ID","product_ids":["😀"]}"#.to_owned(),
        r#"{"id":"$ID","product_ids":["\u0000"]}"#.to_owned(),
        r#"{"id":"$ID","product_ids":[null]}"#.to_owned(),
        r#"{"id":"$ID","product_ids":{}}"#.to_owned(),
        r#"{"id":"$ID","tag":"😀"}"#.to_owned(),
        r#"{"id":"$ID","id":"$ID"}"#.to_owned(),
        r#"{"id":"$ID","product_ids":null}"#.to_owned(),
        r#"{"id":"$ID","product_ids":[{}]}"#.to_owned(),
        r#"{"id":null}"#.to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#""text""#.to_owned(),
        String::new(),
        deep,
    ];
    for number in ["1e308", THIRTY_DIGITS, "1e999"] {
        bodies.push(format!(r#"{{"id":{number}}}"#));
        bodies.push(format!(r#"{{"id":"$ID","tag":{number}}}"#));
        bodies.push(format!(r#"{{"id":"$ID","product_ids":[{number}]}}"#));
        bodies.push(format!(r#"{{"id":"$ID","created_at":{number}}}"#));
    }
    bodies
}

/// Nested arrays.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Requests that are rejected because of one field, including every documented code of create and update.
fn rejected_fields(cx: &Context, there: &str) -> Vec<Request> {
    let create = |body: &Value| Request::to(Endpoint::Create).json(body);
    let update = |body: &Value| Request::to(Endpoint::Update).id(there).json(body);
    let id = cx.id("rejected");
    let unknown = cx.id("no-such-product");
    vec![
        Request::to(Endpoint::List).query("limit", "0"),
        Request::to(Endpoint::List).query("starting_after", &format!("{:x<65}", cx.id("long"))),
        create(&json!({ "id": 1 })),
        create(&json!({ "id": id, "product_ids": ["a/b"] })),
        create(&json!({ "id": id, "product_ids": [unknown] })),
        create(&json!({ "id": id, "tag": 1 })),
        update(&json!({ "product_ids": "x" })),
        update(&json!({ "product_ids": ["a/b"] })),
        update(&json!({ "product_ids": [unknown] })),
        update(&json!({ "tag": 1 })),
    ]
}

/// Requests with valid fields that are rejected: the id exists or does not, or the API key is missing.
fn rejected_wholes(cx: &Context, there: &str) -> Vec<Request> {
    let never = cx.id("never");
    let mut requests = vec![Request::to(Endpoint::Create).json(&json!({ "id": there }))];
    requests.extend(on_each(&never));
    requests.push(Request::to(Endpoint::List).without_header("authorization"));
    requests
}

/// A valid request to each operation on one offering.
fn on_each(id: &str) -> [Request; 4] {
    [Endpoint::Get, Endpoint::Update, Endpoint::SetMain, Endpoint::Delete].map(|endpoint| {
        let request = Request::to(endpoint).id(id);
        if endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request }
    })
}

async fn documented_failures(cx: &mut Context) -> ScriptResult {
    let there = cx.id("there");
    cx.create_offering(&there, &[]).await?;
    let mut requests = rejected_fields(cx, &there);
    requests.extend(rejected_wholes(cx, &there));
    requests.extend(on_each(&format!("{:x<65}", cx.id("long"))));
    if let Ok(variant) = cx.variant() {
        requests.extend(on_each(&variant));
    }
    cx.send_all(&requests).await?;
    // A faulty server might demote the offering, so the original main offering must not be used.
    cx.set_main(&there).await?;
    cx.update(&there, &json!({ "tag": 0 })).await?;
    Ok(())
}

async fn error_types(cx: &mut Context) -> ScriptResult {
    let there = cx.id("there");
    cx.create_offering(&there, &[]).await?;
    let mut requests = rejected_fields(cx, &there);
    requests.extend(rejected_wholes(cx, &there));
    cx.send_all(&requests).await?;
    Ok(())
}

async fn failures_without_fields(cx: &mut Context) -> ScriptResult {
    let there = cx.id("there");
    cx.create_offering(&there, &[]).await?;
    let broken = |endpoint, id: &str| Request::to(endpoint).id(id).raw_body(JSON, "{");
    let mut requests = rejected_wholes(cx, &there);
    requests.extend([broken(Endpoint::Create, ""), broken(Endpoint::Update, &there)]);
    requests.push(Request::to(Endpoint::Create).json(&json!({ "id": cx.id("rejected"), "tag": 1 })));
    cx.send_all(&requests).await?;
    Ok(())
}

async fn urls(cx: &mut Context) -> ScriptResult {
    let long = format!("{:x<64}", cx.id("l"));
    for id in [cx.id("a b"), cx.id("a:b"), cx.id("A b:c._-9"), long] {
        cx.create_offering(&id, &[]).await?;
        cx.get(&id).await?;
        cx.update(&id, &json!({ "product_ids": [] })).await?;
    }
    cx.read_state().await?;
    Ok(())
}

async fn creation_stays(cx: &mut Context) -> ScriptResult {
    let products = cx.some_products(1);
    let (id, other) = (cx.id("a b:c"), cx.id("other"));
    let created = cx.create_offering(&id, &[]).await?;
    cx.create_offering(&other, &[]).await?;
    let body = json!({ "product_ids": products });
    let updated = cx.update(&id, &body).await?;
    let time = updated.response.json().and_then(|body| body.get("updated_at")?.as_str());
    if time == Some(&*created.updated_at) {
        // Within the same second, a changed time would equal the old one.
        tokio::time::sleep(super::delete::OVER_ONE_SECOND).await;
    }
    for products in [&[][..], &products] {
        cx.update(&id, &json!({ "product_ids": products })).await?;
    }
    cx.get(&id).await?;
    cx.set_main(&id).await?;
    cx.get(&id).await?;
    cx.set_main(&other).await?;
    cx.get(&id).await?;
    cx.read_state().await?;
    Ok(())
}
