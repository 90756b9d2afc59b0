//! Compares what a project held before the run with what it holds now, and puts back what the API can.
//!
//! Start at [`HeldComparison::put_back`]. In a shared project nothing is put back: another client may have made the change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use super::held::{self, Contents, Got, Held, ProjectRole};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::finding::{ChangedOffering, ValueChange};
use crate::project::{Abort, Project};

/// How often changes are put back: a faulty server may answer one with another change.
const MAX_ROUNDS: usize = 2;

/// A whole offering in a [`ValueChange`].
const OFFERING: &str = "offering";

/// The place in the list in a [`ValueChange`].
const LIST: &str = "list";

/// What is compared.
pub(super) struct HeldComparison<'a> {
    pub(super) project: &'a Project,
    pub(super) role: KeyRole,
    /// What the project held before the run.
    pub(super) held: &'a [Held],
    /// The main before the run.
    pub(super) main: Option<&'a str>,
    /// Whether the run created an id.
    pub(super) is_ours: &'a (dyn Fn(&str) -> bool + Sync),
    /// The waits before each read: a cache may hold an old response.
    pub(super) waits: &'a [Duration],
    /// Whether an id of the run is reported as left behind.
    pub(super) is_reported: &'a (dyn Fn(&str) -> bool + Sync),
}

/// What the project holds now.
struct Now {
    listed: BTreeMap<String, Contents>,
    got: BTreeMap<String, Got>,
}

/// What differs, before and after [`HeldComparison::put_back`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Changes {
    /// What differed at first.
    pub(super) first: Vec<ChangedOffering>,
    /// What differs still.
    pub(super) changed: Vec<ChangedOffering>,
    /// The offerings that a request for putting them back was sent for.
    pub(super) written: BTreeSet<String>,
}

impl Changes {
    /// What was put back, a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for ChangedOffering { id, differences, .. } in self.first.iter().filter(|one| self.written.contains(&one.id)) {
            let mut left = self.changed.iter().filter(|changed| changed.id == *id);
            let left = left.next().map_or(&[][..], |left| &left.differences);
            let is_restored = |one: &&ValueChange| !left.iter().any(|left| left.what == one.what);
            for ValueChange { what, before, after } in differences.iter().filter(is_restored) {
                if what != "updated_at" {
                    notes.push(format!("the server changed {what} of `{id}` from {before} to {after}: it is put back"));
                }
            }
        }
        notes
    }
}

