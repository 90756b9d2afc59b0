//! Update.

use http::StatusCode;

use super::in_state;
use crate::reference::answer::Refusal;
use crate::reference::fault::Fault;
use crate::reference::offering::Offering;
use crate::reference::project::Project;
use crate::reference::validate::{Change, Draft, Tag};

impl Project {
    pub(in crate::reference) fn spoil_update(
        &mut self,
        before: &[Offering],
        id: &str,
        change: &Change,
        result: Result<Offering, Refusal>,
    ) -> Result<Offering, Refusal> {
        match result {
            Ok(updated) => match in_state(before, id).cloned() {
                Some(old) => self.spoil_updated(before, &old, change, updated),
                None => Ok(updated),
            },
            Err(refusal) => match refusal.code {
                "not_found" => self.spoil_missing_update(id, change, refusal),
                "product_not_in_project" => self.spoil_unknown_update(id, change, refusal),
                "cannot_set_main_directly" => self.spoil_promotion(id, change, refusal),
                "cannot_demote_main" => self.spoil_demotion(id, change, refusal),
                "cannot_patch_experiment_variant" if self.faulty(Fault::UPDATE_VARIANT_ACCEPTED) => {
                    self.write_products(id, change.product_ids.as_deref(), refusal)
                }
                _ => Err(refusal),
            },
        }
    }

    fn spoil_updated(
        &mut self,
        before: &[Offering],
        old: &Offering,
        change: &Change,
        mut updated: Offering,
    ) -> Result<Offering, Refusal> {
        let id = &old.id;
        let bytes = format!("{change:?}");
        let again = self.history.latest_update.insert(id.clone(), bytes.clone()) == Some(bytes);
        if again && self.faulty(Fault::UPDATE_SECOND_TIME_409) {
            self.offerings = before.to_vec();
            let message = "This update was made before.";
            return Err(Refusal::new(StatusCode::CONFLICT, "already_exists", message));
        }
        if again && self.faulty(Fault::UPDATE_SECOND_TIME_CLEARS) {
            updated.product_ids.clear();
        }
        let effect = change.product_ids.is_some();
        self.history.empty_update |= !effect;
        if effect {
            self.history.updates += 1;
            *self.history.updated.entry(id.clone()).or_default() += 1;
            self.second_half(&old.product_ids, &mut updated.product_ids);
            self.spoil_written(old, &mut updated);
        } else if self.faulty(Fault::UPDATE_OMITTED_CLEARS) {
            updated.product_ids.clear();
        }
        self.spoil_stamps(old, effect, &mut updated);
        self.overwrite(&updated);
        if effect {
            self.spoil_after_update(before, old, &updated);
            self.wrote(id);
        }
        Ok(self.spoil_identity(id, change, updated))
    }

    /// Products that are wrong in the answer and in the store alike.
    fn spoil_written(&mut self, old: &Offering, updated: &mut Offering) {
        let times = self.history.updated.get(&old.id).copied().unwrap_or_default();
        let sorted = |ids: &[String]| {
            let mut ids = ids.to_vec();
            ids.sort();
            ids
        };
        let new = &mut updated.product_ids;
        if self.faulty(Fault::UPDATE_APPENDS)
            || (self.faulty(Fault::COLON_SECOND_UPDATE_APPENDS) && old.id.contains(':') && times > 1)
        {
            new.splice(0..0, old.product_ids.iter().cloned());
        }
        if (self.faulty(Fault::UPDATE_EMPTY_LIST_IGNORED) && new.is_empty())
            || (self.faulty(Fault::UPDATE_REORDER_IGNORED) && sorted(new) == sorted(&old.product_ids))
        {
            new.clone_from(&old.product_ids);
        }
        if self.faulty(Fault::UPDATE_PRODUCTS_SORTED) {
            new.sort();
        }
        if self.faulty(Fault::EMPTIED_LIST_COMES_BACK) {
            if new.is_empty() {
                self.history.emptied.insert(old.id.clone(), old.product_ids.clone());
            } else if let Some(emptied) = self.history.emptied.remove(&old.id) {
                new.splice(0..0, emptied);
            }
        }
    }

