//! Starting and stopping the server, and its fixtures.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::behaviour::Behaviour;
use super::call::Operation;
use super::config::Config;
use super::fault::Fault;
use super::fixture::{self, Fixture, Fixtures};
use super::routes::{self, App};
use super::store::Clock;
use super::view::View;

/// How long a stopping server waits for requests in flight.
const GRACE: Duration = Duration::from_millis(500);

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 selects a free port. Intended for loopback addresses.
    pub address: SocketAddr,
    /// Defects planted in the server; none by default.
    pub faults: Vec<Fault>,
    /// Alternative choices where the contract is open; none by default.
    pub behaviours: Vec<Behaviour>,
    /// Source of timestamps.
    pub clock: Clock,
    /// Selects the requests that occasional behaviours affect.
    pub seed: u64,
    /// Added to every response time, like the latency of a remote server.
    pub delay: Duration,
}

impl Default for Options {
    /// A correct server on a free port of 127.0.0.1.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            faults: Vec::new(),
            behaviours: Vec::new(),
            clock: Clock::System,
            seed: 0,
            delay: Duration::ZERO,
        }
    }
}

/// Why the server did not start; the message completes "cannot …".
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens on the address.
    #[error("listen on `{address}`: the port is in use; choose another one, or port 0 for any free one")]
    PortInUse {
        /// The requested address.
        address: SocketAddr,
    },
    /// The system returned another error.
    #[error("listen on `{address}`: {source}")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
}

/// A fresh set of projects that the server removes when this is dropped, so that long runs do not use more memory.
#[derive(Debug)]
pub struct FixtureGuard {
    /// Its keys and ids.
    pub fixture: Fixture,
    app: Arc<App>,
}

impl Drop for FixtureGuard {
    fn drop(&mut self) {
        let Fixture { token, second_token, limited_token, empty_token, .. } = &self.fixture;
        self.app.store.remove([token, second_token, limited_token, empty_token]);
    }
}

/// A running server, on the tokio runtime that started it.
///
/// Dropping it stops it without waiting for requests in flight.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    fixtures: Fixtures,
    /// Number of fixtures created under each name.
    counts: Mutex<HashMap<String, u32>>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Listens and serves in the background; accepts connections when this returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let address = options.address;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortInUse { address },
            _ => StartError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // Without it a response may wait for the acknowledgement of the previous one. Failing to set it only makes
        // responses slower.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let config = Config::new(&options.faults, &options.behaviours);
        let app = Arc::new(App::new(Arc::clone(&config), options.delay));
        let (stop, stopped) = oneshot::channel();
        let router = routes::router(app.clone());
        let serving = tokio::spawn(async move {
            // A dropped sender also means stop; serving itself never fails.
            let served = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
            drop(served.await);
        });
        let counts = Mutex::default();
        Ok(Self { address, app, fixtures: Fixtures::new(options.clock, config, options.seed), counts, stop, serving })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the API, such as `http://127.0.0.1:4010/v4`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v4", self.address)
    }

    /// Creates a fresh set of projects under this name; the same name again creates another set.
    pub fn fixture(&self, name: &str) -> Fixture {
        let name = fixture::key_name(name);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        self.fixtures.register(&self.app.store, &name, *count)
    }

    /// Like [`Server::fixture`], until the guard is dropped.
    pub fn temporary_fixture(&self, name: &str) -> FixtureGuard {
        FixtureGuard { fixture: self.fixture(name), app: Arc::clone(&self.app) }
    }

    /// All stored offerings of a key's project, including experiment variants, in order of creation; null for an
    /// unknown key. Not affected by faults of the responses.
    pub fn snapshot(&self, token: &str) -> Value {
        let Some(grant) = self.app.store.find(token) else {
            return Value::Null;
        };
        let project = grant.project.lock();
        let config = Config::default();
        let view = View { config: &config, operation: Operation::Get };
        project.offerings.iter().map(|offering| view.offering(offering)).collect()
    }

    /// Stops listening and waits at most half a second for requests in flight.
    pub async fn stop(self) {
        let Self { stop, mut serving, .. } = self;
        drop(stop);
        if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
            serving.abort();
        }
    }
}
