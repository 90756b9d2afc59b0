//! Authentication.

use http::StatusCode;

use super::App;
use crate::reference::call::Call;
use crate::reference::server_response::ApiError;
use crate::reference::store::{Grant, Permission};

/// The key of a request and what it gives access to.
#[derive(Debug, Clone, Copy)]
pub(in crate::reference) struct KeyCheck<'a> {
    pub(in crate::reference) app: &'a App,
    pub(in crate::reference) call: &'a Call,
}

/// The access of a request.
pub(super) fn grant(app: &App, call: &Call) -> Result<Grant, ApiError> {
    let check = KeyCheck { app, call };
    let found = check.key().and_then(|key| check.find(key));
    let grant = found.or_else(|| check.without_valid_key()).ok_or_else(|| check.unauthorized())?;
    match grant.permission {
        Permission::Nothing if !(app.config.allows_limited)(call.operation) => {
            let message = "This key has no permission for offerings.";
            Err(ApiError::new(StatusCode::FORBIDDEN, "control_forbidden", message))
        }
        Permission::Full | Permission::Nothing => Ok(grant),
    }
}

impl<'a> KeyCheck<'a> {
    /// The `Authorization` header, if it is not empty.
    pub(in crate::reference) fn header(self) -> Option<&'a str> {
        self.call.authorization().filter(|header| !header.is_empty())
    }

    /// The key, if there is one.
    pub(in crate::reference) fn key(self) -> Option<&'a str> {
        self.call.bearer()
    }

    /// Whether it is `Bearer` without a key.
    pub(in crate::reference) fn is_empty(self) -> bool {
        self.header().is_some_and(|header| header.trim().eq_ignore_ascii_case("bearer"))
    }

    /// The access of a key.
    pub(in crate::reference) fn find(self, key: &str) -> Option<Grant> {
        self.app.store.find(key)
    }

    /// The access of the first known key that satisfies a condition.
    pub(in crate::reference) fn find_by(self, condition: &dyn Fn(&str) -> bool) -> Option<Grant> {
        self.app.store.find_by(condition)
    }

    /// The access of the latest valid request.
    pub(in crate::reference) fn last(self) -> Option<Grant> {
        self.app.last()
    }

    /// The access of a request without a valid key; none on a correct server.
    fn without_valid_key(self) -> Option<Grant> {
        let config = &self.app.config;
        match self.header() {
            None => self.last().filter(|_| (config.keyless)(self.call.operation)),
            Some(_) => (config.without_valid_key)(self),
        }
    }

    /// The error for a request without a valid key.
    fn unauthorized(self) -> ApiError {
        let message = "A valid secret key is required.";
        let mut error = ApiError::new(StatusCode::UNAUTHORIZED, "control_unauthorized", message);
        (self.app.config.unauthorized)(self, &mut error);
        error
    }
}
