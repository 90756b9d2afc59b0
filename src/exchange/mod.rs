//! One request and its response.
//!
//! This module sends requests unchanged and returns complete responses. It knows nothing of rules: the modules above
//! check what a response means. Requests name keys by the variable that holds them (`$QONFORM_TOKEN`); keys are filled
//! in only when the bytes are sent, so that no key can reach a transcript, a report or a `curl` command.
//! Start at [`Client`].

mod client;
mod connection;
mod curl;
mod error;
mod exchange_observer;
mod foreign;
mod json;
mod keys;
mod last_byte;
mod latency;
mod obstacle;
mod pacing;
mod proxy;
mod rate_controller;
mod raw;
mod reason;
mod request;
mod response;
mod reuse;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
mod transport;
mod write_observer;
mod write_outcome;

pub use client::{Client, Exchange};
pub use connection::Connection;
pub use curl::{curl, is_curl};
pub use error::TransportError;
pub use exchange_observer::{ExchangeObserver, Recorded};
pub use json::{RepeatedMember, repeats_member};
pub use keys::{Credentials, KeyRole, Secret};
pub use last_byte::{Hold, LastByteBarrier};
pub use latency::Latencies;
pub use pacing::{Pacing, Rate};
pub use proxy::is_loopback;
pub use request::{OperationRef, Request, encode_segment};
pub use response::Response;
pub use traffic::Traffic;
pub use transport::{Target, Transport, TransportSettings, Trust};
pub use write_observer::WriteObserver;
