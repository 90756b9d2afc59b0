//! Generated histories: what is sent step by step, and how it is held against the model.
//!
//! A history is a list of [`Step`]s, plain data with symbolic references, the same for the same seed and index
//! ([`generate()`]). [`play()`] sends it on a stage, whatever the project holds besides: a reference that stands for nothing
//! at that moment becomes a request for an id that nobody has, so that a history stays playable when steps are taken
//! out of it. It refuses to know how histories are made smaller or run again. Start at [`Step`].

mod cast;
mod draw;
mod generate;
mod play;
mod shrink;
mod step;
mod walk;

pub use generate::{Mains, Means, generate};
pub use play::{Watch, play, play_case, play_watching};
pub use step::{Product, Slot, Step, Tag, Who};
