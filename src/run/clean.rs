//! The target is left as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;

use super::journal::{Before, ProjectRole, Trace};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::finding::Listed;
use crate::project::{Abort, Project, Session};

/// How many deletions are under way at once.
const AT_ONCE: usize = 8;

/// After so many deletions without a response the rest is not tried.
const MAX_UNANSWERED: usize = 3;

/// Cleaning one project ends after this, whatever the target does.
const MAX_DURATION: Duration = Duration::from_mins(2);

/// What a project was like before the run.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    /// The projects that the run may write to.
    pub(super) projects: BTreeMap<ProjectRole, Before>,
}

impl Home {
    /// The main offering that a role's project had.
    pub(super) fn main(&self, role: KeyRole) -> Option<&str> {
        self.projects.get(&ProjectRole::of(role))?.main.as_deref()
    }
}

/// What must be undone in one project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Undo {
    /// What was main before; `None` when nothing was.
    pub(super) main: Option<String>,
    /// Every offering whose id starts with it is ours.
    pub(super) prefix: String,
    /// Others that are ours.
    pub(super) strays: Vec<String>,
    /// All ids that were sent, for when the list cannot be read.
    pub(super) noted: Vec<String>,
}

impl Undo {
    fn is_ours(&self, id: &str) -> bool {
        id.starts_with(&self.prefix) || self.strays.iter().any(|stray| stray == id)
    }
}

/// What cleaning did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cleaned {
    /// How many offerings were deleted.
    pub removed: usize,
    /// The main that was put back.
    pub restored: Option<String>,
    /// Mains that the server does not delete, as it may choose, each with its response.
    pub undeletable: Vec<String>,
    /// Ids that could not be deleted, and the main that could not be put back, each with the reason.
    pub left: Vec<String>,
}

/// Undoes what a journal says, in every project of which there is a key, and looks once more whether it worked.
///
/// A project that is not the journal's (none of its landmarks is there) is not touched.
pub async fn undo_all(project: &Project, trace: &Trace) -> Cleaned {
    let mut all = Cleaned::default();
    for (&owner, before) in &trace.head.projects {
        let role = owner.role();
        if !project.client.keys().has(role) {
            let variable = role.variable();
            let touched = trace.created.iter().chain(&trace.strays).any(|(of, _)| *of == owner);
            if touched {
                all.left.push(format!("everything that starts with {} ({variable} is not set)", trace.head.prefix));
            }
            continue;
        }
        if !before.landmarks.is_empty() && !is_same_project(project, role, before).await {
            let reason = format!("{} does not open the project that the journal speaks of", role.variable());
            all.left.push(format!("everything that starts with {} ({reason})", trace.head.prefix));
            continue;
        }
        let cleaned = clean_up(project, role, &trace.undo(owner)).await;
        all.removed += cleaned.removed;
        all.restored = all.restored.or(cleaned.restored);
        all.undeletable.extend(cleaned.undeletable);
        all.left.extend(cleaned.left);
    }
    all
}

async fn is_same_project(project: &Project, role: KeyRole, before: &Before) -> bool {
    let mut session = Session::new(project.clone());
    match session.walk(role).await {
        Ok(snapshot) => before
            .landmarks
            .iter()
            .any(|(id, created)| snapshot.find(id).is_some_and(|found| found.created_at == *created)),
        // What the reason is comes to light when it is cleaned.
        Err(_) => true,
    }
}

/// Cleans within a limit, and never fails: what could not be done is reported.
pub(super) async fn clean_up(project: &Project, role: KeyRole, undo: &Undo) -> Cleaned {
    let failed = |reason: String| Cleaned {
        left: vec![format!("everything that starts with {} ({reason})", undo.prefix)],
        ..Cleaned::default()
    };
    match tokio::time::timeout(MAX_DURATION, clean(project, role, undo, None)).await {
        Ok(Ok(cleaned)) => cleaned,
        Ok(Err(halt)) => failed(halt.to_string()),
        Err(_) => failed(format!("it could not be removed within {MAX_DURATION:?}")),
    }
}

