//! What is off in a document without keeping us from reading it.

use super::Position;

/// Something that is off in a document. It never fails a run; it is shown beside the verdicts and by `qonform lint`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lint {
    /// What kind of thing is off, such as `document.undeclared-tag`.
    pub id: &'static str,
    /// JSON pointer of the place in the document.
    pub pointer: String,
    /// Line and column of that place.
    pub position: Position,
    /// What is off, as one sentence without a full stop.
    pub message: String,
}
