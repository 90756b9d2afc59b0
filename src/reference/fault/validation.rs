//! Validation faults: what is let in, turned away, or silently changed.

use super::{Fault, faults};
use crate::reference::answer::Answer;
use crate::reference::call::Call;
use crate::reference::call::Operation::Create;
use crate::reference::response::SUCCESS;

faults! {
    Validation from super::limit::FIRST + super::limit::ROWS.len();
    ID_NEWLINE_SLIPS "id-newline-slips" Scenario ["create.id-invalid"]
        "A newline at the end of an id slips through the pattern and is dropped.";
    CURSOR_NEWLINE_SLIPS "cursor-newline-slips" Scenario ["list.cursor-invalid"]
        "A newline at the end of a cursor slips through the pattern.";
    ID_TRIMMED "id-trimmed" Scenario ["create.id-invalid"]
        "White space around an id is trimmed before the check.";
    ID_LOWERCASED "id-lowercased" Scenario ["create.echo" "create.id-bounds"]
        "Ids are made lower case on create.";
    ID_NUMBER_COERCED "id-number-coerced" Scenario ["create.id-invalid"]
        "A number is accepted as an id.";
    ID_MISSING_GENERATED "id-missing-generated" Scenario ["create.id-invalid"]
        "An id is made up where there is none.";
    ID_NULL_GENERATED "id-null-generated" Scenario ["create.id-invalid"]
        "An id is made up where it is null.";
    ID_EMPTY_GENERATED "id-empty-generated" Scenario ["create.id-invalid"]
        "An id is made up where it is empty.";
    ID_SLASH_ACCEPTED "id-slash-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A slash is accepted in an id.";
    ID_QUESTION_MARK_ACCEPTED "id-question-mark-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A question mark is accepted in an id.";
    ID_HASH_ACCEPTED "id-hash-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A hash is accepted in an id.";
    ID_PERCENT_ACCEPTED "id-percent-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A percent sign is accepted in an id.";
    ID_PLUS_ACCEPTED "id-plus-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A plus sign is accepted in an id.";
    ID_AT_ACCEPTED "id-at-accepted" Scenario ["create.id-invalid" "response.schema"]
        "An at sign is accepted in an id.";
    ID_LETTERS_OF_ANY_ALPHABET "id-letters-of-any-alphabet" Scenario ["create.id-invalid" "response.schema"]
        "Letters of any alphabet are accepted in an id.";
    ID_TAB_ACCEPTED "id-tab-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A tab is accepted in an id.";
    ID_NUL_ACCEPTED "id-nul-accepted" Scenario ["create.id-invalid" "response.schema"]
        "A NUL is accepted in an id.";
    ID_SPACE_REFUSED "id-space-refused" Scenario ["create.id-bounds"]
        "A space is refused in an id.";
    ID_COLON_REFUSED "id-colon-refused" Scenario ["create.id-bounds"]
        "A colon is refused in an id.";
    ID_DOT_REFUSED "id-dot-refused" Scenario ["create.id-bounds"]
        "A dot is refused in an id.";
    ID_UNDERSCORE_REFUSED "id-underscore-refused" Scenario ["create.id-bounds"]
        "An underscore is refused in an id.";
    ID_LEADING_DIGIT_REFUSED "id-leading-digit-refused" Input ["create.id-bounds"]
        "An id that starts with a digit is refused.";
    ID_UPPER_CASE_REFUSED "id-upper-case-refused" Scenario ["create.id-bounds"]
        "Upper case letters are refused in an id.";
    ID_SPACE_AT_END_REFUSED "id-space-at-end-refused" Input ["create.id-bounds"]
        "A space at the end of an id is refused.";
    GET_ID_CUT "get-id-cut" Scenario ["get.id-invalid"]
        "Get cuts an id at 64 characters instead of refusing it.";
    UPDATE_ID_CUT "update-id-cut" Scenario ["update.id-invalid"]
        "Update cuts an id at 64 characters instead of refusing it.";
    DELETE_ID_INVALID_204 "delete-id-invalid-204" Scenario ["delete.id-invalid"]
        "Delete of a malformed id answers 204.";
    CREATE_TAG_2_ACCEPTED "create-tag-2-accepted" Scenario ["create.tag-invalid"]
        "Create accepts any positive tag from 2 on.";
    CREATE_TAG_NEGATIVE_ACCEPTED "create-tag-negative-accepted" Scenario ["create.tag-invalid"]
        "Create accepts a negative tag.";
    CREATE_TAG_DECIMAL_TRUNCATED "create-tag-decimal-truncated" Scenario ["create.tag-invalid"]
        "Create drops the decimals of a tag and takes it for regular.";
    CREATE_TAG_STRING_COERCED "create-tag-string-coerced" Scenario ["create.tag-invalid"]
        "Create takes a string of digits for a tag.";
    CREATE_TAG_BOOLEAN_COERCED "create-tag-boolean-coerced" Scenario ["create.tag-invalid"]
        "Create takes true and false for tags of regular offerings.";
    CREATE_TAG_WRAPS "create-tag-wraps" Scenario ["create.tag-invalid"]
        "Create cuts a tag to 16 bits.";
    CREATE_TAG_ZERO_REFUSED "create-tag-zero-refused" Scenario ["create.tag-regular" "create.first-is-main"]
        "Create refuses `tag` 0.";
    CREATE_TAG_NULL_REFUSED "create-tag-null-refused" Scenario ["create.tag-regular" "create.first-is-main"]
        "Create refuses `tag` null.";
    CREATE_TAG_ABSENT_REFUSED "create-tag-absent-refused" Scenario ["create.tag-regular" "create.echo" "create.first-is-main"]
        "Create asks for a tag.";
    UPDATE_TAG_INVALID_IGNORED "update-tag-invalid-ignored" Scenario ["update.tag-invalid"]
        "Update ignores a tag of the wrong type.";
    UPDATE_TAG_INVALID_PROMOTES "update-tag-invalid-promotes" Scenario ["update.tag-invalid" "invariant.single-main"]
        "Update takes \"1\", 1.5 and true for the tag 1 and promotes.";
    CREATE_PRODUCT_UNKNOWN_ACCEPTED "create-product-unknown-accepted" Scenario ["create.product-unknown"]
        "Create accepts unknown products.";
    CREATE_PRODUCT_UNKNOWN_DROPPED "create-product-unknown-dropped" Scenario ["create.product-unknown"]
        "Create silently drops unknown products.";
    CREATE_PRODUCT_FIRST_CHECKED "create-product-first-checked" Scenario ["create.product-unknown"]
        "Create checks only the first product.";
    UPDATE_PRODUCT_UNKNOWN_ACCEPTED "update-product-unknown-accepted" Scenario ["update.product-unknown"]
        "Update accepts unknown products.";
    UPDATE_PRODUCT_UNKNOWN_DROPPED "update-product-unknown-dropped" Scenario ["update.product-unknown"]
        "Update silently drops unknown products.";
    CREATE_PRODUCT_MALFORMED_DROPPED "create-product-malformed-dropped" Scenario ["create.product-bounds"]
        "Create silently drops product ids outside the charset.";
    CREATE_PRODUCT_NUMBER_DROPPED "create-product-number-dropped" Scenario ["create.product-bounds"]
        "Create silently drops products that are no strings.";
    CREATE_PRODUCTS_STRING_WRAPPED "create-products-string-wrapped" Scenario ["create.product-bounds"]
        "Create takes one string for a list of products.";
    CREATE_PRODUCTS_OBJECT_ACCEPTED "create-products-object-accepted" Scenario ["create.product-bounds"]
        "Create takes an object for an empty list of products.";
    CREATE_PRODUCTS_NULL_ACCEPTED "create-products-null-accepted" Input ["create.product-bounds"]
        "Create takes null for an empty list of products.";
    UPDATE_PRODUCT_MALFORMED_DROPPED "update-product-malformed-dropped" Scenario ["update.product-bounds"]
        "Update silently drops product ids outside the charset.";
    UPDATE_PRODUCT_NUMBER_DROPPED "update-product-number-dropped" Scenario ["update.product-bounds"]
        "Update silently drops products that are no strings.";
    UPDATE_PRODUCTS_STRING_WRAPPED "update-products-string-wrapped" Scenario ["update.product-bounds"]
        "Update takes one string for a list of products.";
    UPDATE_PRODUCTS_NULL_CLEARS "update-products-null-clears" Input ["update.product-bounds"]
        "Update takes null for an empty list of products.";
    CREATE_BODY_ARRAY_UNWRAPPED "create-body-array-unwrapped" Scenario ["create.body-malformed"]
        "Create takes the first object of an array for its body.";
    CREATE_BODY_STRING_PARSED "create-body-string-parsed" Input ["create.body-malformed"]
        "Create parses a JSON string that holds JSON.";
    CREATE_BODY_REPAIRED "create-body-repaired" Scenario ["create.body-malformed"]
        "Create closes a body that breaks off.";
    CREATE_BODY_GARBAGE_AFTER "create-body-garbage-after" Input ["create.body-malformed"]
        "Create ignores what follows the first JSON value.";
    UPDATE_BODY_BROKEN_IGNORED "update-body-broken-ignored" Scenario ["update.body-malformed"]
        "Update takes broken JSON for an empty body.";
    UPDATE_BODY_ARRAY_IGNORED "update-body-array-ignored" Scenario ["update.body-malformed"]
        "Update takes an array for an empty body.";
    UPDATE_BODY_STRING_IGNORED "update-body-string-ignored" Scenario ["update.body-malformed"]
        "Update takes a string for an empty body.";
    CREATE_CREATED_AT_TAKEN "create-created-at-taken" Scenario ["create.readonly-ignored"]
        "Create takes over `created_at` from the body.";
    CREATE_UPDATED_AT_TAKEN "create-updated-at-taken" Scenario ["create.readonly-ignored"]
        "Create takes over `updated_at` from the body.";
    CREATE_URL_TAKEN "create-url-taken" Scenario ["create.readonly-ignored" "offering.url"]
        "Create answers with the `url` of the body."
        => |config| config.respond(&[Create], SUCCESS, |call, answer| take(call, answer, "url"));
    CREATE_OBJECT_TAKEN "create-object-taken" Scenario ["response.schema"]
        "Create answers with the `object` of the body."
        => |config| config.respond(&[Create], SUCCESS, |call, answer| take(call, answer, "object"));
    LIMIT_WORD_IGNORED "limit-word-ignored" Scenario ["list.limit-invalid"]
        "A limit that is no number means the default.";
    LIMIT_DECIMAL_TRUNCATED "limit-decimal-truncated" Scenario ["list.limit-invalid"]
        "A limit loses its decimals.";
    CURSOR_CHARSET_ACCEPTED "cursor-charset-accepted" Scenario ["list.cursor-invalid"]
        "A cursor outside the charset is looked up instead of refused.";
}

/// Shows a member of the body as if it was the server's.
fn take(call: &Call, answer: &mut Answer, name: &str) {
    if let Some(sent) = call.json().ok().and_then(|body| body.get(name).cloned()) {
        answer.set(name, sent);
    }
}
