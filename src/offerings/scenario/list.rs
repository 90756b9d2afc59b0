//! `GET /offerings`: its parameters, its order and what stands in it. Each page is compared with the whole list.

use serde_json::json;

use super::create::OUTSIDE;
use super::delete::A_SECOND;
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::offerings::Context;
use crate::offerings::oracle::Reply;
use crate::project::Abort;

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
    scenario!(
        "list.pages-cover", Writes, [],
        also: [
            "list.default-limit", "list.limit-honoured", "list.has-more", "list.next-cursor", "list.order",
            "list.known-cursor-no-header"
        ],
        pages_cover
    ),
];

/// The longest page.
const MAX_LIMIT: usize = 100;

/// Offerings that do not fit on a page whose limit is left out.
const MORE_THAN_A_PAGE: usize = 24;

/// A longer walk is made at both ends of the list only.
const MAX_PAGES: usize = 12;

/// Creates offerings of these names, without products, and reads the list.
async fn make(cx: &mut Context, names: &[&str]) -> ScriptResult {
    for name in names {
        let id = cx.id(name);
        cx.make(&id, &[]).await?;
    }
    cx.look().await?;
    Ok(())
}

async fn limit_honoured(cx: &mut Context) -> ScriptResult {
    make(cx, &["a", "b", "c"]).await?;
    let first = cx.id("a");
    for (limit, after) in [(1, None), (2, None), (100, None), (1, Some(&*first))] {
        cx.page(Some(limit), after).await?;
    }
    cx.page(None, None).await?;
    Ok(())
}

async fn limit_invalid(cx: &mut Context) -> ScriptResult {
    let requests = ["0", "101", "-1", "abc", "1.5"].map(|limit| Request::to(Endpoint::List).query("limit", limit));
    cx.send_all(&requests).await?;
    Ok(())
}

async fn has_more(cx: &mut Context) -> ScriptResult {
    make(cx, &["a", "b"]).await?;
    let total = cx.state().world().offerings().count();
    for limit in [1, total.saturating_sub(1), total, total + 1] {
        if (1..=MAX_LIMIT).contains(&limit) {
            cx.page(Some(limit), None).await?;
        }
    }
    Ok(())
}

async fn order(cx: &mut Context) -> ScriptResult {
    // In the order of their creation these names are sorted in neither direction.
    let mut last: Option<String> = None;
    for name in ["m", "z", "a"] {
        let id = cx.id(name);
        let made = cx.make(&id, &[]).await?;
        if last.as_ref() == Some(&made.created_at) {
            // The clock shows seconds: what was created in the same one may stand in any order.
            tokio::time::sleep(A_SECOND).await;
            let id = cx.id(&format!("{name}-later"));
            last = Some(cx.make(&id, &[]).await?.created_at);
            continue;
        }
        last = Some(made.created_at);
    }
    cx.look().await?;
    // A list by the last change, or with the main offering first, would show it now.
    let changed = cx.id("z");
    let products = cx.some_products(1);
    cx.update(&changed, &json!({ "product_ids": products })).await?;
    cx.set_main(&changed).await?;
    cx.look().await?;
    cx.look().await?;
    Ok(())
}

async fn unknown_cursor(cx: &mut Context) -> ScriptResult {
    cx.make_main_elsewhere().await?;
    make(cx, &["a", "b", "c", "d", "e"]).await?;
    let deleted = cx.id("c");
    cx.delete(&deleted).await?;
    cx.look().await?;
    for cursor in [cx.id("never"), format!("{:x<64}", cx.id("never")), cx.id("ne v:er"), deleted] {
        cx.page(Some(3), Some(&cursor)).await?;
    }
    Ok(())
}

async fn known_cursor(cx: &mut Context) -> ScriptResult {
    for id in [cx.id("a"), cx.id("b c:d"), format!("{:x<64}", cx.id("e"))] {
        cx.create(&json!({ "id": id })).await?;
        // So that the page after it is not empty.
        let next = cx.id(&format!("next-{}", id.len()));
        cx.make(&next, &[]).await?;
        cx.look().await?;
        if cx.find(&id).is_some() {
            cx.page(Some(2), Some(&id)).await?;
        }
    }
    Ok(())
}

async fn cursor_invalid(cx: &mut Context) -> ScriptResult {
    let long = format!("{:x<65}", cx.id("long"));
    let tails = OUTSIDE.map(|tail| format!("{}{tail}", cx.id("x")));
    for cursor in std::iter::once(long).chain(tails) {
        cx.send(Request::to(Endpoint::List).query("starting_after", &cursor)).await?;
    }
    Ok(())
}

