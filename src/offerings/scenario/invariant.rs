//! Longer sequences of steps. The state is compared after each step.

use serde_json::{Value, json};

use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Context;

pub(super) const ALL: &[Scenario] = &[
    scenario!("invariant.single-main", Promotes, [], also: ["invariant.main-exists"], single_main),
    scenario!("invariant.failed-write-no-effect", Promotes, [], failed_writes),
    scenario!("invariant.model-agrees", Promotes, [], mixed),
    scenario!("invariant.no-bleed", Promotes, [Product], no_bleed),
];

/// A step on the offering with a name.
#[derive(Clone, Copy, Debug)]
enum ScenarioStep {
    /// Creates it with this number of products.
    Create(&'static str, usize),
    /// Replaces its products with this number of products, in reverse order.
    Update(&'static str, usize),
    /// Makes it main.
    Promote(&'static str),
    /// Deletes it.
    Delete(&'static str),
}

async fn run(cx: &mut Context, steps: &[ScenarioStep]) -> ScriptResult {
    for step in steps {
        match *step {
            ScenarioStep::Create(name, n) => {
                let body = json!({ "id": cx.id(name), "product_ids": cx.some_products(n) });
                cx.create(&body).await?;
            }
            ScenarioStep::Update(name, n) => {
                let (id, products) = (cx.id(name), cx.some_products(n).into_iter().rev().collect::<Vec<_>>());
                cx.update(&id, &json!({ "product_ids": products })).await?;
            }
            ScenarioStep::Promote(name) => {
                let id = cx.id(name);
                cx.set_main(&id).await?;
            }
            ScenarioStep::Delete(name) => {
                let id = cx.id(name);
                cx.delete(&id).await?;
            }
        }
        cx.read_state().await?;
    }
    Ok(())
}

async fn single_main(cx: &mut Context) -> ScriptResult {
    use ScenarioStep::{Create, Delete, Promote, Update};
    let first =
        [Create("a", 1), Create("b", 0), Promote("a"), Promote("b"), Promote("a"), Create("c", 2), Promote("c")];
    run(cx, &first).await?;
    run(cx, &[Update("c", 1), Delete("a"), Promote("b"), Promote("b"), Promote("c")]).await
}

async fn mixed(cx: &mut Context) -> ScriptResult {
    use ScenarioStep::{Create, Delete, Promote, Update};
    let first = [Create("a", 2), Create("bcd", 3), Promote("a"), Update("a", 3), Update("bcd", 1), Promote("bcd")];
    run(cx, &first).await?;
    run(cx, &[Delete("a"), Create("a", 0), Create("e", 12), Update("e", 11)]).await?;
    for request in rejected_writes(cx, "e", "bcd").into_iter().step_by(3) {
        cx.send(request).await?;
    }
    run(cx, &[Promote("e"), Update("e", 2), Delete("bcd"), Create("fg", 1), Promote("fg"), Delete("fg")]).await?;
    run(cx, &[Promote("e"), Update("e", 0), Create("h", 1), Promote("h"), Delete("e"), Create("e", 1)]).await
}

/// One rejected write of each kind, on a regular offering and on the main one.
fn rejected_writes(cx: &Context, regular: &str, main: &str) -> Vec<Request> {
    let (regular, main) = (cx.id(regular), cx.own_main().unwrap_or_else(|| cx.id(main)));
    let (never, fresh, unknown) = (cx.id("never"), cx.id("fresh"), cx.id("no-such-product"));
    let create = |body: Value| Request::to(Endpoint::Create).json(&body);
    let update = |id: &str, body: Value| Request::to(Endpoint::Update).id(id).json(&body);
    vec![
        create(json!({ "id": regular, "product_ids": [] })),
        create(json!({ "id": main })),
        create(json!({ "id": fresh, "tag": 1 })),
        create(json!({ "id": fresh, "product_ids": [unknown] })),
        update(&regular, json!({ "product_ids": [unknown] })),
        update(&regular, json!({ "tag": 1, "product_ids": [] })),
        update(&main, json!({ "tag": 0, "product_ids": [] })),
        update(&never, json!({ "product_ids": [] })),
        Request::to(Endpoint::Delete).id(&never),
        Request::to(Endpoint::SetMain).id(&never),
    ]
}

/// A rejected write has no effect: a valid write of the same offerings is accepted afterwards.
async fn failed_writes(cx: &mut Context) -> ScriptResult {
    use ScenarioStep::{Create, Promote, Update};
    run(cx, &[Create("a", 2), Create("b", 2), Promote("b")]).await?;
    for request in rejected_writes(cx, "a", "b") {
        cx.send(request).await?;
        cx.read_state().await?;
    }
    run(cx, &[Create("fresh", 1), Create("never", 0), Update("never", 1), Promote("never")]).await
}

/// A write to one of several offerings with similar ids must not change the others.
async fn no_bleed(cx: &mut Context) -> ScriptResult {
    use ScenarioStep::{Create, Delete, Promote, Update};
    let first = [Create("a", 3), Create("aa", 3), Create("a-b", 3), Create("ab", 3), Update("a", 1), Update("aa", 2)];
    run(cx, &first).await?;
    run(cx, &[Promote("a-b"), Delete("a"), Create("a", 1), Update("a-b", 0), Delete("aa")]).await
}
