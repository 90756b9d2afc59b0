//! Who makes a request: what its key opens.

use http::StatusCode;

use super::App;
use crate::reference::call::Call;
use crate::reference::server_response::Refusal;
use crate::reference::store::{Grant, Permission};

/// A request at the door.
#[derive(Debug, Clone, Copy)]
pub(in crate::reference) struct Door<'a> {
    pub(in crate::reference) app: &'a App,
    pub(in crate::reference) call: &'a Call,
}

/// What the request's key opens.
pub(super) fn grant(app: &App, call: &Call) -> Result<Grant, Refusal> {
    let door = Door { app, call };
    let found = door.key().and_then(|key| door.find(key));
    let grant = found.or_else(|| door.stranger()).ok_or_else(|| door.unauthorized())?;
    match grant.permission {
        Permission::Nothing if !(app.config.allows_limited)(call.operation) => {
            let message = "This key has no permission for offerings.";
            Err(Refusal::new(StatusCode::FORBIDDEN, "control_forbidden", message))
        }
        Permission::Full | Permission::Nothing => Ok(grant),
    }
}

impl<'a> Door<'a> {
    /// The `Authorization` header, if there is one that says anything.
    pub(in crate::reference) fn header(self) -> Option<&'a str> {
        self.call.authorization().filter(|header| !header.is_empty())
    }

    /// The key that it has, if any.
    pub(in crate::reference) fn key(self) -> Option<&'a str> {
        self.call.bearer()
    }

    /// Whether it says `Bearer` and nothing else.
    pub(in crate::reference) fn is_empty(self) -> bool {
        self.header().is_some_and(|header| header.trim().eq_ignore_ascii_case("bearer"))
    }

    /// What a key opens.
    pub(in crate::reference) fn find(self, key: &str) -> Option<Grant> {
        self.app.store.find(key)
    }

    /// What the first known key opens that satisfies a condition.
    pub(in crate::reference) fn find_by(self, condition: &dyn Fn(&str) -> bool) -> Option<Grant> {
        self.app.store.find_by(condition)
    }

    /// What the key opens that was used last.
    pub(in crate::reference) fn last(self) -> Option<Grant> {
        self.app.last()
    }

    /// What a server lets work that has no valid key.
    fn stranger(self) -> Option<Grant> {
        let config = &self.app.config;
        match self.header() {
            None => self.last().filter(|_| (config.keyless)(self.call.operation)),
            Some(_) => (config.stranger)(self),
        }
    }

    /// How a request without a valid key is rejected.
    fn unauthorized(self) -> Refusal {
        let message = "A valid secret key is required.";
        let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, "control_unauthorized", message);
        (self.app.config.unauthorized)(self, &mut refusal);
        refusal
    }
}
