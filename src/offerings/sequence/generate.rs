//! Sequences by chance, weighted towards what servers get wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::draw::SequenceRng;
use super::step::{OfferingRef, OtherProject, Product, Slot, Step, Tag};
use crate::contract::Need;
use crate::exchange::KeyRole;
use crate::project::Project;

/// Whether a sequence may change which offering is main.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MainRole {
    /// It may promote, and delete the main.
    Change,
    /// It leaves the main alone.
    Keep,
}

/// What a project offers: steps that need more are not drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// How many registered products are known.
    pub products: usize,
    /// What else is there.
    pub has: Vec<Need>,
    /// Whether the main may change.
    pub mains: MainRole,
}

impl Capabilities {
    /// What a project offers.
    pub fn of(project: &Project, mains: MainRole) -> Self {
        let has =
            [Need::Variant, Need::SecondProject, Need::Empty].into_iter().filter(|need| project.has(*need)).collect();
        Self { products: project.fixtures.products.len(), has, mains }
    }
}

/// The sequence of this seed and index, of `max_steps` steps at most; the same for the same arguments.
pub fn generate(seed: u64, index: u64, max_steps: usize, capabilities: &Capabilities) -> Vec<Step> {
    let mut draw = SequenceRng::new(seed, index);
    let mut author = Author::new(&mut draw, capabilities);
    let least = max_steps.div_ceil(2).max(1).min(max_steps);
    let length = least + draw.below(max_steps - least + 1);
    let home = author.home(&mut draw);
    (0..length)
        .map(|_| {
            let step = author.next(&mut draw);
            match home {
                Some((project, percent)) if draw.chance(percent) => step.sent_to(project),
                _ => step,
            }
        })
        .collect()
}

/// What an operation is drawn by.
const CREATE: usize = 0;
const UPDATE: usize = 1;
const DELETE: usize = 2;
const SET_MAIN: usize = 3;
const GET: usize = 4;
const PAGE: usize = 5;
const WALK: usize = 6;
const AGAIN: usize = 7;
/// The last is for phrases.
const WEIGHTS: [usize; 9] = [22, 22, 10, 20, 5, 6, 4, 8, 8];

/// How often each slot is in a sequence's pool beside the first: more often those whose ids have something special.
const PRESENCE: [usize; Slot::COUNT as usize] = [0, 8, 3, 6, 2, 1, 1, 1, 1, 1, 1, 1];

/// A pool of more slots is for sequences that make many offerings.
const LARGE: usize = 6;

/// The most entries of a list that is not meant to be long, and the entries of long ones.
const SHORT: usize = 4;
const LONG: [usize; 6] = [10, 11, 13, 50, 99, 100];

/// Writes one sequence, keeping in mind what a right server would hold by then.
struct Author<'m> {
    capabilities: &'m Capabilities,
    weights: [usize; 9],
    /// How many of a hundred creates and set-mains have an idempotency key.
    keyed: usize,
    pool: Vec<Slot>,
    live: BTreeMap<Slot, Vec<Product>>,
    main: Option<Slot>,
    latest: Option<Slot>,
    written: Vec<Step>,
    /// What comes next whatever is drawn: the rest of a phrase.
    phrase: VecDeque<Step>,
}

impl<'m> Author<'m> {
    fn new(draw: &mut SequenceRng, capabilities: &'m Capabilities) -> Self {
        // Every sequence has a bent of its own: what is rare on the whole is common in some.
        let mut weights = WEIGHTS.map(|weight| weight * draw.one(&[1, 2, 2, 2, 6]));
        let all = usize::from(Slot::COUNT);
        let size = *draw.one(&[2, 3, 3, 4, 4, 6, all, all]);
        if size > LARGE {
            weights[CREATE] *= 12;
        }
        // The plainest is always there: the ids of others contain it, or are it in capitals.
        let mut presence = PRESENCE;
        let mut pool = Vec::with_capacity(size);
        pool.push(Slot(0));
        while pool.len() < size {
            let place = draw.weighted(&presence);
            presence[place] = 0;
            pool.push(Slot(place as u8));
        }
        if capabilities.mains == MainRole::Keep {
            weights[SET_MAIN] = 0;
        }
        let keyed = *draw.one(&[0, 20, 20, 60]);
        let (live, written, phrase) = (BTreeMap::new(), Vec::new(), VecDeque::new());
        Self { capabilities, weights, keyed, pool, live, main: None, latest: None, written, phrase }
    }

