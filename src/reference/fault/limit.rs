//! Limit faults: both sides of every limit.

use super::{Fault, faults};
use crate::reference::call::Operation::List;
use crate::reference::project::Catalogue;
use crate::reference::validate::{LIMIT_DEFAULT, is_identifier, limit};

faults! {
    Limit from super::status::FIRST + super::status::ROWS.len();
    LIMIT_1_REFUSED "limit-1-refused"
        "A limit of 1 is rejected."
        => |config| config.limit = |text| limit(text).filter(|limit| *limit != 1);
    LIMIT_100_REFUSED "limit-100-refused"
        "A limit of 100 is rejected."
        => |config| config.limit = |text| limit(text).filter(|limit| *limit != 100);
    LIMIT_0_ACCEPTED "limit-0-accepted"
        "A limit of 0 selects the default."
        => |config| config.limit = |text| if text.parse() == Ok(0) { Some(LIMIT_DEFAULT) } else { limit(text) };
    LIMIT_101_ACCEPTED "limit-101-accepted"
        "A limit over 100 is reduced to 100."
        => |config| config.limit = |text| match text.parse::<i64>() {
            Ok(101..) => Some(100),
            _ => limit(text),
        };
    LIMIT_NEGATIVE_ACCEPTED "limit-negative-accepted"
        "A negative limit loses its sign."
        => |config| config.limit = |text| match text.parse::<i64>() {
            Ok(given @ ..0) => Some(given.unsigned_abs().min(100) as usize),
            _ => limit(text),
        };
    LIMIT_ONE_TOO_MANY "limit-one-too-many"
        "A page has one offering more than the limit."
        => |config| config.done(List, |step| {
            if step.page().is_some_and(|page| page.has_more) {
                step.repage(|window| window.limit += 1);
            }
        });
    LIMIT_IGNORED "limit-ignored"
        "Every page has up to 20 offerings; the limit is ignored."
        => |config| config.limit = |text| limit(text).and(Some(LIMIT_DEFAULT));
    DEFAULT_LIMIT_10 "default-limit-10"
        "Without a limit, a page has 10 offerings."
        => |config| config.default_limit = 10;
    DEFAULT_LIMIT_21 "default-limit-21"
        "Without a limit, a page has 21 offerings."
        => |config| config.default_limit = 21;
    DEFAULT_LIMIT_100 "default-limit-100"
        "Without a limit, a page has 100 offerings."
        => |config| config.default_limit = 100;
    ID_64_REFUSED "id-64-refused"
        "An id of 64 characters is rejected."
        => |config| config.id.max = 63;
    ID_OVER_56_REFUSED "id-over-56-refused"
        "An id of more than 56 characters is rejected."
        => |config| config.id.max = 56;
    ID_65_ACCEPTED "id-65-accepted"
        "An id of 65 characters is accepted."
        => |config| config.id.max = 65;
    ID_256_ACCEPTED "id-256-accepted"
        "Ids of up to 256 characters are accepted, as in the older guide."
        => |config| config.id.max = 256;
    ID_OF_ONE_REFUSED "id-of-one-refused"
        "An id of one character is rejected."
        => |config| config.id.min = 2;
    ID_CUT_AT_64 "id-cut-at-64"
        "An id over 64 characters is truncated instead of rejected."
        => |config| config.id.clean = |id| id.chars().take(64).collect();
    PRODUCTS_100_REFUSED "products-100-refused"
        "POST rejects 100 products."
        => |config| config.create.products_max = 99;
    PRODUCTS_101_ACCEPTED "products-101-accepted"
        "POST accepts 101 products."
        => |config| config.create.products_max = 101;
    PRODUCTS_OVER_100_CUT "products-over-100-cut"
        "POST truncates a list of more than 100 products instead of rejecting it."
        => |config| (config.create.products_max, config.create.products_stored) = (usize::MAX, 100);
    UPDATE_PRODUCTS_100_REFUSED "update-products-100-refused"
        "PATCH rejects 100 products."
        => |config| config.update.products_max = 99;
    UPDATE_PRODUCTS_101_ACCEPTED "update-products-101-accepted"
        "PATCH accepts 101 products."
        => |config| config.update.products_max = 101;
    PRODUCT_ID_256_ACCEPTED "product-id-256-accepted"
        "POST accepts a product id over 255 characters, registered or not."
        => |config| {
            config.create.product_id_max = usize::MAX;
            config.create.resolve = or_too_long;
        };
    UPDATE_PRODUCT_ID_256_ACCEPTED "update-product-id-256-accepted"
        "PATCH accepts a product id over 255 characters, registered or not."
        => |config| {
            config.update.product_id_max = usize::MAX;
            config.update.resolve = or_too_long;
        };
    PRODUCT_ID_OVER_64_REFUSED "product-id-over-64-refused"
        "A registered product whose id has more than 64 characters is rejected."
        => |config| (config.create.product_id_max, config.update.product_id_max) = (64, 64);
    CURSOR_65_ACCEPTED "cursor-65-accepted"
        "A cursor of 65 characters is looked up instead of rejected."
        => |config| config.cursor = |after| is_identifier(after, usize::MAX);
    CURSOR_64_REFUSED "cursor-64-refused"
        "A cursor of 64 characters is rejected."
        => |config| config.cursor = |after| is_identifier(after, 63);
}

/// Products that are registered, or too long to look up.
fn or_too_long(catalogue: &Catalogue, ids: &[String]) -> Option<Vec<String>> {
    ids.iter().all(|id| id.len() > 255 || catalogue.own.contains(id)).then(|| ids.to_vec())
}
