//! Plans the cases, runs them on projects, confirms failures and puts the outcome together.
//!
//! A run takes [`Settings`] and returns an [`Outcome`](crate::finding::Outcome). Clock, seed and target are parameters;
//! this module prints nothing and reports progress as [`Event`]s. Start at [`run`].

mod aggregate;
mod case;
mod case_script;
mod catch_panic;
mod changed;
mod clean;
mod confirm;
mod drive;
mod effort;
mod error;
mod estimate;
mod event;
mod execute;
mod expectations;
mod external;
mod held;
mod journal;
mod minimize;
mod plan;
mod preflight;
mod regressions;
mod selftest;
mod settings;
mod shrink;
mod side_by_side;
mod target;
mod trials;
mod undo;
mod waivers;
mod whole;

pub use case::{Case, Layer, Reproduction};
pub use case_script::{CaseScript, SavedCase};
pub use clean::{Cleaned, undo_all};
pub use drive::{DryRun, plan, run};
pub use effort::Effort;
pub use error::RunError;
pub use estimate::Estimate;
pub use event::Event;
pub use execute::run_case_once;
pub use expectations::{Expectations, ExpectationsError, FaultExpectation, SeveralFindings, Undecided};
pub use external::case_to_repeat;
pub use held::{Contents, Held, InitialProject, ProjectRole};
pub use journal::{Journal, JournalError, JournalHeader, JournalState, LeftJournal, is_prefix, journals};
pub use plan::Plan;
pub use regressions::{Regression, Regressions, RegressionsError};
pub use selftest::{Selftest, SelftestSettings, SelftestVerdict, Subject, Trial, selftest};
pub use settings::{
    Clock, Confirm, External, Isolation, Labels, Levels, NamePattern, PatternError, Production, Scope, Selection,
    Settings, StopPolicy, TargetSettings,
};
pub use shrink::{FailingStep, Shrinkable, Shrunk, shrink, shrink_by_both};
pub use target::{Embedded, external_project};
pub use waivers::{Waiver, WaiverSubject, Waivers};
pub use whole::{FindingSummary, Problem, UndecidedRule, Whole, WholeSettings, WholeTrial, whole};
