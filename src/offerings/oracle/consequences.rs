//! Conditions that follow from others: if both are violated, the consequence becomes evidence of its cause.

use super::conditions::{
    CREATE_AGAIN_REJECTED, CREATE_ID_REJECTED, CREATE_PRODUCTS_REJECTED, CREATE_TAG_REJECTED, DELETE_AGAIN,
    DELETE_ID_REJECTED, DELETE_MISSING, DUPLICATE, GET_DELETED, GET_ID_REJECTED, GET_MISSING, ISOLATION_CREATE,
    RACE_ORDERS, REQUIREMENTS, Rejection, Requirement, SET_MAIN_ID_REJECTED, SET_MAIN_MISSING, UPDATE_ID_REJECTED,
    UPDATE_MISSING, UPDATE_PRODUCTS_REJECTED,
};

/// A condition and its possible causes, the best one first. A rule id means all conditions of the rule.
const CONSEQUENCES: &[(&str, &[&str])] = &[
    // Wrong dates or misplaced rows also violate the order by `created_at`.
    (
        "list.order/order",
        &[
            "offering.created-at-immutable/created-at",
            "list.pages-cover",
            "delete.recreate/created-at",
            "delete.removes/listed",
        ],
    ),
    ("set-main.keeps-rest/previous", &["offering.created-at-immutable/created-at"]),
    // A time that a write did not store, or that a list shows late, seems to decrease.
    (
        "offering.created-at-immutable/updated-at",
        &["update.replaces-products/stored", "list.agrees-with-get/content", "offering.timestamps"],
    ),
    // Null means 0.
    ("update.demote-null/rejection", &["update.demote-rejected/rejection"]),
    ("update.demote-null/tag", &["update.demote-rejected/tag"]),
    // Pages.
    ("list.default-limit/length", &["list.limit-honoured/longer"]),
    ("list.unknown-cursor/page", &["list.pages-cover/page"]),
    ("list.pages-cover/page", &["list.pages-cover/twice", "delete.removes/listed", "list.agrees-with-get/missing"]),
    ("list.pages-cover/twice", &["delete.removes/listed"]),
    ("list.pages-cover/rejected", &["list.unknown-cursor/rejected"]),
    // Responses and stored data.
    ("set-main.keeps-rest/response", &["set-main.keeps-rest/stored"]),
    ("update.retry-safe/response", &["update.replaces-products/response"]),
    ("update.retry-safe/stored", &["update.replaces-products/stored"]),
    ("update.partial/response", &["update.replaces-products/response"]),
    ("update.id-immutable/stored", &["invariant.no-bleed/effect"]),
    ("update.id-immutable/response", &["invariant.no-bleed/effect"]),
    ("delete.recreate/products", &["create.readable/products"]),
    ("get.missing/id", &["get.existing/id"]),
    ("get.existing/content", &["list.agrees-with-get/content"]),
    ("update.partial/role", &["update.tag-main-rejected/tag", "list.agrees-with-get/content"]),
    ("update.partial/stored-role", &["update.tag-main-rejected/tag", "list.agrees-with-get/content"]),
    ("create.tag-regular/stored", &["create.tag-main-rejected/tag", "list.agrees-with-get/content"]),
    // Unknown products that a server omits.
    ("create.echo/products", &["create.product-unknown/product", "create.echo/id"]),
    ("update.replaces-products/response", &["update.product-unknown/product"]),
    ("update.replaces-products/stored", &["update.product-unknown/product", "update.product-bounds/charset"]),
    // A create or set-main that returns another offering ignores its own request.
    ("create.duplicate/exists", &["create.echo/id"]),
    ("create.product-unknown/product", &["create.echo/id"]),
    ("create.idempotency-replay/other", &["create.echo/id"]),
    ("set-main.variant/id", &["set-main.promotes/id"]),
    // A variant that became a regular offering can be deleted and is missing afterwards.
    ("delete.variant/id", &["list.excludes-variants/listed"]),
    ("update.variant/rejection", &["delete.variant/id", "list.excludes-variants/listed"]),
    ("set-main.variant/rejection", &["delete.variant/id", "list.excludes-variants/listed"]),
    // The oracle expects a listed offering to exist.
    ("delete.removes/rejected", &["delete.removes/listed"]),
    ("create.tag-regular/role", &["delete.removes/listed"]),
    ("set-main.demotes-previous/main", &["delete.removes/listed"]),
    // A list that shows a write late seems to change without a write.
    ("auth.no-effect/effect", &["list.agrees-with-get/content"]),
    ("auth.project-isolation/effect", &["list.agrees-with-get/content"]),
    // The oracle expects an unlisted offering to be deleted.
    ("list.agrees-with-get/content", &["list.agrees-with-get/missing"]),
    ("delete.removes/other", &["list.agrees-with-get/missing"]),
    ("delete.missing/id", &["list.agrees-with-get/missing"]),
    ("create.first-is-main/again", &["list.agrees-with-get/missing"]),
    ("race.set-main-atomic/mains", &["list.agrees-with-get/missing", "set-main.demotes-previous/main"]),
    ("set-main.idempotency-replay/effect", &["race.set-main-atomic/mains"]),
    // Another project.
    ("auth.project-isolation/cursor", &["auth.project-isolation/listed"]),
    ("create.idempotency-scope/project", &["create.readable/missing", "auth.project-isolation/effect"]),
    // Concurrent clients see the same defects as one client.
    ("race.delete-vs-update/back", &["update.missing/id", "invariant.failed-write-no-effect/effect"]),
    ("race.delete-vs-update/server-error", &["response.no-server-error"]),
    ("race.create-once/second", &["response.no-server-error"]),
    ("race.idempotency-once/second", &["response.no-server-error"]),
    ("race.idempotency-once/listed", &["race.create-once/listed"]),
    (
        "race.update-whole/torn",
        &["get.existing/content", "create.readable/products", "update.replaces-products/stored"],
    ),
    ("race.isolation/content", &["get.existing/content"]),
];

