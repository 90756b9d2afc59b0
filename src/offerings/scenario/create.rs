//! `POST /offerings`.

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.echo", Writes, [Product], echo),
    scenario!("create.readable", Writes, [], readable),
    scenario!("create.id-invalid", Writes, [], id_invalid),
];

async fn echo(stage: &mut Stage) -> Flow {
    let many = stage.products(12)?;
    let mut reversed = many.clone();
    reversed.reverse();
    for (name, products) in [("one", many[..1].to_vec()), ("many", many), ("reversed", reversed)] {
        stage.make(&stage.id(name), &products).await?;
    }
    let bare = stage.id("bare");
    let made = stage.create(&json!({ "id": bare })).await?;
    stage.claim("create.echo", &made).status(201, "a create without products").id(&bare).products(&[]);
    Ok(())
}

async fn readable(stage: &mut Stage) -> Flow {
    let id = stage.id("a");
    let products = stage.products(2).unwrap_or_default();
    stage.make(&id, &products).await?;
    let made = stage.create(&json!({ "id": stage.id("b") })).await?;
    let got = stage.get(&stage.id("b")).await?;
    let (created, read) = (made.answer.json(), got.answer.json());
    stage.claim("create.readable", &got).status(200, "a get of what was just created").holds(
        created == read,
        "get returns something else than create did",
        made.answer.json().unwrap_or(&Value::Null).to_string(),
        got.answer.json().unwrap_or(&Value::Null).to_string(),
    );
    let snapshot = stage.list().await?;
    for name in ["a", "b"] {
        let id = stage.id(name);
        let times = snapshot.offerings.iter().filter(|offering| offering.id == id).count();
        stage.claim("create.readable", &got).holds(
            times == 1,
            "the list does not have a created offering once",
            format!("`{id}` once"),
            format!("{times} times"),
        );
    }
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
    let mut last = None;
    for (what, id) in invalid_ids(stage) {
        let body = id.map_or_else(|| json!({}), |id| json!({ "id": id }));
        let refused = stage.send(Request::to(Endpoint::Create).json(&body)).await?;
        stage.claim("create.id-invalid", &refused).refused(400, &[], what);
        last = Some(refused);
    }
    if let Some(last) = last {
        stage.unchanged("create.id-invalid", &last, "a create with an invalid id").await?;
    }
    Ok(())
}
