//! Limit faults: both sides of every limit.

use super::{Fault, faults};

faults! {
    Limit from super::status::FIRST + super::status::ROWS.len();
    LIMIT_1_REFUSED "limit-1-refused" Scenario ["list.limit-honoured"]
        "A limit of 1 is refused.";
    LIMIT_100_REFUSED "limit-100-refused" Scenario ["list.limit-honoured"]
        "A limit of 100 is refused.";
    LIMIT_0_ACCEPTED "limit-0-accepted" Scenario ["list.limit-invalid"]
        "A limit of 0 means the default.";
    LIMIT_101_ACCEPTED "limit-101-accepted" Scenario ["list.limit-invalid"]
        "A limit over 100 means 100.";
    LIMIT_NEGATIVE_ACCEPTED "limit-negative-accepted" Scenario ["list.limit-invalid"]
        "A negative limit loses its sign.";
    LIMIT_ONE_TOO_MANY "limit-one-too-many" Scenario ["list.limit-honoured" "list.default-limit"]
        "A page has one offering more than the limit says.";
    LIMIT_IGNORED "limit-ignored" Scenario ["list.limit-honoured"]
        "Every page has up to 20 offerings, whatever the limit.";
    DEFAULT_LIMIT_10 "default-limit-10" Scenario ["list.default-limit"]
        "Without a limit a page has 10 offerings.";
    DEFAULT_LIMIT_21 "default-limit-21" Scenario ["list.default-limit"]
        "Without a limit a page has 21 offerings.";
    DEFAULT_LIMIT_100 "default-limit-100" Scenario ["list.default-limit"]
        "Without a limit a page has 100 offerings.";
    ID_64_REFUSED "id-64-refused" Scenario ["create.id-bounds"]
        "An id of 64 characters is refused.";
    ID_OVER_56_REFUSED "id-over-56-refused" Scenario ["create.id-bounds"]
        "An id of more than 56 characters is refused.";
    ID_65_ACCEPTED "id-65-accepted" Scenario ["create.id-invalid" "response.schema"]
        "An id of 65 characters is accepted.";
    ID_256_ACCEPTED "id-256-accepted" Scenario ["create.id-invalid" "response.schema"]
        "Ids of up to 256 characters are accepted, as the older guide says.";
    ID_OF_ONE_REFUSED "id-of-one-refused" Scenario ["create.id-bounds"]
        "An id of one character is refused.";
    ID_CUT_AT_64 "id-cut-at-64" Scenario ["create.id-invalid"]
        "An id over 64 characters is cut instead of refused.";
    PRODUCTS_100_REFUSED "products-100-refused" Scenario ["create.product-bounds"]
        "Create refuses 100 products.";
    PRODUCTS_101_ACCEPTED "products-101-accepted" Scenario ["create.product-bounds"]
        "Create accepts 101 products.";
    PRODUCTS_OVER_100_CUT "products-over-100-cut" Scenario ["create.product-bounds"]
        "Create cuts a list of more than 100 products instead of refusing it.";
    UPDATE_PRODUCTS_100_REFUSED "update-products-100-refused" Scenario ["update.product-bounds"]
        "Update refuses 100 products.";
    UPDATE_PRODUCTS_101_ACCEPTED "update-products-101-accepted" Scenario ["update.product-bounds"]
        "Update accepts 101 products.";
    PRODUCT_ID_256_ACCEPTED "product-id-256-accepted" Scenario ["create.product-bounds" "response.schema"]
        "Create accepts a product id over 255 characters, registered or not.";
    UPDATE_PRODUCT_ID_256_ACCEPTED "update-product-id-256-accepted" Scenario ["update.product-bounds" "response.schema"]
        "Update accepts a product id over 255 characters, registered or not.";
    PRODUCT_ID_OVER_64_REFUSED "product-id-over-64-refused" Input ["create.product-bounds"]
        "A registered product whose id has more than 64 characters is refused.";
    CURSOR_65_ACCEPTED "cursor-65-accepted" Scenario ["list.cursor-invalid"]
        "A cursor of 65 characters is looked up instead of refused.";
    CURSOR_64_REFUSED "cursor-64-refused" Input ["list.pages-cover" "list.unknown-cursor"]
        "A cursor of 64 characters is refused.";
}
