//! Requests that provoke: what they are answered is held against the `response.*` and `offering.*` rules, as every
//! exchange is. Here stands only what to send for it.
//!
//! `.` and `..` are never sent as an id.

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("response.no-server-error", Writes, [], no_server_error),
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

async fn no_server_error(stage: &mut Stage) -> Flow {
    let there = stage.id("there");
    stage.make(&there, &[]).await?;
    let requests: Vec<_> = odd_paths(stage).into_iter().chain(odd_queries()).collect();
    stage.send_all(&requests).await?;
    let bodies = odd_bodies(&stage.id("odd")).into_iter().enumerate();
    let named = |(index, body): (usize, String)| body.replace("$ID", &stage.id(&format!("odd{index}"))).into_bytes();
    let mut bodies: Vec<Vec<u8>> = bodies.map(named).collect();
    bodies.push([b"{\"id\":\"".as_slice(), stage.id("odd").as_bytes(), b"\xff\xc3(\"}"].concat());
    for some in bodies.chunks(stage.at_once()) {
        odd_writes(stage, &there, some).await?;
    }
    let never = stage.id("never");
    let long_key = "k".repeat(1_000);
    stage.send(Request::to(Endpoint::SetMain).id(&never).header("idempotency-key", long_key)).await?;
    stage.send(Request::to(Endpoint::SetMain).id(&never).raw_body(JSON, nested(200))).await?;
    stage.take_as_is().await
}

/// Sends each body in a create and in an update. An offering that a server makes of one under an id that is not ours is
/// removed at once.
async fn odd_writes(stage: &mut Stage, there: &str, bodies: &[Vec<u8>]) -> Flow {
    let create = |body: &Vec<u8>| Request::to(Endpoint::Create).raw_body(JSON, body.clone());
    let update = |body: &Vec<u8>| Request::to(Endpoint::Update).id(there).raw_body(JSON, body.clone());
    let requests: Vec<_> = bodies.iter().flat_map(|body| [create(body), update(body)]).collect();
    for made in stage.send_all(&requests).await? {
        let is_made = made.answer.status == 201;
        let id = made.answer.json().filter(|_| is_made).and_then(|body| body.get("id")?.as_str());
        if let Some(id) = id.filter(|id| !id.starts_with(&stage.id(""))) {
            stage.delete(id).await?;
        }
    }
    Ok(())
}

/// Ids that are legal in a URL but odd, on the four operations that take one. None of them exists.
fn odd_paths(stage: &Stage) -> Vec<Request> {
    let long = stage.id(&"x".repeat(1_000));
    let mut requests = Vec::new();
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete, Endpoint::SetMain] {
        let to = |segment: &str| {
            let request = Request::to(endpoint).raw_id(segment);
            if endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request }
        };
        let tails = ["%2Fy", "%5Cy", "%00", "%F0%9F%98%80", "%FF", "%C3%28", "%0D%0A", "%25%32%46", "%20", "%22"];
        requests.push(to(&long));
        requests.extend(tails.iter().map(|tail| to(&format!("{}{tail}", stage.id("odd")))));
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

/// JSON texts with `$ID` where a fresh id belongs.
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

