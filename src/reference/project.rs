//! One project: its products and offerings, and what each operation does to them.
//!
//! Every method is atomic: a holder of the project lock sees its effect completely or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;

use super::call::Operation;
use super::config::{Config, DeleteMain, OtherClient};
use super::history::History;
use super::idempotency::Replays;
use super::in_flight::InFlight;
use super::offering::{Kind, Offering};
use super::page::{Page, Start, Window};
use super::server_response::ApiError;
use super::store::Ticker;
use super::validate::{self, Change, Draft, Tag};

/// The registered products.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    pub(super) own: Arc<BTreeSet<String>>,
    /// Products of another project, which only a faulty server accepts.
    pub(super) foreign: Arc<BTreeSet<String>>,
}

impl Catalogue {
    /// The registered product that an id names in any letter case.
    pub(super) fn in_any_case(&self, id: &str) -> Option<String> {
        let same = || self.own.iter().find(|known| known.eq_ignore_ascii_case(id));
        self.own.get(id).or_else(same).cloned()
    }
}

/// The products to store of a list, if all of them are registered.
pub(super) fn registered(catalogue: &Catalogue, ids: &[String]) -> Option<Vec<String>> {
    ids.iter().all(|id| catalogue.own.contains(id)).then(|| ids.to_vec())
}

/// The data behind one set of keys.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) catalogue: Catalogue,
    /// In order of creation.
    pub(super) offerings: Vec<Offering>,
    /// Ids of deleted offerings that cannot be created again.
    pub(super) retired: BTreeSet<String>,
    pub(super) ticker: Ticker,
    pub(super) replays: Replays,
    pub(super) config: Arc<Config>,
    /// Number of offerings ever created, including the initial ones.
    pub(super) total_created: u64,
    /// Number of requests so far.
    pub(super) requests: u64,
    /// Only read by faults.
    pub(super) history: History,
    pub(super) in_flight: InFlight,
}

impl Project {
    /// Index of the offering that an operation finds by this id, including experiment variants.
    fn find(&self, operation: Operation, id: &str) -> Option<usize> {
        let names = self.config.names[operation as usize];
        self.offerings.iter().position(|offering| names(&offering.id, id))
    }

