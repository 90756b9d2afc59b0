//! Longer histories, after each step of which the invariants are held.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("invariant.single-main", Promotes, [], also: ["invariant.main-exists"], single_main),
    scenario!("invariant.failed-write-no-effect", Promotes, [], failed_writes),
    scenario!("invariant.model-agrees", Promotes, [], mixed),
    scenario!("invariant.no-bleed", Promotes, [Product], no_bleed),
];

/// One step of a history, on the offering of a name.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Creates it with so many products.
    Create(&'static str, usize),
    /// Replaces its products by so many, in reverse order.
    Update(&'static str, usize),
    /// Makes it main.
    Promote(&'static str),
    /// Deletes it. Never the main one, which a server may refuse.
    Delete(&'static str),
    /// Creates a deleted one again, which a server may refuse as well; nothing may build on it.
    Recreate(&'static str, usize),
}

/// Plays steps that must succeed and holds the invariants after each. The basic rules are claimed on the way.
async fn play(stage: &mut Stage, steps: &[Step]) -> Flow {
    for step in steps {
        match *step {
            Step::Create(name, n) => {
                let (id, products) = (stage.id(name), some(stage, n));
                stage.make(&id, &products).await?;
            }
            Step::Update(name, n) => {
                let (id, mut products) = (stage.id(name), some(stage, n));
                products.reverse();
                let updated = stage.update(&id, &json!({ "product_ids": products })).await?;
                stage
                    .claim("update.replaces-products", &updated)
                    .status(200, "an update of the products")
                    .id(&id)
                    .products(&products);
            }
            Step::Promote(name) => {
                let id = stage.id(name);
                stage.promote(&id).await?;
            }
            Step::Delete(name) => {
                let id = stage.id(name);
                stage.remove(&id).await?;
            }
            Step::Recreate(name, n) => {
                let (id, products) = (stage.id(name), some(stage, n));
                stage.create(&json!({ "id": id, "product_ids": products })).await?;
            }
        }
        stage.verify().await?;
    }
    Ok(())
}

/// Up to `n` products; none where none is known.
fn some(stage: &Stage, n: usize) -> Vec<String> {
    if n == 0 { Vec::new() } else { stage.distinct_products(n).unwrap_or_default() }
}

async fn single_main(stage: &mut Stage) -> Flow {
    use Step::{Create, Delete, Promote, Update};
    play(
        stage,
        &[
            Create("a", 1),
            Create("b", 0),
            Promote("a"),
            Promote("b"),
            Promote("a"),
            Create("c", 2),
            Promote("c"),
            Update("c", 1),
            Delete("a"),
            Promote("b"),
            Promote("b"),
            Promote("c"),
        ],
    )
    .await
}

async fn mixed(stage: &mut Stage) -> Flow {
    use Step::{Create, Delete, Promote, Recreate, Update};
    let first = [
        Create("a", 2),
        Create("b:c d", 3),
        Promote("a"),
        Update("a", 3),
        Update("b:c d", 1),
        Promote("b:c d"),
        Delete("a"),
        Recreate("a", 0),
        Create("e", 12),
        Update("e", 11),
    ];
    play(stage, &first).await?;
    // All of them have a scenario of their own; here a few between writes that succeed.
    for (what, refused) in refused_writes(stage, "e", "b:c d").into_iter().step_by(3) {
        refuse(stage, what, refused).await?;
    }
    play(stage, &[Promote("e"), Update("e", 2), Delete("b:c d"), Create("f:g", 1), Promote("f:g")]).await?;
    delete_main(stage, "f:g", "e").await?;
    play(stage, &[Update("e", 0), Create("h", 1), Promote("h"), Delete("e"), Recreate("e", 1)]).await
}

/// Deletes the main offering, whatever the server makes of it, and goes on with another.
async fn delete_main(stage: &mut Stage, name: &str, next: &str) -> Flow {
    let (id, next) = (stage.id(name), stage.id(next));
    stage.delete(&id).await?;
    stage.verify().await?;
    stage.promote(&next).await?;
    stage.verify().await?;
    Ok(())
}

/// One refused write of every kind, on a regular offering and on the main one.
fn refused_writes(stage: &Stage, regular: &str, main: &str) -> Vec<(&'static str, Request)> {
    let (regular, main) = (stage.id(regular), stage.id(main));
    let (never, fresh) = (stage.id("never"), stage.id("fresh"));
    let unknown = stage.id("no-such-product");
    let create = |body: Value| Request::to(Endpoint::Create).json(&body);
    let update = |id: &str, body: Value| Request::to(Endpoint::Update).id(id).json(&body);
    vec![
        ("a create of an id that exists", create(json!({ "id": regular, "product_ids": [] }))),
        ("a create of the main offering's id", create(json!({ "id": main }))),
        ("a create with `tag` 1", create(json!({ "id": fresh, "tag": 1 }))),
        ("a create with an unknown product", create(json!({ "id": fresh, "product_ids": [unknown] }))),
        ("an update with an unknown product", update(&regular, json!({ "product_ids": [unknown] }))),
        ("an update with `tag` 1", update(&regular, json!({ "tag": 1, "product_ids": [] }))),
        ("an update of the main offering with `tag` 0", update(&main, json!({ "tag": 0, "product_ids": [] }))),
        ("an update of a missing offering", update(&never, json!({ "product_ids": [] }))),
        ("a delete of a missing offering", Request::to(Endpoint::Delete).id(&never)),
        ("a set-main of a missing offering", Request::to(Endpoint::SetMain).id(&never)),
    ]
}

/// Sends a write that is refused and holds the invariants after it.
async fn refuse(stage: &mut Stage, what: &str, request: Request) -> Result<Arc<Exchange>, Halt> {
    let refused = stage.send(request).await?;
    if refused.answer.is_refusal() {
        stage.unchanged("invariant.failed-write-no-effect", &refused, what).await?;
    } else {
        // The rule of the operation says what is wrong with that.
        stage.take_as_is().await?;
    }
    Ok(refused)
}

async fn failed_writes(stage: &mut Stage) -> Flow {
    use Step::{Create, Promote};
    play(stage, &[Create("a", 2), Create("b", 2), Promote("b")]).await?;
    for (what, request) in refused_writes(stage, "a", "b") {
        refuse(stage, what, request).await?;
    }
    Ok(())
}

/// Offerings whose ids resemble each other, of which only one is written to at a time.
async fn no_bleed(stage: &mut Stage) -> Flow {
    use Step::{Create, Delete, Promote, Recreate, Update};
    play(
        stage,
        &[
            Create("a", 3),
            Create("aa", 3),
            Create("a b", 3),
            Create("ab", 3),
            Update("a", 1),
            Update("aa", 2),
            Promote("a b"),
            Delete("a"),
            Recreate("a", 1),
            Update("a b", 0),
            Delete("aa"),
        ],
    )
    .await
}
