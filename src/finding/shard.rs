//! Which part of a run an outcome is, and what of it depends on the order of the whole.

use serde::{Deserialize, Serialize};

/// One of several runs that together are one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardFacts {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// Cases of the whole run.
    pub planned: usize,
    /// The cases that ran here.
    pub cases: Vec<ShardCase>,
    /// Why rules or parts of them were not decided here: the reason of the first case that had one.
    pub reasons: Vec<ShardReason>,
    /// How long responses took here, so that it can be added up; empty when the clock stood still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<ShardLatency>,
}

/// How long the responses of one operation took in a shard. Percentiles of shards cannot be put together, counts can.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardLatency {
    /// Operation id, or `None` for requests outside the document.
    pub operation: Option<String>,
    /// Pairs of a step of time and how many responses belong to it. Up to 31 microseconds each is a step; from there 32
    /// steps lie between two powers of two.
    pub steps: Vec<(usize, u64)>,
    /// The longest, in microseconds.
    pub max_us: u64,
}

/// A case that ran in a shard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardCase {
    /// Its place in the whole run, from 0.
    pub place: usize,
    /// Its name.
    pub name: String,
}

/// Why a rule or a part of it was not decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardReason {
    /// Id of the rule.
    pub rule: String,
    /// What it is the reason of.
    pub of: Doubt,
    /// The place of its case in the whole run, from 0.
    pub place: usize,
    /// In a clause.
    pub reason: String,
}

/// In which way a rule was not decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// Its check could not be finished.
    Undecided,
    /// It, or a part of it, had to be left out.
    LeftOut,
}

impl ShardFacts {
    /// The place in the whole run of a case that ran here; 0 for what no case found.
    pub fn place_of(&self, case: &str) -> usize {
        self.cases.iter().find(|known| known.name == case).map_or(0, |known| known.place)
    }
}
