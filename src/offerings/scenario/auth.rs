//! Keys: without one nothing is answered and nothing is done, and each opens one project only.

use std::sync::Arc;

use serde_json::json;

use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request, Secret};
use crate::lane::Halt;
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("auth.missing", Promotes, [], also: ["auth.code", "auth.no-effect"], missing),
    scenario!("auth.malformed", Promotes, [], also: ["auth.code", "auth.no-effect"], malformed),
    scenario!("auth.no-effect", Promotes, [], no_effect),
    scenario!("auth.before-existence", Writes, [], also: ["auth.code"], before_existence),
    scenario!("auth.forbidden", Promotes, [LimitedKey], forbidden),
    scenario!(
        "auth.project-isolation", Promotes, [SecondProject],
        also: ["create.product-unknown"],
        project_isolation
    ),
];

/// One valid request for each operation, on an offering that exists; the create is for another one. The delete comes
/// last, lest a server that obeys it has nothing left to refuse.
fn valid_requests(stage: &Stage, there: &str) -> Vec<Request> {
    let products = stage.products(1).unwrap_or_default();
    let id_of = |endpoint| Request::to(endpoint).id(there);
    vec![
        Request::to(Endpoint::List).query("limit", "1"),
        Request::to(Endpoint::Create).json(&json!({ "id": stage.id("ghost") })),
        id_of(Endpoint::Get),
        id_of(Endpoint::Update).json(&json!({ "product_ids": products })),
        id_of(Endpoint::SetMain),
        id_of(Endpoint::Delete),
    ]
}

/// An offering that is not main: the first of an empty project becomes it.
async fn make_regular(stage: &mut Stage, name: &str) -> Result<String, Halt> {
    if stage.state().main().is_none() {
        stage.make(&stage.id("first"), &[]).await?;
    }
    let id = stage.id(name);
    stage.make(&id, &[]).await?;
    Ok(id)
}

/// 401, and its code by the rule of its own. Says whether it was a 401.
fn claim_unauthorized(stage: &mut Stage, rule: &'static str, answered: &Arc<Exchange>, what: &str) -> bool {
    let is_refused = stage.claim(rule, answered).refused(401, &[], what).stands();
    if is_refused {
        stage.claim("auth.code", answered).refused(401, &["control_unauthorized"], "a request without a valid key");
    }
    is_refused
}

/// What was let in although it should not have been is told by the rule about that, not by the invariants.
async fn nothing_done(stage: &mut Stage) -> Flow {
    let last = stage.latest();
    stage.unchanged("auth.no-effect", &last, "an unauthenticated write").await?;
    Ok(())
}

async fn missing(stage: &mut Stage) -> Flow {
    let there = make_regular(stage, "there").await?;
    stage.settle().await?;
    let without = |request: Request| request.without_header("authorization");
    let requests: Vec<_> = valid_requests(stage, &there).into_iter().map(without).collect();
    for answered in stage.send_all(&requests).await? {
        claim_unauthorized(stage, "auth.missing", &answered, "a request without `Authorization`");
    }
    nothing_done(stage).await
}

/// Values of `Authorization` that open nothing. (The scheme `bearer` in lower case is right HTTP and not among them.)
fn malformed_headers(stage: &Stage) -> Vec<(&'static str, String)> {
    let key = format!("${}", KeyRole::Main.variable());
    let mut headers = vec![
        ("an unknown key", UNKNOWN_KEY.into()),
        ("the key under another scheme", format!("Basic {key}")),
        ("the key under another scheme", format!("garbage {key}")),
        ("`Authorization` of garbage", "garbage".into()),
        ("`Bearer` without a key", "Bearer".into()),
        ("`Bearer` without a key", "Bearer  ".into()),
        ("a key cut by its last character", format!("Bearer {}", KeyRole::Main.cut())),
        ("a key with a character more", format!("Bearer {key}-")),
        ("the key without its scheme", key),
    ];
    if stage.lane().client.keys().secret(KeyRole::Main).is_some_and(Secret::has_small_letters) {
        headers.push(("the key in capitals", format!("Bearer {}", KeyRole::Main.capitals())));
    }
    headers
}

const UNKNOWN_KEY: &str = "Bearer test_sk_qonform-0000000000-unknown";

