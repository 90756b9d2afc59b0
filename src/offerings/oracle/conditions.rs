//! The table of conditions: every reason to reject a request, and every requirement on responses and stored state.
//!
//! Only this table contains statuses and typed codes of rejections and titles of findings about this resource.
//! `reasons` selects the rejections that apply to a request; `judge` and `compare` check responses and state.

/// Whether a server must reject a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Force {
    /// The request must be rejected.
    Must,
    /// It may be rejected. What the server does is recorded as an observation under the row's rule.
    May,
    /// It may be rejected. What the server does is not recorded.
    Silent,
}

/// A reason to reject a request.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Rejection {
    /// The rule and a detail, as in `list.limit-invalid/high`.
    pub id: &'static str,
    /// The request, as the beginning of a title.
    pub subject: &'static str,
    /// Expected statuses; empty for any 4xx.
    pub statuses: &'static [u16],
    /// Expected typed codes; empty for any code.
    pub codes: &'static [&'static str],
    /// Whether the server must reject it.
    pub force: Force,
}

/// A requirement on a response or on the state after it.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Requirement {
    /// The rule and a detail, as in `create.echo/products`.
    pub id: &'static str,
    /// The title of a finding that violates it.
    pub title: &'static str,
    /// Other rules that such a finding violates.
    pub also: &'static [&'static str],
}

/// The rule of a row's id.
const fn rule_of(id: &'static str) -> &'static str {
    let bytes = id.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'/' {
            return id.split_at(at).0;
        }
        at += 1;
    }
    id
}

impl Rejection {
    /// The rule of this row.
    pub const fn rule(&self) -> &'static str {
        rule_of(self.id)
    }
}

impl Requirement {
    /// The rule of this row.
    pub const fn rule(&self) -> &'static str {
        rule_of(self.id)
    }
}

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident: $force:ident $id:literal $subject:literal $statuses:expr, $codes:expr;)+) => {
        $($(#[$doc])* pub(in crate::offerings) static $name: Rejection = Rejection {
            id: $id, subject: $subject, statuses: &$statuses, codes: &$codes, force: Force::$force,
        };)+
        /// Every reason to reject a request.
        pub static REJECTIONS: &[&Rejection] = &[$(&$name),+];
    };
}

macro_rules! requirements {
    ($($name:ident: $id:literal $title:literal $(also $also:expr)?;)+) => {
        $(pub(in crate::offerings) static $name: Requirement = Requirement { id: $id, title: $title, also: requirements!(@ $($also)?) };)+
        /// Every requirement on a response or on the state after it.
        pub static REQUIREMENTS: &[&Requirement] = &[$(&$name),+];
    };
    (@) => { &[] };
    (@ $also:expr) => { &$also };
}

/// The typed code of a request without a valid key.
pub const UNAUTHORIZED: &str = "control_unauthorized";

