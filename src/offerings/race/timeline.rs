//! How the history of a race becomes a picture.

use super::history::{Act, History};
use crate::finding::{Span, Timeline};

/// The picture of `history` up to the act at `at`, and the places of the acts in it.
pub(super) fn timeline(history: &History, at: usize) -> (Timeline, Vec<usize>) {
    let acts = &history.acts;
    let horizon = acts[at].end;
    let in_time = |moment| horizon.is_none_or(|horizon| moment <= horizon);
    // A read that had no response yet says nothing.
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
                response: if ends(act).is_some() { history.response(act) } else { unanswered(act) },
                start: moment(act.start),
                end: ends(act).map(moment),
                start_us: micros(act.start),
                end_us: ends(act).map(micros),
                here: place == at,
            }
        })
        .collect();
    let name = |client: &usize| if *client == last { "afterwards".into() } else { format!("client {}", client + 1) };
    (
        Timeline { lanes: clients.iter().map(name).collect(), moments: moments.len(), spans, names: history.names() },
        places,
    )
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

    #[test]
    fn there_is_a_mark_for_every_request() {
        assert_eq!([0, 25, 26, 60].map(mark), ["a", "z", "aa", "bi"]);
    }
}
