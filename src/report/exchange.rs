//! One exchange of a run as a person follows it: a line, and below it what was sent and what came where that is wanted.

use super::visible::{Breaks, cut, shown, visible};
use crate::exchange::Recorded;
use crate::finding::EvidenceStep;

/// Longer paths, headers and reasons are cut, in characters.
const MAX_LINE_LENGTH: usize = 400;
/// Longer bodies are cut, in characters.
const MAX_BODY_LENGTH: usize = 4_000;

/// How much of an exchange is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// `POST /offerings  201  3.4 ms  scenario::create.echo`.
    Line,
    /// Headers and bodies too.
    Whole,
}

/// The exchange as text that ends with a line feed: no secret is in it, and nothing that steers a screen.
pub fn exchange(recorded: &Recorded<'_>, follow: Follow) -> String {
    let step = EvidenceStep::new(0, recorded.request, recorded.response.ok(), recorded.keys);
    let said = |text: &str| visible(&cut(text, MAX_LINE_LENGTH)).into_owned();
    let response = match recorded.response {
        Ok(response) => response.status.to_string(),
        Err(error) => said(&format!("no response: cannot {}", recorded.keys.redact(&error.to_string()))),
    };
    let milliseconds = recorded.took.as_secs_f64() * 1_000.0;
    let case = recorded.case.unwrap_or("between cases");
    let mut text = format!("{} {}  {response}  {milliseconds:.1} ms  {}\n", step.method, said(&step.path), said(case));
    if follow == Follow::Whole {
        text.push_str(&part('>', &step.request_headers, step.request_body.as_deref()));
        text.push_str(&part('<', &step.response_headers, step.response_body.as_deref()));
    }
    text
}

/// Headers and body of one side, each line marked.
fn part(mark: char, headers: &[(String, String)], body: Option<&str>) -> String {
    let headers =
        headers.iter().map(|(name, value)| visible(&cut(&format!("{name}: {value}"), MAX_LINE_LENGTH)).into_owned());
    let body = cut(body.unwrap_or_default(), MAX_BODY_LENGTH);
    let body = shown(&body, Breaks::Kept);
    let lines = headers.chain(body.lines().map(|line| line.replace('\t', "\\t")));
    lines.map(|line| format!("  {mark} {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::contract::Endpoint;
    use crate::exchange::{Credentials, KeyRole, Request, Response, Secret, TransportError};

    fn told(response: Result<&Response, &TransportError>, follow: Follow) -> String {
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
        assert_eq!(told(Ok(&response), Follow::Line), line);
        let error = TransportError::Throttled { responses: 2 };
        assert!(told(Err(&error), Follow::Line).contains("  no response: cannot get past the target's rate limit: 2 "));
    }

    #[test]
    fn bodies_and_headers_are_shown_without_key_and_escapes_and_cut_with_a_word() {
        let body = format!("\u{1b}[2J\ttest_sk_followed_1\n{}", "é".repeat(5_000));
        let mut headers = http::HeaderMap::new();
        headers.insert("x-told", "test_sk_followed_1".parse().unwrap());
        let text = told(Ok(&Response::new(409, headers, body.into())), Follow::Whole);
        let (line, rest) = text.split_once('\n').unwrap();
        assert!(line.ends_with("  409  3.4 ms  scenario::create.echo"), "{line}");
        assert!(rest.contains("\n  > x-odd: \\u{9b}\n") && rest.contains("\n  > {\"a\":\n  > 1}\n"), "{rest}");
        assert!(rest.contains("\n  < x-told: $QONFORM_TOKEN\n  < \\u{1b}[2J\\t$QONFORM_TOKEN\n  < éé"), "{rest}");
        assert!(rest.ends_with("é… (5020 characters in all)\n"), "{}", &rest[rest.len() - 60..]);
        assert!(!text.contains("test_sk_") && !text.contains(|c: char| c.is_control() && c != '\n'));
    }
}
