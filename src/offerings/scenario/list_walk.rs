//! Walks through the list by pages, held against what two walks by the biggest pages, one before and one after, agree on.

use std::collections::HashSet;

use super::list::{Page, claim_has_more, claim_no_restart};
use crate::lane::{Halt, Snapshot};
use crate::offerings::Stage;

/// On so many first pages of a walk `next_cursor` is followed too, where it is not the last id anyway.
const FOLLOWED: usize = 3;

/// The list as it was right before and right after a walk. Others may have written in between: only what both show can
/// be held against a page.
#[derive(Debug)]
pub(super) struct Frame {
    before: Vec<String>,
    after: Vec<String>,
    stable: HashSet<String>,
}

impl Frame {
    pub(super) fn new(before: &Snapshot, after: &Snapshot) -> Self {
        let ids = |snapshot: &Snapshot| snapshot.offerings.iter().map(|offering| offering.id.clone()).collect();
        let (before, after): (Vec<_>, Vec<_>) = (ids(before), ids(after));
        let later: HashSet<_> = after.iter().collect();
        let stable = before.iter().filter(|id| later.contains(id)).cloned().collect();
        Self { before, after, stable }
    }

    /// Whether nobody wrote in between.
    fn is_quiet(&self) -> bool {
        self.before == self.after
    }

    /// Of these ids the ones that were there all the time.
    fn stable<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Vec<&'i str> {
        ids.into_iter().filter(|id| self.stable.contains(*id)).collect()
    }

    /// What was there all the time, in the order before and in the order after.
    pub(super) fn orders(&self) -> [Vec<&str>; 2] {
        [&self.before, &self.after].map(|ids| self.stable(ids.iter().map(String::as_str)))
    }

    /// What follows an offering, or everything for `None`; `None` when the offering was not there all the time.
    fn following(&self, id: Option<&str>) -> Option<Vec<&str>> {
        let [order, _] = self.orders();
        let Some(id) = id else { return Some(order) };
        let at = order.iter().position(|known| *known == id)?;
        Some(order[at + 1..].to_vec())
    }

    /// Whether these ids begin what follows an offering (or the beginning), as far as they were there all the time.
    fn goes_on(&self, id: Option<&str>, ids: &[&str]) -> bool {
        let Some(expected) = self.following(id) else { return true };
        expected.starts_with(&self.stable(ids.iter().copied()))
    }

    /// Whether something follows an offering (or the beginning); `None` when that cannot be known.
    fn has_more_after(&self, id: Option<&str>) -> Option<bool> {
        if !self.following(id)?.is_empty() {
            return Some(true);
        }
        // What somebody added or removed meanwhile may have followed.
        let is_last = |ids: &[String]| ids.last().map(String::as_str) == id;
        (is_last(&self.before) && is_last(&self.after)).then_some(false)
    }
}

/// Why a walk ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// `has_more` was false.
    LastPage,
    /// It was long enough.
    Enough,
    /// A page had nothing, or was the first again.
    Astray,
}

/// A walk from the beginning or from a cursor, as it came.
#[derive(Debug)]
pub(super) struct Walk {
    limit: usize,
    start: Option<String>,
    pages: Vec<Page>,
    /// The page that `next_cursor` of the page at the index led to.
    followed: Vec<(usize, Page)>,
    end: End,
}

impl Walk {
    /// Walks by the last ids, through so many pages at most.
    pub(super) async fn take(
        stage: &mut Stage,
        limit: usize,
        start: Option<String>,
        most: usize,
    ) -> Result<Self, Halt> {
        let mut walk = Self { limit, start: start.clone(), pages: Vec::new(), followed: Vec::new(), end: End::Enough };
        let mut cursor = start;
        while walk.pages.len() < most {
            let page = Page::fetch(stage, Some(limit), cursor.as_deref()).await?;
            let last = page.offerings.last().map(|offering| offering.id.clone());
            let (has_more, is_astray) = (page.has_more, cursor.is_some() && page.is_restarted() || last.is_none());
            let other_cursor = page.next_cursor.clone().filter(|next| last.as_ref() != Some(next));
            walk.pages.push(page);
            if !has_more || is_astray {
                walk.end = if has_more { End::Astray } else { End::LastPage };
                break;
            }
            let is_sound = walk.pages.last().is_some_and(|page| !stage.is_ill_formed(&page.at));
            if let Some(next) = other_cursor.filter(|_| is_sound && walk.pages.len() <= FOLLOWED) {
                let what = "a list after a `next_cursor`";
                let page = Page::ask(stage, "list.next-cursor", what, Some(limit), Some(&next)).await?;
                walk.followed.extend(page.map(|page| (walk.pages.len() - 1, page)));
            }
            cursor = last;
        }
        Ok(walk)
    }

    /// Holds the walk against the list.
    pub(super) fn judge(&self, stage: &mut Stage, frame: &Frame) {
        let mut cursor = self.start.as_deref();
        let mut is_whole = true;
        for page in &self.pages {
            if cursor.is_some_and(|cursor| stage.state().is_ours(cursor)) {
                claim_no_restart(stage, page);
            }
            if cursor.is_some() && page.is_restarted() {
                // Somebody deleted the cursor's offering, or the claim above said it.
                return;
            }
            self.judge_length(stage, page);
            if !frame.goes_on(cursor, &page.ids()) {
                // Whatever such a page says of what follows is no wonder.
                self.judge_coverage(stage, frame);
                return;
            }
            cursor = page.ids().last().copied().or(cursor);
            if let Some(follows) = frame.has_more_after(cursor) {
                claim_has_more(stage, page, follows);
                is_whole &= page.has_more == follows;
            }
        }
        self.judge_next_cursors(stage, frame);
        self.judge_fullness(stage);
        // A wrong `has_more` ended the walk too early or too late; that is one fault, and told.
        if is_whole || self.end == End::Enough {
            self.judge_coverage(stage, frame);
        }
    }

