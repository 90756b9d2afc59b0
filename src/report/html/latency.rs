//! Response times: a small chart for each operation, and the numbers.

use maud::{Markup, html};

use super::super::visible::visible;
use super::super::words::micros;
use crate::finding::{Latency, Outcome};

/// Size of a chart, in its own units.
const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 22.0;

pub(super) fn table(outcome: &Outcome) -> Option<Markup> {
    let latency = &outcome.latency;
    let longest = latency.iter().map(|row| row.max_us).max()?;
    let scale = Scale::up_to(longest);
    Some(html! {
        p {
            "From the first byte sent to the last byte read. The thick bar ends at the 50th percentile, the middle one at the 90th, \
             the thin one at the 99th; the stroke is the maximum. Grid lines: "
            (scale.lines().map(micros).collect::<Vec<_>>().join(", ")) "."
        }
        table.latency {
            thead { tr {
                th scope="col" { "Operation" } th scope="col" { "Responses" } th scope="col" { "Times" }
                th scope="col" { "50 %" } th scope="col" { "90 %" } th scope="col" { "99 %" } th scope="col" { "Max" }
            } }
            tbody { @for row in latency { (line(row, &scale)) } }
        }
    })
}

fn line(row: &Latency, scale: &Scale) -> Markup {
    let times = [("50 %", row.p50_us), ("90 %", row.p90_us), ("99 %", row.p99_us), ("max", row.max_us)];
    html! {
        tr {
            th scope="row" {
                @match &row.operation {
                    Some(operation) => code { (visible(operation)) },
                    None => "outside the document",
                }
            }
            td.number { span.label { "Responses " } (row.count) }
            td { (chart(row, scale)) }
            @for (name, time) in times { td.number { span.label { (name) " " } (micros(time)) } }
        }
    }
}

fn chart(row: &Latency, scale: &Scale) -> Markup {
    let bar = |until: u64, height: f64| {
        html! { rect class="bar" x="0" y=((HEIGHT - height) / 2.0) width=(scale.place(until)) height=(height) {} }
    };
    let label = format!(
        "50 % within {}, 90 % within {}, 99 % within {}, max {}",
        micros(row.p50_us),
        micros(row.p90_us),
        micros(row.p99_us),
        micros(row.max_us)
    );
    html! {
        svg.plot viewBox={"0 0 " (WIDTH) " " (HEIGHT)} width=(WIDTH) height=(HEIGHT) role="img" aria-label=(label) {
            @for line in scale.lines() { rect class="grid" x=(scale.place(line)) y="0" width="1" height=(HEIGHT) {} }
            (bar(row.p99_us, 3.0)) (bar(row.p90_us, 9.0)) (bar(row.p50_us, 16.0))
            rect class="end" x=(scale.place(row.max_us)) y="2" width="2" height=(HEIGHT - 4.0) {}
        }
    }
}

/// A logarithmic scale.
struct Scale {
    /// Powers of ten of its ends, in microseconds.
    from: u32,
    to: u32,
}

impl Scale {
    /// From 100 microseconds: shorter times are noise of the clock.
    fn up_to(longest: u64) -> Self {
        Self { from: 2, to: (longest.max(1) - 1).checked_ilog10().map_or(3, |power| (power + 1).max(3)) }
    }

    /// The times of the grid lines.
    fn lines(&self) -> impl Iterator<Item = u64> {
        (self.from + 1..=self.to).map(|power| 10_u64.saturating_pow(power))
    }

    /// The position of a time, rounded to tenths of a unit.
    fn place(&self, micros: u64) -> f64 {
        let part = ((micros.max(1) as f64).log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        ((part.clamp(0.005, 1.0) * (WIDTH - 2.0)) * 10.0).round() / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_times_as_long_is_one_step_further() {
        let scale = Scale::up_to(99_000);
        assert_eq!(scale.lines().collect::<Vec<_>>(), [1_000, 10_000, 100_000]);
        let places = [100, 1_000, 10_000, 100_000].map(|time| scale.place(time).to_string());
        assert_eq!(places, ["1.3", "86", "172", "258"]);
        assert_eq!(Scale::up_to(0).lines().collect::<Vec<_>>(), [1_000]);
        assert_eq!(Scale::up_to(u64::MAX).lines().last(), Some(u64::MAX));
    }
}
