//! Drives everything: what runs, on which lanes, what is run again, and what the outcome is.
//!
//! A run takes [`Settings`] and gives an [`Outcome`](crate::finding::Outcome). Clock, seed and target are passed in;
//! nothing is printed here: progress goes out as [`Event`]s. Start at [`run`].

mod aggregate;
mod case;
mod case_script;
mod caught;
mod clean;
mod confirm;
mod drive;
mod error;
mod event;
mod execute;
mod expectations;
mod journal;
mod merge;
mod plan;
mod preflight;
mod regressions;
mod rehearse;
mod selftest;
mod settings;
mod shard;
mod shared;
mod shrink;
mod smaller;
mod target;
mod trials;
mod waivers;
mod whole;

pub use case::{Case, Layer, Reproduction};
pub use case_script::{CaseScript, SavedCase};
pub use clean::{Cleaned, undo_all};
pub use drive::{Prepared, plan, run};
pub use error::RunError;
pub use event::Event;
pub use execute::play_case;
pub use expectations::{Expectations, ExpectationsError, FaultExpectation, SeveralFindings, Undecided};
pub use journal::{Before, Head, Journal, JournalError, Left, ProjectRole, Trace, is_prefix, journals};
pub use merge::{MergeError, merge};
pub use plan::Plan;
pub use regressions::{Regression, Regressions, RegressionsError};
pub use rehearse::Rehearsal;
pub use selftest::{Selftest, SelftestSettings, SelftestVerdict, Subject, Trial, selftest};
pub use settings::{
    Clock, Confirm, External, Isolation, Levels, NamePattern, PatternError, Production, Scope, Selection, Settings,
    StopPolicy, TargetSettings,
};
pub use shard::Shard;
pub use shared::{ANCHOR, ANCHORED};
pub use shrink::{FailingStep, Shrinkable, Shrunk, shrink, shrink_by_both};
pub use target::{Embedded, external_project};
pub use waivers::{Waiver, Waivers, Waives};
pub use whole::{FindingSummary, Problem, UndecidedRule, Whole, WholeSettings, WholeTrial, whole};
