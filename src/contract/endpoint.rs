//! The six operations of the offerings resource.

use http::Method;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the six operations of the offerings resource. Serialized as its operation id.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Endpoint {
    /// `GET /offerings`
    #[serde(rename = "v4ListOfferings")]
    List,
    /// `POST /offerings`
    #[serde(rename = "v4CreateOffering")]
    Create,
    /// `GET /offerings/{offering_id}`
    #[serde(rename = "v4GetOffering")]
    Get,
    /// `PATCH /offerings/{offering_id}`
    #[serde(rename = "v4UpdateOffering")]
    Update,
    /// `DELETE /offerings/{offering_id}`
    #[serde(rename = "v4DeleteOffering")]
    Delete,
    /// `POST /offerings/{offering_id}/set-main`
    #[serde(rename = "v4SetMainOffering")]
    SetMain,
}

impl Endpoint {
    /// All six, in the order of the reports.
    pub const ALL: [Endpoint; 6] =
        [Endpoint::List, Endpoint::Create, Endpoint::Get, Endpoint::Update, Endpoint::Delete, Endpoint::SetMain];

    /// The operation id, such as `v4ListOfferings`.
    pub const fn operation_id(self) -> &'static str {
        match self {
            Endpoint::List => "v4ListOfferings",
            Endpoint::Create => "v4CreateOffering",
            Endpoint::Get => "v4GetOffering",
            Endpoint::Update => "v4UpdateOffering",
            Endpoint::Delete => "v4DeleteOffering",
            Endpoint::SetMain => "v4SetMainOffering",
        }
    }

    /// The method on the published pages.
    pub fn method(self) -> Method {
        match self {
            Endpoint::List | Endpoint::Get => Method::GET,
            Endpoint::Create | Endpoint::SetMain => Method::POST,
            Endpoint::Update => Method::PATCH,
            Endpoint::Delete => Method::DELETE,
        }
    }

    /// The path template on the published pages, below the base path.
    pub const fn path(self) -> &'static str {
        match self {
            Endpoint::List | Endpoint::Create => "/offerings",
            Endpoint::Get | Endpoint::Update | Endpoint::Delete => "/offerings/{offering_id}",
            Endpoint::SetMain => "/offerings/{offering_id}/set-main",
        }
    }

    /// Whether the operation changes state on the server.
    pub fn writes(self) -> bool {
        self.method() != Method::GET
    }

    /// Whether the operation names one offering in its path.
    pub const fn names_offering(self) -> bool {
        !matches!(self, Endpoint::List | Endpoint::Create)
    }

    /// The endpoint with an operation id.
    pub fn of_id(operation_id: &str) -> Option<Endpoint> {
        Endpoint::ALL.into_iter().find(|endpoint| endpoint.operation_id() == operation_id)
    }

    /// The endpoint that matches a method and a path template: `…/offerings`, `…/offerings/{x}`,
    /// `…/offerings/{x}/set-main`, with any prefix and any parameter name.
    pub fn of_shape(method: &Method, template: &str) -> Option<Endpoint> {
        Endpoint::ALL.into_iter().find(|endpoint| endpoint.method() == *method && ends_like(template, endpoint.path()))
    }
}

/// Whether a template ends with the segments of another; parameter names are ignored.
fn ends_like(template: &str, end: &str) -> bool {
    let is_parameter = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
    let mut segments = template.trim_end_matches('/').rsplit('/');
    end.rsplit('/').filter(|segment| !segment.is_empty()).all(|expected| {
        segments.next().is_some_and(|segment| segment == expected || is_parameter(segment) && is_parameter(expected))
    })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.operation_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_found_by_its_path_below_any_prefix() {
        let of = |method: Method, path: &str| Endpoint::of_shape(&method, path);
        assert_eq!(of(Method::GET, "/v4/offerings"), Some(Endpoint::List));
        assert_eq!(of(Method::POST, "/offerings/"), Some(Endpoint::Create));
        assert_eq!(of(Method::DELETE, "/v4/offerings/{id}"), Some(Endpoint::Delete));
        assert_eq!(of(Method::POST, "/offerings/{id}/set-main"), Some(Endpoint::SetMain));
        assert_eq!(of(Method::POST, "/offerings/{id}"), None);
        assert_eq!(of(Method::GET, "/offerings/{id}/products"), None);
        assert_eq!(of(Method::GET, "/my-offerings"), None);
    }

    #[test]
    fn an_endpoint_is_serialized_as_its_operation_id() {
        for endpoint in Endpoint::ALL {
            assert_eq!(serde_json::to_value(endpoint).unwrap(), endpoint.operation_id());
            assert_eq!(Endpoint::of_id(endpoint.operation_id()), Some(endpoint));
        }
    }
}
