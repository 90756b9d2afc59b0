//! Tells whether a server keeps the contract of the Qonversion REST API v4 offerings resource.

pub mod reference;

pub mod document;

pub mod contract;

pub mod generate;

pub mod exchange;

pub mod finding;

pub mod check;

pub mod lane;

pub mod offerings;

pub mod run;

pub mod report;
