//! `GET /offerings`: its parameters, order and content. Each page is compared with the whole list.

use serde_json::json;

use super::create::INVALID_ENDINGS;
use super::delete::OVER_ONE_SECOND;
use super::get::{confusable_ids, create_pairs, encoded_ids};
use super::{Scenario, ScriptResult, scenario};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, encode_segment};
use crate::offerings::Context;
use crate::offerings::oracle::Reply;
use crate::project::Abort;

pub(super) const ALL: &[Scenario] = &[
    scenario!("list.limit-honoured", WritesAlone, [], also: ["list.default-limit"], limit_honoured),
    scenario!("list.limit-invalid", Reads, [], also: ["list.limit-invalid-details"], limit_invalid),
    scenario!("list.has-more", WritesAlone, [], also: ["list.next-cursor"], has_more),
    scenario!("list.order", Promotes, [], order),
    scenario!("list.unknown-cursor", WritesAlone, [], also: ["offering.id-decoding"], unknown_cursor),
    scenario!("list.known-cursor-no-header", WritesAlone, [], known_cursor),
    scenario!("list.cursor-invalid", Reads, [], cursor_invalid),
    scenario!("list.agrees-with-get", Promotes, [], agrees_with_get),
    scenario!("list.excludes-variants", Reads, [Variant], excludes_variants),
    scenario!("list.unknown-query", Reads, [], unknown_query),
    scenario!(
        "list.pages-cover", WritesAlone, [],
        also: [
            "list.default-limit", "list.limit-honoured", "list.has-more", "list.next-cursor", "list.order",
            "list.known-cursor-no-header"
        ],
        pages_cover
    ),
];

/// The maximum page size.
const MAX_LIMIT: usize = 100;

/// More offerings than a page of the default limit holds.
const MORE_THAN_A_PAGE: usize = 24;

/// The number of pages up to which both ends of a long list are walked.
const MAX_PAGES: usize = 12;

/// The number of offerings that are created at once to get equal times, and how often.
const BURST: usize = 8;
const MAX_BURSTS: usize = 6;

/// The number of page boundaries between offerings of the same time.
const MAX_TIES: usize = 8;

/// Creates offerings with these names, without products, and reads the list.
async fn create_offerings(cx: &mut Context, names: &[&str]) -> ScriptResult {
    for name in names {
        let id = cx.id(name);
        cx.create_offering(&id, &[]).await?;
    }
    cx.read_state().await?;
    Ok(())
}

async fn limit_honoured(cx: &mut Context) -> ScriptResult {
    create_offerings(cx, &["a", "b", "c"]).await?;
    let first = cx.id("a");
    let pages = [(Some(1), None), (Some(2), None), (Some(100), None), (Some(1), Some(&*first)), (None, None)];
    cx.pages(&pages).await?;
    Ok(())
}

async fn limit_invalid(cx: &mut Context) -> ScriptResult {
    let requests = ["0", "101", "-1", "abc", "1.5"].map(|limit| Request::to(Endpoint::List).query("limit", limit));
    cx.send_all(&requests).await?;
    Ok(())
}

async fn has_more(cx: &mut Context) -> ScriptResult {
    create_offerings(cx, &["a", "b"]).await?;
    let total = cx.state().world().offerings().count();
    let limits =
        [1, total.saturating_sub(1), total, total + 1].into_iter().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let pages: Vec<_> = limits.map(|limit| (Some(limit), None)).collect();
    cx.pages(&pages).await?;
    Ok(())
}

async fn order(cx: &mut Context) -> ScriptResult {
    // In the order of creation, these names are sorted in neither direction.
    let mut last: Option<String> = None;
    for name in ["m", "z", "a"] {
        let id = cx.id(name);
        let new = cx.create_offering(&id, &[]).await?;
        if last.as_ref() == Some(&new.created_at) {
            // Offerings created within the same second may be listed in any order.
            tokio::time::sleep(OVER_ONE_SECOND).await;
            let id = cx.id(&format!("{name}-later"));
            last = Some(cx.create_offering(&id, &[]).await?.created_at);
            continue;
        }
        last = Some(new.created_at);
    }
    cx.read_state().await?;
    // Detects a list that is sorted by the last change, or that starts with the main offering.
    let changed = cx.id("z");
    let products = cx.some_products(1);
    cx.update(&changed, &json!({ "product_ids": products })).await?;
    cx.set_main(&changed).await?;
    cx.read_state().await?;
    cx.read_state().await?;
    Ok(())
}

