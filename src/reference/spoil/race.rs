//! Steps that are made in two.

use serde_json::Value;

use crate::reference::fault::Fault;
use crate::reference::project::Project;

impl Project {
    /// The first half of a promotion or update that is not one step.
    pub(in crate::reference) fn spoil_half_way(&mut self, id: &str, body: Option<&Value>) {
        let exists = self.position(id).is_some_and(|index| self.offerings[index].is_regular());
        if exists && self.faulty(Fault::RACE_SET_MAIN_GAP) {
            self.demote_main();
        }
        let list = body.and_then(|body| body.get("product_ids")?.as_array());
        let known = |id: &Value| id.as_str().filter(|id| self.catalogue.own.contains(*id)).map(str::to_owned);
        let ids: Option<Vec<_>> = list.map(|list| list.iter().filter_map(known).collect());
        if let Some(ids) = ids.filter(|ids| list.is_some_and(|list| ids.len() == list.len() && ids.len() <= 100))
            && self.faulty(Fault::RACE_UPDATE_HALVES)
            && let Some(row) = self.row(id).filter(|row| row.is_regular())
        {
            let half = ids.len() / 2;
            for (place, id) in ids.into_iter().take(half).enumerate() {
                match row.product_ids.get_mut(place) {
                    Some(old) => *old = id,
                    None => row.product_ids.push(id),
                }
            }
        }
    }

    /// The second half of an update: the first is what stands there, whoever wrote it.
    pub(super) fn second_half(&self, old: &[String], new: &mut [String]) {
        if self.faulty(Fault::RACE_UPDATE_HALVES) {
            let half = new.len() / 2;
            for (id, stands) in new[..half].iter_mut().zip(old) {
                id.clone_from(stands);
            }
        }
    }
}
