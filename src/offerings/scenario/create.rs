//! `POST /offerings`: what it makes, and which ids it takes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::lane::Halt;
use crate::offerings::Stage;
use crate::offerings::claim::list;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.echo", Writes, [Product], echo),
    scenario!("create.readable", Writes, [], readable),
    scenario!("create.id-bounds", Writes, [], id_bounds),
    scenario!("create.id-invalid", Writes, [], id_invalid),
    scenario!("create.duplicate", Writes, [], duplicate),
    scenario!("create.case-sensitivity", Writes, [], case_sensitivity),
];

/// Every character that an id may have, spaces inside.
const CHARSET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._:-abcdefghijklmnopqrstuvwxyz";

/// Ids of one character, tried where nobody has them. Never `.`.
const SHORTEST: [&str; 6] = ["q", "7", "_", "Z", ":", "-"];

/// The longest id in characters.
const LONGEST: usize = 64;

async fn echo(stage: &mut Stage) -> Flow {
    let many = stage.distinct_products(12)?;
    let mut reversed = many.clone();
    reversed.reverse();
    for (name, products) in [("one", many[..1].to_vec()), ("many", many), ("reversed", reversed)] {
        let id = stage.id(name);
        stage.make(&id, &products).await?;
    }
    let bare = stage.id("bare");
    let made = stage.create(&json!({ "id": bare })).await?;
    stage.claim("create.echo", &made).status(201, "a create without products").id(&bare).products(&[]);
    let none = stage.id("none");
    let made = stage.create(&json!({ "id": none, "product_ids": [] })).await?;
    stage.claim("create.echo", &made).status(201, "a create with an empty list of products").id(&none).products(&[]);
    Ok(())
}

async fn readable(stage: &mut Stage) -> Flow {
    let (a, b) = (stage.id("a"), stage.id("b"));
    let products = stage.distinct_products(12).unwrap_or_default();
    let mut answers = Vec::new();
    for body in [json!({ "id": a, "product_ids": products }), json!({ "id": b })] {
        let made = stage.create(&body).await?;
        let stands = stage.claim("create.echo", &made).status(201, "a valid create").stands();
        if !stands || stage.is_ill_formed(&made) {
            return Ok(());
        }
        answers.push(made);
    }
    for (id, made) in [&a, &b].into_iter().zip(&answers) {
        let got = stage.get(id).await?;
        let (created, read) = (made.answer.json(), got.answer.json());
        let text = |body: Option<&Value>| body.unwrap_or(&Value::Null).to_string();
        stage.claim("create.readable", &got).status(200, "a get of what was just created").holds(
            created.and_then(Offering::read) == read.and_then(Offering::read),
            "get returns something else than create did",
            text(created),
            text(read),
        );
    }
    let snapshot = stage.list().await?;
    for (id, made) in [&a, &b].into_iter().zip(&answers) {
        let times = snapshot.offerings.iter().filter(|o| o.id == *id).count();
        stage.claim("create.readable", made).holds(
            times == 1,
            "the list does not have a created offering once",
            format!("`{id}` once"),
            format!("{times} times"),
        );
    }
    Ok(())
}

/// Ids inside the limits, each with the words that a title names it by. What stands before them is the case's prefix.
fn good_ids(stage: &Stage) -> Vec<(&'static str, String)> {
    let prefix = stage.id("");
    let room = LONGEST.saturating_sub(prefix.len() + 1).max(1);
    let charset: Vec<char> = CHARSET.chars().collect();
    let mut ids = vec![
        ("an id of 64 characters", format!("{prefix:x<LONGEST$}")),
        ("an id with spaces", format!("{prefix}a b  c")),
        ("an id with colons", format!("{prefix}a:b::c")),
        ("an id that ends like a file name", format!("{prefix}a.json")),
        ("an id that looks encoded", format!("{prefix}a_20b-2F.c")),
    ];
    // A letter ends each: a space at the end might be trimmed, of which the contract does not speak.
    ids.extend(charset.chunks(room).map(|chunk| {
        let chunk: String = chunk.iter().collect();
        ("an id of any allowed characters", format!("{prefix}{chunk}z"))
    }));
    ids
}

async fn id_bounds(stage: &mut Stage) -> Flow {
    // What is wrong with any create at all is not put down to the ids.
    stage.make(&stage.id("plain"), &[]).await?;
    stage.settle().await?;
    let mut all = Vec::new();
    for (what, id) in good_ids(stage) {
        if let Some(made) = create_and_get(stage, what, &id).await? {
            all.push((what, id, made));
        }
    }
    let snapshot = stage.list().await?;
    for (what, id, made) in &all {
        stage.claim("create.id-bounds", made).holds(
            snapshot.find(id).is_some(),
            format!("{what} is missing in the list"),
            format!("`{id}` in the list"),
            "not in the list",
        );
    }
    spaces_in_paths(stage).await?;
    one_character(stage).await
}

async fn one_character(stage: &mut Stage) -> Flow {
    let wanted = if stage.is_shared() { 1 } else { 2 };
    let mut tried = 0;
    for id in SHORTEST {
        if tried == wanted {
            return Ok(());
        }
        let before = stage.get(id).await?;
        if before.answer.status != 404 || stage.before().find(id).is_some() {
            continue; // Somebody's, or not to be told.
        }
        tried += 1;
        // No prefix fits into one character, so nobody else would remove it.
        let made = create_and_get(stage, "an id of one character", id).await?;
        if made.is_some() {
            stage.remove(id).await?;
        }
    }
    if tried == 0 {
        stage.leave_out(
            "create.id-bounds",
            "every id of one character that was tried exists already: they were left alone",
        );
    }
    Ok(())
}

