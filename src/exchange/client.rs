//! The target as one project sees it: a transport with the keys of that project.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::RwLock;

use super::fate::{self, WriteOutcome};
use super::{
    Credentials, KeyRole, Latencies, OperationRef, Request, Response, Transport, TransportError, WriteObserver,
};
use crate::contract::Endpoint;

/// A request and its response.
#[derive(Debug)]
pub struct Exchange {
    /// As it was meant; secrets by name.
    pub request: Request,
    /// As it came.
    pub response: Response,
    /// When the first byte was about to leave.
    pub started: Instant,
    /// When the last byte had been read.
    pub ended: Instant,
}

impl Exchange {
    /// `GET /offerings/a`: how a request is named.
    pub fn name(&self) -> String {
        format!("{} {}", self.request.method, self.request.path)
    }
}

/// What went over the wire, counted for the report.
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
    /// Requests that left, retries among them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Responses 429 or 503 that were waited out.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Requests that were sent again because a connection broke: reads, and writes that are known to have had no effect.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Writes of which nobody knows whether they were applied.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How long the responses of each operation took, from the first byte sent to the last byte read.
    pub fn latencies(&self) -> BTreeMap<OperationRef, Latencies> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answered(&self, operation: &OperationRef, took: Duration) {
        self.responses.fetch_add(1, Ordering::Relaxed);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        latencies.entry(operation.clone()).or_default().add(micros);
    }
}

/// A wait between two tries when the target does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// How many write to what a request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writers {
    One,
    Several,
}

/// How often one request is sent again because a connection broke or was not opened.
const MAX_RETRIES: u32 = 2;

/// The wait before the first retry after a connection was refused; it grows.
const RECONNECT_WAIT: Duration = Duration::from_millis(200);