impl HeldComparison<'_> {
    /// Puts back what the API can, and returns what differs then.
    ///
    /// # Errors
    /// [`Abort`] when the project cannot be read.
    pub(super) async fn put_back(&self) -> Result<Changes, Abort> {
        let first = self.differing(&BTreeSet::new()).await?;
        let mut changes = Changes { changed: first.clone(), first, written: BTreeSet::new() };
        let mut sent = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let requests = self.requests(&changes.changed, &mut sent);
            if requests.is_empty() {
                break;
            }
            for (id, request) in requests {
                changes.written.insert(id);
                // What it has changed shows in the next comparison.
                let _ = self.project.client.send(request).await;
            }
            changes.changed = self.differing(&changes.written).await?;
        }
        Ok(changes)
    }

    /// What differs. Reads are repeated while something does, because a cache may hold an old response. The time of an
    /// update of `written` may differ.
    ///
    /// # Errors
    /// [`Abort`] when the project cannot be read.
    pub(super) async fn differing(&self, written: &BTreeSet<String>) -> Result<Vec<ChangedOffering>, Abort> {
        let mut last = Vec::new();
        for wait in self.waits {
            tokio::time::sleep(*wait).await;
            last = self.compare(&self.read().await?, written);
            // Reads do not show whether another client has changed its offerings.
            if !last.iter().any(|changed| self.project.is_exclusive || (self.is_ours)(&changed.id)) {
                break;
            }
        }
        Ok(last)
    }

    /// Reads the list, the offerings that were read by get before the run, and those whose row in the list differs.
    async fn read(&self) -> Result<Now, Abort> {
        let listed = held::list(self.project, self.role).await?;
        let is_listed = |held: &Held| listed.get(&held.id) == Some(&held.listed);
        let ids = self.held.iter().filter(|held| held.got.is_some() || !is_listed(held)).map(|held| held.id.clone());
        let got = held::get_all(self.project, self.role, &ids.collect::<Vec<_>>()).await;
        let unknown = got.values().find_map(|got| match got {
            Got::Unknown(reason) => Some(reason.clone()),
            Got::Offering(_) | Got::Other(_) => None,
        });
        unknown.map_or(Ok(Now { listed, got }), |reason| Err(Abort::Blocked(reason)))
    }

    fn compare(&self, now: &Now, written: &BTreeSet<String>) -> Vec<ChangedOffering> {
        let changed = |id: &str, differences| ChangedOffering {
            project: ProjectRole::of(self.role).name().to_owned(),
            id: id.to_owned(),
            differences,
        };
        let mut all: Vec<_> =
            self.held.iter().map(|held| changed(&held.id, self.differences(held, now, written))).collect();
        let known: BTreeSet<&String> = self.held.iter().map(|held| &held.id).collect();
        let is_new = |id: &String| (self.project.is_exclusive || (self.is_ours)(id)) && !known.contains(id);
        all.extend(
            now.listed
                .iter()
                .filter(|(id, _)| is_new(id) && !(self.is_reported)(id))
                .map(|(id, contents)| changed(id, vec![difference(OFFERING, Value::Null, contents.to_json())])),
        );
        all.retain(|changed| !changed.differences.is_empty());
        all
    }

    /// The differences of an offering. Times count as the list shows them: what only a get shows is wrong in the
    /// response.
    fn differences(&self, held: &Held, now: &Now, written: &BTreeSet<String>) -> Vec<ValueChange> {
        let listed = now.listed.get(&held.id);
        let is_unlisted = listed.is_none();
        let in_list = listed.map_or(Vec::new(), |listed| self.fields(held, &held.listed, listed));
        let mut all = match (now.got.get(&held.id), &held.got) {
            (Some(Got::Offering(got)), Some(before)) => self.fields(held, before, got),
            (Some(Got::Offering(got)), None) => {
                let is_in_list = |one: &ValueChange| in_list.iter().any(|other| other.what == one.what);
                self.fields(held, &held.listed, got).into_iter().filter(is_in_list).collect()
            }
            (Some(Got::Other(summary)), before) if before.is_some() || is_unlisted => {
                let before = before.as_ref().unwrap_or(&held.listed).to_json();
                return vec![difference(OFFERING, before, format!("GET returned {summary}").into())];
            }
            _ => Vec::new(),
        };
        if is_unlisted {
            all.push(difference(LIST, "listed".into(), "not listed".into()));
        }
        for one in in_list {
            if !all.iter().any(|known| known.what == one.what) {
                all.push(ValueChange { what: format!("{} in the list", one.what), ..one });
            }
        }
        if let Some(listed) = listed {
            all.extend(self.times(held, listed, written.contains(&held.id)));
        }
        all
    }

    /// The writable fields that differ and that a correct server would not have changed.
    fn fields(&self, held: &Held, before: &Contents, now: &Contents) -> Vec<ValueChange> {
        let mut all = Vec::new();
        if before.tag != now.tag && !self.may_have_tag(held, now.tag) {
            all.push(difference("tag", json!(before.tag), json!(now.tag)));
        }
        if before.product_ids != now.product_ids {
            all.push(difference("product_ids", json!(before.product_ids), json!(now.product_ids)));
        }
        all
    }

    /// The times in the list that differ and that a correct server would not have changed.
    fn times(&self, held: &Held, now: &Contents, is_written: bool) -> Vec<ValueChange> {
        let before = &held.listed;
        let mut all = Vec::new();
        if !is_same_time(&before.created_at, &now.created_at) {
            all.push(difference("created_at", json!(before.created_at), json!(now.created_at)));
        }
        if !is_same_time(&before.updated_at, &now.updated_at) && !is_written && !self.may_be_touched(held) {
            all.push(difference("updated_at", json!(before.updated_at), json!(now.updated_at)));
        }
        all
    }

    /// Whether a correct server may show another tag than before.
    fn may_have_tag(&self, held: &Held, now: Option<i64>) -> bool {
        match (held.listed.tag, now) {
            // Another client may promote an offering.
            _ if !self.project.is_exclusive => true,
            (_, Some(1)) => self.main.is_none(),
            // Cleaning up reports a previous main that is not main again.
            (Some(1), _) => (self.is_reported)(&held.id),
            (_, now) => matches!(now, None | Some(0)) && self.has_server_promoted(),
        }
    }

    /// Whether a correct server may have set the time of an update.
    fn may_be_touched(&self, held: &Held) -> bool {
        !self.project.is_exclusive || held.listed.tag == Some(1) || self.has_server_promoted()
    }

    /// Whether the server promoted an offering of others when the run deleted the main, as a correct one may. It may
    /// have promoted more of them than the responses showed.
    fn has_server_promoted(&self) -> bool {
        let is_other = |id: &str| !(self.is_ours)(id) && Some(id) != self.main;
        self.project.promoted_by_server.any(self.role, is_other)
    }

    /// The requests that put back what the API can change, each with the id of the offering that it is for. None is
    /// `sent` twice.
    fn requests(&self, changed: &[ChangedOffering], sent: &mut BTreeSet<(String, String)>) -> Vec<(String, Request)> {
        let mut requests = Vec::new();
        for ChangedOffering { id, differences, .. } in changed {
            for ValueChange { what, before, after } in differences {
                let patch = |member: &str| Request::to(Endpoint::Update).id(id).json(&json!({ member: before }));
                let request = match (what.as_str(), self.main) {
                    ("product_ids", _) => patch("product_ids"),
                    ("tag", Some(main)) if *after == 1 || *before == 1 => Request::to(Endpoint::SetMain).id(main),
                    ("tag", _) if before.is_null() || *before == 0 => patch("tag"),
                    _ => continue,
                };
                if sent.insert((id.clone(), what.clone())) {
                    requests.push((id.clone(), request.key(self.role)));
                }
            }
        }
        requests
    }
}

fn difference(what: &str, before: Value, after: Value) -> ValueChange {
    ValueChange { what: what.to_owned(), before, after }
}

fn is_same_time(one: &str, other: &str) -> bool {
    one == other
        || DateTime::parse_from_rfc3339(one)
            .is_ok_and(|one| DateTime::parse_from_rfc3339(other).is_ok_and(|other| one == other))
}

/// What differs in a project to which other clients may have written.
pub(super) fn unclear(changed: &[ChangedOffering]) -> Vec<String> {
    let differs = |changed: &ChangedOffering| {
        format!("{changed} since before the run: the server or another client changed it, and it was not put back")
    };
    changed.iter().map(differs).collect()
}
