//! What a project may answer next, and what it may hold then.
//!
//! A [`World`] is one state that a project may be in; [`World::judge`] holds an answer against it and gives every world
//! that may follow, or what is wrong. Open points of the contract are several right answers, never a wrong one. Worlds
//! are plain values, so that an order of calls can be searched by them ([`World::step`]) as well as a history be
//! followed. The model refuses to know how answers come, and shares nothing with the reference server.

mod call;
mod compare;
mod effect;
mod judge;
mod reason;
mod replay;
#[cfg(test)]
mod tests;
mod world;

pub use call::{Body, Call, Sent};
pub use compare::{Comparison, Difference};
pub use judge::{Choice, Fault, Right, Verdict};
pub use world::{Facts, Main, World};
