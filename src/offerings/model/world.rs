//! One state that a project may be in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::replay::Use;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::lane::{Lane, Snapshot};

/// What does not change while a case plays.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Facts {
    /// Whatever starts with it is of this run: its offerings are nobody else's, and no product is called so.
    pub prefix: String,
    /// Products that are registered. Others may be too, unless they start with the prefix.
    pub products: BTreeSet<String>,
    /// An experiment's offering.
    pub variant: Option<String>,
}

impl Facts {
    /// What is known of a lane; ids that start with `prefix` are ours.
    pub fn of(lane: &Lane, prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            products: lane.fixtures.products.iter().cloned().collect(),
            variant: lane.fixtures.variant.clone(),
        }
    }
}

/// Which offering is main, as far as it follows from the answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Main {
    /// This one.
    Is(String),
    /// There is none.
    None,
    /// The main was deleted, or an answer was lost: none, or another at the server's choice.
    Unsure {
        /// None of these: they were shown as regular since.
        not: BTreeSet<String>,
    },
}

/// A regular offering.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Row {
    pub(super) offering: Offering,
    /// What successful writes had to do with it since the last comparison; whatever it was, its times may have moved.
    pub(super) touch: Touch,
}

/// How a write concerns an offering.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Touch {
    /// Not at all.
    None,
    /// Another was promoted in its place.
    Demoted,
    /// It was named.
    Named,
}

/// What was written since the last comparison.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Since {
    pub(super) succeeded: u32,
    pub(super) refused: u32,
}

/// One state that a project may be in: its regular offerings, its main, and the idempotency keys it may remember.
///
/// Cheap to clone: what answers leave as it was is shared by the worlds before and after.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    pub(super) facts: Arc<Facts>,
    pub(super) rows: Arc<BTreeMap<String, Row>>,
    pub(super) main: Main,
    /// The main offerings, where the last comparison showed several: that is reported once.
    pub(super) crowd: Vec<String>,
    /// Whether it was empty when it was first seen and nothing was made in it since.
    pub(super) is_untouched: bool,
    /// Ids that we tried to create, whatever came of it, and those we answer for otherwise: none is somebody else's.
    pub(super) attempted: Arc<BTreeSet<String>>,
    /// How often each id was created by us.
    pub(super) lives: Arc<BTreeMap<String, u32>>,
    /// What each idempotency key of an operation was used for, each thing once.
    pub(super) keys: Arc<BTreeMap<(Endpoint, String), Vec<Use>>>,
    pub(super) since: Since,
}

impl World {
    /// What was there at the start.
    pub fn starting_from(snapshot: &Snapshot, facts: Facts) -> Self {
        let mut world = Self {
            facts: Arc::new(facts),
            rows: Arc::default(),
            main: Main::None,
            crowd: Vec::new(),
            is_untouched: snapshot.offerings.is_empty(),
            attempted: Arc::default(),
            lives: Arc::default(),
            keys: Arc::default(),
            since: Since::default(),
        };
        world.adopt(snapshot);
        world
    }

    /// The same, but for who is main.
    #[must_use]
    pub fn with_main(mut self, main: Main) -> Self {
        self.main = main;
        self
    }

    /// The same project, had something been made in it before: whether its first offering is main is open then.
    #[must_use]
    pub fn touched(mut self) -> Self {
        self.is_untouched = false;
        self
    }

    /// The same for those who hold nothing against it but what an offering is and who is main: what was written when, how
    /// often, and by which ways somebody became main tells worlds no longer apart. Two orders of the same writes lead to
    /// one world then.
    #[must_use]
    pub fn timeless(mut self) -> Self {
        self.since = Since::default();
        let is_told_apart = |Row { offering, touch }: &Row| {
            *touch != Touch::Named || offering.tag.is_some() || !offering.updated_at.is_empty()
        };
        if self.rows.values().any(is_told_apart) {
            for Row { offering, touch } in Arc::make_mut(&mut self.rows).values_mut() {
                (*touch, offering.tag) = (Touch::Named, None);
                offering.updated_at.clear();
            }
        }
        self.forget_former_lives();
        self
    }

    /// Takes these offerings for ours as well, whether they are there or not.
    pub fn own(&mut self, ids: impl IntoIterator<Item = String>) {
        Arc::make_mut(&mut self.attempted).extend(ids);
    }

    /// Takes every offering that is there now for ours as well.
    pub fn own_all(&mut self) {
        self.own(self.rows.keys().cloned().collect::<Vec<_>>());
    }

    /// Takes the snapshot as the truth from now on.
    pub fn adopt(&mut self, snapshot: &Snapshot) {
        let row = |offering: &Offering| Row { offering: offering.clone(), touch: Touch::None };
        self.rows = Arc::new(snapshot.offerings.iter().map(|one| (one.id.clone(), row(one))).collect());
        let mains = snapshot.mains();
        self.crowd = if mains.len() > 1 { mains.iter().map(|&id| id.to_owned()).collect() } else { Vec::new() };
        let stays = matches!(&self.main, Main::Is(main) if mains.contains(&main.as_str()));
        if !stays {
            self.main = mains.first().map_or(Main::None, |&id| Main::Is(id.to_owned()));
        }
        self.since = Since::default();
    }

    /// The offering with this id, as it should be.
    pub fn find(&self, id: &str) -> Option<&Offering> {
        self.rows.get(id).map(|row| &row.offering)
    }

    /// Every offering, in the order of their ids.
    pub fn offerings(&self) -> impl Iterator<Item = &Offering> {
        self.rows.values().map(|row| &row.offering)
    }

    /// Which offering is main.
    pub fn main(&self) -> &Main {
        &self.main
    }

    /// Whether this id was made or tried by us.
    pub fn is_ours(&self, id: &str) -> bool {
        id.starts_with(&self.facts.prefix) || self.attempted.contains(id)
    }

    /// How often this id was created by us.
    pub fn lives(&self, id: &str) -> u32 {
        self.lives.get(id).copied().unwrap_or_default()
    }

    pub(super) fn is_variant(&self, id: &str) -> bool {
        self.facts.variant.as_deref() == Some(id)
    }

    /// The offering that an id may stand for; `None` stands for none. Ids that differ only in case may be the same.
    pub(super) fn readings(&self, id: &str) -> Vec<Option<String>> {
        if self.rows.contains_key(id) {
            return vec![Some(id.to_owned())];
        }
        let twin = self.rows.keys().find(|known| self.is_ours(known) && known.eq_ignore_ascii_case(id));
        std::iter::once(None).chain(twin.map(|twin| Some(twin.clone()))).collect()
    }

    /// Whether this offering is main; `None` when it cannot be known.
    pub(super) fn is_main(&self, id: &str) -> Option<bool> {
        match &self.main {
            Main::Is(main) => Some(main == id),
            Main::None => Some(false),
            Main::Unsure { not } => not.contains(id).then_some(false),
        }
    }
}