async fn unknown_cursor(cx: &mut Context) -> ScriptResult {
    cx.ensure_main().await?;
    // The deleted id is the beginning of another one, which a server may take for it.
    create_offerings(cx, &["a", "b", "c", "cd", "d", "e"]).await?;
    let deleted = cx.id("c");
    cx.delete(&deleted).await?;
    cx.read_state().await?;
    let cursors = [cx.id("never"), format!("{:x<64}", cx.id("never")), cx.id("ne v:er"), deleted];
    cx.pages(&cursors.each_ref().map(|cursor| (Some(3), Some(cursor.as_str())))).await?;
    confusable_cursors(cx).await
}

/// Unused cursors that resolve to an offering if a server decodes them in another way or treats them as a pattern.
async fn confusable_cursors(cx: &mut Context) -> ScriptResult {
    let (spaced, mut cursors) = encoded_ids(cx).await.map(|(spaced, unused)| (spaced, Vec::from(unused)))?;
    let pairs = confusable_ids(cx);
    let pairs = create_pairs(cx, pairs).await?;
    let delete = |(_, pattern): &(String, String)| Request::to(Endpoint::Delete).id(pattern);
    cx.send_all(&pairs.iter().map(delete).collect::<Vec<_>>()).await?;
    cx.read_state().await?;
    cursors.extend(pairs.into_iter().map(|(_, pattern)| pattern));
    cx.pages(&cursors.iter().map(|cursor| (Some(2), Some(cursor.as_str()))).collect::<Vec<_>>()).await?;
    // A literal plus sign is also valid in a query.
    let raw = encode_segment(&spaced).replace("%20", "+");
    cx.send(Request::to(Endpoint::List).query("limit", "2").raw_query(&format!("starting_after={raw}"))).await?;
    Ok(())
}

async fn known_cursor(cx: &mut Context) -> ScriptResult {
    for id in [cx.id("a"), cx.id("b c:d"), format!("{:x<64}", cx.id("e"))] {
        cx.create(&json!({ "id": id })).await?;
        // Another offering, so that the page after the cursor is not empty.
        let next = cx.id(&format!("next-{}", id.len()));
        cx.create_offering(&next, &[]).await?;
        cx.read_state().await?;
        if cx.find(&id).is_some() {
            cx.page(Some(2), Some(&id)).await?;
        }
    }
    Ok(())
}

async fn cursor_invalid(cx: &mut Context) -> ScriptResult {
    let long = format!("{:x<65}", cx.id("long"));
    let tails = INVALID_ENDINGS.map(|tail| format!("{}{tail}", cx.id("x")));
    for cursor in std::iter::once(long).chain(tails) {
        cx.send(Request::to(Endpoint::List).query("starting_after", &cursor)).await?;
    }
    Ok(())
}

