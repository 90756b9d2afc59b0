//! `POST /offerings`: the new offering, valid and invalid ids and bodies, and the role of a new offering.

use serde_json::{Value, json};

use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::offerings::Context;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.echo", Writes, [Product], echo),
    scenario!("create.readable", Writes, [], readable),
    scenario!("create.id-bounds", Writes, [], id_bounds),
    scenario!("create.id-invalid", Writes, [], id_invalid),
    scenario!("create.duplicate", Writes, [], duplicate),
    scenario!("create.case-sensitivity", WritesAlone, [], case_sensitivity),
    scenario!("create.tag-main-rejected", WritesAlone, [], tag_main),
    scenario!("create.tag-invalid", Writes, [], tag_invalid),
    scenario!("create.tag-regular", Writes, [], tag_regular),
    scenario!("create.first-is-main", WritesAlone, [Empty], first_is_main),
    scenario!("create.body-malformed", Writes, [], body_malformed),
    scenario!("create.readonly-ignored", Writes, [], readonly_ignored),
    scenario!("create.unknown-field", Writes, [], unknown_field),
];

/// Every valid character of an id, with the space inside.
const CHARSET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._:-abcdefghijklmnopqrstuvwxyz";

/// Ids of one character, used where no offering has them. Never `.`.
const SHORTEST: [&str; 6] = ["q", "7", "_", "Z", ":", "-"];

/// Ids that programs may treat specially, except `.` and `..`, which no URL path can address.
const RESERVED: [&str; 10] =
    ["0", "null", "undefined", "NaN", "true", "new", "constructor", "__proto__", "set-main", "offerings"];

/// The longest id in characters.
const MAX_ID: usize = 64;

/// Endings that make an id or a cursor invalid.
pub(super) const INVALID_ENDINGS: [&str; 11] = ["/y", "?y", "#y", "%y", "+y", "@y", "éy", "\ny", "\ty", "\0y", "\n"];

const JSON: &str = "application/json";

async fn echo(cx: &mut Context) -> ScriptResult {
    let many = cx.products(12)?;
    let reversed: Vec<_> = many.iter().rev().cloned().collect();
    for (name, products) in [("one", &many[..1]), ("many", &many), ("reversed", &reversed)] {
        let id = cx.id(name);
        cx.create_offering(&id, products).await?;
    }
    let none = json!({ "id": cx.id("none"), "product_ids": [] });
    cx.create(&none).await?;
    Ok(())
}

async fn readable(cx: &mut Context) -> ScriptResult {
    let products = cx.some_products(100);
    for (name, products) in [("a", &products[..]), ("b", &[]), ("c", &products[..products.len().min(12)])] {
        let id = cx.id(name);
        cx.create_offering(&id, products).await?;
        cx.get(&id).await?;
        cx.read_state().await?;
    }
    Ok(())
}

async fn id_bounds(cx: &mut Context) -> ScriptResult {
    let prefix = cx.id("");
    let room = MAX_ID.saturating_sub(prefix.len() + 1).max(1);
    let charset: Vec<char> = CHARSET.chars().collect();
    let mut ids = vec![format!("{prefix:x<MAX_ID$}")];
    ids.extend(["a b  c", "a:b::c", "a.json", "a_20b-2F.c", "a:set-main"].map(|tail| format!("{prefix}{tail}")));
    // Each ends in a letter, because the contract does not define whether trailing spaces are trimmed.
    ids.extend(charset.chunks(room).map(|chunk| format!("{prefix}{}z", chunk.iter().collect::<String>())));
    for id in ids {
        every_operation(cx, &id).await?;
    }
    let is_ours = cx.project().is_exclusive;
    without_prefix(cx, &SHORTEST, if is_ours { 2 } else { 1 }).await?;
    without_prefix(cx, &RESERVED, if is_ours { RESERVED.len() } else { 3 }).await?;
    digits(cx).await
}

/// Ids of digits that are equal as numbers. They have no prefix, so each is deleted at once.
async fn digits(cx: &mut Context) -> ScriptResult {
    let number: u64 = cx.id("").bytes().fold(7, |number, byte| (number * 31 + u64::from(byte)) % 100_000_000_000);
    let (id, padded) = (format!("4{number:011}"), format!("004{number:011}"));
    if cx.before().find(&id).is_some() || cx.before().find(&padded).is_some() {
        return Ok(());
    }
    // The padded id first: a server that makes a number of it returns another one.
    cx.create(&json!({ "id": padded })).await?;
    cx.get(&id).await?;
    cx.create(&json!({ "id": id })).await?;
    for id in [&padded, &id] {
        if cx.find(id).is_some() {
            cx.get(id).await?;
            cx.delete(id).await?;
        }
    }
    Ok(())
}

