//! The OpenAPI document as written: its text, its values, where each of them stands, and what its `$ref`s name.
//!
//! Start at [`Document`]: it loads a file ([`Document::load`]), a text ([`Document::parse`]) or the document that is
//! part of the binary ([`Document::embedded`]), follows references ([`Document::resolve`]) and says at which line and
//! column a JSON pointer stands ([`Document::position`]).
//!
//! It knows OpenAPI 3.0 and nothing about offerings: which operations matter is decided one floor above. Therefore only
//! what spoils the whole file is an error here. What is wrong inside one operation is reported by [`Document::inspect`] to
//! a caller that needs that operation, so that the hundred others of a large document may be as odd as they like.

mod error;
mod inspect;
mod lint;
mod nearest;
mod openapi;
pub mod pointer;
mod read;
mod resolve;
mod spans;
mod structure;
#[cfg(test)]
mod tests;
mod yaml;

pub use error::{DocumentError, ErrorKind};
pub use inspect::{Inspection, SchemaPlace};
pub use lint::Lint;
pub use nearest::nearest;
pub use openapi::Document;
pub use resolve::RefError;
pub use spans::Position;