/// Deletes what is ours in `role`'s project, after making the old main main again. What others made is not touched: a
/// main that another client promoted meanwhile stays. `holds` is what the project holds, where that was just read.
pub(super) async fn clean(
    project: &Project,
    role: KeyRole,
    undo: &Undo,
    holds: Option<Vec<Listed>>,
) -> Result<Cleaned, Abort> {
    let mut cleaned = Cleaned::default();
    let read = match holds {
        Some(listed) => Ok(listed),
        None => Session::new(project.clone()).walk(role).await.map(|snapshot| snapshot.listed()),
    };
    let listed = match read {
        Ok(listed) => listed,
        // A list that cannot be read is no reason to leave what we know by name.
        Err(Abort::Blocked(reason)) if !undo.noted.is_empty() || !undo.strays.is_empty() => {
            if let Some(main) = &undo.main {
                cleaned.left.push(format!("{main} (may not be main again: {reason})"));
            }
            let ids = undo.noted.iter().chain(&undo.strays).cloned().collect();
            delete_all(project, role, ids, AT_ONCE, &mut cleaned).await;
            return Ok(cleaned);
        }
        Err(halt) => return Err(halt),
    };
    if let Some(main) = undo.main.as_ref().filter(|main| needs_promotion(&listed, main, undo)) {
        let request = Request::to(Endpoint::SetMain).id(main).key(role);
        match project.client.send(request).await {
            Ok(exchange) if exchange.response.is_success() => cleaned.restored = Some(main.clone()),
            Ok(exchange) => cleaned.left.push(format!("{main} (is not main again: {})", exchange.response.summary())),
            Err(error) => cleaned.left.push(format!("{main} (is not main again: cannot {error})")),
        }
    }
    // The main goes last: it can be deleted on some servers only when nothing else is left, on others never.
    let (mains, regulars): (Vec<_>, Vec<_>) =
        listed.into_iter().filter(|offering| undo.is_ours(&offering.id)).partition(|offering| offering.is_main);
    let ids = |offerings: Vec<Listed>| offerings.into_iter().map(|offering| offering.id).collect();
    delete_all(project, role, ids(regulars), AT_ONCE, &mut cleaned).await;
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

async fn delete_all(project: &Project, role: KeyRole, ids: Vec<String>, at_once: usize, cleaned: &mut Cleaned) {
    let (mut unanswered, mut refused) = (0, Vec::new());
    for batch in ids.chunks(at_once) {
        if unanswered >= MAX_UNANSWERED {
            cleaned.left.extend(batch.iter().map(|id| format!("{id} (not tried: the target does not return)")));
            continue;
        }
        let mut deletions = JoinSet::new();
        for id in batch {
            let (client, id) = (project.client.clone(), id.clone());
            deletions.spawn(async move {
                let answered = client.send(Request::to(Endpoint::Delete).id(&id).key(role)).await;
                (id, answered)
            });
        }
        for (id, answered) in deletions.join_all().await {
            match answered {
                Ok(exchange) if exchange.response.is_success() => cleaned.removed += 1,
                // 404: another client, or an earlier try whose response was lost, has deleted it.
                Ok(exchange) if exchange.response.status == 404 => {}
                // Of several writes at once a right server may refuse all but one.
                Ok(exchange) if exchange.response.status == 409 && at_once > 1 => refused.push(id),
                Ok(exchange) => cleaned.left.push(format!("{id} ({})", exchange.response.summary())),
                Err(error) => {
                    unanswered += 1;
                    cleaned.left.push(format!("{id} (cannot {error})"));
                }
            }
        }
    }
    if !refused.is_empty() {
        Box::pin(delete_all(project, role, refused, 1, cleaned)).await;
    }
}

/// Whether `main` is there and is not main, and that is our doing.
fn needs_promotion(listed: &[Listed], main: &str, undo: &Undo) -> bool {
    listed.iter().any(|offering| offering.id == main && !offering.is_main)
        && listed.iter().filter(|other| other.is_main).all(|other| undo.is_ours(&other.id))
}
