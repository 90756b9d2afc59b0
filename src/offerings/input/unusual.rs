//! Unusual requests that HTTP allows. None may cause a server error; most may be accepted or rejected.

use super::inputs::{Input, InputBuilder, Origin};
use super::suggested_id::{Preserve, SuggestedId};
use super::template::{Encoding, ID, InputBody, InputSubject, RequestTemplate, Spelling};
use crate::contract::Endpoint;
use crate::exchange::OperationRef;
use http::Method;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// The length of a text that a server may reject for its size alone.
const VERY_LONG: usize = 8_000;

pub(super) fn of(builder: &InputBuilder<'_>) -> Vec<Input> {
    type Kind = fn(&InputBuilder<'_>) -> Vec<Input>;
    let kinds: &[Kind] = match builder.endpoint {
        Endpoint::List => &[queries, accept_headers, ambiguous_ids],
        Endpoint::Create => &[new_ids, body_texts, tags, content_types, properties, idempotency_keys],
        Endpoint::Get => &[spellings, segments, reserved, ambiguous_ids, methods],
        Endpoint::Update => {
            &[spellings, segments, reserved, ambiguous_ids, body_texts, tags, content_types, properties]
        }
        Endpoint::Delete => &[spellings, segments, reserved, ambiguous_ids],
        Endpoint::SetMain => &[segments, reserved, ambiguous_ids, unneeded_bodies, idempotency_keys],
    };
    kinds.iter().flat_map(|kind| kind(builder)).collect()
}

/// Queries with unusual spelling, repeated parameters or undocumented ones.
fn queries(builder: &InputBuilder<'_>) -> Vec<Input> {
    let with = |description: &str, query: &[String]| {
        builder.input(description, RequestTemplate { query: query.to_vec(), ..builder.plain() }, Origin::Unusual)
    };
    let one = |text: &str| [text.to_owned()];
    vec![
        with("an unknown query parameter", &one("qonform_unknown=1")),
        with("an unknown query parameter without a value", &one("qonform_unknown")),
        with("`limit` given twice", &["limit=1".into(), "limit=2".into()]),
        with("`limit` given twice, once invalid", &["limit=1".into(), "limit=abc".into()]),
        with("`starting_after` given twice", &["starting_after=a".into(), "starting_after=b".into()]),
        with("`limit` as a list", &one("limit[]=1")),
        with("`limit` as an object", &one("limit[a]=1")),
        with("`limit` without a value", &one("limit")),
        with("`limit` in upper case", &one("LIMIT=1")),
        with("`limit` with a percent-encoded name", &one("%6Cimit=1")),
        with("an empty parameter", &one("&&=")),
        with("a query that is not UTF-8", &one("starting_after=%FF%FE")),
        with("a query with an invalid percent-encoding", &one("starting_after=%zz")),
        with("a query that ends in a percent sign", &one("starting_after=a%")),
        with("a cursor of NUL", &one("starting_after=%00")),
        with("a very long cursor", &[format!("starting_after={}", "a".repeat(VERY_LONG))]),
        with("a very long limit", &[format!("limit={}", "9".repeat(VERY_LONG))]),
        with("a query with very many parameters", &(0..300).map(|n| format!("q{n}=1")).collect::<Vec<_>>()),
    ]
}

/// `Accept` headers that no server can satisfy. Rejecting and ignoring them are both correct.
fn accept_headers(builder: &InputBuilder<'_>) -> Vec<Input> {
    let odd = ["text/html", "application/xml;q=0.9", "*/*;q=0", "nonsense", ",,;;", "application/json;version=99"];
    let mut inputs = Vec::new();
    for value in odd {
        let template = RequestTemplate { headers: vec![("accept".into(), value.into())], ..builder.plain() };
        inputs.push(outside(builder.input(format!("an `Accept` of `{value}`"), template, Origin::Unusual)));
    }
    inputs
}

/// The same input, with a response that is not compared with the documented ones of the operation.
fn outside(mut input: Input) -> Input {
    input.operation = OperationRef::None;
    input
}

/// Methods that the document does not define for these paths.
fn methods(builder: &InputBuilder<'_>) -> Vec<Input> {
    let list = Endpoint::List.path();
    let (item, promote) = (Endpoint::Get.path(), Endpoint::SetMain.path());
    let unknown = Method::from_bytes(b"BREW").unwrap_or(Method::OPTIONS);
    let methods = [
        (Method::HEAD, list),
        (Method::OPTIONS, list),
        (unknown.clone(), list),
        (Method::HEAD, item),
        (Method::OPTIONS, item),
        (Method::PUT, item),
        (unknown, item),
        (Method::OPTIONS, promote),
        (Method::GET, promote),
        (Method::PUT, promote),
    ];
    let input = |(method, path): (Method, &str)| {
        let subject = if path == list { InputSubject::None } else { InputSubject::Missing(SuggestedId::FRESH) };
        let description = format!("the method {method}");
        let template = RequestTemplate { method, path: path.to_owned(), subject, ..builder.plain() };
        outside(builder.input(description, template, Origin::Unusual))
    };
    methods.into_iter().map(input).collect()
}

/// An existing id in every equivalent percent-encoding.
fn spellings(builder: &InputBuilder<'_>) -> Vec<Input> {
    let spelt = [
        ("an id with every character percent-encoded", Spelling::EveryByte),
        ("an id percent-encoded in lower case", Spelling::LowerCase),
        ("an id with a literal colon", Spelling::BareColon),
        ("an id with spaces and colons", Spelling::Plain),
    ];
    spelt
        .into_iter()
        .map(|(description, spelling)| {
            let subject = InputSubject::Existing(SuggestedId::like("a B:c.d_e-f", Preserve::Letters), spelling);
            let template = RequestTemplate { subject, ..builder.plain() };
            builder.input(description, template, Origin::Unusual)
        })
        .collect()
}

/// Path segments that name no offering, or that servers and proxies interpret differently.
fn segments(builder: &InputBuilder<'_>) -> Vec<Input> {
    let odd: Vec<(&str, String)> = vec![
        ("an id with an encoded slash", "qf-none%2Fx".into()),
        ("an id with an encoded slash in lower case", "qf-none%2fx".into()),
        ("an id with an encoded backslash", "qf-none%5Cx".into()),
        ("an id that is not UTF-8", "qf-none%FF%FE".into()),
        ("an id with a surrogate", "qf-none%ED%A0%80".into()),
        ("an id with an overlong UTF-8 encoding", "qf-none%C0%AF".into()),
        ("an id with an invalid percent-encoding", "qf-none%zz".into()),
        ("an id that ends in a percent sign", "qf-none%".into()),
        ("an id with NUL", "qf-none%00".into()),
        ("an id with a quotation mark", "qf-none%22x".into()),
        ("an id with an apostrophe", "qf-none'x".into()),
        ("an id with a semicolon", "qf-none;x=1".into()),
        ("an id with an encoded question mark", "qf-none%3Fx".into()),
        ("an id with a right-to-left override", "qf-none%E2%80%AEx".into()),
        ("an id with a combining accent", "qf-nonee%CC%81".into()),
        ("a very long id", "a".repeat(VERY_LONG)),
    ];
    let dots: Vec<(&str, String)> = vec![
        ("a dot as the id", "%2E".into()),
        ("two dots as the id", "%2E%2E".into()),
        ("an id that starts with `../`", "..%2Fqf-none".into()),
    ];
    let input = |(description, segment): (&str, String)| {
        let template = RequestTemplate { subject: InputSubject::Segment(segment), ..builder.plain() };
        outside(builder.input(description, template, Origin::Unusual))
    };
    // Clients and proxies collapse dot segments, which turns a DELETE into one of the collection: only reads are sent.
    let is_read = !builder.endpoint.writes();
    let mut inputs: Vec<Input> = odd.into_iter().map(input).collect();
    inputs.extend(dots.into_iter().filter(|_| is_read).map(input));
    inputs
}

/// Ids that the contract allows and that programs may treat specially.
const RESERVED: [&str; 13] = [
    "0",
    "007",
    "null",
    "undefined",
    "NaN",
    "true",
    "new",
    "constructor",
    "__proto__",
    "set-main",
    "offerings",
    "40718259316",
    "1e3",
];

/// Unusual ids in the body of a create, valid and invalid ones.
fn new_ids(builder: &InputBuilder<'_>) -> Vec<Input> {
    let with = |description: &str, id: &str, preserve: Preserve| {
        let content = InputBody::Json(json!({ "id": id }), Some(preserve));
        builder.input(description, RequestTemplate { content, ..builder.plain() }, Origin::Unusual)
    };
    let mut inputs = vec![
        with("an `id` that starts with a digit", "7qf-first", Preserve::Whole),
        with("an `id` that starts with a dot", ".qf-first", Preserve::Whole),
        with("an `id` that starts with a space", " qf-first", Preserve::Whole),
        with("an `id` with two spaces inside", "a  b", Preserve::Letters),
        with("an `id` that ends in a dot", "a.", Preserve::Letters),
        with("an `id` that ends in `:set-main`", "a:set-main", Preserve::Letters),
        with("an `id` with a combining accent", "a\u{301}", Preserve::Letters),
        with("an `id` of Arabic letters", "\u{645}\u{631}", Preserve::Letters),
        with("an `id` with a right-to-left override", "\u{202e}abc", Preserve::Letters),
        with("an `id` with an emoji", "👍🏽", Preserve::Letters),
        with("an `id` with a full-width letter", "ａ", Preserve::Letters),
        with("a very long `id`", &"a".repeat(VERY_LONG), Preserve::Length),
    ];
    inputs.extend(RESERVED.map(|id| with(&format!("an `id` of `{id}`"), id, Preserve::Whole)));
    let content = InputBody::Json(json!({ "ID": ID }), None);
    inputs.push(builder.input("`ID` instead of `id`", RequestTemplate { content, ..builder.plain() }, Origin::Unusual));
    inputs
}

/// [`RESERVED`] ids in a path.
fn reserved(builder: &InputBuilder<'_>) -> Vec<Input> {
    let input = |id: &str| {
        let subject = InputSubject::Existing(SuggestedId::like(id, Preserve::Whole), Spelling::Plain);
        builder.input(format!("an id of `{id}`"), RequestTemplate { subject, ..builder.plain() }, Origin::Unusual)
    };
    RESERVED.map(input).into()
}

/// An id, and the existing id that a server resolves instead if it decodes twice or reads a plus sign as a space.
const AMBIGUOUS_IDS: [(&str, &str, &str); 2] =
    [("that is encoded twice", "‹id›a%2562", "‹id›ab"), ("with a plus sign", "‹id›a+b", "‹id›a b")];

fn ambiguous_ids(builder: &InputBuilder<'_>) -> Vec<Input> {
    let input = |(description, id, existing): (&str, &str, &str)| {
        let neighbour = Some(existing.to_owned());
        if builder.endpoint == Endpoint::List {
            let query = vec![format!("starting_after={id}")];
            let template = RequestTemplate { query, neighbour, ..builder.plain() };
            return builder.input(format!("a cursor {description}"), template, Origin::Unusual);
        }
        let template = RequestTemplate { subject: InputSubject::Segment(id.to_owned()), neighbour, ..builder.plain() };
        builder.input(format!("an id {description}"), template, Origin::Unusual)
    };
    AMBIGUOUS_IDS.map(input).into()
}

/// Bodies that are JSON but parsed differently by servers, and bodies that are not JSON.
fn body_texts(builder: &InputBuilder<'_>) -> Vec<Input> {
    let property = match builder.endpoint {
        Endpoint::Create => format!("\"id\":\"{ID}\""),
        _ => "\"product_ids\":[]".to_owned(),
    };
    let with = |description: &str, text: String, encoding: Encoding| {
        let content = InputBody::Text { declared: Some(JSON.into()), text, encoding };
        builder.input(description, RequestTemplate { content, ..builder.plain() }, Origin::Unusual)
    };
    let utf8 = |description: &str, text: String| with(description, text, Encoding::Utf8);
    let object = format!("{{{property}}}");
    let escaped = format!("{{{}}}", property.replacen("\"id\"", "\"\\u0069d\"", 1).replacen("ids\"", "id\\u0073\"", 1));
    let nested = |depth: usize| format!("{{{property},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut inputs = vec![
        utf8("a truncated body", format!("{{{property}")),
        utf8("a body with trailing text", format!("{object} x")),
        utf8("a body of two objects", format!("{object}{object}")),
        utf8("a body with a trailing comma", format!("{{{property},}}")),
        utf8("a body with single quotes", "{'a':1}".into()),
        utf8("a body of a bare word", "abc".into()),
        utf8("a body of a NUL byte", "\0".into()),
        utf8("a form-encoded body", "id=a&tag=0".into()),
        utf8("an XML body", "<offering/>".into()),
        utf8("a body that is JSON in a string", Value::from(object.as_str()).to_string()),
        utf8("a body of JSON in a list", format!("[{object}]")),
        utf8("a body between white space", format!(" \r\n\t{object}\n ")),
        utf8("a body with a repeated key", format!("{{{property},{property}}}")),
        utf8("a body with escaped letters in a key", escaped),
        utf8("a body with a deeply nested value", nested(100)),
        utf8("a body with a very deeply nested value", nested(5_000)),
        utf8("a body of brackets only", "[".repeat(20_000)),
        utf8("a body of 70 KiB", format!("{object}{}", " ".repeat(70 << 10))),
        utf8("a body of 2 MiB", format!("{object}{}", " ".repeat(2 << 20))),
        utf8("a body with a text of 2000 characters", format!("{{{property},\"x\":\"{}\"}}", "a".repeat(2_000))),
        utf8("a body with an emoji", format!("{{{property},\"x\":\"😀\"}}")),
        utf8("a body with a non-ASCII letter", format!("{{{property},\"é\":\"ß\"}}")),
        utf8("a body with an escaped NUL", format!("{{{property},\"x\":\"\\u0000\"}}")),
        utf8("a body with a lone surrogate", format!("{{{property},\"x\":\"\\ud800\"}}")),
        utf8("a body with an empty key", format!("{{{property},\"\":1}}")),
        utf8("a body with the key `__proto__`", format!("{{{property},\"__proto__\":{{\"tag\":1}}}}")),
        utf8("a body with a number above 64 bits", format!("{{{property},\"x\":18446744073709551616}}")),
        utf8("a body with a number that overflows a double", format!("{{{property},\"x\":1e400}}")),
        utf8("a body with a very long number", format!("{{{property},\"x\":{}}}", "9".repeat(1_000))),
        with("a body with a byte order mark", object.clone(), Encoding::Utf8Bom),
        with("a body in UTF-16", object.clone(), Encoding::Utf16),
        with("a body that is not UTF-8", object, Encoding::InvalidUtf8),
    ];
    inputs.push(utf8("an empty body", String::new()));
    inputs.push(utf8("a body of white space", "  \n".into()));
    inputs
}

/// Tags that overflow, and unusual JSON spellings of valid ones.
fn tags(builder: &InputBuilder<'_>) -> Vec<Input> {
    let start = if builder.endpoint == Endpoint::Create { format!("\"id\":\"{ID}\",") } else { String::new() };
    let long = "9".repeat(1_000);
    let invalid =
        ["1e400", "1e300", "18446744073709551616", "9223372036854775808", "4294967296", "65536", "2147483648", "0.5"];
    // Whole numbers in another spelling: whether they are integers depends on the parser.
    let spelt = ["-0", "0.0", "0e0", "1e0", "-0.0"];
    let input = |tag: &str| {
        let text = format!("{{{start}\"tag\":{tag}}}");
        let content = InputBody::Text { declared: Some(JSON.into()), text, encoding: Encoding::Utf8 };
        let shown = if tag.len() > 40 { "a very long number" } else { tag };
        builder.input(format!("`tag` of {shown}"), RequestTemplate { content, ..builder.plain() }, Origin::Unusual)
    };
    invalid.into_iter().chain([long.as_str()]).chain(spelt).map(input).collect()
}

/// Content types that are missing, invalid, different from JSON, or have parameters.
fn content_types(builder: &InputBuilder<'_>) -> Vec<Input> {
    let text = match builder.endpoint {
        Endpoint::Create => format!("{{\"id\":\"{ID}\"}}"),
        _ => "{\"product_ids\":[]}".to_owned(),
    };
    let with = |description: String, declared: Option<&str>| {
        let declared = declared.map(str::to_owned);
        let content = InputBody::Text { declared, text: text.clone(), encoding: Encoding::Utf8 };
        builder.input(description, RequestTemplate { content, ..builder.plain() }, Origin::Unusual)
    };
    let types = [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-16",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "nonsense",
        "",
    ];
    let mut inputs: Vec<Input> =
        types.into_iter().map(|declared| with(format!("a content type of `{declared}`"), Some(declared))).collect();
    inputs.push(with("no content type".into(), None));
    let bare = RequestTemplate { content: InputBody::None, ..builder.plain() };
    inputs.push(builder.input("no body", bare, Origin::Unusual));
    inputs
}

/// Properties that the operation does not define.
fn properties(builder: &InputBuilder<'_>) -> Vec<Input> {
    let create = builder.endpoint == Endpoint::Create;
    let base = if create { json!({ "id": "" }) } else { json!({ "product_ids": [] }) };
    let with = |description: String, name: &str, value: Value| {
        let mut body = base.clone();
        body[name] = value;
        // A server may create an offering under this id; with the prefix of the run, the cleanup finds it.
        let preserve = body.get("id").map(|_| Preserve::Whole);
        let content = InputBody::Json(body, preserve);
        builder.input(description, RequestTemplate { content, ..builder.plain() }, Origin::Unusual)
    };
    let set = [
        ("object", json!("list")),
        ("url", json!("/v4/offerings/elsewhere")),
        ("created_at", json!("2001-02-03T04:05:06Z")),
        ("updated_at", json!("2091-02-03T04:05:06Z")),
    ];
    let mut inputs = vec![with("an unknown property".into(), "qonform_unknown", json!("value"))];
    inputs.extend(set.into_iter().map(|(name, value)| with(format!("`{name}` in the body"), name, value)));
    if !create {
        inputs.push(with("`id` in the body".into(), "id", json!("")));
        let mut neighbour = with("`id` of another offering in the body".into(), "id", json!(format!("{ID}n")));
        if let InputBody::Json(_, preserve) = &mut neighbour.template.content {
            *preserve = None;
        }
        neighbour.template.neighbour = Some(format!("{ID}n"));
        inputs.push(neighbour);
    }
    inputs
}

/// Idempotency keys. The contract allows any text, but a server may have a limit of its own.
fn idempotency_keys(builder: &InputBuilder<'_>) -> Vec<Input> {
    let with = |description: &str, value: String| {
        let template = RequestTemplate { headers: vec![("idempotency-key".into(), value)], ..builder.plain() };
        builder.input(description, template, Origin::Unusual)
    };
    vec![
        with("an `Idempotency-Key` of 300 characters", format!("{ID}{}", "k".repeat(300))),
        with("a very long `Idempotency-Key`", format!("{ID}{}", "k".repeat(VERY_LONG / 2))),
        with("an empty `Idempotency-Key`", String::new()),
        with("an `Idempotency-Key` with a non-ASCII letter", format!("{ID}é")),
        with("an `Idempotency-Key` with a tab", format!("{ID}\tx")),
        with("an `Idempotency-Key` with quotes", format!("\"{ID}'\"")),
    ]
}

/// Bodies that set-main does not need.
fn unneeded_bodies(builder: &InputBuilder<'_>) -> Vec<Input> {
    let with = |description: &str, content: InputBody| {
        builder.input(description, RequestTemplate { content, ..builder.plain() }, Origin::Unusual)
    };
    let text =
        |text: &str| InputBody::Text { declared: Some(JSON.into()), text: text.into(), encoding: Encoding::Utf8 };
    vec![
        with("an empty object as body", InputBody::Json(json!({}), None)),
        with("an unneeded body", InputBody::Json(json!({ "tag": 1 }), None)),
        with("an unneeded body that is a list", InputBody::Json(json!([]), None)),
        with("an unneeded body that is not JSON", text("{")),
    ]
}
