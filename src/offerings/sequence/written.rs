//! The sequences written by hand: what a server does wrong only after a certain history, such as the third promotion, a
//! second life of an id, or a key that is used again after other writes. They come before the random ones.

use super::generate::{Capabilities, MainRole};
use super::step::{OfferingRef, OtherProject, Product, Slot, Step, Tag};
use crate::contract::Need;

/// The number of written sequences.
pub const WRITTEN: u64 = ALL.len() as u64;

/// All of them. The first ones find the most.
const ALL: [fn(&Known) -> Vec<Step>; 12] = [
    promotions,
    updates,
    lives,
    keys,
    main_deleted,
    former_main_deleted,
    deletions,
    pages,
    rejections_before_first,
    lives_of_first,
    two_projects,
    letter_case,
];

/// The written sequence of this index with the steps that a project permits; `None` where there is none.
pub(super) fn written(index: u64, capabilities: &Capabilities) -> Option<Vec<Step>> {
    let sequence = ALL.get(usize::try_from(index).ok()?)?;
    let known = Known { products: capabilities.products.min(usize::from(u8::MAX)) };
    let permits = |step: &Step| {
        let is_known = match step {
            Step::In { project: OtherProject::Second, .. } => capabilities.has.contains(&Need::SecondProject),
            Step::In { project: OtherProject::Empty, .. } => capabilities.has.contains(&Need::Empty),
            _ => true,
        };
        is_known && (capabilities.mains == MainRole::Change || !matches!(step.inner(), Step::SetMain { .. }))
    };
    let steps: Vec<Step> = sequence(&known).into_iter().filter(permits).collect();
    (!steps.is_empty()).then_some(steps)
}

const A: OfferingRef = OfferingRef::Slot(Slot(0));
/// Its id is that of [`A`], a colon and another letter.
const CHILD: OfferingRef = OfferingRef::Slot(Slot(1));
/// Its id is that of [`A`] in upper case.
const UPPER: OfferingRef = OfferingRef::Slot(Slot(3));
const B: OfferingRef = OfferingRef::Slot(Slot(5));
const C: OfferingRef = OfferingRef::Slot(Slot(6));
const D: OfferingRef = OfferingRef::Slot(Slot(7));
/// No step creates it.
const NONE: OfferingRef = OfferingRef::Slot(Slot(11));

/// The registered products.
struct Known {
    products: usize,
}

impl Known {
    /// Consecutive products from the one with this number.
    fn list(&self, from: usize, length: usize) -> Vec<Product> {
        let number = |place: usize| Product::Known(((from + place) % self.products) as u8);
        (0..length.min(self.products)).map(number).collect()
    }

    /// A create with one product.
    fn create(&self, offering: OfferingRef, product: usize) -> Step {
        create_with(offering, Some(self.list(product, 1)), None)
    }

    fn update(&self, offering: OfferingRef, from: usize, length: usize) -> Step {
        Step::Update { offering, products: Some(self.list(from, length)), tag: Tag::Absent }
    }
}

fn create(offering: OfferingRef) -> Step {
    create_with(offering, None, None)
}

fn create_with(offering: OfferingRef, products: Option<Vec<Product>>, key: Option<u8>) -> Step {
    Step::Create { offering, products, tag: Tag::Absent, key }
}

fn rejected(offering: OfferingRef, key: Option<u8>) -> Step {
    create_with(offering, Some(vec![Product::Unknown]), key)
}

fn get(offering: OfferingRef) -> Step {
    Step::Get { offering }
}

fn delete(offering: OfferingRef) -> Step {
    Step::Delete { offering }
}

fn promote(offering: OfferingRef) -> Step {
    promote_with(offering, None)
}

fn promote_with(offering: OfferingRef, key: Option<u8>) -> Step {
    Step::SetMain { offering, key }
}

fn empty_update(offering: OfferingRef) -> Step {
    Step::Update { offering, products: None, tag: Tag::Absent }
}

/// Offerings become main in turn, with other products each time.
fn promotions(known: &Known) -> Vec<Step> {
    vec![
        create_with(A, Some(known.list(0, 2)), None),
        known.create(B, 2),
        promote(A),
        known.update(A, 3, 1),
        promote(B),
        known.update(A, 4, 2),
        promote(A),
        known.update(A, 6, 1),
        promote(B),
        promote(A),
        known.create(C, 7),
        known.create(D, 8),
        promote(D),
        promote(C),
        promote(B),
        promote(A),
    ]
}

/// Product lists grow, shrink and become empty; an update without effect comes before a promotion.
fn updates(known: &Known) -> Vec<Step> {
    vec![
        known.create(CHILD, 0),
        known.update(CHILD, 1, 2),
        known.update(CHILD, 3, 1),
        known.create(A, 0),
        known.update(A, 0, 3),
        known.update(A, 1, 1),
        known.update(A, 0, 0),
        known.update(A, 5, 1),
        known.update(A, 0, 11),
        known.update(A, 0, 10),
        get(A),
        get(A),
        known.update(A, 3, 2),
        empty_update(A),
        promote(A),
    ]
}

