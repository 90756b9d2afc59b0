//! Changes that faulty servers make to a project without validation.

use serde_json::Value;

use super::call::Call;
use super::offering::Offering;
use super::project::Project;

impl Project {
    /// The stored offering with exactly this id.
    pub(super) fn row(&mut self, id: &str) -> Option<&mut Offering> {
        self.offerings.iter_mut().find(|row| row.id == id)
    }

    /// The regular offering with exactly this id.
    pub(super) fn regular(&mut self, id: &str) -> Option<&mut Offering> {
        self.row(id).filter(|row| row.is_regular())
    }

    /// The newest regular offering.
    pub(super) fn newest(&mut self) -> Option<&mut Offering> {
        self.offerings.iter_mut().rfind(|row| row.is_regular())
    }

    /// Adds an offering as the newest one.
    pub(super) fn add(&mut self, offering: Offering) {
        self.total_created += 1;
        self.offerings.push(Offering { number: self.total_created, ..offering });
    }

    /// Replaces the row with the id of `offering`, if there is one.
    pub(super) fn overwrite(&mut self, offering: &Offering) {
        if let Some(row) = self.row(&offering.id) {
            row.clone_from(offering);
        }
    }

    /// Sets `updated_at` of an offering.
    pub(super) fn touch(&mut self, id: &str) {
        let now = self.ticker.tick();
        if let Some(row) = self.row(id) {
            row.updated_at = now.max(row.updated_at + 1);
        }
    }

    /// Demotes the main offering.
    pub(super) fn demote_main(&mut self) {
        for row in self.offerings.iter_mut().filter(|row| row.is_main()) {
            row.tag = Some(0);
        }
    }

    /// Demotes every main except one.
    pub(super) fn demote_others(&mut self, id: &str) {
        let now = self.ticker.tick();
        for row in self.offerings.iter_mut().filter(|row| row.is_main() && row.id != id) {
            row.tag = Some(0);
            row.updated_at = now;
        }
    }

    /// The first half of a promotion.
    pub(super) fn demote_early(&mut self, call: &Call) {
        if call.id().is_ok_and(|id| self.regular(&id).is_some()) {
            self.demote_main();
        }
    }

    /// Writes the first half of the products of an update.
    pub(super) fn write_half(&mut self, call: &Call) {
        let body = call.json().unwrap_or_default();
        let sent: Vec<_> = body["product_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let good = sent.len() <= 100 && sent.iter().all(|id| self.catalogue.own.contains(*id));
        let Some(row) = call.id().ok().filter(|_| good).and_then(|id| self.regular(&id)) else { return };
        for (place, id) in sent[..sent.len() / 2].iter().enumerate() {
            match row.product_ids.get_mut(place) {
                Some(old) => (*id).clone_into(old),
                None => row.product_ids.push((*id).to_owned()),
            }
        }
    }
}
