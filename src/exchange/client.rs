//! The target with the keys of one project.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::RwLock;

use super::write_outcome::{self, WriteOutcome};
use super::{
    Credentials, KeyRole, Latencies, OperationRef, Request, Response, Transport, TransportError, WriteObserver,
};
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

/// Counters of what was sent and received, for the report.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: AtomicU64,
    responses: AtomicU64,
    waits: AtomicU64,
    retries: AtomicU64,
    lost: AtomicU64,
    latencies: Mutex<BTreeMap<OperationRef, Latencies>>,
}

impl Traffic {
    /// Requests that were sent, including retries.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Responses 429 or 503 after which the client waited and sent the request again.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Requests that were sent again after a broken connection: reads, and writes that are known to have had no effect.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Writes that may or may not have been applied.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How long the responses of each operation took, from the first byte sent to the last byte read.
    pub fn latencies(&self) -> BTreeMap<OperationRef, Latencies> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count_response(&self, operation: &OperationRef, took: Duration) {
        self.responses.fetch_add(1, Ordering::Relaxed);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        latencies.entry(operation.clone()).or_default().add(micros);
    }
}

/// The wait after a 429 or 503 without a usable `Retry-After`.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// How many clients write to the offerings of a request at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writers {
    One,
    Several,
}

/// The most retries of one request after a connection broke or was not opened.
const MAX_RETRIES: u32 = 2;

/// The wait before the first retry after a refused connection; it grows quadratically.
const RECONNECT_WAIT: Duration = Duration::from_millis(200);

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
        }
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

    /// Sends `request` and returns its response. After 429, and 503 with `Retry-After`, it waits and sends again. After
    /// a broken connection it sends a read again, and a write only when the state shows that it was not applied.
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
        let mut waited = Duration::ZERO;
        let (mut throttled, mut retried) = (0, 0);
        loop {
            let started = Instant::now();
            let response = match self.once(&request).await {
                Ok(response) => response,
                Err(error) => {
                    retried += 1;
                    self.before_retry(&request, error, retried, writers).await?;
                    continue;
                }
            };
            let ended = Instant::now();
            let Some(wait) = requested_wait(&response, SystemTime::now()) else {
                return Ok(Exchange { request, response, started, ended });
            };
            throttled += 1;
            // A wait of 0 counts too, or a target that always requests it would be retried for ever.
            waited = waited.saturating_add(wait.max(Duration::from_millis(50)));
            if waited > self.transport.settings().max_wait {
                return Err(TransportError::Throttled { responses: throttled });
            }
            self.traffic.waits.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
            let is_repeatable =
                !request.is_write() || writers == Writers::One && write_outcome::is_repeatable(&request);
            if response.status == 503
                && !is_repeatable
                && self.outcome(&request, writers).await == WriteOutcome::Unknown
            {
                let reason = "a 503 does not show whether the write was applied".into();
                return Err(self.lost(&request, reason));
            }
        }
    }

    /// Sends once. A write continues when the caller is dropped, so that the cleanup can wait for it.
    async fn once(&self, request: &Request) -> Result<Response, TransportError> {
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
                let sent = client.transport.send(&owned, &client.keys, client.case.as_deref()).await;
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
            self.transport.send(request, &self.keys, self.case.as_deref()).await
        };
        let is_rejected = sent.as_ref().is_ok_and(|(response, _)| response.is_rejection());
        if request.operation.endpoint() == Some(Endpoint::Create) && !is_rejected {
            let role = request.role().unwrap_or(KeyRole::Main);
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(role);
        }
        let (response, took) = sent?;
        self.traffic.count_response(&request.operation, took);
        Ok(response)
    }

    /// Waits until `request` may be sent again after `error`; returns the error when it must not be sent again.
    async fn before_retry(
        &self,
        request: &Request,
        error: TransportError,
        retry: u32,
        writers: Writers,
    ) -> Result<(), TransportError> {
        let may_retry = match &error {
            // Nothing was sent. A target that never responded is not running; one that did may be restarting.
            TransportError::Connect { .. } => {
                let has_responded = self.traffic.responses.load(Ordering::Relaxed) > 0 && retry <= MAX_RETRIES;
                if has_responded {
                    tokio::time::sleep(RECONNECT_WAIT * (retry * retry)).await;
                }
                has_responded
            }
            TransportError::Broken { .. } => {
                retry <= MAX_RETRIES
                    && (!request.is_write() || self.outcome(request, writers).await == WriteOutcome::NotApplied)
            }
            _ => false,
        };
        if may_retry {
            self.traffic.retries.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if request.is_write() && error.may_have_been_applied() {
            self.traffic.lost.fetch_add(1, Ordering::Relaxed);
        }
        Err(error)
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

/// The wait that the response requests, or `None` when it requests none.
fn requested_wait(response: &Response, now: SystemTime) -> Option<Duration> {
    let retry_after = response.header("retry-after");
    match (response.status, retry_after) {
        (429, None) => Some(DEFAULT_WAIT),
        (429 | 503, Some(text)) => Some(parse_retry_after(&text, now).unwrap_or(DEFAULT_WAIT)),
        _ => None,
    }
}

/// `Retry-After` of RFC 9110, section 10.2.3: seconds, or an HTTP date.
fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(parse_retry_after("3", now), Some(Duration::from_secs(3)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(parse_retry_after("soon", now), None);
    }
}
