//! What was tried of the contract, and what came of it.

use super::expect::Part;
use super::inputs::{Inputs, Shown};
use crate::generate::Side;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts for every constraint of every operation that was played.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The constraints, sorted by operation, place and constraint.
    pub rows: Vec<Row>,
    /// Sides for which nothing can be sent, each with the reason.
    pub unsendable: Vec<String>,
}

/// One constraint at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    /// Operation id.
    pub operation: String,
    /// The parameter or property: `path offering_id`, `body /product_ids/*`.
    pub place: String,
    /// The keyword.
    pub constraint: String,
    /// Values that keep it; `None` where there are none.
    pub inside: Option<Sides>,
    /// Values that break it; `None` where there are none.
    pub outside: Option<Sides>,
}

/// What became of the inputs of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sides {
    /// Taken; also when another rule refused the request then, as it should.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
}

impl Sides {
    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Coverage {
    /// A row for every constraint of these inputs, nothing tried yet.
    pub fn of(inputs: &Inputs) -> Coverage {
        let mut coverage = Coverage::default();
        for shown in &inputs.facets {
            let row = coverage.row(&inputs.id, shown);
            *side_of(row, shown.side) = Some(Sides::default());
        }
        let name = |shown: &Shown| format!("{} {} {}", inputs.id, place(shown), shown.facet.constraint);
        coverage.unsendable = inputs.unmade.iter().map(|(shown, why)| format!("{}: {why}", name(shown))).collect();
        coverage
    }

    fn row(&mut self, operation: &str, shown: &Shown) -> &mut Row {
        let row = Row {
            operation: operation.to_owned(),
            place: place(shown),
            constraint: shown.facet.constraint.to_string(),
            inside: None,
            outside: None,
        };
        let key = |row: &Row| (row.operation.clone(), row.place.clone(), row.constraint.clone());
        let at = match self.rows.binary_search_by(|known| key(known).cmp(&key(&row))) {
            Ok(at) => at,
            Err(at) => {
                self.rows.insert(at, row);
                at
            }
        };
        &mut self.rows[at]
    }

    /// Counts an input that was taken, or one that was refused.
    pub(super) fn count(&mut self, operation: &str, shown: &Shown, taken: Taken) {
        let row = self.row(operation, shown);
        let sides = side_of(row, shown.side).get_or_insert_default();
        match taken {
            Taken::Accepted => sides.accepted += 1,
            Taken::Refused => sides.refused += 1,
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: Coverage) {
        if other.rows.is_empty() {
            return;
        }
        let mut rows: BTreeMap<_, Row> = BTreeMap::new();
        for row in std::mem::take(&mut self.rows).into_iter().chain(other.rows) {
            let key = (row.operation.clone(), row.place.clone(), row.constraint.clone());
            match rows.get_mut(&key) {
                Some(known) => {
                    known.inside = sum(known.inside, row.inside);
                    known.outside = sum(known.outside, row.outside);
                }
                None => drop(rows.insert(key, row)),
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
                if side.is_some_and(Sides::is_empty) {
                    holes.push(format!("{} {} {}, {name}", row.operation, row.place, row.constraint));
                }
            }
        }
        holes
    }
}

/// Whether an input was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Accepted,
    Refused,
}

fn side_of(row: &mut Row, side: Side) -> &mut Option<Sides> {
    match side {
        Side::Inside => &mut row.inside,
        Side::Outside => &mut row.outside,
    }
}

fn sum(one: Option<Sides>, two: Option<Sides>) -> Option<Sides> {
    match (one, two) {
        (Some(one), Some(two)) => {
            Some(Sides { accepted: one.accepted + two.accepted, refused: one.refused + two.refused })
        }
        (one, two) => one.or(two),
    }
}

fn place(shown: &Shown) -> String {
    use crate::contract::Place;
    match &shown.part {
        Part::Body if shown.facet.place.is_empty() => "body".into(),
        Part::Body => format!("body {}", shown.facet.place),
        Part::Parameter(place, name) => {
            let place = match place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
                Place::Cookie => "cookie",
            };
            format!("{place} {name}")
        }
    }
}
