//! An operation of the contract: its parameters, its request body and its responses.

use super::{Endpoint, SchemaRef};
use http::Method;
use openapiv3::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One operation of the document, with references followed and path-level parameters merged in.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The operation id; for an operation without one, method and path.
    pub id: String,
    /// Which of the six it is, or `None` for another operation of the document.
    pub endpoint: Option<Endpoint>,
    /// The HTTP method.
    pub method: Method,
    /// The path template below [`super::Contract::base_path`], such as `/offerings/{offering_id}`.
    pub path: String,
    /// The operation's own parameters, then those of its path that it does not replace.
    pub parameters: Vec<Parameter>,
    /// The request body, or `None` when none is documented.
    pub body: Option<RequestBody>,
    /// The documented responses, sorted by status: codes, then ranges, then the default.
    pub responses: Vec<DocumentedResponse>,
    /// Alternatives of authentication: each lists the security schemes that are needed together. Without alternatives,
    /// or with an empty one, no authentication is needed.
    pub security: Vec<Vec<String>>,
    /// The tags as written.
    pub tags: Vec<String>,
    /// JSON pointer of the operation.
    pub pointer: String,
}

impl Operation {
    /// The documented response for a status: the exact code, else its range, else the default.
    pub fn response(&self, status: u16) -> Option<&DocumentedResponse> {
        // Sorted from the most to the least exact.
        self.responses.iter().find(|response| response.covers(status))
    }

    /// Frees what was compiled from its schemas; it is compiled again when needed.
    pub fn release(&self) {
        let contents = self.body.iter().map(|body| &body.media).chain(self.responses.iter().map(|one| &one.media));
        let headers = self.responses.iter().flat_map(|response| &response.headers).map(|header| &header.schema);
        let schemas = self.parameters.iter().map(|parameter| &parameter.schema).chain(headers);
        schemas.chain(contents.flatten().map(|(_, schema)| schema)).for_each(SchemaRef::release);
    }

