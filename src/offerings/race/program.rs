//! What the clients of a race do, as data: it names its offerings by number, so that every try can use fresh ids.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};

/// One request of a client. Offerings are numbers, from 0, and so are product lists: a race takes each for a whole, which
/// shows as such among others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RaceStep {
    /// Creates an offering.
    Create {
        /// Which one.
        slot: usize,
        /// With which products.
        list: usize,
        /// Which idempotency key, if any.
        key: Option<usize>,
    },
    /// Reads an offering.
    Get {
        /// Which one.
        slot: usize,
    },
    /// Reads the first page of 100.
    List,
    /// Reads the first page of 100 in the second project.
    ListSecond,
    /// Replaces an offering's products.
    Update {
        /// Which one.
        slot: usize,
        /// With which products.
        list: usize,
    },
    /// Deletes an offering.
    Delete {
        /// Which one.
        slot: usize,
    },
    /// Promotes an offering.
    SetMain {
        /// Which one.
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

    /// The offering, unless it reads all.
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

    /// Whether it may change something.
    pub fn writes(self) -> bool {
        self.endpoint().writes()
    }
}

/// A race as data: what is there before, and what each client does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// For each offering: the product list it is made with before the race, or `None` when it is not made.
    pub made: Vec<Option<usize>>,
    /// The steps of each client, one after the other; the clients all at once.
    pub clients: Vec<Vec<RaceStep>>,
    /// What one client does when all others have ended.
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

    /// Leaves every idempotency key out.
    pub(super) fn drop_keys(&mut self) {
        for step in self.clients.iter_mut().flatten().chain(&mut self.after) {
            if let RaceStep::Create { key, .. } = step {
                *key = None;
            }
        }
    }

    /// Every step of every client, and what comes after.
    pub fn steps(&self) -> impl Iterator<Item = RaceStep> + '_ {
        self.clients.iter().flatten().chain(&self.after).copied()
    }

    /// The largest number of a product list, plus one.
    pub fn lists(&self) -> usize {
        let in_steps = self.steps().filter_map(|step| match step {
            RaceStep::Create { list, .. } | RaceStep::Update { list, .. } => Some(list),
            _ => None,
        });
        in_steps.chain(self.made.iter().copied().flatten()).max().map_or(1, |list| list + 1)
    }

    /// How many requests the clients send.
    pub fn len(&self) -> usize {
        self.steps().count()
    }

    /// Whether nobody does anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same for at most so many clients, from 1: where there are more, one takes the steps of several by turns.
    #[must_use]
    pub fn for_clients(&self, most: usize) -> Self {
        let most = most.max(1);
        let clients = (0..most.min(self.clients.len())).map(|client| {
            let mut merged: Vec<_> = self.clients.iter().skip(client).step_by(most).map(|steps| steps.iter()).collect();
            let longest = merged.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
            (0..longest)
                .flat_map(|_| merged.iter_mut().filter_map(|steps| steps.next().copied()).collect::<Vec<_>>())
                .collect()
        });
        Self { clients: clients.collect(), ..self.clone() }
    }

    /// The same for one client alone: the steps of all by turns, or one client's after the other's.
    pub(super) fn alone(&self) -> [Self; 2] {
        [self.for_clients(1), Self { clients: vec![self.clients.concat()], ..self.clone() }]
    }

    /// Whether the offering can have come to be.
    pub(super) fn makes(&self, slot: usize) -> bool {
        self.made[slot].is_some()
            || self.steps().any(|step| matches!(step, RaceStep::Create { slot: of, .. } if of == slot))
    }
}

/// The ids and products that stand for the numbers of a program in one try.
#[derive(Clone, Debug)]
pub(super) struct RaceBindings {
    pub(super) role: KeyRole,
    /// How many of the last offerings are in the second project; they have the ids of the first.
    pub(super) twins: usize,
    /// The id of each offering.
    pub(super) ids: Vec<String>,
    /// The products of each list.
    pub(super) lists: Vec<Vec<String>>,
    /// What idempotency keys start with.
    pub(super) keys: String,
}

impl RaceBindings {
    /// The project that an offering is in.
    pub(super) fn project(&self, slot: usize) -> KeyRole {
        if slot + self.twins >= self.ids.len() { KeyRole::Second } else { self.role }
    }

    /// The project that a step is sent to.
    pub(super) fn project_of(&self, step: RaceStep) -> KeyRole {
        match step.slot() {
            Some(slot) => self.project(slot),
            None if step == RaceStep::ListSecond => KeyRole::Second,
            None => self.role,
        }
    }

    /// The request that a step stands for.
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

/// `count` lists of products, the first of them empty, the others of up to `length` products. They have no product in
/// common where enough are known; else they are the same products in another order.
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
    fn fewer_clients_take_the_steps_of_more_by_turns() {
        let (one, two, list) = (RaceStep::SetMain { slot: 0 }, RaceStep::SetMain { slot: 1 }, RaceStep::List);
        let program =
            Program { made: vec![None; 2], clients: vec![vec![one, two], vec![two], vec![list; 3]], after: Vec::new() };
        assert_eq!(program.for_clients(8), program);
        assert_eq!(program.for_clients(2).clients, [vec![one, list, two, list, list], vec![two]]);
        assert_eq!(program.for_clients(1).clients, [[one, two, list, two, list, list]]);
        assert_eq!(program.alone()[1].clients, [[one, two, two, list, list, list]]);
    }

    #[test]
    fn lists_have_nothing_in_common_where_there_are_enough_products() {
        let known: Vec<_> = (0..40).map(|n| format!("p{n}")).collect();
        let lists = product_lists(&known, 4, 12);
        assert!(lists[0].is_empty());
        assert_eq!(lists[1..].concat(), known[..36]);
        assert_eq!(product_lists(&known[..2], 3, 12), [vec![], vec!["p0", "p1"], vec!["p1", "p0"]]);
        assert_eq!(product_lists(&[], 2, 12), [Vec::<String>::new(), Vec::new()]);
    }
}
