//! One attempt: creates the offerings, starts all clients at once, records their requests, reads the final state and
//! cleans up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Race;
use super::history::{ClientRequest, History, is_whole};
use super::program::{Program, RaceBindings, RaceStep, product_lists};
use super::rng::RaceRng;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Client, Connection, Exchange, KeyRole, LastByteBarrier, Request};
use crate::offerings::Context;
use crate::offerings::oracle::{Facts, Main, Page, Reply};
use crate::project::{Abort, Counts};

/// How many products a list has: enough to make a mixture of two lists visible.
const LIST_LENGTH: usize = 12;

/// The maximum delay of a client's start, in milliseconds, where clients do not start together.
const MAX_START: usize = 3;

/// The maximum time between two first requests that are released one after another, in microseconds.
const MAX_SPREAD: usize = 150;

/// How many offerings are created at most until one is known to be main.
const MAX_ANCHORS: usize = 4;

/// How often the project is read at most before an attempt, until everything of earlier attempts is removed.
const MAX_READS: usize = 4;

/// How long to wait for a list that still shows a former main offering, and for requests that are still in progress.
pub(super) const LAG: Duration = Duration::from_millis(60);

/// Runs the attempts of one race in a context.
pub(super) struct AttemptExecutor<'s> {
    cx: &'s mut Context,
    pub(super) role: KeyRole,
    twins: usize,
    name: String,
    seed: u64,
    /// The prefix of idempotency keys.
    keys: String,
    /// The offering of the run that is main while no client promotes another.
    anchor: Option<String>,
    /// Whether the anchor is known to be main after the last attempt.
    is_anchored: bool,
    /// Ids of earlier attempts that are certainly deleted, although a list still showed them: it was outdated.
    deleted: BTreeSet<String>,
    /// The maximum number of requests in flight.
    max_in_flight: usize,
    /// How many attempts were started.
    attempts: u32,
    /// A connection for each client.
    connections: Vec<Arc<Connection>>,
}

/// The requests of one client.
struct ClientPlan {
    client: usize,
    /// Each request, and the pause before it.
    requests: Vec<(RaceStep, Request, Duration)>,
}

/// The requests of all clients of an attempt.
struct AttemptPlan {
    clients: Vec<ClientPlan>,
    /// The pauses between the first requests that are sent together.
    spread: Vec<Duration>,
}

impl<'s> AttemptExecutor<'s> {
    /// Prepares the project: for a race that promotes, an offering of the run becomes main. At most `max_in_flight`
    /// requests are in flight at once.
    pub(super) async fn new(cx: &'s mut Context, race: &Race, seed: u64, max_in_flight: usize) -> Result<Self, Abort> {
        let keys = cx.new_keys();
        let mut anchor = None;
        if race.program.promotes() && race.role == KeyRole::Main {
            anchor = Some(match cx.prepared_main() {
                Some(main) => main,
                None => own_main(cx).await?,
            });
        }
        let name = race.name.clone();
        Ok(Self {
            cx,
            role: race.role,
            twins: race.twins,
            name,
            seed,
            keys,
            anchor,
            is_anchored: true,
            deleted: BTreeSet::new(),
            max_in_flight,
            attempts: 0,
            connections: Vec::new(),
        })
    }

    pub(super) fn cx(&mut self) -> &mut Context {
        self.cx
    }

    /// Executes `program` once, with new ids and random start times.
    pub(super) async fn execute(&mut self, program: &Program) -> Result<History, Abort> {
        let (attempt, bindings, prefix) = (self.attempts, self.bindings(program), self.id(""));
        // Also an attempt that fails during preparation uses up its ids: they may remain in the second project.
        self.attempts += 1;
        let before = self.remove_leftovers().await?;
        let prepared = self.create_initial(program, &bindings).await?;
        let main = self.main(&before, &prepared);
        let facts = Facts { prefix, variant: self.cx.project().fixtures.variant.clone(), ..Facts::default() };
        let mut rng = RaceRng::new(self.seed, &self.name, u64::from(attempt));
        self.open_connections(program.clients.len()).await;
        let plan = AttemptPlan::new(program, &bindings, attempt, &mut rng);
        let mut requests = run_clients(self.client(), plan, &self.connections).await;
        let observer = program.clients.len();
        for step in &program.after {
            requests.push(send_step(self.client(), observer, *step, bindings.request(*step)).await);
        }
        requests.extend(self.read_final_state(program, &bindings).await);
        if !self.is_exclusive() {
            // Another client may have promoted an offering between the last list and the other reads: this list shows it.
            let list = bindings.request(RaceStep::List);
            requests.push(send_step(self.client(), observer, RaceStep::List, list).await);
        }
        if let Some(lost) = error_without_responses(&requests) {
            return Err(Abort::Blocked(format!("no request of an attempt received a response: cannot {lost}")));
        }
        let requests = self.record_responses(requests);
        let history = History { bindings, anchor: self.anchor.clone(), facts, before, main, prepared, requests };
        self.clean_up(program, &history).await?;
        Ok(history)
    }