/// An offering is deleted and created again; rejected requests come before writes.
fn lives(known: &Known) -> Vec<Step> {
    vec![
        create_with(A, Some(known.list(0, 2)), None),
        known.update(A, 2, 1),
        delete(A),
        create(A),
        known.update(A, 3, 1),
        delete(A),
        known.create(A, 4),
        create(A),
        known.update(A, 5, 1),
        promote(NONE),
        known.update(A, 6, 1),
        delete(B),
        create(B),
        rejected(C, None),
        create(C),
    ]
}

/// Idempotency keys are used again: with other letter case, after other writes, after a rejection.
fn keys(known: &Known) -> Vec<Step> {
    let keyed = create_with(A, Some(known.list(0, 1)), Some(0));
    vec![
        keyed.clone(),
        create_with(B, Some(known.list(1, 1)), Some(1)),
        keyed.clone(),
        known.update(A, 2, 1),
        create(C),
        known.update(B, 3, 1),
        keyed.clone(),
        delete(C),
        keyed,
        rejected(D, Some(2)),
        create_with(D, None, Some(2)),
        promote_with(A, Some(0)),
        promote(B),
        promote_with(A, Some(0)),
        promote_with(D, Some(0)),
    ]
}

/// The main offering is deleted, and created again.
fn main_deleted(known: &Known) -> Vec<Step> {
    vec![
        known.create(A, 0),
        known.create(B, 1),
        promote(A),
        delete(A),
        promote(B),
        create(C),
        create(D),
        create(A),
        promote(A),
        promote(B),
        delete(B),
        create(B),
        create(NONE),
    ]
}

/// A former main offering is deleted, and created again.
fn former_main_deleted(known: &Known) -> Vec<Step> {
    vec![
        known.create(A, 0),
        known.create(B, 1),
        promote(A),
        promote(B),
        delete(A),
        create(A),
        get(A),
        promote(A),
        promote(B),
        known.update(A, 2, 1),
    ]
}

/// Several offerings are deleted.
fn deletions(known: &Known) -> Vec<Step> {
    vec![
        known.create(D, 0),
        known.create(A, 1),
        known.create(CHILD, 2),
        known.create(B, 3),
        known.create(C, 4),
        delete(A),
        delete(B),
        delete(C),
        get(A),
        Step::Page { limit: Some(2), after: Some(B) },
        delete(CHILD),
    ]
}

/// Many offerings, read in pages before and after a deletion and a restart.
fn pages(known: &Known) -> Vec<Step> {
    let mut steps: Vec<Step> = Slot::all().map(|slot| known.create(OfferingRef::Slot(slot), slot.0.into())).collect();
    steps.extend([
        Step::Walk { limit: 2 },
        delete(B),
        Step::Walk { limit: 2 },
        Step::Page { limit: Some(2), after: Some(B) },
        create(B),
        Step::Walk { limit: 5 },
    ]);
    steps
}

fn in_empty_project(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().map(|step| step.sent_to(OtherProject::Empty)).collect()
}

/// Rejected requests come before the first offering of a project.
fn rejections_before_first(_: &Known) -> Vec<Step> {
    in_empty_project(vec![rejected(A, None), create(A), create(B), delete(B), delete(A), create(B), create(A)])
}

/// The first offering of a project is deleted and created again.
fn lives_of_first(_: &Known) -> Vec<Step> {
    in_empty_project(vec![promote(A), create(A), delete(A), create(A), create(B), promote(B), delete(A)])
}

/// The same ids in two projects.
fn two_projects(known: &Known) -> Vec<Step> {
    let there = |step: Step| step.sent_to(OtherProject::Second);
    vec![
        known.create(A, 0),
        there(create(A)),
        promote(A),
        there(promote(A)),
        get(A),
        known.update(A, 1, 2),
        there(get(A)),
        there(delete(A)),
        get(A),
    ]
}

/// Two ids that differ only in the case of a letter.
fn letter_case(known: &Known) -> Vec<Step> {
    vec![
        known.create(UPPER, 0),
        known.create(A, 1),
        known.update(A, 2, 1),
        get(UPPER),
        promote(A),
        delete(UPPER),
        get(A),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(products: usize, has: &[Need], mains: MainRole) -> Capabilities {
        Capabilities { products, has: has.to_vec(), mains }
    }

    #[test]
    fn a_project_gets_only_the_steps_that_it_permits() {
        let all = capabilities(20, &[Need::SecondProject, Need::Empty], MainRole::Change);
        assert!((0..WRITTEN).all(|index| written(index, &all).is_some()));
        assert_eq!(written(WRITTEN, &all), None);
        let few = capabilities(0, &[], MainRole::Keep);
        for steps in (0..WRITTEN).filter_map(|index| written(index, &few)) {
            for step in steps {
                assert!(!matches!(step, Step::In { .. } | Step::SetMain { .. }), "{step}");
            }
        }
        assert_eq!(written(8, &few), None);
    }
}
