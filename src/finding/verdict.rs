//! The verdict of a rule.

use serde::{Deserialize, Serialize};

/// The verdict of a rule. A rule that was never checked is never passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Checked at least once, and every check passed.
    Passed,
    /// A must rule was violated: the run fails.
    Violated,
    /// A should rule was violated: the run fails only with `--deny`.
    Warned,
    /// An open rule: the choice of the server was recorded.
    Observed,
    /// Not checked, because something was missing or the rule was not selected.
    Skipped,
    /// Not decided, because the network or another client interfered.
    Inconclusive,
}

impl Verdict {
    /// All verdicts, in the order of summaries.
    pub const ALL: [Self; 6] =
        [Self::Violated, Self::Warned, Self::Inconclusive, Self::Skipped, Self::Observed, Self::Passed];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Violated => "violated",
            Self::Warned => "warned",
            Self::Observed => "observed",
            Self::Skipped => "skipped",
            Self::Inconclusive => "inconclusive",
        }
    }
}