    fn client(&self) -> Client {
        self.cx.project().client.clone()
    }

    pub(super) fn bindings(&self, program: &Program) -> RaceBindings {
        let own = program.initial.len() - self.twins;
        let ids = (0..program.initial.len()).map(|slot| self.id(&(slot % own.max(1)).to_string())).collect();
        let known = &self.cx.project().fixtures.products;
        let lists = product_lists(known, program.lists(), LIST_LENGTH);
        RaceBindings { role: self.role, twins: self.twins, ids, lists, keys: format!("{}{}", self.keys, self.attempts) }
    }

    /// An id of this attempt.
    fn id(&self, name: &str) -> String {
        self.cx.id(&format!("{}.{name}", self.attempts))
    }

    /// Opens a connection for each client that has none. A client without one uses the pool: it starts with the others,
    /// but its request is not held back.
    async fn open_connections(&mut self, clients: usize) {
        let client = self.client();
        let mut open = Vec::with_capacity(clients);
        for connection in self.connections.drain(..) {
            if connection.is_open().await {
                open.push(connection);
            }
        }
        let mut opening: JoinSet<_> = (open.len()..clients).map(|_| client.clone()).map(connect).collect();
        while let Some(opened) = opening.join_next().await {
            open.extend(opened.ok().flatten());
        }
        self.connections = open;
    }

    /// Reads the list and removes offerings of earlier attempts.
    async fn remove_leftovers(&mut self) -> Result<Page, Abort> {
        let mut foreign_main = None;
        if !self.is_anchored {
            // Requests that are still in progress end meanwhile.
            tokio::time::sleep(LAG).await;
            self.promote_anchor().await?;
            self.is_anchored = true;
        }
        for _ in 0..MAX_READS {
            let page = self.read_list().await?;
            foreign_main = self.foreign_main(&page);
            if foreign_main.is_some() {
                // The list may only be delayed; other cases check whether it may be.
                tokio::time::sleep(LAG).await;
                if self.is_exclusive() {
                    self.send_judged(self.promotion()).await?;
                }
                continue;
            }
            let left = self.leftovers(&page);
            if left.is_empty() && self.role == KeyRole::Empty && !page.offerings.is_empty() {
                return Err(Abort::NotApplicable("the empty project holds offerings".into()));
            }
            if left.is_empty() {
                return Ok(page);
            }
            let deletes = self.send_concurrently(self.deletions(&left), Counts::Omitted).await?;
            let gone = left.into_iter().zip(deletes).filter(|(_, delete)| self.is_gone(delete));
            self.deleted.extend(gone.map(|(id, _)| id).collect::<Vec<_>>());
        }
        let Some(main) = foreign_main else {
            let left = self.read_list().await.map(|page| self.leftovers(&page))?;
            self.send_judged(self.deletions(&left)).await?;
            return Err(Abort::Blocked("offerings of an earlier attempt cannot be removed".into()));
        };
        if self.is_exclusive() {
            return Err(Abort::Blocked(format!("`{main}` is still main after another offering was promoted")));
        }
        self.cx.record().foreign.push(format!("`{main}` became main"));
        Err(Abort::Blocked(format!("another client promoted `{main}` meanwhile")))
    }

