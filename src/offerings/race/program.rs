//! What the clients of a race send, as data: offerings are numbers, so that every attempt can use new ids.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};

/// One request of a client. Offerings and product lists are numbers from 0. Different lists have different products, so
/// that a mixture of two is visible.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RaceStep {
    /// Creates an offering.
    Create {
        /// Its number.
        slot: usize,
        /// The number of its product list.
        list: usize,
        /// The number of the idempotency key, if it sends one.
        key: Option<usize>,
    },
    /// Reads an offering.
    Get {
        /// Its number.
        slot: usize,
    },
    /// Reads the first page of 100.
    List,
    /// Reads the first page of 100 in the second project.
    ListSecond,
    /// Replaces an offering's products.
    Update {
        /// Its number.
        slot: usize,
        /// The number of its product list.
        list: usize,
    },
    /// Deletes an offering.
    Delete {
        /// Its number.
        slot: usize,
    },
    /// Promotes an offering.
    SetMain {
        /// Its number.
        slot: usize,
    },
}

impl RaceStep {
    /// The operation.
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::Create { .. } => Endpoint::Create,
            Self::Get { .. } => Endpoint::Get,
            Self::List | Self::ListSecond => Endpoint::List,
            Self::Update { .. } => Endpoint::Update,
            Self::Delete { .. } => Endpoint::Delete,
            Self::SetMain { .. } => Endpoint::SetMain,
        }
    }

    /// The number of the offering; `None` for a list.
    pub fn slot(self) -> Option<usize> {
        match self {
            Self::List | Self::ListSecond => None,
            Self::Create { slot, .. }
            | Self::Get { slot }
            | Self::Update { slot, .. }
            | Self::Delete { slot }
            | Self::SetMain { slot } => Some(slot),
        }
    }

    /// Whether it is a write.
    pub fn writes(self) -> bool {
        self.endpoint().writes()
    }
}

/// A race as data: the offerings at the start, and the steps of each client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// For each offering: the product list with which it is created before the race; `None`: it does not exist then.
    #[serde(rename = "made")]
    pub initial: Vec<Option<usize>>,
    /// The steps of each client, in order; the clients run concurrently.
    pub clients: Vec<Vec<RaceStep>>,
    /// The steps that follow when all clients have ended.
    pub after: Vec<RaceStep>,
}

impl Program {
    /// Whether any step promotes.
    pub fn promotes(&self) -> bool {
        self.steps().any(|step| matches!(step, RaceStep::SetMain { .. }))
    }

    /// Whether any step deletes the offering.
    pub fn deletes(&self, slot: usize) -> bool {
        self.steps().any(|step| step == RaceStep::Delete { slot })
    }

    /// Removes every idempotency key.
    pub(super) fn drop_keys(&mut self) {
        for step in self.clients.iter_mut().flatten().chain(&mut self.after) {
            if let RaceStep::Create { key, .. } = step {
                *key = None;
            }
        }
    }

    /// Every step of every client, then those after them.
    pub fn steps(&self) -> impl Iterator<Item = RaceStep> + '_ {
        self.clients.iter().flatten().chain(&self.after).copied()
    }

    /// How many product lists it uses, at least 1: the largest number of a list, plus one.
    pub fn lists(&self) -> usize {
        let in_steps = self.steps().filter_map(|step| match step {
            RaceStep::Create { list, .. } | RaceStep::Update { list, .. } => Some(list),
            _ => None,
        });
        in_steps.chain(self.initial.iter().copied().flatten()).max().map_or(1, |list| list + 1)
    }

    /// How many steps it has.
    pub fn len(&self) -> usize {
        self.steps().count()
    }

    /// Whether it has no steps.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same steps for at most `max` clients, from 1: a client that replaces several interleaves their steps.
    #[must_use]
    pub fn for_clients(&self, max: usize) -> Self {
        let max = max.max(1);
        let clients = (0..max.min(self.clients.len())).map(|client| {
            let mut merged: Vec<_> = self.clients.iter().skip(client).step_by(max).map(|steps| steps.iter()).collect();
            let longest = merged.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
            (0..longest)
                .flat_map(|_| merged.iter_mut().filter_map(|steps| steps.next().copied()).collect::<Vec<_>>())
                .collect()
        });
        Self { clients: clients.collect(), ..self.clone() }
    }

    /// The same steps for one client: those of all clients interleaved, or one client after the other.
    pub(super) fn for_one_client(&self) -> [Self; 2] {
        [self.for_clients(1), Self { clients: vec![self.clients.concat()], ..self.clone() }]
    }

    /// Whether the offering exists before the race or any step creates it.
    pub(super) fn creates(&self, slot: usize) -> bool {
        self.initial[slot].is_some()
            || self.steps().any(|step| matches!(step, RaceStep::Create { slot: of, .. } if of == slot))
    }
}

