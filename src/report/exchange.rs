//! One exchange of a run as text for `--follow`: a line, on request with headers and bodies.

use super::visible::{Breaks, cut, shown, visible};
use crate::exchange::Recorded;
use crate::finding::EvidenceStep;

/// Maximum length of paths, headers and reasons, in characters.
const MAX_LINE_LENGTH: usize = 400;
/// Maximum length of bodies, in characters.
const MAX_BODY_LENGTH: usize = 4_000;

/// How much of an exchange is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// `POST /offerings  201  3.4 ms  scenario::create.echo`.
    Line,
    /// Headers and bodies too.
    Whole,
}

/// The exchange as text that ends with a line feed, without secrets and control characters.
pub fn exchange(recorded: &Recorded<'_>, follow: Follow) -> String {
    let step = EvidenceStep::new(0, recorded.request, recorded.response.ok(), recorded.keys);
    let line = |text: &str| visible(&cut(text, MAX_LINE_LENGTH)).into_owned();
    let response = match recorded.response {
        Ok(response) => response.status.to_string(),
        Err(error) => line(&format!("no response: cannot {}", recorded.keys.redact(&error.to_string()))),
    };
    let milliseconds = recorded.took.as_secs_f64() * 1_000.0;
    let case = recorded.case.unwrap_or("between cases");
    let mut text = format!("{} {}  {response}  {milliseconds:.1} ms  {}\n", step.method, line(&step.path), line(case));
    if follow == Follow::Whole {
        text.push_str(&part('>', &step.request_headers, step.request_body.as_deref()));
        text.push_str(&part('<', &step.response_headers, step.response_body.as_deref()));
    }
    text
}

/// Headers and body of one side, each line with its mark.
fn part(mark: char, headers: &[(String, String)], body: Option<&str>) -> String {
    let headers =
        headers.iter().map(|(name, value)| visible(&cut(&format!("{name}: {value}"), MAX_LINE_LENGTH)).into_owned());
    let body = cut(body.unwrap_or_default(), MAX_BODY_LENGTH);
    let body = shown(&body, Breaks::Unchanged);
    let lines = headers.chain(body.lines().map(|line| line.replace('\t', "\\t")));
    lines.map(|line| format!("  {mark} {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::contract::Endpoint;
    use crate::exchange::{Credentials, KeyRole, Request, Response, Secret, TransportError};

    fn shown_exchange(response: Result<&Response, &TransportError>, follow: Follow) -> String {
        let keys = Credentials::default().with_key(KeyRole::Main, Secret::new("test_sk_followed_1"));
        let request =
            Request::to(Endpoint::Create).header("x-odd", "\u{9b}").raw_body("application/json", "{\"a\":\n1}");
        let request = request.query("k", "test_sk_followed_1");
        exchange(
            &Recorded {
                base: "http://127.0.0.1:4010/v4",
                case: Some("scenario::create.echo"),
                request: &request,
                response,
                started: SystemTime::UNIX_EPOCH,
                took: Duration::from_micros(3_449),
                keys: &keys,
            },
            follow,
        )
    }

    #[test]
    fn an_exchange_is_a_line_with_its_case() {
        let response = Response::new(201, http::HeaderMap::new(), "{}".into());
        let line = "POST /offerings?k=$QONFORM_TOKEN  201  3.4 ms  scenario::create.echo\n";
        assert_eq!(shown_exchange(Ok(&response), Follow::Line), line);
        let error = TransportError::Throttled { responses: 2 };
        assert!(
            shown_exchange(Err(&error), Follow::Line)
                .contains("  no response: cannot get past the target's rate limit: 2 ")
        );
    }

    #[test]
    fn bodies_and_headers_are_redacted_escaped_and_cut() {
        let body = format!("\u{1b}[2J\ttest_sk_followed_1\n{}", "é".repeat(5_000));
        let mut headers = http::HeaderMap::new();
        headers.insert("x-key", "test_sk_followed_1".parse().unwrap());
        let text = shown_exchange(Ok(&Response::new(409, headers, body.into())), Follow::Whole);
        let (line, rest) = text.split_once('\n').unwrap();
        assert!(line.ends_with("  409  3.4 ms  scenario::create.echo"), "{line}");
        assert!(rest.contains("\n  > x-odd: \\u{9b}\n") && rest.contains("\n  > {\"a\":\n  > 1}\n"), "{rest}");
        assert!(rest.contains("\n  < x-key: $QONFORM_TOKEN\n  < \\u{1b}[2J\\t$QONFORM_TOKEN\n  < éé"), "{rest}");
        assert!(rest.ends_with("é… (5020 characters in all)\n"), "{}", &rest[rest.len() - 60..]);
        assert!(!text.contains("test_sk_") && !text.contains(|c: char| c.is_control() && c != '\n'));
    }
}
