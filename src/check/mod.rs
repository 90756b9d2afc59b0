//! Checks one exchange, and every offering in it, against the contract; no I/O.
//!
//! These rules apply to every response of every case: `response.*` to the envelope, `offering.*` to each offering. The
//! modules above check whether a response is correct for its particular request.
//! Start at [`Judge`].

mod body;
mod headers;
mod judge;
mod leak;
mod offering;
mod response;
#[cfg(test)]
mod tests;
mod timestamps;

pub use judge::{Judge, RULES};
pub use offering::{Offering, offerings_in};
pub use timestamps::SeenTimestamps;
