//! One request and its response.
//!
//! This floor puts bytes on the wire as they were meant and brings the response back whole. It knows nothing of rules:
//! what a response means is judged above. Keys are named in requests by the variable that holds them (`$QONFORM_TOKEN`)
//! and filled in only when the bytes leave, so that no key can reach a transcript, a report or a `curl` line.
//! Start at [`Client`].

mod client;
mod curl;
mod error;
mod exchange_observer;
mod fate;
mod json;
mod keys;
mod latency;
mod pacing;
mod raw;
mod request;
mod response;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod write_observer;

pub use client::{Client, Exchange, Traffic};
pub use curl::curl;
pub use error::TransportError;
pub use exchange_observer::{ExchangeObserver, Recorded};
pub use json::{Repeated, repeats_member};
pub use keys::{Credentials, KeyRole, Secret};
pub use latency::Latencies;
pub use pacing::{Pacing, Rate};
pub use request::{OperationRef, Request, encode_segment};
pub use response::Response;
pub use transport::{Target, Transport, TransportSettings, Trust};
pub use write_observer::WriteObserver;
