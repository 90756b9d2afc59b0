//! `GET /offerings/{offering_id}`, and ids in the paths of all operations.

use serde_json::json;

use super::create::OUTSIDE;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{Request, encode_segment};
use crate::offerings::Context;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("get.existing", Writes, [], existing),
    scenario!("get.missing", Writes, [], missing),
    scenario!("get.variant-hidden", Reads, [Variant], variant_hidden),
    scenario!("get.id-invalid", Writes, [], id_invalid),
    scenario!("offering.id-decoding", Writes, [], id_decoding),
];

async fn existing(cx: &mut Context) -> ScriptResult {
    let products: Vec<_> = cx.some_products(12).into_iter().rev().collect();
    for (name, products) in [("a", &products[..]), ("b-c-d", &[])] {
        let id = cx.id(name);
        cx.make(&id, products).await?;
        cx.look().await?;
        cx.get(&id).await?;
        cx.get(&id).await?;
        // A get that changes something shows now.
        cx.look().await?;
    }
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    cx.make_main_elsewhere().await?;
    let (there, gone) = (cx.id("there"), cx.id("gone"));
    cx.make(&there, &[]).await?;
    cx.make(&gone, &[]).await?;
    cx.delete(&gone).await?;
    let ids = [
        cx.id("never"),
        gone,
        format!("{:x<64}", cx.id("never")),
        cx.id("ne v:er"),
        there[..there.len() - 1].to_owned(),
        format!("{there}x"),
        format!("{there} "),
        there.replace("there", "ther_"),
        there.replace("there", "ther."),
    ];
    let gets: Vec<_> = ids.iter().map(|id| Request::to(Endpoint::Get).id(id)).collect();
    cx.send_all(&gets).await?;
    Ok(())
}

async fn variant_hidden(cx: &mut Context) -> ScriptResult {
    let (variant, never) = (cx.variant()?, cx.id("never"));
    cx.get(&never).await?;
    cx.get(&variant).await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    invalid_in_path(cx, Endpoint::Get).await
}

/// Sends an operation with ids that no offering can have. Offerings exist that a server finds that cuts, trims or decodes
/// twice.
pub(super) async fn invalid_in_path(cx: &mut Context, endpoint: Endpoint) -> ScriptResult {
    let (there, long) = (cx.id("there"), format!("{:x<64}", cx.id("long")));
    cx.make(&there, &cx.some_products(1)).await?;
    cx.create(&json!({ "id": long })).await?;
    let tails: &[&str] = if endpoint == Endpoint::Get { &OUTSIDE } else { &["@", "é", "%", "\ty", "\n", "*", "+"] };
    let ids: Vec<String> =
        std::iter::once(format!("{long}x")).chain(tails.iter().map(|tail| format!("{there}{tail}"))).collect();
    let requests: Vec<_> = ids.iter().map(|id| on(endpoint, id)).collect();
    cx.send_all(&requests).await?;
    Ok(())
}

/// A valid request of an operation to one offering.
pub(super) fn on(endpoint: Endpoint, id: &str) -> Request {
    with_body(Request::to(endpoint).id(id))
}

fn with_body(request: Request) -> Request {
    match request.operation.endpoint() {
        Some(Endpoint::Update) => request.json(&json!({ "product_ids": [] })),
        _ => request,
    }
}

/// Ids that a server confuses which decodes twice, reads a plus sign as a space, or takes an id for a pattern. None of
/// the requests is for an offering that exists.
async fn id_decoding(cx: &mut Context) -> ScriptResult {
    cx.make_main_elsewhere().await?;
    let products = cx.some_products(1);
    let (plain, spaced) = (cx.id("winback"), cx.id("a b"));
    cx.make(&plain, &products).await?;
    cx.create(&json!({ "id": spaced, "product_ids": products })).await?;
    let encoded = plain.replace("winback", "win%62ack");
    let plus = spaced.replace("a b", "a+b");
    for id in [encoded, plus] {
        for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete] {
            cx.send(on(endpoint, &id)).await?;
        }
        cx.send(Request::to(Endpoint::List).query("limit", "2").query("starting_after", &id)).await?;
    }
    // In a path a plus sign may also stand as it is.
    let raw = encode_segment(&spaced).replace("%20", "+");
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete] {
        cx.send(with_body(Request::to(endpoint).raw_id(&raw))).await?;
    }
    cx.look().await?;
    cx.send(Request::to(Endpoint::List).query("limit", "2").raw_query(&format!("starting_after={raw}"))).await?;
    neighbours(cx).await
}

/// Pairs of legal ids of which the second reads as the first to a server that takes ids for patterns, looks at their
/// beginning only, trims them, or compares them without regard to case.
pub(super) fn confusable_ids(cx: &Context) -> Vec<(String, String)> {
    let (long, other) = (format!("{:x<63}a", cx.id("long")), format!("{:x<63}b", cx.id("long")));
    let pairs = [("axc", "a_c"), ("ayc", "a.c"), ("prefix-long", "prefix"), ("spaced", "spaced "), ("azc", "AZC")];
    pairs.into_iter().map(|(neighbour, pattern)| (cx.id(neighbour), cx.id(pattern))).chain([(long, other)]).collect()
}

/// Whether both offerings of a pair could be created.
pub(super) async fn make_pair(cx: &mut Context, ids: [&str; 2]) -> Result<bool, Abort> {
    let products = cx.some_products(1);
    for id in ids {
        cx.create(&json!({ "id": id, "product_ids": products })).await?;
    }
    Ok(ids.iter().all(|id| cx.find(id).is_some()))
}

/// An operation on one of two offerings whose ids are easily confused must not touch the other, whether the one exists
/// or not.
async fn neighbours(cx: &mut Context) -> ScriptResult {
    for (neighbour, pattern) in confusable_ids(cx) {
        if !make_pair(cx, [&neighbour, &pattern]).await? {
            continue;
        }
        cx.update(&pattern, &json!({ "product_ids": [] })).await?;
        cx.delete(&pattern).await?;
        for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete] {
            cx.send(on(endpoint, &pattern)).await?;
        }
        cx.page(Some(2), Some(&pattern)).await?;
        cx.get(&neighbour).await?;
        cx.look().await?;
    }
    Ok(())
}
