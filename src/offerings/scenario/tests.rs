//! What scenarios do to the project is what their effects say.

use std::sync::Arc;

use super::{Effect, Scenario, all};
use crate::check::Judge;
use crate::contract::{Contract, Endpoint};
use crate::exchange::{Exchange, TransportSettings};
use crate::offerings::{Context, Naming};
use crate::reference::Options;
use crate::run::Embedded;

async fn exchanges(server: &Embedded, scenario: &Scenario) -> Vec<Arc<Exchange>> {
    let naming = Naming::new(1, scenario.rule, 0);
    let mut cx = Context::open(server.project(scenario.rule), naming).await.expect("the list is readable");
    scenario.run(&mut cx).await.expect("the server is correct");
    cx.session.trace().to_vec()
}

/// Whether the query of a path has the one limit of the longest pages.
fn is_of_longest_pages(path: &str) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let limits = query.split('&').filter_map(|part| part.strip_prefix("limit="));
    limits.collect::<Vec<_>>() == ["100"]
}

#[test]
fn the_longest_pages_are_recognised_by_their_whole_limit() {
    for (path, expected) in [
        ("/offerings?limit=100", true),
        ("/offerings?starting_after=a&limit=100", true),
        ("/offerings?limit=100&starting_after=limit%3D5", true),
        ("/offerings?limit=1000", false),
        ("/offerings?limit=100&limit=2", false),
        ("/offerings?xlimit=100", false),
        ("/offerings/limit=100", false),
    ] {
        assert_eq!(is_of_longest_pages(path), expected, "{path}");
    }
}

/// A case that runs beside others must neither change the main nor read pages of the list, except the longest ones, which
/// the context reads and compares without the offerings of the others.
#[tokio::test]
async fn effects_say_what_scenarios_do() {
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    let server = Embedded::start(Options::default(), TransportSettings::default(), judge).await.expect("a free port");
    for scenario in all() {
        for exchange in exchanges(&server, scenario).await {
            let request = &exchange.request;
            let what = format!("{} sends {} {}", scenario.rule, request.method, request.path);
            let is_success = exchange.response.is_success();
            let is_promotion = is_success && request.operation.endpoint() == Some(Endpoint::SetMain);
            let is_page = is_success
                && request.operation.endpoint() == Some(Endpoint::List)
                && !is_of_longest_pages(&request.path);
            match scenario.effect {
                Effect::Reads => assert!(!request.is_write(), "{what}"),
                Effect::Writes | Effect::MayPromote => assert!(!is_promotion && !is_page, "{what}"),
                Effect::WritesAlone => assert!(!is_promotion, "{what}"),
                Effect::Promotes => {}
            }
        }
    }
    server.stop().await;
}