async fn malformed(stage: &mut Stage) -> Flow {
    let there = make_regular(stage, "there").await?;
    stage.settle().await?;
    let mut requests = valid_requests(stage, &there);
    for (what, header) in malformed_headers(stage) {
        let with_header = |request: &Request| request.clone().header("authorization", header.as_str());
        let sent: Vec<_> = requests.iter().map(with_header).collect();
        let answers = stage.send_all(&sent).await?;
        let mut refused = answers.iter().map(|answered| claim_unauthorized(stage, "auth.malformed", answered, what));
        // An operation that let one in is not asked again: it mostly lets the others in too, and that is one fault.
        requests.retain(|_| refused.next().unwrap_or_default());
    }
    nothing_done(stage).await
}

async fn no_effect(stage: &mut Stage) -> Flow {
    let kept = make_regular(stage, "kept").await?;
    stage.settle().await?;
    let (read, _) = stage.read(&kept).await?;
    // A get that changes what it reads is told of by its own rule.
    let before = stage.verify().await?.find(&kept).cloned().unwrap_or(read);
    let mut is_intact = true;
    for request in valid_requests(stage, &kept).into_iter().filter(Request::is_write) {
        let what = match request.operation.endpoint() {
            Some(Endpoint::Create) => "an unauthenticated create",
            Some(Endpoint::Update) => "an unauthenticated update",
            Some(Endpoint::Delete) => "an unauthenticated delete",
            _ => "an unauthenticated set-main",
        };
        stage.send(request.clone().without_header("authorization")).await?;
        let last = stage.send(request.header("authorization", UNKNOWN_KEY)).await?;
        // One list for each operation: it says which of them had an effect.
        let listed = stage.unchanged("auth.no-effect", &last, what).await?;
        is_intact &= listed.find(&kept) == Some(&before) && listed.find(&stage.id("ghost")).is_none();
    }
    if !is_intact {
        return Ok(()); // The list told it already.
    }
    let ghost = stage.id("ghost");
    stage.gone("auth.no-effect", &ghost, "a get of what was only created without a key").await?;
    let (after, got) = stage.read(&kept).await?;
    // The times are compared by lists: a get that shows others has a fault of its own.
    let seen = |offering: &Offering| (offering.products.clone(), offering.tag);
    stage.claim("auth.no-effect", &got).holds(
        seen(&after) == seen(&before),
        "an offering is another after unauthenticated writes",
        format!("{before:?}"),
        format!("{after:?}"),
    );
    Ok(())
}

