//! The whole harness, by theme; from `documents` on the program as users run it: on targets that are remote, hostile or
//! shared, and killed at any moment.
//!
//! `program` runs the real binary and checks all of its output; `fake_server` has servers that violate HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// The allocator of the program: these tests start hundreds of servers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// No module imports from a later one.
mod architecture;
/// The documents show the output of the program.
mod readme;

mod artifacts;
mod cleanup;
mod configuration;
mod corpus;
mod damage;
mod documents;
#[cfg(feature = "tls")]
mod encrypted;
mod evidence;
mod fake_server;
mod files;
mod findings;
mod gates;
mod hostile;
#[cfg(feature = "tls")]
mod http2;
mod inert;
mod inputs;
mod keys;
mod large;
mod messages;
mod network;
mod operations;
mod program;
mod proxies;
mod races;
mod scopes;
mod secrets;
mod selftest;
mod shared;
mod shell;
mod side_by_side;
mod untrusted;
