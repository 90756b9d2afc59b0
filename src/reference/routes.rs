//! The HTTP side: which operation a request is, who makes it, and its answer.

mod auth;
mod collection;
mod crash;
mod crowd;
mod item;
mod race;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::answer::{Answer, Refusal};
use super::behaviour::Behaviour;
use super::call::{Call, Operation};
use super::config::Config;
use super::fault::Fault;
use super::interleaving::Interleaved;
use super::project::Project;
use super::response;
use super::step::{self, Reply};
use super::store::{Grant, Shared, Store};
use super::switches::Switches;
use super::validate::Syntax;
use super::view::View;

/// What all requests share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Store,
    config: Arc<Config>,
    switches: Switches,
    delay: Duration,
    /// The grant that was used last, on which faulty servers let strangers work.
    last: Mutex<Option<Grant>>,
}

/// The six operations; every other URL and method is refused in the error envelope.
pub(super) fn router(app: Arc<App>) -> Router {
    let collection = get(serving(Operation::List)).post(serving(Operation::Create));
    let item = get(serving(Operation::Get)).patch(serving(Operation::Update)).delete(serving(Operation::Delete));
    let set_main = post(serving(Operation::SetMain));
    Router::new()
        .route("/v4/offerings", closed(collection))
        .route("/v4/offerings/{offering_id}", closed(item))
        .route("/v4/offerings/{offering_id}/set-main", closed(set_main))
        .fallback(unknown_url)
        .with_state(app)
}

fn serving(
    operation: Operation,
) -> impl Fn(State<Arc<App>>, Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> + Clone {
    move |State(app), request| Box::pin(async move { app.serve(operation, request).await })
}

fn closed(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.fallback(|| async {
        let message = "This URL does not take this method.";
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", message).into_answer().into_response()
    })
}

async fn unknown_url() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "invalid_request", "Unrecognised URL.").into_answer().into_response()
}

impl App {
    pub(super) fn new(config: Arc<Config>, delay: Duration) -> Self {
        let switches = config.switches;
        Self { store: Store::default(), config, switches, delay, last: Mutex::default() }
    }

    pub(super) async fn serve(&self, operation: Operation, request: Request) -> Response {
        let mut call = Call::read(operation, request, Arc::clone(&self.config)).await;
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if self.switches.behaves(Behaviour::Slow) {
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        let front = self.config.front.iter().find_map(|front| front(&call));
        let result = if let Some(front) = front { Ok(front) } else { self.answer(&mut call).await };
        response::response(&self.config, &call, result)
    }

    #[cfg(test)]
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    async fn answer(&self, call: &mut Call) -> Result<Answer, Refusal> {
        let grant = match auth::grant(self, call) {
            Ok(grant) => grant,
            Err(refusal) => return Err(self.unauthorized(call, refusal)),
        };
        if let Some(interruption) = self.interrupted(&grant.project) {
            return Ok(interruption);
        }
        if self.switches.any_fault() {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant.clone());
            if crash::befalls(self.switches, call, &grant.project) {
                let message = "Something went wrong.";
                return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown_error", message));
            }
            self.race(call, &grant.project).await;
        }
        let admission = self.admit(call, &grant.project).await?;
        let result = match self.config.interleavings[call.operation as usize] {
            Some(interleaving) => interleaving(Interleaved { app: self, call, grant: &grant }).await,
            None if self.switches.any_fault() => self.operate_apart(call, &grant).await,
            None => self.operate(call, &grant),
        };
        drop(admission);
        self.linger(call, &grant.project, result).await
    }

    /// The response to a request that may be made.
    pub(super) fn operate(&self, call: &Call, grant: &Grant) -> Result<Answer, Refusal> {
        let desk = Desk { config: &self.config, switches: self.switches, call };
        let reply = step::decorated(&self.config, call, &self.home(call, grant), |project, other| {
            if let Some(refusal) = self.config.call_checks.iter().find_map(|check| check(call)) {
                return Err(refusal);
            }
            if let Some(replayed) = desk.replayed(project, other)? {
                return Ok((replayed, true));
            }
            let reply = match call.operation {
                Operation::List => desk.list(project, other),
                Operation::Create => desk.create(project, other),
                Operation::Get => desk.read(project, other),
                Operation::Update => desk.update(project),
                Operation::Delete => desk.delete(project),
                Operation::SetMain => desk.set_main(project),
            };
            reply.map(|reply| (reply, false))
        })?;
        Ok(desk.answer(&reply))
    }

    /// The project that a request is about: its own, unless a fault finds the offering in the neighbour's.
    fn home(&self, call: &Call, grant: &Grant) -> Grant {
        let leak = match call.operation {
            Operation::Get => Fault::OTHER_PROJECT_READ,
            Operation::Update => Fault::OTHER_PROJECT_UPDATED,
            Operation::Delete => Fault::OTHER_PROJECT_DELETED,
            Operation::SetMain => Fault::OTHER_PROJECT_PROMOTED,
            Operation::List | Operation::Create => return grant.clone(),
        };
        let elsewhere = self.switches.faulty(leak)
            && call.id().is_ok_and(|id| {
                grant.project.lock().position(&id).is_none() && grant.neighbour.lock().position(&id).is_some()
            });
        let (project, neighbour) = (grant.project.clone(), grant.neighbour.clone());
        if elsewhere { Grant { project: neighbour, neighbour: project, ..grant.clone() } } else { grant.clone() }
    }

