//! One project on the target: its keys, what is known of it, and a session in which everything sent is judged.
//!
//! A project is used by one case at a time. It does not know what cases do; it knows how to read the project's state and how
//! to leave the project as it was. Start at [`Project`].

mod handle;
mod session;
mod snapshot;

pub use crate::finding::Abort;
pub use handle::{Fixtures, Project};
pub use session::{Counts, RESTARTED, Session, is_restarted};
pub use snapshot::Snapshot;
