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

/// Longer than the unit of any time stamp that RFC 3339 can write.
pub(super) const A_SECOND: Duration = Duration::from_millis(1_100);

async fn removes(cx: &mut Context) -> ScriptResult {
    cx.make_main_elsewhere().await?;
    let products = cx.some_products(2);
    let ids = ["a", "b", "c"].map(|name| cx.id(name));
    for id in &ids {
        cx.make(id, &products).await?;
    }
    cx.delete(&ids[1]).await?;
    cx.get(&ids[1]).await?;
    cx.look().await?;
    for id in [&ids[0], &ids[2]] {
        cx.get(id).await?;
    }
    Ok(())
}

async fn again(cx: &mut Context) -> ScriptResult {
    cx.make_main_elsewhere().await?;
    let (id, never) = (cx.id("a"), cx.id("never"));
    cx.make(&id, &[]).await?;
    cx.delete(&never).await?;
    for _ in 0..3 {
        cx.delete(&id).await?;
    }
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    let (id, longer) = (cx.id("a"), cx.id("a-longer"));
    cx.make(&longer, &[]).await?;
    // A server that looks for ids that begin so would find the other one.
    cx.delete(&id).await?;
    Ok(())
}

async fn variant(cx: &mut Context) -> ScriptResult {
    let id = cx.variant()?;
    cx.delete(&id).await?;
    cx.look().await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    invalid_in_path(cx, Endpoint::Delete).await
}

async fn recreate(cx: &mut Context) -> ScriptResult {
    cx.make_main_elsewhere().await?;
    let products = cx.some_products(2);
    let other: Vec<_> = products.last().cloned().into_iter().collect();
    let id = cx.id("a");
    let first = cx.make(&id, &products).await?;
    cx.update(&id, &json!({ "product_ids": other })).await?;
    cx.delete(&id).await?;
    // A clock that moves on tells the new offering from the old one.
    let clock = cx.id("clock");
    if cx.make(&clock, &[]).await?.created_at == first.created_at {
        tokio::time::sleep(A_SECOND).await;
        let later = cx.id("later");
        cx.make(&later, &[]).await?;
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
        cx.make(id, &products).await?;
    }
    for id in &ids[..2] {
        cx.set_main(id).await?;
        cx.delete(id).await?;
        cx.look().await?;
        cx.get(id).await?;
    }
    // Whichever was chosen: an offering of ours can be main again, and it is the only one.
    cx.set_main(&ids[2]).await?;
    Ok(())
}
