//! One try: the offerings are created, the clients are released together, everything is recorded, and what is left is
//! read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Race;
use super::draw::RaceRng;
use super::history::{Act, History, is_whole};
use super::program::{Program, RaceBindings, RaceStep, product_lists};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Client, Exchange, KeyRole, Request};
use crate::offerings::Context;
use crate::offerings::oracle::{Facts, Main, Page, Reply};
use crate::project::{Abort, Counts};

/// How many products a list has: enough to see a mixture.
const LIST_LENGTH: usize = 12;

/// Clients start up to so many milliseconds apart.
const MAX_START: usize = 3;

/// How many offerings are made, one after the other, until one of them is main for sure.
const MAX_ANCHORS: usize = 4;

/// How often the project is looked at before a try, until nothing of an earlier one is left.
const LOOKS: usize = 4;

/// How long a list that shows a former main is waited for, and whatever else takes its time.
pub(super) const LAG: Duration = Duration::from_millis(60);

/// Plays the tries of one race on a cx.
pub(super) struct Player<'s> {
    cx: &'s mut Context,
    pub(super) role: KeyRole,
    twins: usize,
    name: String,
    seed: u64,
    /// What idempotency keys start with.
    keys: String,
    /// The offering of ours that is main while no client promotes another.
    anchor: Option<String>,
    /// Whether the last try left the anchor as main for sure.
    is_anchored: bool,
    /// The most requests at once.
    at_once: usize,
    /// How many tries were played.
    tries: u32,
}

/// What one client has to do.
struct ClientPart {
    client: usize,
    /// Each request, and the pause before it.
    requests: Vec<(RaceStep, Request, Duration)>,
}

