//! Requests that are unusual but legal: nothing may make a server fail, and most of them it may take or refuse.

use super::expect::{self, BAD, Expectation, Expected, refuse};
use super::inputs::{Input, Maker, Origin};
use super::name::{Fit, Name};
use super::recipe::{Content, Encoding, ID, Recipe, Spelling, Subject};
use crate::contract::Endpoint;
use crate::exchange::OperationRef;
use http::Method;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// How long a text is that a server may refuse as a whole.
const VERY_LONG: usize = 8_000;

pub(super) fn of(maker: &Maker<'_>) -> Vec<Input> {
    let mut inputs = Vec::new();
    match maker.endpoint {
        Endpoint::List => inputs.extend(queries(maker)),
        Endpoint::Create => {
            inputs.extend(new_ids(maker));
            inputs.extend(texts(maker));
            inputs.extend(declared(maker));
            inputs.extend(properties(maker));
            inputs.extend(keys(maker));
        }
        Endpoint::Get => {
            inputs.extend(spellings(maker));
            inputs.extend(segments(maker));
            inputs.extend(methods(maker));
        }
        Endpoint::Update => {
            inputs.extend(spellings(maker));
            inputs.extend(segments(maker));
            inputs.extend(texts(maker));
            inputs.extend(declared(maker));
            inputs.extend(properties(maker));
        }
        Endpoint::Delete => {
            inputs.extend(spellings(maker));
            inputs.extend(segments(maker));
        }
        Endpoint::SetMain => {
            inputs.extend(segments(maker));
            inputs.extend(unneeded(maker));
            inputs.extend(keys(maker));
        }
    }
    inputs
}

fn either() -> Expected {
    (None, Expectation::Either)
}

/// Queries that are spelt oddly, repeat themselves, or name what no document names.
fn queries(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, query: &[String], expected: Expected| {
        let recipe = Recipe { query: query.to_vec(), ..maker.plain() };
        maker.input(what, recipe, expected, Origin::Hostile)
    };
    let open = || (Some("list.unknown-query"), Expectation::Choose(200, vec![BAD]));
    let one = |text: &str| [text.to_owned()];
    let mut inputs = vec![
        with("an unknown query parameter", &one("qonform_unknown=1"), open()),
        with("an unknown query parameter without a value", &one("qonform_unknown"), open()),
        with("`limit` given twice", &["limit=1".into(), "limit=2".into()], either()),
        with("`limit` given twice, once wrongly", &["limit=1".into(), "limit=abc".into()], either()),
        with("`starting_after` given twice", &["starting_after=a".into(), "starting_after=b".into()], either()),
        with("`limit` as a list", &one("limit[]=1"), either()),
        with("`limit` as a map", &one("limit[a]=1"), either()),
        with("`limit` without a value", &one("limit"), either()),
        with("`limit` in capitals", &one("LIMIT=1"), either()),
        with("`limit` with its name encoded", &one("%6Cimit=1"), either()),
        with("an empty parameter", &one("&&="), either()),
        with("a query of bytes that are no UTF-8", &one("starting_after=%FF%FE"), either()),
        with("a query with a percent sign that encodes nothing", &one("starting_after=%zz"), either()),
        with("a query that ends in a percent sign", &one("starting_after=a%"), either()),
        with("a cursor with a plus sign", &one("starting_after=a+b"), either()),
        with("a cursor of NUL", &one("starting_after=%00"), (Some("list.cursor-invalid"), refuse(&[BAD], &[]))),
        with("a cursor that is very long", &[format!("starting_after={}", "a".repeat(VERY_LONG))], refused_somehow()),
        with("a limit that is very long", &[format!("limit={}", "9".repeat(VERY_LONG))], refused_somehow()),
        with("a query of very many parameters", &(0..300).map(|n| format!("q{n}=1")).collect::<Vec<_>>(), either()),
    ];
    inputs.extend(accepts(maker));
    inputs
}

/// Whatever refuses it: the operation, or what stands in front of it. No rule speaks of how.
fn refused_somehow() -> Expected {
    either()
}

/// Kinds of answer that nobody makes. A refusal is as right as ignoring it.
fn accepts(maker: &Maker<'_>) -> Vec<Input> {
    let odd = ["text/html", "application/xml;q=0.9", "*/*;q=0", "nonsense", ",,;;", "application/json;version=99"];
    let mut inputs = Vec::new();
    for value in odd {
        let recipe = Recipe { headers: vec![("accept".into(), value.into())], ..maker.plain() };
        inputs.push(outside(maker.input(format!("an Accept of `{value}`"), recipe, either(), Origin::Hostile)));
    }
    inputs
}

