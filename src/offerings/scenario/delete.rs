//! `DELETE /offerings/{offering_id}`.

use std::time::Duration;

use serde_json::json;

use super::get::invalid_in_path;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::offerings::Context;

pub(super) const ALL: &[Scenario] = &[
    scenario!("delete.removes", Writes, [], removes),
    scenario!("delete.again", Writes, [], again),
    scenario!("delete.missing", Writes, [], missing),
    scenario!("delete.variant", Writes, [Variant], variant),
    scenario!("delete.id-invalid", Writes, [], id_invalid),
    scenario!("delete.recreate", Writes, [], recreate),
    scenario!("delete.main", Promotes, [], main),
];

/// Longer than the resolution of any timestamp of the API, which is one second.
pub(super) const OVER_ONE_SECOND: Duration = Duration::from_millis(1_100);

async fn removes(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    let products = cx.some_products(2);
    let ids = ["a", "b", "c"].map(|name| cx.id(name));
    for id in &ids {
        cx.create_offering(id, &products).await?;
    }
    cx.delete(&ids[1]).await?;
    cx.get(&ids[1]).await?;
    cx.read_state().await?;
    for id in [&ids[0], &ids[2]] {
        cx.get(id).await?;
    }
    Ok(())
}

async fn again(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    let (id, never) = (cx.id("a"), cx.id("never"));
    cx.create_offering(&id, &[]).await?;
    cx.delete(&never).await?;
    for _ in 0..3 {
        cx.delete(&id).await?;
    }
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    let (id, longer) = (cx.id("a"), cx.id("a-longer"));
    cx.create_offering(&longer, &[]).await?;
    // A server that matches ids by prefix would find the other one.
    cx.delete(&id).await?;
    Ok(())
}

async fn variant(cx: &mut Context) -> ScriptResult {
    let id = cx.variant()?;
    cx.delete(&id).await?;
    cx.read_state().await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    invalid_in_path(cx, Endpoint::Delete).await
}

async fn recreate(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    let products = cx.some_products(2);
    let other: Vec<_> = products.last().cloned().into_iter().collect();
    let id = cx.id("a");
    let first = cx.create_offering(&id, &products).await?;
    cx.update(&id, &json!({ "product_ids": other })).await?;
    cx.delete(&id).await?;
    // A later timestamp distinguishes the new offering from the old one.
    let clock = cx.id("clock");
    if cx.create_offering(&clock, &[]).await?.created_at == first.created_at {
        tokio::time::sleep(OVER_ONE_SECOND).await;
        let later = cx.id("later");
        cx.create_offering(&later, &[]).await?;
    }
    for body in [json!({ "id": id }), json!({ "id": id, "product_ids": other })] {
        cx.create(&body).await?;
        if cx.find(&id).is_none() {
            return Ok(());
        }
        cx.get(&id).await?;
        cx.delete(&id).await?;
    }
    Ok(())
}

async fn main(cx: &mut Context) -> ScriptResult {
    let products = cx.some_products(1);
    let ids = ["a", "b", "spare"].map(|name| cx.id(name));
    for id in &ids {
        cx.create_offering(id, &products).await?;
    }
    for id in &ids[..2] {
        cx.set_main(id).await?;
        cx.delete(id).await?;
        cx.read_state().await?;
        cx.get(id).await?;
    }
    // Independent of the server's choice, another offering can be promoted and is then the only main one.
    cx.set_main(&ids[2]).await?;
    Ok(())
}
