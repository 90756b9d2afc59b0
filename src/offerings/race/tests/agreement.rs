//! The model of races held against the model of histories: of what one client sees alone they say the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::check::Offering;
use crate::exchange::{Answer, Exchange, KeyRole};
use crate::lane::Snapshot;
use crate::offerings::model::{Call, Facts, World};
use crate::offerings::race::draw::Draw;
use crate::offerings::race::history::{Act, History, Page};
use crate::offerings::race::model::{Look, Main, Offerings, Scene};
use crate::offerings::race::order::Model as _;
use crate::offerings::race::program::{Cast, Step};

const ANCHOR: &str = "qf-anchor";
const SLOTS: usize = 3;
const LISTS: usize = 3;

fn offering(id: &str, products: &[String], is_main: bool) -> Value {
    let tag = if is_main { json!(1) } else { Value::Null };
    json!({
        "object": "offering", "id": id, "url": format!("/v4/offerings/{id}"), "tag": tag, "product_ids": products,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    })
}

/// One history, answered at random: mostly as a right server does, else as none may.
struct Play {
    draw: Draw,
    history: History,
    scene: Scene,
    world: World,
}

impl Play {
    fn new(seed: u64) -> Self {
        let ids = (0..SLOTS).map(|slot| format!("qf-{slot}")).collect();
        let lists = vec![vec![], vec!["p1".to_owned(), "p2".to_owned()], vec!["p3".to_owned()]];
        let anchor = Offering::read(&offering(ANCHOR, &[], true)).expect("an offering");
        let before = Page { offerings: vec![anchor.clone()], whole: true };
        let products = lists.concat().into_iter().collect();
        let snapshot = Snapshot { offerings: vec![anchor], ..Snapshot::default() };
        let facts = Facts { prefix: "qf-".into(), products, variant: None };
        Self {
            draw: Draw::new(seed, "agreement", 0),
            history: History {
                cast: Cast { role: KeyRole::Main, ids, lists, keys: String::new() },
                anchor: Some(ANCHOR.into()),
                before,
                main: Main::Anchor,
                prepared: Vec::new(),
                acts: Vec::new(),
            },
            scene: Scene { rows: vec![None; SLOTS], main: Main::Anchor, used: Vec::new() },
            world: World::starting_from(&snapshot, facts),
        }
    }

    fn step(&mut self) -> Step {
        let (slot, list) = (self.draw.below(SLOTS), self.draw.below(LISTS));
        match self.draw.below(6) {
            0 => Step::Create { slot, list, key: None },
            1 => Step::Get { slot },
            2 => Step::Update { slot, list },
            // Whoever follows a deleted main is left open by the one and followed by the other.
            3 if self.scene.main != Main::Slot(slot) => Step::Delete { slot },
            4 => Step::SetMain { slot },
            _ => Step::List,
        }
    }

    /// What an answer shows of an offering: as it should be, but for one time in three.
    fn shown(&mut self, slot: usize, list: usize, is_main: bool) -> Value {
        let (mut list, mut is_main, mut of) = (list, is_main, slot);
        match self.draw.below(9) {
            0 => list = self.draw.below(LISTS),
            1 => is_main = !is_main,
            2 => of = self.draw.below(SLOTS),
            _ => {}
        }
        let Cast { ids, lists, .. } = &self.history.cast;
        offering(&ids[of], &lists[list], is_main)
    }

    fn page(&mut self) -> Value {
        let scene = self.scene.clone();
        let mut rows = vec![offering(ANCHOR, &[], scene.main == Main::Anchor)];
        for (slot, row) in scene.rows.iter().enumerate() {
            // One that should be there is left out now and then, or one shown that should not.
            let list = if self.draw.below(12) == 0 { row.is_none().then_some(0) } else { *row };
            let Some(list) = list else { continue };
            let is_main = (scene.main == Main::Slot(slot)) ^ (self.draw.below(12) == 0);
            let Cast { ids, lists, .. } = &self.history.cast;
            rows.push(offering(&ids[slot], &lists[list], is_main));
        }
        json!({ "object": "list", "url": "/v4/offerings", "data": rows, "has_more": false })
    }

    fn answer(&mut self, step: Step) -> (u16, Value) {
        let error = |code: &str| json!({ "error": { "type": "resource", "code": code, "message": "m" } });
        let row = step.slot().and_then(|slot| self.scene.rows[slot]);
        let mistaken = self.draw.below(6) == 0;
        let main = self.scene.main;
        match step {
            Step::List => (200, self.page()),
            Step::Create { .. } if row.is_some() != mistaken => (409, error("offering_already_exists")),
            Step::Create { slot, list, .. } => (201, self.shown(slot, list, false)),
            _ if row.is_none() != mistaken => (404, error("not_found")),
            Step::Delete { .. } => (204, Value::Null),
            Step::Update { .. } | Step::SetMain { .. } if self.draw.below(8) == 0 => (409, error("conflict")),
            Step::Get { slot } => (200, self.shown(slot, row.unwrap_or_default(), main == Main::Slot(slot))),
            Step::Update { slot, list } => (200, self.shown(slot, list, main == Main::Slot(slot))),
            Step::SetMain { slot } => (200, self.shown(slot, row.unwrap_or_default(), true)),
        }
    }

    /// One request: whether both models take its answer. Both go on from there where they do.
    fn go_on(&mut self) -> bool {
        let step = self.step();
        let (status, body) = self.answer(step);
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = Answer::new(status, HeaderMap::new(), Bytes::from(text.clone()));
        let start = self.history.acts.last().and_then(|act| act.end).unwrap_or_else(Instant::now);
        let (start, end) = (start + Duration::from_millis(1), start + Duration::from_millis(2));
        let request = self.history.cast.request(step);
        let exchange = Arc::new(Exchange { request, answer, started: start, ended: end });
        let act = Act { client: 0, step, start, end: Some(end), exchange: Some(Arc::clone(&exchange)), lost: None };
        self.history.acts.push(act);
        let game = Offerings { look: Look::Whole, others: true, first_is_main: false };
        let event = self.history.calls().pop().expect("it was just made").event;
        let scenes = game.next(&self.scene, &event);
        let call = Call::read(&exchange.request).expect("one of the six with the main key");
        let worlds = self.world.step(&call, &exchange.answer);
        assert_eq!(scenes.is_empty(), worlds.is_empty(), "{step:?} answered {status} {text} in {:?}", self.scene);
        let is_taken = !scenes.is_empty();
        self.scene = scenes.into_iter().next().unwrap_or_else(|| self.scene.clone());
        self.world = worlds.into_iter().next().unwrap_or_else(|| self.world.clone());
        if !is_taken {
            self.history.acts.pop();
        }
        is_taken
    }
}

#[test]
fn what_the_one_model_takes_the_other_takes_too() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..300 {
        let mut play = Play::new(seed);
        for _ in 0..30 {
            if play.go_on() {
                taken += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(taken > 3_000 && refused > 1_000, "{taken} taken, {refused} refused");
}