    async fn read_list(&mut self) -> Result<Page, Abort> {
        // What the context has read when it was opened is as good for the first attempt.
        let known = self.cx.last_list(self.role).filter(|_| self.attempts <= 1 && self.is_exclusive());
        let list = if let Some(list) = known {
            list
        } else {
            let list = Request::to(Endpoint::List).query("limit", "100").key(self.role);
            self.send_concurrently(vec![list], Counts::Recorded).await?.remove(0)
        };
        let page = Reply::read(&list.response).page().cloned();
        let page = page.filter(|page| page.has_more.is_some());
        let mut page = page.ok_or_else(|| Abort::Blocked("the list cannot be read".into()))?;
        page.offerings.retain(|offering| !self.deleted.contains(&offering.id));
        Ok(page)
    }

    /// Whether a delete shows that its offering does not exist: it returned 404, and an earlier one succeeded.
    fn is_gone(&self, delete: &Exchange) -> bool {
        let target = |exchange: &Exchange| {
            let request = &exchange.request;
            (request.method.clone(), request.path.clone(), request.role())
        };
        let has_deleted = |other: &Exchange| other.response.is_success() && target(other) == target(delete);
        Reply::read(&delete.response).is_missing() && self.cx.session.trace().iter().any(|other| has_deleted(other))
    }

    /// The main offering, if the race has an anchor and another client created the main one.
    fn foreign_main(&self, page: &Page) -> Option<String> {
        let ours = self.cx.id("");
        let mains = page.mains();
        let is_ours = |main: &str| main.starts_with(&ours) || self.anchor.as_deref() == Some(main);
        mains.into_iter().find(|main| self.anchor.is_some() && !is_ours(main)).map(str::to_owned)
    }

    /// The offerings of earlier attempts.
    fn leftovers(&self, page: &Page) -> Vec<String> {
        let ours = self.cx.id("");
        let ids = page.offerings.iter().map(|offering| &offering.id);
        ids.filter(|id| id.starts_with(&ours) && Some(*id) != self.anchor.as_ref()).cloned().collect()
    }

    /// Creates the offerings that exist when the clients start.
    async fn create_initial(
        &mut self,
        program: &Program,
        bindings: &RaceBindings,
    ) -> Result<Vec<Arc<Exchange>>, Abort> {
        let steps = program.initial.iter().enumerate();
        let steps = steps.filter_map(|(slot, list)| Some(RaceStep::Create { slot, list: (*list)?, key: None }));
        let created =
            self.send_concurrently(steps.map(|step| bindings.request(step)).collect(), Counts::Recorded).await?;
        match created.iter().find(|exchange| !exchange.response.is_success()).cloned() {
            None => Ok(created),
            Some(exchange) => {
                // Sent again without concurrent requests, so that the oracle judges the rejection.
                self.send_judged(vec![exchange.request.clone()]).await?;
                let received = exchange.response.summary();
                Err(Abort::Blocked(format!("the create of an offering for the race returned {received}")))
            }
        }
    }

    /// The main offering when the clients start.
    fn main(&self, before: &Page, prepared: &[Arc<Exchange>]) -> Main {
        let own = prepared.iter().filter(|exchange| exchange.request.role() == Some(self.role));
        let created = own.filter_map(|exchange| Reply::read(&exchange.response).offering().cloned());
        let promoted = created.filter(Offering::is_main).map(|offering| offering.id).next();
        if let Some(ours) = promoted.or_else(|| self.anchor.clone()) {
            return Main::Is(ours);
        }
        let mains = if is_whole(before) { before.mains() } else { self.cx.before().mains() };
        match mains[..] {
            [] => Main::None,
            [main] => Main::Is(main.into()),
            _ => Main::Unknown { not: BTreeSet::new() },
        }
    }

    /// Reads every offering and the list after all clients have ended.
    async fn read_final_state(
        &self,
        program: &Program,
        bindings: &RaceBindings,
    ) -> Vec<(ClientRequest, Option<Exchange>)> {
        let used = |slot: &usize| program.steps().any(|step| step.slot() == Some(*slot));
        let gets = (0..program.initial.len()).filter(used).map(|slot| RaceStep::Get { slot });
        let second = (self.twins > 0).then_some(RaceStep::ListSecond);
        let reads: Vec<_> = gets.chain([RaceStep::List]).chain(second).collect();
        let plan = |reads: &[RaceStep]| ClientPlan {
            client: program.clients.len(),
            requests: reads.iter().map(|step| (*step, bindings.request(*step), Duration::ZERO)).collect(),
        };
        let clients = reads.chunks(reads.len().div_ceil(self.max_in_flight)).map(plan).collect();
        run_clients(self.client(), AttemptPlan { clients, spread: Vec::new() }, &[]).await
    }

