//! The `Idempotency-Key` of a create.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete::OVER_ONE_SECOND;
use super::set_main::IDEMPOTENCY_KEY;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::offerings::Context;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.idempotency-replay", Writes, [], also: ["create.idempotency-status"], replay),
    scenario!("create.idempotency-other-body", Writes, [], other_body),
    scenario!("create.idempotency-scope", Writes, [SecondProject], scope),
];

async fn create(cx: &mut Context, role: KeyRole, key: &str, body: &Value) -> Result<Arc<Exchange>, Abort> {
    cx.send(Request::to(Endpoint::Create).key(role).header(IDEMPOTENCY_KEY, key).json(body)).await
}

async fn replay(cx: &mut Context) -> ScriptResult {
    let key = cx.new_keys();
    let (id, between) = (cx.id("a"), cx.id("between"));
    let body = json!({ "id": id, "product_ids": cx.some_products(2) });
    for _ in 0..2 {
        create(cx, KeyRole::Main, &key, &body).await?;
    }
    cx.create_offering(&between, &[]).await?;
    create(cx, KeyRole::Main, &key, &body).await?;
    tokio::time::sleep(OVER_ONE_SECOND).await; // Some servers store keys for one second only.
    create(cx, KeyRole::Main, &key, &body).await?;
    // Without the key, the same body is a duplicate.
    cx.create(&body).await?;
    Ok(())
}

async fn other_body(cx: &mut Context) -> ScriptResult {
    let key = cx.new_keys();
    let [a, b, c] = ["a", "b", "c"].map(|name| cx.id(name));
    create(cx, KeyRole::Main, &key, &json!({ "id": a })).await?;
    create(cx, KeyRole::Main, &key, &json!({ "id": b })).await?;
    // A rejected request does not use its key.
    let rejected = format!("{key}-rejected");
    create(cx, KeyRole::Main, &rejected, &json!({ "id": c, "product_ids": "none" })).await?;
    create(cx, KeyRole::Main, &rejected, &json!({ "id": c })).await?;
    Ok(())
}

/// The whole body is the same, so that a key shared by all projects shows, independent of how bodies are compared.
async fn scope(cx: &mut Context) -> ScriptResult {
    let key = cx.new_keys();
    cx.follow(KeyRole::Second).await?;
    let id = cx.id("a");
    let body = json!({ "id": id });
    create(cx, KeyRole::Main, &key, &body).await?;
    create(cx, KeyRole::Second, &key, &body).await?;
    cx.send(Request::to(Endpoint::Get).key(KeyRole::Second).id(&id)).await?;
    cx.send(Request::to(Endpoint::Delete).key(KeyRole::Second).id(&id)).await?;
    Ok(())
}
