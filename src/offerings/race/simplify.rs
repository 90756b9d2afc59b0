//! Simpler programs, for minimizing: without a client, without a step, without an offering that no step uses.

use super::program::Program;

/// Every program with one part removed, the largest removals first.
pub(super) fn simplifications(program: &Program) -> Vec<Program> {
    let mut simplifications = Vec::new();
    if program.clients.len() > 1 {
        simplifications.extend((0..program.clients.len()).rev().map(|client| {
            let mut without = program.clone();
            without.clients.remove(client);
            without
        }));
    }
    if !program.after.is_empty() {
        simplifications.push(Program { after: Vec::new(), ..program.clone() });
    }
    for (client, steps) in program.clients.iter().enumerate().filter(|(_, steps)| steps.len() > 2) {
        // Clients that only read have many steps.
        let mut halved = program.clone();
        halved.clients[client].truncate(steps.len().div_ceil(2));
        simplifications.push(halved);
    }
    for (client, steps) in program.clients.iter().enumerate().filter(|(_, steps)| steps.len() > 1) {
        simplifications.extend((0..steps.len()).rev().map(|step| {
            let mut without = program.clone();
            without.clients[client].remove(step);
            without
        }));
    }
    let unused = |slot: &usize| program.initial[*slot].is_some() && program.steps().all(|s| s.slot() != Some(*slot));
    simplifications.extend((0..program.initial.len()).filter(unused).map(|slot| {
        let mut without = program.clone();
        without.initial[slot] = None;
        without
    }));
    simplifications
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offerings::race::written;

    #[test]
    fn candidates_are_smaller_and_not_empty() {
        for race in written() {
            let size = |program: &Program| program.len() + program.initial.iter().flatten().count();
            for program in simplifications(&race.program) {
                assert!(size(&program) < size(&race.program), "{}", race.name);
                assert!(!program.is_empty(), "{}", race.name);
            }
        }
    }
}
