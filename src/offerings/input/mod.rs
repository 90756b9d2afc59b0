//! Generated requests: what the document suggests to send, from both sides of every limit, and what HTTP allows besides.
//!
//! An [`Input`] is data: which request, and what is special about it. [`Inputs::of`] generates them for one operation, always
//! in the same order and the same for the same seed; [`Inputs::run`] sends them in a [`Context`](super::Context), whose
//! oracle recognises from the request what it violates; [`Constraints`](crate::finding::Constraints) counts what was
//! tried; [`SavedInputs`] writes some of them down for another run.
//!
//! It must not know how a server responds, how values are generated at random (the floor `generate` does), or when cases run.

mod case;
mod coverage;
mod inputs;
mod limits;
mod name;
mod other;
mod random;
mod recipe;
mod run;
mod saved;
mod simpler;
#[cfg(test)]
mod tests;
mod unusual;

pub use inputs::{Input, Inputs, Origin, Part, Shown};
pub use name::{Name, Preserve};
pub use recipe::{Encoding, InputBody, InputSubject, Recipe, Spelling};
pub use saved::{OutdatedInputs, SavedInputs};
