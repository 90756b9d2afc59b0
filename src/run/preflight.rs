//! Checks an external target before any case runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::clean::InitialState;
use super::external::PREFLIGHT;
use super::held::{self, Held, InitialProject, ProjectRole};
use super::journal::{Journal, JournalError};
use super::plan::describe;
use super::settings::{Scope, Settings};
use crate::contract::{Endpoint, Need};
use crate::exchange::{Exchange, KeyRole, Request, TransportError, Trust};
use crate::finding::{Abort, CaseResult, Record};
use crate::offerings::Context;
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
    /// Number of offerings in the main project before the run.
    pub(super) offerings: usize,
    pub(super) notes: Vec<String>,
    /// The result of the offering that the checks created and deleted, judged as in a case.
    pub(super) created: Option<CaseResult>,
}

/// Why a target is not tested.
#[derive(Debug)]
pub(super) enum PreflightError {
    /// The target shows that an argument is wrong: a clause after "cannot".
    Argument(String),
    /// The target cannot be tested; with the failures of its first responses.
    Target { reason: String, record: Box<Record> },
}

impl PreflightError {
    /// The target cannot be tested; without failures.
    pub(super) fn target(reason: String) -> Self {
        Self::Target { reason, record: Box::default() }
    }
}

/// Checks the target: the list of each key, and one request for each other fixture.
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
        Err(FirstListError::NotTheApi(reason)) => return Err(Box::new(PreflightError::target(reason))),
        Err(FirstListError::Unreadable(reason)) => {
            let record = Box::new(std::mem::take(&mut session.record));
            return Err(Box::new(PreflightError::Target { reason, record }));
        }
    };
    let mut preflight = Preflight {
        project,
        missing: BTreeMap::new(),
        initial: InitialState::default(),
        offerings: main.offerings.len(),
        notes: Vec::new(),
        created: None,
    };
    preflight.remember(ProjectRole::Main, &main);
    preflight.note_connection();
    preflight.adopt_products(&main);
    preflight.check_variant(&mut session, &main).await?;
    preflight.check_limited(&mut session, &main).await?;
    let projects = preflight.check_projects(&mut session, main).await?;
    if scope == Scope::ReadOnly {
        preflight.leave_out_equal(&projects);
    } else {
        if let Some(journal) = journal {
            let held = preflight.read_held(settings, &projects).await;
            preflight
                .begin(journal, settings, held)
                .map_err(|error| Box::new(PreflightError::target(format!("cannot {error}"))))?;
        }
        check_equal(&mut session, settings, &projects).await?;
        preflight.check_products(&mut session, settings).await?;
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
        Err(Abort::World(error @ TransportError::Connect { .. })) => {
            let hint = "is the server running, and is this the URL of --target?";
            return Err(FirstListError::Unreadable(format!("cannot {error}; {hint}")));
        }
        Err(abort) => return Err(FirstListError::Unreadable(abort.to_string())),
        Ok(exchange) => &exchange.response,
    };
    let base = session.project().client.transport().target().base();
    if let Some(what) = response.foreign() {
        return Err(FirstListError::NotTheApi(format!("the target {what}; is {base} the base URL of the API?")));
    }
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
        404 => Err(FirstListError::NotTheApi(format!(
            "the target has no list of offerings: GET {base}/offerings returned {}; is this the base URL of the API?",
            response.summary()
        ))),
        _ => session.walk(KeyRole::Main).await.map_err(|abort| FirstListError::Unreadable(abort.to_string())),
    }
}

