//! The timeline of a race: the requests of its clients in the order of time.

use super::history::{ClientRequest, History};
use crate::finding::{Span, Timeline};

/// The timeline of `history` up to the response to the request at index `at`, and the indexes of the requests in it.
pub(super) fn timeline(history: &History, at: usize) -> (Timeline, Vec<usize>) {
    let requests = &history.requests;
    let horizon = requests[at].end;
    let in_time = |moment| horizon.is_none_or(|horizon| moment <= horizon);
    // A read whose response is still to come shows nothing.
    let matters =
        |request: &ClientRequest| in_time(request.start) && (request.step.writes() || request.end.is_some_and(in_time));
    let mut places: Vec<usize> = (0..requests.len()).filter(|&place| matters(&requests[place])).collect();
    places.sort_by_key(|&place| requests[place].start);
    let ends = |request: &ClientRequest| request.end.filter(|end| in_time(*end));
    let shown = || places.iter().map(|&place| &requests[place]);
    let mut moments: Vec<_> = shown().map(|request| request.start).chain(shown().filter_map(ends)).collect();
    moments.sort_unstable();
    moments.dedup();
    let moment = |instant| moments.partition_point(|moment| *moment < instant);
    let origin = moments.first().copied();
    let micros = |instant: std::time::Instant| {
        let passed = origin.map_or_else(Default::default, |origin| instant.saturating_duration_since(origin));
        u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
    };
    let mut clients: Vec<usize> = shown().map(|request| request.client).collect();
    clients.sort_unstable();
    clients.dedup();
    let last = requests.iter().map(|request| request.client).max().unwrap_or_default();
    let spans = places
        .iter()
        .enumerate()
        .map(|(number, &place)| {
            let request = &requests[place];
            Span {
                lane: clients.iter().position(|client| *client == request.client).unwrap_or_default(),
                mark: label(number),
                request: history.request_text(request),
                response: if ends(request).is_some() { history.response_text(request) } else { no_response(request) },
                start: moment(request.start),
                end: ends(request).map(moment),
                start_us: micros(request.start),
                end_us: ends(request).map(micros),
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
fn label(number: usize) -> String {
    let letter = |place: usize| char::from(b'a' + (place % 26) as u8);
    if number < 26 { letter(number).into() } else { format!("{}{}", letter(number / 26 - 1), letter(number)) }
}

fn no_response(request: &ClientRequest) -> String {
    match &request.lost {
        Some(reason) => format!("no response: cannot {reason}"),
        None => "not yet".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_continue_after_z() {
        assert_eq!([0, 25, 26, 60].map(label), ["a", "z", "aa", "bi"]);
    }
}