    /// Index of the offering with this id, including experiment variants.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.find(Operation::Create, id)
    }

    /// The offerings that may be listed, in order of creation.
    pub(super) fn listed(&self) -> Vec<Offering> {
        self.offerings.iter().filter(|offering| offering.is_regular()).cloned().collect()
    }

    /// The offerings that may be listed, in the order of the list.
    pub(super) fn rows(&self) -> Vec<Offering> {
        let mut rows = self.listed();
        (self.config.order)(&mut rows);
        rows
    }

    /// The id of the main offering, if there is one.
    pub(super) fn main_id(&self) -> Option<String> {
        self.offerings.iter().find(|row| row.is_main()).map(|row| row.id.clone())
    }

    /// Get. Experiment variants are hidden.
    pub(super) fn read(&self, id: &str) -> Result<Offering, ApiError> {
        let found = self.find(Operation::Get, id).map(|index| &self.offerings[index]);
        found.filter(|offering| offering.is_regular()).cloned().ok_or_else(ApiError::not_found)
    }

    /// List.
    pub(super) fn page(&self, window: &Window) -> Page {
        let rows = self.rows();
        Page::of(&rows, window, Start::of(&rows, window, &self.config), &self.config)
    }

    /// Create. The first regular offering of a project becomes main, with any tag in the body.
    pub(super) fn create(&mut self, draft: &Draft) -> Result<Offering, ApiError> {
        let product_ids = self.resolved(Operation::Create, &draft.product_ids)?;
        let names = self.config.names[Operation::Create as usize];
        if self.position(&draft.id).is_some() || self.retired.iter().any(|retired| names(retired, &draft.id)) {
            let message = "An offering with this id already exists in this project.";
            return Err(ApiError::new(StatusCode::CONFLICT, "offering_already_exists", message));
        }
        let tag = if (self.config.becomes_main)(self) { Some(1) } else { (self.config.new_tag)(draft.tag) };
        let now = self.ticker.tick();
        self.total_created += 1;
        let offering = Offering {
            number: self.total_created,
            id: draft.id.clone(),
            tag,
            product_ids,
            created_at: now,
            updated_at: now,
            kind: Kind::Regular,
        };
        self.offerings.push(offering.clone());
        Ok(offering)
    }

    /// Update. `{}` and the present `tag` change nothing.
    pub(super) fn update(&mut self, id: &str, change: &Change) -> Result<Offering, ApiError> {
        let message = "This offering is changed by its experiment only.";
        let index = self.writable(Operation::Update, id, "cannot_patch_experiment_variant", message)?;
        match change.tag {
            Tag::Value(1) => return Err(validate::main_directly()),
            Tag::Null | Tag::Value(_) if self.offerings[index].is_main() => {
                let message = "The main offering is demoted by promoting another one.";
                return Err(ApiError::unprocessable("cannot_demote_main", message));
            }
            Tag::Absent | Tag::Null | Tag::Value(0) => {}
            Tag::Value(_) => return Err(ApiError::field("invalid_data", "tag", "must be 0 or null")),
        }
        if let Some(product_ids) = &change.product_ids {
            self.offerings[index].product_ids = self.resolved(Operation::Update, product_ids)?;
        }
        if (self.config.touches)(change.product_ids.is_some()) {
            self.offerings[index].updated_at = self.ticker.tick();
        }
        Ok(self.offerings[index].clone())
    }

    /// Delete. A project whose main is deleted has none until one is promoted.
    pub(super) fn delete(&mut self, id: &str) -> Result<(), ApiError> {
        let message = "This offering is deleted with its experiment only.";
        let index = self.writable(Operation::Delete, id, "cannot_delete_experiment_variant", message)?;
        let main = self.offerings[index].is_main();
        if let DeleteMain::Rejects(status) = self.config.delete_main
            && main
        {
            return Err(ApiError::new(status, "cannot_delete_main", "Promote another offering first."));
        }
        let now = self.ticker.tick();
        self.offerings.remove(index);
        if main
            && self.config.delete_main == DeleteMain::Promotes
            && let Some(oldest) = self.offerings.iter_mut().find(|offering| offering.is_regular())
        {
            oldest.tag = Some(1);
            oldest.updated_at = now;
        }
        Ok(())
    }

    /// Set main. Promotes one and demotes the other in the same step.
    pub(super) fn set_main(&mut self, id: &str) -> Result<Offering, ApiError> {
        let message = "An experiment's offering cannot be the main one.";
        let index = self.writable(Operation::SetMain, id, "cannot_setmain_experiment_variant", message)?;
        if !(self.config.touches)(!self.offerings[index].is_main()) {
            return Ok(self.offerings[index].clone());
        }
        let now = self.ticker.tick();
        let demoted = self.config.demoted;
        for previous in self.offerings.iter_mut().filter(|offering| offering.is_main()) {
            previous.tag = demoted;
            previous.updated_at = now;
        }
        let offering = &mut self.offerings[index];
        offering.tag = Some(1);
        offering.updated_at = now;
        Ok(offering.clone())
    }

    /// Index of a writable offering; `code` is the error code for an experiment variant.
    fn writable(
        &self,
        operation: Operation,
        id: &str,
        code: &'static str,
        message: &'static str,
    ) -> Result<usize, ApiError> {
        let index = self.find(operation, id).ok_or_else(ApiError::not_found)?;
        match self.offerings[index].kind {
            Kind::Regular => Ok(index),
            Kind::Variant => Err(ApiError::unprocessable(code, message)),
        }
    }

    /// The products to store of those in a body.
    fn resolved(&self, operation: Operation, product_ids: &[String]) -> Result<Vec<String>, ApiError> {
        let resolve = self.config.body(operation).resolve;
        resolve(&self.catalogue, product_ids).ok_or_else(|| {
            let unknown = product_ids.iter().find(|id| !self.catalogue.own.contains(*id)).map_or("", String::as_str);
            let message = format!("Product `{unknown}` is not registered in this project.");
            ApiError::field("product_not_in_project", "product_ids", message)
        })
    }

    /// Lets the other client send a request after some requests; deterministic. It does not change the main
    /// and never creates the first offering of a project.
    pub(super) fn interrupt(&mut self) {
        const EVERY: u64 = 23;
        self.requests += 1;
        let others = self.config.other_client;
        if others == OtherClient::Idle || !self.requests.is_multiple_of(EVERY) || self.main_id().is_none() {
            return;
        }
        let id = |turn: u64| format!("crm-{turn}");
        let turn = self.requests / EVERY;
        let product_ids = self.catalogue.own.iter().take(1).cloned().collect();
        // The other client ignores a rejected create.
        drop(self.create(&Draft { id: id(turn), tag: Tag::Absent, product_ids }));
        let former = id(turn.saturating_sub(2));
        if others == OtherClient::AddsAndDeletes
            && self.position(&former).is_some_and(|index| !self.offerings[index].is_main())
        {
            drop(self.delete(&former));
        }
    }
}
