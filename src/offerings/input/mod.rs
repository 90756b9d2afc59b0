//! Generated requests: what the document suggests to send, from both sides of every limit, and what HTTP allows besides.
//!
//! An [`Input`] is data: which request, what is special about it, and whether the server must take it, must refuse it or
//! may choose. [`Inputs::of`] makes them for one operation, always in the same order and the same for the same seed;
//! [`Inputs::play`] sends them on a [`Stage`](super::Stage) and judges the answers; [`Constraints`](crate::finding::Constraints) counts what was tried;
//! [`Saved`] writes some of them down for another run.
//! What a schema cannot say (a product must exist, an id must be new) is said here.
//!
//! It does not know how requests are drawn at random (the floor `generate` does), nor when cases run.

mod case;
mod coverage;
mod expect;
mod hostile;
mod inputs;
mod limits;
mod name;
mod other;
mod play;
mod random;
mod recipe;
mod saved;
mod simpler;
#[cfg(test)]
mod tests;

pub use expect::{Expectation, Part};
pub use inputs::{Input, Inputs, Origin, Shown};
pub use name::{Fit, Name};
pub use play::RULES;
pub use recipe::{Content, Encoding, Recipe, Spelling, Subject};
pub use saved::{Outdated, Saved};