    /// Sorts the requests by start, and has the context judge and record their responses.
    fn record_responses(&mut self, mut requests: Vec<(ClientRequest, Option<Exchange>)>) -> Vec<ClientRequest> {
        requests.sort_by_key(|(request, _)| request.start);
        let exchanges = requests.iter_mut().filter_map(|(_, exchange)| exchange.take()).collect();
        let mut recorded = self.cx.take_in_at_once(exchanges, Counts::Omitted).into_iter();
        let with_exchange = |(request, _): (ClientRequest, _)| {
            let exchange = if request.lost.is_none() { recorded.next() } else { None };
            ClientRequest { exchange, ..request }
        };
        let requests: Vec<ClientRequest> = requests.into_iter().map(with_exchange).collect();
        // The race reports an id that exists twice; later lists that show it are not another finding.
        self.cx.tainted.extend(repeated_ids(&requests));
        requests
    }

    /// Promotes the anchor and deletes every offering that the attempt may have created. A response lost here does not
    /// end the race: the next attempt removes what is left.
    async fn clean_up(&mut self, program: &Program, history: &History) -> Result<(), Abort> {
        let is_lost = history.requests.iter().any(|request| request.exchange.is_none() && request.step.writes());
        self.is_anchored = is_complete(self.promote_anchor().await)? && !is_lost;
        is_complete(self.remove(Self::removals(program, &history.bindings)).await)?;
        // An id that exists several times is deleted as often.
        is_complete(self.remove(self.deletions(&repeated_ids(&history.requests))).await).map(drop)
    }

    /// The deletes of every offering that an attempt may have created.
    pub(super) fn removals(program: &Program, bindings: &RaceBindings) -> Vec<Request> {
        let slots = (0..program.initial.len()).filter(|slot| program.creates(*slot));
        slots.map(|slot| bindings.request(RaceStep::Delete { slot })).collect()
    }

    /// The promotion of the anchor, if there is one.
    pub(super) fn promotion(&self) -> Vec<Request> {
        self.anchor.iter().map(|anchor| Request::to(Endpoint::SetMain).id(anchor)).collect()
    }

    async fn promote_anchor(&mut self) -> Result<(), Abort> {
        self.send_concurrently(self.promotion(), Counts::Omitted).await.map(drop)
    }

    fn deletions(&self, ids: &[String]) -> Vec<Request> {
        ids.iter().map(|id| Request::to(Endpoint::Delete).id(id).key(self.role)).collect()
    }

    async fn remove(&mut self, deletes: Vec<Request>) -> Result<(), Abort> {
        self.send_concurrently(deletes, Counts::Omitted).await.map(drop)
    }

    /// Whether no other client writes to the project.
    pub(super) fn is_exclusive(&self) -> bool {
        self.cx.project().is_exclusive
    }

    /// Whether requests may have to wait for each other.
    pub(super) fn is_rate_limited(&self) -> bool {
        self.client().transport().pacing().is_limited()
    }

    /// Sends requests one after the other; the oracle judges each response, and a snapshot after each write.
    pub(super) async fn send_judged(&mut self, requests: Vec<Request>) -> Result<(), Abort> {
        for role in [self.role, KeyRole::Second] {
            if self.cx.oracle_state(role).is_some() {
                self.cx.adopt(role).await?;
            }
        }
        self.is_anchored = false;
        for request in requests {
            let (role, is_write) = (request.role().unwrap_or(KeyRole::Main), request.is_write());
            self.cx.send(request).await?;
            if is_write {
                self.cx.read_other_project(role).await?;
            }
        }
        Ok(())
    }

