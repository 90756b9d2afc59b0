//! What a project holds before a run, read by list and by get. The end of the run compares with it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, Response};
use crate::project::{Abort, Project, Snapshot, is_restarted};

/// Offerings of one project that are read by get, before the run and after it. The others are compared by list alone.
const MAX_GETS: usize = 100;

/// Longest list in pages.
const MAX_PAGES: usize = 500;

/// How often a list is read again after another client deleted its cursor.
const MAX_RESTARTS: usize = 3;

/// The waits before each read of a project that should be restored: a cache may hold an old response for a second or
/// two.
pub(super) const STALE_READS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(1200), Duration::from_millis(2500)];

/// A project by the role of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectRole {
    /// The project of `--token`.
    Main,
    /// The project of `--second-token`.
    Second,
    /// The project of `--empty-token`.
    Empty,
}

impl ProjectRole {
    /// The project that a key opens.
    pub fn of(role: KeyRole) -> Self {
        match role {
            KeyRole::Main | KeyRole::Limited => Self::Main,
            KeyRole::Second => Self::Second,
            KeyRole::Empty => Self::Empty,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Second => "second",
            Self::Empty => "empty",
        }
    }

    /// The key that opens it.
    pub fn role(self) -> KeyRole {
        match self {
            Self::Main => KeyRole::Main,
            Self::Second => KeyRole::Second,
            Self::Empty => KeyRole::Empty,
        }
    }
}

/// State of a project before the run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct InitialProject {
    /// The main offering, if there was one.
    pub main: Option<String>,
    /// A few offerings as pairs of id and `created_at`, which identify the project.
    pub landmarks: Vec<(String, String)>,
}

/// The fields that are compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contents {
    /// `tag`; 1 is the main offering.
    pub tag: Option<i64>,
    /// `product_ids`, in order.
    pub product_ids: Vec<String>,
    /// `created_at` as written.
    pub created_at: String,
    /// `updated_at` as written.
    pub updated_at: String,
}

impl Contents {
    fn of(offering: &Offering) -> Self {
        Self {
            tag: offering.tag,
            product_ids: offering.products.clone(),
            created_at: offering.created_at.clone(),
            updated_at: offering.updated_at.clone(),
        }
    }

    /// As JSON, for reports.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "tag": self.tag,
            "product_ids": self.product_ids,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }
}

/// An offering before the run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// As the list showed it.
    pub listed: Contents,
    /// As a get returned it; `None` if none was sent, or it did not return the offering.
    pub got: Option<Contents>,
}

/// Reads the offerings of a list by get, the main first; at most [`MAX_GETS`].
pub(super) async fn read(project: &Project, role: KeyRole, listed: &Snapshot) -> Vec<Held> {
    let (mains, regulars): (Vec<_>, Vec<_>) = listed.offerings.iter().partition(|offering| offering.is_main());
    let held = |offering: &Offering| Held { id: offering.id.clone(), listed: Contents::of(offering), got: None };
    let mut held: Vec<Held> = mains.into_iter().chain(regulars).map(held).collect();
    let ids: Vec<String> = held.iter().take(MAX_GETS).map(|held| held.id.clone()).collect();
    let mut got = get_all(project, role, &ids).await;
    for held in &mut held {
        held.got = match got.remove(&held.id) {
            Some(Got::Offering(contents)) => Some(contents),
            _ => None,
        };
    }
    held
}

/// The result of a get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Got {
    /// It returned the offering.
    Offering(Contents),
    /// It returned something else: the summary of the response.
    Other(String),
    /// There is no response, or the key was rejected: a clause after "cannot".
    Unknown(String),
}

impl Got {
    fn of(id: &str, response: &Response) -> Self {
        let summary = response.summary();
        if matches!(response.status, 401 | 403) {
            return Self::Unknown(format!("read `{id}`: GET returned {summary}"));
        }
        let offering = response.json().filter(|_| response.status == 200).and_then(Offering::read);
        match offering.filter(|offering| offering.id == id) {
            Some(offering) => Self::Offering(Contents::of(&offering)),
            None => Self::Other(summary),
        }
    }
}

/// Reads offerings by get.
pub(super) async fn get_all(project: &Project, role: KeyRole, ids: &[String]) -> BTreeMap<String, Got> {
    let mut all = BTreeMap::new();
    for batch in ids.chunks(project.at_once) {
        let mut gets = JoinSet::new();
        for id in batch {
            let (client, id) = (project.client.clone(), id.clone());
            gets.spawn(async move {
                let sent = client.send(Request::to(Endpoint::Get).id(&id).key(role)).await;
                let got = match sent {
                    Ok(exchange) => Got::of(&id, &exchange.response),
                    Err(error) => Got::Unknown(error.to_string()),
                };
                (id, got)
            });
        }
        all.extend(gets.join_all().await);
    }
    all
}

/// The list, as contents by id. Rows that repeat or that violate the schema are left out: cleaning up must see the others.
///
/// # Errors
/// [`Abort`] when the list cannot be read.
pub(super) async fn list(project: &Project, role: KeyRole) -> Result<BTreeMap<String, Contents>, Abort> {
    for _ in 0..=MAX_RESTARTS {
        if let Some(listed) = list_once(project, role).await? {
            return Ok(listed);
        }
    }
    Err(Abort::Blocked("the list keeps restarting".into()))
}

/// As [`list`]; `None` if another client deleted the cursor.
async fn list_once(project: &Project, role: KeyRole) -> Result<Option<BTreeMap<String, Contents>>, Abort> {
    let mut listed = BTreeMap::new();
    let mut cursor: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut request = Request::to(Endpoint::List).query("limit", "100").key(role);
        if let Some(cursor) = &cursor {
            request = request.query("starting_after", cursor);
        }
        let page = project.client.send(request).await?;
        if cursor.is_some() && is_restarted(&page) {
            return Ok(None);
        }
        let response = &page.response;
        let body = response.json().filter(|_| response.status == 200);
        let Some(rows) = body.and_then(|body| body.get("data")?.as_array()) else {
            return Err(Abort::Blocked(format!("the list could not be read: {}", response.summary())));
        };
        let before = listed.len();
        let offerings: Vec<Offering> = rows.iter().filter_map(Offering::read).collect();
        listed.extend(offerings.iter().rev().map(|offering| (offering.id.clone(), Contents::of(offering))));
        let has_more = body.and_then(|body| body.get("has_more")?.as_bool()).unwrap_or_default();
        cursor = offerings.last().map(|offering| offering.id.clone());
        if !has_more || listed.len() == before {
            break;
        }
    }
    Ok(Some(listed))
}
