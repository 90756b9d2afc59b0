//! What hooks read of a step and change in it.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::call::Operation;
use super::history::History;
use super::offering::{Kind, Offering};
use super::page::{Page, Start, Window};
use super::server_response::ApiError;
use super::step::{Reply, Step};
use super::validate::{Draft, Syntax, Tag, integer, is_identifier};

/// What was sent.
impl Step<'_> {
    /// A member of the body.
    pub(super) fn sent(&self, member: &str) -> Option<Value> {
        self.call.body().ok()?.get(member).cloned()
    }

    /// Whether the body has exactly this tag.
    pub(super) fn sends_tag(&self, tag: Option<i16>) -> bool {
        match self.sent("tag") {
            None => false,
            Some(Value::Null) => tag.is_none(),
            Some(sent) => tag.is_some() && integer(&sent) == tag,
        }
    }

    /// Whether the body names products.
    pub(super) fn writes_products(&self) -> bool {
        self.sent("product_ids").is_some()
    }

    /// The strings of the list of products.
    pub(super) fn sent_products(&self) -> Option<Vec<String>> {
        let sent = self.sent("product_ids")?;
        Some(sent.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The registered products of the body.
    pub(super) fn known_products(&self) -> Vec<String> {
        let mut sent = self.sent_products().unwrap_or_default();
        sent.retain(|id| self.project.catalogue.own.contains(id));
        sent
    }

    /// The body of a create with correct syntax.
    pub(super) fn draft(&self) -> Option<Draft> {
        Syntax { config: &self.project.config }.draft(&self.call.body().ok()?).ok()
    }

    /// The id in the body of an update, if no offering has it.
    pub(super) fn free_id_sent(&self) -> Option<String> {
        let id = self.sent("id")?.as_str().map(str::to_owned)?;
        (is_identifier(&id, 64) && self.project.position(&id).is_none()).then_some(id)
    }
}

/// The earlier state.
impl Step<'_> {
    /// The earlier state of the offering in the result, or of the one that the request names.
    pub(super) fn old(&self) -> Option<Offering> {
        let id = self.reply().map_or_else(|| self.id(), |shown| shown.id.clone());
        self.before.iter().find(|row| row.id == id).cloned()
    }

    /// The first offering in the stale state of a racing request that satisfies a condition.
    pub(super) fn seen(&self, condition: impl Fn(&Offering) -> bool) -> Option<Offering> {
        self.stale?.iter().find(|row| condition(row)).cloned()
    }

    /// The number of regular offerings before the step.
    pub(super) fn others(&self) -> usize {
        self.before.iter().filter(|row| row.is_regular()).count()
    }

    /// The experiment variant that the request names.
    pub(super) fn variant(&self) -> Option<Offering> {
        let id = self.id();
        self.project.offerings.iter().find(|row| row.id == id && row.kind == Kind::Variant).cloned()
    }

    /// The offering of this id as it was last deleted.
    pub(super) fn deleted(&self) -> Option<Offering> {
        let id = self.id();
        self.project.history.deleted.iter().rfind(|row| row.id == id).cloned()
    }

    /// How often the offering of this id was deleted.
    pub(super) fn times_deleted(&self) -> usize {
        let id = self.id();
        self.project.history.deleted.iter().filter(|row| row.id == id).count()
    }

    /// How often the offering of this id was updated since its creation.
    pub(super) fn times_updated(&self) -> u32 {
        self.project.history.updated.get(&self.id()).copied().unwrap_or_default()
    }
}

