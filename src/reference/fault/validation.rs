//! Validation faults: input that is wrongly accepted, rejected, or silently changed.

use chrono::DateTime;
use serde_json::{Value, json};

use super::{Fault, faults};
use crate::reference::call::Call;
use crate::reference::call::Operation::{Create, Delete, Get, SetMain, Update};
use crate::reference::project::Catalogue;
use crate::reference::response::SUCCESS;
use crate::reference::server_response::ServerResponse;
use crate::reference::step::Reply;
use crate::reference::validate::{
    LIMIT_DEFAULT, Tag, create_tag, integer, is_identifier, is_identifier_char, limit, list, new_id, update_tag,
};

faults! {
    Validation from super::limit::FIRST + super::limit::ROWS.len();
    ID_NEWLINE_SLIPS "id-newline-slips"
        "A newline at the end of an id passes the pattern and is dropped."
        => |config| config.id.clean = |id| id.strip_suffix('\n').unwrap_or(id).to_owned();
    CURSOR_NEWLINE_SLIPS "cursor-newline-slips"
        "A newline at the end of a cursor passes the pattern."
        => |config| config.cursor = |after| is_identifier(after.strip_suffix('\n').unwrap_or(after), 64);
    ID_TRIMMED "id-trimmed"
        "White space around an id is trimmed before validation."
        => |config| config.id.clean = |id| id.trim().to_owned();
    ID_LOWERCASED "id-lowercased"
        "POST converts ids to lower case."
        => |config| config.id.clean = str::to_ascii_lowercase;
    ID_NUMBER_COERCED "id-number-coerced"
        "A number is accepted as an id."
        => |config| config.id.read = |given| match given {
            Some(Value::Number(number)) => Some(number.to_string()),
            given => new_id(given),
        };
    ID_MISSING_GENERATED "id-missing-generated"
        "A missing id is generated."
        => |config| config.id.read = |given| if given.is_none() { generated() } else { new_id(given) };
    ID_NULL_GENERATED "id-null-generated"
        "An id is generated for null."
        => |config| config.id.read = |given| match given {
            Some(Value::Null) => generated(),
            given => new_id(given),
        };
    ID_EMPTY_GENERATED "id-empty-generated"
        "An id is generated for an empty one."
        => |config| config.id.read = |given| match given {
            Some(Value::String(id)) if id.is_empty() => generated(),
            given => new_id(given),
        };
    ID_SLASH_ACCEPTED "id-slash-accepted"
        "A slash is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '/';
    ID_QUESTION_MARK_ACCEPTED "id-question-mark-accepted"
        "A question mark is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '?';
    ID_HASH_ACCEPTED "id-hash-accepted"
        "A hash is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '#';
    ID_PERCENT_ACCEPTED "id-percent-accepted"
        "A percent sign is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '%';
    ID_PLUS_ACCEPTED "id-plus-accepted"
        "A plus sign is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '+';
    ID_AT_ACCEPTED "id-at-accepted"
        "An at sign is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '@';
    ID_LETTERS_OF_ANY_ALPHABET "id-letters-of-any-alphabet"
        "Letters of any alphabet are accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter.is_alphabetic();
    ID_TAB_ACCEPTED "id-tab-accepted"
        "A tab is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '\t';
    ID_NUL_ACCEPTED "id-nul-accepted"
        "A NUL is accepted in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) || letter == '\0';
    ID_SPACE_REFUSED "id-space-refused"
        "A space is rejected in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) && letter != ' ';
    ID_COLON_REFUSED "id-colon-refused"
        "A colon is rejected in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) && letter != ':';
    ID_DOT_REFUSED "id-dot-refused"
        "A dot is rejected in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) && letter != '.';
    ID_UNDERSCORE_REFUSED "id-underscore-refused"
        "An underscore is rejected in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) && letter != '_';
    ID_LEADING_DIGIT_REFUSED "id-leading-digit-refused"
        "An id that starts with a digit is rejected."
        => |config| config.id.passes = |id| !id.starts_with(|letter: char| letter.is_ascii_digit());
    ID_UPPER_CASE_REFUSED "id-upper-case-refused"
        "Upper case letters are rejected in an id."
        => |config| config.id.admits = |letter| is_identifier_char(letter) && !letter.is_ascii_uppercase();
    ID_SPACE_AT_END_REFUSED "id-space-at-end-refused"
        "A space at the end of an id is rejected."
        => |config| config.id.passes = |id| !id.ends_with(' ');
    GET_ID_CUT "get-id-cut"
        "GET truncates an id at 64 characters instead of rejecting it."
        => |config| config.clean_id[Get as usize] = truncated;
    UPDATE_ID_CUT "update-id-cut"
        "PATCH truncates an id at 64 characters instead of rejecting it."
        => |config| config.clean_id[Update as usize] = truncated;
    SET_MAIN_ID_CUT "set-main-id-cut"
        "Set-main truncates an id at 64 characters instead of rejecting it."
        => |config| config.clean_id[SetMain as usize] = truncated;
    DELETE_ID_INVALID_204 "delete-id-invalid-204"
        "DELETE of a malformed id returns 204."
        => |config| config.rejected(Delete, |step| {
            if step.code() == "invalid_data" {
                step.result = Ok(Reply::Nothing);
            }
        });
    CREATE_TAG_2_ACCEPTED "create-tag-2-accepted"
        "POST accepts tags greater than 1."
        => |config| config.create_tag = |given| match given.and_then(integer) {
            Some(tag @ 2..) => Some(Tag::Value(tag)),
            _ => create_tag(given),
        };
    CREATE_TAG_NEGATIVE_ACCEPTED "create-tag-negative-accepted"
        "POST accepts a negative tag."
        => |config| config.create_tag = |given| match given.and_then(integer) {
            Some(tag @ ..0) => Some(Tag::Value(tag)),
            _ => create_tag(given),
        };
    CREATE_TAG_DECIMAL_TRUNCATED "create-tag-decimal-truncated"
        "POST drops the decimals of a tag and treats it as regular."
        => |config| config.create_tag = |given| match given {
            Some(Value::Number(number)) if number.is_f64() => create_tag(given).or(Some(Tag::Null)),
            given => create_tag(given),
        };
    CREATE_TAG_STRING_COERCED "create-tag-string-coerced"
        "POST accepts a string of digits as tag."
        => |config| config.create_tag = |given| match given {
            Some(Value::String(text)) => text.parse().ok().map(Tag::Value),
            given => create_tag(given),
        };
    CREATE_TAG_BOOLEAN_COERCED "create-tag-boolean-coerced"
        "POST accepts true and false as tags of regular offerings."
        => |config| config.create_tag = |given| match given {
            Some(Value::Bool(_)) => Some(Tag::Null),
            given => create_tag(given),
        };
    CREATE_TAG_WRAPS "create-tag-wraps"
        "POST truncates a tag to 16 bits."
        => |config| config.create_tag = |given| match given.and_then(Value::as_i64) {
            Some(tag) if i16::try_from(tag).is_err() => Some(Tag::Value(tag as i16)),
            _ => create_tag(given),
        };
    CREATE_TAG_ZERO_REFUSED "create-tag-zero-refused"
        "POST rejects `tag` 0."
        => |config| config.create_tag = |given| create_tag(given).filter(|tag| *tag != Tag::Value(0));
    CREATE_TAG_NULL_REFUSED "create-tag-null-refused"
        "POST rejects `tag` null."
        => |config| config.create_tag = |given| create_tag(given).filter(|tag| *tag != Tag::Null);
    CREATE_TAG_ABSENT_REFUSED "create-tag-absent-refused"
        "POST requires a tag."
        => |config| config.create_tag = |given| create_tag(given).filter(|tag| *tag != Tag::Absent);
    UPDATE_TAG_INVALID_IGNORED "update-tag-invalid-ignored"
        "PATCH ignores a tag of the wrong type."
        => |config| config.update_tag = |given| update_tag(given).or(Some(Tag::Absent));
    UPDATE_TAG_INVALID_PROMOTES "update-tag-invalid-promotes"
        "PATCH treats \"1\", 1.5 and true as tag 1 and promotes."
        => |config| config.rejected(Update, |step| {
            let other = step.sent("tag").is_some_and(|tag| integer(&tag).is_none());
            if step.blames("tag") && other && step.retry_without("tag") {
                step.change(|row| row.tag = Some(1));
            }
        });
    CREATE_PRODUCT_UNKNOWN_ACCEPTED "create-product-unknown-accepted"
        "POST accepts unknown products."
        => |config| config.create.resolve = |_, ids| Some(ids.to_vec());
    CREATE_PRODUCT_UNKNOWN_DROPPED "create-product-unknown-dropped"
        "POST silently drops unknown products."
        => |config| config.create.resolve = |catalogue, ids| Some(known(catalogue, ids));
    CREATE_PRODUCT_FIRST_CHECKED "create-product-first-checked"
        "POST checks only the first product."
        => |config| config.create.resolve = |catalogue, ids| {
            ids.first().is_none_or(|first| catalogue.own.contains(first)).then(|| ids.to_vec())
        };
    UPDATE_PRODUCT_UNKNOWN_ACCEPTED "update-product-unknown-accepted"
        "PATCH accepts unknown products."
        => |config| config.update.resolve = |_, ids| Some(ids.to_vec());
    UPDATE_PRODUCT_UNKNOWN_DROPPED "update-product-unknown-dropped"
        "PATCH silently drops unknown products."
        => |config| config.update.resolve = |catalogue, ids| Some(known(catalogue, ids));
    CREATE_PRODUCT_MALFORMED_DROPPED "create-product-malformed-dropped"
        "POST silently drops product ids outside the charset."
        => |config| config.create.drops_malformed = true;
    CREATE_PRODUCT_NUMBER_DROPPED "create-product-number-dropped"
        "POST silently drops products that are not strings."
        => |config| config.create.drops_non_strings = true;
    CREATE_PRODUCTS_STRING_WRAPPED "create-products-string-wrapped"
        "POST accepts one string as a list of products."
        => |config| config.create.list = |given| match given {
            Value::String(_) => Some(vec![given.clone()]),
            given => list(given),
        };
    CREATE_PRODUCTS_OBJECT_ACCEPTED "create-products-object-accepted"
        "POST treats an object as an empty list of products."
        => |config| config.create.list = |given| if given.is_object() { Some(Vec::new()) } else { list(given) };
    CREATE_PRODUCTS_NULL_ACCEPTED "create-products-null-accepted"
        "POST treats null as an empty list of products."
        => |config| config.create.list = |given| if given.is_null() { Some(Vec::new()) } else { list(given) };
    UPDATE_PRODUCT_MALFORMED_DROPPED "update-product-malformed-dropped"
        "PATCH silently drops product ids outside the charset."
        => |config| config.update.drops_malformed = true;
    UPDATE_PRODUCT_NUMBER_DROPPED "update-product-number-dropped"
        "PATCH silently drops products that are not strings."
        => |config| config.update.drops_non_strings = true;
    UPDATE_PRODUCTS_STRING_WRAPPED "update-products-string-wrapped"
        "PATCH accepts one string as a list of products."
        => |config| config.update.list = |given| match given {
            Value::String(_) => Some(vec![given.clone()]),
            given => list(given),
        };
    UPDATE_PRODUCTS_NULL_CLEARS "update-products-null-clears"
        "PATCH treats null as an empty list of products."
        => |config| config.update.list = |given| if given.is_null() { Some(Vec::new()) } else { list(given) };
    CREATE_BODY_ARRAY_UNWRAPPED "create-body-array-unwrapped"
        "POST uses the first object of an array as body."
        => |config| config.create.unwrap = |body| match body {
            Value::Array(list) => list.into_iter().find(Value::is_object).unwrap_or_default(),
            body => body,
        };
    CREATE_BODY_STRING_PARSED "create-body-string-parsed"
        "POST parses a JSON string that contains JSON."
        => |config| config.create.unwrap = |body| match body {
            Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
            body => body,
        };
    CREATE_BODY_REPAIRED "create-body-repaired"
        "POST completes a truncated body."
        => |config| config.create.repair = |text| {
            let closings = ["}", "\"}", "null}", "]}"];
            let text = text.trim_end().trim_end_matches(',');
            closings.into_iter().find_map(|closing| serde_json::from_str(&format!("{text}{closing}")).ok())
        };
    CREATE_BODY_GARBAGE_AFTER "create-body-garbage-after"
        "POST ignores text after the first JSON value."
        => |config| config.create.repair = |text| {
            serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
        };
    UPDATE_BODY_BROKEN_IGNORED "update-body-broken-ignored"
        "PATCH treats malformed JSON as an empty body."
        => |config| config.update.repair = |_| Some(json!({}));
    UPDATE_BODY_ARRAY_IGNORED "update-body-array-ignored"
        "PATCH treats an array as an empty body."
        => |config| config.update.unwrap = |body| if body.is_array() { json!({}) } else { body };
    UPDATE_BODY_STRING_IGNORED "update-body-string-ignored"
        "PATCH treats a string as an empty body."
        => |config| config.update.unwrap = |body| if body.is_string() { json!({}) } else { body };
    CREATE_CREATED_AT_TAKEN "create-created-at-taken"
        "POST applies `created_at` from the body."
        => |config| config.done(Create, |step| {
            let sent = sent_time(step.call, "created_at");
            step.change(|row| row.created_at = sent.unwrap_or(row.created_at));
        });
    CREATE_UPDATED_AT_TAKEN "create-updated-at-taken"
        "POST applies `updated_at` from the body."
        => |config| config.done(Create, |step| {
            let sent = sent_time(step.call, "updated_at");
            step.change(|row| row.updated_at = sent.unwrap_or(row.updated_at));
        });
    CREATE_URL_TAKEN "create-url-taken"
        "POST returns the `url` of the body."
        => |config| config.respond(&[Create], SUCCESS, |call, response| take(call, response, "url"));
    CREATE_OBJECT_TAKEN "create-object-taken"
        "POST returns the `object` of the body."
        => |config| config.respond(&[Create], SUCCESS, |call, response| take(call, response, "object"));
    CREATE_MEMBERS_OF_ANY_CASE "create-members-of-any-case"
        "POST reads the members of its body in any letter case."
        => |config| config.create.unwrap = in_lower_case;
    CREATE_PRODUCTS_OF_ANY_CASE "create-products-of-any-case"
        "POST reads `product_ids` in any letter case."
        => |config| config.create.unwrap = products_in_lower_case;
    UPDATE_MEMBERS_OF_ANY_CASE "update-members-of-any-case"
        "PATCH reads the members of its body in any letter case."
        => |config| config.update.unwrap = in_lower_case;
    LIMIT_WORD_IGNORED "limit-word-ignored"
        "A limit that is not a number selects the default."
        => |config| config.limit = |text| if text.parse::<i64>().is_err() { Some(LIMIT_DEFAULT) } else { limit(text) };
    LIMIT_DECIMAL_TRUNCATED "limit-decimal-truncated"
        "The decimals of a limit are dropped."
        => |config| config.limit = |text| limit(text.split('.').next().unwrap_or_default());
    CURSOR_CHARSET_ACCEPTED "cursor-charset-accepted"
        "A cursor outside the charset is looked up instead of rejected."
        => |config| config.cursor = |after| after.len() <= 64;
}