/// Creates an offering and uses its id with every operation that does not change the main offering. Returns whether it
/// was created.
async fn every_operation(cx: &mut Context, id: &str) -> Result<bool, Abort> {
    cx.create(&json!({ "id": id })).await?;
    if cx.find(id).is_none() {
        return Ok(false);
    }
    cx.get(id).await?;
    cx.update(id, &json!({ "product_ids": [] })).await?;
    cx.read_state().await?;
    if cx.state().main() != Some(id) {
        cx.delete(id).await?;
        cx.get(id).await?;
    }
    Ok(true)
}

/// Uses up to `max` ids that have no room for a prefix; each is deleted at once. The project may have or have had some of
/// them, so they are drawn from all of `ids`, other ones in each run.
async fn without_prefix(cx: &mut Context, ids: &[&str], max: usize) -> ScriptResult {
    cx.ensure_main().await?;
    let start = cx.id("").bytes().map(usize::from).sum::<usize>() % ids.len();
    let (mut used, before) = (0, cx.before().clone());
    for id in ids[start..].iter().chain(&ids[..start]).filter(|id| before.find(id).is_none()) {
        let _lock = cx.lock(id).await;
        if used < max && every_operation(cx, id).await? {
            used += 1;
        }
    }
    if used == 0 {
        cx.skip_part("create.id-bounds", "no special id could be used: offerings have or had all of them");
    }
    Ok(())
}

async fn id_invalid(cx: &mut Context) -> ScriptResult {
    let tail = |tail: &str| json!(format!("{}{tail}", cx.id("x")));
    let mut ids = vec![Value::Null, json!(""), json!(format!("{:x<65}", cx.id("long"))), json!(4711)];
    ids.extend(INVALID_ENDINGS.map(tail));
    let mut bodies: Vec<_> = ids.into_iter().map(|id| json!({ "id": id })).collect();
    bodies.extend([json!({}), json!({ "ID": cx.id("capitals") })]);
    let creates: Vec<_> = bodies.iter().map(|body| Request::to(Endpoint::Create).json(body)).collect();
    for exchange in cx.send_all(&creates).await? {
        let id = exchange
            .response
            .json()
            .filter(|_| exchange.response.is_success())
            .and_then(|body| body.get("id")?.as_str());
        // The cleanup does not find ids without the prefix, so they are deleted at once.
        if let Some(id) = id.filter(|id| !id.starts_with(&cx.id("")) && !matches!(*id, "" | "." | "..")) {
            cx.delete(id).await?;
        }
    }
    Ok(())
}

async fn duplicate(cx: &mut Context) -> ScriptResult {
    let (id, products) = (cx.id("twice"), cx.some_products(2));
    cx.create_offering(&id, &products).await?;
    let fewer: Vec<_> = products.iter().skip(1).collect();
    for body in
        [json!({ "id": id, "product_ids": products }), json!({ "id": id, "product_ids": fewer }), json!({ "id": id })]
    {
        cx.create(&body).await?;
    }
    cx.get(&id).await?;
    Ok(())
}

async fn case_sensitivity(cx: &mut Context) -> ScriptResult {
    let (lower, upper) = (cx.id("abc"), cx.id("Abc"));
    cx.create_offering(&lower, &[]).await?;
    cx.create(&json!({ "id": upper })).await?;
    if cx.find(&upper).is_some() && cx.find(&lower).is_some() {
        // These are two offerings: once one is deleted, its id is no cursor and no operation finds it.
        cx.delete(&upper).await?;
        cx.read_state().await?;
        cx.page(Some(2), Some(&upper)).await?;
        cx.update(&upper, &json!({ "product_ids": [] })).await?;
        cx.delete(&upper).await?;
        cx.get(&lower).await?;
    }
    Ok(())
}

async fn tag_main(cx: &mut Context) -> ScriptResult {
    let products = cx.some_products(1);
    for body in [json!({ "id": cx.id("a"), "tag": 1 }), json!({ "id": cx.id("b"), "tag": 1, "product_ids": products })]
    {
        cx.create(&body).await?;
    }
    let part = "in an empty project";
    if !cx.project().client.keys().has(KeyRole::Empty) {
        cx.skip_part("create.tag-main-rejected", format!("{part}: needs --empty-token"));
        return Ok(());
    }
    if !cx.follow(KeyRole::Empty).await?.offerings.is_empty() {
        cx.skip_part("create.tag-main-rejected", format!("{part}: the project of --empty-token holds offerings"));
        return Ok(());
    }
    let id = cx.id("first");
    let rejected = cx.send(in_empty(&json!({ "id": id, "tag": 1 }))).await?;
    if rejected.response.is_success() {
        return remove_from_empty(cx, &id).await;
    }
    // After a rejected create, the first offering still becomes main.
    cx.send(in_empty(&json!({ "id": id }))).await?;
    remove_from_empty(cx, &id).await
}

fn in_empty(body: &Value) -> Request {
    Request::to(Endpoint::Create).key(KeyRole::Empty).json(body)
}