    /// Another project that the whole sequence or a part of it is sent to, with how many of a hundred steps.
    fn home(&self, draw: &mut SequenceRng) -> Option<(OtherProject, usize)> {
        let all = [(OtherProject::Empty, 100), (OtherProject::Second, 30)];
        let drawn = *draw.one(&[None, None, None, None, None, None, None, None, Some(all[0]), Some(all[1])]);
        drawn.filter(|(project, _)| self.has(*project))
    }

    fn has(&self, project: OtherProject) -> bool {
        self.capabilities.has.contains(match project {
            OtherProject::Second => &Need::SecondProject,
            OtherProject::Empty => &Need::Empty,
        })
    }

    fn next(&mut self, draw: &mut SequenceRng) -> Step {
        let step = if let Some(step) = self.phrase.pop_front() {
            step
        } else if self.live.is_empty() && draw.chance(80) {
            self.create(draw)
        } else {
            match draw.weighted(&self.weights) {
                CREATE => self.create(draw),
                UPDATE => self.update(draw),
                DELETE => Step::Delete { who: self.a_reference(draw) },
                SET_MAIN => Step::SetMain { who: self.a_reference(draw), key: self.key(draw) },
                GET => self.get(draw),
                PAGE => self.page(draw),
                WALK => Step::Walk { limit: *draw.one(&[1, 1, 2, 3, 5]) },
                AGAIN => self.again(draw),
                // The last of the weights.
                _ => self.begin_phrase(draw),
            }
        };
        self.note(&step);
        step
    }

    fn create(&self, draw: &mut SequenceRng) -> Step {
        let free: Vec<Slot> = self.pool.iter().copied().filter(|slot| !self.live.contains_key(slot)).collect();
        let who = if free.is_empty() || draw.chance(12) {
            self.a_reference(draw)
        } else {
            OfferingRef::Slot(*draw.one(&free))
        };
        // What a create with a variant's id responses is written nowhere.
        let who = if matches!(who, OfferingRef::Variant | OfferingRef::Elsewhere) {
            OfferingRef::Slot(self.pool[0])
        } else {
            who
        };
        let products = (!draw.chance(25)).then(|| self.list(draw, &[]));
        Step::Create { who, products, tag: tag(draw, 10), key: self.key(draw) }
    }

    fn key(&self, draw: &mut SequenceRng) -> Option<u8> {
        draw.chance(self.keyed).then(|| draw.below(3) as u8)
    }

    /// Begins steps that belong together; the first is done now.
    fn begin_phrase(&mut self, draw: &mut SequenceRng) -> Step {
        let live: Vec<Slot> = self.live.keys().copied().collect();
        let one = *draw.one(if live.is_empty() { &self.pool } else { &live });
        let place = self.pool.iter().position(|slot| *slot == one).unwrap_or_default();
        let other = self.pool[(place + 1) % self.pool.len()];
        let mut phrase = self.phrase_about(draw, OfferingRef::Slot(one), OfferingRef::Slot(other));
        if self.capabilities.mains == MainRole::Keep {
            phrase.retain(|step| !matches!(step.inner(), Step::SetMain { .. }));
        }
        // What is there already is not made first.
        let begins_late = matches!(phrase.front(), Some(Step::Create { .. })) && live.contains(&other);
        if begins_late && one != other {
            phrase.pop_front();
        }
        let first = phrase.pop_front().unwrap_or(Step::Get { who: OfferingRef::Slot(one) });
        self.phrase = phrase;
        first
    }

