//! Create.

use serde_json::Value;

use super::in_state;
use crate::reference::answer::Refusal;
use crate::reference::fault::Fault;
use crate::reference::offering::Offering;
use crate::reference::project::Project;
use crate::reference::validate::{Draft, Syntax, Tag};

impl Project {
    pub(in crate::reference) fn spoil_create(
        &mut self,
        before: &[Offering],
        draft: &Draft,
        result: Result<Offering, Refusal>,
    ) -> Result<Offering, Refusal> {
        match result {
            Ok(made) => self.spoil_made(before, draft, made),
            Err(refusal) if refusal.code == "offering_already_exists" => self.spoil_duplicate(draft, refusal),
            Err(refusal) => self.spoil_unknown_product(draft, refusal),
        }
    }

    fn spoil_made(&mut self, before: &[Offering], draft: &Draft, mut made: Offering) -> Result<Offering, Refusal> {
        let lives = self.history.deleted.iter().filter(|row| row.id == made.id).count();
        if (lives > 0 && self.faulty(Fault::RECREATE_409)) || (lives > 1 && self.faulty(Fault::THIRD_LIFE_REFUSED)) {
            self.offerings.truncate(self.offerings.len() - 1);
            return Err(Refusal::new(
                http::StatusCode::CONFLICT,
                "offering_already_exists",
                "An offering with this id already exists in this project.",
            ));
        }
        self.history.created += 1;
        self.history.first_products.insert(made.id.clone(), draft.product_ids.clone());
        self.spoil_first(before, draft, &mut made);
        self.spoil_new(&mut made);
        self.overwrite(&made);
        self.spoil_kept(before, &made);
        self.history.updated.remove(&made.id);
        self.wrote(&made.id);
        Ok(made)
    }

    /// Which new offering becomes main.
    fn spoil_first(&mut self, before: &[Offering], draft: &Draft, made: &mut Offering) {
        let others = before.iter().filter(|row| row.is_regular()).count();
        if others == 0 {
            self.history.mainless = false;
            let not_main = self.faulty(Fault::FIRST_NOT_MAIN)
                || (self.faulty(Fault::FIRST_MAIN_ONLY_WITHOUT_TAG) && draft.tag != Tag::Absent)
                || (self.faulty(Fault::FIRST_MAIN_NOT_WITH_ZERO) && draft.tag == Tag::Value(0))
                || (self.faulty(Fault::FIRST_MAIN_ONLY_WITH_PRODUCTS) && draft.product_ids.is_empty());
            if not_main {
                made.tag = None;
            }
            return;
        }
        let stale_empty = self.history.stale.as_ref().is_some_and(|stale| !stale.iter().any(Offering::is_regular));
        if others == 1 && self.faulty(Fault::SECOND_TAKES_OVER) {
            self.demote_main();
            made.tag = Some(1);
        }
        if (others == 1 && self.faulty(Fault::SECOND_IS_MAIN_TOO))
            || (self.history.mainless && self.faulty(Fault::MAINS_AFTER_MAIN_DELETED))
            || (stale_empty && self.faulty(Fault::RACE_FIRST_CREATE))
        {
            made.tag = Some(1);
        }
        if draft.tag == Tag::Value(0) && self.faulty(Fault::CREATE_ZERO_DEMOTES_MAIN) {
            self.demote_main();
        }
    }

    /// What is wrong in the answer and in the store alike.
    fn spoil_new(&self, made: &mut Offering) {
        if self.faulty(Fault::CREATE_PRODUCTS_SORTED) {
            made.product_ids.sort();
        }
        if self.faulty(Fault::CREATE_PRODUCTS_OF_MAIN)
            && made.product_ids.is_empty()
            && let Some(main) = self.offerings.iter().find(|row| row.is_main())
        {
            made.product_ids.clone_from(&main.product_ids);
        }
        if let Some(former) = self.history.deleted.iter().rev().find(|row| row.id == made.id) {
            if self.faulty(Fault::RECREATE_KEEPS_PRODUCTS) {
                made.product_ids.clone_from(&former.product_ids);
            }
            if self.faulty(Fault::RECREATE_KEEPS_CREATED_AT) {
                made.created_at = former.created_at;
            }
        }
    }

    /// What is wrong in the store only.
    fn spoil_kept(&mut self, before: &[Offering], made: &Offering) {
        let mut kept = made.clone();
        if self.faulty(Fault::CREATE_PRODUCTS_REVERSED) {
            kept.product_ids.reverse();
        }
        if self.faulty(Fault::PRODUCTS_ORDER_LOST_FROM_ELEVEN) && kept.product_ids.len() > 10 {
            kept.product_ids.swap(1, 9);
        }
        if self.faulty(Fault::PRODUCTS_CUT_AT_FIFTY) {
            kept.product_ids.truncate(50);
        }
        if self.faulty(Fault::FOURTH_CREATED_LOSES_PRODUCTS) && self.history.created.is_multiple_of(4) {
            kept.product_ids.clear();
        }
        let former = self.history.deleted.iter().rev().find(|row| row.id == made.id);
        if let Some(former) = former
            && self.faulty(Fault::UPDATED_PRODUCTS_RETURN)
            && self.history.updated.contains_key(&made.id)
        {
            kept.product_ids.clone_from(&former.product_ids);
        }
        self.overwrite(&kept);
        if self.faulty(Fault::ELEVENTH_NOT_LISTED) && self.history.created.is_multiple_of(11) {
            self.history.unlisted.insert(made.id.clone());
        }
        if self.faulty(Fault::CREATE_TOUCHES_NEWEST)
            && let Some(newest) = before.iter().rfind(|row| row.is_regular()).map(|row| row.id.clone())
            && let Some(row) = self.row(&newest)
        {
            row.updated_at = made.updated_at.max(row.updated_at + 1);
        }
        if self.faulty(Fault::CREATE_NOT_STORED) {
            self.offerings.retain(|row| row.id != made.id);
        }
    }

