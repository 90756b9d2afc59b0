//! A response, parsed into the properties that conditions depend on.
//!
//! The parser is lenient: only the schema rule reports schema violations. The oracle uses values with a clear meaning
//! (`"tag": "1"`, `"product_ids": null`); other invalid values are read as empty.

use serde_json::Value;

use super::conditions as row;
use crate::check::Offering;
use crate::exchange::Response;

/// The header of a page of a restarted list.
pub const RESTARTED: &str = "x-qon-pagination-restarted";

/// A parsed response.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// `error.code`.
    pub code: Option<String>,
    /// The content of the body.
    pub content: Content,
    /// Whether the header reports a restarted list.
    pub is_restarted: bool,
    /// The last path segments of the fields that the error details name.
    pub fields: Vec<String>,
    /// Status and code for messages, as in `404 not_found`.
    pub summary: String,
}

/// The content of a body.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Content {
    /// Neither an offering nor a page.
    Nothing,
    /// One offering.
    Offering(Offering),
    /// A page of the list.
    Page(Page),
}

/// A page of the list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Page {
    /// Its offerings, in order.
    pub offerings: Vec<Offering>,
    /// `has_more`; `None` if missing or invalid.
    pub has_more: Option<bool>,
    /// `next_cursor`; `None` if missing or null.
    pub next_cursor: Option<String>,
}

impl Page {
    /// Its ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.offerings.iter().map(|offering| offering.id.as_str())
    }

    /// The offerings with `tag` 1.
    pub fn mains(&self) -> Vec<&str> {
        self.offerings.iter().filter(|offering| offering.is_main()).map(|offering| offering.id.as_str()).collect()
    }
}

impl Reply {
    /// Parses a response.
    pub fn read(response: &Response) -> Self {
        let body = response.json();
        Self {
            status: response.status,
            code: response.error_code().map(str::to_owned),
            content: body.filter(|_| response.is_success()).map_or(Content::Nothing, content),
            is_restarted: response.header(RESTARTED).is_some_and(|value| value.trim().eq_ignore_ascii_case("true")),
            fields: body.filter(|_| response.is_rejection()).map(fields).unwrap_or_default(),
            summary: response.summary(),
        }
    }

    /// A response without headers and details, for callers that have no response bytes.
    pub fn of(status: u16, code: Option<&str>, content: Content) -> Self {
        let code = code.map(str::to_owned);
        let summary = code.as_ref().map_or_else(|| status.to_string(), |code| format!("{status} {code}"));
        Self { status, code, content, is_restarted: false, fields: Vec::new(), summary }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the status is 4xx.
    pub fn is_rejection(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// Whether the status means that the request has no valid key.
    pub fn is_unauthorized(&self) -> bool {
        row::AUTH_MISSING.statuses.contains(&self.status)
    }

    /// Whether the offering does not exist.
    pub fn is_missing(&self) -> bool {
        self.status == 404
    }

    /// Whether the status means a conflict with another request or with the state.
    pub fn is_conflict(&self) -> bool {
        row::DUPLICATE.statuses.contains(&self.status)
    }

    /// The offering in the body.
    pub fn offering(&self) -> Option<&Offering> {
        match &self.content {
            Content::Offering(offering) => Some(offering),
            Content::Nothing | Content::Page(_) => None,
        }
    }

    /// The page in the body.
    pub fn page(&self) -> Option<&Page> {
        match &self.content {
            Content::Page(page) => Some(page),
            Content::Nothing | Content::Offering(_) => None,
        }
    }
}

fn content(body: &Value) -> Content {
    let items = body.as_array().or_else(|| body.get("data")?.as_array());
    if let Some(items) = items {
        let has_more = match body.get("has_more") {
            Some(Value::Bool(has_more)) => Some(*has_more),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let next_cursor = body.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        return match items.iter().map(offering).collect::<Option<Vec<_>>>() {
            Some(offerings) => Content::Page(Page { offerings, has_more, next_cursor }),
            None => Content::Nothing,
        };
    }
    if body.get("object").is_some_and(|object| object == "list") && body.get("data").is_none_or(Value::is_null) {
        return Content::Page(Page { has_more: Some(false), ..Page::default() });
    }
    let inner = body.get("data").filter(|data| data.is_object());
    inner.or(Some(body)).and_then(offering).map_or(Content::Nothing, Content::Offering)
}

/// An offering with a readable id and all other readable properties.
fn offering(value: &Value) -> Option<Offering> {
    let id = match value.get("id")? {
        Value::String(id) => id.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let tag = match value.get("tag") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Bool(is_main)) => Some(i64::from(*is_main)),
        Some(tag) => tag.as_i64(),
        None => None,
    };
    let products = match value.get("product_ids") {
        Some(Value::Array(items)) => items.iter().filter_map(product).collect(),
        Some(Value::String(joined)) if !joined.is_empty() => joined.split(',').map(|id| id.trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    Some(Offering {
        id,
        tag,
        products,
        created_at: text("created_at"),
        updated_at: text("updated_at"),
        url: text("url"),
    })
}

fn product(item: &Value) -> Option<String> {
    item.as_str().or_else(|| item.get("id")?.as_str()).map(str::to_owned)
}

fn fields(body: &Value) -> Vec<String> {
    let details = body.pointer("/error/details");
    let named: Vec<&str> = match details {
        Some(Value::Array(items)) => items.iter().filter_map(|item| item.get("field")?.as_str()).collect(),
        Some(Value::Object(members)) => members.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    named.into_iter().filter_map(|field| field.rsplit(['.', '/']).next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::json;

    fn reply(status: u16, body: &Value) -> Reply {
        Reply::read(&Response::new(status, HeaderMap::new(), Bytes::from(body.to_string())))
    }

    #[test]
    fn readable_properties_of_an_invalid_offering_are_read() {
        let whole = json!({ "id": "a", "tag": "1", "product_ids": "p,q", "created_at": 7, "url": "/x" });
        for body in [whole.clone(), json!({ "data": whole })] {
            let reply = reply(200, &body);
            let offering = reply.offering().unwrap();
            assert_eq!((offering.is_main(), offering.products.len()), (true, 2));
            assert_eq!((offering.created_at.as_str(), offering.updated_at.as_str()), ("", ""));
        }
        assert_eq!(reply(200, &json!({ "tag": 1 })).content, Content::Nothing);
    }

    #[test]
    fn a_page_may_be_a_bare_array() {
        let items = json!([{ "id": "a" }, { "id": 7 }]);
        let bare = reply(200, &items);
        assert_eq!(bare.page().unwrap().ids().collect::<Vec<_>>(), ["a", "7"]);
        assert_eq!(bare.page().unwrap().has_more, None);
        let page = reply(200, &json!({ "object": "list", "data": items, "has_more": "true", "next_cursor": "7" }));
        assert_eq!(
            (page.page().unwrap().has_more, page.page().unwrap().next_cursor.as_deref()),
            (Some(true), Some("7"))
        );
    }

    #[test]
    fn fields_of_error_details_lose_their_paths() {
        let details = json!([{ "field": "query.limit" }, { "field": "/body/id" }]);
        let error = reply(400, &json!({ "error": { "code": "invalid_data", "details": details } }));
        assert_eq!(
            (error.code.as_deref(), &error.fields[..]),
            (Some("invalid_data"), &["limit".into(), "id".into()][..])
        );
    }
}
