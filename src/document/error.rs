//! Why a document cannot be used, with the place and, where one is known, a hint.

use super::Position;
use std::fmt;

/// Why a document cannot be used.
///
/// Shown as `file:line:column: message`, followed by a line with a hint when one is known. The message fits after
/// "cannot read the contract: ".
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct DocumentError {
    /// What is wrong.
    #[source]
    pub kind: ErrorKind,
    /// Name of the file as it was given.
    pub file: String,
    /// Line and column, or `None` when the file as a whole is meant.
    pub position: Option<Position>,
    /// JSON pointer of the place, or `None` when there is no document to point into.
    pub pointer: Option<String>,
    /// What to do about it, as one sentence without a full stop.
    pub hint: Option<String>,
}

impl DocumentError {
    /// The error without the place: what is wrong, and the hint after a semicolon.
    pub fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.kind),
            None => self.kind.to_string(),
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.kind)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ErrorKind {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The path is a directory.
    #[error("it is a directory")]
    Directory,
    /// The operating system refused to read it.
    #[error("it cannot be read ({reason})")]
    Unreadable {
        /// What the operating system said.
        reason: String,
    },
    /// The file is larger than we are willing to read.
    #[error("it is larger than {limit} MiB")]
    TooLarge {
        /// The limit in MiB.
        limit: u64,
    },
    /// The bytes are not UTF-8.
    #[error("it is not UTF-8 text")]
    NotUtf8,
    /// Nothing but white space and comments.
    #[error("it is empty")]
    Empty,
    /// The text is not YAML (and so not JSON either).
    #[error("it is not valid YAML: {reason}")]
    NotYaml {
        /// What the parser said, without the place.
        reason: String,
    },
    /// More than one YAML document in a file.
    #[error("it holds more than one YAML document")]
    ManyDocuments,
    /// The same key twice in one mapping, so that one of the two would be lost.
    #[error("the key `{key}` stands twice in the same mapping")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A value that YAML can say and JSON cannot.
    #[error("{what} cannot be expressed in JSON")]
    NotJson {
        /// What was found, such as "the tag `!env`".
        what: String,
    },
    /// Aliases that would expand to more than we are willing to hold.
    #[error("its YAML aliases expand to more than {limit} values")]
    TooManyAliases {
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than we are willing to follow.
    #[error("it is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document is a list, a text or a number.
    #[error("it holds {found}, not an OpenAPI document")]
    NotMapping {
        /// What it is, with an article.
        found: &'static str,
    },
    /// No key `openapi`.
    #[error("it is not an OpenAPI document: the key `openapi` is missing")]
    NotOpenApi,
    /// Swagger 2.0.
    #[error("it is a Swagger {version} document; OpenAPI 3.0 is needed")]
    Swagger {
        /// The version as written.
        version: String,
    },
    /// OpenAPI, but not 3.0.
    #[error("it is an OpenAPI {version} document; OpenAPI 3.0 is needed")]
    Version {
        /// The version as written.
        version: String,
    },
    /// Something is not as OpenAPI 3.0 says, in a way that would make us misread it.
    #[error("{message}")]
    Structure {
        /// What is wrong, and where.
        message: String,
    },
    /// A `$ref` that names nothing.
    #[error("the reference `{reference}` names nothing in this document")]
    Dangling {
        /// The reference as written.
        reference: String,
    },
    /// References that lead back to themselves.
    #[error("the reference leads in a circle: {}", chain.join(" -> "))]
    Loop {
        /// The references in order; the first and the last are the same.
        chain: Vec<String>,
    },
    /// A reference to another file or to the network.
    #[error("the reference `{reference}` leads out of this document")]
    External {
        /// The reference as written.
        reference: String,
    },
}
