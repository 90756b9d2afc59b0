//! One project on the target: its keys, its fixtures, and a session that judges every response.
//!
//! One case at a time uses a project, or several that know of each other. Start at [`Project`].

mod handle;
mod mains;
mod neighbours;
mod rereads;
mod session;
mod shrink_time;
mod snapshot;

pub use crate::finding::Abort;
pub use handle::{Fixtures, Project};
pub use mains::PromotedByServer;
pub use neighbours::Neighbours;
pub use rereads::Rereads;
pub use session::{Counts, RESTARTED, Session, is_restarted};
pub use shrink_time::ShrinkTime;
pub use snapshot::Snapshot;
