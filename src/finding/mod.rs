//! What the harness claims, and what it rests on.
//!
//! Plain values that are made below the run and read by every report: no judgement happens here, and nothing is sent or
//! printed. [`CaseResult`] is what one case came to, [`Outcome`] is all of a run; it serialises to the JSON report and can
//! be read back from it, so that every other format is a view of the same document. Start at [`Outcome`].

mod abort;
mod case;
mod constraints;
mod evidence;
mod failure;
mod outcome;
mod shard;
mod timeline;
mod verdict;
mod waiver;

pub use abort::Abort;
pub use case::{CaseResult, DriftKey, Listed};
pub use constraints::{ConstraintSeen, Constraints, Tried};
pub use evidence::{Confirmation, DocumentPlace, EvidenceStep, Finding, Severity};
pub use failure::{ClientsNeeded, ConditionScope, Evidence, Failure, Reduction};
pub use outcome::{
    ContractFacts, Coverage, Drift, Ending, Latency, Observation, Outcome, REPORT_VERSION, RuleOutcome, SeenResponse,
    Summary, TargetFacts, Tool,
};
pub use shard::{Doubt, ShardCase, ShardFacts, ShardLatency, ShardReason};
pub use timeline::{Span, Timeline};
pub use verdict::Verdict;
pub use waiver::{Waived, WaiverOutcome, WaiverState};

/// The name that cases still write.
pub type Record = CaseResult;
