//! What was tried of the contract, and what came of it.

use super::inputs::{Inputs, Part, Shown};
use crate::exchange::Response;
use crate::finding::{ConstraintSeen, Constraints, Tried};
use crate::generate::Side;

impl Constraints {
    /// A row for every constraint of these inputs, nothing tried yet.
    pub fn of(inputs: &Inputs) -> Self {
        let mut all = Self::default();
        for shown in &inputs.facets {
            let row = all.row(&inputs.id, place(shown), shown.facet.constraint.to_string());
            *side_of(row, shown.side) = Some(Tried::default());
        }
        let name = |shown: &Shown| format!("{} {} {}", inputs.id, place(shown), shown.facet.constraint);
        all.unsendable = inputs.unsatisfiable.iter().map(|(shown, why)| format!("{}: {why}", name(shown))).collect();
        all
    }

    /// Counts an input that was accepted or rejected.
    pub(super) fn count(&mut self, operation: &str, shown: &Shown, taken: Taken) {
        let row = self.row(operation, place(shown), shown.facet.constraint.to_string());
        let sides = side_of(row, shown.side).get_or_insert_default();
        match taken {
            Taken::Accepted => sides.accepted += 1,
            Taken::Rejected => sides.refused += 1,
        }
    }
}

/// Whether an input was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Accepted,
    Rejected,
}

impl Taken {
    /// By the class of the status; `None` for a response that is neither.
    pub(super) fn by(response: &Response) -> Option<Self> {
        if response.is_success() { Some(Self::Accepted) } else { response.is_rejection().then_some(Self::Rejected) }
    }
}

fn side_of(row: &mut ConstraintSeen, side: Side) -> &mut Option<Tried> {
    match side {
        Side::Inside => &mut row.inside,
        Side::Outside => &mut row.outside,
    }
}

fn place(shown: &Shown) -> String {
    use crate::contract::ParameterPlace;
    match &shown.part {
        Part::Body if shown.facet.place.is_empty() => "body".into(),
        Part::Body => format!("body {}", shown.facet.place),
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