/// Arrays in arrays.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Requests that are refused because of one field, each documented code of a create and an update among them.
fn refused_fields(stage: &Stage, there: &str) -> Vec<Request> {
    let create = |body: &Value| Request::to(Endpoint::Create).json(body);
    let update = |body: &Value| Request::to(Endpoint::Update).id(there).json(body);
    let id = stage.id("refused");
    let unknown = stage.id("no-such-product");
    vec![
        Request::to(Endpoint::List).query("limit", "0"),
        Request::to(Endpoint::List).query("starting_after", &format!("{:x<65}", stage.id("long"))),
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

/// Requests that are refused although every field is right: nothing is there, it is there already, no key.
fn refused_wholes(stage: &Stage, there: &str) -> Vec<Request> {
    let never = stage.id("never");
    let mut requests = vec![Request::to(Endpoint::Create).json(&json!({ "id": there }))];
    requests.extend(on_each(&never));
    // Without a key only what would do nothing if it were let in.
    let without_key = on_each(&never)
        .into_iter()
        .chain([Request::to(Endpoint::List), Request::to(Endpoint::Create).json(&json!({ "id": there }))]);
    requests.extend(without_key.map(|request| request.without_header("authorization")));
    requests
}

/// A valid request to each operation on one offering.
fn on_each(id: &str) -> [Request; 4] {
    [Endpoint::Get, Endpoint::Update, Endpoint::SetMain, Endpoint::Delete].map(|endpoint| {
        let request = Request::to(endpoint).id(id);
        if endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request }
    })
}

async fn documented_failures(stage: &mut Stage) -> Flow {
    let there = stage.id("there");
    stage.make(&there, &[]).await?;
    let mut requests = refused_fields(stage, &there);
    requests.extend(refused_wholes(stage, &there));
    requests.extend(on_each(&format!("{:x<65}", stage.id("long"))));
    if let Ok(variant) = stage.variant() {
        requests.extend(on_each(&variant));
    }
    stage.settle().await?;
    stage.send_all(&requests).await?;
    // What the refused ones changed is looked into by cases of their own.
    stage.take_as_is().await?;
    // Only on an offering of our own that was made main: the project's own main is nothing to try this on.
    stage.promote(&there).await?;
    stage.update(&there, &json!({ "tag": 0 })).await?;
    stage.take_as_is().await
}

async fn error_types(stage: &mut Stage) -> Flow {
    let there = stage.id("there");
    stage.make(&there, &[]).await?;
    let mut requests = refused_fields(stage, &there);
    requests.extend(refused_wholes(stage, &there));
    stage.send_all(&requests).await?;
    stage.take_as_is().await
}

async fn failures_without_fields(stage: &mut Stage) -> Flow {
    let there = stage.id("there");
    stage.make(&there, &[]).await?;
    let broken = |endpoint, id: &str| Request::to(endpoint).id(id).raw_body(JSON, "{");
    let mut requests = refused_wholes(stage, &there);
    requests.extend([broken(Endpoint::Create, ""), broken(Endpoint::Update, &there)]);
    requests.push(Request::to(Endpoint::Create).json(&json!({ "id": stage.id("refused"), "tag": 1 })));
    stage.send_all(&requests).await?;
    stage.take_as_is().await
}

async fn urls(stage: &mut Stage) -> Flow {
    let long = format!("{:x<64}", stage.id("l"));
    for id in [stage.id("a b"), stage.id("a:b"), stage.id("A b:c._-9"), long] {
        stage.make(&id, &[]).await?;
        stage.read(&id).await?;
        stage.update(&id, &json!({ "product_ids": [] })).await?;
    }
    stage.list().await?;
    Ok(())
}

async fn creation_stays(stage: &mut Stage) -> Flow {
    let products = stage.products(1).unwrap_or_default();
    let (id, other) = (stage.id("a b:c"), stage.id("other"));
    let made = stage.make(&id, &[]).await?;
    stage.make(&other, &[]).await?;
    let body = json!({ "product_ids": products });
    let updated = stage.update(&id, &body).await?;
    let time = updated.answer.json().and_then(|body| body.get("updated_at")?.as_str());
    if time == Some(&*made.updated_at) {
        // The clock shows seconds: within the same one a new date would look like the old one.
        tokio::time::sleep(super::list::A_SECOND).await;
    }
    for products in [&[][..], &products] {
        stage.update(&id, &json!({ "product_ids": products })).await?;
    }
    stage.read(&id).await?;
    stage.promote(&id).await?;
    stage.read(&id).await?;
    stage.promote(&other).await?;
    stage.read(&id).await?;
    stage.list().await?;
    Ok(())
}
