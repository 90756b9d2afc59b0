//! Requests that are unusual but legal: none may make a server fail, and most of them it may accept or reject.

use super::inputs::{Input, Maker, Origin};
use super::name::{Name, Preserve};
use super::recipe::{Encoding, ID, InputBody, InputSubject, Recipe, Spelling};
use crate::contract::Endpoint;
use crate::exchange::OperationRef;
use http::Method;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// How long a text is that a server may reject as a whole.
const VERY_LONG: usize = 8_000;

pub(super) fn of(maker: &Maker<'_>) -> Vec<Input> {
    type Kind = fn(&Maker<'_>) -> Vec<Input>;
    let kinds: &[Kind] = match maker.endpoint {
        Endpoint::List => &[queries, accepts, twins],
        Endpoint::Create => &[new_ids, texts, tags, declared, properties, keys],
        Endpoint::Get => &[spellings, segments, reserved, twins, methods],
        Endpoint::Update => &[spellings, segments, reserved, twins, texts, tags, declared, properties],
        Endpoint::Delete => &[spellings, segments, reserved, twins],
        Endpoint::SetMain => &[segments, reserved, twins, unneeded, keys],
    };
    kinds.iter().flat_map(|kind| kind(maker)).collect()
}

/// Queries that are spelt unusually, repeat themselves, or name what no document names.
fn queries(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, query: &[String]| {
        maker.input(what, Recipe { query: query.to_vec(), ..maker.plain() }, Origin::Unusual)
    };
    let one = |text: &str| [text.to_owned()];
    vec![
        with("an unknown query parameter", &one("qonform_unknown=1")),
        with("an unknown query parameter without a value", &one("qonform_unknown")),
        with("`limit` given twice", &["limit=1".into(), "limit=2".into()]),
        with("`limit` given twice, once wrongly", &["limit=1".into(), "limit=abc".into()]),
        with("`starting_after` given twice", &["starting_after=a".into(), "starting_after=b".into()]),
        with("`limit` as a list", &one("limit[]=1")),
        with("`limit` as a map", &one("limit[a]=1")),
        with("`limit` without a value", &one("limit")),
        with("`limit` in capitals", &one("LIMIT=1")),
        with("`limit` with its name encoded", &one("%6Cimit=1")),
        with("an empty parameter", &one("&&=")),
        with("a query of bytes that are no UTF-8", &one("starting_after=%FF%FE")),
        with("a query with a percent sign that encodes nothing", &one("starting_after=%zz")),
        with("a query that ends in a percent sign", &one("starting_after=a%")),
        with("a cursor of NUL", &one("starting_after=%00")),
        with("a cursor that is very long", &[format!("starting_after={}", "a".repeat(VERY_LONG))]),
        with("a limit that is very long", &[format!("limit={}", "9".repeat(VERY_LONG))]),
        with("a query of very many parameters", &(0..300).map(|n| format!("q{n}=1")).collect::<Vec<_>>()),
    ]
}

/// Media types that no server returns. A rejection is as right as ignoring them.
fn accepts(maker: &Maker<'_>) -> Vec<Input> {
    let odd = ["text/html", "application/xml;q=0.9", "*/*;q=0", "nonsense", ",,;;", "application/json;version=99"];
    let mut inputs = Vec::new();
    for value in odd {
        let recipe = Recipe { headers: vec![("accept".into(), value.into())], ..maker.plain() };
        inputs.push(outside(maker.input(format!("an Accept of `{value}`"), recipe, Origin::Unusual)));
    }
    inputs
}

/// The same input, its response not compared with what the document says of the operation.
fn outside(mut input: Input) -> Input {
    input.operation = OperationRef::None;
    input
}

/// Methods that the document does not have at these URLs.
fn methods(maker: &Maker<'_>) -> Vec<Input> {
    let list = Endpoint::List.path();
    let (item, promote) = (Endpoint::Get.path(), Endpoint::SetMain.path());
    let unknown = Method::from_bytes(b"BREW").unwrap_or(Method::OPTIONS);
    let tried = [
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
    let make = |(method, path): (Method, &str)| {
        let subject = if path == list { InputSubject::None } else { InputSubject::Missing(Name::FRESH) };
        let what = format!("the method {method}");
        let recipe = Recipe { method, path: path.to_owned(), subject, ..maker.plain() };
        outside(maker.input(what, recipe, Origin::Unusual))
    };
    tried.into_iter().map(make).collect()
}

/// An existing id, percent-encoded in every way that means the same.
fn spellings(maker: &Maker<'_>) -> Vec<Input> {
    let spelt = [
        ("an id with every character percent-encoded", Spelling::EveryByte),
        ("an id percent-encoded in lower case", Spelling::LowerCase),
        ("an id with its colon as it is", Spelling::BareColon),
        ("an id with spaces and colons", Spelling::Plain),
    ];
    spelt
        .into_iter()
        .map(|(what, spelling)| {
            let subject = InputSubject::Existing(Name::like("a B:c.d_e-f", Preserve::Letters), spelling);
            let recipe = Recipe { subject, ..maker.plain() };
            maker.input(what, recipe, Origin::Unusual)
        })
        .collect()
}

/// Path segments that name no offering, or of which it depends on the server and what stands in front what they name.
fn segments(maker: &Maker<'_>) -> Vec<Input> {
    let odd: Vec<(&str, String)> = vec![
        ("an id with an encoded slash", "qf-none%2Fx".into()),
        ("an id with an encoded slash in lower case", "qf-none%2fx".into()),
        ("an id with an encoded backslash", "qf-none%5Cx".into()),
        ("an id of bytes that are no UTF-8", "qf-none%FF%FE".into()),
        ("an id of a surrogate", "qf-none%ED%A0%80".into()),
        ("an id with an overlong encoding", "qf-none%C0%AF".into()),
        ("an id with a percent sign that encodes nothing", "qf-none%zz".into()),
        ("an id that ends in a percent sign", "qf-none%".into()),
        ("an id with NUL", "qf-none%00".into()),
        ("an id with a quotation mark", "qf-none%22x".into()),
        ("an id with an apostrophe", "qf-none'x".into()),
        ("an id with a semicolon", "qf-none;x=1".into()),
        ("an id with an encoded question mark", "qf-none%3Fx".into()),
        ("an id with a right-to-left override", "qf-none%E2%80%AEx".into()),
        ("an id with a combining accent", "qf-nonee%CC%81".into()),
        ("an id that is very long", "a".repeat(VERY_LONG)),
    ];
    let dots: Vec<(&str, String)> = vec![
        ("an id of a dot", "%2E".into()),
        ("an id of two dots", "%2E%2E".into()),
        ("an id that leads upwards", "..%2Fqf-none".into()),
    ];
    let make = |(what, segment): (&str, String)| {
        let recipe = Recipe { subject: InputSubject::Segment(segment), ..maker.plain() };
        outside(maker.input(what, recipe, Origin::Unusual))
    };
    // Clients and proxies collapse dots, and then a request to delete is one for the collection: only reads are sent.
    let is_read = !maker.endpoint.writes();
    let mut inputs: Vec<Input> = odd.into_iter().map(make).collect();
    inputs.extend(dots.into_iter().filter(|_| is_read).map(make));
    inputs
}

/// Ids that programs treat specially, digits among them, and that the contract allows.
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

/// Ids that the contract allows and servers stumble over, and such as it does not.
fn new_ids(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, id: &str, preserve: Preserve| {
        let content = InputBody::Json(json!({ "id": id }), Some(preserve));
        maker.input(what, Recipe { content, ..maker.plain() }, Origin::Unusual)
    };
    let mut inputs = vec![
        with("an `id` that starts with a digit", "7qf-first", Preserve::Whole),
        with("an `id` that starts with a dot", ".qf-first", Preserve::Whole),
        with("an `id` that starts with a space", " qf-first", Preserve::Whole),
        with("an `id` of two spaces within", "a  b", Preserve::Letters),
        with("an `id` that ends in a dot", "a.", Preserve::Letters),
        with("an `id` that ends like another URL", "a:set-main", Preserve::Letters),
        with("an `id` of ‘a’ and U+0301", "a\u{301}", Preserve::Letters),
        with("an `id` of Arabic letters", "\u{645}\u{631}", Preserve::Letters),
        with("an `id` with a right-to-left override", "\u{202e}abc", Preserve::Letters),
        with("an `id` with an emoji", "👍🏽", Preserve::Letters),
        with("an `id` of a full-width letter", "ａ", Preserve::Letters),
        with("an `id` that is very long", &"a".repeat(VERY_LONG), Preserve::Length),
    ];
    inputs.extend(RESERVED.map(|id| with(&format!("an `id` of `{id}`"), id, Preserve::Whole)));
    let content = InputBody::Json(json!({ "ID": ID }), None);
    inputs.push(maker.input("`ID` in place of `id`", Recipe { content, ..maker.plain() }, Origin::Unusual));
    inputs
}

/// The same ids in a path.
fn reserved(maker: &Maker<'_>) -> Vec<Input> {
    let make = |id: &str| {
        let subject = InputSubject::Existing(Name::like(id, Preserve::Whole), Spelling::Plain);
        maker.input(format!("an id of `{id}`"), Recipe { subject, ..maker.plain() }, Origin::Unusual)
    };
    RESERVED.map(make).into()
}

/// An id, and the id of an existing offering that a server reads in its place when it decodes twice, or a plus sign as
/// a space.
const TWINS: [(&str, &str, &str); 2] =
    [("encoded twice", "‹id›a%2562", "‹id›ab"), ("with a plus sign", "‹id›a+b", "‹id›a b")];

fn twins(maker: &Maker<'_>) -> Vec<Input> {
    let make = |(what, id, twin): (&str, &str, &str)| {
        let beside = Some(twin.to_owned());
        if maker.endpoint == Endpoint::List {
            let query = vec![format!("starting_after={id}")];
            let recipe = Recipe { query, beside, ..maker.plain() };
            return maker.input(format!("a cursor {what}"), recipe, Origin::Unusual);
        }
        let recipe = Recipe { subject: InputSubject::Segment(id.to_owned()), beside, ..maker.plain() };
        maker.input(format!("an id {what}"), recipe, Origin::Unusual)
    };
    TWINS.map(make).into()
}

/// Bodies that JSON allows and servers read in different ways, and such as are no JSON.
fn texts(maker: &Maker<'_>) -> Vec<Input> {
    let property = match maker.endpoint {
        Endpoint::Create => format!("\"id\":\"{ID}\""),
        _ => "\"product_ids\":[]".to_owned(),
    };
    let with = |what: &str, text: String, encoding: Encoding| {
        let content = InputBody::Text { declared: Some(JSON.into()), text, encoding };
        maker.input(what, Recipe { content, ..maker.plain() }, Origin::Unusual)
    };
    let utf8 = |what: &str, text: String| with(what, text, Encoding::Utf8);
    let object = format!("{{{property}}}");
    let escaped = format!("{{{}}}", property.replacen("\"id\"", "\"\\u0069d\"", 1).replacen("ids\"", "id\\u0073\"", 1));
    let nested = |depth: usize| format!("{{{property},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut inputs = vec![
        utf8("a body that breaks off", format!("{{{property}")),
        utf8("a body with something behind it", format!("{object} x")),
        utf8("a body of two objects", format!("{object}{object}")),
        utf8("a body with a comma too many", format!("{{{property},}}")),
        utf8("a body with single quotes", "{'a':1}".into()),
        utf8("a body of a bare word", "abc".into()),
        utf8("a body of NUL", "\0".into()),
        utf8("a body of a form", "id=a&tag=0".into()),
        utf8("a body of XML", "<offering/>".into()),
        utf8("a body that is a string of JSON", Value::from(object.as_str()).to_string()),
        utf8("a body of JSON in a list", format!("[{object}]")),
        utf8("a body with white space around", format!(" \r\n\t{object}\n ")),
        utf8("a body with a key twice", format!("{{{property},{property}}}")),
        utf8("a body with escaped letters", escaped),
        utf8("a body with a deep value", nested(100)),
        utf8("a body with a very deep value", nested(5_000)),
        utf8("a body of brackets alone", "[".repeat(20_000)),
        utf8("a body of 70 KiB", format!("{object}{}", " ".repeat(70 << 10))),
        utf8("a body of 2 MiB", format!("{object}{}", " ".repeat(2 << 20))),
        utf8("a body with a text of 2000 characters", format!("{{{property},\"x\":\"{}\"}}", "a".repeat(2_000))),
        utf8("a body with an emoji", format!("{{{property},\"x\":\"😀\"}}")),
        utf8("a body with a letter beyond ASCII", format!("{{{property},\"é\":\"ß\"}}")),
        utf8("a body with an escaped NUL", format!("{{{property},\"x\":\"\\u0000\"}}")),
        utf8("a body with a lone surrogate", format!("{{{property},\"x\":\"\\ud800\"}}")),
        utf8("a body with an empty key", format!("{{{property},\"\":1}}")),
        utf8("a body with a key of a prototype", format!("{{{property},\"__proto__\":{{\"tag\":1}}}}")),
        utf8("a body with a number beyond 64 bits", format!("{{{property},\"x\":18446744073709551616}}")),
        utf8("a body with a number beyond any", format!("{{{property},\"x\":1e400}}")),
        utf8("a body with a very long number", format!("{{{property},\"x\":{}}}", "9".repeat(1_000))),
        with("a body behind a byte order mark", object.clone(), Encoding::Marked),
        with("a body in UTF-16", object.clone(), Encoding::Utf16),
        with("a body with bytes that are no UTF-8", object, Encoding::Broken),
    ];
    inputs.push(utf8("an empty body", String::new()));
    inputs.push(utf8("a body of white space", "  \n".into()));
    inputs
}

/// Tags as JSON may spell them and as they overflow.
fn tags(maker: &Maker<'_>) -> Vec<Input> {
    let start = if maker.endpoint == Endpoint::Create { format!("\"id\":\"{ID}\",") } else { String::new() };
    let long = "9".repeat(1_000);
    let invalid =
        ["1e400", "1e300", "18446744073709551616", "9223372036854775808", "4294967296", "65536", "2147483648", "0.5"];
    // Whole numbers in another spelling: what they are is up to the reader.
    let spelt = ["-0", "0.0", "0e0", "1e0", "-0.0"];
    let make = |tag: &str| {
        let text = format!("{{{start}\"tag\":{tag}}}");
        let content = InputBody::Text { declared: Some(JSON.into()), text, encoding: Encoding::Utf8 };
        let shown = if tag.len() > 40 { "a very long number" } else { tag };
        maker.input(format!("`tag` of {shown}"), Recipe { content, ..maker.plain() }, Origin::Unusual)
    };
    invalid.into_iter().chain([long.as_str()]).chain(spelt).map(make).collect()
}

/// Content types that are missing, wrong, or have parameters.
fn declared(maker: &Maker<'_>) -> Vec<Input> {
    let text = match maker.endpoint {
        Endpoint::Create => format!("{{\"id\":\"{ID}\"}}"),
        _ => "{\"product_ids\":[]}".to_owned(),
    };
    let with = |what: String, declared: Option<&str>| {
        let declared = declared.map(str::to_owned);
        let content = InputBody::Text { declared, text: text.clone(), encoding: Encoding::Utf8 };
        maker.input(what, Recipe { content, ..maker.plain() }, Origin::Unusual)
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
    let bare = Recipe { content: InputBody::None, ..maker.plain() };
    inputs.push(maker.input("no body", bare, Origin::Unusual));
    inputs
}

/// Properties that the operation does not take.
fn properties(maker: &Maker<'_>) -> Vec<Input> {
    let create = maker.endpoint == Endpoint::Create;
    let base = if create { json!({ "id": "" }) } else { json!({ "product_ids": [] }) };
    let with = |what: String, name: &str, value: Value| {
        let mut body = base.clone();
        body[name] = value;
        // Whatever a server does with an id, an offering of that name is the run's own, which removes it.
        let preserve = body.get("id").map(|_| Preserve::Whole);
        let content = InputBody::Json(body, preserve);
        maker.input(what, Recipe { content, ..maker.plain() }, Origin::Unusual)
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
        if let InputBody::Json(_, preserve) = &mut neighbour.recipe.content {
            *preserve = None;
        }
        neighbour.recipe.beside = Some(format!("{ID}n"));
        inputs.push(neighbour);
    }
    inputs
}

/// Idempotency keys: any text, but a server may have a limit of its own.
fn keys(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, value: String| {
        let recipe = Recipe { headers: vec![("idempotency-key".into(), value)], ..maker.plain() };
        maker.input(what, recipe, Origin::Unusual)
    };
    vec![
        with("an `Idempotency-Key` of 300 characters", format!("{ID}{}", "k".repeat(300))),
        with("an `Idempotency-Key` that is very long", format!("{ID}{}", "k".repeat(VERY_LONG / 2))),
        with("an `Idempotency-Key` that is empty", String::new()),
        with("an `Idempotency-Key` of letters beyond ASCII", format!("{ID}é")),
        with("an `Idempotency-Key` with a tab", format!("{ID}\tx")),
        with("an `Idempotency-Key` with quotes", format!("\"{ID}'\"")),
    ]
}

/// Bodies that set-main does not need.
fn unneeded(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, content: InputBody| maker.input(what, Recipe { content, ..maker.plain() }, Origin::Unusual);
    let text =
        |text: &str| InputBody::Text { declared: Some(JSON.into()), text: text.into(), encoding: Encoding::Utf8 };
    vec![
        with("an empty object as body", InputBody::Json(json!({}), None)),
        with("an unneeded body", InputBody::Json(json!({ "tag": 1 }), None)),
        with("an unneeded body that is a list", InputBody::Json(json!([]), None)),
        with("an unneeded body that is no JSON", text("{")),
    ]
}
