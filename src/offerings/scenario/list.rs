//! `GET /offerings`: its parameters, its order and what stands in it. Whole walks are held against each other in
//! `list_pages`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::get::OUTSIDE;
use super::{Flow, Scenario, scenario};
use crate::check::{Offering, offerings_in};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::lane::{Halt, Snapshot, is_restarted};
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[
    scenario!("list.limit-honoured", Writes, [], also: ["list.default-limit"], limit_honoured),
    scenario!("list.limit-invalid", Reads, [], also: ["list.limit-invalid-details"], limit_invalid),
    scenario!("list.has-more", Writes, [], also: ["list.next-cursor"], has_more),
    scenario!("list.order", Promotes, [], order),
    scenario!("list.unknown-cursor", Writes, [], unknown_cursor),
    scenario!("list.known-cursor-no-header", Writes, [], known_cursor),
    scenario!("list.cursor-invalid", Reads, [], cursor_invalid),
    scenario!("list.agrees-with-get", Promotes, [], agrees_with_get),
    scenario!("list.excludes-variants", Reads, [Variant], excludes_variants),
    scenario!("list.unknown-query", Reads, [], unknown_query),
];

/// How long a clock that shows whole seconds may show the same time.
pub(super) const A_SECOND: Duration = Duration::from_millis(1_050);

/// One page as it came.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) at: Arc<Exchange>,
    pub(super) offerings: Vec<Offering>,
    pub(super) has_more: bool,
    /// `None` where it is absent or null.
    pub(super) next_cursor: Option<String>,
}

impl Page {
    /// Asks for a page that must come, with `limit` and after `cursor` where they are given.
    pub(super) async fn fetch(stage: &mut Stage, limit: Option<usize>, cursor: Option<&str>) -> Result<Self, Halt> {
        let (rule, what) = match cursor {
            None => ("list.limit-honoured", "a list with a valid limit"),
            Some(_) => ("list.pages-cover", "a list after a cursor that exists"),
        };
        let page = Self::ask(stage, rule, what, limit, cursor).await?;
        page.ok_or_else(|| Halt::Blocked(format!("a page could not be read: {}", stage.latest().answer.summary())))
    }

