//! The timeline of a race: one lane per client, time from left to right.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The concurrent requests of several clients, up to the response that no order of the requests explains.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timeline {
    /// Name of each lane: `client 1`, `client 2`, `afterwards`.
    pub lanes: Vec<String>,
    /// Number of moments. Every start and every end of a request is one, in order of time.
    pub moments: usize,
    /// The requests in the order of their start.
    pub spans: Vec<Span>,
    /// Short names of offerings in the requests (`{1}`, `{main}`), each with its id.
    #[serde(default)]
    pub names: Vec<(String, String)>,
}

/// One request on its lane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Lane, from 0.
    pub lane: usize,
    /// Name: `a`, `b`, …
    pub mark: String,
    /// `POST /offerings/{1}/set-main`, with the body if it is relevant.
    pub request: String,
    /// `200 main`, `409 offering_already_exists`, or why there is no response.
    pub response: String,
    /// Moment of its start, from 0.
    pub start: usize,
    /// Moment at which its response was read; `None` if there was no response.
    pub end: Option<usize>,
    /// Microseconds from the start of the race to its start.
    #[serde(default)]
    pub start_us: u64,
    /// Microseconds from the start of the race to its end.
    #[serde(default)]
    pub end_us: Option<u64>,
    /// Whether this is the response that no order of the requests explains.
    pub here: bool,
}

impl Timeline {
    /// The lanes as text with a legend below, at most `width` columns wide if possible.
    pub fn text(&self, width: usize) -> String {
        let margin = self.lanes.iter().map(String::len).max().unwrap_or_default() + 2;
        let column = (width.saturating_sub(margin) / self.moments.max(1)).clamp(1, 4);
        let mut text = String::new();
        for (number, lane) in self.lanes.iter().enumerate() {
            let mut row = vec![b' '; self.moments * column + 1];
            for span in self.spans.iter().filter(|span| span.lane == number) {
                span.draw(&mut row, column);
            }
            let row = String::from_utf8_lossy(&row);
            let _ = writeln!(text, "{}", format!("{lane:<margin$}{row}").trim_end());
        }
        let times: Vec<String> = self.spans.iter().map(Span::times).collect();
        let request = self.spans.iter().map(|span| span.request.chars().count()).max().unwrap_or_default();
        let wide = times.iter().map(String::len).max().unwrap_or_default();
        // The response comes last: it may be long.
        for (span, times) in self.spans.iter().zip(times) {
            let here = if span.here { "  <- here" } else { "" };
            let line = format!("  {:<3}{:<request$}  {times:<wide$}  {}{here}", span.mark, span.request, span.response);
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for (name, id) in &self.names {
            let _ = writeln!(text, "  {name} = {id}");
        }
        text
    }
}

impl Span {
    /// `0.5 to 1.2 ms`, `from 0.5 ms` without a response.
    fn times(&self) -> String {
        let start = millis(self.start_us);
        self.end_us.map_or_else(|| format!("from {start} ms"), |end| format!("{start} to {} ms", millis(end)))
    }

    /// `|a---|` from start to end, `|a--?` without a response.
    fn draw(&self, row: &mut [u8], column: usize) {
        let start = self.start * column;
        let end = self.end.map_or(row.len() - 1, |end| end * column);
        for cell in &mut row[start..=end] {
            *cell = b'-';
        }
        row[start] = b'|';
        row[end] = if self.end.is_some() { b'|' } else { b'?' };
        for (offset, letter) in self.mark.bytes().enumerate() {
            if start + 1 + offset < end {
                row[start + 1 + offset] = letter;
            }
        }
        if self.here && end > start + 1 {
            row[end - 1] = b'!';
        }
    }
}

fn millis(micros: u64) -> String {
    format!("{}.{:01}", micros / 1000, micros % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(lane: usize, mark: &str, start: usize, end: Option<usize>, here: bool) -> Span {
        Span {
            lane,
            mark: mark.into(),
            request: format!("GET {mark}"),
            response: "200".into(),
            start,
            end,
            start_us: start as u64 * 500,
            end_us: end.map(|end| end as u64 * 500),
            here,
        }
    }

    #[test]
    fn the_text_has_a_lane_per_client_and_marks_the_anomaly() {
        let timeline = Timeline {
            lanes: vec!["client 1".into(), "afterwards".into()],
            moments: 5,
            spans: vec![span(0, "a", 0, Some(2), false), span(1, "b", 1, None, false), span(0, "c", 3, Some(4), true)],
            names: vec![("{1}".into(), "x".into())],
        };
        let expected = "\
client 1    |a------|   |c-!|
afterwards      |b--------------?
  a  GET a  0.0 to 1.0 ms  200
  b  GET b  from 0.5 ms    200
  c  GET c  1.5 to 2.0 ms  200  <- here
  {1} = x
";
        assert_eq!(timeline.text(80), expected);
        let json = serde_json::to_string(&timeline).expect("data");
        assert_eq!(serde_json::from_str::<Timeline>(&json).expect("the same data"), timeline);
    }
}
