//! Races drawn from a seed: short programs over one to three offerings.

use super::Race;
use super::draw::Draw;
use super::program::{Program, Step};

/// `count` races. Every other one promotes, so that a run which must not still has some.
pub fn generated(seed: u64, count: usize) -> Vec<Race> {
    (0..count)
        .map(|number| {
            let mut draw = Draw::new(seed, "generated", number as u64);
            let promoting = number % 2 == 1;
            Race::new(format!("generated-{}", number + 1), "race.set-main-linearizable")
                .ruled_by(if promoting { PROMOTING } else { WRITING })
                .program(program(&mut draw, promoting))
        })
        .collect()
}

const PROMOTING: &[&str] = &["race.set-main-linearizable", "race.delete-vs-update", "race.update-whole"];
const WRITING: &[&str] = &["race.delete-vs-update", "race.update-whole", "race.create-once"];

fn program(draw: &mut Draw, promoting: bool) -> Program {
    let slots = draw.between(1, 3);
    let made = (0..slots).map(|_| (draw.below(3) > 0).then(|| draw.below(3))).collect();
    let writers = draw.between(2, 4);
    let mut clients: Vec<Vec<Step>> =
        (0..writers).map(|_| (0..draw.between(2, 4)).map(|_| write(draw, slots, promoting)).collect()).collect();
    clients.push((0..draw.between(3, 6)).map(|_| read(draw, slots)).collect());
    Program { made, clients, after: Vec::new() }
}

pub(super) fn write(draw: &mut Draw, slots: usize, promoting: bool) -> Step {
    let slot = draw.below(slots);
    match draw.below(if promoting { 10 } else { 7 }) {
        0 | 1 => Step::Create { slot, list: draw.below(3), key: None },
        2..=4 => Step::Update { slot, list: draw.below(5) },
        5 => Step::Delete { slot },
        6 => read(draw, slots),
        _ => Step::SetMain { slot },
    }
}

pub(super) fn read(draw: &mut Draw, slots: usize) -> Step {
    if draw.below(2) == 0 { Step::List } else { Step::Get { slot: draw.below(slots) } }
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
    }
}
