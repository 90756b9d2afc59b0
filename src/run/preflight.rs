//! What a target that is not ours must tell before anything is tested on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::clean::Home;
use super::journal::{Before, Journal, JournalError, ProjectRole};
use super::plan::describe;
use super::settings::{Scope, Settings};
use crate::contract::{Endpoint, Need};
use crate::exchange::{KeyRole, Request, Trust};
use crate::finding::Record;
use crate::project::{Fixtures, Project, Session, Snapshot};

/// By how many offerings a project is known again.
const LANDMARKS: usize = 5;

/// What was learnt, and the project with the fixtures that can be relied on.
#[derive(Debug)]
pub(super) struct Preflight {
    pub(super) project: Project,
    /// Needs that are not met, with the reason (empty: nothing was given).
    pub(super) missing: BTreeMap<Need, String>,
    pub(super) home: Home,
    /// Every offering that was there: never ours.
    theirs: BTreeSet<(ProjectRole, String)>,
    pub(super) notes: Vec<String>,
}

/// Why a target cannot be tested, and what was found on the way.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: String,
    pub(super) record: Record,
}

impl Refused {
    /// Nothing was found out about the API.
    pub(super) fn because(reason: String) -> Self {
        Self { reason, record: Record::default() }
    }
}

/// Learns the state of the target: one list for each key, and one request for each other fixture.
///
/// `journal` begins as soon as the projects are known, before anything is sent that could change them.
pub(super) async fn preflight(
    project: Project,
    scope: Scope,
    settings: &Settings,
    journal: Option<&Journal>,
) -> Result<Preflight, Box<Refused>> {
    let mut session = Session::new(project.clone());
    let main = match first_look(&mut session).await {
        Ok(snapshot) => snapshot,
        Err(NoProject::NotTheApi(reason)) => return Err(Box::new(Refused::because(reason))),
        Err(NoProject::Unreadable(reason)) => {
            return Err(Box::new(Refused { reason, record: std::mem::take(&mut session.record) }));
        }
    };
    let mut ready = Preflight {
        project,
        missing: BTreeMap::new(),
        home: Home::default(),
        theirs: BTreeSet::new(),
        notes: Vec::new(),
    };
    ready.found(ProjectRole::Main, &main);
    ready.note_connection();
    ready.learn_products(&main);
    ready.check_projects(&mut session, &main).await;
    if scope != Scope::ReadOnly {
        if let Some(journal) = journal {
            ready.begin(journal, settings).map_err(|error| Box::new(Refused::because(format!("cannot {error}"))))?;
        }
        ready.check_products(&mut session, settings).await?;
        ready.check_variant(&mut session, &main).await;
    }
    for need in [Need::Product, Need::Variant, Need::Empty, Need::SecondProject, Need::LimitedKey] {
        if !ready.project.has(need) {
            ready.missing.entry(need).or_insert_with(|| describe(need, session.project().judge.contract().rules()));
        }
    }
    Ok(ready)
}

fn first_main(snapshot: &Snapshot) -> Option<String> {
    snapshot.mains().first().map(|id| (*id).to_owned())
}

/// Why the first list shows no project.
enum NoProject {
    /// Something else responses: it has no contract to break.
    NotTheApi(String),
    /// The API responses, and what is wrong with its responses counts.
    Unreadable(String),
}

/// The first list, or why the target cannot be tested.
async fn first_look(session: &mut Session) -> Result<Snapshot, NoProject> {
    let first = session.send(Request::to(Endpoint::List).query("limit", "100")).await;
    let response = match &first {
        Err(halt) => return Err(NoProject::Unreadable(halt.to_string())),
        Ok(exchange) => &exchange.response,
    };
    let looks_like_html = response.body().trim_ascii_start().starts_with(b"<")
        || response.header("content-type").is_some_and(|value| value.starts_with("text/html"));
    match response.status {
        401 | 403 => {
            let summary = response.summary();
            Err(NoProject::Unreadable(format!(
                "the target refuses the key with {summary}: check QONFORM_TOKEN (or --token)"
            )))
        }
        301..=308 => Err(NoProject::NotTheApi(format!(
            "the target redirects to `{}`; redirects are not followed: give that URL as --target",
            response.header("location").unwrap_or_default()
        ))),
        _ if looks_like_html => Err(NoProject::NotTheApi(format!(
            "the target returns {} with an HTML page instead of JSON: is {} the base URL of the API?",
            response.status,
            session.project().client.transport().target().base()
        ))),
        404 => Err(NoProject::NotTheApi(format!(
            "the target has no list of offerings: GET {}/offerings is answered {}; is this the base URL of the API?",
            session.project().client.transport().target().base(),
            response.summary()
        ))),
        _ => session.walk(KeyRole::Main).await.map_err(|halt| NoProject::Unreadable(halt.to_string())),
    }
}

impl Preflight {
    /// How many offerings the main project held.
    pub(super) fn offerings(&self) -> usize {
        self.theirs.iter().filter(|(project, _)| *project == ProjectRole::Main).count()
    }

    /// Remembers how a project was.
    fn found(&mut self, project: ProjectRole, snapshot: &Snapshot) {
        let landmarks = snapshot.offerings.iter().filter(|offering| !offering.id.starts_with("qf-"));
        let landmarks = landmarks.take(LANDMARKS).map(|found| (found.id.clone(), found.created_at.clone())).collect();
        self.home.projects.insert(project, Before { main: first_main(snapshot), landmarks });
        self.theirs.extend(snapshot.offerings.iter().map(|offering| (project, offering.id.clone())));
    }

