//! What the harness claims, and what it rests on.
//!
//! Plain values that are made below the run and read by every report: no judgement happens here, and nothing is sent or
//! printed. [`Record`] is what one case gathers, [`Outcome`] is all of a run; it serialises to the JSON report and can
//! be read back from it, so that every other format is a view of the same document. Start at [`Outcome`].

mod evidence;
mod failure;
mod outcome;
mod record;
mod shard;
mod timeline;
mod verdict;
mod waiver;

pub use evidence::{Confirmation, Finding, Place, Severity, Step};
pub use failure::{Failure, Scope};
pub use outcome::{
    ConstraintSeen, ContractFacts, Coverage, Drift, Ending, Latency, Observation, Outcome, REPORT_VERSION, RuleOutcome,
    Seen, Summary, TargetFacts, Tool, Tried,
};
pub use record::{DriftKey, Record};
pub use shard::{Doubt, ShardCase, ShardFacts, ShardLatency, ShardReason};
pub use timeline::{Span, Timeline};
pub use verdict::Verdict;
pub use waiver::{Waived, WaiverOutcome, WaiverState};
