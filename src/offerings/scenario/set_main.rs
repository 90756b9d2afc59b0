//! `POST /offerings/{offering_id}/set-main`.
//!
//! Only offerings of the case are promoted, and what is claimed of "the previous main" is claimed of one that the case
//! promoted itself before.

use serde_json::{Value, json};

use super::create::described;
use super::idempotency::{HEADER, key_of};
use super::path_id::{self, Else};
use super::{Flow, Scenario, scenario};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::Request;
use crate::lane::{Halt, Snapshot};
use crate::offerings::Stage;
use crate::offerings::claim::tag;

pub(super) const ALL: &[Scenario] = &[
    scenario!("set-main.promotes", Promotes, [], promotes),
    scenario!(
        "set-main.demotes-previous",
        Promotes,
        [],
        also: ["set-main.previous-is-zero"],
        demotes_previous
    ),
    scenario!("set-main.keeps-rest", Promotes, [], keeps_rest),
    scenario!("set-main.again", Promotes, [], again),
    scenario!("set-main.missing", Promotes, [], missing),
    scenario!("set-main.variant", Promotes, [Variant], variant),
    scenario!("set-main.id-invalid", Promotes, [], id_invalid),
    scenario!("set-main.idempotency-replay", Promotes, [], replay),
    scenario!("set-main.body-ignored", Promotes, [], body_ignored),
];

/// Makes offerings with these names, with products where some are known, and gives their ids.
async fn make_all<const N: usize>(stage: &mut Stage, names: [&str; N]) -> Result<[String; N], Halt> {
    let products = stage.distinct_products(2).unwrap_or_default();
    let ids = names.map(|name| stage.id(name));
    for id in &ids {
        stage.make(id, &products).await?;
    }
    Ok(ids)
}

async fn promotes(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.promotes";
    let [a, b] = make_all(stage, ["a", "b"]).await?;
    for id in [&a, &b] {
        let promoted = stage.promote(id).await?;
        let (_, got) = stage.read(id).await?;
        stage.claim(RULE, &got).is_main();
        let mains = stage.verify().await?;
        let in_list = mains.find(id).is_some_and(Offering::is_main);
        stage.claim(RULE, &promoted).holds(
            in_list,
            "the list does not show the promoted offering as main",
            "tag 1",
            tag(mains.find(id).and_then(|offering| offering.tag)),
        );
    }
    Ok(())
}

/// More than once: some servers forget a demotion only now and then. The project's own main comes first, where it is
/// for us to judge.
async fn demotes_previous(stage: &mut Stage) -> Flow {
    let own = stage.state().main().filter(|main| stage.state().is_ours(main)).map(str::to_owned);
    let [a, b, c] = make_all(stage, ["a", "b", "c"]).await?;
    stage.promote(&a).await?;
    if let Some(own) = own.filter(|own| *own != a) {
        demoted(stage, &own).await?;
    }
    stage.settle().await?;
    for (previous, next) in [(&a, &b), (&b, &c), (&c, &a), (&a, &b)] {
        stage.promote(next).await?;
        demoted(stage, previous).await?;
        stage.verify().await?;
    }
    Ok(())
}

async fn demoted(stage: &mut Stage, previous: &str) -> Flow {
    let got = stage.get(previous).await?;
    let claim = stage.claim("set-main.demotes-previous", &got).accepted("a get of the previous main offering");
    let Some(demoted) = got.answer.json().and_then(Offering::read) else { return Ok(()) };
    claim.holds(!demoted.is_main(), "the previous main offering is still main", "tag 0", tag(demoted.tag));
    stage.claim("set-main.previous-is-zero", &got).holds(
        demoted.is_main() || demoted.tag == Some(0),
        "the previous main offering does not read 0",
        "tag 0",
        tag(demoted.tag),
    );
    Ok(())
}

async fn keeps_rest(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.keeps-rest";
    let [a, b, third] = make_all(stage, ["a", "b", "third"]).await?;
    stage.settle().await?;
    let promoted = stage.promote(&a).await?;
    let before = stage.unchanged(RULE, &promoted, "a set-main").await?;
    let promoted = stage.promote(&b).await?;
    let after = stage.unchanged(RULE, &promoted, "a set-main").await?;
    let named = [&a, &b];
    let text = |offering: Option<&Offering>| offering.map_or("no offering".to_owned(), described);
    for id in named.into_iter().chain([&third]) {
        let settled = |snapshot: &Snapshot| {
            let mut offering = snapshot.find(id)?.clone();
            if named.contains(&id) {
                offering.tag = None;
                offering.updated_at.clear();
            }
            Some(offering)
        };
        let (then, now) = (settled(&before), settled(&after));
        stage.claim(RULE, &promoted).holds(
            then == now,
            "a set-main changes more than the roles",
            text(then.as_ref()),
            text(now.as_ref()),
        );
    }
    Ok(())
}

