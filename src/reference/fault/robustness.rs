//! Robustness faults: inputs that cause a 500.

use serde_json::Value;

use super::{Fault, faults};
use crate::reference::call::Call;
use crate::reference::call::Operation::{Create, List, Update};
use crate::reference::page::{Start, Window};

faults! {
    Robustness from super::variant::FIRST + super::variant::ROWS.len();
    CRASH_ON_NUL "crash-on-nul"
        "A NUL in a body causes a 500."
        => |config| config.crash(|call, _| any_text(call, &|text| text.contains('\0')));
    CRASH_ON_LETTER_BEYOND_ASCII "crash-on-letter-beyond-ascii"
        "A non-ASCII letter in a body causes a 500."
        => |config| config.crash(|call, _| any_text(call, &|text| !text.is_ascii()));
    CRASH_ON_EMOJI "crash-on-emoji"
        "An emoji in a body causes a 500."
        => |config| config.crash(|call, _| any_text(call, &|text| text.chars().any(|letter| letter > '\u{ffff}')));
    CRASH_ON_DEEP_BODY "crash-on-deep-body"
        "A body nested deeper than 64 levels causes a 500."
        => |config| config.crash(|call, _| nesting(call) > 64);
    CRASH_ON_LONG_BODY "crash-on-long-body"
        "A body over 64 KiB causes a 500."
        => |config| config.crash(|call, _| call.bytes().map_or(true, |body| body.len() > 65_536));
    CRASH_ON_LONG_ID "crash-on-long-id"
        "An id over 64 characters in the path causes a 500."
        => |config| config.crash(|call, _| call.id().is_ok_and(|id| id.chars().count() > 64));
    CRASH_ON_LONG_TEXT "crash-on-long-text"
        "A string over 1000 characters in a body causes a 500."
        => |config| config.crash(|call, _| any_text(call, &|text| text.chars().count() > 1000));
    CRASH_ON_HUGE_LIMIT "crash-on-huge-limit"
        "A limit over 32 bits causes a 500."
        => |config| config.crash(|call, _| limit(call).is_some_and(|limit| limit.abs() > f64::from(i32::MAX)));
    CRASH_ON_HUGE_NUMBER "crash-on-huge-number"
        "A number over 32 bits in a body causes a 500."
        => |config| config.crash(|call, _| any_number(call, &|number| number.abs() > f64::from(i32::MAX)));
    CRASH_ON_WIDE_TAG "crash-on-wide-tag"
        "A tag over 16 bits causes a 500."
        => |config| config.crash(|call, _| field(call, "tag").and_then(|tag| tag.as_f64()).is_some_and(is_wide));
    CRASH_ON_ENCODED_SLASH "crash-on-encoded-slash"
        "An encoded slash in the path causes a 500."
        => |config| config.crash(|call, _| call.path.to_ascii_lowercase().contains("%2f"));
    CRASH_ON_BROKEN_UTF_8 "crash-on-broken-utf-8"
        "Bytes in the path that are not UTF-8 cause a 500."
        => |config| config.crash(|call, _| call.id().is_err());
    CRASH_ON_BARE_PERCENT "crash-on-bare-percent"
        "An invalid percent-encoding in the path causes a 500."
        => |config| config.crash(|call, _| bare_percent(call.raw_id()));
    CRASH_ON_QUOTE "crash-on-quote"
        "A quotation mark in the path causes a 500."
        => |config| config.crash(|call, _| call.id().is_ok_and(|id| id.contains(['"', '\''])));
    CRASH_ON_ARRAY_BODY "crash-on-array-body"
        "A body that is an array causes a 500."
        => |config| config.crash(|call, _| body(call).is_some_and(|body| body.is_array()));
    CRASH_ON_STRING_BODY "crash-on-string-body"
        "A body that is a string causes a 500."
        => |config| config.crash(|call, _| body(call).is_some_and(|body| body.is_string()));
    CRASH_ON_NULL_BODY "crash-on-null-body"
        "A body that is null causes a 500."
        => |config| config.crash(|call, _| body(call).is_some_and(|body| body.is_null()));
    CRASH_ON_NO_BODY "crash-on-no-body"
        "POST without a body causes a 500."
        => |config| config.crash(|call, _| call.operation == Create && is_empty(call));
    CRASH_ON_BROKEN_BODY "crash-on-broken-body"
        "Malformed JSON causes a 500."
        => |config| config.crash(|call, _| writes_json(call) && !is_empty(call) && body(call).is_none());
    CRASH_ON_NULL_PRODUCTS "crash-on-null-products"
        "`product_ids` null causes a 500."
        => |config| config.crash(|call, _| field(call, "product_ids").is_some_and(|list| list.is_null()));
    CRASH_ON_OBJECT_IN_PRODUCTS "crash-on-object-in-products"
        "An object among the products causes a 500."
        => |config| config.crash(|call, _| products(call).iter().any(Value::is_object));
    CRASH_ON_NUMBER_ID "crash-on-number-id"
        "A number as id causes a 500."
        => |config| config.crash(|call, _| field(call, "id").is_some_and(|id| id.is_number()));
    CRASH_ON_NULL_ID "crash-on-null-id"
        "Null as id causes a 500."
        => |config| config.crash(|call, _| field(call, "id").is_some_and(|id| id.is_null()));
    CRASH_ON_DUPLICATE "crash-on-duplicate"
        "POST of an existing id causes a 500."
        => |config| config.crash(|call, project| {
            let id = field(call, "id").filter(|_| call.operation == Create);
            id.is_some_and(|id| id.as_str().is_some_and(|id| project.position(id).is_some()))
        });
    CRASH_ON_UNKNOWN_PRODUCT "crash-on-unknown-product"
        "An unknown product causes a 500."
        => |config| config.crash(|call, project| {
            products(call).iter().filter_map(Value::as_str).any(|id| !project.catalogue.own.contains(id))
        });
    CRASH_ON_UNKNOWN_CURSOR "crash-on-unknown-cursor"
        "An unknown cursor causes a 500."
        => |config| config.crash(|call, project| {
            let after = call.query("starting_after").ok().flatten();
            let start = Start::of(&project.offerings, &Window { limit: 1, after }, &project.config);
            call.operation == List && start == Start::Restarted
        });
    CRASH_ON_LONG_KEY "crash-on-long-key"
        "An idempotency key over 255 characters causes a 500."
        => |config| config.crash(|call, _| call.idempotency_key().is_some_and(|key| key.len() > 255));
    CRASH_ON_REPEATED_QUERY "crash-on-repeated-query"
        "A repeated query parameter causes a 500."
        => |config| config.crash(|call, _| {
            let times = |name: &str| call.query.split('&').filter(|pair| pair.starts_with(name)).count();
            times("limit=") > 1 || times("starting_after=") > 1
        });
}

