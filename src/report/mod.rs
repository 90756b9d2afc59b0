//! A finished outcome in, the text of a report out.
//!
//! One file per format. Nothing here prints, reads a file or asks for the time: the same [`Outcome`] gives the same
//! bytes, whether the run has just ended or its JSON report was read back with [`parse`] a year later. No format judges
//! anything; they all tell the same findings in the same words (`story`). What the target said is never trusted: control
//! characters, escapes and markup in its strings arrive as text in every format.
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
mod story;
mod style;
mod terminal;
mod visible;
mod words;

pub use diff::{Change, Difference, DriftChange, diff};
pub use events::EventLines;
pub use exchange::{Follow, exchange};
pub use export::{ExportedFile, export};
pub use format::{Format, UnknownFormat, render};
pub use json::{ReadError, parse};
pub use recording::Recording;
pub use style::{Color, Style, Verbosity};
pub use visible::wrapped;
pub use words::count;
