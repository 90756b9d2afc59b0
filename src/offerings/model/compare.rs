//! A world held against what the list shows.

use super::super::claim::{list, tag};
use super::call::Call;
use super::judge::{Fault, Held, expect};
use super::world::{Main, Row, Since, Touch, World};
use crate::check::{Offering, offerings_in};
use crate::exchange::Answer;
use crate::lane::{RESTARTED, Snapshot};

/// Something that the state does not explain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The invariant that it breaks.
    pub rule: &'static str,
    /// What is wrong, without values.
    pub title: &'static str,
    /// What should be.
    pub documented: String,
    /// What is.
    pub received: String,
}

/// What a comparison showed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// The server's doing.
    pub differences: Vec<Difference>,
    /// Somebody else's doing.
    pub foreign: Vec<String>,
    /// Rules that this comparison exercised.
    pub checked: Vec<&'static str>,
}

/// How many offerings a page has when no limit is asked for.
const DEFAULT_LIMIT: usize = 20;

impl World {
    /// Holds a snapshot against the world. The snapshot's moment is after everything that was folded in.
    pub fn compare(&self, snapshot: &Snapshot) -> Comparison {
        let mut comparison =
            Comparison { checked: vec!["invariant.single-main", MODEL_AGREES], ..Comparison::default() };
        if self.since.succeeded > 0 {
            comparison.checked.push("invariant.no-bleed");
        }
        if self.since.refused > 0 {
            comparison.checked.push("invariant.failed-write-no-effect");
        }
        self.compare_main(snapshot, &mut comparison);
        for (id, row) in self.rows.iter() {
            self.compare_row(row, snapshot.find(id), &mut comparison);
        }
        for offering in &snapshot.offerings {
            if self.rows.contains_key(&offering.id) {
                continue;
            }
            if self.is_ours(&offering.id) {
                comparison.differences.push(Difference {
                    rule: self.blame(true),
                    title: "the list shows an offering that should not exist",
                    documented: format!("no offering `{}`", offering.id),
                    received: format!("`{}` in the list", offering.id),
                });
            } else {
                comparison.foreign.push(format!("`{}` appeared", offering.id));
            }
        }
        comparison
    }

