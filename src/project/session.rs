//! A session with one project that judges and records every response.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use crate::check::{Offering, SeenTimestamps, offerings_in};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::finding::{ConditionScope, Evidence, Failure, Record};

use super::{Abort, Project, Snapshot};

/// Response header of a page that starts again at the first row because its cursor is unknown.
pub const RESTARTED: &str = "x-qon-pagination-restarted";

/// Longest list in pages: a list of a faulty server may be endless, and 50,000 offerings are too many for a test
/// project.
const MAX_PAGES: usize = 500;

/// Longest list in bytes: memory holds several copies of it.
const MAX_BYTES: usize = 12 << 20;

/// Number of pages of one walk that stay in the trace: the first and the last ones.
const MAX_SAVED_PAGES: usize = 6;

/// How often a walk starts again after another client deleted its cursor.
const MAX_RESTARTS: usize = 3;

/// Whether the record counts checks and responses, or only collects failures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counts {
    /// Checks and responses are counted.
    Recorded,
    /// Only failures are recorded: the responses depend on chance, so counts would differ from run to run.
    Omitted,
}

/// Sends requests, judges the responses and records both. One session serves one case.
#[derive(Debug)]
pub struct Session {
    project: Project,
    timestamps: SeenTimestamps,
    trace: Vec<Arc<Exchange>>,
    /// Failures and counts so far.
    pub record: Record,
}

