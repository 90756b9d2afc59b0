//! `GET /offerings/{offering_id}`.

use std::sync::Arc;

use serde_json::json;

use super::{Flow, Scenario, scenario};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("get.existing", Writes, [], existing),
    scenario!("get.missing", Writes, [], missing),
    scenario!("get.variant-hidden", Reads, [Variant], variant_hidden),
    scenario!("get.id-invalid", Writes, [], id_invalid),
];

/// What no id and no cursor may hold, each with the words that a title names it by.
pub(super) const OUTSIDE: [(&str, &str); 11] = [
    ("`/`", "/y"),
    ("`?`", "?y"),
    ("`#`", "#y"),
    ("`%`", "%y"),
    ("`+`", "+y"),
    ("`@`", "@y"),
    ("`é`", "éy"),
    ("a line break", "\ny"),
    ("a tab", "\ty"),
    ("NUL", "\0y"),
    ("a trailing line break", "\n"),
];

async fn existing(stage: &mut Stage) -> Flow {
    let mut products = stage.products(12).unwrap_or_default();
    products.reverse();
    let cases = [(stage.id("a"), products), (stage.id("b c:d.e_f-g"), Vec::new())];
    let mut made = Vec::new();
    for (id, products) in &cases {
        made.push(stage.make(id, products).await?.created_at);
    }
    // From here on the times of both are known: a get that moves them shows in the next list.
    stage.verify().await?;
    for ((id, products), made) in cases.iter().zip(made) {
        let (first, _) = stage.read(id).await?;
        let (second, again) = stage.read(id).await?;
        stage.claim("get.existing", &again).products(products).property("created_at", &json!(made)).holds(
            first == second,
            "two gets in a row show different offerings",
            format!("{first:?}"),
            format!("{second:?}"),
        );
    }
    let last = stage.latest();
    stage.unchanged("get.existing", &last, "a get").await?;
    Ok(())
}

async fn missing(stage: &mut Stage) -> Flow {
    let there = stage.id("there");
    let gone = stage.id("gone");
    stage.make(&there, &[]).await?;
    // What deleting a main does is open; a project without one may take a new offering for it.
    if !stage.make(&gone, &[]).await?.is_main() {
        stage.remove(&gone).await?;
        let got = stage.get(&gone).await?;
        stage.claim("get.missing", &got).refused(404, &["not_found"], "a get of a deleted offering");
    }
    let ids = [
        ("a get of an id that never existed", stage.id("never")),
        ("a get of a missing id of 64 characters", format!("{:x<64}", stage.id("never"))),
        ("a get of a missing id with a space and a colon", stage.id("ne v:er")),
        ("a get of an existing id without its last character", there[..there.len() - 1].to_owned()),
        ("a get of an existing id with a character more", format!("{there}x")),
        ("a get of an existing id with a space more", format!("{there} ")),
    ];
    let requests = ids.each_ref().map(|(_, id)| Request::to(Endpoint::Get).id(id));
    for ((what, _), got) in ids.iter().zip(stage.send_all(&requests).await?) {
        stage.claim("get.missing", &got).refused(404, &["not_found"], what);
    }
    Ok(())
}

async fn variant_hidden(stage: &mut Stage) -> Flow {
    let variant = stage.variant()?;
    let got = stage.get(&variant).await?;
    let is_there = got.answer.json().and_then(|body| body.get("id")).is_some();
    if !is_there && got.answer.summary() != "404 not_found" {
        // Hidden all the same, if whatever does not exist is answered so.
        let never = stage.get(&stage.id("never")).await?;
        if never.answer.summary() == got.answer.summary() {
            stage.claim("get.missing", &never).refused(404, &["not_found"], "a get of an id that never existed");
            return Ok(());
        }
    }
    stage.claim("get.variant-hidden", &got).refused(404, &["not_found"], "a get of an experiment variant");
    Ok(())
}

async fn id_invalid(stage: &mut Stage) -> Flow {
    // Offerings that exist, so that a server that cuts, trims or decodes twice finds them.
    let there = stage.id("there");
    let long = format!("{:x<64}", stage.id("long"));
    stage.make(&there, &[]).await?;
    stage.make(&long, &[]).await?;
    let mut ids = vec![("an id of 65 characters".to_owned(), format!("{long}x"))];
    ids.extend(OUTSIDE.map(|(what, tail)| (format!("an id with {what}"), format!("{there}{tail}"))));
    let requests: Vec<_> = ids.iter().map(|(_, id)| Request::to(Endpoint::Get).id(id)).collect();
    for ((what, _), got) in ids.iter().zip(stage.send_all(&requests).await?) {
        refused_id(stage, what, &got);
    }
    Ok(())
}

/// A 400; a 404 is right too, as no offering can have such an id, but is not what the document says.
fn refused_id(stage: &mut Stage, what: &str, got: &Arc<Exchange>) {
    if got.answer.status == 404 {
        let operation = got.request.operation.id().unwrap_or_default();
        stage.record().checked("get.id-invalid");
        stage.record().drift(operation, "answers 404 to an invalid id");
    } else {
        stage.claim("get.id-invalid", got).refused(400, &[], what);
    }
}
