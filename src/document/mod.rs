//! The OpenAPI document as written: its text, its values, their places, and the targets of its `$ref`s.
//!
//! Start at [`Document`]: it loads a file ([`Document::load`]), a text ([`Document::parse`]) or the document that is
//! part of the binary ([`Document::embedded`]), follows references ([`Document::resolve`]) and returns line and column
//! of a JSON pointer ([`Document::position`]).
//!
//! It knows OpenAPI 3.0 and nothing about offerings: the contract decides which operations matter. Therefore only
//! errors of the whole file are reported at once. [`Document::inspector`] reports the errors of each operation to a caller
//! that needs it, so that errors in the other operations of a large document do no harm.

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
mod typed;
mod values;
mod yaml;

pub use error::{DocumentError, ErrorKind};
pub use inspect::{InspectedOperation, Inspection, Inspector, SchemaPlace};
pub use lint::Lint;
pub use nearest::nearest;
pub use openapi::Document;
pub use resolve::RefError;
pub use spans::Position;
pub use typed::PLACE;
