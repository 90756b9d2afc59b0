//! Which constraints of the document the generated requests covered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Request counts for every covered constraint of every operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// The constraints, sorted by operation, place and keyword.
    pub rows: Vec<ConstraintSeen>,
    /// Sides of constraints for which no request exists, each with the reason.
    pub unsendable: Vec<String>,
}

/// One constraint of the document, and the results of the requests generated for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConstraintSeen {
    /// Operation id.
    pub operation: String,
    /// The parameter or property: `path offering_id`, `body /product_ids/*`.
    pub place: String,
    /// The keyword: `maxLength`.
    pub constraint: String,
    /// Requests with values that satisfy it; `None` if no such value exists.
    pub inside: Option<SideCounts>,
    /// Requests with values that violate it; `None` if no such value exists.
    pub outside: Option<SideCounts>,
}

/// Requests by result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SideCounts {
    /// Number of accepted requests, including those that another rule required the server to reject.
    pub accepted: u64,
    /// Number of rejected requests.
    pub refused: u64,
}

impl Constraints {
    /// The row of a constraint; inserted if there is none.
    pub fn row(&mut self, operation: &str, place: String, constraint: String) -> &mut ConstraintSeen {
        let row = ConstraintSeen { operation: operation.to_owned(), place, constraint, inside: None, outside: None };
        let at = match self.rows.binary_search_by(|known| key(known).cmp(&key(&row))) {
            Ok(at) => at,
            Err(at) => {
                self.rows.insert(at, row);
                at
            }
        };
        &mut self.rows[at]
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: Self) {
        if other.rows.is_empty() && other.unsendable.is_empty() {
            return;
        }
        let mut rows: BTreeMap<_, ConstraintSeen> = BTreeMap::new();
        for row in std::mem::take(&mut self.rows).into_iter().chain(other.rows) {
            let (operation, place, constraint) = key(&row);
            match rows.get_mut(&(operation.to_owned(), place.to_owned(), constraint.to_owned())) {
                Some(known) => {
                    known.inside = sum(known.inside, row.inside);
                    known.outside = sum(known.outside, row.outside);
                }
                None => drop(rows.insert((operation.to_owned(), place.to_owned(), constraint.to_owned()), row)),
            }
        }
        self.rows = rows.into_values().collect();
        self.unsendable.extend(other.unsendable);
        self.unsendable.sort();
        self.unsendable.dedup();
    }

    /// Sides of constraints without any request: `v4CreateOffering body /id maxLength, outside`.
    pub fn holes(&self) -> Vec<String> {
        let mut holes = Vec::new();
        for row in &self.rows {
            for (side, name) in [(row.inside, "inside"), (row.outside, "outside")] {
                if side == Some(SideCounts::default()) {
                    holes.push(format!("{} {} {}, {name}", row.operation, row.place, row.constraint));
                }
            }
        }
        holes
    }
}

fn key(row: &ConstraintSeen) -> (&str, &str, &str) {
    (&row.operation, &row.place, &row.constraint)
}

fn sum(one: Option<SideCounts>, two: Option<SideCounts>) -> Option<SideCounts> {
    match (one, two) {
        (Some(one), Some(two)) => {
            Some(SideCounts { accepted: one.accepted + two.accepted, refused: one.refused + two.refused })
        }
        (one, two) => one.or(two),
    }
}
