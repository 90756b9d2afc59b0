//! `DELETE /offerings/{offering_id}`.

use std::time::Duration;

use serde_json::json;

use super::path_id::{self, Else};
use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::lane::Halt;
use crate::offerings::Stage;

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
const A_SECOND: Duration = Duration::from_millis(1_100);

/// Sees to it that what is created next is regular: where there is no main, the next offering may become it, and a main
/// one need not be deletable.
pub(super) async fn main_elsewhere(stage: &mut Stage) -> Flow {
    if stage.state().main().is_none() {
        let id = stage.id("first");
        stage.make(&id, &[]).await?;
    }
    Ok(())
}

async fn removes(stage: &mut Stage) -> Flow {
    const RULE: &str = "delete.removes";
    main_elsewhere(stage).await?;
    let products = stage.distinct_products(2).unwrap_or_default();
    let (before, id, after) = (stage.id("a"), stage.id("b"), stage.id("c"));
    for id in [&before, &id, &after] {
        stage.make(id, &products).await?;
    }
    stage.settle().await?;
    let removed = stage.remove(&id).await?;
    stage.unchanged(RULE, &removed, "a delete").await?;
    for id in [&before, &after] {
        let (_, got) = stage.read(id).await?;
        stage.claim(RULE, &got).products(&products);
    }
    Ok(())
}

async fn again(stage: &mut Stage) -> Flow {
    main_elsewhere(stage).await?;
    let id = stage.id("a");
    stage.make(&id, &[]).await?;
    stage.remove(&id).await?;
    stage.settle().await?;
    for what in ["a second delete", "a third delete"] {
        let refused = stage.delete(&id).await?;
        stage.claim("delete.again", &refused).refused(404, &["not_found"], what);
    }
    Ok(())
}

async fn missing(stage: &mut Stage) -> Flow {
    const RULE: &str = "delete.missing";
    let (id, longer) = (stage.id("a"), stage.id("a-longer"));
    stage.make(&longer, &[]).await?;
    stage.settle().await?;
    // A server that looks for ids that begin so would find the other one.
    let refused = stage.delete(&id).await?;
    stage.claim(RULE, &refused).refused(404, &["not_found"], "a delete of an id that never existed");
    stage.unchanged(RULE, &refused, "a delete of an id that never existed").await?;
    Ok(())
}

async fn variant(stage: &mut Stage) -> Flow {
    const RULE: &str = "delete.variant";
    let id = stage.variant()?;
    let refused = stage.delete(&id).await?;
    stage.claim(RULE, &refused).refused(
        422,
        &["cannot_delete_experiment_variant"],
        "a delete of an experiment variant",
    );
    stage.unchanged(RULE, &refused, "a delete of an experiment variant").await?;
    Ok(())
}

async fn id_invalid(stage: &mut Stage) -> Flow {
    const RULE: &str = "delete.id-invalid";
    let id = stage.id("a");
    stage.make(&id, &[]).await?;
    stage.settle().await?;
    let last = path_id::refused(stage, RULE, Endpoint::Delete, (&id, None), Else::Never).await?;
    if let Some(last) = last {
        stage.unchanged(RULE, &last, "a delete of an invalid id").await?;
    }
    Ok(())
}

async fn recreate(stage: &mut Stage) -> Flow {
    main_elsewhere(stage).await?;
    let products = stage.distinct_products(2).unwrap_or_default();
    let other: Vec<_> = products.last().cloned().into_iter().collect();
    let id = stage.id("a");
    let before = stage.make(&id, &products).await?;
    let what = "a create of a deleted id without products";
    let Some(mut made) = made_again(stage, &id, &[], what).await? else { return Ok(()) };
    if made.created() == before.created() {
        // Perhaps still the same second, or whatever the server counts in.
        tokio::time::sleep(A_SECOND).await;
        let Some(later) = made_again(stage, &id, &[], what).await? else { return Ok(()) };
        made = later;
    }
    let (_, got) = stage.read(&id).await?;
    stage.claim("delete.recreate", &got).products(&[]);
    if made.created() != before.created() || clock_moves(stage, &before).await? {
        stage.claim("delete.recreate", &got).holds(
            made.created().is_none() || made.created() != before.created(),
            "a recreated offering keeps its `created_at`",
            format!("another than {}", before.created_at),
            made.created_at,
        );
    } else {
        stage.leave_out("delete.recreate", "the new `created_at`: the server's clock does not move");
    }
    let what = "a create of a deleted id with other products";
    if made_again(stage, &id, &other, what).await?.is_some() {
        let (_, got) = stage.read(&id).await?;
        stage.claim("delete.recreate", &got).products(&other);
    }
    Ok(())
}

/// Whether another offering made now has another `created_at`: a clock that stands still proves nothing.
async fn clock_moves(stage: &mut Stage, before: &Offering) -> Result<bool, Halt> {
    let id = stage.id("clock");
    let now = stage.make(&id, &[]).await?;
    Ok(now.created() != before.created())
}

/// Deletes the offering and creates it again. `None` when it could not be created (which has been reported).
async fn made_again(stage: &mut Stage, id: &str, products: &[String], what: &str) -> Result<Option<Offering>, Halt> {
    stage.remove(id).await?;
    let mut body = json!({ "id": id });
    if !products.is_empty() {
        body["product_ids"] = json!(products);
    }
    let made = stage.create(&body).await?;
    let stands = stage.claim("delete.recreate", &made).accepted(what).id(id).products(products).stands();
    Ok(made.answer.json().and_then(Offering::read).filter(|_| stands))
}

async fn main(stage: &mut Stage) -> Flow {
    let products = stage.distinct_products(1).unwrap_or_default();
    let (a, b, spare) = (stage.id("a"), stage.id("b"), stage.id("spare"));
    for id in [&a, &b, &spare] {
        stage.make(id, &products).await?;
    }
    for id in [&a, &b] {
        stage.promote(id).await?;
        delete_main(stage, id).await?;
    }
    // Whatever was chosen: an offering of ours can be main again, and it is the only one.
    stage.promote(&spare).await?;
    stage.verify().await?;
    Ok(())
}

/// Deletes the main offering and notes what became of it.
async fn delete_main(stage: &mut Stage, id: &str) -> Flow {
    const RULE: &str = "delete.main";
    let deleted = stage.delete(id).await?;
    // Two mains, or a refusal with an effect, are found here.
    let after = stage.verify().await?;
    let choice = match (deleted.answer.status, after.mains().len()) {
        (204, 0) => "deleting the main offering leaves none".to_owned(),
        (204, _) => "deleting the main offering makes another main at once".to_owned(),
        (400..500, _) => "deleting the main offering is refused".to_owned(),
        (status, _) => format!("a delete of the main offering is answered {status}"),
    };
    stage.observe(RULE, choice);
    if deleted.answer.is_success() {
        stage.gone("delete.removes", id, "a get of the deleted main offering").await?;
    }
    Ok(())
}
