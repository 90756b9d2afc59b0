//! Set main.

use std::time::Instant;

use http::StatusCode;

use super::in_state;
use crate::reference::answer::Refusal;
use crate::reference::fault::Fault;
use crate::reference::offering::Offering;
use crate::reference::project::Project;

impl Project {
    pub(in crate::reference) fn spoil_set_main(
        &mut self,
        before: &[Offering],
        id: &str,
        result: Result<Offering, Refusal>,
    ) -> Result<Offering, Refusal> {
        match result {
            Ok(promoted) => {
                let previous = before.iter().find(|row| row.is_main()).cloned();
                match previous {
                    Some(previous) if previous.id == promoted.id => self.spoil_again(promoted),
                    previous => self.spoil_promoted(before, previous.as_ref(), promoted),
                }
            }
            Err(refusal) => self.spoil_unpromoted(id, refusal),
        }
    }

    fn spoil_unpromoted(&mut self, id: &str, refusal: Refusal) -> Result<Offering, Refusal> {
        if refusal.code == "not_found" {
            self.history.missing_promotion = true;
            if self.faulty(Fault::SET_MAIN_MISSING_DEMOTES) {
                self.demote_main();
            }
            return Err(refusal);
        }
        let accepted = self.faulty(Fault::SET_MAIN_VARIANT_ACCEPTED);
        if accepted || self.faulty(Fault::SET_MAIN_VARIANT_DEMOTES) {
            self.demote_main();
        }
        match self.row(id) {
            Some(row) if accepted => {
                row.tag = Some(1);
                Ok(row.clone())
            }
            _ => Err(refusal),
        }
    }

    /// A malformed id.
    pub(in crate::reference) fn spoil_malformed_promotion(&mut self) {
        if self.faulty(Fault::SET_MAIN_ID_INVALID_DEMOTES) {
            self.demote_main();
        }
    }

    /// The main was promoted again.
    fn spoil_again(&mut self, mut promoted: Offering) -> Result<Offering, Refusal> {
        if self.faulty(Fault::SET_MAIN_AGAIN_409) {
            return Err(Refusal::new(StatusCode::CONFLICT, "already_exists", "This offering is the main one already."));
        }
        if self.faulty(Fault::SET_MAIN_AGAIN_DEMOTES) {
            promoted.tag = Some(0);
            self.overwrite(&promoted);
        }
        Ok(promoted)
    }

    fn spoil_promoted(
        &mut self,
        before: &[Offering],
        previous: Option<&Offering>,
        mut promoted: Offering,
    ) -> Result<Offering, Refusal> {
        if previous.is_none() && self.history.mainless && self.faulty(Fault::SET_MAIN_REFUSED_WITHOUT_MAIN) {
            self.offerings = before.to_vec();
            let message = "There is no main offering to demote.";
            return Err(Refusal::unprocessable("cannot_setmain_experiment_variant", message));
        }
        let undone = self.faulty(Fault::SET_MAIN_NOT_STORED)
            || (self.faulty(Fault::TWICE_DEMOTED_NOT_PROMOTED)
                && self.history.demotions.get(&promoted.id).is_some_and(|times| *times > 1))
            || (self.faulty(Fault::SET_MAIN_AFTER_EMPTY_UPDATE) && std::mem::take(&mut self.history.empty_update));
        if undone {
            self.offerings = before.to_vec();
            return Ok(promoted);
        }
        self.history.promotions += 1;
        self.history.mainless = false;
        self.history.promoted_at = Some(Instant::now());
        self.history.former_tags = before.iter().map(|row| (row.id.clone(), row.tag)).collect();
        if let Some(previous) = previous {
            *self.history.demotions.entry(previous.id.clone()).or_default() += 1;
            self.spoil_previous(previous, &promoted);
        }
        self.spoil_new_main(&mut promoted);
        self.spoil_bystanders(&promoted);
        self.wrote(&promoted.id.clone());
        if self.faulty(Fault::SET_MAIN_ANSWERS_OLD_TAG) {
            promoted.tag = in_state(before, &promoted.id).and_then(|row| row.tag);
        }
        Ok(promoted)
    }

    fn spoil_previous(&mut self, previous: &Offering, promoted: &Offering) {
        let regular = self.offerings.iter().filter(|row| row.is_regular());
        let newest = regular.clone().all(|row| row.number <= promoted.number);
        let many = regular.count() > 3;
        let stale_main = self.history.stale.as_ref().and_then(|stale| stale.iter().find(|row| row.is_main()));
        let unseen = stale_main.is_some_and(|main| main.id != previous.id);
        let kept = self.faulty(Fault::SET_MAIN_KEEPS_PREVIOUS)
            || (self.faulty(Fault::THIRD_PROMOTION_KEEPS_MAIN) && self.history.promotions.is_multiple_of(3))
            || (self.faulty(Fault::NEWEST_OF_FOUR_KEEPS_MAIN) && newest && many)
            || (self.faulty(Fault::RECREATED_MAIN_NOT_DEMOTED) && self.history.deleted_mains.contains(&previous.id))
            || (self.faulty(Fault::RACE_SET_MAIN) && unseen);
        if kept {
            self.overwrite(previous);
        }
        let (null, two, drops, deletes) = (
            self.faulty(Fault::SET_MAIN_PREVIOUS_NULL),
            self.faulty(Fault::SET_MAIN_PREVIOUS_TWO),
            self.faulty(Fault::SET_MAIN_DROPS_PREVIOUS_PRODUCTS),
            self.faulty(Fault::SET_MAIN_DELETES_PREVIOUS),
        );
        if let Some(row) = self.row(&previous.id) {
            if null {
                row.tag = None;
            }
            if two {
                row.tag = Some(2);
            }
            if drops {
                row.product_ids.clear();
            }
        }
        if deletes {
            self.offerings.retain(|row| row.id != previous.id);
        }
    }

    fn spoil_new_main(&mut self, promoted: &mut Offering) {
        if self.faulty(Fault::SET_MAIN_DROPS_OWN_PRODUCTS) {
            promoted.product_ids.clear();
        }
        if self.faulty(Fault::SET_MAIN_RESETS_CREATED_AT) {
            promoted.created_at = promoted.updated_at.max(promoted.created_at + 1);
            promoted.updated_at = promoted.created_at;
        }
        let was_demoted = |row: &Offering| row.id == promoted.id && row.tag == Some(0);
        if self.faulty(Fault::RECREATED_DEMOTED_GETS_ZERO) && self.history.deleted.iter().any(was_demoted) {
            promoted.tag = Some(0);
        }
        self.overwrite(promoted);
    }

    fn spoil_bystanders(&mut self, promoted: &Offering) {
        let (zeroes, touches) = (self.faulty(Fault::SET_MAIN_ZEROES_ALL), self.faulty(Fault::SET_MAIN_TOUCHES_ALL));
        for row in self.offerings.iter_mut().filter(|row| row.is_regular() && row.id != promoted.id) {
            if zeroes {
                row.tag = Some(0);
            }
            if touches {
                row.updated_at = promoted.updated_at.max(row.updated_at + 1);
            }
        }
    }

    /// A replay that a faulty server does not leave without effect.
    pub(in crate::reference) fn spoil_replayed_promotion(&mut self, id: &str) {
        if self.faulty(Fault::REPLAYED_SET_MAIN_DEMOTES) && self.main_id().as_deref() != Some(id) {
            self.demote_main();
        }
    }
}