async fn remove_from_empty(cx: &mut Context, id: &str) -> ScriptResult {
    cx.send(Request::to(Endpoint::Delete).key(KeyRole::Empty).id(id)).await?;
    Ok(())
}

async fn tag_invalid(cx: &mut Context) -> ScriptResult {
    let tags = [json!(2), json!(-1), json!(1.5), json!("0"), json!(true), json!(40_000)];
    let body = |(number, tag): (usize, &Value)| json!({ "id": cx.id(&format!("t{number}")), "tag": tag });
    let creates: Vec<_> =
        tags.iter().enumerate().map(body).map(|body| Request::to(Endpoint::Create).json(&body)).collect();
    cx.send_all(&creates).await?;
    Ok(())
}

async fn tag_regular(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    if cx.state().main().is_none() {
        cx.skip_part("create.tag-regular", "the project has offerings but no main offering");
        return Ok(());
    }
    let bodies = [
        json!({ "id": cx.id("absent") }),
        json!({ "id": cx.id("null"), "tag": null }),
        json!({ "id": cx.id("zero"), "tag": 0 }),
    ];
    for body in bodies {
        cx.create(&body).await?;
        cx.read_state().await?;
    }
    Ok(())
}

/// The three creates without a role, each in the emptied project. The first is repeated after rejected requests, which
/// must not change the result.
async fn first_is_main(cx: &mut Context) -> ScriptResult {
    if !cx.follow(KeyRole::Empty).await?.offerings.is_empty() {
        return Err(Abort::NotApplicable("the project of --empty-token holds offerings".into()));
    }
    let tags = [("absent", None), ("again", None), ("null", Some(Value::Null)), ("zero", Some(json!(0)))];
    for (name, tag) in tags {
        let (one, two) = (cx.id(&format!("{name}-1")), cx.id(&format!("{name}-2")));
        if name == "again" {
            rejected_in_empty(cx).await?;
        }
        let mut body = json!({ "id": one });
        if let Some(tag) = tag {
            body["tag"] = tag;
        }
        cx.send(in_empty(&body)).await?;
        cx.read_other_project(KeyRole::Empty).await?;
        cx.send(in_empty(&json!({ "id": two }))).await?;
        for id in [&two, &one] {
            remove_from_empty(cx, id).await?;
        }
        if !cx.adopt(KeyRole::Empty).await?.offerings.is_empty() {
            cx.skip_part(
                "create.first-is-main",
                "not with every tag: the project of --empty-token could not be emptied again",
            );
            return Ok(());
        }
    }
    Ok(())
}

/// Rejected requests, which must have no effect.
async fn rejected_in_empty(cx: &mut Context) -> ScriptResult {
    let (unknown, rejected) = (cx.id("no-such-product"), cx.id("rejected"));
    for products in [json!("none"), json!([unknown])] {
        cx.send(in_empty(&json!({ "id": rejected, "product_ids": products }))).await?;
    }
    cx.send(Request::to(Endpoint::SetMain).id(&rejected).key(KeyRole::Empty)).await?;
    Ok(())
}

async fn body_malformed(cx: &mut Context) -> ScriptResult {
    let id = cx.id("x");
    let whole = json!({ "id": id }).to_string();
    let bodies = [
        whole.trim_end_matches('}').to_owned(),
        String::new(),
        json!([{ "id": id }]).to_string(),
        json!(whole).to_string(),
        format!("{whole} x"),
    ];
    for body in bodies {
        cx.send(Request::to(Endpoint::Create).raw_body(JSON, body)).await?;
    }
    cx.send(Request::to(Endpoint::Create)).await?;
    let other = cx.send(Request::to(Endpoint::Create).raw_body("text/plain", whole)).await?;
    if other.response.is_success() {
        cx.record().drift(Endpoint::Create.operation_id(), "accepts a body with a content type other than JSON");
    }
    Ok(())
}

async fn readonly_ignored(cx: &mut Context) -> ScriptResult {
    for (name, value) in [
        ("object", "list"),
        ("url", "/v4/offerings/elsewhere"),
        ("created_at", "2001-02-03T04:05:06Z"),
        ("updated_at", "2091-02-03T04:05:06Z"),
    ] {
        let mut body = json!({ "id": cx.id(name) });
        body[name] = json!(value);
        cx.create(&body).await?;
    }
    Ok(())
}

/// A name in another letter case is unknown too: it must not be read as the documented one.
async fn unknown_field(cx: &mut Context) -> ScriptResult {
    let products = cx.some_products(1);
    let bodies = [
        json!({ "id": cx.id("x"), "qonform_unknown": "value" }),
        json!({ "id": cx.id("products"), "Product_IDs": products }),
        json!({ "id": cx.id("own"), "ID": cx.id("other") }),
    ];
    for body in bodies {
        cx.create(&body).await?;
    }
    Ok(())
}
