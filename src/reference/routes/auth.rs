//! Who makes a request: the project behind its key.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::super::answer::Refusal;
use super::super::store::{Permission, Shared, Store};

/// The project that the request's key opens.
pub(super) fn project(store: &Store, headers: &HeaderMap) -> Result<Shared, Refusal> {
    let grant = bearer(headers)
        .and_then(|key| store.find(key))
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "control_unauthorized",
                "A valid secret key is required.",
            )
        })?;
    match grant.permission {
        Permission::Full => Ok(grant.project),
        Permission::Nothing => {
            let message = "This key has no permission for offerings.";
            Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "control_forbidden",
                message,
            ))
        }
    }
}

/// The key after `Bearer`; a request with several `Authorization` headers has none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, key) = only.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| key.trim_start_matches(' '))
}
