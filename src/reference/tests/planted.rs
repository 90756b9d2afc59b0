//! For each fault a history whose last response is wrong, and the response of a correct server.

use std::sync::Arc;

use super::script::Script;
use crate::reference::config::Config;
use crate::reference::{Behaviour, Fault};

/// A fault, a history, and text that its last response contains only on the faulty server.
///
/// The history starts in the main project of a fixture; `@second` and `@empty` continue with another key. A line is an
/// operation, its offering, and its arguments: product numbers, `key=` for an idempotency key, `cursor=`.
type WriteObserver = (Fault, &'static [&'static str], &'static str);

const MAIN: &[WriteObserver] = &[
    (
        Fault::SET_MAIN_TOUCHES_FORMER,
        &["promote winback", "create a", "promote a", "get onboarding"],
        "2026-01-01T00:00:02Z",
    ),
    (
        Fault::SET_MAIN_MOVES_CREATION_OF_PREVIOUS,
        &["promote winback", "get onboarding"],
        "\"created_at\":\"2026-01-01T00:00:00Z\"",
    ),
    (
        // The offerings of one history are created within a hundredth of a second.
        Fault::PAGE_SKIPS_SIMULTANEOUS,
        &["create a", "create b", "list cursor=a"],
        "\"data\":[]",
    ),
    (Fault::PAGE_REPEATS_SIMULTANEOUS, &["create a", "create b", "list cursor=b"], "\"id\":\"a\""),
    (
        Fault::SET_MAIN_READ_ONLY_BY_GET,
        &["promote winback", "get winback", "list"],
        "\"onboarding\",\"object\":\"offering\",\"product_ids\":[\"premium_001\",\"premium_002\",\"premium_003\"],\"tag\":1",
    ),
];

const OTHER_PROJECTS: &[WriteObserver] = &[
    (Fault::PROMOTION_DEMOTES_OTHER_PROJECT, &["promote winback", "@second", "get default"], "\"tag\":0"),
    (Fault::PROMOTION_PROMOTES_TWIN, &["promote winback", "@second", "get winback"], "\"tag\":1"),
    (Fault::PROMOTION_TOUCHES_OTHER_PROJECT, &["promote winback", "@second", "get default"], "\"updated_at\":\"2026"),
    (Fault::UPDATE_TOUCHES_OTHER_PROJECT, &["update winback 7", "@second", "get winback"], "\"updated_at\":\"2026"),
    (Fault::UPDATE_OF_MAIN_WRITES_OTHER_MAIN, &["update onboarding 7", "@second", "get default"], "premium_007"),
    (Fault::UPDATE_WRITES_OTHER_PROJECT, &["update winback 7", "@second", "get winback"], "[\"premium_007\"]"),
    (Fault::DELETE_REMOVES_FROM_OTHER_PROJECT, &["delete winback", "@second", "get winback"], " 404 "),
    (Fault::CURSOR_OF_OTHER_PROJECT, &["list cursor=default"], "{\"content-type\": \"application/json\"}"),
    (Fault::CURSOR_LISTS_OTHER_PROJECT, &["list cursor=default"], "other_003"),
    (
        Fault::FIFTH_PROMOTION_KEEPS_MAIN,
        &[
            "promote winback",
            "@second",
            "promote winback",
            "promote default",
            "@main",
            "promote onboarding",
            "@second",
            "promote winback",
            "get default",
        ],
        "\"tag\":1",
    ),
    (
        Fault::SIXTH_PROMOTION_DEMOTES_ELSEWHERE,
        &[
            "promote winback",
            "promote onboarding",
            "promote winback",
            "promote onboarding",
            "promote winback",
            "promote onboarding",
            "@second",
            "get default",
        ],
        "\"tag\":0",
    ),
    (
        Fault::SEVENTH_PROMOTION_NOT_STORED,
        &[
            "promote winback",
            "promote winback",
            "promote winback",
            "@second",
            "promote default",
            "promote default",
            "promote default",
            "@main",
            "promote onboarding",
            "get onboarding",
        ],
        "\"tag\":0",
    ),
    (Fault::MAIN_SHARED, &["promote winback", "@second", "promote winback", "get default"], "\"tag\":1"),
];