    /// Steps that belong together: what chance alone puts in a row too seldom.
    fn phrase_about(&self, draw: &mut SequenceRng, one: OfferingRef, other: OfferingRef) -> VecDeque<Step> {
        let create = |who| Step::Create { who, products: None, tag: Tag::Absent, key: None };
        let promote = |who| Step::SetMain { who, key: None };
        let key = Some(draw.below(3) as u8);
        let keyed = Step::SetMain { who: one, key };
        let made = |who, products, key| Step::Create { who, products, tag: Tag::Absent, key };
        let update = |products| Step::Update { who: one, products: Some(products), tag: Tag::Absent };
        let delete = |who| Step::Delete { who };
        match draw.below(16) {
            // An offering that was main, or gave it up, comes back.
            0 => [create(other), promote(one), delete(one), create(one), promote(one), promote(other)].into(),
            1 => [create(other), promote(one), promote(other), delete(one), create(one), promote(one)].into(),
            // Two take turns.
            2 => [create(other), promote(one), promote(other), promote(one), promote(other), promote(one)].into(),
            // A key is used again when much has changed.
            3 => [create(other), keyed.clone(), promote(other), keyed].into(),
            4 => {
                let keyed = made(one, Some(self.list(draw, &[])), key);
                [create(other), delete(one), keyed.clone(), delete(other), keyed].into()
            }
            5 => {
                let keyed = made(one, Some(self.list(draw, &[])), key);
                let (first, second) = (update(self.list(draw, &[])), update(self.list(draw, &[])));
                [delete(one), keyed.clone(), create(other), first, second, keyed].into()
            }
            // A key is used for another offering.
            6 => [create(other), keyed, Step::SetMain { who: other, key }].into(),
            // A rejected request does not use its key up.
            7 => [delete(other), made(other, Some(vec![Product::Unknown]), key), made(other, None, key)].into(),
            8 => [delete(one), keyed.clone(), create(one), create(other), keyed].into(),
            9 => [create(one), made(one, None, key), delete(one), made(one, None, key)].into(),
            // Where nothing is yet, or nothing is left: what is rejected does not use up that the first is main.
            10 if self.has(OtherProject::Empty) => {
                let rejected = made(one, Some(vec![Product::Unknown]), None);
                [rejected, create(one), create(other), delete(other), delete(one), create(other), create(one)]
                    .map(|step| step.sent_to(OtherProject::Empty))
                    .into()
            }
            11 if self.has(OtherProject::Empty) => {
                [promote(one), create(one), delete(one), create(one), create(other), promote(other), delete(one)]
                    .map(|step| step.sent_to(OtherProject::Empty))
                    .into()
            }
            // The same ids in two projects: what is done in one is read in the other.
            12 if self.has(OtherProject::Second) => {
                let there = |step: Step| step.sent_to(OtherProject::Second);
                let get = Step::Get { who: one };
                [create(one), there(create(one)), promote(one), there(get.clone()), there(promote(one)), get].into()
            }
            13 if self.has(OtherProject::Second) => {
                let there = |step: Step| step.sent_to(OtherProject::Second);
                let get = Step::Get { who: one };
                let (create, update) = (create(one), update(self.list(draw, &[])));
                [create.clone(), there(create), update, there(get.clone()), there(delete(one)), get].into()
            }
            // Products grow, shrink, go, and come again.
            14 => {
                let length = *draw.one(&LONG);
                let long = self.run_of(draw, length);
                let short = long.iter().take(2).copied().collect();
                [create(one), update(long), update(short), update(Vec::new()), update(self.list(draw, &[]))].into()
            }
            // The same again and again.
            _ => [update(self.list(draw, &[])), delete(one), create(one), delete(one), create(one)].into(),
        }
    }

    fn update(&self, draw: &mut SequenceRng) -> Step {
        let who = self.a_reference(draw);
        let now = match who {
            OfferingRef::Slot(slot) => self.live.get(&slot),
            OfferingRef::Main => self.main.as_ref().and_then(|main| self.live.get(main)),
            _ => None,
        };
        let products = (!draw.chance(15)).then(|| self.list(draw, now.map_or(&[], Vec::as_slice)));
        let is_main = who == OfferingRef::Main || self.main.is_some_and(|main| who == OfferingRef::Slot(main));
        Step::Update { who, products, tag: tag(draw, if is_main { 35 } else { 12 }) }
    }

    fn get(&self, draw: &mut SequenceRng) -> Step {
        let elsewhere = self.capabilities.has.contains(&Need::SecondProject) && draw.chance(10);
        Step::Get { who: if elsewhere { OfferingRef::Elsewhere } else { self.a_reference(draw) } }
    }

    fn page(&self, draw: &mut SequenceRng) -> Step {
        let after = (!draw.chance(25)).then(|| {
            // Deleted and unknown cursors are what this is mostly for.
            if draw.chance(50) { OfferingRef::Slot(*draw.one(&self.pool)) } else { self.a_reference(draw) }
        });
        let after = after.filter(|who| *who != OfferingRef::Variant);
        Step::Page { limit: *draw.one(&[None, Some(1), Some(2), Some(100), Some(0), Some(101)]), after }
    }

