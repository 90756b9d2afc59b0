//! Checks an external target before any case runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::clean::InitialState;
use super::journal::{InitialProject, Journal, JournalError, ProjectRole};
use super::plan::describe;
use super::settings::{Scope, Settings};
use crate::contract::{Endpoint, Need};
use crate::exchange::{KeyRole, Request, Trust};
use crate::finding::Record;
use crate::project::{Fixtures, Project, Session, Snapshot};

/// Number of offerings that identify a project.
const LANDMARKS: usize = 5;

/// Result of the checks.
#[derive(Debug)]
pub(super) struct Preflight {
    /// The project with the fixtures that the checks confirmed.
    pub(super) project: Project,
    /// Unmet needs, each with the reason.
    pub(super) missing: BTreeMap<Need, String>,
    pub(super) initial: InitialState,
    /// Offerings that existed before the run.
    existing: BTreeSet<(ProjectRole, String)>,
    pub(super) notes: Vec<String>,
}

/// Why a target cannot be tested, with the failures of its first responses.
#[derive(Debug)]
pub(super) struct PreflightError {
    pub(super) reason: String,
    pub(super) record: Record,
}

impl PreflightError {
    /// Without failures.
    pub(super) fn new(reason: String) -> Self {
        Self { reason, record: Record::default() }
    }
}

/// Checks the target: one list for each key, and one request for each other fixture.
///
/// The header of `journal` is written when the projects are known, before the first write.
pub(super) async fn preflight(
    project: Project,
    scope: Scope,
    settings: &Settings,
    journal: Option<&Journal>,
) -> Result<Preflight, Box<PreflightError>> {
    let mut session = Session::new(project.clone());
    let main = match first_list(&mut session).await {
        Ok(snapshot) => snapshot,
        Err(FirstListError::NotTheApi(reason)) => return Err(Box::new(PreflightError::new(reason))),
        Err(FirstListError::Unreadable(reason)) => {
            return Err(Box::new(PreflightError { reason, record: std::mem::take(&mut session.record) }));
        }
    };
    let mut preflight = Preflight {
        project,
        missing: BTreeMap::new(),
        initial: InitialState::default(),
        existing: BTreeSet::new(),
        notes: Vec::new(),
    };
    preflight.remember(ProjectRole::Main, &main);
    preflight.note_connection();
    preflight.adopt_products(&main);
    preflight.check_projects(&mut session, &main).await;
    if scope != Scope::ReadOnly {
        if let Some(journal) = journal {
            preflight
                .begin(journal, settings)
                .map_err(|error| Box::new(PreflightError::new(format!("cannot {error}"))))?;
        }
        preflight.check_products(&mut session, settings).await?;
        preflight.check_variant(&mut session, &main).await;
    }
    for need in [Need::Product, Need::Variant, Need::Empty, Need::SecondProject, Need::LimitedKey] {
        if !preflight.project.has(need) {
            preflight.missing.entry(need).or_insert_with(|| describe(need, session.project().judge.contract().rules()));
        }
    }
    Ok(preflight)
}

fn first_main(snapshot: &Snapshot) -> Option<String> {
    snapshot.mains().first().map(|id| (*id).to_owned())
}

/// Why the first list could not be read.
enum FirstListError {
    /// The target is not the API, so its responses are no failures.
    NotTheApi(String),
    /// The target is the API, and the failures of its responses count.
    Unreadable(String),
}

/// Reads the list for the first time.
async fn first_list(session: &mut Session) -> Result<Snapshot, FirstListError> {
    let first = session.send(Request::to(Endpoint::List).query("limit", "100")).await;
    let response = match &first {
        Err(abort) => return Err(FirstListError::Unreadable(abort.to_string())),
        Ok(exchange) => &exchange.response,
    };
    let looks_like_html = response.body().trim_ascii_start().starts_with(b"<")
        || response.header("content-type").is_some_and(|value| value.starts_with("text/html"));
    match response.status {
        401 | 403 => {
            let summary = response.summary();
            Err(FirstListError::Unreadable(format!(
                "the target rejected the key with {summary}: check QONFORM_TOKEN or --token"
            )))
        }
        301..=308 => Err(FirstListError::NotTheApi(format!(
            "the target redirects to `{}`; redirects are not followed: use that URL as --target",
            response.header("location").unwrap_or_default()
        ))),
        _ if looks_like_html => Err(FirstListError::NotTheApi(format!(
            "the target returns {} with an HTML page instead of JSON: is {} the base URL of the API?",
            response.status,
            session.project().client.transport().target().base()
        ))),
        404 => Err(FirstListError::NotTheApi(format!(
            "the target has no list of offerings: GET {}/offerings returned {}; is this the base URL of the API?",
            session.project().client.transport().target().base(),
            response.summary()
        ))),
        _ => session.walk(KeyRole::Main).await.map_err(|abort| FirstListError::Unreadable(abort.to_string())),
    }
}

impl Preflight {
    /// Number of offerings in the main project before the run.
    pub(super) fn offerings(&self) -> usize {
        self.existing.iter().filter(|(project, _)| *project == ProjectRole::Main).count()
    }

    /// Remembers the initial state of a project.
    fn remember(&mut self, project: ProjectRole, snapshot: &Snapshot) {
        let landmarks = snapshot.offerings.iter().filter(|offering| !offering.id.starts_with("qf-"));
        let landmarks = landmarks.take(LANDMARKS).map(|found| (found.id.clone(), found.created_at.clone())).collect();
        self.initial.projects.insert(project, InitialProject { main: first_main(snapshot), landmarks });
        self.existing.extend(snapshot.offerings.iter().map(|offering| (project, offering.id.clone())));
    }

