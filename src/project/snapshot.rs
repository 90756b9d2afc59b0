//! The regular offerings of a project at one moment.

use crate::check::Offering;
use crate::finding::Listed;

/// The offerings that a walk over the whole list returned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Every offering, in the order of the list.
    pub offerings: Vec<Offering>,
    /// Number of pages; only a snapshot of one page shows a single moment.
    pub pages: usize,
}

impl Snapshot {
    /// The offering with this id.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.offerings.iter().find(|offering| offering.id == id)
    }

    /// The ids, each with whether it is main.
    pub fn listed(&self) -> Vec<Listed> {
        let listed = |offering: &Offering| Listed { id: offering.id.clone(), is_main: offering.is_main() };
        self.offerings.iter().map(listed).collect()
    }

    /// Ids of all offerings with `tag` 1.
    pub fn mains(&self) -> Vec<&str> {
        self.offerings.iter().filter(|offering| offering.is_main()).map(|offering| offering.id.as_str()).collect()
    }
}
