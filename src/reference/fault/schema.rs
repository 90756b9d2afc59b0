//! Schema faults: properties, types, constants, urls, timestamps and content types of responses.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::{Fault, faults};
use crate::reference::call::Operation::{self, Create, Get, List, SetMain, Update};
use crate::reference::response::{ANY, FAILURE, SUCCESS};
use crate::reference::view::encoded;

faults! {
    Schema from 0;
    OBJECT_WRONG "object-wrong"
        "`object` of an offering is `offerings`."
        => |config| config.show(&Operation::ALL, |shown| set(shown, "object", "offerings"));
    OBJECT_MISSING_ON_GET "object-missing-on-get"
        "GET omits `object`."
        => |config| config.show(&[Get], |shown| remove(shown, "object"));
    URL_MISSING_AFTER_UPDATE "url-missing-after-update"
        "PATCH omits `url`."
        => |config| config.show(&[Update], |shown| remove(shown, "url"));
    ID_MISSING_IN_LIST "id-missing-in-list"
        "The list omits `id`."
        => |config| config.show(&[List], |shown| remove(shown, "id"));
    ID_NUMBER_WHEN_DIGITS "id-number-when-digits"
        "An id that consists of digits is returned as a number."
        => |config| config.show(&Operation::ALL, |shown| {
            if let Some(number) = shown["id"].as_str().and_then(|id| id.parse::<u64>().ok()) {
                set(shown, "id", number);
            }
        });
    TAG_MISSING_WHEN_NULL "tag-missing-when-null"
        "`tag` is omitted when it is null."
        => |config| config.show(&Operation::ALL, |shown| {
            if shown["tag"].is_null() {
                remove(shown, "tag");
            }
        });
    TAG_AS_STRING "tag-as-string"
        "`tag` is returned as a string."
        => |config| config.show(&Operation::ALL, |shown| {
            if let Some(tag) = shown["tag"].as_i64() {
                set(shown, "tag", tag.to_string());
            }
        });
    TAG_TRUE_AFTER_SET_MAIN "tag-true-after-set-main"
        "Set-main returns `tag` true."
        => |config| config.show(&[SetMain], |shown| set(shown, "tag", true));
    PRODUCTS_MISSING_WHEN_OMITTED "products-missing-when-omitted"
        "POST omits `product_ids` when the offering has none."
        => |config| config.show(&[Create], |shown| {
            if shown["product_ids"] == json!([]) {
                remove(shown, "product_ids");
            }
        });
    PRODUCTS_NULL_WHEN_EMPTY "products-null-when-empty"
        "`product_ids` is null when it is empty."
        => |config| config.show(&Operation::ALL, |shown| {
            if shown["product_ids"] == json!([]) {
                set(shown, "product_ids", Value::Null);
            }
        });
    PRODUCTS_JOINED_IN_LIST "products-joined-in-list"
        "The list returns `product_ids` as one comma-separated string."
        => |config| config.show(&[List], |shown| {
            let joined = products(shown).join(",");
            set(shown, "product_ids", joined);
        });
    PRODUCTS_AS_OBJECTS_ON_GET "products-as-objects-on-get"
        "GET returns each product as an object with its id."
        => |config| config.show(&[Get], |shown| {
            let objects: Value = products(shown).iter().map(|id| json!({ "id": id })).collect();
            set(shown, "product_ids", objects);
        });
    CREATED_AT_NULL_ON_CREATE "created-at-null-on-create"
        "POST returns `created_at` null."
        => |config| config.show(&[Create], |shown| set(shown, "created_at", Value::Null));
    CREATED_AT_EPOCH "created-at-epoch"
        "`created_at` is a number of seconds."
        => |config| config.show(&Operation::ALL, |shown| {
            let seconds = time(shown, "created_at").timestamp();
            set(shown, "created_at", seconds);
        });
    UPDATED_AT_MISSING_IN_LIST "updated-at-missing-in-list"
        "The list omits `updated_at`."
        => |config| config.show(&[List], |shown| remove(shown, "updated_at"));
    UPDATED_AT_MISSING_AFTER_SET_MAIN "updated-at-missing-after-set-main"
        "Set-main omits `updated_at`."
        => |config| config.show(&[SetMain], |shown| remove(shown, "updated_at"));
    LIST_OBJECT_WRONG "list-object-wrong"
        "`object` of the list is `offering`."
        => |config| config.respond(&[List], SUCCESS, |_, page| page.set("object", "offering"));
    LIST_URL_MISSING "list-url-missing"
        "The list has no `url`."
        => |config| config.respond(&[List], SUCCESS, |_, page| page.remove("url"));
    LIST_DATA_NULL_WHEN_EMPTY "list-data-null-when-empty"
        "An empty list has `data` null."
        => |config| config.respond(&[List], SUCCESS, |_, page| {
            if page.get("data") == json!([]) {
                page.set("data", Value::Null);
            }
        });
    LIST_BARE_ARRAY "list-bare-array"
        "The list is a bare array."
        => |config| config.respond(&[List], SUCCESS, |_, page| page.body = Some(page.get("data")));
    HAS_MORE_AS_STRING "has-more-as-string"
        "`has_more` is a string."
        => |config| config.respond(&[List], SUCCESS, |_, page| page.set("has_more", page.get("has_more").to_string()));
    HAS_MORE_MISSING_ON_LAST_PAGE "has-more-missing-on-last-page"
        "The last page has no `has_more`."
        => |config| config.respond(&[List], SUCCESS, |_, page| {
            if page.get("has_more") == false {
                page.remove("has_more");
            }
        });
    NEXT_CURSOR_ENCODED "next-cursor-encoded"
        "`next_cursor` is padded base64, outside the charset of ids."
        => |config| config.respond(&[List], SUCCESS, |_, page| {
            if page.get("has_more") == true {
                page.set("next_cursor", "eyJhZnRlciI6MTIzfQ==");
            }
        });
    GET_WRAPPED_IN_DATA "get-wrapped-in-data"
        "GET wraps the offering in `data`."
        => |config| config.respond(&[Get], SUCCESS, |_, response| {
            response.body = Some(json!({ "data": response.body }));
        });
    ERROR_FLAT "error-flat"
        "Errors are at the top level, without `error`."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| response.body = Some(response.get("error")));
    ERROR_AS_STRING_ON_404 "error-as-string-on-404"
        "`error` is a string on 404."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.set("error", "not found"));
    ERROR_MESSAGE_MISSING_ON_404 "error-message-missing-on-404"
        "A 404 has no `message`."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.remove_error("message"));
    ERROR_TYPE_UNKNOWN "error-type-unknown"
        "`error.type` is `client_error` on 400."
        => |config| config.respond(&Operation::ALL, 400..=400, |_, response| response.set_error("type", "client_error"));
    ERROR_DETAILS_OBJECT "error-details-object"
        "`details` is an object from field to message."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| {
            if !response.get("error")["details"].is_null() {
                response.set_error("details", json!({ "field": "message" }));
            }
        });
    ERROR_CODE_MISSING_ON_422 "error-code-missing-on-422"
        "A 422 has no `code`."
        => |config| config.respond(&Operation::ALL, 422..=422, |_, response| response.remove_error("code"));
    URL_WITHOUT_VERSION "url-without-version"
        "`url` is `/offerings/` followed by the id."
        => |config| config.url = |id| format!("/offerings/{id}");
    URL_ABSOLUTE "url-absolute"
        "`url` is absolute."
        => |config| config.url = |id| format!("https://api.qonversion.io/v4/offerings/{id}");
    URL_OF_SET_MAIN "url-of-set-main"
        "Set-main returns its own path as `url`."
        => |config| config.show(&[SetMain], |shown| {
            let url = format!("{}/set-main", shown["url"].as_str().unwrap_or_default());
            set(shown, "url", url);
        });
    URL_LOWERCASED "url-lowercased"
        "`url` has the id in lower case."
        => |config| config.url = |id| format!("/v4/offerings/{}", id.to_ascii_lowercase());
    URL_ENCODED_TWICE "url-encoded-twice"
        "In `url`, an id with a space is percent-encoded twice."
        => |config| config.url = |id| format!("/v4/offerings/{}", encoded(id).replace('%', "%25"));
    URL_WITH_PLUS "url-with-plus"
        "In `url`, a space of the id is a plus sign."
        => |config| config.url = |id| format!("/v4/offerings/{}", id.replace(' ', "+"));
    TIMES_WITHOUT_ZONE "times-without-zone"
        "Timestamps have no time zone."
        => |config| config.times.zone = "";
    TIMES_IN_LOCAL_TIME "times-in-local-time"
        "Timestamps are in a time zone three hours ahead of UTC."
        => |config| (config.times.ahead, config.times.zone) = (3 * 3600, "+03:00");
    TIMES_WITH_SPACE "times-with-space"
        "Timestamps have a space between date and time."
        => |config| config.times.date = "%Y-%m-%d %H:%M:%S";
    UPDATED_BEFORE_CREATED "updated-before-created"
        "`updated_at` of a new offering is a second before its `created_at`."
        => |config| config.show(&Operation::ALL, |shown| {
            if shown["updated_at"] == shown["created_at"] {
                let before = time(shown, "created_at") - Duration::from_secs(1);
                set(shown, "updated_at", before.to_rfc3339_opts(SecondsFormat::Secs, true));
            }
        });
    CREATED_AT_NOW_ON_GET "created-at-now-on-get"
        "GET returns the current time as `created_at`."
        => |config| config.show(&[Get], |shown| {
            let now = Utc::now();
            set(shown, "created_at", now.to_rfc3339_opts(SecondsFormat::Secs, true));
            let updated_at = time(shown, "updated_at").max(now);
            set(shown, "updated_at", updated_at.to_rfc3339_opts(SecondsFormat::Secs, true));
        });
    JSON_AS_TEXT "json-as-text"
        "Every body is declared `text/plain`."
        => |config| config.respond(&Operation::ALL, ANY, |_, response| response.declare("text/plain; charset=utf-8"));
    JSON_AS_HTML_ON_404 "json-as-html-on-404"
        "The body of a 404 is declared `text/html`."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.declare("text/html"));
    CONTENT_TYPE_MISSING_ON_ERRORS "content-type-missing-on-errors"
        "Errors have no content type."
        => |config| config.respond(&Operation::ALL, 400..=499, |_, response| {
            response.headers.remove(CONTENT_TYPE);
        });
    CONTENT_TYPE_MISSING_ON_CREATE "content-type-missing-on-create"
        "The response of POST has no content type."
        => |config| config.respond(&[Create], SUCCESS, |_, response| {
            response.headers.remove(CONTENT_TYPE);
        });
}

/// An offering as JSON.
type Shown = Map<String, Value>;

fn set(shown: &mut Shown, name: &str, value: impl Into<Value>) {
    shown.insert(name.to_owned(), value.into());
}

fn remove(shown: &mut Shown, name: &str) {
    shown.remove(name);
}

fn products(shown: &Shown) -> Vec<&str> {
    shown["product_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn time(shown: &Shown, name: &str) -> DateTime<Utc> {
    let text = shown[name].as_str().unwrap_or_default();
    DateTime::parse_from_rfc3339(text).unwrap_or_default().to_utc()
}
