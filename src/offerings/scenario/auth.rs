//! API keys: a request without a valid key has no effect and returns no data; each key accesses one project only.

use serde_json::json;

use super::get::on;
use super::list::cursors_of_others;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, Secret};
use crate::offerings::Context;
use crate::offerings::oracle::Reply;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("auth.missing", MayPromote, [], also: ["auth.code", "auth.no-effect"], missing),
    scenario!("auth.malformed", MayPromote, [], also: ["auth.code", "auth.no-effect"], malformed),
    scenario!("auth.before-existence", Writes, [], also: ["auth.code"], before_existence),
    scenario!("auth.forbidden", MayPromote, [LimitedKey], forbidden),
    scenario!("auth.project-isolation", Promotes, [SecondProject], project_isolation),
];

const UNKNOWN_KEY: &str = "Bearer test_sk_qonform-0000000000-unknown";

/// One valid request for each operation on an existing offering; the create uses another id. The delete comes last,
/// because a server that accepts it has no offering left for the others.
fn valid_requests(cx: &Context, there: &str) -> Vec<Request> {
    let products = cx.some_products(1);
    vec![
        Request::to(Endpoint::List).query("limit", "1"),
        Request::to(Endpoint::Create).json(&json!({ "id": cx.id("ghost") })),
        Request::to(Endpoint::Get).id(there),
        Request::to(Endpoint::Update).id(there).json(&json!({ "product_ids": products })),
        Request::to(Endpoint::SetMain).id(there),
        Request::to(Endpoint::Delete).id(there),
    ]
}

/// Creates a regular offering, also in an empty project, where the first one becomes main.
async fn create_regular(cx: &mut Context) -> Result<String, Abort> {
    cx.ensure_main().await?;
    let id = cx.id("there");
    cx.create_offering(&id, &[]).await?;
    cx.read_state().await?;
    Ok(id)
}

fn without_key(request: Request) -> Request {
    request.without_header("authorization")
}

fn unknown_key(request: Request) -> Request {
    request.header("authorization", UNKNOWN_KEY)
}

async fn missing(cx: &mut Context) -> ScriptResult {
    let there = create_regular(cx).await?;
    let requests: Vec<_> = valid_requests(cx, &there).into_iter().map(without_key).collect();
    for request in requests {
        cx.send(request).await?;
    }
    Ok(())
}

/// Invalid values of `Authorization`. (The scheme `bearer` in lower case is valid HTTP and not among them.)
fn malformed_headers(cx: &Context) -> Vec<String> {
    let key = format!("${}", KeyRole::Main.variable());
    let mut headers = vec![
        UNKNOWN_KEY.into(),
        format!("Basic {key}"),
        format!("garbage {key}"),
        "garbage".into(),
        "Bearer".into(),
        "Bearer  ".into(),
        format!("Bearer {}", KeyRole::Main.truncated()),
        format!("Bearer {key}-"),
        key,
    ];
    if cx.project().client.keys().secret(KeyRole::Main).is_some_and(Secret::has_lower_case) {
        headers.push(format!("Bearer {}", KeyRole::Main.upper_case()));
    }
    headers
}

async fn malformed(cx: &mut Context) -> ScriptResult {
    let there = create_regular(cx).await?;
    let headers = malformed_headers(cx);
    for request in valid_requests(cx, &there) {
        let with = |header: &String| request.clone().header("authorization", header.as_str());
        let sent = cx.send(with(&headers[0])).await?;
        // An operation that accepts one header would mostly accept the others too, which is one defect.
        if Reply::read(&sent.response).is_unauthorized() {
            cx.send_all(&headers[1..].iter().map(with).collect::<Vec<_>>()).await?;
        }
    }
    Ok(())
}

/// Requests that would be rejected even with a valid key.
fn otherwise_invalid_requests(cx: &Context, there: &str) -> Vec<Request> {
    let (long, never) = (format!("{:x<65}", cx.id("long")), cx.id("never"));
    let mut requests = vec![
        Request::to(Endpoint::List).query("limit", "0"),
        Request::to(Endpoint::List).query("starting_after", &long),
        Request::to(Endpoint::Create).json(&json!({ "id": there })),
        Request::to(Endpoint::Create).json(&json!({ "id": long })),
        Request::to(Endpoint::Create).json(&json!({ "id": never, "tag": 1 })),
        Request::to(Endpoint::Create).raw_body("application/json", r#"{"id":"#),
        Request::to(Endpoint::Update).id(there).json(&json!({ "product_ids": 1 })),
        Request::to(Endpoint::Update).id(there).raw_body("application/json", "{"),
    ];
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete, Endpoint::SetMain] {
        requests.extend([&never, &long].map(|id| on(endpoint, id)));
    }
    requests
}

async fn before_existence(cx: &mut Context) -> ScriptResult {
    let there = create_regular(cx).await?;
    for invalidate_key in [without_key, unknown_key] {
        let mut protected = Vec::new();
        for request in valid_requests(cx, &there) {
            let sent = cx.send(invalidate_key(request)).await?;
            protected
                .extend(sent.request.operation.endpoint().filter(|_| Reply::read(&sent.response).is_unauthorized()));
        }
        // An operation that accepts a valid request without a key has another defect.
        let invalid = otherwise_invalid_requests(cx, &there).into_iter();
        let invalid: Vec<_> = invalid
            .filter(|request| request.operation.endpoint().is_some_and(|endpoint| protected.contains(&endpoint)))
            .map(invalidate_key)
            .collect();
        cx.send_all(&invalid).await?;
    }
    Ok(())
}