/// The ids and products for the numbers of a program in one attempt.
#[derive(Clone, Debug)]
pub(super) struct RaceBindings {
    pub(super) role: KeyRole,
    /// How many of the offerings, counted from the last, are in the second project; see [`super::Race::twins`].
    pub(super) twins: usize,
    /// The id of each offering.
    pub(super) ids: Vec<String>,
    /// The products of each list.
    pub(super) lists: Vec<Vec<String>>,
    /// The prefix of idempotency keys.
    pub(super) keys: String,
}

impl RaceBindings {
    /// The project of an offering.
    pub(super) fn project(&self, slot: usize) -> KeyRole {
        if slot + self.twins >= self.ids.len() { KeyRole::Second } else { self.role }
    }

    /// The project of a step.
    pub(super) fn project_of(&self, step: RaceStep) -> KeyRole {
        match step.slot() {
            Some(slot) => self.project(slot),
            None if step == RaceStep::ListSecond => KeyRole::Second,
            None => self.role,
        }
    }

    /// The request of a step.
    pub(super) fn request(&self, step: RaceStep) -> Request {
        let request = Request::to(step.endpoint()).key(self.project_of(step));
        match step {
            RaceStep::List | RaceStep::ListSecond => request.query("limit", "100"),
            RaceStep::Get { slot } | RaceStep::Delete { slot } | RaceStep::SetMain { slot } => {
                request.id(&self.ids[slot])
            }
            RaceStep::Update { slot, list } => {
                request.id(&self.ids[slot]).json(&json!({ "product_ids": self.lists[list] }))
            }
            RaceStep::Create { slot, list, key } => {
                let mut body = json!({ "id": self.ids[slot] });
                if !self.lists[list].is_empty() {
                    body["product_ids"] = json!(self.lists[list]);
                }
                let request = request.json(&body);
                match key {
                    Some(key) => request.header("idempotency-key", format!("{}-key-{key}", self.keys)),
                    None => request,
                }
            }
        }
    }
}

/// `count` lists of products: the first is empty, the others have up to `length` products. They have no product in
/// common if enough products are known; otherwise they are the same products in different orders.
pub(super) fn product_lists(known: &[String], count: usize, length: usize) -> Vec<Vec<String>> {
    let length = length.min(known.len());
    let apart = known.len() >= length * count.saturating_sub(1);
    let list = |number: usize| -> Vec<String> {
        let start = if apart { (number - 1) * length } else { number - 1 };
        known.iter().cycle().skip(start).take(length).cloned().collect()
    };
    (0..count).map(|number| if number == 0 { Vec::new() } else { list(number) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_clients_interleave_the_steps_of_all() {
        let (one, two, list) = (RaceStep::SetMain { slot: 0 }, RaceStep::SetMain { slot: 1 }, RaceStep::List);
        let program = Program {
            initial: vec![None; 2],
            clients: vec![vec![one, two], vec![two], vec![list; 3]],
            after: Vec::new(),
        };
        assert_eq!(program.for_clients(8), program);
        assert_eq!(program.for_clients(2).clients, [vec![one, list, two, list, list], vec![two]]);
        assert_eq!(program.for_clients(1).clients, [[one, two, list, two, list, list]]);
        assert_eq!(program.for_one_client()[1].clients, [[one, two, two, list, list, list]]);
    }

    #[test]
    fn lists_are_disjoint_if_there_are_enough_products() {
        let known: Vec<_> = (0..40).map(|n| format!("p{n}")).collect();
        let lists = product_lists(&known, 4, 12);
        assert!(lists[0].is_empty());
        assert_eq!(lists[1..].concat(), known[..36]);
        assert_eq!(product_lists(&known[..2], 3, 12), [vec![], vec!["p0", "p1"], vec!["p1", "p0"]]);
        assert_eq!(product_lists(&[], 2, 12), [Vec::<String>::new(), Vec::new()]);
    }
}
