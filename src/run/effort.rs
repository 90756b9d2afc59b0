//! How many requests a run sends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many cases of each kind a run has. Every effort tests both sides of every limit of the document; a greater one
/// sends more generated requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// For a check after every change: about a fifth of [`Effort::Standard`].
    Quick,
    /// About 5,000 requests to a correct server.
    Standard,
    /// About 24,000 requests to a correct server; only it finds every planted fault.
    #[default]
    Thorough,
}

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

    /// Number of random requests to each operation, after those at the limits.
    pub fn inputs(self) -> u64 {
        match self {
            Self::Quick => 0,
            Self::Standard => 1,
            Self::Thorough => 100,
        }
    }

    /// Number of sequences, the written ones first.
    pub fn histories(self) -> u64 {
        match self {
            Self::Quick => 0,
            Self::Standard => 12,
            Self::Thorough => 50,
        }
    }

    /// Maximum number of attempts of each race.
    pub fn race_attempts(self) -> u32 {
        match self {
            Self::Quick => 1,
            Self::Standard => 4,
            Self::Thorough => 30,
        }
    }

    /// After so many attempts in which clients overlapped, a race without anomaly ends.
    pub fn race_overlaps(self) -> u32 {
        match self {
            Self::Quick => 1,
            Self::Standard => 2,
            Self::Thorough => u32::MAX,
        }
    }

    /// Number of generated races besides the written ones.
    pub(super) fn generated_races(self) -> usize {
        match self {
            Self::Quick | Self::Standard => 0,
            Self::Thorough => 6,
        }
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
