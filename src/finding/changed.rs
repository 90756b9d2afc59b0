//! Offerings of others that differ after the run.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An offering that the run did not create, that the server changed, and that could not be put back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangedOffering {
    /// The project: `main`, `second` or `empty`.
    pub project: String,
    /// Its id before the run; of an offering that is new, its id now.
    pub id: String,
    /// What differs.
    pub differences: Vec<ValueChange>,
}

/// One difference of an offering.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ValueChange {
    /// A field, `offering` for all of it, or `list`: `listed` or `not listed`.
    pub what: String,
    /// The value before the run; null if there was none.
    pub before: Value,
    /// The value after the run; the response to a get if it did not return the offering.
    pub after: Value,
}

impl fmt::Display for ChangedOffering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = match self.project.as_str() {
            "main" => String::new(),
            other => format!(" of the {other} project"),
        };
        let differences: Vec<String> = self.differences.iter().map(ToString::to_string).collect();
        write!(f, "`{}`{project}: {}", self.id, differences.join("; "))
    }
}

impl fmt::Display for ValueChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.what, &self.before, &self.after) {
            ("list", _, _) => write!(f, "the list does not contain it"),
            ("offering", Value::Null, after) => write!(f, "it did not exist; now it is {after}"),
            ("offering", before, Value::String(after)) => write!(f, "{after}; it was {before}"),
            (what, before, after) => write!(f, "{what} was {before}, is {after}"),
        }
    }
}
