//! `PATCH /offerings/{offering_id}`: what it replaces and what it leaves alone.

use serde_json::{Value, json};

use super::create_body::product_list;
use super::delete::main_elsewhere;
use super::path_id::{self, Else};
use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Stage;
use crate::offerings::claim::list;

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
];

/// Enough for a server that sorts positions as text: 10 comes before 2.
const MANY: usize = 12;

async fn replaces(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.replaces-products";
    let many = match product_list(stage, MANY).await? {
        Some(many) => many,
        None => stage.distinct_products(MANY)?,
    };
    if many.len() < 2 {
        stage.leave_out(RULE, "the order: needs two products (--product-id)");
    }
    let (id, neighbour) = (stage.id("a"), stage.id("neighbour"));
    stage.make(&neighbour, &many).await?;
    stage.make(&id, &many[..1]).await?;
    stage.settle().await?;
    let reversed: Vec<_> = many.iter().rev().cloned().collect();
    let shorter = reversed[..many.len().div_ceil(3)].to_vec();
    for (what, products) in [
        ("an update to many products", many.clone()),
        ("an update to the reverse order", reversed),
        ("an update to fewer products", shorter),
        ("an update to no products", Vec::new()),
        ("an update from no products", many.clone()),
    ] {
        let updated = stage.update(&id, &json!({ "product_ids": products })).await?;
        stage.claim(RULE, &updated).status(200, what).id(&id).products(&products);
        let (_, got) = stage.read(&id).await?;
        stage.claim(RULE, &got).products(&products);
    }
    let (_, got) = stage.read(&neighbour).await?;
    stage.claim("invariant.no-bleed", &got).products(&many);
    let listed = stage.list().await?.find(&id).map(|offering| offering.products.clone());
    stage.claim(RULE, &got).holds(
        listed.as_ref() == Some(&many),
        "the list shows other products than those of the last update",
        list(&many),
        listed.as_deref().map_or("not in the list".into(), list),
    );
    Ok(())
}

async fn partial(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.partial";
    let products = stage.distinct_products(2)?;
    let (regular, main) = (stage.id("regular"), stage.id("main"));
    for id in [&regular, &main] {
        stage.make(id, &products).await?;
    }
    stage.promote(&main).await?;
    stage.settle().await?;
    for id in [&regular, &main] {
        let (before, _) = stage.read(id).await?;
        for products in [&products[..1], &[]] {
            let updated = stage.update(id, &json!({ "product_ids": products })).await?;
            let (_, got) = stage.read(id).await?;
            for answer in [&updated, &got] {
                // The products themselves are the business of update.replaces-products.
                let claim = stage
                    .claim(RULE, answer)
                    .accepted("an update of the products")
                    .id(id)
                    .property("url", &json!(before.url))
                    .property("created_at", &json!(before.created_at));
                if before.is_main() {
                    claim.is_main();
                } else {
                    claim.is_regular();
                }
            }
        }
    }
    Ok(())
}

async fn retry_safe(stage: &mut Stage) -> Flow {
    let products = stage.distinct_products(3)?;
    let (id, body) = (stage.id("a"), json!({ "product_ids": products }));
    stage.make(&id, &products[..1]).await?;
    let first = stage.update(&id, &body).await?;
    if !stage.claim("update.replaces-products", &first).status(200, "an update of the products").stands() {
        return Ok(());
    }
    // What the first one came to is what the second must leave.
    let (kept, before) = stage.read(&id).await?;
    if first.answer.json().and_then(Offering::read).is_some_and(|answered| answered.products != kept.products) {
        stage.claim("update.replaces-products", &before).products(&products);
        return Ok(());
    }
    let second = stage.update(&id, &body).await?;
    let (_, got) = stage.read(&id).await?;
    let settled = |value: Option<&Value>| {
        let mut offering = value.and_then(Offering::read)?;
        // That `created_at` stays is a rule of its own.
        offering.created_at.clear();
        offering.updated_at.clear();
        Some(offering)
    };
    let expected = settled(before.answer.json());
    for answer in [&second, &got] {
        let (before, now) = (before.answer.json(), answer.answer.json());
        let text = |value: Option<&Value>| value.unwrap_or(&Value::Null).to_string();
        stage.claim("update.retry-safe", answer).accepted("the same update again").holds(
            settled(now) == expected,
            "the same update again gives another offering",
            text(before),
            text(now),
        );
    }
    Ok(())
}

