//! Random sequences, weighted towards situations in which servers fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rng::SequenceRng;
use super::step::{OfferingRef, OtherProject, Product, Slot, Step, Tag};
use crate::contract::Need;
use crate::exchange::KeyRole;
use crate::project::Project;

/// Whether a sequence may change which offering is main.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MainRole {
    /// It may promote offerings and delete the main one.
    Change,
    /// It does not touch the main offering.
    Keep,
}

/// What a project offers: steps that need more are not generated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// The number of known registered products.
    pub products: usize,
    /// The other needs that the project meets.
    pub has: Vec<Need>,
    /// Whether the main offering may change.
    pub mains: MainRole,
}

impl Capabilities {
    /// The capabilities of a project.
    pub fn of(project: &Project, mains: MainRole) -> Self {
        let has =
            [Need::Variant, Need::SecondProject, Need::Empty].into_iter().filter(|need| project.has(*need)).collect();
        Self { products: project.fixtures.products.len(), has, mains }
    }
}

/// The sequence of this seed and index, of at most `max_steps` steps; the same for the same arguments.
pub fn generate(seed: u64, index: u64, max_steps: usize, capabilities: &Capabilities) -> Vec<Step> {
    let mut rng = SequenceRng::new(seed, index);
    let mut generator = SequenceGenerator::new(&mut rng, capabilities);
    let least = max_steps.div_ceil(2).max(1).min(max_steps);
    let length = least + rng.below(max_steps - least + 1);
    let other_project = generator.other_project(&mut rng);
    (0..length)
        .map(|_| {
            let step = generator.next(&mut rng);
            match other_project {
                Some((project, percent)) if rng.chance(percent) => step.sent_to(project),
                _ => step,
            }
        })
        .collect()
}

// Indices into `WEIGHTS`.
const CREATE: usize = 0;
const UPDATE: usize = 1;
const DELETE: usize = 2;
const SET_MAIN: usize = 3;
const GET: usize = 4;
const PAGE: usize = 5;
const WALK: usize = 6;
const REPEAT: usize = 7;
/// The weight of each kind of step; the last is for patterns.
const WEIGHTS: [usize; 9] = [22, 22, 10, 20, 5, 6, 4, 8, 8];

/// The weight of each slot in the pool of a sequence; the first is always there. Special ids have more weight.
const SLOT_WEIGHTS: [usize; Slot::COUNT as usize] = [0, 8, 3, 6, 2, 1, 1, 1, 1, 1, 1, 1];

/// Sequences with a larger pool create many offerings.
const LARGE_POOL: usize = 6;

/// The maximum length of a short product list, and the lengths of long ones.
const MAX_SHORT_LIST: usize = 4;
const LONG_LISTS: [usize; 6] = [10, 11, 13, 50, 99, 100];

/// Generates one sequence and tracks the expected state of a correct server.
struct SequenceGenerator<'m> {
    capabilities: &'m Capabilities,
    weights: [usize; 9],
    /// The percentage of creates and set-mains with an idempotency key.
    key_percent: usize,
    pool: Vec<Slot>,
    existing: BTreeMap<Slot, Vec<Product>>,
    main: Option<Slot>,
    latest: Option<Slot>,
    steps: Vec<Step>,
    /// The rest of a pattern, which comes next.
    pattern: VecDeque<Step>,
}

impl<'m> SequenceGenerator<'m> {
    fn new(rng: &mut SequenceRng, capabilities: &'m Capabilities) -> Self {
        // Each sequence favours other steps: what is rare in most is common in some.
        let mut weights = WEIGHTS.map(|weight| weight * rng.one(&[1, 2, 2, 2, 6]));
        let all = usize::from(Slot::COUNT);
        let size = *rng.one(&[2, 3, 3, 4, 4, 6, all, all]);
        if size > LARGE_POOL {
            weights[CREATE] *= 12;
        }
        // The first slot is always there: the ids of others contain it or are its id in upper case.
        let mut slot_weights = SLOT_WEIGHTS;
        let mut pool = Vec::with_capacity(size);
        pool.push(Slot(0));
        while pool.len() < size {
            let place = rng.weighted(&slot_weights);
            slot_weights[place] = 0;
            pool.push(Slot(place as u8));
        }
        if capabilities.mains == MainRole::Keep {
            weights[SET_MAIN] = 0;
        }
        let key_percent = *rng.one(&[0, 20, 20, 60]);
        let (existing, steps, pattern) = (BTreeMap::new(), Vec::new(), VecDeque::new());
        Self { capabilities, weights, key_percent, pool, existing, main: None, latest: None, steps, pattern }
    }