    /// Runs a program of one client; failures are added to the record.
    pub(super) async fn run_sequentially(&mut self, program: &Program) -> Result<(), Abort> {
        // Requests of earlier attempts may still be in progress.
        tokio::time::sleep(LAG).await;
        self.send_judged(self.promotion()).await?;
        let bindings = self.bindings(program);
        self.attempts += 1;
        let creates = program.initial.iter().enumerate();
        let creates = creates.filter_map(|(slot, list)| Some(RaceStep::Create { slot, list: (*list)?, key: None }));
        let used = |slot: &usize| program.steps().any(|step| step.slot() == Some(*slot));
        let reads = (0..program.initial.len()).filter(used).map(|slot| RaceStep::Get { slot });
        let steps = creates.chain(program.steps()).chain(reads).chain([RaceStep::List]);
        let requests = steps.map(|step| bindings.request(step)).collect();
        let known = self.cx.record().failures.len();
        let sent = self.send_judged(requests).await;
        if self.cx.record().failures.len() > known {
            // The failure is known: cleaning up is not judged.
            return self.remove(Self::removals(program, &bindings)).await;
        }
        sent?;
        self.send_judged(self.promotion().into_iter().chain(Self::removals(program, &bindings)).collect()).await
    }

    /// Sends requests that are not part of the race, concurrently. A server may reject concurrent writes with 409, so
    /// a write that returned 409 is sent once more, without others.
    async fn send_concurrently(&mut self, requests: Vec<Request>, counts: Counts) -> Result<Vec<Arc<Exchange>>, Abort> {
        let mut exchanges = self.send_once(requests, counts).await?;
        let is_rejected =
            |exchange: &Exchange| exchange.request.is_write() && Reply::read(&exchange.response).is_conflict();
        for exchange in exchanges.iter_mut().filter(|exchange| is_rejected(exchange)) {
            let again = self.send_once(vec![exchange.request.clone()], counts).await?;
            exchange.clone_from(&again[0]);
        }
        Ok(exchanges)
    }

    async fn send_once(&mut self, requests: Vec<Request>, counts: Counts) -> Result<Vec<Arc<Exchange>>, Abort> {
        let mut exchanges = Vec::with_capacity(requests.len());
        let mut failure = None;
        for group in requests.chunks(self.max_in_flight) {
            let send = |request: &Request| {
                let (client, request) = (self.client(), request.clone());
                tokio::spawn(async move { client.send(request).await })
            };
            for sent in group.iter().map(send).collect::<Vec<_>>() {
                match sent.await.expect("no client cancels a request, and sending does not panic") {
                    Ok(exchange) => exchanges.push(exchange),
                    Err(error) => failure = Some(error),
                }
            }
        }
        let exchanges = self.cx.take_in_at_once(exchanges, counts);
        failure.map_or(Ok(exchanges), |error| Err(Abort::World(error)))
    }
}

/// The repeated ids of the page that has the most of them.
fn repeated_ids(requests: &[ClientRequest]) -> Vec<String> {
    let repeated = |page: Page| -> Vec<String> {
        let mut seen = BTreeSet::new();
        page.offerings.into_iter().map(|row| row.id).filter(|id| !seen.insert(id.clone())).collect()
    };
    requests.iter().filter_map(ClientRequest::page).map(repeated).max_by_key(Vec::len).unwrap_or_default()
}

/// Creates and promotes an offering. If a response is lost, it continues with another offering.
async fn own_main(cx: &mut Context) -> Result<String, Abort> {
    let mut anchor = Err(Abort::Blocked("no offering was created".into()));
    for number in 0..MAX_ANCHORS {
        anchor = own_main_numbered(cx, number).await;
        match &anchor {
            Err(abort) if abort.is_lost_response() => {}
            _ => break,
        }
    }
    anchor
}

async fn own_main_numbered(cx: &mut Context, number: usize) -> Result<String, Abort> {
    let id = cx.id(&if number == 0 { "anchor".into() } else { format!("anchor-{number}") });
    cx.create_offering(&id, &[]).await?;
    cx.set_main(&id).await?;
    tokio::time::sleep(LAG).await;
    cx.read_state().await?;
    if cx.state().main() != Some(&id) {
        let reason = if cx.project().is_exclusive {
            "the offering that was promoted for the race is not main"
        } else {
            cx.record().foreign.push(format!("`{id}` is not main any more"));
            "another client promoted an offering before the race started"
        };
        return Err(Abort::Blocked(reason.into()));
    }
    Ok(id)
}

/// Whether all responses arrived; an error other than a lost response is passed on.
fn is_complete(result: Result<(), Abort>) -> Result<bool, Abort> {
    match result {
        Ok(()) => Ok(true),
        Err(abort) if abort.is_lost_response() => Ok(false),
        Err(abort) => Err(abort),
    }
}

