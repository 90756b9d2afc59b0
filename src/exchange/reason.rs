//! Errors of the HTTP libraries in words.

use std::error::Error;

use super::proxy;

/// Why no connection was opened: the TLS error, what a proxy said, or the innermost cause.
pub(super) fn connect_reason(error: &(dyn Error + 'static)) -> String {
    #[cfg(feature = "tls")]
    if let Some(reason) = super::tls::explain(error) {
        return reason;
    }
    let reason = innermost(error);
    proxy::explain(&reason).or_else(|| of_http2(&reason)).unwrap_or(reason)
}

/// Why there is no complete response.
pub(super) fn broken_reason(error: &(dyn Error + 'static)) -> String {
    let reason = innermost(error);
    let words = OTHER.iter().find(|(text, _)| reason.starts_with(text)).map(|(_, words)| (*words).to_owned());
    words.or_else(|| of_http2(&reason)).unwrap_or(reason)
}

/// What texts of the libraries that do not say what happened begin with, and words that do.
const OTHER: [(&str, &str); 4] = [
    (
        "invalid HTTP version parsed",
        "the server does not speak HTTP/1.1; if it speaks only HTTP/2, give its https:// address or a proxy that translates",
    ),
    (
        "received unexpected message from connection",
        "the server sent bytes before the request: an earlier response was longer than declared, or it does not speak HTTP/1.1; if it speaks only HTTP/2, give its https:// address or a proxy that translates",
    ),
    ("stream closed because of a broken pipe", CLOSED),
    ("peer closed connection without sending TLS close_notify", CLOSED),
];

const CLOSED: &str = "the server closed the connection before it completed the response";

/// The innermost cause of an error: "connection refused" rather than "error sending request".
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// What the texts of the HTTP/2 library begin with, and what they mean.
const KINDS: [(&str, &str); 4] = [
    ("stream error received: ", "the server ended the response (HTTP/2 RST_STREAM)"),
    ("connection error received: ", "the server ended the connection (HTTP/2 GOAWAY)"),
    ("stream error detected: ", "the response violates HTTP/2"),
    ("connection error detected: ", "the server violates HTTP/2"),
];

/// The texts of the HTTP/2 library for error codes (RFC 9113, section 7), and what they mean.
const CODES: [(&str, &str); 6] = [
    ("not a result of an error", "NO_ERROR: it shuts down, or does not want the request"),
    ("refused stream before processing any application logic", "REFUSED_STREAM: it did not process the request"),
    ("stream no longer needed", "CANCEL: it gave the request up"),
    ("unexpected internal error encountered", "INTERNAL_ERROR: it failed"),
    ("detected excessive load generating behavior", "ENHANCE_YOUR_CALM: too many requests; use a lower --rate"),
    ("endpoint requires HTTP/1.1", "HTTP_1_1_REQUIRED: it does not accept HTTP/2 for this request"),
];

fn of_http2(reason: &str) -> Option<String> {
    let (kind, code) = KINDS.iter().find_map(|(start, kind)| Some((kind, reason.strip_prefix(start)?)))?;
    // What the server adds in quotes may be anything, also a key.
    let code = code.split(" (b\"").next().unwrap_or_default();
    let code = CODES.iter().find(|(text, _)| code == *text).map_or(code, |(_, meaning)| meaning);
    Some(format!("{kind}: {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http2_errors_are_told_in_words() {
        for (library, words) in [
            (
                "stream error received: refused stream before processing any application logic",
                "the server ended the response (HTTP/2 RST_STREAM): REFUSED_STREAM: it did not process the request",
            ),
            (
                "connection error received: not a result of an error",
                "the server ended the connection (HTTP/2 GOAWAY): NO_ERROR: it shuts down, or does not want the request",
            ),
            (
                "connection error detected: frame with invalid size",
                "the server violates HTTP/2: frame with invalid size",
            ),
            (
                "connection error received: detected excessive load generating behavior (b\"too_many_pings test_sk_1\")",
                "the server ended the connection (HTTP/2 GOAWAY): ENHANCE_YOUR_CALM: too many requests; use a lower --rate",
            ),
            ("stream closed because of a broken pipe", CLOSED),
            ("connection closed before message completed", "connection closed before message completed"),
        ] {
            assert_eq!(broken_reason(&std::io::Error::other(library)), words);
        }
    }
}
