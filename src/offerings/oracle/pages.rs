//! Compares a page of the list, or one returned offering, with one world.

use std::collections::HashSet;

use super::call::{Call, Form, Limit, is_special_id};
use super::conditions as row;
use super::reply::{Page, Reply};
use super::text::{ids, list, same_time, tag, times};
use super::verdict::{CheckResult, ModelDeviation, expect};
use super::world::{Main, World};
use crate::check::Offering;

/// The number of offerings of a page without a limit.
const DEFAULT_LIMIT: usize = 20;

/// The property that differs, the expected text and the received text.
pub(super) type PageDifference = (&'static str, String, String);

impl World {
    /// The deviation of a valid list request that was rejected.
    pub(super) fn list_rejected(&self, call: &Call, reply: &Reply) -> ModelDeviation {
        let Some(after) = call.after.as_deref() else {
            return ModelDeviation::rejected(&row::LIST_REJECTED, "200", reply);
        };
        let is_known = self.rows.contains_key(after);
        let as_missing = self.missing_as.get(&call.endpoint).is_some_and(|known| known.0 == reply.status);
        let (requirement, rule) = match (is_known, is_special_id(after)) {
            (false, true) if !as_missing => (&row::LIST_CURSOR_REJECTED, row::LIST_UNKNOWN_REJECTED.rule()),
            (false, _) => (&row::LIST_UNKNOWN_REJECTED, row::LIST_UNKNOWN_REJECTED.rule()),
            (true, true) => (&row::LIST_CURSOR_REJECTED, row::LIST_CURSOR_REJECTED.rule()),
            (true, false) => (&row::LIST_REJECTED, row::LIST_CURSOR_REJECTED.rule()),
        };
        let mut deviation = ModelDeviation::rejected(requirement, "200", reply);
        deviation.also.extend(Some(rule).filter(|rule| *rule != deviation.rule));
        deviation
    }

    /// Compares one page.
    pub(super) fn judge_list(&self, call: &Call, reply: &Reply) -> CheckResult {
        expect(reply.status == 200, || ModelDeviation::status(&row::LIST_STATUS, "200", reply))?;
        let Some(page) = reply.page() else { return Ok(Vec::new()) };
        let mut rules = Vec::new();
        if let Some(variant) = &self.facts.variant {
            rules.push(row::LIST_VARIANT.rule());
            let is_listed = page.ids().any(|id| id == variant);
            expect(!is_listed, || listed(&row::LIST_VARIANT, variant))?;
        }
        judge_length(call, page, &mut rules)?;
        // A list of another project also lacks the header of a restarted one.
        self.judge_project(page)?;
        self.judge_cursor(call, reply, &mut rules)?;
        if call.form != Form::Unusual {
            self.judge_order(call, reply, page, &mut rules)?;
        }
        self.judge_rows(call, page, &mut rules)?;
        Ok(rules)
    }

    /// Checks that the page contains no offering that only another project has.
    fn judge_project(&self, page: &Page) -> Result<(), Box<ModelDeviation>> {
        let is_foreign = |id: &str| self.is_ours(id) && !self.rows.contains_key(id) && self.elsewhere.contains(id);
        let foreign = page.ids().find(|id| is_foreign(id));
        expect(foreign.is_none(), || {
            let received = format!("`{}`, an offering of another project", foreign.unwrap_or_default());
            let expected = "only offerings of the project of the key";
            ModelDeviation::content(&row::LIST_FOREIGN, "offering is listed", expected, received)
        })
    }

    /// Checks the header that reports a restarted list.
    fn judge_cursor(
        &self,
        call: &Call,
        reply: &Reply,
        rules: &mut Vec<&'static str>,
    ) -> Result<(), Box<ModelDeviation>> {
        let spaced = call.after.as_ref().map(|after| after.replace('+', " "));
        let is_plus =
            spaced.as_ref() != call.after.as_ref() && spaced.is_some_and(|after| self.rows.contains_key(&after));
        if is_plus && call.after.as_ref().is_some_and(|after| !self.rows.contains_key(after)) {
            rules.push(row::DECODED_PLUS.rule());
            return expect(reply.is_restarted, || {
                let expected = "list restarted, because the cursor is unknown";
                ModelDeviation::content(
                    &row::DECODED_PLUS,
                    "accepted",
                    expected,
                    "page after the offering whose id has a space",
                )
            });
        }
        let Some(after) = call.after.as_deref().filter(|_| call.form != Form::Unusual) else { return Ok(()) };
        if self.cursors.contains_key(after) || self.is_variant(after) {
            return Ok(());
        }
        if self.rows.contains_key(after) {
            rules.push(row::LIST_KNOWN_HEADER.rule());
            return expect(!reply.is_restarted || !self.is_ours(after), || {
                ModelDeviation::content(
                    &row::LIST_KNOWN_HEADER,
                    "header",
                    "no such header",
                    "the header with the value true",
                )
                .stored()
            });
        }
        if self.readings(after).len() > 1 || !(self.is_ours(after) || self.elsewhere.contains(after)) {
            return Ok(());
        }
        rules.push(row::LIST_UNKNOWN_HEADER.rule());
        expect(reply.is_restarted, || {
            let has_known_failure = self.missing_as.contains_key(&call.endpoint);
            let requirement = if self.elsewhere.contains(after) && !has_known_failure {
                &row::LIST_FOREIGN_CURSOR
            } else {
                &row::LIST_UNKNOWN_HEADER
            };
            ModelDeviation::content(
                requirement,
                "header",
                "X-Qon-Pagination-Restarted: true",
                format!("no X-Qon-Pagination-Restarted header{}", self.other_than_first(reply)),
            )
        })
    }

    /// `, and an empty page instead of the first one`; nothing for the first page, or if the order is unknown.
    fn other_than_first(&self, reply: &Reply) -> String {
        let found: Vec<&str> = reply.page().map(|page| page.ids().collect()).unwrap_or_default();
        let Some(order) = self.order.as_deref() else { return String::new() };
        if order.iter().map(String::as_str).take(found.len().max(1)).eq(found.iter().copied()) {
            return String::new();
        }
        let page = if found.is_empty() { "an empty page".to_owned() } else { format!("the page {}", ids(found)) };
        format!(", and {page} instead of the first one")
    }

    /// Checks that the page contains offerings as stored and no others.
    fn judge_rows(&self, call: &Call, page: &Page, rules: &mut Vec<&'static str>) -> Result<(), Box<ModelDeviation>> {
        for shown in page.offerings.iter().filter(|shown| self.is_ours(&shown.id)) {
            if self.rows.contains_key(&shown.id) {
                if let Some((_, expected, received)) = self.difference(&shown.id, shown) {
                    return Err(Box::new(
                        ModelDeviation::content(&row::LIST_DISAGREES, "contents", expected, received).stored(),
                    ));
                }
            } else {
                return Err(Box::new(listed(&row::UNEXPLAINED, &shown.id).stored()));
            }
        }
        if call.after.is_none() && page.has_more == Some(false) {
            let missing = self.rows.keys().find(|id| self.is_ours(id) && !page.ids().any(|shown| shown == *id));
            expect(missing.is_none(), || {
                let id = missing.map_or("", String::as_str);
                ModelDeviation::content(
                    &row::LIST_MISSES,
                    "offering is missing",
                    format!("`{id}` in the list"),
                    format!("`{id}` not in the list"),
                )
                .stored()
            })?;
            self.judge_main_in(page)?;
            rules.push("invariant.single-main");
        }
        Ok(())
    }

    /// Checks the main of a complete list. Another client may delete or demote its main; while all its offerings are
    /// listed, one of them stays main.
    fn judge_main_in(&self, page: &Page) -> Result<(), Box<ModelDeviation>> {
        let mut mains = page.mains();
        mains.retain(|main| !self.extra_mains.contains(*main));
        expect(mains.len() < 2, || {
            ModelDeviation::content(
                &row::TWO_MAINS,
                "main role",
                "at most one offering with tag 1",
                format!("tag 1 on {}", mains.join(" and ")),
            )
            .stored()
        })?;
        let Main::Is(main) = &self.main else { return Ok(()) };
        let is_listed = |id: &str| page.ids().any(|shown| shown == id);
        let are_there = self.rows.keys().filter(|id| !self.is_ours(id)).all(|id| is_listed(id));
        let is_lost = is_listed(main) && are_there && mains.is_empty();
        expect(!is_lost, || {
            ModelDeviation::content(&row::NO_MAIN, "main role", format!("`{main}` is main"), "no offering with tag 1")
                .stored()
        })
    }

    /// Checks the position of the page in the known order of the list.
    fn judge_order(
        &self,
        call: &Call,
        reply: &Reply,
        page: &Page,
        rules: &mut Vec<&'static str>,
    ) -> Result<(), Box<ModelDeviation>> {
        let Some(order) = self.order.as_deref() else { return Ok(()) };
        if !page.ids().all(|id| self.rows.contains_key(id)) {
            return Ok(()); // Another client created one.
        }
        let cursor = call.after.as_deref().map(|after| self.cursors.get(after).map_or(after, String::as_str));
        let is_known = cursor.is_some_and(|cursor| self.rows.contains_key(cursor));
        if call.after.is_some()
            && !is_known
            && (!reply.is_restarted || cursor.is_some_and(|id| self.readings(id).len() > 1))
        {
            return Ok(());
        }
        let follows = &order[self.start_of(call)..];
        let found: Vec<&str> = page.ids().collect();
        if !follows.iter().map(String::as_str).take(found.len()).eq(found.iter().copied())
            || found.is_empty() && !follows.is_empty()
        {
            let requirement = self.misplaced(call, order, &found);
            let mut expected = ids(follows.iter().map(String::as_str).take(found.len().max(1)));
            let mut received = ids(found);
            if let Some((after, last)) = call.after.as_ref().and_then(|after| Some((after, self.cursors.get(after)?))) {
                expected += &format!(", the page after the last id `{last}`");
                received += &format!(", the page after the next_cursor `{after}`");
            }
            return Err(Box::new(ModelDeviation::content(requirement, "ids", expected, received).stored()));
        }
        if call.after.is_some() {
            rules.push(if is_known { row::LIST_PAGES.rule() } else { row::LIST_UNKNOWN_PAGE.rule() });
        }
        if call.after.as_ref().is_some_and(|after| self.cursors.contains_key(after)) {
            rules.push(row::LIST_NEXT_CURSOR.rule());
        }
        judge_end(page, &found, follows.len() > found.len(), rules)?;
        let wrong_length = call.limit == Limit::Absent && found.len() < DEFAULT_LIMIT && follows.len() > found.len();
        expect(!wrong_length, || {
            let expected = format!("{DEFAULT_LIMIT} offerings");
            ModelDeviation::content(
                &row::LIST_DEFAULT,
                "page too short",
                expected,
                format!("{} offerings", found.len()),
            )
            .stored()
        })
    }

    /// The ids that a page should contain, and the next one; empty if the order of the list is unknown. Ids that the run
    /// did not create do not count to the limit: elsewhere the page has those of the run in their place.
    pub fn rows_on(&self, call: &Call) -> Vec<&str> {
        let limit = if let Limit::Valid(limit) = call.limit { limit } else { DEFAULT_LIMIT };
        let mut created = 0;
        let is_on_page = |id: &&str| {
            created += usize::from(self.is_created(id));
            created <= limit + 1
        };
        self.order().into_iter().skip(self.start_of(call)).take_while(is_on_page).collect()
    }

    /// The place of the first offering of a page in the known order.
    fn start_of(&self, call: &Call) -> usize {
        let order = self.order.as_deref().map_or(&[][..], Vec::as_slice);
        let cursor = call.after.as_ref().map(|after| self.cursors.get(after).unwrap_or(after));
        cursor.and_then(|cursor| order.iter().position(|id| id == cursor)).map_or(0, |at| at + 1)
    }

    fn misplaced(&self, call: &Call, order: &[String], found: &[&str]) -> &'static row::Requirement {
        match &call.after {
            None if call.limit == Limit::Valid(100) && !is_subsequence(found, order) => &row::LIST_ORDER,
            Some(after) if self.cursors.contains_key(after) => &row::LIST_NEXT_CURSOR,
            Some(after) if !self.rows.contains_key(after) => &row::LIST_UNKNOWN_PAGE,
            _ => &row::LIST_PAGES,
        }
    }

    /// How an offering differs from the expected one.
    pub(super) fn difference(&self, id: &str, shown: &Offering) -> Option<PageDifference> {
        let row = self.rows.get(id).filter(|_| self.is_ours(id))?;
        match self.is_main(id) {
            _ if self.extra_mains.contains(id) => {}
            Some(true) if !shown.is_main() => return Some(("role", "tag 1".into(), tag(shown.tag))),
            Some(false) if shown.is_main() => return Some(("role", "tag 0 or null".into(), tag(shown.tag))),
            _ => {}
        }
        contents(&row.offering, shown)
    }
}