fn writes_json(call: &Call) -> bool {
    matches!(call.operation, Create | Update)
}

fn is_empty(call: &Call) -> bool {
    call.bytes().is_ok_and(bytes::Bytes::is_empty)
}

fn body(call: &Call) -> Option<Value> {
    call.json().ok().filter(|_| writes_json(call))
}

fn field(call: &Call, name: &str) -> Option<Value> {
    body(call)?.get(name).cloned()
}

fn products(call: &Call) -> Vec<Value> {
    field(call, "product_ids").and_then(|list| list.as_array().cloned()).unwrap_or_default()
}

fn limit(call: &Call) -> Option<f64> {
    call.query("limit").ok()??.parse().ok()
}

/// Whether a whole number does not fit 16 bits.
fn is_wide(number: f64) -> bool {
    number.fract() == 0.0 && !(f64::from(i16::MIN)..=f64::from(i16::MAX)).contains(&number)
}

/// Nesting depth of the brackets in the body, strings ignored.
fn nesting(call: &Call) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in call.bytes().map(|body| body.iter().copied()).into_iter().flatten() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn bare_percent(path: &str) -> bool {
    path.split('%').skip(1).any(|after| after.len() < 2 || !after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

fn any_text(call: &Call, is_bad: &dyn Fn(&str) -> bool) -> bool {
    body(call).is_some_and(|body| any(&body, &|value| value.as_str().is_some_and(is_bad)))
}

fn any_number(call: &Call, is_bad: &dyn Fn(f64) -> bool) -> bool {
    body(call).is_some_and(|body| any(&body, &|value| value.as_f64().is_some_and(is_bad)))
}

/// Whether anything in a value, names of members included, satisfies a condition.
fn any(value: &Value, condition: &dyn Fn(&Value) -> bool) -> bool {
    condition(value)
        || match value {
            Value::Array(list) => list.iter().any(|value| any(value, condition)),
            Value::Object(fields) => {
                fields.iter().any(|(name, value)| condition(&Value::String(name.clone())) || any(value, condition))
            }
            _ => false,
        }
}