/// The same input, its answer not held against what the document says of the operation.
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
        let subject = if path == list { Subject::None } else { Subject::Missing(Name::FRESH) };
        let what = format!("the method {method}");
        let recipe = Recipe { method, path: path.to_owned(), subject, ..maker.plain() };
        outside(maker.input(what, recipe, either(), Origin::Hostile))
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
            let subject = Subject::Existing(Name::like("a B:c.d_e-f", Fit::Letters), spelling);
            let recipe = Recipe { subject, ..maker.plain() };
            let status = expect::success(maker.endpoint);
            let expected = (Some(expect::plain_rule(maker.endpoint)), Expectation::Accept(status));
            maker.input(what, recipe, expected, Origin::Hostile)
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
        ("an id encoded twice", "qf-none%2520x".into()),
        ("an id with NUL", "qf-none%00".into()),
        ("an id with a quotation mark", "qf-none%22x".into()),
        ("an id with an apostrophe", "qf-none'x".into()),
        ("an id with a plus sign", "qf-none+x".into()),
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
        let recipe = Recipe { subject: Subject::Segment(segment), ..maker.plain() };
        outside(maker.input(what, recipe, either(), Origin::Hostile))
    };
    // Clients and proxies collapse dots, and then a request to delete is one for the collection: only reads are sent.
    let is_read = !maker.endpoint.writes();
    let mut inputs: Vec<Input> = odd.into_iter().map(make).collect();
    inputs.extend(dots.into_iter().filter(|_| is_read).map(make));
    inputs
}

/// Ids that the contract allows and servers stumble over.
fn new_ids(maker: &Maker<'_>) -> Vec<Input> {
    let bounds = || (Some("create.id-bounds"), Expectation::Accept(201));
    let invalid = || (Some("create.id-invalid"), refuse(&[BAD], &[]));
    let with = |what: &str, id: &str, fit: Fit, expected: Expected| {
        let content = Content::Json(json!({ "id": id }), Some(fit));
        maker.input(what, Recipe { content, ..maker.plain() }, expected, Origin::Hostile)
    };
    let mut inputs = vec![
        with("an `id` of digits alone", "40718259316", Fit::Whole, bounds()),
        with("an `id` that starts with a digit", "7qf-first", Fit::Whole, bounds()),
        with("an `id` that starts with a dot", ".qf-first", Fit::Whole, bounds()),
        with("an `id` that starts with a space", " qf-first", Fit::Whole, bounds()),
        with("an `id` of two spaces within", "a  b", Fit::Letters, bounds()),
        with("an `id` that ends in a dot", "a.", Fit::Letters, bounds()),
        with("an `id` that ends like another URL", "a:set-main", Fit::Letters, bounds()),
        with("an `id` of `null`", "null", Fit::Letters, bounds()),
        with("an `id` of ‘a’ and U+0301", "a\u{301}", Fit::Letters, invalid()),
        with("an `id` of Arabic letters", "\u{645}\u{631}", Fit::Letters, invalid()),
        with("an `id` with a right-to-left override", "\u{202e}abc", Fit::Letters, invalid()),
        with("an `id` with an emoji", "👍🏽", Fit::Letters, invalid()),
        with("an `id` of a full-width letter", "ａ", Fit::Letters, invalid()),
    ];
    inputs.push(with("an `id` that is very long", &"a".repeat(VERY_LONG), Fit::Length, invalid()));
    inputs
}

