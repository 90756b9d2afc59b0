//! How much work judging takes: sixty requests of six clients to a server that processes them concurrently.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::check::Judge;
use crate::contract::Contract;
use crate::exchange::{Exchange, Response, TransportSettings};
use crate::offerings::oracle::World;
use crate::offerings::race::Race;
use crate::offerings::race::attempt::AttemptExecutor;
use crate::offerings::race::generated::steps;
use crate::offerings::race::history::{History, is_whole};
use crate::offerings::race::judge::{RaceJudgement, judge_within};
use crate::offerings::race::model::{RaceEvent, RaceModel};
use crate::offerings::race::order::{self, Budget, Model};
use crate::offerings::race::program::{Program, RaceStep};
use crate::offerings::race::search_input::{MAX_WORK, SearchInput};
use crate::offerings::sequence::MainRole;
use crate::offerings::{Context, Naming};
use crate::reference::{Behaviour, Options};
use crate::run::Embedded;

const CLIENTS: usize = 6;
const STEPS: usize = 10;

fn crowd(seed: u64) -> Program {
    let (mut writes, mut reads) = steps(seed, 0, MainRole::Change, 3);
    let mut client = |number: usize| -> Vec<RaceStep> {
        if number < 4 { writes.by_ref().take(STEPS).collect() } else { reads.by_ref().take(STEPS).collect() }
    };
    Program {
        initial: vec![Some(1), Some(2), None],
        clients: (0..CLIENTS).map(&mut client).collect(),
        after: Vec::new(),
    }
}

/// The same history without the responses to some writes.
fn with_lost_responses(mut history: History) -> History {
    let writes = history.requests.iter_mut().filter(|request| request.client < CLIENTS && request.step.writes());
    for request in writes.step_by(9) {
        (request.exchange, request.end, request.lost) = (None, None, Some("lost".into()));
    }
    history
}

/// A wrong value in the last list.
#[derive(Clone, Copy, Debug)]
enum WrongValue {
    /// An offering with products that no client sent.
    Products,
    /// An offering with products of an earlier state.
    Stale,
    /// Another offering is main.
    Main,
}

/// The same history with a wrong value; `None` if the list has no row for it.
fn with_wrong_value(wrong: WrongValue, mut history: History) -> Option<History> {
    let place = history.requests.iter().rposition(|request| request.page().as_ref().is_some_and(is_whole));
    let place = place.expect("a list ends the attempt");
    let exchange = Arc::clone(history.requests[place].exchange.as_ref().expect("it has a response"));
    let mut body = exchange.response.json().expect("a list").clone();
    let rows = body["data"].as_array_mut().expect("a list has rows");
    let ours = |row: &Value| history.bindings.ids.iter().any(|id| row["id"] == *id);
    match wrong {
        WrongValue::Products => {
            let id = history.bindings.ids[0].as_str();
            let mut row = rows.first().expect("the list has a main offering").clone();
            (row["id"], row["tag"], row["product_ids"]) = (id.into(), Value::Null, json!(["wrong"]));
            rows.retain(|row| row["id"] != id);
            rows.push(row);
        }
        WrongValue::Stale => {
            let row = rows.iter_mut().find(|row| ours(row))?;
            row["product_ids"] = json!(history.bindings.lists.iter().find(|list| row["product_ids"] != json!(list))?);
        }
        WrongValue::Main => {
            let other = rows.iter_mut().find(|row| ours(row) && row["tag"] != 1)?;
            other["tag"] = json!(2);
            for row in rows.iter_mut() {
                row["tag"] = json!(i64::from(row["tag"] == 2));
            }
        }
    }
    let response = Response::new(200, HeaderMap::new(), Bytes::from(body.to_string()));
    let changed =
        Exchange { request: exchange.request.clone(), response, started: exchange.started, ended: exchange.ended };
    history.requests[place].exchange = Some(Arc::new(changed));
    Some(history)
}

/// The units of work that judging takes, and the judgement.
fn judged(program: &Program, history: &History) -> (u64, RaceJudgement) {
    let mut budget = Budget::of(MAX_WORK);
    let judgement = judge_within(program, history, true, &mut budget);
    (MAX_WORK - budget.left(), judgement)
}

/// A model that counts its calls.
struct CountingModel(Cell<u64>);

impl Model for CountingModel {
    type State = World;
    type Event = RaceEvent;

    fn next(&self, world: &World, event: &RaceEvent) -> Vec<World> {
        self.0.set(self.0.get() + 1);
        RaceModel.next(world, event)
    }

    fn is_read(&self, event: &RaceEvent) -> bool {
        RaceModel.is_read(event)
    }
}

fn model_calls(history: &History) -> u64 {
    let (input, counting) = (SearchInput::of(history, true), CountingModel(Cell::new(0)));
    order::explain(&counting, input.world(), &input.calls, &mut Budget::of(1_000_000));
    counting.0.get()
}

/// Less than half a second, as a unit takes a few microseconds.
const MAX_UNITS: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judging_sixty_requests_of_six_clients_takes_little_work() {
    let behaviours = vec![Behaviour::UnevenPace, Behaviour::LateResponses, Behaviour::LateReads];
    let options = Options { behaviours, ..Options::default() };
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    let server = Embedded::start(options, TransportSettings::default(), judge).await.unwrap();
    let (mut max_calls, mut detected) = (0, 0);
    for seed in 0..crate::offerings::seeds(10) {
        let program = crowd(seed);
        let race = Race::new("crowd", "race.set-main-linearizable").program(program.clone());
        let naming = Naming::new(seed, "crowd", 0);
        let mut cx = Context::open(server.project(&format!("crowd-{seed}")), naming).await.unwrap();
        let mut executor = AttemptExecutor::new(&mut cx, &race, seed, 8).await.unwrap();
        let history = executor.execute(&program).await.unwrap();
        assert!(history.requests.iter().filter(|request| request.client < CLIENTS).count() == CLIENTS * STEPS);
        for (history, has_lost) in [(history.clone(), false), (with_lost_responses(history), true)] {
            let changed = [WrongValue::Products, WrongValue::Stale, WrongValue::Main]
                .into_iter()
                .map(|wrong| (with_wrong_value(wrong, history.clone()), Some(wrong)));
            for (history, wrong) in changed.chain([(Some(history.clone()), None)]) {
                let Some(history) = history else { continue };
                let (took, judgement) = judged(&program, &history);
                assert_eq!(judgement.undecided, None, "{seed} {wrong:?}");
                // After the main offering is deleted another may be main; a lost write may explain a stale value.
                let may_be_correct =
                    matches!(wrong, Some(WrongValue::Main)) || (has_lost && matches!(wrong, Some(WrongValue::Stale)));
                let is_expected = wrong.is_some() != judgement.anomalies.is_empty();
                assert!(is_expected || may_be_correct, "{seed} {wrong:?} {:?}", judgement.anomalies);
                detected += usize::from(is_expected && may_be_correct);
                assert!(took < MAX_UNITS, "{seed} {wrong:?}: {took}");
                max_calls = max_calls.max(model_calls(&history));
            }
        }
    }
    server.stop().await;
    assert!(detected > 5, "only {detected} wrong mains, or stale values with lost responses, were detected");
    assert!(max_calls < 1_000_000, "one search called the model {max_calls} times");
}
