//! What to send, made out of what is promised: values inside every limit of a schema, values that break one constraint
//! of it, and random ones of both kinds.
//!
//! Everything here is pure: the same schema and seed give the same values. It knows nothing of requests and servers.
//! Candidates are made from the keywords of the schema, and each is then held against the validator: one that is not
//! what it was meant to be is left out, and a constraint for which none remains is named ([`Schema::unmade`]).
//! Start at [`Schema`]; for values that travel as text (path, query, header) go on to [`Schema::texts`].

mod broken;
mod characters;
mod constraint;
mod node;
mod pattern;
mod read;
mod schema;
mod seed;
mod simpler;
mod strategy;
#[cfg(test)]
mod tests;
mod text;
mod valid;

pub use constraint::{Constraint, Side};
pub use schema::{Facet, Sample, Schema, Validity, ViolatedConstraints};
pub use seed::{runner, seed};
pub use text::{Reading, Text};
