//! The main offerings of a run, as its responses showed them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::check::{Offering, offerings_in};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, KeyRole};

/// The offerings that a server promoted by itself after the run had deleted the main, as a correct server may.
#[derive(Debug, Default)]
pub struct PromotedByServer(Mutex<BTreeMap<KeyRole, Mains>>);

/// The mains of one project.
#[derive(Debug, Default)]
struct Mains {
    /// The latest.
    latest: Option<String>,
    /// Whether it was deleted.
    is_deleted: bool,
    /// The offerings that were main next after one was deleted.
    after_delete: BTreeSet<String>,
}

impl PromotedByServer {
    /// Records what an exchange shows.
    pub fn add(&self, exchange: &Exchange) {
        let Some(role) = exchange.request.role().filter(|_| exchange.response.is_success()) else { return };
        if exchange.request.operation.endpoint() == Some(Endpoint::Delete) {
            let mut all = self.all();
            let mains = all.entry(role).or_default();
            mains.is_deleted |= mains.latest.is_some() && mains.latest == exchange.request.path_id();
            return;
        }
        let items = exchange.response.json().map_or(&[][..], offerings_in);
        for main in items.iter().filter(|item| item.get("tag").is_some_and(|tag| *tag == 1)) {
            let Some(Offering { id, .. }) = Offering::read(main) else { continue };
            let mut all = self.all();
            let mains = all.entry(role).or_default();
            if std::mem::take(&mut mains.is_deleted) {
                mains.after_delete.insert(id.clone());
            }
            mains.latest = Some(id);
        }
    }

    /// Whether the server promoted an offering by itself for which this is true.
    pub fn any(&self, role: KeyRole, is_searched: impl Fn(&str) -> bool) -> bool {
        self.all().get(&role).is_some_and(|mains| mains.after_delete.iter().any(|id| is_searched(id)))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<KeyRole, Mains>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
