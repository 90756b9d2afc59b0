//! One project: its products and offerings, and what each operation does to them.
//!
//! Every method is one whole step: who holds the project's lock sees either nothing of it or all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;

use super::answer::Refusal;
use super::idempotency::Replays;
use super::offering::{Kind, Offering};
use super::page::{Page, Window};
use super::store::Ticker;
use super::validate::{self, Change, Draft, Tag};

/// The data behind one set of keys.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) products: Arc<BTreeSet<String>>,
    /// In order of creation.
    pub(super) offerings: Vec<Offering>,
    pub(super) ticker: Ticker,
    pub(super) replays: Replays,
}

impl Project {
    /// The offering with this id, an experiment variant too.
    pub(super) fn find(&self, id: &str) -> Option<&Offering> {
        self.offerings.iter().find(|offering| offering.id == id)
    }

    /// Get: what a reader may see.
    pub(super) fn read(&self, id: &str) -> Result<Offering, Refusal> {
        self.find(id)
            .filter(|offering| offering.is_regular())
            .cloned()
            .ok_or_else(Refusal::not_found)
    }

    /// List.
    pub(super) fn page(&self, window: &Window) -> Page {
        let rows: Vec<_> = self
            .offerings
            .iter()
            .filter(|offering| offering.is_regular())
            .cloned()
            .collect();
        Page::cut(&rows, window)
    }

    /// Create: the first regular offering of a project becomes its main, whatever its body says.
    pub(super) fn create(&mut self, draft: Draft) -> Result<Offering, Refusal> {
        self.registered(&draft.product_ids)?;
        if self.find(&draft.id).is_some() {
            let message = "An offering with this id already exists in this project.";
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "offering_already_exists",
                message,
            ));
        }
        let first = !self.offerings.iter().any(Offering::is_regular);
        let tag = match draft.tag {
            _ if first => Some(1),
            Tag::Absent | Tag::Null => None,
            Tag::Value(tag) => Some(tag),
        };
        let now = self.ticker.tick();
        let offering = Offering {
            id: draft.id,
            tag,
            product_ids: draft.product_ids,
            created_at: now,
            updated_at: now,
            kind: Kind::Regular,
        };
        self.offerings.push(offering.clone());
        Ok(offering)
    }

    /// Update: `{}` and a `tag` that says what is so already change nothing, not even `updated_at`.
    pub(super) fn update(&mut self, id: &str, change: Change) -> Result<Offering, Refusal> {
        let index = self.writable(
            id,
            "cannot_patch_experiment_variant",
            "This offering is changed by its experiment only.",
        )?;
        let main = self.offerings[index].is_main();
        match change.tag {
            Tag::Absent => {}
            Tag::Value(1) => return Err(validate::main_directly()),
            Tag::Null | Tag::Value(_) if main => {
                let message = "The main offering is demoted by promoting another one.";
                return Err(Refusal::unprocessable("cannot_demote_main", message));
            }
            Tag::Null | Tag::Value(0) => {}
            Tag::Value(_) => {
                return Err(Refusal::field("invalid_data", "tag", "must be 0 or null"));
            }
        }
        if let Some(product_ids) = change.product_ids {
            self.registered(&product_ids)?;
            let now = self.ticker.tick();
            let offering = &mut self.offerings[index];
            offering.product_ids = product_ids;
            offering.updated_at = now;
        }
        Ok(self.offerings[index].clone())
    }

    /// Delete: a project whose main is deleted has none until one is promoted.
    pub(super) fn delete(&mut self, id: &str) -> Result<(), Refusal> {
        let index = self.writable(
            id,
            "cannot_delete_experiment_variant",
            "This offering is deleted with its experiment only.",
        )?;
        self.ticker.tick();
        self.offerings.remove(index);
        Ok(())
    }

    /// Set main: promotes one and demotes the other in the same step.
    pub(super) fn set_main(&mut self, id: &str) -> Result<Offering, Refusal> {
        let index = self.writable(
            id,
            "cannot_setmain_experiment_variant",
            "An experiment's offering cannot be the main one.",
        )?;
        if self.offerings[index].is_main() {
            return Ok(self.offerings[index].clone());
        }
        let now = self.ticker.tick();
        for previous in self
            .offerings
            .iter_mut()
            .filter(|offering| offering.is_main())
        {
            previous.tag = Some(0);
            previous.updated_at = now;
        }
        let offering = &mut self.offerings[index];
        offering.tag = Some(1);
        offering.updated_at = now;
        Ok(offering.clone())
    }

    /// The place of an offering that this API may write to; `code` is what it answers for an experiment's.
    fn writable(
        &self,
        id: &str,
        code: &'static str,
        message: &'static str,
    ) -> Result<usize, Refusal> {
        let index = self
            .offerings
            .iter()
            .position(|offering| offering.id == id)
            .ok_or_else(Refusal::not_found)?;
        match self.offerings[index].kind {
            Kind::Regular => Ok(index),
            Kind::Variant => Err(Refusal::unprocessable(code, message)),
        }
    }

    fn registered(&self, product_ids: &[String]) -> Result<(), Refusal> {
        match product_ids.iter().find(|id| !self.products.contains(*id)) {
            None => Ok(()),
            Some(id) => {
                let message = format!("Product `{id}` is not registered in this project.");
                Err(Refusal::field(
                    "product_not_in_project",
                    "product_ids",
                    message,
                ))
            }
        }
    }
}
