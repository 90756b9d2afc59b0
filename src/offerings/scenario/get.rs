//! `GET /offerings/{offering_id}`, and ids in the paths of all operations.

use serde_json::json;

use super::create::OUTSIDE;
use super::{Flow, Scenario, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Context;

pub(super) const ALL: &[Scenario] = &[
    scenario!("get.existing", Writes, [], existing),
    scenario!("get.missing", Writes, [], missing),
    scenario!("get.variant-hidden", Reads, [Variant], variant_hidden),
    scenario!("get.id-invalid", Writes, [], id_invalid),
    scenario!("offering.id-decoding", Writes, [], id_decoding),
];

async fn existing(cx: &mut Context) -> Flow {
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

async fn missing(cx: &mut Context) -> Flow {
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

async fn variant_hidden(cx: &mut Context) -> Flow {
    let (variant, never) = (cx.variant()?, cx.id("never"));
    cx.get(&never).await?;
    cx.get(&variant).await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> Flow {
    invalid_in_path(cx, Endpoint::Get).await
}

/// Sends an operation with ids that no offering can have. Offerings exist that a server finds that cuts, trims or decodes
/// twice.
pub(super) async fn invalid_in_path(cx: &mut Context, endpoint: Endpoint) -> Flow {
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
    let request = Request::to(endpoint).id(id);
    if endpoint == Endpoint::Update { request.json(&json!({ "product_ids": [] })) } else { request }
}

/// Ids that a server confuses which decodes twice, reads a plus sign as a space, or takes an id for a pattern. None of
/// the requests is for an offering that exists.
async fn id_decoding(cx: &mut Context) -> Flow {
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
    let raw = crate::exchange::encode_segment(&spaced).replace("%20", "+");
    cx.look().await?;
    cx.send(Request::to(Endpoint::List).query("limit", "2").raw_query(&format!("starting_after={raw}"))).await?;
    neighbours(cx).await
}

/// Legal ids that read as patterns for a neighbour: an operation on one must not touch the other, whether the one exists
/// or not.
async fn neighbours(cx: &mut Context) -> Flow {
    let products = cx.some_products(1);
    let (long, other) = (format!("{:x<63}a", cx.id("long")), format!("{:x<63}b", cx.id("long")));
    let named = |cx: &Context, pair: (&str, &str)| (cx.id(pair.0), cx.id(pair.1));
    let pairs = [("axc", "a_c"), ("ayc", "a.c"), ("prefix-long", "prefix"), ("spaced", "spaced "), ("azc", "AZC")];
    let pairs: Vec<_> = pairs.into_iter().map(|pair| named(cx, pair)).chain([(long, other)]).collect();
    for (neighbour, pattern) in pairs {
        for id in [&neighbour, &pattern] {
            cx.create(&json!({ "id": id, "product_ids": products })).await?;
        }
        if cx.find(&neighbour).is_none() || cx.find(&pattern).is_none() {
            continue;
        }
        cx.update(&pattern, &json!({ "product_ids": [] })).await?;
        cx.delete(&pattern).await?;
        for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete] {
            cx.send(on(endpoint, &pattern)).await?;
        }
        cx.get(&neighbour).await?;
        cx.look().await?;
    }
    Ok(())
}
