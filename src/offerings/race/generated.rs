//! Races generated from a seed: short programs over one to three offerings, from the steps of generated sequences.

use super::Race;
use super::case::rules_of;
use super::program::{Program, RaceStep};
use super::rng::RaceRng;
use crate::offerings::sequence::{self, Capabilities, MainRole, OfferingRef, Product};

/// Generates `count` races. Only every second one may promote, as some runs must not change the main offering; only
/// every third one may send idempotency keys, as some targets do not support them.
pub fn generated(seed: u64, count: usize) -> Vec<Race> {
    (0..count)
        .map(|number| {
            let mut rng = RaceRng::new(seed, "generated", number as u64);
            let mains = if number % 2 == 1 { MainRole::Change } else { MainRole::Keep };
            let mut program = program(&mut rng, seed, number as u64, mains);
            if number % 3 != 2 {
                program.drop_keys();
            }
            Race::new(format!("generated-{}", number + 1), "race.set-main-linearizable")
                .ruled_by(&rules_of(&program))
                .program(program)
        })
        .collect()
}

fn program(rng: &mut RaceRng, seed: u64, number: u64, mains: MainRole) -> Program {
    let slots = rng.between(1, 3);
    let initial = (0..slots).map(|_| (rng.below(3) > 0).then(|| rng.below(3))).collect();
    let (mut writes, mut reads) = steps(seed, number, mains, slots);
    let mut clients: Vec<Vec<RaceStep>> = (0..rng.between(2, 4))
        .map(|_| {
            // Sometimes a writer reads.
            let mut step = |rng: &mut RaceRng| if rng.below(7) == 0 { reads.next() } else { writes.next() };
            (0..rng.between(2, 4)).filter_map(|_| step(rng)).collect()
        })
        .collect();
    clients.push(reads.take(rng.between(3, 6)).collect());
    Program { initial, clients, after: Vec::new() }
}

/// The maximum number of steps of a generated sequence.
const MAX_SEQUENCE: usize = 200;

/// How many registered products a sequence may use.
const PRODUCTS: usize = 4;

/// The writes of a generated sequence as steps of a race over `slots` offerings, and its reads, followed by endless
/// lists.
pub(super) fn steps(
    seed: u64,
    number: u64,
    mains: MainRole,
    slots: usize,
) -> (impl Iterator<Item = RaceStep>, impl Iterator<Item = RaceStep>) {
    let capabilities = Capabilities { products: PRODUCTS, has: Vec::new(), mains };
    let sequence = sequence::generate(seed, number, MAX_SEQUENCE, &capabilities);
    let all = sequence.iter().filter_map(|step| to_race_step(step, slots));
    let (writes, reads): (Vec<_>, Vec<_>) = all.partition(|step| step.writes());
    (writes.into_iter(), reads.into_iter().chain(std::iter::repeat(RaceStep::List)))
}

/// A step of a sequence as a step of a race; `None` for a step that a race cannot express.
fn to_race_step(step: &sequence::Step, slots: usize) -> Option<RaceStep> {
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
        sequence::Step::Create { offering: who, products, key, .. } => {
            let (slot, list) = (slot(who)?, list(products.as_deref().unwrap_or_default())?);
            // One key per body: the contract leaves the response to a key with another body open.
            RaceStep::Create { slot, list, key: key.map(|_| slot * (1 + PRODUCTS) + list) }
        }
        sequence::Step::Get { offering: who } => RaceStep::Get { slot: slot(who)? },
        sequence::Step::Update { offering: who, products, .. } => {
            RaceStep::Update { slot: slot(who)?, list: list(products.as_deref()?)? }
        }
        sequence::Step::Delete { offering: who } => RaceStep::Delete { slot: slot(who)? },
        sequence::Step::SetMain { offering: who, .. } => RaceStep::SetMain { slot: slot(who)? },
        sequence::Step::Page { .. } | sequence::Step::Walk { .. } => RaceStep::List,
        sequence::Step::In { step, .. } => to_race_step(step, slots)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_defines_the_races_and_every_second_one_promotes() {
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
