//! For every deep fault a history of exactly its `shortest` length, whose last response is the first wrong one.

use std::sync::Arc;

use super::script::Script;
use crate::reference::config::Config;
use crate::reference::{Behaviour, Family, Fault};

/// Histories in an empty project. A line is an operation, its offering, and its arguments: product numbers,
/// `{}` for an empty update, `key=` for an idempotency key, `after=` for a cursor of pages of one.
const WITNESSES: &[(Fault, &[&str])] = &[
    (Fault::THIRD_PROMOTION_KEEPS_MAIN, &["create a", "create b", "promote b", "promote a", "promote b", "list"]),
    (Fault::NEWEST_OF_FOUR_KEEPS_MAIN, &["create a", "create b", "create c", "create d", "promote d", "list"]),
    (Fault::RECREATED_MAIN_NOT_DEMOTED, &["create a", "delete a", "create a", "create b", "promote b", "list"]),
    (Fault::MAINS_AFTER_MAIN_DELETED, &["create a", "create b", "delete a", "create c", "create d"]),
    (
        Fault::TWICE_DEMOTED_NOT_PROMOTED,
        &["create a", "create b", "promote b", "promote a", "promote b", "promote a", "list"],
    ),
    (Fault::SET_MAIN_AFTER_EMPTY_UPDATE, &["create a", "create b", "update b {}", "promote b", "list"]),
    (Fault::SET_MAIN_REFUSED_WITHOUT_MAIN, &["create a", "create b", "delete a", "promote b"]),
    (Fault::RECREATED_DEMOTED_GETS_ZERO, &["create a", "create b", "promote b", "delete a", "create a", "promote a"]),
    (Fault::FORMER_MAIN_DELETED_DEMOTES, &["create a", "create b", "promote b", "delete a", "list"]),
    (Fault::UPDATE_AFTER_PROMOTIONS_CLEARS, &["create a", "create b", "promote b", "promote a", "update a 1"]),
    (
        Fault::REPLAYED_SET_MAIN_DEMOTES,
        &["create a", "create b", "promote b key=k", "promote a", "promote b key=k", "list"],
    ),
    (Fault::FOURTH_CREATED_LOSES_PRODUCTS, &["create a", "create b", "create c", "create d 1", "get d"]),
    (
        Fault::ELEVENTH_NOT_LISTED,
        &[
            "create a", "create b", "create c", "create d", "create e", "create f", "create g", "create h", "create i",
            "create j", "create k", "list",
        ],
    ),
    (Fault::COLON_SECOND_UPDATE_APPENDS, &["create a:b", "update a:b 1", "update a:b 2"]),
    (Fault::SHRINKING_UPDATE_KEEPS_TAIL, &["create a 1 2", "update a 1", "get a"]),
    (Fault::ELEVEN_TO_TEN_DROPS_FIRST, &["create a 1 2 3 4 5 6 7 8 9 10 11", "update a 1 2", "get a"]),
    (Fault::EMPTIED_LIST_COMES_BACK, &["create a 1", "update a", "update a 2"]),
    (Fault::FOURTH_UPDATE_FORGOTTEN, &["create a", "update a 1", "update a 2", "update a 1", "update a 2", "get a"]),
    (Fault::THIRD_UPDATE_TURNS_TIME_BACK, &["create a", "update a 1", "update a 2", "update a 3"]),
    (Fault::UPDATE_OF_DEMOTED_WRITES_MAIN, &["create a", "create b", "promote b", "update a 1", "get b"]),
    (Fault::UPDATE_WRITES_TWIN, &["create a", "create A", "update A 1", "get a"]),
    (Fault::UPDATE_AFTER_MISSING_PROMOTION, &["create a", "promote x", "update a 1", "get a"]),
    (Fault::UPDATE_AFTER_DUPLICATE, &["create a", "create a", "update a 1", "get a"]),
    (
        Fault::TENTH_WRITE_DETACHES_OLDEST,
        &[
            "create a 1",
            "create b",
            "update b 1",
            "update b 2",
            "update b 3",
            "update b 4",
            "update b 5",
            "update b 6",
            "update b 7",
            "update b 8",
            "get a",
        ],
    ),
    (Fault::SECOND_DELETION_TAKES_ANOTHER, &["create a", "create b", "create c", "delete a", "delete c", "get b"]),
    (Fault::DELETION_TAKES_CHILDREN, &["create a", "create a:b", "delete a", "get a:b"]),
    (Fault::DELETED_FORMER_MAIN_LISTED, &["create a", "create b", "promote b", "delete a", "list"]),
    (
        Fault::THIRD_DELETION_RESTORES_FIRST,
        &["create a", "delete a", "create b", "delete b", "create c", "delete c", "get a"],
    ),
    (Fault::THIRD_LIFE_REFUSED, &["create a", "delete a", "create a", "delete a", "create a"]),
    (Fault::UPDATED_PRODUCTS_RETURN, &["create a", "update a 1", "delete a", "create a", "get a"]),
    (Fault::PAGE_THREE_REPEATS, &["create a", "create b", "list after=b"]),
    (Fault::PAGES_SKIP_AFTER_DELETION, &["create a", "create b", "create c", "delete a", "list after=b"]),
    (Fault::LIST_FROZEN_AFTER_RESTART, &["list after=x", "create a", "list"]),
    (Fault::SECOND_READ_CACHED, &["create a", "get a", "get a", "update a 1", "get a"]),
    (Fault::KEY_FORGOTTEN_AFTER_DELETION, &["create a key=k", "create b", "delete b", "create a key=k"]),
    (
        Fault::KEY_FORGOTTEN_AFTER_THREE_WRITES,
        &["create a key=k", "create b", "create c", "create d", "create a key=k"],
    ),
    (Fault::KEY_OF_REFUSED_CREATE, &["create a 999 key=k", "create a key=k", "get a"]),
];

#[tokio::test]
async fn a_deep_fault_shows_after_its_shortest_sequence() {
    let deep: Vec<_> = Fault::ALL.into_iter().filter(|fault| fault.info().family == Family::Deep).collect();
    let witnessed: Vec<_> = WITNESSES.iter().map(|(fault, _)| *fault).collect();
    assert_eq!(witnessed, deep);
    for (fault, history) in WITNESSES {
        // The first of them may become main.
        let promotes = *fault == Fault::MAINS_AFTER_MAIN_DELETED;
        let choices = if promotes { vec![Behaviour::PromotesWithoutMain] } else { Vec::new() };
        let right = responses_to(Config::new(&[], &choices), history).await;
        let wrong = responses_to(Config::new(&[*fault], &[]), history).await;
        let first = right.iter().zip(&wrong).position(|(right, wrong)| right != wrong);
        assert_eq!(first.map(|first| first + 1), Some(history.len()), "{fault}: {right:#?} {wrong:#?}");
    }
}

async fn responses_to(config: Arc<Config>, history: &[&str]) -> Vec<String> {
    let mut script = Script::new(config);
    script.enter("empty");
    for line in history {
        script.line(line).await;
    }
    script.responses
}