impl<'s> Player<'s> {
    /// Makes the project ready: a race that promotes gets a main that is ours. No more than `at_once` requests will be
    /// sent at once.
    pub(super) async fn new(cx: &'s mut Context, race: &Race, seed: u64, at_once: usize) -> Result<Self, Abort> {
        let keys = cx.new_keys();
        let mut anchor = None;
        if race.program.promotes() && race.role == KeyRole::Main {
            anchor = Some(own_main(cx).await?);
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
            at_once,
            tries: 0,
        })
    }

    pub(super) fn cx(&mut self) -> &mut Context {
        self.cx
    }

    /// Plays `program` once, with fresh ids and drawn start offsets.
    pub(super) async fn play(&mut self, program: &Program) -> Result<History, Abort> {
        let bindings = self.bindings(program);
        let before = self.open(program.clients.len()).await?;
        let prepared = self.prepare(program, &bindings).await?;
        let main = self.main(&before, &prepared);
        let facts =
            Facts { prefix: self.id(""), variant: self.cx.project().fixtures.variant.clone(), ..Facts::default() };
        let mut draw = RaceRng::new(self.seed, &self.name, u64::from(self.tries));
        self.tries += 1;
        let mut acts = release(self.client(), parts(program, &bindings, &mut draw)).await;
        let observer = program.clients.len();
        for step in &program.after {
            acts.push(act(self.client(), observer, *step, bindings.request(*step)).await);
        }
        acts.extend(self.read_rest(program, &bindings).await);
        if let Some(lost) = nothing_came(&acts) {
            return Err(Abort::Blocked(format!("no request of a race was answered: cannot {lost}")));
        }
        let acts = self.take_in(acts);
        let history = History { bindings, anchor: self.anchor.clone(), facts, before, main, prepared, acts };
        self.tidy(program, &history).await?;
        Ok(history)
    }

    fn client(&self) -> Client {
        self.cx.project().client.clone()
    }

    pub(super) fn bindings(&self, program: &Program) -> RaceBindings {
        let own = program.made.len() - self.twins;
        let ids = (0..program.made.len()).map(|slot| self.id(&(slot % own.max(1)).to_string())).collect();
        let known = &self.cx.project().fixtures.products;
        let lists = product_lists(known, program.lists(), LIST_LENGTH);
        RaceBindings { role: self.role, twins: self.twins, ids, lists, keys: format!("{}{}", self.keys, self.tries) }
    }

    /// An id of this try.
    fn id(&self, name: &str) -> String {
        self.cx.id(&format!("{}.{name}", self.tries))
    }

    /// Opens a connection for each client and reads what is there; what earlier tries left is removed.
    async fn open(&mut self, clients: usize) -> Result<Page, Abort> {
        let mut stranger = None;
        if !self.is_anchored {
            // Whatever was still on its way has arrived by now.
            tokio::time::sleep(LAG).await;
            self.anchor_again().await?;
            self.is_anchored = true;
        }
        for _ in 0..LOOKS {
            let page = self.look_around(clients).await?;
            stranger = self.stranger(&page);
            if stranger.is_some() {
                // Perhaps the list only lags behind: whether it may is for others to say.
                tokio::time::sleep(LAG).await;
                if self.is_exclusive() {
                    self.send_judged(self.promotion()).await?;
                }
                continue;
            }
            let left = self.leftovers(&page);
            if left.is_empty() && self.role == KeyRole::Empty && !page.offerings.is_empty() {
                return Err(Abort::NotApplicable("the project that should be empty is not".into()));
            }
            if left.is_empty() {
                return Ok(page);
            }
            self.remove(self.deletions(&left)).await?;
        }
        let Some(main) = stranger else {
            let left = self.look_around(1).await.map(|page| self.leftovers(&page))?;
            self.send_judged(self.deletions(&left)).await?;
            return Err(Abort::Blocked("what an earlier try created cannot be removed".into()));
        };
        if self.is_exclusive() {
            return Err(Abort::Blocked(format!("`{main}` stays main though another was promoted")));
        }
        self.cx.record().foreign.push(format!("`{main}` became main"));
        Err(Abort::Blocked(format!("another client made `{main}` main meanwhile")))
    }

    async fn look_around(&mut self, clients: usize) -> Result<Page, Abort> {
        let list = |limit| Request::to(Endpoint::List).query("limit", limit).key(self.role);
        let others = std::iter::repeat_n(list("1"), clients.saturating_sub(1));
        let requests = std::iter::once(list("100")).chain(others).collect();
        let exchanges = self.at_once(requests, Counts::Kept).await?;
        let page = exchanges.first().and_then(|exchange| Reply::read(&exchange.response).page().cloned());
        page.filter(|page| page.has_more.is_some()).ok_or_else(|| Abort::Blocked("the list cannot be read".into()))
    }

    /// Another main, where it should be ours.
    fn stranger(&self, page: &Page) -> Option<String> {
        let ours = self.cx.id("");
        let mains = page.mains();
        mains.into_iter().find(|main| self.anchor.is_some() && !main.starts_with(&ours)).map(str::to_owned)
    }

    /// What earlier tries left.
    fn leftovers(&self, page: &Page) -> Vec<String> {
        let ours = self.cx.id("");
        let ids = page.offerings.iter().map(|offering| &offering.id);
        ids.filter(|id| id.starts_with(&ours) && Some(*id) != self.anchor.as_ref()).cloned().collect()
    }

    /// Makes the offerings that are there when the clients are released.
    async fn prepare(&mut self, program: &Program, bindings: &RaceBindings) -> Result<Vec<Arc<Exchange>>, Abort> {
        let steps = program.made.iter().enumerate();
        let steps = steps.filter_map(|(slot, list)| Some(RaceStep::Create { slot, list: (*list)?, key: None }));
        let made = self.at_once(steps.map(|step| bindings.request(step)).collect(), Counts::Kept).await?;
        match made.iter().find(|exchange| !exchange.response.is_success()).cloned() {
            None => Ok(made),
            Some(exchange) => {
                // Whether it may be rejected is judged when it is sent alone.
                self.send_judged(vec![exchange.request.clone()]).await?;
                let received = exchange.response.summary();
                Err(Abort::Blocked(format!("a create that the race builds on returned {received}")))
            }
        }
    }

    /// Who is main when everything is prepared.
    fn main(&self, before: &Page, prepared: &[Arc<Exchange>]) -> Main {
        let own = prepared.iter().filter(|exchange| exchange.request.role() == Some(self.role));
        let made = own.filter_map(|exchange| Reply::read(&exchange.response).offering().cloned());
        let promoted = made.filter(Offering::is_main).map(|offering| offering.id).next();
        if let Some(ours) = promoted.or_else(|| self.anchor.clone()) {
            return Main::Is(ours);
        }
        let mains = if is_whole(before) { before.mains() } else { self.cx.before().mains() };
        match mains[..] {
            [] => Main::None,
            [main] => Main::Is(main.into()),
            _ => Main::Unsure { not: BTreeSet::new() },
        }
    }

    /// Reads every offering and the list when no client writes any more.
    async fn read_rest(&self, program: &Program, bindings: &RaceBindings) -> Vec<(Act, Option<Exchange>)> {
        let used = |slot: &usize| program.steps().any(|step| step.slot() == Some(*slot));
        let gets = (0..program.made.len()).filter(used).map(|slot| RaceStep::Get { slot });
        let second = (self.twins > 0).then_some(RaceStep::ListSecond);
        let reads: Vec<_> = gets.chain([RaceStep::List]).chain(second).collect();
        let part = |reads: &[RaceStep]| ClientPart {
            client: program.clients.len(),
            requests: reads.iter().map(|step| (*step, bindings.request(*step), Duration::ZERO)).collect(),
        };
        release(self.client(), reads.chunks(reads.len().div_ceil(self.at_once)).map(part).collect()).await
    }

    fn take_in(&mut self, mut acts: Vec<(Act, Option<Exchange>)>) -> Vec<Act> {
        acts.sort_by_key(|(act, _)| act.start);
        let exchanges = acts.iter_mut().filter_map(|(_, exchange)| exchange.take()).collect();
        let mut taken = self.cx.take_in_at_once(exchanges, Counts::LeftOut).into_iter();
        let with_exchange = |(act, _): (Act, _)| {
            let exchange = if act.lost.is_none() { taken.next() } else { None };
            Act { exchange, ..act }
        };
        let acts: Vec<Act> = acts.into_iter().map(with_exchange).collect();
        // An id that is two offerings now is the race's finding: what a later list shows of it is no other.
        self.cx.tainted.extend(listed_again(&acts));
        acts
    }

    /// Makes the anchor main again and removes whatever the try can have made, row by row. A response that is lost here
    /// is no reason to end: what is left is removed before the next try.
    async fn tidy(&mut self, program: &Program, history: &History) -> Result<(), Abort> {
        let is_lost = history.acts.iter().any(|act| act.exchange.is_none() && act.step.writes());
        self.is_anchored = is_kept(self.anchor_again().await)? && !is_lost;
        is_kept(self.remove(Self::removals(program, &history.bindings)).await)?;
        // What there are several of is deleted as often.
        is_kept(self.remove(self.deletions(&listed_again(&history.acts))).await).map(drop)
    }

    /// The deletes of whatever a try can have created.
    pub(super) fn removals(program: &Program, bindings: &RaceBindings) -> Vec<Request> {
        let slots = (0..program.made.len()).filter(|slot| program.makes(*slot));
        slots.map(|slot| bindings.request(RaceStep::Delete { slot })).collect()
    }

    /// The promotion that makes the anchor main again.
    pub(super) fn promotion(&self) -> Vec<Request> {
        self.anchor.iter().map(|anchor| Request::to(Endpoint::SetMain).id(anchor)).collect()
    }

    async fn anchor_again(&mut self) -> Result<(), Abort> {
        self.at_once(self.promotion(), Counts::LeftOut).await.map(drop)
    }

    fn deletions(&self, ids: &[String]) -> Vec<Request> {
        ids.iter().map(|id| Request::to(Endpoint::Delete).id(id).key(self.role)).collect()
    }

    async fn remove(&mut self, deletes: Vec<Request>) -> Result<(), Abort> {
        self.at_once(deletes, Counts::LeftOut).await.map(drop)
    }

    /// Whether every change of the project is the server's doing.
    pub(super) fn is_exclusive(&self) -> bool {
        self.cx.project().is_exclusive
    }

    /// Sends requests as one client, one after the other; the oracle judges each, and the project after each write.
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
                self.cx.look_in(role).await?;
            }
        }
        Ok(())
    }

    /// Runs `program` as one client; what is wrong then is in the record.
    pub(super) async fn run_alone(&mut self, program: &Program) -> Result<(), Abort> {
        // What several clients did must not be on its way any more.
        tokio::time::sleep(LAG).await;
        self.send_judged(self.promotion()).await?;
        let bindings = self.bindings(program);
        self.tries += 1;
        let made = program.made.iter().enumerate();
        let made = made.filter_map(|(slot, list)| Some(RaceStep::Create { slot, list: (*list)?, key: None }));
        let used = |slot: &usize| program.steps().any(|step| step.slot() == Some(*slot));
        let reads = (0..program.made.len()).filter(used).map(|slot| RaceStep::Get { slot });
        let steps = made.chain(program.steps()).chain(reads).chain([RaceStep::List]);
        let requests = steps.map(|step| bindings.request(step)).collect();
        let known = self.cx.record().failures.len();
        let sent = self.send_judged(requests).await;
        if self.cx.record().failures.len() > known {
            // What is wrong already is not judged again.
            return self.remove(Self::removals(program, &bindings)).await;
        }
        sent?;
        self.send_judged(self.promotion().into_iter().chain(Self::removals(program, &bindings)).collect()).await
    }

    /// Sends requests that are not part of the race, all at once; what a server that takes one writer at a time refused
    /// is sent once more, alone.
    async fn at_once(&mut self, requests: Vec<Request>, counts: Counts) -> Result<Vec<Arc<Exchange>>, Abort> {
        let mut exchanges = self.all_at_once(requests, counts).await?;
        let refused =
            |exchange: &Exchange| exchange.request.is_write() && Reply::read(&exchange.response).is_conflict();
        for exchange in exchanges.iter_mut().filter(|exchange| refused(exchange)) {
            let again = self.all_at_once(vec![exchange.request.clone()], counts).await?;
            exchange.clone_from(&again[0]);
        }
        Ok(exchanges)
    }

    async fn all_at_once(&mut self, requests: Vec<Request>, counts: Counts) -> Result<Vec<Arc<Exchange>>, Abort> {
        let mut exchanges = Vec::with_capacity(requests.len());
        let mut failure = None;
        for group in requests.chunks(self.at_once) {
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

/// The rows of one page whose ids stand in it before: of the page that has the most of them.
fn listed_again(acts: &[Act]) -> Vec<String> {
    let repeated = |page: Page| -> Vec<String> {
        let mut seen = BTreeSet::new();
        page.offerings.into_iter().map(|row| row.id).filter(|id| !seen.insert(id.clone())).collect()
    };
    acts.iter().filter_map(Act::page).map(repeated).max_by_key(Vec::len).unwrap_or_default()
}

/// An offering of ours that is main. A response that is lost on the way to it is no reason to end: another will do.
async fn own_main(cx: &mut Context) -> Result<String, Abort> {
    let mut made = Err(Abort::Blocked("nothing was tried".into()));
    for number in 0..MAX_ANCHORS {
        made = own_main_numbered(cx, number).await;
        match &made {
            Err(halt) if halt.is_lost_response() => {}
            _ => break,
        }
    }
    made
}

async fn own_main_numbered(cx: &mut Context, number: usize) -> Result<String, Abort> {
    let id = cx.id(&if number == 0 { "anchor".into() } else { format!("anchor-{number}") });
    cx.make(&id, &[]).await?;
    cx.set_main(&id).await?;
    tokio::time::sleep(LAG).await;
    cx.look().await?;
    if cx.state().main() != Some(&id) {
        let reason = if cx.project().is_exclusive {
            "the promotion that the race builds on is not stored"
        } else {
            "another client made another offering main before the race began"
        };
        return Err(Abort::Blocked(reason.into()));
    }
    Ok(id)
}

/// Whether something was done; that its response was lost is no reason to end.
fn is_kept(done: Result<(), Abort>) -> Result<bool, Abort> {
    match done {
        Ok(()) => Ok(true),
        Err(halt) if halt.is_lost_response() => Ok(false),
        Err(halt) => Err(halt),
    }
}

/// The requests of each client, and when they leave.
fn parts(program: &Program, bindings: &RaceBindings, draw: &mut RaceRng) -> Vec<ClientPart> {
    let mut part = |(client, steps): (usize, &Vec<RaceStep>)| {
        let start = draw.below(MAX_START + 1);
        let requests = steps.iter().enumerate().map(|(place, step)| {
            let pause = if place == 0 { start } else { usize::from(draw.below(4) == 0) };
            (*step, bindings.request(*step), Duration::from_millis(pause as u64))
        });
        ClientPart { client, requests: requests.collect() }
    };
    program.clients.iter().enumerate().map(&mut part).collect()
}

/// Lets all parts begin at one moment and waits for their end.
async fn release(client: Client, parts: Vec<ClientPart>) -> Vec<(Act, Option<Exchange>)> {
    let barrier = Arc::new(Barrier::new(parts.len()));
    let mut running = JoinSet::new();
    for part in parts {
        let (client, barrier) = (client.clone(), Arc::clone(&barrier));
        running.spawn(async move {
            barrier.wait().await;
            let mut acts = Vec::with_capacity(part.requests.len());
            for (step, request, pause) in part.requests {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                acts.push(act(client.clone(), part.client, step, request).await);
            }
            acts
        });
    }
    running.join_all().await.into_iter().flatten().collect()
}

/// Sends one request of a client and records it.
async fn act(client: Client, number: usize, step: RaceStep, request: Request) -> (Act, Option<Exchange>) {
    let start = Instant::now();
    let sent = client.send_among_others(request).await;
    let blank = Act { client: number, step, start, end: None, exchange: None, lost: None };
    match sent {
        // Of a request that was sent again after a 429 only the last time counts.
        Ok(exchange) => (Act { start: exchange.started, end: Some(exchange.ended), ..blank }, Some(exchange)),
        Err(error) => (Act { lost: Some(error.to_string()), ..blank }, None),
    }
}

/// Why nothing was answered at all, if nothing was.
fn nothing_came(acts: &[(Act, Option<Exchange>)]) -> Option<&str> {
    if acts.iter().any(|(_, exchange)| exchange.is_some()) {
        return None;
    }
    acts.iter().find_map(|(act, _)| act.lost.as_deref())
}
