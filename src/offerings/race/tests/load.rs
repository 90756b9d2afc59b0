//! How much work a judgement takes: sixty requests of six clients as they went on a server that lets them overlap.

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
use crate::offerings::race::generated::steps;
use crate::offerings::race::history::{History, is_whole};
use crate::offerings::race::judge::{RaceJudgement, judge_within};
use crate::offerings::race::model::{RaceEvent, RaceModel};
use crate::offerings::race::order::{self, Budget, Model};
use crate::offerings::race::play::Player;
use crate::offerings::race::program::{Program, RaceStep};
use crate::offerings::race::trial::{MAX_WORK, SearchInput};
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
    Program { made: vec![Some(1), Some(2), None], clients: (0..CLIENTS).map(&mut client).collect(), after: Vec::new() }
}

/// The same history, had the responses to some writes been lost.
fn with_lost_responses(mut history: History) -> History {
    let writes = history.acts.iter_mut().filter(|act| act.client < CLIENTS && act.step.writes());
    for act in writes.step_by(9) {
        (act.exchange, act.end, act.lost) = (None, None, Some("lost".into()));
    }
    history
}

/// Something that the last list shows and that is not so.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// One of the offerings has products there that nobody sent.
    Products,
    /// One has products that it does not have any more.
    Stale,
    /// Another is main.
    Main,
}

/// The same history, but for a lie; `None` where nothing is there to lie about.
fn with(lie: Lie, mut history: History) -> Option<History> {
    let place = history.acts.iter().rposition(|act| act.page().as_ref().is_some_and(is_whole));
    let place = place.expect("a list ends the try");
    let exchange = Arc::clone(history.acts[place].exchange.as_ref().expect("it was answered"));
    let mut body = exchange.response.json().expect("a list").clone();
    let rows = body["data"].as_array_mut().expect("a list has rows");
    let ours = |row: &Value| history.bindings.ids.iter().any(|id| row["id"] == *id);
    match lie {
        Lie::Products => {
            let id = history.bindings.ids[0].as_str();
            let mut row = rows.first().expect("the main is always there").clone();
            (row["id"], row["tag"], row["product_ids"]) = (id.into(), Value::Null, json!(["a lie"]));
            rows.retain(|row| row["id"] != id);
            rows.push(row);
        }
        Lie::Stale => {
            let row = rows.iter_mut().find(|row| ours(row))?;
            row["product_ids"] = json!(history.bindings.lists.iter().find(|list| row["product_ids"] != json!(list))?);
        }
        Lie::Main => {
            let other = rows.iter_mut().find(|row| ours(row) && row["tag"] != 1)?;
            other["tag"] = json!(2);
            for row in rows.iter_mut() {
                row["tag"] = json!(i64::from(row["tag"] == 2));
            }
        }
    }
    let response = Response::new(200, HeaderMap::new(), Bytes::from(body.to_string()));
    let told =
        Exchange { request: exchange.request.clone(), response, started: exchange.started, ended: exchange.ended };
    history.acts[place].exchange = Some(Arc::new(told));
    Some(history)
}

/// How many units of work a judgement takes, and what it says.
fn judged(program: &Program, history: &History) -> (u64, RaceJudgement) {
    let mut budget = Budget::of(MAX_WORK);
    let judgement = judge_within(program, history, true, &mut budget);
    (MAX_WORK - budget.left(), judgement)
}

/// A model that counts how often it is asked what may follow.
struct Counted(Cell<u64>);

impl Model for Counted {
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

fn steps_of_a_search(history: &History) -> u64 {
    let (trial, counted) = (SearchInput::of(history, true), Counted(Cell::new(0)));
    order::explain(&counted, trial.world(), &trial.calls, &mut Budget::of(1_000_000));
    counted.0.get()
}

/// A unit takes a few microseconds: less than half a second.
const LIMIT: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_requests_of_six_clients_are_judged_with_little_work() {
    let behaviours = vec![Behaviour::UnevenPace, Behaviour::LateResponses, Behaviour::LateReads];
    let options = Options { behaviours, ..Options::default() };
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    let server = Embedded::start(options, TransportSettings::default(), judge).await.unwrap();
    let (mut most, mut told) = (0, 0);
    for seed in 0..crate::offerings::seeds(10) {
        let program = crowd(seed);
        let race = Race::new("crowd", "race.set-main-linearizable").program(program.clone());
        let naming = Naming::new(seed, "crowd", 0);
        let mut cx = Context::open(server.project(&format!("crowd-{seed}")), naming).await.unwrap();
        let mut player = Player::new(&mut cx, &race, seed, 8).await.unwrap();
        let history = player.play(&program).await.unwrap();
        assert!(history.acts.iter().filter(|act| act.client < CLIENTS).count() == CLIENTS * STEPS);
        for (history, has_lost) in [(history.clone(), false), (with_lost_responses(history), true)] {
            let lies =
                [Lie::Products, Lie::Stale, Lie::Main].into_iter().map(|lie| (with(lie, history.clone()), Some(lie)));
            for (history, lie) in lies.chain([(Some(history.clone()), None)]) {
                let Some(history) = history else { continue };
                let (took, judgement) = judged(&program, &history);
                assert_eq!(judgement.undecided, None, "{seed} {lie:?}");
                // Another may be main after the main was deleted, and what was lost may explain what nobody saw.
                let may_be_right = matches!(lie, Some(Lie::Main)) || (has_lost && matches!(lie, Some(Lie::Stale)));
                let is_told = lie.is_some() != judgement.anomalies.is_empty();
                assert!(is_told || may_be_right, "{seed} {lie:?} {:?}", judgement.anomalies);
                told += usize::from(is_told && may_be_right);
                assert!(took < LIMIT, "{seed} {lie:?}: {took}");
                most = most.max(steps_of_a_search(&history));
            }
        }
    }
    server.stop().await;
    assert!(told > 5, "only {told} lies about the main, or beside lost responses, were told");
    assert!(most < 1_000_000, "one search took {most} steps");
}
