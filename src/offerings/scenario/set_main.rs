//! `POST /offerings/{offering_id}/set-main`. Only offerings of the case are promoted.

use serde_json::json;

use super::get::{confusable_ids, create_pairs, invalid_in_path};
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Context;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("set-main.promotes", Promotes, [], promotes),
    scenario!(
        "set-main.demotes-previous", Promotes, [],
        also: ["set-main.previous-is-zero", "set-main.keeps-rest"],
        demotes_previous
    ),
    scenario!("set-main.again", Promotes, [], again),
    scenario!("set-main.missing", Promotes, [], missing),
    scenario!("set-main.variant", Promotes, [Variant], variant),
    scenario!("set-main.id-invalid", Promotes, [], id_invalid),
    scenario!("set-main.idempotency-replay", Promotes, [], replay),
    scenario!("set-main.body-ignored", Promotes, [], body_ignored),
];

/// The name of the header.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Creates offerings with these names, with products where some are known, and returns their ids.
pub(super) async fn create_offerings<const N: usize>(cx: &mut Context, names: [&str; N]) -> Result<[String; N], Abort> {
    let products = cx.some_products(2);
    let ids = names.map(|name| cx.id(name));
    for id in &ids {
        cx.create_offering(id, &products).await?;
    }
    Ok(ids)
}

async fn promotes(cx: &mut Context) -> ScriptResult {
    let ids = create_offerings(cx, ["a", "b"]).await?;
    for id in &ids {
        cx.set_main(id).await?;
        cx.get(id).await?;
        cx.read_state().await?;
    }
    Ok(())
}

/// Several times: a server may miss a demotion only occasionally.
async fn demotes_previous(cx: &mut Context) -> ScriptResult {
    let [a, b, c] = create_offerings(cx, ["a", "b", "c"]).await?;
    let mut previous: Option<&String> = None;
    for next in [&a, &b, &c, &a, &b] {
        cx.set_main(next).await?;
        if let Some(previous) = previous {
            cx.get(previous).await?;
        }
        previous = Some(next);
    }
    Ok(())
}

async fn again(cx: &mut Context) -> ScriptResult {
    let [a, _] = create_offerings(cx, ["a", "b"]).await?;
    for _ in 0..3 {
        cx.set_main(&a).await?;
        cx.read_state().await?;
    }
    cx.get(&a).await?;
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    let [main, deleted] = create_offerings(cx, ["main", "deleted"]).await?;
    cx.set_main(&main).await?;
    cx.delete(&deleted).await?;
    for id in [cx.id("never"), deleted] {
        cx.set_main(&id).await?;
        cx.read_state().await?;
    }
    // A promotion of one of two similar ids must not change the other. The plain pair comes first, so that failures
    // unrelated to ids show there.
    let plain = (cx.id("one"), cx.id("two"));
    let pairs: Vec<_> = std::iter::once(plain).chain(confusable_ids(cx)).collect();
    let patterns: Vec<_> = create_pairs(cx, pairs).await?.into_iter().map(|(_, pattern)| pattern).collect();
    for pattern in &patterns {
        if !cx.record().failures.is_empty() {
            return Ok(());
        }
        cx.set_main(pattern).await?;
        cx.read_state().await?;
    }
    cx.set_main(&main).await?;
    let on_each = |endpoint| patterns.iter().map(|id| Request::to(endpoint).id(id)).collect::<Vec<_>>();
    cx.send_all(&on_each(Endpoint::Delete)).await?;
    cx.send_all(&on_each(Endpoint::SetMain)).await?;
    Ok(())
}

async fn variant(cx: &mut Context) -> ScriptResult {
    let id = cx.variant()?;
    let [main] = create_offerings(cx, ["main"]).await?;
    cx.set_main(&main).await?;
    cx.set_main(&id).await?;
    cx.read_state().await?;
    // Demotes the variant, if the server promoted it.
    cx.set_main(&main).await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    let [main] = create_offerings(cx, ["main"]).await?;
    cx.set_main(&main).await?;
    invalid_in_path(cx, Endpoint::SetMain).await
}

/// No offering is read between the promotion of the other and the last replay, because the replay correctly shows the
/// older time of its first response.
async fn replay(cx: &mut Context) -> ScriptResult {
    let [a, b] = create_offerings(cx, ["a", "b"]).await?;
    let keys = cx.new_keys();
    let keyed = Request::to(Endpoint::SetMain).id(&a).header(IDEMPOTENCY_KEY, format!("{keys}main"));
    cx.send(keyed.clone()).await?;
    cx.send(keyed.clone()).await?;
    cx.set_main(&b).await?;
    cx.send(keyed).await?;
    cx.read_state().await?;
    cx.get(&b).await?;
    // A rejected request does not use its key: once the offering exists, the same request promotes it.
    let late = cx.id("late");
    let keyed = Request::to(Endpoint::SetMain).id(&late).header(IDEMPOTENCY_KEY, format!("{keys}late"));
    cx.send(keyed.clone()).await?;
    cx.create_offering(&late, &[]).await?;
    cx.send(keyed).await?;
    Ok(())
}

async fn body_ignored(cx: &mut Context) -> ScriptResult {
    let [a, b] = create_offerings(cx, ["a", "b"]).await?;
    for (id, body) in [(&a, json!({})), (&b, json!({ "tag": 0, "product_ids": [] }))] {
        cx.send(Request::to(Endpoint::SetMain).id(id).json(&body)).await?;
        cx.read_state().await?;
    }
    Ok(())
}