/// Sends requests with the keys of one project; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    keys: Arc<Credentials>,
    traffic: Arc<Traffic>,
    observer: Option<Arc<dyn WriteObserver>>,
    case: Option<Arc<str>>,
    /// Held for reading while a write is under way.
    writes: Arc<RwLock<()>>,
    /// The projects that a create was sent to which was not rejected.
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

    /// The same client with an observer of every write before it leaves.
    pub fn with_observer(self, observer: Arc<dyn WriteObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The same client, whose requests are put down to this case.
    pub fn for_case(self, case: &str) -> Self {
        Self { case: Some(case.into()), ..self }
    }

    /// The secrets it fills in, for redaction.
    pub fn keys(&self) -> &Credentials {
        &self.keys
    }

    /// What went over the wire so far.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// What it sends over.
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Whether something may have been created in this key's project.
    pub fn has_used(&self, role: KeyRole) -> bool {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).contains(&role)
    }

    /// Waits until no write is under way any more: of a case that was dropped, too.
    pub async fn settled(&self) {
        drop(self.writes.write().await);
    }

    /// Sends `request` and brings its response back. 429, and 503 with `Retry-After`, are waited out; a read whose
    /// connection broke is sent again; a write only when the state shows that it was not applied.
    ///
    /// # Errors
    /// [`TransportError`] when no whole response came.
    pub async fn send(&self, request: Request) -> Result<Exchange, TransportError> {
        self.send_as(request, Writers::One).await
    }

    /// As [`Self::send`] for one of several clients at once: a write without a response is never sent again, as no read
    /// tells what became of it while others write too.
    ///
    /// # Errors
    /// [`TransportError`] when no whole response came.
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
            let Some(wait) = wait_asked_for(&response, SystemTime::now()) else {
                return Ok(Exchange { request, response, started, ended });
            };
            throttled += 1;
            // A wait of nothing still moves towards the bound, or a target that always says so would never end.
            waited = waited.saturating_add(wait.max(Duration::from_millis(50)));
            if waited > self.transport.settings().patience {
                return Err(TransportError::Throttled { responses: throttled });
            }
            self.traffic.waits.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
            let may_go_again = !request.is_write() || writers == Writers::One && fate::is_repeatable(&request);
            if response.status == 503 && !may_go_again && self.fate(&request, writers).await == WriteOutcome::Unknown {
                let reason = "a 503 does not say whether the write was applied".into();
                return Err(self.lost(&request, reason));
            }
        }
    }

    /// Sends once. A write goes on when the caller is dropped: only so can it be waited for before cleaning up.
    async fn once(&self, request: &Request) -> Result<Response, TransportError> {
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let answered = if request.is_write() {
            if let Some(observer) = &self.observer {
                observer.before(request).map_err(|error| TransportError::Unrecorded {
                    method: request.method.to_string(),
                    path: request.path.clone(),
                    reason: error.to_string(),
                })?;
            }
            let under_way = Arc::clone(&self.writes).read_owned().await;
            let (client, sent) = (self.clone(), request.clone());
            let sending = tokio::spawn(async move {
                let answered = client.transport.send(&sent, &client.keys, client.case.as_deref()).await;
                if let (Some(observer), Ok((response, _))) = (&client.observer, &answered) {
                    observer.after(&sent, response.status);
                }
                drop(under_way);
                answered
            });
            match sending.await.map_err(tokio::task::JoinError::try_into_panic) {
                Ok(answered) => answered,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_)) => Err(self.lost(request, "the program is ending".into())),
            }
        } else {
            self.transport.send(request, &self.keys, self.case.as_deref()).await
        };
        let is_rejected = answered.as_ref().is_ok_and(|(response, _)| response.is_rejection());
        if request.operation.endpoint() == Some(Endpoint::Create) && !is_rejected {
            let role = request.role().unwrap_or(KeyRole::Main);
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(role);
        }
        let (response, took) = answered?;
        self.traffic.answered(&request.operation, took);
        Ok(response)
    }

    /// Waits until `request` may be sent again after `error`; gives the error back when it must not.
    async fn before_retry(
        &self,
        request: &Request,
        error: TransportError,
        retry: u32,
        writers: Writers,
    ) -> Result<(), TransportError> {
        let is_worth_it = match &error {
            // Nothing has left. A target that never answered is not there; one that did may be starting again.
            TransportError::Connect { .. } => {
                let has_answered = self.traffic.responses.load(Ordering::Relaxed) > 0 && retry <= MAX_RETRIES;
                if has_answered {
                    tokio::time::sleep(RECONNECT_WAIT * (retry * retry)).await;
                }
                has_answered
            }
            TransportError::Broken { .. } => {
                retry <= MAX_RETRIES
                    && (!request.is_write() || self.fate(request, writers).await == WriteOutcome::NotApplied)
            }
            _ => false,
        };
        if is_worth_it {
            self.traffic.retries.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if request.is_write() && error.may_have_been_applied() {
            self.traffic.lost.fetch_add(1, Ordering::Relaxed);
        }
        Err(error)
    }

    /// Reads the state to learn whether a write was applied.
    async fn fate(&self, request: &Request, writers: Writers) -> WriteOutcome {
        let question = fate::question(request).filter(|_| writers == Writers::One);
        let Some(question) = question else { return WriteOutcome::Unknown };
        match Box::pin(self.send_as(question, Writers::One)).await {
            Ok(exchange) => fate::told_by(request, &exchange.response),
            Err(_) => WriteOutcome::Unknown,
        }
    }

    fn lost(&self, request: &Request, reason: String) -> TransportError {
        self.traffic.lost.fetch_add(1, Ordering::Relaxed);
        TransportError::Broken { method: request.method.to_string(), path: request.path.clone(), reason }
    }
}

/// How long the response asks to wait, or `None` when it does not.
fn wait_asked_for(response: &Response, now: SystemTime) -> Option<Duration> {
    let asked = response.header("retry-after");
    match (response.status, asked) {
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
