//! Tests a server against the contract of the Qonversion REST API v4 offerings resource.
//!
//! # The path of the data
//!
//! ```text
//! data     document -> contract -> generate -> exchange -> check -> finding -> report     run drives it
//! imports  document <- contract <- generate <- exchange <- finding <- check <- project <- offerings <- run <- report
//!          reference: an island
//! ```
//!
//! A module imports only from those above it in the list at the end of this file; a test checks this.
//!
//! # Words
//!
//! - *Document*: the OpenAPI YAML as written. *Contract*: what it and the catalogue of rules require. *Operation*: one
//!   of its method-and-path pairs; *endpoint*: one of the six operations of the offerings resource.
//! - *Rule*: one checkable requirement with an id such as `set-main.demotes-previous`, a level (must, should, open),
//!   sources and needs.
//! - *Case*: a unit of testing. Its *layer* is *scenario* (written by hand), *input* (generated requests to one
//!   operation), *sequence* (a generated series of requests) or *race* (several clients at once).
//! - *Target*: the server under test. *Project*: one key's data on the target. *Context*: what a case runs on.
//!   *Oracle*: what judges every response.
//! - *Exchange*: a request with its response. *Trace*: ordered exchanges.
//! - *Failure*: an unconfirmed deviation seen by a case. *Finding*: confirmed and merged failures with their evidence; a
//!   *violation* or a *warning*. *Observation*: what the server chose at an open point. *Drift*: any difference between
//!   document and server, whether or not it violates a rule. *Outcome*: all results of a run.
//! - *Fault*: a defect planted in the reference server. *Behaviour*: another correct choice, planted likewise.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use qonform::contract::Contract;
//! use qonform::run::{Selection, Settings, run};
//!
//! # tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
//! let settings = Settings {
//!     selection: Selection { case: Some("scenario::create.readable".into()), ..Selection::default() },
//!     ..Settings::default()
//! };
//! let contract = Arc::new(Contract::embedded());
//! let outcome = run(&settings, contract, &|_| {}, Default::default()).await.expect("the embedded server starts");
//! assert_eq!(outcome.exit_code(), 0);
//! # });
//! ```

pub mod reference;

pub mod document;

pub mod contract;

pub mod generate;

pub mod exchange;

pub mod finding;

pub mod check;

pub mod project;

pub mod offerings;

pub mod run;

pub mod report;
