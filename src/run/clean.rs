//! Restores the target: deletes the offerings of the run and makes the previous main main again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;

use super::changed::{self, Changes, HeldComparison};
use super::held::{Held, InitialProject, ProjectRole, STALE_READS};
use super::journal::JournalState;
use super::undo::{Restoration, Undo};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request, Response};
use crate::finding::{ChangedOffering, Listed};
use crate::project::{Abort, Project, Session};

/// After so many deletions without a response no more are sent.
const MAX_UNANSWERED: usize = 3;

/// What may be left when a project cannot be read.
const EVERYTHING: &str = "everything that starts with";

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

/// Result of cleaning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cleaned {
    /// Number of deleted offerings.
    pub removed: usize,
    /// The previous main of each project in which cleaning has promoted it again.
    pub restored: Vec<String>,
    /// Mains whose deletion the server rejects, as the contract permits, each with the response.
    pub undeletable: Vec<String>,
    /// Ids that could not be deleted, and the main that could not be restored, each with the reason.
    pub left: Vec<String>,
    /// What else differs from the state before the run, a sentence each.
    pub notes: Vec<String>,
    /// Offerings of others that the server changed in an exclusive project, and that could not be put back.
    pub changed: Vec<ChangedOffering>,
    /// What differs in a project to which other clients may have written, a sentence each.
    pub unclear: Vec<String>,
}

impl Cleaned {
    /// Adds what cleaning another project did.
    pub(super) fn add(&mut self, other: Self) {
        self.removed += other.removed;
        self.restored.extend(other.restored);
        self.undeletable.extend(other.undeletable);
        self.left.extend(other.left);
        self.notes.extend(other.notes);
        self.changed.extend(other.changed);
        self.unclear.extend(other.unclear);
    }
}

/// Undoes the writes in a journal, in every project whose key is known.
///
/// A project that contains none of the journal's landmarks is another project and is not changed. Other clients may have
/// written to it since the run, so that a main that they promoted stays main.
pub async fn undo_all(project: &Project, state: &JournalState) -> Cleaned {
    let project = &Project { client: project.client.clone().for_cleanup(), is_exclusive: false, ..project.clone() };
    let (mut all, mut projects) = (Cleaned::default(), Vec::new());
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
        projects.push(state.restoration(owner));
    }
    all.add(restore_all(project, &projects).await);
    all
}

