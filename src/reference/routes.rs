//! Routing, authentication and responses.

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

pub(super) use self::auth::KeyCheck;
use self::handler::Handler;
use super::call::{Call, Operation};
use super::config::Config;
use super::interleaving::Interleaved;
use super::offering::Offering;
use super::response;
use super::server_response::{ApiError, ServerResponse};
use super::step::{self, Reply};
use super::store::{Grant, SharedProject, Store};

/// How long a request of an operation waits, given the number of requests so far.
pub(super) type Wait = fn(Operation, u64) -> Duration;

/// What all requests share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Store,
    pub(super) config: Arc<Config>,
    delay: Duration,
    /// The latest grant, which faulty servers use for requests without a valid key.
    last: Mutex<Option<Grant>>,
}

/// The six operations; every other URL and method returns an error envelope.
pub(super) fn router(app: Arc<App>) -> Router {
    let unknown_method = app.config.unknown_method;
    let only = |methods| only(methods, unknown_method);
    let collection = get(serving(Operation::List)).post(serving(Operation::Create));
    let item = get(serving(Operation::Get)).patch(serving(Operation::Update)).delete(serving(Operation::Delete));
    let set_main = post(serving(Operation::SetMain));
    Router::new()
        .route("/v4/offerings", only(collection))
        .route("/v4/offerings/{offering_id}", only(item))
        .route("/v4/offerings/{offering_id}/set-main", only(set_main))
        .fallback(unknown_url)
        .with_state(app)
}

fn serving(
    operation: Operation,
) -> impl Fn(State<Arc<App>>, Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> + Clone {
    move |State(app), request| Box::pin(async move { app.serve(operation, request).await })
}

/// Returns `status` for every other method.
fn only(methods: MethodRouter<Arc<App>>, status: StatusCode) -> MethodRouter<Arc<App>> {
    methods.fallback(move || async move {
        let message = "This URL does not accept this method.";
        ApiError::new(status, "invalid_request", message).into_response().into_response()
    })
}

async fn unknown_url() -> Response {
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request", "Unrecognised URL.").into_response().into_response()
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

    async fn response(&self, call: &Call) -> Result<ServerResponse, ApiError> {
        let grant = auth::grant(self, call).inspect_err(|error| self.apply_unauthorized(call, error))?;
        if let Some(interruption) = self.interrupted(&grant.project) {
            return Ok(interruption);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant.clone());
        if self.config.crashes.iter().any(|crash| crash(call, &grant.project.lock())) {
            return Err(ApiError::internal());
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

    /// The response to an authorized request; `stale` is the outdated state that a racing request uses.
    pub(super) fn work(
        &self,
        call: &Call,
        grant: &Grant,
        stale: Option<&[Offering]>,
    ) -> Result<ServerResponse, ApiError> {
        let handler = Handler { config: &self.config, call };
        let grant = self.home(call, grant);
        let reply = step::decorated(&self.config, call, &grant, stale, |project| handler.reply(project))?;
        Ok(handler.response(&reply))
    }

    /// A reply as the response to a request.
    pub(super) fn show(&self, call: &Call, reply: &Reply) -> ServerResponse {
        Handler { config: &self.config, call }.response(reply)
    }

    /// The project of a request: its own, unless a faulty server finds the offering in another one.
    fn home(&self, call: &Call, grant: &Grant) -> Grant {
        let Grant { project, neighbour, .. } = grant.clone();
        let misplaced = (self.config.found_elsewhere)(call.operation)
            && call.id().is_ok_and(|id| {
                let here = project.lock().position(&id).is_some();
                !here && neighbour.lock().position(&id).is_some()
            });
        if misplaced { Grant { project: neighbour, neighbour: project, ..grant.clone() } } else { grant.clone() }
    }

    /// Applies a request that was rejected for its key, on faulty servers.
    fn apply_unauthorized(&self, call: &Call, error: &ApiError) {
        let done = error.status == StatusCode::UNAUTHORIZED && (self.config.applies_unauthorized)(call.operation);
        if let Some(grant) = self.last().filter(|_| done) {
            drop(self.work(call, &grant, None));
        }
    }

    fn last(&self) -> Option<Grant> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts the request, lets the other client write, and returns an occasional 429 or 503.
    fn interrupted(&self, project: &SharedProject) -> Option<ServerResponse> {
        let mut project = project.lock();
        project.interrupt();
        self.config.interruptions.iter().find_map(|interruption| interruption(project.requests))
    }
}
