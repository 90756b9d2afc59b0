//! Progress on stderr: on a terminal a bar, with each confirmed violation above it; in a log a line every ten seconds.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use qonform::run::{Estimate, Event};

use super::out;

/// Time between two lines of a log.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// Minimum time between two updates of the bar.
const UPDATE_EVERY: Duration = Duration::from_millis(50);
/// Width of the bar, in columns.
const BAR: usize = 20;

/// Shows the progress of a run.
pub(super) struct Progress {
    kind: ProgressKind,
    state: Mutex<ProgressState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ProgressKind {
    Quiet,
    Terminal,
    /// A terminal that shows every exchange: a bar would break its lines.
    Lines,
    Log,
}

struct ProgressState {
    counts: ProgressCounts,
    started: Instant,
    updated: Option<Instant>,
    logged: Instant,
}

/// The counts of a run.
#[derive(Clone, Default, Debug)]
struct ProgressCounts {
    /// The layer of the last case.
    layer: String,
    cases: usize,
    done: usize,
    requests: u64,
    /// Estimated number of requests of the whole run, on a correct server; `None` until it is known.
    expected: Option<u64>,
    findings: usize,
}

impl Progress {
    /// `follows`: whether every exchange is shown.
    pub(super) fn new(quiet: bool, follows: bool) -> Self {
        let kind = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => ProgressKind::Quiet,
            (false, true) if follows => ProgressKind::Lines,
            (false, true) => ProgressKind::Terminal,
            (false, false) => ProgressKind::Log,
        };
        let now = Instant::now();
        let state = ProgressState { counts: ProgressCounts::default(), started: now, updated: None, logged: now };
        Self { kind, state: Mutex::new(state) }
    }

    /// Whether the bar is visible.
    pub(super) fn is_watched(&self) -> bool {
        self.kind == ProgressKind::Terminal
    }

    /// Shows the estimated number of requests.
    pub(super) fn estimate(&self, estimate: &Estimate) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts.expected = Some(estimate.requests);
        self.print(&format!(
            "about {} requests on a correct server, at most about {} on a faulty one",
            estimate.requests, estimate.max_requests
        ));
        state.updated = None;
        self.show(&mut state);
    }

    /// Shows an event.
    pub(super) fn event(&self, event: &Event) {
        if self.kind == ProgressKind::Quiet {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { cases } => {
                state.counts.cases = *cases;
                "starting".clone_into(&mut state.counts.layer);
            }
            Event::Violation { rule, title, .. } => {
                state.counts.findings += 1;
                self.print(&out::plain(&format!("violation[{rule}]: {title}")));
                state.updated = None;
            }
            Event::CaseEnded { case, requests } => {
                let layer = case.split("::").next().unwrap_or_default();
                layer.clone_into(&mut state.counts.layer);
                state.counts.done += 1;
                state.counts.requests = *requests;
            }
            Event::SlowedDown { requests_per_second } => {
                let text = format!("the target allows about {requests_per_second} requests/s: slowing down");
                match self.kind {
                    ProgressKind::Log => out::err(&format!("{text}\n")),
                    _ => self.print(&text),
                }
                state.updated = None;
            }
            Event::Cleaning => "cleaning up".clone_into(&mut state.counts.layer),
        }
        self.show(&mut state);
    }

    /// Prints a line above the bar. A log has the findings in the report.
    fn print(&self, text: &str) {
        match self.kind {
            ProgressKind::Terminal => out::err(&format!("\r\x1b[K{text}\n")),
            ProgressKind::Lines => out::err(&format!("{text}\n")),
            ProgressKind::Log | ProgressKind::Quiet => {}
        }
    }

    fn show(&self, state: &mut ProgressState) {
        let now = Instant::now();
        let passed = now - state.started;
        match self.kind {
            ProgressKind::Terminal if state.updated.is_none_or(|updated| now - updated >= UPDATE_EVERY) => {
                state.updated = Some(now);
                out::err(&format!("\r\x1b[K{}", state.counts.bar(passed, out::terminal_width())));
            }
            ProgressKind::Log if now - state.logged >= LOG_EVERY => {
                state.logged = now;
                out::err(&format!("{}\n", state.counts.line(passed)));
            }
            ProgressKind::Terminal | ProgressKind::Lines | ProgressKind::Log | ProgressKind::Quiet => {}
        }
    }

    /// Clears the bar before the report.
    pub(super) fn clear(&self) {
        if self.kind == ProgressKind::Terminal {
            out::err("\r\x1b[K");
        }
    }
}

