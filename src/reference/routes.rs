//! The HTTP side: which operation a request is, who makes it, and its response.

mod auth;
mod handler;
mod pace;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;

pub(super) use self::auth::Door;
use self::handler::Handler;
use super::call::{Call, Operation};
use super::config::Config;
use super::interleaving::Interleaved;
use super::offering::Offering;
use super::response;
use super::server_response::{Refusal, ServerResponse};
use super::step::{self, Reply};
use super::store::{Grant, Shared, Store};

/// How long a request of an operation waits, by the number of requests so far.
pub(super) type Wait = fn(Operation, u64) -> Duration;

/// What all requests share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Store,
    pub(super) config: Arc<Config>,
    delay: Duration,
    /// The grant that was used last, on which faulty servers let strangers work.
    last: Mutex<Option<Grant>>,
}

/// The six operations; every other URL and method is rejected in the error envelope.
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
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", message).into_response().into_response()
    })
}

async fn unknown_url() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "invalid_request", "Unrecognised URL.").into_response().into_response()
}

impl App {
    pub(super) fn new(config: Arc<Config>, delay: Duration) -> Self {
        Self { store: Store::default(), config, delay, last: Mutex::default() }
    }

    pub(super) async fn serve(&self, operation: Operation, request: Request) -> Response {
        let call = Call::read(operation, request, Arc::clone(&self.config)).await;
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let front = self.config.front.iter().find_map(|front| front(&call));
        let result = if let Some(front) = front { Ok(front) } else { self.response(&call).await };
        response::response(&self.config, &call, result)
    }

    async fn response(&self, call: &Call) -> Result<ServerResponse, Refusal> {
        let grant = auth::grant(self, call).inspect_err(|refusal| self.work_unauthorized(call, refusal))?;
        if let Some(interruption) = self.interrupted(&grant.project) {
            return Ok(interruption);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant.clone());
        if self.config.crashes.iter().any(|crash| crash(call, &grant.project.lock())) {
            return Err(Refusal::internal());
        }
        let admission = self.admit(call, &grant.project).await?;
        let result = match self.config.interleavings[call.operation as usize] {
            Some(interleaving) => interleaving(Interleaved { app: self, call, grant: &grant }).await,
            None => self.work(call, &grant, None),
        };
        drop(admission);
        self.wait(&self.config.waits_after, call, &grant.project).await;
        result
    }

    /// The response to a request that may be made; `stale` is what a racing request takes for the present state.
    pub(super) fn work(
        &self,
        call: &Call,
        grant: &Grant,
        stale: Option<&[Offering]>,
    ) -> Result<ServerResponse, Refusal> {
        let handler = Handler { config: &self.config, call };
        let grant = self.home(call, grant);
        let reply = step::decorated(&self.config, call, &grant, stale, |project| handler.reply(project))?;
        Ok(handler.response(&reply))
    }

    /// A reply as the response to a request.
    pub(super) fn show(&self, call: &Call, reply: &Reply) -> ServerResponse {
        Handler { config: &self.config, call }.response(reply)
    }

    /// The project that a request is about: its own, unless a faulty server finds the offering in another one.
    fn home(&self, call: &Call, grant: &Grant) -> Grant {
        let Grant { project, neighbour, .. } = grant.clone();
        let misplaced = (self.config.found_elsewhere)(call.operation)
            && call.id().is_ok_and(|id| {
                let here = project.lock().position(&id).is_some();
                !here && neighbour.lock().position(&id).is_some()
            });
        if misplaced { Grant { project: neighbour, neighbour: project, ..grant.clone() } } else { grant.clone() }
    }

    /// What faulty servers do with a request that they reject for its key.
    fn work_unauthorized(&self, call: &Call, refusal: &Refusal) {
        let done = refusal.status == StatusCode::UNAUTHORIZED && (self.config.done_unauthorized)(call.operation);
        if let Some(grant) = self.last().filter(|_| done) {
            drop(self.work(call, &grant, None));
        }
    }

    fn last(&self) -> Option<Grant> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts the request, lets others work on the project, and responds to a client that comes too soon.
    fn interrupted(&self, project: &Shared) -> Option<ServerResponse> {
        let mut project = project.lock();
        project.interrupt();
        self.config.interruptions.iter().find_map(|interruption| interruption(project.requests))
    }
}
