//! Restores a project after a case: deletes what the case created and promotes the original main.
//!
//! The responses are judged like all others, because a defect may show only here. The end of the run deletes what
//! cannot be deleted now, and reports what remains.

use super::context::Context;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::project::Abort;

impl Context {
    /// Deletes what the case created in every shared project, and compares the projects.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub(super) async fn clean_up(&mut self) -> Result<(), Abort> {
        if !self.is_shared() {
            return Ok(());
        }
        for role in self.oracle.projects() {
            self.restore_main(role).await?;
            let delete = |id: &String| Request::to(Endpoint::Delete).id(id).key(role);
            let (main, regulars): (Vec<_>, Vec<_>) =
                self.created_in(role).into_iter().partition(|id| self.main_of(role) == Some(id));
            self.send_all(&regulars.iter().map(delete).collect::<Vec<_>>()).await?;
            // Some servers delete the main only if no other offering remains.
            self.send_all(&main.iter().map(delete).collect::<Vec<_>>()).await?;
        }
        self.read_projects().await
    }

    /// Promotes the original main if an offering of the case replaced it.
    async fn restore_main(&mut self, role: KeyRole) -> Result<(), Abort> {
        let before = self.before_in(role).and_then(|found| found.mains().first().map(|&main| main.to_owned()));
        // The main offering of another run is not the project's own.
        let is_other = |id: &String| self.oracle.state(role).is_some_and(|state| state.world().is_of_another_run(id));
        let Some(before) = before.filter(|id| !is_other(id)) else { return Ok(()) };
        let created = self.created_in(role);
        // A server may promote another offering when the main is deleted.
        let is_displaced = self.main_of(role).is_none_or(|main| {
            if self.project().is_exclusive { *main != before } else { created.iter().any(|id| id == main) }
        });
        let still_exists = self.oracle.state(role).is_some_and(|state| state.find(&before).is_some());
        if is_displaced && still_exists {
            self.send(Request::to(Endpoint::SetMain).id(&before).key(role)).await?;
        }
        Ok(())
    }

    fn main_of(&self, role: KeyRole) -> Option<&str> {
        self.oracle.state(role).and_then(|state| state.main())
    }

    /// The ids of the existing offerings that the case created.
    fn created_in(&self, role: KeyRole) -> Vec<String> {
        let Some((state, found)) = self.oracle.state(role).zip(self.before_in(role)) else { return Vec::new() };
        let ids = state.world().offerings().map(|offering| &offering.id);
        ids.filter(|id| state.world().is_created(id) && found.find(id).is_none()).cloned().collect()
    }
}