    /// Tag and times that are wrong in the answer and in the store alike.
    fn spoil_stamps(&self, old: &Offering, effect: bool, updated: &mut Offering) {
        let times = self.history.updated.get(&old.id).copied().unwrap_or_default();
        if effect && updated.is_main() {
            if self.faulty(Fault::UPDATE_CLEARS_MAIN) {
                updated.tag = None;
            }
            if self.faulty(Fault::UPDATE_AFTER_PROMOTIONS_CLEARS) && self.history.promotions > 1 {
                updated.tag = Some(0);
            }
        }
        if effect && self.faulty(Fault::UPDATE_RESETS_CREATED_AT) {
            updated.created_at = updated.updated_at.max(old.created_at + 1);
            updated.updated_at = updated.created_at;
        }
        if effect && times > 1 && self.faulty(Fault::UPDATE_TURNS_TIME_BACK) {
            updated.updated_at = old.updated_at - 1;
        }
        if effect && times == 3 && self.faulty(Fault::THIRD_UPDATE_TURNS_TIME_BACK) {
            updated.updated_at = old.created_at;
        }
    }

    /// What is wrong in the store only.
    fn spoil_after_update(&mut self, before: &[Offering], old: &Offering, updated: &Offering) {
        let id = &old.id;
        let lost = self.faulty(Fault::UPDATE_NOT_STORED)
            || (self.faulty(Fault::FOURTH_UPDATE_FORGOTTEN) && self.history.updates.is_multiple_of(4))
            || (self.faulty(Fault::UPDATE_AFTER_MISSING_PROMOTION)
                && std::mem::take(&mut self.history.missing_promotion))
            || (self.faulty(Fault::UPDATE_AFTER_DUPLICATE) && self.history.duplicates.remove(id));
        if lost {
            self.offerings = before.to_vec();
            return;
        }
        let new = updated.product_ids.clone();
        let mut kept = updated.clone();
        if self.faulty(Fault::SHRINKING_UPDATE_KEEPS_TAIL) && !new.is_empty() && new.len() < old.product_ids.len() {
            kept.product_ids.extend(old.product_ids[new.len()..].iter().cloned());
        }
        if self.faulty(Fault::ELEVEN_TO_TEN_DROPS_FIRST) && old.product_ids.len() > 10 && (1..=10).contains(&new.len())
        {
            kept.product_ids.remove(0);
        }
        self.overwrite(&kept);
        let former_main = old.tag == Some(0) && self.history.demotions.contains_key(id);
        let twin = self.faulty(Fault::UPDATE_WRITES_TWIN);
        let others: Vec<_> = before.iter().filter(|row| row.is_regular() && row.id != *id).collect();
        let target = if self.faulty(Fault::UPDATE_WRITES_NEXT) {
            others.iter().find(|row| row.number > old.number)
        } else if self.faulty(Fault::UPDATE_OF_DEMOTED_WRITES_MAIN) && former_main {
            others.iter().find(|row| row.is_main())
        } else {
            others.iter().find(|row| twin && row.number < old.number && row.id.eq_ignore_ascii_case(id))
        };
        if let Some(row) = target.and_then(|target| self.row(&target.id)) {
            row.product_ids = new;
        }
        if self.faulty(Fault::UPDATE_TOUCHES_OTHERS) {
            for row in self.offerings.iter_mut().filter(|row| row.id != *id) {
                row.updated_at = updated.updated_at.max(row.updated_at + 1);
            }
        }
    }

    /// What becomes of an `id` in the body.
    fn spoil_identity(&mut self, id: &str, change: &Change, mut updated: Offering) -> Offering {
        let free = change.id.as_ref().filter(|other| self.position(other).is_none());
        let Some(other) = free else { return updated };
        if self.faulty(Fault::UPDATE_ID_COPIES) {
            self.made += 1;
            self.offerings.push(Offering { id: other.clone(), tag: None, number: self.made, ..updated.clone() });
        }
        if self.faulty(Fault::UPDATE_ID_RENAMES) {
            updated.id.clone_from(other);
            if let Some(row) = self.row(id) {
                row.id.clone_from(other);
            }
        }
        updated
    }

    fn spoil_missing_update(&mut self, id: &str, change: &Change, refusal: Refusal) -> Result<Offering, Refusal> {
        let stale = self.history.stale.as_ref().and_then(|stale| in_state(stale, id)).cloned();
        if let Some(mut row) = stale.filter(|row| row.is_regular() && self.faulty(Fault::RACE_UPDATE_RESURRECTS)) {
            row.product_ids = change.product_ids.clone().unwrap_or(row.product_ids);
            self.offerings.push(row.clone());
            return Ok(row);
        }
        let product_ids = change.product_ids.clone().unwrap_or_default();
        let draft = Draft { id: id.to_owned(), tag: Tag::Absent, product_ids };
        if self.faulty(Fault::UPDATE_MISSING_UPSERTS) {
            return self.create_rightly(&draft);
        }
        if self.faulty(Fault::UPDATE_MISSING_WRITTEN) {
            self.create_rightly(&draft)?;
        }
        Err(refusal)
    }

