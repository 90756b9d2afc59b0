//! The last step: what goes out as bytes, with what faults and behaviours do to every answer alike.

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::auth;
use crate::reference::answer::{Answer, Refusal};
use crate::reference::behaviour::Behaviour;
use crate::reference::call::{Call, Operation};
use crate::reference::config::Config;
use crate::reference::fault::Fault;
use crate::reference::slips;
use crate::reference::switches::Switches;

/// Successes that come out with another status, and whether the body goes along.
const STATUS_SLIPS: &[(Fault, Operation, StatusCode)] = &[
    (Fault::CREATE_ANSWERS_200, Operation::Create, StatusCode::OK),
    (Fault::UPDATE_ANSWERS_202, Operation::Update, StatusCode::ACCEPTED),
    (Fault::DELETE_ANSWERS_200, Operation::Delete, StatusCode::OK),
    (Fault::DELETE_ANSWERS_202, Operation::Delete, StatusCode::ACCEPTED),
    (Fault::SET_MAIN_ANSWERS_201, Operation::SetMain, StatusCode::CREATED),
    (Fault::SET_MAIN_ANSWERS_204, Operation::SetMain, StatusCode::NO_CONTENT),
];

/// The response to a request.
pub(super) fn response(config: &Config, call: &Call, result: Result<Answer, Refusal>) -> Response {
    let switches = config.switches;
    let mut answer = match result {
        Ok(answer) => answer,
        Err(refusal) => refused(switches, call, refusal),
    };
    if switches.any_fault() {
        if answer.status.is_success() {
            spoil_success(switches, call, &mut answer);
        }
        spoil_headers(switches, call, &mut answer);
    }
    let pretty = switches.behaves(Behaviour::PrettyJson);
    choose_headers(switches, &mut answer);
    match answer.body.take() {
        Some(body) if pretty => {
            let mut response = answer.into_response();
            *response.body_mut() = Body::from(format!("{body:#}\n"));
            response
        }
        body => Answer { body, ..answer }.into_response(),
    }
}

fn refused(switches: Switches, call: &Call, refusal: Refusal) -> Answer {
    let refusal = slips::slipped(switches, call.operation, refusal);
    let limit = refusal.details.iter().any(|detail| detail.field == "limit");
    let code = refusal.code;
    let mut answer = refusal.into_answer();
    let Some(Value::Object(envelope)) = &mut answer.body else { return answer };
    if let Some(Value::Object(error)) = envelope.get_mut("error") {
        choose_details(switches, error, answer.status, limit);
        spoil_error(switches, call, error, answer.status, limit);
    }
    let fields = json!({ "fields": [{ "name": "limit", "messages": ["must be an integer between 1 and 100"] }] });
    if switches.faulty(Fault::META_BESIDE_ERROR) {
        envelope.insert("_meta".into(), json!({ "request_id": "5f1c9ae2" }));
    }
    if limit && (switches.faulty(Fault::META_ON_LIMIT) || switches.behaves(Behaviour::MetaOnLimit)) {
        envelope.insert("_meta".into(), fields);
    }
    if switches.behaves(Behaviour::ExtraProperties) {
        envelope.insert("request_id".into(), "5f1c9ae2".into());
    }
    spoil_envelope(switches, call, &mut answer, code);
    answer
}

/// How this server shows details.
fn choose_details(switches: Switches, error: &mut Map<String, Value>, status: StatusCode, limit: bool) {
    if limit && (switches.behaves(Behaviour::LimitWithoutDetails) || switches.faulty(Fault::LIMIT_DETAILS_MISSING)) {
        error.remove("details");
    }
    if !error.contains_key("details") {
        if switches.behaves(Behaviour::DetailsNull) || switches.faulty(Fault::DETAILS_NULL) {
            error.insert("details".into(), Value::Null);
        }
        let missing = status == StatusCode::NOT_FOUND && switches.faulty(Fault::DETAILS_EMPTY_ON_404);
        if switches.behaves(Behaviour::DetailsEmpty) || missing {
            error.insert("details".into(), json!([]));
        }
    }
    if status == StatusCode::UNPROCESSABLE_ENTITY && switches.behaves(Behaviour::LogicalOn422) {
        error.insert("type".into(), "logical".into());
    }
}

