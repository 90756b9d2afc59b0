//! The only author of verdicts about this resource: what a project may return next, and what it may hold then.
//!
//! A [`World`] is one state that a project may be in; [`World::judge`] compares a response with it and gives every world
//! that may follow, or what is wrong. Open points of the contract are several right responses, never a wrong one.
//! [`State`] follows one project through a case; [`Oracle`] all of them. Every status, typed code and title stands in
//! the table of [`conditions`]. Worlds are plain values, so that an order of requests can be searched by them
//! ([`World::step`]) as well as a sequence be followed. The oracle must not know how responses come, and shares nothing
//! with the reference server.

mod body;
mod call;
mod compare;
pub mod conditions;
pub mod consequences;
mod front;
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
mod verdict;
mod world;

pub use body::{Body, BodyShape, Sent};
pub(crate) use call::is_offering_id;
pub use call::{Call, Caller, Form, Limit};
pub use compare::{Comparison, Surprise, Write, WriteState};
pub use race::{RaceAnomaly, product_list};
pub use reply::{Content, Page, RESTARTED, Reply};
pub use state::{Oracle, State};
pub use verdict::{About, Choice, Explained, Judgement, Wrong};
pub use world::{Facts, Main, World};