const STATE: &[WriteObserver] = &[
    (
        Fault::PROMOTION_RESTORES_DEMOTED_PRODUCTS,
        &["promote winback", "update onboarding 9", "promote onboarding"],
        "premium_002",
    ),
    (Fault::PROMOTION_RESTORES_FIRST_PRODUCTS, &["create a 1", "update a 9", "promote a", "get a"], "premium_001"),
    (
        Fault::DEMOTION_RESTORES_PRODUCTS,
        &["create a 1", "promote a", "update a 9", "promote winback", "get a"],
        "premium_001",
    ),
    (
        Fault::RECREATE_STORES_DELETED_PRODUCTS,
        &["create a 1", "update a 9", "delete a", "create a 5", "get a"],
        "premium_009",
    ),
    (
        Fault::RECREATE_STORES_FIRST_PRODUCTS,
        &["create a 1", "update a 9", "delete a", "create a 5", "get a"],
        "premium_001",
    ),
    (Fault::GET_PRODUCTS_CUT_AT_TEN, &["create a 1..11", "get a"], "premium_010\"]"),
    (Fault::GET_PRODUCTS_CUT_AT_NINETY_NINE, &["create a 1..100", "get a"], "premium_099\"]"),
    (Fault::GET_PRODUCTS_SORTED_FROM_TWENTY_SIX, &["create a 26..1", "get a"], "[\"premium_001"),
    (Fault::LIST_PRODUCTS_CUT_AT_TEN, &["create a 1..11", "list cursor=legacy.row"], "premium_010\"]"),
    (Fault::LIST_PRODUCTS_CUT_AT_NINETY_NINE, &["create a 1..100", "list cursor=legacy.row"], "premium_099\"]"),
    (Fault::LIST_PRODUCTS_TURNED_FROM_FIFTY_ONE, &["create a 1..51", "list cursor=legacy.row"], "[\"premium_051"),
    (Fault::UPDATE_PRODUCTS_CUT_AT_FIFTY, &["update winback 1..51", "get winback"], "premium_050\"]"),
    (Fault::DELETE_PROMOTED_500, &["promote winback", "promote onboarding", "delete winback"], " 500 "),
    (Fault::DELETE_PROMOTED_422, &["promote winback", "promote onboarding", "delete winback"], " 422 "),
    (Fault::DELETE_UPDATED_404, &["update winback 1", "delete winback"], " 404 "),
    (Fault::DELETE_WITH_PRODUCTS_KEEPS, &["delete winback", "get winback"], " 200 "),
];

const REFUSED: &[WriteObserver] = &[
    (Fault::REFUSED_PRODUCT_USES_UP_FIRST, &["@empty", "create a 999", "create b", "get b"], "\"tag\":null"),
    (Fault::REFUSED_TAG_USES_UP_FIRST, &["@empty", "create a tag=1", "create b", "get b"], "\"tag\":null"),
    (Fault::REFUSED_PROMOTION_USES_UP_FIRST, &["@empty", "promote a", "create b", "get b"], "\"tag\":null"),
    (Fault::REFUSED_CREATE_KEY_409, &["create a 999 key=k", "create b key=k"], " 409 "),
    (Fault::REFUSED_CREATE_RESERVES_ID, &["create a 999", "create a"], " 409 "),
    (Fault::MISSING_DELETE_RESERVES_ID, &["delete a", "create a"], " 409 "),
];

const VARIANTS: &[WriteObserver] = &[
    (Fault::VARIANT_LISTED_AFTER_PROMOTION, &["promote winback", "list"], "exp-paywall"),
    (Fault::VARIANT_LISTED_AFTER_WRITE, &["update exp-paywall:variant%20b 1", "list"], "exp-paywall"),
    (
        Fault::VARIANT_REGULAR_AFTER_SET_MAIN,
        &["promote exp-paywall:variant%20b", "get exp-paywall:variant%20b"],
        " 200 ",
    ),
    (Fault::UPDATE_VARIANT_200_IGNORED, &["update exp-paywall:variant%20b 1"], " 200 "),
];