/// Bodies that JSON allows and servers read in different ways, and such as are no JSON.
fn texts(maker: &Maker<'_>) -> Vec<Input> {
    let (rule, property) = match maker.endpoint {
        Endpoint::Create => ("create.body-malformed", format!("\"id\":\"{ID}\"")),
        _ => ("update.body-malformed", "\"product_ids\":[]".to_owned()),
    };
    let malformed = || (Some(rule), refuse(&[BAD], &[]));
    let with = |what: &str, text: String, encoding: Encoding, expected: Expected| {
        let content = Content::Text { declared: Some(JSON.into()), text, encoding };
        maker.input(what, Recipe { content, ..maker.plain() }, expected, Origin::Hostile)
    };
    let utf8 = |what: &str, text: String, expected: Expected| with(what, text, Encoding::Utf8, expected);
    let object = format!("{{{property}}}");
    let escaped = format!("{{{}}}", property.replacen("\"id\"", "\"\\u0069d\"", 1).replacen("ids\"", "id\\u0073\"", 1));
    let nested = |depth: usize| format!("{{{property},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut inputs = vec![
        utf8("a body that breaks off", format!("{{{property}"), malformed()),
        utf8("a body with something behind it", format!("{object} x"), malformed()),
        utf8("a body of two objects", format!("{object}{object}"), malformed()),
        utf8("a body with a comma too many", format!("{{{property},}}"), malformed()),
        utf8("a body with single quotes", "{'a':1}".into(), malformed()),
        utf8("a body of a bare word", "abc".into(), malformed()),
        utf8("a body of NUL", "\0".into(), malformed()),
        utf8("a body of a form", "id=a&tag=0".into(), malformed()),
        utf8("a body of XML", "<offering/>".into(), malformed()),
        utf8("a body that is a string of JSON", Value::from(object.as_str()).to_string(), malformed()),
        utf8("a body of JSON in a list", format!("[{object}]"), malformed()),
        utf8("a body with white space around", format!(" \r\n\t{object}\n "), either()),
        utf8("a body with a key twice", format!("{{{property},{property}}}"), either()),
        utf8("a body with escaped letters", escaped, either()),
        utf8("a body with a deep value", nested(100), either()),
        utf8("a body with a very deep value", nested(5_000), either()),
        utf8("a body of brackets alone", "[".repeat(20_000), malformed_or_large(rule)),
        utf8("a body of 70 KiB", format!("{object}{}", " ".repeat(70 << 10)), either()),
        utf8("a body of 2 MiB", format!("{object}{}", " ".repeat(2 << 20)), either()),
        utf8(
            "a body with a text of 2000 characters",
            format!("{{{property},\"x\":\"{}\"}}", "a".repeat(2_000)),
            either(),
        ),
        utf8("a body with an emoji", format!("{{{property},\"x\":\"😀\"}}"), either()),
        utf8("a body with a letter beyond ASCII", format!("{{{property},\"é\":\"ß\"}}"), either()),
        utf8("a body with an escaped NUL", format!("{{{property},\"x\":\"\\u0000\"}}"), either()),
        utf8("a body with a lone surrogate", format!("{{{property},\"x\":\"\\ud800\"}}"), either()),
        utf8("a body with an empty key", format!("{{{property},\"\":1}}"), either()),
        utf8("a body with a key of a prototype", format!("{{{property},\"__proto__\":{{\"tag\":1}}}}"), either()),
        utf8("a body with a number beyond 64 bits", format!("{{{property},\"x\":18446744073709551616}}"), either()),
        utf8("a body with a number beyond any", format!("{{{property},\"x\":1e400}}"), either()),
        utf8("a body with a very long number", format!("{{{property},\"x\":{}}}", "9".repeat(1_000)), either()),
        with("a body behind a byte order mark", object.clone(), Encoding::Marked, either()),
        with("a body in UTF-16", object.clone(), Encoding::Utf16, either()),
        with("a body with bytes that are no UTF-8", object, Encoding::Broken, either()),
    ];
    let empty = match maker.endpoint {
        Endpoint::Create => malformed(),
        // Nothing is said of an update without a body, and one without any property may be taken.
        _ => either(),
    };
    inputs.push(utf8("an empty body", String::new(), empty.clone()));
    inputs.push(utf8("a body of white space", "  \n".into(), empty));
    inputs.extend(tags(maker));
    inputs
}

fn malformed_or_large(rule: &'static str) -> Expected {
    (Some(rule), refuse(&[BAD, 413], &[]))
}