rejections! {
    AUTH_MISSING: Must "auth.missing/header" "request without an Authorization header" [401], [];
    AUTH_INVALID: Must "auth.malformed/header" "request with an invalid API key" [401], [];
    AUTH_FIRST: Must "auth.before-existence/order" "invalid request without a valid API key" [401], [];
    AUTH_FORBIDDEN: Must "auth.forbidden/key" "request with an API key without permission" [403], ["control_forbidden"];

    LIMIT_LOW: Must "list.limit-invalid/low" "limit below 1" [400], ["invalid_data"];
    LIMIT_HIGH: Must "list.limit-invalid/high" "limit above 100" [400], ["invalid_data"];
    LIMIT_TYPE: Must "list.limit-invalid/type" "limit that is not a 64-bit integer" [400], ["invalid_data"];
    CURSOR_LENGTH: Must "list.cursor-invalid/length" "cursor longer than 64 characters" [400], [];
    CURSOR_CHARSET: Must "list.cursor-invalid/charset" "cursor with a disallowed character" [400], [];
    UNKNOWN_QUERY: May "list.unknown-query/parameter" "undocumented query parameter" [400], [];

    ID_ABSENT: Must "create.id-invalid/absent" "create without an id" [400], [];
    ID_NULL: Must "create.id-invalid/null" "create with a null id" [400], [];
    ID_EMPTY: Must "create.id-invalid/empty" "create with an empty id" [400], [];
    ID_LENGTH: Must "create.id-invalid/length" "create with an id longer than 64 characters" [400], [];
    ID_CHARSET: Must "create.id-invalid/charset" "create with a disallowed character in the id" [400], [];
    ID_TYPE: Must "create.id-invalid/type" "create with a non-string id" [400], [];
    DUPLICATE: Must "create.duplicate/exists" "create with an existing id" [409], ["offering_already_exists"];
    CREATE_FOREIGN: Silent "create.duplicate/foreign" "create with an id that may be in use" [409], ["offering_already_exists"];
    DUPLICATE_VARIANT: Must "create.duplicate/variant" "create with the id of an experiment variant" [], [];
    CREATE_TAG_MAIN: Must "create.tag-main-rejected/tag" "create with tag 1" [400], ["cannot_set_main_directly"];
    CREATE_TAG_RANGE: Must "create.tag-invalid/range" "create with a tag other than 0 or 1" [400], [];
    CREATE_TAG_TYPE: Must "create.tag-invalid/type" "create with a non-integer tag" [400], [];
    CREATE_PRODUCT_UNKNOWN: Must "create.product-unknown/product" "create with an unknown product" [400], ["product_not_in_project"];
    CREATE_PRODUCT_UNSURE: Silent "create.product-unknown/unsure" "create with a possibly unknown product" [400], [];
    CREATE_PRODUCT_COUNT: Must "create.product-bounds/count" "create with more than 100 products" [400], [];
    CREATE_PRODUCT_LENGTH: Must "create.product-bounds/length" "create with a product id longer than 255 characters" [400], [];
    CREATE_PRODUCT_CHARSET: Must "create.product-bounds/charset" "create with a disallowed character in a product id" [400], [];
    CREATE_PRODUCT_TYPE: Must "create.product-bounds/type" "create with a non-string product id" [400], [];
    CREATE_PRODUCTS_TYPE: Must "create.product-bounds/list" "create with non-array product_ids" [400], [];
    CREATE_PRODUCTS_NULL: Must "create.product-bounds/null" "create with null product_ids" [400], [];
    PRODUCTS_REPEATED: May "create.duplicate-products/repeated" "repeated product id" [400], [];
    PRODUCT_CASE: May "create.product-case/case" "product id in another letter case" [400], [];
    CREATE_BODY_NONE: Must "create.body-malformed/none" "create without a body" [400, 415], [];
    CREATE_BODY_SYNTAX: Must "create.body-malformed/syntax" "create with malformed JSON" [400], [];
    CREATE_BODY_TYPE: Must "create.body-malformed/type" "create with a non-object body" [400], [];
    READ_ONLY: Silent "create.readonly-ignored/property" "create with a read-only property" [400], [];
    UNKNOWN_FIELD: May "create.unknown-field/property" "create with an unknown property" [400], [];
    UNDECLARED: Silent "create.body-malformed/content-type" "JSON body with another Content-Type" [400, 415], [];
    LARGE: Silent "create.body-malformed/large" "body larger than 64 KiB" [400, 413], [];
    UNUSUAL_KEY: Silent "create.idempotency-other-body/key" "unusual Idempotency-Key" [], [];
    AMBIGUOUS: Silent "create.body-malformed/ambiguous" "ambiguous request" [], [];

    GET_ID: Must "get.id-invalid/id" "get of an invalid id" [400, 404], [];
    GET_MISSING: Must "get.missing/id" "get of a nonexistent offering" [404], ["not_found"];
    GET_DELETED: Must "delete.removes/readable" "get of a deleted offering" [404], ["not_found"];
    GET_VARIANT: Must "get.variant-hidden/id" "get of an experiment variant" [404], ["not_found"];

    UPDATE_ID: Must "update.id-invalid/id" "update of an invalid id" [400, 404], [];
    UPDATE_MISSING: Must "update.missing/id" "update of a nonexistent offering" [404], ["not_found"];
    UPDATE_VARIANT: Must "update.variant/id" "update of an experiment variant" [422], ["cannot_patch_experiment_variant"];
    UPDATE_TAG_MAIN: Must "update.tag-main-rejected/tag" "update with tag 1" [400], ["cannot_set_main_directly"];
    UPDATE_TAG_TYPE: Must "update.tag-invalid/type" "update with a non-integer tag" [400], [];
    UPDATE_TAG_RANGE: Silent "update.tag-invalid/range" "update with a tag other than 0 or 1" [], [];
    DEMOTE_ZERO: Must "update.demote-rejected/tag" "update of the main offering with tag 0" [422], ["cannot_demote_main"];
    DEMOTE_NULL: Must "update.demote-null/tag" "update of the main offering with tag null" [422], ["cannot_demote_main"];
    DEMOTE_UNSURE: Silent "update.demote-rejected/unsure" "update with tag 0 or null of an offering that may be main" [422], [];
    TAG_ON_REGULAR: May "update.tag-on-regular/tag" "update of a regular offering with tag 0 or null" [400], [];
    UPDATE_PRODUCT_UNKNOWN: Must "update.product-unknown/product" "update with an unknown product" [400], ["product_not_in_project"];
    UPDATE_PRODUCT_UNSURE: Silent "update.product-unknown/unsure" "update with a possibly unknown product" [400], [];
    UPDATE_PRODUCT_COUNT: Must "update.product-bounds/count" "update with more than 100 products" [400], [];
    UPDATE_PRODUCT_LENGTH: Must "update.product-bounds/length" "update with a product id longer than 255 characters" [400], [];
    UPDATE_PRODUCT_CHARSET: Must "update.product-bounds/charset" "update with a disallowed character in a product id" [400], [];
    UPDATE_PRODUCT_TYPE: Must "update.product-bounds/type" "update with a non-string product id" [400], [];
    UPDATE_PRODUCTS_TYPE: Must "update.product-bounds/list" "update with non-array product_ids" [400], [];
    UPDATE_PRODUCTS_NULL: Must "update.product-bounds/null" "update with null product_ids" [400], [];
    UPDATE_BODY_SYNTAX: Must "update.body-malformed/syntax" "update with malformed JSON" [400], [];
    UPDATE_BODY_TYPE: Must "update.body-malformed/type" "update with a non-object body" [400], [];
    UPDATE_BODY_NONE: Silent "update.body-malformed/none" "update without a body" [400, 415], [];
    UPDATE_WITH_ID: Silent "update.id-immutable/id" "update with an id" [400], [];
    UPDATE_EMPTY: May "update.empty-body/empty" "update with an empty JSON object" [400], [];
    UPDATE_PROPERTY: Silent "create.unknown-field/update" "update with an unknown or read-only property" [400], [];

    DELETE_ID: Must "delete.id-invalid/id" "delete of an invalid id" [400], [];
    DELETE_MISSING: Must "delete.missing/id" "delete of a nonexistent offering" [404], ["not_found"];
    DELETE_AGAIN: Must "delete.again/id" "second delete of an offering" [404], ["not_found"];
    DELETE_VARIANT: Must "delete.variant/id" "delete of an experiment variant" [422], ["cannot_delete_experiment_variant"];
    DELETE_MAIN: May "delete.main/delete" "delete of the main offering" [], [];

    SET_MAIN_ID: Must "set-main.id-invalid/id" "set-main of an invalid id" [400, 404], [];
    SET_MAIN_MISSING: Must "set-main.missing/id" "set-main of a nonexistent offering" [404], ["not_found"];
    SET_MAIN_VARIANT: Must "set-main.variant/id" "set-main of an experiment variant" [422], ["cannot_setmain_experiment_variant"];
    SET_MAIN_BODY: May "set-main.body-ignored/body" "set-main with a body" [400, 415], [];

    /// The list does not show experiment variants of other clients, so 422 is possible too.
    FOREIGN: Silent "get.missing/foreign" "request for an offering that another client created" [404, 422], [];
}

