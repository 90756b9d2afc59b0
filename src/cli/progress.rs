//! Progress on stderr: a bar on a terminal, where violations appear as they are confirmed; a line every ten seconds in a
//! log; nothing else.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use qonform::run::{Event, Rehearsal};

use super::out;

/// How often a log gets a line.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// How often the bar is drawn anew at most: more often than that nobody can read.
const DRAW_EVERY: Duration = Duration::from_millis(50);
/// Columns of the bar alone.
const BAR: usize = 20;

/// Tells how a run goes on.
pub(super) struct Progress {
    kind: ProgressKind,
    state: Mutex<ProgressState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ProgressKind {
    Nothing,
    Terminal,
    /// A terminal that shows every exchange: a bar would be torn.
    Lines,
    Log,
}

struct ProgressState {
    counts: ProgressCounts,
    started: Instant,
    drawn: Option<Instant>,
    logged: Instant,
}

/// How far a run is.
#[derive(Clone, Default, Debug)]
struct ProgressCounts {
    /// The layer of the case that ended last.
    layer: String,
    cases: usize,
    done: usize,
    requests: u64,
    /// How many requests the whole run takes where nothing is wrong, once that is known.
    expected: Option<u64>,
    findings: usize,
}

impl Progress {
    /// `follows`: whether every exchange is shown too.
    pub(super) fn new(quiet: bool, follows: bool) -> Self {
        let kind = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => ProgressKind::Nothing,
            (false, true) if follows => ProgressKind::Lines,
            (false, true) => ProgressKind::Terminal,
            (false, false) => ProgressKind::Log,
        };
        let now = Instant::now();
        let state = ProgressState { counts: ProgressCounts::default(), started: now, drawn: None, logged: now };
        Self { kind, state: Mutex::new(state) }
    }

    /// Whether the bar is visible.
    pub(super) fn is_watched(&self) -> bool {
        self.kind == ProgressKind::Terminal
    }

    /// How many requests the run takes became known.
    pub(super) fn foresee(&self, rehearsal: &Rehearsal) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts.expected = Some(rehearsal.requests);
        self.keep(&format!(
            "about {} requests if nothing is wrong, at most about {} if everything is",
            rehearsal.requests, rehearsal.most
        ));
        state.drawn = None;
        self.show(&mut state);
    }

    pub(super) fn tell(&self, event: &Event) {
        if self.kind == ProgressKind::Nothing {
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
                self.keep(&out::plain(&format!("violation[{rule}]: {title}")));
                state.drawn = None;
            }
            Event::CaseEnded { case, requests } => {
                let layer = case.split("::").next().unwrap_or_default();
                layer.clone_into(&mut state.counts.layer);
                state.counts.done += 1;
                state.counts.requests = *requests;
            }
            Event::Cleaning => "cleaning up".clone_into(&mut state.counts.layer),
        }
        self.show(&mut state);
    }

    /// A line that stays above the bar. A log gets its findings from the report.
    fn keep(&self, text: &str) {
        match self.kind {
            ProgressKind::Terminal => out::err(&format!("\r\x1b[K{text}\n")),
            ProgressKind::Lines => out::err(&format!("{text}\n")),
            ProgressKind::Log | ProgressKind::Nothing => {}
        }
    }

    fn show(&self, state: &mut ProgressState) {
        let now = Instant::now();
        let passed = now - state.started;
        match self.kind {
            ProgressKind::Terminal if state.drawn.is_none_or(|drawn| now - drawn >= DRAW_EVERY) => {
                state.drawn = Some(now);
                out::err(&format!("\r\x1b[K{}", state.counts.bar(passed, out::terminal_width())));
            }
            ProgressKind::Log if now - state.logged >= LOG_EVERY => {
                state.logged = now;
                out::err(&format!("{}\n", state.counts.line(passed)));
            }
            ProgressKind::Terminal | ProgressKind::Lines | ProgressKind::Log | ProgressKind::Nothing => {}
        }
    }

    /// Leaves a clean line for the report.
    pub(super) fn clear(&self) {
        if self.kind == ProgressKind::Terminal {
            out::err("\r\x1b[K");
        }
    }
}