/// A new connection, if the target accepts it.
async fn connect(client: Client) -> Option<Arc<Connection>> {
    client.connect().await.ok()
}

impl AttemptPlan {
    /// The requests of each client, with random pauses. The first requests are sent at once, or a little spread, or as
    /// clients that start independently: each finds races that the others miss.
    fn new(program: &Program, bindings: &RaceBindings, attempt: u32, rng: &mut RaceRng) -> Self {
        let (max_start, max_spread) = match attempt % 4 {
            0 | 2 => (0, 0),
            1 => (0, MAX_SPREAD),
            _ => (MAX_START, 0),
        };
        let mut plan = |(client, steps): (usize, &Vec<RaceStep>)| {
            let start = rng.below(max_start + 1);
            let requests = steps.iter().enumerate().map(|(place, step)| {
                let pause = if place == 0 { start } else { usize::from(rng.below(4) == 0) };
                (*step, bindings.request(*step), Duration::from_millis(pause as u64))
            });
            ClientPlan { client, requests: requests.collect() }
        };
        let mut clients: Vec<ClientPlan> = program.clients.iter().enumerate().map(&mut plan).collect();
        // They are released in this order.
        for place in (1..clients.len()).rev() {
            clients.swap(place, rng.below(place + 1));
        }
        let pause = |_| Duration::from_micros(rng.below(max_spread + 1) as u64);
        Self { clients, spread: program.clients.iter().map(pause).collect() }
    }
}

/// Starts all clients at one moment and waits until they have ended. The first request of each client that has a
/// connection waits until those of the others are written except for their last bytes. A rate limit delays them
/// together, not one by one.
async fn run_clients(
    client: Client,
    plan: AttemptPlan,
    connections: &[Arc<Connection>],
) -> Vec<(ClientRequest, Option<Exchange>)> {
    let AttemptPlan { clients, spread } = plan;
    let requests: usize = clients.iter().map(|plan| plan.requests.len()).sum();
    let client = client.at_once(u32::try_from(requests).unwrap_or(u32::MAX)).await;
    let barrier = Arc::new(Barrier::new(clients.len()));
    let mut last_bytes = LastByteBarrier::new();
    let mut running = JoinSet::new();
    for (place, plan) in clients.into_iter().enumerate() {
        let (mut client, barrier) = (client.clone(), Arc::clone(&barrier));
        let is_together = plan.requests.first().is_some_and(|(.., pause)| pause.is_zero());
        let connection = connections.get(place).cloned();
        let hold = connection.as_ref().filter(|_| is_together).map(|_| last_bytes.add());
        running.spawn(async move {
            barrier.wait().await;
            if let Some(connection) = connection {
                client = client.on(connection.clone());
                if let Some(hold) = hold {
                    connection.hold(hold);
                }
            }
            let mut requests = Vec::with_capacity(plan.requests.len());
            for (step, request, pause) in plan.requests {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                requests.push(send_step(client.clone(), plan.client, step, request).await);
            }
            requests
        });
    }
    last_bytes.release(spread).await;
    running.join_all().await.into_iter().flatten().collect()
}

/// Sends one request of a client and records it.
async fn send_step(
    client: Client,
    number: usize,
    step: RaceStep,
    request: Request,
) -> (ClientRequest, Option<Exchange>) {
    let start = Instant::now();
    let sent = client.send_among_others(request).await;
    let unanswered = ClientRequest { client: number, step, start, end: None, exchange: None, lost: None };
    match sent {
        // If the request was sent again after a 429, only the last exchange counts.
        Ok(exchange) => {
            (ClientRequest { start: exchange.started, end: Some(exchange.ended), ..unanswered }, Some(exchange))
        }
        Err(error) => (ClientRequest { lost: Some(error.to_string()), ..unanswered }, None),
    }
}

/// The error of a request, if no request received a response.
fn error_without_responses(requests: &[(ClientRequest, Option<Exchange>)]) -> Option<&str> {
    if requests.iter().any(|(_, exchange)| exchange.is_some()) {
        return None;
    }
    requests.iter().find_map(|(request, _)| request.lost.as_deref())
}