/// Tags as JSON may spell them and as they overflow.
fn tags(maker: &Maker<'_>) -> Vec<Input> {
    let (rule, start) = match maker.endpoint {
        Endpoint::Create => ("create.tag-invalid", format!("\"id\":\"{ID}\",")),
        _ => ("update.tag-invalid", String::new()),
    };
    let invalid = || (Some(rule), refuse(&[BAD], &[]));
    let with = |tag: &str, expected: Expected| {
        let text = format!("{{{start}\"tag\":{tag}}}");
        let content = Content::Text { declared: Some(JSON.into()), text, encoding: Encoding::Utf8 };
        let shown = if tag.len() > 40 { "a very long number" } else { tag };
        maker.input(format!("`tag` of {shown}"), Recipe { content, ..maker.plain() }, expected, Origin::Hostile)
    };
    let mut inputs: Vec<Input> =
        ["1e400", "1e300", "18446744073709551616", "9223372036854775808", "4294967296", "65536", "2147483648", "0.5"]
            .into_iter()
            .map(|tag| with(tag, invalid()))
            .collect();
    inputs.push(with(&"9".repeat(1_000), invalid()));
    // Whole numbers in another spelling: what they are is up to the reader.
    inputs.extend(["-0", "0.0", "0e0", "1e0", "-0.0"].into_iter().map(|tag| with(tag, either())));
    inputs
}

/// Content types that are missing, wrong, or have parameters.
fn declared(maker: &Maker<'_>) -> Vec<Input> {
    let text = match maker.endpoint {
        Endpoint::Create => format!("{{\"id\":\"{ID}\"}}"),
        _ => "{\"product_ids\":[]}".to_owned(),
    };
    let with = |what: String, declared: Option<&str>| {
        let declared = declared.map(str::to_owned);
        let content = Content::Text { declared, text: text.clone(), encoding: Encoding::Utf8 };
        maker.input(what, Recipe { content, ..maker.plain() }, either(), Origin::Hostile)
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
    let bare = Recipe { content: Content::None, ..maker.plain() };
    let expected = match maker.endpoint {
        Endpoint::Create => (Some("create.body-malformed"), refuse(&[BAD, 415], &[])),
        _ => either(),
    };
    inputs.push(maker.input("no body", bare, expected, Origin::Hostile));
    inputs
}

/// Properties that nobody asked for.
fn properties(maker: &Maker<'_>) -> Vec<Input> {
    let create = maker.endpoint == Endpoint::Create;
    let base = if create { json!({ "id": "" }) } else { json!({ "product_ids": [] }) };
    let success = expect::success(maker.endpoint);
    let with = |what: String, name: &str, value: Value, rule: Option<&'static str>| {
        let mut body = base.clone();
        body[name] = value;
        // Whatever a server does with an id, an offering of that name is the run's own, which removes it.
        let fit = body.get("id").map(|_| Fit::Whole);
        let recipe = Recipe { content: Content::Json(body, fit), ..maker.plain() };
        let expectation = match rule {
            Some(_) => Expectation::Choose(success, vec![BAD]),
            None => Expectation::Either,
        };
        maker.input(what, recipe, (rule, expectation), Origin::Hostile)
    };
    let unknown = create.then_some("create.unknown-field");
    let read_only = create.then_some("create.readonly-ignored");
    let mut inputs = vec![with("an unknown property".into(), "qonform_unknown", json!("value"), unknown)];
    let set = [
        ("object", json!("list")),
        ("url", json!("/v4/offerings/elsewhere")),
        ("created_at", json!("2001-02-03T04:05:06Z")),
        ("updated_at", json!("2091-02-03T04:05:06Z")),
    ];
    inputs.extend(set.into_iter().map(|(name, value)| with(format!("`{name}` in the body"), name, value, read_only)));
    if !create {
        inputs.push(with("`id` in the body".into(), "id", json!(""), Some("update.id-immutable")));
    }
    inputs
}

/// Idempotency keys: any text, but a server may have a limit of its own.
fn keys(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, value: String| {
        let recipe = Recipe { headers: vec![("idempotency-key".into(), value)], ..maker.plain() };
        maker.input(what, recipe, either(), Origin::Hostile)
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
    let open = || (Some("set-main.body-ignored"), Expectation::Choose(200, vec![BAD]));
    let with = |what: &str, content: Content, expected: Expected| {
        maker.input(what, Recipe { content, ..maker.plain() }, expected, Origin::Hostile)
    };
    let text = |text: &str| Content::Text { declared: Some(JSON.into()), text: text.into(), encoding: Encoding::Utf8 };
    vec![
        with("an empty object as body", Content::Json(json!({}), None), open()),
        with("an unneeded body", Content::Json(json!({ "tag": 1 }), None), open()),
        with("an unneeded body that is a list", Content::Json(json!([]), None), either()),
        with("an unneeded body that is no JSON", text("{"), either()),
    ]
}
