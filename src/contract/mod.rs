//! What the document and the rules promise, resolved once: references followed, path-level parameters merged, schemas
//! ready to validate, typed codes collected.
//!
//! Start at [`Contract`]. Its six operations of the offerings resource are named by [`Endpoint`]; each [`Operation`] has
//! its [`Parameter`]s, its [`RequestBody`] and its [`DocumentedResponse`]s, whose schemas are [`SchemaRef`]s; the rules stand in the
//! [`Catalogue`].
//!
//! It does no I/O beyond reading files it is given, sends nothing and judges nothing: it only says what was promised.

mod catalogue;
mod codes;
mod draft4;
mod endpoint;
mod error;
mod lints;
mod operation;
mod read;
mod resolved;
mod schema;
#[cfg(test)]
mod tests;
mod undocumented;

pub use catalogue::{Area, Catalogue, CatalogueError, Level, Need, NeedInfo, Rule, RuleScope, RuleSource, ShownBy};
pub use endpoint::Endpoint;
pub use error::{ContractError, MissingOperation};
pub use operation::{DocumentedResponse, Header, Operation, Parameter, ParameterPlace, RequestBody, StatusKey};
pub use resolved::Contract;
pub use schema::{Direction, SchemaError, SchemaRef};
