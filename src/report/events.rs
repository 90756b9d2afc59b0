//! The events of a run as JSON lines.
//!
//! Each line is created in one piece and written at once, so that the file of a killed run holds only whole lines. No
//! event contains text from the target.

use serde_json::{Value, json};

use crate::finding::Outcome;
use crate::run::Event;

/// Numbers the events of one run, from 1.
#[derive(Debug, Default)]
pub struct EventLines {
    last: u64,
    /// Fingerprints of the reported violations.
    violations: Vec<String>,
}

impl EventLines {
    /// The line of an event `elapsed_ms` milliseconds after the start; it ends with a line feed.
    pub fn line(&mut self, event: &Event, elapsed_ms: u64) -> String {
        if let Event::Violation { fingerprint, .. } = event {
            self.violations.push(fingerprint.clone());
        }
        self.numbered(value(event), elapsed_ms)
    }

    /// The last lines of a run: violations that were withdrawn because something else explains them, then the result
    /// and the exit code.
    pub fn ended(&mut self, outcome: &Outcome, exit_code: u8, elapsed_ms: u64) -> String {
        let is_found = |known: &String| outcome.findings.iter().any(|finding| finding.fingerprint == *known);
        let withdrawn = std::mem::take(&mut self.violations).into_iter().filter(|known| !is_found(known));
        let withdrawn: String = withdrawn
            .map(|fingerprint| self.numbered(json!({"event": "withdrawn", "fingerprint": fingerprint}), elapsed_ms))
            .collect();
        let event = json!({
            "event": "ended",
            "ending": outcome.ending,
            "exit_code": exit_code,
            "violations": outcome.violations().count(),
            "known": outcome.known().count(),
            "warnings": outcome.warnings().count(),
            "waived": outcome.waived().count(),
            "cases": outcome.summary.cases,
            "requests": outcome.summary.requests,
            "seed": outcome.seed,
        });
        withdrawn + &self.numbered(event, elapsed_ms)
    }

    fn numbered(&mut self, mut event: Value, elapsed_ms: u64) -> String {
        self.last += 1;
        event["number"] = json!(self.last);
        event["elapsed_ms"] = json!(elapsed_ms);
        format!("{event}\n")
    }
}

fn value(event: &Event) -> Value {
    match event {
        Event::Started { cases } => json!({"event": "started", "cases": cases}),
        Event::CaseEnded { case, requests } => json!({"event": "case-ended", "case": case, "requests": requests}),
        Event::Violation { fingerprint, rule, title } => {
            json!({"event": "violation", "fingerprint": fingerprint, "rule": rule, "title": title})
        }
        Event::SlowedDown { requests_per_second } => {
            json!({"event": "slowed-down", "requests_per_second": requests_per_second})
        }
        Event::Cleaning => json!({"event": "cleaning"}),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn events_are_lines_with_consecutive_numbers() {
        let mut lines = EventLines::default();
        let found = sample::fixed().findings[0].fingerprint.clone();
        let events = [
            Event::Started { cases: 2 },
            Event::Violation { fingerprint: found.clone(), rule: "create.echo".into(), title: "a\nb".into() },
            Event::CaseEnded { case: "scenario::create.echo".into(), requests: 7 },
            Event::Violation { fingerprint: "00000000".into(), rule: "race.create-once".into(), title: "b".into() },
            Event::Cleaning,
        ];
        let mut text: String = events.iter().map(|event| lines.line(event, 3)).collect();
        text.push_str(&lines.ended(&sample::fixed(), 1, 4));
        let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let words: Vec<_> = read.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(words, ["started", "violation", "case-ended", "violation", "cleaning", "withdrawn", "ended"]);
        assert!(read.iter().zip(1_u64..).all(|(event, number)| event["number"] == number));
        assert_eq!(
            (&read[1]["fingerprint"], &read[1]["title"], &read[2]["requests"], &read[4]["elapsed_ms"]),
            (&json!(found), &json!("a\nb"), &json!(7), &json!(3))
        );
        assert_eq!(read[5]["fingerprint"], "00000000", "it is not in the report");
        assert_eq!((&read[6]["exit_code"], &read[6]["violations"]), (&json!(1), &json!(2)));
    }
}