    fn judge_length(&self, stage: &mut Stage, page: &Page) {
        let found = page.offerings.len();
        stage.claim("list.limit-honoured", &page.at).holds(
            found <= self.limit,
            "a page is longer than its limit",
            format!("at most {} offerings", self.limit),
            format!("{found} offerings"),
        );
    }

    /// A limit that no page of several comes up to is not the one that was asked for. (A single page may be shorter: the
    /// documents say "at most".)
    fn judge_fullness(&self, stage: &mut Stage) {
        let unfinished: Vec<_> = self.pages.iter().filter(|page| page.has_more).collect();
        let [first, _, ..] = unfinished[..] else { return };
        let longest = unfinished.iter().map(|page| page.offerings.len()).max().unwrap_or_default();
        stage.claim("list.limit-honoured", &first.at).holds(
            longest >= self.limit,
            "no page is as long as the limit although more follows",
            format!("pages of {} offerings", self.limit),
            format!("{longest} offerings at most"),
        );
    }

    fn judge_next_cursors(&self, stage: &mut Stage, frame: &Frame) {
        for page in self.pages.iter().filter(|page| page.has_more && page.next_cursor.is_some()) {
            if page.next_cursor.as_deref() == page.ids().last().copied() {
                stage.record().checked("list.next-cursor");
            }
        }
        if !frame.is_quiet() {
            return; // Two pages asked for one after the other may differ then.
        }
        for (index, by_cursor) in &self.followed {
            let Some(by_id) = self.pages.get(index + 1) else { continue };
            stage.claim("list.next-cursor", &by_cursor.at).holds(
                by_cursor.ids() == by_id.ids(),
                "`next_cursor` leads to another page than the last id",
                shorten(&by_id.ids()),
                shorten(&by_cursor.ids()),
            );
        }
    }

    /// Everything once, in the order of the big pages; the beginning of it when the walk was not to be longer.
    fn judge_coverage(&self, stage: &mut Stage, frame: &Frame) {
        let (Some(expected), Some(last)) = (frame.following(self.start.as_deref()), self.pages.last()) else {
            return;
        };
        let found = frame.stable(self.pages.iter().flat_map(Page::ids));
        let distinct: HashSet<_> = found.iter().collect();
        let missed = match self.end {
            End::LastPage | End::Astray => expected.iter().find(|id| !distinct.contains(id)),
            End::Enough => expected.iter().take(found.len()).find(|id| !distinct.contains(id)),
        };
        let is_ordered = expected.iter().zip(&found).all(|(expected, found)| expected == found);
        let limit = self.limit;
        stage
            .claim("list.pages-cover", &last.at)
            .holds(
                distinct.len() == found.len(),
                "a walk by the last id shows an offering twice",
                "every offering once",
                format!("{} offerings, {} different ones, with limit {limit}", found.len(), distinct.len()),
            )
            .holds(
                missed.is_none(),
                "a walk by the last id misses an offering",
                "every offering once",
                format!("no `{}` with limit {limit}", missed.unwrap_or(&"")),
            )
            .holds(
                is_ordered,
                "a walk by small pages has another order than one by big pages",
                shorten(&expected),
                shorten(&found),
            );
    }
}

/// The first few of many ids.
fn shorten(ids: &[&str]) -> String {
    let rest = if ids.len() > 6 { ", …" } else { "" };
    format!("{}{rest}", ids[..ids.len().min(6)].join(", "))
}

/// Claims that both orders of what was there all the time are one, and says whether they are.
pub(super) fn judge_order(stage: &mut Stage, frame: &Frame) -> bool {
    let [before, after] = frame.orders();
    let at = stage.latest();
    let (documented, received) = (shorten(&before), shorten(&after));
    let title = "two lists in a row have different orders";
    stage.claim("list.order", &at).holds(before == after, title, documented, received).stands()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(before: &[&str], after: &[&str]) -> Frame {
        let [before, after] = [before, after].map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        let stable = before.iter().filter(|id| after.contains(id)).cloned().collect();
        Frame { before, after, stable }
    }

    #[test]
    fn what_follows_is_known_only_of_what_was_there_all_the_time() {
        let frame = frame(&["a", "gone", "b", "c"], &["new", "a", "b", "c", "d"]);
        assert_eq!(frame.following(None), Some(vec!["a", "b", "c"]));
        assert_eq!(frame.following(Some("a")), Some(vec!["b", "c"]));
        assert_eq!(frame.following(Some("gone")), None);
    }

    #[test]
    fn nothing_follows_only_what_was_last_all_the_time() {
        let quiet = frame(&["a", "b"], &["a", "b"]);
        assert_eq!(quiet.has_more_after(Some("a")), Some(true));
        assert_eq!(quiet.has_more_after(Some("b")), Some(false));
        assert_eq!(frame(&["a", "b"], &["a", "b", "new"]).has_more_after(Some("b")), None);
        assert_eq!(frame(&["a", "b", "gone"], &["a", "b"]).has_more_after(Some("b")), None);
    }

    #[test]
    fn what_moved_shows_in_the_two_orders() {
        let frame = frame(&["a", "b", "c"], &["c", "new", "a", "b"]);
        assert_eq!(frame.orders(), [vec!["a", "b", "c"], vec!["c", "a", "b"]]);
    }
}