    /// What a reader of the report must know of the way to the target.
    fn note_connection(&mut self) {
        let transport = self.project.client.transport();
        if let Some(proxy) = transport.proxy() {
            self.notes.push(format!("the target was reached through the proxy {proxy}"));
        }
        if transport.settings().trust == Trust::Anybody {
            self.notes.push("--insecure: no certificate was checked, anybody may have answered".into());
        }
    }

    fn begin(&mut self, journal: &Journal, settings: &Settings) -> Result<(), JournalError> {
        let target = self.project.client.transport().target().base();
        let theirs = std::mem::take(&mut self.theirs);
        journal.begin(target, settings.seed, &settings.prefix(), self.home.projects.clone(), theirs)
    }

    /// Products of existing offerings serve when none was named.
    fn learn_products(&mut self, main: &Snapshot) {
        if !self.project.fixtures.products.is_empty() {
            return;
        }
        let mut products: Vec<String> = Vec::new();
        for id in main.offerings.iter().flat_map(|offering| &offering.products) {
            if !products.contains(id) {
                products.push(id.clone());
            }
        }
        if !products.is_empty() {
            self.notes.push(format!(
                "no --product-id was given: {} used that existing offerings hold",
                if products.len() == 1 {
                    "the one product is".into()
                } else {
                    format!("{} products are", products.len())
                }
            ));
            self.project.fixtures = Arc::new(Fixtures { products, ..(*self.project.fixtures).clone() });
        }
    }

    /// Each further key must open what it is said to open.
    async fn check_projects(&mut self, session: &mut Session, main: &Snapshot) {
        if self.project.has(Need::SecondProject) {
            match session.walk(KeyRole::Second).await {
                Ok(second) if !main.offerings.is_empty() && same_project(main, &second) => {
                    let reason = "--second-token opens the same project as --token".to_owned();
                    self.missing.insert(Need::SecondProject, reason);
                }
                Ok(second) => {
                    self.found(ProjectRole::Second, &second);
                }
                Err(halt) => {
                    self.missing.insert(Need::SecondProject, format!("--second-token cannot be used: {halt}"));
                }
            }
        }
        if self.project.has(Need::Empty) {
            match session.walk(KeyRole::Empty).await {
                Ok(empty) if empty.offerings.is_empty() => {
                    self.found(ProjectRole::Empty, &empty);
                }
                Ok(found) => {
                    let reason =
                        format!("the project of --empty-token is not empty: it holds {}", found.offerings.len());
                    self.missing.insert(Need::Empty, reason);
                }
                Err(halt) => {
                    self.missing.insert(Need::Empty, format!("--empty-token cannot be used: {halt}"));
                }
            }
        }
        if self.project.has(Need::LimitedKey)
            && let Ok(listed) = session.send(Request::to(Endpoint::List).key(KeyRole::Limited)).await
            && listed.response.status == 401
        {
            let reason = "the target does not know the key of --limited-token (401)".to_owned();
            self.missing.insert(Need::LimitedKey, reason);
        }
    }

    /// A product that is not registered would make every create look broken.
    async fn check_products(&mut self, session: &mut Session, settings: &Settings) -> Result<(), Box<Refused>> {
        let products = &self.project.fixtures.products;
        if products.is_empty() {
            return Ok(());
        }
        let products = &products[..products.len().min(100)];
        // The first id is refused as well, so that nothing is created even when every product is known. A server that
        // looks at the id first says nothing of the products: then an offering is made with them, and deleted.
        for id in ["pre/flight", "preflight"] {
            let id = format!("{}{id}", settings.prefix());
            let create = Request::to(Endpoint::Create).json(&json!({ "id": id, "product_ids": products }));
            let Ok(answered) = session.send(create).await else { return Ok(()) };
            if answered.response.is_success() {
                // Where it cannot be deleted, the end of the run tries again and tells.
                let _ = session.send(Request::to(Endpoint::Delete).id(&id)).await;
                return Ok(());
            }
            if answered.response.error_code() != Some("product_not_in_project") {
                continue;
            }
            let message = answered.response.json().and_then(|body| body.pointer("/error/message")?.as_str());
            return Err(Box::new(Refused {
                reason: format!(
                    "the target says that a product of --product-id is not registered in the project: {}",
                    message.unwrap_or("product_not_in_project")
                ),
                record: Record::default(),
            }));
        }
        Ok(())
    }

    /// An experiment variant is believed where a get of it is 404 and no list shows it: whatever the other operations
    /// respond is judged then.
    async fn check_variant(&mut self, session: &mut Session, main: &Snapshot) {
        let Some(variant) = self.project.fixtures.variant.clone() else { return };
        let Ok(got) = session.send(Request::to(Endpoint::Get).id(&variant)).await else { return };
        let is_regular = got.response.status == 200 && main.find(&variant).is_some();
        if !is_regular {
            return;
        }
        self.missing
            .insert(Need::Variant, "the offering of --variant-id is a regular one: a get and the list show it".into());
        self.project.fixtures = Arc::new(Fixtures { variant: None, ..(*self.project.fixtures).clone() });
    }
}

fn same_project(one: &Snapshot, other: &Snapshot) -> bool {
    let facts = |snapshot: &Snapshot| -> Vec<(String, String)> {
        snapshot.offerings.iter().map(|offering| (offering.id.clone(), offering.created_at.clone())).collect()
    };
    facts(one) == facts(other)
}
