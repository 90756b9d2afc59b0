//! The history of a project, as far as planted faults depend on it.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

use super::offering::Offering;
use super::server_response::{ApiError, ServerResponse};

/// Counters and earlier values; a server without faults never reads them.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Number of offerings in the fixture.
    pub(super) initial: u64,
    pub(super) created: u32,
    /// The hundredth of a second in which each was created, by number.
    pub(super) moments: HashMap<u64, i64>,
    /// How many updates wrote products.
    pub(super) updates: u32,
    /// How many promotions changed the main.
    pub(super) promotions: u32,
    /// How many requests changed anything.
    pub(super) writes: u32,
    pub(super) lists: u32,
    /// All deleted offerings, the latest last.
    pub(super) deleted: Vec<Offering>,
    /// Whether the main was deleted and no other was promoted since.
    pub(super) main_deleted: bool,
    /// Ids of offerings that were main when they were deleted.
    pub(super) deleted_mains: HashSet<String>,
    /// How often each was demoted.
    pub(super) demotions: HashMap<String, u32>,
    /// How often each was updated since its creation.
    pub(super) updated: HashMap<String, u32>,
    /// Those that were updated before they were deleted and created again.
    pub(super) formerly_updated: HashSet<String>,
    /// Products of each at its latest creation.
    pub(super) first_products: HashMap<String, Vec<String>>,
    /// Products of each at its first creation.
    pub(super) oldest_products: HashMap<String, Vec<String>>,
    /// Products of each before its list was emptied.
    pub(super) emptied: HashMap<String, Vec<String>>,
    /// Products of each at its latest promotion.
    pub(super) promoted_products: HashMap<String, Vec<String>>,
    /// Products of each at its latest demotion.
    pub(super) demoted_products: HashMap<String, Vec<String>>,
    /// The body of the latest update of each.
    pub(super) latest_update: HashMap<String, Value>,
    /// The offering that only GET returns as main.
    pub(super) main_of_get: Option<String>,
    /// Code of the rejection after which the first offering does not become main.
    pub(super) first_used_up: Option<&'static str>,
    /// Rejections of creates, by idempotency key.
    pub(super) saved_rejections: HashMap<Vec<u8>, ApiError>,
    /// Ids of rejected requests that can no longer be created.
    pub(super) reserved: HashSet<String>,
    /// Experiment variants to which a write was rejected.
    pub(super) variants_written: HashSet<String>,
    /// Rows that only the list returns.
    pub(super) list_only: Vec<Offering>,
    /// Ids that the list omits.
    pub(super) unlisted: HashSet<String>,
    /// The tags from before the latest promotion.
    pub(super) former_tags: HashMap<String, Option<i16>>,
    /// When the latest promotion was.
    pub(super) promoted_at: Option<Instant>,
    /// The list as it was when it was last restarted.
    pub(super) cached_list: Option<Vec<Offering>>,
    /// Latest response of GET for each, and how often in a row.
    pub(super) reads: HashMap<String, (Offering, u32)>,
    /// How often each was read.
    pub(super) gets: HashMap<String, u32>,
    /// Whether an update had no effect.
    pub(super) empty_update: bool,
    /// Whether the latest promotion named a missing id.
    pub(super) missing_promotion: bool,
    /// Ids whose creation was rejected because they exist.
    pub(super) duplicates: HashSet<String>,
    /// Keys that two concurrent creates used.
    pub(super) stuck_keys: HashSet<Vec<u8>>,
    /// Responses saved under the key of another create.
    pub(super) mixed_responses: HashMap<Vec<u8>, ServerResponse>,
}
