//! Reports: turns an outcome into text.
//!
//! One file per format. This module does no I/O and reads no clock: the same [`Outcome`] gives the same bytes, whether
//! the run has just ended or its JSON report is read back with [`parse`]. No format checks anything; all of them show
//! the same findings in the same words (`trace`). Strings from the target are not trusted: control characters, escapes
//! and markup in them are shown as text in every format.
//!
//! Start at [`render`].
//!
//! [`Outcome`]: crate::finding::Outcome

mod diff;
mod events;
mod exchange;
mod export;
mod format;
mod github;
mod har;
mod html;
mod json;
mod junit;
mod markdown;
mod recording;
#[cfg(test)]
mod sample;
mod sarif;
mod style;
mod terminal;
mod trace;
mod visible;
mod words;

pub use diff::{Change, Difference, DriftChange, diff};
pub use events::EventLines;
pub use exchange::{Follow, exchange};
pub use export::{ExportedFile, export};
pub use format::{Format, UnknownFormat, render, render_finding};
pub use json::{ReadError, checked, parse};
pub use recording::Recording;
pub use style::{Color, Style, Verbosity};
pub use visible::wrapped;
pub use words::count;
