//! `GET /offerings/{offering_id}`, and ids in the paths of all operations.

use serde_json::json;

use super::create::INVALID_ENDINGS;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, encode_segment};
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
        cx.create_offering(&id, products).await?;
        cx.read_state().await?;
        cx.get(&id).await?;
        cx.get(&id).await?;
        // Detects a GET that changes the offering.
        cx.read_state().await?;
    }
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    let (there, deleted) = (cx.id("there"), cx.id("deleted"));
    cx.create_offering(&there, &[]).await?;
    cx.create_offering(&deleted, &[]).await?;
    cx.delete(&deleted).await?;
    let ids = [
        cx.id("never"),
        deleted,
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

/// Sends an operation with invalid ids. Offerings exist that a server would find if it truncated, trimmed or decoded
/// ids twice.
pub(super) async fn invalid_in_path(cx: &mut Context, endpoint: Endpoint) -> ScriptResult {
    let (there, long) = (cx.id("there"), format!("{:x<64}", cx.id("long")));
    cx.create_offering(&there, &cx.some_products(1)).await?;
    cx.create(&json!({ "id": long })).await?;
    let tails: &[&str] =
        if endpoint == Endpoint::Get { &INVALID_ENDINGS } else { &["@", "é", "%", "\ty", "\n", "*", "+"] };
    let ids: Vec<String> =
        std::iter::once(format!("{long}x")).chain(tails.iter().map(|tail| format!("{there}{tail}"))).collect();
    let requests: Vec<_> = ids.iter().map(|id| on(endpoint, id)).collect();
    cx.send_all(&requests).await?;
    Ok(())
}

/// A valid request of an operation on one offering.
pub(super) fn on(endpoint: Endpoint, id: &str) -> Request {
    with_body(Request::to(endpoint).id(id))
}

fn with_body(request: Request) -> Request {
    match request.operation.endpoint() {
        Some(Endpoint::Update) => request.json(&json!({ "product_ids": [] })),
        _ => request,
    }
}

/// An offering whose id contains a space, and unused ids that resolve to an offering if a server decodes twice or reads a
/// plus sign as a space. Creates the offerings.
pub(super) async fn encoded_ids(cx: &mut Context) -> Result<(String, [String; 2]), Abort> {
    let products = cx.some_products(1);
    let (plain, spaced) = (cx.id("winback"), cx.id("a b"));
    cx.create_offering(&plain, &products).await?;
    cx.create(&json!({ "id": spaced, "product_ids": products })).await?;
    let unused = [plain.replace("winback", "win%62ack"), spaced.replace("a b", "a+b")];
    Ok((spaced, unused))
}

/// Ids that a server may decode in another way or treat as a pattern.
async fn id_decoding(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    let (spaced, unused) = encoded_ids(cx).await?;
    for id in unused {
        for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete] {
            cx.send(on(endpoint, &id)).await?;
        }
    }
    // A literal plus sign is also valid in a path.
    let raw = encode_segment(&spaced).replace("%20", "+");
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete] {
        cx.send(with_body(Request::to(endpoint).raw_id(&raw))).await?;
    }
    cx.read_state().await?;
    neighbours(cx).await
}

/// Pairs of valid ids whose second matches the first if a server treats ids as patterns, compares only their start,
/// trims them, or ignores their case.
pub(super) fn confusable_ids(cx: &Context) -> Vec<(String, String)> {
    let (long, other) = (format!("{:x<63}a", cx.id("long")), format!("{:x<63}b", cx.id("long")));
    let pairs = [("axc", "a_c"), ("ayc", "a.c"), ("prefix-long", "prefix"), ("spaced", "spaced "), ("azc", "AZC")];
    pairs.into_iter().map(|(neighbour, pattern)| (cx.id(neighbour), cx.id(pattern))).chain([(long, other)]).collect()
}

/// Creates both offerings of each pair; returns the pairs of which both exist.
pub(super) async fn create_pairs(
    cx: &mut Context,
    mut pairs: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, Abort> {
    let products = cx.some_products(1);
    let create = |id: &String| Request::to(Endpoint::Create).json(&json!({ "id": id, "product_ids": products }));
    let neighbours: Vec<_> = pairs.iter().map(|(neighbour, _)| create(neighbour)).collect();
    let patterns: Vec<_> = pairs.iter().map(|(_, pattern)| create(pattern)).collect();
    // A correct server may take both ids of a pair for one: then it rejects the second, not any one of them.
    cx.send_all(&neighbours).await?;
    cx.send_all(&patterns).await?;
    pairs.retain(|(neighbour, pattern)| [neighbour, pattern].iter().all(|id| cx.find(id).is_some()));
    Ok(pairs)
}

/// An operation on one of two similar ids must not affect the offering of the other, also after the one is deleted.
async fn neighbours(cx: &mut Context) -> ScriptResult {
    let pairs = confusable_ids(cx);
    for (neighbour, pattern) in create_pairs(cx, pairs).await? {
        cx.update(&pattern, &json!({ "product_ids": [] })).await?;
        cx.delete(&pattern).await?;
        for endpoint in [Endpoint::Update, Endpoint::Delete] {
            cx.send(on(endpoint, &pattern)).await?;
        }
        let get = |id: &str| Request::to(Endpoint::Get).id(id);
        cx.read_project_with(KeyRole::Main, vec![get(&pattern), get(&neighbour)]).await?;
    }
    Ok(())
}
