//! The resource: what its cases send and what they hold its responses against.
//!
//! Start at [`Context`], in which every case runs, at [`oracle`], which judges every response, and at [`scenario::all`],
//! the cases written by hand.

mod cleanup;
mod context;
pub mod input;
mod look;
mod naming;
pub mod oracle;
pub mod race;
mod record;
pub mod scenario;
pub mod sequence;
mod trace;

/// How many seeds a test tries: more where `QONFORM_TEST_SEEDS` asks for it.
#[cfg(test)]
pub(crate) fn seeds(usually: u64) -> u64 {
    std::env::var("QONFORM_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usually)
}

pub use context::Context;
pub use naming::Naming;
