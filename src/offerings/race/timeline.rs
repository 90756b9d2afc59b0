//! The picture of a race: one lane for each client, columns in the order of time.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::history::{Act, History};

/// A race as it went, up to the answer that no server may give.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timeline {
    /// The name of each lane: `client 1`, `client 2`, `afterwards`.
    pub lanes: Vec<String>,
    /// How many moments there are: every start and every end is one, in the order of time.
    pub moments: usize,
    /// The requests in the order in which they began.
    pub spans: Vec<Span>,
    /// The offerings by the short names that the requests use, each with its id: `{1}`, `{main}`.
    pub names: Vec<(String, String)>,
}

/// One request on its lane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Its lane, from 0.
    pub lane: usize,
    /// Its name: `a`, `b`, …
    pub mark: String,
    /// `POST /offerings/{1}/set-main`, and what was sent where that matters.
    pub request: String,
    /// `200 main`, `409 offering_already_exists`, or why none came.
    pub answer: String,
    /// The moment at which it began, from 0.
    pub start: usize,
    /// The moment at which its answer had been read; `None`: it never had.
    pub end: Option<usize>,
    /// Microseconds from the first start of the race to its own.
    pub start_us: u64,
    /// Microseconds from the first start of the race to its end.
    pub end_us: Option<u64>,
    /// Whether it is the one at which no order is left.
    pub here: bool,
}

impl Timeline {
    /// The picture of `history` up to the act at `at`, and the places of the acts in it.
    pub(super) fn of(history: &History, at: usize) -> (Self, Vec<usize>) {
        let acts = &history.acts;
        let horizon = acts[at].end;
        let in_time = |moment| horizon.is_none_or(|horizon| moment <= horizon);
        // A read that had no answer yet says nothing.
        let matters = |act: &Act| in_time(act.start) && (act.step.writes() || act.end.is_some_and(in_time));
        let mut places: Vec<usize> = (0..acts.len()).filter(|&place| matters(&acts[place])).collect();
        places.sort_by_key(|&place| acts[place].start);
        let ends = |act: &Act| act.end.filter(|end| in_time(*end));
        let shown = || places.iter().map(|&place| &acts[place]);
        let mut moments: Vec<_> = shown().map(|act| act.start).chain(shown().filter_map(ends)).collect();
        moments.sort_unstable();
        moments.dedup();
        let moment = |instant| moments.partition_point(|moment| *moment < instant);
        let origin = moments.first().copied();
        let micros = |instant: std::time::Instant| {
            let passed = origin.map_or_else(Default::default, |origin| instant.saturating_duration_since(origin));
            u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
        };
        let mut clients: Vec<usize> = shown().map(|act| act.client).collect();
        clients.sort_unstable();
        clients.dedup();
        let last = acts.iter().map(|act| act.client).max().unwrap_or_default();
        let spans = places
            .iter()
            .enumerate()
            .map(|(number, &place)| {
                let act = &acts[place];
                Span {
                    lane: clients.iter().position(|client| *client == act.client).unwrap_or_default(),
                    mark: mark(number),
                    request: history.request(act),
                    answer: if ends(act).is_some() { history.answer(act) } else { unanswered(act) },
                    start: moment(act.start),
                    end: ends(act).map(moment),
                    start_us: micros(act.start),
                    end_us: ends(act).map(micros),
                    here: place == at,
                }
            })
            .collect();
        let name =
            |client: &usize| if *client == last { "afterwards".into() } else { format!("client {}", client + 1) };
        (
            Self { lanes: clients.iter().map(name).collect(), moments: moments.len(), spans, names: history.names() },
            places,
        )
    }

    /// Lanes of text with a legend below, no line longer than `width` columns where that is possible.
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
        let widest = |part: fn(&Span) -> &str| self.spans.iter().map(|span| part(span).chars().count()).max();
        let request = widest(|span| &span.request).unwrap_or_default();
        let answer = widest(|span| &span.answer).unwrap_or_default();
        for span in &self.spans {
            let times = match span.end_us {
                Some(end) => format!("{} to {} ms", millis(span.start_us), millis(end)),
                None => format!("from {} ms", millis(span.start_us)),
            };
            let here = if span.here { "  <- here" } else { "" };
            let line = format!("  {:<3}{:<request$}  {:<answer$}  {times}{here}", span.mark, span.request, span.answer);
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for (name, id) in &self.names {
            let _ = writeln!(text, "  {name} = {id}");
        }
        text
    }
}

impl Span {
    /// `|a---|` from start to end, `|a--?` where no answer came.
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

/// `a` to `z`, then `aa`, `ab`, …
fn mark(number: usize) -> String {
    let letter = |place: usize| char::from(b'a' + (place % 26) as u8);
    if number < 26 { letter(number).into() } else { format!("{}{}", letter(number / 26 - 1), letter(number)) }
}

fn unanswered(act: &Act) -> String {
    match &act.lost {
        Some(reason) => format!("none: cannot {reason}"),
        None => "not yet".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(lane: usize, mark: &str, start: usize, end: Option<usize>, here: bool) -> Span {
        Span {
            lane,
            mark: mark.into(),
            request: format!("GET {mark}"),
            answer: "200".into(),
            start,
            end,
            start_us: start as u64 * 500,
            end_us: end.map(|end| end as u64 * 500),
            here,
        }
    }

    #[test]
    fn the_picture_has_a_lane_for_each_client_and_marks_the_end_of_all_orders() {
        let timeline = Timeline {
            lanes: vec!["client 1".into(), "afterwards".into()],
            moments: 5,
            spans: vec![span(0, "a", 0, Some(2), false), span(1, "b", 1, None, false), span(0, "c", 3, Some(4), true)],
            names: vec![("{1}".into(), "x".into())],
        };
        let expected = "\
client 1    |a------|   |c-!|
afterwards      |b--------------?
  a  GET a  200  0.0 to 1.0 ms
  b  GET b  200  from 0.5 ms
  c  GET c  200  1.5 to 2.0 ms  <- here
  {1} = x
";
        assert_eq!(timeline.text(80), expected);
        let json = serde_json::to_string(&timeline).expect("data");
        assert_eq!(serde_json::from_str::<Timeline>(&json).expect("the same data"), timeline);
    }

    #[test]
    fn there_is_a_mark_for_every_request() {
        assert_eq!([0, 25, 26, 60].map(mark), ["a", "z", "aa", "bi"]);
    }
}
