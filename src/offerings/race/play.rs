//! One try: the offerings are made, the clients are released together, everything is recorded, and what is left is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Race;
use super::draw::Draw;
use super::history::{Act, History, Page};
use super::program::{Cast, Program, Step, product_lists};
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Client, Exchange, KeyRole, Request};
use crate::lane::{Counts, Halt};
use crate::offerings::Stage;
use crate::offerings::model::{Facts, Main};

/// How many products a list has: enough to see a mixture.
const LIST_LENGTH: usize = 12;

/// Clients start up to so many milliseconds apart.
const LATEST_START: usize = 3;

/// How many offerings are made, one after the other, until one of them is main for sure.
const MOST_ANCHORS: usize = 4;

/// How often the project is looked at before a try, until nothing of an earlier one is left.
const LOOKS: usize = 4;

/// How long a list that shows a former main is waited for, and whatever else takes its time.
pub(super) const LAG: Duration = Duration::from_millis(60);

/// Plays the tries of one race on a stage.
pub(super) struct Player<'s> {
    stage: &'s mut Stage,
    role: KeyRole,
    name: String,
    seed: u64,
    /// What idempotency keys start with.
    keys: String,
    /// The offering of ours that is main while nobody promotes another.
    anchor: Option<String>,
    /// Whether the last try left the anchor as main for sure.
    is_anchored: bool,
    /// The most requests at once.
    at_once: usize,
    /// How many tries were played.
    tries: u32,
}

/// What one client has to do.
struct Part {
    client: usize,
    /// Each request, and the pause before it.
    requests: Vec<(Step, Request, Duration)>,
}

impl<'s> Player<'s> {
    /// Makes the project ready: a race that promotes gets a main that is ours. No more than `at_once` requests will be
    /// sent at once.
    pub(super) async fn new(stage: &'s mut Stage, race: &Race, seed: u64, at_once: usize) -> Result<Self, Halt> {
        let is_keyed = race.program.steps().any(|step| matches!(step, Step::Create { key: Some(_), .. }));
        let keys = stage.new_keys().or_else(|| (!is_keyed).then(String::new)).ok_or_else(|| {
            Halt::NotApplicable(
                "the server does not tell its time, by which idempotency keys are known to be new".into(),
            )
        })?;
        let mut anchor = None;
        if race.program.promotes() && race.role == KeyRole::Main {
            anchor = Some(own_main(stage).await?);
        }
        let name = race.name.clone();
        Ok(Self { stage, role: race.role, name, seed, keys, anchor, is_anchored: true, at_once, tries: 0 })
    }

    pub(super) fn stage(&mut self) -> &mut Stage {
        self.stage
    }

    /// Plays `program` once, with fresh ids and drawn start offsets.
    pub(super) async fn play(&mut self, program: &Program) -> Result<History, Halt> {
        let cast = self.cast(program);
        let before = self.open(program.clients.len()).await?;
        let prepared = self.prepare(program, &cast).await?;
        let main = self.main(&before, &prepared);
        let facts = Facts::of(self.stage.lane(), &self.id(""));
        let mut draw = Draw::new(self.seed, &self.name, u64::from(self.tries));
        self.tries += 1;
        let mut acts = release(self.client(), parts(program, &cast, &mut draw)).await;
        let observer = program.clients.len();
        for step in &program.after {
            acts.push(act(self.client(), observer, *step, cast.request(*step)).await);
        }
        acts.extend(self.read_rest(program, &cast).await);
        if let Some(lost) = nothing_came(&acts) {
            return Err(Halt::Blocked(format!("no request of a race was answered: cannot {lost}")));
        }
        let acts = self.take_in(acts);
        let history = History { cast, anchor: self.anchor.clone(), facts, before, main, prepared, acts };
        self.tidy(program, &history).await?;
        Ok(history)
    }

    fn client(&self) -> Client {
        self.stage.lane().client.clone()
    }

    fn cast(&self, program: &Program) -> Cast {
        let ids = (0..program.made.len()).map(|slot| self.id(&slot.to_string())).collect();
        let known = &self.stage.lane().fixtures.products;
        let lists = product_lists(known, program.lists(), LIST_LENGTH);
        Cast { role: self.role, ids, lists, keys: format!("{}{}", self.keys, self.tries) }
    }

    /// An id of this try.
    fn id(&self, name: &str) -> String {
        self.stage.id(&format!("{}.{name}", self.tries))
    }