/// The result and the state.
impl Step<'_> {
    /// The typed code of a rejection; empty for a success.
    pub(super) fn code(&self) -> &'static str {
        self.result.as_ref().err().map_or("", |error| error.code)
    }

    /// Whether a rejection names a field.
    pub(super) fn blames(&self, field: &str) -> bool {
        self.result.as_ref().is_err_and(|error| error.details.iter().any(|detail| detail.field == field))
    }

    /// Whether the step rejected the demotion of the main by this tag.
    pub(super) fn demotes(&self, tag: Option<i16>) -> bool {
        self.code() == "cannot_demote_main" && self.sends_tag(tag)
    }

    /// Undoes the step; the result stays.
    pub(super) fn undo(&mut self) {
        self.project.offerings = self.before.to_vec();
    }

    /// Undoes the step and rejects the request.
    pub(super) fn reject(&mut self, error: ApiError) {
        self.undo();
        self.result = Err(error);
    }

    /// Rejects a create as if its id existed.
    pub(super) fn reject_as_taken(&mut self) {
        let message = "An offering with this id already exists in this project.";
        self.reject(ApiError::new(StatusCode::CONFLICT, "offering_already_exists", message));
    }

    /// Changes the offering in the response.
    pub(super) fn show(&mut self, change: impl FnOnce(&mut Offering)) {
        if let Some(offering) = self.result.as_mut().ok().and_then(Reply::offering_mut) {
            change(offering);
        }
    }

    /// Returns the current state of the offering while it exists.
    pub(super) fn show_current(&mut self) {
        let current = self.reply().and_then(|shown| self.project.position(&shown.id));
        if let Some(current) = current.map(|index| self.project.offerings[index].clone()) {
            self.show(|shown| *shown = current);
        }
    }

    /// Changes the stored offering of the response.
    pub(super) fn store(&mut self, change: impl FnOnce(&mut Offering)) {
        let id = self.reply().map(|offering| offering.id.clone());
        if let Some(row) = id.and_then(|id| self.project.row(&id)) {
            change(row);
        }
    }

    /// Changes the offering in the store and in the response.
    pub(super) fn change(&mut self, change: impl Fn(&mut Offering)) {
        self.store(&change);
        self.show(&change);
    }

    /// Inserts the earlier products before those that an update wrote.
    pub(super) fn append(&mut self) {
        if let Some(old) = self.old() {
            self.change(|row| drop(row.product_ids.splice(0..0, old.product_ids.iter().cloned())));
        }
    }

    /// Changes every stored regular offering except that of the response.
    pub(super) fn change_others(&mut self, change: impl Fn(&mut Offering)) {
        let id = self.reply().map(|offering| offering.id.clone());
        let others = self.project.offerings.iter_mut().filter(|row| row.is_regular() && Some(&row.id) != id.as_ref());
        others.for_each(change);
    }

    /// Writes the products of an update to the first other offering that satisfies a condition.
    pub(super) fn write_to(&mut self, condition: impl Fn(&Offering) -> bool) {
        let Some(updated) = self.reply().cloned() else { return };
        let target = self.before.iter().find(|row| row.is_regular() && row.id != updated.id && condition(row));
        if let Some(row) = target.and_then(|target| self.project.row(&target.id)) {
            row.product_ids = updated.product_ids;
        }
    }

    /// Changes the stored offering that a promotion demoted.
    pub(super) fn change_previous(&mut self, change: impl FnOnce(&mut Offering)) {
        let Some((Some(previous), _)) = self.promotion() else { return };
        if let Some(row) = self.project.row(&previous.id) {
            change(row);
        }
    }

    /// Restores the offering that a promotion demoted.
    pub(super) fn restore_previous(&mut self) {
        if let Some((Some(previous), _)) = self.promotion() {
            self.project.overwrite(&previous);
        }
    }

    /// Writes the products of an update to every offering that its id matches as a pattern.
    pub(super) fn update_all(&mut self, finds: fn(&str, &str) -> bool) {
        let (id, Some(updated)) = (self.id(), self.reply().cloned()) else { return };
        for row in self.project.offerings.iter_mut().filter(|row| row.is_regular() && finds(&row.id, &id)) {
            row.product_ids.clone_from(&updated.product_ids);
        }
    }

    /// Removes every offering that the id of a deletion matches as a pattern.
    pub(super) fn delete_all(&mut self, finds: fn(&str, &str) -> bool) {
        let id = self.id();
        self.project.offerings.retain(|row| !row.is_regular() || !finds(&row.id, &id));
    }
}

