//! Robustness faults: inputs that end in a 500.

use super::{Fault, faults};

faults! {
    Robustness from super::variant::FIRST + super::variant::ROWS.len();
    CRASH_ON_NUL "crash-on-nul" Scenario ["response.no-server-error"]
        "A NUL in a body is a 500.";
    CRASH_ON_LETTER_BEYOND_ASCII "crash-on-letter-beyond-ascii" Scenario ["response.no-server-error"]
        "A letter beyond ASCII in a body is a 500.";
    CRASH_ON_EMOJI "crash-on-emoji" Input ["response.no-server-error"]
        "An emoji in a body is a 500.";
    CRASH_ON_DEEP_BODY "crash-on-deep-body" Input ["response.no-server-error"]
        "A body nested deeper than 64 levels is a 500.";
    CRASH_ON_LONG_BODY "crash-on-long-body" Input ["response.no-server-error"]
        "A body over 64 KiB is a 500.";
    CRASH_ON_LONG_ID "crash-on-long-id" Scenario ["response.no-server-error"]
        "An id over 64 characters in the path is a 500.";
    CRASH_ON_LONG_TEXT "crash-on-long-text" Input ["response.no-server-error"]
        "A string over 1000 characters in a body is a 500.";
    CRASH_ON_HUGE_LIMIT "crash-on-huge-limit" Input ["response.no-server-error"]
        "A limit over 32 bits is a 500.";
    CRASH_ON_HUGE_NUMBER "crash-on-huge-number" Input ["response.no-server-error"]
        "A number over 32 bits in a body is a 500.";
    CRASH_ON_WIDE_TAG "crash-on-wide-tag" Scenario ["response.no-server-error"]
        "A tag over 16 bits is a 500.";
    CRASH_ON_ENCODED_SLASH "crash-on-encoded-slash" Scenario ["response.no-server-error"]
        "An encoded slash in the path is a 500.";
    CRASH_ON_BROKEN_UTF_8 "crash-on-broken-utf-8" Input ["response.no-server-error"]
        "Bytes in the path that are not UTF-8 are a 500.";
    CRASH_ON_BARE_PERCENT "crash-on-bare-percent" Input ["response.no-server-error"]
        "A percent sign in the path that encodes nothing is a 500.";
    CRASH_ON_QUOTE "crash-on-quote" Input ["response.no-server-error"]
        "A quotation mark in the path is a 500.";
    CRASH_ON_ARRAY_BODY "crash-on-array-body" Scenario ["response.no-server-error"]
        "A body that is an array is a 500.";
    CRASH_ON_STRING_BODY "crash-on-string-body" Scenario ["response.no-server-error"]
        "A body that is a string is a 500.";
    CRASH_ON_NULL_BODY "crash-on-null-body" Input ["response.no-server-error"]
        "A body that is null is a 500.";
    CRASH_ON_NO_BODY "crash-on-no-body" Scenario ["response.no-server-error"]
        "Create without a body is a 500.";
    CRASH_ON_BROKEN_BODY "crash-on-broken-body" Scenario ["response.no-server-error"]
        "Broken JSON is a 500.";
    CRASH_ON_NULL_PRODUCTS "crash-on-null-products" Input ["response.no-server-error"]
        "`product_ids` null is a 500.";
    CRASH_ON_OBJECT_IN_PRODUCTS "crash-on-object-in-products" Input ["response.no-server-error"]
        "An object among the products is a 500.";
    CRASH_ON_NUMBER_ID "crash-on-number-id" Scenario ["response.no-server-error"]
        "A number for an id is a 500.";
    CRASH_ON_NULL_ID "crash-on-null-id" Scenario ["response.no-server-error"]
        "Null for an id is a 500.";
    CRASH_ON_DUPLICATE "crash-on-duplicate" Scenario ["response.no-server-error"]
        "Creating an existing id is a 500.";
    CRASH_ON_UNKNOWN_PRODUCT "crash-on-unknown-product" Scenario ["response.no-server-error"]
        "An unknown product is a 500.";
    CRASH_ON_UNKNOWN_CURSOR "crash-on-unknown-cursor" Scenario ["response.no-server-error"]
        "A cursor that names nothing is a 500.";
    CRASH_ON_LONG_KEY "crash-on-long-key" Input ["response.no-server-error"]
        "An idempotency key over 255 characters is a 500.";
    CRASH_ON_REPEATED_QUERY "crash-on-repeated-query" Input ["response.no-server-error"]
        "A query parameter given twice is a 500.";
}