    /// Another project for the sequence, and the percentage of the steps that are sent to it.
    fn other_project(&self, rng: &mut SequenceRng) -> Option<(OtherProject, usize)> {
        let all = [(OtherProject::Empty, 100), (OtherProject::Second, 30)];
        let project = *rng.one(&[None, None, None, None, None, None, None, None, Some(all[0]), Some(all[1])]);
        project.filter(|(project, _)| self.has(*project))
    }

    fn has(&self, project: OtherProject) -> bool {
        self.capabilities.has.contains(match project {
            OtherProject::Second => &Need::SecondProject,
            OtherProject::Empty => &Need::Empty,
        })
    }

    fn next(&mut self, rng: &mut SequenceRng) -> Step {
        let step = if let Some(step) = self.pattern.pop_front() {
            step
        } else if self.existing.is_empty() && rng.chance(80) {
            self.create(rng)
        } else {
            match rng.weighted(&self.weights) {
                CREATE => self.create(rng),
                UPDATE => self.update(rng),
                DELETE => Step::Delete { offering: self.offering_ref(rng) },
                SET_MAIN => Step::SetMain { offering: self.offering_ref(rng), key: self.key(rng) },
                GET => self.get(rng),
                PAGE => self.page(rng),
                WALK => Step::Walk { limit: *rng.one(&[1, 1, 2, 3, 5]) },
                REPEAT => self.repeat(rng),
                _ => self.begin_pattern(rng),
            }
        };
        self.apply(&step);
        step
    }

    fn create(&self, rng: &mut SequenceRng) -> Step {
        let free: Vec<Slot> = self.pool.iter().copied().filter(|slot| !self.existing.contains_key(slot)).collect();
        let offering =
            if free.is_empty() || rng.chance(12) { self.offering_ref(rng) } else { OfferingRef::Slot(*rng.one(&free)) };
        // The contract does not define a create with the id of a variant.
        let offering = if matches!(offering, OfferingRef::Variant | OfferingRef::Elsewhere) {
            OfferingRef::Slot(self.pool[0])
        } else {
            offering
        };
        let products = (!rng.chance(25)).then(|| self.product_list(rng, &[]));
        Step::Create { offering, products, tag: tag(rng, 10), key: self.key(rng) }
    }

    fn key(&self, rng: &mut SequenceRng) -> Option<u8> {
        rng.chance(self.key_percent).then(|| rng.below(3) as u8)
    }

    /// Starts a pattern and returns its first step.
    fn begin_pattern(&mut self, rng: &mut SequenceRng) -> Step {
        let existing: Vec<Slot> = self.existing.keys().copied().collect();
        let one = *rng.one(if existing.is_empty() { &self.pool } else { &existing });
        let place = self.pool.iter().position(|slot| *slot == one).unwrap_or_default();
        let other = self.pool[(place + 1) % self.pool.len()];
        let mut pattern = self.pattern_about(rng, OfferingRef::Slot(one), OfferingRef::Slot(other));
        if self.capabilities.mains == MainRole::Keep {
            pattern.retain(|step| !matches!(step.inner(), Step::SetMain { .. }));
        }
        // An offering that exists is not created first.
        let skips_create = matches!(pattern.front(), Some(Step::Create { .. })) && existing.contains(&other);
        if skips_create && one != other {
            pattern.pop_front();
        }
        let first = pattern.pop_front().unwrap_or(Step::Get { offering: OfferingRef::Slot(one) });
        self.pattern = pattern;
        first
    }