/// Rejected requests that take effect.
impl Step<'_> {
    /// Applies a rejected create or update without one member of its body; returns whether that succeeds.
    pub(super) fn retry_without(&mut self, member: &str) -> bool {
        let Ok(Value::Object(mut body)) = self.call.body() else { return false };
        body.remove(member);
        let (id, body) = (self.id(), Value::Object(body));
        let config = Arc::clone(&self.project.config);
        let syntax = Syntax { config: &config };
        let retried = match self.call.operation {
            Operation::Create => syntax.draft(&body).and_then(|draft| self.project.create(&draft)).map(Reply::Created),
            _ => syntax.change(&body).and_then(|change| self.project.update(&id, &change)).map(Reply::Offering),
        };
        let done = retried.is_ok();
        if done {
            self.result = retried;
        }
        done
    }

    /// Likewise, but still returns the rejection.
    pub(super) fn write_without(&mut self, member: &str) {
        let rejected = self.result.clone();
        self.retry_without(member);
        self.result = rejected;
    }

    /// Writes products without validation to the offering that the request names.
    pub(super) fn write_products(&mut self, product_ids: Vec<String>) {
        let (id, now) = (self.id(), self.project.ticker.tick());
        if let Some(row) = self.project.row(&id) {
            row.product_ids = product_ids;
            row.updated_at = now;
        }
    }

    /// Creates the offering of a create that was rejected for a product, with the other products.
    pub(super) fn create_with_known(&mut self) -> Option<Offering> {
        let draft = Draft { product_ids: self.known_products(), ..self.draft()? };
        self.project.create(&draft).ok()
    }

    /// Creates the offering that an update names.
    pub(super) fn upsert(&mut self) -> Option<Offering> {
        let product_ids = self.sent_products().unwrap_or_default();
        self.project.create(&Draft { id: self.id(), tag: Tag::Absent, product_ids }).ok()
    }

    /// Writes the products of a create to the existing offering with its id.
    pub(super) fn overwrite_duplicate(&mut self) -> Option<Offering> {
        let draft = self.draft()?;
        let row = self.project.row(&draft.id)?;
        row.product_ids = draft.product_ids;
        Some(row.clone())
    }

    /// Creates a second offering with the same id if a racing create did not see the first.
    pub(super) fn add_duplicate(&mut self) {
        let id = self.id();
        let unseen = self.stale.is_some_and(|stale| stale.iter().all(|row| row.id != id));
        let twin = self.project.row(&id).filter(|_| unseen).map(|row| Offering { tag: None, ..row.clone() });
        if let Some(twin) = twin {
            self.project.add(twin);
            self.result = self.project.offerings.last().cloned().map(Reply::Created).ok_or_else(ApiError::not_found);
        }
    }
}

