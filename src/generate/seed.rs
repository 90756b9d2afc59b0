//! Seeds: every case has its own, so that it can be generated again without the others.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The seed of one case of an operation, from the seed of the run.
pub fn seed(base: u64, operation: &str, case: u64) -> [u8; 32] {
    // FNV-1a over the three, then words of SplitMix64.
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = base.to_le_bytes().into_iter().chain(operation.bytes()).chain([0xff]).chain(case.to_le_bytes());
    let mut state = bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut seed = [0; 32];
    for word in seed.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    seed
}

/// The maximum number of rejected values before no value is returned.
const MAX_REJECTS: u32 = 2_000;

/// A runner for `Strategy::new_tree` that uses only this seed, writes no files, and stops after too many rejections.
pub fn runner(seed: &[u8; 32]) -> TestRunner {
    let config = Config {
        failure_persistence: None,
        max_local_rejects: MAX_REJECTS,
        max_global_rejects: MAX_REJECTS,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::any;
    use proptest::strategy::Strategy;
    use std::cell::Cell;
    use std::collections::HashSet;
    use std::rc::Rc;

    #[test]
    fn a_strategy_that_always_rejects_fails() {
        let generated = Rc::new(Cell::new(0));
        let counted = Rc::clone(&generated);
        let never = any::<u8>().prop_filter("never", move |_| {
            counted.set(counted.get() + 1);
            false
        });
        assert!(never.new_tree(&mut runner(&seed(7, "never", 0))).is_err());
        assert!(generated.get() <= MAX_REJECTS + 1, "{}", generated.get());
    }

    #[test]
    fn every_case_of_every_operation_has_its_own_seed() {
        let mut seen = HashSet::new();
        for base in 0..4 {
            for operation in ["a", "b", "ab"] {
                assert!((0..100).all(|case| seen.insert(seed(base, operation, case))));
            }
        }
        assert_eq!(seed(7, "a", 1), seed(7, "a", 1));
    }
}