    /// The parameter with a name in a place. Header names are compared case-insensitively.
    pub fn parameter(&self, place: ParameterPlace, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.place == place && place.same_name(&parameter.name, name))
    }
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterPlace {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

impl ParameterPlace {
    pub(super) fn of(typed: &openapiv3::Parameter) -> ParameterPlace {
        match typed {
            openapiv3::Parameter::Path { .. } => ParameterPlace::Path,
            openapiv3::Parameter::Query { .. } => ParameterPlace::Query,
            openapiv3::Parameter::Header { .. } => ParameterPlace::Header,
            openapiv3::Parameter::Cookie { .. } => ParameterPlace::Cookie,
        }
    }

    /// Whether two names in this place are the same parameter.
    pub fn same_name(self, one: &str, other: &str) -> bool {
        if self == ParameterPlace::Header { one.eq_ignore_ascii_case(other) } else { one == other }
    }
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it is sent.
    pub place: ParameterPlace,
    /// Whether it must be sent. Always true in the path.
    pub required: bool,
    /// The schema of its value. Accepts anything when none is documented.
    pub schema: SchemaRef,
    /// Whether each item or member is written apart.
    pub explode: bool,
    /// The media type of its value, or `None` where the value is written in its style.
    pub media: Option<String>,
    /// The example as written, or `None`.
    pub example: Option<Value>,
    /// JSON pointer of the parameter itself, references followed.
    pub pointer: String,
    /// The parameter without its schemas: its style says how lists and objects are written.
    pub typed: openapiv3::Parameter,
}

/// Whether the style of a parameter is `form`: each item or member is written apart if nothing else is documented.
pub fn is_form(typed: &openapiv3::Parameter) -> bool {
    use openapiv3::{Parameter, QueryStyle};
    matches!(typed, Parameter::Query { style: QueryStyle::Form, .. } | Parameter::Cookie { .. })
}

/// The request body of an operation.
#[derive(Clone, Debug)]
pub struct RequestBody {
    /// Whether it must be sent.
    pub required: bool,
    /// Media types with the schema of their bodies.
    pub media: Vec<(String, SchemaRef)>,
    /// JSON pointer of the request body, references followed.
    pub pointer: String,
}

impl RequestBody {
    /// The schema of the JSON media type, or `None` when none is documented.
    pub fn json(&self) -> Option<&SchemaRef> {
        json(&self.media).map(|(_, schema)| schema)
    }

    /// The media type of that schema: `application/json` for a range of types.
    pub fn json_type(&self) -> Option<&str> {
        json(&self.media).map(|(name, _)| if is_json(name) { name.as_str() } else { "application/json" })
    }
}

/// A documented response.
#[derive(Clone, Debug)]
pub struct DocumentedResponse {
    /// The status or range of statuses that it covers, or `None` for all that no other response covers.
    pub status: Option<StatusCode>,
    /// The allowed values of `error.code`: those of `x-error-codes`, else the `snake_case` words in backticks in the
    /// description. Empty when none is documented.
    pub codes: Vec<String>,
    /// Media types with the schema of their bodies. Empty when no body is documented.
    pub media: Vec<(String, SchemaRef)>,
    /// Documented headers.
    pub headers: Vec<Header>,
    /// JSON pointer of the response, references followed.
    pub pointer: String,
    /// JSON pointer of the response in its operation, references not followed.
    pub written_at: String,
}

impl DocumentedResponse {
    /// Whether it covers a status.
    pub fn covers(&self, status: u16) -> bool {
        match self.status {
            Some(StatusCode::Code(code)) => code == status,
            Some(StatusCode::Range(digit)) => digit == status / 100,
            None => true,
        }
    }

    /// Its key in the document: `404`, `4XX` or `default`.
    pub fn key(&self) -> String {
        self.status.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string)
    }

    /// The documented media types of a response with this `Content-Type`: those of exactly its type, else those of a
    /// range such as `text/*`, else `*/*`. Case and parameters do not matter, but one with the same parameters is first.
    pub fn media_of(&self, content_type: &str) -> Vec<&(String, SchemaRef)> {
        let wanted = essence(content_type);
        let range = format!("{}/*", wanted.split('/').next().unwrap_or_default());
        let of = |name: &str| self.media.iter().filter(|(media, _)| essence(media) == name).collect::<Vec<_>>();
        let found = [wanted.as_str(), &range, "*/*"].into_iter().map(of).find(|found| !found.is_empty());
        let mut found = found.unwrap_or_default();
        let same = |media: &str| normalised(media) == normalised(content_type);
        found.sort_by_key(|(media, _)| !same(media));
        found
    }

    /// The schema of the JSON media type, or `None` when none is documented.
    pub fn json(&self) -> Option<&SchemaRef> {
        json(&self.media).map(|(_, schema)| schema)
    }
}

/// A documented header of a response.
#[derive(Clone, Debug)]
pub struct Header {
    /// Its name as written; compare case-insensitively.
    pub name: String,
    /// Whether it must be sent.
    pub required: bool,
    /// The schema of its value. Accepts anything when none is documented.
    pub schema: SchemaRef,
    /// The media type of its value, or `None` where the value is written in the style of headers.
    pub media: Option<String>,
    /// JSON pointer of the header, references followed.
    pub pointer: String,
}

/// A media type without its parameters, in lower case.
fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A media type with its parameters, in lower case and without spaces.
fn normalised(media: &str) -> String {
    media.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

/// Whether a media type is JSON: `application/json`, its old name `text/json`, or one with the suffix `+json`, with any
/// parameters.
pub fn is_json(media: &str) -> bool {
    let essence = essence(media);
    matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json")
}

fn json(media: &[(String, SchemaRef)]) -> Option<&(String, SchemaRef)> {
    let wide = ["application/*", "*/*"];
    let exact = media.iter().find(|(name, _)| essence(name) == "application/json");
    let exact = exact.or_else(|| media.iter().find(|(name, _)| is_json(name)));
    exact.or_else(|| media.iter().find(|(name, _)| wide.contains(&name.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_several_names() {
        for json in
            ["Application/JSON; charset=utf-8", "application/problem+json", "application/vnd.a.v1+json", "text/json"]
        {
            assert!(is_json(json), "{json}");
        }
        for other in ["text/html", "application/jsonx", "application/pdf", "application/json-seq", "*/*", "json", ""] {
            assert!(!is_json(other), "{other}");
        }
    }
}
