//! Which part of a run an outcome is, and what `merge` needs to restore the whole.

use serde::{Deserialize, Serialize};

/// One of several runs that together are one run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardFacts {
    /// Number of the shard, from 1.
    pub number: u32,
    /// Number of shards.
    pub of: u32,
    /// Cases of the whole run.
    pub planned: usize,
    /// The cases that ran in this shard.
    pub cases: Vec<ShardCase>,
    /// Why rules were not decided in this shard, in whole or in part: the reason of the first case that has one.
    pub reasons: Vec<ShardReason>,
    /// Response times of this shard, as histograms that can be added; empty with a logical clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<ShardLatency>,
}

/// Response times of one operation in a shard, as a histogram: percentiles cannot be merged, counts can.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardLatency {
    /// Operation id, or `None` for requests outside the document.
    pub operation: Option<String>,
    /// Pairs of bucket and number of responses. Up to 31 microseconds a bucket is one microsecond wide; above, 32
    /// buckets lie between two powers of two.
    pub steps: Vec<(usize, u64)>,
    /// Maximum, in microseconds.
    pub max_us: u64,
}

/// A case that ran in a shard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardCase {
    /// Position in the whole run, from 0.
    pub place: usize,
    /// Name of the case.
    pub name: String,
}

/// Why a rule was not decided, in whole or in part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShardReason {
    /// Id of the rule.
    pub rule: String,
    /// The kind of reason.
    pub of: Doubt,
    /// Position of its case in the whole run, from 0.
    pub place: usize,
    /// The reason, as a clause.
    pub reason: String,
}

/// The kind of reason why a rule was not decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// A check could not be completed.
    Undecided,
    /// The rule was skipped, in whole or in part.
    LeftOut,
}

impl ShardFacts {
    /// Position in the whole run of a case of this shard; 0 for an unknown case.
    pub fn place_of(&self, case: &str) -> usize {
        self.cases.iter().find(|known| known.name == case).map_or(0, |known| known.place)
    }
}