fn spoil_error(switches: Switches, call: &Call, error: &mut Map<String, Value>, status: StatusCode, limit: bool) {
    let at = |expected: u16, fault| status.as_u16() == expected && switches.faulty(fault);
    for (expected, fault, kind) in [
        (400, Fault::TYPE_RESOURCE_ON_400, "resource"),
        (400, Fault::ERROR_TYPE_UNKNOWN, "client_error"),
        (404, Fault::TYPE_REQUEST_ON_404, "request"),
        (409, Fault::TYPE_LOGICAL_ON_409, "logical"),
        (401, Fault::TYPE_INTERNAL_ON_401, "internal"),
    ] {
        if at(expected, fault) {
            error.insert("type".into(), kind.into());
        }
    }
    if switches.faulty(Fault::CODE_IN_CAMEL_CASE) {
        let camel = camel_case(error["code"].as_str().unwrap_or_default());
        error.insert("code".into(), camel.into());
    }
    if at(404, Fault::CODE_WITH_SPACES_ON_404) {
        error.insert("code".into(), "Not Found".into());
    }
    if limit && switches.faulty(Fault::LIMIT_DETAILS_ELSEWHERE) {
        error.insert("details".into(), json!([{ "field": "query", "message": "is not valid" }]));
    }
    if switches.faulty(Fault::ERROR_DETAILS_OBJECT) && error.contains_key("details") {
        error.insert("details".into(), json!({ "field": "message" }));
    }
    if at(404, Fault::ERROR_MESSAGE_MISSING_ON_404) {
        error.remove("message");
    }
    if at(422, Fault::ERROR_CODE_MISSING_ON_422) {
        error.remove("code");
    }
    let key = auth::bearer(&call.headers).unwrap_or_default();
    for (expected, fault, message) in [
        (401, Fault::KEY_IN_401, format!("The key `{key}` is not valid.")),
        (404, Fault::KEY_IN_404, format!("No such offering for `{key}`.")),
        (400, Fault::STACK_TRACE_ON_400, STACK_TRACE.to_owned()),
        (409, Fault::SQL_ON_409, SQL.to_owned()),
        (404, Fault::FILE_PATH_ON_404, "open /var/www/api/src/Offerings/Repository.php: no rows".to_owned()),
    ] {
        if at(expected, fault) {
            error.insert("message".into(), message.into());
        }
    }
}

const STACK_TRACE: &str = "ValidationException: not valid\n    at Validator.check (/app/src/validator.js:41:13)\n    \
    at Router.handle (/app/node_modules/express/lib/router/index.js:284:7)";
const SQL: &str = "SQLSTATE[23000]: Duplicate entry: INSERT INTO offerings (id, project_id) VALUES ('a', 7)";

fn camel_case(code: &str) -> String {
    let mut words = code.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        camel + &head.to_ascii_uppercase() + tail
    })
}

/// What becomes of the envelope as a whole.
fn spoil_envelope(switches: Switches, call: &Call, answer: &mut Answer, code: &str) {
    let missing = code == "not_found";
    if missing && call.operation == Operation::Get && switches.faulty(Fault::GET_MISSING_200_NULL) {
        *answer = Answer::json(StatusCode::OK, Value::Null);
        return;
    }
    let Some(body) = &mut answer.body else { return };
    if switches.faulty(Fault::ERROR_FLAT) {
        *body = body["error"].take();
    } else if missing && switches.faulty(Fault::ERROR_AS_STRING_ON_404) {
        *body = json!({ "error": "not found" });
    }
}

fn spoil_success(switches: Switches, call: &Call, answer: &mut Answer) {
    let befalls = |(fault, operation, _): &&(Fault, Operation, StatusCode)| {
        *operation == call.operation && switches.faulty(*fault)
    };
    if let Some((_, operation, status)) = STATUS_SLIPS.iter().find(befalls) {
        answer.status = *status;
        if *status == StatusCode::NO_CONTENT {
            *answer = Answer::no_content();
        } else if *operation == Operation::Delete {
            *answer = Answer::json(*status, json!({ "object": "offering", "deleted": true }));
        }
    }
    let Some(body) = answer.body.as_ref().filter(|_| call.operation == Operation::List) else { return };
    if switches.faulty(Fault::LIST_ANSWERS_206) && body["has_more"] == true {
        answer.status = StatusCode::PARTIAL_CONTENT;
    }
    if switches.faulty(Fault::EMPTY_LIST_404) && body["data"].as_array().is_some_and(Vec::is_empty) {
        *answer = Refusal::not_found().into_answer();
    }
}

fn spoil_headers(switches: Switches, call: &Call, answer: &mut Answer) {
    let error = answer.status.is_client_error();
    let create = call.operation == Operation::Create && answer.status.is_success();
    if (error && switches.faulty(Fault::CONTENT_TYPE_MISSING_ON_ERRORS))
        || (create && switches.faulty(Fault::CONTENT_TYPE_MISSING_ON_CREATE))
    {
        answer.headers.remove(CONTENT_TYPE);
    }
    if answer.body.is_some() {
        let declared = if switches.faulty(Fault::JSON_AS_TEXT) {
            Some("text/plain; charset=utf-8")
        } else if answer.status == StatusCode::NOT_FOUND && switches.faulty(Fault::JSON_AS_HTML_ON_404) {
            Some("text/html")
        } else {
            None
        };
        if let Some(declared) = declared {
            answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static(declared));
        }
    }
    if switches.faulty(Fault::KEY_IN_HEADER)
        && let Some(key) = auth::bearer(&call.headers).and_then(|key| HeaderValue::from_str(key).ok())
    {
        answer.headers.insert(HeaderName::from_static("x-request-context"), key);
    }
}

/// Headers at this server's choice.
fn choose_headers(switches: Switches, answer: &mut Answer) {
    if switches.behaves(Behaviour::Charset) && answer.headers.contains_key(CONTENT_TYPE) {
        answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    if switches.behaves(Behaviour::ConnectionClose) {
        answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if switches.behaves(Behaviour::ExtraHeaders) {
        let extra = HeaderMap::from_iter([
            (HeaderName::from_static("x-request-id"), HeaderValue::from_static("5f1c9ae2")),
            (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from_static("998")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ]);
        answer.headers.extend(extra);
    }
}