impl Preflight {
    /// Remembers the initial state of a project.
    fn remember(&mut self, project: ProjectRole, snapshot: &Snapshot) {
        let landmarks = snapshot.offerings.iter().filter(|offering| !offering.id.starts_with("qf-"));
        let landmarks = landmarks.take(LANDMARKS).map(|found| (found.id.clone(), found.created_at.clone())).collect();
        self.initial.projects.insert(project, InitialProject { main: first_main(snapshot), landmarks });
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

    /// Reads what the projects hold, which the end of the run compares.
    async fn read_held(
        &self,
        settings: &Settings,
        projects: &[(KeyRole, Snapshot)],
    ) -> BTreeMap<ProjectRole, Vec<Held>> {
        let project = Project { at_once: settings.at_once(), ..self.project.clone() };
        let mut all = BTreeMap::new();
        for (role, snapshot) in projects {
            all.insert(ProjectRole::of(*role), held::read(&project, *role, snapshot).await);
        }
        all
    }

    fn begin(
        &self,
        journal: &Journal,
        settings: &Settings,
        held: BTreeMap<ProjectRole, Vec<Held>>,
    ) -> Result<(), JournalError> {
        let target = self.project.client.transport().target().base();
        journal.begin(target, settings.seed, &settings.prefix(), self.initial.projects.clone(), held)
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

    /// Checks that the target accepts each further key, and reads its project.
    async fn check_projects(
        &mut self,
        session: &mut Session,
        main: Snapshot,
    ) -> Result<Vec<(KeyRole, Snapshot)>, Box<PreflightError>> {
        let mut projects = vec![(KeyRole::Main, main)];
        for (role, need) in [(KeyRole::Second, Need::SecondProject), (KeyRole::Empty, Need::Empty)] {
            if !self.project.has(need) {
                continue;
            }
            check_accepted(session, role, &[401, 403]).await?;
            match session.walk(role).await {
                Ok(found) if role == KeyRole::Empty && !found.offerings.is_empty() => {
                    let reason = format!(
                        "the project of --empty-token is not empty: number of offerings: {}",
                        found.offerings.len()
                    );
                    self.missing.insert(need, reason);
                }
                Ok(found) => {
                    self.remember(ProjectRole::of(role), &found);
                    projects.push((role, found));
                }
                Err(abort) => {
                    self.missing.insert(need, format!("{} cannot be used: {abort}", flag(role)));
                }
            }
        }
        Ok(projects)
    }

    /// Checks that the target knows the limited key, and that it opens no other project: what a case creates there
    /// would stay.
    async fn check_limited(&mut self, session: &mut Session, main: &Snapshot) -> Result<(), Box<PreflightError>> {
        if !self.project.has(Need::LimitedKey) {
            return Ok(());
        }
        let listed = check_accepted(session, KeyRole::Limited, &[401]).await?;
        if !listed.is_some_and(|listed| listed.response.is_success()) {
            return Ok(());
        }
        let Ok(found) = session.walk(KeyRole::Limited).await else { return Ok(()) };
        let has_own = |one: &Snapshot, other: &Snapshot| one.offerings.iter().any(|own| other.find(&own.id).is_none());
        // Another client that creates or deletes an offering meanwhile makes only one of the lists longer.
        if !(has_own(main, &found) && has_own(&found, main)) {
            // Its permissions are judged by the rule about them.
            return Ok(());
        }
        Err(Box::new(PreflightError::Argument(
            "use --limited-token: it opens another project than --token; give a key of the same project without \
             permission for offerings"
                .into(),
        )))
    }

    /// Leaves out the rules about a second project whose list is that of the main one: reading does not show whether it
    /// is another.
    fn leave_out_equal(&mut self, projects: &[(KeyRole, Snapshot)]) {
        let find = |role: KeyRole| projects.iter().find(|(known, _)| *known == role).map(|(_, snapshot)| snapshot);
        if let (Some(main), Some(second)) = (find(KeyRole::Main), find(KeyRole::Second))
            && !main.offerings.is_empty()
            && are_equal(main, second)
        {
            let reason = "--second-token and --token list the same offerings".to_owned();
            self.missing.insert(Need::SecondProject, reason);
        }
    }

    /// Checks that the products are registered: with an unknown product every create would fail.
    async fn check_products(&mut self, session: &mut Session, settings: &Settings) -> Result<(), Box<PreflightError>> {
        let products = &self.project.fixtures.products;
        if products.is_empty() {
            return Ok(());
        }
        let products = &products[..products.len().min(100)];
        let create = |id: &str| Request::to(Endpoint::Create).json(&json!({ "id": id, "product_ids": products }));
        // The first id is invalid, so that nothing is created even when every product is known. A server that checks
        // the id first does not report the products: then an offering with a valid id is created and deleted.
        let id = format!("{}pre/flight", settings.prefix());
        let Ok(rejected) = session.send(create(&id)).await else { return Ok(()) };
        reject_unregistered(&rejected)?;
        if rejected.response.is_success() {
            let _ = session.send(Request::to(Endpoint::Delete).id(&id)).await;
            return Ok(());
        }
        let naming = settings.naming(PREFLIGHT, 0);
        let id = format!("{}a", naming.case_prefix());
        let mut cx = match Context::open(self.project.clone().for_case(PREFLIGHT), naming).await {
            Ok(cx) => cx,
            Err(result) => {
                self.created = Some(result);
                return Ok(());
            }
        };
        let sent = cx.send(create(&id)).await;
        if let Ok(created) = &sent {
            reject_unregistered(created)?;
        }
        // If it cannot be deleted, the end of the run repeats that and reports it.
        self.created = Some(cx.close(sent.map(drop)).await);
        Ok(())
    }

    /// Checks that the variant is not a regular offering, which a get returns and the list contains.
    async fn check_variant(&self, session: &mut Session, main: &Snapshot) -> Result<(), Box<PreflightError>> {
        let Some(variant) = &self.project.fixtures.variant else { return Ok(()) };
        if main.find(variant).is_none() {
            return Ok(());
        }
        let Ok(got) = session.send(Request::to(Endpoint::Get).id(variant)).await else { return Ok(()) };
        if !got.response.is_success() {
            return Ok(());
        }
        Err(Box::new(PreflightError::Argument(format!(
            "use `{variant}` of --variant-id: it is a regular offering, which GET returns and the list contains; give \
             the id of an experiment variant (a server that shows one violates get.variant-hidden and \
             list.excludes-variants)"
        ))))
    }
}

/// An error if a create was rejected because of an unregistered product.
fn reject_unregistered(create: &Exchange) -> Result<(), Box<PreflightError>> {
    let response = &create.response;
    if response.error_code() != Some("product_not_in_project") {
        return Ok(());
    }
    let message = response.json().and_then(|body| body.pointer("/error/message")?.as_str());
    Err(Box::new(PreflightError::target(format!(
        "a product of --product-id is not registered in the project: the target returned {}",
        message.unwrap_or("product_not_in_project")
    ))))
}

/// The flag of a key.
fn flag(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Main => "--token",
        KeyRole::Second => "--second-token",
        KeyRole::Limited => "--limited-token",
        KeyRole::Empty => "--empty-token",
    }
}

/// Sends a list request with a key. An argument error if the target rejects the key with one of `statuses`; `None`
/// without a response.
async fn check_accepted(
    session: &mut Session,
    role: KeyRole,
    statuses: &[u16],
) -> Result<Option<Arc<Exchange>>, Box<PreflightError>> {
    let request = Request::to(Endpoint::List).query("limit", "1").key(role);
    let Ok(listed) = session.send(request).await else { return Ok(None) };
    if !statuses.contains(&listed.response.status) {
        return Ok(Some(listed));
    }
    let hint = match role {
        KeyRole::Limited => "; a key that the target knows and that has no permission gets 403",
        _ => "",
    };
    Err(Box::new(PreflightError::Argument(format!(
        "use the key of {} ({}): the target rejected it with {}{hint}",
        flag(role),
        role.variable(),
        listed.response.summary()
    ))))
}

/// Checks that keys with equal lists open different projects: what one creates, the other must not find.
async fn check_equal(
    session: &mut Session,
    settings: &Settings,
    projects: &[(KeyRole, Snapshot)],
) -> Result<(), Box<PreflightError>> {
    for (index, (role, snapshot)) in projects.iter().enumerate() {
        let equal = projects[index + 1..].iter().filter(|(_, other)| are_equal(snapshot, other));
        let equal: Vec<KeyRole> = equal.map(|(other, _)| *other).collect();
        if equal.is_empty() {
            continue;
        }
        let id = format!("{}preflight-{index}", settings.prefix());
        let create = Request::to(Endpoint::Create).json(&json!({ "id": id })).key(*role);
        if !session.send(create).await.is_ok_and(|created| created.response.is_success()) {
            continue;
        }
        let mut same = None;
        for other in equal {
            let got = session.send(Request::to(Endpoint::Get).id(&id).key(other)).await;
            if got.is_ok_and(|got| got.response.is_success()) {
                same = Some(other);
            }
        }
        // If it cannot be deleted, the end of the run repeats that and reports it.
        let _ = session.send(Request::to(Endpoint::Delete).id(&id).key(*role)).await;
        if let Some(same) = same {
            return Err(Box::new(PreflightError::Argument(format!(
                "use {0} and {1}: they open the same project, because {0} found an offering that {1} had created; give \
                 the key of another project (a server that does not separate projects violates auth.project-isolation)",
                flag(same),
                flag(*role)
            ))));
        }
    }
    Ok(())
}

/// Whether two lists have the same offerings.
fn are_equal(one: &Snapshot, other: &Snapshot) -> bool {
    let facts = |snapshot: &Snapshot| -> Vec<(String, String)> {
        snapshot.offerings.iter().map(|offering| (offering.id.clone(), offering.created_at.clone())).collect()
    };
    facts(one) == facts(other)
}