async fn agrees_with_get(cx: &mut Context) -> ScriptResult {
    let products: Vec<_> = cx.some_products(100).into_iter().rev().collect();
    let (many, changed) = (cx.id("many"), cx.id("changed"));
    for name in ["first", "second", "third"] {
        // Several long product lists on one page.
        let id = cx.id(name);
        cx.create_offering(&id, &products).await?;
    }
    cx.create_offering(&many, &products).await?;
    cx.create_offering(&changed, &[]).await?;
    cx.update(&changed, &json!({ "product_ids": products[..products.len().min(2)] })).await?;
    // One offering that is main, and one that was.
    for id in [&changed, &many] {
        cx.set_main(id).await?;
    }
    cx.read_state().await?;
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
    // Its id is not a cursor either.
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

/// With totals on both sides of a full page, walks with several limits return the same list.
async fn pages_cover(cx: &mut Context) -> ScriptResult {
    let existing = cx.before().offerings.len();
    let full = (existing / MAX_LIMIT + 1) * MAX_LIMIT;
    let mut created = 0;
    let totals = [existing + MORE_THAN_A_PAGE, full, full + 1];
    for (total, limits) in totals.into_iter().zip([&[1, 2, 20][..], &[20, 100], &[20, 100]]) {
        // Names whose alphabetical order differs from the order of creation.
        let name = |number: usize| format!("{}{number:03}", ["m", "z", "a"][number % 3]);
        let missing: Vec<_> = (created..total.saturating_sub(existing)).map(|number| cx.id(&name(number))).collect();
        created += missing.len();
        if let Some(first) = missing.first() {
            // The first of an empty project becomes main; concurrent creates would race for it.
            cx.create_offering(first, &[]).await?;
            cx.create_offerings(&missing[1..]).await?;
        }
        for limit in limits {
            cx.read_state().await?;
            walk_list(cx, *limit).await?;
        }
        let first = cx.page(None, None).await?;
        if let Some(cursor) = last_id(&first) {
            cx.page(None, Some(&cursor)).await?;
        }
    }
    ties(cx).await
}

/// Page boundaries between offerings of the same time, as many as `MAX_TIES`. If no two have it, more offerings are
/// created at once.
async fn ties(cx: &mut Context) -> ScriptResult {
    for burst in 0..=MAX_BURSTS {
        let pairs = tied(cx);
        let step = pairs.len().div_ceil(MAX_TIES).max(1);
        let pages: Vec<_> = pairs.iter().step_by(step).map(|first| (Some(1), Some(first.as_str()))).collect();
        cx.pages(&pages).await?;
        // Requests to a disposable project are sent one after another.
        if !pairs.is_empty() || !cx.is_shared() || burst == MAX_BURSTS {
            break;
        }
        let ids: Vec<_> = (0..BURST).map(|number| cx.id(&format!("tie{burst}-{number}"))).collect();
        cx.create_offerings(&ids).await?;
        cx.read_state().await?;
    }
    Ok(())
}

/// The offerings of the case that the list shows before another one of the same time.
fn tied(cx: &Context) -> Vec<String> {
    let order = cx.order();
    let own = |id: &str| cx.find(id).filter(|_| id.starts_with(&cx.id("")));
    let is_tied = |pair: &&[&str]| {
        let times = (own(pair[0]).map(|one| &one.created_at), own(pair[1]).map(|other| &other.created_at));
        times.0.is_some() && times.0 == times.1
    };
    order.windows(2).filter(is_tied).map(|pair| pair[0].to_owned()).collect()
}

/// One walk through the list, or two through its ends if the list has too many pages.
async fn walk_list(cx: &mut Context, limit: usize) -> ScriptResult {
    let ids: Vec<String> = cx.order().iter().map(|id| (*id).to_owned()).collect();
    if ids.len() <= 2 * MAX_PAGES * limit {
        return walk(cx, limit, None, 3 * MAX_PAGES).await;
    }
    walk(cx, limit, None, MAX_PAGES).await?;
    let cursor = ids[ids.len() - MAX_PAGES * limit - 1].clone();
    walk(cx, limit, Some(cursor), 3 * MAX_PAGES).await
}

/// Walks at most `max_pages` pages by the last id, and sends `next_cursor` too where it is different.
async fn walk(cx: &mut Context, limit: usize, start: Option<String>, max_pages: usize) -> ScriptResult {
    let order: Vec<String> = cx.order().into_iter().map(str::to_owned).collect();
    let first = start.as_ref().and_then(|start| order.iter().position(|id| id == start)).map_or(0, |place| place + 1);
    // The list was just read, so the last id of each page is known.
    let ends = (first..order.len()).skip(limit).step_by(limit).map(|place| Some(order[place - 1].as_str()));
    let cursors = std::iter::once(start.as_deref()).chain(ends).take(max_pages);
    let pages: Vec<_> = cursors.map(|cursor| (Some(limit), cursor)).collect();
    // If the first page is wrong, so are the others.
    let mut replies = cx.pages(&pages[..1]).await?;
    if replies.iter().all(|reply| reply.page().is_some()) {
        replies.extend(cx.pages(&pages[1..]).await?);
    }
    let next = |reply: &Reply| {
        let page = reply.page().filter(|page| page.has_more == Some(true))?;
        page.next_cursor.clone().filter(|next| Some(next) != last_id(reply).as_ref())
    };
    let following: Vec<_> = replies.iter().take(3).filter_map(next).collect();
    cx.pages(&following.iter().map(|next| (Some(limit), Some(next.as_str()))).collect::<Vec<_>>()).await?;
    Ok(())
}

fn last_id(reply: &Reply) -> Option<String> {
    reply.page()?.offerings.last().map(|offering| offering.id.clone())
}

/// Up to two ids of the second project that this one does not have.
pub(super) async fn cursors_of_others(cx: &mut Context) -> Result<Vec<String>, Abort> {
    let theirs = cx.follow(KeyRole::Second).await?;
    let ids = theirs.offerings.into_iter().map(|offering| offering.id);
    Ok(ids.filter(|id| cx.find(id).is_none()).take(2).collect())
}
