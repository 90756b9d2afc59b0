//! The resource: what its cases send and what they hold its answers against.
//!
//! Start at [`Stage`], on which every case plays, and at [`scenario::all`], the cases written by hand.

mod claim;
mod context;
pub mod input;
mod look;
pub mod model;
mod naming;
pub mod oracle;
pub mod race;
pub mod scenario;
pub mod sequence;
mod stage;
mod state;
mod story;
mod trace;

/// How many seeds a test tries: more where `QONFORM_TEST_SEEDS` asks for it.
#[cfg(test)]
pub(crate) fn seeds(usually: u64) -> u64 {
    std::env::var("QONFORM_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usually)
}

pub use claim::Claim;
pub use context::Context;
pub use naming::Naming;
pub use stage::Stage;
pub use state::State;
