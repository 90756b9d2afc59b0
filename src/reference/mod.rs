//! The embedded server: the offerings API in memory, correct unless it has planted faults.
//!
//! It uses nothing of the harness (no contract, no model, no check), so that a mistake there is not repeated here. Only
//! the run and the command line use it, through HTTP and with the keys and ids of a [`Fixture`], like any other client.
//!
//! `routes`, `validate`, `project`, `page`, `view` and `store` are a correct server. A `Config` changes it:
//! values that these modules read, changes of responses (`response`), hooks on finished steps (`step`, with `history`,
//! `tamper` and `damage`), and operations that are not atomic (`interleaving`). A row of a catalogue ([`Fault`],
//! [`Behaviour`]) has a name, a sentence, and the function that changes the config.
//!
//! Start at [`Server`].

mod behaviour;
mod call;
mod config;
mod damage;
mod fault;
mod fixture;
mod front;
mod gzip;
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
mod server_response;
mod step;
mod store;
mod tamper;
#[cfg(test)]
mod tests;
mod validate;
mod view;

pub use behaviour::{Behaviour, BehaviourInfo};
pub use fault::{Family, Fault, FaultInfo, UnknownName};
pub use fixture::Fixture;
pub use server::{FixtureGuard, Options, Server, StartError};
pub use store::Clock;