async fn forbidden(cx: &mut Context) -> ScriptResult {
    let there = create_regular(cx).await?;
    for request in valid_requests(cx, &there) {
        cx.send(request.key(KeyRole::Limited)).await?;
    }
    Ok(())
}

/// An offering of the other project is not listed and not found, its id can be created here, and each project then
/// shows its own offering, independent of changes in the other.
async fn project_isolation(cx: &mut Context) -> ScriptResult {
    let cursors = cursors_of_others(cx).await?;
    let theirs = cx.id("theirs");
    let products = their_products(cx);
    let body = json!({ "id": theirs, "product_ids": products });
    cx.send(Request::to(Endpoint::Create).json(&body).key(KeyRole::Second)).await?;
    cx.read_projects().await?;
    let never = cx.id("never");
    let pages: Vec<_> =
        [&never].into_iter().chain(&cursors).chain([&theirs]).map(|cursor| (Some(2), Some(cursor.as_str()))).collect();
    cx.pages(&pages).await?;
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::SetMain, Endpoint::Delete] {
        cx.send(on(endpoint, &never)).await?;
        cx.send(on(endpoint, &theirs)).await?;
        cx.read_projects().await?;
    }
    cx.ensure_main().await?;
    their_product_here(cx).await?;
    same_id_here(cx, &theirs).await?;
    cx.read_other_project(KeyRole::Second).await?;
    promotions_apart(cx, &theirs).await?;
    cx.send(Request::to(Endpoint::Delete).id(&theirs).key(KeyRole::Second)).await?;
    Ok(())
}

/// Promotions in both projects in turn: each changes only the main of its own project, also where both have the id.
async fn promotions_apart(cx: &mut Context, theirs: &str) -> ScriptResult {
    let (twin, apart) = (cx.id("twin"), cx.id("apart"));
    cx.send(Request::to(Endpoint::Create).json(&json!({ "id": twin })).key(KeyRole::Second)).await?;
    for id in [&twin, &apart] {
        cx.create_offering(id, &[]).await?;
    }
    cx.read_projects().await?;
    let there = |id: &str| Request::to(Endpoint::SetMain).id(id).key(KeyRole::Second);
    for request in
        [there(theirs), on(Endpoint::SetMain, &twin), there(&twin), on(Endpoint::SetMain, &apart), there(theirs)]
    {
        cx.send(request).await?;
        cx.read_projects().await?;
        if !cx.record().failures.is_empty() {
            return Ok(()); // Later failures would follow from this one.
        }
    }
    // An update of the main offering here.
    let products = cx.some_products(1);
    cx.update(&apart, &json!({ "product_ids": products })).await?;
    cx.read_projects().await
}

/// A product of the other project, so that an update there becomes visible.
fn their_products(cx: &Context) -> Vec<String> {
    let others = cx.oracle_state(KeyRole::Second);
    let products = others.into_iter().flat_map(|state| state.world().offerings());
    products.flat_map(|offering| offering.products.clone()).take(1).collect()
}

/// A product of only the other project is unknown here.
async fn their_product_here(cx: &mut Context) -> ScriptResult {
    let Some(product) = cx.project().fixtures.second_product.clone() else {
        cx.skip_part("auth.project-isolation", "products of the other project: needs --second-product-id");
        return Ok(());
    };
    let id = cx.id("product");
    cx.create_offering(&id, &[]).await?;
    cx.update(&id, &json!({ "product_ids": [product] })).await?;
    let other = cx.id("with-theirs");
    cx.create(&json!({ "id": other, "product_ids": [product] })).await?;
    Ok(())
}

async fn same_id_here(cx: &mut Context, id: &str) -> ScriptResult {
    let products = cx.some_products(2);
    cx.create_offering(id, &products).await?;
    let read = |role| Request::to(Endpoint::Get).id(id).key(role);
    cx.read_project_with(KeyRole::Second, vec![read(KeyRole::Main), read(KeyRole::Second)]).await?;
    both_at_once(cx, id).await?;
    // So that a later change there is not attributed to these reads.
    cx.read_other_project(KeyRole::Second).await?;
    cx.update(id, &json!({ "product_ids": products.iter().rev().collect::<Vec<_>>() })).await?;
    cx.read_projects().await?;
    if cx.state().main() != Some(id) {
        cx.delete(id).await?;
        cx.read_projects().await?;
        cx.send(read(KeyRole::Second)).await?;
    }
    Ok(())
}

/// Concurrent reads with both keys: each returns the offering of its own project.
async fn both_at_once(cx: &mut Context, id: &str) -> ScriptResult {
    let requests: Vec<_> = (0..16)
        .flat_map(|_| [KeyRole::Main, KeyRole::Second])
        .map(|role| Request::to(Endpoint::Get).id(id).key(role))
        .collect();
    cx.read_at_once(&requests).await?;
    Ok(())
}
