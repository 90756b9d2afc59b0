//! A request to one of the six operations, parsed into the properties that conditions depend on.

use percent_encoding::percent_decode_str;

use super::body::{Body, Sent};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};

/// The longest offering id, in characters.
const MAX_ID: usize = 64;

/// The longest product id, in characters.
const MAX_PRODUCT_ID: usize = 255;

/// A longer path segment or cursor may be rejected by a proxy in front of the API.
const MAX_ORDINARY: usize = 100;

/// Longer idempotency keys may be rejected.
const MAX_KEY: usize = 255;

/// One request to one of the six operations.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Call {
    /// The operation.
    pub endpoint: Endpoint,
    /// The API key that it carries.
    pub caller: Caller,
    /// The offering id in the path or in the body of a create, a number by its digits; empty otherwise.
    pub id: String,
    /// How the id in the path or the query is written.
    pub form: Form,
    /// Whether a server or proxy may reject its URL before the API. The body of such a rejection is not checked.
    pub has_unusual_path: bool,
    /// The body, if the operation reads one.
    pub body: Body,
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// `limit` of a list.
    pub limit: Limit,
    /// `starting_after` of a list, decoded once.
    pub after: Option<String>,
}

/// The API key of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Caller {
    /// The key of this role.
    Key(KeyRole),
    /// No `Authorization` header.
    Missing,
    /// An unknown key.
    Invalid,
}

/// How the variable part of a URL is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// As every client writes it.
    Plain,
    /// With undocumented query parameters.
    ExtraQuery,
    /// Readable in several ways by servers and proxies: encoded slashes, NUL, bytes that are not UTF-8, dot
    /// segments, very long texts, repeated parameters.
    Unusual,
}

/// The `limit` of a list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Limit {
    /// Not sent.
    Absent,
    /// 1 to 100.
    Valid(usize),
    /// An integer below 1.
    Low,
    /// An integer above 100.
    High,
    /// Not an integer for any parser.
    NotInteger,
    /// An integer for some parsers only, such as `+1`.
    Ambiguous,
}

impl Call {
    /// Parses a request; `None` if it is none of the six operations.
    pub fn read(request: &Request) -> Option<Self> {
        let endpoint = request.operation.endpoint()?;
        let caller = match request.header_value("authorization") {
            None => Caller::Missing,
            Some(_) => request.role().map_or(Caller::Invalid, Caller::Key),
        };
        let body = Body::read(endpoint, request);
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let segment = path.strip_prefix("/offerings/").map(|rest| rest.strip_suffix("/set-main").unwrap_or(rest));
        let query = Query::read(if endpoint == Endpoint::List { query } else { "" });
        let id = segment.map(decode).or_else(|| body.id_text.clone()).unwrap_or_default();
        // A URL with a broken escape is no URI: HTTP servers reject it before the application.
        let has_unusual_path = segment.is_some_and(is_unusual)
            || id.chars().count() > 100 && segment.is_some()
            || has_broken_escape(&request.path);
        let form = if segment.is_some_and(is_unusual) || request.body.as_ref().is_some_and(|_| !takes_body(endpoint)) {
            Form::Unusual
        } else {
            query.form
        };
        let key = request.header_value("idempotency-key").map(str::to_owned);
        Some(Self { endpoint, caller, id, form, has_unusual_path, body, key, limit: query.limit, after: query.after })
    }

    /// The id or cursor as read by servers that decode it twice, and by those that read a plus sign as a space.
    pub fn other_readings(&self) -> [String; 2] {
        let id = self.after.as_deref().unwrap_or(&self.id);
        [percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned(), id.replace('+', " ")]
    }

    /// The project of its key; the main project if it has no key.
    pub fn project(&self) -> KeyRole {
        match self.caller {
            Caller::Key(role @ (KeyRole::Second | KeyRole::Empty)) => role,
            _ => KeyRole::Main,
        }
    }

    /// Whether its key opens a project.
    pub fn is_authorized(&self) -> bool {
        matches!(self.caller, Caller::Key(KeyRole::Main | KeyRole::Second | KeyRole::Empty))
    }