const PATTERNS: &[WriteObserver] = &[
    (Fault::GET_ID_LIKE, &["create axb", "get a_b"], "\"axb\""),
    (Fault::UPDATE_ID_LIKE, &["create axb", "create a_b", "update a_b 5", "get axb"], "premium_005"),
    (Fault::DELETE_ID_LIKE, &["create axb", "create a_b", "delete a_b", "get axb"], " 404 "),
    (Fault::SET_MAIN_ID_LIKE, &["create axb", "create a_b", "promote a_b"], "\"axb\""),
    (Fault::CURSOR_LIKE, &["list cursor=winbac_"], "{\"content-type\": \"application/json\"}"),
    (Fault::GET_ID_WITH_PERCENT, &["get win%25"], "\"winback\""),
    (Fault::GET_ID_AS_REGEX, &["create axb", "get a.b"], "\"axb\""),
    (Fault::SET_MAIN_ID_AS_REGEX, &["create axb", "create a.b", "promote a.b"], "\"axb\""),
    (Fault::DELETE_ID_AS_GLOB, &["delete win*"], " 204 "),
    (Fault::CURSOR_AS_GLOB, &["list cursor=win*"], " 200 "),
    (Fault::GET_ID_OF_ANY_CASE, &["create ab", "create AB", "get AB"], "\"ab\""),
    (Fault::DELETE_ID_OF_ANY_CASE, &["create ab", "create AB", "delete AB", "get ab"], " 404 "),
    (Fault::SET_MAIN_ID_OF_ANY_CASE, &["create ab", "create AB", "promote AB"], "\"ab\""),
    (Fault::GET_BY_PREFIX, &["get winb"], "\"winback\""),
    (Fault::UPDATE_BY_PREFIX, &["create a", "create ab", "update a 5", "get ab"], "premium_005"),
    (Fault::CURSOR_BY_PREFIX, &["list cursor=winb"], "{\"content-type\": \"application/json\"}"),
    (Fault::GET_ID_TRIMMED, &["get winback%20"], "\"winback\""),
    (Fault::SET_MAIN_ID_TRIMMED, &["promote winback%20"], "\"winback\""),
    (Fault::DUPLICATE_TRIMMED, &["create winback%20"], " 409 "),
    (Fault::ID_DECODED_TWICE, &["get win%2562ack"], "\"winback\""),
    (Fault::ID_PLUS_AS_SPACE, &["get seasonal:summer+2025"], " 200 "),
    (Fault::CURSOR_DECODED_TWICE, &["list cursor=win%2562ack"], " 200 "),
    (Fault::CURSOR_PLUS_AS_SPACE, &["list cursor=seasonal:summer+2025"], " 200 "),
];

/// The faults that have a history here.
pub(super) fn faults() -> impl Iterator<Item = Fault> {
    [MAIN, OTHER_PROJECTS, STATE, REFUSED, VARIANTS, PATTERNS].into_iter().flatten().map(|(fault, ..)| *fault)
}

#[tokio::test]
async fn a_fault_has_the_effect_of_its_sentence() {
    for (fault, history, shown) in [MAIN, OTHER_PROJECTS, STATE, REFUSED, VARIANTS, PATTERNS].concat() {
        let (right, wrong) = (last(&[], history).await, last(&[fault], history).await);
        assert!(wrong.contains(shown) && !right.contains(shown), "{fault}:\n{wrong}\n{right}");
    }
}

/// A behaviour, a history, and the status of its last response.
const CHOICES: &[(Behaviour, &[&str], u16)] = &[
    (Behaviour::DeleteMainRefused, &["delete onboarding"], 422),
    (Behaviour::DeleteMain409, &["delete onboarding"], 409),
    (Behaviour::DeletedIdsTaken, &["delete winback", "create winback"], 409),
    (Behaviour::ReplayDeletedAnew, &["create a key=k", "delete a", "create a key=k", "get a"], 200),
    (Behaviour::ReplayDeleted404, &["create a key=k", "delete a", "create a key=k"], 404),
    (Behaviour::ReplayDeleted409, &["create a key=k", "delete a", "create a key=k"], 409),
    (Behaviour::ReplayDeleted410, &["create a key=k", "delete a", "create a key=k"], 410),
    (Behaviour::ReplayDeleted422, &["create a key=k", "delete a", "create a key=k"], 422),
    (Behaviour::EncodedSlash404, &["get a%2Fb"], 404),
    (Behaviour::SlashRedirect307, &["get a%2F"], 307),
    (Behaviour::UnknownUrlRequest, &["get a%2Fb"], 404),
    (Behaviour::MalformedUrl400, &["get a%zz"], 400),
    (Behaviour::Firewall403, &["get a%00"], 403),
    (
        Behaviour::LongTarget414,
        &[concat!(
            "get ",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        )],
        414,
    ),
    (
        Behaviour::Oversized431,
        &[concat!(
            "get ",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        )],
        431,
    ),
    (Behaviour::StrictProxy400, &["get a%00"], 400),
    (Behaviour::CompressesIfAllowed, &["get winback"], 200),
];

/// The behaviours that have a history here.
pub(super) fn behaviours() -> impl Iterator<Item = Behaviour> {
    CHOICES.iter().map(|(behaviour, ..)| *behaviour)
}

#[tokio::test]
async fn a_behaviour_has_the_effect_of_its_sentence() {
    for (behaviour, history, status) in CHOICES {
        let chosen = last_of(Config::new(&[], &[*behaviour]), history).await;
        let usual = last(&[], history).await;
        assert!(chosen.contains(&format!(" {status} ")) && chosen != usual, "{behaviour}: {chosen}");
    }
}

async fn last(faults: &[Fault], history: &[&str]) -> String {
    last_of(Config::new(faults, &[]), history).await
}

async fn last_of(config: Arc<Config>, history: &[&str]) -> String {
    let mut script = Script::new(config);
    for line in history {
        script.line(line).await;
    }
    script.responses.pop().unwrap()
}
