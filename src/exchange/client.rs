//! The target as one project sees it: a transport with the keys of that project.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::{Answer, Keyring, Request, Transport, TransportError};

/// A request and its answer.
#[derive(Debug)]
pub struct Exchange {
    /// As it was meant; secrets by name.
    pub request: Request,
    /// As it came.
    pub answer: Answer,
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
    waits: AtomicU64,
    retries: AtomicU64,
}

impl Traffic {
    /// Requests that left, retries among them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Answers 429 or 503 that were waited out.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Reads that were sent again because a connection broke.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
}

/// A wait between two tries when the target does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// Sends requests with the keys of one project; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    keys: Arc<Keyring>,
    traffic: Arc<Traffic>,
}

impl Client {
    /// A client that uses `keys` over `transport` and counts into `traffic`.
    pub fn new(transport: Arc<Transport>, keys: Keyring, traffic: Arc<Traffic>) -> Self {
        Self { transport, keys: Arc::new(keys), traffic }
    }

    /// The secrets it fills in, for redaction.
    pub fn keys(&self) -> &Keyring {
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

    /// Sends `request` and brings its answer back. 429, and 503 with `Retry-After`, are waited out; a read whose
    /// connection broke is sent once more; a write never is.
    ///
    /// # Errors
    /// [`TransportError`] when no whole answer came.
    pub async fn send(&self, request: Request) -> Result<Exchange, TransportError> {
        let mut waited = Duration::ZERO;
        let mut throttled = 0;
        let mut retried = false;
        loop {
            self.traffic.requests.fetch_add(1, Ordering::Relaxed);
            let started = Instant::now();
            let answer = match self.transport.send(&request, &self.keys).await {
                Err(TransportError::Broken { .. }) if !request.is_write() && !retried => {
                    retried = true;
                    self.traffic.retries.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                other => other?,
            };
            let ended = Instant::now();
            let Some(wait) = wait_asked_for(&answer, SystemTime::now()) else {
                return Ok(Exchange { request, answer, started, ended });
            };
            throttled += 1;
            // A wait of nothing still moves towards the bound, or a target that always says so would never end.
            waited += wait.max(Duration::from_millis(50));
            if waited > self.transport.settings().patience {
                return Err(TransportError::Throttled { answers: throttled });
            }
            self.traffic.waits.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
        }
    }
}

/// How long the answer asks to wait, or `None` when it does not.
fn wait_asked_for(answer: &Answer, now: SystemTime) -> Option<Duration> {
    let asked = answer.header("retry-after");
    match (answer.status, asked) {
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
