//! Generated sequences of requests.
//!
//! A sequence is a list of [`Step`]s: plain data with symbolic references, the same for the same seed and index
//! ([`generate()`]). [`run()`] sends it in a context. A reference without an offering resolves to an unused id, so a
//! sequence can be sent in any project and after steps are removed from it. This module must not know how sequences are
//! minimized or sent again. Start at [`Step`].

mod bindings;
mod generate;
mod rng;
mod run;
mod simplify;
mod step;

pub use generate::{Capabilities, MainRole, generate};
pub use run::{SnapshotPolicy, run, run_case, run_with_snapshots};
pub use step::{OfferingRef, OtherProject, Product, Slot, Step, Tag};
