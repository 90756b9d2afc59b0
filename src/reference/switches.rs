//! Which faults and behaviours a server has, as one value that is cheap to ask and to copy.

use super::behaviour::Behaviour;
use super::fault::Fault;

const WORDS: usize = Fault::ALL.len().div_ceil(64);

/// A set of faults and of behaviours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Switches {
    faults: [u64; WORDS],
    behaviours: u128,
}

impl Switches {
    pub(super) fn new(faults: &[Fault], behaviours: &[Behaviour]) -> Self {
        let mut switches = Self::default();
        for fault in faults {
            switches.faults[fault.place() / 64] |= 1 << (fault.place() % 64);
        }
        for behaviour in behaviours {
            switches.behaviours |= 1 << behaviour.place();
        }
        switches
    }

    /// Whether this defect is planted.
    pub(super) const fn faulty(self, fault: Fault) -> bool {
        self.faults[fault.place() / 64] >> (fault.place() % 64) & 1 == 1
    }

    /// Whether any defect is planted; a server without may skip all that only they need.
    pub(super) fn any_fault(self) -> bool {
        self.faults != [0; WORDS]
    }

    /// Whether this choice is made.
    pub(super) const fn behaves(self, behaviour: Behaviour) -> bool {
        self.behaviours >> behaviour.place() & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_turns_nothing_else_on() {
        assert!(!Switches::default().any_fault());
        for fault in Fault::ALL {
            let switches = Switches::new(&[fault], &[]);
            let on: Vec<_> = Fault::ALL.into_iter().filter(|other| switches.faulty(*other)).collect();
            assert_eq!(on, [fault]);
        }
        for behaviour in Behaviour::ALL {
            let switches = Switches::new(&[], &[behaviour]);
            let on: Vec<_> = Behaviour::ALL.into_iter().filter(|other| switches.behaves(*other)).collect();
            assert_eq!(on, [behaviour]);
        }
    }
}
