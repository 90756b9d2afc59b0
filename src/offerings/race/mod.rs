//! Races: several clients at once, and an order of their requests that must explain what they saw.
//!
//! A [`Race`] is a case like a scenario: it plays on a project and leaves a [`CaseResult`](crate::finding::CaseResult). What its clients do is a
//! [`Program`], data that can be drawn and shrunk. Every try is recorded request by request and judged twice: directly
//! (no list of one page shows two mains), and by a search for an order of the requests, compatible with real time, in
//! which the [oracle](super::oracle) explains every response ([`order`]). A request without a response may have been applied or not; a list of several
//! pages is not one moment. Neither is ever held against the server.
//!
//! The judge refuses to know how the server works, and how the requests were sent. Start at [`Race::play`].

mod case;
mod direct;
mod draw;
mod generated;
mod history;
mod judge;
mod model;
pub mod order;
mod play;
mod program;
mod reader;
mod runner;
mod shrink;
#[cfg(test)]
mod tests;
mod timeline;
mod trial;
mod written;

pub use case::{Race, SavedRace, UnusableRace};
pub use generated::generated;
pub use program::{Program, RaceStep};
pub use runner::{Mode, RaceBudget};
pub use written::written;