/// The page of a list.
impl Step<'_> {
    /// The page in the result.
    pub(super) fn page(&self) -> Option<&Page> {
        match &self.result {
            Ok(Reply::Page(page)) => Some(page),
            _ => None,
        }
    }

    /// The limit and cursor of the request.
    pub(super) fn window(&self) -> Option<Window> {
        self.page().map(|page| page.window.clone())
    }

    /// Whether the cursor was unknown.
    pub(super) fn restarted(&self) -> bool {
        self.page().is_some_and(|page| page.restarted)
    }

    /// The index of the offering that the cursor names.
    pub(super) fn cursor_place(&self) -> Option<usize> {
        match Start::of(&self.project.rows(), &self.window()?, &self.project.config) {
            Start::After(place) => Some(place),
            Start::First | Start::Restarted => None,
        }
    }

    /// The offering that the cursor names.
    pub(super) fn cursor(&self) -> Option<Offering> {
        self.project.rows().into_iter().nth(self.cursor_place()?)
    }

    /// The hundredth of a second in which an offering was created; `None` for the first offerings of a project.
    pub(super) fn moment_of(&self, offering: &Offering) -> Option<i64> {
        self.project.history.moments.get(&offering.number).copied()
    }

    /// The deleted offering that the cursor names, if none exists with that id.
    pub(super) fn deleted_cursor(&self) -> Option<Offering> {
        let after = self.window().filter(|_| self.restarted())?.after?;
        self.project.history.deleted.iter().rfind(|row| row.id == after).cloned()
    }

    /// The offering of the other project that a cursor names, if this one has none with that id.
    pub(super) fn cursor_of_other(&self) -> Option<Offering> {
        let after = self.window()?.after?;
        let here = self.project.listed().iter().any(|row| row.id == after);
        self.other.listed().into_iter().find(|row| row.id == after && !here)
    }

    /// The rows that follow the page.
    pub(super) fn following(&self) -> Vec<Offering> {
        let last = self.page().and_then(|page| page.items.last()).map(|last| last.id.clone());
        self.project.rows().into_iter().skip_while(|row| Some(&row.id) != last.as_ref()).skip(1).collect()
    }

    /// Changes the page.
    pub(super) fn show_page(&mut self, change: impl FnOnce(&mut Page)) {
        if let Ok(Reply::Page(page)) = &mut self.result {
            change(page);
        }
    }

    /// Changes every row of the page.
    pub(super) fn show_rows(&mut self, change: impl Fn(&mut Offering)) {
        self.show_page(|page| page.items.iter_mut().for_each(change));
    }

    /// Returns the tags from before the latest promotion.
    pub(super) fn show_former_tags(&mut self) {
        let former = self.project.history.former_tags.clone();
        self.show_rows(|row| row.tag = former.get(&row.id).copied().unwrap_or(row.tag));
    }

    /// Takes the page from other rows.
    pub(super) fn list(&mut self, rows: &[Offering], start: Start) {
        if let Some(window) = self.window() {
            self.result = Ok(Reply::Page(Page::of(rows, &window, start, &self.project.config)));
        }
    }

    /// Takes the page as if the rows began at another index.
    pub(super) fn list_from(&mut self, place: usize) {
        let rows = self.project.rows();
        self.list(rows.get(place..).unwrap_or_default(), Start::First);
    }

    /// Takes the page from changed rows.
    pub(super) fn relist(&mut self, change: impl FnOnce(&mut Vec<Offering>, &History)) {
        let mut rows = self.project.rows();
        change(&mut rows, &self.project.history);
        if let Some(window) = self.window() {
            let start = Start::of(&rows, &window, &self.project.config);
            self.list(&rows, start);
        }
    }

    /// Takes the page for another limit or cursor.
    pub(super) fn repage(&mut self, change: impl FnOnce(&mut Window)) {
        self.show_page(|page| change(&mut page.window));
        self.relist(|_, _| {});
    }

    /// Takes the page as if experiment variants were regular offerings.
    pub(super) fn list_variants(&mut self) {
        let all = self.project.offerings.clone();
        self.relist(|rows, _| *rows = all);
    }

    /// Takes the page as if deleted offerings that satisfy a condition still existed.
    pub(super) fn list_deleted(&mut self, condition: impl Fn(&Offering, &History) -> bool) {
        let stored = self.project.offerings.clone();
        self.relist(|rows, history| {
            let gone = |row: &&Offering| stored.iter().all(|other| other.id != row.id);
            let deleted = history.deleted.iter().filter(|row| condition(row, history)).filter(gone);
            let mut deleted: Vec<_> = deleted.cloned().collect();
            deleted.dedup_by(|one, other| one.id == other.id);
            rows.extend(deleted);
        });
    }
}