/// Returns a member of the request body as if the server had set it.
fn take(call: &Call, response: &mut ServerResponse, name: &str) {
    if let Some(sent) = call.json().ok().and_then(|body| body.get(name).cloned()) {
        response.set(name, sent);
    }
}

/// A body with the names of its members in lower case; the last of equal names counts.
fn in_lower_case(body: Value) -> Value {
    match body {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
        body => body,
    }
}

/// Likewise, but only for `product_ids`.
fn products_in_lower_case(mut body: Value) -> Value {
    let Some(members) = body.as_object_mut() else { return body };
    let name = members.keys().find(|name| name.eq_ignore_ascii_case("product_ids")).cloned();
    if let Some(products) = name.and_then(|name| members.remove(&name)) {
        members.insert("product_ids".to_owned(), products);
    }
    body
}

/// An id for an offering that has none.
#[expect(clippy::unnecessary_wraps, reason = "what reading an id gives")]
fn generated() -> Option<String> {
    Some("offering-1".to_owned())
}

fn truncated(id: &str) -> String {
    id.chars().take(64).collect()
}

/// The registered products of a list.
fn known(catalogue: &Catalogue, ids: &[String]) -> Vec<String> {
    ids.iter().filter(|id| catalogue.own.contains(*id)).cloned().collect()
}

/// A timestamp of the body, in seconds since 1970.
fn sent_time(call: &Call, name: &str) -> Option<i64> {
    let body = call.json().ok()?;
    DateTime::parse_from_rfc3339(body.get(name)?.as_str()?).ok().map(|time| time.timestamp())
}