    /// Opens a connection for each client and reads what is there; what earlier tries left is removed.
    async fn open(&mut self, clients: usize) -> Result<Page, Halt> {
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
                continue;
            }
            let left = self.leftovers(&page);
            if left.is_empty() && self.role == KeyRole::Empty && !page.offerings.is_empty() {
                return Err(Halt::NotApplicable("the project that should be empty is not".into()));
            }
            if left.is_empty() {
                return Ok(page);
            }
            self.remove(left).await?;
        }
        let Some(main) = stranger else {
            return Err(Halt::Blocked("what an earlier try made cannot be removed".into()));
        };
        self.stage.record().foreign.push(format!("`{main}` became main"));
        Err(Halt::Blocked(format!("somebody else made `{main}` main meanwhile")))
    }

    async fn look_around(&mut self, clients: usize) -> Result<Page, Halt> {
        let list = |limit| Request::to(Endpoint::List).query("limit", limit).key(self.role);
        let others = std::iter::repeat_n(list("1"), clients.saturating_sub(1));
        let requests = std::iter::once(list("100")).chain(others).collect();
        let exchanges = self.at_once(requests, Counts::Kept).await?;
        let page = exchanges.first().filter(|exchange| exchange.answer.status == 200);
        let page = page.and_then(|exchange| Page::read(exchange.answer.json()?));
        page.ok_or_else(|| Halt::Blocked("the list cannot be read".into()))
    }

    /// The main of somebody else, where it should be ours.
    fn stranger(&self, page: &Page) -> Option<String> {
        let ours = self.stage.id("");
        let mains = page.mains();
        mains.into_iter().find(|main| self.anchor.is_some() && !main.starts_with(&ours)).map(str::to_owned)
    }

    /// What earlier tries left.
    fn leftovers(&self, page: &Page) -> Vec<String> {
        let ours = self.stage.id("");
        let ids = page.offerings.iter().map(|offering| &offering.id);
        ids.filter(|id| id.starts_with(&ours) && Some(*id) != self.anchor.as_ref()).cloned().collect()
    }

    /// Makes the offerings that are there when the clients are released.
    async fn prepare(&mut self, program: &Program, cast: &Cast) -> Result<Vec<Arc<Exchange>>, Halt> {
        let steps = program.made.iter().enumerate();
        let steps = steps.filter_map(|(slot, list)| Some(Step::Create { slot, list: (*list)?, key: None }));
        let made = self.at_once(steps.map(|step| cast.request(step)).collect(), Counts::Kept).await?;
        match made.iter().find(|exchange| exchange.answer.status != 201) {
            None => Ok(made),
            Some(exchange) => {
                let received = exchange.answer.summary();
                Err(Halt::Blocked(format!("a create that the race builds on was answered {received}")))
            }
        }
    }

    /// Who is main when everything is prepared.
    fn main(&self, before: &Page, prepared: &[Arc<Exchange>]) -> Main {
        let made = prepared.iter().filter_map(|exchange| Offering::read(exchange.answer.json()?));
        let promoted = made.filter(Offering::is_main).map(|offering| offering.id).next();
        if let Some(ours) = promoted.or_else(|| self.anchor.clone()) {
            return Main::Is(ours);
        }
        let mains = if before.whole { before.mains() } else { self.stage.before().mains() };
        match mains[..] {
            [] => Main::None,
            [main] => Main::Is(main.into()),
            _ => Main::Unsure { not: BTreeSet::new() },
        }
    }

    /// Reads every offering and the list when nobody writes any more.
    async fn read_rest(&self, program: &Program, cast: &Cast) -> Vec<(Act, Option<Exchange>)> {
        let used = |slot: &usize| program.steps().any(|step| step.slot() == Some(*slot));
        let gets = (0..program.made.len()).filter(used).map(|slot| Step::Get { slot });
        let reads: Vec<_> = gets.chain([Step::List]).collect();
        let part = |reads: &[Step]| Part {
            client: program.clients.len(),
            requests: reads.iter().map(|step| (*step, cast.request(*step), Duration::ZERO)).collect(),
        };
        release(self.client(), reads.chunks(reads.len().div_ceil(self.at_once)).map(part).collect()).await
    }

    fn take_in(&mut self, mut acts: Vec<(Act, Option<Exchange>)>) -> Vec<Act> {
        acts.sort_by_key(|(act, _)| act.start);
        let exchanges = acts.iter_mut().filter_map(|(_, exchange)| exchange.take()).collect();
        let mut taken = self.stage.take_in_at_once(exchanges, Counts::LeftOut).into_iter();
        acts.into_iter()
            .map(|(act, _)| {
                let exchange = if act.lost.is_none() { taken.next() } else { None };
                Act { exchange, ..act }
            })
            .collect()
    }

    /// Makes the anchor main again and removes whatever the try can have made, row by row. An answer that is lost here
    /// is no reason to end: what is left is removed before the next try.
    async fn tidy(&mut self, program: &Program, history: &History) -> Result<(), Halt> {
        let is_lost = history.acts.iter().any(|act| act.exchange.is_none() && act.step.writes());
        self.is_anchored = is_kept(self.anchor_again().await)? && !is_lost;
        let ids = history.cast.ids.iter().enumerate().filter(|(slot, _)| program.makes(*slot));
        is_kept(self.remove(ids.map(|(_, id)| id.clone()).collect()).await).map(drop)
    }

    async fn anchor_again(&mut self) -> Result<(), Halt> {
        let promote = self.anchor.iter().map(|anchor| Request::to(Endpoint::SetMain).id(anchor)).collect();
        self.at_once(promote, Counts::LeftOut).await.map(drop)
    }

    async fn remove(&mut self, rows: Vec<String>) -> Result<(), Halt> {
        let delete = |id: &String| Request::to(Endpoint::Delete).id(id).key(self.role);
        let requests = rows.iter().map(delete).collect();
        self.at_once(requests, Counts::LeftOut).await.map(drop)
    }

    /// Sends requests that are not part of the race, all at once; what a server that takes one writer at a time refused
    /// is sent once more, alone.
    async fn at_once(&mut self, requests: Vec<Request>, counts: Counts) -> Result<Vec<Arc<Exchange>>, Halt> {
        let mut exchanges = self.all_at_once(requests, counts).await?;
        let refused = |exchange: &Exchange| exchange.answer.status == 409 && exchange.request.is_write();
        for exchange in exchanges.iter_mut().filter(|exchange| refused(exchange)) {
            let again = self.all_at_once(vec![exchange.request.clone()], counts).await?;
            exchange.clone_from(&again[0]);
        }
        Ok(exchanges)
    }

    async fn all_at_once(&mut self, requests: Vec<Request>, counts: Counts) -> Result<Vec<Arc<Exchange>>, Halt> {
        let mut exchanges = Vec::with_capacity(requests.len());
        let mut failure = None;
        for group in requests.chunks(self.at_once) {
            let send = |request: &Request| {
                let (client, request) = (self.client(), request.clone());
                tokio::spawn(async move { client.send(request).await })
            };
            for sent in group.iter().map(send).collect::<Vec<_>>() {
                match sent.await.expect("nobody cancels a request, and sending does not panic") {
                    Ok(exchange) => exchanges.push(exchange),
                    Err(error) => failure = Some(error),
                }
            }
        }
        let exchanges = self.stage.take_in_at_once(exchanges, counts);
        failure.map_or(Ok(exchanges), |error| Err(Halt::World(error)))
    }
}

