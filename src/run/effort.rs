//! How many requests a run sends.

use std::fmt;
use std::str::FromStr;

/// How many cases of each layer a run has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Effort {
    /// For a check after every change: about a fifth of [`Effort::Standard`]. Only scenarios, unless other layers are
    /// asked for.
    Quick,
    /// At most 5,000 requests to a correct server.
    #[default]
    Standard,
    /// About 23,000 requests to a correct server.
    Thorough,
}

/// The scenarios that send the most requests, or most of them one after another: [`Effort::Quick`] leaves them out. Other
/// scenarios check most of their rules too.
pub(super) const LONG_SCENARIOS: [&str; 13] = [
    "list.pages-cover",
    "response.no-server-error",
    "create.id-bounds",
    "auth.project-isolation",
    "set-main.missing",
    "offering.id-decoding",
    "auth.malformed",
    "list.agrees-with-get",
    "offering.created-at-immutable",
    "invariant.single-main",
    "invariant.failed-write-no-effect",
    "invariant.model-agrees",
    "invariant.no-bleed",
];

impl Effort {
    /// Every effort, the smallest first.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Thorough];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Thorough => "thorough",
        }
    }

    /// Number of random requests to each operation.
    pub fn inputs(self) -> u64 {
        match self {
            Self::Quick | Self::Standard => 1,
            Self::Thorough => 100,
        }
    }

    /// Number of generated sequences.
    pub fn histories(self) -> u64 {
        match self {
            Self::Quick | Self::Standard => 3,
            Self::Thorough => 50,
        }
    }

    /// Number of attempts of each race.
    pub fn race_attempts(self) -> u32 {
        match self {
            Self::Quick | Self::Standard => 2,
            Self::Thorough => 30,
        }
    }

    /// Number of generated races besides the written ones.
    pub(super) fn generated_races(self) -> usize {
        match self {
            Self::Quick | Self::Standard => 0,
            Self::Thorough => 6,
        }
    }

    /// Whether a value that several operations test goes to one of them only.
    pub(super) fn divides_inputs(self) -> bool {
        self < Self::Thorough
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Effort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|effort| effort.name() == text)
            .ok_or_else(|| format!("unknown effort `{text}`: use {}", Self::ALL.map(Self::name).join(", ")))
    }
}
