//! The table of conditions: every reason why a request must or may be rejected, and everything that a response must show.
//!
//! The statuses and typed codes of rejections and the titles of findings about this resource stand here alone. How a
//! request meets a row is decided in `reasons`, how a response is compared in `judge` and `compare`.

/// Whether a server has a choice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Force {
    /// The request must be rejected.
    Must,
    /// It may be rejected; which of the two the server does is an observation under the row's rule.
    May,
    /// It may be rejected, and nobody needs to know.
    Silent,
}

/// A reason to reject a request.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Rejection {
    /// `list.limit-invalid/high`: the rule, and what about it.
    pub id: &'static str,
    /// What was sent, to stand at the beginning of a title.
    pub subject: &'static str,
    /// How it is rejected; empty: any 4xx.
    pub statuses: &'static [u16],
    /// With which typed codes; empty: any.
    pub codes: &'static [&'static str],
    /// Whether a server has a choice.
    pub force: Force,
}

/// Something that a response, or the state after it, must show.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Promise {
    /// `create.echo/products`: the rule, and what about it.
    pub id: &'static str,
    /// What is wrong where it is not kept.
    pub title: &'static str,
    /// Other rules that are violated with it.
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
    /// The rule that it belongs to.
    pub const fn rule(&self) -> &'static str {
        rule_of(self.id)
    }
}