    fn spoil_duplicate(&mut self, draft: &Draft, refusal: Refusal) -> Result<Offering, Refusal> {
        self.history.duplicates.insert(draft.id.clone());
        let unseen = self.history.stale.as_ref().is_some_and(|stale| in_state(stale, &draft.id).is_none());
        if unseen && (self.faulty(Fault::RACE_CREATE_TWICE) || self.faulty(Fault::RACE_IDEMPOTENCY)) {
            let mut twin = self.offerings[self.position(&draft.id).ok_or_else(|| refusal.clone())?].clone();
            self.made += 1;
            twin.number = self.made;
            twin.tag = None;
            self.offerings.push(twin.clone());
            return Ok(twin);
        }
        if self.faulty(Fault::DUPLICATE_TOUCHES) {
            self.touch(&draft.id);
        }
        let accepted = self.faulty(Fault::DUPLICATE_ACCEPTED);
        let overwrites = accepted || self.faulty(Fault::DUPLICATE_OVERWRITES);
        match self.row(&draft.id) {
            Some(row) if overwrites => {
                row.product_ids.clone_from(&draft.product_ids);
                if accepted { Ok(row.clone()) } else { Err(refusal) }
            }
            _ => Err(refusal),
        }
    }

    fn spoil_unknown_product(&mut self, draft: &Draft, refusal: Refusal) -> Result<Offering, Refusal> {
        let known = |id: &String| self.catalogue.own.contains(id);
        let good: Vec<_> = draft.product_ids.iter().filter(|id| known(id)).cloned().collect();
        if self.faulty(Fault::CREATE_PRODUCT_UNKNOWN_WRITTEN) {
            self.create_with(draft, good)?;
        } else if self.faulty(Fault::CREATE_PRODUCT_UNKNOWN_GHOST) {
            let mut ghost = self.create_with(draft, good)?;
            self.offerings.retain(|row| row.id != ghost.id);
            ghost.tag = None;
            self.history.ghosts.push(ghost);
        }
        Err(refusal)
    }

    /// Makes an offering whose products nobody checks.
    fn create_with(&mut self, draft: &Draft, product_ids: Vec<String>) -> Result<Offering, Refusal> {
        let mut made = self.create_rightly(&Draft { product_ids: Vec::new(), ..draft.clone() })?;
        made.product_ids = product_ids;
        self.overwrite(&made);
        Ok(made)
    }

    /// A create that was refused for whatever reason.
    pub(in crate::reference) fn spoil_refused_create(&mut self) {
        if self.faulty(Fault::REFUSED_CREATE_DETACHES)
            && let Some(newest) = self.newest_id()
            && let Some(row) = self.row(&newest)
        {
            row.product_ids.clear();
        }
    }

    /// A body of create that was refused for its syntax.
    pub(in crate::reference) fn spoil_draft(
        &mut self,
        syntax: Syntax<'_>,
        body: &Value,
        refusal: Refusal,
    ) -> Result<Offering, Refusal> {
        let about = |field| refusal.details.iter().any(|detail| detail.field == field);
        let direct = refusal.code == "cannot_set_main_directly";
        let empty = !self.offerings.iter().any(Offering::is_regular);
        let accepted = direct
            && (self.faulty(Fault::CREATE_TAG_MAIN_ACCEPTED)
                || self.faulty(Fault::CREATE_TAG_MAIN_IGNORED)
                || (empty && self.faulty(Fault::CREATE_TAG_MAIN_IN_EMPTY)));
        let without = if accepted
            || (direct && self.faulty(Fault::CREATE_TAG_MAIN_WRITTEN))
            || (about("tag") && !direct && self.faulty(Fault::CREATE_TAG_INVALID_WRITTEN))
        {
            "tag"
        } else if about("product_ids") && self.faulty(Fault::CREATE_PRODUCTS_OVER_100_WRITTEN) {
            "product_ids"
        } else {
            return Err(refusal);
        };
        let mut rest = body.clone();
        rest.as_object_mut().map(|rest| rest.remove(without));
        let made = syntax.draft(&rest).and_then(|draft| self.create_rightly(&draft)).map_err(|_| refusal.clone())?;
        match accepted {
            true if self.faulty(Fault::CREATE_TAG_MAIN_ACCEPTED) => self.set_main_rightly(&made.id),
            true => Ok(made),
            false => Err(refusal),
        }
    }
}
