//! What a run tells while it goes on.

/// Something that happened; for progress, never for verdicts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The target answered and the plan is made.
    Started {
        /// How many cases will run.
        cases: usize,
    },
    /// A case ended.
    CaseEnded {
        /// Its name.
        case: String,
        /// Requests sent so far in the run.
        requests: u64,
    },
    /// A violation was found and confirmed (or not); told once, however many cases find it.
    Violation {
        /// What tells it from others, as in the report.
        fingerprint: String,
        /// The rule.
        rule: String,
        /// What is wrong.
        title: String,
    },
    /// The project is put back as it was.
    Cleaning,
}