/// Cleans projects, then compares each with what it held before the run: cleaning one may show a fault in another.
pub(super) async fn restore_all(project: &Project, projects: &[Restoration<'_>]) -> Cleaned {
    let mut all = Vec::new();
    for Restoration { role, undo, .. } in projects {
        all.push(clean_up(project, *role, undo).await);
    }
    let mut changes = Vec::new();
    for (of, cleaned) in projects.iter().zip(&mut all) {
        changes.push(compare(project, of, cleaned, None).await);
    }
    if projects.len() > 1 && changes.iter().flatten().any(|changes| !changes.written.is_empty()) {
        // What is put back in one project may change another.
        for ((of, cleaned), changes) in projects.iter().zip(&mut all).zip(&mut changes) {
            *changes = compare(project, of, cleaned, changes.take()).await;
        }
    }
    let mut sum = Cleaned::default();
    for ((of, mut cleaned), changes) in projects.iter().zip(all).zip(changes) {
        report(project, of, &mut cleaned, changes.unwrap_or_default());
        sum.add(cleaned);
    }
    sum
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

/// Cleans a project within [`MAX_DURATION`]; the result lists what could not be deleted or restored. In an exclusive
/// project a main that the run did not promote is the server's doing and is replaced too.
async fn clean_up(project: &Project, role: KeyRole, undo: &Undo) -> Cleaned {
    let failed = |reason: String| Cleaned {
        left: vec![format!("{EVERYTHING} {} ({reason})", undo.prefix)],
        ..Cleaned::default()
    };
    let project = Project { client: project.client.clone().for_cleanup(), ..project.clone() };
    let cleaning = async {
        let mut cleaned = clean(&project, role, undo, None).await?;
        restored(&project, role, undo, &mut cleaned).await?;
        Ok::<_, Abort>(cleaned)
    };
    match tokio::time::timeout(MAX_DURATION, cleaning).await {
        Ok(Ok(cleaned)) => cleaned,
        Ok(Err(abort)) => failed(abort.to_string()),
        Err(_) => failed(format!("not deleted within {MAX_DURATION:?}")),
    }
}

/// Compares a project with what it held before the run within [`MAX_DURATION`]. In an exclusive one it puts back what
/// differs, unless it has done so `before`.
async fn compare(
    project: &Project,
    of: &Restoration<'_>,
    cleaned: &mut Cleaned,
    before: Option<Changes>,
) -> Option<Changes> {
    let is_ours = |id: &str| of.undo.is_ours(id);
    let known: Vec<String> = cleaned.left.iter().chain(&cleaned.undeletable).cloned().collect();
    let is_reported =
        |id: &str| known.iter().any(|left| left.strip_prefix(id).is_some_and(|reason| reason.starts_with(" (")));
    let comparison = HeldComparison {
        project: &Project { client: project.client.clone().for_cleanup(), ..project.clone() },
        role: of.role,
        held: of.held,
        main: of.undo.main.as_deref(),
        is_ours: &is_ours,
        waits: &STALE_READS,
        is_reported: &is_reported,
    };
    let comparing = async {
        match before {
            None if project.is_exclusive => comparison.put_back().await,
            before => {
                let before = before.unwrap_or_default();
                Ok(Changes { changed: comparison.differing(&before.written).await?, ..before })
            }
        }
    };
    let reason = match tokio::time::timeout(MAX_DURATION, comparing).await {
        Ok(Ok(changes)) => return Some(changes),
        Ok(Err(abort)) => abort.to_string(),
        Err(_) => format!("not read within {MAX_DURATION:?}"),
    };
    // What is left of the run may show only there.
    let prefix = &of.undo.prefix;
    if !cleaned.left.iter().any(|left| left.starts_with(EVERYTHING)) {
        cleaned.left.push(format!("{EVERYTHING} {prefix} (not compared with before the run: {reason})"));
    }
    None
}

/// Compares the demoted main with what it was, and puts back what the API can; its role is restored at the end.
pub(super) async fn put_back_demoted(project: &Project, of: &Restoration<'_>, main: &Held) -> Option<Changes> {
    let comparison = HeldComparison {
        project,
        role: of.role,
        held: std::slice::from_ref(main),
        main: Some(&main.id),
        is_ours: &|_| false,
        // An old response shows what was there before.
        waits: &STALE_READS[..1],
        is_reported: &|_| true,
    };
    tokio::time::timeout(MAX_DURATION, comparison.put_back()).await.ok()?.ok()
}

/// Adds what differs to the result of cleaning.
fn report(project: &Project, of: &Restoration<'_>, cleaned: &mut Cleaned, changes: Changes) {
    cleaned.notes.extend(changes.notes());
    let (ours, others): (Vec<_>, Vec<_>) =
        changes.changed.into_iter().partition(|changed| of.undo.is_ours(&changed.id));
    cleaned.left.extend(ours.into_iter().map(|ours| format!("{} (deleted, but the list contains it)", ours.id)));
    if project.is_exclusive {
        cleaned.changed = others;
    } else {
        cleaned.unclear = changed::unclear(&others);
    }
}

/// Restores the previous main in `role`'s project, then deletes the offerings of the run: those in the list and those
/// that it created and did not delete. Offerings of other clients do not change: a main that another client promoted
/// meanwhile stays main. `current` is the list, if it was just read.
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
        Err(Abort::Blocked(_)) if undo.known().next().is_some() => Vec::new(),
        Err(abort) => return Err(abort),
    };
    if let Some(main) = undo.main.as_ref().filter(|main| needs_promotion(&listed, main, undo, project.is_exclusive)) {
        // The end of the run reads the main and reports what failed.
        let sent = project.client.send(Request::to(Endpoint::SetMain).id(main).key(role)).await;
        let is_rejected = sent.is_ok_and(|exchange| exchange.response.is_rejection());
        cleaned.restored.extend((!is_rejected).then(|| main.clone()));
    }
    // The main last: some servers delete it only when no other offering is left, others never.
    let (mains, regulars): (Vec<_>, Vec<_>) =
        listed.into_iter().filter(|offering| undo.is_ours(&offering.id)).partition(|offering| offering.is_main);
    let is_listed = |id: &str| mains.iter().chain(&regulars).any(|offering| offering.id == id);
    let unlisted: Vec<_> = undo.known().filter(|id| !is_listed(id)).cloned().collect();
    let ids = |offerings: Vec<Listed>| offerings.into_iter().map(|offering| offering.id).collect();
    let mut kept = delete_all(project, role, ids(regulars), project.at_once, &mut cleaned).await;
    for (id, rejection) in delete_all(project, role, unlisted, project.at_once, &mut cleaned).await {
        // An invalid id of a create that was interrupted: a server that rejects it in every request has not created it.
        let got = project.client.send(Request::to(Endpoint::Get).id(&id).key(role)).await;
        if got.map_or(true, |got| got.response.status != rejection.status || [401, 403].contains(&rejection.status)) {
            kept.push((id, rejection));
        }
    }
    cleaned.left.extend(kept.into_iter().map(|(id, rejection)| format!("{id} ({})", rejection.summary())));
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

/// Reads the previous main and promotes it unless it is main; a read may be cached for a moment.
async fn restored(project: &Project, role: KeyRole, undo: &Undo, cleaned: &mut Cleaned) -> Result<(), Abort> {
    let Some(main) = &undo.main else {
        if let Some(other) = another_main(project, role, undo).await? {
            cleaned.notes.push(format!("`{other}` is main now; before the run no offering was"));
        }
        return Ok(());
    };
    let (promoted, mut problem) = (std::mem::take(&mut cleaned.restored), None);
    for wait in STALE_READS {
        tokio::time::sleep(wait).await;
        let got = project.client.send(Request::to(Endpoint::Get).id(main).key(role)).await?.response;
        let tag = got.json().and_then(|body| body.get("tag")).filter(|_| got.status == 200);
        if tag.is_some_and(|tag| tag == 1) {
            // Without a promotion it was main all the time, or the run itself has restored it.
            let is_restored = !promoted.is_empty() || problem.is_some();
            cleaned.restored.extend(is_restored.then(|| main.clone()));
            return Ok(());
        }
        if !project.is_exclusive {
            if got.status == 404 {
                cleaned.notes.push(format!("`{main}`, which was main before the run, does not exist any more"));
                return Ok(());
            }
            if let Some(other) = another_main(project, role, undo).await? {
                cleaned.notes.push(format!("`{other}` is main now and stays main; before the run `{main}` was"));
                return Ok(());
            }
        }
        problem = Some(match tag {
            Some(tag) => format!("GET returned tag {tag}"),
            None => format!("GET returned {}", got.summary()),
        });
        let promoted = project.client.send(Request::to(Endpoint::SetMain).id(main).key(role)).await?;
        if !promoted.response.is_success() {
            problem = Some(format!("set-main returned {}", promoted.response.summary()));
        }
    }
    cleaned.left.extend(problem.map(|problem| format!("{main} (is not main again: {problem})")));
    Ok(())
}

/// The main in the list, if it is neither of the run nor the previous one.
async fn another_main(project: &Project, role: KeyRole, undo: &Undo) -> Result<Option<String>, Abort> {
    let listed = Session::new(project.clone()).walk(role).await?.listed();
    let is_other = |offering: &Listed| Some(&offering.id) != undo.main.as_ref() && !undo.is_ours(&offering.id);
    Ok(listed.into_iter().find(|offering| offering.is_main && is_other(offering)).map(|offering| offering.id))
}

/// Deletes offerings; returns those whose deletion the server rejected.
async fn delete_all(
    project: &Project,
    role: KeyRole,
    ids: Vec<String>,
    concurrency: usize,
    cleaned: &mut Cleaned,
) -> Vec<(String, Response)> {
    let (mut unanswered, mut conflicts, mut rejected) = (0, Vec::new(), Vec::new());
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
                Ok(exchange) => rejected.push((id, exchange.response)),
                Err(error) => {
                    unanswered += 1;
                    cleaned.left.push(format!("{id} (cannot {error})"));
                }
            }
        }
    }
    if !conflicts.is_empty() {
        rejected.extend(Box::pin(delete_all(project, role, conflicts, 1, cleaned)).await);
    }
    rejected
}

/// Whether the run has taken the place of `main`: the list shows it, or the journal if the list does not contain `main`.
/// Another main may be one that the server promoted when the run deleted the main, unless other clients write too.
fn needs_promotion(listed: &[Listed], main: &str, undo: &Undo, is_exclusive: bool) -> bool {
    let shown = listed.iter().find(|offering| offering.id == main);
    let is_expected = |other: &Listed| is_exclusive || other.id == main || undo.is_ours(&other.id);
    shown.map_or(undo.is_displaced, |offering| !offering.is_main)
        && listed.iter().filter(|other| other.is_main).all(is_expected)
}