impl Promise {
    /// The rule that it belongs to.
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

macro_rules! promises {
    ($($name:ident: $id:literal $title:literal $(also $also:expr)?;)+) => {
        $(pub(in crate::offerings) static $name: Promise = Promise { id: $id, title: $title, also: promises!(@ $($also)?) };)+
        /// Everything that a response, or the state after it, must show.
        pub static PROMISES: &[&Promise] = &[$(&$name),+];
    };
    (@) => { &[] };
    (@ $also:expr) => { &$also };
}

/// The typed code of a request without a valid key.
pub const UNAUTHORIZED: &str = "control_unauthorized";

rejections! {
    AUTH_MISSING: Must "auth.missing/header" "request without Authorization" [401], [];
    AUTH_INVALID: Must "auth.malformed/header" "request with an invalid key" [401], [];
    AUTH_FIRST: Must "auth.before-existence/order" "request without a valid key that would be rejected anyway" [401], [];
    AUTH_FORBIDDEN: Must "auth.forbidden/key" "request with a key without permission" [403], ["control_forbidden"];

    LIMIT_LOW: Must "list.limit-invalid/low" "limit below 1" [400], ["invalid_data"];
    LIMIT_HIGH: Must "list.limit-invalid/high" "limit above 100" [400], ["invalid_data"];
    LIMIT_TYPE: Must "list.limit-invalid/type" "limit that is not an integer of 64 bits" [400], ["invalid_data"];
    CURSOR_LENGTH: Must "list.cursor-invalid/length" "cursor of more than 64 characters" [400], [];
    CURSOR_CHARSET: Must "list.cursor-invalid/charset" "cursor with a character outside the charset" [400], [];
    UNKNOWN_QUERY: May "list.unknown-query/parameter" "undocumented query parameter" [400], [];

    ID_ABSENT: Must "create.id-invalid/absent" "create without an id" [400], [];
    ID_NULL: Must "create.id-invalid/null" "create with id null" [400], [];
    ID_EMPTY: Must "create.id-invalid/empty" "create with an empty id" [400], [];
    ID_LENGTH: Must "create.id-invalid/length" "create with an id of more than 64 characters" [400], [];
    ID_CHARSET: Must "create.id-invalid/charset" "create with a character outside the charset in the id" [400], [];
    ID_TYPE: Must "create.id-invalid/type" "create with an id that is not a string" [400], [];
    DUPLICATE: Must "create.duplicate/exists" "create with an id that exists" [409], ["offering_already_exists"];
    CREATE_FOREIGN: Silent "create.duplicate/foreign" "create with an id that may be in use" [409], ["offering_already_exists"];
    DUPLICATE_VARIANT: Must "create.duplicate/variant" "create with the id of an experiment variant" [], [];
    CREATE_TAG_MAIN: Must "create.tag-main-rejected/tag" "create with tag 1" [400], ["cannot_set_main_directly"];
    CREATE_TAG_RANGE: Must "create.tag-invalid/range" "create with a tag other than 0 and 1" [400], [];
    CREATE_TAG_TYPE: Must "create.tag-invalid/type" "create with a tag that is not an integer" [400], [];
    CREATE_PRODUCT_UNKNOWN: Must "create.product-unknown/product" "create with an unknown product" [400], ["product_not_in_project"];
    CREATE_PRODUCT_UNSURE: Silent "create.product-unknown/unsure" "create with a product that may be unknown" [400], [];
    CREATE_PRODUCT_COUNT: Must "create.product-bounds/count" "create with more than 100 products" [400], [];
    CREATE_PRODUCT_LENGTH: Must "create.product-bounds/length" "create with a product id of more than 255 characters" [400], [];
    CREATE_PRODUCT_CHARSET: Must "create.product-bounds/charset" "create with a character outside the charset in a product id" [400], [];
    CREATE_PRODUCT_TYPE: Must "create.product-bounds/type" "create with a product id that is not a string" [400], [];
    CREATE_PRODUCTS_TYPE: Must "create.product-bounds/list" "create with product_ids that is not an array" [400], [];
    CREATE_PRODUCTS_NULL: Must "create.product-bounds/null" "create with product_ids null" [400], [];
    PRODUCTS_REPEATED: May "create.duplicate-products/repeated" "product id twice in one list" [400], [];
    CREATE_BODY_NONE: Must "create.body-malformed/none" "create without a body" [400, 415], [];
    CREATE_BODY_SYNTAX: Must "create.body-malformed/syntax" "create with malformed JSON" [400], [];
    CREATE_BODY_TYPE: Must "create.body-malformed/type" "create with a body that is not an object" [400], [];
    READ_ONLY: Silent "create.readonly-ignored/property" "create with a read-only property" [400], [];
    UNKNOWN_FIELD: May "create.unknown-field/property" "unknown property" [400], [];
    UNDECLARED: Silent "create.body-malformed/content-type" "body under another content type" [400, 415], [];
    LARGE: Silent "create.body-malformed/large" "body of more than 64 KiB" [400, 413], [];
    ODD_KEY: Silent "create.idempotency-other-body/key" "unusual Idempotency-Key" [], [];
    AMBIGUOUS: Silent "create.body-malformed/ambiguous" "request that servers may read differently" [], [];

    GET_ID: Must "get.id-invalid/id" "get of an invalid id" [400, 404], [];
    GET_MISSING: Must "get.missing/id" "get of a missing offering" [404], ["not_found"];
    GET_DELETED: Must "delete.removes/readable" "get of a deleted offering" [404], ["not_found"];
    GET_VARIANT: Must "get.variant-hidden/id" "get of an experiment variant" [404], ["not_found"];

    UPDATE_ID: Must "update.id-invalid/id" "update of an invalid id" [400, 404], [];
    UPDATE_MISSING: Must "update.missing/id" "update of a missing offering" [404], ["not_found"];
    UPDATE_VARIANT: Must "update.variant/id" "update of an experiment variant" [422], ["cannot_patch_experiment_variant"];
    UPDATE_TAG_MAIN: Must "update.tag-main-rejected/tag" "update with tag 1" [400], ["cannot_set_main_directly"];
    UPDATE_TAG_TYPE: Must "update.tag-invalid/type" "update with a tag that is not an integer" [400], [];
    UPDATE_TAG_RANGE: Silent "update.tag-invalid/range" "update with a tag other than 0 and 1" [], [];
    DEMOTE_ZERO: Must "update.demote-rejected/tag" "update of the main offering with tag 0" [422], ["cannot_demote_main"];
    DEMOTE_NULL: Must "update.demote-null/tag" "update of the main offering with tag null" [422], ["cannot_demote_main"];
    DEMOTE_UNSURE: Silent "update.demote-rejected/unsure" "update with a tag of what may be the main offering" [422], [];
    TAG_ON_REGULAR: May "update.tag-on-regular/tag" "tag 0 or null on a regular offering" [400], [];
    UPDATE_PRODUCT_UNKNOWN: Must "update.product-unknown/product" "update with an unknown product" [400], ["product_not_in_project"];
    UPDATE_PRODUCT_UNSURE: Silent "update.product-unknown/unsure" "update with a product that may be unknown" [400], [];
    UPDATE_PRODUCT_COUNT: Must "update.product-bounds/count" "update with more than 100 products" [400], [];
    UPDATE_PRODUCT_LENGTH: Must "update.product-bounds/length" "update with a product id of more than 255 characters" [400], [];
    UPDATE_PRODUCT_CHARSET: Must "update.product-bounds/charset" "update with a character outside the charset in a product id" [400], [];
    UPDATE_PRODUCT_TYPE: Must "update.product-bounds/type" "update with a product id that is not a string" [400], [];
    UPDATE_PRODUCTS_TYPE: Must "update.product-bounds/list" "update with product_ids that is not an array" [400], [];
    UPDATE_PRODUCTS_NULL: Must "update.product-bounds/null" "update with product_ids null" [400], [];
    UPDATE_BODY_SYNTAX: Must "update.body-malformed/syntax" "update with malformed JSON" [400], [];
    UPDATE_BODY_TYPE: Must "update.body-malformed/type" "update with a body that is not an object" [400], [];
    UPDATE_BODY_NONE: Silent "update.body-malformed/none" "update without a body" [400, 415], [];
    UPDATE_WITH_ID: Silent "update.id-immutable/id" "update with an id" [400], [];
    UPDATE_EMPTY: May "update.empty-body/empty" "update with an empty body" [400], [];
    UPDATE_PROPERTY: Silent "create.unknown-field/update" "update with another property" [400], [];

    DELETE_ID: Must "delete.id-invalid/id" "delete of an invalid id" [400], [];
    DELETE_MISSING: Must "delete.missing/id" "delete of a missing offering" [404], ["not_found"];
    DELETE_AGAIN: Must "delete.again/id" "second delete" [404], ["not_found"];
    DELETE_VARIANT: Must "delete.variant/id" "delete of an experiment variant" [422], ["cannot_delete_experiment_variant"];
    DELETE_MAIN: May "delete.main/delete" "delete of the main offering" [], [];

    SET_MAIN_ID: Must "set-main.id-invalid/id" "set-main of an invalid id" [400, 404], [];
    SET_MAIN_MISSING: Must "set-main.missing/id" "set-main of a missing offering" [404], ["not_found"];
    SET_MAIN_VARIANT: Must "set-main.variant/id" "set-main of an experiment variant" [422], ["cannot_setmain_experiment_variant"];
    SET_MAIN_BODY: May "set-main.body-ignored/body" "set-main with a body" [400, 415], [];

    /// Of what other clients own only what is there is known: a variant of theirs is not listed.
    FOREIGN: Silent "get.missing/foreign" "request for an offering of another client" [404, 422], [];
}

promises! {
    AUTH_CODE: "auth.code/code" "401 has another code than control_unauthorized";
    LIMIT_DETAILS: "list.limit-invalid-details/field" "details of a rejected limit do not name the field limit";

    LIST_STATUS: "list.limit-honoured/status" "list returned another status than 200";
    LIST_REJECTED: "list.limit-honoured/rejected" "valid list request rejected";
    LIST_LONGER: "list.limit-honoured/longer" "page is longer than its limit";
    LIST_SHORTER: "list.limit-honoured/shorter" "no page is as long as the limit although more follows";
    LIST_EMPTY: "list.limit-honoured/empty" "page is empty although offerings follow";
    LIST_DEFAULT: "list.default-limit/length" "page without a limit does not have 20 offerings";
    LIST_CURSOR_REJECTED: "list.pages-cover/rejected" "list request with a valid cursor rejected";
    LIST_UNKNOWN_REJECTED: "list.unknown-cursor/rejected" "list request with an unknown cursor rejected";
    LIST_PAGES: "list.pages-cover/page" "pages do not continue where their cursors are";
    LIST_TWICE: "list.pages-cover/twice" "list shows an offering twice";
    LIST_HAS_MORE_FALSE: "list.has-more/false" "has_more is false although offerings follow";
    LIST_HAS_MORE_TRUE: "list.has-more/true" "has_more is true although nothing follows";
    LIST_NEXT_CURSOR_LAST: "list.next-cursor/last" "last page has a next_cursor";
    LIST_NEXT_CURSOR: "list.next-cursor/page" "next_cursor leads to another page than the last id";
    LIST_ORDER: "list.order/order" "list is not in one order by creation date";
    LIST_UNKNOWN_PAGE: "list.unknown-cursor/page" "unknown cursor does not lead to the first page";
    LIST_UNKNOWN_HEADER: "list.unknown-cursor/header" "restarted list lacks the header X-Qon-Pagination-Restarted: true";
    LIST_KNOWN_HEADER: "list.known-cursor-no-header/header" "list with a known cursor has the header X-Qon-Pagination-Restarted: true";
    LIST_VARIANT: "list.excludes-variants/listed" "list shows an experiment variant";
    LIST_DISAGREES: "list.agrees-with-get/content" "list shows other contents than get";
    LIST_MISSES: "list.agrees-with-get/missing" "list leaves out an offering that get returns";
    LIST_FOREIGN_CURSOR: "auth.project-isolation/cursor" "cursor of another project was accepted as known";
    LIST_FOREIGN: "auth.project-isolation/listed" "list shows an offering of another project";

    CREATED_AT: "offering.created-at-immutable/created-at" "`created_at` changed";

    DECODED_TWICE: "offering.id-decoding/twice" "id was decoded twice";
    DECODED_PLUS: "offering.id-decoding/plus" "plus sign in an id was read as a space";

    CREATE_STATUS: "create.echo/status" "create returned another status than 201";
    CREATE_REJECTED: "create.echo/rejected" "valid create rejected";
    CREATE_ID_REJECTED: "create.id-bounds/rejected" "create with a valid id rejected";
    CREATE_TAG_REJECTED: "create.tag-regular/rejected" "create with tag 0 or null rejected";
    CREATE_PRODUCTS_REJECTED: "create.product-bounds/rejected" "create with valid products rejected";
    CREATE_AGAIN_REJECTED: "delete.recreate/rejected" "create with a deleted id rejected";
    CREATE_THIRD_REJECTED: "invariant.model-agrees/recreate" "id that was created again before cannot be created";
    CREATE_ID: "create.echo/id" "create returned another id than was sent" also ["create.id-bounds"];
    CREATE_PRODUCTS: "create.echo/products" "create returned other products than were sent";
    CREATE_FIRST: "create.first-is-main/role" "first offering of an empty project is not main";
    CREATE_FIRST_AGAIN: "create.first-is-main/again" "first offering of a project that was emptied is not main";
    CREATE_ROLE: "create.tag-regular/role" "new offering is main beside another";
    CREATE_READ_ONLY: "create.readonly-ignored/value" "create applied a read-only property";
    CREATE_AGAIN_TIME: "delete.recreate/created-at" "recreated offering has its old created_at";

    CREATED_MISSING: "create.readable/missing" "created offering cannot be read";
    CREATED_PRODUCTS: "create.readable/products" "created offering is stored with other products";
    CREATED_OTHER: "create.readable/other" "created offering is stored with other contents";
    CREATED_ROLE: "create.tag-regular/stored" "create changed which offering is main" also ["invariant.single-main"];
    CREATED_TAKES_MAIN: "invariant.main-exists/create" "create took the role of the main offering";
    RECREATED_PRODUCTS: "delete.recreate/products" "recreated offering has products of the deleted one" also ["create.readable"];
    RECREATED_ROLE: "delete.recreate/role" "recreated offering has the role of the deleted one";

    REPLAY_REJECTED: "create.idempotency-replay/rejected" "repeated create with its Idempotency-Key rejected";
    REPLAY_OTHER: "create.idempotency-replay/other" "repeated create with its Idempotency-Key returned another offering";
    REPLAY_PRODUCTS: "create.idempotency-replay/products" "repeated create with its Idempotency-Key returned other contents";
    REPLAY_EFFECT: "create.idempotency-replay/effect" "repeated create with its Idempotency-Key changed the project";
    KEY_SECOND: "create.idempotency-other-body/second" "one Idempotency-Key created two offerings";
    KEY_SCOPE: "create.idempotency-scope/project" "Idempotency-Key of another project was applied";

    GET_STATUS: "get.existing/status" "get returned another status than 200";
    GET_REJECTED: "get.existing/rejected" "get of an existing offering rejected";
    GET_ID_REJECTED: "create.id-bounds/get" "get of a valid id rejected";
    GET_OTHER: "get.existing/id" "response is for a different offering";
    GET_DIFFERS: "get.existing/content" "get shows other contents than were stored";
    GET_EFFECT: "get.existing/effect" "reading changed the project";

    UPDATE_STATUS: "update.replaces-products/status" "update returned another status than 200";
    UPDATE_REJECTED: "update.replaces-products/rejected" "valid update rejected";
    UPDATE_AGAIN_REJECTED: "update.retry-safe/rejected" "repeated update rejected";
    UPDATE_PRODUCTS_REJECTED: "update.product-bounds/rejected" "update with valid products rejected";
    UPDATE_ID_REJECTED: "create.id-bounds/update" "update of a valid id rejected";
    UPDATE_PARTIAL_REJECTED: "update.partial/rejected" "update without products rejected";
    UPDATE_OTHER: "update.id-immutable/response" "update returned a different offering" also ["update.partial"];
    UPDATE_PRODUCTS: "update.replaces-products/response" "update returned other products than were sent";
    UPDATE_KEPT: "update.partial/response" "update without product_ids changed the products";
    UPDATE_ROLE: "update.partial/role" "update changed which offering is main";
    UPDATE_AGAIN: "update.retry-safe/response" "repeated update returned another offering";
    UPDATE_READ_ONLY: "update.partial/read-only" "update applied a read-only property";
    UPDATED_PRODUCTS: "update.replaces-products/stored" "updated products were not stored";
    UPDATED_AGAIN: "update.retry-safe/stored" "repeated update stored another offering";
    UPDATED_KEPT: "update.partial/stored" "update changed more than was sent";
    UPDATED_ROLE: "update.partial/stored-role" "update changed which offering is main in the project";
    UPDATED_ID: "update.id-immutable/stored" "update with an id renamed the offering";
    UPDATED_MISSING: "update.partial/missing" "updated offering cannot be read";

    DELETE_STATUS: "delete.removes/status" "delete returned another status than 204" also ["response.content-type"];
    DELETE_REJECTED: "delete.removes/rejected" "delete of an existing offering rejected";
    DELETE_ID_REJECTED: "create.id-bounds/delete" "delete of a valid id rejected";
    DELETED_LISTED: "delete.removes/listed" "deleted offering is still listed";
    DELETED_READABLE: "delete.removes/stored" "deleted offering is still there";
    DELETED_BACK: "delete.removes/back" "deleted offering is back";

    SET_MAIN_STATUS: "set-main.promotes/status" "set-main returned another status than 200";
    SET_MAIN_REJECTED: "set-main.promotes/rejected" "set-main of an existing offering rejected";
    SET_MAIN_AGAIN_REJECTED: "set-main.again/rejected" "set-main of the main offering rejected";
    SET_MAIN_ID_REJECTED: "create.id-bounds/set-main" "set-main of a valid id rejected";
    SET_MAIN_OTHER: "set-main.promotes/id" "set-main returned a different offering";
    SET_MAIN_TAG: "set-main.promotes/tag" "set-main returned an offering that is not main";
    SET_MAIN_PRODUCTS: "set-main.keeps-rest/response" "set-main returned other products";
    PROMOTED_NOT: "set-main.promotes/stored" "promoted offering is not main in the project" also ["invariant.main-exists"];
    PROMOTED_AGAIN_NOT: "set-main.again/stored" "set-main of the main offering took its role" also ["invariant.main-exists"];
    PROMOTED_PRODUCTS: "set-main.keeps-rest/stored" "set-main changed the promoted offering";
    PREVIOUS_MAIN: "set-main.demotes-previous/main" "previous main offering is still main" also ["invariant.single-main"];
    PREVIOUS_NOT_ZERO: "set-main.previous-is-zero/tag" "previous main offering does not have tag 0";
    PREVIOUS_CHANGED: "set-main.keeps-rest/previous" "set-main changed more of the previous main offering than its role";
    REST_CHANGED: "set-main.keeps-rest/other" "set-main changed another offering" also ["invariant.no-bleed"];
    SET_MAIN_REPLAY_REJECTED: "set-main.idempotency-replay/rejected" "repeated set-main with its Idempotency-Key rejected";
    SET_MAIN_REPLAY_OTHER: "set-main.idempotency-replay/response" "repeated set-main with its Idempotency-Key returned another response";
    SET_MAIN_REPLAY_EFFECT: "set-main.idempotency-replay/effect" "repeated set-main with its Idempotency-Key changed the main offering";

    REJECTED_EFFECT: "invariant.failed-write-no-effect/effect" "rejected request changed the project";
    AUTH_EFFECT: "auth.no-effect/effect" "request without a valid key changed the project";
    BLEED: "invariant.no-bleed/effect" "write changed another offering";
    DELETE_BLEED: "delete.removes/other" "delete changed another offering" also ["invariant.no-bleed"];
    ISOLATION_EFFECT: "auth.project-isolation/effect" "write changed another project";
    ISOLATION_ACCEPTED: "auth.project-isolation/accepted" "request for an offering of another project accepted";
    ISOLATION_CREATE: "auth.project-isolation/create" "id of another project cannot be created";
    UNEXPLAINED: "invariant.model-agrees/state" "project does not hold what the accepted writes lead to";
    TWO_MAINS: "invariant.single-main/state" "two offerings are main";
    NO_MAIN: "invariant.main-exists/state" "no offering is main any more";

    RACE_MAINS: "race.set-main-atomic/mains" "one list shows no main offering, or several";
    RACE_FIRST_SEVERAL: "race.first-create/several" "several of the first offerings are main";
    RACE_FIRST_NONE: "race.first-create/none" "none of the first offerings is main";
    RACE_LISTED_TWICE: "race.create-once/listed" "one list shows an id twice";
    RACE_KEY_LISTED_TWICE: "race.idempotency-once/listed" "one list shows an id twice";
    RACE_CREATE_NONE: "race.create-once/none" "none of several creates of one id succeeds";
    RACE_KEY_NONE: "race.idempotency-once/none" "none of several creates with one Idempotency-Key succeeds";
    RACE_CREATE_SEVERAL: "race.create-once/several" "several creates of one id succeed";
    RACE_KEY_TWO: "race.idempotency-once/two" "two responses to one Idempotency-Key are for different offerings";
    RACE_CREATE_SECOND: "race.create-once/second" "second create of one id was not rejected with 409";
    RACE_KEY_SECOND: "race.idempotency-once/second" "second create with one Idempotency-Key was not rejected with 409";
    RACE_TORN: "race.update-whole/torn" "offering has products that no client sent";
    RACE_BACK: "race.delete-vs-update/back" "offering is back after concurrent writes";
    RACE_SERVER_ERROR: "race.delete-vs-update/server-error" "server error where a delete meets other writes";
    RACE_OTHER_PROJECT: "race.isolation/content" "response shows another project's offering";
    RACE_ORDER_SET_MAIN: "race.set-main-linearizable/order" "no order of the promotions explains the responses";
    RACE_ORDER_FIRST: "race.first-create/order" "no order of the first creates explains the responses";
    RACE_ORDER_UPDATE: "race.update-whole/order" "no order of the updates explains the responses";
    RACE_ORDER_KEY: "race.idempotency-once/order" "no order of creates with one Idempotency-Key explains the responses";
    RACE_ORDER_CREATE: "race.create-once/order" "no order of the creates explains the responses";
    RACE_ORDER_DELETE: "race.delete-vs-update/order" "no order of deletes and other writes explains the responses";
    RACE_ORDER_ISOLATION: "race.isolation/order" "no order of the requests to one project explains its responses";
}

/// The rows of responses of several clients that no order of their requests explains.
pub static RACE_ORDERS: [&Promise; 7] = [
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

    use super::*;
    use crate::contract::Contract;

    #[test]
    fn every_row_has_an_id_of_its_own_and_a_rule_of_the_catalogue() {
        let contract = Contract::embedded();
        let rejections = REJECTIONS.iter().map(|row| (row.id, &[][..]));
        let promises = PROMISES.iter().map(|row| (row.id, row.also));
        let mut seen = BTreeSet::new();
        for (id, also) in rejections.chain(promises) {
            assert!(seen.insert(id), "{id} stands twice");
            for rule in std::iter::once(&rule_of(id)).chain(also) {
                assert!(contract.rules().rule(rule).is_some(), "{id}: no rule `{rule}`");
            }
        }
    }
}
