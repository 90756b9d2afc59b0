//! What a project has been through, as far as planted faults depend on it.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

use super::offering::Offering;
use super::server_response::{Refusal, ServerResponse};

/// Counts and memories; a server without faults never looks at them.
#[derive(Debug, Default)]
pub(super) struct History {
    /// How many offerings the fixture came with.
    pub(super) given: u64,
    pub(super) created: u32,
    /// How many updates wrote products.
    pub(super) updates: u32,
    /// How many promotions changed the main.
    pub(super) promotions: u32,
    /// How many requests changed anything.
    pub(super) writes: u32,
    pub(super) lists: u32,
    /// All that were deleted, the latest last.
    pub(super) deleted: Vec<Offering>,
    /// Whether the main was deleted and none was made since.
    pub(super) mainless: bool,
    /// Ids of offerings that were main when they were deleted.
    pub(super) deleted_mains: HashSet<String>,
    /// How often each was demoted.
    pub(super) demotions: HashMap<String, u32>,
    /// How often each was updated since it was made.
    pub(super) updated: HashMap<String, u32>,
    /// Those that were updated in their former life.
    pub(super) formerly_updated: HashSet<String>,
    /// What each was made with.
    pub(super) first_products: HashMap<String, Vec<String>>,
    /// What each was made with the first time.
    pub(super) oldest_products: HashMap<String, Vec<String>>,
    /// What each had before its list was emptied.
    pub(super) emptied: HashMap<String, Vec<String>>,
    /// What each had when it was promoted last.
    pub(super) promoted_products: HashMap<String, Vec<String>>,
    /// What each had when it was demoted last.
    pub(super) demoted_products: HashMap<String, Vec<String>>,
    /// The body of the latest update of each.
    pub(super) latest_update: HashMap<String, Value>,
    /// The offering that only get takes for the main.
    pub(super) main_of_get: Option<String>,
    /// The rejected request that has used up that the first offering becomes main.
    pub(super) first_used_up: Option<&'static str>,
    /// Idempotency keys of rejected creates.
    pub(super) burnt: HashMap<Vec<u8>, Refusal>,
    /// Ids of rejected requests that nobody can create any more.
    pub(super) reserved: HashSet<String>,
    /// Experiment variants to which a write was rejected.
    pub(super) variants_written: HashSet<String>,
    /// Rows that only the list shows.
    pub(super) ghosts: Vec<Offering>,
    /// Ids that the list leaves out.
    pub(super) unlisted: HashSet<String>,
    /// The tags of before the latest promotion.
    pub(super) former_tags: HashMap<String, Option<i16>>,
    /// When the latest promotion was.
    pub(super) promoted_at: Option<Instant>,
    /// The list as it was when it was last restarted.
    pub(super) frozen: Option<Vec<Offering>>,
    /// What get showed last for each, and how often in a row.
    pub(super) reads: HashMap<String, (Offering, u32)>,
    /// How often each was read.
    pub(super) gets: HashMap<String, u32>,
    /// Whether an update had nothing to do.
    pub(super) empty_update: bool,
    /// Whether the latest promotion named nothing.
    pub(super) missing_promotion: bool,
    /// Ids whose creation was rejected as they exist.
    pub(super) duplicates: HashSet<String>,
    /// Keys that two creates used at once.
    pub(super) stuck: HashSet<Vec<u8>>,
    /// Responses that are kept under the key of another create.
    pub(super) mixed: HashMap<Vec<u8>, ServerResponse>,
}