/// How an offering differs in its products or in `created_at`.
pub(super) fn contents(expected: &Offering, shown: &Offering) -> Option<PageDifference> {
    let id = &expected.id;
    if shown.products != expected.products {
        return Some(member_difference("product_ids", id, &list(&expected.products), &list(&shown.products)));
    }
    if !same_time(&shown.created_at, &expected.created_at) {
        return Some(member_difference("created_at", id, &times(expected), &times(shown)));
    }
    None
}

/// A member that differs, with its expected and its received value.
pub(super) fn member_difference(member: &'static str, id: &str, expected: &str, received: &str) -> PageDifference {
    (member, format!("`{id}` with {expected}"), format!("`{id}` with {received}"))
}

fn is_subsequence(found: &[&str], order: &[String]) -> bool {
    let mut rest = order.iter();
    found.iter().all(|id| rest.any(|known| known == id))
}

fn listed(requirement: &'static row::Requirement, id: &str) -> ModelDeviation {
    ModelDeviation::content(
        requirement,
        "offering is listed",
        format!("`{id}` not in the list"),
        format!("`{id}` in the list"),
    )
}

fn judge_length(call: &Call, page: &Page, rules: &mut Vec<&'static str>) -> Result<(), Box<ModelDeviation>> {
    let found = page.offerings.len();
    let distinct: HashSet<&str> = page.ids().collect();
    expect(distinct.len() == found, || {
        ModelDeviation::content(
            &row::LIST_TWICE,
            "ids",
            "every offering once",
            format!("{found} rows, {} offerings", distinct.len()),
        )
    })?;
    let (requirement, most) = match call.limit {
        Limit::Valid(limit) => (&row::LIST_LONGER, limit),
        Limit::Absent => (&row::LIST_DEFAULT, DEFAULT_LIMIT),
        _ => return Ok(()),
    };
    if call.form == Form::Unusual {
        return Ok(());
    }
    let is_settled = call.limit != Limit::Absent || found == DEFAULT_LIMIT;
    rules.extend(is_settled.then_some(requirement.rule()));
    expect(found <= most, || {
        ModelDeviation::content(
            requirement,
            "page too long",
            format!("at most {most} offerings"),
            format!("{found} offerings"),
        )
    })
}

