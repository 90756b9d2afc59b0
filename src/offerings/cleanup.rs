//! Leaving a project as the case found it: what it created is removed, and the main is main again.
//!
//! The requests are judged like all others: a defect may show only here. What cannot be removed now is removed at the end
//! of the run, which says what is left.

use super::context::Context;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::project::Abort;

impl Context {
    /// Removes what the case created, in every project that is not thrown away, and compares the projects.
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
            // Some servers delete the main only when nothing else is left.
            self.send_all(&main.iter().map(delete).collect::<Vec<_>>()).await?;
        }
        self.look_at_all().await
    }

    /// Promotes the offering that was main when the case began, where one of the case took its place.
    async fn restore_main(&mut self, role: KeyRole) -> Result<(), Abort> {
        let before = self.before_in(role).and_then(|found| found.mains().first().map(|&main| main.to_owned()));
        let Some(before) = before else { return Ok(()) };
        let created = self.created_in(role);
        let is_displaced = self.main_of(role).is_none_or(|main| created.iter().any(|id| id == main));
        let is_there = self.oracle.state(role).is_some_and(|state| state.find(&before).is_some());
        if is_displaced && is_there {
            self.send(Request::to(Endpoint::SetMain).id(&before).key(role)).await?;
        }
        Ok(())
    }

    fn main_of(&self, role: KeyRole) -> Option<&str> {
        self.oracle.state(role).and_then(|state| state.main())
    }

    /// The ids of the case's offerings that are there.
    fn created_in(&self, role: KeyRole) -> Vec<String> {
        let Some((state, found)) = self.oracle.state(role).zip(self.before_in(role)) else { return Vec::new() };
        let ids = state.world().offerings().map(|offering| &offering.id);
        ids.filter(|id| state.world().is_created(id) && found.find(id).is_none()).cloned().collect()
    }
}