    /// A pattern: steps in an order that is too rare at random.
    fn pattern_about(&self, rng: &mut SequenceRng, one: OfferingRef, other: OfferingRef) -> VecDeque<Step> {
        let create = |offering| Step::Create { offering, products: None, tag: Tag::Absent, key: None };
        let promote = |offering| Step::SetMain { offering, key: None };
        let key = Some(rng.below(3) as u8);
        let keyed = Step::SetMain { offering: one, key };
        let create_with = |offering, products, key| Step::Create { offering, products, tag: Tag::Absent, key };
        let update = |products| Step::Update { offering: one, products: Some(products), tag: Tag::Absent };
        let delete = |offering| Step::Delete { offering };
        match rng.below(16) {
            // An offering that is or was main is deleted and created again.
            0 => [create(other), promote(one), delete(one), create(one), promote(one), promote(other)].into(),
            1 => [create(other), promote(one), promote(other), delete(one), create(one), promote(one)].into(),
            // Two offerings become main in turn.
            2 => [create(other), promote(one), promote(other), promote(one), promote(other), promote(one)].into(),
            // A key is used again after other changes.
            3 => [create(other), keyed.clone(), promote(other), keyed].into(),
            4 => {
                let keyed = create_with(one, Some(self.product_list(rng, &[])), key);
                [create(other), delete(one), keyed.clone(), delete(other), keyed].into()
            }
            5 => {
                let keyed = create_with(one, Some(self.product_list(rng, &[])), key);
                let (first, second) = (update(self.product_list(rng, &[])), update(self.product_list(rng, &[])));
                [delete(one), keyed.clone(), create(other), first, second, keyed].into()
            }
            // A key is used for another offering.
            6 => [create(other), keyed, Step::SetMain { offering: other, key }].into(),
            // A rejected request does not use its key.
            7 => [delete(other), create_with(other, Some(vec![Product::Unknown]), key), create_with(other, None, key)]
                .into(),
            8 => [delete(one), keyed.clone(), create(one), create(other), keyed].into(),
            9 => [create(one), create_with(one, None, key), delete(one), create_with(one, None, key)].into(),
            // In an empty project, also after a rejected create, the first offering becomes main.
            10 if self.has(OtherProject::Empty) => {
                let rejected = create_with(one, Some(vec![Product::Unknown]), None);
                [rejected, create(one), create(other), delete(other), delete(one), create(other), create(one)]
                    .map(|step| step.sent_to(OtherProject::Empty))
                    .into()
            }
            11 if self.has(OtherProject::Empty) => {
                [promote(one), create(one), delete(one), create(one), create(other), promote(other), delete(one)]
                    .map(|step| step.sent_to(OtherProject::Empty))
                    .into()
            }
            // The same ids in two projects: a change in one must not show in the other.
            12 if self.has(OtherProject::Second) => {
                let there = |step: Step| step.sent_to(OtherProject::Second);
                let get = Step::Get { offering: one };
                [create(one), there(create(one)), promote(one), there(get.clone()), there(promote(one)), get].into()
            }
            13 if self.has(OtherProject::Second) => {
                let there = |step: Step| step.sent_to(OtherProject::Second);
                let get = Step::Get { offering: one };
                let (create, update) = (create(one), update(self.product_list(rng, &[])));
                [create.clone(), there(create), update, there(get.clone()), there(delete(one)), get].into()
            }
            // The product list grows, shrinks, becomes empty and grows again.
            14 => {
                let length = *rng.one(&LONG_LISTS);
                let long = self.consecutive_products(rng, length);
                let short = long.iter().take(2).copied().collect();
                [create(one), update(long), update(short), update(Vec::new()), update(self.product_list(rng, &[]))]
                    .into()
            }
            // An offering is deleted and created repeatedly.
            _ => [update(self.product_list(rng, &[])), delete(one), create(one), delete(one), create(one)].into(),
        }
    }

    fn update(&self, rng: &mut SequenceRng) -> Step {
        let offering = self.offering_ref(rng);
        let current = match offering {
            OfferingRef::Slot(slot) => self.existing.get(&slot),
            OfferingRef::Main => self.main.as_ref().and_then(|main| self.existing.get(main)),
            _ => None,
        };
        let products = (!rng.chance(15)).then(|| self.product_list(rng, current.map_or(&[], Vec::as_slice)));
        let is_main =
            offering == OfferingRef::Main || self.main.is_some_and(|main| offering == OfferingRef::Slot(main));
        Step::Update { offering, products, tag: tag(rng, if is_main { 35 } else { 12 }) }
    }

    fn get(&self, rng: &mut SequenceRng) -> Step {
        let elsewhere = self.capabilities.has.contains(&Need::SecondProject) && rng.chance(10);
        Step::Get { offering: if elsewhere { OfferingRef::Elsewhere } else { self.offering_ref(rng) } }
    }

    fn page(&self, rng: &mut SequenceRng) -> Step {
        let after = (!rng.chance(25)).then(|| {
            // Deleted and unknown cursors are the main purpose.
            if rng.chance(50) { OfferingRef::Slot(*rng.one(&self.pool)) } else { self.offering_ref(rng) }
        });
        let after = after.filter(|offering| *offering != OfferingRef::Variant);
        Step::Page { limit: *rng.one(&[None, Some(1), Some(2), Some(100), Some(0), Some(101)]), after }
    }

