//! Responses and errors of what stands in front of the API: rate limits, and proxies that cannot reach it.
//!
//! They are no verdict on the API. A response with the API's error envelope is the API's own and is no obstacle, except
//! with 429 or `Retry-After`.

use std::time::{Duration, SystemTime};

use super::{Response, TransportError};

/// Why a request did not reach the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Obstacle {
    /// Slow down: 429, or a 503 that is not the API's own. The wait is that of `Retry-After`, if there is one.
    RateLimit(Option<Duration>),
    /// A proxy cannot reach the API: 502 or 504.
    Gateway,
}

impl Obstacle {
    /// What stands in the way according to a response that was received at `now`.
    pub(super) fn of(response: &Response, now: SystemTime) -> Option<Self> {
        let retry_after = response.header("retry-after").map(|text| parse_retry_after(&text, now));
        match response.status {
            429 => Some(Self::RateLimit(retry_after.flatten())),
            503 if retry_after.is_some() || response.error_code().is_none() => {
                Some(Self::RateLimit(retry_after.flatten()))
            }
            502 | 504 if response.error_code().is_none() => Some(Self::Gateway),
            _ => None,
        }
    }
}

/// Whether the API was not reached: a proxy says so, or there was no connection or a broken one.
pub(super) fn is_away(sent: Result<Option<Obstacle>, &TransportError>) -> bool {
    match sent {
        Ok(obstacle) => obstacle == Some(Obstacle::Gateway),
        Err(error) => matches!(error, TransportError::Connect { .. } | TransportError::Broken { .. }),
    }
}

/// `Retry-After` of RFC 9110, section 10.2.3: seconds, or an HTTP date.
fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(parse_retry_after("3", now), Some(Duration::from_secs(3)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(parse_retry_after("soon", now), None);
    }

    #[test]
    fn only_the_error_envelope_is_the_apis_own() {
        let own = r#"{"error":{"type":"internal","code":"internal_error","message":"x"}}"#;
        let of = |status, headers: &[(&'static str, &'static str)], body: &str| {
            let headers =
                headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
            let response = Response::new(status, headers.collect(), Bytes::from(body.to_owned()));
            Obstacle::of(&response, SystemTime::UNIX_EPOCH)
        };
        let second = Some(Obstacle::RateLimit(Some(Duration::from_secs(1))));
        assert_eq!(of(429, &[], own), Some(Obstacle::RateLimit(None)));
        assert_eq!(of(429, &[("retry-after", "1")], ""), second);
        assert_eq!(of(503, &[], "<html>503 Service Temporarily Unavailable"), Some(Obstacle::RateLimit(None)));
        assert_eq!(of(503, &[], r#"{"message":"Service Unavailable"}"#), Some(Obstacle::RateLimit(None)));
        assert_eq!(of(503, &[("retry-after", "1")], own), second);
        assert_eq!(of(503, &[("retry-after", "soon")], own), Some(Obstacle::RateLimit(None)));
        for status in [502, 504] {
            assert_eq!(of(status, &[], "<html>"), Some(Obstacle::Gateway));
            assert_eq!(of(status, &[], own), None);
        }
        for status in [200, 500, 501, 503] {
            assert_eq!(of(status, &[], own), None, "{status}");
        }
        assert_eq!(of(500, &[], "<html>"), None);
    }
}
