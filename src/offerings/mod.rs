//! The offerings resource: its cases and the oracle that judges its responses.
//!
//! Start at [`Context`], in which every case runs, at [`oracle`], which judges every response, and at
//! [`scenario::all`], the hand-written cases.

mod at_once;
mod cleanup;
mod context;
pub mod input;
mod naming;
pub mod oracle;
mod outdated;
pub mod race;
mod record;
pub mod scenario;
pub mod sequence;
mod snapshot;
mod trace;

/// The number of seeds of a test: `QONFORM_TEST_SEEDS`, or `usually`.
#[cfg(test)]
pub(crate) fn seeds(usually: u64) -> u64 {
    std::env::var("QONFORM_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usually)
}

pub use context::Context;
pub use naming::Naming;