    /// An earlier step, unchanged: mostly one with an idempotency key.
    fn repeat(&self, rng: &mut SequenceRng) -> Step {
        let keyed: Vec<&Step> = self
            .steps
            .iter()
            .filter(|step| {
                matches!(step.inner(), Step::Create { key: Some(_), .. } | Step::SetMain { key: Some(_), .. })
            })
            .collect();
        match (keyed.is_empty(), self.steps.last()) {
            (false, _) if rng.chance(80) => (*rng.one(&keyed)).clone(),
            (_, Some(last)) => last.clone(),
            (_, None) => self.create(rng),
        }
    }

    fn offering_ref(&self, rng: &mut SequenceRng) -> OfferingRef {
        let existing: Vec<Slot> = self.existing.keys().copied().collect();
        match rng.weighted(&[20, 50, 12, 10, 3, 1, 1]) {
            0 if self.latest.is_some() => OfferingRef::Slot(self.latest.unwrap_or(self.pool[0])),
            0 | 1 if !existing.is_empty() => OfferingRef::Slot(*rng.one(&existing)),
            2 if self.capabilities.mains == MainRole::Change => OfferingRef::Main,
            4 if self.capabilities.has.contains(&Need::Variant) => OfferingRef::Variant,
            5 => OfferingRef::TooLong,
            6 => OfferingRef::OffCharset,
            _ => OfferingRef::Slot(*rng.one(&self.pool)),
        }
    }

    /// A product list, mostly derived from the current one.
    fn product_list(&self, rng: &mut SequenceRng, current: &[Product]) -> Vec<Product> {
        let known = self.capabilities.products.min(usize::from(u8::MAX));
        if rng.chance(4) {
            return vec![Product::Unknown];
        }
        if known == 0 {
            return Vec::new();
        }
        let fresh = |rng: &mut SequenceRng| Product::Known(rng.below(known) as u8);
        let mut list = current.to_vec();
        match rng.weighted(&[20, 15, 12, 8, 8, 25, 8, 3]) {
            0 => list.push(fresh(rng)),
            1 => list.truncate(list.len().saturating_sub(1 + rng.below(2))),
            2 => list.reverse(),
            3 => {}
            4 => list.clear(),
            5 => list = (0..=rng.below(MAX_SHORT_LIST)).map(|_| fresh(rng)).collect(),
            6 => {
                let length = *rng.one(&LONG_LISTS);
                list = self.consecutive_products(rng, length);
            }
            _ => list.extend(list.first().copied()),
        }
        // The contract leaves repeated products open, so they are rare.
        if !rng.chance(4) {
            let mut seen = BTreeSet::new();
            list.retain(|product| seen.insert(*product));
        }
        list
    }

    /// `length` consecutive products, or all if there are fewer.
    fn consecutive_products(&self, rng: &mut SequenceRng, length: usize) -> Vec<Product> {
        let known = self.capabilities.products.min(usize::from(u8::MAX));
        let start = if known == 0 { 0 } else { rng.below(known) };
        (0..length.min(known)).map(|number| Product::Known(((start + number) % known) as u8)).collect()
    }

    /// Applies the step to the expected state.
    fn apply(&mut self, step: &Step) {
        self.steps.push(step.clone());
        let slot = match step.offering() {
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
                self.existing.entry(slot).or_insert_with(|| products.clone().unwrap_or_default());
            }
            Step::Update { products: Some(products), tag: Tag::Absent, .. } if self.existing.contains_key(&slot) => {
                self.existing.insert(slot, products.clone());
            }
            Step::Delete { .. } => {
                self.existing.remove(&slot);
                self.main = self.main.filter(|main| *main != slot);
            }
            Step::SetMain { .. } if self.existing.contains_key(&slot) => self.main = Some(slot),
            _ => {}
        }
    }
}

fn has_unknown(products: Option<&[Product]>) -> bool {
    products.is_some_and(|products| products.contains(&Product::Unknown))
}

/// A tag, absent except with a probability of `percent`.
fn tag(rng: &mut SequenceRng, percent: usize) -> Tag {
    if rng.chance(percent) { *rng.one(&[Tag::Null, Tag::Zero, Tag::One, Tag::Invalid]) } else { Tag::Absent }
}
