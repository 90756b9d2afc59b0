//! Delete.

use super::in_state;
use crate::reference::answer::Refusal;
use crate::reference::fault::Fault;
use crate::reference::offering::{Kind, Offering};
use crate::reference::project::Project;

impl Project {
    pub(in crate::reference) fn spoil_delete(
        &mut self,
        before: &[Offering],
        id: &str,
        result: Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match result {
            Ok(()) => {
                if let Some(deleted) = in_state(before, id).cloned() {
                    self.spoil_deleted(before, &deleted);
                }
                Ok(())
            }
            Err(refusal) => self.spoil_undeleted(id, refusal),
        }
    }

    fn spoil_undeleted(&mut self, id: &str, refusal: Refusal) -> Result<(), Refusal> {
        let variant = in_state(&self.offerings, id).is_some_and(|row| row.kind == Kind::Variant);
        if variant && self.faulty(Fault::DELETE_VARIANT_ACCEPTED) {
            self.offerings.retain(|row| row.id != id);
            return Ok(());
        }
        let missing = refusal.code == "not_found";
        let again = self.history.deleted.iter().any(|row| row.id == id);
        if missing && (self.faulty(Fault::DELETE_MISSING_204) || (again && self.faulty(Fault::DELETE_AGAIN_204))) {
            return Ok(());
        }
        if missing && self.faulty(Fault::REFUSED_DELETE_TOUCHES) {
            let newest = self.newest_id();
            self.touch(&newest.unwrap_or_default());
        }
        Err(if again && missing && self.faulty(Fault::DELETE_AGAIN_400) {
            Refusal::malformed("This offering was deleted before.")
        } else {
            refusal
        })
    }

    fn spoil_deleted(&mut self, before: &[Offering], deleted: &Offering) {
        let id = &deleted.id;
        if self.faulty(Fault::DELETE_NOT_REMOVED) {
            self.offerings = before.to_vec();
            return;
        }
        self.history.frozen = None;
        self.history.reads.remove(id);
        if deleted.is_main() {
            self.history.deleted_mains.insert(id.clone());
            self.history.mainless = true;
        }
        self.history.deleted.push(deleted.clone());
        self.wrote(id);
        if self.faulty(Fault::DELETE_DEMOTES_MAIN)
            || (self.faulty(Fault::FORMER_MAIN_DELETED_DEMOTES) && self.history.demotions.contains_key(id))
        {
            self.demote_main();
        }
        if self.faulty(Fault::DELETE_BY_PREFIX) {
            self.offerings.retain(|row| !row.is_regular() || !row.id.starts_with(id.as_str()));
        }
        if self.faulty(Fault::DELETION_TAKES_CHILDREN) {
            let child = format!("{id}:");
            self.offerings.retain(|row| !row.id.starts_with(&child));
        }
        if self.faulty(Fault::DELETE_DETACHES_SHARED) {
            for row in &mut self.offerings {
                row.product_ids.retain(|product| !deleted.product_ids.contains(product));
            }
        }
        if self.faulty(Fault::SECOND_DELETION_TAKES_ANOTHER) && self.history.deleted.len().is_multiple_of(2) {
            let oldest = self
                .offerings
                .iter()
                .position(|row| row.is_regular() && !row.is_main() && row.number > self.history.given);
            oldest.map(|oldest| self.offerings.remove(oldest));
        }
        if self.faulty(Fault::THIRD_DELETION_RESTORES_FIRST) && self.history.deleted.len() == 3 {
            let mut first = self.history.deleted[0].clone();
            first.tag = None;
            if self.position(&first.id).is_none() {
                self.offerings.push(first);
            }
        }
        if self.faulty(Fault::KEY_FORGOTTEN_AFTER_DELETION) {
            self.replays.forget_except(id);
        }
    }

    /// Counts a write to an offering, for the faults that depend on the number of writes.
    pub(super) fn wrote(&mut self, id: &str) {
        self.history.writes += 1;
        if self.faulty(Fault::TENTH_WRITE_DETACHES_OLDEST) && self.history.writes.is_multiple_of(10) {
            let given = self.history.given;
            let oldest = self.offerings.iter_mut().find(|row| row.is_regular() && row.number > given && row.id != id);
            if let Some(row) = oldest {
                row.product_ids.clear();
            }
        }
    }
}