    fn spoil_unknown_update(&mut self, id: &str, change: &Change, refusal: Refusal) -> Result<Offering, Refusal> {
        let all = change.product_ids.clone().unwrap_or_default();
        let good: Vec<_> = all.iter().filter(|id| self.catalogue.own.contains(*id)).cloned().collect();
        if self.faulty(Fault::UPDATE_PRODUCT_UNKNOWN_WRITTEN) {
            self.write_products(id, Some(&good), refusal.clone())?;
        } else if self.faulty(Fault::UPDATE_PRODUCT_UNKNOWN_CLEARS) {
            self.write_products(id, Some(&[]), refusal.clone())?;
        }
        Err(refusal)
    }

    fn spoil_promotion(&mut self, id: &str, change: &Change, refusal: Refusal) -> Result<Offering, Refusal> {
        let main = self.main_id().as_deref() == Some(id);
        let products = change.product_ids.as_deref();
        if self.faulty(Fault::UPDATE_TAG_MAIN_PROMOTES) {
            self.write_products(id, products, refusal)?;
            return self.set_main_rightly(id);
        }
        if self.faulty(Fault::UPDATE_TAG_MAIN_SECOND) {
            if let Some(row) = self.row(id) {
                row.tag = Some(1);
            }
            return self.write_products(id, products, refusal);
        }
        if self.faulty(Fault::UPDATE_TAG_MAIN_IGNORED) || (main && self.faulty(Fault::UPDATE_TAG_MAIN_ON_MAIN)) {
            return self.write_products(id, products, refusal);
        }
        if self.faulty(Fault::UPDATE_TAG_MAIN_PRODUCTS_WRITTEN) {
            self.write_products(id, products, refusal.clone())?;
        }
        Err(refusal)
    }

    fn spoil_demotion(&mut self, id: &str, change: &Change, refusal: Refusal) -> Result<Offering, Refusal> {
        let products = change.product_ids.as_deref();
        let (accepted, ignored, tag) = match change.tag {
            Tag::Null => (Fault::DEMOTE_NULL_ACCEPTED, Fault::DEMOTE_NULL_IGNORED, None),
            _ => (Fault::DEMOTE_ACCEPTED, Fault::DEMOTE_IGNORED, Some(0)),
        };
        if self.faulty(accepted)
            && let Some(row) = self.row(id)
        {
            row.tag = tag;
        }
        if self.faulty(accepted) || self.faulty(ignored) {
            return self.write_products(id, products, refusal);
        }
        if self.faulty(Fault::DEMOTE_PRODUCTS_WRITTEN) {
            self.write_products(id, products, refusal.clone())?;
        }
        if self.faulty(Fault::DEMOTE_TOUCHES) {
            self.touch(id);
        }
        Err(refusal)
    }

    /// Writes products that nobody checks.
    fn write_products(
        &mut self,
        id: &str,
        product_ids: Option<&[String]>,
        refusal: Refusal,
    ) -> Result<Offering, Refusal> {
        let now = self.ticker.tick();
        let row = self.row(id).ok_or(refusal)?;
        if let Some(product_ids) = product_ids {
            row.product_ids = product_ids.to_vec();
            row.updated_at = now;
        }
        Ok(row.clone())
    }

    /// A body of update that was refused for its syntax.
    pub(in crate::reference) fn spoil_change(&mut self, id: &str, refusal: Refusal) -> Result<Offering, Refusal> {
        let about = |field| refusal.details.iter().any(|detail| detail.field == field);
        let writable = self.position(id).is_some_and(|index| self.offerings[index].is_regular());
        if about("tag") && writable && self.faulty(Fault::UPDATE_TAG_INVALID_TOUCHES) {
            self.touch(id);
        }
        if about("product_ids") && writable && self.faulty(Fault::UPDATE_PRODUCTS_OVER_100_WRITTEN) {
            self.write_products(id, Some(&[]), refusal.clone())?;
        }
        Err(refusal)
    }
}
