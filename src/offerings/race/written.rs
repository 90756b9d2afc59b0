//! The races written by hand: one or more for each `race.*` rule.

use super::Race;
use super::program::{Program, RaceStep};
use crate::contract::Need;
use crate::exchange::KeyRole;

/// A client that reads the list `times` times.
fn lists(times: usize) -> Vec<RaceStep> {
    vec![RaceStep::List; times]
}

fn promote(slots: &[usize]) -> Vec<RaceStep> {
    slots.iter().map(|&slot| RaceStep::SetMain { slot }).collect()
}

fn get(slots: &[usize]) -> Vec<RaceStep> {
    slots.iter().map(|&slot| RaceStep::Get { slot }).collect()
}

fn update(slot: usize, lists: &[usize]) -> Vec<RaceStep> {
    lists.iter().map(|&list| RaceStep::Update { slot, list }).collect()
}

/// Creates of one offering without products.
fn create(slot: usize, key: Option<usize>) -> Vec<RaceStep> {
    vec![RaceStep::Create { slot, list: 0, key }]
}

/// All of these races, in the order of the catalogue.
pub fn written() -> Vec<Race> {
    let mut races = promotions();
    races.extend(creations());
    races.extend(changes());
    races
}

fn promotions() -> Vec<Race> {
    vec![
        Race::new("set-main-atomic", "race.set-main-atomic").program(Program {
            initial: vec![Some(0), Some(0)],
            clients: vec![promote(&[0, 1, 0]), promote(&[1, 0, 1]), lists(8), lists(8)],
            after: Vec::new(),
        }),
        Race::new("set-main-linearizable", "race.set-main-linearizable").program(Program {
            initial: vec![Some(0), Some(0), Some(0)],
            clients: vec![promote(&[0, 1]), promote(&[1, 2]), promote(&[2, 0]), get(&[0, 1, 2, 0, 1, 2]), lists(4)],
            after: Vec::new(),
        }),
        // An update that writes the whole row that it read reverts a promotion or repeats it.
        Race::new("set-main-and-update", "race.set-main-linearizable").also(&["race.update-whole"]).program(Program {
            initial: vec![Some(0), Some(0)],
            clients: vec![promote(&[0, 1]), update(0, &[1, 2]), update(1, &[2, 1]), lists(5)],
            after: Vec::new(),
        }),
        // A deletion between the check and the promotion leaves a main offering that does not exist.
        Race::new("set-main-and-delete", "race.set-main-linearizable").also(&["race.delete-vs-update"]).program(
            Program {
                initial: vec![Some(0), Some(0)],
                clients: vec![promote(&[0]), vec![RaceStep::Delete { slot: 0 }], get(&[0, 0, 0]), lists(4)],
                after: promote(&[1]),
            },
        ),
    ]
}

fn creations() -> Vec<Race> {
    let one = |clients: usize, key: Option<usize>| {
        // With products, the response to a repeated key shows whether it is complete.
        let create = vec![RaceStep::Create { slot: 0, list: usize::from(key.is_some()), key }];
        Program { initial: vec![None], clients: vec![create.clone(); clients], after: create }
    };
    let mut first =
        Program { initial: vec![None; 5], clients: (0..5).map(|slot| create(slot, None)).collect(), after: Vec::new() };
    first.clients.push(lists(3));
    vec![
        Race::new("create-once", "race.create-once").program(one(6, None)),
        // The products of a rejected create must not appear in the created offering.
        Race::new("create-once-products", "race.create-once").needs(&[Need::Product]).program(Program {
            initial: vec![None],
            clients: (1..=4)
                .map(|list| vec![RaceStep::Create { slot: 0, list, key: None }])
                .chain([get(&[0, 0, 0])])
                .collect(),
            after: Vec::new(),
        }),
        Race::new("idempotency-once", "race.idempotency-once").program(one(4, Some(0))),
        // The response stored for one key must not be returned for another.
        Race::new("idempotency-apart", "race.idempotency-once").program(Program {
            initial: vec![None, None],
            clients: vec![create(0, Some(0)), create(1, Some(1))],
            after: [create(0, Some(0)), create(1, Some(1))].concat(),
        }),
        Race::new("first-create", "race.first-create").needs(&[Need::Empty]).role(KeyRole::Empty).program(first),
    ]
}

fn changes() -> Vec<Race> {
    vec![
        Race::new("update-whole", "race.update-whole").needs(&[Need::Product]).program(Program {
            initial: vec![Some(1)],
            clients: vec![update(0, &[2, 3]), update(0, &[4, 5]), get(&[0; 6]), lists(4)],
            after: Vec::new(),
        }),
        // An update of one offering must not appear in the other.
        Race::new("update-apart", "race.update-whole").needs(&[Need::Product]).program(Program {
            initial: vec![Some(1), Some(2)],
            clients: vec![update(0, &[3, 4, 3]), update(1, &[5, 6, 5]), get(&[0, 1, 0, 1]), lists(4)],
            after: Vec::new(),
        }),
        Race::new("delete-vs-update", "race.delete-vs-update").needs(&[Need::Product]).program(Program {
            initial: vec![Some(1), Some(1)],
            clients: vec![
                [update(0, &[2]), update(1, &[2])].concat(),
                vec![RaceStep::Delete { slot: 0 }, RaceStep::Delete { slot: 1 }],
                get(&[0, 1, 0, 1]),
                lists(4),
            ],
            after: get(&[0, 1]),
        }),
        // Each project has an offering that the other has not; another is created, deleted and created again.
        Race::new("isolation", "race.isolation").needs(&[Need::SecondProject]).twins(3).program(Program {
            initial: vec![Some(0), None, None, None, Some(0), None],
            clients: vec![
                [create(2, None), vec![RaceStep::Delete { slot: 2 }], create(2, None)].concat(),
                update(4, &[0, 0]),
                get(&[0, 1, 2, 0, 1, 2]),
                get(&[3, 4, 5, 3, 4, 5]),
                lists(4),
                vec![RaceStep::ListSecond; 4],
            ],
            after: Vec::new(),
        }),
        // Exactly one of several deletions succeeds.
        Race::new("delete-once", "race.delete-vs-update").program(Program {
            initial: vec![Some(0)],
            clients: vec![vec![RaceStep::Delete { slot: 0 }]; 3],
            after: Vec::new(),
        }),
        Race::new("delete-vs-create", "race.delete-vs-update").also(&["race.create-once"]).program(Program {
            initial: vec![Some(0)],
            clients: vec![
                vec![RaceStep::Delete { slot: 0 }, RaceStep::Create { slot: 0, list: 0, key: None }],
                vec![RaceStep::Create { slot: 0, list: 0, key: None }, RaceStep::Delete { slot: 0 }],
                get(&[0; 5]),
            ],
            after: Vec::new(),
        }),
    ]
}
