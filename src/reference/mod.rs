//! The embedded server: the offerings API in memory, right to the letter unless told otherwise.
//!
//! It is an island. It knows nothing of the harness (no contract, no model, no check), so that a mistake made there
//! cannot be made here in the same way; nobody but the run and the command line may use it.
//! It refuses to know who is calling: the harness gets its keys and ids from a [`Fixture`], like any other client.
//!
//! Start at [`Server`].

mod answer;
mod behaviour;
mod call;
mod config;
mod damage;
mod fault;
mod fixture;
mod front;
mod history;
mod idempotency;
mod in_flight;
mod interleaving;
mod offering;
mod page;
mod project;
mod response;
mod routes;
mod server;
mod step;
mod store;
mod tamper;
#[cfg(test)]
mod tests;
mod validate;
mod view;

pub use behaviour::{Behaviour, BehaviourInfo};
pub use fault::{Family, Fault, FaultInfo, Layer, UnknownName};
pub use fixture::Fixture;
pub use server::{Loan, Options, Server, StartError};
pub use store::Clock;
