//! A conversation with one project in which every response is judged and kept.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use crate::check::{Offering, SeenTimestamps, offerings_in};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole, Request};
use crate::finding::{ConditionScope, Evidence, Failure, Record};

use super::{Abort, Project, Snapshot};

/// The header of a page that starts again at the first row.
pub const RESTARTED: &str = "x-qon-pagination-restarted";

/// A longer list is not read: a project of 50,000 offerings is none to test on, and a server may never end.
const MAX_PAGES: usize = 500;

/// Nor a list of more bytes; what is kept of it several times over must fit into the memory.
const MAX_BYTES: usize = 12 << 20;

/// Of a long walk only its first and its last pages stay in the transcript.
const KEPT_PAGES: usize = 6;

/// How often a walk that was restarted (its cursor was deleted by another client) is begun again.
const MAX_RESTARTS: usize = 3;

/// What the record keeps of responses besides what they break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counts {
    /// How often everything was checked and seen.
    Kept,
    /// Nothing: which returns came is chance, and the same run would count otherwise.
    LeftOut,
}

/// Sends, judges and keeps. One session serves one case.
#[derive(Debug)]
pub struct Session {
    project: Project,
    memory: SeenTimestamps,
    transcript: Vec<Arc<Exchange>>,
    /// What was found so far.
    pub record: Record,
}

impl Session {
    /// Begins a conversation with the project's project.
    pub fn new(project: Project) -> Self {
        Self { project, memory: SeenTimestamps::default(), transcript: Vec::new(), record: Record::default() }
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What distinguishes this case from every earlier one on the target, even of the same seed: in a project that
    /// outlives the run the time in milliseconds.
    pub fn now(&self) -> String {
        if self.project.is_disposable {
            return String::new();
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-", since.as_millis())
    }

    /// Every exchange so far, in order.
    pub fn transcript(&self) -> &[Arc<Exchange>] {
        &self.transcript
    }

    /// Keeps of a long walk its first and its last pages only; `pages` have been read.
    pub fn forget_middle_of_walk(&mut self, pages: usize) {
        if pages > KEPT_PAGES {
            self.transcript.remove(self.transcript.len() - KEPT_PAGES / 2);
        }
    }

    /// Forgets exchanges before `keep_from`, for cases without end.
    pub fn forget_before(&mut self, keep_from: usize) {
        self.transcript.drain(..keep_from.min(self.transcript.len()));
    }

    /// Sends a request and judges its response by everything that holds for every response.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came.
    pub async fn send(&mut self, request: Request) -> Result<Arc<Exchange>, Abort> {
        let exchange = self.project.client.send(request).await?;
        Ok(self.take_in(exchange))
    }

    /// Judges and keeps an exchange that was made elsewhere (by one of several clients at once).
    pub fn take_in(&mut self, exchange: Exchange) -> Arc<Exchange> {
        let exchange = Arc::new(exchange);
        self.project.judge.exchange(&exchange, self.project.client.keys(), &mut self.memory, &mut self.record);
        self.transcript.push(Arc::clone(&exchange));
        exchange
    }

    /// Judges and keeps what several clients did at once, in the order in which they began. Of times nothing is held
    /// against it: none of these responses is surely older than another.
    pub fn take_in_at_once(&mut self, exchanges: Vec<Exchange>, counts: Counts) -> Vec<Arc<Exchange>> {
        let known = (counts == Counts::LeftOut).then(|| std::mem::take(&mut self.record));
        let taken = exchanges
            .into_iter()
            .map(|exchange| {
                self.memory = SeenTimestamps::default();
                self.take_in(exchange)
            })
            .collect();
        self.memory = SeenTimestamps::default();
        if let Some(known) = known {
            let failures = std::mem::replace(&mut self.record, known).failures;
            self.record.failures.extend(failures);
        }
        taken
    }

    /// Reads every regular offering of the project that `role`'s key opens, by pages of 100.
    ///
    /// # Errors
    /// [`Abort::World`] when no response came, [`Abort::Blocked`] when the list cannot be read; the fault itself is in the
    /// record then.
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
                    return Err(Abort::Blocked("the list starts again and again".into()));
                }
                let (offerings, has_more) = self.read_page(&page)?;
                snapshot.pages += 1;
                bytes += page.response.body().len();
                self.forget_middle_of_walk(snapshot.pages);
                for offering in offerings {
                    if !seen.insert(offering.id.clone()) {
                        let received = format!("`{}` stands on two pages", offering.id);
                        self.fault(
                            "list.pages-cover",
                            "a walk by the last id shows an offering twice",
                            "every offering once",
                            received,
                            &page,
                        );
                        return Err(Abort::Blocked("the list repeats itself".into()));
                    }
                    snapshot.offerings.push(offering);
                }
                match (has_more, snapshot.offerings.last()) {
                    (false, _) => return Ok(snapshot),
                    (true, _) if snapshot.pages >= MAX_PAGES || bytes > MAX_BYTES => {
                        let read = snapshot.offerings.len();
                        return Err(Abort::Blocked(format!("the list is too long: {read} offerings and more follow")));
                    }
                    (true, Some(last)) if Some(&last.id) != cursor.as_ref() => {
                        cursor = Some(last.id.clone());
                    }
                    (true, _) => {
                        self.fault(
                            "list.has-more",
                            "`has_more` is true although nothing follows",
                            "true exactly when something follows",
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
            self.fault(
                "list.limit-honoured",
                "a limit of 100 is not accepted",
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
        // What is wrong with such a page is in the record by the schema rule already.
        match (offerings, has_more) {
            (Some(offerings), Some(has_more)) if has_list => Ok((offerings, has_more)),
            _ => Err(Abort::Blocked("the list could not be read: it breaks its schema".into())),
        }
    }

    /// Notes a failure at `at`.
    pub fn fault(
        &mut self,
        rule: &'static str,
        title: impl Into<std::borrow::Cow<'static, str>>,
        documented: impl Into<String>,
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
                expected: documented.into(),
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

/// Whether the page says that its cursor was unknown.
pub fn is_restarted(page: &Exchange) -> bool {
    page.response.header(RESTARTED).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}
