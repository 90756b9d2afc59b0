//! Errors of a document.

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
    /// Name of the file as given.
    pub file: String,
    /// Line and column, or `None` when the error concerns the whole file.
    pub position: Option<Position>,
    /// JSON pointer of the place, or `None` when the document could not be parsed.
    pub pointer: Option<String>,
    /// What to do about it, as one sentence without a full stop.
    pub hint: Option<String>,
}

impl DocumentError {
    /// The error without its place: what is wrong, then the hint after a semicolon.
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
    /// The operating system cannot read it.
    #[error("it cannot be read ({reason})")]
    Unreadable {
        /// The error of the operating system.
        reason: String,
    },
    /// The file is larger than the limit.
    #[error("it is larger than {limit} MiB")]
    TooLarge {
        /// The limit in MiB.
        limit: u64,
    },
    /// The bytes are not UTF-8.
    #[error("it is not UTF-8 text")]
    NotUtf8,
    /// The file contains only white space and comments.
    #[error("it is empty")]
    Empty,
    /// The text is not YAML (and so not JSON either).
    #[error("it is not valid YAML: {reason}")]
    NotYaml {
        /// The error of the parser, without the place.
        reason: String,
    },
    /// The file contains more than one YAML document.
    #[error("it contains more than one YAML document")]
    ManyDocuments,
    /// The same key occurs twice in one mapping, so that one value would be lost.
    #[error("the key `{key}` occurs twice in the same mapping")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A value that YAML can express and JSON cannot.
    #[error("{what} cannot be expressed in JSON")]
    NotJson {
        /// What was found, such as "the tag `!env`".
        what: String,
    },
    /// The aliases expand to more values than the limit.
    #[error("its YAML aliases expand to more than {limit} values")]
    TooManyAliases {
        /// The limit.
        limit: usize,
    },
    /// The document is nested deeper than the limit.
    #[error("it is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document is a list, a text or a number.
    #[error("it contains {found}, not an OpenAPI document")]
    NotMapping {
        /// What was found, with an article.
        found: &'static str,
    },
    /// The key `openapi` is missing.
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
    /// A violation of OpenAPI 3.0 that would change the meaning of the document.
    #[error("{message}")]
    Structure {
        /// What is wrong, and where.
        message: String,
    },
    /// A `$ref` without a target.
    #[error("the reference `{reference}` has no target in this document")]
    Dangling {
        /// The reference as written.
        reference: String,
    },
    /// A circle of references.
    #[error("the reference is circular: {}", chain.join(" -> "))]
    Loop {
        /// The references in order; the first and the last are the same.
        chain: Vec<String>,
    },
    /// A reference to another file or to the network.
    #[error("the reference `{reference}` points outside this document")]
    External {
        /// The reference as written.
        reference: String,
    },
}
