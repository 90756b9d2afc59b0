//! The server over real HTTP, and each fault and behaviour against a long script of requests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod deep;
mod http;
mod planted;
mod races;
mod script;
mod switches;
