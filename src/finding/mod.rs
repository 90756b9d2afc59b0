//! The results of a run and their evidence.
//!
//! Plain values, created by checks and read by every report. This module checks nothing and does no I/O. [`CaseResult`]
//! is the result of one case, [`Outcome`] that of a run. An outcome serializes to the JSON report and can be read back
//! from it, so that every other format is a view of the same document. Start at [`Outcome`].

mod abort;
mod case;
mod changed;
mod constraints;
mod evidence;
mod failure;
mod outcome;
mod timeline;
mod verdict;
mod waiver;

pub use abort::Abort;
pub use case::{CaseResult, DriftKey, HeaderKey, Listed};
pub use changed::{ChangedOffering, ValueChange};
pub use constraints::{ConstraintSeen, Constraints, SideCounts};
pub use evidence::{Confirmation, DocumentPlace, EvidenceStep, Finding, Severity};
pub use failure::{ClientsNeeded, ConditionScope, Evidence, Failure, Reduction};
pub use outcome::{
    ContractFacts, Coverage, Drift, Ending, Latency, Observation, Outcome, REPORT_VERSION, RuleOutcome, SeenHeader,
    SeenResponse, Summary, TargetFacts, Tool,
};
pub use timeline::{Span, Timeline};
pub use verdict::Verdict;
pub use waiver::{Waived, WaiverOutcome, WaiverState};

/// Alias used by the cases.
pub type Record = CaseResult;
