//! Generated requests: both sides of every limit of the document, and unusual requests that HTTP allows.
//!
//! An [`Input`] is data: a request and a description. [`Inputs::of`] generates those of one operation, in the same
//! order and the same for the same seed. [`Inputs::run`] sends them in a [`Context`](super::Context), whose oracle
//! recognises from the request which constraint it violates. [`Constraints`](crate::finding::Constraints) counts the
//! constraints that were covered. [`SavedInputs`] stores inputs for another run.
//!
//! It must not know how a server responds, how random values are generated (`generate` does), or when cases run.

mod at_once;
mod case;
mod coverage;
mod inputs;
mod limits;
mod other;
mod parameter;
mod random;
mod run;
mod saved;
mod simplify;
mod suggested_id;
mod template;
#[cfg(test)]
mod tests;
mod unusual;

pub use inputs::{CoverageTarget, Input, Inputs, Origin, Part};
pub use saved::{OutdatedInputs, SavedInputs};
pub use suggested_id::{Preserve, SuggestedId};
pub use template::{Encoding, InputBody, InputSubject, RequestTemplate, Spelling};
