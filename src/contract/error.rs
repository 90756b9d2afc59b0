//! Why a document is not a contract.

use super::{CatalogueError, Endpoint};
use crate::document::{DocumentError, Position};
use std::fmt::Write as _;

/// Why a contract cannot be created. Messages fit after "cannot read the contract: ".
#[derive(Clone, Debug, thiserror::Error)]
pub enum ContractError {
    /// The document cannot be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The document lacks operations of the offerings resource.
    #[error("{file}:{}:{}:{}", position.line, position.column, listed(missing))]
    Missing {
        /// Name of the file as it was given.
        file: String,
        /// Line and column of `paths`.
        position: Position,
        /// The missing operations, in the order of [`Endpoint::ALL`].
        missing: Vec<MissingOperation>,
    },
    /// The catalogue of rules cannot be used.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// An operation that a document lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingOperation {
    /// The missing operation.
    pub endpoint: Endpoint,
    /// What in the document may be intended as this operation, with its place.
    pub hint: Option<String>,
}

fn listed(missing: &[MissingOperation]) -> String {
    let mut text = match missing.len() {
        1 => " it lacks an operation of the offerings resource:".to_owned(),
        all @ 6 => format!(" it lacks all {all} operations of the offerings resource:"),
        count => format!(" it lacks {count} operations of the offerings resource:"),
    };
    for MissingOperation { endpoint, hint } in missing {
        let method = endpoint.method().to_string();
        let _ = write!(text, "\n  {endpoint:<18} {method:<6} {}", endpoint.path());
        if let Some(hint) = hint {
            let _ = write!(text, " ({hint})");
        }
    }
    text.push_str("\n  hint: give the complete document, or use these operation ids or paths");
    text
}