    /// The refusal of a request without a valid key, after what faults do with such a request.
    fn unauthorized(&self, call: &Call, refusal: Refusal) -> Refusal {
        let applied = match call.operation {
            Operation::Create => Fault::UNAUTHORIZED_CREATE_APPLIED,
            Operation::Update => Fault::UNAUTHORIZED_UPDATE_APPLIED,
            Operation::Delete => Fault::UNAUTHORIZED_DELETE_APPLIED,
            Operation::SetMain => Fault::UNAUTHORIZED_SET_MAIN_APPLIED,
            Operation::List | Operation::Get => return refusal,
        };
        if refusal.status == StatusCode::UNAUTHORIZED
            && self.switches.faulty(applied)
            && let Some(grant) = self.last()
        {
            drop(self.operate(call, &grant));
        }
        refusal
    }

    fn last(&self) -> Option<Grant> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts the request, lets others work on the project, and answers a client that comes too soon: it should mostly
    /// wait for no seconds, as waiting is slow.
    fn interrupted(&self, project: &Shared) -> Option<Answer> {
        const EVERY: u64 = 29;
        const LONG_EVERY: u64 = 16 * EVERY;
        let mut project = project.lock();
        project.interrupt();
        let soon = self.switches.behaves(Behaviour::TooManyRequests) && project.requests.is_multiple_of(EVERY);
        if self.config.unavailable && (project.requests + 7).is_multiple_of(EVERY) {
            let page = Answer::html(StatusCode::SERVICE_UNAVAILABLE, "<h1>503 Service Unavailable</h1>");
            return Some(page.with_header("retry-after", HeaderValue::from(0)));
        }
        soon.then(|| too_many_requests(u16::from(project.requests.is_multiple_of(LONG_EVERY))))
    }

    /// Lets time pass between looking and acting, as servers do that are not atomic.
    async fn race(&self, call: &mut Call, project: &Shared) {
        const GAP: Duration = Duration::from_millis(4);
        let faulty = |faults: &[Fault]| faults.iter().any(|fault| self.switches.faulty(*fault));
        let racing = match call.operation {
            Operation::Create => faulty(&[Fault::RACE_CREATE_TWICE, Fault::RACE_FIRST_CREATE, Fault::RACE_IDEMPOTENCY]),
            Operation::SetMain => faulty(&[Fault::RACE_SET_MAIN]),
            Operation::Update => faulty(&[Fault::RACE_UPDATE_RESURRECTS]),
            Operation::List | Operation::Get | Operation::Delete => false,
        };
        if racing {
            call.stale = Some(project.lock().offerings.clone());
            tokio::time::sleep(GAP).await;
        }
        let halves = call.operation == Operation::Update && faulty(&[Fault::RACE_UPDATE_HALVES]);
        let gap = call.operation == Operation::SetMain && faulty(&[Fault::RACE_SET_MAIN_GAP]);
        if halves || gap {
            let turn = {
                let mut project = project.lock();
                if let Ok(id) = call.id() {
                    project.spoil_half_way(&id, call.json().ok().as_ref());
                }
                project.requests % 3
            };
            // Gaps of several lengths let a request overtake the one before.
            tokio::time::sleep(GAP * (1 + turn as u32)).await;
        }
    }
}

/// Where one request is worked on.
#[derive(Debug, Clone, Copy)]
struct Desk<'a> {
    config: &'a Config,
    switches: Switches,
    call: &'a Call,
}

impl Desk<'_> {
    fn faulty(&self, fault: Fault) -> bool {
        self.switches.faulty(fault)
    }

    fn syntax(&self) -> Syntax<'_> {
        Syntax { config: self.config }
    }

    fn view(&self) -> View<'_> {
        View { config: self.config, operation: self.call.operation }
    }

    /// An id with a character of the contract for each that this server admits besides.
    fn without_wildcards(&self, id: &str) -> String {
        let admitted = self.config.wildcards[self.call.operation as usize];
        id.replace(|letter| admitted.contains(letter), "_")
    }

    /// The reply as status, headers and body.
    fn answer(&self, reply: &Reply) -> Answer {
        match reply {
            Reply::Created(offering) => Answer::json(StatusCode::CREATED, self.view().offering(offering)),
            Reply::Offering(offering) => Answer::json(StatusCode::OK, self.view().offering(offering)),
            Reply::Page(page) => {
                let answer = Answer::json(StatusCode::OK, self.view().list(page));
                let value = if self.faulty(Fault::CURSOR_UNKNOWN_HEADER_VALUE) { "1" } else { "true" };
                let header = HeaderValue::from_static(value);
                if page.restarted { answer.with_header("x-qon-pagination-restarted", header) } else { answer }
            }
            Reply::Nothing => Answer::no_content(),
        }
    }

    /// What this request got when it was made before with the same idempotency key.
    fn replayed(&self, project: &mut Project, other: &mut Project) -> Result<Option<Reply>, Refusal> {
        match self.call.operation {
            Operation::Create => self.replayed_create(project, other),
            Operation::SetMain => self.replayed_promotion(project),
            Operation::List | Operation::Get | Operation::Update | Operation::Delete => Ok(None),
        }
    }
}

/// 429, to be tried again after so many seconds.
fn too_many_requests(wait: u16) -> Answer {
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Slow down.");
    let mut answer = refusal.into_answer();
    answer.headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    answer
}