impl ProgressCounts {
    /// `scenario ██████░░░░ 67/123 cases · 1203 requests · 410/s · 2 violations · 12 s left`, in less than `width`
    /// columns: the last parts are left out first.
    fn bar(&self, passed: Duration, width: usize) -> String {
        let full = (BAR * self.done.min(self.cases)).checked_div(self.cases).unwrap_or(0);
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
        let mut parts = self.parts(passed);
        loop {
            let line = format!("{:<8} {bar} {}", self.layer, parts.join(" · "));
            // A line as wide as the terminal would wrap and could not be cleared.
            if line.chars().count() < width {
                return line;
            }
            if parts.pop().is_none() {
                return line.chars().take(width.saturating_sub(1)).collect();
            }
        }
    }

    /// The progress without a bar.
    fn line(&self, passed: Duration) -> String {
        format!("{}: {}", self.layer, self.parts(passed).join(" · "))
    }

    /// The parts, the most important first.
    fn parts(&self, passed: Duration) -> Vec<String> {
        let mut parts = vec![format!("{}/{} cases", self.done, self.cases)];
        match self.findings {
            0 => {}
            1 => parts.push("1 violation".into()),
            many => parts.push(format!("{many} violations")),
        }
        parts.extend(self.remaining(passed).map(|left| format!("{} left", rough(left))));
        parts.push(match self.expected {
            Some(expected) => format!("{} of about {expected} requests", self.requests),
            None => format!("{} requests", self.requests),
        });
        if passed >= Duration::from_secs(1) {
            parts.push(format!("{:.0}/s", self.requests as f64 / passed.as_secs_f64()));
        }
        parts
    }

    /// Estimated remaining time, from the cases so far; `None` if too few have ended.
    fn remaining(&self, passed: Duration) -> Option<Duration> {
        let left = self.cases.checked_sub(self.done).filter(|left| *left > 0)?;
        let is_known = self.done > 0 && passed >= Duration::from_secs(1);
        is_known.then(|| passed.mul_f64(left as f64 / self.done as f64))
    }
}

/// An estimated time, rounded: `12 s`, `3 min`.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("{} s", seconds.max(1)),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> ProgressCounts {
        ProgressCounts { layer: "scenario".into(), cases: 120, done: 60, requests: 1_200, expected: None, findings: 2 }
    }

    #[test]
    fn the_bar_shows_the_progress() {
        assert_eq!(
            counts().bar(Duration::from_secs(3), 120),
            "scenario ██████████░░░░░░░░░░ 60/120 cases · 2 violations · 3 s left · 1200 requests · 400/s"
        );
        let estimated = ProgressCounts { expected: Some(2_500), ..counts() };
        assert!(estimated.bar(Duration::from_secs(3), 120).ends_with(" · 1200 of about 2500 requests · 400/s"));
        let early = ProgressCounts { layer: "scenario".into(), cases: 120, ..ProgressCounts::default() };
        assert_eq!(early.bar(Duration::ZERO, 120), "scenario ░░░░░░░░░░░░░░░░░░░░ 0/120 cases · 0 requests");
    }

    #[test]
    fn the_bar_is_narrower_than_the_terminal() {
        for width in 1..130 {
            let line = counts().bar(Duration::from_mins(5), width);
            assert!(line.chars().count() < width.max(1), "{width}: {line}");
        }
    }

    #[test]
    fn the_remaining_time_needs_a_second_and_a_case() {
        assert_eq!(counts().remaining(Duration::from_millis(500)), None);
        assert_eq!(ProgressCounts { done: 120, ..counts() }.remaining(Duration::from_secs(9)), None);
        assert_eq!(ProgressCounts { cases: 0, done: 0, ..counts() }.remaining(Duration::from_secs(9)), None);
        assert_eq!(counts().remaining(Duration::from_mins(10)).map(rough), Some("10 min".into()));
    }

    #[test]
    fn a_log_gets_the_same_without_a_bar() {
        let line = counts().line(Duration::from_secs(3));
        assert_eq!(line, "scenario: 60/120 cases · 2 violations · 3 s left · 1200 requests · 400/s");
    }
}