impl ProgressCounts {
    /// `scenario ██████░░░░ 67/123 cases · 1203 requests · 410/s · 2 violations · 12 s left`, in less than `width`
    /// columns: what matters least goes first.
    fn bar(&self, passed: Duration, width: usize) -> String {
        let full = (BAR * self.done.min(self.cases)).checked_div(self.cases).unwrap_or(0);
        let drawn = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
        let mut parts = self.parts(passed);
        loop {
            let line = format!("{:<8} {drawn} {}", self.layer, parts.join(" · "));
            // A line as wide as the screen would start a new one, which no later one could take back.
            if line.chars().count() < width {
                return line;
            }
            if parts.pop().is_none() {
                return line.chars().take(width.saturating_sub(1)).collect();
            }
        }
    }

    /// The same without a bar.
    fn line(&self, passed: Duration) -> String {
        format!("{}: {}", self.layer, self.parts(passed).join(" · "))
    }

    /// What there is to say, in the order of its weight.
    fn parts(&self, passed: Duration) -> Vec<String> {
        let mut parts = vec![format!("{}/{} cases", self.done, self.cases)];
        match self.findings {
            0 => {}
            1 => parts.push("1 violation".into()),
            many => parts.push(format!("{many} violations")),
        }
        parts.extend(self.left(passed).map(|left| format!("{} left", rough(left))));
        parts.push(match self.expected {
            Some(expected) => format!("{} of about {expected} requests", self.requests),
            None => format!("{} requests", self.requests),
        });
        if passed >= Duration::from_secs(1) {
            parts.push(format!("{:.0}/s", self.requests as f64 / passed.as_secs_f64()));
        }
        parts
    }

    /// How long the cases that are left take, if they take as long as those before; `None` where too little is known.
    fn left(&self, passed: Duration) -> Option<Duration> {
        let left = self.cases.checked_sub(self.done).filter(|left| *left > 0)?;
        let is_known = self.done > 0 && passed >= Duration::from_secs(1);
        is_known.then(|| passed.mul_f64(left as f64 / self.done as f64))
    }
}

/// `12 s`, `3 min`: an estimate is no better than that.
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
    fn the_bar_says_how_far_the_run_is() {
        assert_eq!(
            counts().bar(Duration::from_secs(3), 120),
            "scenario ██████████░░░░░░░░░░ 60/120 cases · 2 violations · 3 s left · 1200 requests · 400/s"
        );
        let foreseen = ProgressCounts { expected: Some(2_500), ..counts() };
        assert!(foreseen.bar(Duration::from_secs(3), 120).ends_with(" · 1200 of about 2500 requests · 400/s"));
        let early = ProgressCounts { layer: "scenario".into(), cases: 120, ..ProgressCounts::default() };
        assert_eq!(early.bar(Duration::ZERO, 120), "scenario ░░░░░░░░░░░░░░░░░░░░ 0/120 cases · 0 requests");
    }

    #[test]
    fn the_bar_never_fills_the_screen() {
        for width in 1..130 {
            let line = counts().bar(Duration::from_mins(5), width);
            assert!(line.chars().count() < width.max(1), "{width}: {line}");
        }
    }

    #[test]
    fn an_estimate_is_given_only_when_there_is_something_to_go_by() {
        assert_eq!(counts().left(Duration::from_millis(500)), None);
        assert_eq!(ProgressCounts { done: 120, ..counts() }.left(Duration::from_secs(9)), None);
        assert_eq!(ProgressCounts { cases: 0, done: 0, ..counts() }.left(Duration::from_secs(9)), None);
        assert_eq!(counts().left(Duration::from_mins(10)).map(rough), Some("10 min".into()));
    }

    #[test]
    fn a_log_gets_the_same_in_words() {
        let line = counts().line(Duration::from_secs(3));
        assert_eq!(line, "scenario: 60/120 cases · 2 violations · 3 s left · 1200 requests · 400/s");
    }
}
