//! What create and update take and refuse as `product_ids`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create_body::product_list;
use super::{Flow, Scenario, scenario};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const CREATE: &[Scenario] = &[
    scenario!("create.product-unknown", Writes, [Product], create_unknown),
    scenario!("create.product-bounds", Writes, [Product], create_bounds),
    scenario!("create.duplicate-products", Writes, [Product], duplicates),
];

pub(super) const UPDATE: &[Scenario] = &[
    scenario!("update.product-unknown", Writes, [Product], update_unknown),
    scenario!("update.product-bounds", Writes, [Product], update_bounds),
];

/// The most entries of one list.
const MOST: usize = 100;

/// Who is asked to take a list.
#[derive(Clone, Copy)]
enum Asked {
    Create,
    Update,
}

impl Asked {
    /// Asks to take the list: in a create of its own, or in an update of the offering of the case.
    fn request(self, stage: &Stage, name: &str, list: &Value) -> Request {
        match self {
            Self::Create => Request::to(Endpoint::Create).json(&json!({ "id": stage.id(name), "product_ids": list })),
            Self::Update => Request::to(Endpoint::Update).id(&stage.id(SUBJECT)).json(&json!({ "product_ids": list })),
        }
    }

    async fn send(self, stage: &mut Stage, name: &str, list: &Value) -> Result<Arc<Exchange>, Halt> {
        stage.send(self.request(stage, name, list)).await
    }
}

/// The offering that updates are sent to; a create that must work before others are refused.
const SUBJECT: &str = "subject";

async fn create_unknown(stage: &mut Stage) -> Flow {
    make_subject(stage).await?;
    unknown(stage, Asked::Create, "create.product-unknown").await
}

async fn update_unknown(stage: &mut Stage) -> Flow {
    make_subject(stage).await?;
    unknown(stage, Asked::Update, "update.product-unknown").await
}

async fn create_bounds(stage: &mut Stage) -> Flow {
    make_subject(stage).await?;
    bounds(stage, Asked::Create, "create.product-bounds").await
}

async fn update_bounds(stage: &mut Stage) -> Flow {
    make_subject(stage).await?;
    bounds(stage, Asked::Update, "update.product-bounds").await
}

async fn make_subject(stage: &mut Stage) -> Flow {
    let products = stage.distinct_products(1)?;
    let id = stage.id(SUBJECT);
    stage.make(&id, &products).await?;
    Ok(())
}

async fn unknown(stage: &mut Stage, asked: Asked, rule: &'static str) -> Flow {
    stage.settle().await?;
    let good = stage.distinct_products(2)?;
    let none = stage.id("no-such-product");
    let first = [std::slice::from_ref(&none), &good].concat();
    let last = [&good[..], std::slice::from_ref(&none)].concat();
    let mut at = None;
    for (name, what, list) in [
        ("alone", "an unknown product", vec![none]),
        ("first", "an unknown product before good ones", first),
        ("last", "an unknown product after good ones", last),
    ] {
        let refused = asked.send(stage, name, &json!(list)).await?;
        stage.claim(rule, &refused).refused(400, &["product_not_in_project"], what);
        at = Some(refused);
    }
    if let Some(at) = at {
        let what = "a write with an unknown product";
        stage.unchanged(rule, &at, what).await?;
    }
    Ok(())
}

/// Lists that are refused whatever the project holds. An entry that is too long or has a wrong character cannot be
/// registered either, so that the code is not held against the server.
fn broken_lists(good: &str) -> [(&'static str, &'static str, Value); 10] {
    [
        ("long", "a product id of 256 characters", json!(["p".repeat(256)])),
        ("slash", "a product id with `/`", json!([good, "a/b"])),
        ("accent", "a product id with `é`", json!([good, "é"])),
        ("newline", "a product id with a trailing line break", json!([format!("{good}\n")])),
        ("number", "a product id that is a number", json!([good, 7])),
        ("null", "a product id of null", json!([good, null])),
        ("nested", "a product id that is an array", json!([[good]])),
        ("text", "`product_ids` as a string", json!(good)),
        ("object", "`product_ids` as an object", json!({ "0": good })),
        ("integer", "`product_ids` as a number", json!(1)),
    ]
}

async fn bounds(stage: &mut Stage, asked: Asked, rule: &'static str) -> Flow {
    most(stage, asked, rule).await?;
    stage.settle().await?;
    let good = stage.products(1)?.remove(0);
    let lists = broken_lists(&good);
    let requests = lists.each_ref().map(|(name, _, list)| asked.request(stage, name, list));
    let answers = stage.send_all(&requests).await?;
    for ((_, what, _), refused) in lists.iter().zip(&answers) {
        stage.claim(rule, refused).refused(400, &[], what);
    }
    if let Some(at) = answers.last() {
        stage.unchanged(rule, at, "a write with invalid products").await?;
    }
    Ok(())
}

/// 100 entries are taken, one more is not.
async fn most(stage: &mut Stage, asked: Asked, rule: &'static str) -> Flow {
    let Some(list) = product_list(stage, MOST + 1).await? else {
        let reason = "the number of entries: needs 101 products (--product-id, --product-ids-file), \
                      for the server does not keep repeated ones";
        stage.leave_out(rule, reason);
        return Ok(());
    };
    let fits = asked.send(stage, "hundred", &json!(list[..MOST])).await?;
    let stands = stage.claim(rule, &fits).accepted("a list of 100 products").stands();
    if stands && matches!(asked, Asked::Create) {
        stage.claim(rule, &fits).products(&list[..MOST]);
    }
    stage.settle().await?;
    let refused = asked.send(stage, "more", &json!(list)).await?;
    stage.claim(rule, &refused).refused(400, &[], "a list of 101 products");
    stage.unchanged(rule, &refused, "a write with 101 products").await?;
    Ok(())
}

async fn duplicates(stage: &mut Stage) -> Flow {
    let product = stage.products(1)?.remove(0);
    let twice = vec![product.clone(), product.clone()];
    let body = json!({ "id": stage.id("twice"), "product_ids": twice });
    let made = stage.create(&body).await?;
    let shown = made.answer.json().and_then(|body| body.get("product_ids"));
    let choice = match made.answer.status {
        201 if shown == Some(&json!(twice)) => "a repeated product is kept".to_owned(),
        201 if shown == Some(&json!([product])) => "a repeated product is merged".to_owned(),
        201 => "a repeated product makes another list".to_owned(),
        status => format!("a repeated product is answered {status}"),
    };
    stage.observe("create.duplicate-products", choice);
    Ok(())
}
