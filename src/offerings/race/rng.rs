//! Random numbers from a seed: the same seed gives the same numbers on every machine.

/// A `SplitMix64` generator.
#[derive(Clone, Debug)]
pub(super) struct RaceRng(u64);

impl RaceRng {
    /// A generator that depends on `seed`, a name and a number.
    pub(super) fn new(seed: u64, name: &str, number: u64) -> Self {
        let name_hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = Self(seed ^ name_hash.rotate_left(17) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_seed_and_name_only() {
        let numbers = |seed, name| {
            let mut rng = RaceRng::new(seed, name, 0);
            (0..20).map(|_| rng.between(2, 5)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1, "a"), numbers(1, "a"));
        assert_ne!(numbers(1, "a"), numbers(1, "b"));
        assert!(numbers(1, "a").iter().all(|number| (2..=5).contains(number)));
    }
}
