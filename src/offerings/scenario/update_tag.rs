//! `PATCH /offerings/{offering_id}` with a `tag`: it never changes who is main.
//!
//! Everything is tried on offerings of the case alone, the main one promoted by it.

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("update.tag-main-rejected", Promotes, [], main_rejected),
    scenario!("update.demote-rejected", Promotes, [], demote_zero),
    scenario!("update.demote-null", Promotes, [], demote_null),
    scenario!("update.tag-on-regular", Promotes, [], on_regular),
    scenario!("update.tag-invalid", Promotes, [], invalid),
];

/// A regular offering and a main one, and what to send beside a tag that would be a change by itself.
struct Pair {
    regular: String,
    main: String,
    products: Vec<String>,
    fewer: Value,
}

async fn pair(stage: &mut Stage) -> Result<Pair, Halt> {
    let products = stage.distinct_products(2).unwrap_or_default();
    let (regular, main) = (stage.id("regular"), stage.id("main"));
    for id in [&regular, &main] {
        stage.make(id, &products).await?;
    }
    stage.promote(&main).await?;
    stage.settle().await?;
    Ok(Pair { regular, main, fewer: json!(products.iter().skip(1).collect::<Vec<_>>()), products })
}

async fn main_rejected(stage: &mut Stage) -> Flow {
    const RULE: &str = "update.tag-main-rejected";
    let pair = pair(stage).await?;
    for (id, alone, beside) in [
        (&pair.regular, "`tag` 1 on a regular offering", "`tag` 1 beside products on a regular offering"),
        (&pair.main, "`tag` 1 on the main offering", "`tag` 1 beside products on the main offering"),
    ] {
        for (what, body) in [(alone, json!({ "tag": 1 })), (beside, json!({ "tag": 1, "product_ids": pair.fewer }))] {
            let refused = stage.update(id, &body).await?;
            stage.claim(RULE, &refused).refused(400, &["cannot_set_main_directly"], what);
            stage.unchanged(RULE, &refused, what).await?;
        }
    }
    Ok(())
}

async fn demote_zero(stage: &mut Stage) -> Flow {
    demote(
        stage,
        "update.demote-rejected",
        &json!(0),
        ["`tag` 0 on the main offering", "`tag` 0 beside products on the main offering"],
    )
    .await
}

async fn demote_null(stage: &mut Stage) -> Flow {
    demote(
        stage,
        "update.demote-null",
        &Value::Null,
        ["`tag` null on the main offering", "`tag` null beside products on the main offering"],
    )
    .await
}

async fn demote(stage: &mut Stage, rule: &'static str, tag: &Value, [alone, beside]: [&'static str; 2]) -> Flow {
    let pair = pair(stage).await?;
    for (what, body) in [(alone, json!({ "tag": tag })), (beside, json!({ "tag": tag, "product_ids": pair.fewer }))] {
        let refused = stage.update(&pair.main, &body).await?;
        stage.claim(rule, &refused).refused(422, &["cannot_demote_main"], what);
        if rule == "update.demote-rejected" {
            stage.unchanged(rule, &refused, what).await?;
        } else {
            // That a main stays is a must, however null is answered.
            stage.verify().await?;
        }
    }
    Ok(())
}

async fn on_regular(stage: &mut Stage) -> Flow {
    let pair = pair(stage).await?;
    for (name, tag) in [("0", json!(0)), ("null", Value::Null)] {
        let updated = stage.update(&pair.regular, &json!({ "tag": tag })).await?;
        let choice = match updated.answer.status {
            200 => format!("`tag` {name} on a regular offering is taken without effect"),
            status => format!("`tag` {name} on a regular offering is answered {status}"),
        };
        stage.observe("update.tag-on-regular", choice);
        let (_, got) = stage.read(&pair.regular).await?;
        stage.claim("update.partial", &got).products(&pair.products).is_regular();
    }
    Ok(())
}

/// What the server answers is one thing; that nobody's role changes is held by the invariants after each.
async fn invalid(stage: &mut Stage) -> Flow {
    let pair = pair(stage).await?;
    for (what, tag) in [
        ("a `tag` that is a string", json!("1")),
        ("a `tag` that is no integer", json!(1.5)),
        ("a `tag` of true", json!(true)),
    ] {
        for id in [&pair.regular, &pair.main] {
            let refused = stage.update(id, &json!({ "tag": tag })).await?;
            stage.claim("update.tag-invalid", &refused).refused(400, &[], what);
        }
        stage.verify().await?;
    }
    Ok(())
}
