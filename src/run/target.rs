//! The target of a run: a transport to it, and projects on it.

use std::sync::Arc;

use super::settings::{External, Isolation, Settings, TargetSettings};
use crate::check::Judge;
use crate::exchange::{
    Client, Credentials, KeyRole, Secret, Target, Traffic, Transport, TransportError, TransportSettings,
};
use crate::finding::TargetFacts;
use crate::project::{Fixtures, Project};
use crate::reference;

/// Default base URL of `qonform serve`. Reports of embedded runs contain it, so that their `curl` lines work with it.
pub(super) const SERVE_BASE: &str = "http://127.0.0.1:4010/v4";

/// The embedded server of a run and a connection pool to it.
#[derive(Debug)]
pub struct Embedded {
    server: reference::Server,
    transport: Arc<Transport>,
    traffic: Arc<Traffic>,
    judge: Arc<Judge>,
    is_exclusive: bool,
}

impl Embedded {
    /// Starts the server.
    ///
    /// # Errors
    /// [`RunError`](super::RunError) when the server cannot listen or the client cannot be created.
    pub async fn start(
        options: reference::Options,
        settings: TransportSettings,
        judge: Arc<Judge>,
    ) -> Result<Self, super::RunError> {
        let is_exclusive = !options.behaviours.iter().any(|one| reference::Behaviour::OTHER_CLIENTS.contains(one));
        let server = reference::Server::start(options).await?;
        let target = Target::parse(&server.base_url(), "")?;
        Ok(Self {
            is_exclusive,
            transport: Arc::new(Transport::new(target, settings)?),
            traffic: Arc::default(),
            judge,
            server,
        })
    }

    /// Counters of requests and times.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// A new project with every fixture, deleted when its last clone is dropped. The first project of a name always has
    /// the same keys.
    pub fn project(&self, name: &str) -> Project {
        let guard = self.server.temporary_fixture(name);
        let fixture = &guard.fixture;
        let keys = [
            (KeyRole::Main, &fixture.token),
            (KeyRole::Second, &fixture.second_token),
            (KeyRole::Limited, &fixture.limited_token),
            (KeyRole::Empty, &fixture.empty_token),
        ]
        .into_iter()
        .fold(Credentials::default(), |keys, (role, key)| keys.with_key(role, Secret::new(key)));
        Project {
            client: Client::new(Arc::clone(&self.transport), keys, Arc::clone(&self.traffic)),
            judge: Arc::clone(&self.judge),
            fixtures: Arc::new(Fixtures {
                products: fixture.product_ids.clone(),
                variant: Some(fixture.variant_id.clone()),
                second_product: fixture.second_product_ids.first().cloned(),
            }),
            is_disposable: true,
            shrink_time: Arc::default(),
            rereads: Arc::default(),
            is_exclusive: self.is_exclusive,
            keep_alive: Some(Arc::new(guard)),
            at_once: 1,
            neighbours: None,
            prepared: Arc::default(),
            opening: None,
            promoted_by_server: Arc::default(),
        }
    }

    /// Stops the server.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The project on an external target.
///
/// # Errors
/// [`TransportError`] when the URL or the settings are invalid.
pub fn external_project(
    external: &External,
    mut settings: TransportSettings,
    judge: Arc<Judge>,
) -> Result<Project, TransportError> {
    let target = Target::parse(&external.url, judge.contract().base_path())?;
    let mut keys = Credentials::default();
    for (role, key) in &external.keys {
        keys = keys.with_key(*role, key.clone());
    }
    for (number, (name, value)) in external.headers.iter().enumerate() {
        let variable = format!("QONFORM_HEADER_{}", number + 1);
        keys = keys.with(&variable, value.clone());
        settings.headers.push((name.clone(), format!("${variable}")));
    }
    let mut products = Vec::new();
    for product in &external.products {
        if !products.contains(product) {
            products.push(product.clone());
        }
    }
    Ok(Project {
        client: Client::new(Arc::new(Transport::new(target, settings)?), keys, Arc::default()),
        judge,
        fixtures: Arc::new(Fixtures {
            products,
            variant: external.variant.clone(),
            second_product: external.second_product.clone(),
        }),
        is_disposable: false,
        shrink_time: Arc::default(),
        rereads: Arc::default(),
        is_exclusive: external.isolation == Isolation::Exclusive,
        keep_alive: None,
        at_once: Project::AT_ONCE,
        neighbours: None,
        prepared: Arc::default(),
        opening: None,
        promoted_by_server: Arc::default(),
    })
}

/// The target as reports name it.
pub(super) fn facts(settings: &Settings, base_path: &str) -> TargetFacts {
    match &settings.target {
        TargetSettings::Embedded(_) => TargetFacts { url: SERVE_BASE.into(), embedded: true },
        TargetSettings::External(external) => TargetFacts {
            url: Target::parse(&external.url, base_path)
                .map_or_else(|_| external.url.clone(), |target| target.base().to_owned()),
            embedded: false,
        },
    }
}
