//! The target with the keys of one project.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::RwLock;

use super::connection::Connection;
use super::obstacle::{self, Obstacle};
use super::write_outcome::{self, WriteOutcome};
use super::{Credentials, KeyRole, Request, Response, Traffic, Transport, TransportError, WriteObserver};
use crate::contract::Endpoint;

/// A request and its response.
#[derive(Debug)]
pub struct Exchange {
    /// The request as intended; secrets are replaced by their names.
    pub request: Request,
    /// The response as received.
    pub response: Response,
    /// Just before the first byte was sent.
    pub started: Instant,
    /// Just after the last byte was read.
    pub ended: Instant,
}

impl Exchange {
    /// Method and path of the request: `GET /offerings/a`.
    pub fn name(&self) -> String {
        format!("{} {}", self.request.method, self.request.path)
    }
}

/// How many clients write to the offerings of a request at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writers {
    One,
    Several,
}

/// How often a request is sent that does not reach the API although others do.
const MAX_REFUSED: u32 = 4;

/// As [`MAX_REFUSED`], after so many such requests.
const KNOWN_REFUSED: u64 = 5;

/// How long the API may be away.
const MAX_AWAY: Duration = Duration::from_secs(30);

/// As [`MAX_AWAY`], before the API has responded at all.
const MAX_AWAY_AT_START: Duration = Duration::from_secs(2);

/// The wait before the first retry; each further one doubles it.
const FIRST_RETRY: Duration = Duration::from_millis(20);

/// The longest wait before a retry.
const MAX_RETRY: Duration = Duration::from_millis(500);

/// Sends requests with the keys of one project; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    keys: Arc<Credentials>,
    traffic: Arc<Traffic>,
    observer: Option<Arc<dyn WriteObserver>>,
    case: Option<Arc<str>>,
    /// Read-locked while a write is in flight.
    writes: Arc<RwLock<()>>,
    /// The projects to which a create was sent that was not rejected.
    used: Arc<Mutex<BTreeSet<KeyRole>>>,
    /// Since when the API does not respond.
    away_since: Arc<Mutex<Option<Instant>>>,
    /// The connection for its requests; `None` for the pool of the transport.
    connection: Option<Arc<Connection>>,
    /// Requests that may be sent at once, without waiting for the rate.
    burst: Option<Arc<AtomicU32>>,
    is_cleanup: bool,
}

/// A request that was sent, and what came back.
struct Received {
    response: Response,
    started: Instant,
    ended: Instant,
    obstacle: Option<Obstacle>,
}

impl Client {
    /// A client that uses `keys` over `transport` and counts into `traffic`.
    pub fn new(transport: Arc<Transport>, keys: Credentials, traffic: Arc<Traffic>) -> Self {
        Self {
            transport,
            keys: Arc::new(keys),
            traffic,
            observer: None,
            case: None,
            writes: Arc::default(),
            used: Arc::default(),
            away_since: Arc::default(),
            connection: None,
            burst: None,
            is_cleanup: false,
        }
    }

    /// The same client for restoring the project: it waits at least 30 s for a target that does not respond,
    /// and sends a delete again whose response was lost.
    pub fn for_cleanup(self) -> Self {
        Self { is_cleanup: true, away_since: Arc::default(), ..self }
    }

    /// The same client after the wait until it may send `count` requests at once.
    pub async fn at_once(self, count: u32) -> Self {
        self.transport.pacing().wait(count).await;
        Self { burst: Some(Arc::new(AtomicU32::new(count))), ..self }
    }

    /// Opens a connection for [`Self::on`].
    ///
    /// # Errors
    /// [`TransportError::Connect`] when the target does not accept it.
    pub async fn connect(&self) -> Result<Arc<Connection>, TransportError> {
        self.transport.connect().await.map(Arc::new)
    }

    /// The same client with a connection of its own. When the target closes it, further requests use the pool.
    pub fn on(self, connection: Arc<Connection>) -> Self {
        Self { connection: Some(connection), ..self }
    }

    /// The same client with an observer of every write.
    pub fn with_observer(self, observer: Arc<dyn WriteObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The same client; its requests are recorded as requests of this case.
    pub fn for_case(self, case: &str) -> Self {
        Self { case: Some(case.into()), ..self }
    }

    /// The secrets that it fills in, for redaction.
    pub fn keys(&self) -> &Credentials {
        &self.keys
    }

    /// The counters so far.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// The transport that sends its requests.
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Whether a create may have succeeded in the project of this key.
    pub fn has_used(&self, role: KeyRole) -> bool {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).contains(&role)
    }

    /// Waits until no write is in flight, including writes of a dropped case.
    pub async fn settled(&self) {
        drop(self.writes.write().await);
    }

