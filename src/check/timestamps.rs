//! The timestamps that a project's offerings had in earlier responses.

use std::collections::HashMap;
use std::time::Instant;

use chrono::{DateTime, FixedOffset};

use crate::contract::Endpoint;
use crate::exchange::Exchange;

/// The timestamps of the offerings that this run created. Another client may delete and recreate other offerings at any
/// time, so their timestamps are not compared.
#[derive(Debug, Default)]
pub struct SeenTimestamps {
    /// By the `Authorization` header of the project, then by id: two projects may have an offering with the same id.
    seen: HashMap<String, HashMap<String, SeenTimes>>,
}

/// The `Authorization` header of an exchange, which selects the project.
fn project(exchange: &Exchange) -> &str {
    exchange.request.header_value("authorization").unwrap_or_default()
}

#[derive(Debug)]
struct SeenTimes {
    /// `created_at` and `updated_at`; `None` until the first response that shows the offering.
    known: Option<(DateTime<FixedOffset>, DateTime<FixedOffset>)>,
    /// When the response with `known` was received: the response to a request that was sent before is not comparable.
    as_of: Instant,
}

/// How the timestamps of an offering changed since the last response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TimeChange {
    /// Not at all, or `updated_at` moved forward.
    Allowed,
    /// `created_at` changed.
    CreatedMoved {
        /// The earlier value.
        before: String,
    },
    /// `updated_at` moved backward.
    UpdatedBack {
        /// The earlier value.
        before: String,
    },
}

impl SeenTimestamps {
    /// Starts to follow an offering after a 201 of a create, and stops after a success of a delete.
    pub(super) fn note_write(&mut self, exchange: &Exchange) {
        match exchange.request.operation.endpoint() {
            Some(Endpoint::Create) if exchange.response.status == 201 => {
                let body = exchange.response.json();
                let id = body.and_then(|body| body.get("id")?.as_str());
                if let Some(id) = id {
                    // The replay of an idempotency key returns 201 too; the known timestamps remain.
                    let times = SeenTimes { known: None, as_of: exchange.ended };
                    let project = self.seen.entry(project(exchange).to_owned()).or_default();
                    project.entry(id.to_owned()).or_insert(times);
                }
            }
            Some(Endpoint::Delete) => {
                let project = self.seen.get_mut(project(exchange));
                if let (Some(id), Some(project)) = (exchange.request.path_id(), project) {
                    // A server may treat ids that differ only in case as equal.
                    project.retain(|known, _| !known.eq_ignore_ascii_case(&id));
                }
            }
            _ => {}
        }
    }

    /// Saves the timestamps of an offering and returns how they changed; `None` when they cannot be compared.
    pub(super) fn update(
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
