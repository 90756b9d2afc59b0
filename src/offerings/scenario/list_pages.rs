//! `GET /offerings` with more offerings than a page holds: at totals on both sides of a full page, walks with several
//! limits yield the same list.

use super::list::{Page, claim_has_more, claim_order, default_limit};
use super::list_walk::{Frame, Walk, judge_order};
use super::{Flow, Scenario, scenario};
use crate::lane::{Halt, Snapshot};
use crate::offerings::Stage;

pub(super) const ALL: &[Scenario] = &[scenario!(
    "list.pages-cover", Writes, [],
    also: [
        "list.default-limit", "list.limit-honoured", "list.has-more", "list.next-cursor", "list.order",
        "list.known-cursor-no-header"
    ],
    pages_cover
)];

/// The longest page.
const BIGGEST: usize = 100;

/// The limits of the small walks.
const LIMITS: [usize; 4] = [1, 2, 20, BIGGEST];

/// A walk of more than twice as many pages is made at both ends of the list only.
const DOZEN: usize = 12;

async fn pages_cover(stage: &mut Stage) -> Flow {
    let there = stage.before().offerings.len();
    let full = (there / BIGGEST + 1) * BIGGEST;
    let mut made: Vec<String> = Vec::new();
    for (total, limits) in [(full, &LIMITS[..]), (full + 1, &LIMITS[2..])] {
        let missing: Vec<_> = (made.len()..total - there).map(|number| stage.id(&name(number))).collect();
        if let Some(first) = missing.first() {
            // The first of an empty project becomes main: several at once would be a race for it.
            stage.make(first, &[]).await?;
            stage.make_many(&missing[1..]).await?;
        }
        made.extend(missing);
        walks(stage, &made, limits).await?;
    }
    Ok(())
}

/// Names that are sorted otherwise than they are made.
fn name(number: usize) -> String {
    format!("{}{number:03}", ["m", "z", "a"][number % 3])
}

/// All the walks at one total.
async fn walks(stage: &mut Stage, made: &[String], limits: &[usize]) -> Flow {
    let mut before = big_walk(stage, made).await?;
    for limit in limits {
        let walks = small_walks(stage, *limit, &before).await?;
        let after = big_walk(stage, made).await?;
        let frame = Frame::new(&before, &after);
        // Without one order there is nothing to hold a walk against.
        if judge_order(stage, &frame) {
            for walk in walks {
                walk.judge(stage, &frame);
            }
        }
        before = after;
    }
    let first = Page::fetch(stage, None, None).await?;
    default_limit(stage, &first);
    let cursor = first.ids().last().map(|id| (*id).to_owned());
    let second = Page::fetch(stage, None, cursor.as_deref()).await?;
    if !second.is_restarted() {
        default_limit(stage, &second);
    }
    Ok(())
}

/// The whole list, in which everything must stand that was made.
async fn big_walk(stage: &mut Stage, made: &[String]) -> Result<Snapshot, Halt> {
    let snapshot = stage.list().await?;
    let last = snapshot.offerings.last().map(|offering| offering.id.clone());
    let missed = made.iter().find(|id| snapshot.find(id).is_none());
    if let (Some(_), Some(_), Some(end)) = (missed, &last, Page::read(&stage.latest())) {
        let next = Page::fetch(stage, Some(BIGGEST), last.as_deref()).await?;
        if !next.is_restarted() && next.ids().iter().any(|id| snapshot.find(id).is_none()) {
            // The walk was not led astray but stopped.
            claim_has_more(stage, &end, true);
            return Err(Halt::Blocked("the list ends too early".into()));
        }
    }
    let at = stage.latest();
    stage.claim("list.pages-cover", &at).holds(
        missed.is_none(),
        "a walk by the last id misses an offering",
        "every offering once",
        format!("no `{}` with limit {BIGGEST}", missed.map_or("", String::as_str)),
    );
    claim_order(stage, &snapshot);
    Ok(snapshot)
}

/// One walk through everything, or two through the ends of a list that would take too many pages.
async fn small_walks(stage: &mut Stage, limit: usize, list: &Snapshot) -> Result<Vec<Walk>, Halt> {
    let total = list.offerings.len();
    if total <= 2 * DOZEN * limit {
        return Ok(vec![Walk::take(stage, limit, None, 3 * DOZEN).await?]);
    }
    let head = Walk::take(stage, limit, None, DOZEN).await?;
    let cursor = tail_cursor(stage, list, total - DOZEN * limit);
    let tail = Walk::take(stage, limit, Some(cursor), 3 * DOZEN).await?;
    Ok(vec![head, tail])
}

/// The id right before the end of the list that begins at `from`; one of ours, which nobody deletes, if one is near.
fn tail_cursor(stage: &Stage, list: &Snapshot, from: usize) -> String {
    let near = &list.offerings[from.saturating_sub(DOZEN)..from];
    let ours = near.iter().rev().find(|offering| stage.state().is_ours(&offering.id));
    ours.unwrap_or(&list.offerings[from - 1]).id.clone()
}