async fn id_immutable(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.id-immutable";
    let (id, other) = (stage.id("a"), stage.id("other"));
    stage.make(&id, &[]).await?;
    stage.settle().await?;
    for body in [json!({ "id": other }), json!({ "id": other, "product_ids": [] })] {
        let updated = stage.update(&id, &body).await?;
        let claim = stage.claim(RULE, &updated);
        if updated.answer.is_success() {
            claim.id(&id);
        } else {
            claim.status_in(&[200, 400], "an update with `id`");
        }
    }
    let kept = stage.get(&id).await?;
    stage.claim(RULE, &kept).accepted("a get after an update with `id`").id(&id);
    stage.gone(RULE, &other, "a get of the `id` of an update").await?;
    Ok(())
}

async fn missing(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.missing";
    main_elsewhere(stage).await?;
    let (never, gone) = (stage.id("never"), stage.id("gone"));
    let products = stage.distinct_products(1).unwrap_or_default();
    stage.make(&gone, &products).await?;
    stage.remove(&gone).await?;
    stage.settle().await?;
    let mut last = None;
    for (what, id) in [("an update of an id that never existed", &never), ("an update of a deleted offering", &gone)] {
        let refused = stage.update(id, &json!({ "product_ids": products })).await?;
        stage.claim(RULE, &refused).refused(404, &["not_found"], what);
        last = Some(refused);
    }
    if let Some(last) = last {
        let what = "an update of a missing offering";
        stage.unchanged(RULE, &last, what).await?;
    }
    Ok(())
}

async fn variant(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.variant";
    let id = stage.variant()?;
    let products = stage.distinct_products(1).unwrap_or_default();
    let refused = stage.update(&id, &json!({ "product_ids": products })).await?;
    stage.claim(RULE, &refused).refused(
        422,
        &["cannot_patch_experiment_variant"],
        "an update of an experiment variant",
    );
    stage.unchanged(RULE, &refused, "an update of an experiment variant").await?;
    Ok(())
}

async fn id_invalid(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.id-invalid";
    let id = stage.id("a");
    let products = stage.distinct_products(1).unwrap_or_default();
    stage.make(&id, &products).await?;
    let body = json!({ "product_ids": [] });
    path_id::refused(stage, RULE, Endpoint::Update, (&id, Some(&body)), Else::NotFound).await?;
    Ok(())
}

async fn body_malformed(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.body-malformed";
    let id = stage.id("a");
    let products = stage.distinct_products(1).unwrap_or_default();
    stage.make(&id, &products).await?;
    stage.settle().await?;
    let mut last = None;
    for (what, body) in [
        ("an update with broken JSON", r#"{"product_ids":[]"#),
        ("an update with an array", r#"[{"product_ids":[]}]"#),
        ("an update with a string that holds JSON", r#""{\"product_ids\":[]}""#),
        ("an update with more after its JSON", r#"{"product_ids":[]} x"#),
    ] {
        let request = Request::to(Endpoint::Update).id(&id).raw_body("application/json", body);
        let refused = stage.send(request).await?;
        stage.claim(RULE, &refused).refused(400, &[], what);
        last = Some(refused);
    }
    if let Some(last) = last {
        let what = "an update with a malformed body";
        stage.unchanged(RULE, &last, what).await?;
    }
    Ok(())
}

async fn empty_body(stage: &mut Stage) -> Flow {
    let id = stage.id("a");
    let products = stage.distinct_products(2).unwrap_or_default();
    stage.make(&id, &products).await?;
    stage.settle().await?;
    let updated = stage.update(&id, &json!({})).await?;
    let choice = match updated.answer.status {
        200 => "an update without any property changes nothing".to_owned(),
        status => format!("an update without any property is answered {status}"),
    };
    stage.observe("update.empty-body", choice);
    stage.unchanged("update.partial", &updated, "an update without any property").await?;
    Ok(())
}