requirements! {
    AUTH_CODE: "auth.code/code" "401 response has a code other than control_unauthorized";
    LIMIT_DETAILS: "list.limit-invalid-details/field" "error details of a rejected limit do not name the field limit";

    LIST_STATUS: "list.limit-honoured/status" "list returned a status other than 200";
    LIST_REJECTED: "list.limit-honoured/rejected" "valid list request was rejected";
    LIST_LONGER: "list.limit-honoured/longer" "page is longer than its limit";
    LIST_DEFAULT: "list.default-limit/length" "page without a limit does not contain 20 offerings";
    LIST_CURSOR_REJECTED: "list.pages-cover/rejected" "list request with a valid cursor was rejected";
    LIST_UNKNOWN_REJECTED: "list.unknown-cursor/rejected" "list request with an unknown cursor was rejected";
    LIST_PAGES: "list.pages-cover/page" "page does not start right after its cursor";
    LIST_TWICE: "list.pages-cover/twice" "list contains an offering twice";
    LIST_HAS_MORE_FALSE: "list.has-more/false" "has_more is false although offerings follow";
    LIST_HAS_MORE_TRUE: "list.has-more/true" "has_more is true although no offering follows";
    LIST_NEXT_CURSOR_LAST: "list.next-cursor/last" "last page has a next_cursor";
    LIST_NEXT_CURSOR: "list.next-cursor/page" "next_cursor and the last id of a page lead to different pages";
    LIST_ORDER: "list.order/order" "list is not in a stable order by creation date";
    LIST_UNKNOWN_PAGE: "list.unknown-cursor/page" "list with an unknown cursor does not return the first page";
    LIST_UNKNOWN_HEADER: "list.unknown-cursor/header" "restarted list lacks the header X-Qon-Pagination-Restarted: true";
    LIST_KNOWN_HEADER: "list.known-cursor-no-header/header" "list with a known cursor has the header X-Qon-Pagination-Restarted: true";
    LIST_VARIANT: "list.excludes-variants/listed" "list contains an experiment variant";
    LIST_DISAGREES: "list.agrees-with-get/content" "list and get return different contents";
    LIST_MISSES: "list.agrees-with-get/missing" "list omits an offering that get returns";
    LIST_FOREIGN_CURSOR: "auth.project-isolation/cursor" "id of another project was accepted as a known cursor";
    LIST_FOREIGN: "auth.project-isolation/listed" "list contains an offering of another project";

    CREATED_AT: "offering.created-at-immutable/created-at" "`created_at` changed";

    DECODED_TWICE: "offering.id-decoding/twice" "percent-encoded id was decoded twice";
    DECODED_PLUS: "offering.id-decoding/plus" "plus sign in an id was decoded as a space";

    GET_ID_CUT: "get.id-invalid/cut" "response is for an offering whose id is the beginning of the requested id";
    UPDATE_ID_CUT: "update.id-invalid/cut" "update reached an offering whose id is the beginning of the requested id";
    SET_MAIN_ID_CUT: "set-main.id-invalid/cut" "set-main reached an offering whose id is the beginning of the requested id";

    CREATE_STATUS: "create.echo/status" "create returned a status other than 201";
    CREATE_REJECTED: "create.echo/rejected" "valid create was rejected";
    CREATE_ID_REJECTED: "create.id-bounds/rejected" "create with a valid id was rejected";
    CREATE_TAG_REJECTED: "create.tag-regular/rejected" "create with tag 0 or null was rejected";
    CREATE_PRODUCTS_REJECTED: "create.product-bounds/rejected" "create with valid products was rejected";
    CREATE_AGAIN_REJECTED: "delete.recreate/rejected" "create with a deleted id was rejected";
    CREATE_THIRD_REJECTED: "invariant.model-agrees/recreate" "create with an id deleted more than once was rejected";
    CREATE_ID: "create.echo/id" "create returned a different id" also ["create.id-bounds"];
    CREATE_PRODUCTS: "create.echo/products" "create returned different products";
    CREATE_FIRST: "create.first-is-main/role" "first offering of an empty project is not main";
    CREATE_FIRST_AGAIN: "create.first-is-main/again" "first offering of an emptied project is not main";
    CREATE_ROLE: "create.tag-regular/role" "new offering is main although another offering is main";
    CREATE_READ_ONLY: "create.readonly-ignored/value" "create applied a read-only property";
    CREATE_AGAIN_TIME: "delete.recreate/created-at" "recreated offering has the created_at of the deleted one";

    CREATED_MISSING: "create.readable/missing" "created offering cannot be read";
    CREATED_PRODUCTS: "create.readable/products" "created offering was stored with different products";
    CREATED_OTHER: "create.readable/other" "created offering was stored with different contents";
    CREATED_ROLE: "create.tag-regular/stored" "create changed the main offering" also ["invariant.single-main"];
    CREATED_TAKES_MAIN: "invariant.main-exists/create" "main offering lost after a create";
    RECREATED_PRODUCTS: "delete.recreate/products" "recreated offering has the products of the deleted one" also ["create.readable"];

    REPLAY_REJECTED: "create.idempotency-replay/rejected" "repeated create with the same Idempotency-Key was rejected";
    REPLAY_OTHER: "create.idempotency-replay/other" "repeated create with the same Idempotency-Key returned a different offering";
    REPLAY_PRODUCTS: "create.idempotency-replay/products" "repeated create with the same Idempotency-Key returned different contents";
    REPLAY_EFFECT: "create.idempotency-replay/effect" "repeated create with the same Idempotency-Key changed the project";
    KEY_SCOPE: "create.idempotency-scope/project" "Idempotency-Key is shared between projects";

    GET_STATUS: "get.existing/status" "get returned a status other than 200";
    GET_REJECTED: "get.existing/rejected" "get of an existing offering was rejected";
    GET_ID_REJECTED: "create.id-bounds/get" "get of a valid id was rejected";
    GET_OTHER: "get.existing/id" "response is for a different offering";
    GET_DIFFERS: "get.existing/content" "get did not return the stored contents";
    GET_EFFECT: "get.existing/effect" "read request changed the project";

    UPDATE_STATUS: "update.replaces-products/status" "update returned a status other than 200";
    UPDATE_REJECTED: "update.replaces-products/rejected" "valid update was rejected";
    UPDATE_AGAIN_REJECTED: "update.retry-safe/rejected" "repeated update was rejected";
    UPDATE_PRODUCTS_REJECTED: "update.product-bounds/rejected" "update with valid products was rejected";
    UPDATE_ID_REJECTED: "create.id-bounds/update" "update of a valid id was rejected";
    UPDATE_PARTIAL_REJECTED: "update.partial/rejected" "update without products was rejected";
    UPDATE_OTHER: "update.id-immutable/response" "update returned a different offering" also ["update.partial"];
    UPDATE_PRODUCTS: "update.replaces-products/response" "update returned different products";
    UPDATE_KEPT: "update.partial/response" "update without product_ids changed the products";
    UPDATE_ROLE: "update.partial/role" "update returned a changed main role";
    UPDATE_AGAIN: "update.retry-safe/response" "repeated update returned different products";
    UPDATED_PRODUCTS: "update.replaces-products/stored" "updated products were not stored";
    UPDATED_AGAIN: "update.retry-safe/stored" "repeated update stored different products";
    UPDATED_KEPT: "update.partial/stored" "update changed properties that were not sent";
    UPDATED_ROLE: "update.partial/stored-role" "update changed the main offering of the project";
    UPDATED_ID: "update.id-immutable/stored" "update with an id renamed the offering";
    UPDATED_MISSING: "update.partial/missing" "updated offering cannot be read";

    DELETE_STATUS: "delete.removes/status" "delete returned a status other than 204" also ["response.content-type"];
    DELETE_REJECTED: "delete.removes/rejected" "delete of an existing offering was rejected";
    DELETE_ID_REJECTED: "create.id-bounds/delete" "delete of a valid id was rejected";
    DELETED_LISTED: "delete.removes/listed" "deleted offering is still listed";
    DELETED_READABLE: "delete.removes/stored" "deleted offering is still stored";
    DELETED_BACK: "delete.removes/back" "deleted offering reappeared";

    SET_MAIN_STATUS: "set-main.promotes/status" "set-main returned a status other than 200";
    SET_MAIN_REJECTED: "set-main.promotes/rejected" "set-main of an existing offering was rejected";
    SET_MAIN_AGAIN_REJECTED: "set-main.again/rejected" "set-main of the main offering was rejected";
    SET_MAIN_ID_REJECTED: "create.id-bounds/set-main" "set-main of a valid id was rejected";
    SET_MAIN_OTHER: "set-main.promotes/id" "set-main returned a different offering";
    SET_MAIN_TAG: "set-main.promotes/tag" "set-main returned an offering without tag 1";
    SET_MAIN_PRODUCTS: "set-main.keeps-rest/response" "set-main returned different products";
    PROMOTED_NOT: "set-main.promotes/stored" "promoted offering did not become main" also ["invariant.main-exists"];
    PROMOTED_AGAIN_NOT: "set-main.again/stored" "main offering lost after a repeated set-main" also ["invariant.main-exists"];
    PROMOTED_PRODUCTS: "set-main.keeps-rest/stored" "set-main changed other properties of the promoted offering";
    PREVIOUS_MAIN: "set-main.demotes-previous/main" "previous main offering is still main" also ["invariant.single-main"];
    PREVIOUS_NOT_ZERO: "set-main.previous-is-zero/tag" "previous main offering does not have tag 0";
    PREVIOUS_CHANGED: "set-main.keeps-rest/previous" "set-main changed other properties of the previous main offering";
    REST_CHANGED: "set-main.keeps-rest/other" "set-main changed an unrelated offering" also ["invariant.no-bleed"];
    SET_MAIN_REPLAY_REJECTED: "set-main.idempotency-replay/rejected" "repeated set-main with the same Idempotency-Key was rejected";
    SET_MAIN_REPLAY_OTHER: "set-main.idempotency-replay/response" "repeated set-main with the same Idempotency-Key returned a different response";
    SET_MAIN_REPLAY_EFFECT: "set-main.idempotency-replay/effect" "repeated set-main with the same Idempotency-Key changed the main offering";

    REJECTED_EFFECT: "invariant.failed-write-no-effect/effect" "rejected request changed the project";
    AUTH_EFFECT: "auth.no-effect/effect" "request without a valid API key changed the project";
    OTHER_CHANGED: "invariant.no-bleed/effect" "write request changed an unrelated offering";
    DELETE_CHANGED_OTHER: "delete.removes/other" "delete changed or removed another offering" also ["invariant.no-bleed"];
    ISOLATION_EFFECT: "auth.project-isolation/effect" "write request changed another project";
    ISOLATION_ACCEPTED: "auth.project-isolation/accepted" "request for an offering of another project was accepted";
    ISOLATION_CREATE: "auth.project-isolation/create" "create with an id of another project was rejected";
    UNEXPLAINED: "invariant.model-agrees/state" "project contents do not match the accepted writes";
    TWO_MAINS: "invariant.single-main/state" "several offerings are main";
    NO_MAIN: "invariant.main-exists/state" "project has no main offering any more";

    RACE_MAINS: "race.set-main-atomic/mains" "list shows no or several main offerings during concurrent set-mains";
    RACE_FIRST_SEVERAL: "race.first-create/several" "several offerings became main after concurrent first creates";
    RACE_FIRST_NONE: "race.first-create/none" "no offering became main after concurrent first creates";
    RACE_LISTED_TWICE: "race.create-once/listed" "list shows an id twice after concurrent creates";
    RACE_KEY_LISTED_TWICE: "race.idempotency-once/listed" "list shows an id twice after concurrent creates with one Idempotency-Key";
    RACE_CREATE_NONE: "race.create-once/none" "no concurrent create of one id succeeded";
    RACE_KEY_NONE: "race.idempotency-once/none" "no concurrent create with one Idempotency-Key succeeded";
    RACE_CREATE_SEVERAL: "race.create-once/several" "several concurrent creates of one id succeeded";
    RACE_KEY_TWO: "race.idempotency-once/two" "responses to one Idempotency-Key are for different offerings";
    RACE_CREATE_SECOND: "race.create-once/second" "second concurrent create of one id was not rejected with 409";
    RACE_KEY_SECOND: "race.idempotency-once/second" "second concurrent create with one Idempotency-Key was not rejected with 409";
    RACE_TORN: "race.update-whole/torn" "offering has products that no client sent as one list";
    RACE_BACK: "race.delete-vs-update/back" "deleted offering reappeared after concurrent writes";
    RACE_SERVER_ERROR: "race.delete-vs-update/server-error" "delete concurrent with other writes returned a server error";
    RACE_OTHER_PROJECT: "race.isolation/content" "response contains an offering of another project";
    RACE_ORDER_SET_MAIN: "race.set-main-linearizable/order" "no order of the concurrent set-mains explains the responses";
    RACE_ORDER_FIRST: "race.first-create/order" "no order of the concurrent first creates explains the responses";
    RACE_ORDER_UPDATE: "race.update-whole/order" "no order of the concurrent updates explains the responses";
    RACE_ORDER_KEY: "race.idempotency-once/order" "no order of the concurrent creates with one Idempotency-Key explains the responses";
    RACE_ORDER_CREATE: "race.create-once/order" "no order of the concurrent creates explains the responses";
    RACE_ORDER_DELETE: "race.delete-vs-update/order" "no order of the concurrent deletes and other writes explains the responses";
    RACE_ORDER_ISOLATION: "race.isolation/order" "no order of the concurrent requests to one project explains its responses";
}

