//! Which sides of the constraints of the contract were covered, and how many inputs were accepted and rejected.

use super::inputs::{CoverageTarget, Inputs, Part};
use crate::exchange::Response;
use crate::finding::{ConstraintSeen, Constraints, SideCounts};
use crate::generate::ConstraintSide;

impl Constraints {
    /// A row for every constraint of these inputs, with all counts zero.
    pub fn of(inputs: &Inputs) -> Self {
        let mut all = Self::default();
        for covered in &inputs.facets {
            let row = all.row(&inputs.id, place(covered), covered.facet.constraint.to_string());
            *side_of(row, covered.side) = Some(SideCounts::default());
        }
        let name = |covered: &CoverageTarget| format!("{} {} {}", inputs.id, place(covered), covered.facet.constraint);
        all.unsendable =
            inputs.unsatisfiable.iter().map(|(covered, why)| format!("{}: {why}", name(covered))).collect();
        all
    }

    /// Counts an input that was accepted or rejected.
    pub(super) fn count(&mut self, operation: &str, covered: &CoverageTarget, acceptance: Acceptance) {
        let row = self.row(operation, place(covered), covered.facet.constraint.to_string());
        let sides = side_of(row, covered.side).get_or_insert_default();
        match acceptance {
            Acceptance::Accepted => sides.accepted += 1,
            Acceptance::Rejected => sides.refused += 1,
        }
    }
}

/// Whether an input was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acceptance {
    Accepted,
    Rejected,
}

impl Acceptance {
    /// From the class of the status; `None` for a response that is neither.
    pub(super) fn of(response: &Response) -> Option<Self> {
        if response.is_success() { Some(Self::Accepted) } else { response.is_rejection().then_some(Self::Rejected) }
    }
}

fn side_of(row: &mut ConstraintSeen, side: ConstraintSide) -> &mut Option<SideCounts> {
    match side {
        ConstraintSide::Inside => &mut row.inside,
        ConstraintSide::Outside => &mut row.outside,
    }
}

fn place(covered: &CoverageTarget) -> String {
    use crate::contract::ParameterPlace;
    match &covered.part {
        Part::Body if covered.facet.place.is_empty() => "body".into(),
        Part::Body => format!("body {}", covered.facet.place),
        Part::Parameter(place, name) => {
            let place = match place {
                ParameterPlace::Path => "path",
                ParameterPlace::Query => "query",
                ParameterPlace::Header => "header",
                ParameterPlace::Cookie => "cookie",
            };
            format!("{place} {name}")
        }
    }
}
