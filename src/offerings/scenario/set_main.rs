//! `POST /offerings/{offering_id}/set-main`. Only offerings of the case are promoted.

use serde_json::json;

use super::get::{confusable_ids, invalid_in_path, make_pair};
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

/// The header.
pub(super) const KEY: &str = "idempotency-key";

/// Creates offerings with these names, with products where some are known, and gives their ids.
pub(super) async fn make<const N: usize>(cx: &mut Context, names: [&str; N]) -> Result<[String; N], Abort> {
    let products = cx.some_products(2);
    let ids = names.map(|name| cx.id(name));
    for id in &ids {
        cx.make(id, &products).await?;
    }
    Ok(ids)
}

async fn promotes(cx: &mut Context) -> ScriptResult {
    let ids = make(cx, ["a", "b"]).await?;
    for id in &ids {
        cx.set_main(id).await?;
        cx.get(id).await?;
        cx.look().await?;
    }
    Ok(())
}

/// More than once: some servers forget a demotion only now and then.
async fn demotes_previous(cx: &mut Context) -> ScriptResult {
    let [a, b, c] = make(cx, ["a", "b", "c"]).await?;
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
    let [a, _] = make(cx, ["a", "b"]).await?;
    for _ in 0..3 {
        cx.set_main(&a).await?;
        cx.look().await?;
    }
    cx.get(&a).await?;
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    let [main, gone] = make(cx, ["main", "gone"]).await?;
    cx.set_main(&main).await?;
    cx.delete(&gone).await?;
    for id in [cx.id("never"), gone] {
        cx.set_main(&id).await?;
        cx.look().await?;
    }
    // A promotion of one of two ids that are easily confused reaches that one, or none. The plain pair comes first: what
    // has to do with promotions alone shows there.
    let plain = (cx.id("one"), cx.id("two"));
    for (neighbour, pattern) in std::iter::once(plain).chain(confusable_ids(cx)) {
        if !cx.record().failures.is_empty() {
            break;
        }
        if make_pair(cx, [&neighbour, &pattern]).await? {
            cx.set_main(&pattern).await?;
            cx.set_main(&main).await?;
            cx.delete(&pattern).await?;
            cx.set_main(&pattern).await?;
            cx.look().await?;
        }
    }
    Ok(())
}

async fn variant(cx: &mut Context) -> ScriptResult {
    let id = cx.variant()?;
    let [main] = make(cx, ["main"]).await?;
    cx.set_main(&main).await?;
    cx.set_main(&id).await?;
    cx.look().await?;
    // Where it became main all the same, that ends here.
    cx.set_main(&main).await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    let [main] = make(cx, ["main"]).await?;
    cx.set_main(&main).await?;
    invalid_in_path(cx, Endpoint::SetMain).await
}

/// Nothing reads the offerings between the promotion of the other and the last replay: the replay shows the older time
/// of its first response, and is right to.
async fn replay(cx: &mut Context) -> ScriptResult {
    let [a, b] = make(cx, ["a", "b"]).await?;
    let keys = cx.new_keys();
    let keyed = Request::to(Endpoint::SetMain).id(&a).header(KEY, format!("{keys}main"));
    cx.send(keyed.clone()).await?;
    cx.send(keyed.clone()).await?;
    cx.set_main(&b).await?;
    cx.send(keyed).await?;
    cx.look().await?;
    cx.get(&b).await?;
    // A rejected request does not use its key up: once the offering is there, it is promoted.
    let late = cx.id("late");
    let keyed = Request::to(Endpoint::SetMain).id(&late).header(KEY, format!("{keys}late"));
    cx.send(keyed.clone()).await?;
    cx.make(&late, &[]).await?;
    cx.send(keyed).await?;
    Ok(())
}

async fn body_ignored(cx: &mut Context) -> ScriptResult {
    let [a, b] = make(cx, ["a", "b"]).await?;
    for (id, body) in [(&a, json!({})), (&b, json!({ "tag": 0, "product_ids": [] }))] {
        cx.send(Request::to(Endpoint::SetMain).id(id).json(&body)).await?;
        // What stands in the body has no effect.
        cx.look().await?;
    }
    Ok(())
}
