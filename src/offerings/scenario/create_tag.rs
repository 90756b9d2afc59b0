//! `POST /offerings`: which role a new offering has.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete::main_elsewhere;
use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.tag-main-rejected", Promotes, [], main_rejected),
    scenario!("create.tag-invalid", Promotes, [], invalid),
    scenario!("create.tag-regular", Writes, [], regular),
    scenario!("create.first-is-main", Writes, [Empty], first_is_main),
];

const FIRST: &str = "create.first-is-main";

async fn main_rejected(stage: &mut Stage) -> Flow {
    const RULE: &str = "create.tag-main-rejected";
    let products = stage.distinct_products(1).unwrap_or_default();
    let alone = json!({ "id": stage.id("alone"), "tag": 1 });
    let beside = json!({ "id": stage.id("beside"), "tag": 1, "product_ids": products });
    for (what, body) in [("a create with `tag` 1", alone), ("a create with `tag` 1 and products", beside)] {
        let refused = stage.create(&body).await?;
        stage.claim(RULE, &refused).refused(400, &["cannot_set_main_directly"], what);
        stage.unchanged(RULE, &refused, "a refused create with `tag` 1").await?;
    }
    if !stage.lane().client.keys().has(KeyRole::Empty) {
        stage.leave_out(RULE, "in an empty project: needs --empty-token");
        return Ok(());
    }
    if !stage.list_of(KeyRole::Empty).await?.offerings.is_empty() {
        stage.leave_out(RULE, "in an empty project: that of --empty-token is not");
        return Ok(());
    }
    let id = stage.id("first");
    let refused = create_in_empty(stage, &id, Some(&json!(1))).await?;
    stage.claim(RULE, &refused).refused(400, &["cannot_set_main_directly"], "a first create with `tag` 1");
    let after = stage.list_of(KeyRole::Empty).await?;
    let is_there = after.find(&id).is_some();
    stage.claim(RULE, &refused).holds(
        !is_there,
        "a refused create with `tag` 1 creates in an empty project",
        "no offering",
        format!("`{id}` in the list"),
    );
    if is_there {
        delete_in_empty(stage, &id).await?;
    }
    Ok(())
}

async fn invalid(stage: &mut Stage) -> Flow {
    const RULE: &str = "create.tag-invalid";
    let tags = [
        ("two", "a create with `tag` 2", json!(2)),
        ("minus", "a create with `tag` -1", json!(-1)),
        ("half", "a create with `tag` 1.5", json!(1.5)),
        ("text", "a create with `tag` as a string", json!("0")),
        ("true", "a create with `tag` true", json!(true)),
        ("big", "a create with `tag` beyond 16 bits", json!(40_000)),
    ];
    let create =
        |name: &str, tag: &Value| Request::to(Endpoint::Create).json(&json!({ "id": stage.id(name), "tag": tag }));
    let requests = tags.each_ref().map(|(name, _, tag)| create(name, tag));
    let answers = stage.send_all(&requests).await?;
    for ((_, what, _), refused) in tags.iter().zip(&answers) {
        stage.claim(RULE, refused).refused(400, &[], what);
    }
    if let Some(last) = answers.last() {
        stage.unchanged(RULE, last, "a create with an invalid `tag`").await?;
    }
    Ok(())
}

async fn regular(stage: &mut Stage) -> Flow {
    const RULE: &str = "create.tag-regular";
    main_elsewhere(stage).await?;
    let Some(main) = stage.state().main().map(str::to_owned) else {
        stage.leave_out(RULE, "the project has offerings but no main one");
        return Ok(());
    };
    for (name, what, tag) in [
        ("absent", "a create without `tag`", None),
        ("null", "a create with `tag` null", Some(Value::Null)),
        ("zero", "a create with `tag` 0", Some(json!(0))),
    ] {
        let id = stage.id(name);
        let made = stage.create(&with_tag(&id, tag.as_ref())).await?;
        stage.claim(RULE, &made).accepted(what).id(&id).is_regular();
        if made.answer.is_success() {
            let (_, got) = stage.read(&id).await?;
            stage.claim(RULE, &got).is_regular();
        }
        let after = stage.verify().await?;
        // Somebody else's main may give way to another of theirs, but not to none.
        stage.claim(RULE, &made).holds(
            after.find(&main).is_none() || !after.mains().is_empty(),
            format!("{what} takes away the main offering"),
            "the main offering is as it was",
            "no offering with tag 1",
        );
    }
    Ok(())
}

