//! The `Idempotency-Key` of a create.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.idempotency-replay", Writes, [], also: ["create.idempotency-status"], replay),
    scenario!("create.idempotency-other-body", Writes, [], other_body),
    scenario!("create.idempotency-scope", Writes, [SecondProject], scope),
];

/// The header.
pub(super) const HEADER: &str = "idempotency-key";

/// The longest part of a key that comes from a time.
const LONGEST_TIME: usize = 40;

/// A key that no earlier run against this target can have used, not even one with the same seed: the time of an
/// offering that was made just now is part of it.
pub(super) fn key_of(stage: &Stage, made: &Offering) -> String {
    let time: String = made.created_at.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_TIME).collect();
    stage.id(&format!("key-{time}"))
}

async fn fresh_key(stage: &mut Stage) -> Result<String, Halt> {
    let id = stage.id("clock");
    let made = stage.make(&id, &[]).await?;
    Ok(key_of(stage, &made))
}

async fn create_with(stage: &mut Stage, role: KeyRole, key: &str, body: &Value) -> Result<Arc<Exchange>, Halt> {
    let request = Request::to(Endpoint::Create).key(role).header(HEADER, key).json(body);
    stage.send(request).await
}

async fn replay(stage: &mut Stage) -> Flow {
    const RULE: &str = "create.idempotency-replay";
    let key = fresh_key(stage).await?;
    let (id, between) = (stage.id("a"), stage.id("between"));
    let products = stage.distinct_products(2).unwrap_or_default();
    let body = json!({ "id": id, "product_ids": products });
    let first = create_with(stage, KeyRole::Main, &key, &body).await?;
    let stands = stage.claim("create.echo", &first).status(201, "a valid create").id(&id).products(&products).stands();
    let original = match first.answer.json().and_then(Offering::read) {
        Some(original) if stands => original,
        _ => return Ok(()),
    };
    stage.settle().await?;
    replayed(stage, &key, &body, &original).await?;
    stage.make(&between, &[]).await?;
    stage.settle().await?;
    let last = replayed(stage, &key, &body, &original).await?;
    stage.unchanged(RULE, &last, "a replayed create").await?;
    // The key, not the id, makes the difference.
    let refused = stage.create(&body).await?;
    stage.claim("create.duplicate", &refused).refused(
        409,
        &["offering_already_exists"],
        "a create of an id that exists, without the idempotency key",
    );
    Ok(())
}

/// Sends the create again and claims that the original comes back.
async fn replayed(stage: &mut Stage, key: &str, body: &Value, original: &Offering) -> Result<Arc<Exchange>, Halt> {
    let again = create_with(stage, KeyRole::Main, key, body).await?;
    stage
        .claim("create.idempotency-replay", &again)
        .accepted("a create that is repeated with its idempotency key")
        .id(&original.id)
        .products(&original.products)
        .property("created_at", &json!(original.created_at));
    if again.answer.is_success() {
        let choice = format!("a replay answers {}", again.answer.status);
        stage.observe("create.idempotency-status", choice);
    }
    Ok(again)
}

async fn other_body(stage: &mut Stage) -> Flow {
    const RULE: &str = "create.idempotency-other-body";
    let key = fresh_key(stage).await?;
    let (id, other) = (stage.id("a"), stage.id("b"));
    create_with(stage, KeyRole::Main, &key, &json!({ "id": id })).await?;
    stage.settle().await?;
    let second = create_with(stage, KeyRole::Main, &key, &json!({ "id": other })).await?;
    let named = second.answer.json().and_then(Offering::read);
    let choice = match (second.answer.status, named) {
        (200 | 201, Some(named)) if named.id == id => "a used key with another body answers the original".to_owned(),
        (200 | 201, Some(_)) => "a used key with another body makes another offering".to_owned(),
        (status, _) => format!("a used key with another body is answered {status}"),
    };
    stage.observe(RULE, choice);
    // Whatever the server chose, the list must agree with what it said: no other offering behind the original.
    let what = "a create with a used idempotency key and another body";
    stage.unchanged("invariant.model-agrees", &second, what).await?;
    after_refusal(stage, &format!("{key}-refused")).await
}

/// A key whose first request was refused belongs to nothing.
async fn after_refusal(stage: &mut Stage, key: &str) -> Flow {
    let id = stage.id("c");
    let invalid = json!({ "id": id, "product_ids": "none" });
    let refused = create_with(stage, KeyRole::Main, key, &invalid).await?;
    if !refused.answer.is_refusal() {
        return Ok(());
    }
    let again = create_with(stage, KeyRole::Main, key, &json!({ "id": id })).await?;
    let choice = if again.answer.is_success() {
        "a key whose first request was refused creates"
    } else {
        "a key whose first request was refused is refused again"
    };
    stage.observe("create.idempotency-other-body", choice);
    if again.answer.is_success() {
        stage.claim("create.echo", &again).id(&id).products(&[]);
    }
    Ok(())
}

/// The body, id and all, is the same, so that a key that is kept for all projects shows however it is compared.
async fn scope(stage: &mut Stage) -> Flow {
    const RULE: &str = "create.idempotency-scope";
    let key = fresh_key(stage).await?;
    let id = stage.id("a");
    let body = json!({ "id": id });
    let here = create_with(stage, KeyRole::Main, &key, &body).await?;
    stage.claim(RULE, &here).accepted("a create with an idempotency key");
    let there = create_with(stage, KeyRole::Second, &key, &body).await?;
    stage.claim(RULE, &there).accepted("a create in another project with the same key").id(&id);
    let get = Request::to(Endpoint::Get).key(KeyRole::Second).id(&id);
    let got = stage.send(get).await?;
    stage.claim(RULE, &got).accepted("a get of what another project created with the same key");
    if got.answer.is_success() {
        let delete = Request::to(Endpoint::Delete).key(KeyRole::Second).id(&id);
        stage.send(delete).await?;
    }
    Ok(())
}