    /// What was done before, word for word: most of all what has a key.
    fn again(&self, draw: &mut SequenceRng) -> Step {
        let keyed: Vec<&Step> = self
            .written
            .iter()
            .filter(|step| {
                matches!(step.inner(), Step::Create { key: Some(_), .. } | Step::SetMain { key: Some(_), .. })
            })
            .collect();
        match (keyed.is_empty(), self.written.last()) {
            (false, _) if draw.chance(80) => (*draw.one(&keyed)).clone(),
            (_, Some(last)) => last.clone(),
            (_, None) => self.create(draw),
        }
    }

    fn a_reference(&self, draw: &mut SequenceRng) -> OfferingRef {
        let live: Vec<Slot> = self.live.keys().copied().collect();
        match draw.weighted(&[20, 50, 12, 10, 3, 1, 1]) {
            0 if self.latest.is_some() => OfferingRef::Slot(self.latest.unwrap_or(self.pool[0])),
            0 | 1 if !live.is_empty() => OfferingRef::Slot(*draw.one(&live)),
            2 if self.capabilities.mains == MainRole::Change => OfferingRef::Main,
            4 if self.capabilities.has.contains(&Need::Variant) => OfferingRef::Variant,
            5 => OfferingRef::TooLong,
            6 => OfferingRef::OffCharset,
            _ => OfferingRef::Slot(*draw.one(&self.pool)),
        }
    }

    /// A list that is related to the present one.
    fn list(&self, draw: &mut SequenceRng, now: &[Product]) -> Vec<Product> {
        let known = self.capabilities.products.min(usize::from(u8::MAX));
        if draw.chance(4) {
            return vec![Product::Unknown];
        }
        if known == 0 {
            return Vec::new();
        }
        let fresh = |draw: &mut SequenceRng| Product::Known(draw.below(known) as u8);
        let mut list = now.to_vec();
        match draw.weighted(&[20, 15, 12, 8, 8, 25, 8, 3]) {
            0 => list.push(fresh(draw)),
            1 => list.truncate(list.len().saturating_sub(1 + draw.below(2))),
            2 => list.reverse(),
            3 => {}
            4 => list.clear(),
            5 => list = (0..=draw.below(SHORT)).map(|_| fresh(draw)).collect(),
            6 => {
                let length = *draw.one(&LONG);
                list = self.run_of(draw, length);
            }
            _ => list.extend(list.first().copied()),
        }
        // A repeated product is an open point: seldom, and on purpose.
        if !draw.chance(4) {
            let mut kept = BTreeSet::new();
            list.retain(|product| kept.insert(*product));
        }
        list
    }

    /// So many products in a row, as far as there are.
    fn run_of(&self, draw: &mut SequenceRng, length: usize) -> Vec<Product> {
        let known = self.capabilities.products.min(usize::from(u8::MAX));
        let start = if known == 0 { 0 } else { draw.below(known) };
        (0..length.min(known)).map(|number| Product::Known(((start + number) % known) as u8)).collect()
    }

    /// What a right server holds after the step.
    fn note(&mut self, step: &Step) {
        self.written.push(step.clone());
        let slot = match step.who() {
            Some(OfferingRef::Slot(slot)) => Some(slot),
            Some(OfferingRef::Main) => self.main,
            _ => None,
        };
        let Some(slot) = slot.filter(|_| step.role() == KeyRole::Main) else { return };
        self.latest = Some(slot);
        match step {
            Step::Create { products, tag: Tag::Absent | Tag::Null | Tag::Zero, .. }
                if !has_unknown(products.as_deref()) =>
            {
                self.live.entry(slot).or_insert_with(|| products.clone().unwrap_or_default());
            }
            Step::Update { products: Some(products), tag: Tag::Absent, .. } if self.live.contains_key(&slot) => {
                self.live.insert(slot, products.clone());
            }
            Step::Delete { .. } => {
                self.live.remove(&slot);
                self.main = self.main.filter(|main| *main != slot);
            }
            Step::SetMain { .. } if self.live.contains_key(&slot) => self.main = Some(slot),
            _ => {}
        }
    }
}

fn has_unknown(products: Option<&[Product]>) -> bool {
    products.is_some_and(|products| products.contains(&Product::Unknown))
}

/// A tag; nothing is said of it except `percent` times in a hundred.
fn tag(draw: &mut SequenceRng, percent: usize) -> Tag {
    if draw.chance(percent) { *draw.one(&[Tag::Null, Tag::Zero, Tag::One, Tag::Invalid]) } else { Tag::Absent }
}
