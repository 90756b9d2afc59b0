//! What generated requests tried of the document's constraints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts for every constraint of every operation that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// The constraints, sorted by operation, place and keyword.
    pub rows: Vec<ConstraintSeen>,
    /// Sides for which nothing can be sent, each with the reason.
    pub unsendable: Vec<String>,
}

/// One constraint of the document, and what became of the requests that were generated for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConstraintSeen {
    /// Operation id.
    pub operation: String,
    /// The parameter or property: `path offering_id`, `body /product_ids/*`.
    pub place: String,
    /// The keyword: `maxLength`.
    pub constraint: String,
    /// Values that satisfy it; `None` where there are none.
    pub inside: Option<Tried>,
    /// Values that violate it; `None` where there are none.
    pub outside: Option<Tried>,
}

/// What became of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tried {
    /// How many were accepted; also when another rule had them rejected then, as it should.
    pub accepted: u64,
    /// How many were rejected.
    pub refused: u64,
}

impl Constraints {
    /// The row of a constraint, new where there is none.
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

    /// Adds the counts of another.
    pub fn merge(&mut self, other: Self) {
        if other.rows.is_empty() {
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

    /// Sides of constraints that nothing was tried on: `v4CreateOffering body /id maxLength, outside`.
    pub fn holes(&self) -> Vec<String> {
        let mut holes = Vec::new();
        for row in &self.rows {
            for (side, name) in [(row.inside, "inside"), (row.outside, "outside")] {
                if side == Some(Tried::default()) {
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

fn sum(one: Option<Tried>, two: Option<Tried>) -> Option<Tried> {
    match (one, two) {
        (Some(one), Some(two)) => {
            Some(Tried { accepted: one.accepted + two.accepted, refused: one.refused + two.refused })
        }
        (one, two) => one.or(two),
    }
}