/// The three ways to say nothing of the role, one after the other in a project that is emptied between. Only the first
/// time has the project never had a main; what the contract says of the later ones is weaker. There a difference
/// counts as a violation only if it comes from `tag`: if the same project promotes the first offering without `tag`.
async fn first_is_main(stage: &mut Stage) -> Flow {
    if !stage.list_of(KeyRole::Empty).await?.offerings.is_empty() {
        let reason = "the project of --empty-token holds offerings";
        return Err(Halt::NotApplicable(reason.into()));
    }
    let (first, mut emptied) = round(stage, "absent", None).await?;
    stage.claim(FIRST, &first).is_main();
    if !is_main(&first) {
        return Ok(());
    }
    for (name, tag) in [("null", Value::Null), ("zero", json!(0))] {
        if emptied == Emptied::No {
            let reason = "only without `tag`: the project could not be emptied again";
            stage.leave_out(FIRST, reason);
            return Ok(());
        }
        let (again, now) = round(stage, name, Some(&tag)).await?;
        emptied = now;
        if is_main(&again) {
            stage.claim(FIRST, &again).is_main();
        } else if emptied == Emptied::Yes {
            let (control, now) = round(stage, &format!("{name}-control"), None).await?;
            emptied = now;
            if is_main(&control) {
                stage.claim(FIRST, &again).is_main();
            } else {
                // "A project emptied again: should": without a tag, too, the first offering is regular then.
                stage.claim(FIRST, &control).as_should().holds(
                    false,
                    "the first offering of a project that was emptied again is not main",
                    "tag 1",
                    "a regular offering",
                );
            }
        }
    }
    Ok(())
}

/// Whether the project has no offerings again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Emptied {
    Yes,
    No,
}

/// Two creates in the empty project and its emptying. What is claimed of the first is only that it is made.
async fn round(stage: &mut Stage, name: &str, tag: Option<&Value>) -> Result<(Arc<Exchange>, Emptied), Halt> {
    let (one, two) = (stage.id(&format!("{name}-1")), stage.id(&format!("{name}-2")));
    let first = create_in_empty(stage, &one, tag).await?;
    stage.claim(FIRST, &first).accepted("a create in an empty project").id(&one);
    let second = create_in_empty(stage, &two, None).await?;
    let after = stage.list_of(KeyRole::Empty).await?;
    if is_main(&first) {
        stage.claim(FIRST, &second).accepted("a second create in an empty project").is_regular();
        let mains = after.mains();
        stage.claim("invariant.single-main", &second).holds(
            mains.len() < 2,
            "two offerings are main",
            "at most one offering with tag 1",
            format!("tag 1 on {}", mains.join(" and ")),
        );
        stage.claim(FIRST, &second).holds(
            mains == [one.as_str()],
            "the list does not show the first offering as the only main",
            format!("`{one}` is main"),
            format!("main: {}", mains.join(", ")),
        );
    }
    for id in [&two, &one] {
        delete_in_empty(stage, id).await?;
    }
    let left = stage.list_of(KeyRole::Empty).await?;
    let emptied = if left.offerings.is_empty() { Emptied::Yes } else { Emptied::No };
    Ok((first, emptied))
}

fn is_main(made: &Exchange) -> bool {
    let offering = made.answer.json().and_then(Offering::read);
    offering.is_some_and(|offering| offering.is_main())
}

fn with_tag(id: &str, tag: Option<&Value>) -> Value {
    let mut body = json!({ "id": id });
    if let Some(tag) = tag {
        body["tag"] = tag.clone();
    }
    body
}

async fn create_in_empty(stage: &mut Stage, id: &str, tag: Option<&Value>) -> Result<Arc<Exchange>, Halt> {
    let request = Request::to(Endpoint::Create).key(KeyRole::Empty).json(&with_tag(id, tag));
    stage.send(request).await
}

async fn delete_in_empty(stage: &mut Stage, id: &str) -> Result<Arc<Exchange>, Halt> {
    let request = Request::to(Endpoint::Delete).key(KeyRole::Empty).id(id);
    stage.send(request).await
}
