//! What a run says of one rule.

use serde::{Deserialize, Serialize};

/// The verdict of a rule. A rule that was never checked is never passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Checked at least once, and it held each time.
    Passed,
    /// A rule of level must was broken: the run fails.
    Violated,
    /// A rule of level should was broken: drift, no failure unless asked for.
    Warned,
    /// A rule of level open: what the server chose was noted.
    Observed,
    /// Not checked, because something was missing or not asked for.
    Skipped,
    /// Not decided, because the network or another client interfered.
    Inconclusive,
}

impl Verdict {
    /// Every verdict, in the order of summaries.
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