    /// The invariant that explains a difference: the one that speaks of what was written last.
    fn blame(&self, named: bool) -> &'static str {
        match self.since {
            Since { succeeded: 0, refused } if refused > 0 => "invariant.failed-write-no-effect",
            Since { succeeded, .. } if succeeded > 0 && !named => "invariant.no-bleed",
            _ => MODEL_AGREES,
        }
    }

    fn compare_main(&self, snapshot: &Snapshot, comparison: &mut Comparison) {
        let mains = snapshot.mains();
        if mains.len() > 1 {
            if mains.iter().all(|main| self.crowd.iter().any(|known| known == main)) {
                return;
            }
            comparison.differences.push(Difference {
                rule: "invariant.single-main",
                title: "two offerings are main",
                documented: "at most one offering with tag 1".into(),
                received: format!("tag 1 on {}", mains.join(" and ")),
            });
            return;
        }
        let touched = |id: &str| self.rows.get(id).is_some_and(|row| row.touch != Touch::None);
        let expected = match (&self.main, mains.first()) {
            (Main::Is(expected), _) => expected,
            (Main::None, Some(found)) if self.rows.contains_key(*found) && self.is_ours(found) => {
                comparison.differences.push(Difference {
                    rule: self.blame(touched(found)),
                    title: "an offering is main that nobody promoted",
                    documented: "no main offering".into(),
                    received: format!("`{found}` is main"),
                });
                return;
            }
            _ => return,
        };
        comparison.checked.push("invariant.main-exists");
        match mains.first() {
            Some(found) if found == expected => {}
            // Somebody else promoted an offering of theirs.
            Some(found) if !self.is_ours(found) && snapshot.find(expected).is_none_or(|o| !o.is_main()) => {
                if self.is_ours(expected) || !touched(found) {
                    comparison.foreign.push(format!("`{found}` became main"));
                }
            }
            Some(found) => comparison.differences.push(Difference {
                rule: self.blame(touched(expected) || touched(found)),
                title: "another offering is main",
                documented: format!("`{expected}` is main"),
                received: format!("`{found}` is main"),
            }),
            None if !self.is_ours(expected) && snapshot.find(expected).is_none() => {
                comparison.foreign.push(format!("`{expected}`, the main, is gone"));
            }
            None => comparison.differences.push(Difference {
                rule: "invariant.main-exists",
                title: "no offering is main any more",
                documented: format!("`{expected}` is main"),
                received: "no offering with tag 1".into(),
            }),
        }
    }

    fn compare_row(&self, row: &Row, found: Option<&Offering>, comparison: &mut Comparison) {
        let id = &row.offering.id;
        let difference = match found {
            None => Some(("an offering is gone from the list", format!("`{id}` in the list"), format!("no `{id}`"))),
            Some(found) => self.contents(row, found),
        };
        let Some((title, documented, received)) = difference else {
            return;
        };
        if self.is_ours(id) {
            comparison.differences.push(Difference {
                rule: self.blame(row.touch == Touch::Named),
                title,
                documented,
                received,
            });
        } else {
            comparison.foreign.push(format!("`{id}` changed: {title}"));
        }
    }

    /// How an offering differs from what it should be, its role apart.
    fn contents(&self, row: &Row, found: &Offering) -> Option<(&'static str, String, String)> {
        let expected = &row.offering;
        let id = &expected.id;
        if found.products != expected.products {
            let documented = format!("`{id}` with {}", list(&expected.products));
            return Some(("an offering has other products", documented, list(&found.products)));
        }
        // After the main's deletion another may be main at once: that moves its tag and its time.
        let settled = row.touch == Touch::None && !(matches!(self.main, Main::Unsure { .. }) && found.is_main());
        // Which offering is main is compared as a whole; among the others 0 and null are the same to a reader, but
        // nobody may turn the one into the other.
        if settled && found.tag != expected.tag && !found.is_main() && !expected.is_main() {
            let documented = format!("`{id}` with {}", tag(expected.tag));
            return Some(("the tag of an offering changed", documented, tag(found.tag)));
        }
        // A change of role moves the time too; whether the role may change is compared as a whole.
        if settled && found.is_main() == expected.is_main() && !same_times(found, expected) {
            let times = |o: &Offering| format!("created {} updated {}", o.created_at, o.updated_at);
            return Some(("the times of an offering changed", format!("`{id}` {}", times(expected)), times(found)));
        }
        None
    }

    /// How what a get or a page shows of one of our offerings differs from what it should be.
    pub(super) fn difference(&self, id: &str, found: &Offering) -> Option<(&'static str, String, String)> {
        let row = self.rows.get(id).filter(|_| self.is_ours(id))?;
        match self.is_main(id) {
            Some(true) if !found.is_main() => {
                Some(("the main offering is not shown as main", "tag 1".into(), tag(found.tag)))
            }
            Some(false) if found.is_main() => {
                Some(("an offering is shown as main that is not", "tag 0 or null".into(), tag(found.tag)))
            }
            _ => self.contents(row, found),
        }
    }

    /// Holds one page of the list against the world, as far as it shows our offerings.
    pub(super) fn judge_list(&self, call: &Call, answer: &Answer) -> Held {
        let mut rules = self.judge_cursor(call, answer)?;
        let Some(body) = answer.json() else { return Ok(rules) };
        let Some(items) = offerings_in(body).iter().map(Offering::read).collect::<Option<Vec<_>>>() else {
            return Ok(rules);
        };
        let (rule, most) = match call.limit.as_ref().and_then(|limit| limit.parse().ok()) {
            Some(limit) => ("list.limit-honoured", limit),
            None => ("list.default-limit", DEFAULT_LIMIT),
        };
        expect(rule, items.len() <= most, "a page is longer than its limit", || {
            (format!("at most {most}"), items.len().to_string())
        })?;
        rules.push(rule);
        for found in items.iter().filter(|found| self.is_ours(&found.id)) {
            let difference = if self.rows.contains_key(&found.id) {
                self.difference(&found.id, found)
            } else {
                let title = "the list shows an offering that should not exist";
                Some((title, format!("no offering `{}`", found.id), format!("`{}` in the list", found.id)))
            };
            if let Some((title, documented, received)) = difference {
                return Err(Fault { rule: MODEL_AGREES, title: title.into(), documented, received });
            }
        }
        let is_whole = call.after.is_none() && body.get("has_more").and_then(serde_json::Value::as_bool) == Some(false);
        if is_whole {
            self.judge_main_in(&items)?;
            let gone = self.rows.keys().find(|id| self.is_ours(id) && !items.iter().any(|found| found.id == **id));
            expect(MODEL_AGREES, gone.is_none(), "an offering is gone from the list", || {
                let id = gone.map_or("", String::as_str);
                (format!("`{id}` in the list"), format!("no `{id}`"))
            })?;
        }
        Ok(rules)
    }

    /// A main of somebody else may be gone, or give way to another of theirs, which may be gone by now; where all of theirs
    /// are still there it cannot just stop being main.
    fn judge_main_in(&self, items: &[Offering]) -> Result<(), Fault> {
        let Main::Is(main) = &self.main else { return Ok(()) };
        let is_listed = |id: &str| items.iter().any(|found| found.id == id);
        let are_there = self.rows.keys().filter(|id| !self.is_ours(id)).all(|id| is_listed(id));
        let is_lost = is_listed(main) && are_there && !items.iter().any(Offering::is_main);
        expect("invariant.main-exists", !is_lost, "no offering is main any more", || {
            (format!("`{main}` is main"), "no offering with tag 1".into())
        })
    }

    fn judge_cursor(&self, call: &Call, answer: &Answer) -> Held {
        let Some(after) = call.after.as_deref().filter(|after| self.is_ours(after)) else { return Ok(Vec::new()) };
        let restarted = answer.header(RESTARTED).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        if self.rows.contains_key(after) {
            expect(KNOWN, !restarted, "a list after a known cursor says that it starts again", || {
                (format!("no {RESTARTED}: true"), format!("{RESTARTED}: true"))
            })?;
            return Ok(vec![KNOWN]);
        }
        if self.readings(after).len() > 1 {
            return Ok(Vec::new());
        }
        expect(UNKNOWN, restarted, "a list after an unknown cursor does not say that it starts again", || {
            (format!("{RESTARTED}: true"), "no such header".into())
        })?;
        Ok(vec![UNKNOWN])
    }
}

const KNOWN: &str = "list.known-cursor-no-header";
const UNKNOWN: &str = "list.unknown-cursor";
const MODEL_AGREES: &str = "invariant.model-agrees";

fn same_times(a: &Offering, b: &Offering) -> bool {
    a.created() == b.created() && a.updated() == b.updated()
}
