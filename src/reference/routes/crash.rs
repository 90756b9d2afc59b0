//! Faults of robustness: requests that end in a 500.

use serde_json::Value;

use crate::reference::call::{Call, Operation};
use crate::reference::fault::Fault;
use crate::reference::page::{Start, Window};
use crate::reference::store::Shared;
use crate::reference::switches::Switches;

/// A fault and the requests that it strikes.
type Crash = (Fault, fn(&Call) -> bool);

/// Requests that a faulty server fails on, by what they look like.
const CRASHES: &[Crash] = &[
    (Fault::CRASH_ON_NUL, |call| any_text(call, &|text| text.contains('\0'))),
    (Fault::CRASH_ON_LETTER_BEYOND_ASCII, |call| any_text(call, &|text| !text.is_ascii())),
    (Fault::CRASH_ON_EMOJI, |call| any_text(call, &|text| text.chars().any(|letter| letter > '\u{ffff}'))),
    (Fault::CRASH_ON_LONG_TEXT, |call| any_text(call, &|text| text.chars().count() > 1000)),
    (Fault::CRASH_ON_DEEP_BODY, |call| nesting(call) > 64),
    (Fault::CRASH_ON_LONG_BODY, |call| call.bytes().map_or(true, |body| body.len() > 65_536)),
    (Fault::CRASH_ON_LONG_ID, |call| call.id().is_ok_and(|id| id.chars().count() > 64)),
    (Fault::CRASH_ON_HUGE_LIMIT, |call| limit(call).is_some_and(|limit| limit.abs() > f64::from(i32::MAX))),
    (Fault::CRASH_ON_HUGE_NUMBER, |call| any_number(call, &|number| number.abs() > f64::from(i32::MAX))),
    (Fault::CRASH_ON_WIDE_TAG, |call| field(call, "tag").and_then(|tag| tag.as_f64()).is_some_and(is_wide)),
    (Fault::CRASH_ON_ENCODED_SLASH, |call| call.path.to_ascii_lowercase().contains("%2f")),
    (Fault::CRASH_ON_BROKEN_UTF_8, |call| call.id().is_err()),
    (Fault::CRASH_ON_BARE_PERCENT, |call| bare_percent(call.raw_id())),
    (Fault::CRASH_ON_QUOTE, |call| call.id().is_ok_and(|id| id.contains(['"', '\'']))),
    (Fault::CRASH_ON_ARRAY_BODY, |call| body(call).is_some_and(|body| body.is_array())),
    (Fault::CRASH_ON_STRING_BODY, |call| body(call).is_some_and(|body| body.is_string())),
    (Fault::CRASH_ON_NULL_BODY, |call| body(call).is_some_and(|body| body.is_null())),
    (Fault::CRASH_ON_NO_BODY, |call| call.operation == Operation::Create && is_empty(call)),
    (Fault::CRASH_ON_BROKEN_BODY, |call| writes_json(call) && !is_empty(call) && body(call).is_none()),
    (Fault::CRASH_ON_NULL_PRODUCTS, |call| field(call, "product_ids").is_some_and(|list| list.is_null())),
    (Fault::CRASH_ON_OBJECT_IN_PRODUCTS, |call| products(call).iter().any(Value::is_object)),
    (Fault::CRASH_ON_NUMBER_ID, |call| field(call, "id").is_some_and(|id| id.is_number())),
    (Fault::CRASH_ON_NULL_ID, |call| field(call, "id").is_some_and(|id| id.is_null())),
    (Fault::CRASH_ON_LONG_KEY, |call| call.idempotency_key().is_some_and(|key| key.len() > 255)),
    (Fault::CRASH_ON_REPEATED_QUERY, |call| {
        ["limit=", "starting_after="]
            .iter()
            .any(|name| call.query.split('&').filter(|pair| pair.starts_with(name)).count() > 1)
    }),
];

/// Whether a faulty server fails on this request.
pub(super) fn befalls(switches: Switches, call: &Call, project: &Shared) -> bool {
    CRASHES.iter().any(|(fault, crashes)| switches.faulty(*fault) && crashes(call)) || in_store(switches, call, project)
}

/// Requests that a faulty server fails on when it meets its store.
fn in_store(switches: Switches, call: &Call, project: &Shared) -> bool {
    let project = project.lock();
    match call.operation {
        Operation::List if switches.faulty(Fault::CRASH_ON_UNKNOWN_CURSOR) => {
            let after = call.query("starting_after").ok().flatten();
            Start::of(&project.offerings, &Window { limit: 1, after }, &project.config) == Start::Restarted
        }
        Operation::Create if switches.faulty(Fault::CRASH_ON_DUPLICATE) => {
            field(call, "id").is_some_and(|id| id.as_str().is_some_and(|id| project.position(id).is_some()))
        }
        Operation::Create | Operation::Update if switches.faulty(Fault::CRASH_ON_UNKNOWN_PRODUCT) => {
            products(call).iter().filter_map(Value::as_str).any(|id| !project.catalogue.own.contains(id))
        }
        _ => false,
    }
}

fn writes_json(call: &Call) -> bool {
    matches!(call.operation, Operation::Create | Operation::Update)
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

/// How deep the brackets of the body nest, its strings not being looked at.
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

/// Whether anything in a value, names of fields included, satisfies a condition. JSON is parsed 128 levels deep at most.
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
