//! Get.

use http::StatusCode;

use crate::reference::answer::Refusal;
use crate::reference::fault::Fault;
use crate::reference::offering::Offering;
use crate::reference::project::Project;

impl Project {
    pub(in crate::reference) fn spoil_read(
        &mut self,
        id: &str,
        read: Result<Offering, Refusal>,
    ) -> Result<Offering, Refusal> {
        let read = read.or_else(|refusal| self.spoil_missing(id, refusal))?;
        let gets = self.history.gets.entry(id.to_owned()).or_default();
        *gets += 1;
        if gets.is_multiple_of(2) && self.faulty(Fault::GET_SECOND_TIME_404) {
            return Err(Refusal::not_found());
        }
        if self.faulty(Fault::GET_TOUCHES) {
            let now = self.ticker.tick();
            if let Some(row) = self.offerings.iter_mut().find(|row| row.id == id) {
                row.updated_at = now + 1;
            }
        }
        if self.faulty(Fault::SECOND_READ_CACHED) {
            let (cached, times) = self.history.reads.entry(id.to_owned()).or_insert_with(|| (read.clone(), 0));
            if *times < 2 {
                *times = if *cached == read { *times + 1 } else { 1 };
                cached.clone_from(&read);
            }
            return Ok(cached.clone());
        }
        Ok(read)
    }

    /// Shows what a reader must not see, or refuses it in another way.
    fn spoil_missing(&mut self, id: &str, refusal: Refusal) -> Result<Offering, Refusal> {
        if let Some(index) = self.position(id) {
            if self.faulty(Fault::VARIANT_READABLE) {
                return Ok(self.offerings[index].clone());
            }
            let status = if self.faulty(Fault::GET_VARIANT_403) {
                Some(StatusCode::FORBIDDEN)
            } else if self.faulty(Fault::GET_VARIANT_422) {
                Some(StatusCode::UNPROCESSABLE_ENTITY)
            } else {
                None
            };
            return Err(status.map_or(refusal, |status| {
                Refusal::new(status, "control_forbidden", "The offering belongs to an experiment.")
            }));
        }
        let deleted = self.history.deleted.iter().rev().find(|row| row.id == id);
        deleted.filter(|_| self.faulty(Fault::DELETE_STILL_READABLE)).cloned().ok_or(refusal)
    }
}