    /// Asks for a page that must come by `rule`; `what` names the request in the title. `None` when it did not come.
    pub(super) async fn ask(
        stage: &mut Stage,
        rule: &'static str,
        what: &str,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Option<Self>, Halt> {
        let mut request = Request::to(Endpoint::List);
        if let Some(limit) = limit {
            request = request.query("limit", &limit.to_string());
        }
        if let Some(cursor) = cursor {
            request = request.query("starting_after", cursor);
        }
        let at = stage.send(request).await?;
        stage.claim(rule, &at).status(200, what);
        Ok(Self::read(&at))
    }

    /// What an exchange shows, if that is a page.
    pub(super) fn read(at: &Arc<Exchange>) -> Option<Self> {
        let body = at.answer.json().filter(|_| at.answer.status == 200)?;
        Some(Self {
            at: Arc::clone(at),
            offerings: offerings_in(body).iter().map(Offering::read).collect::<Option<_>>()?,
            has_more: body.get("has_more")?.as_bool()?,
            next_cursor: body.get("next_cursor").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// The ids on it, in order.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.offerings.iter().map(|offering| offering.id.as_str()).collect()
    }

    pub(super) fn is_restarted(&self) -> bool {
        is_restarted(&self.at)
    }
}

/// Creates offerings of these names, without products.
async fn make_named(stage: &mut Stage, names: &[&str]) -> Flow {
    let ids: Vec<_> = names.iter().map(|name| stage.id(name)).collect();
    for id in &ids {
        stage.make(id, &[]).await?;
    }
    stage.settle().await
}

async fn limit_honoured(stage: &mut Stage) -> Flow {
    make_named(stage, &["a", "b", "c"]).await?;
    let first = stage.id("a");
    let total = stage.list().await?.offerings.len();
    for (limit, cursor) in [(1, None), (2, None), (100, None), (1, Some(&*first))] {
        let page = Page::fetch(stage, Some(limit), cursor).await?;
        let found = page.offerings.len();
        let least = usize::from(cursor.is_none());
        let title =
            if found > limit { "a page is longer than its limit" } else { "a page is empty although it is not" };
        stage.claim("list.limit-honoured", &page.at).holds(
            (least..=limit).contains(&found),
            title,
            format!("{least} to {limit} offerings"),
            format!("{found} offerings"),
        );
    }
    let page = Page::fetch(stage, None, None).await?;
    let found = page.offerings.len();
    // Where others delete at the same time, a page of a list this short may be shorter.
    if total >= 25 || found > 20 {
        default_limit(stage, &page);
    }
    Ok(())
}

/// A page that was asked for without a limit, of a list that is longer.
pub(super) fn default_limit(stage: &mut Stage, page: &Page) {
    let found = page.offerings.len();
    stage.claim("list.default-limit", &page.at).holds(
        found == 20,
        "a page without a limit has not 20 offerings",
        "20 offerings",
        format!("{found} offerings"),
    );
}

async fn limit_invalid(stage: &mut Stage) -> Flow {
    let limits = [
        ("a limit of nothing", "0"),
        ("a limit over 100", "101"),
        ("a negative limit", "-1"),
        ("a limit that is a word", "abc"),
        ("a limit that is a fraction", "1.5"),
    ];
    let requests = limits.map(|(_, limit)| Request::to(Endpoint::List).query("limit", limit));
    for ((what, _), listed) in limits.into_iter().zip(stage.send_all(&requests).await?) {
        let refused = stage.claim("list.limit-invalid", &listed).refused(400, &["invalid_data"], what).stands();
        if refused {
            let details = listed.answer.json().and_then(|body| body.pointer("/error/details"));
            stage.claim("list.limit-invalid-details", &listed).holds(
                names_field(details, "limit"),
                "the details of a refused limit do not name it",
                "details with the field `limit`",
                details.map_or("no details".into(), |details| format!("details: {details}")),
            );
        }
    }
    Ok(())
}

/// Whether one of the details is about this field, with or without a path before it.
fn names_field(details: Option<&Value>, field: &str) -> bool {
    details.and_then(Value::as_array).is_some_and(|details| {
        details
            .iter()
            .filter_map(|detail| detail.get("field")?.as_str())
            .any(|named| named.rsplit(['.', '/']).next() == Some(field))
    })
}

async fn has_more(stage: &mut Stage) -> Flow {
    make_named(stage, &["a", "b"]).await?;
    let before = stage.list().await?;
    let total = before.offerings.len();
    let mut pages = Vec::new();
    for limit in [1, total.saturating_sub(1), total, total + 1] {
        if (1..=100).contains(&limit) {
            pages.push(Page::fetch(stage, Some(limit), None).await?);
        }
    }
    let after = stage.list().await?;
    if ids(&before) != ids(&after) {
        stage.leave_out("list.has-more", "others wrote to the project meanwhile");
        return Ok(());
    }
    for page in pages {
        claim_has_more(stage, &page, page.offerings.len() < total);
    }
    Ok(())
}

/// Holds `has_more` of a page, and `next_cursor` of a last one, against whether something follows.
pub(super) fn claim_has_more(stage: &mut Stage, page: &Page, follows: bool) {
    let title = if follows {
        "`has_more` is false although more follows"
    } else {
        "`has_more` is true although nothing follows"
    };
    let stands = stage
        .claim("list.has-more", &page.at)
        .holds(page.has_more == follows, title, format!("has_more {follows}"), format!("has_more {}", page.has_more))
        .stands();
    if stands && !follows {
        stage.claim("list.next-cursor", &page.at).holds(
            page.next_cursor.is_none(),
            "the last page has a `next_cursor`",
            "no `next_cursor`, or null",
            format!("next_cursor {:?}", page.next_cursor),
        );
    }
}

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.offerings.iter().map(|offering| offering.id.as_str()).collect()
}

async fn order(stage: &mut Stage) -> Flow {
    // In the order of their creation these names are sorted in neither direction.
    let mut all: Vec<Offering> = Vec::new();
    let mut has_slept = false;
    for name in ["m", "z", "a"] {
        let mut made = stage.make(&stage.id(name), &[]).await?;
        if all.last().is_some_and(|last| last.created() == made.created()) && !has_slept {
            // The clock shows seconds: what was created in the same one may stand in any order.
            tokio::time::sleep(A_SECOND).await;
            let later = stage.make(&stage.id(&format!("{name}-later")), &[]).await?;
            // A clock that does not go on need not be waited for again.
            has_slept = later.created() == made.created();
            all.push(std::mem::replace(&mut made, later));
        }
        all.push(made);
    }
    // A list by the last change, or with the main offering first, would show it now.
    let changed = stage.id("z");
    let products = stage.products(1).unwrap_or_default();
    stage.update(&changed, &json!({ "product_ids": products })).await?;
    stage.promote(&changed).await?;
    let first = stage.list().await?;
    let mut dated = first.clone();
    for offering in &mut dated.offerings {
        // By the date that was answered first: that it does not change is another rule.
        if let Some(made) = all.iter().find(|made| made.id == offering.id) {
            offering.created_at.clone_from(&made.created_at);
        }
    }
    claim_order(stage, &dated);
    let second = stage.list().await?;
    let [first, second] = [first, second].map(|snapshot| {
        let ours = snapshot.offerings.into_iter().filter(|offering| stage.state().is_ours(&offering.id));
        ours.map(|offering| offering.id).collect::<Vec<_>>()
    });
    let at = stage.latest();
    stage.claim("list.order", &at).holds(
        first == second,
        "two lists in a row have different orders",
        first.join(", "),
        second.join(", "),
    );
    Ok(())
}

/// Our offerings stand by the date of their creation, in either direction.
pub(super) fn claim_order(stage: &mut Stage, snapshot: &Snapshot) {
    let ours: Vec<_> = snapshot.offerings.iter().filter(|offering| stage.state().is_ours(&offering.id)).collect();
    let times: Vec<_> = ours.iter().filter_map(|offering| offering.created()).collect();
    let holds = times.is_sorted() || times.is_sorted_by(|a, b| a >= b);
    let received = ours.iter().take(6).map(|offering| format!("`{}` {}", offering.id, offering.created_at));
    let received = received.collect::<Vec<_>>().join(", ");
    let at = stage.latest();
    stage.claim("list.order", &at).holds(
        holds,
        "the list is not ordered by creation date",
        "by `created_at`, in either direction",
        received,
    );
}

async fn unknown_cursor(stage: &mut Stage) -> Flow {
    make_named(stage, &["a", "b", "c", "d", "e"]).await?;
    let deleted = stage.id("c");
    stage.remove(&deleted).await?;
    stage.settle().await?;
    for (what, cursor) in [
        ("an unknown cursor", stage.id("never")),
        ("an unknown cursor", format!("{:x<64}", stage.id("never"))),
        ("an unknown cursor", stage.id("ne v:er")),
        ("a deleted cursor", deleted),
    ] {
        restarts(stage, what, &cursor).await?;
    }
    Ok(())
}

async fn restarts(stage: &mut Stage, what: &str, cursor: &str) -> Flow {
    let before = Page::fetch(stage, Some(3), None).await?;
    let title = format!("a list after {what}");
    let Some(page) = Page::ask(stage, "list.unknown-cursor", &title, Some(3), Some(cursor)).await? else {
        return Ok(());
    };
    let after = Page::fetch(stage, Some(3), None).await?;
    let header = page.at.answer.header(crate::lane::RESTARTED);
    // Where others wrote meanwhile it is not known what the first page was at that moment.
    let is_first = before.ids() != after.ids() || page.ids() == before.ids();
    stage
        .claim("list.unknown-cursor", &page.at)
        .holds(
            is_first,
            format!("{what} does not lead to the first page"),
            before.ids().join(", "),
            page.ids().join(", "),
        )
        .holds(
            page.is_restarted(),
            format!("{what} is not answered with the restart header"),
            "x-qon-pagination-restarted: true",
            header.map_or("no such header".into(), |value| format!("x-qon-pagination-restarted: {value}")),
        );
    Ok(())
}

async fn known_cursor(stage: &mut Stage) -> Flow {
    for id in [stage.id("a"), stage.id("b c:d"), format!("{:x<64}", stage.id("e"))] {
        stage.make(&id, &[]).await?;
        stage.settle().await?;
        let page = Page::fetch(stage, Some(2), Some(&id)).await?;
        claim_no_restart(stage, &page);
    }
    Ok(())
}

/// A page after a cursor of ours, which nobody else deletes.
pub(super) fn claim_no_restart(stage: &mut Stage, page: &Page) {
    stage.claim("list.known-cursor-no-header", &page.at).holds(
        !page.is_restarted(),
        "a cursor that exists is answered with the restart header",
        "no x-qon-pagination-restarted: true",
        "x-qon-pagination-restarted: true",
    );
}

async fn cursor_invalid(stage: &mut Stage) -> Flow {
    let mut cursors = vec![("a cursor of 65 characters".to_owned(), format!("{:x<65}", stage.id("long")))];
    for (what, tail) in OUTSIDE {
        cursors.push((format!("a cursor with {what}"), format!("{}{tail}", stage.id("x"))));
    }
    for (what, cursor) in cursors {
        let listed = stage.send(Request::to(Endpoint::List).query("starting_after", &cursor)).await?;
        stage.claim("list.cursor-invalid", &listed).refused(400, &[], &what);
    }
    Ok(())
}

async fn agrees_with_get(stage: &mut Stage) -> Flow {
    let mut products = stage.products(12).unwrap_or_default();
    products.reverse();
    let (many, changed) = (stage.id("many"), stage.id("changed"));
    stage.make(&many, &products).await?;
    stage.make(&changed, &[]).await?;
    let some = &products[..products.len().min(2)];
    stage.update(&changed, &json!({ "product_ids": some })).await?;
    // One that is main, and one that was.
    stage.promote(&changed).await?;
    stage.promote(&many).await?;
    let mut read = Vec::new();
    for id in [&many, &changed] {
        read.push(stage.read(id).await?.0);
    }
    let snapshot = stage.list().await?;
    let at = stage.latest();
    let is_taken_over = snapshot.mains().iter().any(|id| !stage.state().is_ours(id));
    for got in read {
        let listed = snapshot.find(&got.id);
        // Somebody else's promotion in between demotes ours.
        if got.is_main() && is_taken_over {
            continue;
        }
        stage.claim("list.agrees-with-get", &at).holds(
            listed == Some(&got),
            "the list shows an offering otherwise than get",
            format!("{got:?}"),
            listed.map_or("not in the list".into(), |listed| format!("{listed:?}")),
        );
    }
    Ok(())
}

async fn excludes_variants(stage: &mut Stage) -> Flow {
    let variant = stage.variant()?;
    let is_listed = stage.list().await?.find(&variant).is_some();
    let at = stage.latest();
    claim_excluded(stage, &at, &variant, is_listed);
    let bare = Page::fetch(stage, None, None).await?;
    claim_excluded(stage, &bare.at, &variant, bare.ids().contains(&&*variant));
    let mut cursor = None;
    for _ in 0..SOME_PAGES {
        let page = Page::fetch(stage, Some(2), cursor.as_deref()).await?;
        let is_there = page.ids().contains(&&*variant);
        claim_excluded(stage, &page.at, &variant, is_there);
        cursor = page.ids().last().map(|id| (*id).to_owned());
        if is_there || !page.has_more || cursor.is_none() {
            break;
        }
    }
    Ok(())
}

/// How many small pages are looked through for variants.
const SOME_PAGES: usize = 6;

fn claim_excluded(stage: &mut Stage, at: &Arc<Exchange>, variant: &str, is_there: bool) {
    stage.claim("list.excludes-variants", at).holds(
        !is_there,
        "the list shows an experiment variant",
        format!("no `{variant}`"),
        format!("`{variant}` in the list"),
    );
}

async fn unknown_query(stage: &mut Stage) -> Flow {
    for query in ["limit=1&page=2", "limit=1&qonform=x"] {
        let listed = stage.send(Request::to(Endpoint::List).raw_query(query)).await?;
        let choice = match listed.answer.status {
            200 => "ignores an undocumented parameter".to_owned(),
            status => format!("answers {status} to an undocumented parameter"),
        };
        stage.observe("list.unknown-query", choice);
    }
    Ok(())
}
