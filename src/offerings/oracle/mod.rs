//! The model of the resource: which responses a project may return next, and which state it may have then.
//!
//! A [`World`] is one possible state of a project. [`World::judge`] compares a response with it and returns the
//! possible next worlds, or the deviation. Where the contract leaves a choice, several responses are allowed. [`State`]
//! follows one project through a case, [`Oracle`] all projects. All statuses, typed codes and titles are in the table
//! of [`conditions`]. Worlds are plain values, so [`World::step`] also serves to search for an order of concurrent
//! requests. The oracle does not depend on how responses arrive, and shares no code with the reference server.

mod body;
mod call;
mod compare;
pub mod conditions;
pub mod consequences;
mod gateway;
mod judge;
mod keys;
mod pages;
mod race;
mod reasons;
mod reply;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod valid;
mod verdict;
mod world;

pub use body::{Body, BodyShape, Sent};
pub(crate) use call::is_offering_id;
pub use call::{Call, Caller, Form, Limit};
pub use compare::{Comparison, Mismatch, Write, WriteState};
pub(super) use gateway::rejected_in_front;
pub use race::{RaceAnomaly, product_list};
pub use reply::{Content, Page, RESTARTED, Reply};
pub use state::{Oracle, State};
pub use verdict::{About, Choice, Explained, Judgement, ModelDeviation};
pub use world::{Facts, Main, World};
