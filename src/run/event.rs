//! Progress events of a run.

/// A progress event; verdicts never depend on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The preflight succeeded and the plan is complete.
    Started {
        /// Number of cases that will run.
        cases: usize,
    },
    /// A case ended.
    CaseEnded {
        /// Its name.
        case: String,
        /// Requests sent so far in the run.
        requests: u64,
    },
    /// A violation was found; sent once for each fingerprint.
    Violation {
        /// Identifies the finding, as in the report.
        fingerprint: String,
        /// The rule.
        rule: String,
        /// What is wrong.
        title: String,
    },
    /// The target limits the rate, and the run has slowed down; sent once.
    SlowedDown {
        /// The requests per second that the target allows, as measured so far; at least 1.
        requests_per_second: u64,
    },
    /// The run starts to clean up the project.
    Cleaning,
}
