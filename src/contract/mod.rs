//! What the document and the rules promise, resolved once: references followed, path-level parameters merged, schemas
//! ready to validate, typed codes collected.
//!
//! Start at [`Contract`]. Its six operations of the offerings resource are named by [`Endpoint`]; each [`Operation`] has
//! its [`Parameter`]s, its [`Body`] and its [`Response`]s, whose schemas are [`SchemaRef`]s; the rules stand in the
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

pub use catalogue::{Area, Catalogue, CatalogueError, Level, Need, NeedInfo, Rule, RuleScope, ShownBy, Source};
pub use endpoint::Endpoint;
pub use error::{ContractError, MissingOperation};
pub use operation::{Body, Header, Operation, Parameter, Place, Response, StatusKey};
pub use resolved::Contract;
pub use schema::{Direction, SchemaError, SchemaRef};
