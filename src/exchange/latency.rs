//! How long answers took, in a memory that does not grow with the run.

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
        let wanted = (self.all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
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