    /// Sends `request` and returns its response. After 429 and a 503 that is not the API's own, it slows down and sends
    /// again. While the API is away (no connection, or a proxy that does not reach it) it waits. A write is sent again
    /// only when the state shows that it was not applied.
    ///
    /// # Errors
    /// [`TransportError`] when no complete response was received.
    pub async fn send(&self, request: Request) -> Result<Exchange, TransportError> {
        self.send_as(request, Writers::One).await
    }

    /// As [`Self::send`] for one of several concurrent clients: a write without a response is never sent again, because
    /// no read shows whether it was applied while other clients write.
    ///
    /// # Errors
    /// [`TransportError`] when no complete response was received.
    pub async fn send_among_others(&self, request: Request) -> Result<Exchange, TransportError> {
        self.send_as(request, Writers::Several).await
    }

    async fn send_as(&self, request: Request, writers: Writers) -> Result<Exchange, TransportError> {
        let (mut rejected_since, mut rejections, mut failures) = (None, 0, 0);
        loop {
            let sent = self.once(&request).await;
            if obstacle::is_away(sent.as_ref().map(|sent| sent.obstacle)) {
                failures += u32::from(!matches!(sent, Err(TransportError::Connect { .. })));
                if let Some(sent) = self.outlast(&request, sent, failures, writers).await? {
                    return Ok(sent.exchange(request));
                }
                self.traffic.retries.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let sent = sent.inspect_err(|error| self.count_lost(&request, error))?;
            let Some(Obstacle::RateLimit(retry_after)) = sent.obstacle else {
                return Ok(sent.exchange(request));
            };
            rejections += 1;
            let waited = rejected_since.get_or_insert(sent.started).elapsed();
            if waited.saturating_add(retry_after.unwrap_or_default()) > self.patience(Duration::MAX) {
                return Err(TransportError::Throttled { responses: rejections });
            }
            self.traffic.waits.fetch_add(1, Ordering::Relaxed);
            if sent.response.status == 503 && !self.may_send_again(&request, writers).await {
                return Err(self.lost(&request, "a 503 does not show whether the write was applied".into()));
            }
        }
    }

    /// Waits while the API is away. Returns the response that `request` finally gets from a proxy that reaches the API
    /// with other requests, or `None` when it is to be sent again.
    async fn outlast(
        &self,
        request: &Request,
        sent: Result<Received, TransportError>,
        failures: u32,
        writers: Writers,
    ) -> Result<Option<Received>, TransportError> {
        let has_responded = self.traffic.responses.load(Ordering::Relaxed) > 0;
        // A refused connection may be tried again for every request: nothing was sent.
        let is_unsent = matches!(sent, Err(TransportError::Connect { .. }));
        let limit = self.patience(if has_responded { MAX_AWAY } else { MAX_AWAY_AT_START });
        let is_racing = writers == Writers::Several && request.is_write() && !is_unsent;
        // A target that never responded is not running; one that did may be restarting.
        if is_unsent && !has_responded || is_racing || !self.wait_until_back(failures, is_unsent, limit).await {
            return Err(self.unreached(request, sent, limit));
        }
        let is_known = self.traffic.refused.load(Ordering::Relaxed) >= KNOWN_REFUSED;
        if failures >= if is_known { 2 } else { MAX_REFUSED } {
            // Others reach the API, so that this is its response to the request.
            self.traffic.refused.fetch_add(1, Ordering::Relaxed);
            return sent.map(Some).inspect_err(|error| self.count_lost(request, error));
        }
        if !is_unsent && !self.may_send_again(request, writers).await {
            return Err(self.unreached(request, sent, limit));
        }
        Ok(None)
    }

    /// Waits until another try is due; after the first failure of a request that was sent, until the API responds to
    /// another one. False when it does not respond within `limit`.
    async fn wait_until_back(&self, failures: u32, is_unsent: bool, limit: Duration) -> bool {
        let since = *self.away().get_or_insert_with(Instant::now);
        let mut wait = FIRST_RETRY;
        loop {
            if since.elapsed() >= limit {
                return false;
            }
            // Long outages are polled less often.
            tokio::time::sleep(wait.max(since.elapsed() / 4).min(MAX_RETRY)).await;
            if is_unsent || failures < 2 {
                return true;
            }
            let probe = Request::to(Endpoint::List).query("limit", "1");
            if !obstacle::is_away(self.once(&probe).await.as_ref().map(|sent| sent.obstacle)) {
                return true;
            }
            wait *= 2;
        }
    }

    /// Whether `request`, whose outcome is unknown, may be sent again.
    async fn may_send_again(&self, request: &Request, writers: Writers) -> bool {
        let is_repeatable = writers == Writers::One && write_outcome::is_repeatable(request)
            || self.is_cleanup && request.operation.endpoint() == Some(Endpoint::Delete);
        !request.is_write() || is_repeatable || self.outcome(request, writers).await == WriteOutcome::NotApplied
    }

    /// The error of a request that did not reach the API.
    fn unreached(&self, request: &Request, sent: Result<Received, TransportError>, limit: Duration) -> TransportError {
        let (method, path) = (request.method.to_string(), request.path.clone());
        let error = match sent {
            Err(error) => error,
            Ok(sent) if self.away().is_some_and(|since| since.elapsed() >= limit) => {
                TransportError::Unavailable { method, path, status: sent.response.status, limit }
            }
            Ok(sent) => {
                let reason = format!("a proxy returned {} instead", sent.response.status);
                TransportError::Broken { method, path, reason }
            }
        };
        self.count_lost(request, &error);
        error
    }

    fn count_lost(&self, request: &Request, error: &TransportError) {
        if request.is_write() && error.may_have_been_applied() {
            self.traffic.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The time that a request may wait: as set, at most `most`; longer when cleaning up.
    fn patience(&self, most: Duration) -> Duration {
        let set = self.transport.settings().max_wait;
        if self.is_cleanup { set.max(MAX_AWAY) } else { set.min(most) }
    }

    fn away(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the rate allows another request.
    async fn wait_for_turn(&self) {
        let take = |left: u32| left.checked_sub(1);
        let is_reserved = |left: &Arc<AtomicU32>| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if !self.burst.as_ref().is_some_and(is_reserved) {
            self.transport.pacing().wait(1).await;
        }
    }

    /// Sends once. A write continues when the caller is dropped, so that the cleanup can wait for it.
    async fn once(&self, request: &Request) -> Result<Received, TransportError> {
        self.wait_for_turn().await;
        let started = Instant::now();
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let sent = if request.is_write() {
            if let Some(observer) = &self.observer {
                observer.before(request).map_err(|error| TransportError::Unrecorded {
                    method: request.method.to_string(),
                    path: request.path.clone(),
                    reason: error.to_string(),
                })?;
            }
            let in_flight = Arc::clone(&self.writes).read_owned().await;
            let (client, owned) = (self.clone(), request.clone());
            let sending = tokio::spawn(async move {
                let sent = client.send_once(&owned).await;
                if let (Some(observer), Ok((response, _))) = (&client.observer, &sent) {
                    observer.after(&owned, response.status);
                }
                drop(in_flight);
                sent
            });
            match sending.await.map_err(tokio::task::JoinError::try_into_panic) {
                Ok(sent) => sent,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_)) => Err(self.lost(request, "qonform is shutting down".into())),
            }
        } else {
            self.send_once(request).await
        };
        let is_rejected = sent.as_ref().is_ok_and(|(response, _)| response.is_rejection());
        if request.operation.endpoint() == Some(Endpoint::Create) && !is_rejected {
            let role = request.role().unwrap_or(KeyRole::Main);
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(role);
        }
        let ended = Instant::now();
        // A request that was held back begins with its last byte.
        let released = self.connection.as_ref().and_then(|connection| connection.take_release());
        let (started, waited) = released.map_or((started, Duration::ZERO), |at| (at, at - started));
        let obstacle = sent.as_ref().map(|(response, _)| Obstacle::of(response, SystemTime::now()));
        if !obstacle::is_away(obstacle.as_ref().map(|obstacle| *obstacle).map_err(|error| *error)) {
            *self.away() = None;
        }
        let obstacle = obstacle.unwrap_or_default();
        let (response, took) = sent?;
        match obstacle {
            Some(Obstacle::RateLimit(retry_after)) => {
                self.transport.pacing().rejected(started.into(), retry_after, response.status == 503);
            }
            Some(Obstacle::Gateway) => {}
            None => {
                self.transport.pacing().accepted();
                self.traffic.count_response(&request.operation, took.saturating_sub(waited));
            }
        }
        Ok(Received { response, started, ended, obstacle })
    }

    async fn send_once(&self, request: &Request) -> Result<(Response, Duration), TransportError> {
        self.transport.send(request, &self.keys, self.case.as_deref(), self.connection.as_deref()).await
    }

    /// Reads the state to find out whether a write was applied.
    async fn outcome(&self, request: &Request, writers: Writers) -> WriteOutcome {
        let probe = write_outcome::probe(request).filter(|_| writers == Writers::One);
        let Some(probe) = probe else { return WriteOutcome::Unknown };
        match Box::pin(self.send_as(probe, Writers::One)).await {
            Ok(exchange) => write_outcome::from_probe(request, &exchange.response),
            Err(_) => WriteOutcome::Unknown,
        }
    }

    fn lost(&self, request: &Request, reason: String) -> TransportError {
        self.traffic.lost.fetch_add(1, Ordering::Relaxed);
        TransportError::Broken { method: request.method.to_string(), path: request.path.clone(), reason }
    }
}

impl Received {
    fn exchange(self, request: Request) -> Exchange {
        Exchange { request, response: self.response, started: self.started, ended: self.ended }
    }
}