    /// Whether it is a write request.
    pub fn is_write(&self) -> bool {
        self.endpoint.writes()
    }

    /// Whether every server must accept its idempotency key: 1 to 255 visible ASCII characters.
    pub fn has_ordinary_key(&self) -> bool {
        let is_ordinary =
            |key: &String| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        self.key.as_ref().is_none_or(is_ordinary)
    }

    /// The products that it sends.
    pub fn products(&self) -> Option<&[String]> {
        match &self.body.products {
            Sent::Value(products) => Some(products),
            _ => None,
        }
    }
}

fn takes_body(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Create | Endpoint::Update | Endpoint::SetMain)
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Whether a server and a proxy may read a path segment differently.
fn is_unusual(segment: &str) -> bool {
    let decoded: Vec<u8> = percent_decode_str(segment).collect();
    let is_dots = matches!(decoded.as_slice(), [] | [b'.'] | [b'.', b'.']);
    let has_odd_byte = decoded.iter().any(|byte| matches!(byte, b'/' | b'\\' | b';' | 0));
    is_dots
        || has_odd_byte
        || decoded.len() > MAX_ORDINARY
        || decoded.starts_with(b"..")
        || has_broken_escape(segment)
        || std::str::from_utf8(&decoded).is_err()
}

/// Whether a percent sign starts no valid escape.
fn has_broken_escape(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .any(|rest| !rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)))
}

/// The query of a list.
struct Query {
    limit: Limit,
    after: Option<String>,
    form: Form,
}

impl Query {
    fn read(query: &str) -> Self {
        let mut read = Self { limit: Limit::Absent, after: None, form: Form::Plain };
        let (mut limits, mut cursors) = (0, 0);
        for pair in query.split('&').filter(|_| !query.is_empty()) {
            let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
            match (name, value) {
                ("limit", Some(value)) => {
                    limits += 1;
                    read.limit = Limit::read(&decode(value));
                }
                ("starting_after", Some(value)) => {
                    cursors += 1;
                    let is_suspect = value.is_empty() || is_unusual(value) && value.len() < 3 * MAX_ID;
                    if is_suspect || has_broken_escape(value) {
                        read.form = Form::Unusual;
                    }
                    read.after = Some(decode(value));
                }
                // A lenient parser reads the same names.
                _ if decode(name).to_ascii_lowercase().contains("limit") || name.is_empty() => {
                    read.form = Form::Unusual;
                }
                _ if name == "starting_after" => read.form = Form::Unusual,
                _ if read.form == Form::Plain => read.form = Form::ExtraQuery,
                _ => {}
            }
        }
        if limits > 1 || cursors > 1 || query.len() > 2_000 {
            read.form = Form::Unusual;
        }
        if read.after.as_ref().is_some_and(|after| after.chars().any(|letter| letter == '\0')) {
            read.form = Form::Plain; // Proxies do not normalize the query.
        }
        read
    }
}

impl Limit {
    fn read(text: &str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_canonical = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'))
            && text.len() <= MAX_ORDINARY;
        if is_canonical {
            return match text.parse::<i64>() {
                Ok(limit @ 1..=100) => Self::Valid(limit as usize),
                Ok(limit) if limit < 1 => Self::Low,
                // Most parsers reject integers beyond 64 bits.
                Err(_) => Self::NotInteger,
                Ok(_) => Self::High,
            };
        }
        let is_fraction = text.parse::<f64>().is_ok_and(|number| number.is_finite() && number.fract() != 0.0);
        let is_word = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if (is_fraction || is_word) && text.len() <= MAX_ORDINARY { Self::NotInteger } else { Self::Ambiguous }
    }
}

/// Whether it is a valid offering id: 1 to 64 allowed characters.
pub(crate) fn is_offering_id(id: &str) -> bool {
    is_of_set(id, MAX_ID)
}

/// Whether it is a valid product id.
pub(super) fn is_product_id(id: &str) -> bool {
    is_of_set(id, MAX_PRODUCT_ID)
}

