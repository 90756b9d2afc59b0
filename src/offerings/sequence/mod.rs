//! Generated sequences of requests.
//!
//! A sequence is a list of [`Step`]s, plain data with symbolic references, the same for the same seed and index
//! ([`generate()`]). [`run()`] sends it in a context, whatever the project holds besides: a reference that stands for
//! nothing at that moment becomes a request for an id that no offering has, so that a sequence can be sent when steps
//! are taken out of it. It must not know how sequences are minimized or sent again. Start at [`Step`].

mod bindings;
mod draw;
mod generate;
mod run;
mod shrink;
mod step;

pub use generate::{Capabilities, MainRole, generate};
pub use run::{Watch, run, run_case, run_watching};
pub use step::{OfferingRef, OtherProject, Product, Slot, Step, Tag};