impl Session {
    /// Starts a session with a project.
    pub fn new(project: Project) -> Self {
        Self { project, timestamps: SeenTimestamps::default(), trace: Vec::new(), record: Record::default() }
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Distinguishes this case from all earlier ones on the target, even with the same seed: the time in milliseconds
    /// and a hyphen; empty in a disposable project.
    pub fn unique_prefix(&self) -> String {
        if self.project.is_disposable {
            return String::new();
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-", since.as_millis())
    }

    /// Every exchange so far, in order.
    pub fn trace(&self) -> &[Arc<Exchange>] {
        &self.trace
    }

    /// Removes the middle pages of a long walk from the trace; `pages` have been read.
    pub fn drop_middle_pages(&mut self, pages: usize) {
        if pages > MAX_SAVED_PAGES {
            self.trace.remove(self.trace.len() - MAX_SAVED_PAGES / 2);
        }
    }

    /// Removes the exchanges before `keep_from` from the trace, for cases without end.
    pub fn drop_before(&mut self, keep_from: usize) {
        self.trace.drain(..keep_from.min(self.trace.len()));
    }

    /// Sends a request and judges its response by the rules for every response.
    ///
    /// # Errors
    /// [`Abort::World`] when no response was received.
    pub async fn send(&mut self, request: Request) -> Result<Arc<Exchange>, Abort> {
        let exchange = self.project.client.send(request).await?;
        Ok(self.record_exchange(exchange))
    }

    /// Judges and records an exchange that another client has completed.
    pub fn record_exchange(&mut self, exchange: impl Into<Arc<Exchange>>) -> Arc<Exchange> {
        let exchange = exchange.into();
        self.project.promoted_by_server.add(&exchange);
        self.project.judge.exchange(&exchange, self.project.client.keys(), &mut self.timestamps, &mut self.record);
        self.trace.push(Arc::clone(&exchange));
        exchange
    }

    /// Judges and records concurrent exchanges in the order of their starts. Timestamps are not compared: none of these
    /// responses is certainly older than another.
    pub fn record_concurrent(&mut self, exchanges: Vec<Exchange>, counts: Counts) -> Vec<Arc<Exchange>> {
        let known = (counts == Counts::Omitted).then(|| std::mem::take(&mut self.record));
        let recorded = exchanges
            .into_iter()
            .map(|exchange| {
                self.timestamps = SeenTimestamps::default();
                self.record_exchange(exchange)
            })
            .collect();
        self.timestamps = SeenTimestamps::default();
        if let Some(known) = known {
            let failures = std::mem::replace(&mut self.record, known).failures;
            self.record.failures.extend(failures);
        }
        recorded
    }

    /// Reads every regular offering of the project that `role`'s key opens, in pages of 100.
    ///
    /// # Errors
    /// [`Abort::World`] when no response was received; [`Abort::Blocked`] when the list cannot be read, with the
    /// failure in the record.
    pub async fn walk(&mut self, role: KeyRole) -> Result<Snapshot, Abort> {
        let mut restarts = 0;
        'again: loop {
            let mut snapshot = Snapshot::default();
            let mut bytes = 0;
            let mut seen = HashSet::new();
            let mut cursor: Option<String> = None;
            loop {
                let mut request = Request::to(Endpoint::List).query("limit", "100").key(role);
                if let Some(cursor) = &cursor {
                    request = request.query("starting_after", cursor);
                }
                let page = self.send(request).await?;
                if cursor.is_some() && is_restarted(&page) {
                    restarts += 1;
                    if restarts <= MAX_RESTARTS {
                        continue 'again;
                    }
                    return Err(Abort::Blocked("the list keeps restarting".into()));
                }
                let (offerings, has_more) = self.read_page(&page)?;
                snapshot.pages += 1;
                bytes += page.response.body().len();
                self.drop_middle_pages(snapshot.pages);
                for offering in offerings {
                    if !seen.insert(offering.id.clone()) {
                        let received = format!("`{}` is on two pages", offering.id);
                        self.fail(
                            "list.pages-cover",
                            "an offering is on two pages of the list",
                            "every offering on one page",
                            received,
                            &page,
                        );
                        return Err(Abort::Blocked("the list repeats an offering".into()));
                    }
                    snapshot.offerings.push(offering);
                }
                match (has_more, snapshot.offerings.last()) {
                    (false, _) => return Ok(snapshot),
                    (true, _) if snapshot.pages >= MAX_PAGES || bytes > MAX_BYTES => {
                        let read = snapshot.offerings.len();
                        return Err(Abort::Blocked(format!("the list is too long: more than {read} offerings")));
                    }
                    (true, Some(last)) if Some(&last.id) != cursor.as_ref() => {
                        cursor = Some(last.id.clone());
                    }
                    (true, _) => {
                        self.fail(
                            "list.has-more",
                            "`has_more` is true on the last page",
                            "true only if more offerings follow",
                            format!("true after {} pages", snapshot.pages),
                            &page,
                        );
                        return Err(Abort::Blocked("the list does not end".into()));
                    }
                }
            }
        }
    }

    fn read_page(&mut self, page: &Arc<Exchange>) -> Result<(Vec<Offering>, bool), Abort> {
        if page.response.status != 200 {
            let received = page.response.summary();
            self.fail(
                "list.limit-honoured",
                "limit=100 was rejected",
                "200 with at most 100 offerings",
                received.clone(),
                page,
            );
            return Err(Abort::Blocked(format!("the list could not be read: {received}")));
        }
        let body = page.response.json();
        let has_more = body.and_then(|body| body.get("has_more")?.as_bool());
        let has_list = body.is_some_and(|body| body.get("data").is_some_and(serde_json::Value::is_array));
        let items = body.map_or(&[][..], offerings_in);
        let offerings: Option<Vec<_>> = items.iter().map(Offering::read).collect();
        // The schema rule has recorded the failure.
        match (offerings, has_more) {
            (Some(offerings), Some(has_more)) if has_list => Ok((offerings, has_more)),
            _ => {
                let reason = page.response.json_error().unwrap_or("it violates its schema");
                Err(Abort::Blocked(format!("the list could not be read: {reason}")))
            }
        }
    }

    /// Records a failure shown by the exchange `at`.
    pub fn fail(
        &mut self,
        rule: &'static str,
        title: impl Into<std::borrow::Cow<'static, str>>,
        expected: impl Into<String>,
        received: impl Into<String>,
        at: &Arc<Exchange>,
    ) {
        let received = received.into();
        let received = self.project.client.keys().redact(&received).into_owned();
        let title = title.into();
        self.record.check(
            rule,
            Some(Failure {
                rule,
                condition: title.clone(),
                difference: "".into(),
                title,
                expected: expected.into(),
                received,
                operation: at.request.operation.clone(),
                scope: ConditionScope::Operation,
                level: None,
                also: Vec::new(),
                at: Arc::clone(at),
                trace: Vec::new(),
                evidence: Evidence::default(),
            }),
        );
    }
}

/// Whether a page reports that its cursor was unknown.
pub fn is_restarted(page: &Exchange) -> bool {
    page.response.header(RESTARTED).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}
