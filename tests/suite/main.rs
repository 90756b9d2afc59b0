//! The harness as a whole, by theme; from `documents` on the program as its users meet it: on targets that are far away,
//! hostile or shared, and killed at any moment.
//!
//! `program` runs the real binary and looks at everything it leaves; `fake_server` has servers that do what no library would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// The program's own: hundreds of servers are tried here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// No module imports from a floor above its own.
mod architecture;
/// What the README shows is what the program prints.
mod readme;

mod artifacts;
mod cleanup;
mod configuration;
mod corpus;
mod documents;
#[cfg(feature = "tls")]
mod encrypted;
mod evidence;
mod fake_server;
mod gates;
mod hostile;
mod inputs;
mod network;
mod operations;
mod program;
mod races;
mod scopes;
mod secrets;
mod selftest;
mod shared;
mod shell;
