//! A problem in a document that is not an error.

use super::Position;

/// A problem in a document. It never fails a run; reports and `qonform lint` show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lint {
    /// The kind of problem, such as `document.undeclared-tag`.
    pub id: &'static str,
    /// JSON pointer of the place in the document.
    pub pointer: String,
    /// Line and column of that place.
    pub position: Position,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
}
