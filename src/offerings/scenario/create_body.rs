//! `POST /offerings`: bodies that are no offering, and properties that a client may not set.

use serde_json::{Value, json};

use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("create.body-malformed", Writes, [], body_malformed),
    scenario!("create.readonly-ignored", Writes, [], readonly_ignored),
    scenario!("create.unknown-field", Writes, [], unknown_field),
];

const JSON: &str = "application/json";

async fn body_malformed(stage: &mut Stage) -> Flow {
    let id = stage.id("x");
    let whole = json!({ "id": id }).to_string();
    let cut = whole.trim_end_matches('}').to_owned();
    let mut last = None;
    for (what, body) in [
        ("a create with broken JSON", cut),
        ("a create with an empty body", String::new()),
        ("a create with an array", json!([{ "id": id }]).to_string()),
        ("a create with a string that holds JSON", json!(whole).to_string()),
        ("a create with more after its JSON", format!("{whole} x")),
    ] {
        let request = Request::to(Endpoint::Create).raw_body(JSON, body);
        let refused = stage.send(request).await?;
        stage.claim("create.body-malformed", &refused).refused(400, &[], what);
        last = Some(refused);
    }
    // Without a body there is no content type either: 415 is as good.
    let bare = stage.send(Request::to(Endpoint::Create)).await?;
    stage.claim("create.body-malformed", &bare).status_in(&[400, 415], "a create without a body");
    stage.unchanged("create.body-malformed", last.as_ref().unwrap_or(&bare), "a create with a malformed body").await?;
    let typed = Request::to(Endpoint::Create).raw_body("text/plain", whole);
    let other = stage.send(typed).await?;
    stage.claim("create.body-malformed", &other).status_in(&[201, 400, 415], "a create under another content type");
    if other.answer.is_success() {
        stage.record().drift(Endpoint::Create.operation_id(), "takes a body under another content type than JSON");
    }
    Ok(())
}

/// Properties that only the server sets, with a value that it would never choose.
fn readonly() -> [(&'static str, &'static str, Value); 4] {
    [
        ("object", "`object` is taken over", json!("list")),
        ("url", "`url` is taken over", json!("/v4/offerings/elsewhere")),
        ("created_at", "`created_at` is taken over", json!("2001-02-03T04:05:06Z")),
        ("updated_at", "`updated_at` is taken over", json!("2091-02-03T04:05:06Z")),
    ]
}

async fn readonly_ignored(stage: &mut Stage) -> Flow {
    for (name, taken_over, value) in readonly() {
        let id = stage.id(name);
        let mut body = json!({ "id": id });
        body[name] = value.clone();
        let made = stage.create(&body).await?;
        stage.claim("create.readonly-ignored", &made).holds(
            made.answer.is_success() || made.answer.status == 400,
            "a create with a property that only the server sets is refused otherwise than with 400",
            "ignored, or 400",
            made.answer.summary(),
        );
        if !made.answer.is_success() {
            continue;
        }
        let got = stage.get(&id).await?;
        for answer in [&made, &got] {
            let found = answer.answer.json().and_then(|body| body.get(name));
            let holds = !is_same(found, &value);
            let received = format!("{name} {}", found.unwrap_or(&Value::Null));
            stage.claim("create.readonly-ignored", answer).holds(holds, taken_over, "ignored, or 400", received);
        }
    }
    Ok(())
}

/// Whether the server shows what was sent: the same text, or the same time in another spelling.
fn is_same(found: Option<&Value>, sent: &Value) -> bool {
    let time = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok();
    found.is_some_and(|found| found == sent || (time(sent).is_some() && time(found) == time(sent)))
}

async fn unknown_field(stage: &mut Stage) -> Flow {
    let id = stage.id("x");
    let body = json!({ "id": id, "qonform_unknown": "value" });
    let made = stage.create(&body).await?;
    let choice = match made.answer.status {
        201 => "an unknown property is ignored".to_owned(),
        status => format!("an unknown property is answered {status}"),
    };
    stage.observe("create.unknown-field", choice);
    if made.answer.is_success() {
        stage.claim("create.echo", &made).id(&id).products(&[]);
    }
    Ok(())
}

/// `n` product ids in a list that a server must take as it stands: without repeats where enough are known, else with
/// repeats where the server turns out to keep them. `None` where neither is so.
///
/// # Errors
/// [`Halt::Missing`] when no product is known.
pub(super) async fn product_list(stage: &mut Stage, n: usize) -> Result<Option<Vec<String>>, Halt> {
    let distinct = stage.distinct_products(n)?;
    if distinct.len() == n {
        return Ok(Some(distinct));
    }
    let twice = [&distinct[..1], &distinct[..1]].concat();
    let probe = stage.id(&format!("probe-{n}"));
    let made = stage.create(&json!({ "id": probe, "product_ids": twice })).await?;
    let kept = made.answer.json().and_then(Offering::read);
    if made.answer.is_success() && kept.is_some_and(|kept| kept.products == twice) {
        stage.products(n).map(Some)
    } else {
        Ok(None)
    }
}
