//! `PATCH /offerings/{offering_id}`: it replaces only the products and never changes which offering is main.

use serde_json::{Value, json};

use super::get::invalid_in_path;
use super::products::product_list;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Context;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("update.replaces-products", Writes, [Product], replaces),
    scenario!("update.partial", Promotes, [Product], partial),
    scenario!("update.retry-safe", Writes, [Product], retry_safe),
    scenario!("update.id-immutable", Writes, [], id_immutable),
    scenario!("update.missing", Writes, [], missing),
    scenario!("update.variant", Writes, [Variant], variant),
    scenario!("update.id-invalid", Writes, [], id_invalid),
    scenario!("update.body-malformed", Writes, [], body_malformed),
    scenario!("update.empty-body", Writes, [], empty_body),
    scenario!("update.tag-main-rejected", Promotes, [], tag_main),
    scenario!("update.demote-rejected", Promotes, [], demote_zero),
    scenario!("update.demote-null", Promotes, [], demote_null),
    scenario!("update.tag-on-regular", Promotes, [], tag_on_regular),
    scenario!("update.tag-invalid", Promotes, [], tag_invalid),
];

async fn replaces(cx: &mut Context) -> ScriptResult {
    let many = match product_list(cx, 100).await? {
        Some(many) => many,
        None => cx.products(100)?,
    };
    if many.len() < 2 {
        cx.skip_part("update.replaces-products", "the order of products: needs two products (--product-id)");
    }
    let (id, neighbour) = (cx.id("a"), cx.id("neighbour"));
    cx.create_offering(&neighbour, &many[..1]).await?;
    cx.create_offering(&id, &many[..1]).await?;
    let twelve = &many[..many.len().min(12)];
    let reversed: Vec<_> = twelve.iter().rev().cloned().collect();
    let shorter = &reversed[..reversed.len().div_ceil(3)];
    for products in [twelve, &reversed, shorter, &[], twelve, &many[..]] {
        cx.update(&id, &json!({ "product_ids": products })).await?;
        cx.get(&id).await?;
    }
    Ok(())
}

async fn partial(cx: &mut Context) -> ScriptResult {
    let products = cx.products(2)?;
    let pair = pair(cx).await?;
    for id in [&pair.regular, &pair.main] {
        for products in [&products[..1], &[]] {
            cx.update(id, &json!({ "product_ids": products })).await?;
            cx.get(id).await?;
        }
        // A name in another letter case is unknown: it must not be read as the documented one.
        cx.update(id, &json!({ "Product_IDs": products })).await?;
        cx.get(id).await?;
    }
    Ok(())
}

async fn retry_safe(cx: &mut Context) -> ScriptResult {
    let products = cx.products(3)?;
    let (id, body) = (cx.id("a"), json!({ "product_ids": products }));
    cx.create_offering(&id, &products[..1]).await?;
    for _ in 0..3 {
        cx.update(&id, &body).await?;
        cx.get(&id).await?;
    }
    Ok(())
}

async fn id_immutable(cx: &mut Context) -> ScriptResult {
    let (id, other) = (cx.id("a"), cx.id("other"));
    cx.create_offering(&id, &[]).await?;
    for body in [json!({ "id": other }), json!({ "id": other, "product_ids": [] })] {
        cx.update(&id, &body).await?;
        cx.get(&id).await?;
        cx.get(&other).await?;
    }
    // If an offering with that id exists, the update must not change it.
    let products = cx.some_products(1);
    cx.create(&json!({ "id": other, "product_ids": products })).await?;
    cx.update(&id, &json!({ "id": other, "product_ids": [] })).await?;
    cx.read_state().await?;
    Ok(())
}

async fn missing(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    let (never, deleted, products) = (cx.id("never"), cx.id("deleted"), cx.some_products(1));
    cx.create_offering(&deleted, &products).await?;
    cx.delete(&deleted).await?;
    for id in [&never, &deleted] {
        cx.update(id, &json!({ "product_ids": products })).await?;
    }
    Ok(())
}

async fn variant(cx: &mut Context) -> ScriptResult {
    let (id, products) = (cx.variant()?, cx.some_products(1));
    cx.update(&id, &json!({ "product_ids": products })).await?;
    cx.read_state().await?;
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    invalid_in_path(cx, Endpoint::Update).await
}

async fn body_malformed(cx: &mut Context) -> ScriptResult {
    let id = cx.id("a");
    cx.create_offering(&id, &cx.some_products(1)).await?;
    for body in
        [r#"{"product_ids":[]"#, r#"[{"product_ids":[]}]"#, r#""{\"product_ids\":[]}""#, r#"{"product_ids":[]} x"#]
    {
        cx.send(Request::to(Endpoint::Update).id(&id).raw_body("application/json", body)).await?;
    }
    Ok(())
}

async fn empty_body(cx: &mut Context) -> ScriptResult {
    let id = cx.id("a");
    cx.create_offering(&id, &cx.some_products(2)).await?;
    cx.update(&id, &json!({})).await?;
    cx.get(&id).await?;
    Ok(())
}

/// A regular offering and a main one, and a different product list to send with a tag.
struct Pair {
    regular: String,
    main: String,
    fewer: Value,
}

async fn pair(cx: &mut Context) -> Result<Pair, Abort> {
    let products = cx.some_products(2);
    let (regular, main) = (cx.id("regular"), cx.id("main"));
    for id in [&regular, &main] {
        cx.create_offering(id, &products).await?;
    }
    cx.set_main(&main).await?;
    cx.read_state().await?;
    // If the promotion had no effect, another offering of the case may be main.
    let main = cx.own_main().unwrap_or(main);
    let regular = if main == regular { cx.id("main") } else { regular };
    Ok(Pair { regular, main, fewer: json!(products.iter().skip(1).collect::<Vec<_>>()) })
}

async fn tag_main(cx: &mut Context) -> ScriptResult {
    let pair = pair(cx).await?;
    for id in [&pair.regular, &pair.main] {
        for body in [json!({ "tag": 1 }), json!({ "tag": 1, "product_ids": pair.fewer })] {
            cx.update(id, &body).await?;
        }
    }
    Ok(())
}

async fn demote_zero(cx: &mut Context) -> ScriptResult {
    demote(cx, &json!(0)).await
}

async fn demote_null(cx: &mut Context) -> ScriptResult {
    demote(cx, &Value::Null).await
}

async fn demote(cx: &mut Context, tag: &Value) -> ScriptResult {
    for body in [json!({ "tag": tag }), json!({ "tag": tag, "product_ids": cx.some_products(1) })] {
        let pair = pair(cx).await?;
        cx.update(&pair.main, &body).await?;
    }
    Ok(())
}

async fn tag_on_regular(cx: &mut Context) -> ScriptResult {
    let pair = pair(cx).await?;
    for tag in [json!(0), Value::Null] {
        cx.update(&pair.regular, &json!({ "tag": tag })).await?;
        cx.get(&pair.regular).await?;
    }
    Ok(())
}

async fn tag_invalid(cx: &mut Context) -> ScriptResult {
    for tag in [json!("1"), json!(1.5), json!(true)] {
        let pair = pair(cx).await?;
        for id in [&pair.regular, &pair.main] {
            cx.update(id, &json!({ "tag": tag })).await?;
        }
    }
    Ok(())
}
