//! The `product_ids` that create and update accept and reject.

use serde_json::{Value, json};

use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Context;
use crate::project::Abort;

pub(super) const CREATE: &[Scenario] = &[
    scenario!("create.product-unknown", Writes, [Product], create_unknown),
    scenario!("create.product-bounds", Writes, [Product], create_bounds),
    scenario!("create.duplicate-products", Writes, [Product], duplicates),
    scenario!("create.product-case", Writes, [Product], in_other_case),
];

pub(super) const UPDATE: &[Scenario] = &[
    scenario!("update.product-unknown", Writes, [Product], update_unknown),
    scenario!("update.product-bounds", Writes, [Product], update_bounds),
];

/// The maximum length of one list.
const MAX_PRODUCTS: usize = 100;

/// The offering that updates are sent to.
const SUBJECT: &str = "subject";

/// A list of `n` product ids that the server must accept unchanged: distinct ones where enough are known, otherwise
/// repeated ones if the server turns out to store them. `None` where it does not.
///
/// # Errors
/// [`Abort::Missing`] when no product is known.
pub(super) async fn product_list(cx: &mut Context, n: usize) -> Result<Option<Vec<String>>, Abort> {
    let distinct = cx.products(n)?;
    if distinct.len() == n {
        return Ok(Some(distinct));
    }
    let (id, twice) = (cx.id(&format!("probe-{n}")), vec![distinct[0].clone(); 2]);
    cx.create(&json!({ "id": id, "product_ids": twice })).await?;
    let is_kept = cx.find(&id).is_some_and(|probe| probe.products == twice);
    Ok(is_kept.then(|| distinct.iter().cycle().take(n).cloned().collect()))
}

/// A request with this list: a create of a new offering, or an update of the offering of the case.
fn with_products(cx: &Context, endpoint: Endpoint, name: &str, list: &Value) -> Request {
    match endpoint {
        Endpoint::Create => Request::to(endpoint).json(&json!({ "id": cx.id(name), "product_ids": list })),
        _ => Request::to(Endpoint::Update).id(&cx.id(SUBJECT)).json(&json!({ "product_ids": list })),
    }
}

async fn create_subject(cx: &mut Context) -> ScriptResult {
    let (id, products) = (cx.id(SUBJECT), cx.products(1)?);
    cx.create_offering(&id, &products).await?;
    Ok(())
}

async fn create_unknown(cx: &mut Context) -> ScriptResult {
    unknown(cx, Endpoint::Create).await
}

async fn update_unknown(cx: &mut Context) -> ScriptResult {
    unknown(cx, Endpoint::Update).await
}

async fn unknown(cx: &mut Context, endpoint: Endpoint) -> ScriptResult {
    create_subject(cx).await?;
    let (good, none) = (cx.products(2)?, cx.id("no-such-product"));
    let first = [std::slice::from_ref(&none), &good].concat();
    let last = [&good[..], std::slice::from_ref(&none)].concat();
    for (name, list) in [("alone", vec![none]), ("first", first), ("last", last)] {
        let request = with_products(cx, endpoint, name, &json!(list));
        cx.send(request).await?;
    }
    Ok(())
}

async fn create_bounds(cx: &mut Context) -> ScriptResult {
    bounds(cx, Endpoint::Create, "create.product-bounds").await
}

async fn update_bounds(cx: &mut Context) -> ScriptResult {
    bounds(cx, Endpoint::Update, "update.product-bounds").await
}

/// Both sides of the limit of entries, and lists that are invalid in any project.
async fn bounds(cx: &mut Context, endpoint: Endpoint, rule: &'static str) -> ScriptResult {
    create_subject(cx).await?;
    match product_list(cx, MAX_PRODUCTS + 1).await? {
        Some(list) => {
            for (name, list) in [("hundred", &list[..MAX_PRODUCTS]), ("more", &list)] {
                let request = with_products(cx, endpoint, name, &json!(list));
                cx.send(request).await?;
            }
            cx.read_state().await?;
        }
        None => cx.skip_part(
            rule,
            "the number of entries: needs 101 products (--product-id, --product-ids-file), \
             because the server does not store repeated ones",
        ),
    }
    let good = cx.products(1)?.remove(0);
    let lists = [
        json!(["p".repeat(256)]),
        json!([good, "a/b"]),
        json!([good, "é"]),
        json!([format!("{good}\n")]),
        json!([good, 7]),
        json!([good, null]),
        json!([[good]]),
        json!(good),
        json!({ "0": good }),
        json!(1),
    ];
    let requests: Vec<_> = lists
        .iter()
        .enumerate()
        .map(|(number, list)| with_products(cx, endpoint, &format!("b{number}"), list))
        .collect();
    cx.send_all(&requests).await?;
    Ok(())
}

/// A known product with its letters in the other case.
async fn in_other_case(cx: &mut Context) -> ScriptResult {
    let known = cx.products(usize::MAX)?;
    let turned = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    let candidates = known.iter().map(|id| id.chars().map(turned).collect::<String>());
    let Some(product) = candidates.into_iter().find(|id| !known.contains(id)) else {
        return Err(Abort::NotApplicable("no known product has a letter".into()));
    };
    cx.create(&json!({ "id": cx.id("case"), "product_ids": [product] })).await?;
    Ok(())
}

async fn duplicates(cx: &mut Context) -> ScriptResult {
    let product = cx.products(1)?.remove(0);
    let body = json!({ "id": cx.id("twice"), "product_ids": [product, product] });
    cx.create(&body).await?;
    Ok(())
}