/// Whether a valid id is one that servers often mishandle: its rule is `create.id-bounds`.
pub(super) fn is_special_id(id: &str) -> bool {
    const RESERVED: [&str; 12] = [
        "0",
        "null",
        "undefined",
        "NaN",
        "true",
        "false",
        "new",
        "constructor",
        "__proto__",
        "set-main",
        "offerings",
        "toString",
    ];
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    id.len() < 3
        || id.len() > 56
        || !id.bytes().all(is_plain)
        || !id.starts_with(|letter: char| letter.is_ascii_lowercase())
        || RESERVED.contains(&id)
}

fn is_of_set(id: &str, longest: usize) -> bool {
    let in_set = |byte: u8| byte.is_ascii_alphanumeric() || b"._:- ".contains(&byte);
    (1..=longest).contains(&id.len()) && id.bytes().all(in_set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_is_parsed_from_its_request() {
        let request = Request::to(Endpoint::Update).id("a b").json(&json!({ "tag": null, "product_ids": ["p", 1] }));
        let call = Call::read(&request).unwrap();
        assert_eq!((call.endpoint, call.id.as_str(), call.form), (Endpoint::Update, "a b", Form::Plain));
        assert_eq!((&call.body.tag, &call.body.products), (&Sent::Null, &Sent::Invalid));
        let list = Request::to(Endpoint::List).query("limit", "2").query("starting_after", "a:b");
        let call = Call::read(&list).unwrap();
        assert_eq!((call.limit, call.after.as_deref()), (Limit::Valid(2), Some("a:b")));
        let second = Call::read(&list.clone().key(KeyRole::Second)).unwrap();
        assert_eq!((second.caller, second.project()), (Caller::Key(KeyRole::Second), KeyRole::Second));
        assert_eq!(Call::read(&list.without_header("authorization")).unwrap().caller, Caller::Missing);
    }

    #[test]
    fn a_limit_is_invalid_only_if_all_parsers_agree() {
        let all = [("1", Limit::Valid(1)), ("100", Limit::Valid(100)), ("0", Limit::Low), ("-1", Limit::Low)];
        let more = [("101", Limit::High), ("99999999999999999999", Limit::NotInteger), ("1.5", Limit::NotInteger)];
        let rest =
            [("abc", Limit::NotInteger), ("+1", Limit::Ambiguous), ("01", Limit::Ambiguous), ("1 ", Limit::Ambiguous)];
        for (text, limit) in all.into_iter().chain(more).chain(rest) {
            assert_eq!(Limit::read(text), limit, "{text}");
        }
    }

    #[test]
    fn unusual_paths_and_queries_are_recognised() {
        let get = |segment: &str| Call::read(&Request::to(Endpoint::Get).raw_id(segment)).unwrap().form;
        for segment in ["a%2Fb", "a%00", "%FF", "%2E", "a%zz"] {
            assert_eq!(get(segment), Form::Unusual, "{segment}");
        }
        assert_eq!(get("a%20b%3Ac"), Form::Plain);
        let list = |query: &str| Call::read(&Request::to(Endpoint::List).raw_query(query)).unwrap().form;
        assert_eq!(list("limit=1&page=2"), Form::ExtraQuery);
        for query in ["limit=1&limit=2", "limit[]=1", "LIMIT=1", "starting_after=%zz"] {
            assert_eq!(list(query), Form::Unusual, "{query}");
        }
    }

    #[test]
    fn special_ids_are_recognised() {
        assert!(!is_special_id("qf-abcd-create-echo-one"));
        for id in ["a", "q:x-y", "a b c", "Abc", "7abc", "null", &"x".repeat(64)] {
            assert!(is_special_id(id), "{id}");
        }
        assert!(is_offering_id(&"x".repeat(64)) && is_offering_id("a. b:c_-"));
        assert!(!is_offering_id("") && !is_offering_id(&"x".repeat(65)) && !is_offering_id("a/b"));
    }
}
