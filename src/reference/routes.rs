//! The HTTP side: which operation a request is, who makes it, and its answer.

mod auth;
mod collection;
mod item;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;

use super::answer::{Answer, Refusal};
use super::call::{Call, Operation};
use super::store::Store;

/// What all requests share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Store,
}

/// The six operations; every other URL and method is refused in the error envelope.
pub(super) fn router(app: Arc<App>) -> Router {
    let collection = get(serving(Operation::List)).post(serving(Operation::Create));
    let item = get(serving(Operation::Get))
        .patch(serving(Operation::Update))
        .delete(serving(Operation::Delete));
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
) -> impl Fn(State<Arc<App>>, Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> + Clone
{
    move |State(app), request| Box::pin(async move { app.serve(operation, request).await })
}

fn closed(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.fallback(|| async {
        let message = "This URL does not take this method.";
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", message)
            .into_answer()
            .into_response()
    })
}

async fn unknown_url() -> Response {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "invalid_request",
        "Unrecognised URL.",
    )
    .into_answer()
    .into_response()
}

impl App {
    async fn serve(&self, operation: Operation, request: Request) -> Response {
        let call = Call::read(operation, request).await;
        self.answer(&call)
            .unwrap_or_else(Refusal::into_answer)
            .into_response()
    }

    fn answer(&self, call: &Call) -> Result<Answer, Refusal> {
        let project = auth::project(&self.store, &call.headers)?;
        match call.operation {
            Operation::List => collection::list(&project, call),
            Operation::Create => collection::create(&project, call),
            Operation::Get => item::read(&project, call),
            Operation::Update => item::update(&project, call),
            Operation::Delete => item::delete(&project, call),
            Operation::SetMain => item::set_main(&project, call),
        }
    }
}
