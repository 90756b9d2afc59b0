//! A histogram of response times whose size does not grow with the run.

/// Buckets per power of two: a time is known to within 1/32 of itself.
const BUCKETS_PER_POWER: u64 = 32;

/// Response times in microseconds, counted in buckets that grow with the times.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Latencies {
    /// Counts one time.
    pub fn add(&mut self, micros: u64) {
        let index = bucket(micros);
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
        self.total += 1;
        self.largest = self.largest.max(micros);
    }

    /// The number of times.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest time in microseconds, exact; 0 when there is none.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The percentile in microseconds, at most 1/32 too long; 0 when there is no time.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = self.total.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0_u64;
        for (index, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return upper_bound(index).min(self.largest);
            }
        }
        0
    }
}

/// The bucket of `micros`: one for each value below 32, then 32 for each power of two.
fn bucket(micros: u64) -> usize {
    let power = u64::from(micros.checked_ilog2().unwrap_or(0)).saturating_sub(u64::from(BUCKETS_PER_POWER.ilog2()));
    (power * BUCKETS_PER_POWER + (micros >> power)) as usize
}

/// The longest time of a bucket.
fn upper_bound(index: usize) -> u64 {
    let index = index as u64;
    let power = (index / BUCKETS_PER_POWER).saturating_sub(1);
    ((index - power * BUCKETS_PER_POWER + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_at_most_a_thirty_second_of_their_times_wide() {
        let mut last = 0;
        for micros in (0..5_000).chain((5_000..20_000_000).step_by(997)) {
            let index = bucket(micros);
            let bound = upper_bound(index);
            assert!(index >= last && bound >= micros && bound - micros <= micros / BUCKETS_PER_POWER, "{micros}");
            last = index;
        }
    }

    #[test]
    fn percentiles_are_accurate() {
        let mut latencies = Latencies::default();
        assert_eq!((latencies.percentile(50), latencies.largest()), (0, 0));
        (1..=100).for_each(|micros| latencies.add(micros * 1_000));
        let near = |percent: u64, micros: u64| {
            let found = latencies.percentile(percent);
            assert!(found >= micros && found - micros <= micros / 32, "{percent}: {found}");
        };
        near(50, 50_000);
        near(90, 90_000);
        near(99, 99_000);
        assert_eq!((latencies.percentile(100), latencies.largest(), latencies.count()), (100_000, 100_000, 100));
    }
}