/// Rejections that depend on the state, which races expect too.
static OF_STATE: [&Rejection; 7] =
    [&GET_MISSING, &GET_DELETED, &UPDATE_MISSING, &DELETE_MISSING, &DELETE_AGAIN, &SET_MAIN_MISSING, &DUPLICATE];

/// Conditions of valid requests with special values that are rejected.
static OF_SPECIAL: [&Requirement; 10] = [
    &CREATE_ID_REJECTED,
    &GET_ID_REJECTED,
    &UPDATE_ID_REJECTED,
    &DELETE_ID_REJECTED,
    &SET_MAIN_ID_REJECTED,
    &CREATE_PRODUCTS_REJECTED,
    &UPDATE_PRODUCTS_REJECTED,
    &CREATE_TAG_REJECTED,
    &CREATE_AGAIN_REJECTED,
    &ISOLATION_CREATE,
];

/// Whether a condition is about valid requests with special values that are rejected. If ordinary requests are rejected
/// in the same way, the special value is not the cause.
pub fn is_of_special_request(condition: &str) -> bool {
    OF_SPECIAL.iter().any(|row| row.id == condition)
}

/// The possible causes of a condition, the best one first.
pub fn causes(condition: &str) -> &'static [&'static str] {
    CONSEQUENCES.iter().find(|(follows, _)| *follows == condition).map_or(&[], |(_, causes)| causes)
}

/// Whether a condition only means that no order of the requests explains concurrent responses.
pub fn is_race_order(condition: &str) -> bool {
    RACE_ORDERS.iter().any(|order| order.id == condition)
}

/// Whether races send the requests of a condition: valid ones, and those whose rejection depends on the state.
pub fn occurs_in_races(condition: &str) -> bool {
    REQUIREMENTS.iter().any(|row| row.id == condition) || OF_STATE.iter().any(|row| row.id == condition)
}

#[cfg(test)]
mod tests {
    use super::super::conditions::{REJECTIONS, REQUIREMENTS};
    use super::*;
    use crate::contract::Contract;

    #[test]
    fn consequences_name_known_conditions_and_no_own_cause() {
        let contract = Contract::embedded();
        let rows = || REJECTIONS.iter().map(|row| row.id).chain(REQUIREMENTS.iter().map(|row| row.id));
        let rule_of = |condition: &'static str| condition.split('/').next().unwrap_or_default();
        for (condition, causes) in CONSEQUENCES {
            for known in causes.iter().chain([condition]) {
                let rule = contract.rules().rule(rule_of(known)).unwrap_or_else(|| panic!("unknown rule of {known}"));
                let is_general = rule.scope == crate::contract::RuleScope::Response;
                let is_wide = !known.contains('/') || known.ends_with("/rejection");
                assert!(is_general || is_wide || rows().any(|row| row == *known), "unknown condition {known}");
            }
            assert!(!causes.contains(condition), "{condition} is its own cause");
        }
    }
}
