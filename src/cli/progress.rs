//! Progress on stderr: one line that renews itself on a terminal, a line now and then in a log, nothing in between.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use qonform::run::Event;

use super::out;

/// How often a log gets a line.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Tells how a run goes on.
pub(super) struct Progress {
    kind: Kind,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Terminal,
    Log,
}

struct State {
    cases: usize,
    done: usize,
    findings: usize,
    last: Instant,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        let kind = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Kind::Nothing,
            (false, true) => Kind::Terminal,
            (false, false) => Kind::Log,
        };
        Self { kind, state: Mutex::new(State { cases: 0, done: 0, findings: 0, last: Instant::now() }) }
    }

    pub(super) fn tell(&self, event: &Event) {
        if self.kind == Kind::Nothing {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { cases } => state.cases = *cases,
            Event::Violation { rule, title } => {
                state.findings += 1;
                self.line(&out::plain(&format!("violation[{rule}]: {title}")));
            }
            Event::CaseEnded { case, requests } => {
                state.done += 1;
                let line = format!("{}/{} cases · {requests} requests · {case}", state.done, state.cases);
                self.status(&mut state, &line);
            }
            Event::Cleaning => self.status(&mut state, "removing what was created"),
        }
    }

    /// A line that stays.
    fn line(&self, text: &str) {
        match self.kind {
            Kind::Terminal => out::err(&format!("\r\x1b[K{text}\n")),
            Kind::Log => out::err(&format!("{text}\n")),
            Kind::Nothing => {}
        }
    }

    fn status(&self, state: &mut State, text: &str) {
        match self.kind {
            Kind::Terminal => out::err(&format!("\r\x1b[K{text}")),
            Kind::Log if state.last.elapsed() >= LOG_EVERY => {
                state.last = Instant::now();
                out::err(&format!("{text}\n"));
            }
            Kind::Log | Kind::Nothing => {}
        }
    }

    /// Leaves a clean line for the report.
    pub(super) fn clear(&self) {
        if self.kind == Kind::Terminal {
            out::err("\r\x1b[K");
        }
    }
}