async fn again(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.again";
    let [a, _] = make_all(stage, ["a", "b"]).await?;
    stage.promote(&a).await?;
    stage.settle().await?;
    for what in ["a set-main of the main offering", "a third set-main of the main offering"] {
        let repeated = stage.set_main(&a).await?;
        stage.claim(RULE, &repeated).status(200, what).id(&a).is_main();
        stage.unchanged(RULE, &repeated, what).await?;
    }
    let (_, got) = stage.read(&a).await?;
    stage.claim(RULE, &got).is_main();
    Ok(())
}

async fn missing(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.missing";
    let [main, gone] = make_all(stage, ["main", "gone"]).await?;
    stage.promote(&main).await?;
    stage.remove(&gone).await?;
    stage.settle().await?;
    let never = stage.id("never");
    for (what, id) in [("a set-main of an id that never existed", &never), ("a set-main of a deleted offering", &gone)]
    {
        let refused = stage.set_main(id).await?;
        stage.claim(RULE, &refused).refused(404, &["not_found"], what);
        stage.unchanged(RULE, &refused, what).await?;
    }
    Ok(())
}

async fn variant(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.variant";
    let id = stage.variant()?;
    let [main] = make_all(stage, ["main"]).await?;
    stage.promote(&main).await?;
    stage.settle().await?;
    let what = "a set-main of an experiment variant";
    let refused = stage.set_main(&id).await?;
    stage.claim(RULE, &refused).refused(422, &["cannot_setmain_experiment_variant"], what);
    stage.unchanged(RULE, &refused, what).await?;
    Ok(())
}

async fn id_invalid(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.id-invalid";
    let [main, regular] = make_all(stage, ["main", "regular"]).await?;
    stage.promote(&main).await?;
    stage.settle().await?;
    let last = path_id::refused(stage, RULE, Endpoint::SetMain, (&regular, None), Else::NotFound).await?;
    if let Some(last) = last {
        let what = "a set-main of an invalid id";
        stage.unchanged("invariant.failed-write-no-effect", &last, what).await?;
    }
    Ok(())
}

/// Nothing reads the offerings between the promotion of the other and the last replay: the replay shows the older time
/// of its first answer, and is right to.
async fn replay(stage: &mut Stage) -> Flow {
    const RULE: &str = "set-main.idempotency-replay";
    let (a, b) = (stage.id("a"), stage.id("b"));
    let made = stage.make(&a, &[]).await?;
    stage.make(&b, &[]).await?;
    let key = key_of(stage, &made);
    let keyed = Request::to(Endpoint::SetMain).id(&a).header(HEADER, key);
    let first = stage.send(keyed.clone()).await?;
    let stands = stage
        .claim("set-main.promotes", &first)
        .status(200, "a set-main with an idempotency key")
        .id(&a)
        .is_main()
        .stands();
    if !stands {
        return Ok(());
    }
    let offering = |body: Option<&Value>| body.and_then(Offering::read);
    stage.settle().await?;
    let original = offering(first.answer.json());
    let at_once = stage.send(keyed.clone()).await?;
    stage.promote(&b).await?;
    let later = stage.send(keyed).await?;
    for (answer, title) in [
        (&at_once, "a set-main with the same idempotency key does not replay the first answer"),
        (&later, "after another promotion, a set-main with the same idempotency key does not replay the first answer"),
    ] {
        let text = |body: Option<&Value>| body.unwrap_or(&Value::Null).to_string();
        stage.claim(RULE, answer).status(200, "a replayed set-main").holds(
            offering(answer.answer.json()) == original,
            title,
            text(first.answer.json()),
            text(answer.answer.json()),
        );
    }
    let (now, got) = stage.read(&b).await?;
    stage.claim(RULE, &got).holds(
        now.is_main(),
        "a replayed set-main promotes again",
        "the offering that became main meanwhile is still main",
        tag(now.tag),
    );
    Ok(())
}

async fn body_ignored(stage: &mut Stage) -> Flow {
    let [a, b] = make_all(stage, ["a", "b"]).await?;
    for (id, body) in [(&a, json!({})), (&b, json!({ "tag": 0, "product_ids": [] }))] {
        let request = Request::to(Endpoint::SetMain).id(id).json(&body);
        let promoted = stage.send(request).await?;
        let choice = match promoted.answer.status {
            200 => "a set-main with a body promotes".to_owned(),
            status => format!("a set-main with a body is answered {status}"),
        };
        stage.observe("set-main.body-ignored", choice);
        if promoted.answer.is_success() {
            stage.claim("set-main.promotes", &promoted).id(id).is_main();
        }
        // What stands in the body has no effect.
        stage.verify().await?;
    }
    Ok(())
}
