//! Status faults: statuses, typed codes, error types, details.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Fault, faults};
use crate::reference::call::Operation::{self, Create, Delete, Get, List, SetMain, Update};
use crate::reference::response::Instead::{Code, Status};
use crate::reference::response::{FAILURE, SUCCESS};
use crate::reference::server_response::{ApiError, ServerResponse};
use crate::reference::step::Reply;

faults! {
    Status from super::schema::FIRST + super::schema::ROWS.len();
    CREATE_RETURNS_200 "create-returns-200"
        "POST returns 200."
        => |config| config.respond(&[Create], SUCCESS, |_, response| response.status = StatusCode::OK);
    UPDATE_RETURNS_202 "update-returns-202"
        "PATCH returns 202."
        => |config| config.respond(&[Update], SUCCESS, |_, response| response.status = StatusCode::ACCEPTED);
    DELETE_RETURNS_200 "delete-returns-200"
        "DELETE returns 200 with a body."
        => |config| config.respond(&[Delete], SUCCESS, |_, response| *response = deleted(StatusCode::OK));
    DELETE_RETURNS_202 "delete-returns-202"
        "DELETE returns 202."
        => |config| config.respond(&[Delete], SUCCESS, |_, response| *response = deleted(StatusCode::ACCEPTED));
    SET_MAIN_RETURNS_201 "set-main-returns-201"
        "Set-main returns 201."
        => |config| config.respond(&[SetMain], SUCCESS, |_, response| response.status = StatusCode::CREATED);
    SET_MAIN_RETURNS_204 "set-main-returns-204"
        "Set-main returns 204 without the offering."
        => |config| config.respond(&[SetMain], SUCCESS, |_, response| *response = ServerResponse::no_content());
    LIST_RETURNS_206 "list-returns-206"
        "A page before the last one returns 206."
        => |config| config.respond(&[List], SUCCESS, |_, page| {
            if page.get("has_more") == true {
                page.status = StatusCode::PARTIAL_CONTENT;
            }
        });
    EMPTY_LIST_404 "empty-list-404"
        "An empty list returns 404."
        => |config| config.respond(&[List], SUCCESS, |_, page| {
            if page.get("data") == json!([]) {
                *page = ApiError::not_found().into_response();
            }
        });
    GET_MISSING_410 "get-missing-410"
        "GET of a missing id returns 410."
        => |config| config.override_error(&[Get], "not_found", Status(410));
    GET_MISSING_400 "get-missing-400"
        "GET of a missing id returns 400."
        => |config| config.override_error(&[Get], "not_found", Status(400));
    GET_MISSING_CODE "get-missing-code"
        "GET of a missing id returns the code `offering_not_found`."
        => |config| config.override_error(&[Get], "not_found", Code("offering_not_found"));
    GET_MISSING_200_NULL "get-missing-200-null"
        "GET of a missing id returns 200 with null."
        => |config| config.respond(&[Get], 404..=404, |_, response| {
            if response.code() == "not_found" {
                *response = ServerResponse::json(StatusCode::OK, Value::Null);
            }
        });
    UPDATE_MISSING_CODE "update-missing-code"
        "PATCH of a missing id returns the code `relation_not_found`."
        => |config| config.override_error(&[Update], "not_found", Code("relation_not_found"));
    UPDATE_MISSING_400 "update-missing-400"
        "PATCH of a missing id returns 400."
        => |config| config.override_error(&[Update], "not_found", Status(400));
    DELETE_MISSING_204 "delete-missing-204"
        "DELETE of a missing id returns 204."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "not_found" {
                step.result = Ok(Reply::Nothing);
            }
        });
    DELETE_MISSING_422 "delete-missing-422"
        "DELETE of a missing id returns 422."
        => |config| config.override_error(&[Delete], "not_found", Status(422));
    SET_MAIN_MISSING_422 "set-main-missing-422"
        "Set-main of a missing id returns 422."
        => |config| config.override_error(&[SetMain], "not_found", Status(422));
    SET_MAIN_MISSING_CODE "set-main-missing-code"
        "Set-main of a missing id returns the code `already_exists`."
        => |config| config.override_error(&[SetMain], "not_found", Code("already_exists"));
    DUPLICATE_400 "duplicate-400"
        "POST of an existing id returns 400."
        => |config| config.override_error(&[Create], "offering_already_exists", Status(400));
    DUPLICATE_CODE "duplicate-code"
        "POST of an existing id returns the code `already_exists`."
        => |config| config.override_error(&[Create], "offering_already_exists", Code("already_exists"));
    CREATE_TAG_MAIN_422 "create-tag-main-422"
        "POST with `tag` 1 returns 422."
        => |config| config.override_error(&[Create], "cannot_set_main_directly/tag", Status(422));
    CREATE_TAG_MAIN_CODE "create-tag-main-code"
        "POST with `tag` 1 returns the code `invalid_data`."
        => |config| config.override_error(&[Create], "cannot_set_main_directly/tag", Code("invalid_data"));
    UPDATE_TAG_MAIN_422 "update-tag-main-422"
        "PATCH with `tag` 1 returns 422."
        => |config| config.override_error(&[Update], "cannot_set_main_directly/tag", Status(422));
    UPDATE_TAG_MAIN_CODE "update-tag-main-code"
        "PATCH with `tag` 1 returns the code `invalid_data`."
        => |config| config.override_error(&[Update], "cannot_set_main_directly/tag", Code("invalid_data"));
    DEMOTE_400 "demote-400"
        "PATCH that demotes the main returns 400."
        => |config| config.override_error(&[Update], "cannot_demote_main", Status(400));
    DEMOTE_CODE "demote-code"
        "PATCH that demotes the main returns the code `cannot_set_main_directly`."
        => |config| config.override_error(&[Update], "cannot_demote_main", Code("cannot_set_main_directly"));
    CREATE_PRODUCT_404 "create-product-404"
        "POST with an unknown product returns 404."
        => |config| config.override_error(&[Create], "product_not_in_project/product_ids", Status(404));
    CREATE_PRODUCT_CODE "create-product-code"
        "POST with an unknown product returns the code `invalid_product_id`."
        => |config| config.override_error(&[Create], "product_not_in_project/product_ids", Code("invalid_product_id"));
    UPDATE_PRODUCT_422 "update-product-422"
        "PATCH with an unknown product returns 422."
        => |config| config.override_error(&[Update], "product_not_in_project/product_ids", Status(422));
    UPDATE_PRODUCT_CODE "update-product-code"
        "PATCH with an unknown product returns the code `invalid_product_id`."
        => |config| config.override_error(&[Update], "product_not_in_project/product_ids", Code("invalid_product_id"));
    LIMIT_422 "limit-422"
        "A limit out of range returns 422."
        => |config| config.override_error(&[List], "invalid_data/limit", Status(422));
    LIMIT_CODE "limit-code"
        "A limit out of range has the code `invalid_limit`."
        => |config| config.override_error(&[List], "invalid_data/limit", Code("invalid_limit"));
    LIMIT_DETAILS_MISSING "limit-details-missing"
        "The error for a limit out of range names no field."
        => |config| config.respond(&[List], 400..=400, |_, response| {
            if response.blames("limit") {
                response.remove_error("details");
            }
        });
    LIMIT_DETAILS_ELSEWHERE "limit-details-elsewhere"
        "The error for a limit out of range names the field `query`."
        => |config| config.respond(&[List], 400..=400, |_, response| {
            if response.blames("limit") {
                response.set_error("details", json!([{ "field": "query", "message": "is not valid" }]));
            }
        });
    CURSOR_422 "cursor-422"
        "A malformed cursor returns 422."
        => |config| config.override_error(&[List], "invalid_data/starting_after", Status(422));
    CREATE_BODY_422 "create-body-422"
        "POST with a malformed body returns 422."
        => |config| config.override_error(&[Create], "invalid_data", Status(422));
    CREATE_ID_422 "create-id-422"
        "POST with a malformed id returns 422."
        => |config| config.override_error(&[Create], "invalid_data/id", Status(422));
    CREATE_TAG_422 "create-tag-422"
        "POST with a malformed tag returns 422."
        => |config| config.override_error(&[Create], "invalid_data/tag", Status(422));
    CREATE_PRODUCTS_422 "create-products-422"
        "POST with a malformed product list returns 422."
        => |config| {
            config.override_error(&[Create], "invalid_data/product_ids", Status(422));
            config.override_error(&[Create], "invalid_product_id/product_ids", Status(422));
        };
    UPDATE_BODY_422 "update-body-422"
        "PATCH with a malformed body returns 422."
        => |config| config.override_error(&[Update], "invalid_data", Status(422));
    UPDATE_TAG_422 "update-tag-422"
        "PATCH with a malformed tag returns 422."
        => |config| config.override_error(&[Update], "invalid_data/tag", Status(422));
    GET_ID_422 "get-id-422"
        "GET of a malformed id returns 422."
        => |config| config.override_error(&[Get], "invalid_data/offering_id", Status(422));
    GET_ID_CODE "get-id-code"
        "GET of a malformed id returns the code `invalid-identifier`."
        => |config| config.override_error(&[Get], "invalid_data/offering_id", Code("invalid-identifier"));
    UPDATE_ID_422 "update-id-422"
        "PATCH of a malformed id returns 422."
        => |config| config.override_error(&[Update], "invalid_data/offering_id", Status(422));
    DELETE_ID_404 "delete-id-404"
        "DELETE of a malformed id returns 404."
        => |config| config.override_error(&[Delete], "invalid_data/offering_id", Status(404));
    SET_MAIN_ID_422 "set-main-id-422"
        "Set-main of a malformed id returns 422."
        => |config| config.override_error(&[SetMain], "invalid_data/offering_id", Status(422));
    CODE_IN_CAMEL_CASE "code-in-camel-case"
        "Error codes are in camel case."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| {
            let camel = camel_case(&response.code());
            response.set_error("code", camel);
        });
    CODE_WITH_SPACES_ON_404 "code-with-spaces-on-404"
        "The code of a 404 is `Not Found`."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.set_error("code", "Not Found"));
    TYPE_RESOURCE_ON_400 "type-resource-on-400"
        "A 400 has the type `resource`."
        => |config| config.respond(&Operation::ALL, 400..=400, |_, response| response.set_error("type", "resource"));
    TYPE_REQUEST_ON_404 "type-request-on-404"
        "A 404 has the type `request`."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.set_error("type", "request"));
    TYPE_LOGICAL_ON_409 "type-logical-on-409"
        "A 409 has the type `logical`."
        => |config| config.respond(&Operation::ALL, 409..=409, |_, response| response.set_error("type", "logical"));
    TYPE_INTERNAL_ON_401 "type-internal-on-401"
        "A 401 has the type `internal`."
        => |config| config.respond(&Operation::ALL, 401..=401, |_, response| response.set_error("type", "internal"));
    DETAILS_NULL "details-null"
        "`details` is null when no field is at fault."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| response.default_details(Value::Null));
    DETAILS_EMPTY_ON_404 "details-empty-on-404"
        "`details` of a 404 is an empty array."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.default_details(json!([])));
    META_BESIDE_ERROR "meta-beside-error"
        "Every error has `_meta` beside it."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| {
            response.set("_meta", json!({ "request_id": "5f1c9ae2" }));
        });
    META_ON_LIMIT "meta-on-limit"
        "The error for an invalid limit has `_meta` beside it."
        => |config| config.respond(&[List], FAILURE, |_, response| response.explain_limit());
}

/// A response to DELETE with a body.
fn deleted(status: StatusCode) -> ServerResponse {
    ServerResponse::json(status, json!({ "object": "offering", "deleted": true }))
}

fn camel_case(code: &str) -> String {
    let mut words = code.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        camel + &head.to_ascii_uppercase() + tail
    })
}