async fn agrees_with_get(cx: &mut Context) -> ScriptResult {
    let products: Vec<_> = cx.some_products(100).into_iter().rev().collect();
    let (many, changed) = (cx.id("many"), cx.id("changed"));
    for name in ["first", "second", "third"] {
        // Several long lists on one page.
        let id = cx.id(name);
        cx.make(&id, &products).await?;
    }
    cx.make(&many, &products).await?;
    cx.make(&changed, &[]).await?;
    cx.update(&changed, &json!({ "product_ids": products[..products.len().min(2)] })).await?;
    // One that is main, and one that was.
    for id in [&changed, &many] {
        cx.set_main(id).await?;
    }
    cx.look().await?;
    for id in [&many, &changed] {
        cx.get(id).await?;
    }
    for limit in [Some(1), Some(2), None] {
        cx.page(limit, None).await?;
    }
    Ok(())
}

async fn excludes_variants(cx: &mut Context) -> ScriptResult {
    let variant = cx.variant()?;
    cx.page(None, None).await?;
    walk(cx, 2, None, 6).await?;
    // It is no cursor either.
    let never = cx.id("never");
    cx.page(Some(2), Some(&never)).await?;
    cx.page(Some(2), Some(&variant)).await?;
    Ok(())
}

async fn unknown_query(cx: &mut Context) -> ScriptResult {
    for query in ["limit=1&page=2", "limit=1&qonform=x"] {
        cx.send(Request::to(Endpoint::List).raw_query(query)).await?;
    }
    Ok(())
}

/// At totals on both sides of a full page, walks with several limits yield the same list.
async fn pages_cover(cx: &mut Context) -> ScriptResult {
    let there = cx.before().offerings.len();
    let full = (there / MAX_LIMIT + 1) * MAX_LIMIT;
    let mut made = 0;
    let totals = [there + MORE_THAN_A_PAGE, full, full + 1];
    for (total, limits) in totals.into_iter().zip([&[1, 2, 20][..], &[20, 100], &[20, 100]]) {
        // Names that are sorted otherwise than they are made.
        let name = |number: usize| format!("{}{number:03}", ["m", "z", "a"][number % 3]);
        let missing: Vec<_> = (made..total.saturating_sub(there)).map(|number| cx.id(&name(number))).collect();
        made += missing.len();
        if let Some(first) = missing.first() {
            // The first of an empty project becomes main: several at once would be a race for it.
            cx.make(first, &[]).await?;
            cx.make_all(&missing[1..]).await?;
        }
        for limit in limits {
            cx.look().await?;
            small_walks(cx, *limit).await?;
        }
        let first = cx.page(None, None).await?;
        if let Some(cursor) = last_id(&first) {
            cx.page(None, Some(&cursor)).await?;
        }
    }
    Ok(())
}

/// One walk through everything, or two through the ends of a list that would take too many pages.
async fn small_walks(cx: &mut Context, limit: usize) -> ScriptResult {
    let ids: Vec<String> = cx.order().iter().map(|id| (*id).to_owned()).collect();
    if ids.len() <= 2 * MAX_PAGES * limit {
        return walk(cx, limit, None, 3 * MAX_PAGES).await;
    }
    walk(cx, limit, None, MAX_PAGES).await?;
    let cursor = ids[ids.len() - MAX_PAGES * limit - 1].clone();
    walk(cx, limit, Some(cursor), 3 * MAX_PAGES).await
}

/// Walks by the last ids, and by `next_cursor` too where that is something else, through so many pages at most.
async fn walk(cx: &mut Context, limit: usize, start: Option<String>, most: usize) -> ScriptResult {
    let mut cursor = start;
    for number in 0..most {
        let reply = cx.page(Some(limit), cursor.as_deref()).await?;
        let Some(page) = reply.page().filter(|page| page.has_more == Some(true)) else { return Ok(()) };
        let Some(last) = last_id(&reply) else { return Ok(()) };
        if let Some(next) = page.next_cursor.as_ref().filter(|next| **next != last && number < 3) {
            cx.page(Some(limit), Some(next)).await?;
        }
        cursor = Some(last);
    }
    Ok(())
}

fn last_id(reply: &Reply) -> Option<String> {
    reply.page()?.offerings.last().map(|offering| offering.id.clone())
}

/// Reads another project, for the cases about two.
pub(super) async fn cursors_of_others(cx: &mut Context) -> Result<Vec<String>, Abort> {
    let theirs = cx.follow(KeyRole::Second).await?;
    let ids = theirs.offerings.into_iter().map(|offering| offering.id);
    Ok(ids.filter(|id| cx.find(id).is_none()).take(2).collect())
}
