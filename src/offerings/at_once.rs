//! Sends requests at the same time: several independent ones, and the first page of a project that is read next.

use std::sync::Arc;

use super::context::{Context, Sending, written};
use super::oracle::{Call, Reply};
use super::snapshot::{MAX_LIMIT, page};
use crate::exchange::{Exchange, KeyRole, Request};
use crate::project::Abort;

/// Why waiting for a sent request cannot fail.
const NOT_CANCELLED: &str = "requests are never cancelled, and sending does not panic";

impl Context {
    /// The number of independent requests that are sent at once.
    pub(super) fn at_once(&self) -> usize {
        self.project().at_once
    }

    /// Sends independent requests, several at once to a shared project. Their responses are in the order of the requests. A
    /// write that is rejected with 409 among others is sent again alone: a correct server may reject all but one of
    /// several concurrent writes.
    ///
    /// # Errors
    /// [`Abort::World`] if a response is missing; the others sent at the same time are judged nevertheless.
    pub async fn send_all(&mut self, requests: &[Request]) -> Result<Vec<Arc<Exchange>>, Abort> {
        if self.at_once() == 1 {
            let mut all = Vec::with_capacity(requests.len());
            for request in requests {
                all.push(self.send(request.clone()).await?);
            }
            return Ok(all);
        }
        let mut groups: Vec<Vec<(usize, &Request)>> = Vec::new();
        for (place, request) in requests.iter().enumerate() {
            match groups.iter_mut().find(|group| self.are_alike(group[0].1, request)) {
                Some(group) => group.push((place, request)),
                None => groups.push(vec![(place, request)]),
            }
        }
        let (at_once, mut all) = (self.at_once(), Vec::with_capacity(requests.len()));
        for group in groups.iter().flat_map(|group| group.chunks(at_once)) {
            let sent = self.send_alike(&group.iter().map(|(_, request)| *request).collect::<Vec<_>>()).await?;
            all.extend(group.iter().map(|(place, _)| *place).zip(sent));
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, exchange)| exchange).collect())
    }

    /// Sends requests at once whose effects one comparison covers.
    async fn send_alike(&mut self, requests: &[&Request]) -> Result<Vec<Arc<Exchange>>, Abort> {
        for request in requests {
            self.read_before(request).await?;
        }
        let sending: Vec<_> =
            requests.iter().map(|request| self.begin(self.with_must_fail((*request).clone()))).collect();
        let mut responses = Vec::with_capacity(sending.len());
        for sending in sending {
            responses.push(sending.await.expect(NOT_CANCELLED));
        }
        // All responses are read before a missing one ends the case, so that everything created can be deleted.
        let mut failed = None;
        // The read after a wrong response shows the effects of the whole group, so later successes cannot be judged by
        // it.
        let mut is_behind = false;
        let mut all = Vec::with_capacity(requests.len());
        for (request, mut response) in requests.iter().zip(responses) {
            let was_concurrent = requests.len() > 1 && request.is_write();
            if was_concurrent && response.as_ref().is_ok_and(|rejected| rejected.response.status == 409) {
                response = self.begin((*request).clone()).await.expect(NOT_CANCELLED);
            }
            match response {
                Ok(exchange) => {
                    let known = self.session.record.failures.len();
                    let exchange = self.session.record_exchange(exchange);
                    let adoptions = self.adoptions;
                    if is_behind && request.is_write() && exchange.response.is_success() {
                        self.uncertain.extend(written(request));
                        self.drop_tainted(known);
                    } else {
                        self.judge(&exchange, known).await?;
                    }
                    is_behind |= self.adoptions > adoptions;
                    all.push(exchange);
                }
                Err(error) => {
                    self.uncertain.extend(written(request));
                    failed = failed.or(Some(error));
                }
            }
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        let known = |role: &KeyRole| self.oracle.state(*role).is_some();
        for role in self.uncertain.iter().copied().filter(known).collect::<Vec<_>>() {
            self.adopt(role).await?;
        }
        Ok(all)
    }

    /// Whether one comparison covers both requests.
    fn are_alike(&self, one: &Request, other: &Request) -> bool {
        let calls = Call::read(one).filter(Call::is_write).zip(Call::read(other).filter(Call::is_write));
        one.operation == other.operation
            && calls.is_none_or(|(one, other)| {
                let state = self.oracle.state(one.project());
                one.project() == other.project() && state.is_none_or(|state| state.are_alike(&one, &other))
            })
    }

    pub(super) fn begin(&mut self, request: Request) -> Sending {
        let client = self.project().client.clone();
        tokio::spawn(async move { client.send(request).await })
    }

    /// Gets a page of the list.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub async fn page(&mut self, limit: Option<usize>, after: Option<&str>) -> Result<Reply, Abort> {
        Ok(Reply::read(&self.send(page(limit, after)).await?.response))
    }

    /// Gets pages of the list, each with its limit and its cursor.
    ///
    /// # Errors
    /// As [`Self::send_all`].
    pub async fn pages(&mut self, pages: &[(Option<usize>, Option<&str>)]) -> Result<Vec<Reply>, Abort> {
        let requests: Vec<_> = pages.iter().map(|(limit, after)| page(*limit, *after)).collect();
        let exchanges = self.send_all(&requests).await?;
        Ok(exchanges.iter().map(|exchange| Reply::read(&exchange.response)).collect())
    }

    /// Requests the first page of a project that is read after another one.
    pub(super) fn read_ahead(&mut self, role: KeyRole) {
        if self.at_once() > 1 && !self.ahead.contains_key(&role) {
            let sending = self.begin(page(Some(MAX_LIMIT), None).key(role));
            self.ahead.insert(role, sending);
        }
    }

    /// The first page of a project, if it was sent ahead or the case before has read it.
    ///
    /// # Errors
    /// [`Abort::World`] if no response arrived.
    pub(super) async fn page_ahead(&mut self, role: KeyRole) -> Result<Option<Arc<Exchange>>, Abort> {
        let exchange = match (self.opening.take(), self.ahead.remove(&role)) {
            (Some(list), _) if role == KeyRole::Main => list,
            (_, Some(sending)) => sending.await.expect(NOT_CANCELLED)?.into(),
            _ => return Ok(None),
        };
        Ok(Some(self.take_in_quietly(exchange)))
    }

    /// Reads and compares a project, if tracked, and judges other reads of it that are sent at the same time.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn read_project_with(&mut self, role: KeyRole, reads: Vec<Request>) -> Result<(), Abort> {
        if self.at_once() == 1 {
            self.read_other_project(role).await?;
            for read in reads {
                self.send(read).await?;
            }
            return Ok(());
        }
        let sending: Vec<_> = reads.into_iter().map(|read| self.begin(read)).collect();
        self.read_other_project(role).await?;
        self.judge_reads(sending).await
    }

    /// Sends all reads at once and judges their responses.
    ///
    /// # Errors
    /// [`Abort::World`] if a response is missing; the others are judged nevertheless.
    pub async fn read_at_once(&mut self, requests: &[Request]) -> Result<(), Abort> {
        let sending: Vec<_> = requests.iter().map(|request| self.begin(request.clone())).collect();
        self.judge_reads(sending).await
    }

    async fn judge_reads(&mut self, reads: Vec<Sending>) -> Result<(), Abort> {
        let mut failed = None;
        for sending in reads {
            match sending.await.expect(NOT_CANCELLED) {
                Ok(exchange) => {
                    let known = self.session.record.failures.len();
                    let exchange = self.session.record_exchange(exchange);
                    self.judge(&exchange, known).await?;
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}
