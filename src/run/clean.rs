//! Restores the target: deletes the offerings of the run and makes the previous main main again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;

use super::journal::{InitialProject, JournalState, ProjectRole};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::finding::Listed;
use crate::project::{Abort, Project, Session};

/// Number of concurrent deletions.
const CONCURRENCY: usize = 8;

/// After so many deletions without a response no more are sent.
const MAX_UNANSWERED: usize = 3;

/// Time limit for cleaning one project.
const MAX_DURATION: Duration = Duration::from_mins(2);

/// State of the projects before the run.
#[derive(Clone, Debug, Default)]
pub(super) struct InitialState {
    /// The projects that the run may write to.
    pub(super) projects: BTreeMap<ProjectRole, InitialProject>,
}

impl InitialState {
    /// The previous main offering of a role's project.
    pub(super) fn main(&self, role: KeyRole) -> Option<&str> {
        self.projects.get(&ProjectRole::of(role))?.main.as_deref()
    }
}

/// What must be undone in one project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Undo {
    /// The previous main, if there was one.
    pub(super) main: Option<String>,
    /// The ids of the run start with it.
    pub(super) prefix: String,
    /// Other ids that the run created.
    pub(super) strays: Vec<String>,
    /// All ids in create requests, for when the list cannot be read.
    pub(super) sent: Vec<String>,
}

impl Undo {
    fn is_ours(&self, id: &str) -> bool {
        id.starts_with(&self.prefix) || self.strays.iter().any(|stray| stray == id)
    }
}

/// Result of cleaning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cleaned {
    /// Number of deleted offerings.
    pub removed: usize,
    /// The previous main, if it is main again.
    pub restored: Option<String>,
    /// Mains whose deletion the server rejects, as the contract permits, each with the response.
    pub undeletable: Vec<String>,
    /// Ids that could not be deleted, and the main that could not be restored, each with the reason.
    pub left: Vec<String>,
}

/// Undoes the writes in a journal, in every project whose key is known.
///
/// A project that contains none of the journal's landmarks is another project and is not changed.
pub async fn undo_all(project: &Project, state: &JournalState) -> Cleaned {
    let mut all = Cleaned::default();
    for (&owner, before) in &state.header.projects {
        let role = owner.role();
        if !project.client.keys().has(role) {
            let variable = role.variable();
            let is_affected = state.created.iter().chain(&state.strays).any(|(of, _)| *of == owner);
            if is_affected {
                all.left.push(format!("everything that starts with {} ({variable} is not set)", state.header.prefix));
            }
            continue;
        }
        if !before.landmarks.is_empty() && !is_same_project(project, role, before).await {
            let reason = format!("{} opens another project than the one in the journal", role.variable());
            all.left.push(format!("everything that starts with {} ({reason})", state.header.prefix));
            continue;
        }
        let cleaned = clean_up(project, role, &state.undo(owner)).await;
        all.removed += cleaned.removed;
        all.restored = all.restored.or(cleaned.restored);
        all.undeletable.extend(cleaned.undeletable);
        all.left.extend(cleaned.left);
    }
    all
}

async fn is_same_project(project: &Project, role: KeyRole, before: &InitialProject) -> bool {
    let mut session = Session::new(project.clone());
    match session.walk(role).await {
        Ok(snapshot) => before
            .landmarks
            .iter()
            .any(|(id, created)| snapshot.find(id).is_some_and(|found| found.created_at == *created)),
        // Cleaning reports the reason.
        Err(_) => true,
    }
}

/// Cleans a project within [`MAX_DURATION`]; the result lists what could not be deleted or restored.
pub(super) async fn clean_up(project: &Project, role: KeyRole, undo: &Undo) -> Cleaned {
    let failed = |reason: String| Cleaned {
        left: vec![format!("everything that starts with {} ({reason})", undo.prefix)],
        ..Cleaned::default()
    };
    match tokio::time::timeout(MAX_DURATION, clean(project, role, undo, None)).await {
        Ok(Ok(cleaned)) => cleaned,
        Ok(Err(abort)) => failed(abort.to_string()),
        Err(_) => failed(format!("not deleted within {MAX_DURATION:?}")),
    }
}

