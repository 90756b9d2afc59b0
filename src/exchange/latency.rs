//! How long responses took, in a memory that does not grow with the run.

/// Steps between two powers of two: a time is known to within a thirty-second part of itself.
const STEPS: u64 = 32;

/// Counts of times in microseconds, in steps that grow with them.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    counts: Vec<u64>,
    all: u64,
    largest: u64,
}

impl Latencies {
    /// Counts one time.
    pub fn add(&mut self, micros: u64) {
        let step = step(micros);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.all += 1;
        self.largest = self.largest.max(micros);
    }

    /// The steps to which times belong, each with how many: what [`Self::of_steps`] makes the same counts of.
    pub fn steps(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// The counts of these steps, with the longest time in microseconds. A step may come more than once; one that no
    /// time belongs to is left out.
    pub fn of_steps(steps: impl IntoIterator<Item = (usize, u64)>, largest: u64) -> Self {
        let mut latencies = Self { largest, ..Self::default() };
        for (step, count) in steps.into_iter().filter(|(at, _)| *at <= step(u64::MAX)) {
            if latencies.counts.len() <= step {
                latencies.counts.resize(step + 1, 0);
            }
            latencies.counts[step] = latencies.counts[step].saturating_add(count);
            latencies.all = latencies.all.saturating_add(count);
        }
        latencies
    }

    /// Adds what others counted.
    pub fn merge(&mut self, other: &Self) {
        *self = Self::of_steps(self.steps().chain(other.steps()).collect::<Vec<_>>(), self.largest.max(other.largest));
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.all
    }

    /// The longest, exactly; 0 when none was counted.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The time in microseconds that `percent` of all took at most, at most a thirty-second too long; 0 when none was
    /// counted.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = self.all.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0_u64;
        for (step, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return longest_of(step).min(self.largest);
            }
        }
        0
    }
}

/// The step that `micros` belongs to: one for each below 32, then 32 for each power of two.
fn step(micros: u64) -> usize {
    let power = u64::from(micros.checked_ilog2().unwrap_or(0)).saturating_sub(u64::from(STEPS.ilog2()));
    (power * STEPS + (micros >> power)) as usize
}

/// The longest time that belongs to a step.
fn longest_of(step: usize) -> u64 {
    let step = step as u64;
    let power = (step / STEPS).saturating_sub(1);
    ((step - power * STEPS + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_belongs_to_a_step_that_is_a_thirty_second_of_it_wide_at_most() {
        let mut last = 0;
        for micros in (0..5_000).chain((5_000..20_000_000).step_by(997)) {
            let step = step(micros);
            assert!(step >= last && longest_of(step) >= micros, "{micros}");
            assert!(longest_of(step) - micros <= micros / STEPS, "{micros} is taken for {}", longest_of(step));
            last = step;
        }
    }

    #[test]
    fn counts_that_were_taken_apart_say_the_same_when_they_are_put_together() {
        let (mut all, mut odd, mut even) = (Latencies::default(), Latencies::default(), Latencies::default());
        for micros in (1..5_000).map(|n: u64| n * n) {
            all.add(micros);
            if micros % 2 == 1 { odd.add(micros) } else { even.add(micros) }
        }
        let mut merged = Latencies::of_steps(odd.steps(), odd.largest());
        merged.merge(&even);
        for percent in [1, 50, 90, 99, 100] {
            assert_eq!(merged.percentile(percent), all.percentile(percent));
        }
        assert_eq!((merged.count(), merged.largest()), (all.count(), all.largest()));
        // A file may say anything.
        let odd = Latencies::of_steps([(usize::MAX, 1), (3, u64::MAX), (3, 1)], 9);
        assert_eq!((odd.count(), odd.percentile(99)), (u64::MAX, 3));
    }

    #[test]
    fn percentiles_are_those_of_what_was_counted() {
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