/// Requests that would be refused or find nothing if they were let in.
fn doomed_requests(stage: &Stage, there: &str) -> Vec<(&'static str, Request)> {
    let long = format!("{:x<65}", stage.id("long"));
    let never = stage.id("never");
    let mut requests = vec![
        ("a list with an invalid limit", Request::to(Endpoint::List).query("limit", "0")),
        ("a list with an invalid cursor", Request::to(Endpoint::List).query("starting_after", &long)),
        ("a create of an id that exists", Request::to(Endpoint::Create).json(&json!({ "id": there }))),
        ("a create with an invalid id", Request::to(Endpoint::Create).json(&json!({ "id": long }))),
        ("a create of a main offering", Request::to(Endpoint::Create).json(&json!({ "id": never, "tag": 1 }))),
        ("a create with broken JSON", Request::to(Endpoint::Create).raw_body("application/json", r#"{"id":"#)),
        ("an update with a wrong type", Request::to(Endpoint::Update).id(there).json(&json!({ "product_ids": 1 }))),
        ("an update with broken JSON", Request::to(Endpoint::Update).id(there).raw_body("application/json", "{")),
    ];
    for endpoint in [Endpoint::Get, Endpoint::Update, Endpoint::Delete, Endpoint::SetMain] {
        for (what, id) in [("a request for a missing id", &never), ("a request for an invalid id", &long)] {
            let request = Request::to(endpoint).id(id);
            let has_body = endpoint == Endpoint::Update;
            let request = if has_body { request.json(&json!({ "product_ids": [] })) } else { request };
            requests.push((what, request));
        }
    }
    requests
}

async fn before_existence(stage: &mut Stage) -> Flow {
    let there = make_regular(stage, "there").await?;
    let without: fn(Request) -> Request = |request| request.without_header("authorization");
    let unknown: fn(Request) -> Request = |request| request.header("authorization", UNKNOWN_KEY);
    for spoil in [without, unknown] {
        let valid: Vec<_> = valid_requests(stage, &there).into_iter().map(spoil).collect();
        let answers = stage.send_all(&valid).await?;
        let closed: Vec<_> = answers
            .iter()
            .filter(|answered| answered.answer.status == 401)
            .map(|answered| answered.request.operation.endpoint())
            .collect();
        // An operation that answers even a valid request otherwise has a fault of another kind, and it is told.
        let (whats, doomed): (Vec<_>, Vec<_>) = doomed_requests(stage, &there)
            .into_iter()
            .filter(|(_, request)| closed.contains(&request.operation.endpoint()))
            .map(|(what, request)| (what, spoil(request)))
            .unzip();
        for (what, answered) in whats.into_iter().zip(stage.send_all(&doomed).await?) {
            let what = format!("{what} without a valid key");
            claim_unauthorized(stage, "auth.before-existence", &answered, &what);
        }
    }
    // That nothing was done is looked into elsewhere.
    stage.take_as_is().await
}

async fn forbidden(stage: &mut Stage) -> Flow {
    let there = make_regular(stage, "there").await?;
    stage.settle().await?;
    for request in valid_requests(stage, &there) {
        let answered = stage.send(request.key(KeyRole::Limited)).await?;
        let what = "a request with a key without permission";
        stage.claim("auth.forbidden", &answered).refused(403, &["control_forbidden"], what);
    }
    let last = stage.latest();
    let what = "a write with a key without permission";
    stage.unchanged("invariant.failed-write-no-effect", &last, what).await?;
    Ok(())
}

async fn project_isolation(stage: &mut Stage) -> Flow {
    let theirs = stage.id("theirs");
    let over_there = create_there(stage, &theirs).await?;
    product_of_theirs(stage, &over_there).await?;
    not_listed(stage, &theirs).await?;
    not_reached(stage, &over_there).await?;
    if same_there(stage, &over_there, "a request with another project's key").await? {
        stage.settle().await?;
        same_id_here(stage, &over_there).await?;
    }
    // Whatever comes of it: if it was the first over there it is main, and what deleting that does is open.
    stage.send(Request::to(Endpoint::Delete).id(&theirs).key(KeyRole::Second)).await?;
    Ok(())
}

const ISOLATION: &str = "auth.project-isolation";

/// Creates an offering in the second project, with a product if one is seen there: then an update shows.
async fn create_there(stage: &mut Stage, id: &str) -> Result<Offering, Halt> {
    let others = stage.list_of(KeyRole::Second).await?.offerings;
    let products: Vec<_> = others.into_iter().flat_map(|offering| offering.products).take(1).collect();
    let body = json!({ "id": id, "product_ids": products });
    let made = stage.send(Request::to(Endpoint::Create).json(&body).key(KeyRole::Second)).await?;
    let stands = stage.claim("create.echo", &made).status(201, "a valid create").id(id).stands();
    match made.answer.json().and_then(Offering::read) {
        Some(offering) if stands => Ok(offering),
        _ => Err(Halt::Blocked(format!("a create in the second project was answered {}", made.answer.summary()))),
    }
}

/// A product that only the other project has is unknown here. Whether that is so is known of a project of our own alone:
/// two projects may well sell products of the same id.
async fn product_of_theirs(stage: &mut Stage, theirs: &Offering) -> Flow {
    const RULE: &str = "create.product-unknown";
    let known = &stage.lane().fixtures.products;
    let Some(product) = theirs.products.iter().find(|id| !known.contains(id)).cloned() else { return Ok(()) };
    if stage.is_shared() {
        return Ok(());
    }
    let body = json!({ "id": stage.id("with-theirs"), "product_ids": [product] });
    let refused = stage.create(&body).await?;
    stage.claim(RULE, &refused).refused(400, &["product_not_in_project"], "a product of another project");
    stage.take_as_is().await
}

async fn not_listed(stage: &mut Stage, theirs: &str) -> Flow {
    let is_listed = stage.list().await?.find(theirs).is_some();
    let at = stage.latest();
    stage.claim(ISOLATION, &at).holds(
        !is_listed,
        "the list shows an offering of another project",
        format!("no `{theirs}`"),
        format!("`{theirs}` in the list"),
    );
    Ok(())
}

/// With our key there is nothing to get, update, promote or delete.
async fn not_reached(stage: &mut Stage, theirs: &Offering) -> Flow {
    let never = stage.id("never");
    let of_none = valid_requests(stage, &never);
    for (request, of_none) in valid_requests(stage, &theirs.id).into_iter().zip(of_none) {
        let request = match request.operation.endpoint() {
            Some(Endpoint::List | Endpoint::Create) => continue,
            // Where it has no product, one of ours would show.
            Some(Endpoint::Update) if !theirs.products.is_empty() => request.json(&json!({ "product_ids": [] })),
            _ => request,
        };
        let answered = stage.send(request).await?;
        let what = "a request for an offering of another project";
        if answered.answer.status != 404 {
            // Answered as what does not exist anywhere: nothing is told of the other project.
            let missing = stage.send(of_none).await?;
            if missing.answer.status == answered.answer.status {
                stage.claim(missing_rule(&missing), &missing).refused(404, &[], "a request for a missing offering");
                continue;
            }
        }
        stage.claim(ISOLATION, &answered).refused(404, &[], what);
    }
    Ok(())
}

/// The rule about what an operation answers where there is nothing.
fn missing_rule(exchange: &Exchange) -> &'static str {
    match exchange.request.operation.endpoint() {
        Some(Endpoint::Update) => "update.missing",
        Some(Endpoint::Delete) => "delete.missing",
        Some(Endpoint::SetMain) => "set-main.missing",
        _ => "get.missing",
    }
}

/// The other project still shows its offering as it was, in get and list. Says whether it does.
async fn same_there(stage: &mut Stage, before: &Offering, what: &str) -> Result<bool, Halt> {
    let got = stage.send(Request::to(Endpoint::Get).id(&before.id).key(KeyRole::Second)).await?;
    // The times are compared by the list: a get that shows others has a fault of its own.
    let seen = got.answer.json().and_then(Offering::read).map(|offering| Offering {
        created_at: before.created_at.clone(),
        updated_at: before.updated_at.clone(),
        ..offering
    });
    if !claim_same(stage, &got, seen, before, what) {
        return Ok(false);
    }
    let listed = stage.list_of(KeyRole::Second).await?.find(&before.id).cloned();
    let at = stage.latest();
    Ok(claim_same(stage, &at, listed, before, what))
}

fn claim_same(stage: &mut Stage, at: &Arc<Exchange>, found: Option<Offering>, before: &Offering, what: &str) -> bool {
    // If it was main over there, somebody else there may have promoted another one.
    let is_demoted = before.is_main() && found.as_ref().is_some_and(|found| !found.is_main());
    let holds = found.as_ref().is_some_and(|found| {
        let same = (&found.products, &found.created_at) == (&before.products, &before.created_at);
        same && (is_demoted || (found.tag, &found.updated_at) == (before.tag, &before.updated_at))
    });
    stage
        .claim(ISOLATION, at)
        .holds(
            holds,
            format!("{what} changes an offering of that project"),
            format!("{before:?}"),
            found.map_or(at.answer.summary(), |found| format!("{found:?}")),
        )
        .stands()
}

/// The id can be created here too; each project then shows its own, and deleting one keeps the other.
async fn same_id_here(stage: &mut Stage, theirs: &Offering) -> Flow {
    if stage.state().main().is_none() {
        stage.make(&stage.id("first"), &[]).await?;
    }
    let products = stage.products(2).unwrap_or_default();
    let body = json!({ "id": theirs.id, "product_ids": products });
    let made = stage.create(&body).await?;
    let what = "a create of an id that another project has";
    let stands = stage.claim(ISOLATION, &made).status(201, what).id(&theirs.id).products(&products).stands();
    if !stands {
        return Ok(());
    }
    stage.settle().await?;
    let got = stage.get(&theirs.id).await?;
    stage.claim(ISOLATION, &got).accepted("a get of an id that another project has too").products(&products);
    if !same_there(stage, theirs, "a create of the same id").await? {
        return Ok(());
    }
    let is_main = made.answer.json().and_then(Offering::read).is_some_and(|made| made.is_main());
    if is_main {
        stage.leave_out(ISOLATION, "the offering became main, and deleting a main is open");
        return Ok(());
    }
    // Where the other project's would show now, the removal does not stand either.
    stage.remove(&theirs.id).await?;
    same_there(stage, theirs, "a delete of the same id").await?;
    Ok(())
}