    /// Notes facts about the connection that affect the trust in the report.
    fn note_connection(&mut self) {
        let transport = self.project.client.transport();
        if let Some(proxy) = transport.proxy() {
            self.notes.push(format!("the target was reached through the proxy {proxy}"));
        }
        if transport.settings().trust == Trust::Any {
            self.notes.push(
                "--insecure: the certificate was not checked, so the responses may come from another server".into(),
            );
        }
    }

    fn begin(&mut self, journal: &Journal, settings: &Settings) -> Result<(), JournalError> {
        let target = self.project.client.transport().target().base();
        let existing = std::mem::take(&mut self.existing);
        journal.begin(target, settings.seed, &settings.prefix(), self.initial.projects.clone(), existing)
    }

    /// Uses the products of existing offerings when none is configured.
    fn adopt_products(&mut self, main: &Snapshot) {
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
                "no --product-id is set, so {} used that existing offerings contain",
                if products.len() == 1 { "1 product is".into() } else { format!("{} products are", products.len()) }
            ));
            self.project.fixtures = Arc::new(Fixtures { products, ..(*self.project.fixtures).clone() });
        }
    }

    /// Checks that each further key opens the project that it is meant for.
    async fn check_projects(&mut self, session: &mut Session, main: &Snapshot) {
        if self.project.has(Need::SecondProject) {
            match session.walk(KeyRole::Second).await {
                Ok(second) if !main.offerings.is_empty() && same_project(main, &second) => {
                    let reason = "--second-token opens the same project as --token".to_owned();
                    self.missing.insert(Need::SecondProject, reason);
                }
                Ok(second) => {
                    self.remember(ProjectRole::Second, &second);
                }
                Err(abort) => {
                    self.missing.insert(Need::SecondProject, format!("--second-token cannot be used: {abort}"));
                }
            }
        }
        if self.project.has(Need::Empty) {
            match session.walk(KeyRole::Empty).await {
                Ok(empty) if empty.offerings.is_empty() => {
                    self.remember(ProjectRole::Empty, &empty);
                }
                Ok(found) => {
                    let reason = format!(
                        "the project of --empty-token is not empty: number of offerings: {}",
                        found.offerings.len()
                    );
                    self.missing.insert(Need::Empty, reason);
                }
                Err(abort) => {
                    self.missing.insert(Need::Empty, format!("--empty-token cannot be used: {abort}"));
                }
            }
        }
        if self.project.has(Need::LimitedKey)
            && let Ok(listed) = session.send(Request::to(Endpoint::List).key(KeyRole::Limited)).await
            && listed.response.status == 401
        {
            let reason = "the target rejected the key of --limited-token with 401".to_owned();
            self.missing.insert(Need::LimitedKey, reason);
        }
    }

    /// Checks that the products are registered: with an unknown product every create would fail.
    async fn check_products(&mut self, session: &mut Session, settings: &Settings) -> Result<(), Box<PreflightError>> {
        let products = &self.project.fixtures.products;
        if products.is_empty() {
            return Ok(());
        }
        let products = &products[..products.len().min(100)];
        // The first id is invalid, so that nothing is created even when every product is known. A server that checks
        // the id first does not report the products: then an offering with a valid id is created and deleted.
        for id in ["pre/flight", "preflight"] {
            let id = format!("{}{id}", settings.prefix());
            let create = Request::to(Endpoint::Create).json(&json!({ "id": id, "product_ids": products }));
            let Ok(created) = session.send(create).await else { return Ok(()) };
            if created.response.is_success() {
                // If it cannot be deleted, the end of the run repeats that and reports it.
                let _ = session.send(Request::to(Endpoint::Delete).id(&id)).await;
                return Ok(());
            }
            if created.response.error_code() != Some("product_not_in_project") {
                continue;
            }
            let message = created.response.json().and_then(|body| body.pointer("/error/message")?.as_str());
            return Err(Box::new(PreflightError {
                reason: format!(
                    "a product of --product-id is not registered in the project: the target returned {}",
                    message.unwrap_or("product_not_in_project")
                ),
                record: Record::default(),
            }));
        }
        Ok(())
    }

    /// Checks that the variant is not a regular offering, which a get returns and the list contains.
    async fn check_variant(&mut self, session: &mut Session, main: &Snapshot) {
        let Some(variant) = self.project.fixtures.variant.clone() else { return };
        let Ok(got) = session.send(Request::to(Endpoint::Get).id(&variant)).await else { return };
        let is_regular = got.response.status == 200 && main.find(&variant).is_some();
        if !is_regular {
            return;
        }
        self.missing.insert(
            Need::Variant,
            "the offering of --variant-id is not a variant: a get returns it and the list contains it".into(),
        );
        self.project.fixtures = Arc::new(Fixtures { variant: None, ..(*self.project.fixtures).clone() });
    }
}

fn same_project(one: &Snapshot, other: &Snapshot) -> bool {
    let facts = |snapshot: &Snapshot| -> Vec<(String, String)> {
        snapshot.offerings.iter().map(|offering| (offering.id.clone(), offering.created_at.clone())).collect()
    };
    facts(one) == facts(other)
}