/// Requirements that some order of concurrent requests explains all responses.
pub static RACE_ORDERS: [&Requirement; 7] = [
    &RACE_ORDER_SET_MAIN,
    &RACE_ORDER_FIRST,
    &RACE_ORDER_UPDATE,
    &RACE_ORDER_KEY,
    &RACE_ORDER_CREATE,
    &RACE_ORDER_DELETE,
    &RACE_ORDER_ISOLATION,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use snapbox::{assert_data_eq, file};

    use super::*;
    use crate::contract::Contract;

    /// The table as text: id, force, subject or title, statuses and codes.
    fn table() -> String {
        let mut lines = Vec::new();
        for row in REJECTIONS {
            let statuses: Vec<_> = row.statuses.iter().map(u16::to_string).collect();
            let statuses = if statuses.is_empty() { "4xx".into() } else { statuses.join(" or ") };
            let codes = if row.codes.is_empty() { "any code".into() } else { row.codes.join(" or ") };
            lines.push(format!("{} | {:?} | {} | {statuses} | {codes}", row.id, row.force, row.subject));
        }
        lines.extend(REQUIREMENTS.iter().map(|row| format!("{} | - | {} | - | -", row.id, row.title)));
        lines.sort();
        lines.join("\n") + "\n"
    }

    // SNAPSHOTS=overwrite writes the expected table anew.
    #[test]
    fn the_table_of_conditions_is_reviewed_as_text() {
        assert_data_eq!(table(), file!["testdata/conditions.txt"].raw());
    }

    #[test]
    fn row_ids_are_unique_and_name_known_rules() {
        let contract = Contract::embedded();
        let rejections = REJECTIONS.iter().map(|row| (row.id, &[][..]));
        let requirements = REQUIREMENTS.iter().map(|row| (row.id, row.also));
        let mut seen = BTreeSet::new();
        for (id, also) in rejections.chain(requirements) {
            assert!(seen.insert(id), "duplicate id {id}");
            for rule in std::iter::once(&rule_of(id)).chain(also) {
                assert!(contract.rules().rule(rule).is_some(), "{id}: unknown rule `{rule}`");
            }
        }
    }
}
