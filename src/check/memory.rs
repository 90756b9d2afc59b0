//! What was seen of a project's offerings before, as far as time goes.

use std::collections::HashMap;
use std::time::Instant;

use chrono::{DateTime, FixedOffset};

use crate::contract::Endpoint;
use crate::exchange::Exchange;

/// The times of the offerings that this project created. Others may be deleted and created again by anybody at any time,
/// so nothing is held against those.
#[derive(Debug, Default)]
pub struct SeenTimestamps {
    /// By the header that opens a project, then by id: two projects may each have an offering of the same id.
    seen: HashMap<String, HashMap<String, SeenTimes>>,
}

/// The header that opens the project of an exchange.
fn project(exchange: &Exchange) -> &str {
    exchange.request.header_value("authorization").unwrap_or_default()
}

#[derive(Debug)]
struct SeenTimes {
    /// `None` until the offering was seen for the first time after its creation.
    known: Option<(DateTime<FixedOffset>, DateTime<FixedOffset>)>,
    /// When the response that `known` comes from had been read: a response asked for before that proves nothing.
    as_of: Instant,
}

/// How an offering's times moved since it was seen last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TimeChange {
    /// Not at all, or `updated_at` forward.
    Allowed,
    /// `created_at` is another.
    CreatedMoved {
        /// What it was.
        before: String,
    },
    /// `updated_at` is earlier than it was.
    UpdatedBack {
        /// What it was.
        before: String,
    },
}

impl SeenTimestamps {
    /// Starts or ends the life of an offering: a 201 of a create, a 204 of a delete.
    pub(super) fn note_write(&mut self, exchange: &Exchange) {
        match exchange.request.operation.endpoint() {
            Some(Endpoint::Create) if exchange.response.status == 201 => {
                let body = exchange.response.json();
                let id = body.and_then(|body| body.get("id")?.as_str());
                if let Some(id) = id {
                    // A replay of an idempotency key returns 201 too: then what is known stays known.
                    let times = SeenTimes { known: None, as_of: exchange.ended };
                    let project = self.seen.entry(project(exchange).to_owned()).or_default();
                    project.entry(id.to_owned()).or_insert(times);
                }
            }
            Some(Endpoint::Delete) => {
                let project = self.seen.get_mut(project(exchange));
                if let (Some(id), Some(project)) = (exchange.request.path_id(), project) {
                    // Ids that differ only in case may be one.
                    project.retain(|known, _| !known.eq_ignore_ascii_case(&id));
                }
            }
            _ => {}
        }
    }

    /// Notes when an offering was created and updated, and says how they moved; `None` when nothing can be said of it.
    pub(super) fn see(
        &mut self,
        id: &str,
        (created, updated): (DateTime<FixedOffset>, DateTime<FixedOffset>),
        exchange: &Exchange,
    ) -> Option<TimeChange> {
        let times = self.seen.get_mut(project(exchange))?.get_mut(id)?;
        let before = times.known;
        if before.is_some() && exchange.started < times.as_of {
            return None;
        }
        times.known = Some((created, updated));
        times.as_of = exchange.ended;
        let (created_before, updated_before) = before?;
        Some(if created != created_before {
            TimeChange::CreatedMoved { before: created_before.to_rfc3339() }
        } else if updated < updated_before {
            TimeChange::UpdatedBack { before: updated_before.to_rfc3339() }
        } else {
            TimeChange::Allowed
        })
    }
}
