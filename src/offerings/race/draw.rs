//! Numbers drawn from a seed: the same seed, the same numbers, on every machine.

/// A `SplitMix64` generator.
#[derive(Clone, Debug)]
pub(super) struct RaceRng(u64);

impl RaceRng {
    /// Draws that depend on `seed`, on a name, and on a number.
    pub(super) fn new(seed: u64, name: &str, number: u64) -> Self {
        let named = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut draw = Self(seed ^ named.rotate_left(17) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        draw.next();
        draw
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
    fn the_same_seed_draws_the_same_and_another_name_others() {
        let drawn = |seed, name| {
            let mut draw = RaceRng::new(seed, name, 0);
            (0..20).map(|_| draw.between(2, 5)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1, "a"), drawn(1, "a"));
        assert_ne!(drawn(1, "a"), drawn(1, "b"));
        assert!(drawn(1, "a").iter().all(|number| (2..=5).contains(number)));
    }
}
