//! Generates values from schemas: values at every limit, values that violate one constraint, and random ones of both
//! kinds.
//!
//! Everything here is pure: the same schema and seed give the same values. It knows nothing of requests and servers.
//! The keywords of the schema give candidates, which the validator checks: unsuitable ones are discarded, and a
//! constraint without any remaining one is reported ([`Schema::unsatisfiable`]).
//! Start at [`Schema`]; [`Schema::texts`] gives values that are sent as text (path, query, header).

mod broken;
mod candidate;
mod characters;
mod constraint;
mod node;
mod pattern;
mod read;
mod schema;
mod seed;
mod simplify;
mod strategy;
#[cfg(test)]
mod tests;
mod text;
mod valid;

pub use constraint::{Constraint, ConstraintSide};
pub use schema::{Facet, Sample, Schema, Validity, ViolatedConstraints};
pub use seed::{runner, seed};
pub use text::{Text, TextValidity};
