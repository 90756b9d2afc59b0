//! Races: several clients at once, and a search for an order of their requests that explains the responses.
//!
//! A [`Race`] is a case like a scenario: it runs in a project and returns a [`CaseResult`](crate::finding::CaseResult).
//! What its clients do is a [`Program`]: data that can be generated and minimized. Every attempt is recorded request
//! by request and judged twice: directly (no list of one page shows two main offerings), and by a search for an order
//! of the requests, compatible with real time, in which the [oracle](super::oracle) explains every response
//! ([`order`]). A request without a response may have been applied or not, and a list of several pages is not one
//! moment: neither is a violation.
//!
//! The judge must not know how the server works or how the requests were sent. Start at [`Race::run`].

mod attempt;
mod case;
mod direct;
mod generated;
mod history;
mod judge;
mod model;
pub mod order;
mod program;
mod reader;
mod rng;
mod runner;
mod search_input;
mod simplify;
#[cfg(test)]
mod tests;
mod timeline;
mod written;

pub use case::{InvalidRace, Race, SavedRace};
pub use generated::generated;
pub use program::{Program, RaceStep};
pub use runner::{Mode, RaceBudget};
pub use written::written;
