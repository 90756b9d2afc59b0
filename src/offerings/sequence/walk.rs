//! A walk through the list by pages, held against one big page.

use std::sync::Arc;

use crate::check::{Offering, offerings_in};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request};
use crate::lane::{Halt, Snapshot, is_restarted};
use crate::offerings::Stage;

/// The most pages of one walk: a longer list is walked by larger ones.
const MOST_PAGES: usize = 10;

/// Walks and claims that every offering was seen once, in the order of one big page. Where somebody else changes the
/// project meanwhile, nothing is claimed.
pub(super) async fn walk(stage: &mut Stage, limit: u8) -> Result<(), Halt> {
    const RULE: &str = "list.pages-cover";
    let before = stage.list().await?;
    let limit = usize::from(limit).max(before.offerings.len().div_ceil(MOST_PAGES)).clamp(1, 100);
    let mut seen = Vec::new();
    let mut first_repeated = None;
    let mut last = None;
    for _ in 0..before.offerings.len() / limit + 2 {
        let page = page(stage, limit, seen.last()).await?;
        stage.tell(&page);
        let Some((items, has_more)) = read(&page) else { return Ok(()) };
        if !seen.is_empty() && is_restarted(&page) {
            // The model has said so already where the cursor is ours; others may come and go.
            return Ok(());
        }
        if first_repeated.is_none() && items.iter().any(|id| seen.contains(id)) {
            first_repeated = Some(Arc::clone(&page));
        }
        let goes_on = has_more && !items.is_empty();
        seen.extend(items);
        last = Some(page);
        if !goes_on {
            break;
        }
    }
    let after = stage.list().await?;
    let ids = |snapshot: &Snapshot| snapshot.offerings.iter().map(|o| o.id.clone()).collect::<Vec<_>>();
    let expected = ids(&before);
    seen.retain(|id| expected.contains(id) || stage.state().is_ours(id));
    let (Some(last), true) = (last, expected == ids(&after)) else { return Ok(()) };
    if let Some(page) = first_repeated {
        let title = "a walk by the last id shows an offering twice";
        stage.claim(RULE, &page).holds(false, title, "every offering once", seen.join(", "));
        return Ok(());
    }
    let is_complete = seen.len() >= expected.len();
    let title = if is_complete {
        "a walk by the last id has another order than one page"
    } else {
        "a walk by the last id leaves an offering out"
    };
    stage.claim(RULE, &last).holds(seen == expected, title, expected.join(", "), seen.join(", "));
    Ok(())
}

async fn page(stage: &mut Stage, limit: usize, after: Option<&String>) -> Result<Arc<Exchange>, Halt> {
    let mut request = Request::to(Endpoint::List).query("limit", &limit.to_string());
    if let Some(after) = after {
        request = request.query("starting_after", after);
    }
    let (page, verdict) = stage.send_judged(request).await?;
    super::play::hold(stage, &page, verdict.as_ref());
    Ok(page)
}

/// Ids of a page and whether more follow; `None` for what is no page.
fn read(page: &Exchange) -> Option<(Vec<String>, bool)> {
    let body = page.answer.json().filter(|_| page.answer.status == 200)?;
    let items = offerings_in(body).iter().map(|item| Offering::read(item).map(|offering| offering.id));
    Some((items.collect::<Option<_>>()?, body.get("has_more")?.as_bool()?))
}
