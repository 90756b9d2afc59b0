//! Races drawn from a seed: short programs over one to three offerings, dealt out of the steps of generated histories.

use super::Race;
use super::case::rules_of;
use super::draw::RaceRng;
use super::program::{Program, RaceStep};
use crate::offerings::sequence::{self, Capabilities, MainRole, OfferingRef, Product};

/// `count` races. Every other one may promote, so that a run which must not still has some; every third may send
/// idempotency keys, which not every target can be asked for.
pub fn generated(seed: u64, count: usize) -> Vec<Race> {
    (0..count)
        .map(|number| {
            let mut draw = RaceRng::new(seed, "generated", number as u64);
            let mains = if number % 2 == 1 { MainRole::Change } else { MainRole::Keep };
            let mut program = program(&mut draw, seed, number as u64, mains);
            if number % 3 != 2 {
                program.drop_keys();
            }
            Race::new(format!("generated-{}", number + 1), "race.set-main-linearizable")
                .ruled_by(&rules_of(&program))
                .program(program)
        })
        .collect()
}

fn program(draw: &mut RaceRng, seed: u64, number: u64, mains: MainRole) -> Program {
    let slots = draw.between(1, 3);
    let made = (0..slots).map(|_| (draw.below(3) > 0).then(|| draw.below(3))).collect();
    let (mut writes, mut reads) = steps(seed, number, mains, slots);
    let mut clients: Vec<Vec<RaceStep>> = (0..draw.between(2, 4))
        .map(|_| {
            // Now and then a writer looks at what it did.
            let mut step = |draw: &mut RaceRng| if draw.below(7) == 0 { reads.next() } else { writes.next() };
            (0..draw.between(2, 4)).filter_map(|_| step(draw)).collect()
        })
        .collect();
    clients.push(reads.take(draw.between(3, 6)).collect());
    Program { made, clients, after: Vec::new() }
}

/// The most steps of a history that is dealt out.
const HISTORY: usize = 200;

/// How many registered products a history may name.
const PRODUCTS: usize = 4;

/// The writes of a generated history as steps of a race over `slots` offerings, and its reads, to which lists are added
/// without end.
pub(super) fn steps(
    seed: u64,
    number: u64,
    mains: MainRole,
    slots: usize,
) -> (impl Iterator<Item = RaceStep>, impl Iterator<Item = RaceStep>) {
    let means = Capabilities { products: PRODUCTS, has: Vec::new(), mains };
    let history = sequence::generate(seed, number, HISTORY, &means);
    let all = history.iter().filter_map(|step| translated(step, slots));
    let (writes, reads): (Vec<_>, Vec<_>) = all.partition(|step| step.writes());
    (writes.into_iter(), reads.into_iter().chain(std::iter::repeat(RaceStep::List)))
}

/// A step of a history in a race; `None` for what a race has no word for.
fn translated(step: &sequence::Step, slots: usize) -> Option<RaceStep> {
    let slot = |who: &OfferingRef| match who {
        OfferingRef::Slot(slot) => Some(usize::from(slot.0) % slots),
        _ => None,
    };
    let list = |products: &[Product]| match products.first() {
        None => Some(0),
        Some(Product::Known(number)) => Some(1 + usize::from(*number) % PRODUCTS),
        Some(Product::Unknown) => None,
    };
    Some(match step {
        sequence::Step::Create { who, products, key, .. } => {
            let (slot, list) = (slot(who)?, list(products.as_deref().unwrap_or_default())?);
            // A key of its own for each body: what one does that was used for another body is open.
            RaceStep::Create { slot, list, key: key.map(|_| slot * (1 + PRODUCTS) + list) }
        }
        sequence::Step::Get { who } => RaceStep::Get { slot: slot(who)? },
        sequence::Step::Update { who, products, .. } => {
            RaceStep::Update { slot: slot(who)?, list: list(products.as_deref()?)? }
        }
        sequence::Step::Delete { who } => RaceStep::Delete { slot: slot(who)? },
        sequence::Step::SetMain { who, .. } => RaceStep::SetMain { slot: slot(who)? },
        sequence::Step::Page { .. } | sequence::Step::Walk { .. } => RaceStep::List,
        sequence::Step::In { step, .. } => translated(step, slots)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_races_and_only_every_other_one_promotes() {
        let races = generated(7, 40);
        assert_eq!(races, generated(7, 40));
        assert_ne!(races, generated(8, 40));
        for (number, race) in races.iter().enumerate() {
            assert!(number % 2 == 1 || !race.program.promotes(), "{}", race.name);
            assert!(race.program.len() <= 60 && race.program.clients.len() <= 8, "{}", race.name);
        }
        assert!(races.iter().any(|race| race.program.promotes()));
        let is_keyed =
            |race: &Race| race.program.steps().any(|step| matches!(step, RaceStep::Create { key: Some(_), .. }));
        let keyed: Vec<usize> = (0..races.len()).filter(|&number| is_keyed(&races[number])).collect();
        assert!(!keyed.is_empty() && keyed.iter().all(|number| number % 3 == 2), "{keyed:?}");
    }
}