/// Checks `has_more` and `next_cursor`.
fn judge_end(
    page: &Page,
    found: &[&str],
    follows: bool,
    rules: &mut Vec<&'static str>,
) -> Result<(), Box<ModelDeviation>> {
    let Some(has_more) = page.has_more else { return Ok(()) };
    rules.push(row::LIST_HAS_MORE_TRUE.rule());
    expect(has_more == follows, || {
        let requirement = if follows { &row::LIST_HAS_MORE_FALSE } else { &row::LIST_HAS_MORE_TRUE };
        ModelDeviation::content(requirement, "has_more", format!("has_more {follows}"), format!("has_more {has_more}"))
            .stored()
    })?;
    let last = found.last().copied();
    match page.next_cursor.as_deref() {
        Some(cursor) if !follows => Err(Box::new(
            ModelDeviation::content(
                &row::LIST_NEXT_CURSOR_LAST,
                "next_cursor",
                "no next_cursor, or null",
                format!("next_cursor `{cursor}`"),
            )
            .stored(),
        )),
        Some(cursor) if Some(cursor) == last => {
            rules.push(row::LIST_NEXT_CURSOR.rule());
            Ok(())
        }
        Some(_) => Ok(()),
        None => {
            rules.extend((!follows).then_some(row::LIST_NEXT_CURSOR_LAST.rule()));
            Ok(())
        }
    }
}
