//! Schema faults: what an answer looks like: properties, types, constants, urls, timestamps, content types.

use super::{Fault, faults};

faults! {
    Schema from 0;
    OBJECT_WRONG "object-wrong" Scenario ["response.schema"]
        "`object` of an offering reads `offerings`.";
    OBJECT_MISSING_ON_GET "object-missing-on-get" Scenario ["response.schema"]
        "Get leaves `object` out.";
    URL_MISSING_AFTER_UPDATE "url-missing-after-update" Scenario ["response.schema"]
        "Update leaves `url` out.";
    ID_MISSING_IN_LIST "id-missing-in-list" Scenario ["response.schema"]
        "The list leaves `id` out.";
    ID_NUMBER_WHEN_DIGITS "id-number-when-digits" Input ["response.schema"]
        "An id of digits only is shown as a number.";
    TAG_MISSING_WHEN_NULL "tag-missing-when-null" Scenario ["response.schema"]
        "`tag` is left out where it is null.";
    TAG_AS_STRING "tag-as-string" Scenario ["response.schema"]
        "`tag` is shown as a string.";
    TAG_TRUE_AFTER_SET_MAIN "tag-true-after-set-main" Scenario ["response.schema"]
        "Set main answers with `tag` true.";
    PRODUCTS_MISSING_WHEN_OMITTED "products-missing-when-omitted" Scenario ["response.schema"]
        "Create leaves `product_ids` out when the offering has none.";
    PRODUCTS_NULL_WHEN_EMPTY "products-null-when-empty" Scenario ["response.schema"]
        "`product_ids` is null where it is empty.";
    PRODUCTS_JOINED_IN_LIST "products-joined-in-list" Scenario ["response.schema"]
        "The list shows `product_ids` as one string with commas.";
    PRODUCTS_AS_OBJECTS_ON_GET "products-as-objects-on-get" Scenario ["response.schema"]
        "Get shows each product as an object with its id.";
    CREATED_AT_NULL_ON_CREATE "created-at-null-on-create" Scenario ["response.schema"]
        "Create answers with `created_at` null.";
    CREATED_AT_EPOCH "created-at-epoch" Scenario ["response.schema"]
        "`created_at` is a number of seconds.";
    UPDATED_AT_MISSING_IN_LIST "updated-at-missing-in-list" Scenario ["response.schema"]
        "The list leaves `updated_at` out.";
    UPDATED_AT_MISSING_AFTER_SET_MAIN "updated-at-missing-after-set-main" Scenario ["response.schema"]
        "Set main leaves `updated_at` out.";
    LIST_OBJECT_WRONG "list-object-wrong" Scenario ["response.schema"]
        "`object` of the list reads `offering`.";
    LIST_URL_MISSING "list-url-missing" Scenario ["response.schema"]
        "The list has no `url`.";
    LIST_DATA_NULL_WHEN_EMPTY "list-data-null-when-empty" Scenario ["response.schema"]
        "An empty list has `data` null.";
    LIST_BARE_ARRAY "list-bare-array" Scenario ["response.schema"]
        "The list is a bare array.";
    HAS_MORE_AS_STRING "has-more-as-string" Scenario ["response.schema"]
        "`has_more` is a string.";
    HAS_MORE_MISSING_ON_LAST_PAGE "has-more-missing-on-last-page" Scenario ["response.schema"]
        "The last page has no `has_more`.";
    NEXT_CURSOR_ENCODED "next-cursor-encoded" Scenario ["response.schema"]
        "`next_cursor` is base64 with its padding, outside the charset of ids.";
    GET_WRAPPED_IN_DATA "get-wrapped-in-data" Scenario ["response.schema"]
        "Get wraps the offering in `data`.";
    ERROR_FLAT "error-flat" Scenario ["response.schema" "auth.forbidden"]
        "Errors stand at the top level, without `error`.";
    ERROR_AS_STRING_ON_404 "error-as-string-on-404" Scenario ["response.schema"]
        "`error` is a string on 404.";
    ERROR_MESSAGE_MISSING_ON_404 "error-message-missing-on-404" Scenario ["response.schema"]
        "A 404 has no `message`.";
    ERROR_TYPE_UNKNOWN "error-type-unknown" Scenario ["response.schema"]
        "`error.type` is `client_error` on 400.";
    ERROR_DETAILS_OBJECT "error-details-object" Scenario ["response.schema"]
        "`details` is an object from field to message.";
    ERROR_CODE_MISSING_ON_422 "error-code-missing-on-422" Scenario ["response.schema"]
        "A 422 has no `code`.";
    URL_WITHOUT_VERSION "url-without-version" Scenario ["offering.url"]
        "`url` is `/offerings/` and the id.";
    URL_ABSOLUTE "url-absolute" Scenario ["offering.url"]
        "`url` is absolute.";
    URL_OF_SET_MAIN "url-of-set-main" Scenario ["offering.url"]
        "Set main answers with its own path as `url`.";
    URL_LOWERCASED "url-lowercased" Scenario ["offering.url"]
        "`url` has the id in lower case.";
    URL_ENCODED_TWICE "url-encoded-twice" Scenario ["offering.url"]
        "In `url` an id with a space is percent-encoded twice.";
    URL_WITH_PLUS "url-with-plus" Input ["offering.url"]
        "In `url` a space of the id is a plus sign.";
    TIMES_WITHOUT_ZONE "times-without-zone" Scenario ["response.schema" "offering.timestamps"]
        "Timestamps have no zone.";
    TIMES_IN_LOCAL_TIME "times-in-local-time" Scenario ["offering.timestamps"]
        "Timestamps stand in a zone three hours ahead of UTC.";
    TIMES_WITH_SPACE "times-with-space" Scenario ["response.schema" "offering.timestamps"]
        "Timestamps have a space between date and time.";
    UPDATED_BEFORE_CREATED "updated-before-created" Scenario ["offering.timestamps"]
        "A new offering was updated a second before it was created.";
    CREATED_AT_NOW_ON_GET "created-at-now-on-get" Scenario ["offering.created-at-immutable" "get.existing" "create.readable" "list.agrees-with-get" "update.partial"]
        "Get shows the time of reading as `created_at`.";
    JSON_AS_TEXT "json-as-text" Scenario ["response.content-type"]
        "Every body is declared `text/plain`.";
    JSON_AS_HTML_ON_404 "json-as-html-on-404" Scenario ["response.content-type"]
        "The body of a 404 is declared `text/html`.";
    CONTENT_TYPE_MISSING_ON_ERRORS "content-type-missing-on-errors" Scenario ["response.content-type"]
        "Errors have no content type.";
    CONTENT_TYPE_MISSING_ON_CREATE "content-type-missing-on-create" Scenario ["response.content-type"]
        "The answer of create has no content type.";
}
