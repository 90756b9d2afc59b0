//! Judgement of one exchange against the contract, and of every offering in it; no I/O.
//!
//! These rules hold for every response, whatever case asked for it: `response.*` for the envelope, `offering.*` for each
//! offering that is seen. What a response should have been for a particular request is the business of the cases above.
//! Start at [`Judge`].

mod judge;
mod leak;
mod memory;
mod offering;
mod response;

pub use judge::{Judge, RULES};
pub use memory::SeenTimestamps;
pub use offering::{Offering, offerings_in};
