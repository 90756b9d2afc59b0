//! One project on the target: its keys, its fixtures, and a session that judges every response.
//!
//! One case at a time uses a project. Start at [`Project`].

mod handle;
mod rereads;
mod session;
mod shrink_time;
mod snapshot;

pub use crate::finding::Abort;
pub use handle::{Fixtures, Project};
pub use rereads::Rereads;
pub use session::{Counts, RESTARTED, Session, is_restarted};
pub use shrink_time::ShrinkTime;
pub use snapshot::Snapshot;