/// An offering of ours that is main. An answer that is lost on the way to it is no reason to end: another will do.
async fn own_main(stage: &mut Stage) -> Result<String, Halt> {
    let mut made = Err(Halt::Blocked("nothing was tried".into()));
    for number in 0..MOST_ANCHORS {
        made = own_main_numbered(stage, number).await;
        match &made {
            Err(halt) if halt.is_lost_answer() => {}
            _ => break,
        }
    }
    made
}

async fn own_main_numbered(stage: &mut Stage, number: usize) -> Result<String, Halt> {
    let id = stage.id(&if number == 0 { "anchor".into() } else { format!("anchor-{number}") });
    stage.make(&id, &[]).await?;
    stage.promote(&id).await?;
    Ok(id)
}

/// Whether something was done; that its answer was lost is no reason to end.
fn is_kept(done: Result<(), Halt>) -> Result<bool, Halt> {
    match done {
        Ok(()) => Ok(true),
        Err(halt) if halt.is_lost_answer() => Ok(false),
        Err(halt) => Err(halt),
    }
}

/// The requests of each client, and when they leave.
fn parts(program: &Program, cast: &Cast, draw: &mut Draw) -> Vec<Part> {
    let mut part = |(client, steps): (usize, &Vec<Step>)| {
        let start = draw.below(LATEST_START + 1);
        let requests = steps.iter().enumerate().map(|(place, step)| {
            let pause = if place == 0 { start } else { usize::from(draw.below(4) == 0) };
            (*step, cast.request(*step), Duration::from_millis(pause as u64))
        });
        Part { client, requests: requests.collect() }
    };
    program.clients.iter().enumerate().map(&mut part).collect()
}

/// Lets all parts begin at one moment and waits for their end.
async fn release(client: Client, parts: Vec<Part>) -> Vec<(Act, Option<Exchange>)> {
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
async fn act(client: Client, number: usize, step: Step, request: Request) -> (Act, Option<Exchange>) {
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
