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
        self.merge_rows(other.rows);
        self.unsendable.extend(other.unsendable);
        self.unsendable.sort();
        self.unsendable.dedup();
    }

    fn merge_rows(&mut self, other: Vec<ConstraintSeen>) {
        let (Some(first), Some(last)) = (other.first(), other.last()) else { return };
        let at = self.rows.partition_point(|row| key(row) < key(first));
        // The rows of an operation that has none yet belong in one place. Each operation of a document adds its own.
        if self.rows.get(at).is_none_or(|next| key(last) < key(next)) {
            self.rows.splice(at..at, other);
            return;
        }
        let mut rows: BTreeMap<_, ConstraintSeen> = BTreeMap::new();
        for row in std::mem::take(&mut self.rows).into_iter().chain(other) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[(&str, &str, u64)]) -> Constraints {
        let mut all = Constraints::default();
        for (operation, place, accepted) in rows {
            let row = all.row(operation, (*place).to_owned(), "maxLength".to_owned());
            row.inside = Some(SideCounts { accepted: *accepted, refused: 0 });
        }
        all
    }

    #[test]
    fn rows_stay_sorted_and_equal_ones_are_summed() {
        let mut all = Constraints::default();
        let parts = [of(&[("m", "a", 1), ("m", "c", 2)]), of(&[("z", "a", 4)]), of(&[("a", "x", 8)])];
        let again =
            [of(&[("m", "b", 16)]), of(&[("m", "c", 32), ("z", "a", 64)]), of(&[("a", "y", 128), ("zz", "a", 256)])];
        parts.into_iter().chain(again).for_each(|part| all.merge(part));
        let expected = [
            ("a", "x", 8),
            ("a", "y", 128),
            ("m", "a", 1),
            ("m", "b", 16),
            ("m", "c", 34),
            ("z", "a", 68),
            ("zz", "a", 256),
        ];
        assert_eq!(all, of(&expected));
    }
}
