//! The contract: the operations of the document and the rules, with references followed, path-level parameters merged,
//! schemas ready to validate and typed codes collected.
//!
//! Start at [`Contract`]. [`Endpoint`] names its six operations of the offerings resource; each [`Operation`] has its
//! [`Parameter`]s, its [`RequestBody`] and its [`DocumentedResponse`]s, whose schemas are [`SchemaRef`]s; the
//! [`Catalogue`] has the rules.
//!
//! It sends nothing and checks no response.

mod catalogue;
mod codes;
mod draft4;
mod ecma;
mod endpoint;
mod error;
mod hidden;
mod lints;
mod meaning;
mod operation;
mod patterns;
mod read;
mod resolved;
mod schema;
#[cfg(test)]
mod tests;
mod undocumented;

pub use catalogue::{Area, Catalogue, CatalogueError, Level, Need, NeedInfo, Rule, RuleScope, RuleSource, ShownBy};
pub use endpoint::Endpoint;
pub use error::{ContractError, MissingOperation};
pub use hidden::is_hidden;
pub use operation::{DocumentedResponse, Header, Operation, Parameter, ParameterPlace, RequestBody, is_form, is_json};
pub use resolved::Contract;
pub use schema::{Direction, SchemaError, SchemaRef};