/// Restores the previous main in `role`'s project, then deletes the offerings of the run. Offerings of other clients do
/// not change: a main that another client promoted meanwhile stays main. `current` is the list, if it was just read.
pub(super) async fn clean(
    project: &Project,
    role: KeyRole,
    undo: &Undo,
    current: Option<Vec<Listed>>,
) -> Result<Cleaned, Abort> {
    let mut cleaned = Cleaned::default();
    let read = match current {
        Some(listed) => Ok(listed),
        None => Session::new(project.clone()).walk(role).await.map(|snapshot| snapshot.listed()),
    };
    let listed = match read {
        Ok(listed) => listed,
        // Known ids can be deleted without the list.
        Err(Abort::Blocked(reason)) if !undo.sent.is_empty() || !undo.strays.is_empty() => {
            if let Some(main) = &undo.main {
                cleaned.left.push(format!("{main} (it is unknown whether it is main again: {reason})"));
            }
            let ids = undo.sent.iter().chain(&undo.strays).cloned().collect();
            delete_all(project, role, ids, CONCURRENCY, &mut cleaned).await;
            return Ok(cleaned);
        }
        Err(abort) => return Err(abort),
    };
    if let Some(main) = undo.main.as_ref().filter(|main| needs_promotion(&listed, main, undo)) {
        let request = Request::to(Endpoint::SetMain).id(main).key(role);
        match project.client.send(request).await {
            Ok(exchange) if exchange.response.is_success() => cleaned.restored = Some(main.clone()),
            Ok(exchange) => cleaned.left.push(format!("{main} (is not main again: {})", exchange.response.summary())),
            Err(error) => cleaned.left.push(format!("{main} (is not main again: cannot {error})")),
        }
    }
    // The main last: some servers delete it only when no other offering is left, others never.
    let (mains, regulars): (Vec<_>, Vec<_>) =
        listed.into_iter().filter(|offering| undo.is_ours(&offering.id)).partition(|offering| offering.is_main);
    let ids = |offerings: Vec<Listed>| offerings.into_iter().map(|offering| offering.id).collect();
    delete_all(project, role, ids(regulars), CONCURRENCY, &mut cleaned).await;
    for main in ids(mains) {
        match project.client.send(Request::to(Endpoint::Delete).id(&main).key(role)).await {
            Ok(exchange)
                if exchange.response.is_rejection() && ![401, 403, 404].contains(&exchange.response.status) =>
            {
                cleaned.undeletable.push(format!("{main} ({})", exchange.response.summary()));
            }
            Ok(exchange) if exchange.response.is_success() => cleaned.removed += 1,
            Ok(exchange) if exchange.response.status == 404 => {}
            Ok(exchange) => cleaned.left.push(format!("{main} ({})", exchange.response.summary())),
            Err(error) => cleaned.left.push(format!("{main} (cannot {error})")),
        }
    }
    cleaned.left.sort();
    Ok(cleaned)
}

async fn delete_all(project: &Project, role: KeyRole, ids: Vec<String>, concurrency: usize, cleaned: &mut Cleaned) {
    let (mut unanswered, mut conflicts) = (0, Vec::new());
    for batch in ids.chunks(concurrency) {
        if unanswered >= MAX_UNANSWERED {
            cleaned.left.extend(batch.iter().map(|id| format!("{id} (not deleted: the target does not respond)")));
            continue;
        }
        let mut deletions = JoinSet::new();
        for id in batch {
            let (client, id) = (project.client.clone(), id.clone());
            deletions.spawn(async move {
                let result = client.send(Request::to(Endpoint::Delete).id(&id).key(role)).await;
                (id, result)
            });
        }
        for (id, result) in deletions.join_all().await {
            match result {
                Ok(exchange) if exchange.response.is_success() => cleaned.removed += 1,
                // 404: another client or an earlier deletion whose response was lost has deleted it.
                Ok(exchange) if exchange.response.status == 404 => {}
                // A correct server may reject all but one of several concurrent writes.
                Ok(exchange) if exchange.response.status == 409 && concurrency > 1 => conflicts.push(id),
                Ok(exchange) => cleaned.left.push(format!("{id} ({})", exchange.response.summary())),
                Err(error) => {
                    unanswered += 1;
                    cleaned.left.push(format!("{id} (cannot {error})"));
                }
            }
        }
    }
    if !conflicts.is_empty() {
        Box::pin(delete_all(project, role, conflicts, 1, cleaned)).await;
    }
}

/// Whether `main` exists and the run has taken its place as main.
fn needs_promotion(listed: &[Listed], main: &str, undo: &Undo) -> bool {
    listed.iter().any(|offering| offering.id == main && !offering.is_main)
        && listed.iter().filter(|other| other.is_main).all(|other| undo.is_ours(&other.id))
}