/// Creates an offering with this id and reads it back. `None` when there is none now.
async fn create_and_get(stage: &mut Stage, what: &'static str, id: &str) -> Result<Option<Arc<Exchange>>, Halt> {
    let made = stage.create(&json!({ "id": id })).await?;
    stage.claim("create.id-bounds", &made).accepted(what).id(id);
    if !made.answer.is_success() {
        return Ok(None);
    }
    let got = stage.get(id).await?;
    stage.claim("create.id-bounds", &got).status(200, &format!("a get of {what}")).id(id);
    Ok(Some(made))
}

/// The other operations take an id with spaces in their paths as well.
async fn spaces_in_paths(stage: &mut Stage) -> Flow {
    let id = stage.id("a b  c");
    if stage.state().find(&id).is_none() {
        return Ok(());
    }
    let updated = stage.update(&id, &json!({ "product_ids": [] })).await?;
    stage.claim("create.id-bounds", &updated).accepted("an update of an id with spaces").id(&id);
    stage.remove(&id).await?;
    Ok(())
}

/// Ids that must be refused, each with the words that a title names it by.
fn invalid_ids(stage: &Stage) -> Vec<(&'static str, Option<Value>)> {
    let with = |tail: &str| Some(json!(format!("{}{tail}", stage.id("x"))));
    let long = format!("{:x<65}", stage.id("long"));
    vec![
        ("a create without an id", None),
        ("an id of null", Some(Value::Null)),
        ("an empty id", Some(json!(""))),
        ("an id of 65 characters", Some(json!(long))),
        ("an id with `/`", with("/y")),
        ("an id with `?`", with("?y")),
        ("an id with `#`", with("#y")),
        ("an id with `%`", with("%y")),
        ("an id with `+`", with("+y")),
        ("an id with `@`", with("@y")),
        ("an id with `é`", with("éy")),
        ("an id with a line break", with("\ny")),
        ("an id with a tab", with("\ty")),
        ("an id with NUL", with("\0y")),
        ("an id with a trailing line break", with("\n")),
        ("an id that is a number", Some(json!(4711))),
    ]
}

async fn id_invalid(stage: &mut Stage) -> Flow {
    stage.settle().await?;
    let (whats, creates): (Vec<_>, Vec<_>) = invalid_ids(stage)
        .into_iter()
        .map(|(what, id)| (what, id.map_or_else(|| json!({}), |id| json!({ "id": id }))))
        .map(|(what, body)| (what, Request::to(Endpoint::Create).json(&body)))
        .unzip();
    let answers = stage.send_all(&creates).await?;
    for (what, refused) in whats.into_iter().zip(&answers) {
        stage.claim("create.id-invalid", refused).refused(400, &[], what);
    }
    let stray: Vec<_> = answers.iter().filter_map(|refused| stray_id(stage, refused)).collect();
    if let Some(last) = answers.last() {
        stage.unchanged("create.id-invalid", last, "a create with an invalid id").await?;
    }
    for id in stray {
        stage.delete(&id).await?;
    }
    Ok(())
}

/// The id of an offering that should not have been made and that nobody would find by the prefix.
fn stray_id(stage: &Stage, made: &Arc<Exchange>) -> Option<String> {
    if !made.answer.is_success() {
        return None;
    }
    let id = made.answer.json()?.get("id")?.as_str()?;
    let is_stray = !id.starts_with(&stage.id("")) && stage.before().find(id).is_none();
    (is_stray && !matches!(id, "" | "." | "..")).then(|| id.to_owned())
}

async fn duplicate(stage: &mut Stage) -> Flow {
    let id = stage.id("twice");
    let products = stage.distinct_products(2).unwrap_or_default();
    let made = stage.make(&id, &products).await?;
    stage.settle().await?;
    let fewer: Vec<_> = products.iter().skip(1).collect();
    let mut last = None;
    for (what, body) in [
        ("a create of an id that exists, with the same products", json!({ "id": id, "product_ids": products })),
        ("a create of an id that exists, with other products", json!({ "id": id, "product_ids": fewer })),
        ("a create of an id that exists, without products", json!({ "id": id })),
    ] {
        let refused = stage.create(&body).await?;
        stage.claim("create.duplicate", &refused).refused(409, &["offering_already_exists"], what);
        last = Some(refused);
    }
    let (now, got) = stage.read(&id).await?;
    stage.claim("create.duplicate", &got).holds(
        now.products == made.products,
        "a duplicate create changes the existing offering",
        described(&made),
        described(&now),
    );
    if let Some(last) = last {
        stage.unchanged("create.duplicate", &last, "a duplicate create").await?;
    }
    Ok(())
}

/// An offering's products and times for a sentence.
pub(super) fn described(offering: &Offering) -> String {
    format!("{}, created {}, updated {}", list(&offering.products), offering.created_at, offering.updated_at)
}

async fn case_sensitivity(stage: &mut Stage) -> Flow {
    let (lower, upper) = (stage.id("abc"), stage.id("Abc"));
    stage.make(&lower, &[]).await?;
    let other = stage.create(&json!({ "id": upper })).await?;
    let choice = match other.answer.status {
        201 => "ids that differ only in case are two".to_owned(),
        409 => "ids that differ only in case are one".to_owned(),
        status => format!("an id that differs only in case is answered {status}"),
    };
    stage.observe("create.case-sensitivity", choice);
    Ok(())
}
