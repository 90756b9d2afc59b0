//! Smaller programs: without a client, without a step, without an offering that nobody touches.

use super::program::Program;

/// Every program that is smaller by one thing, the greatest steps first.
pub(super) fn smaller(program: &Program) -> Vec<Program> {
    let mut smaller = Vec::new();
    if program.clients.len() > 1 {
        smaller.extend((0..program.clients.len()).rev().map(|client| {
            let mut without = program.clone();
            without.clients.remove(client);
            without
        }));
    }
    if !program.after.is_empty() {
        smaller.push(Program { after: Vec::new(), ..program.clone() });
    }
    for (client, steps) in program.clients.iter().enumerate().filter(|(_, steps)| steps.len() > 2) {
        // Half of a long client at once: observers read many times.
        let mut halved = program.clone();
        halved.clients[client].truncate(steps.len().div_ceil(2));
        smaller.push(halved);
    }
    for (client, steps) in program.clients.iter().enumerate().filter(|(_, steps)| steps.len() > 1) {
        smaller.extend((0..steps.len()).rev().map(|step| {
            let mut without = program.clone();
            without.clients[client].remove(step);
            without
        }));
    }
    let untouched = |slot: &usize| program.made[*slot].is_some() && program.steps().all(|s| s.slot() != Some(*slot));
    smaller.extend((0..program.made.len()).filter(untouched).map(|slot| {
        let mut without = program.clone();
        without.made[slot] = None;
        without
    }));
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offerings::race::written;

    #[test]
    fn every_smaller_program_is_smaller_and_not_empty() {
        for race in written() {
            let size = |program: &Program| program.len() + program.made.iter().flatten().count();
            for program in smaller(&race.program) {
                assert!(size(&program) < size(&race.program), "{}", race.name);
                assert!(!program.is_empty(), "{}", race.name);
            }
        }
    }
}
